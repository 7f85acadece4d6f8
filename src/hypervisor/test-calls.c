/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/calls.h"

/* What the workers of one test share: calls block until the gate opens. */
typedef struct Gate {
    GMutex lock;
    GCond changed;
    bool open;
    int running;
    int most;
    int done;
    int cancelled;
    int freed;
} Gate;

static void
gate_init(Gate *gate)
{
    *gate = (Gate){0};
    g_mutex_init(&gate->lock);
    g_cond_init(&gate->changed);
}

static void
gate_open(Gate *gate)
{
    g_mutex_lock(&gate->lock);
    gate->open = true;
    g_cond_broadcast(&gate->changed);
    g_mutex_unlock(&gate->lock);
}

static void
run_at_gate(void *data)
{
    Gate *gate = data;

    g_mutex_lock(&gate->lock);
    gate->running++;
    gate->most = MAX(gate->most, gate->running);
    g_cond_broadcast(&gate->changed);
    while (!gate->open) {
        g_cond_wait(&gate->changed, &gate->lock);
    }
    gate->running--;
    g_mutex_unlock(&gate->lock);
}

static void
run_nothing(void *data)
{
}

static void
on_done(void *data, bool cancelled)
{
    Gate *gate = data;

    gate->done++;
    gate->cancelled += cancelled ? 1 : 0;
}

static void
on_free(void *data)
{
    Gate *gate = data;

    gate->freed++;
}

static void
gate_wait_running(Gate *gate, int count)
{
    int64_t until = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;

    g_mutex_lock(&gate->lock);
    while (gate->running < count) {
        g_assert_true(g_cond_wait_until(&gate->changed, &gate->lock, until));
    }
    g_mutex_unlock(&gate->lock);
}

/* Iterates until count results have come or seconds have passed; whether they have come. */
static bool
wait_done(GMainContext *context, Gate *gate, int count, double seconds)
{
    int64_t until = g_get_monotonic_time() + (int64_t)(seconds * G_USEC_PER_SEC);

    while (gate->done < count && g_get_monotonic_time() < until) {
        if (!g_main_context_iteration(context, FALSE)) {
            g_usleep(1000);
        }
    }
    return gate->done >= count;
}

static void
test_at_most_four_calls_of_a_host_run_at_once(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    Calls *calls = calls_new(context, 8);
    Gate gate;

    gate_init(&gate);
    for (int i = 0; i < 20; i++) {
        calls_submit(calls, LANE_SHORT, "hosta", run_at_gate, on_done, &gate, on_free);
    }
    gate_wait_running(&gate, 4);
    g_usleep(50 * 1000);
    g_assert_cmpint(gate.most, ==, 4);
    g_assert_cmpint(calls_count(calls, LANE_SHORT), ==, 20);
    gate_open(&gate);
    g_assert_true(wait_done(context, &gate, 20, 10));
    g_assert_cmpint(gate.most, ==, 4);
    g_assert_cmpint(gate.cancelled, ==, 0);
    g_assert_cmpint(gate.freed, ==, 20);
    g_assert_cmpint(calls_count(calls, LANE_SHORT), ==, 0);
    calls_free(calls);
}

/* One that runs is left alone, and so is one that nobody knows. */
static void
test_what_waits_can_be_dropped(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    Calls *calls = calls_new(context, 8);
    Gate running;
    Gate waiting;

    gate_init(&running);
    gate_init(&waiting);
    for (int i = 0; i < 4; i++) {
        calls_submit(calls, LANE_LONG, "hosta", run_at_gate, on_done, &running, on_free);
    }
    gate_wait_running(&running, 4);
    calls_submit(calls, LANE_LONG, "hosta", run_at_gate, on_done, &waiting, on_free);
    calls_drop(calls, LANE_LONG, "hosta", &running);
    calls_drop(calls, LANE_LONG, "hostb", &waiting);
    g_assert_cmpint(calls_count(calls, LANE_LONG), ==, 5);
    calls_drop(calls, LANE_LONG, "hosta", &waiting);
    g_assert_true(wait_done(context, &waiting, 1, 10));
    g_assert_cmpint(waiting.cancelled, ==, 1);
    g_assert_cmpint(waiting.freed, ==, 1);
    g_assert_cmpint(calls_count(calls, LANE_LONG), ==, 4);
    gate_open(&running);
    g_assert_true(wait_done(context, &running, 4, 10));
    g_assert_cmpint(running.cancelled, ==, 0);
    calls_free(calls);
}

