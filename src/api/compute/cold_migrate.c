/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* {"migrate": ...}, {"resize": ...}, {"confirmResize": null}, {"revertResize": null}. Source:
 * Compute API reference, "Migrate Server" (2.56: host), "Resize Server". */
#include "api/compute/compute.h"

#include <string.h>

static const VmState movable[] = {VM_STATE_ACTIVE, VM_STATE_STOPPED};
static const VmState resized[] = {VM_STATE_RESIZED};

bool
compute_may_cold_migrate(ApiContext *context, const Instance *instance, GError **error)
{
    g_autoptr(GError) problem = NULL;
    if (compute_check_state(instance, "migrate", movable, G_N_ELEMENTS(movable), &problem)) {
        return true;
    }
    bool is_resized =
        instance_task_state(instance) == NULL && instance->vm_state == VM_STATE_RESIZED;
    return error_set(error, ERROR_CONFLICT, "%s%s", problem->message,
        is_resized ? ": 'openstack server resize confirm' or 'revert' ends the move before" : "");
}

/* The sentence of a conflict that the store found, with its beginning. */
static void
propagate_conflict(
    GError *problem, const char *action, const Instance *instance, GError **error)
{
    bool is_conflict = error_is(problem, ERROR_CONFLICT);

    g_propagate_error(error, problem);
    if (is_conflict) {
        g_prefix_error(error, "Cannot '%s' instance %s ", action, instance->id);
    }
}

static HttpResponse *
accept_move(ApiContext *context, const Instance *instance, const char *action,
    MigrationRequest *request, GError **error)
{
    g_autoptr(GError) problem = NULL;
    OperationKind kind =
        request->flavor != NULL ? OPERATION_RESIZE : OPERATION_COLD_MIGRATE;

    if (!compute_read_reason(context, &request->reason, error) ||
        !compute_check_no_rehearse(context, error) ||
        !compute_check_state(instance, action, movable, G_N_ELEMENTS(movable), error)) {
        return NULL;
    }
    request->type = request->flavor != NULL ? MIGRATION_TYPE_RESIZE : MIGRATION_TYPE_COLD;
    request->block_migration = BLOCK_MIGRATION_AUTO;
    request->operation =
        compute_make_request(context, instance, kind, movable, G_N_ELEMENTS(movable));
    g_autoptr(Migration) migration = store_accept_migration(context->store, request, &problem);
    if (migration == NULL) {
        propagate_conflict(g_steal_pointer(&problem), action, instance, error);
        return NULL;
    }
    engine_nudge(context->engine);
    return api_empty(202);
}

/* ---- migrate ---- */

static const Field migrate_fields[] = {
    {"host", FIELD_STRING, 0, 1, 255, "^[a-zA-Z0-9-._]*$"},
    {NULL},
};

/* Before 2.56 the value says nothing, whatever it is. */
static bool
read_host(ApiContext *context, const Instance *instance, const json_t *value,
    const char **ret_host, GError **error)
{
    g_autoptr(Host) found = NULL;

    *ret_host = NULL;
    if (context->minor < 56 || json_is_null(value)) {
        return true;
    }
    if (!validate_body(value, migrate_fields, 0, context->minor, error)) {
        return false;
    }
    const char *host = body_string(value, "host", NULL);
    if (host == NULL) {
        return true;
    }
    if (!api_check_policy(context, "os_compute_api:os-migrate-server:migrate:host", error) ||
        !store_find_host(context->store, host, &found, error)) {
        return false;
    }
    if (found == NULL) {
        return error_set(error, ERROR_INVALID, "Compute host %s could not be found.", host);
    }
    if (g_strcmp0(host, instance->host) == 0) {
        return error_set(error, ERROR_INVALID,
            "Cannot migrate instance %s to the host where the server exists.", instance->id);
    }
    *ret_host = host;
    return true;
}

HttpResponse *
compute_cold_migrate(
    ApiContext *context, const Instance *instance, const json_t *value, GError **error)
{
    MigrationRequest request = {0};

    if (!read_host(context, instance, value, &request.requested_host, error)) {
        return NULL;
    }
    return accept_move(context, instance, "migrate", &request, error);
}

/* ---- resize ---- */

static const Field resize_fields[] = {
    {"flavorRef", FIELD_ANY, FIELD_REQUIRED},
    {"OS-DCF:diskConfig", FIELD_STRING, .values = compute_disk_configs},
    {NULL},
};

/* Nova: CannotResizeToSameFlavor, CannotResizeDisk. A disk is never made smaller: what is at its
 * end would be lost. */
static bool
check_flavor(const Instance *instance, const Flavor *flavor, GError **error)
{
    const char *reason = NULL;

    if (strcmp(flavor->id, instance->flavor.id) == 0) {
        return error_set(
            error, ERROR_INVALID, "When resizing, instances must change flavor!");
    }
    if (flavor->disk_gib == 0 && instance->flavor.disk_gib != 0) {
        reason = "Resize to zero disk flavor is not allowed.";
    } else if (flavor->disk_gib < instance->flavor.disk_gib) {
        reason = "Unable to resize disk down.";
    }
    return reason == NULL ||
        error_set(error, ERROR_INVALID, "Server disk was unable to be resized because: %s", reason);
}

HttpResponse *
compute_resize(ApiContext *context, const Instance *instance, const json_t *value, GError **error)
{
    MigrationRequest request = {0};

    if (!validate_body(value, resize_fields, 0, context->minor, error) ||
        !compute_check_state(instance, "resize", movable, G_N_ELEMENTS(movable), error)) {
        return NULL;
    }
    g_autoptr(Flavor) flavor = compute_read_flavor(context, value, error);
    if (flavor == NULL || !check_flavor(instance, flavor, error) ||
        !compute_check_specs(context, flavor, error)) {
        return NULL;
    }
    request.flavor = flavor;
    return accept_move(context, instance, "resize", &request, error);
}

/* ---- confirm and revert ---- */

static bool
accept_end(ApiContext *context, const Instance *instance, const json_t *value, const char *action,
    OperationKind kind, GError **error)
{
    g_autoptr(GError) problem = NULL;
    OperationRequest request = compute_make_request(context, instance, kind, resized, 1);

    if (!json_is_null(value)) {
        g_autofree char *repr = json_to_repr(value);
        return error_set(error, ERROR_INVALID,
            "Invalid input for field/attribute %s. Value: %s. %s is not of type 'null'", action,
            repr, repr);
    }
    if (!compute_check_state(instance, action, resized, 1, error)) {
        return false;
    }
    g_autoptr(Operation) operation = store_accept_end(context->store, &request, &problem);
    if (operation == NULL) {
        propagate_conflict(g_steal_pointer(&problem), action, instance, error);
        return false;
    }
    engine_nudge(context->engine);
    return true;
}

HttpResponse *
compute_confirm_resize(
    ApiContext *context, const Instance *instance, const json_t *value, GError **error)
{
    return accept_end(context, instance, value, "confirmResize", OPERATION_CONFIRM_RESIZE, error)
        ? api_empty(204)
        : NULL;
}

HttpResponse *
compute_revert_resize(
    ApiContext *context, const Instance *instance, const json_t *value, GError **error)
{
    return accept_end(context, instance, value, "revertResize", OPERATION_REVERT_RESIZE, error)
        ? api_empty(202)
        : NULL;
}
