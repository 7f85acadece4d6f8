/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover server verify: whether a server is well after a move. */
#include "base/error.h"
#include "cli/command.h"
#include "cli/find.h"

static void
add_check(json_t *checks, const char *what, bool passed, const char *seen)
{
    json_array_append_new(checks,
        json_pack("{s:s, s:s, s:s}", "check", what, "result", passed ? "ok" : "NOT OK", "seen",
            seen != NULL ? seen : "-"));
}

static const Column VERIFY_COLUMNS[] = {
    {"Check", "check", NULL},
    {"Result", "result", NULL},
    {"Seen", "seen", NULL},
    {NULL, NULL, NULL},
};

static bool
is_one_of(const char *status, const char *const *statuses)
{
    return status != NULL && g_strv_contains(statuses, status);
}

/* Refused before it began: nothing of the server was touched. The Compute API does not tell. */
static bool
find_begun(Session *session, const json_t *migration, bool *ret_begun, GError **error)
{
    g_autofree char *id = g_strdup_printf(
        "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(migration, "id")));
    g_autofree char *path = session_path("/migrations/%s", id);
    json_auto_t *answer = session_get(session, "drover", path, error);
    if (answer == NULL) {
        return false;
    }
    json_t *shown = json_object_get(answer, "migration");
    *ret_begun = !json_is_null(json_object_get(shown, "started_at"));
    return true;
}

/* Whether the last migration ended as it should, or as somebody has asked, and whether the server
 * is where that leaves it. */
static bool
verify_migration(Session *session, const char *id, const char *host, json_t *checks,
    bool *ret_passed, GError **error)
{
    g_autofree char *path = session_path("/os-migrations?instance_uuid=%s&limit=1", id);
    json_auto_t *answer = session_get(session, "compute", path, error);
    if (answer == NULL) {
        return false;
    }
    json_t *last = json_array_get(json_object_get(answer, "migrations"), 0);
    if (last == NULL) {
        add_check(checks, "it has moved", true, "never");
        return true;
    }
    const char *status = json_string_value(json_object_get(last, "status"));
    static const char *const THERE[] = {"completed", "confirmed", "done", NULL};
    static const char *const BACK[] = {"cancelled", "reverted", NULL};
    bool has_begun = true;
    if (g_strcmp0(status, "error") == 0 && !find_begun(session, last, &has_begun, error)) {
        return false;
    }
    bool is_back = is_one_of(status, BACK) || !has_begun;
    const char *place = json_string_value(
        json_object_get(last, is_back ? "source_compute" : "dest_compute"));
    bool is_well = is_back || is_one_of(status, THERE);
    bool is_there = g_strcmp0(place, host) == 0;
    add_check(checks, "the last migration ended as it should", is_well,
        has_begun ? status : "refused before it began");
    add_check(checks, "it is on the host where that leaves it", is_there, host);
    *ret_passed = *ret_passed && is_well && is_there;
    return true;
}

static bool
server_verify(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *server =
        session != NULL ? find_server(session, command_argument(context, 0), error) : NULL;
    if (server == NULL) {
        return false;
    }
    json_auto_t *checks = json_array();
    const char *status = json_string_value(json_object_get(server, "status"));
    const char *host = json_string_value(json_object_get(server, "OS-EXT-SRV-ATTR:host"));
    const char *task = json_string_value(json_object_get(server, "OS-EXT-STS:task_state"));
    json_int_t power = json_integer_value(json_object_get(server, "OS-EXT-STS:power_state"));
    bool passed = g_strcmp0(status, "ACTIVE") == 0 && task == NULL && power == 1;
    add_check(checks, "status is ACTIVE", g_strcmp0(status, "ACTIVE") == 0, status);
    add_check(checks, "nothing is under way", task == NULL, task != NULL ? task : "none");
    add_check(checks, "the guest runs", power == 1, power == 1 ? "running" : "not running");
    g_autofree char *id = find_id(server);
    if (!verify_migration(session, id, host, checks, &passed, error) ||
        !output_list(command_output(context), checks, VERIFY_COLUMNS, NULL, error)) {
        return false;
    }
    return passed ||
        error_set(error, ERROR_CONFLICT, "'%s' is not as it should be",
            json_string_value(json_object_get(server, "name")));
}

const Command verify_commands[] = {
    {"server verify", "SERVER", 1, 1, "Check that a server is well after a move",
        "ACTIVE, nothing under way, running, and on the host where its last migration left it: "
        "its destination, or the source of one that was aborted, reverted, or refused before it "
        "began.", NULL,
        NULL, server_verify},
    {NULL},
};
