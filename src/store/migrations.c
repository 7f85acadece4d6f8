/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/migration_rows.h"
#include "store/operation_rows.h"
#include "store/query.h"

#define COLUMNS                                                                                    \
    "m.id, m.uuid, m.type, m.source_host, m.dest_host, m.block_migration, m.disk_over_commit,"     \
    " m.force, m.early_checks, m.copies_disks, m.disks, m.generation, m.pause_first,"              \
    " m.rehearse,"                                                                                 \
    " m.convergence,"                                                                              \
    " m.convergence_reason, m.connections, m.downtime_limit_ms, m.forced, m.forced_reason,"        \
    " m.trouble, m.ends_stopped, m.admin_pass, m.reason,"                                          \
    " m.memory_total_bytes,"                                                                       \
    " m.memory_processed_bytes, m.memory_remaining_bytes, m.disk_total_bytes,"                     \
    " m.disk_processed_bytes, m.disk_remaining_bytes, m.memory_bytes_s, m.disk_bytes_s,"           \
    " m.dirty_bytes_s, m.iteration, m.elapsed_ms, m.downtime_ms, m.started_us, "                   \
    "m.finished_us, m.was_running, e.id, e.state, e.is_open, e.updated_us, e.error_code,"          \
    " e.message, r.id, r.error_code, r.message, " OPERATION_COLUMNS
/* Of them, those of e and of r. */
enum { END_COLUMNS = 9 };
#define SELECT_MIGRATIONS                                                                          \
    "SELECT " COLUMNS " FROM migrations m JOIN operations o ON o.id = m.operation_id"              \
    " LEFT JOIN operations e ON e.id = m.end_operation_id"                                         \
    " LEFT JOIN operations r ON r.id = m.refused_operation_id"
#define SQL_GET SELECT_MIGRATIONS " WHERE m.id = $1"
#define SQL_GET_OF_OPERATION                                                                       \
    SELECT_MIGRATIONS " WHERE m.operation_id = $1 OR m.end_operation_id = $1"
#define SQL_GET_BY_UUID SELECT_MIGRATIONS " WHERE m.uuid = $1"
#define SQL_INSERT                                                                                 \
    "INSERT INTO migrations (uuid, operation_id, instance_id, source_host, block_migration,"       \
    " disk_over_commit, force, early_checks, type, ends_stopped, admin_pass, reason,"             \
    " rehearse)"                                                                                   \
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
#define STATS_ASSIGNMENTS                                                                          \
    "memory_total_bytes = $2, memory_processed_bytes = $3, memory_remaining_bytes = $4,"           \
    " disk_total_bytes = $5, disk_processed_bytes = $6, disk_remaining_bytes = $7,"                \
    " memory_bytes_s = $8, disk_bytes_s = $9, dirty_bytes_s = $10, iteration = $11,"               \
    " elapsed_ms = $12, downtime_ms = $13"
#define SQL_SET_STATS "UPDATE migrations SET " STATS_ASSIGNMENTS " WHERE operation_id = $1"
#define SQL_UPDATE                                                                                 \
    "UPDATE migrations SET " STATS_ASSIGNMENTS ", dest_host = $14, copies_disks = $15,"            \
    " generation = $16, started_us = $17, finished_us = $18, convergence = $19,"                   \
    " convergence_reason = $20, connections = $21, disks = $22, admin_pass = $23,"                 \
    " was_running = $24, end_operation_id = $25, refused_operation_id = $26 WHERE id = $1"
#define SQL_SET_FORCED                                                                             \
    "UPDATE migrations SET forced = $2, forced_reason = $3 WHERE operation_id = $1"
#define SQL_SET_TROUBLE "UPDATE migrations SET trouble = $2 WHERE operation_id = $1"
#define SQL_SET_DOWNTIME "UPDATE migrations SET downtime_limit_ms = $2 WHERE operation_id = $1"
#define SQL_SET_PAUSE_FIRST                                                                        \
    "UPDATE migrations SET pause_first = 1 WHERE operation_id = $1 AND EXISTS"                     \
    " (SELECT 1 FROM operations WHERE id = $1 AND is_open = 1)"

static const char *const block_migration_names[] = {
    [BLOCK_MIGRATION_AUTO] = "auto",
    [BLOCK_MIGRATION_YES] = "yes",
    [BLOCK_MIGRATION_NO] = "no",
};

static BlockMigration
parse_block_migration(const char *text)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(block_migration_names); i++) {
        if (g_strcmp0(text, block_migration_names[i]) == 0) {
            return (BlockMigration)i;
        }
    }
    g_assert_not_reached();
}

