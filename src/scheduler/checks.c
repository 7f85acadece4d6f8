/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "scheduler/internal.h"

#include <string.h>

static const char *const check_names[] = {
#define X(name, text, filter) [PLACEMENT_CHECK_##name] = text,
    PLACEMENT_CHECKS(X)
#undef X
};

static const PlacementFilter check_filters[] = {
#define X(name, text, filter) [PLACEMENT_CHECK_##name] = FILTER_##filter,
    PLACEMENT_CHECKS(X)
#undef X
};

const char *
placement_check_name(PlacementCheck check)
{
    g_assert((unsigned)check < PLACEMENT_N_CHECKS);
    return check_names[check];
}

const char *
placement_check_filter(PlacementCheck check)
{
    g_assert((unsigned)check < PLACEMENT_N_CHECKS);
    return placement_filter_name(check_filters[check]);
}

const char *
placement_result_name(PlacementResult result)
{
    static const char *const names[] = {
        [PLACEMENT_PASS] = "pass",
        [PLACEMENT_WARN] = "warn",
        [PLACEMENT_OFF] = "off",
        [PLACEMENT_UNKNOWN] = "unknown",
        [PLACEMENT_FAIL] = "fail",
    };
    g_assert((unsigned)result < G_N_ELEMENTS(names));
    return names[result];
}

void
row_clear(PlacementRow *row)
{
    g_clear_pointer(&row->needed, g_free);
    g_clear_pointer(&row->have, g_free);
    g_clear_pointer(&row->fix, g_free);
}

static PlacementResult
check_requested(const Subject *subject, PlacementRow *row)
{
    const char *requested = subject->request->requested_host;
    if (row != NULL) {
        row->needed =
            requested == NULL ? g_strdup("any host") : g_strdup_printf("host '%s'", requested);
        row->have = g_strdup(subject->host->name);
    }
    return check_answer(requested == NULL || subject->entry == subject->requested_entry,
        "ask for this host, or for none", row);
}

static PlacementResult
check_not_source(const Subject *subject, PlacementRow *row)
{
    bool passed = subject->host != subject->source &&
        (subject->source != NULL ||
            g_strcmp0(subject->request->source_host, subject->host->name) != 0);
    if (row != NULL) {
        row->needed = g_strdup("another host");
        row->have = g_strdup(passed ? "another host" : "the host it is on");
    }
    /* Of hosts to choose from, it is one that is none: nothing is to be done about that. */
    return check_answer(
        passed, subject->request->requested_host != NULL ? "name another host" : NULL, row);
}

