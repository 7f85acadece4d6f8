/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/open.h"

#include "hypervisor/libvirt/probe.h"

/* One connection on its way, between who waits for it and the thread that opens it, which may hang
 * for as long as TCP tries. Counted: whoever is last frees it. */
typedef struct Opening {
    Settings *settings;
    char *uri;
    GMutex lock; /* of the rest */
    GCond changed;
    bool is_over;
    bool is_abandoned; /* nobody waits any more */
    virConnectPtr connection;
    GError *error;
} Opening;

static void
opening_clear(void *data)
{
    Opening *opening = data;

    settings_unref(opening->settings);
    g_free(opening->uri);
    g_mutex_clear(&opening->lock);
    g_cond_clear(&opening->changed);
    g_clear_error(&opening->error);
}

static virConnectPtr
open_alive(const Settings *settings, const char *uri, GError **error)
{
    virConnectPtr connection = virConnectOpen(uri);

    if (connection == NULL) {
        libvirt_error_set(error, NULL, EFFECT_NONE, "cannot open '%s'", uri);
        return NULL;
    }
    /* Drivers inside the process have no keep-alive and need none. */
    int r = virConnectSetKeepAlive(
        connection, settings->keepalive_interval_s, (unsigned int)settings->keepalive_count);
    if (r < 0 && libvirt_error_number() != VIR_ERR_NO_SUPPORT) {
        libvirt_error_set(error, NULL, EFFECT_NONE, "cannot keep '%s' alive", uri);
        virConnectClose(connection);
        return NULL;
    }
    return connection;
}

static void *
opening_run(void *data)
{
    Opening *opening = data;
    GError *error = NULL;
    virConnectPtr connection = open_alive(opening->settings, opening->uri, &error);

    g_mutex_lock(&opening->lock);
    bool is_abandoned = opening->is_abandoned;
    opening->is_over = true;
    opening->connection = is_abandoned ? NULL : connection;
    opening->error = error;
    g_cond_signal(&opening->changed);
    g_mutex_unlock(&opening->lock);
    if (is_abandoned && connection != NULL) {
        virConnectClose(connection);
    }
    g_atomic_rc_box_release_full(opening, opening_clear);
    return NULL;
}

static virConnectPtr
opening_wait(Opening *opening, int64_t for_ms, GError **error)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&opening->lock);
    int64_t until_us = g_get_monotonic_time() + for_ms * 1000;

    while (!opening->is_over && g_cond_wait_until(&opening->changed, &opening->lock, until_us)) {
    }
    if (!opening->is_over) {
        opening->is_abandoned = true;
        error_set(error, ERROR_HYPERVISOR_DOWN,
            "cannot open '%s': it answered, and then no more within %" G_GINT64_FORMAT " s",
            opening->uri, for_ms / 1000);
    } else if (opening->error != NULL) {
        g_propagate_error(error, g_steal_pointer(&opening->error));
    }
    return opening->connection;
}

virConnectPtr
connection_open(Settings *settings, const char *uri, char **ret_certificate, GError **error)
{
    g_autofree char *certificate = NULL;
    int64_t patience_ms = settings->connect_timeout_ms +
        INT64_C(1000) * settings->keepalive_interval_s * settings->keepalive_count;

    if (!probe_certificate(uri, settings->connect_timeout_ms, &certificate, error)) {
        return NULL;
    }
    Opening *opening = g_atomic_rc_box_new0(Opening);
    opening->settings = settings_ref(settings);
    opening->uri = g_strdup(uri);
    g_mutex_init(&opening->lock);
    g_cond_init(&opening->changed);
    g_thread_unref(g_thread_new("open", opening_run, g_atomic_rc_box_acquire(opening)));
    virConnectPtr connection = opening_wait(opening, patience_ms, error);
    g_atomic_rc_box_release_full(opening, opening_clear);
    if (connection != NULL && ret_certificate != NULL) {
        *ret_certificate = g_steal_pointer(&certificate);
    }
    return connection;
}
