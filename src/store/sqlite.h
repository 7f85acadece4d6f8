/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What the files of the SQLite layer share; the one place that includes sqlite3.h. connection.c
 * opens and keeps connections, sqlite.c runs statements and transactions on them.
 *
 * Each thread has a connection of its own, kept in thread-local memory; when a thread ends, its
 * connection waits in the store's idle list for the next one. Writers take the store's mutex
 * before BEGIN IMMEDIATE: waiting there is fair and immediate, where SQLite's own waiting would
 * sleep and try again.
 *
 * Locks, outermost first: Store.write, connections_lock of connection.c (a leaf). */
#include "store/changes.h"
#include "store/db.h"
#include "store/known_hosts.h"
#include <sqlite3.h>

typedef struct Connection {
    Store *store; /* NULL once the store is closed; atomic */
    sqlite3 *handle;
    GHashTable *statements;     /* address of the SQL -> DbStatement */
    DbTransaction *transaction; /* the open one, or NULL */
    GArray *changes;            /* Change: what the open transaction has written */
} Connection;

struct Store {
    const Clock *clock;
    char *path;
    char *default_zone; /* of hosts whose aggregates are no zone */
    int lock_fd;
    int schema_version;
    bool has_schema; /* connections watch its tables */
    KnownHosts *known_hosts;
    StoreOnChange on_change; /* NULL: nobody listens */
    void *on_change_data;
    int64_t epoch;       /* 0: this is no daemon's. Under the write lock */
    int is_lost;         /* atomic: somebody else's epoch has been seen */
    StoreOnLost on_lost; /* NULL: nobody listens */
    void *on_lost_data;
    GMutex write;           /* held during every write transaction */
    GPtrArray *connections; /* all of them; under connections_lock */
    GPtrArray *idle;        /* those whose thread has ended; under connections_lock */
};

struct DbStatement {
    Connection *connection;
    sqlite3_stmt *handle;
    bool is_cached;
    bool is_used;
    bool is_write;
    int n_parameters;
    int parameters[]; /* SQLite's index of $1, $2, ...: it counts by first appearance */
};

struct DbTransaction {
    Connection *connection;
    bool is_open;
    bool is_write;
    bool is_synced;
};

/* Begins to note what is written by way of this connection. */
void sqlite_note_changes(Connection *connection);
/* This thread's connection; opened when it has none. */
Connection *connection_get(Store *store, GError **error);
/* Sets the error that an SQLite code means for whoever runs the daemon; returns false. */
bool sqlite_fail(Connection *connection, int code, GError **error);
void sqlite_statement_free(DbStatement *statement);
/* ---- epoch.c ---- */
/* Inside a write transaction. ERROR_STORE_DOWN: the database is another daemon's now. */
bool sqlite_check_epoch(Store *store, GError **error);
/* ---- watch.c ---- */
/* From now on, what this connection changes of hosts and claims is noted. An SQLite code. */
int sqlite_watch_hosts(Connection *connection);
