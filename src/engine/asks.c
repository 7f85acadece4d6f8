/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Questions that a request has to several hosts at once. */
#include "engine/internal.h"

typedef struct BaselineAsk {
    Engine *engine;
    char **names;
    EngineBaselineDone done;
    void *data;
    GPtrArray *hosts; /* of HypervisorHost, in the order of the names */
    CpuBaseline *baseline;
    GError *error;
} BaselineAsk;

static void
ask_free(void *data)
{
    BaselineAsk *ask = data;

    g_strfreev(ask->names);
    g_clear_pointer(&ask->hosts, g_ptr_array_unref);
    g_clear_pointer(&ask->baseline, cpu_baseline_free);
    g_clear_error(&ask->error);
    g_free(ask);
}

static void
unref_host(void *host)
{
    hypervisor_host_unref(host);
}

static void
run_baseline(void *data)
{
    BaselineAsk *ask = data;

    ask->baseline = hypervisor_baseline_cpu(
        (HypervisorHost *const *)ask->hosts->pdata, (int)ask->hosts->len, &ask->error);
    g_clear_pointer(&ask->hosts, g_ptr_array_unref);
}

static void
on_baseline(void *data, bool cancelled)
{
    BaselineAsk *ask = data;

    if (cancelled && ask->error == NULL) {
        error_set(&ask->error, ERROR_HYPERVISOR_DOWN, "the daemon is ending");
    }
    ask->done(ask->baseline, ask->error, ask->data);
}

static bool
take_sessions(BaselineAsk *ask)
{
    ask->hosts = g_ptr_array_new_with_free_func(unref_host);
    for (int i = 0; ask->names[i] != NULL; i++) {
        HypervisorHost *session = hosts_find_session(ask->engine, ask->names[i]);
        if (session == NULL) {
            return error_set(&ask->error, ERROR_CONFLICT,
                "host '%s' is not connected, and has to be asked: see 'drover host show %s'",
                ask->names[i], ask->names[i]);
        }
        g_ptr_array_add(ask->hosts, hypervisor_host_ref(session));
    }
    return true;
}

static void
begin_baseline(Engine *engine, void *data)
{
    BaselineAsk *ask = data;

    if (!take_sessions(ask)) {
        ask->done(NULL, ask->error, ask->data);
        ask_free(ask);
        return;
    }
    calls_submit(engine->context.calls, LANE_LONG, NULL, run_baseline, on_baseline, ask, ask_free);
}

void
engine_ask_baseline(Engine *engine, char *const *hosts, EngineBaselineDone done, void *data)
{
    BaselineAsk *ask = g_new0(BaselineAsk, 1);

    *ask = (BaselineAsk){
        .engine = engine,
        .names = g_strdupv((char **)hosts),
        .done = done,
        .data = data,
    };
    engine_post_away(engine, begin_baseline, ask, ask_free);
}
