/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* /os-migrations (all of them) and /servers/{id}/migrations (the live ones in progress), with abort
 * and force complete. Sources: Compute API reference, "Migrations", "Server migrations". */
#include "api/compute/compute.h"

#include <string.h>

/* ---- views ---- */

static const char *
status_of(const ApiContext *context, const Migration *migration)
{
    return context->options->migration_status(migration);
}

static json_t *
bytes_or_null(int64_t bytes)
{
    return bytes >= 0 ? json_integer(bytes) : json_null();
}

static void
add_owner(const ApiContext *context, const Migration *migration, json_t *view)
{
    if (context->minor >= 59) {
        json_object_set_new(view, "uuid", json_string(migration->uuid));
    }
    if (context->minor >= 80) {
        json_object_set_new(view, "user_id", api_string_or_null(migration->operation.user_id));
        json_object_set_new(
            view, "project_id", api_string_or_null(migration->operation.project_id));
    }
}

/* What both views share; dest_* are null until a destination is chosen. */
static json_t *
view_common(const ApiContext *context, const Migration *migration)
{
    const Operation *operation = &migration->operation;
    json_t *view = json_pack("{s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
        (json_int_t)migration->id, "status", status_of(context, migration), "source_compute",
        api_string_or_null(migration->source_host), "source_node",
        api_string_or_null(migration->source_host), "dest_compute",
        api_string_or_null(migration->dest_host), "dest_node",
        api_string_or_null(migration->dest_host), "dest_host",
        api_string_or_null(migration->dest_host), "created_at", api_time_us(operation->created_us),
        "updated_at", api_time_us(operation->updated_us));
    add_owner(context, migration, view);
    return view;
}

/* Nova: the numbers that flavors have in its database, which no other answer tells. Here it is
 * the flavor's ID where that is a number, and null where it is not, as for moves that keep the
 * flavor. */
static json_t *
flavor_number(const ApiContext *context, const Migration *migration, bool is_new)
{
    guint64 number = 0;
    if (migration->type != MIGRATION_TYPE_RESIZE) {
        return json_null();
    }
    g_autoptr(Flavor) flavor =
        store_get_resize_flavor(context->store, migration->operation.id, is_new, NULL);
    return flavor != NULL &&
            g_ascii_string_to_unsigned(flavor->id, 10, 0, G_MAXINT32, &number, NULL)
        ? json_integer((json_int_t)number)
        : json_null();
}

static json_t *
view_migration(const ApiContext *context, const Migration *migration)
{
    json_t *view = view_common(context, migration);
    const char *instance_id = migration->operation.instance_id;
    json_object_set_new(view, "instance_uuid", json_string(instance_id));
    json_object_set_new(
        view, "old_instance_type_id", flavor_number(context, migration, false));
    json_object_set_new(view, "new_instance_type_id", flavor_number(context, migration, true));
    if (context->minor >= 23) {
        json_object_set_new(
            view, "migration_type", json_string(migration_type_name(migration->type)));
        if (migration->type == MIGRATION_TYPE_LIVE && migration->operation.is_open) {
            g_autofree char *path =
                g_strdup_printf("%s/migrations/%" G_GINT64_FORMAT, instance_id, migration->id);
            json_object_set_new(view, "links", compute_links(context, "servers", path));
        }
    }
    return view;
}

static json_t *
view_server_migration(const ApiContext *context, const Migration *migration)
{
    const JobStats *stats = &migration->stats;
    json_t *view = view_common(context, migration);
    json_auto_t *progress = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "server_uuid",
        migration->operation.instance_id, "memory_total_bytes",
        bytes_or_null(stats->memory_total_bytes), "memory_processed_bytes",
        bytes_or_null(stats->memory_processed_bytes), "memory_remaining_bytes",
        bytes_or_null(stats->memory_remaining_bytes), "disk_total_bytes",
        bytes_or_null(stats->disk_total_bytes), "disk_processed_bytes",
        bytes_or_null(stats->disk_processed_bytes), "disk_remaining_bytes",
        bytes_or_null(stats->disk_remaining_bytes));
    json_object_update(view, progress);
    /* A project's manager may see that its server moves, not between which hosts. */
    if (!context->is_admin) {
        static const char *const hosts[] = {
            "source_compute", "source_node", "dest_compute", "dest_node", "dest_host"};
        for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
            json_object_set_new(view, hosts[i], json_null());
        }
    }
    return view;
}

