/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/event_loop.h"

#include "hypervisor/libvirt/timer_heap.h"
#include "hypervisor/libvirt/handles.h"
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_PER_TURN 256
/* What epoll gives back for wake_fd: no serial is 0. */
#define WAKE_EVENT HANDLES_KEY(0, 0)

typedef struct Garbage {
    virFreeCallback free_data;
    void *data;
} Garbage;

struct EventLoop {
    GThread *thread;
    int epoll_fd;
    int wake_fd;
    GMutex lock; /* everything below; never held in a callback */
    bool stopping;
    Handles handles;
    int next_timer;
    GHashTable *timers;      /* id -> Timer */
    GPtrArray *heap;         /* of Timer, those that are switched on */
    GArray *changed;         /* int: descriptors of which epoll is told at the end of the turn */
    GArray *garbage;         /* of Garbage: libvirt wants free functions called later */
    int64_t sleeps_until_us; /* of the wait that goes on; 0 = awake */
    int64_t used_us;         /* when another thread last used a connection */
    bool is_resting;
    EventLoopRest rest;
};

EventLoop *
event_loop_new(const EventLoopRest *rest)
{
    EventLoop *loop = g_new0(EventLoop, 1);

    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll_fd < 0 || loop->wake_fd < 0) {
        g_error("cannot make an event loop: %s", g_strerror(errno));
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = WAKE_EVENT};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &event) < 0) {
        g_error("cannot make an event loop: %s", g_strerror(errno));
    }
    g_mutex_init(&loop->lock);
    handles_init(&loop->handles, loop->epoll_fd);
    loop->next_timer = 1;
    loop->timers = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    loop->heap = g_ptr_array_new();
    loop->changed = g_array_new(FALSE, FALSE, sizeof(int));
    loop->garbage = g_array_new(FALSE, FALSE, sizeof(Garbage));
    loop->rest = rest != NULL ? *rest : (EventLoopRest){0};
    return loop;
}

static void
loop_wake(EventLoop *loop)
{
    uint64_t one = 1;

    /* It fails only when the counter is full, and then the loop is awake. */
    ssize_t ignored = write(loop->wake_fd, &one, sizeof(one));
    (void)ignored;
}

static void
loop_discard(EventLoop *loop, virFreeCallback free_data, void *data)
{
    Garbage garbage = {free_data, data};

    if (free_data != NULL) {
        g_array_append_val(loop->garbage, garbage);
        loop_wake(loop);
    }
}

/* A call to a host switches its connection's handle off and on, on the thread of the caller. */
static void
loop_used(EventLoop *loop)
{
    if (g_thread_self() != loop->thread) {
        loop->used_us = g_get_monotonic_time();
        if (loop->is_resting) {
            loop_wake(loop);
        }
    }
}

/* An answer to a keep-alive asks for "writable", writes, and asks for "readable" again, all on our
 * own thread within a moment. So there epoll is told at the end of the turn, when nothing has
 * changed any more in most cases: with 1,000 connections that is half the work. */
static void
descriptor_changed(EventLoop *loop, Descriptor *descriptor)
{
    bool is_late = g_thread_self() == loop->thread && descriptor->mask != 0 &&
        handles_wants(descriptor) != 0;

    if (is_late) {
        g_array_append_val(loop->changed, descriptor->fd);
    } else {
        handles_apply(&loop->handles, descriptor);
    }
}

int
event_loop_add_handle(EventLoop *loop, int fd, int events, virEventHandleCallback callback,
    void *data, virFreeCallback free_data)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&loop->lock);
    Handle handle = {0, fd, events, callback, data, free_data};

    loop_used(loop);
    return handles_add(&loop->handles, &handle);
}

void
event_loop_update_handle(EventLoop *loop, int watch, int events)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&loop->lock);
    Handle *handle = handles_find(&loop->handles, watch);

    loop_used(loop);
    if (handle != NULL && handle->events != events) {
        handle->events = events;
        descriptor_changed(loop, handles_descriptor(&loop->handles, handle->fd));
    }
}

int
event_loop_remove_handle(EventLoop *loop, int watch)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&loop->lock);
    Handle removed;

    if (!handles_remove(&loop->handles, watch, &removed)) {
        return -1;
    }
    loop_discard(loop, removed.free_data, removed.data);
    return 0;
}

/* Puts a timer where its interval says, counted from now. */
static void
timer_schedule(EventLoop *loop, Timer *timer, int interval_ms)
{
    timer_heap_remove(loop->heap, timer);
    timer->interval_ms = interval_ms;
    if (interval_ms < 0) {
        return;
    }
    timer->due_us = g_get_monotonic_time() + (int64_t)interval_ms * 1000;
    timer_heap_insert(loop->heap, timer);
    if (timer->due_us < loop->sleeps_until_us) {
        loop_wake(loop);
    }
}