static const CheckFunction checks[] = {
    [PLACEMENT_CHECK_REQUESTED] = check_requested,
    [PLACEMENT_CHECK_NOT_SOURCE] = check_not_source,
    [PLACEMENT_CHECK_ZONE] = check_zone,
    [PLACEMENT_CHECK_CELL] = check_cell,
    [PLACEMENT_CHECK_POOL] = check_pool,
    [PLACEMENT_CHECK_VIRT_TYPE] = check_virt_type,
    [PLACEMENT_CHECK_POST_COPY] = check_post_copy,
    [PLACEMENT_CHECK_GUEST] = check_guest,
    [PLACEMENT_CHECK_TENANT] = check_tenant,
    [PLACEMENT_CHECK_EXTRA_SPECS] = check_extra_specs,
    [PLACEMENT_CHECK_FLAVOR] = check_flavor,
    [PLACEMENT_CHECK_IMAGE_ISOLATION] = check_image_isolation,
    [PLACEMENT_CHECK_ALIVE] = check_alive,
    [PLACEMENT_CHECK_UP] = check_up,
    [PLACEMENT_CHECK_ENABLED] = check_enabled,
    [PLACEMENT_CHECK_CONNECTED] = check_connected,
    [PLACEMENT_CHECK_FACTS] = check_facts,
    [PLACEMENT_CHECK_ARCH] = check_arch,
    [PLACEMENT_CHECK_VERSION] = check_version,
    [PLACEMENT_CHECK_VERSION_SAFE] = check_version_safe,
    [PLACEMENT_CHECK_IMAGE_PROPERTIES] = check_image_properties,
    [PLACEMENT_CHECK_FIRMWARE] = check_firmware,
    [PLACEMENT_CHECK_TPM] = check_tpm,
    [PLACEMENT_CHECK_NETWORKS] = check_networks,
    [PLACEMENT_CHECK_VOLUMES] = check_volumes,
    [PLACEMENT_CHECK_CPU] = check_cpu,
    [PLACEMENT_CHECK_REFUSED] = check_refused,
    [PLACEMENT_CHECK_REHEARSAL] = check_rehearsal,
    [PLACEMENT_CHECK_CANARY] = check_canary,
    [PLACEMENT_CHECK_NUMA_FILTERS] = check_numa_filters,
    [PLACEMENT_CHECK_RAM] = check_ram,
    [PLACEMENT_CHECK_VCPUS] = check_vcpus,
    [PLACEMENT_CHECK_DEDICATED_CPUS] = check_dedicated_cpus,
    [PLACEMENT_CHECK_HUGE_PAGES] = check_huge_pages,
    [PLACEMENT_CHECK_NUMA] = check_numa,
    [PLACEMENT_CHECK_PCI_DEVICES] = check_pci_devices,
    [PLACEMENT_CHECK_STORAGE] = check_storage,
    [PLACEMENT_CHECK_DISK] = check_disk,
    [PLACEMENT_CHECK_DISK_FREE] = check_disk_free,
    [PLACEMENT_CHECK_INSTANCES] = check_instances,
    [PLACEMENT_CHECK_AGGREGATE_INSTANCES] = check_aggregate_instances,
    [PLACEMENT_CHECK_IO_OPS] = check_io_ops,
    [PLACEMENT_CHECK_AGGREGATE_IO_OPS] = check_aggregate_io_ops,
    [PLACEMENT_CHECK_AFFINITY] = check_affinity,
    [PLACEMENT_CHECK_ANTI_AFFINITY] = check_anti_affinity,
    [PLACEMENT_CHECK_SAME_HOST] = check_same_host,
    [PLACEMENT_CHECK_DIFFERENT_HOST] = check_different_host,
    [PLACEMENT_CHECK_RAM_FREE] = check_ram_free,
};
G_STATIC_ASSERT(G_N_ELEMENTS(checks) == PLACEMENT_N_CHECKS);

static bool
is_switched_off(const Subject *subject, PlacementCheck check)
{
    PlacementFilter filter = check_filters[check];
    return filter != FILTER_NONE && (subject->request->policy->filters_off & (1U << filter)) != 0;
}

/* Without facts there is nothing to compare: the row of the facts says it. */
static bool
is_blind(const Subject *subject, PlacementCheck check)
{
    return check > PLACEMENT_CHECK_FACTS && !subject->host->has_facts;
}

PlacementResult
placement_check(const Subject *subject, PlacementCheck check, PlacementRow *row)
{
    PlacementResult result = checks[check](subject, row);
    if (is_blind(subject, check)) {
        result = PLACEMENT_UNKNOWN;
    } else if (result == PLACEMENT_FAIL && is_switched_off(subject, check)) {
        result = PLACEMENT_OFF;
    }
    if (row != NULL) {
        row->result = result;
        if (result != PLACEMENT_FAIL && result != PLACEMENT_WARN) {
            g_clear_pointer(&row->fix, g_free);
        }
    }
    return result;
}

CheckFunction
placement_check_function(PlacementCheck check)
{
    return checks[check];
}

