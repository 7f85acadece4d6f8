/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Where an instance may go, and why not elsewhere: what a request would be told, and every check of
 * every host, by the functions that choose. Nothing is touched; a rehearsal, which is asked for by
 * name, starts something on a host and ends it. */
#include "api/compute/compute.h"
#include "api/drover/drover.h"
#include "scheduler/scheduler.h"

#include <string.h>

/* What a move is called in the query, and who says whether it may be asked for now. */
typedef struct Move {
    const char *name;
    bool (*may)(ApiContext *context, const Instance *instance, GError **error);
} Move;

/* An instance that is nowhere yet: where it would be made. */
static bool
may_create(ApiContext *context, const Instance *instance, GError **error)
{
    return instance->host == NULL ||
        error_set(error, ERROR_CONFLICT, "instance %s is made already", instance->id);
}

static const Move moves[] = {
    {"live", compute_may_live_migrate},
    {"cold", compute_may_cold_migrate},
    {"evacuate", compute_may_evacuate},
    {"create", may_create},
};

static const Move *
find_move(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(moves); i++) {
        if (strcmp(moves[i].name, name) == 0) {
            return &moves[i];
        }
    }
    return NULL;
}

/* What would be asked for, as it is. */
static const Move *
usual_move(const ApiContext *context, const Instance *instance, const Host *source)
{
    if (instance->host == NULL) {
        return find_move("create");
    }
    if (source != NULL &&
        !host_is_up(source, api_now_us(context), context->options->service_down_time_us)) {
        return find_move("evacuate");
    }
    bool is_on = instance->vm_state == VM_STATE_ACTIVE || instance->vm_state == VM_STATE_PAUSED;
    return find_move(is_on ? "live" : "cold");
}

/* ---- the request ---- */

static const QueryField explain_query[] = {
    {"move", QUERY_STRING},
    {"host", QUERY_STRING},
    {"rehearse", QUERY_BOOLEAN},
    {"block_migration", QUERY_STRING}, /* as of os-migrateLive; absent = auto */
    {"disk_over_commit", QUERY_BOOLEAN},
    {"max_hosts", QUERY_INTEGER}, /* of more than these: the best, and some of each no */
    {0},
};

static const Move *
read_move(ApiContext *context, const Instance *instance, const Host *source, GError **error)
{
    const char *name = api_query(context, "move");
    const Move *move =
        name != NULL ? find_move(name) : usual_move(context, instance, source);
    if (move == NULL) {
        error_set(error, ERROR_INVALID, "move is live, cold, evacuate or create, not '%s'", name);
    }
    return move;
}

/* What the engine is asked for, and what was seen, until nothing is left to be asked. */
typedef struct Explanation {
    ApiContext *context;
    const Move *move;
    Instance *instance;
    BlockMigration block_migration;
    unsigned max_hosts;   /* to tell of; 0: all */
    char *guest_platform; /* as EngineGuest; NULL also: no matter */
    char *guest_stays;    /* the same */
    GHashTable *asked;    /* set of char *: hosts whose memory was asked for */
    Rehearsal rehearsal;    /* host NULL: there was none */
    Placement *placement;   /* as it was seen last */
    HttpResponse *response; /* NULL: there is something to ask yet */
    GError *error;          /* nothing was seen, and this is why */
} Explanation;

static void
explanation_free(Explanation *explanation)
{
    instance_free(explanation->instance);
    g_free(explanation->guest_platform);
    g_free(explanation->guest_stays);
    g_hash_table_unref(explanation->asked);
    g_free(explanation->rehearsal.host);
    g_free(explanation->rehearsal.refusal);
    g_free(explanation->rehearsal.problem);
    g_clear_pointer(&explanation->placement, placement_free);
    g_clear_pointer(&explanation->response, http_response_free);
    g_clear_error(&explanation->error);
    g_free(explanation);
}

static bool
is_live(const Move *move, const Instance *instance)
{
    return strcmp(move->name, "live") == 0 && instance->host != NULL;
}

static bool
check_rehearse(ApiContext *context, const Move *move, const Instance *instance, GError **error)
{
    return !query_bool(context->request, "rehearse", false) || is_live(move, instance) ||
        error_set(error, ERROR_INVALID,
            "a rehearsal is of a live migration, not of move '%s': only of a guest that runs is it "
            "known what it has", move->name);
}

static bool
read_block_migration(ApiContext *context, const Move *move, const Instance *instance,
    BlockMigration *ret_block, GError **error)
{
    const char *text = api_query(context, "block_migration");
    bool is_asked = text != NULL || api_query(context, "disk_over_commit") != NULL;
    bool flag = false;
    if (is_asked && !is_live(move, instance)) {
        return error_set(error, ERROR_INVALID,
            "block_migration and disk_over_commit are of a live migration, not of move '%s'",
            move->name);
    }
    if (text == NULL || strcmp(text, "auto") == 0) {
        *ret_block = BLOCK_MIGRATION_AUTO;
        return true;
    }
    if (!parse_bool(text, &flag)) {
        return error_set(
            error, ERROR_INVALID, "block_migration is true, false or auto, not '%s'", text);
    }
    *ret_block = flag ? BLOCK_MIGRATION_YES : BLOCK_MIGRATION_NO;
    return true;
}

