/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/failpoint.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

/* Passes "a" three times and "b" once in a process of its own; its wait status. */
static int
run_armed(const char *armed, const char *trace)
{
    pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        g_setenv("DROVER_FAILPOINTS", armed, TRUE);
        g_setenv("DROVER_FAILPOINT_TRACE", trace, TRUE);
        failpoint_init();
        for (int i = 0; i < 3; i++) {
            failpoint("a");
        }
        _exit(failpoint_error("b", NULL) ? 11 : 10);
    }
    int status;
    g_assert_cmpint(waitpid(child, &status, WUNTRACED), ==, child);
    if (WIFSTOPPED(status)) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    return status;
}

static void
test_actions(void)
{
    static const struct {
        const char *armed;
        int exit_code;
    } cases[] = {
        {"", 10},
        {"other=crash", 10},
        {"a=crash", 57},
        {"a=crash@3", 57},
        {"a=crash@4", 10},
        {"b=error", 11},
        {"b=error@2", 10},
        {"b=crash", 57},
        {"a=error", 10},
        {"a=crash@4,b=error@1", 11},
        {"a=explode", 2},
        {"a", 2},
        {"a=crash@", 2},
        {"a=crash@0", 2},
        {"a=crash@x", 2},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        int status = run_armed(cases[i].armed, "");
        g_test_message("%s", cases[i].armed);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, cases[i].exit_code);
    }
}

static void
test_wait_stops_the_process(void)
{
    int status = run_armed("a=wait@2", "");
    g_assert_true(WIFSTOPPED(status));
    g_assert_cmpint(WSTOPSIG(status), ==, SIGSTOP);
}

static void
test_trace_names_each_point_once(void)
{
    g_autofree char *path = NULL;
    close(g_file_open_tmp("drover-trace-XXXXXX", &path, NULL));
    run_armed("", path);
    run_armed("b=crash", path);
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "a\nb\na\nb\n");
    unlink(path);
}

static void
test_error_names_its_point(void)
{
    g_setenv("DROVER_FAILPOINTS", "here=error", TRUE);
    failpoint_init();
    g_autoptr(GError) error = NULL;
    g_assert_true(failpoint_error("here", &error));
    g_assert_cmpstr(error->message, ==, "failpoint 'here' injected this error");
    g_assert_true(error_is(error, ERROR_INTERNAL));
    g_assert_false(failpoint_error("there", NULL));
    g_setenv("DROVER_FAILPOINTS", "here=error@2", TRUE);
    failpoint_init();
    g_assert_false(failpoint_error("here", NULL));
    g_assert_true(failpoint_error("here", NULL));
    g_assert_false(failpoint_error("here", NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/failpoint/actions", test_actions);
    g_test_add_func("/failpoint/wait-stops-the-process", test_wait_stops_the_process);
    g_test_add_func("/failpoint/trace-names-each-point-once", test_trace_names_each_point_once);
    g_test_add_func("/failpoint/error-names-its-point", test_error_names_its_point);
    return g_test_run();
}
