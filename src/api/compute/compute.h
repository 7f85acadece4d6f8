/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The Compute API: routes.c is the table; one file for each resource or action; view.c shapes what
 * several of them show. */
#include "api/context.h"

/* ---- view.c ---- */
/* self and bookmark. */
json_t *compute_links(const ApiContext *context, const char *collection, const char *id);
/* {"<name>": [...]} and "<name>_links" with the next page when next_marker is not NULL. */
HttpResponse *compute_reply_list(
    ApiContext *context, const char *name, json_t *take_rows, const char *next_marker);
/* JSON that the store keeps as text: an object or array; broken text reads as {}. */
json_t *compute_parse_stored(const char *text);

/* ---- flavors.c ---- */
HttpResponse *compute_list_flavors(ApiContext *context, GError **error);
HttpResponse *compute_list_flavors_detail(ApiContext *context, GError **error);
HttpResponse *compute_show_flavor(ApiContext *context, GError **error);
HttpResponse *compute_create_flavor(ApiContext *context, GError **error);
HttpResponse *compute_update_flavor(ApiContext *context, GError **error);
HttpResponse *compute_delete_flavor(ApiContext *context, GError **error);
HttpResponse *compute_list_flavor_specs(ApiContext *context, GError **error);
HttpResponse *compute_create_flavor_specs(ApiContext *context, GError **error);
HttpResponse *compute_show_flavor_spec(ApiContext *context, GError **error);
HttpResponse *compute_update_flavor_spec(ApiContext *context, GError **error);
HttpResponse *compute_delete_flavor_spec(ApiContext *context, GError **error);

/* ---- services.c ---- */
HttpResponse *compute_list_services(ApiContext *context, GError **error);
HttpResponse *compute_update_service(ApiContext *context, GError **error);       /* since 2.53 */
HttpResponse *compute_enable_service(ApiContext *context, GError **error);       /* until 2.52 */
HttpResponse *compute_disable_service(ApiContext *context, GError **error);      /* until 2.52 */
HttpResponse *compute_disable_service_reason(ApiContext *context, GError **error);
HttpResponse *compute_force_down_service(ApiContext *context, GError **error);

/* ---- hypervisors.c ---- */
HttpResponse *compute_list_hypervisors(ApiContext *context, GError **error);
HttpResponse *compute_list_hypervisors_detail(ApiContext *context, GError **error);
HttpResponse *compute_show_hypervisor(ApiContext *context, GError **error);
HttpResponse *compute_show_hypervisor_uptime(ApiContext *context, GError **error);
HttpResponse *compute_show_hypervisor_statistics(ApiContext *context, GError **error);
HttpResponse *compute_search_hypervisors(ApiContext *context, GError **error);   /* until 2.52 */
HttpResponse *compute_list_hypervisor_servers(ApiContext *context, GError **error);

/* ---- migrations.c ---- */
HttpResponse *compute_list_migrations(ApiContext *context, GError **error);      /* os-migrations */
HttpResponse *compute_list_server_migrations(ApiContext *context, GError **error);
HttpResponse *compute_show_server_migration(ApiContext *context, GError **error);
HttpResponse *compute_abort_migration(ApiContext *context, GError **error);
HttpResponse *compute_force_complete_migration(ApiContext *context, GError **error);

/* ---- servers.c ---- */
/* The instance of that id which this identity may see and which is not deleted; else NOT_FOUND
 * "Instance <id> could not be found.". */
Instance *compute_get_instance(ApiContext *context, const char *id, GError **error);
