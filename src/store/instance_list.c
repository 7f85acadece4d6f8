/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The list of instances: filters in SQL where a column decides, in C where what is shown is
 * derived (status, task state) or a regular expression decides. */
#include "store/instance_rows.h"
#include "store/ports.h"
#include "store/query.h"
#include <string.h>

/* Nova's sort keys. NULL sorts as "", on every database. */
static const struct SortKey {
    const char *name;
    const char *expression;
} sort_keys[] = {
    {"created_at", "i.created_us"},
    {"updated_at", "i.updated_us"},
    {"launched_at", "i.launched_us"},
    {"terminated_at", "i.terminated_us"},
    {"deleted_at", "i.terminated_us"},
    {"display_name", "i.name"},
    {"display_description", "COALESCE(i.description, '')"},
    {"hostname", "i.hostname"},
    {"host", "COALESCE(i.host, '')"},
    {"node", "COALESCE(i.host, '')"},
    {"uuid", "i.id"},
    {"id", "i.number"},
    {"project_id", "i.project_id"},
    {"user_id", "i.user_id"},
    {"vm_state", "i.vm_state"},
    {"power_state", "i.power_state"},
    {"task_state",
        "COALESCE((SELECT t.kind FROM operations t WHERE t.instance_id = i.id AND t.is_open = 1),"
        " '')"},
    {"image_ref", "COALESCE(i.image_id, '')"},
    {"instance_type_id", "i.flavor_id"},
    {"key_name", "COALESCE(i.key_name, '')"},
    {"availability_zone", "COALESCE(i.availability_zone, '')"},
    {"locked", "i.locked"},
};

/* Tags as they stand in tags_json. What Nova calls "not-tags" is the contrary of "tags". */
typedef struct TagFilter {
    char **quoted; /* NULL = any */
    bool needs_all;
    bool is_negated;
} TagFilter;

enum { N_TAG_FILTERS = 4 };

/* What is decided row by row. */
typedef struct RowFilter {
    GRegex *name;
    GHashTable *ids; /* of the instances whose address matches; NULL = any */
    char **statuses; /* NULL = any */
    const char *task_state;
    TagFilter tags[N_TAG_FILTERS];
} RowFilter;

static void
row_filter_clear(RowFilter *filter)
{
    g_clear_pointer(&filter->name, g_regex_unref);
    g_clear_pointer(&filter->ids, g_hash_table_unref);
    g_clear_pointer(&filter->statuses, g_strfreev);
    for (int i = 0; i < N_TAG_FILTERS; i++) {
        g_clear_pointer(&filter->tags[i].quoted, g_strfreev);
    }
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RowFilter, row_filter_clear)

static bool
compile(const char *pattern, GRegex **ret_regex, GError **error)
{
    g_autoptr(GError) cause = NULL;

    *ret_regex = g_regex_new(pattern, 0, 0, &cause);
    return *ret_regex != NULL ||
        error_set(
            error, ERROR_INVALID, "'%s' is not a regular expression: %s", pattern, cause->message);
}

/* Each tag of a comma separated list as JSON writes it. */
static char **
quote_tags(const char *tags)
{
    if (tags == NULL) {
        return NULL;
    }
    char **list = g_strsplit(tags, ",", -1);
    for (char **tag = list; *tag != NULL; tag++) {
        GString *quoted = g_string_new(*tag);
        g_string_replace(quoted, "\\", "\\\\", 0);
        g_string_replace(quoted, "\"", "\\\"", 0);
        g_string_prepend_c(quoted, '"');
        g_string_append_c(quoted, '"');
        g_free(*tag);
        *tag = g_string_free(quoted, false);
    }
    return list;
}

static bool
tags_pass(const TagFilter *filter, const char *tags_json)
{
    unsigned n_found = 0;

    if (filter->quoted == NULL) {
        return true;
    }
    for (char **tag = filter->quoted; *tag != NULL; tag++) {
        n_found += tags_json != NULL && strstr(tags_json, *tag) != NULL;
    }
    bool passes = filter->needs_all ? n_found == g_strv_length(filter->quoted) : n_found > 0;
    return passes != filter->is_negated;
}

