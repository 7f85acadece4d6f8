/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/connection.h"

#include "hypervisor/libvirt/address.h"
#include "hypervisor/libvirt/events.h"
#include "hypervisor/libvirt/marker.h"
#include "hypervisor/libvirt/open.h"
#include "hypervisor/libvirt/tpm.h"
#include "hypervisor/libvirt/trial.h"
#include <string.h>

/* Threads that close connections: closing asks the host, which may be frozen. */
#define CLOSERS 16

typedef struct Closing {
    virConnectPtr connection;
    EventTap *tap; /* NULL: a transfer connection */
} Closing;

Settings *
settings_new(const LibvirtOptions *options)
{
    Settings *settings = g_atomic_rc_box_new0(Settings);

    settings->pki_path = g_strdup(options->pki_path);
    settings->keepalive_interval_s = options->keepalive_interval_s;
    settings->keepalive_count = options->keepalive_count;
    settings->connect_timeout_ms = options->connect_timeout_ms;
    settings->with_tls = options->with_tls;
    settings->find_cpu = options->find_cpu;
    settings->find_cpu_data = options->find_cpu_data;
    settings->vnc_enabled = options->vnc_enabled;
    settings->vnc_listen = g_strdup(options->vnc_listen);
    settings->spice_enabled = options->spice_enabled;
    settings->spice_listen = g_strdup(options->spice_listen);
    settings->with_pci_devices = options->with_pci_devices;
    settings->tpm_key = g_strdup(options->tpm_key);
    settings->virt_type = g_strdup(options->virt_type != NULL ? options->virt_type : "");
    return settings;
}

Settings *
settings_ref(Settings *settings)
{
    return g_atomic_rc_box_acquire(settings);
}

static void
settings_clear(void *data)
{
    Settings *settings = data;

    g_free(settings->pki_path);
    g_free(settings->vnc_listen);
    g_free(settings->spice_listen);
    g_free(settings->tpm_key);
    g_free(settings->virt_type);
}

void
settings_unref(Settings *settings)
{
    g_atomic_rc_box_release_full(settings, settings_clear);
}

static void
closing_run(void *data, void *unused)
{
    Closing *closing = data;

    if (closing->tap != NULL) {
        event_tap_detach(closing->tap, closing->connection);
        event_tap_unref(closing->tap);
    }
    virConnectClose(closing->connection);
    g_free(closing);
}

/* Takes both. */
static void
close_in_background(virConnectPtr take_connection, EventTap *take_tap)
{
    static GThreadPool *closers;
    static gsize once;
    Closing *closing = g_new0(Closing, 1);

    if (g_once_init_enter(&once)) {
        closers = g_thread_pool_new(closing_run, NULL, CLOSERS, FALSE, NULL);
        g_once_init_leave(&once, 1);
    }
    *closing = (Closing){take_connection, take_tap};
    g_thread_pool_push(closers, closing, NULL);
}

static void
link_free(void *data)
{
    Link *link = data;

    close_in_background(link->connection, NULL);
    g_free(link);
}

static void
session_free(LibvirtHost *host)
{
    g_free(host->name);
    g_free(host->uri);
    g_free(host->peer_uri);
    g_free(host->migration_address);
    g_free(host->pool);
    g_free(host->pool_path);
    g_free(host->virt_type);
    g_free(host->certificate);
    g_ptr_array_unref(host->transfers);
    g_hash_table_unref(host->aborted);
    g_hash_table_unref(host->moving);
    g_mutex_clear(&host->lock);
    g_cond_clear(&host->changed);
    settings_unref(host->settings);
    g_free(host);
}

static LibvirtHost *
session_new(Settings *settings, const HostAddress *address, GError **error)
{
    const char *pool = address->pool != NULL ? address->pool : "";
    const char *peer_uri = address->peer_uri != NULL ? address->peer_uri : "";
    const char *migration = address->migration_address != NULL ? address->migration_address : "";
    g_autofree char *peer_host = address_host(peer_uri[0] != '\0' ? peer_uri : address->uri, error);

    if (peer_host == NULL) {
        return NULL;
    }
    LibvirtHost *host = g_new0(LibvirtHost, 1);
    host->settings = settings_ref(settings);
    host->name = g_strdup(address->name);
    host->uri = address_with_pki_path(address->uri, settings->pki_path);
    host->peer_uri = g_strdup(peer_uri[0] != '\0' ? peer_uri : address->uri);
    host->migration_address =
        migration[0] != '\0' ? g_strdup(migration) : g_steal_pointer(&peer_host);
    host->pool = g_strdup(pool);
    g_mutex_init(&host->lock);
    g_cond_init(&host->changed);
    host->aborted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    host->moving = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    host->transfers = g_ptr_array_new_with_free_func(link_free);
    return host;
}

