/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* An ask: whether a guest may leave its host, and which hosts can give it its platform. Its host
 * tells what it is, and of each class of hosts for which nothing is known one is asked; answers are
 * kept in the store. */
#include "engine/internal.h"

#include "model/diagnosis.h"

/* Classes asked at once; a fleet has a few. The rest is asked the next time. */
enum { ASKED_MAX = 16 };
/* A host that does not answer keeps nobody waiting longer. */
#define PATIENCE_US (5 * G_USEC_PER_SEC)

typedef struct GuestAsk {
    int refs;
    Engine *engine;
    char *instance_id;
    char *source_host;
    EngineGuestDone done; /* NULL: it was called */
    void *data;
    char *platform; /* of the guest; NULL: not told, or it names none */
    char *key;
    char *stays; /* as EngineGuest */
    unsigned n_open; /* calls */
    Timer timer;
} GuestAsk;

/* One call to one host. */
typedef struct GuestCall {
    GuestAsk *ask;
    HypervisorHost *host;
    char *platform;
    char *host_class;
    char *stays;
    GError *error;
} GuestCall;

static void
ask_unref(GuestAsk *ask)
{
    if (--ask->refs > 0) {
        return;
    }
    timer_clear(ask->engine->timers, &ask->timer);
    g_free(ask->instance_id);
    g_free(ask->source_host);
    g_free(ask->platform);
    g_free(ask->key);
    g_free(ask->stays);
    g_free(ask);
}

static void
call_free(void *data)
{
    GuestCall *call = data;

    g_clear_pointer(&call->host, hypervisor_host_unref);
    g_free(call->platform);
    g_free(call->host_class);
    g_free(call->stays);
    g_clear_error(&call->error);
    g_free(call);
}

static GuestCall *
call_new(GuestAsk *ask, HypervisorHost *host)
{
    GuestCall *call = g_new0(GuestCall, 1);

    call->ask = ask;
    call->host = hypervisor_host_ref(host);
    call->platform = g_strdup(ask->platform);
    ask->refs++;
    ask->n_open++;
    return call;
}

static void
finish(GuestAsk *ask)
{
    EngineGuestDone done = ask->done;

    ask->done = NULL;
    timer_clear(ask->engine->timers, &ask->timer);
    if (done != NULL) {
        done(&(EngineGuest){.platform = ask->key, .stays = ask->stays}, ask->data);
    }
}

static void
end_call(GuestAsk *ask)
{
    ask->n_open--;
    if (ask->n_open == 0) {
        finish(ask);
    }
    ask_unref(ask);
}

static void
on_late(void *data)
{
    finish(data);
}

/* ---- the hosts ---- */

static void
run_compare(void *data)
{
    GuestCall *call = data;

    hypervisor_compare_platform(call->host, call->platform, &call->host_class, &call->error);
}

/* Whatever else went wrong is no answer. */
static void
keep_answer(const GuestCall *call)
{
    bool is_no = error_is(call->error, ERROR_HYPERVISOR_REFUSED);
    g_autoptr(GError) error = NULL;
    PlatformAnswer answer = {
        .asked_host = (char *)hypervisor_host_name(call->host),
        .refusal = is_no ? call->error->message : NULL,
    };

    if (call->host_class == NULL || (call->error != NULL && !is_no)) {
        return;
    }
    if (!store_put_platform_answer(
            call->ask->engine->context.store, call->ask->key, call->host_class, &answer, &error)) {
        log_error("cannot keep what host '%s' says of a guest's platform: %s", answer.asked_host,
            error->message);
    }
}

static void
on_compared(void *data, bool cancelled)
{
    GuestCall *call = data;

    if (!cancelled) {
        keep_answer(call);
    }
    end_call(call->ask);
}

static void
ask_hosts(GuestAsk *ask)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) names =
        store_list_platform_unasked(ask->engine->context.store, ask->key, &error);

    if (names == NULL) {
        log_error("cannot list the hosts to ask for a processor: %s", error->message);
        return;
    }
    for (unsigned i = 0; i < names->len && i < ASKED_MAX; i++) {
        const char *name = names->pdata[i];
        HypervisorHost *host = hosts_find_session(ask->engine, name);
        if (host != NULL) {
            calls_submit(ask->engine->context.calls, LANE_SHORT, name, run_compare, on_compared,
                call_new(ask, host), call_free);
        }
    }
}

/* ---- the guest ---- */

static void
run_describe(void *data)
{
    GuestCall *call = data;
    g_autoptr(GError) error = NULL;

    bool may = hypervisor_check_source(call->host, call->ask->instance_id, &error);
    if (may || error_is(error, ERROR_UNSUPPORTED)) {
        call->stays = g_strdup(may ? "" : error->message);
    }
    call->platform = hypervisor_describe_platform(call->host, call->ask->instance_id, &call->error);
}

/* For whoever plans a drain. */
static void
note_guest(const GuestAsk *ask)
{
    g_autoptr(GError) error = NULL;

    if (!store_note_guest_platform(
            ask->engine->context.store, ask->instance_id, ask->key, &error)) {
        log_error("cannot keep what processor instance %s has: %s", ask->instance_id,
            error->message);
    }
}

static void
on_described(void *data, bool cancelled)
{
    GuestCall *call = data;
    GuestAsk *ask = call->ask;

    ask->stays = g_steal_pointer(&call->stays);
    if (!cancelled && call->platform != NULL) {
        ask->platform = g_steal_pointer(&call->platform);
        ask->key = platform_answer_make_key(ask->platform);
        note_guest(ask);
        ask_hosts(ask);
    }
    end_call(ask);
}

static void
begin(Engine *engine, void *data)
{
    GuestAsk *ask = data;
    HypervisorHost *host = hosts_find_session(engine, ask->source_host);

    timer_set(
        engine->timers, &ask->timer, engine_now_us(engine) + PATIENCE_US, on_late, ask);
    if (host == NULL) {
        finish(ask);
    } else {
        calls_submit(engine->context.calls, LANE_SHORT, ask->source_host, run_describe,
            on_described, call_new(ask, host), call_free);
    }
    ask_unref(ask);
}

void
engine_ask_guest(Engine *engine, const char *instance_id, const char *source_host,
    EngineGuestDone done, void *data)
{
    GuestAsk *ask = g_new0(GuestAsk, 1);

    *ask = (GuestAsk){
        .refs = 1,
        .engine = engine,
        .instance_id = g_strdup(instance_id),
        .source_host = g_strdup(source_host),
        .done = done,
        .data = data,
    };
    engine_post_away(engine, begin, ask, (GDestroyNotify)ask_unref);
}