PlacementLack
placement_check_lack(PlacementCheck check)
{
    switch ((int)check) {
    case PLACEMENT_CHECK_ALIVE:
    case PLACEMENT_CHECK_UP:
    case PLACEMENT_CHECK_ENABLED:
    case PLACEMENT_CHECK_CONNECTED:
    case PLACEMENT_CHECK_FACTS: return PLACEMENT_LACKS_HOST;
    case PLACEMENT_CHECK_RAM:
    case PLACEMENT_CHECK_VCPUS:
    case PLACEMENT_CHECK_DEDICATED_CPUS:
    case PLACEMENT_CHECK_HUGE_PAGES:
    case PLACEMENT_CHECK_NUMA:
    case PLACEMENT_CHECK_PCI_DEVICES:
    case PLACEMENT_CHECK_DISK:
    case PLACEMENT_CHECK_DISK_FREE:
    case PLACEMENT_CHECK_RAM_FREE:
    case PLACEMENT_CHECK_INSTANCES:
    case PLACEMENT_CHECK_AGGREGATE_INSTANCES:
    case PLACEMENT_CHECK_IO_OPS:
    case PLACEMENT_CHECK_AGGREGATE_IO_OPS: return PLACEMENT_LACKS_ROOM;
    case PLACEMENT_CHECK_AFFINITY:
    case PLACEMENT_CHECK_ANTI_AFFINITY: return PLACEMENT_LACKS_GROUP;
    default: return PLACEMENT_LACKS_OTHERS;
    }
}

bool
placement_can_fail(const Subject *subject, PlacementCheck check)
{
    const PlacementRequest *request = subject->request;
    if (is_switched_off(subject, check)) {
        return false;
    }
    switch (check) {
    case PLACEMENT_CHECK_REQUESTED: return request->requested_host != NULL;
    case PLACEMENT_CHECK_NOT_SOURCE: return request->source_host != NULL;
    case PLACEMENT_CHECK_ZONE: return request->zone != NULL;
    case PLACEMENT_CHECK_CELL: return subject->source != NULL;
    case PLACEMENT_CHECK_EXTRA_SPECS: return subject->specs->len > 0;
    case PLACEMENT_CHECK_ARCH: return subject_has_source(subject);
    case PLACEMENT_CHECK_VERSION: return subject_needs_version(subject);
    case PLACEMENT_CHECK_VERSION_SAFE: return subject_source_is_unsafe(subject) != NULL;
    case PLACEMENT_CHECK_FIRMWARE: return request->firmware != NULL;
    case PLACEMENT_CHECK_TPM: return request->tpm_version != NULL;
    case PLACEMENT_CHECK_NETWORKS: return request->ports != NULL && request->ports->len > 0;
    case PLACEMENT_CHECK_VOLUMES: return request_has_pool_volume(request);
    case PLACEMENT_CHECK_VIRT_TYPE: return subject_needs_kvm(subject);
    case PLACEMENT_CHECK_GUEST: return request->guest_stays != NULL;
    case PLACEMENT_CHECK_CPU: return request->platforms != NULL;
    case PLACEMENT_CHECK_REFUSED: return subject->has_refused != NULL;
    case PLACEMENT_CHECK_REHEARSAL:
        return request->rehearsal != NULL && request->rehearsal->refusal != NULL;
    case PLACEMENT_CHECK_CANARY: return request->canaries != NULL;
    case PLACEMENT_CHECK_NUMA_FILTERS:
        return request->is_live && numa_request_binds(&subject->numa);
    case PLACEMENT_CHECK_DEDICATED_CPUS: return subject->numa.is_dedicated;
    case PLACEMENT_CHECK_HUGE_PAGES: return subject->numa.asks_pages;
    case PLACEMENT_CHECK_NUMA: return numa_request_binds(&subject->numa);
    case PLACEMENT_CHECK_PCI_DEVICES: return subject->pci_wishes != NULL;
    case PLACEMENT_CHECK_POST_COPY: return request->permits_post_copy;
    case PLACEMENT_CHECK_RAM_FREE:
        return subject_takes_free_memory(subject) && !request->policy->ram_over_commit;
    case PLACEMENT_CHECK_STORAGE: return storage_may_refuse(request);
    case PLACEMENT_CHECK_INSTANCES: return request->policy->max_instances_per_host > 0;
    case PLACEMENT_CHECK_AFFINITY: return request->group_policy == SERVER_GROUP_AFFINITY;
    case PLACEMENT_CHECK_ANTI_AFFINITY: return request->group_policy == SERVER_GROUP_ANTI_AFFINITY;
    case PLACEMENT_CHECK_IMAGE_PROPERTIES: return image_wishes_ask(subject->image);
    case PLACEMENT_CHECK_IMAGE_ISOLATION: return subject->image->properties->len > 0;
    case PLACEMENT_CHECK_IO_OPS: return request->policy->max_io_ops_per_host > 0;
    case PLACEMENT_CHECK_SAME_HOST: return request->same_host != NULL;
    case PLACEMENT_CHECK_DIFFERENT_HOST: return request->different_host != NULL;
    case PLACEMENT_CHECK_FLAVOR:
    case PLACEMENT_CHECK_AGGREGATE_INSTANCES:
    case PLACEMENT_CHECK_AGGREGATE_IO_OPS:
    case PLACEMENT_CHECK_POOL:
    case PLACEMENT_CHECK_TENANT:
    case PLACEMENT_CHECK_ALIVE:
    case PLACEMENT_CHECK_UP:
    case PLACEMENT_CHECK_ENABLED:
    case PLACEMENT_CHECK_CONNECTED:
    case PLACEMENT_CHECK_FACTS:
    case PLACEMENT_CHECK_RAM:
    case PLACEMENT_CHECK_VCPUS:
    case PLACEMENT_CHECK_DISK:
    case PLACEMENT_CHECK_DISK_FREE: return true;
    case PLACEMENT_N_CHECKS: break;
    }
    g_assert_not_reached();
}

