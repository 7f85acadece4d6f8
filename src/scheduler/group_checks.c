/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The checks that look at what hosts belong to (aggregates, pools) and at what instances belong to
 * (server groups). */
#include "model/pool.h"
#include "scheduler/internal.h"

#include <string.h>

/* ---- aggregates ---- */

char *
check_join(GHashTable *set)
{
    g_autoptr(GList) words = set != NULL ? g_hash_table_get_keys(set) : NULL;
    GString *text = g_string_new(NULL);
    words = g_list_sort(words, (GCompareFunc)strcmp);
    for (const GList *word = words; word != NULL; word = word->next) {
        g_string_append_printf(
            text, "%s%s", text->len > 0 ? ", " : "", (const char *)word->data);
    }
    return g_string_free(text, FALSE);
}

PlacementResult
check_tenant(const Subject *subject, PlacementRow *row)
{
    const HostAggregates *aggregates = subject->entry->aggregates;
    const char *project = subject->request->project_id;
    GHashTable *tenants = aggregates != NULL ? aggregates->tenants : NULL;
    if (row != NULL) {
        g_autofree char *names = check_join(tenants);
        row->needed = g_strdup_printf("open to project '%s'", project != NULL ? project : "");
        row->have =
            tenants != NULL ? g_strdup_printf("only for %s", names) : g_strdup("open to all");
    }
    bool passed = tenants == NULL || (project != NULL && g_hash_table_contains(tenants, project));
    return check_unless_forced(
        check_answer(passed, "add the project to filter_tenant_id of its aggregate", row), subject);
}

/* What the host says of the keys that are asked for. */
static void
tell_specs(const Subject *subject, PlacementRow *row)
{
    GString *needed = g_string_new(NULL);
    GString *have = g_string_new(NULL);
    for (unsigned i = 0; i < subject->specs->len; i++) {
        const Spec *spec = subject->specs->pdata[i];
        const HostAggregates *aggregates = subject->host->aggregates;
        GHashTable *values =
            aggregates != NULL ? host_aggregates_get(aggregates, spec->key) : NULL;
        g_autofree char *words = check_join(values);
        if (i > 0) {
            g_string_append(needed, ", ");
            g_string_append(have, ", ");
        }
        g_autofree char *asked = g_strconcat(spec->key, "=", spec->wanted, NULL);
        g_autofree char *said = values != NULL ? g_strconcat(spec->key, "=", words, NULL)
                                               : g_strconcat("no ", spec->key, NULL);
        g_string_append(needed, asked);
        g_string_append(have, said);
    }
    row->needed = g_string_free(needed, FALSE);
    row->have = g_string_free(have, FALSE);
    if (*row->needed == '\0') {
        g_free(row->needed);
        g_free(row->have);
        row->needed = g_strdup("nothing special");
        row->have = g_strdup("nothing is asked");
    }
}

PlacementResult
check_extra_specs(const Subject *subject, PlacementRow *row)
{
    bool passed = true;
    for (unsigned i = 0; i < subject->specs->len && passed; i++) {
        passed = spec_is_met(subject->specs->pdata[i], subject->entry->aggregates);
    }
    if (row != NULL) {
        tell_specs(subject, row);
    }
    return check_unless_forced(
        check_answer(passed, "say it in the metadata of an aggregate of the host", row), subject);
}

static const char *
cell_of(const HostEntry *entry)
{
    return entry != NULL && entry->aggregates != NULL ? entry->aggregates->cell : NULL;
}

static char *
cell_text(const char *cell)
{
    return cell != NULL ? g_strdup_printf("cell '%s'", cell) : g_strdup("no cell");
}

/* Not forced either: what cells are for is that nothing goes from one into another. */
PlacementResult
check_cell(const Subject *subject, PlacementRow *row)
{
    const char *needed = cell_of(subject->source_entry);
    const char *have = cell_of(subject->entry);
    if (row != NULL) {
        row->needed = subject->source != NULL ? cell_text(needed) : g_strdup("any cell");
        row->have = cell_text(have);
    }
    return check_answer(subject->source == NULL || g_strcmp0(needed, have) == 0,
        needed != NULL ? "name a host of the same cell" : "name a host that is in no cell", row);
}

/* ---- pools ---- */

