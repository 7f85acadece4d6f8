/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/fake/fleet.h"

#include "hypervisor/fake/domains.h"
#include "hypervisor/fake/jobs.h"

typedef struct FakeEvent {
    FakeSession *session;
    HostEvent event;
} FakeEvent;

static void *run_timer(void *data);

static void
set_defaults(FakeOptions *options)
{
    options->vcpus = options->vcpus > 0 ? options->vcpus : 64;
    options->memory_mib = options->memory_mib > 0 ? options->memory_mib : 262144;
    options->pools =
        options->pools != NULL && options->pools[0] != '\0' ? options->pools : "volumes,shared";
    options->pool_bytes = options->pool_bytes > 0 ? options->pool_bytes : INT64_C(10) << 40;
    options->guest_disk_bytes =
        options->guest_disk_bytes > 0 ? options->guest_disk_bytes : 32 << 20;
    options->keepalive_us = options->keepalive_us > 0 ? options->keepalive_us : 15 * G_USEC_PER_SEC;
    options->peer_keepalive_us =
        options->peer_keepalive_us > 0 ? options->peer_keepalive_us : 30 * G_USEC_PER_SEC;
}

FakeFleet *
fleet_new(const FakeOptions *options, GError **error)
{
    World *world = world_open(options->path, error);
    if (world == NULL) {
        return NULL;
    }
    FakeFleet *fleet = g_new0(FakeFleet, 1);
    fleet->options = *options;
    fleet->options.path = NULL; /* borrowed, and of no use any more */
    set_defaults(&fleet->options);
    fleet->world = world;
    fleet->is_real_time = options->clock == clock_system();
    g_mutex_init(&fleet->lock);
    g_rec_mutex_init(&fleet->delivery);
    g_cond_init(&fleet->timer_cond);
    g_queue_init(&fleet->events);
    fleet->sessions =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    fleet->silent = g_ptr_array_new();
    fleet->waiters = g_ptr_array_new();
    /* What came due while nobody looked has happened, and its events are lost. */
    fleet_lock(fleet);
    fleet_advance(fleet);
    fleet_leave(fleet);
    if (fleet->is_real_time) {
        fleet->timer = g_thread_new("fake-timer", run_timer, fleet);
    }
    return fleet;
}

void
fleet_free(FakeFleet *fleet)
{
    if (fleet->timer != NULL) {
        g_mutex_lock(&fleet->lock);
        fleet->is_stopping = true;
        g_cond_signal(&fleet->timer_cond);
        g_mutex_unlock(&fleet->lock);
        g_thread_join(fleet->timer);
    }
    g_assert(fleet->waiters->len == 0); /* a call holds its session, and that holds the fleet */
    g_ptr_array_unref(fleet->waiters);
    g_ptr_array_unref(fleet->silent);
    g_hash_table_unref(fleet->sessions);
    g_queue_clear_full(&fleet->events, g_free);
    world_close(fleet->world);
    g_cond_clear(&fleet->timer_cond);
    g_rec_mutex_clear(&fleet->delivery);
    g_mutex_clear(&fleet->lock);
    g_free(fleet);
}

int64_t
fleet_now_us(const FakeFleet *fleet)
{
    return clock_now_us(fleet->options.clock);
}

/* ---- events ---- */

/* What a silent host has to say arrives when the link heals, as with TCP, or never. */
static void
queue_event(FakeSession *session, const HostEvent *event)
{
    FakeEvent *copy = g_new(FakeEvent, 1);
    *copy = (FakeEvent){.session = session, .event = *event};
    copy->event.session = session->id;
    g_queue_push_tail(session->is_silent ? &session->held : &session->fleet->events, copy);
}

void
fleet_emit(FakeFleet *fleet, const char *host, const HostEvent *event)
{
    GPtrArray *sessions = g_hash_table_lookup(fleet->sessions, host);
    for (unsigned int i = 0; sessions != NULL && i < sessions->len; i++) {
        FakeSession *session = sessions->pdata[i];
        if (!session->is_closed) {
            queue_event(session, event);
        }
    }
}

