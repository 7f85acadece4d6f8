/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/canaries.h"
#include "store/test-support.h"

static Canary
way(const char *source, const char *dest)
{
    return (Canary){.source_host = (char *)source, .dest_host = (char *)dest};
}

static void
ask(Fixture *fixture, Canary canary)
{
    g_autoptr(GPtrArray) canaries = g_ptr_array_new();
    g_ptr_array_add(canaries, &canary);
    g_assert_true(store_ask_canaries(fixture->store, canaries, NULL));
}

/* problem NULL: it arrives. */
static void
fly(Fixture *fixture, Canary canary, const char *problem)
{
    canary.error = (char *)problem;
    test_now_us += 10;
    ask(fixture, canary);
    test_now_us += 10;
    g_assert_true(store_finish_canary(fixture->store, &canary, NULL));
}

static void
move(Fixture *fixture, Canary guest, const char *problem)
{
    guest.move_error = (char *)problem;
    test_now_us += 10;
    g_assert_true(canaries_note_move(fixture->store, &guest, NULL));
}

static void
set_connected(Fixture *fixture, const char *host, bool connected)
{
    g_autoptr(GError) error = NULL;
    test_now_us += 10;
    store_set_host_connection(
        fixture->store, host, connected, connected ? NULL : "gone", 0, &error);
    g_assert_no_error(error);
}

static void
make_hosts(Fixture *fixture)
{
    for (const char *const *name = (const char *const[]){"a", "b", "c", NULL}; *name != NULL;
         name++) {
        test_host(fixture, *name);
        set_connected(fixture, *name, true);
    }
}

static CanaryVerdict
verdict_of(Fixture *fixture, Canary canary)
{
    g_autoptr(CanaryMap) map = store_map_canaries(fixture->store, canary.source_host, NULL);
    return canary_verdict(canary_map_find(map, canary.dest_host));
}

/* The sources and destinations of those that are to be sent: "a>b c>a". Caller frees. */
static char *
pending(Fixture *fixture)
{
    CanaryFilter filter = {.is_pending = true};
    g_autoptr(GPtrArray) canaries = store_list_canaries(fixture->store, &filter, NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned i = 0; i < canaries->len; i++) {
        const Canary *canary = canaries->pdata[i];
        g_assert_false(canary_extra_is_set(&canary->asked));
        g_string_append_printf(
            text, "%s%s>%s", i > 0 ? " " : "", canary->source_host, canary->dest_host);
    }
    return g_strdup(text->str);
}

static void
assert_pending(Fixture *fixture, const char *expected)
{
    g_autofree char *found = pending(fixture);
    g_assert_cmpstr(found, ==, expected);
}

