/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What is really free on a host, read when somebody is about to take it: a look at everything that
 * a host is comes every ten minutes, and memory does not wait for it. */
#include "engine/internal.h"

/* Knowledge of that age needs no question: guests that come meanwhile are counted, and what others
 * take in it could as well be taken just after. */
#define FRESH_US (2 * G_USEC_PER_SEC)
/* A host that does not answer in that time is taken as it is known. */
#define PATIENCE_US (5 * G_USEC_PER_SEC)
/* An operation asks so many hosts, however often one after the other turns out to be full. */
enum { MAX_ASKED = 16 };

/* A request that waits for several. */
typedef struct MemoryAsk {
    int refs; /* of its calls, and one while it is begun */
    Engine *engine;
    char **hosts;
    EngineMemoryDone done; /* NULL: it was called */
    void *data;
    unsigned n_open; /* calls */
    Timer timer;
} MemoryAsk;

typedef struct MemoryCall {
    MemoryAsk *ask; /* NULL: operations wait, or nobody */
    Engine *engine;
    char *name;
    uint64_t session;
    HypervisorHost *host;
    int64_t asked_us;
    HostMemory memory;
    GError *error;
} MemoryCall;

static void
ask_unref(MemoryAsk *ask)
{
    if (--ask->refs > 0) {
        return;
    }
    timer_clear(ask->engine->timers, &ask->timer);
    g_strfreev(ask->hosts);
    g_free(ask);
}

static void
ask_finish(void *data)
{
    MemoryAsk *ask = data;
    EngineMemoryDone done = ask->done;

    ask->done = NULL;
    timer_clear(ask->engine->timers, &ask->timer);
    if (done != NULL) {
        done(ask->data);
    }
}

static void
call_free(void *data)
{
    MemoryCall *call = data;

    g_clear_pointer(&call->ask, ask_unref);
    g_clear_pointer(&call->host, hypervisor_host_unref);
    g_clear_error(&call->error);
    g_free(call->name);
    g_free(call);
}

static void
run_call(void *data)
{
    MemoryCall *call = data;

    hypervisor_read_memory(call->host, &call->memory, &call->error);
    g_clear_pointer(&call->host, hypervisor_host_unref);
}

/* Drains may wait for it as well. */
static void
take_memory(HostLink *link, const MemoryCall *call)
{
    HostFacts *facts = &link->row->facts;
    const HostMemory *memory = &call->memory;
    g_autoptr(GError) error = NULL;

    link->sign_us = engine_now_us(link->engine);
    if (facts->memory_mib != memory->total_mib || facts->memory_free_mib != memory->free_mib) {
        if (!store_set_host_memory(link->engine->context.store, call->name, memory, &error)) {
            log_error("cannot write what host '%s' has: %s", call->name, error->message);
            return;
        }
        facts->memory_mib = memory->total_mib;
        facts->memory_free_mib = memory->free_mib;
        drains_on_closed(link->engine);
    }
    link->memory_us = call->asked_us;
}

static void
on_called(void *data, bool cancelled)
{
    MemoryCall *call = data;
    HostLink *link = cancelled ? NULL : hosts_find(call->engine, call->name);

    if (link != NULL && call->error == NULL && link->session == call->session) {
        take_memory(link, call);
    }
    if (call->ask != NULL && --call->ask->n_open == 0) {
        ask_finish(call->ask);
    }
    if (link == NULL || call->ask != NULL || link->memory_session != call->session) {
        return;
    }
    link->memory_session = 0;
    g_autoptr(GArray) waiters = g_steal_pointer(&link->memory_waiters);
    for (unsigned i = 0; waiters != NULL && i < waiters->len; i++) {
        OperationContext *context = &call->engine->context;
        context->wake(context, g_array_index(waiters, int64_t, i));
    }
}