void
fleet_emit_domain(
    FakeFleet *fleet, const char *host, const char *uuid, DomainState state, DomainReason reason)
{
    HostEvent event = {.kind = HOST_EVENT_DOMAIN, .state = state, .reason = reason};
    g_strlcpy(event.uuid, uuid, sizeof event.uuid);
    fleet_emit(fleet, host, &event);
}

/* Without the lock, because a sink may do what it likes (closing its session, even); one thread at
 * a time, so that the order is kept. */
static void
deliver_events(FakeFleet *fleet)
{
    g_rec_mutex_lock(&fleet->delivery);
    for (;;) {
        g_mutex_lock(&fleet->lock);
        g_autofree FakeEvent *event = g_queue_pop_head(&fleet->events);
        g_mutex_unlock(&fleet->lock);
        if (event == NULL) {
            break;
        }
        event->session->sink(&event->event, event->session->sink_data);
    }
    g_rec_mutex_unlock(&fleet->delivery);
}

/* ---- waiting ---- */

static bool
waiter_is_ready(const FakeWaiter *waiter, int64_t now_us)
{
    if (waiter->session->is_closed) {
        return true;
    }
    if (waiter->session->is_silent) {
        return false; /* the answer may be there, but it does not arrive */
    }
    return waiter->uuid != NULL ? waiter->is_ended : waiter->until_us <= now_us;
}

static void
wake(FakeFleet *fleet, FakeWaiter *waiter)
{
    waiter->is_woken = true;
    if (waiter->is_blocked) {
        waiter->is_blocked = false;
        fleet->n_blocked--;
        if (fleet->hook != NULL) {
            fleet->hook(false, fleet->hook_data);
        }
    }
    g_cond_signal(&waiter->cond);
}

/* Of the calls that go on to change something one is woken at a time; its own fleet_leave wakes
 * the next: so what they do to the world comes in the same order in every run of a simulation. */
static void
wake_waiters(FakeFleet *fleet)
{
    int64_t now_us = fleet_now_us(fleet);
    bool has_resumed = false;
    for (unsigned int i = 0; i < fleet->waiters->len; i++) {
        FakeWaiter *waiter = fleet->waiters->pdata[i];
        bool resumes = waiter->uuid == NULL && !waiter->session->is_closed;
        if (!waiter->is_woken && waiter_is_ready(waiter, now_us) && !(resumes && has_resumed)) {
            has_resumed = has_resumed || resumes;
            wake(fleet, waiter);
        }
    }
}

/* The transaction is over; the timer is told when something is due earlier than it thinks. */
static void
settle(FakeFleet *fleet)
{
    wake_waiters(fleet);
    if (fleet->timer != NULL && fleet_next_due_us(fleet) < fleet->timer_due_us) {
        g_cond_signal(&fleet->timer_cond);
    }
    world_commit(fleet->world);
}

static void
block(FakeFleet *fleet, FakeWaiter *waiter)
{
    if (!waiter->is_woken) {
        waiter->is_blocked = true;
        fleet->n_blocked++;
        if (fleet->hook != NULL) {
            fleet->hook(true, fleet->hook_data);
        }
    }
    while (!waiter->is_woken) {
        g_cond_wait(&waiter->cond, &fleet->lock);
    }
}

void
fleet_expect(FakeFleet *fleet, FakeWaiter *waiter)
{
    g_cond_init(&waiter->cond);
    g_ptr_array_add(fleet->waiters, waiter);
}

void
fleet_forget(FakeFleet *fleet, FakeWaiter *waiter)
{
    g_ptr_array_remove_fast(fleet->waiters, waiter);
    g_cond_clear(&waiter->cond);
}

bool
fleet_wait(FakeFleet *fleet, FakeWaiter *waiter)
{
    settle(fleet);
    g_mutex_unlock(&fleet->lock);
    deliver_events(fleet);
    g_mutex_lock(&fleet->lock);
    block(fleet, waiter);
    fleet_forget(fleet, waiter);
    world_begin(fleet->world);
    return !waiter->session->is_closed;
}

void
fleet_end_job(FakeFleet *fleet, const char *uuid, ErrorCode code, const char *message)
{
    for (unsigned int i = 0; i < fleet->waiters->len; i++) {
        FakeWaiter *waiter = fleet->waiters->pdata[i];
        if (waiter->uuid != NULL && strcmp(waiter->uuid, uuid) == 0 && !waiter->is_ended) {
            waiter->is_ended = true;
            waiter->is_success = message == NULL;
            waiter->code = code;
            waiter->message = g_strdup(message);
        }
    }
}

