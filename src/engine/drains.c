/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* When drains are looked at. What they do then is in drain/. */
#include "drain/drain.h"

#include "engine/internal.h"

static void
on_timer(void *data)
{
    drains_pass(data);
}

static void
look_at(Engine *engine, int64_t when_us)
{
    Timer *timer = &engine->drains_timer;

    when_us = MAX(when_us, engine->next_drains_us);
    if (timer->place == NULL || timer->when_us > when_us) {
        timer_set(engine->timers, timer, when_us, on_timer, engine);
    }
}

void
drains_pass(Engine *engine)
{
    engine_assert_thread(engine);
    int64_t begin_us = engine_now_us(engine);
    DrainOutlook outlook = drain_pass(&engine->context);
    int64_t end_us = engine_now_us(engine);

    engine->has_drains = outlook.has_open;
    engine->next_drains_us = end_us + 2 * MAX(end_us - begin_us, 0);
    if (outlook.has_asked) {
        tasks_nudge(engine);
    }
    if (outlook.next_us != INT64_MAX) {
        look_at(engine, outlook.next_us);
    }
}

void
drains_on_closed(Engine *engine)
{
    if (engine->has_drains) {
        look_at(engine, engine_now_us(engine));
    }
}

static void
run_nudge(Engine *engine, void *data)
{
    look_at(engine, engine_now_us(engine));
}

void
engine_nudge_drains(Engine *engine)
{
    engine_post(engine, run_nudge, NULL, NULL);
}
