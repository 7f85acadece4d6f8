/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/event_loop.h"

#include "hypervisor/libvirt/timer_heap.h"
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_PER_TURN 256
/* What epoll gives back: serial and number of a descriptor; serials begin at 1. */
#define EVENT_KEY(serial, fd) ((uint64_t)(serial) << 32 | (uint32_t)(fd))
#define WAKE_EVENT EVENT_KEY(0, 0)

/* One registration. libvirt may register a descriptor several times, for different events. */
typedef struct Handle {
    int watch;
    int fd;
    int events; /* of virEventHandleType; 0 = switched off */
    virEventHandleCallback callback;
    void *data;
    virFreeCallback free_data;
} Handle;

/* What epoll knows of a descriptor: the sum of its handles. */
typedef struct Descriptor {
    int fd;
    uint32_t serial;    /* tells an event of an earlier descriptor of the same number apart */
    uint32_t mask;      /* as given to epoll; 0 = not in the set, else EPOLLHUP would spin */
    GPtrArray *handles; /* of Handle */
} Descriptor;

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
    int next_id;             /* of watches and timers */
    uint32_t next_serial;    /* of descriptors */
    GHashTable *handles;     /* watch -> Handle */
    GHashTable *descriptors; /* fd -> Descriptor */
    GHashTable *timers;      /* id -> Timer */
    GPtrArray *heap;         /* of Timer, those that are switched on */
    GArray *changed;         /* int: descriptors of which epoll is told at the end of the turn */
    GArray *garbage;         /* of Garbage: libvirt wants free functions called later */
    int64_t sleeps_until_us; /* of the wait that goes on; 0 = awake */
};

static void
descriptor_free(void *data)
{
    Descriptor *descriptor = data;

    g_ptr_array_unref(descriptor->handles);
    g_free(descriptor);
}

EventLoop *
event_loop_new(void)
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
    loop->next_id = 1;
    loop->next_serial = 1;
    loop->handles = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    loop->descriptors = g_hash_table_new_full(NULL, NULL, NULL, descriptor_free);
    loop->timers = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    loop->heap = g_ptr_array_new();
    loop->changed = g_array_new(FALSE, FALSE, sizeof(int));
    loop->garbage = g_array_new(FALSE, FALSE, sizeof(Garbage));
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

static uint32_t
events_to_epoll(int events)
{
    return ((events & VIR_EVENT_HANDLE_READABLE) ? EPOLLIN : 0U) |
        ((events & VIR_EVENT_HANDLE_WRITABLE) ? EPOLLOUT : 0U) |
        ((events & VIR_EVENT_HANDLE_ERROR) ? EPOLLERR : 0U) |
        ((events & VIR_EVENT_HANDLE_HANGUP) ? EPOLLHUP : 0U);
}

static int
events_from_epoll(uint32_t mask)
{
    return ((mask & EPOLLIN) ? VIR_EVENT_HANDLE_READABLE : 0) |
        ((mask & EPOLLOUT) ? VIR_EVENT_HANDLE_WRITABLE : 0) |
        ((mask & EPOLLERR) ? VIR_EVENT_HANDLE_ERROR : 0) |
        ((mask & EPOLLHUP) ? VIR_EVENT_HANDLE_HANGUP : 0);
}

/* What the descriptor's handles want together. */
static uint32_t
descriptor_wants(const Descriptor *descriptor)
{
    uint32_t mask = 0;

    for (unsigned int i = 0; i < descriptor->handles->len; i++) {
        Handle *handle = g_ptr_array_index(descriptor->handles, i);
        mask |= events_to_epoll(handle->events);
    }
    return mask;
}

/* Tells epoll. */
static bool
descriptor_apply(EventLoop *loop, Descriptor *descriptor)
{
    uint32_t mask = descriptor_wants(descriptor);

    if (mask == descriptor->mask) {
        return true;
    }
    int operation = descriptor->mask == 0 ? EPOLL_CTL_ADD
        : mask == 0                       ? EPOLL_CTL_DEL
                                          : EPOLL_CTL_MOD;
    struct epoll_event event = {
        .events = mask, .data.u64 = EVENT_KEY(descriptor->serial, descriptor->fd)};
    descriptor->mask = mask;
    return epoll_ctl(loop->epoll_fd, operation, descriptor->fd, &event) == 0;
}

/* An answer to a keep-alive asks for "writable", writes, and asks for "readable" again, all on our
 * own thread within a moment. So there epoll is told at the end of the turn, when nothing has
 * changed any more in most cases: with 1,000 connections that is half the work. */
