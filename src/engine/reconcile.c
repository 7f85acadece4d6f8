/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What a host says against what the store says, for instances without an open operation (those
 * with one are their operation's business). Reality wins, and is written down; what should run and
 * does not since its host rebooted is started; what was left behind by an instance that is
 * provably elsewhere, or was deleted, is removed. Domains that are not ours are left alone. */
#include "base/log.h"
#include "engine/internal.h"
#include "lifecycle/lifecycle.h"

enum { FAULT_CODE = 500 };

static void
log_instance(LogLevel level, const Instance *instance, const char *host, const char *message)
{
    LogField fields[] = {{"instance_id", instance->id}, {"host", host}, {NULL, NULL}};

    log_record(level, fields, "%s", message);
}

/* ---- an instance and its domain, on its own host ---- */

/* libvirt forgets why a domain is off when the host reboots, and only then (or when it is itself
 * restarted, for a guest that had stopped before). */
static bool
has_lost_its_host(const Instance *instance, const DomainView *view)
{
    return instance->should_run && view->state == DOMAIN_SHUT_OFF &&
        view->reason == DOMAIN_REASON_UNKNOWN && view->generation >= instance->generation &&
        (instance->vm_state == VM_STATE_ACTIVE || instance->vm_state == VM_STATE_PAUSED ||
            instance->vm_state == VM_STATE_STOPPED);
}

static void
start_again(Engine *engine, const Instance *instance)
{
    g_autoptr(GError) error = NULL;
    OperationRequest request = {
        .kind = OPERATION_START,
        .instance_id = instance->id,
        .project_id = instance->project_id,
    };
    g_autoptr(Operation) operation =
        store_accept_operation(engine->context.store, &request, &error);
    if (operation == NULL) {
        log_instance(LOG_LEVEL_WARNING, instance, instance->host, error->message);
        return;
    }
    log_instance(LOG_LEVEL_INFO, instance, instance->host,
        "the guest is off since its host rebooted, and is started again");
    tasks_nudge(engine);
}

/* The owner's last word stands, unless the guest itself has powered off or somebody has started
 * it. */
static bool
should_run_now(const Instance *instance, const DomainView *view, VmState seen)
{
    if (view->state == DOMAIN_SHUT_OFF && view->reason == DOMAIN_REASON_SHUTDOWN) {
        return false;
    }
    return instance->should_run || seen == VM_STATE_ACTIVE;
}

static void
observe(Engine *engine, const Instance *instance, const DomainView *view)
{
    g_autoptr(GError) error = NULL;
    VmState vm_state;
    PowerState power_state;

    if (!lifecycle_observe(view, &vm_state, &power_state)) {
        return;
    }
    /* ERROR is left by an operation or by an administrator alone. */
    if (instance->vm_state == VM_STATE_ERROR) {
        vm_state = VM_STATE_ERROR;
    }
    bool should_run = should_run_now(instance, view, vm_state);
    if (vm_state == instance->vm_state && power_state == instance->power_state &&
        should_run == instance->should_run) {
        return;
    }
    if (!store_observe_instance(
            engine->context.store, instance->id, vm_state, power_state, should_run, &error)) {
        log_instance(LOG_LEVEL_ERROR, instance, instance->host, error->message);
        return;
    }
    g_autofree char *message = g_strdup_printf(
        "the guest is %s (%s)", domain_state_name(view->state), domain_reason_name(view->reason));
    log_instance(LOG_LEVEL_INFO, instance, instance->host, message);
}

/* Its host has answered, and does not know it. */
static void
report_missing(Engine *engine, const Instance *instance)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *message =
        g_strdup_printf("Host %s does not know the instance any more.", instance->host);
    Fault fault = {
        .code = FAULT_CODE,
        .message = message,
        .details = (char *)"its domain was undefined by somebody else, or the host was made anew",
    };

    if (instance->vm_state == VM_STATE_ERROR || instance->vm_state == VM_STATE_BUILDING) {
        return;
    }
    if (!store_report_instance_lost(engine->context.store, instance->id, &fault, &error)) {
        log_instance(LOG_LEVEL_ERROR, instance, instance->host, error->message);
        return;
    }
    log_instance(LOG_LEVEL_ERROR, instance, instance->host, message);
}

