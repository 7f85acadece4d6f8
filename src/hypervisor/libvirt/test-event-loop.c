/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/event_loop.h"

#include "hypervisor/libvirt/timer_heap.h"
#include <sys/socket.h>
#include <unistd.h>

/* What callbacks of one test saw; counters are atomic. */
typedef struct Seen {
    EventLoop *loop;
    int calls;
    int freed;
    int last_events;
    int id; /* of the handle or timer */
    int in_callback;
    int freed_in_callback;
    bool drains;
} Seen;

static void
seen_wait(int *counter, int value)
{
    int64_t until = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;

    while (g_atomic_int_get(counter) < value) {
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        g_usleep(500);
    }
}

static void
on_handle(int watch, int fd, int events, void *data)
{
    Seen *seen = data;
    char byte;

    if (seen->drains) {
        g_assert_cmpint(read(fd, &byte, 1), ==, 1);
    }
    g_atomic_int_set(&seen->last_events, events);
    g_atomic_int_inc(&seen->calls);
}

static void
on_handle_remove_self(int watch, int fd, int events, void *data)
{
    Seen *seen = data;

    g_atomic_int_set(&seen->in_callback, 1);
    g_assert_cmpint(event_loop_remove_handle(seen->loop, watch), ==, 0);
    g_assert_cmpint(event_loop_remove_handle(seen->loop, watch), ==, -1);
    g_usleep(20 * 1000);
    g_atomic_int_set(&seen->in_callback, 0);
    g_atomic_int_inc(&seen->calls);
}

static void
on_timer(int timer, void *data)
{
    Seen *seen = data;

    g_atomic_int_inc(&seen->calls);
}

static void
on_free(void *data)
{
    Seen *seen = data;

    if (g_atomic_int_get(&seen->in_callback) != 0) {
        g_atomic_int_inc(&seen->freed_in_callback);
    }
    g_atomic_int_inc(&seen->freed);
}

static EventLoop *
started_loop(void)
{
    EventLoop *loop = event_loop_new(NULL);

    event_loop_start(loop);
    return loop;
}

static void
test_a_readable_descriptor_calls_back(void)
{
    EventLoop *loop = started_loop();
    Seen seen = {.drains = true};
    int ends[2];

    g_assert_cmpint(pipe(ends), ==, 0);
    int watch =
        event_loop_add_handle(loop, ends[0], VIR_EVENT_HANDLE_READABLE, on_handle, &seen, on_free);
    g_assert_cmpint(write(ends[1], "ab", 2), ==, 2);
    seen_wait(&seen.calls, 2);
    g_assert_cmpint(seen.last_events, ==, VIR_EVENT_HANDLE_READABLE);
    event_loop_update_handle(loop, watch, 0);
    g_assert_cmpint(write(ends[1], "c", 1), ==, 1);
    g_usleep(30 * 1000);
    g_assert_cmpint(g_atomic_int_get(&seen.calls), ==, 2);
    event_loop_update_handle(loop, watch, VIR_EVENT_HANDLE_READABLE);
    seen_wait(&seen.calls, 3);
    g_assert_cmpint(event_loop_remove_handle(loop, watch), ==, 0);
    seen_wait(&seen.freed, 1);
    event_loop_free(loop);
    g_assert_cmpint(seen.freed, ==, 1);
    close(ends[0]);
    close(ends[1]);
}

static void
test_a_handle_that_is_off_does_not_spin_on_hangup(void)
{
    EventLoop *loop = started_loop();
    Seen seen = {0};
    int ends[2];

    g_assert_cmpint(pipe(ends), ==, 0);
    int watch = event_loop_add_handle(loop, ends[0], 0, on_handle, &seen, on_free);
    close(ends[1]);
    g_usleep(30 * 1000);
    g_assert_cmpint(g_atomic_int_get(&seen.calls), ==, 0);
    event_loop_update_handle(loop, watch, VIR_EVENT_HANDLE_READABLE);
    seen_wait(&seen.calls, 1);
    g_assert_cmpint(g_atomic_int_get(&seen.last_events) & VIR_EVENT_HANDLE_HANGUP, !=, 0);
    event_loop_free(loop);
    g_assert_cmpint(seen.freed, ==, 1);
    close(ends[0]);
}

static void
test_a_descriptor_can_be_watched_twice(void)
{
    EventLoop *loop = started_loop();
    Seen reader = {.drains = true};
    Seen writer = {0};
    int ends[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), ==, 0);
    event_loop_add_handle(loop, ends[0], VIR_EVENT_HANDLE_READABLE, on_handle, &reader, on_free);
    int watch = event_loop_add_handle(
        loop, ends[0], VIR_EVENT_HANDLE_WRITABLE, on_handle, &writer, on_free);
    seen_wait(&writer.calls, 1);
    g_assert_cmpint(event_loop_remove_handle(loop, watch), ==, 0);
    seen_wait(&writer.freed, 1);
    g_assert_cmpint(g_atomic_int_get(&reader.calls), ==, 0);
    g_assert_cmpint(write(ends[1], "a", 1), ==, 1);
    seen_wait(&reader.calls, 1);
    event_loop_free(loop);
    close(ends[0]);
    close(ends[1]);
}

