/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Domains whose instance is deleted, or is elsewhere in a newer generation; and what else
 * operations have left on hosts (the table leftovers). Each is on record until it is gone, and
 * goes when it is proven that it may. */
#include "base/log.h"
#include "engine/internal.h"
#include "evacuation/evacuation.h"

typedef enum {
    CLEAR_REMOVE, /* the domain, its volumes; also when it runs: its instance is deleted */
    CLEAR_OWN,    /* the domain if it is off, and its volumes: they are only its own */
    CLEAR_DOMAIN, /* the domain if it is off: its volumes belong to the instance's host too */
    CLEAR_ORDERED, /* as OWN or DOMAIN, also when it is paused: an operator says so */
    CLEAR_PAUSE,  /* it runs beside its newer generation: both keep what they have */
} ClearAction;

/* In engine->clearing: whether something has happened to it meanwhile, so that it is to be looked
 * at once more. */
enum { ASKED_ONCE = 1, ASK_AGAIN = 2 };

typedef struct Clearing {
    Engine *engine;
    char *key; /* in engine->clearing */
    ClearAction action;
    char *host_name;
    char *instance_id;
    char *token;          /* OWN: of the marker */
    int64_t generation;   /* that the instance has where it belongs */
    bool may_be_off;      /* the instance is off, as it should be */
    bool with_disks;      /* ORDERED: its volumes are its own */
    HypervisorHost *host; /* with the leftover */
    HypervisorHost *owner; /* the instance's host; NULL for REMOVE */
    bool is_proven;
    GError *error;
} Clearing;

static void
clearing_free(void *data)
{
    Clearing *clearing = data;

    g_clear_pointer(&clearing->host, hypervisor_host_unref);
    g_clear_pointer(&clearing->owner, hypervisor_host_unref);
    g_clear_error(&clearing->error);
    g_free(clearing->key);
    g_free(clearing->host_name);
    g_free(clearing->instance_id);
    g_free(clearing->token);
    g_free(clearing);
}

/* ---- on a worker ---- */

/* The newer generation must be seen first: running, or off as its owner wants it. */
static bool
prove(Clearing *clearing)
{
    DomainView view = {0};

    if (!hypervisor_describe_domain(
            clearing->owner, clearing->instance_id, &view, &clearing->error)) {
        return false;
    }
    bool is_active = view.state == DOMAIN_RUNNING || view.state == DOMAIN_PAUSED;
    bool is_off = clearing->may_be_off && view.state == DOMAIN_SHUT_OFF;
    bool is_newest = view.job == DOMAIN_JOB_NONE && view.generation == clearing->generation;
    domain_view_clear(&view);
    return (is_active || is_off) && is_newest;
}

/* Its volumes were its own when it left. Pools may have been mounted since. */
static bool
clear_own(Clearing *clearing)
{
    const char *id = clearing->instance_id;
    bool is_shared = false;

    if (!hypervisor_probe_shared_pool(
            clearing->owner, clearing->host, NULL, clearing->token, &is_shared,
            &clearing->error)) {
        return false;
    }
    return is_shared ? hypervisor_forget_guest(clearing->host, id, &clearing->error)
                     : hypervisor_remove_guest(clearing->host, id, false, &clearing->error);
}

static bool
clear_ordered(Clearing *clearing)
{
    const char *id = clearing->instance_id;

    if (!hypervisor_destroy_guest(clearing->host, id, &clearing->error)) {
        if (!error_is(clearing->error, ERROR_NOT_FOUND)) {
            return false;
        }
        g_clear_error(&clearing->error);
    }
    return clearing->with_disks ? clear_own(clearing)
                                : hypervisor_forget_guest(clearing->host, id, &clearing->error);
}

static bool
act(Clearing *clearing)
{
    const char *id = clearing->instance_id;

    switch (clearing->action) {
    case CLEAR_REMOVE: return hypervisor_remove_guest(clearing->host, id, true, &clearing->error);
    case CLEAR_OWN: return clear_own(clearing);
    case CLEAR_DOMAIN: return hypervisor_forget_guest(clearing->host, id, &clearing->error);
    case CLEAR_ORDERED: return clear_ordered(clearing);
    case CLEAR_PAUSE: return hypervisor_pause_guest(clearing->host, id, &clearing->error);
    }
    g_assert_not_reached();
}

