/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* A session with one host, and its connections. libvirtd takes five requests per connection and
 * then stops reading, keep-alives included: so every call takes a slot, of which a connection has
 * four. The control connection is one; transfer connections (migrate calls, which hold a slot for
 * minutes, and storage streams) are a pool that grows as slots are asked for. */
#include "hypervisor/libvirt/error.h"
#include "hypervisor/libvirt/libvirt.h"
#include <glib.h>
#include <libvirt/libvirt.h>

#define SLOTS_PER_CONNECTION 4

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virStoragePool, virStoragePoolFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virStorageVol, virStorageVolFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virStream, virStreamFree)

/* The options, owned; counted, because a session may outlive its provider. */
typedef struct Settings {
    char *pki_path;
    int keepalive_interval_s;
    int keepalive_count;
    int connect_timeout_ms;
    bool with_tls;
    LibvirtFindCpu find_cpu; /* NULL: mode "" everywhere */
    void *find_cpu_data;
    bool vnc_enabled;
    char *vnc_listen; /* of guests that have such a console, whoever made them; NULL = as it is */
    bool spice_enabled;
    char *spice_listen;
    bool with_pci_devices;
    char *tpm_key; /* NULL: no TPMs */
    char *virt_type;
} Settings;

typedef struct EventTap EventTap;

typedef struct Link {
    virConnectPtr connection;
    int n_calls; /* slots taken */
} Link;

typedef struct LibvirtHost {
    Settings *settings; /* counted */
    char *name;
    char *uri; /* with pkipath */
    char *peer_uri;
    char *migration_address; /* never "" */
    char *pool;              /* "" = none */
    EventTap *tap;
    GMutex lock; /* everything below; not held in calls of libvirt */
    GCond changed;
    Link control;
    GPtrArray *transfers; /* of Link; each is on the heap, so that slots can point to it */
    bool is_opening_transfer;
    char *pool_path;     /* NULL until asked for */
    char *virt_type;     /* NULL until asked for */
    char *certificate;   /* shown at the opening of control; NULL once it is told */
    GHashTable *aborted; /* UUIDs whose migration from here was asked to stop, while it runs */
    GHashTable *moving;  /* UUID -> LibvirtHost that a live_migrate of ours sends it to, borrowed */
} LibvirtHost;

LibvirtHost *libvirt_host_open(Settings *settings, const HostAddress *address, uint64_t session,
    HostEventSink sink, void *sink_data, GError **error);
/* Returns at once: the connections are closed by threads of their own, because closing one asks
 * the host and may wait for the keep-alive. */
void libvirt_host_close(LibvirtHost *host);

/* What abort_job did is told to the live_migrate that it ends: QEMU may name an abort by what it
 * broke ("Channel error: Input/output error"). */
void host_set_aborted(LibvirtHost *host, const char *uuid, bool is_aborted);
bool host_is_aborted(LibvirtHost *host, const char *uuid);
/* While live_migrate is in its call; NULL: not any more. */
void host_set_moving(LibvirtHost *host, const char *uuid, LibvirtHost *dest);
/* The guest is sent by a call of ours, and the connection to where it goes is gone. */
bool host_has_lost_dest(LibvirtHost *host, const char *uuid);

/* Room for one call at a time. Zero-initialise; given back when it goes out of scope. */
typedef struct Slot {
    LibvirtHost *host;
    Link *link;
    virConnectPtr connection; /* borrowed from link */
} Slot;

/* Both wait for a free slot and fail with HYPERVISOR_DOWN when the connection is gone. One thread
 * holds slots of one host at a time. */
bool slot_take_control(Slot *slot, LibvirtHost *host, GError **error);
bool slot_take_transfer(Slot *slot, LibvirtHost *host, GError **error);
void slot_clear(Slot *slot);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Slot, slot_clear)

Settings *settings_new(const LibvirtOptions *options);
Settings *settings_ref(Settings *settings);
void settings_unref(Settings *settings);
