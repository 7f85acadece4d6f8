/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover server migrate: live, or switched off. */
#include "base/error.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/explain.h"
#include "cli/find.h"
#include "cli/usage.h"
#include "cli/watch.h"

#include <stdio.h>
#include <string.h>

static const CommandOption MIGRATE_OPTIONS[] = {
    {"--live-migration", NULL, "while it runs; without it the server is switched off for its move"},
    {"--host", "HOST", "where to; chosen when it is not said"},
    {"--block-migration", NULL, "live: copy the disks; refused when the pool is shared"},
    {"--shared-migration", NULL, "live: copy no disks; refused when the pool is not shared"},
    {"--pause-first", NULL, "pause it while it moves: certain to end, and not without a gap"},
    {"--rehearse", NULL, "live: the destination starts a twin of it first (paused, without disks)"},
    {"--dry-run", NULL, "tell where it would go, and why not elsewhere; nothing is touched"},
    {"--reason", "TEXT", "why, for whoever looks at the migration later"},
    {"--wait", NULL, "show the progress; fails with the reason when the migration failed"},
    {NULL, NULL, NULL},
};

/* Runbooks say --block-migration of cold migrations as well: there it changes nothing. */
static json_t *
cold_body(CommandContext *context, GError **error)
{
    const char *host = command_value(context, "--host");
    static const char *const LIVE_ONLY[] = {"--pause-first", "--rehearse"};
    for (size_t i = 0; i < G_N_ELEMENTS(LIVE_ONLY); i++) {
        if (command_has(context, LIVE_ONLY[i])) {
            usage_error(error, "%s needs --live-migration", LIVE_ONLY[i]);
            return NULL;
        }
    }
    if (command_has(context, "--block-migration") || command_has(context, "--shared-migration")) {
        fprintf(stderr,
            "note: a cold migration copies disks where hosts do not share them; what you said of "
            "it changes nothing\n");
    }
    return host != NULL ? json_pack("{s:{s:s}}", "migrate", "host", host)
                        : json_pack("{s:n}", "migrate");
}

static json_t *
live_body(CommandContext *context, GError **error)
{
    const char *block = NULL;
    if (!explain_read_block_migration(context, &block, error)) {
        return NULL;
    }
    json_t *how = block == NULL ? json_string("auto") : json_boolean(strcmp(block, "true") == 0);
    const char *host = command_value(context, "--host");
    return json_pack("{s:{s:o, s:o}}", "os-migrateLive", "host",
        host != NULL ? json_string(host) : json_null(), "block_migration", how);
}

static bool
force_complete(Session *session, const char *server_id, int64_t migration_id, GError **error)
{
    g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, migration_id);
    g_autofree char *path =
        session_path("/instances/%s/migrations/%s/pause_first", server_id, number);
    json_auto_t *answer = session_request(session, "drover", "POST", path, NULL, error);
    return answer != NULL;
}

static bool
server_migrate(CommandContext *context, GError **error)
{
    if (command_has(context, "--dry-run") && command_has(context, "--wait")) {
        return usage_error(
            error, "--dry-run moves nothing, so there is nothing to --wait for: leave one out");
    }
    json_auto_t *body = command_has(context, "--live-migration") ? live_body(context, error)
                                                                 : cold_body(context, error);
    Session *session = body != NULL ? command_session(context, error) : NULL;
    json_auto_t *server =
        session != NULL ? find_server(session, command_argument(context, 0), error) : NULL;
    if (server == NULL) {
        return false;
    }
    g_autofree char *id = find_id(server);
    if (command_has(context, "--dry-run")) {
        bool is_live = command_has(context, "--live-migration");
        return explain_dry_run(context, session, id, is_live ? "live" : "cold", error);
    }
    int64_t migration_id = -1;
    session_set_rehearse(session, command_has(context, "--rehearse"));
    if (!session_set_reason(session, command_value(context, "--reason"), error) ||
        !session_act(session, id, body, error) ||
        !watch_newest_migration(session, id, &migration_id, error)) {
        return false;
    }
    if (command_has(context, "--pause-first") &&
        !force_complete(session, id, migration_id, error)) {
        return false;
    }
    if (command_has(context, "--wait")) {
        return watch_migration(session, command_output(context), migration_id, error);
    }
    output_say(command_output(context), "Migration of %s initiated.", id);
    return watch_begun(session, command_output(context), migration_id, error);
}

const Command move_commands[] = {
    {"server migrate", "SERVER", 1, 1, "Move a server to another host",
        "Whether disks must be copied is found out by asking both hosts, unless you say it. With "
        "--wait the exit code and the last line tell how the migration ended; --json prints the "
        "migration. A server that was switched off for its move waits to be confirmed or "
        "reverted. With --rehearse the destination proves first that its QEMU starts with what "
        "the server has: where it does not, another host is tried, or, where it was named, "
        "nothing moves, and the cause is told.",
        "  drover server migrate --live-migration --wait vm1\n"
        "  drover server migrate --live-migration --dry-run vm1\n"
        "  drover server migrate --live-migration --host hostc --rehearse --wait vm1\n"
        "  drover server migrate --live-migration --host hostc --reason kernel --wait vm1\n"
        "  drover server migrate --wait vm1 && drover server migrate confirm vm1",
        MIGRATE_OPTIONS, server_migrate},
    {NULL},
};
