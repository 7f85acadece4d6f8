/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/areas.h"
#include "api/drover/drover.h"

HttpResponse *
drover_show_version(ApiContext *context, GError **error)
{
    return api_json(200,
        json_pack("{s:{s:s, s:s, s:s, s:[o]}}", "version", "id", "v1", "status", "CURRENT",
            "drover", DROVER_VERSION, "links", api_link("self", api_url(context, "/drover/v1/"))));
}

/* clang-format off */
static const ApiRoute routes[] = {
    {"GET", "", drover_show_version, NULL, ROUTE_PUBLIC | ROUTE_IGNORE_TOKEN},
    {"GET", "/v1", drover_show_version, NULL, ROUTE_PUBLIC | ROUTE_IGNORE_TOKEN},

    {"POST", "/v1/session", drover_begin_session},
    {"GET", "/v1/session", drover_show_session},
    {"DELETE", "/v1/session", drover_end_session},

    {"GET", "/v1/events", drover_stream_events},

    {"GET", "/v1/hosts", drover_list_hosts, "drover:hosts:list"},
    {"POST", "/v1/hosts", drover_add_host, "drover:hosts:create", ROUTE_BODY},
    {"GET", "/v1/hosts/{name}", drover_show_host, "drover:hosts:show"},
    {"GET", "/v1/hosts/{name}/capabilities", drover_show_capabilities, "drover:hosts:show"},
    {"DELETE", "/v1/hosts/{name}", drover_remove_host, "drover:hosts:delete"},
    {"PATCH", "/v1/hosts/{name}", drover_update_host, "drover:hosts:update", ROUTE_BODY},
    {"POST", "/v1/hosts/{name}/power", drover_host_power, "drover:hosts:power", ROUTE_BODY},
    {"POST", "/v1/hosts/{name}/drain", drover_begin_drain, "drover:hosts:drain", ROUTE_BODY},
    {"GET", "/v1/hosts/{name}/drain", drover_show_drain, "drover:hosts:show"},
    {"PATCH", "/v1/hosts/{name}/drain", drover_update_drain, "drover:hosts:drain", ROUTE_BODY},
    {"POST", "/v1/hosts/{name}/restore", drover_begin_restore, "drover:hosts:drain", ROUTE_BODY},
    {"GET", "/v1/drains", drover_list_drains, "drover:hosts:show"},
    {"GET", "/v1/drains/{id}", drover_show_one_drain, "drover:hosts:show"},

    {"POST", "/v1/cpu-baseline", drover_cpu_baseline, "drover:hosts:baseline", ROUTE_BODY},

    {"POST", "/v1/lint", drover_start_lint, "drover:hosts:lint", ROUTE_BODY},
    {"GET", "/v1/lint", drover_show_lint, "drover:hosts:lint"},

    {"GET", "/v1/leftovers", drover_list_leftovers, "drover:leftovers:list"},
    {"DELETE", "/v1/leftovers/{id}", drover_remove_leftover, "drover:leftovers:delete"},

    {"GET", "/v1/config", drover_show_config, "drover:config:show"},
    {"POST", "/v1/config/reload", drover_reload_config, "drover:config:reload"},

    {"GET", "/v1/instances", drover_list_instances, "drover:instances:list"},
    {"GET", "/v1/instances/{instance}/explanation", drover_explain, "drover:instances:explain"},
    {"GET", "/v1/decisions", drover_list_decisions, "drover:instances:explain"},

    {"GET", "/v1/migrations", drover_list_migrations, "drover:migrations:list"},
    {"GET", "/v1/migrations/{id}", drover_show_migration, "drover:migrations:show"},
    {"POST", "/v1/instances/{instance}/migrations/{id}/pause_first", drover_pause_first,
        "os_compute_api:servers:migrations:force_complete"},
    {"POST", "/v1/instances/{instance}/migrations/{id}/abort", drover_abort,
        "os_compute_api:servers:migrations:delete"},
};
/* clang-format on */

void
drover_add_routes(Api *api)
{
    api_add_routes(api, SERVICE_DROVER, "/drover", routes, G_N_ELEMENTS(routes));
}
