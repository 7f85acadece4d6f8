/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cli/watch.h"

#include "base/error.h"
#include "base/json.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Fast enough that a move of a second is seen, slow enough that nobody feels it. */
#define POLL_US (250 * 1000)
/* So long droverd may be away while it is waited for something: it goes on without it. */
#define PATIENCE_S 60

void
watch_line(const char *format, ...)
{
    if (!isatty(STDERR_FILENO)) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    /* A line that wraps could not be written over; what is cut is the least of it, at its end. */
    int width = output_terminal_width(STDERR_FILENO);
    if (width > 1 && g_utf8_strlen(text, -1) >= width) {
        *g_utf8_offset_to_pointer(text, width - 1) = '\0';
    }
    fprintf(stderr, "\r\033[K%s", text);
    fflush(stderr);
}

/* ---- Ctrl-C ---- */

static volatile sig_atomic_t was_interrupted;

static void
on_interrupt(int signal)
{
    was_interrupted = 1;
}

bool
watch_is_interrupted(void)
{
    return was_interrupted != 0;
}

void
watch_begin(void)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
}

bool
watch_pause(unsigned us)
{
    if (!watch_is_interrupted()) {
        g_usleep(us);
    }
    return !watch_is_interrupted();
}

static bool
wait_a_little(void)
{
    return watch_pause(POLL_US);
}

json_t *
watch_get(Session *session, const char *service, const char *path, GError **error)
{
    int64_t until_us = 0;
    for (;;) {
        g_autoptr(GError) problem = NULL;
        json_t *answer = session_get(session, service, path, &problem);
        int64_t now_us = g_get_monotonic_time();
        if (answer != NULL) {
            return answer;
        }
        if (!session_is_silent(session) || (until_us != 0 && now_us > until_us)) {
            g_propagate_error(error, g_steal_pointer(&problem));
            return NULL;
        }
        if (until_us == 0) {
            until_us = now_us + PATIENCE_S * G_USEC_PER_SEC;
            watch_line("%s", "");
            fprintf(stderr, "drover: %s: what was asked for goes on; trying again for %d s\n",
                problem->message, PATIENCE_S);
        }
        if (!wait_a_little()) {
            error_set(error, ERROR_CANCELLED,
                "interrupted while nobody answered: what was asked for goes on");
            return NULL;
        }
    }
}

static bool
end_interrupted(const json_t *server, GError **error)
{
    watch_line("%s", "");
    const char *id = json_string_value(json_object_get(server, "id"));
    return error_set(error, ERROR_CANCELLED,
        "interrupted: what was asked of server '%s' goes on; 'drover server show %s' tells how far "
        "it is",
        json_string_value(json_object_get(server, "name")), id);
}

/* ---- migrations ---- */

static int64_t
number(const json_t *object, const char *path)
{
    int64_t value = -1;
    return json_find_int(object, path, -1, &value, NULL) ? value : -1;
}

/* "memory 120.0 MiB of 256.0 MiB" */
static void
append_part(GString *line, const json_t *migration, const char *what)
{
    g_autofree char *total_path = g_strdup_printf("stats.%s_total_bytes", what);
    g_autofree char *done_path = g_strdup_printf("stats.%s_processed_bytes", what);
    int64_t total = number(migration, total_path);
    if (total <= 0) {
        return;
    }
    g_autofree char *total_text = output_bytes(total);
    g_autofree char *done_text = output_bytes(number(migration, done_path));
    g_string_append_printf(line, "  %s %s of %s", what, done_text, total_text);
}

/* What is left at the present rate, less what the guest dirties meanwhile; -1 = cannot be told. */
static int64_t
estimate_s(const json_t *migration)
{
    int64_t left = MAX(number(migration, "stats.memory_remaining_bytes"), 0) +
        MAX(number(migration, "stats.disk_remaining_bytes"), 0);
    int64_t rate = MAX(number(migration, "stats.memory_bytes_s"), 0) +
        MAX(number(migration, "stats.disk_bytes_s"), 0);
    int64_t dirty = MAX(number(migration, "stats.dirty_bytes_s"), 0);
    return rate > dirty ? left / (rate - dirty) : -1;
}