static unsigned
read_max_hosts(ApiContext *context)
{
    const char *text = api_query(context, "max_hosts");
    return text != NULL ? (unsigned)MIN(g_ascii_strtoull(text, NULL, 10), G_MAXINT) : 0;
}

/* An evacuation plans its disks by itself: the old ones are out of reach. */
static bool
takes_disks_along(const Move *move)
{
    return strcmp(move->name, "live") == 0 || strcmp(move->name, "cold") == 0;
}

static bool
is_evacuation(const Move *move)
{
    return strcmp(move->name, "evacuate") == 0;
}

/* An evacuation is foretold as it is decided once the host is stated dead. */
static const char *
dead_host_of(const Explanation *explanation)
{
    return is_evacuation(explanation->move) ? explanation->instance->host : NULL;
}

/* Of an instance that is nowhere there is no source, and then this says nothing. */
static MigrationType
type_of(const Explanation *explanation)
{
    return is_live(explanation->move, explanation->instance) ? MIGRATION_TYPE_LIVE
        : is_evacuation(explanation->move)                   ? MIGRATION_TYPE_EVACUATION
                                                             : MIGRATION_TYPE_COLD;
}

/* Of one moment, which is over when it is read: only a claim holds what it has found. */
static Placement *
place(const Explanation *explanation, GError **error)
{
    ApiContext *context = explanation->context;
    const Instance *instance = explanation->instance;
    const PlacementPolicy *policy = &context->options->placement;
    int64_t down_time_us = context->options->service_down_time_us;
    g_autoptr(GPtrArray) hosts = store_list_hosts(context->store, error);
    g_autoptr(GHashTable) usage =
        hosts != NULL ? store_list_host_usage_for(context->store, instance, error) : NULL;
    g_autoptr(HostIndex) index = usage != NULL ? host_index_of(hosts, usage) : NULL;
    if (index == NULL ||
        !store_tell_neighbours(
            context->store, instance, dead_host_of(explanation), index, error)) {
        return NULL;
    }
    bool with_ways = is_live(explanation->move, instance);
    Migration migration = {
        .type = type_of(explanation),
        .requested_host = (char *)api_query(context, "host"),
        .source_host = instance->host,
        .block_migration = explanation->block_migration,
        .disk_over_commit = query_bool(context->request, "disk_over_commit", false),
    };
    PlacementRequest request = placement_request_to_move(
        policy, instance, &migration, down_time_us, api_now_us(context));
    g_autoptr(CanaryMap) canaries =
        with_ways ? store_map_canaries(context->store, instance->host, error) : NULL;
    if (with_ways && canaries == NULL) {
        return NULL;
    }
    const char *platform = explanation->guest_platform;
    g_autoptr(GHashTable) platforms =
        platform != NULL ? store_map_platform_answers(context->store, platform, error) : NULL;
    if (platform != NULL && platforms == NULL) {
        return NULL;
    }
    g_autoptr(GPtrArray) volumes = store_list_volumes(
        context->store, &(VolumeFilter){.instance_id = instance->id}, error);
    if (volumes == NULL) {
        return NULL;
    }
    request.canaries = canaries;
    request.platforms = platforms;
    placement_permit_post_copy(
        &request, instance, with_ways && drover_permits_post_copy(instance->host, context));
    request.guest_stays = explanation->guest_stays;
    request.rehearsal = explanation->rehearsal.host != NULL ? &explanation->rehearsal : NULL;
    request.instance = takes_disks_along(explanation->move) ? instance : NULL;
    request.volumes = volumes;
    return explanation->max_hosts == 0
        ? scheduler_explain(&request, index)
        : scheduler_explain_some(&request, index, explanation->max_hosts);
}

static HttpResponse *
reply(const Explanation *explanation)
{
    g_autoptr(GError) problem = NULL;

    explanation->move->may(explanation->context, explanation->instance, &problem);
    return api_json(200,
        json_pack("{s:o}", "explanation",
            drover_view_explanation(explanation->move->name, explanation->instance,
                explanation->placement, problem)));
}

/* Where it is to be rehearsed: where it was asked for, else where it would go. NULL: nowhere, or it
 * was. */
static const char *
stage_of(const Explanation *explanation)
{
    const Placement *placement = explanation->placement;
    bool is_asked = query_bool(explanation->context->request, "rehearse", false);

    return !is_asked || explanation->rehearsal.host != NULL ? NULL
        : placement->requested_host != NULL                 ? placement->requested_host
                                                            : placement->chosen;
}

/* A request asks the host that it chooses, the next one where that turns out to be full, and before
 * nobody fits those that lack nothing but memory: each once, and not all too many. */
