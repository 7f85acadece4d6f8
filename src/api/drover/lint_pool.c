/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The pools of a host: that of its instances, and that of volumes. */
#include "api/drover/lint_sheet.h"

#include "base/json.h"
#include <string.h>

enum { FREE_PERCENT_WARN = 10 };

/* QEMU may run as somebody else than the owner, and must get through the directory. */
void
lint_check_pool(const LintSheet *sheet)
{
    const HostFacts *facts = &sheet->host->facts;
    json_auto_t *pool = facts->pool_json != NULL ? json_loads(facts->pool_json, 0, NULL) : NULL;
    const char *mode = json_text_or(pool, "mode", "");
    if (pool == NULL) {
        lint_say(sheet, "pool", "unknown", NULL, "libvirt has not told of it");
        return;
    }
    size_t length = strlen(mode);
    bool is_closed = length > 0 && ((mode[length - 1] - '0') & 1) == 0;
    const char *server = json_text_or(pool, "source_host", NULL);
    lint_say(sheet, "pool", is_closed ? "warn" : "pass",
        is_closed ? "chmod o+x the directory, unless QEMU runs as its owner" : NULL,
        "'%s': %s, owner %s:%s, mode %s%s%s%s%s", sheet->host->pool,
        json_text_or(pool, "type", "?"), json_text_or(pool, "owner", "?"),
        json_text_or(pool, "group", "?"), length > 0 ? mode : "?",
        server != NULL ? ", from " : "", server != NULL ? server : "", server != NULL ? ":" : "",
        server != NULL ? json_text_or(pool, "source_path", "?") : "");
}

void
lint_check_space(const LintSheet *sheet)
{
    const HostFacts *facts = &sheet->host->facts;
    int64_t capacity = facts->pool_capacity_bytes;
    int64_t percent = capacity > 0 ? facts->pool_available_bytes / MAX(capacity / 100, 1) : 0;
    bool is_low = percent < FREE_PERCENT_WARN;
    lint_say(sheet, "pool-space", percent == 0 ? "fail" : is_low ? "warn" : "pass",
        is_low ? "free space in its pool, or move instances away" : NULL,
        "%" G_GINT64_FORMAT " %% free: %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " GiB", percent,
        facts->pool_available_bytes >> 30, capacity >> 30);
}

void
lint_check_marker(const LintSheet *sheet)
{
    const char *id = sheet->host->facts.pool_id;
    bool is_there = id != NULL && id[0] != '\0';
    lint_say(sheet, "pool-written", is_there ? "pass" : "unknown", NULL, "%s",
        is_there ? "drover's marker was made in it, and is read back"
                 : "no marker was made in it yet");
}

void
lint_check_volumes(const LintSheet *sheet)
{
    const char *pool = sheet->volume_pool;
    if (pool == NULL) {
        return;
    }
    if (!host_tells_pools(&sheet->host->facts)) {
        lint_say(sheet, "volumes-pool", "unknown", NULL, "it has not told which pools it has");
        return;
    }
    bool is_lacking = host_lacks_pool(&sheet->host->facts, pool);
    g_autofree char *fix = host_pool_fix(pool);
    lint_say(sheet, "volumes-pool", is_lacking ? "warn" : "pass", is_lacking ? fix : NULL,
        "'%s' %s", pool, is_lacking ? "is not active here: volumes lie in it" : "is active here");
}
