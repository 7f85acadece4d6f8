/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The rehearsal: whether QEMU on a destination starts with what a guest has. */
#include "hypervisor/libvirt/dest_place.h"
#include "hypervisor/libvirt/domain.h"
#include "hypervisor/libvirt/tpm.h"
#include "hypervisor/libvirt/trial.h"
#include "hypervisor/libvirt/twin_xml.h"
#include "hypervisor/libvirt/verbs.h"

/* A second or two where nothing else runs; a call in LANE_SHORT has not much more. */
enum { LIMIT_S = 20 };

/* By the functions that a migration takes it from. *ret_running: as it is on its source. */
static char *
read_definition(LibvirtHost *source, LibvirtHost *dest, const MigrateRequest *request,
    char **ret_running, GError **error)
{
    g_auto(DestPlaceRead) place = {0};
    g_auto(Slot) slot = {0};
    bool is_active = false;

    if (!dest_place_read(source, dest, request, &place, error) ||
        !slot_take_control(&slot, source, error)) {
        return NULL;
    }
    g_autoptr(virDomain) domain = domain_get(&slot, request->uuid, error);
    if (domain == NULL || !domain_is_active(&slot, domain, &is_active, error)) {
        return NULL;
    }
    if (!is_active) {
        error_set(error, ERROR_CONFLICT, "guest '%s' is off on host '%s': what it would have on "
            "another one is known when it runs", request->uuid, source->name);
        return NULL;
    }
    *ret_running = domain_get_xml(&slot, domain, 0, error);
    return *ret_running != NULL
        ? dest_definition(&slot, domain, 0, request, &place.place, error)
        : NULL;
}

static bool
run_twin(LibvirtHost *dest, const char *guest, const char *uuid, const char *xml, GError **error)
{
    g_auto(Slot) slot = {0};
    g_autofree char *problem = g_strdup_printf(
        "host '%s' cannot start a twin of guest '%s'", dest->name, guest);
    Trial trial = {uuid, xml, problem, "its QEMU had not started", LIMIT_S};
    bool is_late;

    return slot_take_transfer(&slot, dest, error) && trial_run(&slot, &trial, &is_late, error);
}

bool
libvirt_rehearse(
    void *dest_data, void *source_data, const MigrateRequest *request, GError **error)
{
    LibvirtHost *dest = dest_data;
    g_autofree char *running = NULL;
    g_autofree char *definition = read_definition(source_data, dest, request, &running, error);
    g_autofree char *uuid = g_uuid_string_random();
    Metadata twin = {.uuid = uuid, .name = "twin"};
    bool has_secret = false;

    if (definition == NULL) {
        return false;
    }
    g_autofree char *xml = twin_xml_make(definition, running, &twin, &has_secret, error);
    if (xml == NULL || (has_secret && !tpm_put_secret(dest, uuid, error))) {
        return false;
    }
    bool is_ok = run_twin(dest, request->uuid, uuid, xml, error);
    if (has_secret) {
        tpm_drop_secret(dest, uuid);
    }
    return is_ok;
}