/* What came later counts; of guests alone, one that did not get there is a warning. */
static void
test_verdicts(void)
{
    static const struct {
        Canary canary;
        CanaryVerdict verdict;
    } rows[] = {
        {{0}, CANARY_VERDICT_NONE},
        {{.tried_us = 2}, CANARY_VERDICT_OPEN},
        {{.tried_us = 2, .error = (char *)"no"}, CANARY_VERDICT_SHUT},
        {{.tried_us = 2, .error = (char *)"no", .moved_us = 1}, CANARY_VERDICT_SHUT},
        {{.tried_us = 2, .error = (char *)"no", .moved_us = 3}, CANARY_VERDICT_OPEN},
        {{.tried_us = 2, .moved_us = 3, .move_error = (char *)"no"}, CANARY_VERDICT_DOUBTFUL},
        {{.tried_us = 2, .moved_us = 1, .move_error = (char *)"no"}, CANARY_VERDICT_OPEN},
        {{.moved_us = 3}, CANARY_VERDICT_OPEN},
        {{.moved_us = 3, .move_error = (char *)"no"}, CANARY_VERDICT_DOUBTFUL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpint(canary_verdict(&rows[i].canary), ==, rows[i].verdict);
    }
}

/* A red one, whatever guests have met before it; not a guest that arrived since. */
static void
test_red_goes_with_the_host(Fixture *fixture, const void *data)
{
    make_hosts(fixture);
    fly(fixture, way("a", "b"), NULL);
    move(fixture, way("a", "b"), NULL);
    fly(fixture, way("a", "b"), "no route");
    fly(fixture, way("b", "a"), "no route");
    move(fixture, way("b", "a"), NULL);
    fly(fixture, way("c", "b"), "no route");
    move(fixture, way("c", "b"), "no route");
    fly(fixture, way("a", "c"), "no route");
    fly(fixture, way("b", "c"), NULL);
    g_assert_cmpint(verdict_of(fixture, way("a", "b")), ==, CANARY_VERDICT_SHUT);
    set_connected(fixture, "b", false);
    g_assert_cmpint(verdict_of(fixture, way("a", "b")), ==, CANARY_VERDICT_NONE);
    g_assert_cmpint(verdict_of(fixture, way("b", "a")), ==, CANARY_VERDICT_OPEN);
    g_assert_cmpint(verdict_of(fixture, way("c", "b")), ==, CANARY_VERDICT_NONE);
    g_assert_cmpint(verdict_of(fixture, way("a", "c")), ==, CANARY_VERDICT_SHUT);
    g_assert_cmpint(verdict_of(fixture, way("b", "c")), ==, CANARY_VERDICT_OPEN);
}

/* Those that are known otherwise are not sent again, nor those to a host that is still away. */
static void
test_what_was_forgotten_is_asked_for_again(Fixture *fixture, const void *data)
{
    make_hosts(fixture);
    fly(fixture, way("a", "b"), "no route");
    fly(fixture, way("b", "c"), "no route");
    fly(fixture, way("b", "a"), NULL);
    Canary wish = way("c", "b");
    wish.asked.post_copy = true;
    ask(fixture, wish);
    g_assert_true(store_drop_canary(fixture->store, &wish, NULL));
    set_connected(fixture, "b", false);
    set_connected(fixture, "c", false);
    assert_pending(fixture, "");
    set_connected(fixture, "b", true);
    assert_pending(fixture, "a>b");
    Canary lost = way("a", "b");
    g_assert_true(store_drop_canary(fixture->store, &lost, NULL));
    set_connected(fixture, "c", true);
    assert_pending(fixture, "b>c c>b");
    set_connected(fixture, "b", true);
    assert_pending(fixture, "b>c c>b a>b");
    fly(fixture, way("a", "b"), NULL);
    set_connected(fixture, "b", true);
    assert_pending(fixture, "b>c c>b");
}

/* When the one that ended last was the second one too. */
static int64_t
extra_age(Fixture *fixture, Canary canary)
{
    g_autoptr(CanaryMap) map = store_map_canaries(fixture->store, canary.source_host, NULL);
    const Canary *row = canary_map_find(map, canary.dest_host);
    return row->tried_us - row->extra_us;
}

/* One that was cut off leaves an earlier one, which is older than the first of today. */
static void
test_second_one_has_the_time_of_its_first(Fixture *fixture, const void *data)
{
    make_hosts(fixture);
    Canary both = way("a", "b");
    both.asked.post_copy = true;
    both.extra = both.asked;
    both.extra_us = 1; /* there was one */
    fly(fixture, both, NULL);
    g_assert_cmpint(extra_age(fixture, both), ==, 0);
    both.extra_us = 0;
    fly(fixture, both, NULL);
    g_assert_cmpint(extra_age(fixture, both), ==, 20);
}

/* Who has asked for more meanwhile waits for another one. */
static void
test_more_that_is_asked_for_meanwhile_is_sent(Fixture *fixture, const void *data)
{
    make_hosts(fixture);
    Canary plain = way("a", "b");
    Canary more = way("a", "b");
    more.asked.connections = 4;
    ask(fixture, plain);
    ask(fixture, more);
    g_assert_true(store_finish_canary(fixture->store, &plain, NULL));
    CanaryFilter filter = {.is_pending = true};
    g_autoptr(GPtrArray) left = store_list_canaries(fixture->store, &filter, NULL);
    g_assert_cmpint(left->len, ==, 1);
    g_assert_true(store_finish_canary(fixture->store, &more, NULL));
    assert_pending(fixture, "");
}

#define ADD(name, test)                                                                            \
    g_test_add("/store/canaries/" name, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/canaries/verdicts", test_verdicts);
    ADD("red-goes-with-the-host", test_red_goes_with_the_host);
    ADD("what-was-forgotten-is-asked-for-again", test_what_was_forgotten_is_asked_for_again);
    ADD("second-one-has-the-time-of-its-first", test_second_one_has_the_time_of_its_first);
    ADD("more-that-is-asked-for-meanwhile-is-sent", test_more_that_is_asked_for_meanwhile_is_sent);
    return g_test_run();
}
