/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* PCI devices: what libvirt tells of a host's, and how a guest's definition names them. Pure. */
#include "hypervisor/libvirt/xml.h"
#include "model/pci.h"

/* Of one node device. False: it is no PCI device, or one that no guest can have (a bridge). */
bool node_device_to_pci(const char *xml, PciDevice *ret_device);
/* given: as pci_given_text; NULL: nothing. */
void pci_xml_build(xmlNode *devices, const char *given);
