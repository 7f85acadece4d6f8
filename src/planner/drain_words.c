/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What keeps instances from moving now, in words: a job tells it, and a dry run tells it before. */
#include "planner/drain_plan.h"

#include <string.h>

bool
drain_is_away(const Drain *drain, const GPtrArray *hosts)
{
    for (unsigned i = 0; i < hosts->len; i++) {
        const Host *host = hosts->pdata[i];
        if (strcmp(host->name, drain->host) == 0) {
            return !host->connected;
        }
    }
    return false;
}

char *
drain_words_held(const Drain *drain, bool is_away, bool may_begin)
{
    if (is_away) {
        return g_strdup_printf("host '%s' is not connected", drain->host);
    }
    if (may_begin) {
        return g_strdup("moving it has failed, and is tried again soon");
    }
    return g_strdup_printf("the %s of %s is %s", drain->is_restore ? "restore" : "drain",
        drain->host, drain->state == DRAIN_PAUSED ? "paused" : "being given up");
}

static char *
fix_of_restore(const char *host, bool is_paused, bool is_away)
{
    g_autofree char *resume = g_strdup_printf("'drover drain resume %s'", host);
    g_autofree char *look = g_strdup_printf(
        "see 'drover host show %s'; it goes on by itself once that is connected%s%s%s;", host,
        is_paused ? " and resumed (" : "", is_paused ? resume : "", is_paused ? ")" : "");
    g_autofree char *go_on = g_strdup_printf("go on with that one (%s),", resume);
    return g_strdup_printf(
        "%s or give it up ('drover drain cancel %s')", is_away ? look : go_on, host);
}

void
drain_words_restore(const Drain *restore, bool is_away, char **ret_reason, char **ret_fix)
{
    const char *host = restore->host;
    bool is_paused = restore->state == DRAIN_PAUSED;
    *ret_reason = g_strdup_printf("the restore of %s is to take it back there%s%s", host,
        is_paused ? ", and is paused" : "", is_away ? ", and that host is not connected" : "");
    *ret_fix = is_paused || is_away ? fix_of_restore(host, is_paused, is_away) : NULL;
}
