/* SPDX-License-Identifier: Apache-2.0
 * Copyright the drover authors. */
#include "track.h"

#include <endian.h>
#include <glib.h>
#include <string.h>

#define MS 1000000u

static Track track;

static void
feed(uint32_t stream, uint64_t sequence, uint64_t arrival_ms)
{
    HeartbeatPacket packet = {.magic = htobe32(HEARTBEAT_MAGIC),
        .stream = stream,
        .sequence = htobe64(sequence),
        .monotonic_ns = htobe64(arrival_ms * MS)};

    track_packet(&track, &packet, sizeof packet, arrival_ms * MS);
}

static void
feed_run(uint32_t stream, uint64_t sequence, uint64_t arrival_ms, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        feed(stream, sequence + i, arrival_ms + i);
    }
}

static void
test_silence_and_loss(void)
{
    const TrackCounts *counts = &track.instances[0].since_start;

    track_init(&track, 0);
    feed_run(1, 500, 1000, 100);
    feed_run(1, 610, 1250, 100);
    g_assert_cmpuint(track.n_instances, ==, 1);
    g_assert_cmpuint(counts->n_received, ==, 200);
    g_assert_cmpuint(counts->n_lost, ==, 10);
    g_assert_cmpuint(counts->n_repeated, ==, 0);
    g_assert_cmpuint(counts->n_streams, ==, 1);
    g_assert_cmpuint(counts->longest_silence_ns, ==, 151 * MS);
    g_assert_cmpuint(counts->longest_silence_end_ns, ==, 1250 * MS);
    g_assert_false(track_is_double_run(counts));
}

static void
test_mark_begins_anew(void)
{
    track_init(&track, 0);
    feed_run(1, 0, 1000, 10);
    feed_run(1, 10, 2000, 10);
    track_mark(&track, 2050 * MS);
    feed_run(1, 20, 2100, 10);
    g_assert_cmpuint(track.instances[0].since_mark.n_received, ==, 10);
    /* The silence over the mark is the new count's; the longer one before it is not. */
    g_assert_cmpuint(track.instances[0].since_mark.longest_silence_ns, ==, 91 * MS);
    g_assert_cmpuint(track.instances[0].since_start.longest_silence_ns, ==, 991 * MS);
}

static void
test_two_copies_of_one_guest(void)
{
    track_init(&track, 0);
    feed_run(1, 0, 1000, 50);
    for (unsigned i = 0; i < 20; i++) {
        feed(1, 50 + i, 1050 + i);
        feed(1, 50 + i, 1050 + i);
    }
    g_assert_cmpuint(track.instances[0].since_start.n_repeated, ==, 20);
    g_assert_true(track_is_double_run(&track.instances[0].since_start));
}

/* A burst whose halves went through two processors, again and again. */
static void
test_reordering_is_no_double_run(void)
{
    const TrackCounts *counts = &track.instances[0].since_start;

    track_init(&track, 0);
    for (unsigned i = 0; i < 200; i++) {
        feed_run(1, i * 100 + 50, 1000 + i * 100, 50);
        feed_run(1, i * 100, 1050 + i * 100, 50);
    }
    g_assert_cmpuint(counts->n_received, ==, 20000);
    g_assert_cmpuint(counts->n_lost, ==, 0);
    g_assert_cmpuint(counts->n_late, ==, 10000);
    g_assert_cmpuint(counts->n_repeated, ==, 0);
    g_assert_false(track_is_double_run(counts));
}

/* It stood still, and goes on long after another copy has taken its place. */
static void
test_a_copy_that_wakes_up_late(void)
{
    track_init(&track, 0);
    feed_run(1, 0, 1000, 50);
    feed_run(1, 50, 1050, 10000);
    feed_run(1, 50, 11050, 20);
    g_assert_true(track_is_double_run(&track.instances[0].since_start));
}

static void
test_reboot_is_no_double_run(void)
{
    const TrackCounts *counts = &track.instances[0].since_start;

    track_init(&track, 0);
    feed_run(1, 0, 1000, 50);
    feed_run(2, 0, 5000, 50);
    g_assert_cmpuint(counts->n_streams, ==, 2);
    g_assert_cmpuint(counts->n_lost, ==, 0);
    g_assert_false(track_is_double_run(counts));
    /* The first one speaks on although a second boot has begun. */
    feed_run(1, 50, 5100, 20);
    g_assert_cmpuint(counts->n_interleaved, ==, 20);
    g_assert_true(track_is_double_run(counts));
}

static void
test_foreign_packets_are_ignored(void)
{
    HeartbeatPacket packet = {0};

    track_init(&track, 0);
    track_packet(&track, &packet, sizeof packet, 1);
    track_packet(&track, &packet, 3, 1);
    g_assert_cmpuint(track.n_instances, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/track/silence-and-loss", test_silence_and_loss);
    g_test_add_func("/track/mark-begins-anew", test_mark_begins_anew);
    g_test_add_func("/track/two-copies-of-one-guest", test_two_copies_of_one_guest);
    g_test_add_func("/track/reordering-is-no-double-run", test_reordering_is_no_double_run);
    g_test_add_func("/track/a-copy-that-wakes-up-late", test_a_copy_that_wakes_up_late);
    g_test_add_func("/track/reboot-is-no-double-run", test_reboot_is_no_double_run);
    g_test_add_func("/track/foreign-packets-are-ignored", test_foreign_packets_are_ignored);
    return g_test_run();
}
