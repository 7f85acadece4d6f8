/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/drover/events.h"
#include "api/api-private.h"
#include "api/cookie.h"
#include "api/drover/drover.h"
#include "auth/auth.h"
#include "base/json.h"
#include "base/log.h"
#include "store/changes.h"

#include <string.h>

/* What happens within this time of the first change is one event. */
#define GATHER_US (250 * G_TIME_SPAN_MILLISECOND)
/* A client that has gone shows when something is sent to it; so does a token that has ended. */
#define HEARTBEAT_US (15 * G_TIME_SPAN_SECOND)
/* An event, since a page hears no comments: it must know a stream that is silent. */
#define SIGN_OF_LIFE "event: alive\ndata: {}\n\n"
/* More than that is told as "many": to list anew is cheaper than to ask for each. */
enum { NAMES_MAX = 200, PENDING_MAX_BYTES = 1 << 20, STREAMS_MAX = 256 };

typedef struct Subscriber {
    HttpStream *stream;
    char *token;
    char *project_id; /* NULL: sees everything */
} Subscriber;

struct Events {
    Store *store;
    const Clock *clock;
    GThread *thread;
    /* Guards what follows; a leaf, but for the parking of streams. */
    GMutex lock;
    GCond is_due;
    GPtrArray *subscribers; /* Subscriber * */
    GHashTable *changes;    /* set of Change *, which the next event tells */
    bool is_stopping;
};

static void
subscriber_free(void *data)
{
    Subscriber *subscriber = data;

    http_stream_end(subscriber->stream);
    http_stream_unref(subscriber->stream);
    g_free(subscriber->token);
    g_free(subscriber->project_id);
    g_free(subscriber);
}

/* ---- what has changed ---- */

static unsigned
change_hash(gconstpointer data)
{
    const Change *change = data;
    return g_int64_hash(&change->number) * 31 + (unsigned)change->kind;
}

static int
change_equal(gconstpointer one, gconstpointer other)
{
    const Change *a = one;
    const Change *b = other;
    return a->kind == b->kind && a->number == b->number;
}

/* On the thread of whoever has written. */
static void
on_change(const GArray *changes, void *data)
{
    Events *events = data;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&events->lock);

    if (events->subscribers->len == 0) {
        return;
    }
    for (unsigned i = 0; i < changes->len; i++) {
        g_hash_table_add(
            events->changes, g_memdup2(&g_array_index(changes, Change, i), sizeof(Change)));
    }
    g_cond_signal(&events->is_due);
}

static bool
name_changes(Events *events, GHashTable *changes, ChangedNames *names)
{
    GHashTableIter iterator;
    void *change;

    g_hash_table_iter_init(&iterator, changes);
    while (g_hash_table_iter_next(&iterator, &change, NULL)) {
        g_autoptr(GError) error = NULL;
        if (!store_name_change(events->store, change, names, &error)) {
            log_warning("cannot tell what has changed: %s", error->message);
            return false;
        }
    }
    return true;
}

/* ---- what is said of it ---- */

/* NULL: too many. project_id NULL: all of them. */
static json_t *
view_names(GHashTable *names, const char *project_id)
{
    json_t *view = json_array();
    GHashTableIter iterator;
    void *name;
    void *project;

    g_hash_table_iter_init(&iterator, names);
    while (g_hash_table_iter_next(&iterator, &name, &project)) {
        if (project_id == NULL || g_strcmp0(project_id, project) == 0) {
            json_array_append_new(view, json_string(name));
        }
    }
    if (json_array_size(view) > NAMES_MAX) {
        json_decref(view);
        return json_null();
    }
    return view;
}

/* Migrations and hosts are an administrator's. NULL: nothing of it is for this one. */
static char *
make_event(const Events *events, const Subscriber *subscriber, const ChangedNames *names)
{
    json_auto_t *view = json_object();
    json_t *instances = view_names(names->instances, subscriber->project_id);
    bool is_empty = json_is_array(instances) && json_array_size(instances) == 0;

    json_object_set_new(view, "instances", instances);
    if (subscriber->project_id == NULL) {
        json_object_set_new(view, "migrations", view_names(names->migrations, NULL));
        json_object_set_new(view, "hosts", view_names(names->hosts, NULL));
        is_empty = is_empty && g_hash_table_size(names->hosts) == 0;
    }
    if (is_empty) {
        return NULL;
    }
    g_autofree char *text = json_to_text(view);
    g_autofree char *time = time_format_z(clock_now_us(events->clock));
    return g_strdup_printf("id: %s\nevent: change\ndata: %s\n\n", time, text);
}

/* ---- the thread ---- */

static void
push_all(Events *events, const ChangedNames *names)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&events->lock);

    for (unsigned i = events->subscribers->len; i > 0; i--) {
        const Subscriber *subscriber = events->subscribers->pdata[i - 1];
        g_autofree char *text =
            names != NULL ? make_event(events, subscriber, names) : g_strdup(SIGN_OF_LIFE);
        if (text != NULL && !http_stream_push(subscriber->stream, text, strlen(text))) {
            g_ptr_array_remove_index_fast(events->subscribers, i - 1);
        }
    }
}

static void
tell(Events *events, GHashTable *changes)
{
    ChangedNames names = {
        .instances = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
        .migrations = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .hosts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
    };

    if (name_changes(events, changes, &names)) {
        push_all(events, &names);
    }
    g_hash_table_unref(names.instances);
    g_hash_table_unref(names.migrations);
    g_hash_table_unref(names.hosts);
}

