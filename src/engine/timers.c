/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "engine/timers.h"

/* Wall time may jump: the sleep is never longer than this, and then measured again. */
#define SLEEP_MAX_US (10 * G_USEC_PER_SEC)

struct Timers {
    const Clock *clock;
    GSource *source;
    GSequence *order; /* of Timer, the next one first */
};

typedef struct TimersSource {
    GSource source;
    Timers *timers;
} TimersSource;

static int
compare(gconstpointer a, gconstpointer b, gpointer data)
{
    const Timer *one = a;
    const Timer *two = b;
    return one->when_us < two->when_us ? -1 : one->when_us > two->when_us;
}

static void
arm(Timers *timers)
{
    if (g_sequence_is_empty(timers->order)) {
        g_source_set_ready_time(timers->source, -1);
        return;
    }
    const Timer *next = g_sequence_get(g_sequence_get_begin_iter(timers->order));
    int64_t wait_us = next->when_us - clock_now_us(timers->clock);
    g_source_set_ready_time(
        timers->source, g_get_monotonic_time() + CLAMP(wait_us, 0, SLEEP_MAX_US));
}

static gboolean
dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    Timers *timers = ((TimersSource *)source)->timers;
    int64_t now_us = clock_now_us(timers->clock);

    while (!g_sequence_is_empty(timers->order)) {
        Timer *timer = g_sequence_get(g_sequence_get_begin_iter(timers->order));
        if (timer->when_us > now_us) {
            break;
        }
        g_sequence_remove(timer->place);
        timer->place = NULL;
        timer->fire(timer->data);
    }
    arm(timers);
    return G_SOURCE_CONTINUE;
}

Timers *
timers_new(GMainContext *context, const Clock *clock)
{
    static GSourceFuncs functions = {.dispatch = dispatch};
    Timers *timers = g_new0(Timers, 1);

    timers->clock = clock;
    timers->order = g_sequence_new(NULL);
    timers->source = g_source_new(&functions, sizeof(TimersSource));
    ((TimersSource *)timers->source)->timers = timers;
    g_source_set_static_name(timers->source, "timers");
    g_source_attach(timers->source, context);
    return timers;
}

void
timers_free(Timers *timers)
{
    if (timers == NULL) {
        return;
    }
    g_source_destroy(timers->source);
    g_source_unref(timers->source);
    g_sequence_free(timers->order);
    g_free(timers);
}

void
timer_clear(Timers *timers, Timer *timer)
{
    if (timer->place != NULL) {
        g_sequence_remove(timer->place);
        timer->place = NULL;
    }
}

void
timer_set(Timers *timers, Timer *timer, int64_t when_us, void (*fire)(void *data), void *data)
{
    timer_clear(timers, timer);
    timer->fire = fire;
    timer->data = data;
    timer->when_us = when_us;
    timer->place = g_sequence_insert_sorted(timers->order, timer, compare, NULL);
    if (g_sequence_iter_is_begin(timer->place)) {
        arm(timers);
    }
}