static MigrationType
parse_type(const char *text)
{
    MigrationType type = MIGRATION_TYPE_LIVE;
    bool known = migration_type_parse(text, &type);

    g_assert(known);
    return type;
}

static int
read_stats(DbStatement *statement, int column, JobStats *stats)
{
    stats->memory_total_bytes = db_int(statement, column++);
    stats->memory_processed_bytes = db_int(statement, column++);
    stats->memory_remaining_bytes = db_int(statement, column++);
    stats->disk_total_bytes = db_int(statement, column++);
    stats->disk_processed_bytes = db_int(statement, column++);
    stats->disk_remaining_bytes = db_int(statement, column++);
    stats->memory_bytes_s = db_int(statement, column++);
    stats->disk_bytes_s = db_int(statement, column++);
    stats->dirty_bytes_s = db_int(statement, column++);
    stats->iteration = db_int(statement, column++);
    stats->elapsed_ms = db_int(statement, column++);
    stats->downtime_ms = db_int(statement, column++);
    return column;
}

static int
read_convergence(DbStatement *statement, int column, Migration *migration)
{
    bool is_known = convergence_parse(db_text(statement, column++), &migration->convergence);

    g_assert(is_known);
    migration->convergence_reason = db_dup_text(statement, column++);
    migration->connections = (int)db_int(statement, column++);
    migration->downtime_limit_ms = (int)db_int(statement, column++);
    is_known = forcing_parse(db_text(statement, column++), &migration->forced);
    g_assert(is_known);
    migration->forced_reason = db_dup_text(statement, column++);
    migration->trouble = db_dup_text(statement, column++);
    return column;
}

static void
read_outcome(DbStatement *statement, int column, Operation *operation)
{
    g_free(operation->error_code);
    operation->error_code = db_dup_text(statement, column);
    g_free(operation->message);
    operation->message = db_dup_text(statement, column + 1);
}

/* Of the operations that confirm or revert it. */
static void
read_end(DbStatement *statement, int column, Migration *migration)
{
    Operation *operation = &migration->operation;

    migration->end_operation_id = db_int(statement, column);
    migration->refused_operation_id = db_int(statement, column + 6);
    if (migration->end_operation_id != 0) {
        g_free(operation->state);
        operation->state = db_dup_text(statement, column + 1);
        operation->is_open = db_int(statement, column + 2);
        operation->updated_us = db_int(statement, column + 3);
        read_outcome(statement, column + 4, operation);
    }
    if (migration->refused_operation_id != 0 && operation->error_code == NULL) {
        read_outcome(statement, column + 7, operation);
    }
}

static void *
read_migration(DbStatement *statement)
{
    Migration *migration = migration_new();
    int column = 0;

    migration->id = db_int(statement, column++);
    migration->uuid = db_dup_text(statement, column++);
    migration->type = parse_type(db_text(statement, column++));
    migration->source_host = db_dup_text(statement, column++);
    migration->dest_host = db_dup_text(statement, column++);
    migration->block_migration = parse_block_migration(db_text(statement, column++));
    migration->disk_over_commit = db_int(statement, column++);
    migration->force = db_int(statement, column++);
    migration->early_checks = db_int(statement, column++);
    migration->copies_disks = db_int(statement, column++);
    migration->disks = db_dup_text(statement, column++);
    migration->generation = db_int(statement, column++);
    migration->pause_first = db_int(statement, column++);
    migration->rehearse = db_int(statement, column++);
    column = read_convergence(statement, column, migration);
    migration->ends_stopped = db_int(statement, column++);
    migration->admin_pass = db_dup_text(statement, column++);
    migration->reason = db_dup_text(statement, column++);
    column = read_stats(statement, column, &migration->stats);
    migration->started_us = db_int(statement, column++);
    migration->finished_us = db_int(statement, column++);
    migration->was_running = db_int(statement, column++);
    operation_read_columns(statement, column + END_COLUMNS, &migration->operation);
    read_end(statement, column, migration);
    migration->requested_host = g_strdup(migration->operation.requested_host);
    return migration;
}

static Migration *
get_migration(Store *store, const char *sql, int64_t id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, sql, error);
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, id);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_int(statement, 1, id);
    return rows_get(statement, read_migration, "migration", text, error);
}

Migration *
store_get_migration(Store *store, int64_t id, GError **error)
{
    return get_migration(store, SQL_GET, id, error);
}

Migration *
store_get_migration_of_operation(Store *store, int64_t operation_id, GError **error)
{
    return get_migration(store, SQL_GET_OF_OPERATION, operation_id, error);
}

