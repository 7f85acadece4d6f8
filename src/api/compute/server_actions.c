/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* POST /servers/{id}/action: one key names the action. Source: Compute API reference, "Servers -
 * run an action". */
#include "api/compute/compute.h"

#include <string.h>

bool
compute_check_lock(const ApiContext *context, const Instance *instance, GError **error)
{
    return !instance->locked || context->is_admin ||
        error_set(error, ERROR_CONFLICT, "Instance %s is locked", instance->id);
}

bool
compute_check_state(const Instance *instance, const char *name, const VmState *expected,
    int n_expected, GError **error)
{
    const char *task_state = instance_task_state(instance);
    if (task_state != NULL) {
        return error_set(error, ERROR_CONFLICT,
            "Cannot '%s' instance %s while it is in task_state %s", name, instance->id, task_state);
    }
    for (int i = 0; i < n_expected; i++) {
        if (expected[i] == instance->vm_state) {
            return true;
        }
    }
    return error_set(error, ERROR_CONFLICT, "Cannot '%s' instance %s while it is in vm_state %s",
        name, instance->id, vm_state_name(instance->vm_state));
}

OperationRequest
compute_make_request(const ApiContext *context, const Instance *instance, OperationKind kind,
    const VmState *expected, int n_expected)
{
    OperationRequest request = {
        .kind = kind,
        .instance_id = instance->id,
        .request_id = http_request_id(context->request),
        .user_id = context->identity->user_id,
        .project_id = instance->project_id,
        .n_expected = n_expected,
    };

    for (int i = 0; i < n_expected; i++) {
        request.expected[i] = expected[i];
    }
    return request;
}

/* What the migration under way waits for names hosts and the way out: it is for administrators. */
static void
add_trouble(const ApiContext *context, const Instance *instance, GError **error)
{
    if (!context->is_admin || instance->open_operation == 0) {
        return;
    }
    g_autoptr(Migration) migration =
        store_get_migration_of_operation(context->store, instance->open_operation, NULL);
    if (migration != NULL && migration->trouble != NULL) {
        g_autofree char *told = g_strdup_printf("%s. %s", (*error)->message, migration->trouble);
        g_clear_error(error);
        error_set(error, ERROR_CONFLICT, "%s", told);
    }
}

bool
compute_accept_operation(ApiContext *context, const Instance *instance, const char *name,
    OperationKind kind, const VmState *expected, int n_expected, GError **error)
{
    g_autoptr(GError) refusal = NULL;
    if (!compute_check_state(instance, name, expected, n_expected, &refusal)) {
        add_trouble(context, instance, &refusal);
        g_propagate_error(error, g_steal_pointer(&refusal));
        return false;
    }
    OperationRequest request = compute_make_request(context, instance, kind, expected, n_expected);
    g_autoptr(GError) problem = NULL;
    g_autoptr(Operation) operation = store_accept_operation(context->store, &request, &problem);
    if (operation == NULL) {
        /* Somebody was faster between the look and the insert: the store says which state. */
        bool is_conflict = error_is(problem, ERROR_CONFLICT);
        g_propagate_error(error, g_steal_pointer(&problem));
        if (is_conflict) {
            g_prefix_error(error, "Cannot '%s' instance %s ", name, instance->id);
        }
        return false;
    }
    engine_nudge(context->engine);
    return true;
}

/* ---- why ---- */

enum { REASON_MAX = 255 };

static bool
is_line(const char *text)
{
    for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
        if (g_unichar_iscntrl(g_utf8_get_char(p))) {
            return false;
        }
    }
    return g_utf8_strlen(text, -1) <= REASON_MAX;
}

bool
compute_read_reason(const ApiContext *context, const char **ret_reason, GError **error)
{
    const char *reason = http_request_header(context->request, "X-Drover-Reason");
    if (reason != NULL && !is_line(reason)) {
        return error_set(error, ERROR_INVALID,
            "The reason in X-Drover-Reason is one line of at most %d characters.", REASON_MAX);
    }
    *ret_reason = reason != NULL && *reason != '\0' ? reason : NULL;
    return true;
}

bool
compute_read_rehearse(const ApiContext *context, bool *ret_rehearse, GError **error)
{
    const char *text = http_request_header(context->request, "X-Drover-Rehearse");
    *ret_rehearse = false;
    return text == NULL || parse_bool(text, ret_rehearse) ||
        error_set(error, ERROR_INVALID, "X-Drover-Rehearse is true or false, not '%s'.", text);
}

bool
compute_check_no_rehearse(const ApiContext *context, GError **error)
{
    bool rehearse;
    if (!compute_read_rehearse(context, &rehearse, error)) {
        return false;
    }
    return !rehearse ||
        error_set(error, ERROR_INVALID,
            "A rehearsal (X-Drover-Rehearse) is of a live migration: only of a guest that runs is "
            "it known what it has.");
}

