/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/calls.h"

#include <pthread.h>

/* One mutex for all lanes, taken alone and never while a call or a callback runs. */

/* libvirt, GnuTLS and libxml2 stay well below this; the default of 8 MiB would only be reserved,
 * but 256 transfers of it are 2 GiB of address space. */
#define STACK_SIZE (256 * 1024)
#define IDLE_SECONDS 10
/* A call that has run for longer is stuck: it no longer counts against its lane, so that hosts
 * that do not answer cost a thread each but not the lane. */
#define STUCK_US G_USEC_PER_SEC

typedef struct LaneLimits {
    int threads;  /* calls that run and are not stuck */
    int per_host; /* calls of one host that run; 0 = no limit */
    int extra;    /* threads above, for stuck calls */
} LaneLimits;

static const LaneLimits lane_limits[] = {
    [LANE_SHORT] = {32, 4, 64},
    [LANE_OPEN] = {4, 1, 60},
    [LANE_LONG] = {8, 4, 0},
    [LANE_TRANSFER] = {0, 0, 0}, /* threads: max_transfers */
};
#define N_LANES G_N_ELEMENTS(lane_limits)

typedef struct HostQueue {
    char *host;     /* "" for calls without one */
    GQueue waiting; /* of Call */
    int running;
    GList *ready; /* its link in lane->ready while something waits */
} HostQueue;

typedef struct Call {
    Calls *calls; /* a reference, so that a call that outlives calls_free can still report */
    HostQueue *queue;
    CallRun run;
    CallDone done;
    void *data;
    GDestroyNotify free_data;
    bool cancelled;
    int64_t started_us; /* monotonic; valid while it runs */
} Call;

typedef struct Lane {
    Calls *calls;
    LaneLimits limits;
    GHashTable *hosts; /* name -> HostQueue, while it has something waiting or running */
    GQueue ready;      /* of HostQueue with something waiting, taken in turn */
    GQueue running;    /* of Call */
    int n_waiting;
    int n_threads;
    int n_idle;
    GCond wake;
    GSource *watch; /* while calls wait: looks again once running ones may be stuck */
} Lane;

struct Calls {
    GMutex lock; /* everything below */
    GMainContext *context;
    bool stopped;
    Lane lanes[N_LANES];
};

static void lane_dispatch(Lane *lane);

static void
host_queue_free(void *data)
{
    HostQueue *queue = data;

    g_free(queue->host);
    g_free(queue);
}

Calls *
calls_new(GMainContext *context, int max_transfers)
{
    Calls *calls = g_atomic_rc_box_new0(Calls);

    g_mutex_init(&calls->lock);
    calls->context = g_main_context_ref(context);
    for (size_t i = 0; i < N_LANES; i++) {
        Lane *lane = &calls->lanes[i];
        lane->calls = calls;
        lane->limits = lane_limits[i];
        lane->hosts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, host_queue_free);
        g_queue_init(&lane->ready);
        g_queue_init(&lane->running);
        g_cond_init(&lane->wake);
    }
    calls->lanes[LANE_TRANSFER].limits.threads = max_transfers;
    return calls;
}

static void
calls_clear(void *data)
{
    Calls *calls = data;

    for (size_t i = 0; i < N_LANES; i++) {
        g_hash_table_unref(calls->lanes[i].hosts);
        g_cond_clear(&calls->lanes[i].wake);
    }
    g_main_context_unref(calls->context);
    g_mutex_clear(&calls->lock);
}

static gboolean
call_report(void *data)
{
    Call *call = data;

    call->done(call->data, call->cancelled);
    return G_SOURCE_REMOVE;
}

static void
call_free(void *data)
{
    Call *call = data;

    if (call->free_data != NULL) {
        call->free_data(call->data);
    }
    g_atomic_rc_box_release_full(call->calls, calls_clear);
    g_free(call);
}

/* Not g_main_context_invoke: that would run done inside calls_submit when the caller's thread
 * owns the context. */
static void
call_post(Call *call)
{
    GSource *source = g_idle_source_new();

    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, call_report, call, call_free);
    g_source_attach(source, call->calls->context);
    g_source_unref(source);
}

static HostQueue *
lane_host(Lane *lane, const char *host)
{
    HostQueue *queue = g_hash_table_lookup(lane->hosts, host);

    if (queue == NULL) {
        queue = g_new0(HostQueue, 1);
        queue->host = g_strdup(host);
        g_queue_init(&queue->waiting);
        g_hash_table_insert(lane->hosts, queue->host, queue);
    }
    return queue;
}

