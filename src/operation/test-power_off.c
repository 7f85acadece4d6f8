/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "operation/power_off.h"

#include <glib.h>

#define S G_USEC_PER_SEC
#define DEADLINE_US (60 * S)

/* As a machine does it, with nothing between: the step that power_off_next asks for. */
static PowerOffStep
ask_and_look(PowerOff *off, DomainState state, int64_t now_us)
{
    PowerOffStep step = power_off_next(off, false, now_us);

    if (step == POWER_OFF_LOOK) {
        power_off_saw(off, state, now_us, DEADLINE_US);
    } else if (step == POWER_OFF_ASK) {
        power_off_asked(off, now_us, DEADLINE_US);
    }
    return step;
}

static void
test_it_is_looked_at_asked_and_looked_at_again(void)
{
    static const struct {
        int64_t at_s;
        PowerOffStep step;
    } rows[] = {
        {0, POWER_OFF_LOOK},
        {0, POWER_OFF_ASK},
        {0, POWER_OFF_WAIT},
        {4, POWER_OFF_WAIT},
        {5, POWER_OFF_LOOK},
        {5, POWER_OFF_WAIT},
        {10, POWER_OFF_LOOK}, /* it may have been booting when it was asked */
        {10, POWER_OFF_ASK},
        {10, POWER_OFF_WAIT},
    };
    PowerOff off = {0};

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpint(ask_and_look(&off, DOMAIN_RUNNING, rows[i].at_s * S), ==, rows[i].step);
    }
}

static void
test_an_event_is_looked_at_at_once(void)
{
    PowerOff off = {.look_us = 5 * S};

    g_assert_cmpint(power_off_next(&off, false, 1 * S), ==, POWER_OFF_WAIT);
    off.off_seen = true;
    g_assert_cmpint(power_off_next(&off, false, 1 * S), ==, POWER_OFF_LOOK);
    g_assert_cmpint(power_off_saw(&off, DOMAIN_SHUT_OFF, 1 * S, DEADLINE_US), ==, POWER_OFF_OFF);
}

/* What came while a look was under way may be newer than what that look saw. */
static void
test_an_event_during_a_look_is_not_lost(void)
{
    PowerOff off = {.off_seen = true, .ask_us = 30 * S};

    g_assert_cmpint(power_off_next(&off, true, 1 * S), ==, POWER_OFF_LOOK);
    g_assert_cmpint(power_off_saw(&off, DOMAIN_RUNNING, 1 * S, DEADLINE_US), ==, POWER_OFF_NOT_YET);
    g_assert_cmpint(power_off_next(&off, false, 1 * S), ==, POWER_OFF_LOOK);
    g_assert_cmpint(power_off_saw(&off, DOMAIN_RUNNING, 1 * S, DEADLINE_US), ==, POWER_OFF_NOT_YET);
    g_assert_cmpint(power_off_next(&off, false, 1 * S), ==, POWER_OFF_WAIT);
}

static void
test_what_is_seen_decides(void)
{
    static const struct {
        DomainState state;
        int64_t at_s;
        PowerOffSight sight;
    } rows[] = {
        {DOMAIN_SHUT_OFF, 1, POWER_OFF_OFF},
        {DOMAIN_CRASHED, 1, POWER_OFF_OFF},
        {DOMAIN_SHUT_OFF, 61, POWER_OFF_OFF},
        {DOMAIN_ABSENT, 1, POWER_OFF_LOST},
        {DOMAIN_UNREACHABLE, 1, POWER_OFF_LOST},
        {DOMAIN_PAUSED, 1, POWER_OFF_PULL},
        {DOMAIN_RUNNING, 59, POWER_OFF_NOT_YET},
        {DOMAIN_RUNNING, 60, POWER_OFF_PULL},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        PowerOff off = {0};
        g_assert_cmpint(
            power_off_saw(&off, rows[i].state, rows[i].at_s * S, DEADLINE_US), ==, rows[i].sight);
    }
}

/* A look never waits beyond the deadline: the plug is pulled in time. */
static void
test_the_last_look_is_at_the_deadline(void)
{
    PowerOff off = {.ask_us = DEADLINE_US};

    power_off_saw(&off, DOMAIN_RUNNING, 58 * S, DEADLINE_US);
    g_assert_cmpint(off.look_us, ==, DEADLINE_US);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/power_off/it-is-looked-at-asked-and-looked-at-again",
        test_it_is_looked_at_asked_and_looked_at_again);
    g_test_add_func("/power_off/an-event-is-looked-at-at-once", test_an_event_is_looked_at_at_once);
    g_test_add_func(
        "/power_off/an-event-during-a-look-is-not-lost", test_an_event_during_a_look_is_not_lost);
    g_test_add_func("/power_off/what-is-seen-decides", test_what_is_seen_decides);
    g_test_add_func(
        "/power_off/the-last-look-is-at-the-deadline", test_the_last_look_is_at_the_deadline);
    return g_test_run();
}
