/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The one libvirt call that moves a guest, and what it is told. */
#include "hypervisor/libvirt/address.h"
#include "hypervisor/libvirt/companions.h"
#include "hypervisor/libvirt/dest_place.h"
#include "hypervisor/libvirt/domain.h"
#include "hypervisor/libvirt/domain_xml.h"
#include "hypervisor/libvirt/verbs.h"
#include <string.h>

/* The parameters of one call, and the texts they are made from. */
typedef struct MigrateCall {
    unsigned int flags;
    virTypedParameterPtr params;
    int n_params;
    int max_params;
    bool is_ok; /* no parameter failed */
} MigrateCall;

static void
migrate_call_clear(MigrateCall *call)
{
    virTypedParamsFree(call->params, call->n_params);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(MigrateCall, migrate_call_clear)

static void
add_string(MigrateCall *call, const char *name, const char *value)
{
    call->is_ok = call->is_ok &&
        virTypedParamsAddString(&call->params, &call->n_params, &call->max_params, name, value) ==
            0;
}

static void
add_number(MigrateCall *call, const char *name, int64_t value)
{
    call->is_ok = call->is_ok &&
        virTypedParamsAddULLong(&call->params, &call->n_params, &call->max_params, name,
            (unsigned long long)value) == 0;
}

static bool
cache_is_safe(const char *cache)
{
    return strcmp(cache, "none") == 0 || strcmp(cache, "directsync") == 0;
}

static bool
is_copied(const DomainDisk *disk, bool copies)
{
    return copies && disk->is_copied;
}

/* Of the disks that stay where they are libvirt may not see that their file system is shared. The
 * caller has proven it; what is left is that no host holds anything of one in its page cache. */
static bool
unsafe_is_safe(const GPtrArray *disks, bool copies)
{
    for (unsigned int i = 0; i < disks->len; i++) {
        const DomainDisk *disk = g_ptr_array_index(disks, i);
        if (!is_copied(disk, copies) && !disk->is_read_only && !cache_is_safe(disk->cache)) {
            return false;
        }
    }
    return true;
}

static bool
has_staying(const GPtrArray *disks, bool copies)
{
    for (unsigned int i = 0; i < disks->len; i++) {
        const DomainDisk *disk = g_ptr_array_index(disks, i);
        if (!is_copied(disk, copies) && !disk->is_read_only) {
            return true;
        }
    }
    return false;
}

/* Without a list of disks libvirt would copy them all, so a move that copies none does not ask for
 * copies. */
static void
add_disks(MigrateCall *call, const GPtrArray *disks, bool copies)
{
    if (has_staying(disks, copies) && unsafe_is_safe(disks, copies)) {
        call->flags |= VIR_MIGRATE_UNSAFE;
    }
    for (unsigned int i = 0; i < disks->len; i++) {
        const DomainDisk *disk = g_ptr_array_index(disks, i);
        if (is_copied(disk, copies)) {
            call->flags |= VIR_MIGRATE_NON_SHARED_INC;
            add_string(call, VIR_MIGRATE_PARAM_MIGRATE_DISKS, disk->target);
        }
    }
}

/* The URI is always explicit: without it libvirt guesses an address from the destination's host
 * name, and a resumed post-copy crashes the destination's libvirtd. With TLS the certificate is
 * checked against the name by which hosts know each other, because the migration address need not
 * be in it. */
static bool
add_target(
    MigrateCall *call, const LibvirtHost *dest, const MigrateRequest *request, GError **error)
{
    const char *address = request->inbound_address != NULL ? request->inbound_address
                                                           : dest->migration_address;
    g_autofree char *uri = address_migration_uri(address);
    g_autofree char *name = address_host(dest->peer_uri, error);

    if (name == NULL) {
        return false;
    }
    add_string(call, VIR_MIGRATE_PARAM_URI, uri);
    if (request->with_tls) {
        call->flags |= VIR_MIGRATE_TLS;
        if (strcmp(name, address) != 0) {
            add_string(call, VIR_MIGRATE_PARAM_TLS_DESTINATION, name);
        }
    }
    return true;
}

static bool
add_definitions(MigrateCall *call, const Slot *slot, virDomainPtr domain,
    const MigrateRequest *request, const DestPlace *place, GError **error)
{
    g_autofree char *live = dest_definition(slot, domain, 0, request, place, error);
    g_autofree char *persistent = live != NULL
        ? dest_definition(slot, domain, VIR_DOMAIN_XML_INACTIVE, request, place, error)
        : NULL;

    if (persistent == NULL) {
        return false;
    }
    g_autoptr(GPtrArray) disks = domain_xml_list_disks(live, error);
    if (disks == NULL) {
        return false;
    }
    add_string(call, VIR_MIGRATE_PARAM_DEST_XML, live);
    add_string(call, VIR_MIGRATE_PARAM_PERSIST_XML, persistent);
    add_disks(call, disks, request->copies_disks);
    return true;
}

static void
add_speed(MigrateCall *call, const MigrateRequest *request)
{
    if (request->bandwidth_mib_s > 0) {
        add_number(call, VIR_MIGRATE_PARAM_BANDWIDTH, request->bandwidth_mib_s);
        if (request->post_copy) {
            add_number(call, VIR_MIGRATE_PARAM_BANDWIDTH_POSTCOPY, request->bandwidth_mib_s);
        }
    }
    if (request->connections > 1) {
        call->flags |= VIR_MIGRATE_PARALLEL;
        call->is_ok = call->is_ok &&
            virTypedParamsAddInt(&call->params, &call->n_params, &call->max_params,
                VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS, request->connections) == 0;
    }
    call->flags |= request->auto_converge ? VIR_MIGRATE_AUTO_CONVERGE : 0U;
    call->flags |= request->post_copy ? VIR_MIGRATE_POSTCOPY : 0U;
    call->flags |= request->resume_post_copy ? VIR_MIGRATE_POSTCOPY_RESUME : 0U;
}

static bool
prepare_call(MigrateCall *call, const Slot *slot, virDomainPtr domain, const LibvirtHost *dest,
    const MigrateRequest *request, const DestPlace *place, GError **error)
{
    call->is_ok = true;
    call->flags = VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_PERSIST_DEST |
        VIR_MIGRATE_UNDEFINE_SOURCE | VIR_MIGRATE_ABORT_ON_ERROR;
    if (!add_target(call, dest, request, error) ||
        !add_definitions(call, slot, domain, request, place, error)) {
        return false;
    }
    add_speed(call, request);
    return call->is_ok ||
        libvirt_error_set(error, slot->connection, EFFECT_NONE, "cannot ask for a migration");
}

/* The source's answer, once the call is over: only a refusal can be the abort that we asked for. */
static bool
run_call(const Slot *slot, virDomainPtr domain, const MigrateCall *call, LibvirtHost *dest,
    const MigrateRequest *request, GError **error)
{
    g_autoptr(GError) reason = NULL;

    host_set_aborted(slot->host, request->uuid, false);
    host_set_moving(slot->host, request->uuid, dest);
    int r = virDomainMigrateToURI3(
        domain, dest->peer_uri, call->params, (unsigned int)call->n_params, call->flags);
    host_set_moving(slot->host, request->uuid, NULL);
    if (r == 0) {
        return true;
    }
    libvirt_error_set(&reason, slot->connection, EFFECT_ASKED,
        "cannot migrate guest '%s' from host '%s' to host '%s'", request->uuid, slot->host->name,
        dest->name);
    if (host_is_aborted(slot->host, request->uuid) && error_is(reason, ERROR_HYPERVISOR_REFUSED)) {
        reason->code = ERROR_CANCELLED;
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

/* Seen with 11.3.0: whatever the URI, the destination's libvirtd follows a null pointer when it is
 * asked to resume a post-copy, and every guest of the host is without its daemon. */
#define RESUME_CRASHES_FROM 11002000
#define RESUME_CRASHES_UNTIL 11004000

static bool
check_can_resume(LibvirtHost *dest, GError **error)
{
    g_auto(Slot) slot = {0};
    unsigned long version = 0;

    if (!slot_take_control(&slot, dest, error)) {
        return false;
    }
    if (virConnectGetLibVersion(slot.connection, &version) < 0) {
        return libvirt_error_set(error, slot.connection, EFFECT_NONE,
            "cannot ask host '%s' for its version", dest->name);
    }
    return version < RESUME_CRASHES_FROM || version >= RESUME_CRASHES_UNTIL ||
        error_set(error, ERROR_HYPERVISOR_REFUSED,
            "the libvirt %lu.%lu.%lu of host '%s' would crash if it were asked to: update it, and "
            "the migration goes on",
            version / 1000000, version / 1000 % 1000, version % 1000, dest->name);
}

static bool
migrate(LibvirtHost *source, LibvirtHost *dest, const MigrateRequest *request, GError **error)
{
    g_auto(Slot) slot = {0};
    g_auto(MigrateCall) call = {0};
    g_auto(DestPlaceRead) place = {0};

    if (request->resume_post_copy && !check_can_resume(dest, error)) {
        return false;
    }
    if (!dest_place_read(source, dest, request, &place, error) ||
        !slot_take_transfer(&slot, source, error)) {
        return false;
    }
    g_autoptr(virDomain) domain = domain_get(&slot, request->uuid, error);
    if (domain == NULL || !prepare_call(&call, &slot, domain, dest, request, &place.place, error)) {
        return false;
    }
    if (request->downtime_ms > 0 && !request->resume_post_copy &&
        virDomainMigrateSetMaxDowntime(domain, (unsigned long long)request->downtime_ms, 0) < 0) {
        return domain_fail(&slot, request->uuid, EFFECT_NONE, "limit the downtime of", error);
    }
    return run_call(&slot, domain, &call, dest, request, error);
}

bool
libvirt_live_migrate(
    void *source_data, void *dest_data, const MigrateRequest *request, GError **error)
{
    LibvirtHost *source = source_data;
    LibvirtHost *dest = dest_data;
    Companions companions;

    if (!companions_read(source, request->uuid, &companions, error) ||
        !companions_prepare(&companions, dest, request->uuid, error)) {
        return false;
    }
    bool is_ok = migrate(source, dest, request, error);
    companions_settle(&companions, source, dest, request->uuid);
    return is_ok;
}