/* A host is in the ready queue while it has something waiting; it is forgotten when it has
 * nothing at all. */
static void
lane_update_host(Lane *lane, HostQueue *queue)
{
    if (queue->ready == NULL && queue->waiting.length > 0) {
        g_queue_push_tail(&lane->ready, queue);
        queue->ready = lane->ready.tail;
    } else if (queue->ready != NULL && queue->waiting.length == 0) {
        g_queue_delete_link(&lane->ready, queue->ready);
        queue->ready = NULL;
    }
    if (queue->waiting.length == 0 && queue->running == 0) {
        g_hash_table_remove(lane->hosts, queue->host);
    }
}

static bool
call_is_stuck(const Call *call, int64_t now_us)
{
    return now_us - call->started_us > STUCK_US;
}

/* How many calls run that count against the lane: stuck ones do not, as far as extra goes. */
static int
lane_busy(const Lane *lane, int64_t now_us)
{
    int stuck = 0;

    for (GList *l = lane->running.head; l != NULL; l = l->next) {
        stuck += call_is_stuck(l->data, now_us) ? 1 : 0;
    }
    return (int)lane->running.length - MIN(stuck, lane->limits.extra);
}

/* May this host start one more call while busy others run? Once half of the lane is taken a host
 * gets one thread at a time: hosts that stop answering all at once cannot take it whole before
 * they are known to be stuck. */
static bool
lane_host_may_run(const Lane *lane, const HostQueue *queue, int busy)
{
    if (lane->limits.per_host == 0 || queue->host[0] == '\0' || queue->running == 0) {
        return true;
    }
    return queue->running < lane->limits.per_host && busy < lane->limits.threads / 2;
}

/* Takes the next call that may run, or returns NULL. */
static Call *
lane_take(Lane *lane)
{
    int64_t now_us = g_get_monotonic_time();
    int busy = lane_busy(lane, now_us);

    if (busy >= lane->limits.threads) {
        return NULL;
    }
    for (GList *l = lane->ready.head; l != NULL; l = l->next) {
        HostQueue *queue = l->data;
        if (!lane_host_may_run(lane, queue, busy)) {
            continue;
        }
        Call *call = g_queue_pop_head(&queue->waiting);
        g_queue_delete_link(&lane->ready, queue->ready);
        queue->ready = NULL;
        queue->running++;
        lane_update_host(lane, queue);
        lane->n_waiting--;
        call->started_us = now_us;
        g_queue_push_tail(&lane->running, call);
        return call;
    }
    return NULL;
}

static void
lane_run(Lane *lane, Call *call)
{
    g_mutex_unlock(&lane->calls->lock);
    call->run(call->data);
    g_mutex_lock(&lane->calls->lock);
    g_queue_remove(&lane->running, call);
    call->queue->running--;
    lane_update_host(lane, call->queue);
    call_post(call);
    if (!lane->calls->stopped) {
        lane_dispatch(lane);
    }
}

static void *
lane_worker(void *data)
{
    Lane *lane = data;
    Calls *calls = lane->calls;
    bool has_waited = false;

    g_mutex_lock(&calls->lock);
    while (true) {
        Call *call = lane_take(lane);
        if (call != NULL) {
            lane_run(lane, call);
            has_waited = false;
            continue;
        }
        if (has_waited || calls->stopped) {
            break;
        }
        lane->n_idle++;
        int64_t until = g_get_monotonic_time() + IDLE_SECONDS * G_TIME_SPAN_SECOND;
        has_waited = !g_cond_wait_until(&lane->wake, &calls->lock, until);
        lane->n_idle--;
    }
    lane->n_threads--;
    g_mutex_unlock(&calls->lock);
    g_atomic_rc_box_release_full(calls, calls_clear);
    return NULL;
}

static void
lane_start_thread(Lane *lane)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    g_atomic_rc_box_acquire(lane->calls);
    int failed = pthread_create(&thread, &attributes, lane_worker, lane);
    pthread_attr_destroy(&attributes);
    if (failed != 0) {
        g_error("cannot start a worker thread: %s", g_strerror(failed));
    }
    lane->n_threads++;
}

static gboolean
on_watch(void *data)
{
    Lane *lane = data;

    g_mutex_lock(&lane->calls->lock);
    g_clear_pointer(&lane->watch, g_source_unref);
    if (!lane->calls->stopped) {
        lane_dispatch(lane);
    }
    g_mutex_unlock(&lane->calls->lock);
    return G_SOURCE_REMOVE;
}

