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
json_t *placement_view_provider(const ApiContext *context, const Host *host);
json_t *placement_view_inventories(const ApiContext *context, const Host *host);
json_t *placement_view_resources(int64_t vcpus, int64_t ram_mib, int64_t disk_gib, bool with_zeros);
/* The host that the path's {uuid} names. */
Host *placement_get_host(ApiContext *context, GError **error);
