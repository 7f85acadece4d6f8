/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The disk courier: the disks of a guest that is off go to another host as those of a paused
 * throw-away domain that is migrated there, by the same call as a guest. */
#include "hypervisor/libvirt/courier_xml.h"
#include "hypervisor/libvirt/domain.h"
#include "hypervisor/libvirt/facts.h"
#include "hypervisor/libvirt/machine.h"
#include "hypervisor/libvirt/throwaway.h"
#include "hypervisor/libvirt/verbs.h"
#include "hypervisor/libvirt/volumes.h"

#define LOOK_INTERVAL_US (G_USEC_PER_SEC / 4)
/* An incoming half whose source is gone is ended by its own libvirt well before. */
#define HALF_PATIENCE_US (60 * G_USEC_PER_SEC)

typedef enum {
    COURIER_NOWHERE,
    COURIER_MOVING,
    COURIER_HALF,    /* the destination waits for one that the source does not have */
    COURIER_ARRIVED,
    COURIER_STUCK,   /* on the source, and not on its way */
} CourierPlace;

static bool
is_active(const DomainView *view)
{
    return view->state == DOMAIN_RUNNING || view->state == DOMAIN_PAUSED;
}

/* Waiting for a migration, not arrived by one. */
static bool
is_incoming(const DomainView *view)
{
    return view->job == DOMAIN_JOB_IN || view->reason == DOMAIN_REASON_MIGRATION ||
        view->reason == DOMAIN_REASON_STARTING_UP;
}

static CourierPlace
place_of(const DomainView *source, const DomainView *dest)
{
    if (is_active(source)) {
        return source->job == DOMAIN_JOB_OUT ? COURIER_MOVING : COURIER_STUCK;
    }
    if (is_active(dest)) {
        return is_incoming(dest) ? COURIER_HALF : COURIER_ARRIVED;
    }
    return dest->state == DOMAIN_ABSENT ? COURIER_NOWHERE : COURIER_STUCK;
}

static bool
find_courier(LibvirtHost *source, LibvirtHost *dest, const char *courier, CourierPlace *ret_place,
    GError **error)
{
    DomainView source_view = {0};
    DomainView dest_view = {0};

    /* The source first: one that leaves it between the two looks is seen on the destination. */
    bool is_ok = libvirt_describe_domain(source, courier, &source_view, error) &&
        libvirt_describe_domain(dest, courier, &dest_view, error);
    if (is_ok) {
        *ret_place = place_of(&source_view, &dest_view);
    }
    domain_view_clear(&source_view);
    domain_view_clear(&dest_view);
    return is_ok;
}

/* An earlier call is waited for as long as it takes. */
static bool
wait_for_earlier(LibvirtHost *source, LibvirtHost *dest, const char *courier,
    CourierPlace *ret_place, GError **error)
{
    int64_t half_since_us = 0;

    for (;;) {
        if (!find_courier(source, dest, courier, ret_place, error)) {
            return false;
        }
        int64_t now_us = g_get_monotonic_time();
        bool is_half = *ret_place == COURIER_HALF;
        half_since_us = !is_half ? 0 : half_since_us == 0 ? now_us : half_since_us;
        bool is_late = is_half && now_us - half_since_us > HALF_PATIENCE_US;
        if (is_late || (!is_half && *ret_place != COURIER_MOVING)) {
            return true;
        }
        g_usleep(LOOK_INTERVAL_US);
    }
}

/* *ret_xml is NULL when nothing is to be carried. */
static bool
read_courier(const Slot *slot, const CopyRequest *request, const char *machine, char **ret_xml,
    GError **error)
{
    Metadata metadata = {.uuid = request->courier, .name = "courier"};
    const char *virt_type = host_get_virt_type(slot, error);
    g_autoptr(virDomain) guest =
        virt_type != NULL ? domain_get(slot, request->uuid, error) : NULL;
    bool is_guest_active = false;

    if (guest == NULL || !domain_is_active(slot, guest, &is_guest_active, error)) {
        return false;
    }
    if (is_guest_active) {
        return error_set(error, ERROR_CONFLICT, "guest '%s' runs on host '%s'", request->uuid,
            slot->host->name);
    }
    g_autofree char *xml = domain_get_xml(slot, guest, VIR_DOMAIN_XML_INACTIVE, error);
    return xml != NULL &&
        courier_xml_build(xml, &metadata, virt_type, machine, ret_xml, error);
}

static bool
start(LibvirtHost *source, LibvirtHost *dest, const CopyRequest *request, bool *ret_started,
    GError **error)
{
    /* The guest itself is defined anew there; its courier moves live, and so both must have it. */
    g_autofree char *machine = machine_of_both(source, dest);
    g_auto(Slot) slot = {0};
    g_autofree char *xml = NULL;

    if (!slot_take_control(&slot, source, error) ||
        !read_courier(&slot, request, machine, &xml, error)) {
        return false;
    }
    *ret_started = xml != NULL;
    if (xml == NULL) {
        return true;
    }
    g_autoptr(virDomain) courier =
        virDomainCreateXML(slot.connection, xml, VIR_DOMAIN_START_PAUSED);
    return courier != NULL || domain_fail(&slot, request->uuid, EFFECT_ASKED, "carry", error);
}

/* On a failure that is certain nothing of it stays. */
static bool
carry(LibvirtHost *source, LibvirtHost *dest, const CopyRequest *request, GError **error)
{
    g_autoptr(GError) reason = NULL;
    MigrateRequest migrate = {
        .uuid = request->courier,
        .copies_disks = true,
        .with_tls = request->with_tls,
        .bandwidth_mib_s = request->bandwidth_mib_s,
        .inbound_address = request->inbound_address,
    };

    if (libvirt_live_migrate(source, dest, &migrate, &reason)) {
        return true;
    }
    if (!error_is(reason, ERROR_OUTCOME_UNKNOWN) && !error_is(reason, ERROR_HYPERVISOR_DOWN)) {
        throwaway_drop(source, request->courier, NULL);
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

bool
libvirt_copy_disks(
    void *source_data, void *dest_data, const CopyRequest *request, GError **error)
{
    LibvirtHost *source = source_data;
    LibvirtHost *dest = dest_data;
    const char *courier = request->courier;
    CourierPlace place;
    bool is_started = false;

    if (!wait_for_earlier(source, dest, courier, &place, error)) {
        return false;
    }
    if (place == COURIER_ARRIVED) {
        return throwaway_drop(dest, courier, error);
    }
    if (!throwaway_drop(source, courier, error) || !throwaway_drop(dest, courier, error) ||
        !libvirt_prepare_dest(dest, source, request->uuid, error) ||
        !start(source, dest, request, &is_started, error)) {
        return false;
    }
    return !is_started ||
        (carry(source, dest, request, error) && throwaway_drop(dest, courier, error));
}
