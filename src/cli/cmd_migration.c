/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover server migration ...: what is moving and what has moved. */
#include "base/error.h"
#include "cli/command.h"
#include "cli/find.h"
#include "cli/usage.h"
#include "cli/watch.h"

#include <stdio.h>
#include <string.h>

static const Column LIST_COLUMNS[] = {
    {"Id", "id", NULL},
    {"UUID", "uuid", NULL},
    {"Source", "source_compute", NULL},
    {"Dest", "dest_compute", NULL},
    {"Status", "status", NULL},
    {"Server", "instance_uuid", NULL},
    {"Type", "migration_type", NULL},
    {"Created At", "created_at", NULL},
    {"Updated At", "updated_at", NULL},
    {NULL, NULL, NULL},
};

/* Of drover's own API, which knows more of each. */
static const Column LONG_COLUMNS[] = {
    {"Id", "id", NULL},
    {"Source", "source_host", NULL},
    {"Dest", "dest_host", NULL},
    {"Status", "status", NULL},
    {"Server", "instance_uuid", NULL},
    {"Type", "migration_type", NULL},
    {"Reason", "reason", NULL},
    {"Message", "message", NULL},
    {"Total ms", "total_ms", NULL},
    {"Downtime ms", "stats.downtime_ms", NULL},
    {"Created At", "created_at", NULL},
    {"Updated At", "updated_at", NULL},
    {"UUID", "uuid", NULL},
    {NULL, NULL, NULL},
};

static const CommandOption LIST_OPTIONS[] = {
    {"--server", "SERVER", "only of this server"},
    {"--host", "HOST", "only from or to this host"},
    {"--status", "STATUS", "queued, preparing, running, post-migrating, completed, ..."},
    {"--type", "TYPE", "live-migration, migration, resize or evacuation"},
    {"--limit", "N", "at most this many, newest first"},
    {"--long", NULL, "more columns: how long it took, why it was asked for, how it ended"},
    {NULL, NULL, NULL},
};

/* As droverd calls them, whatever moves: what is in none of these lists would find nothing, and say
 * so as if nothing had moved. */
static const char *const STATUSES[] = {"accepted", "queued", "pre-migrating", "preparing",
    "running", "running (post-copy)", "migrating", "post-migrating", "finished", "confirming",
    "confirmed", "reverting", "reverted", "done", "completed", "failed", "error", "cancelled",
    NULL};
static const char *const TYPES[] = {"live-migration", "migration", "resize", "evacuation", NULL};

static bool
check_known(
    CommandContext *context, const char *option, const char *const *known, GError **error)
{
    const char *value = command_value(context, option);
    if (value == NULL || g_strv_contains(known, value)) {
        return true;
    }
    g_autofree char *list = g_strjoinv(", ", (char **)known);
    return usage_error(error, "%s is one of %s, and '%s' is not", option, list, value);
}

/* A host that was never there has moved nothing, which would be true and no answer; of one that was
 * removed there are rows. */
static bool
check_host(CommandContext *context, Session *session, const json_t *rows, GError **error)
{
    const char *host = json_array_size(rows) == 0 ? command_value(context, "--host") : NULL;
    g_autofree char *path = host != NULL ? session_path("/hosts/%s", host) : NULL;
    json_auto_t *answer = path != NULL ? session_get(session, "drover", path, error) : NULL;

    return path == NULL || answer != NULL;
}

static bool
append_filters(CommandContext *context, Session *session, GString *path, GError **error)
{
    static const char *const FILTERS[][2] = {
        {"--host", "host"}, {"--status", "status"}, {"--type", "migration_type"}};
    const char *server = command_value(context, "--server");
    char separator = '?';
    if (server != NULL) {
        json_auto_t *found = find_server(session, server, error);
        if (found == NULL) {
            return false;
        }
        g_string_append_printf(
            path, "?instance_uuid=%s", json_string_value(json_object_get(found, "id")));
        separator = '&';
    }
    for (size_t i = 0; i < G_N_ELEMENTS(FILTERS); i++) {
        const char *value = command_value(context, FILTERS[i][0]);
        if (value != NULL) {
            g_autofree char *escaped = g_uri_escape_string(value, NULL, false);
            g_string_append_printf(path, "%c%s=%s", separator, FILTERS[i][1], escaped);
            separator = '&';
        }
    }
    return true;
}

static bool
migration_list(CommandContext *context, GError **error)
{
    int64_t limit = 0;
    if (!command_int(context, "--limit", 0, 1, 100000, &limit, error) ||
        !check_known(context, "--status", STATUSES, error) ||
        !check_known(context, "--type", TYPES, error)) {
        return false;
    }
    Session *session = command_session(context, error);
    bool is_long = command_has(context, "--long");
    const char *service = is_long ? "drover" : "compute";
    g_autoptr(GString) path = g_string_new(is_long ? "/migrations" : "/os-migrations");
    if (session == NULL || !append_filters(context, session, path, error)) {
        return false;
    }
    json_auto_t *rows = NULL;
    if (limit > 0) {
        g_string_append_printf(
            path, "%climit=%" G_GINT64_FORMAT, strchr(path->str, '?') != NULL ? '&' : '?', limit);
        json_auto_t *page = session_get(session, service, path->str, error);
        rows = page != NULL ? json_incref(json_object_get(page, "migrations")) : NULL;
    } else {
        rows = session_list(session, service, path->str, "migrations", error);
    }
    return rows != NULL && check_host(context, session, rows, error) &&
        output_list(command_output(context), rows, is_long ? LONG_COLUMNS : LIST_COLUMNS,
            "Nothing has moved yet.", error);
}

