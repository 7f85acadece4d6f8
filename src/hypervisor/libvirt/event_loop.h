/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* An event loop for libvirt: epoll and a heap of timers, on a thread of its own. libvirt's default
 * loop polls every descriptor on every turn and costs a fifth of a core with 1,000 idle
 * connections. All functions may be called from any thread and from within callbacks; callbacks
 * and free functions run on the loop's thread, with no lock held. Who begins to want "writable" on
 * the loop's thread is called once at the end of the turn without asking the kernel: descriptors
 * must be non-blocking. */
#include <glib.h>
#include <libvirt/libvirt.h>
#include <stdbool.h>

typedef struct EventLoop EventLoop;

/* Hosts ask their idle connections for a sign of life all the time: 1,000 of them, 200 times a
 * second. A loop that nobody uses takes such messages together, which costs half of waking for
 * each: it rests between two turns. News of an idle host are so late by max_us at most. */
typedef struct EventLoopRest {
    int64_t after_us;          /* since another thread last used a connection */
    int64_t per_connection_us; /* how long each rest is: this much for each descriptor, ... */
    int64_t max_us;            /* ... but not more than this */
} EventLoopRest;

/* rest: copied; NULL = never. */
EventLoop *event_loop_new(const EventLoopRest *rest);
/* Starts the thread. */
void event_loop_start(EventLoop *loop);
/* Stops the thread, calls the free functions of what is left, and frees. Not from a callback. */
void event_loop_free(EventLoop *loop);
/* Starts the process's loop and makes it libvirt's, once. What is sent to a host and not
 * acknowledged for silence_ms ends its connection; 0 = when the kernel gives it up, after a quarter
 * of an hour. */
void event_loop_register(int silence_ms);

bool event_loop_is_resting(EventLoop *loop);

/* The contracts of virEventAddHandleFunc and its five siblings. */
int event_loop_add_handle(EventLoop *loop, int fd, int events, virEventHandleCallback callback,
    void *data, virFreeCallback free_data);
void event_loop_update_handle(EventLoop *loop, int watch, int events);
int event_loop_remove_handle(EventLoop *loop, int watch);
int event_loop_add_timer(EventLoop *loop, int interval_ms, virEventTimeoutCallback callback,
    void *data, virFreeCallback free_data);
void event_loop_update_timer(EventLoop *loop, int timer, int interval_ms);
int event_loop_remove_timer(EventLoop *loop, int timer);
