/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/machine.h"

#include "hypervisor/libvirt/error.h"
#include "hypervisor/libvirt/facts.h"
#include "hypervisor/libvirt/xml.h"

char *
machine_of_capabilities(const char *capabilities)
{
    g_autoptr(xmlDoc) document = xml_parse(capabilities, NULL);

    return document != NULL
        ? xml_get_text(xml_child(xmlDocGetRootElement(document), "machine"))
        : NULL;
}

/* libvirt has no other way to ask: it tells what such a machine could have, or that there is none.
 * *ret_name, with its version, is NULL where it was not told; *ret_is_there only with an error that
 * says so. */
static bool
ask(LibvirtHost *host, const char *machine, char **ret_name, bool *ret_is_there, GError **error)
{
    g_auto(Slot) slot = {0};

    if (!slot_take_control(&slot, host, error)) {
        return false;
    }
    const char *virt_type = host_get_virt_type(&slot, error);
    if (virt_type == NULL) {
        return false;
    }
    char *text =
        virConnectGetDomainCapabilities(slot.connection, NULL, NULL, machine, virt_type, 0);
    *ret_is_there = text != NULL || libvirt_error_number() != VIR_ERR_INVALID_ARG;
    *ret_name = text != NULL ? machine_of_capabilities(text) : NULL;
    free(text);
    return true;
}

/* Whatever else goes wrong is told by the migration itself. */
bool
machine_check_dest(LibvirtHost *dest, const char *machine, GError **error)
{
    g_autofree char *name = NULL;
    bool is_there;

    return ask(dest, machine, &name, &is_there, error) &&
        (is_there ||
            error_set(error, ERROR_HYPERVISOR_REFUSED,
                "the emulator of host '%s' does not support machine type '%s'", dest->name,
                machine));
}

/* The destination's newest one, unless that is newer than all of the source: then the source's. */
char *
machine_of_both(LibvirtHost *source, LibvirtHost *dest)
{
    g_autofree char *newest = NULL;
    g_autofree char *name = NULL;
    bool is_there = false;

    bool is_common = ask(dest, MACHINE_NEWEST, &newest, &is_there, NULL) && newest != NULL &&
        ask(source, newest, &name, &is_there, NULL) && name != NULL;
    return is_common ? g_steal_pointer(&newest) : g_strdup(MACHINE_NEWEST);
}
