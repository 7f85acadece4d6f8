/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* One host's view of its domains: what the recovery table decides from. */
#include "hypervisor/libvirt/domain.h"
#include "hypervisor/libvirt/metadata_xml.h"
#include "hypervisor/libvirt/verbs.h"
#include <stdlib.h>

/* A transient domain is inactive for the moment between its end and its going: its state was
 * asked for before that. */
static bool
read_metadata_failed(const Slot *slot, const DomainView *view, GError **error)
{
    switch (libvirt_error_number()) {
    case VIR_ERR_NO_DOMAIN_METADATA:
    case VIR_ERR_NO_SUPPORT: return true;
    case VIR_ERR_OPERATION_INVALID:
        return error_set(error, ERROR_NOT_FOUND, "guest '%s' has just left host '%s'", view->uuid,
            slot->host->name);
    default: return domain_fail(slot, view->uuid, EFFECT_NONE, "read the metadata of", error);
    }
}

static bool
view_read_metadata(const Slot *slot, virDomainPtr domain, DomainView *view, GError **error)
{
    char *text = virDomainGetMetadata(
        domain, VIR_DOMAIN_METADATA_ELEMENT, METADATA_URI, VIR_DOMAIN_AFFECT_CURRENT);

    view->generation = -1;
    if (text == NULL) {
        return read_metadata_failed(slot, view, error);
    }
    view->is_ours = true;
    bool is_read = metadata_xml_read(text, &view->generation, &view->operation, error);
    free(text);
    return is_read;
}

/* All but job and persistence. */
static bool
view_read(const Slot *slot, virDomainPtr domain, DomainView *view, GError **error)
{
    virDomainGetUUIDString(domain, view->uuid);
    view->name = g_strdup(virDomainGetName(domain));
    return domain_get_state(slot, domain, &view->state, &view->reason, error) &&
        view_read_metadata(slot, domain, view, error);
}

static bool
is_gone(const GError *error)
{
    return error_is(error, ERROR_NOT_FOUND);
}

/* UUIDs of the persistent domains: asked for once, where the domains would be asked one by one. */
static GHashTable *
list_persistent(const Slot *slot, GError **error)
{
    virDomainPtr *domains = NULL;
    int n =
        virConnectListAllDomains(slot->connection, &domains, VIR_CONNECT_LIST_DOMAINS_PERSISTENT);

    if (n < 0) {
        libvirt_error_set(error, slot->connection, EFFECT_NONE,
            "cannot list the guests of host '%s'", slot->host->name);
        return NULL;
    }
    GHashTable *persistent = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (int i = 0; i < n; i++) {
        g_autofree char *uuid = g_malloc0(VIR_UUID_STRING_BUFLEN);
        virDomainGetUUIDString(domains[i], uuid);
        g_hash_table_add(persistent, g_steal_pointer(&uuid));
        virDomainFree(domains[i]);
    }
    free(domains);
    return persistent;
}

/* One that has just gone has no size. */
static void
read_size(virDomainPtr domain, DomainView *view)
{
    virDomainInfo info = {0};

    if (virDomainGetInfo(domain, &info) == 0) {
        view->vcpus = info.nrVirtCpu;
        view->memory_mib = (int64_t)(info.maxMem >> 10);
    }
}

