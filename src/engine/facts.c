/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What a host told of itself, into its row. */
#include "base/log.h"
#include "engine/internal.h"
#include "model/topology.h"

#include <string.h>

/* Free memory and space change all the time: a change below this share is not worth a write. */
enum { FACTS_SHARE = 50 };

static bool
is_near(int64_t one, int64_t two, int64_t whole)
{
    int64_t distance = one > two ? one - two : two - one;
    return distance <= whole / FACTS_SHARE;
}

static bool
is_same_facts(const HostFacts *one, const HostFacts *two)
{
    return g_strcmp0(one->hostname, two->hostname) == 0 &&
        g_strcmp0(one->host_uuid, two->host_uuid) == 0 &&
        g_strcmp0(one->hypervisor_type, two->hypervisor_type) == 0 &&
        one->hypervisor_version == two->hypervisor_version &&
        one->libvirt_version == two->libvirt_version && g_strcmp0(one->arch, two->arch) == 0 &&
        g_strcmp0(one->cpu_json, two->cpu_json) == 0 &&
        g_strcmp0(one->cpu_class, two->cpu_class) == 0 && one->vcpus == two->vcpus &&
        one->memory_mib == two->memory_mib &&
        is_near(one->memory_free_mib, two->memory_free_mib, two->memory_mib) &&
        is_near(one->pool_capacity_bytes, two->pool_capacity_bytes, two->pool_capacity_bytes) &&
        is_near(one->pool_available_bytes, two->pool_available_bytes, two->pool_capacity_bytes) &&
        g_strcmp0(one->pool_path, two->pool_path) == 0 &&
        g_strcmp0(one->pool_id, two->pool_id) == 0 &&
        g_strcmp0(one->pool_json, two->pool_json) == 0 &&
        g_strcmp0(one->offers, two->offers) == 0 &&
        g_strcmp0(one->topology, two->topology) == 0 &&
        g_strcmp0(one->pci_devices, two->pci_devices) == 0 &&
        one->hides_devices == two->hides_devices &&
        g_strcmp0(one->bridges, two->bridges) == 0 &&
        g_strcmp0(one->certificate_json, two->certificate_json) == 0 &&
        one->running_domains == two->running_domains;
}

static bool
is_active(GPtrArray *domains, const char *uuid)
{
    for (unsigned i = 0; i < domains->len; i++) {
        const DomainView *domain = domains->pdata[i];
        if (strcmp(domain->uuid, uuid) == 0) {
            return domain->state == DOMAIN_RUNNING || domain->state == DOMAIN_PAUSED;
        }
    }
    return false;
}

/* A host tells of all pages that are in use. Those of guests that run there, and whose claims name
 * them, are not foreign. */
static void
settle_pages(const HostLink *link, GPtrArray *domains, HostFacts *facts)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HostTopology) topology = host_topology_parse(facts->topology);
    if (topology == NULL || !host_topology_has_foreign_pages(topology)) {
        return;
    }
    g_autoptr(GPtrArray) claims = store_list_claims(
        link->engine->context.store, CLAIMS_OF_HOST, link->row->name, &error);
    if (claims == NULL) {
        log_error("cannot read what is claimed of host '%s': %s", link->row->name, error->message);
        return;
    }
    for (unsigned i = 0; i < claims->len; i++) {
        const ClaimRow *claim = claims->pdata[i];
        g_autoptr(GuestTopology) guest = guest_topology_parse(claim->topology);
        if (guest != NULL && is_active(domains, claim->instance_id)) {
            host_topology_own_pages(topology, guest);
        }
    }
    g_free(facts->topology);
    facts->topology = host_topology_text(topology);
}

static bool
put_facts(HostLink *link, HostFacts *facts)
{
    g_autoptr(GError) error = NULL;

    cpu_policy_apply(link->engine->context.settings.cpus, link->row->name, facts);
    pci_policy_apply(link->engine->context.settings.pci, link->row->name, facts);
    if (link->row->has_facts && is_same_facts(&link->row->facts, facts)) {
        return false;
    }
    if (!store_set_host_facts(link->engine->context.store, link->row->name, facts, &error)) {
        log_error("cannot write what host '%s' is: %s", link->row->name, error->message);
        return false;
    }
    link->row->has_facts = true;
    host_facts_copy(facts, &link->row->facts);
    return true;
}

bool
link_write_facts(HostLink *link, const HostFacts *told, GPtrArray *domains)
{
    g_auto(HostFacts) facts = {0};

    host_facts_copy(told, &facts);
    settle_pages(link, domains, &facts);
    return put_facts(link, &facts);
}

void
link_renew_facts(HostLink *link)
{
    g_auto(HostFacts) facts = {0};

    if (link->row->has_facts) {
        host_facts_copy(&link->row->facts, &facts);
        put_facts(link, &facts);
    }
}