static char *
progress_line(const json_t *migration)
{
    GString *line = g_string_new(NULL);
    g_string_printf(line, "%s", json_string_value(json_object_get(migration, "status")));
    append_part(line, migration, "memory");
    append_part(line, migration, "disk");
    int64_t rate = number(migration, "stats.memory_bytes_s");
    if (rate > 0) {
        g_autofree char *text = output_bytes(rate);
        g_string_append_printf(line, "  %s/s", text);
    }
    int64_t iteration = number(migration, "stats.iteration");
    if (iteration > 0) {
        g_string_append_printf(line, "  pass %" G_GINT64_FORMAT, iteration);
    }
    int64_t left_s = estimate_s(migration);
    if (left_s >= 0) {
        g_string_append_printf(line, "  about %" G_GINT64_FORMAT " s left", left_s);
    }
    return g_string_free(line, false);
}

static json_t *
get_migration(Session *session, int64_t id, GError **error)
{
    g_autofree char *path = g_strdup_printf("/migrations/%" G_GINT64_FORMAT, id);
    json_auto_t *answer = watch_get(session, "drover", path, error);
    return answer != NULL ? json_incref(json_object_get(answer, "migration")) : NULL;
}

static bool
is_over(const char *status)
{
    static const char *FINAL[] = {
        "completed", "done", "failed", "error", "cancelled", "finished", "confirmed", "reverted"};
    for (size_t i = 0; i < G_N_ELEMENTS(FINAL); i++) {
        if (g_strcmp0(status, FINAL[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* A cold move that waits for its owner's word. */
static bool
is_waiting(const char *status)
{
    return strcmp(status, "finished") == 0;
}

static bool
is_cold_end(const char *status)
{
    return is_waiting(status) || strcmp(status, "confirmed") == 0 ||
        strcmp(status, "reverted") == 0;
}

static bool
check_end(const json_t *migration, GError **error)
{
    const char *status = json_string_value(json_object_get(migration, "status"));
    const char *message = json_string_value(json_object_get(migration, "message"));
    return is_cold_end(status) || strcmp(status, "completed") == 0 || strcmp(status, "done") == 0 ||
        error_set(error, ERROR_CONFLICT, "the migration ended in '%s': %s", status,
            message != NULL ? message : "no reason");
}

static void
say_cold_end(Output *output, const json_t *migration, const char *status, const char *message)
{
    output_say(output, "%s: on %s.%s", is_waiting(status) ? "VERIFY_RESIZE" : status,
        json_string_value(json_object_get(
            migration, strcmp(status, "reverted") == 0 ? "source_host" : "dest_host")),
        is_waiting(status)
            ? " 'drover server resize confirm' keeps it there, 'revert' takes it back."
            : "");
    if (is_waiting(status) && json_is_string(json_object_get(migration, "error_code"))) {
        output_say(output, "The last try failed: %s", message);
    }
}

static void
say_end(Output *output, const json_t *migration)
{
    const char *status = json_string_value(json_object_get(migration, "status"));
    const char *message = json_string_value(json_object_get(migration, "message"));
    if (is_cold_end(status)) {
        say_cold_end(output, migration, status, message);
        return;
    }
    int64_t downtime_ms = number(migration, "stats.downtime_ms");
    int64_t total_ms = number(migration, "total_ms");
    g_autofree char *downtime = downtime_ms >= 0
        ? g_strdup_printf(", downtime %" G_GINT64_FORMAT " ms", downtime_ms)
        : g_strdup("");
    output_say(output, "Completed: on %s after %.2f s%s.",
        json_string_value(json_object_get(migration, "dest_host")), (double)total_ms / 1000,
        downtime);
    /* Of an evacuation: what became of the password. */
    if (strcmp(status, "done") == 0 && message != NULL) {
        output_say(output, "%s", message);
    }
}

/* People get a sentence, programs the record. */
static bool
report_end(Output *output, const json_t *migration, GError **error)
{
    if (!check_end(migration, error)) {
        return false;
    }
    if (output == NULL) {
        return true;
    }
    say_end(output, migration);
    return output->format == OUTPUT_TABLE || output_object(output, migration, error);
}

/* An evacuation has nothing to go back to. */
static bool
end_migration_interrupted(const json_t *migration, GError **error)
{
    watch_line("%s", "");
    int64_t id = number(migration, "id");
    const char *server = json_string_value(json_object_get(migration, "instance_uuid"));
    const char *type = json_string_value(json_object_get(migration, "migration_type"));
    g_autofree char *abort = strcmp(type, "evacuation") == 0
        ? g_strdup("")
        : g_strdup_printf(", and 'drover server migration abort %s %" G_GINT64_FORMAT
                          "' gives it up",
              server, id);
    return error_set(error, ERROR_CANCELLED,
        "interrupted: migration %" G_GINT64_FORMAT " of server %s goes on; 'drover server "
        "migration watch %" G_GINT64_FORMAT "' follows it%s",
        id, server, id, abort);
}

bool
watch_migration(Session *session, Output *output, int64_t migration_id, GError **error)
{
    g_autofree char *shown = NULL;
    watch_begin();
    for (;;) {
        json_auto_t *migration = get_migration(session, migration_id, error);
        if (migration == NULL) {
            watch_line("%s", "");
            return false;
        }
        const char *status = json_string_value(json_object_get(migration, "status"));
        if (is_over(status)) {
            watch_line("%s", "");
            return report_end(output, migration, error);
        }
        g_autofree char *line = progress_line(migration);
        watch_line("%s", line);
        if (!isatty(STDERR_FILENO) && g_strcmp0(shown, status) != 0) {
            fprintf(stderr, "%s\n", line);
            g_free(shown);
            shown = g_strdup(status);
        }
        if (!wait_a_little()) {
            return end_migration_interrupted(migration, error);
        }
    }
}

bool
watch_begun(Session *session, Output *output, int64_t migration_id, GError **error)
{
    if (output->format == OUTPUT_TABLE) {
        return true;
    }
    json_auto_t *migration = get_migration(session, migration_id, error);
    return migration != NULL && output_object(output, migration, error);
}

bool
watch_newest_migration(Session *session, const char *server_id, int64_t *ret_id, GError **error)
{
    g_autofree char *path = session_path("/os-migrations?instance_uuid=%s&limit=1", server_id);
    json_auto_t *answer = session_get(session, "compute", path, error);
    if (answer == NULL) {
        return false;
    }
    json_t *first = json_array_get(json_object_get(answer, "migrations"), 0);
    *ret_id = first != NULL ? json_integer_value(json_object_get(first, "id")) : -1;
    return true;
}

/* ---- servers ---- */

static bool
is_one_of(const char *list, const char *text)
{
    g_auto(GStrv) words = g_strsplit(list, ",", -1);
    return g_strv_contains((const char *const *)words, text);
}

static json_t *
get_server(Session *session, const char *id, GError **error)
{
    g_autofree char *path = session_path("/servers/%s", id);
    json_auto_t *answer = watch_get(session, "compute", path, error);
    return answer != NULL ? json_incref(json_object_get(answer, "server")) : NULL;
}

static const char *
name_of(const json_t *server)
{
    return json_string_value(json_object_get(server, "name"));
}

static bool
fail_in_error(const json_t *server, GError **error)
{
    const char *fault =
        json_string_value(json_object_get(json_object_get(server, "fault"), "message"));
    return error_set(error, ERROR_CONFLICT, "server '%s' is in ERROR: %s", name_of(server),
        fault != NULL ? fault : "no reason was given");
}

typedef enum {
    ACTION_UNKNOWN, /* the request has none of its own */
    ACTION_OPEN,
    ACTION_DONE,
} ActionEnd;

/* The newest event of one that is under way has no end. */
static ActionEnd
end_of(const json_t *action)
{
    json_t *newest = json_array_get(json_object_get(action, "events"), 0);
    if (newest == NULL) {
        return ACTION_UNKNOWN;
    }
    return json_is_string(json_object_get(newest, "finish_time")) ? ACTION_DONE : ACTION_OPEN;
}

/* How far a request is, and whether it has failed, is told by its own action: others may have
 * changed the server since. */
static bool
look_at_action(Session *session, const char *server_id, const char *request_id,
    ActionEnd *ret_end, GError **error)
{
    g_autoptr(GError) problem = NULL;
    *ret_end = ACTION_UNKNOWN;
    if (request_id == NULL) {
        return true;
    }
    g_autofree char *path =
        session_path("/servers/%s/os-instance-actions/%s", server_id, request_id);
    json_auto_t *answer = watch_get(session, "compute", path, &problem);
    if (answer == NULL) {
        if (error_is(problem, ERROR_NOT_FOUND)) {
            return true;
        }
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    const json_t *action = json_object_get(answer, "instanceAction");
    const char *message = json_string_value(json_object_get(action, "message"));
    *ret_end = end_of(action);
    return message == NULL || *ret_end == ACTION_OPEN ||
        error_set(error, ERROR_CONFLICT, "%s", message);
}

/* The server as it was seen after its action was: what the action has done shows in it. */
static bool
is_server_done(ActionEnd end, const json_t *server, const char *wanted)
{
    const char *status = json_string_value(json_object_get(server, "status"));
    bool is_idle = !json_is_string(json_object_get(server, "OS-EXT-STS:task_state"));
    return end == ACTION_DONE ||
        (end == ACTION_UNKNOWN && is_idle && is_one_of(wanted, status));
}

bool
watch_server(Session *session, const char *server_id, const char *wanted, GError **error)
{
    g_autofree char *request_id = g_strdup(session_request_id(session));
    watch_begin();
    for (;;) {
        g_autoptr(GError) problem = NULL;
        ActionEnd end = ACTION_UNKNOWN;
        bool is_well = look_at_action(session, server_id, request_id, &end, &problem);
        json_auto_t *server = get_server(session, server_id, is_well ? error : NULL);
        const char *status = json_string_value(json_object_get(server, "status"));
        const char *task = json_string_value(json_object_get(server, "OS-EXT-STS:task_state"));
        if (server != NULL && end != ACTION_OPEN && g_strcmp0(status, "ERROR") == 0 &&
            !is_one_of(wanted, "ERROR")) {
            watch_line("%s", "");
            return fail_in_error(server, error);
        }
        if (!is_well) {
            watch_line("%s", "");
            g_propagate_error(error, g_steal_pointer(&problem));
            return false;
        }
        if (server == NULL) {
            return false;
        }
        if (is_server_done(end, server, wanted)) {
            watch_line("%s", "");
            return true;
        }
        watch_line("%s  %s", status, task != NULL ? task : "");
        if (!wait_a_little()) {
            return end_interrupted(server, error);
        }
    }
}

bool
watch_server_deleted(Session *session, const char *server_id, GError **error)
{
    watch_begin();
    for (;;) {
        g_autoptr(GError) problem = NULL;
        json_auto_t *server = get_server(session, server_id, &problem);
        if (server == NULL) {
            watch_line("%s", "");
            if (error_is(problem, ERROR_NOT_FOUND)) {
                return true;
            }
            g_propagate_error(error, g_steal_pointer(&problem));
            return false;
        }
        watch_line("deleting");
        if (!wait_a_little()) {
            return end_interrupted(server, error);
        }
    }
}

/* ---- drains ---- */

static int
count_of(const json_t *drain, const char *state)
{
    return (int)json_integer_value(json_object_get(json_object_get(drain, "progress"), state));
}

static bool
is_drain_open(const json_t *drain)
{
    static const char *const open_states[] = {"running", "paused", "cancelling", NULL};
    return g_strv_contains(open_states, json_string_value(json_object_get(drain, "state")));
}

/* Where there is no terminal each line that differs from the one before it; of a host without
 * servers none. */
static void
show_drain(const json_t *drain, const char *host, char **shown)
{
    int n_total = count_of(drain, "total");
    g_autofree char *line = g_strdup_printf("%s: %s, %d of %d moved, %d under way, %d blocked",
        host, json_string_value(json_object_get(drain, "state")), count_of(drain, "moved"), n_total,
        count_of(drain, "moving") + count_of(drain, "confirming"), count_of(drain, "blocked"));
    watch_line("%s", line);
    if (!isatty(STDERR_FILENO) && n_total > 0 && g_strcmp0(*shown, line) != 0) {
        fprintf(stderr, "%s\n", line);
        g_free(*shown);
        *shown = g_steal_pointer(&line);
    }
}

static void
end_drain_interrupted(const json_t *drain, const char *host, GError **error)
{
    watch_line("%s", "");
    error_set(error, ERROR_CANCELLED,
        "interrupted: the %s of host '%s' goes on; 'drover drain show %s --wait' follows it, and "
        "'drover drain cancel %s' gives it up",
        json_string_value(json_object_get(drain, "kind")), host, host, host);
}

json_t *
watch_drain(Session *session, const char *host, int64_t id, GError **error)
{
    g_autofree char *path = id != 0 ? g_strdup_printf("/drains/%" G_GINT64_FORMAT, id)
                                    : session_path("/hosts/%s/drain", host);
    g_autofree char *shown = NULL;
    watch_begin();
    for (;;) {
        json_auto_t *answer = watch_get(session, "drover", path, error);
        json_t *drain = json_object_get(answer, "drain");
        if (drain == NULL || !is_drain_open(drain)) {
            watch_line("%s", "");
            return json_incref(drain);
        }
        show_drain(drain, host, &shown);
        if (!wait_a_little()) {
            end_drain_interrupted(drain, host, error);
            return NULL;
        }
    }
}