Migration *
store_get_migration_by_uuid(Store *store, const char *uuid, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET_BY_UUID, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, uuid);
    return rows_get(statement, read_migration, "migration", uuid, error);
}

/* ---- accepting ---- */

static bool
insert_migration(Store *store, const MigrationRequest *request, const Operation *operation,
    const char *source_host, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);
    g_autofree char *uuid = clock_new_uuid(db_clock(store));

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, uuid);
    db_bind_int(statement, 2, operation->id);
    db_bind_text(statement, 3, operation->instance_id);
    db_bind_text(statement, 4, source_host);
    db_bind_text(statement, 5, block_migration_names[request->block_migration]);
    db_bind_int(statement, 6, request->disk_over_commit);
    db_bind_int(statement, 7, request->force);
    db_bind_int(statement, 8, request->early_checks);
    db_bind_text(statement, 9, migration_type_name(request->type));
    db_bind_int(statement, 10, request->ends_stopped);
    db_bind_text(statement, 11, request->admin_pass);
    db_bind_text(statement, 12, request->reason);
    db_bind_int(statement, 13, request->rehearse);
    return db_run(statement, NULL, error);
}

Migration *
migration_accept(Store *store, const MigrationRequest *request, GError **error)
{
    g_autoptr(Instance) instance = NULL;
    g_autoptr(Operation) operation =
        operation_accept(store, &request->operation, request->requested_host, &instance, error);

    if (operation == NULL) {
        return NULL;
    }
    if (instance->host == NULL) {
        error_set(error, ERROR_CONFLICT, "while it is on no host");
        return NULL;
    }
    if (!insert_migration(store, request, operation, instance->host, error) ||
        (request->flavor != NULL &&
            !resize_insert_flavors(
                store, operation->id, &instance->flavor, request->flavor, error))) {
        return NULL;
    }
    return store_get_migration_of_operation(store, operation->id, error);
}

Migration *
store_accept_migration(Store *store, const MigrationRequest *request, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    if (transaction == NULL) {
        return NULL;
    }
    g_autoptr(Migration) migration = migration_accept(store, request, error);
    if (migration == NULL || !db_commit(transaction, error)) {
        return NULL;
    }
    return g_steal_pointer(&migration);
}

/* ---- the list ---- */

static bool
check_marker(Store *store, const char *marker, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(Migration) migration = store_get_migration_by_uuid(store, marker, &reason);

    return migration != NULL ||
        (error_pass_others(&reason, ERROR_NOT_FOUND, error) &&
            error_set(error, ERROR_INVALID, "marker [%s] not found", marker));
}

static void
add_conditions(Query *query, const MigrationFilter *filter)
{
    query_where_text(query, "m.instance_id =", filter->instance_id);
    query_where_text(query, "m.source_host =", filter->source_host);
    query_where_text(query, "m.type =", filter->type);
    query_where_text(query, "o.user_id =", filter->user_id);
    query_where_text(query, "o.project_id =", filter->project_id);
    query_where_in(query, "m.type || ':' || COALESCE(e.state, o.state)", filter->states);
    if (filter->host != NULL) {
        query_where_text(query, "(m.source_host =", filter->host);
        query_append(query, " OR m.dest_host = ");
        query_append_text(query, filter->host);
        query_append(query, ")");
    }
    if (filter->changed_since_us != 0) {
        query_where_int(query, "COALESCE(e.updated_us, o.updated_us) >=", filter->changed_since_us);
    }
    if (filter->changed_before_us != 0) {
        query_where_int(
            query, "COALESCE(e.updated_us, o.updated_us) <=", filter->changed_before_us);
    }
    if (filter->in_progress) {
        query_append(query, " AND COALESCE(e.is_open, o.is_open) = 1");
    }
}

static void
add_order(Query *query, const MigrationFilter *filter)
{
    if (filter->marker != NULL) {
        query_append(query, filter->oldest_first ? " AND m.id > " : " AND m.id < ");
        query_append(query, "(SELECT id FROM migrations WHERE uuid = ");
        query_append_text(query, filter->marker);
        query_append(query, ")");
    }
    query_append(query, filter->oldest_first ? " ORDER BY m.id" : " ORDER BY m.id DESC");
    if (filter->limit > 0) {
        query_append(query, " LIMIT ");
        query_append_int(query, filter->limit);
    }
}

GPtrArray *
store_list_migrations(Store *store, const MigrationFilter *filter, GError **error)
{
    g_autoptr(Query) query = query_new(SELECT_MIGRATIONS " WHERE 1 = 1");

    if (filter->marker != NULL && !check_marker(store, filter->marker, error)) {
        return NULL;
    }
    add_conditions(query, filter);
    add_order(query, filter);
    g_autoptr(DbStatement) statement = query_prepare(query, store, error);
    return statement == NULL
        ? NULL
        : rows_list(statement, read_migration, (GDestroyNotify)migration_free, error);
}