/* As libvirt answers a keep-alive: read, want to write, write what fits, want to read again. */
static void
on_handle_answer(int watch, int fd, int events, void *data)
{
    Seen *seen = data;
    int wanted = VIR_EVENT_HANDLE_READABLE;
    char block[4096] = {0};

    if ((events & VIR_EVENT_HANDLE_READABLE) && read(fd, block, sizeof block) > 0) {
        wanted |= VIR_EVENT_HANDLE_WRITABLE;
    }
    if (events & VIR_EVENT_HANDLE_WRITABLE) {
        bool is_written = send(fd, block, sizeof block, MSG_DONTWAIT) > 0;
        wanted |= is_written ? 0 : VIR_EVENT_HANDLE_WRITABLE;
        g_atomic_int_add(&seen->calls, is_written);
    }
    event_loop_update_handle(seen->loop, watch, wanted);
}

static void
test_an_answer_is_written_once_there_is_room(void)
{
    EventLoop *loop = started_loop();
    Seen seen = {.loop = loop};
    char block[4096] = {0};
    int ends[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), ==, 0);
    event_loop_add_handle(
        loop, ends[0], VIR_EVENT_HANDLE_READABLE, on_handle_answer, &seen, on_free);
    g_assert_cmpint(write(ends[1], "a", 1), ==, 1);
    seen_wait(&seen.calls, 1);
    while (send(ends[0], block, sizeof block, MSG_DONTWAIT) > 0) {
    }
    g_assert_cmpint(write(ends[1], "a", 1), ==, 1);
    g_usleep(30 * 1000);
    g_assert_cmpint(g_atomic_int_get(&seen.calls), ==, 1);
    while (recv(ends[1], block, sizeof block, MSG_DONTWAIT) > 0) {
    }
    seen_wait(&seen.calls, 2);
    event_loop_free(loop);
    close(ends[0]);
    close(ends[1]);
}

static void
test_data_is_freed_after_the_callback(void)
{
    EventLoop *loop = started_loop();
    Seen seen = {.loop = loop};
    int ends[2];

    g_assert_cmpint(pipe(ends), ==, 0);
    g_assert_cmpint(write(ends[1], "a", 1), ==, 1);
    event_loop_add_handle(
        loop, ends[0], VIR_EVENT_HANDLE_READABLE, on_handle_remove_self, &seen, on_free);
    seen_wait(&seen.freed, 1);
    g_assert_cmpint(seen.calls, ==, 1);
    g_assert_cmpint(seen.freed_in_callback, ==, 0);
    event_loop_free(loop);
    g_assert_cmpint(seen.freed, ==, 1);
    close(ends[0]);
    close(ends[1]);
}

static void
test_removal_by_another_thread_waits_for_the_callback(void)
{
    EventLoop *loop = started_loop();
    Seen seen = {0};
    int ends[2];

    g_assert_cmpint(pipe(ends), ==, 0);
    g_assert_cmpint(write(ends[1], "a", 1), ==, 1);
    /* The callback does not read, so it is called again and again while we remove it. */
    int watch =
        event_loop_add_handle(loop, ends[0], VIR_EVENT_HANDLE_READABLE, on_handle, &seen, on_free);
    seen_wait(&seen.calls, 10);
    g_assert_cmpint(event_loop_remove_handle(loop, watch), ==, 0);
    seen_wait(&seen.freed, 1);
    int calls = g_atomic_int_get(&seen.calls);
    g_usleep(20 * 1000);
    g_assert_cmpint(g_atomic_int_get(&seen.calls), ==, calls);
    event_loop_free(loop);
    close(ends[0]);
    close(ends[1]);
}

static void
test_an_earlier_timer_wakes_a_sleeping_loop(void)
{
    EventLoop *loop = started_loop();
    Seen late = {0};
    Seen early = {0};

    event_loop_add_timer(loop, 3600 * 1000, on_timer, &late, on_free);
    g_usleep(20 * 1000);
    int64_t start_us = g_get_monotonic_time();
    int timer = event_loop_add_timer(loop, -1, on_timer, &early, on_free);
    event_loop_update_timer(loop, timer, 20);
    seen_wait(&early.calls, 3);
    int64_t taken_us = g_get_monotonic_time() - start_us;
    g_assert_cmpint(taken_us, >=, 60 * 1000);
    g_assert_cmpint(event_loop_remove_timer(loop, timer), ==, 0);
    g_assert_cmpint(event_loop_remove_timer(loop, timer), ==, -1);
    seen_wait(&early.freed, 1);
    g_assert_cmpint(g_atomic_int_get(&late.calls), ==, 0);
    event_loop_free(loop);
    g_assert_cmpint(late.freed, ==, 1);
}

