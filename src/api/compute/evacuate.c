/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* {"evacuate": ...}. Source: Compute API reference, "Evacuate Server", and the microversions 2.14
 * (no onSharedStorage, no reply body), 2.29 (force), 2.68 (no force), 2.95 (it stays off). */
#include "api/compute/compute.h"

#include <string.h>

static const Field fields[] = {
    {"host", FIELD_STRING, 0, 1, 255, "^[a-zA-Z0-9-._]*$"},
    {"onSharedStorage", FIELD_BOOLEAN, FIELD_REQUIRED, .until = 13},
    {"adminPass", FIELD_STRING},
    {"force", FIELD_BOOLEAN, 0, .since = 29, .until = 67},
    {NULL},
};

enum { PASSWORD_BYTES = 8 };

static bool
check_dest(ApiContext *context, const Instance *instance, const char *host, GError **error)
{
    if (host == NULL) {
        return true;
    }
    g_autoptr(Host) found = NULL;
    if (!store_find_host(context->store, host, &found, error)) {
        return false;
    }
    if (found == NULL) {
        return error_set(error, ERROR_NOT_FOUND, "Compute host %s not found.", host);
    }
    return g_strcmp0(host, instance->host) != 0 ||
        error_set(error, ERROR_INVALID, "The target host can't be the same one.");
}

static Host *
find_source(ApiContext *context, const Instance *instance, GError **error)
{
    Host *source = NULL;
    if (instance->host == NULL) {
        error_set(error, ERROR_CONFLICT, "Cannot 'evacuate' instance %s while it is on no host",
            instance->id);
        return NULL;
    }
    if (!store_find_host(context->store, instance->host, &source, error)) {
        return NULL;
    }
    if (source == NULL) {
        error_set(error, ERROR_NOT_FOUND, "Compute host %s not found.", instance->host);
    }
    return source;
}

static bool
is_migrating(const Instance *instance)
{
    return g_strcmp0(instance_task_state(instance), "migrating") == 0;
}

/* What ends a migration whose destination is the one that has died, after a space; NULL: it is not.
 * Caller frees. */
static char *
say_what_ends_it(ApiContext *context, const Instance *instance)
{
    g_autoptr(Host) dest = NULL;
    g_autoptr(Migration) migration = !is_migrating(instance)
        ? NULL
        : store_get_migration_of_operation(context->store, instance->open_operation, NULL);
    if (migration == NULL || migration->dest_host == NULL ||
        !store_find_host(context->store, migration->dest_host, &dest, NULL) || dest == NULL ||
        host_is_up(dest, api_now_us(context), context->options->service_down_time_us)) {
        return NULL;
    }
    if (host_is_fenced(dest)) {
        return g_strdup_printf(
            " It is host %s, where the server is moving, that is dead: 'openstack server migration "
            "abort %s %" G_GINT64_FORMAT "' ends that, and the server stays on %s.",
            dest->name, instance->id, migration->id, instance->host);
    }
    return g_strdup_printf(
        " It is host %s, where the server is moving, that is silent: once it is certain to be "
        "dead, say so ('openstack compute service set --down %s nova-compute', or 'drover host "
        "power %s off') and abort the migration ('openstack server migration abort %s "
        "%" G_GINT64_FORMAT "'), and the server stays on %s.",
        dest->name, dest->name, dest->name, instance->id, migration->id, instance->host);
}

static bool
check_source_is_down(
    ApiContext *context, const Instance *instance, const Host *source, GError **error)
{
    if (!host_is_up(source, api_now_us(context), context->options->service_down_time_us)) {
        return true;
    }
    g_autofree char *way_out = say_what_ends_it(context, instance);
    return error_set(error, ERROR_INVALID, "Compute service of %s is still in use.%s",
        source->name, way_out != NULL ? way_out : "");
}

/* Down is not enough: what is silent may live. Fenced is, and so is an agent that can see to it. */
static bool
check_source_is_dead(const Host *source, GError **error)
{
    return host_is_fenced(source) || source->fence_agent != NULL ||
        error_set(error, ERROR_INVALID,
            "Compute service of %s is still in use, as far as is known: the host is silent, which "
            "does not prove that it is dead. Once it is certain to be without power, say so with "
            "'openstack compute service set --down %s nova-compute', or let drover see to it with "
            "'drover host set %s --fence-agent NAME'.",
            source->name, source->name, source->name);
}

static const VmState expected[] = {
    VM_STATE_ACTIVE, VM_STATE_STOPPED, VM_STATE_ERROR, VM_STATE_PAUSED};

