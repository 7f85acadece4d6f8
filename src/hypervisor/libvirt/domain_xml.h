/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Domain XML: made from a GuestSpec, and read for its disks. What the destination of a move gets is
 * made in dest_xml.h. Pure. */
#include "hypervisor/libvirt/cpu.h"
#include "hypervisor/libvirt/metadata_xml.h"
#include "hypervisor/types.h"

/* What differs between hosts. */
typedef struct DomainPlace {
    const char *pool_path;
    const char *virt_type; /* "kvm" or "qemu" */
    CpuChoice cpu; /* when the guest names none */
    const char *vnc_listen; /* NULL = no such console */
    const char *spice_listen;
    char *const *disk_paths; /* of the spec's disks; NULL for those on the network */
} DomainPlace;

/* The same guest in the same place gives the same text. INVALID: a disk cannot be told. Caller
 * frees. */
char *domain_xml_build(const GuestSpec *guest, const DomainPlace *place, GError **error);

/* A file that a domain's disk lies in. */
typedef struct DomainDisk {
    char *target; /* "vda" */
    char *path;
    char *format;         /* "qcow2", "raw" */
    char *cache;          /* "none", ...; "" = the default */
    char *backing_path;   /* NULL = none */
    char *backing_format; /* as the definition says; never probed */
    bool is_read_only;
    bool is_volume;       /* of the Block Storage API: it has a life of its own */
    bool is_copied;       /* by a migration that copies disks: the guest's own, and it may write */
} DomainDisk;
void domain_disk_free(DomainDisk *disk);

/* The disks (not CD-ROMs, not floppies) that are files: DomainDisk. */
GPtrArray *domain_xml_list_disks(const char *xml, GError **error);
/* Whether it has UEFI variables in a file; whether it has an emulated TPM whose state is encrypted,
 * and of which version (NULL: none; caller frees). A text that does not parse has neither. */
bool domain_xml_has_nvram(const char *xml);
/* The file of its UEFI variables; NULL: none. Caller frees. */
char *domain_xml_get_nvram(const char *xml);
char *domain_xml_get_tpm(const char *xml);
/* Its machine type, "pc-i440fx-10.0"; NULL: it names none. Caller frees. */
char *domain_xml_get_machine(const char *xml);
/* Paths of console logs, kernels, initial RAM disks and CD-ROMs: what else of the pool the domain
 * uses. */
GPtrArray *domain_xml_list_files(const char *xml, GError **error);