static void
descriptor_changed(EventLoop *loop, Descriptor *descriptor)
{
    bool is_late = g_thread_self() == loop->thread && descriptor->mask != 0 &&
        descriptor_wants(descriptor) != 0;

    if (is_late) {
        g_array_append_val(loop->changed, descriptor->fd);
    } else {
        descriptor_apply(loop, descriptor);
    }
}

int
event_loop_add_handle(EventLoop *loop, int fd, int events, virEventHandleCallback callback,
    void *data, virFreeCallback free_data)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&loop->lock);
    Descriptor *descriptor = g_hash_table_lookup(loop->descriptors, GINT_TO_POINTER(fd));
    Handle *handle = g_new0(Handle, 1);

    if (descriptor == NULL) {
        descriptor = g_new0(Descriptor, 1);
        descriptor->fd = fd;
        descriptor->serial = loop->next_serial++;
        descriptor->handles = g_ptr_array_new();
        g_hash_table_insert(loop->descriptors, GINT_TO_POINTER(fd), descriptor);
    }
    *handle = (Handle){loop->next_id++, fd, events, callback, data, free_data};
    g_hash_table_insert(loop->handles, GINT_TO_POINTER(handle->watch), handle);
    g_ptr_array_add(descriptor->handles, handle);
    if (descriptor_apply(loop, descriptor)) {
        return handle->watch;
    }
    /* A descriptor that epoll does not take, such as a plain file. */
    g_ptr_array_remove(descriptor->handles, handle);
    g_hash_table_remove(loop->handles, GINT_TO_POINTER(handle->watch));
    if (descriptor->handles->len == 0) {
        g_hash_table_remove(loop->descriptors, GINT_TO_POINTER(fd));
    }
    return -1;
}

void
event_loop_update_handle(EventLoop *loop, int watch, int events)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&loop->lock);
    Handle *handle = g_hash_table_lookup(loop->handles, GINT_TO_POINTER(watch));

    if (handle != NULL && handle->events != events) {
        handle->events = events;
        descriptor_changed(
            loop, g_hash_table_lookup(loop->descriptors, GINT_TO_POINTER(handle->fd)));
    }
}

int
event_loop_remove_handle(EventLoop *loop, int watch)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&loop->lock);
    Handle *handle = g_hash_table_lookup(loop->handles, GINT_TO_POINTER(watch));

    if (handle == NULL) {
        return -1;
    }
    Descriptor *descriptor = g_hash_table_lookup(loop->descriptors, GINT_TO_POINTER(handle->fd));
    g_ptr_array_remove(descriptor->handles, handle);
    descriptor_apply(loop, descriptor);
    if (descriptor->handles->len == 0) {
        g_hash_table_remove(loop->descriptors, GINT_TO_POINTER(handle->fd));
    }
    loop_discard(loop, handle->free_data, handle->data);
    g_hash_table_remove(loop->handles, GINT_TO_POINTER(watch));
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

    timer->id = loop->next_id++;
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
    Handle *found = g_hash_table_lookup(loop->handles, GINT_TO_POINTER(watch));
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
    int fd = (int)(key & UINT32_MAX);
    g_autoptr(GArray) watches = g_array_new(FALSE, FALSE, sizeof(int));

    g_mutex_lock(&loop->lock);
    Descriptor *descriptor = g_hash_table_lookup(loop->descriptors, GINT_TO_POINTER(fd));
    bool is_known = descriptor != NULL && EVENT_KEY(descriptor->serial, fd) == key;
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
        Descriptor *descriptor = g_hash_table_lookup(loop->descriptors, GINT_TO_POINTER(fd));
        if (descriptor != NULL && (descriptor_wants(descriptor) & ~descriptor->mask & EPOLLOUT)) {
            uint64_t key = EVENT_KEY(descriptor->serial, fd);
            g_mutex_unlock(&loop->lock);
            loop_call_descriptor(loop, key, VIR_EVENT_HANDLE_WRITABLE);
            g_mutex_lock(&loop->lock);
            descriptor = g_hash_table_lookup(loop->descriptors, GINT_TO_POINTER(fd));
        }
        if (descriptor != NULL) {
            descriptor_apply(loop, descriptor);
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
            loop_call_descriptor(loop, events[i].data.u64, events_from_epoll(events[i].events));
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

    while (goes_on) {
        int n = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, loop_fall_asleep(loop));
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
    g_hash_table_iter_init(&iter, loop->handles);
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
    g_hash_table_unref(loop->handles);
    g_hash_table_unref(loop->descriptors);
    g_hash_table_unref(loop->timers);
    g_ptr_array_unref(loop->heap);
    g_array_unref(loop->changed);
    g_array_unref(loop->garbage);
    close(loop->epoll_fd);
    close(loop->wake_fd);
    g_mutex_clear(&loop->lock);
    g_free(loop);
}
