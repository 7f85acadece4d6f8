/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* /os-services: each host is a nova-compute in its zone; droverd itself is nova-scheduler and
 * nova-conductor in the zone "internal". Source: Compute API reference, "Compute services". */
#include "api/compute/compute.h"

#include <string.h>

const char *const compute_control_binaries[N_CONTROL_SERVICES] = {
    "nova-scheduler", "nova-conductor"};
/* Where the id of each is kept; its number is the row's, and those of hosts come after them. */
static const char *const control_settings[N_CONTROL_SERVICES] = {
    "service.scheduler.id", "service.conductor.id"};

static bool
control_service_id(ApiContext *context, const char *setting, char **ret_id, GError **error)
{
    if (!store_get_setting(context->store, setting, ret_id, error)) {
        return false;
    }
    if (*ret_id != NULL) {
        return true;
    }
    g_autofree char *id = clock_new_uuid(context->options->clock);
    if (!store_set_setting(context->store, setting, id, error)) {
        return false;
    }
    *ret_id = g_steal_pointer(&id);
    return true;
}

static json_t *
service_id(const ApiContext *context, const char *uuid, int64_t number)
{
    return context->minor >= 53 ? json_string(uuid) : json_integer(number);
}

/* Those of hosts come after the control services'. */
json_t *
compute_host_service_id(const ApiContext *context, const Host *host)
{
    return service_id(context, host->id, host->number + N_CONTROL_SERVICES);
}

static const char *
host_state(const ApiContext *context, const Host *host)
{
    bool is_up = host_is_up(host, api_now_us(context), context->options->service_down_time_us);
    return is_up ? "up" : "down";
}

static json_t *
view_host_service(const ApiContext *context, const Host *host)
{
    json_t *view = json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:o, s:o}", "binary", "nova-compute",
        "host", host->name, "id", compute_host_service_id(context, host), "zone", host->zone,
        "status", host->enabled ? "enabled" : "disabled", "state", host_state(context, host),
        "updated_at", api_time_us(host->last_seen_us), "disabled_reason",
        api_string_or_null(host->disabled_reason));
    if (context->minor >= 11) {
        json_object_set_new(view, "forced_down", json_boolean(host->forced_down));
    }
    return view;
}

static bool
append_control_services(
    ApiContext *context, const char *host, const char *binary, json_t *rows, GError **error)
{
    const char *name = g_get_host_name();
    for (int i = 0; i < N_CONTROL_SERVICES; i++) {
        if ((host != NULL && strcmp(host, name) != 0) ||
            (binary != NULL && strcmp(binary, compute_control_binaries[i]) != 0)) {
            continue;
        }
        g_autofree char *id = NULL;
        if (!control_service_id(context, control_settings[i], &id, error)) {
            return false;
        }
        json_t *view = json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:o, s:n}", "binary",
            compute_control_binaries[i], "host", name, "id", service_id(context, id, i + 1), "zone",
            "internal", "status", "enabled", "state", "up", "updated_at",
            api_time_us(api_now_us(context)), "disabled_reason");
        if (context->minor >= 11) {
            json_object_set_new(view, "forced_down", json_false());
        }
        json_array_append_new(rows, view);
    }
    return true;
}

static const QueryField list_query[] = {
    {"host", QUERY_STRING},
    {"binary", QUERY_STRING},
    {NULL},
};

HttpResponse *
compute_list_services(ApiContext *context, GError **error)
{
    if (!validate_query(context->request, list_query, context->minor, 75, error)) {
        return NULL;
    }
    const char *host_name = api_query(context, "host");
    const char *binary = api_query(context, "binary");
    json_auto_t *rows = json_array();
    g_autoptr(GPtrArray) hosts = store_list_hosts(context->store, error);
    if (hosts == NULL || !append_control_services(context, host_name, binary, rows, error)) {
        return NULL;
    }
    for (unsigned i = 0; i < hosts->len; i++) {
        const Host *host = hosts->pdata[i];
        if ((host_name == NULL || strcmp(host_name, host->name) == 0) &&
            (binary == NULL || strcmp(binary, "nova-compute") == 0)) {
            json_array_append_new(rows, view_host_service(context, host));
        }
    }
    return api_json(200, json_pack("{s:O}", "services", rows));
}