/* ---- entering ---- */

void
fleet_lock(FakeFleet *fleet)
{
    g_mutex_lock(&fleet->lock);
    world_begin(fleet->world);
}

void
fleet_leave(FakeFleet *fleet)
{
    settle(fleet);
    bool has_events = !g_queue_is_empty(&fleet->events);
    g_mutex_unlock(&fleet->lock);
    if (has_events) {
        deliver_events(fleet);
    }
}

/* NULL: all of them answer, or one has closed. */
static FakeSession *
find_silent(FakeSession *session, FakeSession *other)
{
    if (session->is_closed || other->is_closed) {
        return NULL;
    }
    return session->is_silent ? session : other->is_silent ? other : NULL;
}

bool
fleet_enter_both(FakeSession *session, FakeSession *other, bool has_effect, GError **error)
{
    FakeFleet *fleet = session->fleet;
    fleet_lock(fleet);
    if (fleet->is_real_time) {
        fleet_advance(fleet); /* the timer may be late */
    }
    bool is_under_way = false;
    for (FakeSession *silent; (silent = find_silent(session, other)) != NULL;) {
        is_under_way = true;
        FakeWaiter waiter = {.session = silent};
        fleet_expect(fleet, &waiter);
        fleet_wait(fleet, &waiter);
    }
    const FakeSession *closed = session->is_closed ? session : other->is_closed ? other : NULL;
    if (closed == NULL) {
        return true;
    }
    fleet_leave(fleet);
    if (is_under_way && has_effect) {
        return error_set(error, ERROR_OUTCOME_UNKNOWN,
            "the connection to host '%s' broke while it was asked", closed->host);
    }
    return error_set(
        error, ERROR_HYPERVISOR_DOWN, "the connection to host '%s' is closed", closed->host);
}

bool
fleet_enter(FakeSession *session, bool has_effect, GError **error)
{
    return fleet_enter_both(session, session, has_effect, error);
}

/* ---- sessions ---- */

void
fleet_add_session(FakeSession *session)
{
    FakeFleet *fleet = session->fleet;
    GPtrArray *sessions = g_hash_table_lookup(fleet->sessions, session->host);
    if (sessions == NULL) {
        sessions = g_ptr_array_new();
        g_hash_table_insert(fleet->sessions, g_strdup(session->host), sessions);
    }
    g_ptr_array_add(sessions, session);
}

static void
drop_events(FakeFleet *fleet, const FakeSession *session)
{
    for (GList *link = fleet->events.head; link != NULL;) {
        GList *next = link->next;
        FakeEvent *event = link->data;
        if (event->session == session) {
            g_free(event);
            g_queue_delete_link(&fleet->events, link);
        }
        link = next;
    }
}

void
fleet_remove_session(FakeSession *session)
{
    FakeFleet *fleet = session->fleet;
    g_mutex_lock(&fleet->lock);
    g_ptr_array_remove_fast(g_hash_table_lookup(fleet->sessions, session->host), session);
    g_ptr_array_remove_fast(fleet->silent, session);
    drop_events(fleet, session);
    g_queue_clear_full(&session->held, g_free);
    g_mutex_unlock(&fleet->lock);
    /* A sink of this session may be running now: it is waited for. */
    g_rec_mutex_lock(&fleet->delivery);
    g_rec_mutex_unlock(&fleet->delivery);
}

void
fleet_silence_host(FakeFleet *fleet, const char *host)
{
    GPtrArray *sessions = g_hash_table_lookup(fleet->sessions, host);
    for (unsigned int i = 0; sessions != NULL && i < sessions->len; i++) {
        FakeSession *session = sessions->pdata[i];
        if (!session->is_closed && !session->is_silent) {
            session->is_silent = true;
            session->dead_us = fleet_now_us(fleet) + fleet->options.keepalive_us;
            g_ptr_array_add(fleet->silent, session);
        }
    }
}

