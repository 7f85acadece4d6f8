/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What hosts are to have alike: each is compared with the others that are looked at. */
#include "api/drover/lint_sheet.h"

#include "model/bad_version.h"
#include <string.h>

/* What is compared with the others is not in order where none of them has told what it has. */
static bool
is_alone(const LintSheet *sheet, const char *check)
{
    for (unsigned i = 0; i < sheet->hosts->len; i++) {
        const Host *other = sheet->hosts->pdata[i];
        if (other != sheet->host && other->has_facts) {
            return false;
        }
    }
    lint_say(sheet, check, "unknown",
        sheet->is_named && sheet->hosts->len == 1 ? "name several hosts, or none for all of them"
                                                  : NULL,
        "there is no other host here to compare it with that has told its own");
    return true;
}

/* Guests go to a newer QEMU and may not come back. */
void
lint_check_versions_alike(const LintSheet *sheet)
{
    int version = sheet->host->facts.hypervisor_version;
    if (version == 0) {
        lint_say(sheet, "versions-alike", "unknown", NULL, "it has no QEMU");
        return;
    }
    if (is_alone(sheet, "versions-alike")) {
        return;
    }
    for (unsigned i = 0; i < sheet->hosts->len; i++) {
        const Host *other = sheet->hosts->pdata[i];
        int theirs = other->has_facts ? other->facts.hypervisor_version : 0;
        if (theirs != version && theirs > 0) {
            g_autofree char *own_text = version_to_text(version);
            g_autofree char *their_text = version_to_text(theirs);
            lint_say(sheet, "versions-alike", "warn", "bring all hosts to the same version of QEMU",
                "QEMU %s; host '%s' has %s: guests move live from the older to the newer, and not "
                "back",
                own_text, other->name, their_text);
            return;
        }
    }
    lint_say(sheet, "versions-alike", "pass", NULL,
        "every one of these hosts that has told its own has this QEMU");
}

static char *
cpu_text(const Host *host)
{
    json_auto_t *cpu =
        host->has_facts ? json_loads(host->facts.cpu_json, 0, NULL) : json_object();
    const char *model = json_string_value(json_object_get(cpu, "model"));
    const char *vendor = json_string_value(json_object_get(cpu, "vendor"));
    return g_strdup_printf("%s, %s", model != NULL && *model != '\0' ? model : "not told",
        vendor != NULL && *vendor != '\0' ? vendor : "vendor not told");
}

void
lint_check_cpu(const LintSheet *sheet)
{
    g_autofree char *cpu = cpu_text(sheet->host);
    if (is_alone(sheet, "cpu")) {
        return;
    }
    for (unsigned i = 0; i < sheet->hosts->len; i++) {
        const Host *other = sheet->hosts->pdata[i];
        g_autofree char *theirs = cpu_text(other);
        if (other->has_facts && strcmp(cpu, theirs) != 0) {
            lint_say(sheet, "cpu", "warn",
                "see which model fits all: 'drover cpu baseline HOST...'",
                "%s; host '%s' has %s", cpu, other->name, theirs);
            return;
        }
    }
    lint_say(sheet, "cpu", "pass", NULL, "%s", cpu);
}

void
lint_check_path(const LintSheet *sheet)
{
    const char *path = sheet->host->facts.pool_path;
    if (is_alone(sheet, "instances-path")) {
        return;
    }
    for (unsigned i = 0; i < sheet->hosts->len; i++) {
        const Host *other = sheet->hosts->pdata[i];
        if (other->has_facts && g_strcmp0(other->facts.pool_path, path) != 0) {
            lint_say(sheet, "instances-path", "warn",
                "give the pool the same directory on every host, if other tools expect it",
                "%s; on host '%s' it is %s (drover changes the paths as guests move)",
                path != NULL ? path : "none", other->name,
                other->facts.pool_path != NULL ? other->facts.pool_path : "none");
            return;
        }
    }
    lint_say(sheet, "instances-path", "pass", NULL, "%s, as on the other hosts",
        path != NULL ? path : "none");
}
