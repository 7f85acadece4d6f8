/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What dest_xml.h is told, read from both hosts; and the definition that comes of it, for a guest
 * that moves and for the twin that rehearses it. */
#include "hypervisor/libvirt/connection.h"
#include "hypervisor/libvirt/dest_xml.h"
#include "hypervisor/types.h"

typedef struct DestPlaceRead {
    DestPlace place;
    char *from_volumes; /* of place */
    char *to_volumes;
} DestPlaceRead;
void dest_place_read_clear(DestPlaceRead *read);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DestPlaceRead, dest_place_read_clear)

/* request and both sessions outlive it. Holds slots of its own. */
bool dest_place_read(LibvirtHost *source, LibvirtHost *dest, const MigrateRequest *request,
    DestPlaceRead *read, GError **error);
/* What the guest, which is on the slot's host, is defined as in that place. flags: those of
 * virDomainXMLFlags that say which of its definitions. Caller frees. */
char *dest_definition(const Slot *slot, virDomainPtr domain, unsigned int flags,
    const MigrateRequest *request, const DestPlace *place, GError **error);
