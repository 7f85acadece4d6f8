/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Whether a guest that runs on one host could run on another, as far as can be told without
 * starting it there. */
#include "hypervisor/libvirt/blockers.h"
#include "hypervisor/libvirt/domain.h"
#include "hypervisor/libvirt/domain_xml.h"
#include "hypervisor/libvirt/facts.h"
#include "hypervisor/libvirt/platform.h"
#include "hypervisor/libvirt/refusal.h"
#include "hypervisor/libvirt/tpm.h"
#include "hypervisor/libvirt/try_disk.h"
#include "hypervisor/libvirt/verbs.h"

static char *
running_xml(LibvirtHost *source, const char *uuid, GError **error)
{
    g_auto(Slot) slot = {0};

    if (!slot_take_control(&slot, source, error)) {
        return NULL;
    }
    g_autoptr(virDomain) domain = domain_get(&slot, uuid, error);
    return domain != NULL ? domain_get_xml(&slot, domain, VIR_DOMAIN_XML_MIGRATABLE, error) : NULL;
}

static bool
check_definition(const char *xml, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autofree char *blocker = blockers_find(xml, &problem);

    if (problem != NULL) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    return blocker == NULL || error_set(error, ERROR_UNSUPPORTED, "%s", blocker);
}

/* libvirt would wait for its end, before it says anything. */
static bool
check_idle(const Slot *slot, virDomainPtr domain, const char *uuid, GError **error)
{
    virDomainJobInfo job;

    if (virDomainGetJobInfo(domain, &job) < 0) {
        return domain_fail(slot, uuid, EFFECT_NONE, "ask for the job of", error);
    }
    return job.type == VIR_DOMAIN_JOB_NONE ||
        error_set(error, ERROR_UNSUPPORTED, "guest '%s' has a job (libvirt's) under way", uuid);
}

bool
libvirt_check_source(void *host, const char *uuid, GError **error)
{
    g_auto(Slot) slot = {0};

    if (!slot_take_control(&slot, host, error)) {
        return false;
    }
    g_autoptr(virDomain) domain = domain_get(&slot, uuid, error);
    g_autofree char *xml = domain != NULL
        ? domain_get_xml(&slot, domain, VIR_DOMAIN_XML_MIGRATABLE, error)
        : NULL;
    return xml != NULL && check_definition(xml, error) &&
        check_idle(&slot, domain, uuid, error) && refusal_ask(&slot, domain, error);
}

bool
libvirt_check_dest(void *dest, void *source, const char *uuid, GError **error)
{
    g_autofree char *xml = running_xml(source, uuid, error);

    if (xml == NULL || !check_definition(xml, error)) {
        return false;
    }
    g_autofree char *tpm = domain_xml_get_tpm(xml);
    return (tpm == NULL || tpm_check_dest(dest, tpm, error)) &&
        platform_check_dest(dest, source, xml, error) && try_disks_of(dest, uuid, xml, error);
}

char *
libvirt_describe_platform(void *host, const char *uuid, GError **error)
{
    g_autofree char *xml = running_xml(host, uuid, error);

    return xml != NULL ? platform_describe(host, xml, error) : NULL;
}

/* Of the moment of the comparison: an emulator may be another one than when the host told its
 * facts. */
static char *
read_class(LibvirtHost *host)
{
    g_auto(Slot) slot = {0};
    const char *virt_type =
        slot_take_control(&slot, host, NULL) ? host_get_virt_type(&slot, NULL) : NULL;

    return virt_type != NULL ? host_read_cpu_class(&slot, virt_type) : NULL;
}

bool
libvirt_compare_platform(void *host, const char *words, char **ret_class, GError **error)
{
    *ret_class = read_class(host);
    return platform_compare(host, words, error);
}
