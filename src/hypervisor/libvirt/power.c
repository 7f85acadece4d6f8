/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Guests start, stop and pause. */
#include "hypervisor/libvirt/cpu.h"
#include "hypervisor/libvirt/domain.h"
#include "hypervisor/libvirt/domain_xml.h"
#include "hypervisor/libvirt/facts.h"
#include "hypervisor/libvirt/tpm.h"
#include "hypervisor/libvirt/try_disk.h"
#include "hypervisor/libvirt/verbs.h"

/* One verb: what is asked of libvirt, and the state that makes asking needless. */
typedef struct PowerVerb {
    const char *what;
    int (*ask)(virDomainPtr domain);
    bool (*is_done)(DomainState state);
} PowerVerb;

static bool
power(LibvirtHost *host, const char *uuid, const PowerVerb *verb, GError **error)
{
    g_auto(Slot) slot = {0};
    DomainState state;
    DomainReason reason;

    if (!slot_take_control(&slot, host, error)) {
        return false;
    }
    g_autoptr(virDomain) domain = domain_get(&slot, uuid, error);
    if (domain == NULL || !domain_get_state(&slot, domain, &state, &reason, error)) {
        return false;
    }
    if (verb->is_done != NULL && verb->is_done(state)) {
        return true;
    }
    return verb->ask(domain) == 0 || domain_fail(&slot, uuid, EFFECT_ASKED, verb->what, error);
}

static bool
is_active(DomainState state)
{
    return state == DOMAIN_RUNNING || state == DOMAIN_PAUSED;
}

static bool
is_stopped(DomainState state)
{
    return state == DOMAIN_SHUT_OFF;
}

static bool
is_running(DomainState state)
{
    return state == DOMAIN_RUNNING;
}

static bool
is_paused(DomainState state)
{
    return state == DOMAIN_PAUSED;
}

/* *ret_xml: how it is to be started; NULL: it runs, or is paused. */
static bool
read_start(LibvirtHost *host, const char *uuid, char **ret_xml, GError **error)
{
    g_auto(Slot) slot = {0};
    DomainState state;
    DomainReason reason;

    *ret_xml = NULL;
    if (!slot_take_control(&slot, host, error)) {
        return false;
    }
    g_autoptr(virDomain) domain = domain_get(&slot, uuid, error);
    if (domain == NULL || !domain_get_state(&slot, domain, &state, &reason, error)) {
        return false;
    }
    if (is_active(state)) {
        return true;
    }
    *ret_xml = domain_get_xml(&slot, domain, VIR_DOMAIN_XML_INACTIVE, error);
    return *ret_xml != NULL;
}

/* A start that waits for the server of a disk has no end. */
static bool
prepare_start(LibvirtHost *host, const char *uuid, char **ret_xml, GError **error)
{
    return read_start(host, uuid, ret_xml, error) &&
        (*ret_xml == NULL || try_disks_of(host, uuid, *ret_xml, error));
}

/* Its processor is what the configuration says at its start, because a guest that runs keeps its
 * own. */
static bool
renew_cpu(LibvirtHost *host, const char *uuid, GError **error)
{
    g_auto(Slot) slot = {0};
    g_auto(HostCpu) cpu = {0};
    g_autoptr(GError) problem = NULL;

    if (!slot_take_control(&slot, host, error)) {
        return false;
    }
    const char *virt_type = host_get_virt_type(&slot, error);
    g_autoptr(virDomain) domain = virt_type != NULL ? domain_get(&slot, uuid, error) : NULL;
    if (domain == NULL || !host_cpu_choose(&cpu, &slot, virt_type, error)) {
        return false;
    }
    g_autofree char *old =
        domain_get_xml(&slot, domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE, error);
    g_autofree char *renewed =
        old != NULL ? cpu_xml_renew(old, &cpu.choice, virt_type, &problem) : NULL;
    if (problem != NULL) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    if (renewed == NULL) {
        return old != NULL;
    }
    g_autoptr(virDomain) defined = virDomainDefineXML(slot.connection, renewed);
    return defined != NULL || domain_fail(&slot, uuid, EFFECT_ASKED, "define", error);
}

bool
libvirt_start_guest(void *host, const char *uuid, GError **error)
{
    const PowerVerb verb = {"start", virDomainCreate, is_active};
    g_autofree char *xml = NULL;

    if (!prepare_start(host, uuid, &xml, error) ||
        (xml != NULL && !renew_cpu(host, uuid, error))) {
        return false;
    }
    g_autofree char *tpm = xml != NULL ? domain_xml_get_tpm(xml) : NULL;
    if (tpm == NULL || ((LibvirtHost *)host)->settings->tpm_key == NULL) {
        return power(host, uuid, &verb, error);
    }
    bool is_ok = tpm_put_secret(host, uuid, error) && power(host, uuid, &verb, error);
    tpm_drop_secret(host, uuid);
    return is_ok;
}

bool
libvirt_shutdown_guest(void *host, const char *uuid, GError **error)
{
    return power(host, uuid, &(PowerVerb){"shut down", virDomainShutdown, is_stopped}, error);
}

bool
libvirt_destroy_guest(void *host, const char *uuid, GError **error)
{
    return power(host, uuid, &(PowerVerb){"destroy", virDomainDestroy, is_stopped}, error);
}

static int
ask_reset(virDomainPtr domain)
{
    return virDomainReset(domain, 0);
}

static int
ask_reboot(virDomainPtr domain)
{
    return virDomainReboot(domain, VIR_DOMAIN_REBOOT_DEFAULT);
}

bool
libvirt_reboot_guest(void *host, const char *uuid, bool hard, GError **error)
{
    return power(host, uuid,
        &(PowerVerb){hard ? "reset" : "reboot", hard ? ask_reset : ask_reboot, NULL}, error);
}

bool
libvirt_pause_guest(void *host, const char *uuid, GError **error)
{
    return power(host, uuid, &(PowerVerb){"pause", virDomainSuspend, is_paused}, error);
}

bool
libvirt_resume_guest(void *host, const char *uuid, GError **error)
{
    return power(host, uuid, &(PowerVerb){"resume", virDomainResume, is_running}, error);
}

static int
start_paused(virDomainPtr domain)
{
    return virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED);
}

/* Of a guest that runs the state would be "done": it is nobody's to prove. */
bool
libvirt_prove_guest(void *host, const char *uuid, GError **error)
{
    g_auto(Slot) slot = {0};
    g_autofree char *xml = NULL;
    DomainState state;
    DomainReason reason;

    if (!prepare_start(host, uuid, &xml, error) || !slot_take_control(&slot, host, error)) {
        return false;
    }
    g_autoptr(virDomain) domain = domain_get(&slot, uuid, error);
    if (domain == NULL || !domain_get_state(&slot, domain, &state, &reason, error)) {
        return false;
    }
    if (state == DOMAIN_RUNNING) {
        return error_set(
            error, ERROR_CONFLICT, "guest '%s' runs on host '%s'", uuid, slot.host->name);
    }
    if (!is_active(state) && start_paused(domain) < 0) {
        return domain_fail(&slot, uuid, EFFECT_ASKED, "start", error);
    }
    return virDomainDestroy(domain) == 0 ||
        domain_fail(&slot, uuid, EFFECT_ASKED, "destroy", error);
}