static char *
pool_text(const char *prefix, const char *pool)
{
    return pool != NULL ? g_strdup_printf("%s pool '%s'", prefix, pool)
                        : g_strdup_printf("%s no pool", prefix);
}

static bool
lets_pass(const Host *host)
{
    return pool_of_host(host) == NULL || host->aggregates->pool_copies;
}

/* Out of a pool, or into one, a guest gets live by copies of its disks alone. Why not so, for the
 * operator, or NULL. */
static const char *
refuse_copies(const Subject *subject)
{
    const PlacementRequest *request = subject->request;
    if (!lets_pass(subject->source) || !lets_pass(subject->host)) {
        return "name a host of the same pool, or set block_migration=true on the pools between "
               "which it would go";
    }
    if (request->block_migration == BLOCK_MIGRATION_NO) {
        return "name a host of the same pool, or ask for a block migration";
    }
    if (request->volumes != NULL && request->volumes->len > 0) {
        return "name a host of the same pool, detach its volumes, or move it cold";
    }
    if (host_entries_compare_pools(subject->source_entry, subject->entry) == POOLS_ONE) {
        return "take the host into the pool: they have one storage, and no disk can be copied";
    }
    return NULL;
}

static bool
is_in_none(const HostEntry *entry)
{
    return entry == NULL || entry->aggregates == NULL || entry->aggregates->pool == NULL;
}

/* Forced or not: it is about what can be done. */
PlacementResult
check_pool(const Subject *subject, PlacementRow *row)
{
    const Host *source = subject->request->is_live ? subject->source : NULL;
    if (row == NULL && is_in_none(subject->entry) && is_in_none(subject->source_entry)) {
        return PLACEMENT_PASS;
    }
    const char *needed = source != NULL ? pool_of_host(source) : NULL;
    const char *have = pool_of_host(subject->host);
    bool is_joining = pool_is_host_joining(subject->host);
    bool is_within = source == NULL || g_strcmp0(needed, have) == 0;
    if (row != NULL) {
        row->needed = source == NULL || (is_within && needed == NULL && is_joining)
            ? g_strdup("a host that is not joining a pool")
            : pool_text("a host of", needed);
        row->have = is_joining ? pool_text("joining", subject->host->aggregates->pool)
                               : pool_text("in", have);
    }
    if (is_joining) {
        return check_answer(false,
            "wait until the pool's operational_state is active, or take the host out of it", row);
    }
    const char *fix = is_within ? NULL : refuse_copies(subject);
    return check_answer(fix == NULL, fix, row);
}

/* ---- server groups: of the claims, so that two decisions at once cannot both be right ---- */

/* Beside one that moves, or that may come back, is perhaps not beside it a moment later. */
PlacementResult
check_affinity(const Subject *subject, PlacementRow *row)
{
    const HostUsage *usage = subject->usage;
    bool is_asked = subject->request->group_policy == SERVER_GROUP_AFFINITY;
    if (row != NULL) {
        row->needed = g_strdup(is_asked && usage->group_size > 0
                ? "the host of its server group"
                : "any host");
        row->have = g_strdup_printf("%d of its server group%s", usage->group_members,
            usage->group_members > usage->group_settled ? ", on their way" : "");
    }
    bool passed = !is_asked || usage->group_size == 0 || usage->group_settled > 0;
    bool is_with_it = subject->source_entry != NULL &&
        subject->source_entry->usage.group_settled > 0;
    return check_unless_forced(
        check_answer(passed,
            is_with_it ? "its group is where it is: 'drover host drain' moves all of it, one after "
                         "the other"
                       : "name the host that its server group is on, once those that move have "
                         "arrived and are confirmed",
            row),
        subject);
}

PlacementResult
check_anti_affinity(const Subject *subject, PlacementRow *row)
{
    const PlacementRequest *request = subject->request;
    bool is_asked = request->group_policy == SERVER_GROUP_ANTI_AFFINITY;
    int most = MAX(request->group_max_per_host, 1);
    int have = subject->usage->group_members;
    if (row != NULL) {
        row->needed = !is_asked ? g_strdup("any host")
            : most == 1         ? g_strdup("none of its server group")
                                : g_strdup_printf("less than %d of its server group", most);
        row->have = g_strdup_printf("%d of its server group", have);
    }
    return check_unless_forced(
        check_answer(!is_asked || have < most, "name a host without them, or add one", row),
        subject);
}