static void
reconcile_own(Engine *engine, const Instance *instance, const DomainView *view)
{
    if (view == NULL || view->state == DOMAIN_ABSENT) {
        report_missing(engine, instance);
    } else if (engine->options.resume_guests && has_lost_its_host(instance, view)) {
        start_again(engine, instance);
    } else {
        observe(engine, instance, view);
    }
}

/* ---- a domain whose instance is deleted, or elsewhere ---- */

typedef enum {
    LEFTOVER_REMOVE, /* the domain, its volumes; also when it runs: its instance is deleted */
    LEFTOVER_CLEAN,  /* the domain if it is off, and its volumes: they are only its own */
    LEFTOVER_FORGET, /* the domain if it is off: its volumes belong to the instance's host too */
} LeftoverAction;

typedef struct Leftover {
    LeftoverAction action;
    char *instance_id;
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

static void
run_leftover(void *data)
{
    Leftover *leftover = data;
    const char *id = leftover->instance_id;

    leftover->is_proven = leftover->owner == NULL || prove(leftover);
    if (leftover->is_proven) {
        switch (leftover->action) {
        case LEFTOVER_REMOVE:
            hypervisor_remove_guest(leftover->host, id, true, &leftover->error);
            break;
        case LEFTOVER_CLEAN:
            hypervisor_remove_guest(leftover->host, id, false, &leftover->error);
            break;
        case LEFTOVER_FORGET: hypervisor_forget_guest(leftover->host, id, &leftover->error); break;
        }
    }
    g_clear_pointer(&leftover->host, hypervisor_host_unref);
    g_clear_pointer(&leftover->owner, hypervisor_host_unref);
}

static void
on_leftover(void *data, bool cancelled)
{
    const Leftover *leftover = data;
    LogField fields[] = {{"instance_id", leftover->instance_id}, {NULL, NULL}};

    if (cancelled) {
        return;
    }
    if (leftover->error != NULL) {
        log_record(LOG_LEVEL_WARNING, fields, "a leftover domain was not removed: %s",
            leftover->error->message);
    } else if (leftover->is_proven) {
        log_record(LOG_LEVEL_INFO, fields, "a leftover domain was removed");
    }
}

static void
submit_leftover(Engine *engine, const char *host, const Instance *instance, LeftoverAction action)
{
    HypervisorHost *session = hosts_find_session(engine, host);
    HypervisorHost *owner = hosts_find_session(engine, instance->host);

    if (session == NULL || (action != LEFTOVER_REMOVE && owner == NULL)) {
        return;
    }
    Leftover *leftover = g_new0(Leftover, 1);
    leftover->action = action;
    leftover->instance_id = g_strdup(instance->id);
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
    MigrationFilter filter = {
        .instance_id = instance->id, .source_host = host, .states = "completed", .limit = 1};
    g_autoptr(GPtrArray) migrations = store_list_migrations(engine->context.store, &filter, NULL);
    return migrations != NULL && migrations->len > 0 &&
        ((Migration *)migrations->pdata[0])->copies_disks;
}

static void
reconcile_foreign(
    Engine *engine, const char *host, const Instance *instance, const DomainView *view)
{
    if (instance->terminated_us != 0) {
        log_instance(LOG_LEVEL_INFO, instance, host,
            "the host still has a guest that was deleted, and is told to remove it");
        submit_leftover(engine, host, instance, LEFTOVER_REMOVE);
        return;
    }
    if (view->generation >= instance->generation || instance->host == NULL) {
        return;
    }
    if (view->state != DOMAIN_SHUT_OFF) {
        log_instance(LOG_LEVEL_ERROR, instance, host,
            "an older copy of the instance is active on this host, which is not its own");
        return;
    }
    submit_leftover(engine, host, instance,
        has_left_disks(engine, instance, host) ? LEFTOVER_CLEAN : LEFTOVER_FORGET);
}

/* ---- a whole host ---- */

/* uuid -> DomainView, borrowed. */
static GHashTable *
index_views(GPtrArray *domains)
{
    GHashTable *views = g_hash_table_new(g_str_hash, g_str_equal);

    for (unsigned i = 0; i < domains->len; i++) {
        DomainView *view = domains->pdata[i];
        g_hash_table_insert(views, view->uuid, view);
    }
    return views;
}

/* asked_us: rows that changed after the question are not compared with an answer from before. */
static bool
is_settled(Engine *engine, const Instance *instance, int64_t asked_us)
{
    return instance->open_operation == 0 && !tasks_has_instance(engine, instance->id) &&
        instance->updated_us < asked_us;
}

static void
reconcile_domain(Engine *engine, const char *host, const DomainView *view, int64_t asked_us)
{
    g_autoptr(Instance) instance = store_get_instance(engine->context.store, view->uuid, NULL);

    if (instance == NULL || !is_settled(engine, instance, asked_us)) {
        return;
    }
    if (instance->terminated_us == 0 && g_strcmp0(instance->host, host) == 0) {
        reconcile_own(engine, instance, view);
    } else {
        reconcile_foreign(engine, host, instance, view);
    }
}

void
reconcile_host(Engine *engine, const char *host, GPtrArray *domains, int64_t asked_us)
{
    g_autoptr(GError) error = NULL;
    InstanceFilter filter = {.host = host, .power_state = -1, .locked = -1};

    engine_assert_thread(engine);
    g_autoptr(GPtrArray) instances = store_list_instances(engine->context.store, &filter, &error);
    if (instances == NULL) {
        log_error("cannot list the instances of host '%s': %s", host, error->message);
        return;
    }
    g_autoptr(GHashTable) views = index_views(domains);
    for (unsigned i = 0; i < instances->len; i++) {
        const Instance *instance = instances->pdata[i];
        const DomainView *view = g_hash_table_lookup(views, instance->id);
        g_hash_table_remove(views, instance->id);
        if (is_settled(engine, instance, asked_us)) {
            reconcile_own(engine, instance, view);
        }
    }
    GHashTableIter iter;
    void *value;
    g_hash_table_iter_init(&iter, views);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const DomainView *view = value;
        if (view->is_ours) {
            reconcile_domain(engine, host, view, asked_us);
        }
    }
}

