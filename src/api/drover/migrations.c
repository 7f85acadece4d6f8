/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/compute/compute.h"
#include "api/drover/drover.h"
#include "model/diagnosis.h"
#include "model/disk_plan.h"
#include <string.h>

static json_t *
known_or_null(int64_t number)
{
    return number < 0 ? json_null() : json_integer(number);
}

/* Milliseconds from one time to another; null while one of them has not come. */
static json_t *
duration_ms(int64_t from_us, int64_t to_us)
{
    return from_us == 0 || to_us == 0 ? json_null() : json_integer((to_us - from_us) / 1000);
}

/* What is left at the present rate, less what the guest dirties meanwhile. */
static json_t *
eta_ms(const Migration *migration)
{
    const JobStats *stats = &migration->stats;
    int64_t left = MAX(stats->memory_remaining_bytes, 0) + MAX(stats->disk_remaining_bytes, 0);
    int64_t rate =
        MAX(stats->memory_bytes_s, 0) + MAX(stats->disk_bytes_s, 0) - MAX(stats->dirty_bytes_s, 0);
    return rate <= 0 || !migration->operation.is_open ? json_null()
                                                      : json_integer(left * 1000 / rate);
}

static json_t *
view_stats(const Migration *migration)
{
    const JobStats *stats = &migration->stats;
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {
        {"memory_total_bytes", stats->memory_total_bytes},
        {"memory_processed_bytes", stats->memory_processed_bytes},
        {"memory_remaining_bytes", stats->memory_remaining_bytes},
        {"disk_total_bytes", stats->disk_total_bytes},
        {"disk_processed_bytes", stats->disk_processed_bytes},
        {"disk_remaining_bytes", stats->disk_remaining_bytes},
        {"memory_bytes_s", stats->memory_bytes_s},
        {"disk_bytes_s", stats->disk_bytes_s},
        {"dirty_bytes_s", stats->dirty_bytes_s},
        {"iteration", stats->iteration},
        {"elapsed_ms", stats->elapsed_ms},
        {"downtime_ms", stats->downtime_ms},
    };
    json_t *view = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        json_object_set_new(view, rows[i].name, known_or_null(rows[i].value));
    }
    json_object_set_new(view, "eta_ms", eta_ms(migration));
    return view;
}

static const char *
block_migration_text(BlockMigration value)
{
    switch (value) {
    case BLOCK_MIGRATION_AUTO: return "auto";
    case BLOCK_MIGRATION_YES: return "yes";
    case BLOCK_MIGRATION_NO: return "no";
    }
    return NULL;
}

/* The known words of an error, and what they mean. Nothing while there is no error. */
static void
add_diagnosis(json_t *view, const Operation *operation)
{
    const Diagnosis *diagnosis =
        operation->error_code != NULL ? diagnosis_find(operation->message) : NULL;
    g_autofree char *evidence =
        diagnosis != NULL ? diagnosis_evidence(diagnosis, operation->message) : NULL;
    json_object_set_new(
        view, "diagnosis", api_string_or_null(diagnosis != NULL ? diagnosis->code : NULL));
    json_object_set_new(
        view, "cause", api_string_or_null(diagnosis != NULL ? diagnosis->cause : NULL));
    json_object_set_new(view, "evidence", api_string_or_null(evidence));
    json_object_set_new(view, "fix", api_string_or_null(diagnosis != NULL ? diagnosis->fix : NULL));
}

/* What makes it end: chosen for what reason, and done by force for what reason. */
static json_t *
view_convergence(const Migration *migration)
{
    bool is_chosen = migration->convergence_reason != NULL;
    const char *forced = forcing_name(migration->forced);
    bool is_begun = migration->downtime_limit_ms > 0;
    return json_pack("{s:b, s:o, s:o, s:i, s:o, s:o, s:o, s:o}", "pause_first",
        migration->pause_first, "method",
        api_string_or_null(is_chosen ? convergence_name(migration->convergence) : NULL), "reason",
        api_string_or_null(migration->convergence_reason), "connections", migration->connections,
        "downtime_limit_ms", known_or_null(is_begun ? migration->downtime_limit_ms : -1), "forced",
        api_string_or_null(*forced != '\0' ? forced : NULL), "forced_reason",
        api_string_or_null(migration->forced_reason), "trouble",
        api_string_or_null(migration->trouble));
}

