/* SPDX-License-Identifier: Apache-2.0
 * Copyright the drover authors.
 *
 * lab-heartbeat: listens for the heartbeats of the lab's guests, stamped by the kernel on arrival,
 * and tells what track.c makes of them. Asked over a Unix socket, or at its end.
 *
 *   lab-heartbeat listen [--port N] [--control SOCKET] [--duration SECONDS] [--output FILE]
 *   lab-heartbeat mark|report|stop SOCKET
 */
#include "track.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define RECEIVE_BUFFER_BYTES (4 << 20)

typedef struct Options {
    int port;
    const char *control;
    const char *output;
    double duration_s; /* 0: until a signal */
} Options;

/* Arrivals are stamped by the kernel with this clock. */
static uint64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int
fail(const char *what, const char *object)
{
    fprintf(stderr, "lab-heartbeat: %s '%s': %s\n", what, object, strerror(errno));
    return -1;
}

static int
open_packets(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1, bytes = RECEIVE_BUFFER_BYTES;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0) {
        return fail("cannot listen on port", "heartbeat");
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    return fd;
}

static bool
set_path(struct sockaddr_un *address, const char *path)
{
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(address->sun_path, path, strlen(path) + 1);
    return true;
}

static int
open_control(const char *path)
{
    struct sockaddr_un address = {0};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || !set_path(&address, path)) {
        return fail("cannot open", path);
    }
    unlink(path);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 8) != 0) {
        return fail("cannot listen on", path);
    }
    return fd;
}

static int
open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static uint64_t
arrival_ns(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec stamp;

            memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
            return (uint64_t)stamp.tv_sec * 1000000000u + (uint64_t)stamp.tv_nsec;
        }
    }
    return now_ns();
}

static void
take_packets(Track *track, int fd)
{
    for (;;) {
        char bytes[256], control[CMSG_SPACE(sizeof(struct timespec))];
        struct iovec data = {.iov_base = bytes, .iov_len = sizeof bytes};
        struct msghdr message = {.msg_iov = &data,
            .msg_iovlen = 1,
            .msg_control = control,
            .msg_controllen = sizeof control};
        ssize_t length = recvmsg(fd, &message, 0);

        if (length < 0) {
            return;
        }
        track_packet(track, bytes, (size_t)length, arrival_ns(&message));
    }
}

/* Answers one question; true if it was to stop. */
static bool
answer(Track *track, int control_fd)
{
    char question[16] = "";
    int fd = accept4(control_fd, NULL, NULL, SOCK_CLOEXEC);
    FILE *out;
    bool is_stop;

    if (fd < 0) {
        return false;
    }
    out = fdopen(fd, "r+");
    if (out == NULL || fgets(question, sizeof question, out) == NULL) {
        question[0] = '\0';
    }
    is_stop = strcmp(question, "stop\n") == 0;
    if (strcmp(question, "mark\n") == 0) {
        track_mark(track, now_ns());
    }
    if (out != NULL) {
        track_report(track, now_ns(), out);
        fclose(out);
    }
    return is_stop;
}

static void
write_result(const Track *track, const char *path)
{
    FILE *out = path != NULL ? fopen(path, "we") : stdout;

    if (out == NULL) {
        fail("cannot write", path);
        return;
    }
    track_report(track, now_ns(), out);
    if (out != stdout) {
        fclose(out);
    }
}

static int
listen_loop(Track *track, struct pollfd fds[3], double duration_s)
{
    uint64_t end_ns = duration_s > 0 ? now_ns() + (uint64_t)(duration_s * 1e9) : UINT64_MAX;

    for (;;) {
        uint64_t now = now_ns();

        if (now >= end_ns) {
            return 0;
        }
        if (poll(fds, 3, end_ns == UINT64_MAX ? -1 : (int)((end_ns - now) / 1000000u) + 1) < 0) {
            return 1;
        }
        if (fds[0].revents != 0) {
            take_packets(track, fds[0].fd);
        }
        if (fds[1].revents != 0) {
            return 0;
        }
        if (fds[2].revents != 0 && answer(track, fds[2].fd)) {
            return 0;
        }
    }
}

static int
listen_main(const Options *options)
{
    static Track track;
    struct pollfd fds[3] = {
        {.fd = -1, .events = POLLIN}, {.fd = -1, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
    int status;

    fds[0].fd = open_packets(options->port);
    fds[1].fd = open_signals();
    if (fds[0].fd < 0 || fds[1].fd < 0) {
        return 1;
    }
    if (options->control != NULL && (fds[2].fd = open_control(options->control)) < 0) {
        return 1;
    }
    track_init(&track, now_ns());
    status = listen_loop(&track, fds, options->duration_s);
    write_result(&track, options->output);
    if (options->control != NULL) {
        unlink(options->control);
    }
    return status;
}

static int
ask_main(const char *question, const char *path)
{
    struct sockaddr_un address = {0};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[4096];
    ssize_t length;

    if (fd < 0 || !set_path(&address, path) ||
        connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        dprintf(fd, "%s\n", question) < 0) {
        fail("cannot ask", path);
        return 1;
    }
    while ((length = read(fd, text, sizeof text)) > 0) {
        fwrite(text, 1, (size_t)length, stdout);
    }
    return 0;
}

static int
usage(void)
{
    fputs("usage: lab-heartbeat listen [--port N] [--control SOCKET] [--duration SECONDS]"
          " [--output FILE]\n       lab-heartbeat mark|report|stop SOCKET\n",
        stderr);
    return 2;
}

int
main(int argc, char **argv)
{
    static const struct option long_options[] = {{"port", required_argument, NULL, 'p'},
        {"control", required_argument, NULL, 'c'}, {"duration", required_argument, NULL, 'd'},
        {"output", required_argument, NULL, 'o'}, {0}};
    Options options = {.port = HEARTBEAT_PORT};
    int option;

    if (argc == 3 &&
        (strcmp(argv[1], "mark") == 0 || strcmp(argv[1], "report") == 0 ||
            strcmp(argv[1], "stop") == 0)) {
        return ask_main(argv[1], argv[2]);
    }
    if (argc < 2 || strcmp(argv[1], "listen") != 0) {
        return usage();
    }
    while ((option = getopt_long(argc - 1, argv + 1, "", long_options, NULL)) != -1) {
        switch (option) {
        case 'p': options.port = atoi(optarg); break;
        case 'c': options.control = optarg; break;
        case 'd': options.duration_s = atof(optarg); break;
        case 'o': options.output = optarg; break;
        default: return usage();
        }
    }
    return listen_main(&options);
}
