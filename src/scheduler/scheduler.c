/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "scheduler/scheduler.h"

#include "scheduler/ranking.h"

/* ---- requests ---- */

PlacementRequest
placement_request(const PlacementPolicy *policy, const Instance *instance,
    int64_t service_down_time_us, int64_t now_us)
{
    return (PlacementRequest){
        .policy = policy,
        .instance_id = instance->id,
        .vcpus = instance->flavor.vcpus,
        .ram_mib = instance->flavor.ram_mib,
        .disk_gib = instance_disk_gib(instance) + instance->flavor.ephemeral_gib,
        .firmware = instance->hardware.firmware,
        .tpm_version = instance->hardware.tpm_version,
        .project_id = instance->project_id,
        .extra_specs_json = instance->flavor.extra_specs_json,
        .flavor_name = instance->flavor.name,
        .image_properties_json = instance->image_properties_json,
        .group_policy = instance->group_policy,
        .group_max_per_host = instance->group_max_per_host,
        .same_host = instance->same_host,
        .different_host = instance->different_host,
        .ports = instance->ports,
        .zone = instance->availability_zone,
        .service_down_time_us = service_down_time_us,
        .now_us = now_us,
    };
}

PlacementRequest
placement_request_to_move(const PlacementPolicy *policy, const Instance *instance,
    const Migration *migration, int64_t service_down_time_us, int64_t now_us)
{
    PlacementRequest request =
        placement_request(policy, instance, service_down_time_us, now_us);
    request.requested_host = migration->requested_host;
    request.source_host = migration->source_host;
    request.is_live = migration->type == MIGRATION_TYPE_LIVE;
    request.is_resize = migration->type == MIGRATION_TYPE_RESIZE;
    request.is_cold = migration->source_host != NULL &&
        (request.is_resize || migration->type == MIGRATION_TYPE_COLD);
    request.stays_off = instance->vm_state == VM_STATE_STOPPED;
    request.block_migration = migration->block_migration;
    request.force = migration->force;
    request.disk_over_commit = migration->disk_over_commit;
    return request;
}

void
placement_permit_post_copy(
    PlacementRequest *request, const Instance *instance, bool is_permitted)
{
    request->permits_post_copy =
        is_permitted && request->is_live && instance->vm_state != VM_STATE_PAUSED;
}

/* ---- the choice ---- */

/* Checks are made in their order: the host that fails the last one has passed the most. */
static PlacementCheck
look_nearest_miss(const Look *look)
{
    int check = PLACEMENT_N_CHECKS - 1;
    while (check > 0 && look->tallies[check].n_failed == 0) {
        check--;
    }
    return (PlacementCheck)check;
}

static PlacementRequest
as_when_storage_is_asked(const PlacementRequest *request)
{
    PlacementRequest asking = *request;
    asking.asks_storage = true;
    return asking;
}

const char *
scheduler_choose(const PlacementRequest *request, const HostIndex *hosts,
    StoredDecision *decision, GError **error)
{
    g_auto(Ranking) ranking = {0};
    g_auto(Look) look = {0};
    bool is_kept = decision != NULL && request->policy->decisions_kept_us > 0;
    look_init(&look, request, hosts);
    if (is_kept) {
        look_keep_verdicts(&look);
    }
    look_at_hosts(&look, &ranking);
    const GArray *candidates = ranking.candidates;
    if (candidates->len == 0 && storage_may_refuse(request)) {
        PlacementRequest asking = as_when_storage_is_asked(request);
        return scheduler_choose(&asking, hosts, decision, error);
    }
    if (is_kept) {
        look_record(&look, &ranking, decision);
    } else {
        ranking_sort(&ranking, 1);
    }
    if (candidates->len == 0) {
        g_autofree char *reason = look_reason(&look);
        error_set(error, ERROR_NO_VALID_HOST, "%s", reason);
        if (decision != NULL) {
            decision->nearest_miss = look_nearest_miss(&look);
            g_free(decision->fix);
            decision->fix = look_common_fix(&look);
            g_strfreev(decision->short_hosts);
            decision->short_hosts = look_short_hosts(&look);
        }
        return NULL;
    }
    const Candidate *best = &g_array_index(candidates, Candidate, 0);
    if (decision != NULL) {
        Subject subject = look_subject(&look, best->index);
        decision->topology = subject_give_topology(&subject);
        decision->devices = subject_give_devices(&subject);
    }
    return look.entries[best->index].host->name;
}

/* What a request is told that goes on with the best of the rest, and finds there what is known:
 * caller frees. NULL: it would try another one. */
static char *
reason_of_storage(const PlacementRequest *request, const HostIndex *hosts)
{
    g_auto(Ranking) ranking = {0};
    g_auto(Look) look = {0};
    PlacementRequest asking = as_when_storage_is_asked(request);
    look_init(&look, &asking, hosts);
    look_at_hosts(&look, &ranking);
    GArray *candidates = ranking.candidates;
    if (candidates->len == 0) {
        return look_reason(&look);
    }
    ranking_sort(&ranking, 1);
    Subject subject = look_subject(&look, g_array_index(candidates, Candidate, 0).index);
    char *sentence = NULL;
    return storage_find_refusal(&subject, &sentence) ? sentence : NULL;
}

/* By what a request knows; both are the caller's. */
static void
tell_request(Placement *placement, const PlacementRequest *request, const HostIndex *hosts)
{
    PlacementRequest asked = *request;
    asked.guest_stays = NULL;
    asked.rehearsal = NULL;
    g_autoptr(Placement) told = scheduler_explain(&asked, hosts);
    if (told->reason != NULL) {
        g_free(placement->reason);
        placement->reason = g_steal_pointer(&told->reason);
        g_strfreev(placement->short_hosts);
        placement->short_hosts = g_steal_pointer(&told->short_hosts);
        return;
    }
    const char *stays = request->guest_stays;
    placement->fails_with = g_strdup(
        stays != NULL && stays[0] != '\0' ? stays : request->rehearsal->refusal);
}

/* A request does not know all that is known here. */
static bool
knows_more(const PlacementRequest *request)
{
    return request->guest_stays != NULL || request->rehearsal != NULL;
}

Placement *
scheduler_explain(const PlacementRequest *request, const HostIndex *hosts)
{
    return scheduler_explain_some(request, hosts, host_index_size(hosts));
}

Placement *
scheduler_explain_some(const PlacementRequest *request, const HostIndex *hosts, unsigned max)
{
    g_auto(Ranking) ranking = {0};
    g_auto(Look) look = {0};
    look_init(&look, request, hosts);
    look_at_hosts(&look, &ranking);
    Placement *placement = look_write_out(&look, &ranking, max);
    if (placement->chosen != NULL) {
        Subject subject =
            look_subject(&look, g_array_index(ranking.candidates, Candidate, 0).index);
        placement->topology = subject_give_topology(&subject);
    } else if (knows_more(request)) {
        tell_request(placement, request, hosts);
    } else if (storage_may_refuse(request)) {
        char *reason = reason_of_storage(request, hosts);
        if (reason != NULL) {
            g_free(placement->reason);
            placement->reason = reason;
        }
    }
    return placement;
}