/* ---- the small verbs ---- */

static HttpResponse *
accept(ApiContext *context, const Instance *instance, const char *name, OperationKind kind,
    const VmState *expected, int n_expected, GError **error)
{
    bool accepted =
        compute_accept_operation(context, instance, name, kind, expected, n_expected, error);
    return accepted ? api_empty(202) : NULL;
}

static HttpResponse *
start(ApiContext *context, const Instance *instance, const json_t *value, GError **error)
{
    static const VmState expected[] = {VM_STATE_STOPPED};
    /* Nova names these two without their prefix. */
    return accept(context, instance, "start", OPERATION_START, expected, 1, error);
}

static HttpResponse *
stop(ApiContext *context, const Instance *instance, const json_t *value, GError **error)
{
    static const VmState expected[] = {VM_STATE_ACTIVE, VM_STATE_ERROR};
    return accept(context, instance, "stop", OPERATION_STOP, expected, 2, error);
}

static const Field reboot_fields[] = {
    {"type", FIELD_STRING, FIELD_REQUIRED,
        .values = (const char *const[]){"SOFT", "HARD", "soft", "hard", "Soft", "Hard", NULL}},
    {NULL},
};

/* A hard reboot is the way out of a soft one whose guest does not listen. False without an error:
 * no soft reboot is under way (any more). */
static bool
force_reboot(ApiContext *context, const Instance *instance, GError **error)
{
    g_autoptr(GError) problem = NULL;
    if (g_strcmp0(
            instance_task_state(instance), operation_kind_task_state(OPERATION_REBOOT_SOFT)) != 0) {
        return false;
    }
    OperationRequest request =
        compute_make_request(context, instance, OPERATION_REBOOT_HARD, NULL, 0);
    if (!store_accept_wanted(
            context->store, instance->open_operation, WANTED_FORCE_COMPLETE, &request, &problem)) {
        if (!error_is(problem, ERROR_GONE_STALE)) {
            g_propagate_error(error, g_steal_pointer(&problem));
        }
        return false;
    }
    engine_nudge(context->engine);
    return true;
}

static HttpResponse *
reboot_hard(ApiContext *context, const Instance *instance, GError **error)
{
    static const VmState expected[] = {
        VM_STATE_ACTIVE, VM_STATE_STOPPED, VM_STATE_PAUSED, VM_STATE_ERROR};
    g_autoptr(GError) problem = NULL;
    if (force_reboot(context, instance, &problem)) {
        return api_empty(202);
    }
    if (problem != NULL) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return NULL;
    }
    return accept(context, instance, "reboot", OPERATION_REBOOT_HARD, expected, 4, error);
}

static HttpResponse *
reboot_server(ApiContext *context, const Instance *instance, const json_t *value, GError **error)
{
    static const VmState soft[] = {VM_STATE_ACTIVE};
    if (!validate_body(value, reboot_fields, 0, context->minor, error)) {
        return NULL;
    }
    bool is_hard = g_ascii_strcasecmp(body_string(value, "type", ""), "hard") == 0;
    return is_hard ? reboot_hard(context, instance, error)
                   : accept(context, instance, "reboot", OPERATION_REBOOT_SOFT, soft, 1, error);
}

static HttpResponse *
pause_server(ApiContext *context, const Instance *instance, const json_t *value, GError **error)
{
    static const VmState expected[] = {VM_STATE_ACTIVE};
    return accept(context, instance, "pause", OPERATION_PAUSE, expected, 1, error);
}

static HttpResponse *
unpause_server(ApiContext *context, const Instance *instance, const json_t *value, GError **error)
{
    static const VmState expected[] = {VM_STATE_PAUSED};
    return accept(context, instance, "unpause", OPERATION_UNPAUSE, expected, 1, error);
}

/* ---- locks and states ---- */

static const Field lock_fields[] = {
    {"lock", FIELD_OBJECT, FIELD_NULLABLE,
        .fields = (const Field[]){{"locked_reason", FIELD_STRING, 0, 1, 255}, {NULL}}},
    {NULL},
};

/* Nova tells who locked it by the project, not by the role. */
static bool
is_owner(const ApiContext *context, const Instance *instance)
{
    return g_strcmp0(instance->project_id, context->identity->project_id) == 0;
}

static HttpResponse *
lock_server(ApiContext *context, const Instance *instance, const json_t *value, GError **error)
{
    /* 2.73: with a reason; before, whatever is sent is ignored. */
    bool has_reason = context->minor >= 73;
    if (has_reason && !validate_body(context->body, lock_fields, 0, context->minor, error)) {
        return NULL;
    }
    const char *reason = has_reason ? body_string(value, "locked_reason", NULL) : NULL;
    /* Its own project does not take a lock over from an administrator of another. */
    if (instance->locked && is_owner(context, instance)) {
        return api_empty(202);
    }
    const char *by = is_owner(context, instance) ? "owner" : "admin";
    return store_set_instance_lock(context->store, instance->id, by, reason, error)
        ? api_empty(202)
        : NULL;
}

