/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Who wants to know what has changed is told after each commit: which rows, not what is in them.
 * Signs of life of hosts are left out: there is one for each host every few seconds. */
#include "store/store.h"

typedef enum {
    CHANGE_INSTANCE,
    CHANGE_OPERATION, /* of an instance, and of its migration */
    CHANGE_MIGRATION,
    CHANGE_HOST,
    CHANGE_DRAIN,
} ChangeKind;

typedef struct Change {
    ChangeKind kind;
    int64_t number; /* of the row */
} Change;

/* Of type Change. Runs on the thread that has committed, which holds no lock of the store: it must
 * be quick, and must not use the store. */
typedef void (*StoreOnChange)(const GArray *changes, void *data);
/* One listener; NULL: none. Before it is replaced no thread may be writing. */
void store_set_on_change(Store *store, StoreOnChange on_change, void *data);

/* What rows are called outside of the store. */
typedef struct ChangedNames {
    GHashTable *instances;  /* id -> id of its project */
    GHashTable *migrations; /* set of ids, as text */
    GHashTable *hosts;      /* set of names */
} ChangedNames;

/* Adds the names of that row to names; what is gone has none. */
bool store_name_change(Store *store, const Change *change, ChangedNames *names, GError **error);