/* One that waits to be confirmed has a whole copy on the host that it came from. */
static bool
check_state(const Instance *instance, GError **error)
{
    g_autoptr(GError) problem = NULL;
    if (compute_check_state(
            instance, "evacuate", expected, G_N_ELEMENTS(expected), &problem)) {
        return true;
    }
    bool is_resized =
        instance_task_state(instance) == NULL && instance->vm_state == VM_STATE_RESIZED;
    return error_set(error, ERROR_CONFLICT, "%s%s", problem->message,
        is_resized ? ": 'openstack server resize revert' brings it back to the host that it came "
                     "from"
                   : "");
}

/* A live migration is not given up while its source may still be sending. */
static bool
check_idle(const Instance *instance, GError **error)
{
    g_autoptr(GError) problem = NULL;
    if (check_state(instance, &problem)) {
        return true;
    }
    if (!is_migrating(instance)) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    return error_set(error, ERROR_CONFLICT,
        "%s: its live migration ends by itself once host %s is certain to be dead ('openstack "
        "compute service set --down %s nova-compute', or 'drover host power %s off'). Then ask "
        "again.",
        problem->message, instance->host, instance->host, instance->host);
}

/* What is under way counts only when its host is down: nobody is told to switch one off that
 * lives. So does Nova, which asks for no task_state at all. */
bool
compute_may_evacuate(ApiContext *context, const Instance *instance, GError **error)
{
    if (instance_task_state(instance) == NULL && !check_state(instance, error)) {
        return false;
    }
    g_autoptr(Host) source = find_source(context, instance, error);
    return source != NULL && check_source_is_down(context, instance, source, error) &&
        check_idle(instance, error) && check_source_is_dead(source, error);
}

/* What the request or, below 2.14, the contract says; *ret_password NULL: none. Caller frees. */
static bool
choose_password(
    const ApiContext *context, const json_t *value, char **ret_password, GError **error)
{
    const char *given = body_string(value, "adminPass", NULL);
    bool on_shared = context->minor < 14 && body_bool(value, "onSharedStorage", false);
    if (given != NULL && on_shared) {
        return error_set(
            error, ERROR_INVALID, "admin password can't be changed on existing disk");
    }
    *ret_password = given != NULL ? g_strdup(given)
        : on_shared || context->minor >= 14
        ? NULL
        : clock_random_hex(context->options->clock, PASSWORD_BYTES * 2);
    return true;
}

static bool
read_request(ApiContext *context, const Instance *instance, const json_t *value,
    MigrationRequest *request, GError **error)
{
    const char *reason = NULL;
    if (!validate_body(value, fields, 0, context->minor, error) ||
        !compute_read_reason(context, &reason, error) ||
        !compute_check_no_rehearse(context, error)) {
        return false;
    }
    const char *host = body_string(value, "host", NULL);
    bool force = body_bool(value, "force", false);
    if (force && host == NULL) {
        return error_set(error, ERROR_INVALID, "Can't force to a non-provided destination");
    }
    if (!check_dest(context, instance, host, error) ||
        !compute_may_evacuate(context, instance, error)) {
        return false;
    }
    *request = (MigrationRequest){
        .operation =
            {
                .kind = OPERATION_EVACUATE,
                .instance_id = instance->id,
                .request_id = http_request_id(context->request),
                .user_id = context->identity->user_id,
                .project_id = instance->project_id,
                .n_expected = 4,
            },
        .type = MIGRATION_TYPE_EVACUATION,
        .requested_host = host,
        .reason = reason,
        .block_migration = BLOCK_MIGRATION_AUTO,
        /* Below 2.29 a host that is named is taken as it is. */
        .force = force || (context->minor < 29 && host != NULL),
        .ends_stopped = context->minor >= 95 || context->options->evacuated_instances_stopped,
    };
    memcpy(request->operation.expected, expected, sizeof expected);
    return true;
}

static bool
accept(ApiContext *context, const Instance *instance, const MigrationRequest *request,
    GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(Migration) migration = store_accept_migration(context->store, request, &problem);
    if (migration == NULL) {
        bool is_conflict = error_is(problem, ERROR_CONFLICT);
        g_propagate_error(error, g_steal_pointer(&problem));
        if (is_conflict) {
            g_prefix_error(error, "Cannot 'evacuate' instance %s ", instance->id);
        }
        return false;
    }
    engine_nudge(context->engine);
    return true;
}

HttpResponse *
compute_evacuate(
    ApiContext *context, const Instance *instance, const json_t *value, GError **error)
{
    MigrationRequest request = {0};
    g_autofree char *password = NULL;
    if (!read_request(context, instance, value, &request, error) ||
        !choose_password(context, value, &password, error)) {
        return NULL;
    }
    request.admin_pass = password;
    if (!accept(context, instance, &request, error)) {
        return NULL;
    }
    return context->minor < 14
        ? api_json(200, json_pack("{s:o}", "adminPass", api_string_or_null(password)))
        : api_empty(200);
}
