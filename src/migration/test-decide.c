/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/decide.h"

/* The table of libvirt-facts, row by row, spelled out as views: the order of the cells and the
 * reading of a view are both tested. Times in the cases are in seconds. */

enum { OURS = 7, TIMEOUT_S = 60 };

#define ON(state_, reason_, job_)                                                                  \
    {                                                                                              \
        .state = DOMAIN_##state_, .reason = DOMAIN_REASON_##reason_, .job = DOMAIN_JOB_##job_,     \
        .operation = OURS                                                                          \
    }

typedef struct Case {
    const char *name;
    DomainView source;
    DomainView dest;
    int waited_s;
    int settle_s;
    bool is_cancelled;
    Decision decision;
    bool is_fenced;
    bool is_dest_dead;
} Case;

static const Case cases[] = {
    /* The source runs it. */
    {"failed", ON(RUNNING, BOOTED, NONE), ON(ABSENT, OTHER, NONE), 0, 0, false, DECISION_STAYED},
    {"failed-dest-waits-in-vain", ON(RUNNING, BOOTED, NONE), ON(PAUSED, MIGRATION, IN), 0, 0, false,
        DECISION_STAYED},
    {"lost-call-may-still-begin", ON(RUNNING, BOOTED, NONE), ON(ABSENT, OTHER, NONE), 1, 2, false,
        DECISION_WAIT},
    {"lost-call-never-began", ON(RUNNING, BOOTED, NONE), ON(ABSENT, OTHER, NONE), 2, 2, false,
        DECISION_STAYED},
    {"runs-twice", ON(RUNNING, BOOTED, NONE), ON(RUNNING, MIGRATED, NONE), 0, 2, false,
        DECISION_TWICE},
    {"finish-reply-lost-of-a-paused-one", ON(RUNNING, BOOTED, NONE), ON(PAUSED, USER, NONE), 0, 0,
        false, DECISION_STAYED},
    {"dest-silent-source-runs", ON(RUNNING, BOOTED, NONE), ON(UNREACHABLE, OTHER, NONE), 59, 0,
        false, DECISION_ASK},
    {"dest-silent-for-long-source-runs", ON(RUNNING, BOOTED, NONE), ON(UNREACHABLE, OTHER, NONE),
        TIMEOUT_S, 0, false, DECISION_STAYED},
    {"dest-dead-source-runs", ON(RUNNING, BOOTED, NONE), ON(UNREACHABLE, OTHER, NONE), 2, 2, false,
        DECISION_STAYED, false, true},
    {"dest-dead-a-moment-ago", ON(RUNNING, BOOTED, NONE), ON(UNREACHABLE, OTHER, NONE), 1, 2, false,
        DECISION_ASK, false, true},
    {"dest-dead-source-paused", ON(PAUSED, MIGRATION, NONE), ON(UNREACHABLE, OTHER, NONE), 9999, 0,
        false, DECISION_ASK, false, true},
    {"dest-silent-source-paused-aborted", ON(PAUSED, MIGRATION, NONE),
        ON(UNREACHABLE, OTHER, NONE), 9999, 0, true, DECISION_ASK},
    {"dest-dead-source-paused-aborted", ON(PAUSED, MIGRATION, NONE), ON(UNREACHABLE, OTHER, NONE),
        2, 2, true, DECISION_ABANDONED, false, true},
    {"dest-dead-a-moment-ago-source-paused-aborted", ON(PAUSED, MIGRATION, NONE),
        ON(UNREACHABLE, OTHER, NONE), 1, 2, true, DECISION_ASK, false, true},
    {"dest-dead-in-post-copy", ON(PAUSED, POSTCOPY, NONE), ON(UNREACHABLE, OTHER, NONE), 9999, 0,
        false, DECISION_ASK, false, true},
    {"dest-dead-in-post-copy-aborted", ON(PAUSED, POSTCOPY_FAILED, NONE),
        ON(UNREACHABLE, OTHER, NONE), 2, 2, true, DECISION_ABANDONED, false, true},
    {"dest-dead-source-off", ON(SHUT_OFF, DESTROYED, NONE), ON(UNREACHABLE, OTHER, NONE), 9999, 0,
        false, DECISION_ASK, false, true},
    {"dest-dead-source-off-aborted", ON(SHUT_OFF, DESTROYED, NONE), ON(UNREACHABLE, OTHER, NONE),
        2, 2, true, DECISION_ABANDONED_OFF, false, true},
    {"dest-dead-source-held", ON(PAUSED, USER, NONE), ON(UNREACHABLE, OTHER, NONE), 2, 2, false,
        DECISION_STAYED, false, true},
    {"dest-dead-a-moment-ago-source-held", ON(PAUSED, USER, NONE), ON(UNREACHABLE, OTHER, NONE), 1,
        2, false, DECISION_ASK, false, true},
    {"dest-silent-source-held", ON(PAUSED, USER, NONE), ON(UNREACHABLE, OTHER, NONE), 9999, 0, true,
        DECISION_ASK},
    {"dest-won-source-held", ON(PAUSED, USER, NONE), ON(RUNNING, MIGRATED, NONE), 0, 2, false,
        DECISION_MOVED},
    {"dest-gone-source-held", ON(PAUSED, USER, NONE), ON(ABSENT, OTHER, NONE), 2, 2, false,
        DECISION_STAYED},
    /* It is moving. */
    {"still-moving", ON(RUNNING, BOOTED, OUT), ON(PAUSED, MIGRATION, IN), 0, 0, false,
        DECISION_WATCH},
    {"still-moving-dest-silent", ON(RUNNING, BOOTED, OUT), ON(UNREACHABLE, OTHER, NONE), 99, 0,
        false, DECISION_WATCH},
    {"moving-just-begun", ON(RUNNING, BOOTED, OUT), ON(ABSENT, OTHER, NONE), 0, 0, false,
        DECISION_WATCH},
    {"moving-forced", ON(PAUSED, USER, OUT), ON(PAUSED, MIGRATION, IN), 0, 0, false,
        DECISION_WATCH},
    {"views-apart", ON(RUNNING, BOOTED, OUT), ON(RUNNING, MIGRATED, NONE), 0, 0, false,
        DECISION_WAIT},
    {"in-switchover", ON(PAUSED, MIGRATION, OUT), ON(PAUSED, MIGRATION, IN), 99, 0, false,
        DECISION_WAIT},
    {"about-to-confirm", ON(PAUSED, MIGRATION, OUT), ON(RUNNING, MIGRATED, NONE), 0, 0, false,
        DECISION_WAIT},
    /* Paused, and nobody works on it: libvirtd was restarted. */
    {"dest-won", ON(PAUSED, MIGRATION, NONE), ON(RUNNING, MIGRATED, NONE), 0, 2, false,
        DECISION_MOVED},
    {"resume-source", ON(PAUSED, MIGRATION, NONE), ON(ABSENT, OTHER, NONE), 0, 0, false,
        DECISION_STAYED},
    {"never-resumed-blindly", ON(PAUSED, MIGRATION, NONE), ON(UNREACHABLE, OTHER, NONE), 9999, 0,
        true, DECISION_ASK},
    {"dest-may-yet-finish", ON(PAUSED, MIGRATION, NONE), ON(PAUSED, MIGRATION, IN), 59, 0, false,
        DECISION_WAIT},
    {"dest-never-finishes", ON(PAUSED, MIGRATION, NONE), ON(PAUSED, MIGRATION, IN), TIMEOUT_S, 0,
        false, DECISION_STAYED},
    {"paused-one-arrived", ON(PAUSED, USER, NONE), ON(PAUSED, USER, NONE), 0, 0, false,
        DECISION_MOVED},
    /* It has left. */
    {"completed", ON(ABSENT, OTHER, NONE), ON(RUNNING, MIGRATED, NONE), 0, 0, false,
        DECISION_MOVED},
    {"completed-definition-stays", ON(SHUT_OFF, MIGRATED, NONE), ON(RUNNING, MIGRATED, NONE), 0, 0,
        false, DECISION_MOVED},
    {"completed-paused", ON(ABSENT, OTHER, NONE), ON(PAUSED, USER, NONE), 0, 0, false,
        DECISION_MOVED},
    {"completed-then-stopped", ON(ABSENT, OTHER, NONE), ON(SHUT_OFF, SHUTDOWN, NONE), 0, 0, false,
        DECISION_MOVED_OFF},
    {"left-dest-finishing", ON(ABSENT, OTHER, NONE), ON(PAUSED, MIGRATION, IN), 0, 0, false,
        DECISION_WAIT},
    {"left-dest-silent", ON(ABSENT, OTHER, NONE), ON(UNREACHABLE, OTHER, NONE), 9999, 0, true,
        DECISION_ASK},
    {"on-neither-at-first", ON(ABSENT, OTHER, NONE), ON(ABSENT, OTHER, NONE), 59, 0, false,
        DECISION_WAIT},
    {"on-neither", ON(ABSENT, OTHER, NONE), ON(ABSENT, OTHER, NONE), TIMEOUT_S, 0, false,
        DECISION_LOST},
    /* It was defined on the destination and failed to start there. */
    {"dest-failed-source-runs", ON(RUNNING, BOOTED, NONE), ON(SHUT_OFF, FAILED, NONE), 2, 2, false,
        DECISION_STAYED},
    {"dest-failed-source-paused", ON(PAUSED, MIGRATION, NONE), ON(SHUT_OFF, FAILED, NONE), 0, 0,
        false, DECISION_STAYED},
    {"dest-failed-source-hears-of-it", ON(PAUSED, MIGRATION, OUT), ON(SHUT_OFF, FAILED, NONE), 0, 0,
        false, DECISION_WAIT},
    {"dest-failed-source-has-left", ON(ABSENT, OTHER, NONE), ON(SHUT_OFF, FAILED, NONE), 0, 0,
        false, DECISION_MOVED_OFF},
    {"dest-failed-source-off", ON(SHUT_OFF, UNKNOWN, NONE), ON(SHUT_OFF, FAILED, NONE), TIMEOUT_S,
        0, false, DECISION_LOST},
    {"dest-failed-source-silent", ON(UNREACHABLE, OTHER, NONE), ON(SHUT_OFF, FAILED, NONE), 9999, 0,
        false, DECISION_ASK},
    /* It stopped on the source. */
    {"stopped-while-moving", ON(SHUT_OFF, SHUTDOWN, NONE), ON(ABSENT, OTHER, NONE), 0, 0, false,
        DECISION_STAYED_OFF},
    {"crashed-while-moving", ON(CRASHED, CRASHED, NONE), ON(ABSENT, OTHER, NONE), 0, 0, false,
        DECISION_STAYED_OFF},
    {"source-rebooted-after-switchover", ON(SHUT_OFF, UNKNOWN, NONE), ON(RUNNING, MIGRATED, NONE),
        0, 0, false, DECISION_MOVED},
    {"source-rebooted-dest-silent", ON(SHUT_OFF, UNKNOWN, NONE), ON(UNREACHABLE, OTHER, NONE), 9999,
        0, true, DECISION_ASK},
    /* The source is silent. */
    {"source-silent-dest-runs", ON(UNREACHABLE, OTHER, NONE), ON(RUNNING, MIGRATED, NONE), 0, 2,
        false, DECISION_MOVED},
    {"source-silent-dest-waits", ON(UNREACHABLE, OTHER, NONE), ON(PAUSED, MIGRATION, IN), 9999, 0,
        true, DECISION_ASK},
    {"source-silent-nothing-arrived", ON(UNREACHABLE, OTHER, NONE), ON(ABSENT, OTHER, NONE), 9999,
        0, false, DECISION_ASK},
    {"source-silent-operator-gives-up", ON(UNREACHABLE, OTHER, NONE), ON(ABSENT, OTHER, NONE),
        TIMEOUT_S, 0, true, DECISION_STAYED},
    {"source-fenced-nothing-arrived", ON(UNREACHABLE, OTHER, NONE), ON(ABSENT, OTHER, NONE), 2, 2,
        false, DECISION_STAYED, true},
    {"source-fenced-a-moment-ago", ON(UNREACHABLE, OTHER, NONE), ON(ABSENT, OTHER, NONE), 1, 2,
        false, DECISION_ASK, true},
    {"source-fenced-never-ran-there", ON(UNREACHABLE, OTHER, NONE), ON(SHUT_OFF, FAILED, NONE), 2,
        2, false, DECISION_STAYED, true},
    {"source-fenced-dest-silent", ON(UNREACHABLE, OTHER, NONE), ON(UNREACHABLE, OTHER, NONE), 9999,
        0, true, DECISION_ASK, true},
    {"both-silent", ON(UNREACHABLE, OTHER, NONE), ON(UNREACHABLE, OTHER, NONE), 9999, 0, true,
        DECISION_ASK},
};

