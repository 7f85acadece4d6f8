/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Takes the place of hypervisor/calls.c: the same contract, in virtual time. Each call runs on a
 * thread of its own, but only one runs at a time: the next begins when it has returned or waits
 * inside the fleet. Begin and result are delayed by what the seed says. */
#include "tests/sim/sim.h"

typedef enum { ITEM_WAITING, ITEM_RUNNING, ITEM_RETURNED } ItemState;

typedef struct Item {
    Calls *calls;
    uint64_t id;
    char *host;
    CallRun run;
    CallDone done;
    void *data;
    GDestroyNotify free_data;
    int64_t begin_us;
    int64_t done_us; /* once it has returned */
    ItemState state; /* under the lock while RUNNING */
    bool is_abandoned;
} Item;

struct Calls {
    Sim *sim;
    GPtrArray *items; /* in the order of their ids */
    uint64_t last_id;
    GMutex lock; /* n_active and the states of running items */
    GCond cond;
    int n_active; /* workers that neither have returned nor wait inside the fleet */
};

/* What this call's own faults are drawn from: the order of workers must not matter. */
static __thread uint64_t worker_draw;

static void
on_block(bool blocked, void *data)
{
    Calls *calls = data;
    g_mutex_lock(&calls->lock);
    calls->n_active += blocked ? -1 : 1;
    g_cond_broadcast(&calls->cond);
    g_mutex_unlock(&calls->lock);
}

/* ---- faults: some calls fail before their effect, of some the result is lost ---- */

static bool
draw(Sim *sim, const char *verb, int percent)
{
    Rng rng = {worker_draw ^ g_str_hash(verb)};
    worker_draw = rng_next(&rng);
    return !sim->is_calm && (int)(worker_draw % 1000) < percent * 10;
}

static bool
is_spared(const char *verb)
{
    return g_str_equal(verb, "open") || g_str_equal(verb, "probe");
}

static bool
fault_before(void *data, const char *verb, const char *host, GError **error)
{
    Sim *sim = data;
    if (is_spared(verb) || !draw(sim, verb, sim->fault_percent)) {
        return true;
    }
    sim_log(sim, "   fault: %s on %s refused", verb, host);
    return error_set(error, ERROR_HYPERVISOR_REFUSED, "injected: '%s' refused", verb);
}

static bool
fault_after(void *data, const char *verb, const char *host, GError **error)
{
    Sim *sim = data;
    if (is_spared(verb) || !draw(sim, verb, sim->fault_percent)) {
        return true;
    }
    sim_log(sim, "   fault: result of %s on %s lost", verb, host);
    return error_set(error, ERROR_OUTCOME_UNKNOWN, "injected: result of '%s' lost", verb);
}

void
sim_calls_init(Sim *sim)
{
    Calls *calls = calls_new(NULL, 0);
    calls->sim = sim;
    sim->context.calls = calls;
    fake_set_block_hook(sim->fleet, on_block, calls);
    hypervisor_add_filter(sim->fleet,
        (HypervisorFilter){
            .name = "sim", .before = fault_before, .after = fault_after, .data = sim});
}

/* ---- the contract of calls.h ---- */

static void
item_free(void *data)
{
    Item *item = data;
    item->free_data(item->data);
    g_free(item->host);
    g_free(item);
}

Calls *
calls_new(GMainContext *context, int max_transfers)
{
    Calls *calls = g_new0(Calls, 1);
    calls->items = g_ptr_array_new_with_free_func(item_free);
    g_mutex_init(&calls->lock);
    g_cond_init(&calls->cond);
    return calls;
}

void
calls_submit(Calls *calls, CallLane lane, const char *host, CallRun run, CallDone done, void *data,
    GDestroyNotify free_data)
{
    Sim *sim = calls->sim;
    const SimHost *slow = host != NULL ? sim_find_host(sim, host) : NULL;
    bool is_slow = slow != NULL && slow->slow_until_us > sim->now_us;
    Item *item = g_new0(Item, 1);
    item->calls = calls;
    item->id = ++calls->last_id;
    item->host = g_strdup(host);
    item->run = run;
    item->done = done;
    item->data = data;
    item->free_data = free_data;
    item->begin_us = sim->now_us + rng_below(&sim->rng, is_slow ? 20 * SECOND_US : 2000);
    g_ptr_array_add(calls->items, item);
}