/* ---- GET /os-migrations ---- */

static const QueryField list_query[] = {
    {"hidden", QUERY_STRING},
    {"host", QUERY_STRING},
    {"instance_uuid", QUERY_UUID},
    {"source_compute", QUERY_STRING},
    {"status", QUERY_STRING},
    {"migration_type", QUERY_STRING},
    {"limit", QUERY_INTEGER, 59},
    {"marker", QUERY_UUID, 59},
    {"changes-since", QUERY_TIME, 59},
    {"changes-before", QUERY_TIME, 66},
    {"user_id", QUERY_STRING, 80},
    {"project_id", QUERY_STRING, 80},
    {NULL},
};

static bool
read_filter(ApiContext *context, MigrationFilter *filter, char **ret_states, GError **error)
{
    const char *status = api_query(context, "status");
    const char *since = api_query(context, "changes-since");
    const char *before = api_query(context, "changes-before");
    *ret_states = status != NULL ? context->options->migration_states(status) : NULL;
    *filter = (MigrationFilter){
        .instance_id = api_query(context, "instance_uuid"),
        .host = api_query(context, "host"),
        .source_host = api_query(context, "source_compute"),
        /* A status that no state has: nothing matches. */
        .states = status == NULL  ? NULL
            : *ret_states != NULL ? *ret_states
                                  : "none",
        .type = api_query(context, "migration_type"),
        .oldest_first = context->minor < 59,
    };
    if (context->minor < 59) {
        return true;
    }
    Paging paging;
    if (!api_paging(context, &paging, error)) {
        return false;
    }
    filter->limit = paging.limit + 1;
    filter->marker = paging.marker;
    if (since != NULL) {
        time_parse(since, &filter->changed_since_us);
    }
    if (before != NULL && context->minor >= 66) {
        time_parse(before, &filter->changed_before_us);
    }
    if (filter->changed_before_us > 0 && filter->changed_since_us > filter->changed_before_us) {
        return error_set(error, ERROR_INVALID,
            "The value of changes-since must be less than or equal to changes-before.");
    }
    if (context->minor >= 80) {
        filter->user_id = api_query(context, "user_id");
        filter->project_id = api_query(context, "project_id");
    }
    return true;
}

HttpResponse *
compute_list_migrations(ApiContext *context, GError **error)
{
    MigrationFilter filter;
    g_autofree char *states = NULL;
    if (!validate_query(context->request, list_query, context->minor, 59, error) ||
        !read_filter(context, &filter, &states, error)) {
        return NULL;
    }
    g_autoptr(GPtrArray) migrations = store_list_migrations(context->store, &filter, error);
    if (migrations == NULL) {
        return NULL;
    }
    /* One more than asked for was read, to know whether there is a next page. */
    bool has_more = filter.limit > 0 && (int)migrations->len == filter.limit;
    unsigned n_shown = has_more ? migrations->len - 1 : migrations->len;
    json_t *rows = json_array();
    const char *last = NULL;
    for (unsigned i = 0; i < n_shown; i++) {
        const Migration *migration = migrations->pdata[i];
        json_array_append_new(rows, view_migration(context, migration));
        last = migration->uuid;
    }
    return compute_reply_list(context, "migrations", rows, has_more ? last : NULL);
}

/* ---- /servers/{id}/migrations ---- */

static bool
check_server(ApiContext *context, GError **error)
{
    g_autoptr(Instance) instance = compute_get_instance(context, api_param(context, "id"), error);
    return instance != NULL;
}

HttpResponse *
compute_list_server_migrations(ApiContext *context, GError **error)
{
    if (!check_server(context, error)) {
        return NULL;
    }
    MigrationFilter filter = {.instance_id = api_param(context, "id"),
        .type = migration_type_name(MIGRATION_TYPE_LIVE),
        .in_progress = true};
    g_autoptr(GPtrArray) migrations = store_list_migrations(context->store, &filter, error);
    if (migrations == NULL) {
        return NULL;
    }
    json_t *rows = json_array();
    for (unsigned i = 0; i < migrations->len; i++) {
        json_array_append_new(rows, view_server_migration(context, migrations->pdata[i]));
    }
    return api_json(200, json_pack("{s:o}", "migrations", rows));
}

