/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "fencing/child.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of what it says, no more is kept. */
enum { WORDS_MAX = 4096, LINE_MAX_LENGTH = 300 };

typedef struct Running {
    GPid pid;
    int pidfd;
    int input;  /* -1 = closed, so the next */
    int words;  /* its standard error */
    GString *text;
    int64_t deadline_us; /* monotonic */
} Running;

static void
close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static void
running_clear(Running *running)
{
    close_fd(&running->pidfd);
    close_fd(&running->input);
    close_fd(&running->words);
    if (running->text != NULL) {
        g_string_free(running->text, true);
    }
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Running, running_clear)

void
child_clear(Child *child)
{
    g_clear_pointer(&child->last_words, g_free);
}

/* In the child, before it is the program: a group of its own, so that its children end with it. */
static void
leave_group(void *data)
{
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
}

static bool
start(Running *running, const char *path, GError **error)
{
    const char *const arguments[] = {path, NULL};
    g_autoptr(GError) reason = NULL;
    if (!g_spawn_async_with_pipes(NULL, (char **)arguments, NULL,
            G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, leave_group, NULL,
            &running->pid, &running->input, NULL, &running->words, &reason)) {
        return error_set(error, ERROR_INTERNAL, "%s", reason->message);
    }
    running->pidfd = pidfd_open(running->pid, 0);
    g_unix_set_fd_nonblocking(running->input, true, NULL);
    g_unix_set_fd_nonblocking(running->words, true, NULL);
    return true;
}

/* What it reads not is not missed: its exit says what came of it. */
static void
feed(Running *running, const char **input)
{
    ssize_t n = write(running->input, *input, strlen(*input));
    if (n > 0) {
        *input += n;
    }
    if (**input == '\0' || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        close_fd(&running->input);
    }
}

static void
listen_to(Running *running)
{
    char buffer[1024];
    ssize_t n;
    while ((n = read(running->words, buffer, sizeof buffer)) > 0) {
        g_string_append_len(running->text, buffer, n);
        if (running->text->len > WORDS_MAX) {
            g_string_erase(running->text, 0, (gssize)(running->text->len - WORDS_MAX));
        }
    }
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        close_fd(&running->words);
    }
}

/* Until the process has ended (true) or its time is over. */
static bool
attend(Running *running, const char *input)
{
    for (;;) {
        struct pollfd polled[] = {
            {.fd = running->pidfd, .events = POLLIN},
            {.fd = running->input, .events = POLLOUT},
            {.fd = running->words, .events = POLLIN},
        };
        int64_t left_us = running->deadline_us - g_get_monotonic_time();
        if (left_us <= 0) {
            return false;
        }
        poll(polled, G_N_ELEMENTS(polled), (int)(left_us / 1000) + 1);
        if (polled[1].revents != 0) {
            feed(running, &input);
        }
        if (polled[2].revents != 0) {
            listen_to(running);
        }
        if (polled[0].revents != 0) {
            return true;
        }
    }
}

static char *
last_line(const GString *text)
{
    g_autofree char *valid = g_utf8_make_valid(text->str, (gssize)text->len);
    g_strchomp(valid);
    const char *newline = strrchr(valid, '\n');
    const char *line = newline != NULL ? newline + 1 : valid;
    return g_strdelimit(g_utf8_substring(line, 0, MIN(g_utf8_strlen(line, -1), LINE_MAX_LENGTH)),
        "\r\t\033", ' ');
}

/* Its group may hold children that outlive it. */
static int
reap(const Running *running)
{
    int status = 0;
    kill(-running->pid, SIGKILL);
    while (waitpid(running->pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool
child_run(const char *path, const char *input, int timeout_ms, Child *ret_child, GError **error)
{
    g_auto(Running) running = {.pidfd = -1, .input = -1, .words = -1};
    running.deadline_us = g_get_monotonic_time() + (int64_t)timeout_ms * 1000;
    running.text = g_string_new(NULL);
    if (!start(&running, path, error)) {
        return false;
    }
    if (!attend(&running, input)) {
        reap(&running);
        return error_set(
            error, ERROR_TIMEOUT, "it did not end within %d s and was killed", timeout_ms / 1000);
    }
    if (running.words >= 0) {
        listen_to(&running);
    }
    *ret_child = (Child){.code = reap(&running), .last_words = last_line(running.text)};
    return true;
}
