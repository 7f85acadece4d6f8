/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What a host says against what the store says, for instances without an open operation (those
 * with one are their operation's business). Reality wins, and is written down; what should run and
 * does not since its host rebooted is started. Domains of ours that are on a host which is not
 * their instance's are for leftovers.c; domains that are not ours are left alone. */
#include "base/log.h"
#include "engine/internal.h"
#include "lifecycle/lifecycle.h"

enum { FAULT_CODE = 500 };

/* ---- an instance and its domain, on its own host ---- */

/* libvirt forgets why a domain is off when the host reboots, and only then (or when it is itself
 * restarted, for a guest that had stopped before). */
static bool
has_lost_its_host(const Instance *instance, const DomainView *view)
{
    return instance->should_run && view->state == DOMAIN_SHUT_OFF &&
        view->reason == DOMAIN_REASON_UNKNOWN && view->generation >= instance->generation &&
        (instance->vm_state == VM_STATE_ACTIVE || instance->vm_state == VM_STATE_PAUSED ||
            instance->vm_state == VM_STATE_STOPPED || instance->vm_state == VM_STATE_RESIZED);
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
        engine_log_instance(LOG_LEVEL_WARNING, instance, instance->host, error->message);
        return;
    }
    engine_log_instance(LOG_LEVEL_INFO, instance, instance->host,
        "the guest is off since its host rebooted, and is started again");
    tasks_nudge(engine);
}

/* The owner's last word stands, unless the guest itself has powered off or somebody has started
 * it. */
static bool
should_run_now(const Instance *instance, const DomainView *view, VmState seen)
{
    if (lifecycle_has_powered_off(view)) {
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
    /* These are left by an operation or by an administrator alone. */
    if (instance->vm_state == VM_STATE_ERROR || instance->vm_state == VM_STATE_RESIZED) {
        vm_state = instance->vm_state;
    }
    bool should_run = should_run_now(instance, view, vm_state);
    if (vm_state == instance->vm_state && power_state == instance->power_state &&
        should_run == instance->should_run) {
        return;
    }
    if (!store_observe_instance(
            engine->context.store, instance->id, vm_state, power_state, should_run, &error)) {
        engine_log_instance(LOG_LEVEL_ERROR, instance, instance->host, error->message);
        return;
    }
    g_autofree char *message = g_strdup_printf(
        "the guest is %s (%s)", domain_state_name(view->state), domain_reason_name(view->reason));
    engine_log_instance(LOG_LEVEL_INFO, instance, instance->host, message);
}

/* One that waits to be confirmed goes on waiting: it can still be reverted. */
static bool
is_reported(const Instance *instance, const char *message)
{
    return instance->vm_state == VM_STATE_ERROR || instance->vm_state == VM_STATE_BUILDING ||
        (instance->vm_state == VM_STATE_RESIZED && instance->has_fault &&
            g_strcmp0(instance->fault.message, message) == 0);
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

    if (is_reported(instance, message)) {
        return;
    }
    if (!store_report_instance_lost(engine->context.store, instance->id, &fault, &error)) {
        engine_log_instance(LOG_LEVEL_ERROR, instance, instance->host, error->message);
        return;
    }
    engine_log_instance(LOG_LEVEL_ERROR, instance, instance->host, message);
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

/* A host that came back while its instances were made anew elsewhere: its answer is older than
 * that, and nothing will happen there that would be told. An open operation looks when it
 * closes. */
static void
look_at_stray(Engine *engine, const char *host, const Instance *instance)
{
    bool is_closed = instance->open_operation == 0 && !tasks_has_instance(engine, instance->id);

    if (is_closed && g_strcmp0(instance->host, host) != 0) {
        reconcile_instance(engine, host, instance->id);
    }
}

static void
reconcile_domain(Engine *engine, const char *host, const DomainView *view, int64_t asked_us)
{
    g_autoptr(Instance) instance = store_get_instance(engine->context.store, view->uuid, NULL);

    if (instance == NULL) {
        return;
    }
    if (!is_settled(engine, instance, asked_us)) {
        look_at_stray(engine, host, instance);
        return;
    }
    if (instance->terminated_us == 0 && g_strcmp0(instance->host, host) == 0) {
        reconcile_own(engine, instance, view);
    } else if (view->is_ours || view->state == DOMAIN_ABSENT) {
        leftover_reconcile(engine, host, instance, view);
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
    leftovers_on_listed(engine, host, views);
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
        reconcile_domain(engine, host, value, asked_us);
    }
}

/* ---- one domain, after an event ---- */

enum { LOOK_ONCE = 1, LOOK_AGAIN = 2 };

typedef struct Look {
    Engine *engine;
    char *key; /* in engine->observing */
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
    g_free(look->key);
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
    bool again = GPOINTER_TO_INT(g_hash_table_lookup(observing, look->key)) == LOOK_AGAIN;
    g_hash_table_remove(observing, look->key);
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
    g_autofree char *key = g_strdup_printf("%s %s", host, instance_id);
    if (g_hash_table_contains(engine->observing, key)) {
        g_hash_table_insert(engine->observing, g_strdup(key), GINT_TO_POINTER(LOOK_AGAIN));
        return;
    }
    g_hash_table_insert(engine->observing, g_strdup(key), GINT_TO_POINTER(LOOK_ONCE));
    Look *look = g_new0(Look, 1);
    look->engine = engine;
    look->key = g_steal_pointer(&key);
    look->host = g_strdup(host);
    look->instance_id = g_strdup(instance_id);
    look->session = hypervisor_host_ref(session);
    look->asked_us = engine_now_us(engine);
    calls_submit(engine->context.calls, LANE_SHORT, host, run_look, on_look, look, look_free);
}

static void
run_nudged(Engine *engine, void *data)
{
    g_autoptr(Instance) instance = store_get_instance(engine->context.store, data, NULL);

    if (instance != NULL && instance->host != NULL) {
        reconcile_instance(engine, instance->host, instance->id);
    }
}

void
engine_nudge_instance(Engine *engine, const char *instance_id)
{
    engine_post(engine, run_nudged, g_strdup(instance_id), g_free);
}