/* ---- one domain, after an event ---- */

enum { LOOK_ONCE = 1, LOOK_AGAIN = 2 };

typedef struct Look {
    Engine *engine;
    char *host;
    char *instance_id;
    HypervisorHost *session;
    int64_t asked_us;
    DomainView view;
    GError *error;
} Look;

static void
look_free(void *data)
{
    Look *look = data;

    g_clear_pointer(&look->session, hypervisor_host_unref);
    g_clear_error(&look->error);
    domain_view_clear(&look->view);
    g_free(look->host);
    g_free(look->instance_id);
    g_free(look);
}

static void
run_look(void *data)
{
    Look *look = data;

    hypervisor_describe_domain(look->session, look->instance_id, &look->view, &look->error);
    g_clear_pointer(&look->session, hypervisor_host_unref);
}

static void
on_look(void *data, bool cancelled)
{
    Look *look = data;
    GHashTable *observing = look->engine->observing;

    if (cancelled) {
        return;
    }
    bool again = GPOINTER_TO_INT(g_hash_table_lookup(observing, look->instance_id)) == LOOK_AGAIN;
    g_hash_table_remove(observing, look->instance_id);
    if (again) {
        reconcile_instance(look->engine, look->host, look->instance_id);
    } else if (look->error == NULL) {
        reconcile_domain(look->engine, look->host, &look->view, look->asked_us);
    }
}

/* The event itself may be old by the time it is read, so the host is asked. Events that come while
 * it is asked are covered by asking once more. */
void
reconcile_instance(Engine *engine, const char *host, const char *instance_id)
{
    HypervisorHost *session = hosts_find_session(engine, host);

    engine_assert_thread(engine);
    if (session == NULL) {
        return;
    }
    if (g_hash_table_contains(engine->observing, instance_id)) {
        g_hash_table_insert(engine->observing, g_strdup(instance_id), GINT_TO_POINTER(LOOK_AGAIN));
        return;
    }
    g_hash_table_insert(engine->observing, g_strdup(instance_id), GINT_TO_POINTER(LOOK_ONCE));
    Look *look = g_new0(Look, 1);
    look->engine = engine;
    look->host = g_strdup(host);
    look->instance_id = g_strdup(instance_id);
    look->session = hypervisor_host_ref(session);
    look->asked_us = engine_now_us(engine);
    calls_submit(engine->context.calls, LANE_SHORT, host, run_look, on_look, look, look_free);
}
