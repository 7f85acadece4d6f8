/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/query.h"

typedef struct Value {
    char *text; /* NULL: the number counts */
    int64_t number;
} Value;

struct Query {
    GString *sql;
    GArray *values;
};

static void
value_clear(void *value)
{
    g_free(((Value *)value)->text);
}

Query *
query_new(const char *sql)
{
    Query *query = g_new0(Query, 1);

    query->sql = g_string_new(sql);
    query->values = g_array_new(false, false, sizeof(Value));
    g_array_set_clear_func(query->values, value_clear);
    return query;
}

void
query_free(Query *query)
{
    if (query == NULL) {
        return;
    }
    g_string_free(query->sql, true);
    g_array_unref(query->values);
    g_free(query);
}

void
query_append(Query *query, const char *sql)
{
    g_string_append(query->sql, sql);
}

static void
append_value(Query *query, Value value)
{
    g_array_append_val(query->values, value);
    g_string_append_printf(query->sql, "$%u", query->values->len);
}

void
query_append_text(Query *query, const char *value)
{
    append_value(query, (Value){.text = g_strdup(value)});
}

void
query_append_int(Query *query, int64_t value)
{
    append_value(query, (Value){.number = value});
}

void
query_where_text(Query *query, const char *expression, const char *value)
{
    if (value != NULL) {
        g_string_append_printf(query->sql, " AND %s ", expression);
        query_append_text(query, value);
    }
}

void
query_where_int(Query *query, const char *expression, int64_t value)
{
    g_string_append_printf(query->sql, " AND %s ", expression);
    query_append_int(query, value);
}

void
query_where_in(Query *query, const char *column, const char *items)
{
    if (items == NULL) {
        return;
    }
    g_auto(GStrv) list = g_strsplit(items, ",", -1);
    g_string_append_printf(query->sql, " AND %s IN (", column);
    for (int i = 0; list[i] != NULL; i++) {
        query_append(query, i > 0 ? ", " : "");
        query_append_text(query, g_strstrip(list[i]));
    }
    query_append(query, ")");
}

DbStatement *
query_prepare(Query *query, Store *store, GError **error)
{
    DbStatement *statement = db_prepare_once(store, query->sql->str, error);

    for (unsigned i = 0; statement != NULL && i < query->values->len; i++) {
        const Value *value = &g_array_index(query->values, Value, i);
        if (value->text != NULL) {
            db_bind_text(statement, (int)i + 1, value->text);
        } else {
            db_bind_int(statement, (int)i + 1, value->number);
        }
    }
    return statement;
}