/* ---- since 2.53 ---- */

static const Field update_fields[] = {
    {"status", FIELD_STRING, 0, .values = (const char *const[]){"enabled", "disabled", NULL}},
    {"disabled_reason", FIELD_STRING, 0, 1, 255},
    {"forced_down", FIELD_BOOLEAN},
    {NULL},
};

static bool
check_update(const json_t *body, GError **error)
{
    const char *status = body_string(body, "status", NULL);
    bool has_reason = body_has(body, "disabled_reason");
    if (status == NULL && !body_has(body, "forced_down")) {
        return error_set(error, ERROR_INVALID,
            has_reason ? "Missing 'status' in request body: 'disabled_reason' needs it"
                       : "No updates were requested. Fields 'status' or 'forced_down' should be "
                         "specified.");
    }
    if (has_reason && g_strcmp0(status, "disabled") != 0) {
        return error_set(error, ERROR_INVALID,
            "Specifying 'disabled_reason' with status '%s' is invalid.",
            status != NULL ? status : "None");
    }
    return true;
}

/* The host whose service that is; the control services cannot be updated. */
static Host *
find_host_of_service(ApiContext *context, const char *id, GError **error)
{
    if (!is_uuid(id)) {
        error_set(error, ERROR_INVALID, "Invalid uuid %s", id);
        return NULL;
    }
    g_autoptr(GPtrArray) hosts = store_list_hosts(context->store, error);
    if (hosts == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < hosts->len; i++) {
        Host *host = hosts->pdata[i];
        if (strcmp(host->id, id) == 0) {
            return store_get_host(context->store, host->name, error);
        }
    }
    for (int i = 0; i < N_CONTROL_SERVICES; i++) {
        g_autofree char *own = NULL;
        if (!control_service_id(context, control_settings[i], &own, error)) {
            return NULL;
        }
        if (strcmp(own, id) == 0) {
            error_set(error, ERROR_INVALID,
                "Updating a %s service is not supported. Only nova-compute services can be "
                "updated.",
                compute_control_binaries[i]);
            return NULL;
        }
    }
    error_set(error, ERROR_NOT_FOUND, "Service %s could not be found.", id);
    return NULL;
}

/* Nova: a host that instances were evacuated from is not up before it has cleaned up. */
static bool
set_forced_down(ApiContext *context, const char *name, bool forced_down, GError **error)
{
    if (!forced_down) {
        g_autofree char *states = context->options->migration_states("done");
        MigrationFilter filter = {.source_host = name,
            .type = migration_type_name(MIGRATION_TYPE_EVACUATION),
            .states = states,
            .limit = 1};
        g_autoptr(GPtrArray) waiting = store_list_migrations(context->store, &filter, error);
        if (waiting == NULL) {
            return false;
        }
        if (waiting->len > 0) {
            return error_set(error, ERROR_CONFLICT,
                "Service 'nova-compute' on host '%s' cannot be forced up: instances were evacuated "
                "from it, and it has not been back since to remove its copies of them.",
                name);
        }
    }
    return store_set_host_forced_down(
        context->store, name, forced_down, context->identity->user_name, error);
}

/* An enabled host is not drained any further. */
static bool
set_host_enabled(
    ApiContext *context, const char *name, bool enabled, const char *reason, GError **error)
{
    if (!store_set_host_enabled(context->store, name, enabled, reason, error)) {
        return false;
    }
    engine_nudge_drains(context->engine);
    return true;
}

/* What may be refused goes first, so that nothing is half done. */
static bool
update_host(ApiContext *context, const Host *host, GError **error)
{
    const char *status = body_string(context->body, "status", NULL);
    if (body_has(context->body, "forced_down") &&
        !set_forced_down(
            context, host->name, body_bool(context->body, "forced_down", false), error)) {
        return false;
    }
    return status == NULL ||
        set_host_enabled(context, host->name, strcmp(status, "enabled") == 0,
            body_string(context->body, "disabled_reason", NULL), error);
}

