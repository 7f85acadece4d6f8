/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Disks on the network are tried in a throw-away domain before a guest gets them. A QEMU that opens
 * one waits for as long as its server likes, with its guest and its monitor standing still; this
 * one may wait, and is destroyed when its time is over. */
#include "hypervisor/libvirt/connection.h"

/* Every disk on the network that the definition has, for that guest. Holds slots of its own: the
 * caller has none of this host. HYPERVISOR_REFUSED: one of them cannot be opened there. */
bool try_disks_of(LibvirtHost *host, const char *uuid, const char *domain_xml, GError **error);
/* The server of this disk on the network takes the connection, or does not even refuse it, and says
 * nothing; the error tells that. Slots as above. One that refuses is not silent. */
bool try_disk_is_silent(LibvirtHost *host, const char *uuid, const char *disk_xml, GError **error);
