/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The volumes of guests that a pool holds, against the instances that there are. A volume of nobody
 * is put on record; it goes by itself only where it is proven that it may (leftovers.c), and else
 * when an operator says so. */
#include "base/log.h"
#include "engine/internal.h"

typedef struct Inventory {
    Engine *engine;
    char *host;
    HypervisorHost *session;
    int64_t asked_us;
    GPtrArray *volumes; /* VolumeView */
    GHashTable *strays; /* UUIDs of those that nobody wants */
    GError *error;
} Inventory;

static void
inventory_free(void *data)
{
    Inventory *inventory = data;

    g_clear_pointer(&inventory->session, hypervisor_host_unref);
    g_clear_pointer(&inventory->volumes, g_ptr_array_unref);
    g_clear_pointer(&inventory->strays, g_hash_table_unref);
    g_clear_error(&inventory->error);
    g_free(inventory->host);
    g_free(inventory);
}

static void
run_inventory(void *data)
{
    Inventory *inventory = data;

    inventory->volumes =
        hypervisor_list_guest_volumes(inventory->session, NULL, &inventory->error);
    g_clear_pointer(&inventory->session, hypervisor_host_unref);
}

/* ---- whose are they? ---- */

static const char *
pool_of(const Engine *engine, const char *host)
{
    const HostLink *link = hosts_find((Engine *)engine, host);
    const char *id = link != NULL && link->row->has_facts ? link->row->facts.pool_id : NULL;

    return id != NULL && id[0] != '\0' ? id : NULL;
}

/* Every volume of a shared pool is seen by each host; the first of them by name speaks for all. */
static bool
is_speaker(const Engine *engine, const char *host)
{
    const char *pool = pool_of(engine, host);
    GHashTableIter iter;
    void *name;

    if (pool == NULL) {
        return false;
    }
    g_hash_table_iter_init(&iter, engine->links);
    while (g_hash_table_iter_next(&iter, &name, NULL)) {
        if (g_strcmp0(name, host) < 0 && g_strcmp0(pool_of(engine, name), pool) == 0) {
            return false;
        }
    }
    return true;
}

/* What is under way may need them, and what changed since the question is not judged by its
 * answer. Volumes of a move that waits for its confirm are on record as kept. */
static bool
is_wanted(const Inventory *inventory, const Instance *instance)
{
    const char *pool = pool_of(inventory->engine, inventory->host);

    if (instance->open_operation != 0 || instance->updated_us >= inventory->asked_us ||
        instance->vm_state == VM_STATE_RESIZED) {
        return true;
    }
    return instance->terminated_us == 0 &&
        (instance->host == NULL || g_strcmp0(instance->host, inventory->host) == 0 ||
            g_strcmp0(pool_of(inventory->engine, instance->host), pool) == 0);
}

/* A copy that is on record as a whole is looked after as a whole. */
static bool
is_on_record(const Inventory *inventory, const char *uuid)
{
    LeftoverFilter filter = {.host = inventory->host, .instance_id = uuid};
    g_autoptr(GPtrArray) rows =
        store_list_leftovers(inventory->engine->context.store, &filter, NULL);

    for (unsigned i = 0; rows != NULL && i < rows->len; i++) {
        if (((Leftover *)rows->pdata[i])->kind == LEFTOVER_GUEST) {
            return true;
        }
    }
    return false;
}

/* What is being removed just now may be in the answer all the same: only what was a stray the last
 * time as well is one. */
static bool
is_stray_again(const Inventory *inventory, const char *uuid)
{
    GHashTable *last = g_hash_table_lookup(inventory->engine->strays, inventory->host);

    g_hash_table_add(inventory->strays, g_strdup(uuid));
    return last != NULL && g_hash_table_contains(last, uuid);
}

/* Volumes alone prove nothing: the pool of the instance's host may just be another one today than
 * yesterday. Only those of a deleted instance go by themselves. */
static void
judge(const Inventory *inventory, const char *uuid, int64_t size_bytes)
{
    Engine *engine = inventory->engine;
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) instance = store_get_instance(engine->context.store, uuid, &error);

    if (instance == NULL ? !error_is(error, ERROR_NOT_FOUND) : is_wanted(inventory, instance)) {
        return;
    }
    if (is_on_record(inventory, uuid) || !is_stray_again(inventory, uuid)) {
        return;
    }
    bool is_deleted = instance != NULL && instance->terminated_us != 0;
    const char *why = instance == NULL ? "volumes called after an instance that is not known"
        : is_deleted                   ? "volumes of an instance that was deleted"
                                       : "volumes of an instance that is elsewhere";
    Leftover leftover = leftover_of_guest(inventory->host, uuid, 0, true, why);
    leftover.size_bytes = size_bytes;
    if (!is_deleted) {
        leftover.kind = LEFTOVER_VOLUME;
        leftover.removable_when = (char *)"an operator says so: 'drover leftover remove'";
    }
    g_clear_error(&error);
    if (!store_record_leftover(engine->context.store, &leftover, &error)) {
        log_error("cannot record a leftover of host '%s': %s", inventory->host, error->message);
    } else if (is_deleted) {
        leftovers_look_again(engine, uuid);
    }
}

