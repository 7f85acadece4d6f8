/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* PCI devices of hosts that are for guests, and which of them one guest is given. Both are kept as
 * text; nobody but these functions reads it. Words are Nova's. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* "0000:3b:00.1", with its end. */
enum { PCI_ADDRESS_SIZE = 13, PCI_ID_SIZE = 5, PCI_ALIAS_SIZE = 65, PCI_DRIVER_SIZE = 32 };

typedef enum {
    PCI_TYPE_PCI, /* a device as a whole, without SR-IOV */
    PCI_TYPE_PF,  /* a physical function: it can be divided */
    PCI_TYPE_VF,  /* a virtual one: a part of such a device */
} PciType;
const char *pci_type_name(PciType type); /* "type-PCI", "type-PF", "type-VF" */
bool pci_type_parse(const char *text, PciType *ret_type);

typedef struct PciAddress {
    unsigned domain;
    unsigned bus;
    unsigned slot;
    unsigned function;
} PciAddress;
bool pci_address_parse(const char *text, PciAddress *ret_address);
void pci_address_write(const PciAddress *address, char ret_text[PCI_ADDRESS_SIZE]);

typedef struct PciDevice {
    char address[PCI_ADDRESS_SIZE];
    char vendor_id[PCI_ID_SIZE]; /* four hexadecimal digits, small ones */
    char product_id[PCI_ID_SIZE];
    PciType type;
    int numa_node;               /* -1: none is told */
    int iommu_group;             /* -1: the same */
    char pf[PCI_ADDRESS_SIZE];   /* of a virtual function: whose part it is; else "" */
    char driver[PCI_DRIVER_SIZE]; /* its host's, which has it; "": none, or nobody tells */
    /* Another one of the same IOMMU group, which no guest may have and its host's driver keeps:
     * VFIO gives this one to nobody meanwhile. "": there is none. */
    char rival[PCI_ADDRESS_SIZE];
    char rival_driver[PCI_DRIVER_SIZE];
} PciDevice;
/* Of those that are for guests: what each has as its rival among all of the host; their own
 * drivers are forgotten. */
void pci_find_rivals(GArray *ours, const GArray *all);

/* A line for each; NULL: there is none. Caller frees. */
char *pci_devices_text(const GArray *devices);
/* Of PciDevice; lines that are none of ours are left out. */
GArray *pci_devices_parse(const char *text);

/* What a guest is given of them. */
typedef struct PciGiven {
    char address[PCI_ADDRESS_SIZE];
    char alias[PCI_ALIAS_SIZE]; /* what was asked for */
} PciGiven;
/* One line; NULL: nothing. Caller frees. */
char *pci_given_text(const GArray *given);
/* Of PciGiven; of one claim's text or of several, a line each. */
GArray *pci_given_parse(const char *text);
/* NULL: nobody has it. */
const PciGiven *pci_given_find(const GArray *given, const char *address);

/* Those that a guest could still be given: none that is taken, none of whose parts one is, no part
 * of one, none that its IOMMU ties to one of another guest. taken: a line for each claim. */
GArray *pci_free_devices(const GArray *devices, const char *taken);