HttpResponse *
compute_update_service(ApiContext *context, GError **error)
{
    if (!validate_body(context->body, update_fields, 0, context->minor, error) ||
        !check_update(context->body, error)) {
        return NULL;
    }
    g_autoptr(Host) host = find_host_of_service(context, api_param(context, "id"), error);
    if (host == NULL || !update_host(context, host, error)) {
        return NULL;
    }
    engine_nudge(context->engine);
    g_autoptr(Host) updated = store_get_host(context->store, host->name, error);
    return updated != NULL
        ? api_json(200, json_pack("{s:o}", "service", view_host_service(context, updated)))
        : NULL;
}

/* ---- until 2.52: the host is named in the body ---- */

static const Field named_fields[] = {
    {"host", FIELD_STRING, FIELD_REQUIRED, 1, 255},
    {"binary", FIELD_STRING, FIELD_REQUIRED, 1, 255},
    {NULL},
};
static const Field reason_fields[] = {
    {"host", FIELD_STRING, FIELD_REQUIRED, 1, 255},
    {"binary", FIELD_STRING, FIELD_REQUIRED, 1, 255},
    {"disabled_reason", FIELD_STRING, FIELD_REQUIRED, 1, 255},
    {NULL},
};
static const Field force_down_fields[] = {
    {"host", FIELD_STRING, FIELD_REQUIRED, 1, 255},
    {"binary", FIELD_STRING, FIELD_REQUIRED, 1, 255},
    {"forced_down", FIELD_BOOLEAN, FIELD_REQUIRED},
    {NULL},
};

/* The name of the host in the body, borrowed; it exists. */
static const char *
named_host(ApiContext *context, const Field *fields, GError **error)
{
    if (!validate_body(context->body, fields, 0, context->minor, error)) {
        return NULL;
    }
    const char *name = body_string(context->body, "host", NULL);
    const char *binary = body_string(context->body, "binary", NULL);
    g_autoptr(Host) host = NULL;
    if (!store_find_host(context->store, name, &host, error)) {
        return NULL;
    }
    if (host == NULL || strcmp(binary, "nova-compute") != 0) {
        error_set(error, ERROR_NOT_FOUND, "Could not find binary %s on host %s.", binary, name);
        return NULL;
    }
    return name;
}

static HttpResponse *
set_enabled(ApiContext *context, const Field *fields, bool enabled, GError **error)
{
    const char *host = named_host(context, fields, error);
    const char *reason = body_string(context->body, "disabled_reason", NULL);
    if (host == NULL || !set_host_enabled(context, host, enabled, reason, error)) {
        return NULL;
    }
    engine_nudge(context->engine);
    json_t *view = json_pack("{s:s, s:s, s:s}", "host", host, "binary", "nova-compute", "status",
        enabled ? "enabled" : "disabled");
    if (reason != NULL) {
        json_object_set_new(view, "disabled_reason", json_string(reason));
    }
    return api_json(200, json_pack("{s:o}", "service", view));
}

HttpResponse *
compute_enable_service(ApiContext *context, GError **error)
{
    return set_enabled(context, named_fields, true, error);
}

HttpResponse *
compute_disable_service(ApiContext *context, GError **error)
{
    return set_enabled(context, named_fields, false, error);
}

HttpResponse *
compute_disable_service_reason(ApiContext *context, GError **error)
{
    return set_enabled(context, reason_fields, false, error);
}

HttpResponse *
compute_force_down_service(ApiContext *context, GError **error)
{
    const char *host = named_host(context, force_down_fields, error);
    bool forced_down = body_bool(context->body, "forced_down", false);
    if (host == NULL || !set_forced_down(context, host, forced_down, error)) {
        return NULL;
    }
    return api_json(200,
        json_pack("{s:{s:s, s:s, s:b}}", "service", "host", host, "binary", "nova-compute",
            "forced_down", forced_down));
}
