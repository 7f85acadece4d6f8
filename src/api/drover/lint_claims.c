/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What a host runs, and what is claimed of it. */
#include "api/drover/lint_sheet.h"

static void
tell_difference(const LintSheet *sheet, const HostDifference *difference)
{
    const char *fix = host_difference_fix(difference->kind);
    switch (difference->kind) {
    case HOST_DIFFERENCE_FOREIGN:
        lint_say(sheet, "claims", "warn", fix,
            "domain '%s' is not drover's, and takes %d vCPUs and %" G_GINT64_FORMAT " MiB",
            difference->domain, difference->vcpus, difference->memory_mib);
        return;
    case HOST_DIFFERENCE_SIZE:
        lint_say(sheet, "claims", "warn", fix,
            "domain '%s' has %d vCPUs and %" G_GINT64_FORMAT " MiB, and %d and %" G_GINT64_FORMAT
            " are claimed for it",
            difference->domain, difference->vcpus, difference->memory_mib,
            difference->claimed_vcpus, difference->claimed_memory_mib);
        return;
    case HOST_DIFFERENCE_NO_DOMAIN:
        lint_say(sheet, "claims", "warn", fix,
            "%d vCPUs and %" G_GINT64_FORMAT " MiB are claimed for server '%s', and the host has "
            "no domain of it",
            difference->claimed_vcpus, difference->claimed_memory_mib, difference->uuid);
        return;
    }
    g_assert_not_reached();
}

void
lint_claims(json_t *rows, const Host *host, const GPtrArray *differences)
{
    LintSheet sheet = {.rows = rows, .host = host};
    for (unsigned i = 0; i < differences->len; i++) {
        tell_difference(&sheet, differences->pdata[i]);
    }
    if (differences->len == 0 && host->has_facts) {
        lint_say(&sheet, "claims", host->connected ? "pass" : "unknown", NULL, "%s",
            host->connected ? "what it runs is what is claimed of it"
                            : "it is not connected: what it runs is not to be seen");
    }
}
