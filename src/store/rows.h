/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the entity files: what reading and changing rows has in common. */
#include "store/db.h"

/* Makes a record of the row the statement stands on; the caller's. */
typedef void *(*RowReader)(DbStatement *statement);

/* Every row; the array frees its records with free_record. */
GPtrArray *rows_list(
    DbStatement *statement, RowReader read, GDestroyNotify free_record, GError **error);
/* The first row, *ret_record NULL when there is none. */
bool rows_find(DbStatement *statement, RowReader read, void **ret_record, GError **error);
/* The first row; ERROR_NOT_FOUND, which names the kind of thing and its id, when there is none. */
void *rows_get(
    DbStatement *statement, RowReader read, const char *thing, const char *id, GError **error);
/* Runs a change that must hit a row; ERROR_NOT_FOUND as above when it hits none. */
bool rows_change(DbStatement *statement, const char *thing, const char *id, GError **error);
