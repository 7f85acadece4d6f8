/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Whether packets of one host reach another where it takes migrations.
 *
 * No call of libvirt opens a connection from a host just to see. But a peer-to-peer migration
 * begins with one, to the peer's libvirtd, and that of a definition which never ran needs nothing
 * else. So the source is asked to migrate such a definition to a libvirtd at that address and
 * port: nobody listens there, which it is told at once where packets pass, and never where they
 * are dropped. */
#include "hypervisor/libvirt/address.h"
#include "hypervisor/libvirt/facts.h"
#include "hypervisor/libvirt/verbs.h"
#include <string.h>

/* One for each pair of hosts, so that one that a crash left behind is taken again. */
static char *
knocker_uuid(const LibvirtHost *source, const LibvirtHost *dest)
{
    g_autofree char *pair = g_strdup_printf("knock %s %s", source->name, dest->name);
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, pair, -1);

    return g_strdup_printf(
        "%.8s-%.4s-4%.3s-8%.3s-%.12s", sum, sum + 8, sum + 12, sum + 15, sum + 18);
}

static virDomainPtr
define_knocker(
    const Slot *slot, const LibvirtHost *source, const LibvirtHost *dest, GError **error)
{
    const char *virt_type = host_get_virt_type(slot, error);

    if (virt_type == NULL) {
        return NULL;
    }
    g_autofree char *uuid = knocker_uuid(source, dest);
    g_autofree char *xml = g_strdup_printf(
        "<domain type='%s'><name>knock-%s</name><uuid>%s</uuid>"
        "<title>drover asks whether migrations can get to another host</title>"
        "<memory unit='MiB'>8</memory><os><type>hvm</type></os></domain>",
        virt_type, uuid, uuid);
    virDomainPtr domain = virDomainDefineXML(slot->connection, xml);
    if (domain == NULL) {
        libvirt_error_set(error, slot->connection, EFFECT_NONE, "cannot knock from host '%s'",
            source->name);
    }
    return domain;
}

/* What the kernel says of packets that get no answer. */
static bool
is_silence(const char *message)
{
    static const char *const words[] = {
        "Connection timed out", "No route to host", "Network is unreachable"};

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strstr(message, words[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static bool
knock(const Slot *slot, virDomainPtr knocker, const LibvirtHost *dest, const char *address,
    int port, GError **error)
{
    g_autofree char *uri = address_knock_uri(address, port);
    unsigned int flags =
        VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_OFFLINE | VIR_MIGRATE_PERSIST_DEST;
    int r = virDomainMigrateToURI3(knocker, uri, NULL, 0, flags);
    g_autofree char *said = g_strdup(r < 0 ? virGetLastErrorMessage() : "");

    virDomainUndefine(knocker);
    return !is_silence(said) ||
        error_set(error, ERROR_HYPERVISOR_REFUSED,
            "migrations do not get from host '%s' to host '%s', which takes them at %s, "
            "port %d: %s",
            slot->host->name, dest->name, address, port, said);
}

bool
libvirt_check_way(
    void *source_data, void *dest_data, const WayRequest *request, GError **error)
{
    LibvirtHost *source = source_data;
    LibvirtHost *dest = dest_data;
    const char *address = request->inbound_address != NULL ? request->inbound_address
                                                           : dest->migration_address;
    g_auto(Slot) slot = {0};

    if (!slot_take_transfer(&slot, source, error)) {
        return false;
    }
    g_autoptr(virDomain) knocker = define_knocker(&slot, source, dest, NULL);
    return knocker == NULL || knock(&slot, knocker, dest, address, request->port, error);
}
