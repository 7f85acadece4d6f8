/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The processor that fits several hosts, by libvirt's own computation on the first of them, and who
 * stands in its way. */
#include "hypervisor/libvirt/baseline_xml.h"
#include "hypervisor/libvirt/cpu.h"
#include "hypervisor/libvirt/platform.h"
#include "hypervisor/libvirt/domain.h"
#include "hypervisor/libvirt/facts.h"
#include "hypervisor/libvirt/verbs.h"
#include <stdlib.h>
#include <string.h>

/* What is gathered before anything is computed. */
typedef struct Gathering {
    void *const *hosts;
    int n_hosts;
    GPtrArray *cpus;       /* char *: <cpu> of each host that says one, in their order */
    CpuBaseline *baseline; /* borrowed */
    GHashTable *obstacles; /* <cpu> of a guest -> text, "": none; guests that are alike are compared
                            * once */
} Gathering;

/* ---- asking ---- */

static char *
read_cpu(LibvirtHost *host, GError **error)
{
    g_auto(Slot) slot = {0};
    const char *virt_type =
        slot_take_control(&slot, host, error) ? host_get_virt_type(&slot, error) : NULL;

    if (virt_type == NULL) {
        return NULL;
    }
    char *text = virConnectGetDomainCapabilities(slot.connection, NULL, NULL, NULL, virt_type, 0);
    if (text == NULL) {
        libvirt_error_set(error, slot.connection, EFFECT_NONE,
            "cannot ask host '%s' for the processors that it can run", host->name);
        return NULL;
    }
    g_autoptr(GError) problem = NULL;
    char *cpu = baseline_cpu_of_host(text, &problem);
    free(text);
    if (cpu == NULL && problem == NULL) {
        error_set(&problem, ERROR_UNSUPPORTED,
            "host '%s' does not say which processor its guests may have", host->name);
    }
    if (problem != NULL) {
        g_propagate_error(error, g_steal_pointer(&problem));
    }
    return cpu;
}

static bool
gather_hosts(Gathering *gathering, GError **error)
{
    for (int i = 0; i < gathering->n_hosts; i++) {
        LibvirtHost *host = gathering->hosts[i];
        char *cpu = read_cpu(host, error);
        if (cpu == NULL) {
            return false;
        }
        g_ptr_array_add(gathering->cpus, cpu);
        CpuOfHost *row = g_new0(CpuOfHost, 1);
        row->name = g_strdup(host->name);
        row->model = baseline_get_model(cpu, NULL);
        g_ptr_array_add(gathering->baseline->hosts, row);
    }
    return true;
}

/* The first libvirtd computes; without: left out, -1 = none. NULL: libvirt's own words. */
static char *
compute(const Gathering *gathering, int without, bool expand, GError **error)
{
    LibvirtHost *host = gathering->hosts[0];
    g_autoptr(GPtrArray) cpus = g_ptr_array_new();
    unsigned int flags = VIR_CONNECT_BASELINE_CPU_MIGRATABLE |
        (expand ? VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES : 0);
    g_auto(Slot) slot = {0};

    for (unsigned i = 0; i < gathering->cpus->len; i++) {
        if ((int)i != without) {
            g_ptr_array_add(cpus, gathering->cpus->pdata[i]);
        }
    }
    const char *virt_type =
        slot_take_control(&slot, host, error) ? host_get_virt_type(&slot, error) : NULL;
    if (virt_type == NULL) {
        return NULL;
    }
    char *text = virConnectBaselineHypervisorCPU(slot.connection, NULL, NULL, NULL, virt_type,
        (const char **)cpus->pdata, cpus->len, flags);
    if (text == NULL) {
        libvirt_error_set(error, slot.connection, EFFECT_NONE,
            "libvirt finds no processor that all of the hosts have");
        return NULL;
    }
    char *cpu = g_strdup(text);
    free(text);
    return cpu;
}

/* ---- who stands in the way ---- */

/* What all others would have without this one; NULL: nothing more, or nothing at all. */
static char *
find_lack(const Gathering *gathering, int index, char *const *shared)
{
    g_autofree char *others = compute(gathering, index, true, NULL);

    if (others == NULL) {
        return NULL;
    }
    if (shared == NULL) {
        return g_strdup("a processor that has anything in common with those of the others");
    }
    g_auto(GStrv) features = baseline_list_features(others, NULL);
    return features != NULL ? baseline_features_missing(features, shared) : NULL;
}

static bool
look_at_hosts(const Gathering *gathering, GError **error)
{
    CpuBaseline *baseline = gathering->baseline;
    g_autoptr(GError) problem = NULL;
    g_autofree char *cpu = compute(gathering, -1, false, &problem);
    g_autofree char *expanded = cpu != NULL ? compute(gathering, -1, true, &problem) : NULL;

    if (problem != NULL && error_is(problem, ERROR_HYPERVISOR_DOWN)) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    g_auto(GStrv) shared = NULL;
    if (expanded != NULL) {
        baseline->model = baseline_get_model(cpu, error);
        baseline->features = baseline_list_features(cpu, error);
        shared = baseline_list_features(expanded, error);
        if (baseline->model == NULL || baseline->features == NULL || shared == NULL) {
            return false;
        }
    } else {
        baseline->problem = g_strdup(problem->message);
    }
    for (int i = 0; gathering->n_hosts > 1 && i < gathering->n_hosts; i++) {
        CpuOfHost *row = baseline->hosts->pdata[i];
        row->lacks = find_lack(gathering, i, shared);
    }
    return true;
}