/* The migration of that number and server, open or not; NULL when there is none. */
static bool
find_migration(ApiContext *context, Migration **ret_migration, GError **error)
{
    int64_t id = 0;
    *ret_migration = NULL;
    if (!g_ascii_string_to_signed(api_param(context, "migration"), 10, 1, G_MAXINT64, &id, NULL)) {
        return true;
    }
    g_autoptr(GError) problem = NULL;
    g_autoptr(Migration) migration = store_get_migration(context->store, id, &problem);
    if (!error_pass_others(&problem, ERROR_NOT_FOUND, error)) {
        return false;
    }
    if (migration != NULL &&
        strcmp(migration->operation.instance_id, api_param(context, "id")) == 0) {
        *ret_migration = g_steal_pointer(&migration);
    }
    return true;
}

HttpResponse *
compute_show_server_migration(ApiContext *context, GError **error)
{
    g_autoptr(Migration) migration = NULL;
    if (!check_server(context, error) || !find_migration(context, &migration, error)) {
        return NULL;
    }
    const char *id = api_param(context, "migration");
    const char *server = api_param(context, "id");
    if (migration == NULL) {
        error_set(error, ERROR_NOT_FOUND,
            "In-progress live migration %s is not found for server %s.", id, server);
    } else if (migration->type != MIGRATION_TYPE_LIVE) {
        error_set(error, ERROR_NOT_FOUND, "Migration %s for server %s is not live-migration.", id,
            server);
    } else if (!migration->operation.is_open) {
        error_set(error, ERROR_NOT_FOUND, "Live migration %s for server %s is not in progress.", id,
            server);
    } else {
        return api_json(
            200, json_pack("{s:o}", "migration", view_server_migration(context, migration)));
    }
    return NULL;
}

/* ---- abort and force complete ---- */

/* 409 when the server is not moving at all, whichever migration is named. */
static bool
check_migrating(ApiContext *context, const char *action, GError **error)
{
    g_autoptr(Instance) instance = compute_get_instance(context, api_param(context, "id"), error);
    if (instance == NULL) {
        return false;
    }
    return g_strcmp0(instance_task_state(instance), "migrating") == 0 ||
        error_set(error, ERROR_CONFLICT, "Instance %s is in an invalid state for '%s'",
            instance->id, action);
}