int
event_loop_add_timer(EventLoop *loop, int interval_ms, virEventTimeoutCallback callback, void *data,
    virFreeCallback free_data)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&loop->lock);
    Timer *timer = g_new0(Timer, 1);

    timer->id = loop->next_timer++;
    timer->callback = callback;
    timer->data = data;
    timer->free_data = free_data;
    g_hash_table_insert(loop->timers, GINT_TO_POINTER(timer->id), timer);
    timer_schedule(loop, timer, interval_ms);
    return timer->id;
}

void
event_loop_update_timer(EventLoop *loop, int id, int interval_ms)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&loop->lock);
    Timer *timer = g_hash_table_lookup(loop->timers, GINT_TO_POINTER(id));

    if (timer != NULL) {
        timer_schedule(loop, timer, interval_ms);
    }
}

int
event_loop_remove_timer(EventLoop *loop, int id)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&loop->lock);
    Timer *timer = g_hash_table_lookup(loop->timers, GINT_TO_POINTER(id));

    if (timer == NULL) {
        return -1;
    }
    timer_heap_remove(loop->heap, timer);
    loop_discard(loop, timer->free_data, timer->data);
    g_hash_table_remove(loop->timers, GINT_TO_POINTER(id));
    return 0;
}

/* Calls one handle, if it is still there and still wants what came. An error or a hang-up goes to
 * every handle that is switched on, as poll(2) would have it. The data outlives the call: only
 * this thread runs free functions. */
static void
loop_call_handle(EventLoop *loop, int watch, int events)
{
    g_mutex_lock(&loop->lock);
    Handle *found = handles_find(&loop->handles, watch);
    Handle handle = found != NULL ? *found : (Handle){0};
    g_mutex_unlock(&loop->lock);
    int wanted = handle.events == 0
        ? 0
        : events & (handle.events | VIR_EVENT_HANDLE_ERROR | VIR_EVENT_HANDLE_HANGUP);
    if (wanted != 0) {
        handle.callback(watch, handle.fd, wanted, handle.data);
    }
}

static void
loop_call_descriptor(EventLoop *loop, uint64_t key, int events)
{
    int fd = HANDLES_KEY_FD(key);
    g_autoptr(GArray) watches = g_array_new(FALSE, FALSE, sizeof(int));

    g_mutex_lock(&loop->lock);
    Descriptor *descriptor = handles_descriptor(&loop->handles, fd);
    bool is_known = descriptor != NULL && HANDLES_KEY(descriptor->serial, fd) == key;
    for (unsigned int i = 0; is_known && i < descriptor->handles->len; i++) {
        Handle *handle = g_ptr_array_index(descriptor->handles, i);
        g_array_append_val(watches, handle->watch);
    }
    g_mutex_unlock(&loop->lock);
    for (unsigned int i = 0; i < watches->len; i++) {
        loop_call_handle(loop, g_array_index(watches, int, i), events);
    }
}

/* What wants to write most probably can: it is tried before epoll is asked. Who could not write all
 * still wants to, and epoll is told. */
static void
loop_apply_changes(EventLoop *loop)
{
    g_mutex_lock(&loop->lock);
    for (unsigned int i = 0; i < loop->changed->len; i++) {
        int fd = g_array_index(loop->changed, int, i);
        Descriptor *descriptor = handles_descriptor(&loop->handles, fd);
        if (descriptor != NULL && (handles_wants(descriptor) & ~descriptor->mask & EPOLLOUT)) {
            uint64_t key = HANDLES_KEY(descriptor->serial, fd);
            g_mutex_unlock(&loop->lock);
            loop_call_descriptor(loop, key, VIR_EVENT_HANDLE_WRITABLE);
            g_mutex_lock(&loop->lock);
            descriptor = handles_descriptor(&loop->handles, fd);
        }
        if (descriptor != NULL) {
            handles_apply(&loop->handles, descriptor);
        }
    }
    g_array_set_size(loop->changed, 0);
    g_mutex_unlock(&loop->lock);
}

/* A timer that is always due (interval 0) runs once per turn: only what was due when the turn
 * began is called. */
static void
loop_call_timers(EventLoop *loop)
{
    int64_t now_us = g_get_monotonic_time();
    Timer *first;

    g_mutex_lock(&loop->lock);
    while ((first = timer_heap_first(loop->heap)) != NULL && first->due_us <= now_us) {
        Timer timer = *first;
        timer_heap_remove(loop->heap, first);
        first->due_us = MAX(now_us + (int64_t)timer.interval_ms * 1000, now_us + 1);
        timer_heap_insert(loop->heap, first);
        g_mutex_unlock(&loop->lock);
        timer.callback(timer.id, timer.data);
        g_mutex_lock(&loop->lock);
    }
    g_mutex_unlock(&loop->lock);
}

static void
loop_collect_garbage(EventLoop *loop)
{
    g_mutex_lock(&loop->lock);
    while (loop->garbage->len > 0) {
        g_autoptr(GArray) garbage = loop->garbage;
        loop->garbage = g_array_new(FALSE, FALSE, sizeof(Garbage));
        g_mutex_unlock(&loop->lock);
        for (unsigned int i = 0; i < garbage->len; i++) {
            Garbage *item = &g_array_index(garbage, Garbage, i);
            item->free_data(item->data);
        }
        g_mutex_lock(&loop->lock);
    }
    g_mutex_unlock(&loop->lock);
}

