/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The Network API, v2.0: the part of Neutron by which an instance finds its network. A network is
 * a bridge that every host has (provider:physical_network names it) with at most one subnet; ports
 * come and go with their instances and are only shown. */
#include "api/context.h"
#include "model/network.h"

/* ---- root.c ---- */
HttpResponse *network_list_versions(ApiContext *context, GError **error);
HttpResponse *network_list_resources(ApiContext *context, GError **error);
HttpResponse *network_list_extensions(ApiContext *context, GError **error);
HttpResponse *network_show_extension(ApiContext *context, GError **error);
HttpResponse *network_list_zones(ApiContext *context, GError **error);
HttpResponse *network_show_quota(ApiContext *context, GError **error);
/* What drover does not have: {"security_groups": []} and the like, by the last part of the path. */
HttpResponse *network_list_nothing(ApiContext *context, GError **error);

/* ---- networks.c ---- */
HttpResponse *network_list(ApiContext *context, GError **error);
HttpResponse *network_show(ApiContext *context, GError **error);
HttpResponse *network_create(ApiContext *context, GError **error);
HttpResponse *network_update(ApiContext *context, GError **error);
HttpResponse *network_delete(ApiContext *context, GError **error);

/* ---- subnets.c ---- */
HttpResponse *network_list_subnets(ApiContext *context, GError **error);
HttpResponse *network_show_subnet(ApiContext *context, GError **error);
HttpResponse *network_create_subnet(ApiContext *context, GError **error);
HttpResponse *network_update_subnet(ApiContext *context, GError **error);
HttpResponse *network_delete_subnet(ApiContext *context, GError **error);

/* ---- range.c: pure ---- */
/* Checks a subnet's range and fills in gateway (unless has_gateway says it was settled) and pool.
 */
bool network_settle_range(Network *network, bool has_gateway, GError **error);

/* ---- ports.c ---- */
HttpResponse *network_list_ports(ApiContext *context, GError **error);
HttpResponse *network_show_port(ApiContext *context, GError **error);

/* ---- list.c ---- */
/* Keeps of the views (an array; taken) those that match the query, where a name may come several
 * times ("id=a&id=b") and "fields" thins them out; answers {"<name>": [...]}. Pages by limit and
 * marker. */
HttpResponse *network_reply_list(
    ApiContext *context, const char *name, json_t *take_views, GError **error);
HttpResponse *network_reply(int status, const char *name, json_t *take_view);