static void
run_clearing(void *data)
{
    Clearing *clearing = data;

    clearing->is_proven = clearing->owner == NULL || prove(clearing);
    if (clearing->is_proven) {
        act(clearing);
    }
    g_clear_pointer(&clearing->host, hypervisor_host_unref);
    g_clear_pointer(&clearing->owner, hypervisor_host_unref);
}

/* ---- records ---- */

/* The record of that guest on that host; NULL: there is none. */
static Leftover *
find_record(Engine *engine, const char *host, const char *instance_id)
{
    LeftoverFilter filter = {.host = host, .instance_id = instance_id};
    g_autoptr(GPtrArray) rows = store_list_leftovers(engine->context.store, &filter, NULL);

    for (unsigned i = 0; rows != NULL && i < rows->len; i++) {
        if (((Leftover *)rows->pdata[i])->kind == LEFTOVER_GUEST) {
            return g_ptr_array_steal_index(rows, i);
        }
    }
    return NULL;
}

/* The deleted instance's guest is gone, so nobody writes to its volumes any more. */
static void
release_volumes(const Clearing *clearing)
{
    g_autoptr(GError) error = NULL;

    if (clearing->action == CLEAR_REMOVE &&
        !store_release_volumes(
            clearing->engine->context.store, clearing->instance_id, &error)) {
        log_warning("the volumes of instance %s stay taken: %s", clearing->instance_id,
            error->message);
    }
}

/* The record afterwards; NULL: it could not be written. */
static Leftover *
record(Engine *engine, const char *host, const Instance *instance, bool with_disks, const char *why)
{
    g_autoptr(GError) error = NULL;
    Leftover leftover = leftover_of_guest(host, instance->id, 0, with_disks, why);

    g_autoptr(Leftover) known = find_record(engine, host, instance->id);
    if (known == NULL && !store_record_leftover(engine->context.store, &leftover, &error)) {
        engine_log_instance(LOG_LEVEL_ERROR, instance, host, error->message);
        return NULL;
    }
    return known != NULL ? g_steal_pointer(&known) : find_record(engine, host, instance->id);
}

/* It is gone, and so is what an evacuation still waited for. */
static void
close_record(Engine *engine, const Leftover *leftover)
{
    g_autoptr(GError) error = NULL;

    if ((leftover->operation_id != 0 &&
            !evacuation_settle(&engine->context, leftover->operation_id, &error)) ||
        !store_delete_leftover(engine->context.store, leftover->id, &error)) {
        log_error("cannot close the record of a leftover: %s", error->message);
    }
}

static void
note_failure(Engine *engine, const Leftover *leftover, const char *reason)
{
    g_autoptr(GError) error = NULL;

    if (g_strcmp0(leftover->last_error, reason) != 0 &&
        !store_set_leftover_error(engine->context.store, leftover->id, reason, &error)) {
        log_error("cannot write why a leftover stays: %s", error->message);
    }
}

/* It was deleted while its other copy was asked for: then nothing needs to be proven any more. */
static void
look_when_deleted(Engine *engine, const Clearing *clearing)
{
    g_autoptr(Instance) instance =
        store_get_instance(engine->context.store, clearing->instance_id, NULL);

    if (clearing->action != CLEAR_REMOVE && instance != NULL && instance->terminated_us != 0) {
        leftovers_look_again(engine, clearing->instance_id);
    }
}

