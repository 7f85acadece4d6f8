/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The Placement API as far as it shows something: each host is a resource provider, what it has is
 * its inventory, and what instances and moves have claimed is its usage. Read-only: claims are
 * made by the engine alone. */
#include "api/context.h"

/* ---- root.c ---- */
HttpResponse *placement_show_versions(ApiContext *context, GError **error);
HttpResponse *placement_list_resource_classes(ApiContext *context, GError **error);
HttpResponse *placement_show_resource_class(ApiContext *context, GError **error);
HttpResponse *placement_list_traits(ApiContext *context, GError **error);

/* ---- providers.c ---- */
HttpResponse *placement_list_providers(ApiContext *context, GError **error);
HttpResponse *placement_show_provider(ApiContext *context, GError **error);
HttpResponse *placement_list_inventories(ApiContext *context, GError **error);
HttpResponse *placement_show_inventory(ApiContext *context, GError **error);
HttpResponse *placement_show_usages(ApiContext *context, GError **error);
HttpResponse *placement_list_aggregates(ApiContext *context, GError **error);
HttpResponse *placement_list_provider_traits(ApiContext *context, GError **error);

/* ---- allocations.c ---- */
HttpResponse *placement_list_provider_allocations(ApiContext *context, GError **error);
HttpResponse *placement_show_allocations(ApiContext *context, GError **error);
HttpResponse *placement_show_project_usages(ApiContext *context, GError **error);

/* ---- view.c ---- */
enum { PLACEMENT_GENERATION = 1 }; /* nobody writes through this API: it never changes */

/* What is counted. PCPU are the processors that pinned instances have for themselves; the vCPUs of
 * all others are VCPU. Source: Nova, "CPU topologies". */
enum { CLASS_VCPU, CLASS_PCPU, CLASS_MEMORY_MB, CLASS_DISK_GB, N_CLASSES };
extern const char *const placement_classes[N_CLASSES];
typedef struct Amounts {
    int64_t of[N_CLASSES];
} Amounts;

void placement_add_claim(const ClaimRow *claim, Amounts *sum);
Amounts placement_used(const HostUsage *usage);
json_t *placement_view_provider(const ApiContext *context, const Host *host);
json_t *placement_view_inventories(
    const ApiContext *context, const Host *host, const HostUsage *usage);
/* Those of which there is some, and those that are in inventories (NULL: none). */
json_t *placement_view_amounts(const Amounts *amounts, const json_t *inventories);
/* The host that the path's {uuid} names. */
Host *placement_get_host(ApiContext *context, GError **error);
