/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Processors, NUMA cells and pages: what a host's capabilities say of them, and what a guest's
 * definition is given. Pure. */
#include "hypervisor/libvirt/xml.h"
#include "model/topology.h"

/* As HostTopology; NULL: the document tells of no cells. Caller frees. */
char *capabilities_to_topology(const char *capabilities);

/* Into a definition that is being built: what the guest sees, and where it runs. NULL: nothing. */
void topology_xml_build(xmlNode *domain, const GuestTopology *topology);
/* Into a definition that moves: where it runs is made anew, what the guest sees stays. */
void topology_xml_move(xmlDoc *document, const GuestTopology *topology);