/* Rows of volumes that are gone, or wanted again. */
static void
forget_gone(const Inventory *inventory, GHashTable *sizes)
{
    Store *store = inventory->engine->context.store;
    LeftoverFilter filter = {.host = inventory->host};
    g_autoptr(GPtrArray) rows = store_list_leftovers(store, &filter, NULL);

    for (unsigned i = 0; rows != NULL && i < rows->len; i++) {
        const Leftover *row = rows->pdata[i];
        g_autoptr(Instance) instance = store_get_instance(store, row->name, NULL);
        bool is_gone = !g_hash_table_contains(sizes, row->name) ||
            (instance != NULL && is_wanted(inventory, instance));
        if (row->kind == LEFTOVER_VOLUME && is_gone) {
            store_delete_leftover(store, row->id, NULL);
        }
    }
}

static void
on_inventory(void *data, bool cancelled)
{
    const Inventory *inventory = data;
    g_autoptr(GHashTable) sizes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    GHashTableIter iter;
    void *uuid;
    void *size;

    if (cancelled || inventory->volumes == NULL ||
        !is_speaker(inventory->engine, inventory->host)) {
        return;
    }
    for (unsigned i = 0; i < inventory->volumes->len; i++) {
        VolumeView *volume = inventory->volumes->pdata[i];
        int64_t *sum = g_hash_table_lookup(sizes, volume->uuid);
        if (sum == NULL) {
            sum = g_new0(int64_t, 1);
            g_hash_table_insert(sizes, volume->uuid, sum);
        }
        *sum += volume->size_bytes;
    }
    g_hash_table_iter_init(&iter, sizes);
    while (g_hash_table_iter_next(&iter, &uuid, &size)) {
        judge(inventory, uuid, *(int64_t *)size);
    }
    forget_gone(inventory, sizes);
    g_hash_table_replace(inventory->engine->strays, g_strdup(inventory->host),
        g_hash_table_ref(inventory->strays));
}

void
inventory_take(Engine *engine, const char *host)
{
    HypervisorHost *session = hosts_find_session(engine, host);

    /* Its own, and of the hosts that share it: both are known once they have been asked. */
    if (session == NULL || hosts_is_gathering(engine) || !is_speaker(engine, host)) {
        return;
    }
    Inventory *inventory = g_new0(Inventory, 1);
    inventory->engine = engine;
    inventory->host = g_strdup(host);
    inventory->session = hypervisor_host_ref(session);
    inventory->asked_us = engine_now_us(engine);
    inventory->strays = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    calls_submit(engine->context.calls, LANE_SHORT, host, run_inventory, on_inventory, inventory,
        inventory_free);
}

/* ---- by order of an operator ---- */

typedef struct Removal {
    Engine *engine;
    int64_t id;
    char *uuid;
    HypervisorHost *session;
    GError *error;
} Removal;

static void
removal_free(void *data)
{
    Removal *removal = data;

    g_clear_pointer(&removal->session, hypervisor_host_unref);
    g_clear_error(&removal->error);
    g_free(removal->uuid);
    g_free(removal);
}

static void
run_removal(void *data)
{
    Removal *removal = data;

    hypervisor_remove_disks(removal->session, removal->uuid, &removal->error);
    g_clear_pointer(&removal->session, hypervisor_host_unref);
}

static void
on_removed(void *data, bool cancelled)
{
    const Removal *removal = data;
    Store *store = removal->engine->context.store;
    g_autoptr(GError) error = NULL;

    if (cancelled) {
        return;
    }
    bool is_written = removal->error == NULL
        ? store_delete_leftover(store, removal->id, &error)
        : store_set_leftover_error(store, removal->id, removal->error->message, &error);
    if (!is_written) {
        log_error("cannot write what became of a leftover: %s", error->message);
    }
}

void
inventory_remove(Engine *engine, const Leftover *row)
{
    HypervisorHost *session = hosts_find_session(engine, row->host);
    g_autoptr(Instance) instance = store_get_instance(engine->context.store, row->name, NULL);
    Inventory now = {
        .engine = engine, .host = row->host, .asked_us = engine_now_us(engine)};

    if (session == NULL || (instance != NULL && is_wanted(&now, instance))) {
        return;
    }
    Removal *removal = g_new0(Removal, 1);
    removal->engine = engine;
    removal->id = row->id;
    removal->uuid = g_strdup(row->name);
    removal->session = hypervisor_host_ref(session);
    calls_submit(engine->context.calls, LANE_SHORT, row->host, run_removal, on_removed, removal,
        removal_free);
}
