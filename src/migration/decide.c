/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "migration/decide.h"

static const char *const source_texts[] = {
#define X(name, text) text,
    DECIDE_SOURCE_SIDES(X)
#undef X
};
static const char *const dest_texts[] = {
#define X(name, text) text,
    DECIDE_DEST_SIDES(X)
#undef X
};
static const char *const decision_texts[] = {
#define X(name, text) text,
    DECISIONS(X)
#undef X
};
static const char *const decision_names[] = {
#define X(name, text) #name,
    DECISIONS(X)
#undef X
};
static const char *const patience_texts[] = {
#define X(name, text) text,
    DECIDE_PATIENCES(X)
#undef X
};

const char *
source_side_text(SourceSide side)
{
    return source_texts[side];
}

const char *
dest_side_text(DestSide side)
{
    return dest_texts[side];
}

const char *
decision_text(Decision decision)
{
    return decision_texts[decision];
}

const char *
decision_name(Decision decision)
{
    return decision_names[decision];
}

const char *
patience_text(Patience patience)
{
    return patience_texts[patience];
}

SourceSide
decide_source_side(const DomainView *view)
{
    switch (view->state) {
    case DOMAIN_UNREACHABLE: return SOURCE_UNREACHABLE;
    case DOMAIN_ABSENT: return SOURCE_LEFT;
    case DOMAIN_SHUT_OFF: return view->reason == DOMAIN_REASON_MIGRATED ? SOURCE_LEFT : SOURCE_OFF;
    case DOMAIN_CRASHED: return SOURCE_OFF;
    case DOMAIN_RUNNING: return view->job == DOMAIN_JOB_OUT ? SOURCE_RUNNING_JOB : SOURCE_RUNNING;
    case DOMAIN_PAUSED:
        if (view->reason == DOMAIN_REASON_POSTCOPY) {
            return SOURCE_POSTCOPY;
        }
        if (view->reason == DOMAIN_REASON_POSTCOPY_FAILED) {
            return SOURCE_BROKEN;
        }
        /* libvirt tells the destination of a guest that was paused to keep it so. */
        if (view->job != DOMAIN_JOB_OUT) {
            return view->reason == DOMAIN_REASON_USER ? SOURCE_HELD : SOURCE_PAUSED;
        }
        return view->reason == DOMAIN_REASON_MIGRATION ? SOURCE_SWITCHING : SOURCE_RUNNING_JOB;
    }
    g_assert_not_reached();
}

DestSide
decide_dest_side(const DomainView *view, int64_t operation)
{
    bool is_ours = view->operation == operation;
    switch (view->state) {
    case DOMAIN_UNREACHABLE: return DEST_UNREACHABLE;
    case DOMAIN_ABSENT: return DEST_ABSENT;
    case DOMAIN_SHUT_OFF:
    case DOMAIN_CRASHED:
        if (!is_ours) {
            return DEST_ABSENT;
        }
        return view->reason == DOMAIN_REASON_FAILED ? DEST_FAILED : DEST_OFF;
    case DOMAIN_RUNNING:
    case DOMAIN_PAUSED:
        if (!is_ours) {
            return DEST_ABSENT;
        }
        if (view->reason == DOMAIN_REASON_POSTCOPY) {
            return DEST_POSTCOPY;
        }
        if (view->reason == DOMAIN_REASON_POSTCOPY_FAILED) {
            return DEST_BROKEN;
        }
        if (view->state == DOMAIN_RUNNING) {
            return DEST_RUNNING;
        }
        return view->job == DOMAIN_JOB_IN || view->reason == DOMAIN_REASON_MIGRATION ||
                view->reason == DOMAIN_REASON_STARTING_UP
            ? DEST_INCOMING
            : DEST_ARRIVED;
    }
    g_assert_not_reached();
}

/* Every cell has a row. An answer that two views of different moments can give by themselves is
 * never taken at once when the wrong one would cost a copy. */
#define ROW(decision, patience, why)                                                               \
    {                                                                                              \
        DECISION_##decision, PATIENCE_##patience, why                                              \
    }