/* ---- progress ---- */

static void
bind_stats(DbStatement *statement, const JobStats *stats)
{
    int index = 2;

    db_bind_int(statement, index++, stats->memory_total_bytes);
    db_bind_int(statement, index++, stats->memory_processed_bytes);
    db_bind_int(statement, index++, stats->memory_remaining_bytes);
    db_bind_int(statement, index++, stats->disk_total_bytes);
    db_bind_int(statement, index++, stats->disk_processed_bytes);
    db_bind_int(statement, index++, stats->disk_remaining_bytes);
    db_bind_int(statement, index++, stats->memory_bytes_s);
    db_bind_int(statement, index++, stats->disk_bytes_s);
    db_bind_int(statement, index++, stats->dirty_bytes_s);
    db_bind_int(statement, index++, stats->iteration);
    db_bind_int(statement, index++, stats->elapsed_ms);
    db_bind_int(statement, index++, stats->downtime_ms);
}

bool
migration_update_row(Store *store, const Migration *migration, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_UPDATE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, migration->id);
    bind_stats(statement, &migration->stats);
    db_bind_text(statement, 14, migration->dest_host);
    db_bind_int(statement, 15, migration->copies_disks);
    db_bind_int(statement, 16, migration->generation);
    db_bind_int(statement, 17, migration->started_us);
    db_bind_int(statement, 18, migration->finished_us);
    db_bind_text(statement, 19, convergence_name(migration->convergence));
    db_bind_text(statement, 20, migration->convergence_reason);
    db_bind_int(statement, 21, migration->connections);
    db_bind_text(statement, 22, migration->disks);
    db_bind_text(statement, 23, migration->admin_pass);
    db_bind_int(statement, 24, migration->was_running);
    if (migration->end_operation_id != 0) {
        db_bind_int(statement, 25, migration->end_operation_id);
    }
    if (migration->refused_operation_id != 0) {
        db_bind_int(statement, 26, migration->refused_operation_id);
    }
    return db_run(statement, NULL, error);
}

bool
store_set_migration_stats(Store *store, int64_t operation_id, const JobStats *stats, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin_unsynced(store, error);

    if (transaction == NULL) {
        return false;
    }
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET_STATS, error);
    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, operation_id);
    bind_stats(statement, stats);
    return db_run(statement, NULL, error) && db_commit(transaction, error);
}

/* ---- how it is helped to its end ---- */

static bool
run_set(DbStatement *statement, DbTransaction *transaction, GError **error)
{
    return db_run(statement, NULL, error) && db_commit(transaction, error);
}

bool
store_set_migration_forced(
    Store *store, int64_t operation_id, Forcing forced, const char *reason, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    g_autoptr(DbStatement) statement =
        transaction != NULL ? db_prepare(store, SQL_SET_FORCED, error) : NULL;

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, operation_id);
    db_bind_text(statement, 2, forcing_name(forced));
    db_bind_text(statement, 3, reason);
    return run_set(statement, transaction, error);
}

bool
store_set_migration_trouble(
    Store *store, int64_t operation_id, const char *trouble, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin_unsynced(store, error);
    g_autoptr(DbStatement) statement =
        transaction != NULL ? db_prepare(store, SQL_SET_TROUBLE, error) : NULL;

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, operation_id);
    db_bind_text(statement, 2, trouble);
    return run_set(statement, transaction, error);
}

bool
store_set_migration_downtime(Store *store, int64_t operation_id, int downtime_ms, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin_unsynced(store, error);
    g_autoptr(DbStatement) statement =
        transaction != NULL ? db_prepare(store, SQL_SET_DOWNTIME, error) : NULL;

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, operation_id);
    db_bind_int(statement, 2, downtime_ms);
    return run_set(statement, transaction, error);
}

bool
store_set_migration_pause_first(Store *store, int64_t operation_id, GError **error)
{
    int changes = 0;
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    g_autoptr(DbStatement) statement =
        transaction != NULL ? db_prepare(store, SQL_SET_PAUSE_FIRST, error) : NULL;

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, operation_id);
    if (!db_run(statement, &changes, error) || !db_commit(transaction, error)) {
        return false;
    }
    return changes > 0 ||
        error_set(error, ERROR_GONE_STALE,
            "operation %" G_GINT64_FORMAT " is not under way any more", operation_id);
}
