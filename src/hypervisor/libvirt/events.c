/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/events.h"

#include "hypervisor/libvirt/state.h"
#include "model/throwaway.h"

#define N_EVENTS 3

struct EventTap {
    GMutex lock;        /* sink; held while it is called, so that shutting waits for it */
    HostEventSink sink; /* NULL = shut */
    void *sink_data;
    GMutex watch_lock;   /* watched */
    GCond switched;      /* one of them has */
    GHashTable *watched; /* UUID -> whether it has gone on in post-copy */
    uint64_t session;
    int callbacks[N_EVENTS]; /* ids of libvirt, -1 = none */
};

EventTap *
event_tap_new(uint64_t session, HostEventSink sink, void *sink_data)
{
    EventTap *tap = g_atomic_rc_box_new0(EventTap);

    g_mutex_init(&tap->lock);
    g_mutex_init(&tap->watch_lock);
    g_cond_init(&tap->switched);
    tap->watched = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    tap->sink = sink;
    tap->sink_data = sink_data;
    tap->session = session;
    for (int i = 0; i < N_EVENTS; i++) {
        tap->callbacks[i] = -1;
    }
    return tap;
}

EventTap *
event_tap_ref(EventTap *tap)
{
    return g_atomic_rc_box_acquire(tap);
}

static void
tap_clear(void *data)
{
    EventTap *tap = data;

    g_hash_table_unref(tap->watched);
    g_cond_clear(&tap->switched);
    g_mutex_clear(&tap->watch_lock);
    g_mutex_clear(&tap->lock);
}

void
event_tap_unref(EventTap *tap)
{
    g_atomic_rc_box_release_full(tap, tap_clear);
}

void
event_tap_shut(EventTap *tap)
{
    g_mutex_lock(&tap->lock);
    tap->sink = NULL;
    g_mutex_unlock(&tap->lock);
}

static void
tap_deliver(EventTap *tap, HostEvent *event)
{
    event->session = tap->session;
    g_mutex_lock(&tap->lock);
    if (tap->sink != NULL) {
        tap->sink(event, tap->sink_data);
    }
    g_mutex_unlock(&tap->lock);
}

static void
tap_deliver_domain(EventTap *tap, virDomainPtr domain, HostEvent *event)
{
    if (virDomainGetUUIDString(domain, event->uuid) == 0) {
        event->is_throwaway =
            throwaway_kind(virDomainGetName(domain), event->uuid) != THROWAWAY_NONE;
        tap_deliver(tap, event);
    }
}

void
event_tap_watch_post_copy(EventTap *tap, const char *uuid)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&tap->watch_lock);

    g_hash_table_replace(tap->watched, g_strdup(uuid), GINT_TO_POINTER(false));
}

void
event_tap_unwatch_post_copy(EventTap *tap, const char *uuid)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&tap->watch_lock);

    g_hash_table_remove(tap->watched, uuid);
}

bool
event_tap_wait_post_copy(EventTap *tap, const char *uuid, int64_t until_us)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&tap->watch_lock);

    while (!GPOINTER_TO_INT(g_hash_table_lookup(tap->watched, uuid))) {
        if (!g_cond_wait_until(&tap->switched, &tap->watch_lock, until_us)) {
            return false;
        }
    }
    return true;
}

static void
note_post_copy(EventTap *tap, virDomainPtr domain)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&tap->watch_lock);

    if (virDomainGetUUIDString(domain, uuid) == 0 && g_hash_table_contains(tap->watched, uuid)) {
        g_hash_table_replace(tap->watched, g_strdup(uuid), GINT_TO_POINTER(true));
        g_cond_broadcast(&tap->switched);
    }
}

static const char *
close_reason(int reason)
{
    switch (reason) {
    case VIR_CONNECT_CLOSE_REASON_EOF: return "the host closed the connection";
    case VIR_CONNECT_CLOSE_REASON_KEEPALIVE: return "the host does not answer keep-alives";
    case VIR_CONNECT_CLOSE_REASON_CLIENT: return "the connection was closed here";
    default: return "the connection failed";
    }
}

static void
on_close(virConnectPtr connection, int reason, void *data)
{
    HostEvent event = {.kind = HOST_EVENT_CLOSED};

    g_strlcpy(event.message, close_reason(reason), sizeof(event.message));
    tap_deliver(data, &event);
}

static int
on_lifecycle(virConnectPtr connection, virDomainPtr domain, int what, int detail, void *data)
{
    HostEvent event = {.kind = HOST_EVENT_DOMAIN};

    if (what == VIR_DOMAIN_EVENT_DEFINED) {
        event.kind = HOST_EVENT_DEFINED;
        tap_deliver_domain(data, domain, &event);
    } else if (state_from_event(what, detail, &event.state, &event.reason)) {
        if (event.reason == DOMAIN_REASON_POSTCOPY) {
            note_post_copy(data, domain);
        }
        tap_deliver_domain(data, domain, &event);
    }
    return 0;
}

static void
on_iteration(virConnectPtr connection, virDomainPtr domain, int iteration, void *data)
{
    HostEvent event = {.kind = HOST_EVENT_ITERATION, .iteration = iteration};

    tap_deliver_domain(data, domain, &event);
}

static void
on_job_completed(virConnectPtr connection, virDomainPtr domain, virTypedParameterPtr params,
    int n_params, void *data)
{
    HostEvent event = {.kind = HOST_EVENT_JOB_DONE};

    tap_deliver_domain(data, domain, &event);
}

static void
tap_unref_data(void *data)
{
    event_tap_unref(data);
}

static int
tap_register(EventTap *tap, virConnectPtr connection, int event,
    virConnectDomainEventGenericCallback callback)
{
    int id = virConnectDomainEventRegisterAny(
        connection, NULL, event, callback, event_tap_ref(tap), tap_unref_data);

    if (id < 0) {
        event_tap_unref(tap);
    }
    return id;
}

bool
event_tap_attach(EventTap *tap, virConnectPtr connection, GError **error)
{
    /* Without a reference of its own: detaching waits for a callback that runs, and drivers inside
     * the process, which never close, would keep the reference for good. */
    virConnectRegisterCloseCallback(connection, on_close, tap, NULL);
    const struct {
        int event;
        virConnectDomainEventGenericCallback callback;
    } wanted[N_EVENTS] = {
        {VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle)},
        {VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, VIR_DOMAIN_EVENT_CALLBACK(on_iteration)},
        {VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, VIR_DOMAIN_EVENT_CALLBACK(on_job_completed)},
    };
    for (int i = 0; i < N_EVENTS; i++) {
        tap->callbacks[i] = tap_register(tap, connection, wanted[i].event, wanted[i].callback);
        if (tap->callbacks[i] < 0 && libvirt_error_number() != VIR_ERR_NO_SUPPORT) {
            libvirt_error_set(error, connection, EFFECT_NONE, "cannot listen for events");
            event_tap_detach(tap, connection);
            return false;
        }
    }
    return true;
}

void
event_tap_detach(EventTap *tap, virConnectPtr connection)
{
    for (int i = 0; i < N_EVENTS; i++) {
        if (tap->callbacks[i] >= 0) {
            virConnectDomainEventDeregisterAny(connection, tap->callbacks[i]);
            tap->callbacks[i] = -1;
        }
    }
    virConnectUnregisterCloseCallback(connection, on_close);
}
