/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Which bridges a host has. */
#include "hypervisor/libvirt/facts.h"

#include "hypervisor/libvirt/xml.h"

#include <stdlib.h>
#include <string.h>

bool
interface_is_bridge(const char *interface)
{
    g_autoptr(xmlDoc) document = xml_parse(interface, NULL);
    g_autofree char *type =
        document != NULL ? xml_get(xmlDocGetRootElement(document), "type") : NULL;

    return g_strcmp0(type, "bridge") == 0;
}

/* libvirt fails to describe one whose ports change just then: it may be a bridge. */
static bool
may_be_bridge(virInterfacePtr interface)
{
    char *text = virInterfaceGetXMLDesc(interface, 0);
    bool may_be = text == NULL || interface_is_bridge(text);

    free(text);
    return may_be;
}

/* libvirt's driver for interfaces may be a package of its own that is not installed, and its node
 * devices leave bridges out. What is a port of a bridge is not in the list, so it is short. */
char *
host_read_bridges(const Slot *slot)
{
    virInterfacePtr *interfaces = NULL;
    int n = virConnectListAllInterfaces(slot->connection, &interfaces, 0);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

    for (int i = 0; i < n; i++) {
        const char *name = virInterfaceGetName(interfaces[i]);
        if (strchr(name, ',') == NULL && may_be_bridge(interfaces[i])) {
            g_ptr_array_add(names, g_strdup(name));
        }
        virInterfaceFree(interfaces[i]);
    }
    free(interfaces);
    return n >= 0 ? join_names(names, "") : NULL;
}
