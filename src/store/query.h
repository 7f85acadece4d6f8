/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* A SELECT that is put together from the filters of a list: text and values side by side, so that
 * no value ever becomes a part of the text. */
#include "store/db.h"

typedef struct Query Query;

/* sql is the beginning, up to and with its first condition. */
Query *query_new(const char *sql);
void query_free(Query *query);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Query, query_free)
void query_append(Query *query, const char *sql);
/* Appends the next parameter ($n) and remembers its value. */
void query_append_text(Query *query, const char *value);
void query_append_int(Query *query, int64_t value);
/* " AND <expression> $n"; expression ends in its operator. A NULL value adds nothing. */
void query_where_text(Query *query, const char *expression, const char *value);
void query_where_int(Query *query, const char *expression, int64_t value);
/* " AND <column> IN (...)" of the comma separated items; NULL adds nothing. */
void query_where_in(Query *query, const char *column, const char *items);
/* Prepared and bound. */
DbStatement *query_prepare(Query *query, Store *store, GError **error);