/* The migration named by its number or UUID, in full, from drover's own API. */
static json_t *
get_migration(Session *session, const char *id, GError **error)
{
    g_autofree char *path = session_path("/migrations/%s", id);
    json_auto_t *answer = session_get(session, "drover", path, error);
    return answer != NULL ? json_incref(json_object_get(answer, "migration")) : NULL;
}

static const Column EVENT_COLUMNS[] = {
    {"At", "at", NULL},
    {"State", "to", NULL},
    {"Why", "sentence", NULL},
    {NULL, NULL, NULL},
};

static bool
migration_show(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *server =
        session != NULL ? find_server(session, command_argument(context, 0), error) : NULL;
    json_auto_t *migration =
        server != NULL ? get_migration(session, command_argument(context, 1), error) : NULL;
    if (migration == NULL) {
        return false;
    }
    if (!json_equal(json_object_get(migration, "instance_uuid"), json_object_get(server, "id"))) {
        return error_set(error, ERROR_NOT_FOUND, "migration '%s' is not of server '%s'",
            command_argument(context, 1), command_argument(context, 0));
    }
    Output *output = command_output(context);
    if (output->format != OUTPUT_TABLE) {
        return output_object(output, migration, error);
    }
    json_auto_t *plain = json_deep_copy(migration);
    json_object_del(plain, "events");
    if (!output_object_flat(output, plain, error)) {
        return false;
    }
    /* Who has asked for some of its fields has not asked for its history. */
    if (output->columns->len > 0) {
        return true;
    }
    putchar('\n');
    return output_list(output, json_object_get(migration, "events"), EVENT_COLUMNS, NULL, error);
}

static bool
on_running(CommandContext *context, const char *method, const char *suffix, const json_t *body,
    GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *server =
        session != NULL ? find_server(session, command_argument(context, 0), error) : NULL;
    if (server == NULL) {
        return false;
    }
    g_autofree char *path = session_path("/servers/%s/migrations/%s",
        json_string_value(json_object_get(server, "id")), command_argument(context, 1));
    g_autofree char *full = g_strconcat(path, suffix, NULL);
    json_auto_t *answer = session_request(session, "compute", method, full, body, error);
    return answer != NULL;
}

/* The Compute API aborts live migrations alone; our own API the cold ones as well. */
static bool
migration_abort(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *migration =
        session != NULL ? get_migration(session, command_argument(context, 1), error) : NULL;
    if (migration == NULL) {
        return false;
    }
    const char *type = json_string_value(json_object_get(migration, "migration_type"));
    if (g_strcmp0(type, "live-migration") == 0) {
        return on_running(context, "DELETE", "", NULL, error);
    }
    json_auto_t *server = find_server(session, command_argument(context, 0), error);
    if (server == NULL) {
        return false;
    }
    g_autofree char *path = session_path("/instances/%s/migrations/%s/abort",
        json_string_value(json_object_get(server, "id")), command_argument(context, 1));
    json_auto_t *answer = session_request(session, "drover", "POST", path, NULL, error);
    return answer != NULL;
}

static bool
migration_force_complete(CommandContext *context, GError **error)
{
    json_auto_t *body = json_pack("{s:n}", "force_complete");
    return on_running(context, "POST", "/action", body, error);
}

static bool
migration_watch(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *migration =
        session != NULL ? get_migration(session, command_argument(context, 0), error) : NULL;
    return migration != NULL &&
        watch_migration(session, command_output(context),
            json_integer_value(json_object_get(migration, "id")), error);
}

const Command migration_commands[] = {
    {"server migration list", "", 0, 0, "List migrations, newest first", NULL,
        "  drover server migration list --server vm1\n"
        "  drover server migration list --status running --json\n"
        "  drover server migration list --long -c id -c server -c reason",
        LIST_OPTIONS, migration_list},
    {"server migration show", "SERVER MIGRATION", 2, 2,
        "Show a migration, running or over, with the time and reason of each state", NULL,
        "  drover server migration show vm1 3", NULL, migration_show},
    {"server migration abort", "SERVER MIGRATION", 2, 2,
        "Give a migration up; the server stays where it is", NULL, NULL, NULL, migration_abort},
    {"server migration force complete", "SERVER MIGRATION", 2, 2,
        "Pause the server so that its migration ends for certain", NULL, NULL, NULL,
        migration_force_complete},
    {"server migration watch", "MIGRATION", 1, 1, "Follow a migration until it ends", NULL,
        "  drover server migration watch 3", NULL, migration_watch},
    {NULL},
};