static bool
row_filter_init(Store *store, const InstanceFilter *filter, RowFilter *rows, GError **error)
{
    if (filter->name_regex != NULL && !compile(filter->name_regex, &rows->name, error)) {
        return false;
    }
    if (filter->address != NULL) {
        g_autoptr(GRegex) address = NULL;
        if (!compile(filter->address, &address, error) ||
            !ports_match(store, address, &rows->ids, error)) {
            return false;
        }
    }
    rows->statuses = filter->statuses != NULL ? g_strsplit(filter->statuses, ",", -1) : NULL;
    rows->task_state = filter->task_state;
    rows->tags[0] = (TagFilter){quote_tags(filter->tags), true, false};
    rows->tags[1] = (TagFilter){quote_tags(filter->tags_any), false, false};
    rows->tags[2] = (TagFilter){quote_tags(filter->not_tags), true, true};
    rows->tags[3] = (TagFilter){quote_tags(filter->not_tags_any), false, true};
    return true;
}

static bool
row_filter_is_empty(const RowFilter *rows)
{
    for (int i = 0; i < N_TAG_FILTERS; i++) {
        if (rows->tags[i].quoted != NULL) {
            return false;
        }
    }
    return rows->name == NULL && rows->ids == NULL && rows->statuses == NULL &&
        rows->task_state == NULL;
}

static bool
shown_state_passes(const RowFilter *rows, DbStatement *statement)
{
    const char *status = NULL;
    const char *task_state = NULL;

    if (rows->statuses == NULL && rows->task_state == NULL) {
        return true;
    }
    instance_peek(statement, &status, &task_state);
    return (rows->statuses == NULL ||
               g_strv_contains((const char *const *)rows->statuses, status)) &&
        (rows->task_state == NULL || g_strcmp0(rows->task_state, task_state) == 0);
}

static bool
row_passes(const RowFilter *rows, DbStatement *statement)
{
    if (rows->name != NULL && !g_regex_match(rows->name, instance_peek_name(statement), 0, NULL)) {
        return false;
    }
    if (rows->ids != NULL && !g_hash_table_contains(rows->ids, instance_peek_id(statement))) {
        return false;
    }
    for (int i = 0; i < N_TAG_FILTERS; i++) {
        if (!tags_pass(&rows->tags[i], instance_peek_tags(statement))) {
            return false;
        }
    }
    return shown_state_passes(rows, statement);
}

static const char *
find_sort_expression(const char *key)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(sort_keys); i++) {
        if (strcmp(sort_keys[i].name, key) == 0) {
            return sort_keys[i].expression;
        }
    }
    return NULL;
}

/* Of the host's aggregates, the default when they are none; asked for, without a host. */
static void
add_zone(Query *query, const char *zone, const char *default_zone)
{
    if (zone == NULL) {
        return;
    }
    query_append(query,
        " AND COALESCE((SELECT MIN(m.value) FROM aggregate_hosts a JOIN aggregate_metadata m"
        " ON m.aggregate_id = a.aggregate_id AND m.key = '" AGGREGATE_ZONE "'"
        " WHERE a.host = i.host), CASE WHEN i.host IS NULL THEN i.availability_zone ELSE ");
    query_append_text(query, default_zone);
    query_append(query, " END, '') = ");
    query_append_text(query, zone);
}

