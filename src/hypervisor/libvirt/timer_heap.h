/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* A binary heap of timers by due time. Not thread-safe: the event loop holds its lock. */
#include <glib.h>
#include <libvirt/libvirt.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Timer {
    int id;
    int interval_ms;       /* -1 = switched off, and then not in the heap */
    int64_t due_us;        /* monotonic */
    unsigned int position; /* in the heap, from 0 */
    bool is_queued;
    virEventTimeoutCallback callback;
    void *data;
    virFreeCallback free_data;
} Timer;

/* heap is a GPtrArray of Timer, not owned. */
void timer_heap_insert(GPtrArray *heap, Timer *timer);
void timer_heap_remove(GPtrArray *heap, Timer *timer);
/* NULL when it is empty. */
Timer *timer_heap_first(const GPtrArray *heap);
