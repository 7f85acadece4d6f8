/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* {"os-migrateLive": ...}. Source: Compute API reference, "Live-Migrate Server", and the
 * microversions 2.25 (auto), 2.30 (force), 2.34 (checks after the reply), 2.68 (no force). */
#include "api/compute/compute.h"

#include <string.h>

/* block_migration: a boolean below 2.25, then also "auto": checked by hand. */
static const Field fields[] = {
    {"host", FIELD_STRING, FIELD_REQUIRED | FIELD_NULLABLE, 1, 255, "^[a-zA-Z0-9-._]*$"},
    {"block_migration", FIELD_ANY, FIELD_REQUIRED},
    {"disk_over_commit", FIELD_BOOLEAN, FIELD_REQUIRED, .until = 24},
    {"force", FIELD_BOOLEAN, 0, .since = 30, .until = 67},
    {NULL},
};

/* How long a request below 2.34 waits for its checks before it is simply accepted. */
enum { CHECKS_TIMEOUT_MS = 30 * 1000 };

static bool
read_block_migration(
    const ApiContext *context, const json_t *value, BlockMigration *ret_block, GError **error)
{
    const json_t *block = json_object_get(value, "block_migration");
    const char *text = json_string_value(block);
    bool flag = json_is_true(block);
    if (context->minor >= 25 && g_strcmp0(text, "auto") == 0) {
        *ret_block = BLOCK_MIGRATION_AUTO;
        return true;
    }
    if (!json_is_boolean(block) && (text == NULL || !parse_bool(text, &flag))) {
        g_autofree char *repr = json_to_repr(block);
        return error_set(error, ERROR_INVALID,
            "Invalid input for field/attribute block_migration. Value: %s. %s is not one of [True, "
            "'True', 'TRUE', 'true', '1', 'ON', 'On', 'on', 'YES', 'Yes', 'yes', 'y', 't', False, "
            "'False', 'FALSE', 'false', '0', 'OFF', 'Off', 'off', 'NO', 'No', 'no', 'n', 'f'%s]",
            repr, repr, context->minor >= 25 ? ", 'auto'" : "");
    }
    *ret_block = flag ? BLOCK_MIGRATION_YES : BLOCK_MIGRATION_NO;
    return true;
}

/* A destination that was named: exists, and naming one is an administrator's right. */
static bool
check_host(ApiContext *context, const char *host, GError **error)
{
    if (host == NULL) {
        return true;
    }
    g_autoptr(Host) found = NULL;
    if (!api_check_policy(context, "os_compute_api:os-migrate-server:migrate_live:host", error) ||
        !store_find_host(context->store, host, &found, error)) {
        return false;
    }
    return found != NULL ||
        error_set(error, ERROR_INVALID, "Compute host %s could not be found.", host);
}

static const VmState movable[] = {VM_STATE_ACTIVE, VM_STATE_PAUSED};

bool
compute_may_live_migrate(ApiContext *context, const Instance *instance, GError **error)
{
    return compute_check_state(
        instance, "os-migrateLive", movable, G_N_ELEMENTS(movable), error);
}

static bool
read_request(ApiContext *context, const Instance *instance, const json_t *value,
    MigrationRequest *request, GError **error)
{
    if (!validate_body(value, fields, 0, context->minor, error) ||
        !read_block_migration(context, value, &request->block_migration, error) ||
        !compute_read_reason(context, &request->reason, error) ||
        !compute_read_rehearse(context, &request->rehearse, error)) {
        return false;
    }
    request->requested_host = body_string(value, "host", NULL);
    request->disk_over_commit = body_bool(value, "disk_over_commit", false);
    request->force = body_bool(value, "force", false);
    request->early_checks = context->minor < 34;
    if (request->force && request->requested_host == NULL) {
        return error_set(error, ERROR_INVALID, "Can't force to a non-provided destination");
    }
    if (!check_host(context, request->requested_host, error) ||
        !compute_may_live_migrate(context, instance, error)) {
        return false;
    }
    /* Below 2.30 a host that is named is taken as it is. */
    request->force = request->force || (context->minor < 30 && request->requested_host != NULL);
    request->operation = (OperationRequest){
        .kind = OPERATION_LIVE_MIGRATE,
        .instance_id = instance->id,
        .request_id = http_request_id(context->request),
        .user_id = context->identity->user_id,
        .project_id = instance->project_id,
        .expected = {VM_STATE_ACTIVE, VM_STATE_PAUSED},
        .n_expected = 2,
    };
    return true;
}

/* ---- below 2.34: the reply waits for the checks ---- */

static void
on_checked(int64_t operation_id, bool timed_out, void *data)
{
    ApiContext *context = data;
    g_autoptr(GError) problem = NULL;
    g_autoptr(Operation) operation =
        timed_out ? NULL : store_get_operation(context->store, operation_id, &problem);
    bool refused = operation != NULL && !operation->is_open && operation->error_code != NULL;
    if (refused) {
        error_set(&problem, ERROR_INVALID, "%s",
            operation->message != NULL ? operation->message : "Migration pre-check error");
    }
    api_complete(context, problem == NULL ? api_empty(202) : NULL, problem);
}

HttpResponse *
compute_live_migrate(
    ApiContext *context, const Instance *instance, const json_t *value, GError **error)
{
    MigrationRequest request = {0};
    if (!read_request(context, instance, value, &request, error)) {
        return NULL;
    }
    g_autoptr(GError) problem = NULL;
    g_autoptr(Migration) migration = store_accept_migration(context->store, &request, &problem);
    if (migration == NULL) {
        bool is_conflict = error_is(problem, ERROR_CONFLICT);
        g_propagate_error(error, g_steal_pointer(&problem));
        if (is_conflict) {
            g_prefix_error(error, "Cannot 'os-migrateLive' instance %s ", instance->id);
        }
        return NULL;
    }
    engine_nudge(context->engine);
    if (!request.early_checks) {
        return api_empty(202);
    }
    api_defer(context);
    engine_watch_checks(
        context->engine, migration->operation.id, CHECKS_TIMEOUT_MS, on_checked, context);
    return NULL;
}