static void
add_conditions(Query *query, const InstanceFilter *filter, const char *default_zone)
{
    if (!filter->with_deleted) {
        /* Written out, so that the indexes on living rows can be used. */
        query_append(
            query, filter->deleted ? " AND i.terminated_us <> 0" : " AND i.terminated_us = 0");
    }
    query_where_text(query, "i.project_id =", filter->project_id);
    query_where_text(query, "i.user_id =", filter->user_id);
    query_where_text(query, "i.host =", filter->host);
    query_where_text(query, "i.id =", filter->id);
    query_where_text(query, "i.hostname =", filter->hostname);
    query_where_text(query, "i.key_name =", filter->key_name);
    query_where_text(query, "i.reservation_id =", filter->reservation_id);
    add_zone(query, filter->availability_zone, default_zone);
    query_where_text(query, "i.image_id =", filter->image_id);
    query_where_text(query, "i.flavor_id =", filter->flavor_id);
    query_where_text(query, "i.vm_state =", filter->vm_state);
    if (filter->power_state >= 0) {
        query_where_int(query, "i.power_state =", filter->power_state);
    }
    if (filter->locked >= 0) {
        query_where_int(query, "i.locked =", filter->locked);
    }
    if (filter->changed_since_us != 0) {
        query_where_int(query, "i.updated_us >=", filter->changed_since_us);
    }
    if (filter->changed_before_us != 0) {
        query_where_int(query, "i.updated_us <=", filter->changed_before_us);
    }
}

/* Rows behind the marker, and their order. The number decides between equals, so that no row is
 * shown on two pages or on none. */
static bool
add_order(Query *query, const InstanceFilter *filter, GError **error)
{
    const char *key = filter->sort_key != NULL ? filter->sort_key : "created_at";
    const char *sort = find_sort_expression(key);
    const char *direction = filter->sort_ascending ? "ASC" : "DESC";

    if (sort == NULL) {
        return error_set(error, ERROR_INVALID, "instances cannot be sorted by '%s'", key);
    }
    if (filter->marker != NULL) {
        g_autofree char *after = g_strdup_printf(" AND (%s, i.number) %s "
                                                 "(SELECT %s, i.number FROM instances i WHERE "
                                                 "i.id = ",
            sort, filter->sort_ascending ? ">" : "<", sort);
        query_append(query, after);
        query_append_text(query, filter->marker);
        query_append(query, ")");
    }
    g_autofree char *order =
        g_strdup_printf(" ORDER BY %s %s, i.number %s", sort, direction, direction);
    query_append(query, order);
    return true;
}

static bool
check_marker(Store *store, const char *marker, GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autoptr(Instance) instance = NULL;

    if (marker == NULL) {
        return true;
    }
    instance = instance_get_row(store, marker, &cause);
    if (instance == NULL && error_is(cause, ERROR_NOT_FOUND)) {
        return error_set(error, ERROR_INVALID, "marker [%s] not found", marker);
    }
    if (instance == NULL) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return false;
    }
    return true;
}

static GPtrArray *
read_matching(DbStatement *statement, const RowFilter *rows, int limit, GError **error)
{
    g_autoptr(GPtrArray) instances = g_ptr_array_new_with_free_func((GDestroyNotify)instance_free);

    while (limit == 0 || instances->len < (unsigned)limit) {
        bool row = false;
        if (!db_step(statement, &row, error)) {
            return NULL;
        }
        if (!row) {
            break;
        }
        if (row_filter_is_empty(rows) || row_passes(rows, statement)) {
            g_ptr_array_add(instances, instance_read(statement));
        }
    }
    return g_steal_pointer(&instances);
}

GPtrArray *
store_list_instances(Store *store, const InstanceFilter *filter, GError **error)
{
    g_auto(RowFilter) rows = {0};
    g_autoptr(Query) query = query_new(INSTANCE_SELECT " WHERE 1 = 1");
    g_autoptr(DbTransaction) transaction = db_begin_read(store, error);

    if (transaction == NULL || !check_marker(store, filter->marker, error) ||
        !row_filter_init(store, filter, &rows, error)) {
        return NULL;
    }
    add_conditions(query, filter, db_default_zone(store));
    if (!add_order(query, filter, error)) {
        return NULL;
    }
    /* With a filter in C the rows are counted there. */
    if (filter->limit > 0 && row_filter_is_empty(&rows)) {
        query_append(query, " LIMIT ");
        query_append_int(query, filter->limit);
    }
    g_autoptr(DbStatement) statement = query_prepare(query, store, error);
    if (statement == NULL) {
        return NULL;
    }
    g_autoptr(GPtrArray) instances = read_matching(statement, &rows, filter->limit, error);
    if (instances == NULL || !ports_load(store, instances, error)) {
        return NULL;
    }
    return g_steal_pointer(&instances);
}
