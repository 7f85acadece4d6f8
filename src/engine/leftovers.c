/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Domains whose instance is deleted, or is elsewhere in a newer generation. */
#include "base/log.h"
#include "engine/internal.h"

/* A leftover that waits for the host of its instance. */
typedef struct Unproven {
    char *host;
    char *owner;
} Unproven;

static void
unproven_free(void *data)
{
    Unproven *unproven = data;

    g_free(unproven->host);
    g_free(unproven->owner);
    g_free(unproven);
}

typedef enum {
    LEFTOVER_REMOVE, /* the domain, its volumes; also when it runs: its instance is deleted */
    LEFTOVER_CLEAN,  /* the domain if it is off, and its volumes: they are only its own */
    LEFTOVER_FORGET, /* the domain if it is off: its volumes belong to the instance's host too */
    LEFTOVER_PAUSE,  /* it runs beside its newer generation: both keep what they have */
} LeftoverAction;

typedef struct Leftover {
    LeftoverAction action;
    Store *store;
    char *instance_id;
    char *token;           /* CLEAN: of the marker */
    int64_t generation;    /* that the instance has where it belongs */
    HypervisorHost *host;  /* with the leftover */
    HypervisorHost *owner; /* the instance's host; NULL for REMOVE */
    bool is_proven;
    GError *error;
} Leftover;

static void
leftover_free(void *data)
{
    Leftover *leftover = data;

    g_clear_pointer(&leftover->host, hypervisor_host_unref);
    g_clear_pointer(&leftover->owner, hypervisor_host_unref);
    g_clear_error(&leftover->error);
    g_free(leftover->instance_id);
    g_free(leftover->token);
    g_free(leftover);
}

/* The newer generation must be seen running first. */
static bool
prove(Leftover *leftover)
{
    DomainView view = {0};

    if (!hypervisor_describe_domain(
            leftover->owner, leftover->instance_id, &view, &leftover->error)) {
        return false;
    }
    bool is_active = view.state == DOMAIN_RUNNING || view.state == DOMAIN_PAUSED;
    bool is_newest = view.job == DOMAIN_JOB_NONE && view.generation == leftover->generation;
    domain_view_clear(&view);
    return is_active && is_newest;
}

/* Its volumes were its own when it left. Pools may have been mounted since. */
static bool
clean(Leftover *leftover)
{
    const char *id = leftover->instance_id;
    bool is_shared = false;

    if (!hypervisor_probe_shared_pool(
            leftover->owner, leftover->host, NULL, leftover->token, &is_shared, &leftover->error)) {
        return false;
    }
    return is_shared ? hypervisor_forget_guest(leftover->host, id, &leftover->error)
                     : hypervisor_remove_guest(leftover->host, id, false, &leftover->error);
}

static bool
act(Leftover *leftover)
{
    const char *id = leftover->instance_id;

    switch (leftover->action) {
    case LEFTOVER_REMOVE:
        return hypervisor_remove_guest(leftover->host, id, true, &leftover->error);
    case LEFTOVER_CLEAN: return clean(leftover);
    case LEFTOVER_FORGET: return hypervisor_forget_guest(leftover->host, id, &leftover->error);
    case LEFTOVER_PAUSE: return hypervisor_pause_guest(leftover->host, id, &leftover->error);
    }
    g_assert_not_reached();
}

static void
run_leftover(void *data)
{
    Leftover *leftover = data;

    leftover->is_proven = leftover->owner == NULL || prove(leftover);
    if (leftover->is_proven) {
        act(leftover);
    }
    g_clear_pointer(&leftover->host, hypervisor_host_unref);
    g_clear_pointer(&leftover->owner, hypervisor_host_unref);
}

/* The deleted instance's guest is gone, so nobody writes to its volumes any more. */
static void
release_volumes(const Leftover *leftover)
{
    g_autoptr(GError) error = NULL;

    if (leftover->action == LEFTOVER_REMOVE &&
        !store_release_volumes(leftover->store, leftover->instance_id, &error)) {
        log_warning("the volumes of instance %s stay taken: %s", leftover->instance_id,
            error->message);
    }
}

