/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What consoles said on hosts that their instances have left. */
#include "store/console.h"
#include <string.h>

/* Of one instance, all pieces together. */
enum { CONSOLE_BYTES_MAX = 256 * 1024 };

#define SQL_SAVE                                                                                   \
    "INSERT INTO consoles (instance_id, operation_id, size_bytes, text) VALUES ($1, $2, $3, $4)"   \
    " ON CONFLICT (instance_id, operation_id)"                                                     \
    " DO UPDATE SET size_bytes = excluded.size_bytes, text = excluded.text"
/* Pieces that newer ones have pushed over the cap. */
#define SQL_TRIM                                                                                   \
    "DELETE FROM consoles WHERE instance_id = $1 AND $2 <= (SELECT COALESCE(SUM(n.size_bytes), 0)" \
    " FROM consoles n WHERE n.instance_id = $1 AND n.operation_id > consoles.operation_id)"
#define SQL_LOAD "SELECT text FROM consoles WHERE instance_id = $1 ORDER BY operation_id"
#define SQL_FORGET_PIECE "DELETE FROM consoles WHERE instance_id = $1 AND operation_id = $2"
#define SQL_FORGET "DELETE FROM consoles WHERE instance_id = $1"

/* The last bytes that the cap allows, never beginning inside a character. */
static const char *
tail(const char *text)
{
    size_t size = strlen(text);

    if (size <= CONSOLE_BYTES_MAX) {
        return text;
    }
    text += size - CONSOLE_BYTES_MAX;
    while (((unsigned char)*text & 0xc0) == 0x80) {
        text++;
    }
    return text;
}

static bool
save(Store *store, const char *instance_id, int64_t operation_id, const char *text, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SAVE, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, instance_id);
    db_bind_int(statement, 2, operation_id);
    db_bind_int(statement, 3, (int64_t)strlen(text));
    db_bind_text(statement, 4, text);
    return db_run(statement, NULL, error);
}

static bool
trim(Store *store, const char *instance_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_TRIM, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, instance_id);
    db_bind_int(statement, 2, CONSOLE_BYTES_MAX);
    return db_run(statement, NULL, error);
}

bool
store_save_console(Store *store, const char *instance_id, int64_t operation_id, const char *text,
    size_t size, GError **error)
{
    /* A guest writes what it likes; a TEXT holds UTF-8 without NUL. */
    g_autofree char *valid = g_utf8_make_valid(text, (gssize)size);
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    return transaction != NULL && save(store, instance_id, operation_id, tail(valid), error) &&
        trim(store, instance_id, error) && db_commit(transaction, error);
}

char *
store_load_console(Store *store, const char *instance_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_LOAD, error);
    g_autoptr(GString) joined = g_string_new(NULL);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, instance_id);
    for (;;) {
        bool row = false;
        if (!db_step(statement, &row, error)) {
            return NULL;
        }
        if (!row) {
            return g_strdup(tail(joined->str));
        }
        g_string_append(joined, db_text(statement, 0));
    }
}

bool
store_forget_console(Store *store, const char *instance_id, int64_t operation_id, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);

    if (transaction == NULL) {
        return false;
    }
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FORGET_PIECE, error);
    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, instance_id);
    db_bind_int(statement, 2, operation_id);
    return db_run(statement, NULL, error) && db_commit(transaction, error);
}

bool
console_forget(Store *store, const char *instance_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FORGET, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, instance_id);
    return db_run(statement, NULL, error);
}