static const DecideRow table[N_SOURCE_SIDES][N_DEST_SIDES] =
    {
        [SOURCE_UNREACHABLE] =
            {
                [DEST_UNREACHABLE] = ROW(ASK, NOW, "nothing is known of either side"),
                [DEST_ABSENT] = ROW(STAYED, GIVEN_UP, "it cannot have left, but may be leaving"),
                [DEST_INCOMING] = ROW(ASK, NOW, "the source may still be sending"),
                [DEST_ARRIVED] = ROW(MOVED, TIMEOUT, "it arrived paused, as it was"),
                [DEST_RUNNING] = ROW(MOVED, NOW,
                    "it was announced there; a source that comes back "
                    "is looked at before anything is removed"),
                [DEST_POSTCOPY] = ROW(ASK, NOW, "the source may have what it needs"),
                [DEST_BROKEN] = ROW(ASK, NOW, "the source may have what it needs"),
                [DEST_OFF] = ROW(MOVED_OFF, NOW, "only what has arrived is defined there"),
                [DEST_FAILED] = ROW(STAYED, GIVEN_UP, "it never ran there"),
            },
        [SOURCE_RUNNING] =
            {
                [DEST_UNREACHABLE] = ROW(STAYED, DEST_DEAD, "the source runs it and sends nothing"),
                [DEST_ABSENT] = ROW(STAYED, SETTLED, "failed or aborted"),
                [DEST_INCOMING] = ROW(STAYED, SETTLED, "failed or aborted, the other waits"),
                [DEST_ARRIVED] = ROW(STAYED, SETTLED, "the reply to Finish was lost"),
                [DEST_RUNNING] = ROW(TWICE, NOW, "the reply to Finish was lost and both run"),
                [DEST_POSTCOPY] = ROW(TWICE, NOW, "the source went on although the guest had left"),
                [DEST_BROKEN] = ROW(TWICE, NOW, "the source went on although the guest had left"),
                [DEST_OFF] = ROW(STAYED, SETTLED, "the source keeps it"),
                [DEST_FAILED] = ROW(STAYED, SETTLED, "the source keeps it, the other never ran"),
            },
        [SOURCE_RUNNING_JOB] =
            {
                [DEST_UNREACHABLE] = ROW(WATCH, NOW, "the source is sending"),
                [DEST_ABSENT] = ROW(WATCH, NOW, "the source has only begun"),
                [DEST_INCOMING] = ROW(WATCH, NOW, "the source is sending"),
                [DEST_ARRIVED] = ROW(WAIT, NOW, "the views are of different moments"),
                [DEST_RUNNING] = ROW(WAIT, NOW, "the views are of different moments"),
                [DEST_POSTCOPY] = ROW(WAIT, NOW, "the views are of different moments"),
                [DEST_BROKEN] = ROW(WAIT, NOW, "the views are of different moments"),
                [DEST_OFF] = ROW(WAIT, NOW, "the views are of different moments"),
                [DEST_FAILED] = ROW(WAIT, NOW, "the source is about to hear of it"),
            },
        [SOURCE_SWITCHING] =
            {
                [DEST_UNREACHABLE] = ROW(WAIT, NOW, "in switchover"),
                [DEST_ABSENT] = ROW(WAIT, NOW, "in switchover, or giving up"),
                [DEST_INCOMING] = ROW(WAIT, NOW, "in switchover"),
                [DEST_ARRIVED] = ROW(WAIT, NOW, "the source is about to confirm"),
                [DEST_RUNNING] = ROW(WAIT, NOW, "the source is about to confirm"),
                [DEST_POSTCOPY] = ROW(WAIT, NOW, "the source is about to say so too"),
                [DEST_BROKEN] = ROW(WAIT, NOW, "the views are of different moments"),
                [DEST_OFF] = ROW(WAIT, NOW, "the source is about to confirm"),
                [DEST_FAILED] = ROW(WAIT, NOW, "the source is about to hear of it"),
            },
        [SOURCE_HELD] =
            {
                [DEST_UNREACHABLE] =
                    ROW(STAYED, DEST_FENCED, "who has it there keeps it paused, and is gone"),
                [DEST_ABSENT] = ROW(STAYED, SETTLED, "the move ended without the destination"),
                [DEST_INCOMING] =
                    ROW(STAYED, TIMEOUT,
                        "nobody will finish it: the destination goes "
                        "first, then the source goes on"),
                [DEST_ARRIVED] = ROW(MOVED, SETTLED, "it arrived paused, as it was"),
                [DEST_RUNNING] = ROW(MOVED, NOW, "the destination won; the paused copy is old"),
                [DEST_POSTCOPY] = ROW(WAIT, NOW, "the views are of different moments"),
                [DEST_BROKEN] = ROW(WAIT, NOW, "the source will say so too"),
                [DEST_OFF] = ROW(MOVED_OFF, SETTLED, "it arrived and has stopped there"),
                [DEST_FAILED] = ROW(STAYED, SETTLED, "it never ran there: the source goes on"),
            },
        [SOURCE_PAUSED] =
            {
                [DEST_UNREACHABLE] = ROW(ABANDONED, DEST_GIVEN_UP,
                    "never resumed here: it may have run there, and its disks are newer"),
                [DEST_ABSENT] = ROW(STAYED, SETTLED, "the move ended without the destination"),
                [DEST_INCOMING] =
                    ROW(STAYED, TIMEOUT,
                        "nobody will finish it: the destination goes "
                        "first, then the source goes on"),
                [DEST_ARRIVED] = ROW(MOVED, SETTLED, "it arrived paused, as it was"),
                [DEST_RUNNING] = ROW(MOVED, NOW, "the destination won; the paused copy is old"),
                [DEST_POSTCOPY] = ROW(WAIT, NOW, "the views are of different moments"),
                [DEST_BROKEN] = ROW(WAIT, NOW, "the source will say so too"),
                [DEST_OFF] = ROW(MOVED_OFF, SETTLED, "it arrived and has stopped there"),
                [DEST_FAILED] = ROW(STAYED, SETTLED, "it never ran there: the source goes on"),
            },
        [SOURCE_POSTCOPY] =
            {
                [DEST_UNREACHABLE] =
                    ROW(ABANDONED, DEST_GIVEN_UP, "it ran on the side that does not answer"),
                [DEST_ABSENT] = ROW(LOST, TIMEOUT, "who ran it is gone, with its memory"),
                [DEST_INCOMING] = ROW(WAIT, NOW, "the views are of different moments"),
                [DEST_ARRIVED] = ROW(FOLLOW, NOW, "paused by a user on its way"),
                [DEST_RUNNING] = ROW(WAIT, NOW, "all is there, the source is about to confirm"),
                [DEST_POSTCOPY] = ROW(FOLLOW, NOW, "its memory follows, with or without us"),
                [DEST_BROKEN] = ROW(WAIT, NOW, "the source will notice too"),
                [DEST_OFF] = ROW(MOVED_OFF, TIMEOUT, "it has stopped on the destination"),
                [DEST_FAILED] = ROW(MOVED_OFF, TIMEOUT, "it ran there, and stopped since"),
            },
        [SOURCE_BROKEN] =
            {
                [DEST_UNREACHABLE] =
                    ROW(ABANDONED, DEST_GIVEN_UP, "it ran on the side that does not answer"),
                [DEST_ABSENT] = ROW(LOST, TIMEOUT, "who ran it is gone, with its memory"),
                [DEST_INCOMING] = ROW(MEND, NOW, "it broke before the other had begun to run it"),
                [DEST_ARRIVED] = ROW(MEND, NOW, "paused by a user on its way"),
                [DEST_RUNNING] = ROW(MOVED, TIMEOUT, "it was all there before the way broke"),
                [DEST_POSTCOPY] = ROW(MEND, NOW, "the destination may notice a minute later"),
                [DEST_BROKEN] = ROW(MEND, NOW, "both wait for each other"),
                [DEST_OFF] = ROW(MOVED_OFF, SETTLED, "it has stopped on the destination"),
                [DEST_FAILED] = ROW(MOVED_OFF, TIMEOUT, "it ran there, and stopped since"),
            },
        [SOURCE_LEFT] =
            {
                [DEST_UNREACHABLE] = ROW(ASK, NOW, "it has left; the other side must say so"),
                [DEST_ABSENT] = ROW(LOST, TIMEOUT, "it has left and is not there"),
                [DEST_INCOMING] = ROW(WAIT, NOW, "the views are of different moments"),
                [DEST_ARRIVED] = ROW(MOVED, NOW, "completed"),
                [DEST_RUNNING] = ROW(MOVED, NOW, "completed"),
                [DEST_POSTCOPY] =
                    ROW(MOVED, TIMEOUT, "the source has sent all, or would not be gone"),
                [DEST_BROKEN] = ROW(HALVED, TIMEOUT, "the source is gone and cannot send the rest"),
                [DEST_OFF] = ROW(MOVED_OFF, NOW, "completed, and stopped since"),
                [DEST_FAILED] = ROW(MOVED_OFF, NOW, "it ran there, and stopped since"),
            },
        [SOURCE_OFF] =
            {
                [DEST_UNREACHABLE] = ROW(ABANDONED_OFF, DEST_GIVEN_UP,
                    "the source may have stopped after the switchover"),
                [DEST_ABSENT] = ROW(STAYED_OFF, SETTLED, "the guest or its host stopped"),
                [DEST_INCOMING] = ROW(STAYED_OFF, TIMEOUT, "the guest or its host stopped"),
                [DEST_ARRIVED] = ROW(MOVED, NOW, "the source stopped after the switchover"),
                [DEST_RUNNING] = ROW(MOVED, NOW, "the source stopped after the switchover"),
                [DEST_POSTCOPY] = ROW(HALVED, TIMEOUT, "the source is dead and sends no more"),
                [DEST_BROKEN] = ROW(HALVED, SETTLED, "the source is dead and sends no more"),
                [DEST_OFF] = ROW(MOVED_OFF, NOW, "it arrived, and both have stopped since"),
                [DEST_FAILED] =
                    ROW(LOST, TIMEOUT, "which of the two disks is newer cannot be told"),
            },
};
#undef ROW