static void
on_cleared(void *data, bool cancelled)
{
    const Clearing *clearing = data;
    Engine *engine = clearing->engine;
    LogField fields[] = {
        {"instance_id", clearing->instance_id}, {"host", clearing->host_name}, {NULL, NULL}};

    if (cancelled) {
        return;
    }
    bool again = GPOINTER_TO_INT(g_hash_table_lookup(engine->clearing, clearing->key)) == ASK_AGAIN;
    g_hash_table_remove(engine->clearing, clearing->key);
    if (again) {
        reconcile_instance(engine, clearing->host_name, clearing->instance_id);
    }
    bool is_paused = clearing->action == CLEAR_PAUSE;
    const char *done = is_paused ? "paused" : "removed";
    g_autoptr(Leftover) known = find_record(engine, clearing->host_name, clearing->instance_id);
    if (clearing->error != NULL) {
        log_record(LOG_LEVEL_WARNING, fields, "a leftover domain was not %s: %s", done,
            clearing->error->message);
    } else if (clearing->is_proven) {
        log_record(LOG_LEVEL_INFO, fields, "a leftover domain was %s", done);
        release_volumes(clearing);
    }
    if (known == NULL) {
        return;
    }
    if (clearing->error != NULL || !clearing->is_proven) {
        note_failure(engine, known,
            clearing->error != NULL ? clearing->error->message
                                    : "the instance is not seen where it should be");
        look_when_deleted(engine, clearing);
        look_soon_at(engine, clearing->host_name);
    } else if (!is_paused) {
        close_record(engine, known);
    }
}

/* ---- what is to be done ---- */

bool
leftovers_is_clearing(Engine *engine, const char *host, const char *instance_id)
{
    g_autofree char *key = g_strdup_printf("%s %s", host, instance_id);
    return host != NULL &&
        (g_hash_table_contains(engine->clearing, key) ||
            detached_is_there(engine, host, instance_id));
}

/* Nothing can be proven while the owner is away: when it is back the leftover is looked at anew,
 * because it is on record. */
static void
clear(Engine *engine, const char *host, const Instance *instance, ClearAction action,
    bool with_disks)
{
    HypervisorHost *session = hosts_find_session(engine, host);
    HypervisorHost *owner = hosts_find_session(engine, instance->host);
    g_autofree char *key = g_strdup_printf("%s %s", host, instance->id);

    if (session == NULL || (action != CLEAR_REMOVE && owner == NULL)) {
        return;
    }
    if (g_hash_table_contains(engine->clearing, key)) {
        g_hash_table_insert(engine->clearing, g_strdup(key), GINT_TO_POINTER(ASK_AGAIN));
        return;
    }
    g_hash_table_insert(engine->clearing, g_strdup(key), GINT_TO_POINTER(ASKED_ONCE));
    Clearing *clearing = g_new0(Clearing, 1);
    clearing->engine = engine;
    clearing->key = g_steal_pointer(&key);
    clearing->action = action;
    clearing->host_name = g_strdup(host);
    clearing->instance_id = g_strdup(instance->id);
    clearing->token = clock_random_hex(engine->context.clock, 16);
    clearing->generation = instance->generation;
    clearing->may_be_off = instance->vm_state == VM_STATE_STOPPED && !instance->should_run;
    clearing->with_disks = with_disks;
    clearing->host = hypervisor_host_ref(session);
    clearing->owner = action != CLEAR_REMOVE ? hypervisor_host_ref(owner) : NULL;
    calls_submit(engine->context.calls, LANE_SHORT, host, run_clearing, on_cleared, clearing,
        clearing_free);
}

/* How moves end that leave something on one of their hosts. */
#define LEAVING_STATES                                                                             \
    "live-migration:completed,evacuation:done,evacuation:completed,migration:finished,"            \
    "migration:confirmed,migration:reverted,resize:finished,resize:confirmed,resize:reverted"

/* Whether the instance's last move from or to that host copied its disks: then what is left there
 * is its own. Without such a record nothing is known, and volumes are not touched. */
static bool
has_left_disks(Engine *engine, const Instance *instance, const char *host)
{
    MigrationFilter filter = {
        .instance_id = instance->id, .host = host, .states = LEAVING_STATES, .limit = 1};
    g_autoptr(GPtrArray) migrations = store_list_migrations(engine->context.store, &filter, NULL);
    return migrations != NULL && migrations->len > 0 &&
        ((Migration *)migrations->pdata[0])->copies_disks;
}

/* What waits for the instance's owner, who may want it back, is left there on purpose: on the
 * source of the move that is to be confirmed, and on no other host that it has left. */