static void
submit(HostLink *link, MemoryAsk *ask)
{
    Engine *engine = link->engine;
    MemoryCall *call = g_new0(MemoryCall, 1);

    call->engine = engine;
    call->name = g_strdup(link->row->name);
    call->session = link->session;
    call->host = hypervisor_host_ref(link->host);
    call->asked_us = engine_now_us(engine);
    if (ask != NULL) {
        call->ask = ask;
        ask->refs++;
        ask->n_open++;
    } else {
        link->memory_session = link->session;
    }
    calls_submit(
        engine->context.calls, LANE_SHORT, call->name, run_call, on_called, call, call_free);
}

static bool
is_fresh(const HostLink *link)
{
    return link->memory_us != 0 && link->memory_us >= link->changed_us &&
        engine_now_us(link->engine) - link->memory_us < FRESH_US;
}

static bool
is_asking(const HostLink *link)
{
    return link->memory_session != 0 && link->memory_session == link->session;
}

static MemoryAnswer
wait_for(HostLink *link, EngineTask *task, int64_t asked_us)
{
    OperationContext *context = &link->engine->context;

    if (link->memory_waiters == NULL) {
        link->memory_waiters = g_array_new(FALSE, FALSE, sizeof(int64_t));
    }
    g_array_append_val(link->memory_waiters, task->id);
    context->wake_at(context, task->id, asked_us + PATIENCE_US);
    return MEMORY_ASKED;
}

static MemoryAnswer
settle(EngineTask *task, const char *host)
{
    g_hash_table_replace(task->memory, g_strdup(host), g_new0(int64_t, 1));
    return MEMORY_TOLD;
}

static MemoryAnswer
ask_for(HostLink *link, EngineTask *task, const char *host)
{
    int64_t now_us = engine_now_us(link->engine);
    const int64_t *asked_us = g_hash_table_lookup(task->memory, host);

    if (asked_us != NULL && *asked_us == 0) {
        return MEMORY_SETTLED;
    }
    if (is_fresh(link)) {
        return settle(task, host);
    }
    if (asked_us != NULL) {
        return is_asking(link) && now_us < *asked_us + PATIENCE_US
            ? wait_for(link, task, *asked_us)
            : settle(task, host);
    }
    if (g_hash_table_size(task->memory) >= MAX_ASKED) {
        return MEMORY_SETTLED;
    }
    g_hash_table_insert(task->memory, g_strdup(host), g_memdup2(&now_us, sizeof now_us));
    if (!is_asking(link)) {
        submit(link, NULL);
    }
    return wait_for(link, task, now_us);
}

MemoryAnswer
memory_read(Engine *engine, int64_t operation_id, const char *host)
{
    HostLink *link = hosts_find(engine, host);
    EngineTask *task = operation_id != 0 ? tasks_find(engine, operation_id) : NULL;

    if (link == NULL || link->state != LINK_CONNECTED || !link->row->has_facts) {
        return MEMORY_SETTLED;
    }
    if (task != NULL) {
        if (task->memory == NULL) {
            task->memory = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        }
        return ask_for(link, task, host);
    }
    if (!is_fresh(link) && !is_asking(link)) {
        submit(link, NULL);
    }
    return MEMORY_SETTLED;
}

/* ---- for requests ---- */

static void
begin_ask(Engine *engine, void *data)
{
    MemoryAsk *ask = data;

    for (size_t i = 0; ask->hosts[i] != NULL; i++) {
        HostLink *link = hosts_find(engine, ask->hosts[i]);
        if (link != NULL && link->state == LINK_CONNECTED && link->row->has_facts &&
            !is_fresh(link)) {
            submit(link, ask);
        }
    }
    if (ask->n_open == 0) {
        ask_finish(ask);
    } else {
        int64_t until_us = engine_now_us(engine) + PATIENCE_US;
        timer_set(engine->timers, &ask->timer, until_us, ask_finish, ask);
    }
    ask_unref(ask);
}

void
engine_ask_memory(Engine *engine, char *const *hosts, EngineMemoryDone done, void *data)
{
    MemoryAsk *ask = g_new0(MemoryAsk, 1);

    *ask = (MemoryAsk){
        .refs = 1,
        .engine = engine,
        .hosts = g_strdupv((char **)hosts),
        .done = done,
        .data = data,
    };
    engine_post_away(engine, begin_ask, ask, (GDestroyNotify)ask_unref);
}
