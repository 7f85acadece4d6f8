/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What the configuration says of PCI devices, what a flavor asks of them, and which ones of a host
 * a guest is given. Pure. Sources: Nova, "Attaching physical PCI devices to guests", the options
 * [pci] alias and device_spec, and the extra spec pci_passthrough:alias. */
#include "base/error.h"
#include "model/pci.h"

/* ---- pci_config.c ---- */

/* A line of [pci] alias. Several of one name are alternatives. */
typedef struct PciAlias {
    char name[PCI_ALIAS_SIZE];
    char vendor_id[PCI_ID_SIZE]; /* "": any */
    char product_id[PCI_ID_SIZE];
    bool has_type;
    PciType type;
} PciAlias;

/* A line of [pci] device_spec: devices that are for guests. */
typedef struct PciSpec {
    char vendor_id[PCI_ID_SIZE]; /* "": any */
    char product_id[PCI_ID_SIZE];
    char address[32]; /* "0000:3b:*.*"; "": any */
} PciSpec;

/* Of PciAlias and PciSpec; text: a line of JSON for each. INVALID, one sentence without where;
 * *ret_line (may be NULL) is the line that is wrong, from 0. Caller unrefs. */
GArray *pci_aliases_read(const char *text, unsigned *ret_line, GError **error);
GArray *pci_specs_read(const char *text, unsigned *ret_line, GError **error);
/* Virtual functions are for guests with the function whose part they are, as in Nova. */
bool pci_specs_match(const GArray *specs, const PciDevice *device);

/* ---- pci_request.c ---- */

typedef struct PciWish {
    char name[PCI_ALIAS_SIZE]; /* of an alias */
    int count;
} PciWish;

/* *ret_wishes is of PciWish; NULL: the flavor asks for none. INVALID, one sentence: it is not
 * "name:count[,name:count]". */
bool pci_request_read(const char *extra_specs_json, GArray **ret_wishes, GError **error);
/* As API and configuration see it: each of its aliases exists. aliases: the text of [pci] alias. */
bool pci_request_check(const char *extra_specs_json, const char *aliases, GError **error);
/* "gpu:2,nic:1". Caller frees. */
char *pci_request_text(const GArray *wishes);

bool pci_alias_matches(const GArray *aliases, const char *name, const PciDevice *device);
/* Of PciGiven: what a guest gets of those devices; NULL: not all of it can be had. */
GArray *pci_fit(const GArray *wishes, const GArray *aliases, const GArray *devices);
