/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The process's one event loop, in the shape that virEventRegisterImpl wants. */
#include "hypervisor/libvirt/event_loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* A fleet of 1,000 hosts rests for as long as nobody notices; one of less than five, never. */
static const EventLoopRest process_rest = {
    .after_us = 5 * G_USEC_PER_SEC,
    .per_connection_us = 200,
    .max_us = 200 * 1000,
};

static EventLoop *process_loop;
static int process_silence_ms;

/* When a connection's keep-alive has failed, libvirt ends the call that waits on the socket, and
 * the next one takes its place, where it sleeps until the socket says something (its
 * virNetClientIOEventLoop computes a timeout of 0 and does not use it). Of a dead host the socket
 * never says anything, so neither the call nor the connection would end: the kernel ends it. What
 * is not TCP stays as it is. */
static void
bound_silence(int fd)
{
    setsockopt(
        fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &process_silence_ms, sizeof process_silence_ms);
}

static int
add_handle(
    int fd, int events, virEventHandleCallback callback, void *data, virFreeCallback free_data)
{
    bound_silence(fd);
    return event_loop_add_handle(process_loop, fd, events, callback, data, free_data);
}

static void
update_handle(int watch, int events)
{
    event_loop_update_handle(process_loop, watch, events);
}

static int
remove_handle(int watch)
{
    return event_loop_remove_handle(process_loop, watch);
}

static int
add_timer(int interval_ms, virEventTimeoutCallback callback, void *data, virFreeCallback free_data)
{
    return event_loop_add_timer(process_loop, interval_ms, callback, data, free_data);
}

static void
update_timer(int timer, int interval_ms)
{
    event_loop_update_timer(process_loop, timer, interval_ms);
}

static int
remove_timer(int timer)
{
    return event_loop_remove_timer(process_loop, timer);
}

void
event_loop_register(int silence_ms)
{
    static gsize once;

    if (g_once_init_enter(&once)) {
        process_silence_ms = silence_ms;
        process_loop = event_loop_new(&process_rest);
        virEventRegisterImpl(
            add_handle, update_handle, remove_handle, add_timer, update_timer, remove_timer);
        event_loop_start(process_loop);
        g_once_init_leave(&once, 1);
    }
}