static bool
is_kept(Engine *engine, const Instance *instance, const char *host)
{
    MigrationFilter filter = {
        .instance_id = instance->id, .states = "migration:finished,resize:finished", .limit = 1};
    if (instance->vm_state != VM_STATE_RESIZED) {
        return false;
    }
    g_autoptr(GPtrArray) migrations = store_list_migrations(engine->context.store, &filter, NULL);
    return migrations == NULL ||
        (migrations->len > 0 &&
            g_strcmp0(((Migration *)migrations->pdata[0])->source_host, host) == 0);
}

/* Whether it was seen to run. */
static bool
has_run(const Leftover *row)
{
    return row->copy == LEFTOVER_COPY_RUNNING || row->copy == LEFTOVER_COPY_HELD;
}

/* One that stands still for a move, on either side of it, has written nothing since. */
static LeftoverCopy
find_out_copy(const Leftover *row, const DomainView *view)
{
    bool is_for_move = view->reason == DOMAIN_REASON_MIGRATION ||
        view->reason == DOMAIN_REASON_STARTING_UP || view->reason == DOMAIN_REASON_POSTCOPY;

    if (view->state == DOMAIN_RUNNING) {
        return LEFTOVER_COPY_RUNNING;
    }
    return is_for_move && !has_run(row) ? LEFTOVER_COPY_PAUSED : LEFTOVER_COPY_HELD;
}

/* Each time that it is found otherwise than before, whoever has said that it may go could not know
 * that. Returns whether what is on record was said afterwards. */
static bool
is_ordered_since(Engine *engine, const Leftover *row, LeftoverCopy copy)
{
    g_autoptr(GError) error = NULL;
    bool is_running = copy == LEFTOVER_COPY_RUNNING;

    if (row->copy == copy) {
        return row->remove_wanted;
    }
    if (!store_set_leftover_copy(engine->context.store, row->id, copy,
            is_running ? "an older copy of the instance was found active here, and is to be paused"
                       : "an older copy of the instance was found active here, and was paused",
            is_running ? "it is paused, and an operator says so then: 'drover leftover remove'"
                       : "an operator says so: 'drover leftover remove'",
            &error)) {
        log_error("cannot write how a leftover was found: %s", error->message);
    }
    return false;
}

static void
reconcile_active(Engine *engine, const char *host, const Instance *instance,
    const DomainView *view, bool with_disks)
{
    engine_log_instance(LOG_LEVEL_ERROR, instance, host,
        "an older copy of the instance is active on this host, which is not its own");
    g_autoptr(Leftover) row = record(engine, host, instance, with_disks,
        "an older copy of the instance was found active here");
    bool is_ordered =
        row != NULL && is_ordered_since(engine, row, find_out_copy(row, view));
    if (view->state == DOMAIN_RUNNING) {
        clear(engine, host, instance, CLEAR_PAUSE, with_disks);
    } else if (is_ordered) {
        clear(engine, host, instance, CLEAR_ORDERED, with_disks);
    }
}

/* Off again after it was found active, what it wrote is still there alone. */
static bool
is_held(Engine *engine, const Leftover *known)
{
    return known != NULL && has_run(known) &&
        !is_ordered_since(engine, known, LEFTOVER_COPY_HELD);
}

/* A copy that is not older by its generation is old when it is on record as what its operation has
 * left; else the database may be the older one, and nothing is touched. */
static bool
is_older(const Instance *instance, const DomainView *view, const Leftover *known)
{
    return view->generation < instance->generation ||
        (known != NULL && known->operation_id != 0 && known->operation_id == view->operation);
}

void
leftover_reconcile(
    Engine *engine, const char *host, const Instance *instance, const DomainView *view)
{
    g_autoptr(Leftover) known = find_record(engine, host, instance->id);
    bool is_absent = view->state == DOMAIN_ABSENT;

    if (is_absent && known == NULL) {
        return;
    }
    if (instance->terminated_us != 0) {
        engine_log_instance(LOG_LEVEL_INFO, instance, host,
            "the host still has a guest that was deleted, and is told to remove it");
        clear(engine, host, instance, CLEAR_REMOVE, true);
        return;
    }
    if (instance->host == NULL || (!is_absent && !is_older(instance, view, known))) {
        return;
    }
    bool with_disks =
        known != NULL ? known->with_disks : has_left_disks(engine, instance, host);
    bool is_off = is_absent || view->state == DOMAIN_SHUT_OFF;
    if (is_off && is_kept(engine, instance, host)) {
        return;
    }
    if (is_absent && !with_disks) {
        close_record(engine, known);
    } else if (!is_absent && view->state != DOMAIN_SHUT_OFF) {
        reconcile_active(engine, host, instance, view, with_disks);
    } else if (!is_held(engine, known)) {
        leftover_free(record(engine, host, instance, with_disks,
            "the instance has left this host, and its copy stayed behind"));
        clear(engine, host, instance, with_disks ? CLEAR_OWN : CLEAR_DOMAIN, with_disks);
    }
}