static void
watch_unref(void *data)
{
    Lane *lane = data;

    g_atomic_rc_box_release_full(lane->calls, calls_clear);
}

/* When everything that runs is stuck, nothing would wake the calls that wait. */
static void
lane_watch(Lane *lane)
{
    if (lane->watch != NULL || lane->limits.extra == 0) {
        return;
    }
    g_atomic_rc_box_acquire(lane->calls);
    lane->watch = g_timeout_source_new(STUCK_US / 1000 + 1);
    g_source_set_callback(lane->watch, on_watch, lane, watch_unref);
    g_source_attach(lane->watch, lane->calls->context);
}

/* Wakes or starts as many threads as calls may run now, less those that are on their way to the
 * queue already. A thread that finds nothing to take goes back to sleep, so too many are
 * harmless. */
static void
lane_dispatch(Lane *lane)
{
    int vacant = lane->limits.threads - lane_busy(lane, g_get_monotonic_time());
    int coming = lane->n_threads - lane->n_idle - (int)lane->running.length;
    int wanted = MIN(vacant, lane->n_waiting) - coming;

    for (int i = 0; i < wanted; i++) {
        if (i < lane->n_idle) {
            g_cond_signal(&lane->wake);
        } else if (lane->n_threads < lane->limits.threads + lane->limits.extra) {
            lane_start_thread(lane);
        }
    }
    if (lane->n_waiting > 0) {
        lane_watch(lane);
    }
}

void
calls_submit(Calls *calls, CallLane lane_id, const char *host, CallRun run, CallDone done,
    void *data, GDestroyNotify free_data)
{
    Lane *lane = &calls->lanes[lane_id];
    Call *call = g_new0(Call, 1);

    call->calls = g_atomic_rc_box_acquire(calls);
    call->run = run;
    call->done = done;
    call->data = data;
    call->free_data = free_data;
    g_mutex_lock(&calls->lock);
    if (calls->stopped) {
        call->cancelled = true;
        call_post(call);
    } else {
        call->queue = lane_host(lane, host != NULL ? host : "");
        g_queue_push_tail(&call->queue->waiting, call);
        lane->n_waiting++;
        lane_update_host(lane, call->queue);
        lane_dispatch(lane);
    }
    g_mutex_unlock(&calls->lock);
}

void
calls_drop(Calls *calls, CallLane lane_id, const char *host, const void *data)
{
    Lane *lane = &calls->lanes[lane_id];
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&calls->lock);
    HostQueue *queue = g_hash_table_lookup(lane->hosts, host != NULL ? host : "");

    for (GList *l = queue != NULL ? queue->waiting.head : NULL; l != NULL; l = l->next) {
        Call *call = l->data;
        if (call->data == data) {
            g_queue_delete_link(&queue->waiting, l);
            lane->n_waiting--;
            lane_update_host(lane, queue);
            call->cancelled = true;
            call_post(call);
            return;
        }
    }
}

int
calls_count(Calls *calls, CallLane lane_id)
{
    Lane *lane = &calls->lanes[lane_id];

    g_mutex_lock(&calls->lock);
    int count = lane->n_waiting + (int)lane->running.length;
    g_mutex_unlock(&calls->lock);
    return count;
}

static void
lane_stop(Lane *lane)
{
    HostQueue *queue;
    Call *call;

    while ((queue = g_queue_peek_head(&lane->ready)) != NULL) {
        while ((call = g_queue_pop_head(&queue->waiting)) != NULL) {
            call->cancelled = true;
            call_post(call);
        }
        lane_update_host(lane, queue);
    }
    lane->n_waiting = 0;
    if (lane->watch != NULL) {
        g_source_destroy(lane->watch);
        g_clear_pointer(&lane->watch, g_source_unref);
    }
    g_cond_broadcast(&lane->wake);
}

void
calls_stop(Calls *calls)
{
    g_mutex_lock(&calls->lock);
    calls->stopped = true;
    for (size_t i = 0; i < N_LANES; i++) {
        lane_stop(&calls->lanes[i]);
    }
    g_mutex_unlock(&calls->lock);
}

void
calls_free(Calls *calls)
{
    if (calls != NULL) {
        calls_stop(calls);
        g_atomic_rc_box_release_full(calls, calls_clear);
    }
}