/* A stream ends with its token, however that has ended. */
static void
end_strangers(Events *events)
{
    g_mutex_lock(&events->lock);
    g_autoptr(GPtrArray) tokens = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < events->subscribers->len; i++) {
        const Subscriber *subscriber = events->subscribers->pdata[i];
        g_ptr_array_add(tokens, g_strdup(subscriber->token));
    }
    g_mutex_unlock(&events->lock);
    for (unsigned i = 0; i < tokens->len; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Identity) identity =
            auth_find_token(events->store, tokens->pdata[i], NULL, &error);
        if (identity != NULL || !error_is(error, ERROR_UNAUTHENTICATED)) {
            continue;
        }
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&events->lock);
        for (unsigned j = events->subscribers->len; j > 0; j--) {
            const Subscriber *subscriber = events->subscribers->pdata[j - 1];
            if (strcmp(subscriber->token, tokens->pdata[i]) == 0) {
                g_ptr_array_remove_index_fast(events->subscribers, j - 1);
            }
        }
    }
}

static GHashTable *
new_changes(void)
{
    return g_hash_table_new_full(change_hash, change_equal, g_free, NULL);
}

/* Waits until there is something to tell, and then a little for more of it, or until a sign of life
 * is due. False: the end. The changes are the caller's. */
static bool
wait_for_changes(Events *events, int64_t heartbeat_us, GHashTable **ret_changes)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&events->lock);
    bool is_late = false;

    while (!events->is_stopping && !is_late && g_hash_table_size(events->changes) == 0) {
        if (events->subscribers->len == 0) {
            g_cond_wait(&events->is_due, &events->lock);
        } else {
            is_late = !g_cond_wait_until(&events->is_due, &events->lock, heartbeat_us);
        }
    }
    int64_t end_us = g_get_monotonic_time() + GATHER_US;
    while (!events->is_stopping && !is_late &&
        g_cond_wait_until(&events->is_due, &events->lock, end_us)) {
    }
    *ret_changes = g_steal_pointer(&events->changes);
    events->changes = new_changes();
    return !events->is_stopping;
}

static void *
run(void *data)
{
    Events *events = data;
    GHashTable *changes = NULL;
    int64_t heartbeat_us = g_get_monotonic_time() + HEARTBEAT_US;

    while (wait_for_changes(events, heartbeat_us, &changes)) {
        if (g_hash_table_size(changes) > 0) {
            tell(events, changes);
        }
        g_hash_table_unref(changes);
        /* However much happens: what is told to others is no sign of life to all. */
        if (g_get_monotonic_time() >= heartbeat_us) {
            end_strangers(events);
            push_all(events, NULL);
            heartbeat_us = g_get_monotonic_time() + HEARTBEAT_US;
        }
    }
    g_hash_table_unref(changes);
    return NULL;
}

Events *
events_new(Store *store, const Clock *clock)
{
    Events *events = g_new0(Events, 1);

    events->store = store;
    events->clock = clock;
    g_mutex_init(&events->lock);
    g_cond_init(&events->is_due);
    events->subscribers = g_ptr_array_new_with_free_func(subscriber_free);
    events->changes = new_changes();
    store_set_on_change(store, on_change, events);
    events->thread = g_thread_new("events", run, events);
    return events;
}

void
events_free(Events *events)
{
    if (events == NULL) {
        return;
    }
    store_set_on_change(events->store, NULL, NULL);
    g_mutex_lock(&events->lock);
    events->is_stopping = true;
    g_cond_signal(&events->is_due);
    g_mutex_unlock(&events->lock);
    g_thread_join(events->thread);
    g_ptr_array_unref(events->subscribers);
    g_hash_table_unref(events->changes);
    g_mutex_clear(&events->lock);
    g_cond_clear(&events->is_due);
    g_free(events);
}

/* ---- the request ---- */

static bool
subscribe(Events *events, Subscriber *take_subscriber)
{
    g_autofree char *time = time_format_z(clock_now_us(events->clock));
    g_autofree char *text =
        g_strdup_printf("retry: 1000\nid: %s\nevent: hello\ndata: {}\n\n", time);
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&events->lock);

    if (events->subscribers->len >= STREAMS_MAX) {
        subscriber_free(take_subscriber);
        return false;
    }
    http_stream_push(take_subscriber->stream, text, strlen(text));
    g_ptr_array_add(events->subscribers, take_subscriber);
    g_cond_signal(&events->is_due);
    return true;
}

HttpResponse *
drover_stream_events(ApiContext *context, GError **error)
{
    g_autoptr(HttpStream) stream = http_stream_new(PENDING_MAX_BYTES);
    const char *header = http_request_header(context->request, "X-Auth-Token");
    Subscriber *subscriber = g_new0(Subscriber, 1);

    subscriber->stream = http_stream_ref(stream);
    subscriber->token =
        header != NULL ? g_strdup(header) : cookie_find_token(context->request);
    subscriber->project_id = context->is_admin ? NULL : g_strdup(context->identity->project_id);
    if (!context->is_admin && subscriber->project_id == NULL) {
        subscriber->project_id = g_strdup("");
    }
    if (!subscribe(context->api->events, subscriber)) {
        error_set(error, ERROR_LIMIT,
            "%d streams of events are open already: close one of them, or ask again without",
            STREAMS_MAX);
        return NULL;
    }
    HttpResponse *response =
        http_response_new_stream(200, "text/event-stream", g_steal_pointer(&stream));
    http_response_set_header(response, "Cache-Control", "no-store");
    http_response_set_header(response, "X-Accel-Buffering", "no");
    return response;
}
