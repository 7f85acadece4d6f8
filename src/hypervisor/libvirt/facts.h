/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What a host says of itself: what other verbs need of it. */
#include "hypervisor/libvirt/connection.h"

/* "kvm" or "qemu" for guests: as the settings say, else the best that the host offers. Borrowed;
 * asked for once per session. */
const char *host_get_virt_type(const Slot *slot, GError **error);
/* The host's capabilities document; caller frees. */
char *host_get_capabilities(const Slot *slot, GError **error);
/* Nova's cpu_info object of a capabilities document; caller frees. */
char *capabilities_to_cpu_json(const char *capabilities, int cells, GError **error);
/* What libvirt's definition of a pool says beside its path: type, owner, group, mode, and where it
 * comes from (source_host, source_path, source_format, source_version, mount_options). An object as
 * text; caller frees. */
char *pool_to_json(const char *pool, GError **error);
/* What a document of domain capabilities says that guests may have, beside that type: "kvm,uefi";
 * caller frees. */
char *domain_capabilities_to_offers(
    const char *capabilities, const char *virt_type, GError **error);
/* The same for hosts whose hypervisors offer guests of that type the same processors, and machines
 * up to the same version, by a document
 * of domain capabilities, or as the host has it now; NULL: it does not tell. Caller frees. */
char *domain_capabilities_to_cpu_class(const char *capabilities, const char *virt_type);
char *host_read_cpu_class(const Slot *slot, const char *virt_type);
/* "PREFIXa,PREFIXb": in the order of the names (char *), so that the same is told each time. Caller
 * frees. */
char *join_names(GPtrArray *names, const char *prefix);
/* The UUID of the machine as a capabilities document tells it; NULL: it does not. Caller frees. */
char *capabilities_get_host_uuid(const char *capabilities, GError **error);
/* Whether a capabilities document offers guests of that type. */
bool capabilities_offer(const char *capabilities, const char *virt_type, GError **error);

/* ---- bridges.c ---- */
/* As HostFacts; NULL: it does not tell. Caller frees. */
char *host_read_bridges(const Slot *slot);
/* Whether libvirt's definition of an interface is that of a bridge. */
bool interface_is_bridge(const char *interface);