LibvirtHost *
libvirt_host_open(Settings *settings, const HostAddress *address, uint64_t session,
    HostEventSink sink, void *sink_data, GError **error)
{
    LibvirtHost *host = session_new(settings, address, error);

    if (host == NULL) {
        return NULL;
    }
    host->control.connection =
        connection_open(settings, host->uri, &host->certificate, error);
    if (host->control.connection == NULL) {
        session_free(host);
        return NULL;
    }
    host->tap = event_tap_new(session, sink, sink_data);
    if (!event_tap_attach(host->tap, host->control.connection, error)) {
        libvirt_host_close(host);
        return NULL;
    }
    tpm_sweep_secrets(host);
    trial_sweep(host);
    marker_sweep(host);
    return host;
}

void
libvirt_host_close(LibvirtHost *host)
{
    event_tap_shut(host->tap);
    close_in_background(host->control.connection, host->tap);
    session_free(host);
}

void
host_set_aborted(LibvirtHost *host, const char *uuid, bool is_aborted)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);

    if (is_aborted) {
        g_hash_table_add(host->aborted, g_strdup(uuid));
    } else {
        g_hash_table_remove(host->aborted, uuid);
    }
}

bool
host_is_aborted(LibvirtHost *host, const char *uuid)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);

    return g_hash_table_contains(host->aborted, uuid);
}

void
host_set_moving(LibvirtHost *host, const char *uuid, LibvirtHost *dest)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);

    if (dest != NULL) {
        g_hash_table_insert(host->moving, g_strdup(uuid), dest);
    } else {
        g_hash_table_remove(host->moving, uuid);
    }
}

static bool
link_is_open(const Link *link)
{
    return virConnectIsAlive(link->connection) != 0;
}

/* The entry goes before the session of the destination can: its caller holds that. */
bool
host_has_lost_dest(LibvirtHost *host, const char *uuid)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);
    const LibvirtHost *dest = g_hash_table_lookup(host->moving, uuid);

    return dest != NULL && !link_is_open(&dest->control);
}

static bool
slot_fill(Slot *slot, LibvirtHost *host, Link *link, GError **error)
{
    if (!link_is_open(link)) {
        return error_set(
            error, ERROR_HYPERVISOR_DOWN, "the connection to host '%s' is gone", host->name);
    }
    link->n_calls++;
    *slot = (Slot){host, link, link->connection};
    return true;
}

bool
slot_take_control(Slot *slot, LibvirtHost *host, GError **error)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);

    while (host->control.n_calls >= SLOTS_PER_CONNECTION) {
        g_cond_wait(&host->changed, &host->lock);
    }
    return slot_fill(slot, host, &host->control, error);
}

/* A transfer connection with room, or NULL. Those that broke are dropped once nobody uses them. */
static Link *
host_find_transfer(LibvirtHost *host)
{
    Link *found = NULL;

    for (unsigned int i = host->transfers->len; i > 0; i--) {
        Link *link = g_ptr_array_index(host->transfers, i - 1);
        if (!link_is_open(link)) {
            if (link->n_calls == 0) {
                g_ptr_array_remove_index(host->transfers, i - 1);
            }
        } else if (link->n_calls < SLOTS_PER_CONNECTION) {
            found = link;
        }
    }
    return found;
}

/* One thread opens at a time, the others wait for the four slots that it brings. */
static bool
host_open_transfer(LibvirtHost *host, GError **error)
{
    host->is_opening_transfer = true;
    g_mutex_unlock(&host->lock);
    virConnectPtr connection = connection_open(host->settings, host->uri, NULL, error);
    g_mutex_lock(&host->lock);
    host->is_opening_transfer = false;
    g_cond_broadcast(&host->changed);
    if (connection == NULL) {
        return false;
    }
    Link *link = g_new0(Link, 1);
    link->connection = connection;
    g_ptr_array_add(host->transfers, link);
    return true;
}

bool
slot_take_transfer(Slot *slot, LibvirtHost *host, GError **error)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);
    Link *link;

    while ((link = host_find_transfer(host)) == NULL) {
        if (host->is_opening_transfer) {
            g_cond_wait(&host->changed, &host->lock);
        } else if (!host_open_transfer(host, error)) {
            return false;
        }
    }
    return slot_fill(slot, host, link, error);
}

/* One idle transfer connection is kept, so that the next move need not wait for a handshake. */
static void
host_shrink_transfers(LibvirtHost *host, Link *idle)
{
    for (unsigned int i = 0; i < host->transfers->len; i++) {
        Link *link = g_ptr_array_index(host->transfers, i);
        if (link != idle && link_is_open(link)) {
            g_ptr_array_remove(host->transfers, idle);
            return;
        }
    }
}

void
slot_clear(Slot *slot)
{
    LibvirtHost *host = slot->host;

    if (host == NULL) {
        return;
    }
    g_mutex_lock(&host->lock);
    slot->link->n_calls--;
    if (slot->link != &host->control && slot->link->n_calls == 0) {
        host_shrink_transfers(host, slot->link);
    }
    g_cond_broadcast(&host->changed);
    g_mutex_unlock(&host->lock);
    *slot = (Slot){0};
}