static void
test_the_pool_is_bounded(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    Calls *calls = calls_new(context, 3);
    Gate gate;

    gate_init(&gate);
    for (int i = 0; i < 100; i++) {
        g_autofree char *host = g_strdup_printf("host%d", i);
        calls_submit(calls, LANE_SHORT, host, run_at_gate, on_done, &gate, on_free);
    }
    gate_wait_running(&gate, 32);
    g_usleep(50 * 1000);
    g_assert_cmpint(gate.most, ==, 32);
    gate_open(&gate);
    g_assert_true(wait_done(context, &gate, 100, 10));

    Gate transfers;
    gate_init(&transfers);
    for (int i = 0; i < 6; i++) {
        calls_submit(calls, LANE_TRANSFER, "hosta", run_at_gate, on_done, &transfers, on_free);
    }
    gate_wait_running(&transfers, 3);
    g_usleep(50 * 1000);
    g_assert_cmpint(transfers.most, ==, 3);
    gate_open(&transfers);
    g_assert_true(wait_done(context, &transfers, 6, 10));
    calls_free(calls);
}

static void
test_a_dead_host_does_not_hold_the_others_up(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    Calls *calls = calls_new(context, 8);
    Gate dead;
    Gate live;

    gate_init(&dead);
    gate_init(&live);
    for (int i = 0; i < 200; i++) {
        calls_submit(calls, LANE_SHORT, "dead", run_at_gate, on_done, &dead, on_free);
    }
    gate_wait_running(&dead, 4);
    for (int i = 0; i < 200; i++) {
        calls_submit(calls, LANE_SHORT, "live", run_nothing, on_done, &live, on_free);
    }
    g_assert_true(wait_done(context, &live, 200, 5));
    g_assert_cmpint(dead.most, ==, 4);
    gate_open(&dead);
    g_assert_true(wait_done(context, &dead, 200, 10));
    calls_free(calls);
}

static void
test_many_dead_hosts_give_the_pool_back(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    Calls *calls = calls_new(context, 8);
    Gate dead;
    Gate live;

    gate_init(&dead);
    gate_init(&live);
    for (int i = 0; i < 50 * 4; i++) {
        g_autofree char *host = g_strdup_printf("dead%d", i % 50);
        calls_submit(calls, LANE_SHORT, host, run_at_gate, on_done, &dead, on_free);
    }
    gate_wait_running(&dead, 32);
    calls_submit(calls, LANE_SHORT, "live", run_nothing, on_done, &live, on_free);
    /* Nobody submits or finishes anything from here on: the lane must look by itself. */
    g_assert_true(wait_done(context, &live, 1, 10));
    gate_open(&dead);
    g_assert_true(wait_done(context, &dead, 200, 10));
    calls_free(calls);
}

static void
test_stop_cancels_what_waits(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    Calls *calls = calls_new(context, 1);
    Gate gate;

    gate_init(&gate);
    for (int i = 0; i < 5; i++) {
        calls_submit(calls, LANE_TRANSFER, "hosta", run_at_gate, on_done, &gate, on_free);
    }
    gate_wait_running(&gate, 1);
    calls_stop(calls);
    calls_submit(calls, LANE_SHORT, NULL, run_at_gate, on_done, &gate, on_free);
    g_assert_true(wait_done(context, &gate, 5, 5));
    g_assert_cmpint(gate.cancelled, ==, 5);
    calls_free(calls);
    gate_open(&gate);
    /* The call that ran outlives its pool and is still reported. */
    g_assert_true(wait_done(context, &gate, 6, 5));
    g_assert_cmpint(gate.cancelled, ==, 5);
    g_assert_cmpint(gate.freed, ==, 6);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/calls/at-most-four-calls-of-a-host-run-at-once",
        test_at_most_four_calls_of_a_host_run_at_once);
    g_test_add_func("/calls/what-waits-can-be-dropped", test_what_waits_can_be_dropped);
    g_test_add_func("/calls/the-pool-is-bounded", test_the_pool_is_bounded);
    g_test_add_func("/calls/a-dead-host-does-not-hold-the-others-up",
        test_a_dead_host_does_not_hold_the_others_up);
    g_test_add_func(
        "/calls/many-dead-hosts-give-the-pool-back", test_many_dead_hosts_give_the_pool_back);
    g_test_add_func("/calls/stop-cancels-what-waits", test_stop_cancels_what_waits);
    return g_test_run();
}