const DecideRow *
decide_row(SourceSide source, DestSide dest)
{
    return &table[source][dest];
}

static bool
is_patient_enough(Patience patience, const DecideFacts *facts)
{
    switch (patience) {
    case PATIENCE_NOW: return true;
    case PATIENCE_SETTLED: return facts->waited_us >= facts->settle_us;
    case PATIENCE_TIMEOUT: return facts->waited_us >= facts->timeout_us;
    case PATIENCE_DEST_DEAD:
        return (facts->is_dest_dead && facts->waited_us >= facts->settle_us) ||
            facts->waited_us >= facts->timeout_us;
    case PATIENCE_DEST_FENCED:
        return facts->is_dest_dead && facts->waited_us >= facts->settle_us;
    case PATIENCE_DEST_GIVEN_UP:
        return facts->is_dest_dead && facts->is_cancelled && facts->waited_us >= facts->settle_us;
    case PATIENCE_GIVEN_UP:
        return (facts->is_fenced && facts->waited_us >= facts->settle_us) ||
            (facts->is_cancelled && facts->waited_us >= facts->timeout_us);
    }
    g_assert_not_reached();
}

Decision
decide(const DecideFacts *facts)
{
    SourceSide source = decide_source_side(facts->source);
    DestSide dest = decide_dest_side(facts->dest, facts->operation);
    const DecideRow *row = decide_row(source, dest);
    if (is_patient_enough(row->patience, facts)) {
        return row->decision;
    }
    bool is_silent = source == SOURCE_UNREACHABLE || dest == DEST_UNREACHABLE;
    return is_silent ? DECISION_ASK : DECISION_WAIT;
}