/* ---- those on record ---- */

/* The instance is on that host again: what was left there is its own. */
static bool
is_void(const Leftover *leftover, const Instance *instance)
{
    return instance->terminated_us == 0 && g_strcmp0(instance->host, leftover->host) == 0;
}

static void
look_at(Engine *engine, const Leftover *row)
{
    g_autoptr(Instance) instance = row->instance_id != NULL
        ? store_get_instance(engine->context.store, row->instance_id, NULL)
        : NULL;

    if (row->kind == LEFTOVER_VOLUME && row->remove_wanted) {
        inventory_remove(engine, row);
    }
    if (row->kind == LEFTOVER_DISK) {
        detached_remove(engine, row);
    }
    if (instance == NULL || row->kind != LEFTOVER_GUEST) {
        return;
    }
    if (is_void(row, instance)) {
        close_record(engine, row);
    } else {
        reconcile_instance(engine, row->host, row->instance_id);
    }
}

void
leftovers_on_listed(Engine *engine, const char *host, GHashTable *views)
{
    LeftoverFilter filter = {.host = host};
    g_autoptr(GPtrArray) rows = store_list_leftovers(engine->context.store, &filter, NULL);

    for (unsigned i = 0; rows != NULL && i < rows->len; i++) {
        const Leftover *row = rows->pdata[i];
        bool is_absent =
            row->kind == LEFTOVER_GUEST && !g_hash_table_contains(views, row->instance_id);
        if (is_absent || row->kind == LEFTOVER_DISK) {
            look_at(engine, row);
        }
    }
}

void
leftovers_on_connected(Engine *engine, const char *owner)
{
    g_autoptr(GPtrArray) rows =
        store_list_leftovers(engine->context.store, &(LeftoverFilter){0}, NULL);

    for (unsigned i = 0; rows != NULL && i < rows->len; i++) {
        const Leftover *row = rows->pdata[i];
        g_autoptr(Instance) instance = row->instance_id != NULL
            ? store_get_instance(engine->context.store, row->instance_id, NULL)
            : NULL;
        if (instance != NULL && g_strcmp0(instance->host, owner) == 0) {
            look_at(engine, row);
        }
    }
}

void
leftovers_look_again(Engine *engine, const char *instance_id)
{
    LeftoverFilter filter = {.instance_id = instance_id};
    g_autoptr(GPtrArray) rows = store_list_leftovers(engine->context.store, &filter, NULL);

    for (unsigned i = 0; rows != NULL && i < rows->len; i++) {
        look_at(engine, rows->pdata[i]);
    }
}

/* Those that an operator wants gone. */
static void
run_wanted(Engine *engine, void *data)
{
    g_autoptr(GPtrArray) rows =
        store_list_leftovers(engine->context.store, &(LeftoverFilter){0}, NULL);

    for (unsigned i = 0; rows != NULL && i < rows->len; i++) {
        const Leftover *row = rows->pdata[i];
        if (row->remove_wanted) {
            look_at(engine, row);
        }
    }
}

void
engine_nudge_leftovers(Engine *engine)
{
    engine_post(engine, run_wanted, NULL, NULL);
}

void
leftovers_init(Engine *engine)
{
    engine->clearing = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    engine->strays = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_unref);
}

void
leftovers_clear(Engine *engine)
{
    g_clear_pointer(&engine->clearing, g_hash_table_unref);
    g_clear_pointer(&engine->strays, g_hash_table_unref);
}