/* What each of them reads of a host is in its kind (model/host_index.c), beside whether its pool is
 * the source's. None may ask whether it is the source. */
bool
placement_is_of_kind(PlacementCheck check)
{
    switch ((int)check) {
    case PLACEMENT_CHECK_ZONE:
    case PLACEMENT_CHECK_CELL:
    case PLACEMENT_CHECK_POOL:
    case PLACEMENT_CHECK_TENANT:
    case PLACEMENT_CHECK_EXTRA_SPECS:
    case PLACEMENT_CHECK_FLAVOR:
    case PLACEMENT_CHECK_IMAGE_ISOLATION:
    case PLACEMENT_CHECK_ALIVE:
    case PLACEMENT_CHECK_ENABLED:
    case PLACEMENT_CHECK_CONNECTED:
    case PLACEMENT_CHECK_FACTS:
    case PLACEMENT_CHECK_ARCH:
    case PLACEMENT_CHECK_VERSION:
    case PLACEMENT_CHECK_VERSION_SAFE:
    case PLACEMENT_CHECK_IMAGE_PROPERTIES:
    case PLACEMENT_CHECK_FIRMWARE:
    case PLACEMENT_CHECK_TPM:
    case PLACEMENT_CHECK_NETWORKS:
    case PLACEMENT_CHECK_VOLUMES:
    case PLACEMENT_CHECK_VIRT_TYPE:
    case PLACEMENT_CHECK_GUEST:
    case PLACEMENT_CHECK_CPU:
    case PLACEMENT_CHECK_NUMA_FILTERS: return true;
    default: return false;
    }
}

bool
placement_can_fail_bare(const Subject *subject, PlacementCheck check)
{
    const PlacementPolicy *policy = subject->request->policy;
    switch ((int)check) {
    case PLACEMENT_CHECK_AGGREGATE_INSTANCES: return policy->max_instances_per_host > 0;
    case PLACEMENT_CHECK_AGGREGATE_IO_OPS: return policy->max_io_ops_per_host > 0;
    default: return placement_can_fail(subject, check);
    }
}