static void
on_leftover(void *data, bool cancelled)
{
    const Leftover *leftover = data;
    LogField fields[] = {{"instance_id", leftover->instance_id}, {NULL, NULL}};

    if (cancelled) {
        return;
    }
    const char *done = leftover->action == LEFTOVER_PAUSE ? "paused" : "removed";
    if (leftover->error != NULL) {
        log_record(LOG_LEVEL_WARNING, fields, "a leftover domain was not %s: %s", done,
            leftover->error->message);
    } else if (leftover->is_proven) {
        log_record(LOG_LEVEL_INFO, fields, "a leftover domain was %s", done);
        release_volumes(leftover);
    }
}

/* Nothing can be proven while the owner is away: when it is back the leftover is looked at anew. */
static void
postpone(Engine *engine, const char *host, const Instance *instance)
{
    Unproven *unproven = g_new0(Unproven, 1);

    unproven->host = g_strdup(host);
    unproven->owner = g_strdup(instance->host);
    g_hash_table_replace(engine->unproven, g_strdup(instance->id), unproven);
}

static void
submit_leftover(Engine *engine, const char *host, const Instance *instance, LeftoverAction action)
{
    HypervisorHost *session = hosts_find_session(engine, host);
    HypervisorHost *owner = hosts_find_session(engine, instance->host);

    if (session == NULL) {
        return;
    }
    if (action != LEFTOVER_REMOVE && owner == NULL) {
        postpone(engine, host, instance);
        return;
    }
    Leftover *leftover = g_new0(Leftover, 1);
    leftover->action = action;
    leftover->store = engine->context.store;
    leftover->instance_id = g_strdup(instance->id);
    leftover->token = clock_random_hex(engine->context.clock, 16);
    leftover->generation = instance->generation;
    leftover->host = hypervisor_host_ref(session);
    leftover->owner = action != LEFTOVER_REMOVE ? hypervisor_host_ref(owner) : NULL;
    calls_submit(engine->context.calls, LANE_SHORT, host, run_leftover, on_leftover, leftover,
        leftover_free);
}

/* Whether the instance's last move away from that host copied its disks: then what is left there
 * is its own. Without such a record nothing is known, and volumes are not touched. */
static bool
has_left_disks(Engine *engine, const Instance *instance, const char *host)
{
    MigrationFilter filter = {.instance_id = instance->id,
        .source_host = host,
        .states = "live-migration:completed",
        .limit = 1};
    g_autoptr(GPtrArray) migrations = store_list_migrations(engine->context.store, &filter, NULL);
    return migrations != NULL && migrations->len > 0 &&
        ((Migration *)migrations->pdata[0])->copies_disks;
}

void
leftover_reconcile(
    Engine *engine, const char *host, const Instance *instance, const DomainView *view)
{
    if (instance->terminated_us != 0) {
        engine_log_instance(LOG_LEVEL_INFO, instance, host,
            "the host still has a guest that was deleted, and is told to remove it");
        submit_leftover(engine, host, instance, LEFTOVER_REMOVE);
        return;
    }
    if (view->generation >= instance->generation || instance->host == NULL) {
        return;
    }
    if (view->state != DOMAIN_SHUT_OFF) {
        engine_log_instance(LOG_LEVEL_ERROR, instance, host,
            "an older copy of the instance is active on this host, which is not its own");
        if (view->state == DOMAIN_RUNNING) {
            submit_leftover(engine, host, instance, LEFTOVER_PAUSE);
        }
        return;
    }
    submit_leftover(engine, host, instance,
        has_left_disks(engine, instance, host) ? LEFTOVER_CLEAN : LEFTOVER_FORGET);
}

/* ---- those that wait ---- */

typedef struct Turn {
    Engine *engine;
    const char *owner;
} Turn;

static gboolean
take_turn(void *key, void *value, void *data)
{
    const Unproven *unproven = value;
    const Turn *turn = data;

    if (g_strcmp0(unproven->owner, turn->owner) != 0) {
        return false;
    }
    reconcile_instance(turn->engine, unproven->host, key);
    return true;
}

void
leftovers_on_connected(Engine *engine, const char *owner)
{
    Turn turn = {engine, owner};

    g_hash_table_foreach_remove(engine->unproven, take_turn, &turn);
}

void
leftovers_init(Engine *engine)
{
    engine->unproven = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unproven_free);
}

void
leftovers_clear(Engine *engine)
{
    g_clear_pointer(&engine->unproven, g_hash_table_unref);
}
