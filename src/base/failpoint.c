/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/failpoint.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

enum { FAILPOINT_EXIT_CODE = 57 };

typedef enum { ACTION_NONE, ACTION_CRASH, ACTION_ERROR, ACTION_WAIT } Action;

typedef struct Point {
    Action action;
    uint64_t at;     /* the passage that acts; 0 = every one */
    uint64_t passed; /* passages so far */
} Point;

/* True when any point is armed or traced: all that a passage looks at otherwise. */
static atomic_bool is_active;
/* Guards points and trace_fd. A leaf: nothing is called while it is held. */
static GMutex lock;
static GHashTable *points; /* name -> Point */
static int trace_fd = -1;

static bool
action_parse(const char *text, Action *ret_action)
{
    static const struct {
        const char *name;
        Action action;
    } actions[] = {{"crash", ACTION_CRASH}, {"error", ACTION_ERROR}, {"wait", ACTION_WAIT}};
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (strcmp(text, actions[i].name) == 0) {
            *ret_action = actions[i].action;
            return true;
        }
    }
    return false;
}

/* One "name=action[@N]". A test whose point is misspelt must not pass by accident. */
static void
arm(const char *text)
{
    g_auto(GStrv) sides = g_strsplit(text, "=", 2);
    g_auto(GStrv) action =
        sides[0] != NULL && sides[1] != NULL ? g_strsplit(sides[1], "@", 2) : g_new0(char *, 1);
    Point point = {0};
    if (action[0] == NULL || !action_parse(action[0], &point.action) ||
        (action[1] != NULL &&
            !g_ascii_string_to_unsigned(action[1], 10, 1, G_MAXINT64, &point.at, NULL))) {
        g_printerr("DROVER_FAILPOINTS: '%s' is not name=crash|error|wait[@N]\n", text);
        _exit(2);
    }
    g_hash_table_insert(points, g_strdup(sides[0]), g_memdup2(&point, sizeof point));
}

void
failpoint_init(void)
{
    const char *armed = g_getenv("DROVER_FAILPOINTS");
    const char *trace = g_getenv("DROVER_FAILPOINT_TRACE");
    g_mutex_lock(&lock);
    g_clear_pointer(&points, g_hash_table_unref);
    points = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) items = g_strsplit(armed != NULL ? armed : "", ",", -1);
    for (char **item = items; *item != NULL; item++) {
        if (**item != '\0') {
            arm(*item);
        }
    }
    if (trace_fd < 0 && trace != NULL && *trace != '\0') {
        trace_fd = open(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    }
    atomic_store(&is_active, g_hash_table_size(points) > 0 || trace_fd >= 0);
    g_mutex_unlock(&lock);
}

static void
trace_write(const char *name)
{
    g_autofree char *line = g_strconcat(name, "\n", NULL);
    ssize_t written = write(trace_fd, line, strlen(line));
    g_assert(written == (ssize_t)strlen(line));
}

/* Counts the passage and says what is to be done. */
static Action
pass(const char *name)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
    Point *point = g_hash_table_lookup(points, name);
    if (point == NULL) {
        point = g_new0(Point, 1);
        g_hash_table_insert(points, g_strdup(name), point);
    }
    point->passed++;
    if (trace_fd >= 0 && point->passed == 1) {
        trace_write(name);
    }
    return point->at == 0 || point->at == point->passed ? point->action : ACTION_NONE;
}

static Action
act(const char *name)
{
    Action action = pass(name);
    if (action == ACTION_CRASH) {
        _exit(FAILPOINT_EXIT_CODE);
    }
    if (action == ACTION_WAIT) {
        raise(SIGSTOP);
    }
    return action;
}

void
failpoint(const char *name)
{
    if (G_UNLIKELY(atomic_load_explicit(&is_active, memory_order_relaxed))) {
        act(name);
    }
}

bool
failpoint_error(const char *name, GError **error)
{
    if (G_LIKELY(!atomic_load_explicit(&is_active, memory_order_relaxed)) ||
        act(name) != ACTION_ERROR) {
        return false;
    }
    error_set(error, ERROR_INTERNAL, "failpoint '%s' injected this error", name);
    return true;
}
