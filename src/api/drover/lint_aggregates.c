/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What aggregates say and the scheduler passes over. It is refused when it is said now; an older
 * drover took it. */
#include "api/drover/lint.h"

#include "scheduler/scheduler.h"

/* Returns how many there were. */
static int
tell_unread(json_t *rows, const Host *host, const Aggregate *aggregate)
{
    int n_unread = 0;

    for (unsigned i = 0; i < aggregate->metadata->len; i++) {
        const AggregateProperty *said = aggregate->metadata->pdata[i];
        const char *wish = placement_refuse_property(said->key, said->value);
        if (wish == NULL) {
            continue;
        }
        g_autofree char *fix = g_strdup_printf(
            "'drover aggregate set --property %s=NUMBER %s', or '... unset --property %s %s'",
            said->key, aggregate->name, said->key, aggregate->name);
        g_autofree char *found = g_strdup_printf(
            "aggregate '%s' says %s=%s, which is passed over: %s", aggregate->name, said->key,
            said->value, wish);
        lint_add(rows, host, "aggregates", "warn", fix, found);
        n_unread++;
    }
    return n_unread;
}

void
lint_aggregates(json_t *rows, const Host *host, const GPtrArray *aggregates)
{
    int n_unread = 0, n_in = 0;

    for (unsigned i = 0; i < aggregates->len; i++) {
        const Aggregate *aggregate = aggregates->pdata[i];
        if (aggregate_has_host(aggregate, host->name)) {
            n_in++;
            n_unread += tell_unread(rows, host, aggregate);
        }
    }
    if (n_in > 0 && n_unread == 0) {
        lint_add(rows, host, "aggregates", "pass", NULL,
            "the numbers that its aggregates say can be read");
    }
}
