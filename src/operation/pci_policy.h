/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Which PCI devices of which hosts are for guests: [pci] device_spec, for all and for groups.
 * Read-only once it is made. */
#include "model/host.h"

typedef struct PciPolicy PciPolicy;
PciPolicy *pci_policy_new(void);
void pci_policy_free(PciPolicy *policy);
/* hosts: names and patterns; NULL: all whom no group has. Groups first. device_spec as it is
 * written, "" for none; it was checked before. */
void pci_policy_add(PciPolicy *policy, char *const *hosts, const char *device_spec);
/* Of what a host has told, the others are taken out. policy may be NULL: all are. */
void pci_policy_apply(const PciPolicy *policy, const char *host, HostFacts *facts);