static void
test_case(const void *data)
{
    const Case *row = data;
    DecideFacts facts = {
        .source = &row->source,
        .dest = &row->dest,
        .operation = OURS,
        .waited_us = row->waited_s * G_USEC_PER_SEC,
        .settle_us = row->settle_s * G_USEC_PER_SEC,
        .timeout_us = TIMEOUT_S * G_USEC_PER_SEC,
        .is_cancelled = row->is_cancelled,
        .is_fenced = row->is_fenced,
        .is_dest_dead = row->is_dest_dead,
    };
    g_assert_cmpstr(decision_name(decide(&facts)), ==, decision_name(row->decision));
}

static void
test_every_cell_has_a_reason(void)
{
    for (int source = 0; source < N_SOURCE_SIDES; source++) {
        for (int dest = 0; dest < N_DEST_SIDES; dest++) {
            g_assert_nonnull(decide_row((SourceSide)source, (DestSide)dest)->why);
        }
    }
}

/* The rules that no row may break, whatever is added to the table. */
static void
test_no_row_costs_a_copy(void)
{
    for (int side = 0; side < N_DEST_SIDES; side++) {
        Decision paused = decide_row(SOURCE_PAUSED, (DestSide)side)->decision;
        Decision left = decide_row(SOURCE_LEFT, (DestSide)side)->decision;
        bool may_run_there = side == DEST_UNREACHABLE || side == DEST_RUNNING;
        g_assert_true(!may_run_there || paused != DECISION_STAYED);
        g_assert_true(left != DECISION_STAYED && left != DECISION_STAYED_OFF);
    }
    for (int side = 0; side < N_SOURCE_SIDES; side++) {
        Decision decision = decide_row((SourceSide)side, DEST_RUNNING)->decision;
        g_assert_true(decision != DECISION_STAYED && decision != DECISION_STAYED_OFF &&
            decision != DECISION_LOST);
        Decision absent = decide_row((SourceSide)side, DEST_ABSENT)->decision;
        g_assert_true(absent != DECISION_MOVED && absent != DECISION_MOVED_OFF);
    }
}

static void
test_a_domain_of_another_move_is_not_ours(void)
{
    DomainView view = ON(RUNNING, MIGRATED, NONE);
    g_assert_cmpint(decide_dest_side(&view, OURS), ==, DEST_RUNNING);
    g_assert_cmpint(decide_dest_side(&view, OURS + 1), ==, DEST_ABSENT);
    view.state = DOMAIN_SHUT_OFF;
    g_assert_cmpint(decide_dest_side(&view, OURS + 1), ==, DEST_ABSENT);
    view.reason = DOMAIN_REASON_FAILED;
    g_assert_cmpint(decide_dest_side(&view, OURS + 1), ==, DEST_ABSENT);
    g_assert_cmpint(decide_dest_side(&view, OURS), ==, DEST_FAILED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/decide/every-cell-has-a-reason", test_every_cell_has_a_reason);
    g_test_add_func("/decide/no-row-costs-a-copy", test_no_row_costs_a_copy);
    g_test_add_func(
        "/decide/a-domain-of-another-move-is-not-ours", test_a_domain_of_another_move_is_not_ours);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/decide/row/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    return g_test_run();
}
