/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the entity files of store/ alone: statements by name, bound and read by position. SQL is
 * written with $1, $2, ... once for every database; times are INTEGER microseconds, booleans
 * INTEGER 0/1, JSON is TEXT. sqlite.c implements this. */
#include "store/known_hosts.h"

typedef struct DbStatement DbStatement;

/* A cached statement of this thread's connection; sql must be a string literal (its address is
 * the cache's key). NULL and error on failure. db_finish returns it to the cache. */
DbStatement *db_prepare(Store *store, const char *sql, GError **error);
/* The same without the cache, for a text that was put together. */
DbStatement *db_prepare_once(Store *store, const char *sql, GError **error);
void db_bind_text(DbStatement *statement, int index, const char *value); /* NULL binds NULL */
void db_bind_int(DbStatement *statement, int index, int64_t value);
void db_bind_double(DbStatement *statement, int index, double value);
void db_bind_bytes(DbStatement *statement, int index, GBytes *value); /* NULL binds NULL */
/* *ret_row false: no more rows. A statement that writes and gives rows (RETURNING) needs a
 * transaction around it. */
bool db_step(DbStatement *statement, bool *ret_row, GError **error);
/* Steps a statement that gives no rows; *ret_changes may be NULL. A write outside a transaction
 * gets one of its own. */
bool db_run(DbStatement *statement, int *ret_changes, GError **error);
char *db_dup_text(DbStatement *statement, int column);   /* NULL for NULL */
const char *db_text(DbStatement *statement, int column); /* borrowed until the next step */
int64_t db_int(DbStatement *statement, int column);
double db_double(DbStatement *statement, int column);
GBytes *db_dup_bytes(DbStatement *statement, int column); /* NULL for NULL */
void db_finish(DbStatement *statement);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbStatement, db_finish)

/* A write transaction (BEGIN IMMEDIATE). It rolls back unless committed:
 *   g_autoptr(DbTransaction) transaction = db_begin(store, error);
 *   ...
 *   return db_commit(transaction, error);  */
typedef struct DbTransaction DbTransaction;
DbTransaction *db_begin(Store *store, GError **error);
bool db_commit(DbTransaction *transaction, GError **error);
void db_end(DbTransaction *transaction);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbTransaction, db_end)
/* The same, but the commit is not synced: for what may be lost. */
DbTransaction *db_begin_unsynced(Store *store, GError **error);
/* Several reads that see the same moment; nothing to commit. */
DbTransaction *db_begin_read(Store *store, GError **error);
/* Several statements without parameters; for the schema. */
bool db_run_script(Store *store, const char *sql, GError **error);
/* What @IDENTITY@ and @BYTES@ in the schema stand for. */
const char *db_identity_type(void);
const char *db_bytes_type(void);
/* Of hosts whose aggregates are no zone; as long as the store. */
const char *db_default_zone(const Store *store);
KnownHosts *db_known_hosts(Store *store);
int64_t db_now_us(Store *store);
const Clock *db_clock(Store *store);
