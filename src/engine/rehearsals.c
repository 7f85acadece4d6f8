/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* An ask: whether a host starts a twin of a guest. */
#include "engine/internal.h"

typedef struct RehearsalAsk {
    Engine *engine;
    char *instance_id;
    char *source_host;
    char *dest_host;
    GuestTopology *topology; /* NULL: none */
    EngineRehearsalDone done;
    void *data;
    HypervisorHost *source; /* of the call */
    HypervisorHost *dest;
    int64_t since_us;
    GError *error;
} RehearsalAsk;

static void
ask_free(void *data)
{
    RehearsalAsk *ask = data;

    g_clear_pointer(&ask->source, hypervisor_host_unref);
    g_clear_pointer(&ask->dest, hypervisor_host_unref);
    g_clear_pointer(&ask->topology, guest_topology_free);
    g_clear_error(&ask->error);
    g_free(ask->instance_id);
    g_free(ask->source_host);
    g_free(ask->dest_host);
    g_free(ask);
}

static void
answer(const RehearsalAsk *ask)
{
    bool is_refusal = error_is(ask->error, ERROR_HYPERVISOR_REFUSED);
    Rehearsal rehearsal = {
        .host = ask->dest_host,
        .refusal = is_refusal ? ask->error->message : NULL,
        .problem = ask->error != NULL && !is_refusal ? ask->error->message : NULL,
        .elapsed_ms = (engine_now_us(ask->engine) - ask->since_us) / 1000,
    };

    ask->done(&rehearsal, ask->data);
}

static void
run_rehearsal(void *data)
{
    RehearsalAsk *ask = data;
    MigrateRequest request = {.uuid = ask->instance_id, .topology = ask->topology};

    hypervisor_rehearse(ask->dest, ask->source, &request, &ask->error);
    g_clear_pointer(&ask->source, hypervisor_host_unref);
    g_clear_pointer(&ask->dest, hypervisor_host_unref);
}

static void
on_rehearsal(void *data, bool cancelled)
{
    RehearsalAsk *ask = data;

    if (cancelled && ask->error == NULL) {
        error_set(&ask->error, ERROR_HYPERVISOR_DOWN, "the daemon is ending");
    }
    answer(ask);
}

static HypervisorHost *
take_session(RehearsalAsk *ask, const char *host)
{
    HypervisorHost *session = hosts_find_session(ask->engine, host);

    if (session == NULL) {
        g_clear_error(&ask->error);
        error_set(&ask->error, ERROR_HYPERVISOR_DOWN, "host '%s' is not connected", host);
        return NULL;
    }
    return hypervisor_host_ref(session);
}

static void
begin(Engine *engine, void *data)
{
    RehearsalAsk *ask = data;

    ask->since_us = engine_now_us(engine);
    ask->source = take_session(ask, ask->source_host);
    ask->dest = take_session(ask, ask->dest_host);
    if (ask->error != NULL) {
        answer(ask);
        ask_free(ask);
        return;
    }
    calls_submit(engine->context.calls, LANE_SHORT, ask->dest_host, run_rehearsal, on_rehearsal,
        ask, ask_free);
}

void
engine_ask_rehearsal(Engine *engine, const char *instance_id, const char *source_host,
    const char *dest_host, const char *topology, EngineRehearsalDone done, void *data)
{
    RehearsalAsk *ask = g_new0(RehearsalAsk, 1);

    *ask = (RehearsalAsk){
        .engine = engine,
        .instance_id = g_strdup(instance_id),
        .source_host = g_strdup(source_host),
        .dest_host = g_strdup(dest_host),
        .topology = topology != NULL ? guest_topology_parse(topology) : NULL,
        .done = done,
        .data = data,
    };
    engine_post_away(engine, begin, ask, ask_free);
}