/* ---- guests ---- */

static bool
add_guest(CpuBaseline *baseline, GPtrArray *definitions, const Slot *slot, virDomainPtr domain,
    GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autofree char *xml = domain_get_xml(slot, domain, VIR_DOMAIN_XML_MIGRATABLE, &reason);
    bool is_exact;

    if (xml == NULL) {
        /* It ended while we were listing. */
        return virConnectIsAlive(slot->connection) == 1 ||
            (g_propagate_error(error, g_steal_pointer(&reason)), false);
    }
    g_autofree char *cpu = cpu_xml_of_domain(xml, &is_exact, NULL);
    CpuOfGuest *guest = g_new0(CpuOfGuest, 1);
    virDomainGetUUIDString(domain, guest->uuid);
    guest->name = g_strdup(virDomainGetName(domain));
    guest->host = g_strdup(slot->host->name);
    guest->model = cpu != NULL ? baseline_get_model(cpu, NULL) : NULL;
    guest->lacks = cpu != NULL && baseline->model != NULL
        ? baseline_guest_lacks(cpu, baseline->model, baseline->features, NULL)
        : NULL;
    g_ptr_array_add(baseline->guests, guest);
    g_ptr_array_add(definitions, g_steal_pointer(&xml));
    return true;
}

static bool
list_guests(LibvirtHost *host, CpuBaseline *baseline, GPtrArray *definitions, GError **error)
{
    g_auto(Slot) slot = {0};
    virDomainPtr *domains = NULL;
    bool is_ok = true;

    if (!slot_take_control(&slot, host, error)) {
        return false;
    }
    int n = virConnectListAllDomains(slot.connection, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    if (n < 0) {
        return libvirt_error_set(error, slot.connection, EFFECT_NONE,
            "cannot list the guests of host '%s'", host->name);
    }
    for (int i = 0; i < n; i++) {
        is_ok = is_ok && add_guest(baseline, definitions, &slot, domains[i], error);
        virDomainFree(domains[i]);
    }
    free(domains);
    return is_ok;
}

/* The first host that could not give the guest its processor; the answer is kept for all guests
 * that have the same, on the same host. */
static bool
find_obstacle(const Gathering *gathering, LibvirtHost *source, const char *definition,
    char **ret_obstacle, GError **error)
{
    bool is_exact;
    g_autofree char *cpu = cpu_xml_of_domain(definition, &is_exact, NULL);
    g_autofree char *key = g_strconcat(source->name, " ", cpu != NULL ? cpu : "", NULL);
    const char *known = g_hash_table_lookup(gathering->obstacles, key);
    g_autofree char *found = g_strdup("");

    for (int i = 0; known == NULL && found[0] == '\0' && i < gathering->n_hosts; i++) {
        g_autoptr(GError) reason = NULL;
        LibvirtHost *dest = gathering->hosts[i];
        if (dest == source || platform_check_dest(dest, source, definition, &reason)) {
            continue;
        }
        if (!error_is(reason, ERROR_HYPERVISOR_REFUSED)) {
            g_propagate_error(error, g_steal_pointer(&reason));
            return false;
        }
        g_free(found);
        found = g_strdup(reason->message);
    }
    if (known == NULL) {
        known = found;
        g_hash_table_insert(gathering->obstacles, g_steal_pointer(&key), g_strdup(found));
    }
    *ret_obstacle = known[0] != '\0' ? g_strdup(known) : NULL;
    return true;
}

static bool
look_at_guests(const Gathering *gathering, LibvirtHost *host, GError **error)
{
    GPtrArray *guests = gathering->baseline->guests;
    unsigned first = guests->len;
    g_autoptr(GPtrArray) definitions = g_ptr_array_new_with_free_func(g_free);

    if (!list_guests(host, gathering->baseline, definitions, error)) {
        return false;
    }
    for (unsigned i = 0; i < definitions->len; i++) {
        CpuOfGuest *guest = guests->pdata[first + i];
        if (!find_obstacle(gathering, host, definitions->pdata[i], &guest->obstacle, error)) {
            return false;
        }
    }
    return true;
}

CpuBaseline *
libvirt_baseline_cpu(void *const *hosts, int n_hosts, GError **error)
{
    g_autoptr(CpuBaseline) baseline = cpu_baseline_new();
    g_autoptr(GPtrArray) cpus = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) obstacles =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    Gathering gathering = {hosts, n_hosts, cpus, baseline, obstacles};

    if (!gather_hosts(&gathering, error) || !look_at_hosts(&gathering, error)) {
        return NULL;
    }
    for (int i = 0; i < n_hosts; i++) {
        if (!look_at_guests(&gathering, hosts[i], error)) {
            return NULL;
        }
    }
    return g_steal_pointer(&baseline);
}
