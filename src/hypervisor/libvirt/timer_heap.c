/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/timer_heap.h"

static Timer *
timer_at(const GPtrArray *heap, unsigned int position)
{
    return g_ptr_array_index(heap, position);
}

static void
timer_put(GPtrArray *heap, unsigned int position, Timer *timer)
{
    g_ptr_array_index(heap, position) = timer;
    timer->position = position;
}

static void
sift_up(GPtrArray *heap, Timer *timer)
{
    unsigned int position = timer->position;

    while (position > 0) {
        Timer *parent = timer_at(heap, (position - 1) / 2);
        if (parent->due_us <= timer->due_us) {
            break;
        }
        timer_put(heap, position, parent);
        position = (position - 1) / 2;
    }
    timer_put(heap, position, timer);
}

static void
sift_down(GPtrArray *heap, Timer *timer)
{
    unsigned int position = timer->position;

    for (unsigned int child = 2 * position + 1; child < heap->len; child = 2 * position + 1) {
        if (child + 1 < heap->len &&
            timer_at(heap, child + 1)->due_us < timer_at(heap, child)->due_us) {
            child++;
        }
        if (timer_at(heap, child)->due_us >= timer->due_us) {
            break;
        }
        timer_put(heap, position, timer_at(heap, child));
        position = child;
    }
    timer_put(heap, position, timer);
}

void
timer_heap_insert(GPtrArray *heap, Timer *timer)
{
    timer->position = heap->len;
    timer->is_queued = true;
    g_ptr_array_add(heap, timer);
    sift_up(heap, timer);
}

void
timer_heap_remove(GPtrArray *heap, Timer *timer)
{
    if (!timer->is_queued) {
        return;
    }
    Timer *last = timer_at(heap, heap->len - 1);
    g_ptr_array_set_size(heap, (int)heap->len - 1);
    if (last != timer) {
        timer_put(heap, timer->position, last);
        sift_up(heap, last);
        sift_down(heap, last);
    }
    timer->is_queued = false;
}

Timer *
timer_heap_first(const GPtrArray *heap)
{
    return heap->len > 0 ? timer_at(heap, 0) : NULL;
}
