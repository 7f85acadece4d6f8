/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "scheduler/internal.h"

#include <string.h>

/* "3 failed 'ram' (hosta: needs 2048 MiB, has 1024 MiB; hostb: ...; ...)": at most three names. */
static void
append_failures(GString *text, const Look *look, PlacementCheck check)
{
    const Tally *tally = &look->tallies[check];
    if (tally->n_failed == 0) {
        return;
    }
    g_string_append_printf(text, "%s%u failed '%s' (",
        g_str_has_suffix(text->str, ": ") ? "" : ", ", tally->n_failed,
        placement_check_name(check));
    for (unsigned i = 0; i < MIN(tally->n_failed, TALLY_NAMED); i++) {
        Subject subject = look_subject(look, tally->named[i]);
        PlacementRow row = {0};
        placement_check(&subject, check, &row);
        g_string_append_printf(text, "%s%s: needs %s, has %s", i > 0 ? "; " : "",
            subject.host->name, row.needed, row.have);
        row_clear(&row);
    }
    g_string_append(text, tally->n_failed > TALLY_NAMED ? "; ...)" : ")");
}

static char *
reason_of_all(const Look *look)
{
    unsigned n_hosts = host_index_size(look->hosts);
    if (n_hosts == 0) {
        return g_strdup("No valid host was found. There are not enough hosts available.");
    }
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(
        text, "No valid host was found. %u host%s: ", n_hosts, n_hosts == 1 ? "" : "s");
    for (int check = 0; check < PLACEMENT_N_CHECKS; check++) {
        append_failures(text, look, (PlacementCheck)check);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* The named host alone matters: one sentence about it, Nova's where there is one. */
static char *
reason_of_host(const Look *look, const Subject *subject)
{
    PlacementCheck check = look_first_failure(look, subject);
    const char *name = subject->host->name;
    if (check == PLACEMENT_CHECK_NOT_SOURCE) {
        return g_strdup_printf("Unable to migrate instance (%s) to current host (%s).",
            subject->request->instance_id, name);
    }
    if (check == PLACEMENT_CHECK_ALIVE && subject->host->forced_down) {
        return g_strdup_printf(
            "Compute service of %s is unavailable at this time. It is forced down; if it is not "
            "dead, 'openstack compute service set --up %s nova-compute' takes that back.",
            name, name);
    }
    if (check == PLACEMENT_CHECK_ALIVE || check == PLACEMENT_CHECK_UP ||
        check == PLACEMENT_CHECK_CONNECTED) {
        return g_strdup_printf("Compute service of %s is unavailable at this time.", name);
    }
    const char *sentence = check == PLACEMENT_CHECK_VERSION
        ? "The instance requires a newer hypervisor version than has been provided."
        : "No valid host was found.";
    PlacementRow row = {0};
    placement_check(subject, check, &row);
    char *text = g_strdup_printf("%s %s failed '%s': needs %s, has %s (%s)", sentence, name,
        placement_check_name(check), row.needed, row.have, row.fix);
    row_clear(&row);
    return text;
}

char *
look_reason(const Look *look)
{
    const char *requested = look->subject.request->requested_host;
    if (requested == NULL) {
        return reason_of_all(look);
    }
    for (unsigned i = 0; i < host_index_size(look->hosts); i++) {
        Subject subject = look_subject(look, i);
        if (strcmp(subject.host->name, requested) == 0) {
            return reason_of_host(look, &subject);
        }
    }
    return g_strdup_printf("Compute host %s could not be found.", requested);
}

/* ---- what would help ---- */

static char *
fix_of(const Look *look, unsigned index)
{
    Subject subject = look_subject(look, index);
    PlacementRow row = {0};
    placement_check(&subject, look_first_failure(look, &subject), &row);
    char *fix = g_steal_pointer(&row.fix);
    row_clear(&row);
    return fix;
}

char *
look_common_fix(const Look *look)
{
    const Tally *requested = &look->tallies[PLACEMENT_CHECK_REQUESTED];
    unsigned n_others = host_index_size(look->hosts) - requested->n_failed -
        look->tallies[PLACEMENT_CHECK_NOT_SOURCE].n_failed;
    for (int check = PLACEMENT_CHECK_NOT_SOURCE + 1; check < PLACEMENT_N_CHECKS; check++) {
        const Tally *tally = &look->tallies[check];
        if (tally->n_failed > n_others / 2) {
            return fix_of(look, tally->named[0]);
        }
    }
    return NULL;
}
