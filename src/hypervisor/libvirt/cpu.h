/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The processor of a guest: what is written into its definition, and whether another host can give
 * it. Everything but cpu_choose_model and cpu_check_dest is pure. */
#include "hypervisor/libvirt/connection.h"
#include "hypervisor/libvirt/xml.h"

/* Nova: [libvirt] cpu_mode, cpu_models, cpu_model_extra_flags. */
typedef struct CpuChoice {
    /* "host-model", "host-passthrough", "maximum", "custom" or "none"; "" is host-model with KVM,
     * and none without: the emulator's own processor is the same on all hosts. */
    const char *mode;
    const char *model;  /* of "custom" */
    char *const *flags; /* "pcid", "+pcid", "-pcid"; NULL or NULL-terminated */
} CpuChoice;

/* Adds <cpu>, or nothing. */
void cpu_xml_build(xmlNode *domain, const CpuChoice *choice, const char *virt_type);

/* The first of the models that this host can run; with one alone, that. Borrowed from the settings;
 * "" when there is none. UNSUPPORTED when the host can run none of several. */
bool cpu_choose_model(
    const Slot *slot, const char *virt_type, const char **ret_model, GError **error);
/* The first of the models that the domain capabilities call usable; NULL: none. */
const char *cpu_find_usable(const char *domain_capabilities, char *const *models, GError **error);

/* The guest's processor, as its running definition has it, for a host to compare. NULL with no
 * error: the definition names none. *ret_is_exact: it is the host's own (host-passthrough). */
char *cpu_xml_of_domain(const char *domain, bool *ret_is_exact, GError **error);
/* What the second host's processor lacks or has more than the first one's, by both hosts'
 * capabilities: a guest that was given the first one's own needs the very same. NULL with no error:
 * they are the same. */
char *cpu_compare_hosts(const char *from, const char *to, GError **error);

/* HYPERVISOR_REFUSED, with the features that are missing, when the destination cannot give the
 * guest the processor that it has on the source. One host's slot is held at a time. */
bool cpu_check_dest(LibvirtHost *dest, LibvirtHost *source, const char *domain, GError **error);