/* What is copied, and what stays where it is. */
static json_t *
view_disks(const Migration *migration)
{
    g_autoptr(GPtrArray) plan = disk_plan_from_text(migration->disks);
    json_t *view = json_object();
    for (unsigned i = 0; i < plan->len; i++) {
        const PlannedDisk *disk = plan->pdata[i];
        json_object_set_new(
            view, disk->target, json_string(disk_decision_name(disk->decision)));
    }
    return view;
}

static json_t *
view_migration(const ApiContext *context, const Migration *migration)
{
    const Operation *operation = &migration->operation;
    int64_t end_us = operation->is_open ? 0 : operation->updated_us;
    json_t *view = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:b, s:s}", "id",
        (json_int_t)migration->id, "uuid", migration->uuid, "instance_uuid", operation->instance_id,
        "migration_type", migration_type_name(migration->type), "status",
        context->options->migration_status(migration), "state", operation->state, "wanted",
        wanted_name(operation->wanted), "source_host", api_string_or_null(migration->source_host),
        "dest_host", api_string_or_null(migration->dest_host), "requested_host",
        api_string_or_null(migration->requested_host), "copies_disks", migration->copies_disks,
        "block_migration", block_migration_text(migration->block_migration));
    json_auto_t *rest = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "error_code", api_string_or_null(operation->error_code), "message",
        api_string_or_null(operation->message), "request_id",
        api_string_or_null(operation->request_id), "user_id",
        api_string_or_null(operation->user_id), "project_id",
        api_string_or_null(operation->project_id), "created_at", api_time_us(operation->created_us),
        "updated_at", api_time_us(operation->updated_us), "started_at",
        api_time_us(migration->started_us), "finished_at", api_time_us(migration->finished_us),
        "total_ms", duration_ms(operation->created_us, end_us), "stats", view_stats(migration));
    json_object_update(view, rest);
    json_object_set_new(view, "rehearse", json_boolean(migration->rehearse));
    json_object_set_new(view, "reason", api_string_or_null(migration->reason));
    add_diagnosis(view, operation);
    json_object_set_new(view, "convergence", view_convergence(migration));
    json_object_set_new(view, "disks", view_disks(migration));
    return view;
}

static json_t *
view_events(ApiContext *context, int64_t operation_id, GError **error)
{
    g_autoptr(GPtrArray) events = store_list_operation_events(context->store, operation_id, error);
    if (events == NULL) {
        return NULL;
    }
    json_t *views = json_array();
    for (unsigned i = 0; i < events->len; i++) {
        const OperationEvent *event = events->pdata[i];
        json_array_append_new(views,
            json_pack("{s:o, s:o, s:o, s:o}", "at", api_time_us(event->at_us), "from",
                api_string_or_null(event->from), "to", api_string_or_null(event->to), "sentence",
                api_string_or_null(event->sentence)));
    }
    return views;
}

static const QueryField list_query[] = {
    {"instance_uuid", QUERY_STRING},
    {"host", QUERY_STRING},
    {"status", QUERY_STRING},
    {"migration_type", QUERY_STRING},
    {"in_progress", QUERY_BOOLEAN},
    {"limit", QUERY_INTEGER},
    {"marker", QUERY_UUID},
    {0},
};

/* Newest first, without their histories. */
HttpResponse *
drover_list_migrations(ApiContext *context, GError **error)
{
    Paging paging;
    if (!validate_query(context->request, list_query, 1, 1, error) ||
        !api_paging(context, &paging, error)) {
        return NULL;
    }
    const char *status = api_query(context, "status");
    g_autofree char *states = status == NULL ? NULL : context->options->migration_states(status);
    if (status != NULL && states == NULL) {
        error_set(error, ERROR_INVALID, "no migration has the status '%s'", status);
        return NULL;
    }
    MigrationFilter filter = {
        .instance_id = api_query(context, "instance_uuid"),
        .host = api_query(context, "host"),
        .states = states,
        .type = api_query(context, "migration_type"),
        .in_progress = query_bool(context->request, "in_progress", false),
        .marker = paging.marker,
        .limit = paging.limit,
    };
    g_autoptr(GPtrArray) migrations = store_list_migrations(context->store, &filter, error);
    if (migrations == NULL) {
        return NULL;
    }
    json_t *views = json_array();
    for (unsigned i = 0; i < migrations->len; i++) {
        json_array_append_new(views, view_migration(context, migrations->pdata[i]));
    }
    json_t *reply = json_pack("{s:o}", "migrations", views);
    if ((int)migrations->len == paging.limit) {
        const Migration *last = migrations->pdata[migrations->len - 1];
        json_object_set_new(reply, "migrations_links",
            json_pack("[o]", api_link("next", api_next_url(context, last->uuid))));
    }
    return api_json(200, reply);
}