static char **
list_unasked(const Explanation *explanation)
{
    enum { MAX_ASKED = 16 };
    const Placement *placement = explanation->placement;
    char *const chosen[] = {placement->chosen, NULL};
    char *const *hosts = placement->chosen != NULL ? chosen : placement->short_hosts;
    unsigned n_asked = g_hash_table_size(explanation->asked);
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    for (size_t i = 0; n_asked < MAX_ASKED && hosts != NULL && hosts[i] != NULL; i++) {
        if (!g_hash_table_contains(explanation->asked, hosts[i])) {
            g_strv_builder_add(names, hosts[i]);
            n_asked++;
        }
    }
    return g_strv_builder_end(names);
}

static bool
is_memory_known(const Explanation *explanation)
{
    g_auto(GStrv) unasked = list_unasked(explanation);
    return unasked[0] == NULL;
}

/* ---- the looks ---- */

static void
run_look(void *data)
{
    Explanation *explanation = data;

    g_clear_pointer(&explanation->placement, placement_free);
    explanation->placement = place(explanation, &explanation->error);
    if (explanation->placement != NULL && is_memory_known(explanation) &&
        stage_of(explanation) == NULL) {
        explanation->response = reply(explanation);
    }
}

static void on_look(void *data, bool cancelled);

/* It takes long where there are many hosts: too long for the engine's thread, on which all that is
 * asked before it is told. */
static void
look(Explanation *explanation)
{
    engine_ask_reading(
        explanation->context->engine, "explain", run_look, on_look, explanation, NULL);
}

/* A host that turns out not to start it leaves the choice to the others. */
static void
on_rehearsal(const Rehearsal *rehearsal, void *data)
{
    Explanation *explanation = data;

    explanation->rehearsal = (Rehearsal){.host = g_strdup(rehearsal->host),
        .refusal = g_strdup(rehearsal->refusal),
        .problem = g_strdup(rehearsal->problem),
        .elapsed_ms = rehearsal->elapsed_ms};
    look(explanation);
}

static void
on_memory(void *data)
{
    look(data);
}

static void
ask_memory(Explanation *explanation)
{
    g_auto(GStrv) hosts = list_unasked(explanation);

    for (size_t i = 0; hosts[i] != NULL; i++) {
        g_hash_table_add(explanation->asked, g_strdup(hosts[i]));
    }
    engine_ask_memory(explanation->context->engine, hosts, on_memory, explanation);
}

static void
on_look(void *data, bool cancelled)
{
    Explanation *explanation = data;
    const Instance *instance = explanation->instance;

    if (cancelled) {
        error_set(&explanation->error, ERROR_TIMEOUT, "the server is stopping");
    }
    if (explanation->error != NULL || explanation->response != NULL) {
        api_complete(explanation->context, g_steal_pointer(&explanation->response),
            explanation->error);
        explanation_free(explanation);
    } else if (!is_memory_known(explanation)) {
        ask_memory(explanation);
    } else {
        engine_ask_rehearsal(explanation->context->engine, instance->id, instance->host,
            stage_of(explanation), explanation->placement->topology, on_rehearsal, explanation);
    }
}

static void
on_guest(const EngineGuest *guest, void *data)
{
    Explanation *explanation = data;

    explanation->guest_platform = g_strdup(guest->platform);
    explanation->guest_stays = g_strdup(guest->stays);
    look(explanation);
}

HttpResponse *
drover_explain(ApiContext *context, GError **error)
{
    if (!validate_query(context->request, explain_query, 1, 1, error)) {
        return NULL;
    }
    g_autoptr(Instance) instance =
        compute_get_instance(context, api_param(context, "instance"), error);
    const char *name = api_query(context, "host");
    g_autoptr(Host) named =
        instance != NULL && name != NULL ? drover_get_host(context, name, error) : NULL;
    g_autoptr(Host) source = NULL;
    if (instance == NULL || (name != NULL && named == NULL) ||
        (instance->host != NULL &&
            !store_find_host(context->store, instance->host, &source, error))) {
        return NULL;
    }
    const Move *move = read_move(context, instance, source, error);
    BlockMigration block_migration = BLOCK_MIGRATION_AUTO;
    if (move == NULL || !check_rehearse(context, move, instance, error) ||
        !read_block_migration(context, move, instance, &block_migration, error)) {
        return NULL;
    }
    Explanation *explanation = g_new0(Explanation, 1);
    *explanation = (Explanation){.context = context,
        .move = move,
        .instance = g_steal_pointer(&instance),
        .block_migration = block_migration,
        .max_hosts = read_max_hosts(context),
        .asked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
    const Instance *guest = explanation->instance;
    api_defer(context);
    if (is_live(move, guest)) {
        engine_ask_guest(context->engine, guest->id, guest->host, on_guest, explanation);
    } else {
        look(explanation);
    }
    return NULL;
}