static bool
set_wanted(ApiContext *context, const Migration *migration, Wanted wanted, const char *action,
    GError **error)
{
    g_autoptr(GError) problem = NULL;
    OperationRequest request = {
        .kind = wanted == WANTED_CANCEL ? OPERATION_LIVE_MIGRATION_CANCEL
                                        : OPERATION_LIVE_MIGRATION_FORCE_COMPLETE,
        .instance_id = migration->operation.instance_id,
        .request_id = http_request_id(context->request),
        .user_id = context->identity->user_id,
        .project_id = migration->operation.project_id,
    };
    if (!store_accept_wanted(
            context->store, migration->operation.id, wanted, &request, &problem)) {
        if (error_is(problem, ERROR_GONE_STALE)) {
            return error_set(error, ERROR_CONFLICT, "Instance %s is in an invalid state for '%s'",
                migration->operation.instance_id, action);
        }
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    engine_nudge(context->engine);
    return true;
}

static bool
is_one_of(const char *status, const char *const *allowed)
{
    return g_strv_contains(allowed, status);
}

/* A guest in post-copy has no way back, unless what it did on a dead host is given up. */
static bool
is_in_post_copy(const Migration *migration)
{
    return g_strcmp0(migration->operation.state, "postcopy") == 0;
}

char *
compute_why_no_way_back(ApiContext *context, const Migration *migration)
{
    g_autoptr(Host) dest = NULL;
    bool is_found = is_in_post_copy(migration) && migration->dest_host != NULL &&
        store_find_host(context->store, migration->dest_host, &dest, NULL) && dest != NULL;

    if (!is_in_post_copy(migration) || (is_found && host_is_fenced(dest))) {
        return NULL;
    }
    if (is_found && !dest->connected) {
        return g_strdup_printf("The guest has gone to host %s, which does not answer, and a part "
                               "of its memory is still on the source. If that host does not come "
                               "back, say that it is dead ('openstack compute service set --down "
                               "%s nova-compute', or 'drover host power %s off') and abort the "
                               "migration.",
            dest->name, dest->name, dest->name);
    }
    return g_strdup("The guest runs on the destination already, and a part of its memory is still "
                    "on the source: without either of them it would be lost. It ends by itself.");
}

/* Nova's sentence does not say why: this follows it. Caller frees. */
static char *
why_not(ApiContext *context, const Migration *migration)
{
    g_autofree char *why = compute_why_no_way_back(context, migration);

    return why != NULL ? g_strconcat(" ", why, NULL) : g_strdup("");
}

/* 2.65: what is only queued or preparing may be given up as well. */
static bool
check_abortable(ApiContext *context, const Migration *migration, GError **error)
{
    static const char *const running[] = {"running", NULL};
    static const char *const early[] = {"running", "queued", "preparing", NULL};
    const char *status = status_of(context, migration);
    g_autofree char *why = why_not(context, migration);
    bool is_dead = is_in_post_copy(migration) && *why == '\0';

    if (migration->operation.is_open &&
        (is_dead || is_one_of(status, context->minor >= 65 ? early : running))) {
        return true;
    }
    return error_set(error, ERROR_INVALID,
        "Migration %" G_GINT64_FORMAT " state of instance %s is %s. Cannot abort live "
        "migration while the migration is in this state.%s",
        migration->id, migration->operation.instance_id, status, why);
}

HttpResponse *
compute_abort_migration(ApiContext *context, GError **error)
{
    g_autoptr(Migration) migration = NULL;
    if (!check_migrating(context, "abort live migration", error) ||
        !find_migration(context, &migration, error)) {
        return NULL;
    }
    if (migration == NULL) {
        error_set(error, ERROR_NOT_FOUND, "Migration %s not found for instance %s",
            api_param(context, "migration"), api_param(context, "id"));
        return NULL;
    }
    return check_abortable(context, migration, error) &&
            set_wanted(context, migration, WANTED_CANCEL, "abort live migration", error)
        ? api_empty(202)
        : NULL;
}

static const Field force_fields[] = {
    {"force_complete", FIELD_ANY, FIELD_REQUIRED | FIELD_NULLABLE},
    {NULL},
};

static bool
check_force_body(const ApiContext *context, GError **error)
{
    if (!validate_body(context->body, force_fields, 0, context->minor, error)) {
        return false;
    }
    const json_t *value = json_object_get(context->body, "force_complete");
    g_autofree char *repr = json_to_repr(value);
    return json_is_null(value) ||
        error_set(error, ERROR_INVALID,
            "Invalid input for field/attribute force_complete. Value: %s. %s is not of type 'null'",
            repr, repr);
}

HttpResponse *
compute_force_complete_migration(ApiContext *context, GError **error)
{
    static const char *const running[] = {"running", NULL};
    g_autoptr(Migration) migration = NULL;
    if (!check_force_body(context, error) || !check_migrating(context, "force_complete", error) ||
        !find_migration(context, &migration, error)) {
        return NULL;
    }
    const char *server = api_param(context, "id");
    if (migration == NULL) {
        error_set(error, ERROR_INVALID, "Migration %s not found for instance %s",
            api_param(context, "migration"), server);
        return NULL;
    }
    const char *status = status_of(context, migration);
    if (!migration->operation.is_open || !is_one_of(status, running)) {
        g_autofree char *why = why_not(context, migration);
        error_set(error, ERROR_INVALID,
            "Migration %" G_GINT64_FORMAT " state of instance %s is %s. Cannot force complete "
            "while the migration is in this state.%s",
            migration->id, server, status, why);
        return NULL;
    }
    return set_wanted(context, migration, WANTED_FORCE_COMPLETE, "force_complete", error)
        ? api_empty(202)
        : NULL;
}