/* What was given up says so itself, once it is its turn. */
void
calls_drop(Calls *calls, CallLane lane, const char *host, const void *data)
{
}

int
calls_count(Calls *calls, CallLane lane)
{
    return (int)calls->items->len;
}

void
calls_stop(Calls *calls)
{
    sim_calls_abandon(calls);
}

void
calls_free(Calls *calls)
{
    g_ptr_array_unref(calls->items);
    g_mutex_clear(&calls->lock);
    g_cond_clear(&calls->cond);
    g_free(calls);
}

/* ---- running ---- */

static void *
run_item(void *data)
{
    Item *item = data;
    Calls *calls = item->calls;
    worker_draw = calls->sim->seed * 1000003 + item->id;
    item->run(item->data);
    g_mutex_lock(&calls->lock);
    item->state = ITEM_RETURNED;
    calls->n_active--;
    g_cond_broadcast(&calls->cond);
    g_mutex_unlock(&calls->lock);
    return NULL;
}

void
sim_calls_quiesce(Calls *calls)
{
    g_mutex_lock(&calls->lock);
    while (calls->n_active > 0) {
        g_cond_wait(&calls->cond, &calls->lock);
    }
    g_mutex_unlock(&calls->lock);
}

static void
begin(Item *item)
{
    Calls *calls = item->calls;
    g_mutex_lock(&calls->lock);
    item->state = ITEM_RUNNING;
    calls->n_active++;
    g_mutex_unlock(&calls->lock);
    g_thread_unref(g_thread_new("worker", run_item, item));
    sim_calls_quiesce(calls);
}

static ItemState
state_of(Item *item)
{
    g_mutex_lock(&item->calls->lock);
    ItemState state = item->state;
    g_mutex_unlock(&item->calls->lock);
    return state;
}

/* Results are on their way for a while. */
static void
time_results(Calls *calls)
{
    for (unsigned i = 0; i < calls->items->len; i++) {
        Item *item = calls->items->pdata[i];
        if (state_of(item) == ITEM_RETURNED && item->done_us == 0) {
            item->done_us = calls->sim->now_us + rng_below(&calls->sim->rng, 1000);
        }
    }
}

int64_t
sim_calls_next_due_us(Calls *calls)
{
    int64_t due_us = INT64_MAX;
    time_results(calls);
    for (unsigned i = 0; i < calls->items->len; i++) {
        Item *item = calls->items->pdata[i];
        switch (state_of(item)) {
        case ITEM_WAITING: due_us = MIN(due_us, item->begin_us); break;
        case ITEM_RUNNING: break;
        case ITEM_RETURNED: due_us = MIN(due_us, item->done_us); break;
        }
    }
    return due_us;
}

static bool
advance(Calls *calls, unsigned index)
{
    Item *item = calls->items->pdata[index];
    int64_t now_us = calls->sim->now_us;
    switch (state_of(item)) {
    case ITEM_RUNNING: return false;
    case ITEM_WAITING:
        if (item->begin_us > now_us) {
            return false;
        }
        begin(item);
        time_results(calls);
        return true;
    case ITEM_RETURNED: break;
    }
    if (item->done_us > now_us) {
        return false;
    }
    g_ptr_array_steal_index(calls->items, index);
    if (!item->is_abandoned) {
        item->done(item->data, false);
    }
    item_free(item);
    return true;
}

bool
sim_calls_run_due(Calls *calls)
{
    time_results(calls);
    for (unsigned i = 0; i < calls->items->len; i++) {
        if (advance(calls, i)) {
            return true;
        }
    }
    return false;
}

void
sim_calls_abandon(Calls *calls)
{
    for (unsigned i = calls->items->len; i-- > 0;) {
        Item *item = calls->items->pdata[i];
        item->is_abandoned = true;
        if (state_of(item) == ITEM_WAITING) {
            g_ptr_array_remove_index(calls->items, i);
        }
    }
}