static HttpResponse *
unlock_server(ApiContext *context, const Instance *instance, const json_t *value, GError **error)
{
    const char *expected = is_owner(context, instance) ? "owner" : "admin";
    if (instance->locked_by != NULL && strcmp(instance->locked_by, expected) != 0 &&
        !api_check_policy(context, "os_compute_api:os-lock-server:unlock:unlock_override", error)) {
        return NULL;
    }
    return store_set_instance_lock(context->store, instance->id, NULL, NULL, error)
        ? api_empty(202)
        : NULL;
}

static const Field reset_fields[] = {
    {"state", FIELD_STRING, FIELD_REQUIRED,
        .values = (const char *const[]){"active", "error", NULL}},
    {NULL},
};

/* Nova takes any. A guest on no host cannot be active, and what waits for its owner would not be
 * known as that any more: the disk that it left on its source would go. */
static bool
check_reset(const Instance *instance, bool to_active, GError **error)
{
    if (instance->vm_state == VM_STATE_RESIZED) {
        return error_set(error, ERROR_CONFLICT,
            "Cannot 'os-resetState' instance %s while it is in vm_state resized: confirm or revert "
            "the resize",
            instance->id);
    }
    if (to_active && instance->host == NULL) {
        return error_set(error, ERROR_CONFLICT,
            "Cannot 'os-resetState' instance %s to active, since it is on no host: delete it",
            instance->id);
    }
    return true;
}

/* What the guest really is, its host tells soon after, if it is connected. */
static HttpResponse *
reset_state(ApiContext *context, const Instance *instance, const json_t *value, GError **error)
{
    if (!validate_body(value, reset_fields, 0, context->minor, error)) {
        return NULL;
    }
    bool to_active = strcmp(body_string(value, "state", ""), "active") == 0;
    if (!check_reset(instance, to_active, error) ||
        !store_reset_instance_state(context->store, instance->id,
            to_active ? VM_STATE_ACTIVE : VM_STATE_ERROR, error)) {
        return NULL;
    }
    engine_nudge_instance(context->engine, instance->id);
    return api_empty(202);
}

/* ---- dispatch ---- */

typedef struct ActionRow {
    const char *key;
    const char *policy;
    ServerAction run;
    bool ignores_lock;
} ActionRow;

/* clang-format off */
static const ActionRow actions[] = {
    {"os-start", "os_compute_api:servers:start", start},
    {"os-stop", "os_compute_api:servers:stop", stop},
    {"reboot", "os_compute_api:servers:reboot", reboot_server},
    {"pause", "os_compute_api:os-pause-server:pause", pause_server},
    {"unpause", "os_compute_api:os-pause-server:unpause", unpause_server},
    {"os-migrateLive", "os_compute_api:os-migrate-server:migrate_live", compute_live_migrate},
    {"evacuate", "os_compute_api:os-evacuate", compute_evacuate},
    {"migrate", "os_compute_api:os-migrate-server:migrate", compute_cold_migrate},
    {"resize", "os_compute_api:servers:resize", compute_resize},
    {"confirmResize", "os_compute_api:servers:confirm_resize", compute_confirm_resize},
    {"revertResize", "os_compute_api:servers:revert_resize", compute_revert_resize},
    {"os-getConsoleOutput", "os_compute_api:os-console-output", compute_console_output, true},
    {"lock", "os_compute_api:os-lock-server:lock", lock_server, true},
    {"unlock", "os_compute_api:os-lock-server:unlock", unlock_server, true},
    {"os-resetState", "os_compute_api:os-admin-actions:reset_state", reset_state, true},
};
/* clang-format on */

static const ActionRow *
find_action(const char *key)
{
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (strcmp(actions[i].key, key) == 0) {
            return &actions[i];
        }
    }
    return NULL;
}

HttpResponse *
compute_server_action(ApiContext *context, GError **error)
{
    if (json_object_size(context->body) != 1) {
        error_set(error, ERROR_INVALID, "Malformed request body");
        return NULL;
    }
    const char *key = json_object_iter_key(json_object_iter(context->body));
    const ActionRow *action = find_action(key);
    if (action == NULL) {
        error_set(error, ERROR_INVALID, "There is no such action: %s", key);
        return NULL;
    }
    g_autoptr(Instance) instance = compute_get_instance(context, api_param(context, "id"), error);
    if (instance == NULL || !api_check_policy(context, action->policy, error) ||
        (!action->ignores_lock && !compute_check_lock(context, instance, error))) {
        return NULL;
    }
    return action->run(context, instance, json_object_get(context->body, key), error);
}
