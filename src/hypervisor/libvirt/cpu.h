/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The processor of a guest: what is written into its definition, and whether another host can give
 * it. Everything but host_cpu_choose, cpu_describe and cpu_check_dest is pure. */
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

/* The definition with that processor in place of its own. NULL with no error: it has that one
 * already, or the choice is "none". What else <cpu> holds (topology, NUMA) stays. */
char *cpu_xml_renew(
    const char *domain, const CpuChoice *choice, const char *virt_type, GError **error);

/* What the configuration says of guests on one host. Zero-initialise; cleared when it goes out of
 * scope. */
typedef struct HostCpu {
    LibvirtCpu settings;
    CpuChoice choice; /* points into settings */
} HostCpu;
void host_cpu_clear(HostCpu *cpu);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HostCpu, host_cpu_clear)
/* Of several models the first that this host can run; one alone is taken unseen. UNSUPPORTED when
 * the host can run none of several. */
bool host_cpu_choose(HostCpu *cpu, const Slot *slot, const char *virt_type, GError **error);
/* The first of the models that the domain capabilities call usable; NULL: none. */
const char *cpu_find_usable(const char *domain_capabilities, char *const *models, GError **error);

/* The guest's processor, as its running definition has it, for a host to compare. NULL with no
 * error: the definition names none. *ret_is_exact: it is the host's own (host-passthrough). */
char *cpu_xml_of_domain(const char *domain, bool *ret_is_exact, GError **error);
/* What the second host's processor lacks or has more than the first one's, by both hosts'
 * capabilities: a guest that was given the first one's own needs the very same. NULL with no error:
 * they are the same. */
char *cpu_compare_hosts(const char *from, const char *to, GError **error);

/* The guest's processor as another host is asked for it: the <cpu> of its definition, or that of
 * its host (<capabilities>) where it has the very same. NULL with no error: the definition names
 * none. Caller frees. */
char *cpu_describe(LibvirtHost *source, const char *domain, GError **error);
/* HYPERVISOR_REFUSED, with the features that are missing, when the host cannot give it. */
bool cpu_check_dest(LibvirtHost *dest, const char *cpu, GError **error);