static Migration *
find_by_uuid(ApiContext *context, const char *uuid, GError **error)
{
    MigrationFilter filter = {0};
    g_autoptr(GPtrArray) all = store_list_migrations(context->store, &filter, error);
    if (all == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < all->len; i++) {
        const Migration *migration = all->pdata[i];
        if (strcmp(migration->uuid, uuid) == 0) {
            return store_get_migration(context->store, migration->id, error);
        }
    }
    error_set(error, ERROR_NOT_FOUND, "there is no migration '%s'", uuid);
    return NULL;
}

/* By its number or its UUID. */
static Migration *
get_migration(ApiContext *context, GError **error)
{
    gint64 number;
    const char *id = api_param(context, "id");
    if (is_uuid(id)) {
        return find_by_uuid(context, id, error);
    }
    if (!g_ascii_string_to_signed(id, 10, 1, G_MAXINT64, &number, NULL)) {
        error_set(error, ERROR_NOT_FOUND, "there is no migration '%s'", id);
        return NULL;
    }
    return store_get_migration(context->store, number, error);
}

HttpResponse *
drover_show_migration(ApiContext *context, GError **error)
{
    g_autoptr(Migration) migration = get_migration(context, error);
    json_t *events =
        migration == NULL ? NULL : view_events(context, migration->operation.id, error);
    if (events == NULL) {
        return NULL;
    }
    json_t *view = view_migration(context, migration);
    json_object_set_new(view, "events", events);
    return api_json(200, json_pack("{s:o}", "migration", view));
}

static Migration *
get_migration_of_instance(ApiContext *context, GError **error)
{
    g_autoptr(Migration) migration = get_migration(context, error);
    if (migration == NULL) {
        return NULL;
    }
    if (strcmp(migration->operation.instance_id, api_param(context, "instance")) != 0) {
        error_set(error, ERROR_NOT_FOUND, "migration %s is not of instance %s",
            api_param(context, "id"), api_param(context, "instance"));
        return NULL;
    }
    return g_steal_pointer(&migration);
}

/* What both say once something is wanted of the migration, or could not be. */
static HttpResponse *
reply_wanted(ApiContext *context, GError *reason, GError **error)
{
    if (reason == NULL) {
        engine_nudge(context->engine);
        return api_empty(202);
    }
    if (error_is(reason, ERROR_GONE_STALE)) {
        error_set(error, ERROR_CONFLICT, "migration %s is over", api_param(context, "id"));
        g_error_free(reason);
    } else {
        g_propagate_error(error, reason);
    }
    return NULL;
}

/* A mode of its own, and recorded as such: the guest is paused as soon as its move has begun, so it
 * is certain to end, and not without a gap. */
HttpResponse *
drover_pause_first(ApiContext *context, GError **error)
{
    GError *reason = NULL;
    g_autoptr(Migration) migration = get_migration_of_instance(context, error);
    if (migration == NULL) {
        return NULL;
    }
    store_set_migration_pause_first(context->store, migration->operation.id, &reason);
    return reply_wanted(context, reason, error);
}

/* The Compute API lets a live migration be aborted; a cold one may be as well, until its disks are
 * copied and the destination gets the guest. */
HttpResponse *
drover_abort(ApiContext *context, GError **error)
{
    GError *reason = NULL;
    g_autoptr(Migration) migration = get_migration_of_instance(context, error);
    if (migration == NULL) {
        return NULL;
    }
    const char *status = context->options->migration_status(migration);
    if (g_strcmp0(status, "post-migrating") == 0 || !migration->operation.is_open) {
        error_set(error, ERROR_CONFLICT, "migration %s is %s: it cannot be aborted any more",
            api_param(context, "id"), status);
        return NULL;
    }
    g_autofree char *why_not = compute_why_no_way_back(context, migration);
    if (why_not != NULL) {
        error_set(error, ERROR_CONFLICT, "migration %s is %s: it cannot be aborted. %s",
            api_param(context, "id"), status, why_not);
        return NULL;
    }
    store_set_wanted(context->store, migration->operation.id, WANTED_CANCEL, &reason);
    return reply_wanted(context, reason, error);
}
