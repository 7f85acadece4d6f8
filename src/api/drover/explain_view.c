/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Every check of every host as JSON: of what would be decided now, and of what was decided. */
#include "api/drover/drover.h"
#include "scheduler/scheduler.h"

#include <string.h>

static json_t *
view_check(const PlacementRow *row, PlacementCheck check)
{
    return json_pack("{s:s, s:o, s:s, s:s, s:s, s:o}", "check", placement_check_name(check),
        "filter", api_string_or_null(placement_check_filter(check)), "result",
        placement_result_name(row->result), "needed", row->needed, "have", row->have, "fix",
        api_string_or_null(row->fix));
}

static json_t *
view_share(const PlacementShare *share, PlacementWeigher weigher)
{
    return json_pack("{s:s, s:f, s:s, s:f, s:f}", "weigher", placement_weigher_name(weigher),
        "multiplier", share->multiplier, "multiplier_from",
        share->is_of_aggregate ? "aggregate" : "configuration", "value", share->value, "share",
        share->share);
}

/* null where there is nothing to give: all processors of a host may be for pinned guests. */
static json_t *
view_share_given(const PlacementGiven *given)
{
    return given->total == 0
        ? json_null()
        : json_pack("{s:I, s:I, s:I}", "before", (json_int_t)given->given, "after",
              (json_int_t)(given->given + given->more), "total", (json_int_t)given->total);
}

/* What the host would have given away; null where the instance does not fit, and of records. */
static json_t *
view_given(const PlacementHost *entry)
{
    return entry->rank == 0 || entry->ram_mib.total == 0
        ? json_null()
        : json_pack("{s:o, s:o}", "vcpus", view_share_given(&entry->vcpus),
              "ram_mib", view_share_given(&entry->ram_mib));
}

static json_t *
view_host(const Placement *placement, const PlacementHost *entry)
{
    bool fits = entry->rank > 0;
    json_t *checks = json_array();
    json_t *failed = json_array();
    json_t *weighers = json_array();
    for (int i = 0; i < PLACEMENT_N_CHECKS; i++) {
        const PlacementRow *row = &entry->rows[i];
        json_array_append_new(checks, view_check(row, (PlacementCheck)i));
        if (row->result == PLACEMENT_FAIL) {
            json_array_append_new(failed, json_string(placement_check_name((PlacementCheck)i)));
        }
    }
    for (int i = 0; fits && i < PLACEMENT_N_WEIGHERS; i++) {
        json_array_append_new(weighers, view_share(&entry->shares[i], (PlacementWeigher)i));
    }
    return json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "name", entry->name, "fits", fits,
        "rank", fits ? json_integer(entry->rank) : json_null(), "weight",
        fits ? json_real(entry->weight) : json_null(), "failed", failed, "checks", checks,
        "weighers", weighers, "given", view_given(entry));
}

/* The best first, then those that do not fit by their names. */
static int
compare_hosts(gconstpointer one, gconstpointer other)
{
    const PlacementHost *a = *(const PlacementHost *const *)one;
    const PlacementHost *b = *(const PlacementHost *const *)other;
    if (a->rank != b->rank) {
        return a->rank == 0 || (b->rank != 0 && a->rank > b->rank) ? 1 : -1;
    }
    return strcmp(a->name, b->name);
}

/* Where one host was asked for, of the others there is nothing to say. */
static json_t *
view_hosts(const Placement *placement)
{
    g_autoptr(GPtrArray) entries = g_ptr_array_new();
    const char *asked = placement->requested_host;
    for (unsigned i = 0; i < placement->n_told; i++) {
        PlacementHost *entry = &placement->hosts[i];
        if (asked == NULL || strcmp(asked, entry->name) == 0) {
            g_ptr_array_add(entries, entry);
        }
    }
    g_ptr_array_sort(entries, compare_hosts);
    json_t *views = json_array();
    for (unsigned i = 0; i < entries->len; i++) {
        json_array_append_new(views, view_host(placement, entries->pdata[i]));
    }
    return views;
}

/* A host that is asked for is the only one that is looked at. */
static int
count_looked_at(const Placement *placement)
{
    return placement->requested_host != NULL ? 1 : (int)placement->n_hosts;
}

/* check -> how many hosts failed it first; of the others where one was asked for there is nothing
 * to say. */
static json_t *
view_firsts(const Placement *placement)
{
    json_t *view = json_object();
    bool is_of_one = placement->requested_host != NULL;
    for (unsigned i = 0; !is_of_one && i < placement->n_firsts; i++) {
        const PlacementNo *no = &placement->firsts[i];
        json_object_set_new(view, no->check, json_integer(no->n_hosts));
    }
    return view;
}

static json_t *
view_inputs(const Placement *placement)
{
    return placement->inputs != NULL ? json_loads(placement->inputs, 0, NULL) : json_null();
}

json_t *
drover_view_placement(const Placement *placement)
{
    json_t *view = json_pack("{s:o, s:o, s:o, s:{s:i, s:I, s:I}}", "source_host",
        api_string_or_null(placement->source_host), "requested_host",
        api_string_or_null(placement->requested_host), "zone", api_string_or_null(placement->zone),
        "needs", "vcpus", placement->vcpus, "ram_mib", (json_int_t)placement->ram_mib, "disk_gib",
        (json_int_t)placement->disk_gib);
    json_auto_t *rest = json_pack("{s:o, s:o, s:i, s:i, s:o, s:o, s:o}", "chosen",
        api_string_or_null(placement->chosen), "reason", api_string_or_null(placement->reason),
        "n_hosts", count_looked_at(placement), "n_fit", (int)placement->n_fit,
        "first_failures", view_firsts(placement), "inputs", view_inputs(placement), "hosts",
        view_hosts(placement));
    json_object_update(view, rest);
    return view;
}

json_t *
drover_view_ids(const char *ids)
{
    json_t *view = json_array();
    g_auto(GStrv) words = g_strsplit(ids != NULL ? ids : "", ",", -1);
    for (size_t i = 0; words[i] != NULL; i++) {
        json_array_append_new(view, json_string(words[i]));
    }
    return view;
}

json_t *
drover_view_explanation(const char *move, const Instance *instance, const Placement *placement,
    const GError *problem)
{
    json_t *view = json_pack("{s:s, s:s, s:s, s:o, s:o, s:{s:o, s:o}}", "instance_uuid",
        instance->id, "instance_name", instance->name, "move", move, "refused",
        api_string_or_null(problem != NULL ? problem->message : NULL), "fails_with",
        api_string_or_null(placement->fails_with), "hints", "same_host",
        drover_view_ids(instance->same_host), "different_host",
        drover_view_ids(instance->different_host));
    json_auto_t *rest = drover_view_placement(placement);
    json_object_update(view, rest);
    return view;
}