void
fleet_unsilence_host(FakeFleet *fleet, const char *host)
{
    for (unsigned int i = fleet->silent->len; i-- > 0;) {
        FakeSession *session = fleet->silent->pdata[i];
        if (strcmp(session->host, host) == 0) {
            session->is_silent = false;
            session->dead_us = NEVER_US;
            for (FakeEvent *event; (event = g_queue_pop_head(&session->held)) != NULL;) {
                g_queue_push_tail(&fleet->events, event);
            }
            g_ptr_array_remove_index_fast(fleet->silent, i);
        }
    }
}

static void
close_session(FakeSession *session, const char *why)
{
    HostEvent event = {.kind = HOST_EVENT_CLOSED};
    g_strlcpy(event.message, why, sizeof event.message);
    session->is_closed = true;
    session->is_silent = false;
    session->dead_us = NEVER_US;
    queue_event(session, &event);
    g_ptr_array_remove_fast(session->fleet->silent, session);
}

void
fleet_close_sessions(FakeFleet *fleet, const char *host, const char *why)
{
    GPtrArray *sessions = g_hash_table_lookup(fleet->sessions, host);
    for (unsigned int i = 0; sessions != NULL && i < sessions->len; i++) {
        FakeSession *session = sessions->pdata[i];
        if (!session->is_closed) {
            close_session(session, why);
        }
    }
}

void
fleet_close_silent(FakeFleet *fleet, int64_t now_us)
{
    for (unsigned int i = fleet->silent->len; i-- > 0;) {
        FakeSession *session = fleet->silent->pdata[i];
        if (session->dead_us <= now_us) {
            close_session(session, "connection closed due to keepalive timeout");
        }
    }
}

/* ---- time ---- */

static int64_t
min_due(int64_t due_us, int64_t other_us)
{
    return other_us != 0 && other_us < due_us ? other_us : due_us;
}

int64_t
fleet_next_due_us(FakeFleet *fleet)
{
    int64_t due_us = min_due(NEVER_US, jobs_next_due_us(fleet));
    due_us = min_due(due_us, domains_next_due_us(fleet));
    for (unsigned int i = 0; i < fleet->silent->len; i++) {
        due_us = min_due(due_us, ((FakeSession *)fleet->silent->pdata[i])->dead_us);
    }
    for (unsigned int i = 0; i < fleet->waiters->len; i++) {
        FakeWaiter *waiter = fleet->waiters->pdata[i];
        if (waiter->uuid == NULL && !waiter->is_woken && !waiter->session->is_silent) {
            due_us = min_due(due_us, waiter->until_us);
        }
    }
    return due_us;
}

void
fleet_advance(FakeFleet *fleet)
{
    int64_t now_us = fleet_now_us(fleet);
    bool went_on = true;
    while (went_on) {
        int64_t job_us = min_due(NEVER_US, jobs_next_due_us(fleet));
        int64_t domain_us = min_due(NEVER_US, domains_next_due_us(fleet));
        went_on = MIN(job_us, domain_us) <= now_us;
        if (went_on && job_us <= domain_us) {
            jobs_advance(fleet, job_us);
        } else if (went_on) {
            domains_advance(fleet, domain_us);
        }
    }
    fleet_close_silent(fleet, now_us);
}

static void
sleep_until(FakeFleet *fleet, int64_t due_us)
{
    fleet->timer_due_us = due_us;
    if (due_us == NEVER_US) {
        g_cond_wait(&fleet->timer_cond, &fleet->lock);
    } else {
        g_cond_wait_until(&fleet->timer_cond, &fleet->lock,
            g_get_monotonic_time() + due_us - fleet_now_us(fleet));
    }
    fleet->timer_due_us = 0; /* awake: nobody need wake it */
}

static void *
run_timer(void *data)
{
    FakeFleet *fleet = data;
    g_mutex_lock(&fleet->lock);
    while (!fleet->is_stopping) {
        int64_t due_us = fleet_next_due_us(fleet);
        if (due_us > fleet_now_us(fleet)) {
            sleep_until(fleet, due_us);
            continue;
        }
        world_begin(fleet->world);
        fleet_advance(fleet);
        fleet_leave(fleet);
        g_mutex_lock(&fleet->lock);
    }
    g_mutex_unlock(&fleet->lock);
    return NULL;
}
