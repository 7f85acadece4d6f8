/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/platform.h"

#include "hypervisor/libvirt/cpu.h"
#include "hypervisor/libvirt/domain_xml.h"
#include "hypervisor/libvirt/machine.h"
#include <string.h>

char *
platform_join_words(const char *machine, const char *cpu)
{
    return g_strdup_printf("%s %s", machine != NULL ? machine : "", cpu != NULL ? cpu : "");
}

const char *
platform_split_words(const char *words, char **ret_machine)
{
    size_t length = strcspn(words, " ");

    *ret_machine = length > 0 ? g_strndup(words, length) : NULL;
    return words[length] != '\0' && words[length + 1] != '\0' ? &words[length + 1] : NULL;
}

char *
platform_describe(LibvirtHost *source, const char *domain, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autofree char *machine = domain_xml_get_machine(domain);
    g_autofree char *cpu = cpu_describe(source, domain, &problem);

    if (problem != NULL) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return NULL;
    }
    return machine != NULL || cpu != NULL ? platform_join_words(machine, cpu) : NULL;
}

bool
platform_compare(LibvirtHost *dest, const char *words, GError **error)
{
    g_autofree char *machine = NULL;
    const char *cpu = platform_split_words(words, &machine);

    if (machine != NULL && !machine_check_dest(dest, machine, error)) {
        return false;
    }
    return cpu == NULL || cpu_check_dest(dest, cpu, error);
}

bool
platform_check_dest(LibvirtHost *dest, LibvirtHost *source, const char *domain, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autofree char *words = platform_describe(source, domain, &problem);

    if (problem != NULL) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    return words == NULL || platform_compare(dest, words, error);
}