/* How long to wait, in milliseconds rounded up; remembered, so that an earlier timer wakes us. */
static int
loop_fall_asleep(EventLoop *loop)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&loop->lock);
    Timer *first = timer_heap_first(loop->heap);

    if (first == NULL) {
        loop->sleeps_until_us = G_MAXINT64;
        return -1;
    }
    loop->sleeps_until_us = first->due_us;
    int64_t wait_us = MAX(first->due_us - g_get_monotonic_time(), 0);
    return (int)MIN((wait_us + 999) / 1000, G_MAXINT);
}

/* 0 = no rest. */
static int
loop_begin_rest(EventLoop *loop)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&loop->lock);
    const EventLoopRest *rest = &loop->rest;
    int64_t now_us = g_get_monotonic_time();
    int64_t connections = loop->handles.n_descriptors;
    int64_t rest_us = MIN(connections * rest->per_connection_us, rest->max_us);
    Timer *first = timer_heap_first(loop->heap);

    if (loop->stopping || now_us - loop->used_us < rest->after_us) {
        return 0;
    }
    if (first != NULL) {
        rest_us = MIN(rest_us, first->due_us - now_us);
    }
    loop->is_resting = rest_us >= 1000;
    loop->sleeps_until_us = loop->is_resting ? now_us + rest_us : 0;
    return loop->is_resting ? (int)(rest_us / 1000) : 0;
}

/* Until its time is over, or somebody uses a connection or sets an earlier timer. */
static void
loop_rest(EventLoop *loop)
{
    struct pollfd wake = {.fd = loop->wake_fd, .events = POLLIN};
    int wait_ms = loop_begin_rest(loop);

    if (wait_ms > 0) {
        poll(&wake, 1, wait_ms);
        g_mutex_lock(&loop->lock);
        loop->is_resting = false;
        g_mutex_unlock(&loop->lock);
    }
}

bool
event_loop_is_resting(EventLoop *loop)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&loop->lock);

    return loop->is_resting;
}

static bool
loop_wake_up(EventLoop *loop)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&loop->lock);

    loop->sleeps_until_us = 0;
    return !loop->stopping;
}

static void
loop_turn(EventLoop *loop, const struct epoll_event *events, int n_events)
{
    for (int i = 0; i < n_events; i++) {
        if (events[i].data.u64 == WAKE_EVENT) {
            uint64_t count;
            ssize_t ignored = read(loop->wake_fd, &count, sizeof(count));
            (void)ignored;
        } else {
            loop_call_descriptor(loop, events[i].data.u64, handles_events(events[i].events));
        }
    }
    loop_call_timers(loop);
    loop_apply_changes(loop);
    loop_collect_garbage(loop);
}

static void *
loop_run(void *data)
{
    EventLoop *loop = data;
    g_autofree struct epoll_event *events = g_new0(struct epoll_event, EVENTS_PER_TURN);
    bool goes_on = true;
    int n = 0;

    while (goes_on) {
        /* More than one turn can take shall not pile up. */
        if (n < EVENTS_PER_TURN) {
            loop_rest(loop);
        }
        n = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, loop_fall_asleep(loop));
        if (n < 0 && errno != EINTR) {
            g_error("cannot wait for events: %s", g_strerror(errno));
        }
        goes_on = loop_wake_up(loop);
        loop_turn(loop, events, n);
    }
    return NULL;
}

void
event_loop_start(EventLoop *loop)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&loop->lock);

    loop->thread = g_thread_new("libvirt-events", loop_run, loop);
}

static void
loop_discard_all(EventLoop *loop)
{
    GHashTableIter iter;
    void *value;

    g_mutex_lock(&loop->lock);
    g_hash_table_iter_init(&iter, loop->handles.by_watch);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Handle *handle = value;
        loop_discard(loop, handle->free_data, handle->data);
    }
    g_hash_table_iter_init(&iter, loop->timers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Timer *timer = value;
        loop_discard(loop, timer->free_data, timer->data);
    }
    g_mutex_unlock(&loop->lock);
    loop_collect_garbage(loop);
}

void
event_loop_free(EventLoop *loop)
{
    if (loop == NULL) {
        return;
    }
    if (loop->thread != NULL) {
        g_mutex_lock(&loop->lock);
        loop->stopping = true;
        loop_wake(loop);
        g_mutex_unlock(&loop->lock);
        g_thread_join(loop->thread);
    }
    loop_discard_all(loop);
    handles_clear(&loop->handles);
    g_hash_table_unref(loop->timers);
    g_ptr_array_unref(loop->heap);
    g_array_unref(loop->changed);
    g_array_unref(loop->garbage);
    close(loop->epoll_fd);
    close(loop->wake_fd);
    g_mutex_clear(&loop->lock);
    g_free(loop);
}