static void
test_a_timer_without_interval_lets_descriptors_through(void)
{
    EventLoop *loop = started_loop();
    Seen timer = {0};
    Seen handle = {.drains = true};
    int ends[2];

    g_assert_cmpint(pipe(ends), ==, 0);
    int id = event_loop_add_timer(loop, 0, on_timer, &timer, on_free);
    event_loop_add_handle(loop, ends[0], VIR_EVENT_HANDLE_READABLE, on_handle, &handle, on_free);
    seen_wait(&timer.calls, 5);
    g_assert_cmpint(write(ends[1], "a", 1), ==, 1);
    seen_wait(&handle.calls, 1);
    event_loop_update_timer(loop, id, -1);
    g_usleep(20 * 1000);
    int calls = g_atomic_int_get(&timer.calls);
    g_usleep(20 * 1000);
    g_assert_cmpint(g_atomic_int_get(&timer.calls), ==, calls);
    event_loop_free(loop);
    close(ends[0]);
    close(ends[1]);
}

static const EventLoopRest long_rest = {0, INT64_C(3600000000), INT64_C(3600000000)};

static void
wait_for_rest(EventLoop *loop)
{
    int64_t until = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;

    while (!event_loop_is_resting(loop)) {
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        g_usleep(500);
    }
}

static void
test_an_unused_loop_rests_until_it_is_used(void)
{
    EventLoop *loop = event_loop_new(&long_rest);
    Seen seen = {.drains = true};
    int ends[2];

    g_assert_cmpint(pipe(ends), ==, 0);
    int watch =
        event_loop_add_handle(loop, ends[0], VIR_EVENT_HANDLE_READABLE, on_handle, &seen, on_free);
    event_loop_start(loop);
    for (int round = 1; round <= 3; round++) {
        wait_for_rest(loop);
        g_assert_cmpint(write(ends[1], "a", 1), ==, 1);
        g_usleep(20 * 1000);
        g_assert_cmpint(g_atomic_int_get(&seen.calls), ==, round - 1);
        event_loop_update_handle(loop, watch, VIR_EVENT_HANDLE_READABLE);
        seen_wait(&seen.calls, round);
    }
    wait_for_rest(loop);
    event_loop_free(loop);
    close(ends[0]);
    close(ends[1]);
}

static void
test_a_timer_ends_a_rest(void)
{
    EventLoop *loop = event_loop_new(&long_rest);
    Seen handle = {0};
    Seen timer = {0};
    int ends[2];

    g_assert_cmpint(pipe(ends), ==, 0);
    event_loop_add_handle(loop, ends[0], VIR_EVENT_HANDLE_READABLE, on_handle, &handle, on_free);
    event_loop_start(loop);
    wait_for_rest(loop);
    event_loop_add_timer(loop, 20, on_timer, &timer, on_free);
    seen_wait(&timer.calls, 3);
    event_loop_free(loop);
    close(ends[0]);
    close(ends[1]);
}

static void
test_the_heap_gives_timers_in_order(void)
{
    g_autoptr(GPtrArray) heap = g_ptr_array_new();
    Timer timers[500] = {0};
    int64_t last = -1;
    int left = 0;

    for (int i = 0; i < 500; i++) {
        timers[i].due_us = g_test_rand_int_range(0, 1000);
        timer_heap_insert(heap, &timers[i]);
    }
    for (int i = 0; i < 500; i += 3) {
        timer_heap_remove(heap, &timers[i]);
        timer_heap_remove(heap, &timers[i]);
    }
    for (Timer *timer; (timer = timer_heap_first(heap)) != NULL; left++) {
        g_assert_cmpint(timer->due_us, >=, last);
        last = timer->due_us;
        timer_heap_remove(heap, timer);
    }
    g_assert_cmpint(left, ==, 333);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func(
        "/event-loop/a-readable-descriptor-calls-back", test_a_readable_descriptor_calls_back);
    g_test_add_func("/event-loop/a-handle-that-is-off-does-not-spin-on-hangup",
        test_a_handle_that_is_off_does_not_spin_on_hangup);
    g_test_add_func(
        "/event-loop/a-descriptor-can-be-watched-twice", test_a_descriptor_can_be_watched_twice);
    g_test_add_func("/event-loop/an-answer-is-written-once-there-is-room",
        test_an_answer_is_written_once_there_is_room);
    g_test_add_func(
        "/event-loop/data-is-freed-after-the-callback", test_data_is_freed_after_the_callback);
    g_test_add_func("/event-loop/removal-by-another-thread-waits-for-the-callback",
        test_removal_by_another_thread_waits_for_the_callback);
    g_test_add_func("/event-loop/an-earlier-timer-wakes-a-sleeping-loop",
        test_an_earlier_timer_wakes_a_sleeping_loop);
    g_test_add_func("/event-loop/a-timer-without-interval-lets-descriptors-through",
        test_a_timer_without_interval_lets_descriptors_through);
    g_test_add_func("/event-loop/an-unused-loop-rests-until-it-is-used",
        test_an_unused_loop_rests_until_it_is_used);
    g_test_add_func("/event-loop/a-timer-ends-a-rest", test_a_timer_ends_a_rest);
    g_test_add_func(
        "/event-loop/the-heap-gives-timers-in-order", test_the_heap_gives_timers_in_order);
    return g_test_run();
}