static bool
list_add(
    const Slot *slot, virDomainPtr domain, GHashTable *persistent, GPtrArray *views, GError **error)
{
    g_autoptr(DomainView) view = g_new0(DomainView, 1);
    g_autoptr(GError) reason = NULL;

    if (!view_read(slot, domain, view, &reason)) {
        /* It went away while we were listing. */
        if (is_gone(reason)) {
            return true;
        }
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    view->persistent = g_hash_table_contains(persistent, view->uuid);
    read_size(domain, view);
    g_ptr_array_add(views, g_steal_pointer(&view));
    return true;
}

GPtrArray *
libvirt_list_domains(void *data, GError **error)
{
    g_auto(Slot) slot = {0};
    virDomainPtr *domains = NULL;
    bool is_ok = true;

    if (!slot_take_control(&slot, data, error)) {
        return NULL;
    }
    g_autoptr(GHashTable) persistent = list_persistent(&slot, error);
    if (persistent == NULL) {
        return NULL;
    }
    int n = virConnectListAllDomains(slot.connection, &domains, 0);
    if (n < 0) {
        libvirt_error_set(error, slot.connection, EFFECT_NONE,
            "cannot list the guests of host '%s'", slot.host->name);
        return NULL;
    }
    g_autoptr(GPtrArray) views = g_ptr_array_new_with_free_func((GDestroyNotify)domain_view_free);
    for (int i = 0; i < n; i++) {
        is_ok = is_ok && list_add(&slot, domains[i], persistent, views, error);
        virDomainFree(domains[i]);
    }
    free(domains);
    return is_ok ? g_steal_pointer(&views) : NULL;
}

static DomainJob
job_from_operation(virTypedParameterPtr params, int n)
{
    int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;

    virTypedParamsGetInt(params, n, VIR_DOMAIN_JOB_OPERATION, &operation);
    switch (operation) {
    case VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT: return DOMAIN_JOB_OUT;
    case VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN: return DOMAIN_JOB_IN;
    default: return DOMAIN_JOB_OTHER;
    }
}

/* On the destination libvirt refuses to tell statistics of an incoming migration: that refusal is
 * the answer. Every other failure is one: "no job" must never be a guess. */
static bool
read_job_failed(const Slot *slot, virDomainPtr domain, DomainView *view, GError **error)
{
    switch (libvirt_error_number()) {
    case VIR_ERR_OPERATION_UNSUPPORTED:
        view->job = DOMAIN_JOB_IN;
        if (view->reason == DOMAIN_REASON_STARTING_UP) {
            view->reason = DOMAIN_REASON_MIGRATION;
        }
        return true;
    /* It ended meanwhile: what was read of its state is older than that. */
    case VIR_ERR_OPERATION_INVALID:
        return domain_get_state(slot, domain, &view->state, &view->reason, error);
    case VIR_ERR_NO_SUPPORT: return true;
    default: return domain_fail(slot, view->uuid, EFFECT_NONE, "ask for the job of", error);
    }
}

static bool
read_job(const Slot *slot, virDomainPtr domain, DomainView *view, GError **error)
{
    int type = VIR_DOMAIN_JOB_NONE;
    virTypedParameterPtr params = NULL;
    int n = 0;

    view->job = DOMAIN_JOB_NONE;
    if (view->state == DOMAIN_SHUT_OFF) {
        return true;
    }
    if (virDomainGetJobStats(domain, &type, &params, &n, 0) < 0) {
        return read_job_failed(slot, domain, view, error);
    }
    if (type != VIR_DOMAIN_JOB_NONE) {
        view->job = job_from_operation(params, n);
    }
    virTypedParamsFree(params, n);
    return true;
}

static bool
view_read_all(const Slot *slot, virDomainPtr domain, DomainView *view, GError **error)
{
    view->persistent = virDomainIsPersistent(domain) == 1;
    return view_read(slot, domain, view, error) && read_job(slot, domain, view, error);
}

bool
libvirt_describe_domain(void *data, const char *uuid, DomainView *ret_view, GError **error)
{
    g_auto(Slot) slot = {0};
    virDomainPtr found;
    DomainView view = {.generation = -1};
    g_autoptr(GError) reason = NULL;

    if (!slot_take_control(&slot, data, error) || !domain_find(&slot, uuid, &found, error)) {
        return false;
    }
    g_autoptr(virDomain) domain = found;
    if (domain != NULL && !view_read_all(&slot, domain, &view, &reason)) {
        domain_view_clear(&view);
        if (!is_gone(reason)) {
            g_propagate_error(error, g_steal_pointer(&reason));
            return false;
        }
    }
    if (view.name == NULL) {
        view.state = DOMAIN_ABSENT;
        g_strlcpy(view.uuid, uuid, sizeof(view.uuid));
    }
    *ret_view = view;
    return true;
}
