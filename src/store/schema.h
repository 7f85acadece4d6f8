/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The versions of the schema: data/sql/NNNN-name.sql, in the binary, in the order of their
 * numbers. Each is applied once, in a transaction of its own. */
#include "store/db.h"

typedef struct SchemaFile {
    int version;
    const char *name;
    const char *sql;
} SchemaFile;

extern const SchemaFile schema_files[];
extern const int n_schema_files;

/* Applies what is newer than the database. A database newer than the last file, or one that was
 * made by other files, is ERROR_UNSUPPORTED and is left alone. */
bool schema_upgrade(
    Store *store, const SchemaFile *files, int n_files, int *ret_version, GError **error);
