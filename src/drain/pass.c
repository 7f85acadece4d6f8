/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* One look at every job that is under way. */
#include "base/log.h"
#include "drain/internal.h"

#include <string.h>

/* ---- what there is ---- */

static const Instance *
keep(DrainTask *task, Instance *take_instance)
{
    g_ptr_array_add(task->instances, take_instance);
    return take_instance;
}

const Instance *
drain_get_instance(DrainTask *task, const DrainItem *item, GError **error)
{
    const Instance *instance = g_hash_table_lookup(task->on_host, item->instance_id);
    if (instance != NULL) {
        return instance;
    }
    Instance *read = store_get_instance(task->context->store, item->instance_id, error);
    return read != NULL ? keep(task, read) : NULL;
}

bool
drain_is_there(const DrainTask *task, const Instance *instance)
{
    bool is_on_host = g_strcmp0(instance->host, task->drain->host) == 0;
    return task->drain->is_restore ? is_on_host : !is_on_host;
}

void
drain_look_at(DrainTask *task, int64_t when_us)
{
    task->next_us = MIN(task->next_us, when_us);
}

static bool
load_on_host(DrainTask *task, GError **error)
{
    InstanceFilter filter = {.host = task->drain->host, .power_state = -1, .locked = -1};
    g_autoptr(GPtrArray) found = store_list_instances(task->context->store, &filter, error);
    if (found == NULL) {
        return false;
    }
    while (found->len > 0) {
        const Instance *instance = keep(task, g_ptr_array_steal_index_fast(found, found->len - 1));
        g_hash_table_insert(task->on_host, instance->id, (void *)instance);
    }
    return true;
}

/* Copies of instances that were moved away cold, and may come back. */
static bool
load_kept(DrainTask *task, GError **error)
{
    MigrationFilter filter = {
        .source_host = task->drain->host, .states = "migration:finished,resize:finished"};
    g_autoptr(GPtrArray) found = store_list_migrations(task->context->store, &filter, error);
    for (unsigned i = 0; found != NULL && i < found->len; i++) {
        const Migration *migration = found->pdata[i];
        g_hash_table_add(task->kept, g_strdup(migration->operation.instance_id));
    }
    return found != NULL;
}

static DrainItem *
find_item(const DrainTask *task, const char *instance_id)
{
    for (unsigned i = 0; i < task->items->len; i++) {
        DrainItem *item = task->items->pdata[i];
        if (strcmp(item->instance_id, instance_id) == 0) {
            return item;
        }
    }
    return NULL;
}

static bool
add_missing(DrainTask *task, GHashTable *ids, bool *ret_added, GError **error)
{
    GHashTableIter iter;
    void *id;
    g_hash_table_iter_init(&iter, ids);
    while (g_hash_table_iter_next(&iter, &id, NULL)) {
        if (find_item(task, id) != NULL) {
            continue;
        }
        if (!store_insert_drain_item(task->context->store, task->drain->id, id, error)) {
            return false;
        }
        *ret_added = true;
    }
    return true;
}

static bool
load_items(DrainTask *task, GError **error)
{
    g_clear_pointer(&task->items, g_ptr_array_unref);
    task->items = store_list_drain_items(task->context->store, task->drain->id, error);
    return task->items != NULL;
}

/* A drain is for what has come since as well: it was on its way when the host was disabled. One
 * that is being given up is not: the host may have been enabled. */
static bool
load(DrainTask *task, GError **error)
{
    bool is_added = false;
    if (!load_on_host(task, error) || !load_items(task, error)) {
        return false;
    }
    if (task->drain->is_restore) {
        return true;
    }
    if (task->drain->state == DRAIN_CANCELLING) {
        return load_kept(task, error);
    }
    return load_kept(task, error) && add_missing(task, task->on_host, &is_added, error) &&
        add_missing(task, task->kept, &is_added, error) && (!is_added || load_items(task, error));
}

/* ---- those that wait ---- */

/* What needs no move. */
bool
drain_settle_waiting(DrainTask *task, DrainItem *item, const Instance *instance, GError **error)
{
    if (instance->terminated_us != 0) {
        return drain_item_move(task, item, DRAIN_ITEM_LEFT, "it was deleted", NULL, error);
    }
    if (drain_is_there(task, instance) &&
        !g_hash_table_contains(task->kept, item->instance_id)) {
        return drain_item_move(
            task, item, DRAIN_ITEM_LEFT, "it was moved by somebody else", NULL, error);
    }
    return true;
}

static void
subject_free(void *data)
{
    DrainSubject *subject = data;
    g_clear_pointer(&subject->refusals, g_hash_table_unref);
    g_free(subject->why_cold);
    g_free(subject);
}

static DrainSubject *
subject_new(const DrainTask *task, const DrainItem *item, const Instance *instance)
{
    DrainSubject *subject = g_new0(DrainSubject, 1);
    subject->instance = instance;
    subject->dest_host = task->drain->is_restore ? task->drain->host : NULL;
    subject->is_cold = item->is_cold && task->drain->cold_fallback;
    subject->why_cold = subject->is_cold ? g_strdup(item->message) : NULL;
    subject->refusals = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) names = g_strsplit(item->tried != NULL ? item->tried : "", ",", -1);
    for (int i = 0; names[i] != NULL; i++) {
        g_hash_table_insert(
            subject->refusals, g_strdup(names[i]), g_strdup("moving it there has failed"));
    }
    return subject;
}

static bool
is_waiting(const DrainItem *item)
{
    return item->state == DRAIN_ITEM_WAITING;
}

/* Those whose turn it may be, and what is known around them. */
static bool
list_subjects(DrainTask *task, GPtrArray *subjects, Surroundings *around, GError **error)
{
    for (unsigned i = 0; i < task->items->len; i++) {
        DrainItem *item = task->items->pdata[i];
        if (!is_waiting(item)) {
            continue;
        }
        const Instance *instance = drain_get_instance(task, item, error);
        if (instance == NULL || !drain_settle_waiting(task, item, instance, error)) {
            return false;
        }
        if (!is_waiting(item)) {
            continue;
        }
        if (item->not_before_us > task->now_us) {
            drain_look_at(task, item->not_before_us);
            continue;
        }
        if (!store_add_surroundings(task->context->store, instance, around, error)) {
            return false;
        }
        g_ptr_array_add(subjects, subject_new(task, item, instance));
    }
    return true;
}

/* ---- going on ---- */

typedef struct Situation {
    GPtrArray *hosts;
    GHashTable *usage;
    GPtrArray *subjects;
    Surroundings *around;
    GPtrArray *steps;
} Situation;

static void
situation_clear(Situation *situation)
{
    g_clear_pointer(&situation->steps, g_ptr_array_unref);
    g_clear_pointer(&situation->around, surroundings_free);
    g_clear_pointer(&situation->subjects, g_ptr_array_unref);
    g_clear_pointer(&situation->usage, g_hash_table_unref);
    g_clear_pointer(&situation->hosts, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Situation, situation_clear)

static bool
make_plan(DrainTask *task, Situation *situation, GError **error)
{
    const OperationSettings *settings = &task->context->settings;
    DrainRequest request = {
        .policy = &settings->placement,
        .service_down_time_us = settings->service_down_time_us,
        .now_us = task->now_us,
        .parallel = task->drain->parallel,
        .n_under_way = task->n_under_way,
        .host_limit = settings->max_concurrent_live_migrations,
    };
    situation->subjects = g_ptr_array_new_with_free_func(subject_free);
    situation->around = surroundings_new();
    request.around = situation->around;
    situation->hosts = store_list_hosts(task->context->store, error);
    situation->usage = situation->hosts != NULL
        ? store_list_host_usage(task->context->store, error)
        : NULL;
    if (situation->usage == NULL ||
        !list_subjects(task, situation->subjects, situation->around, error)) {
        return false;
    }
    situation->steps =
        drain_plan(&request, situation->subjects, situation->hosts, situation->usage);
    return true;
}

/* Why it waits, for whoever looks; nothing is written that is written already. Without a reason it
 * waits for its turn, which its state says: what kept it before is no longer true, but what a host
 * has failed it with is. */
static bool
tell_reason(DrainTask *task, DrainItem *item, const DrainStep *step, GError **error)
{
    bool is_told = g_strcmp0(item->message, step->reason) == 0;
    if (is_told || (step->reason == NULL && item->tried != NULL)) {
        return true;
    }
    return drain_item_tell(task, item, step->reason, step->fix, error);
}

static bool
begin_moves(DrainTask *task, const Situation *situation, GError **error)
{
    for (unsigned i = 0; i < situation->steps->len; i++) {
        const DrainStep *step = situation->steps->pdata[i];
        const Instance *instance = step->subject->instance;
        DrainItem *item = find_item(task, instance->id);
        bool is_done = step->may_begin ? drain_item_ask_move(task, item, instance, step, error)
                                       : tell_reason(task, item, step, error);
        if (!is_done) {
            return false;
        }
    }
    return true;
}

/* Who stays for nothing but memory that was read a while ago: it is read again, and drains are
 * looked at when it is another. */
static void
ask_short_hosts(DrainTask *task, const Situation *situation)
{
    for (unsigned i = 0; i < situation->steps->len; i++) {
        const DrainStep *step = situation->steps->pdata[i];
        for (size_t j = 0; step->short_hosts != NULL && step->short_hosts[j] != NULL; j++) {
            task->context->read_memory(task->context, 0, step->short_hosts[j]);
        }
    }
}

/* Nothing is under way that could make room: what has no host is given time, and then given up;
 * what is in a state in which nothing is ever moved is given up at once. */
static bool
give_up(DrainTask *task, const Situation *situation, GError **error)
{
    for (unsigned i = 0; i < situation->steps->len; i++) {
        const DrainStep *step = situation->steps->pdata[i];
        const Instance *instance = step->subject->instance;
        DrainItem *item = find_item(task, instance->id);
        if (step->dest_host != NULL || step->is_busy || !is_waiting(item)) {
            continue;
        }
        bool is_kept = g_hash_table_contains(task->kept, item->instance_id);
        bool is_movable = instance->vm_state != VM_STATE_ERROR &&
            instance->vm_state != VM_STATE_RESIZED && !is_kept;
        bool is_done = is_movable
            ? drain_item_fail(
                  task, item, instance, step->is_way_shut, step->reason, step->fix, error)
            : drain_item_move(task, item, DRAIN_ITEM_BLOCKED, step->reason, step->fix, error);
        if (!is_done) {
            return false;
        }
    }
    return true;
}

/* Nothing moves from or to a host that does not answer, and that says nothing of the servers: they
 * wait until it does, or until they have been evacuated. */
static bool
is_host_away(const DrainTask *task, const Situation *situation)
{
    for (unsigned i = 0; i < situation->hosts->len; i++) {
        const Host *host = situation->hosts->pdata[i];
        if (strcmp(host->name, task->drain->host) == 0) {
            return !host->connected;
        }
    }
    return false;
}

static bool
tell_away(DrainTask *task, const Situation *situation, GError **error)
{
    g_autofree char *reason = g_strdup_printf("host '%s' is not connected", task->drain->host);
    DrainStep away = {
        .reason = reason, .fix = "see 'drover host show' of it; it goes on by itself"};
    for (unsigned i = 0; i < situation->steps->len; i++) {
        const DrainStep *step = situation->steps->pdata[i];
        DrainItem *item = find_item(task, step->subject->instance->id);
        if (!tell_reason(task, item, &away, error)) {
            return false;
        }
    }
    return true;
}

static unsigned
count(const DrainTask *task, DrainItemState state)
{
    unsigned n = 0;
    for (unsigned i = 0; i < task->items->len; i++) {
        n += ((const DrainItem *)task->items->pdata[i])->state == state;
    }
    return n;
}

static bool
has_unfinished(const DrainTask *task)
{
    return count(task, DRAIN_ITEM_WAITING) > 0 || count(task, DRAIN_ITEM_MOVING) > 0 ||
        count(task, DRAIN_ITEM_CONFIRMING) > 0;
}

/* A move or a create that has chosen the host before it was disabled is still on its way. */
static bool
is_somebody_coming(const DrainTask *task, const Situation *situation)
{
    const HostUsage *usage = g_hash_table_lookup(situation->usage, task->drain->host);
    unsigned n_known = g_hash_table_size(task->on_host) + g_hash_table_size(task->kept);
    return !task->drain->is_restore && usage != NULL && usage->claims > (int)n_known;
}

static bool
run(DrainTask *task, GError **error)
{
    g_auto(Situation) situation = {0};
    /* After a start hosts are not known to be gone because they are not connected yet. */
    if (task->context->is_gathering(task->context)) {
        drain_look_at(task, task->now_us + G_USEC_PER_SEC);
        return true;
    }
    if (!make_plan(task, &situation, error)) {
        return false;
    }
    ask_short_hosts(task, &situation);
    bool is_away = is_host_away(task, &situation);
    if (!(is_away ? tell_away : begin_moves)(task, &situation, error)) {
        return false;
    }
    if (task->n_under_way > 0) {
        return true;
    }
    if (!is_away && !give_up(task, &situation, error)) {
        return false;
    }
    if (has_unfinished(task) || is_somebody_coming(task, &situation)) {
        return true;
    }
    return drain_move(
        task, count(task, DRAIN_ITEM_BLOCKED) > 0 ? DRAIN_BLOCKED : DRAIN_DONE, error);
}

/* ---- one job ---- */

static bool
follow_all(DrainTask *task, GError **error)
{
    for (unsigned i = 0; i < task->items->len; i++) {
        DrainItem *item = task->items->pdata[i];
        bool is_asked = item->state == DRAIN_ITEM_MOVING || item->state == DRAIN_ITEM_CONFIRMING;
        if (is_asked && !drain_follow(task, item, error)) {
            return false;
        }
    }
    return true;
}

static bool
heed_wish(DrainTask *task, GError **error)
{
    DrainState state = task->drain->state;
    DrainState to = state;
    switch (task->drain->wanted) {
    case DRAIN_WANTED_RUN: to = state == DRAIN_PAUSED ? DRAIN_RUNNING : state; break;
    case DRAIN_WANTED_PAUSE: to = state == DRAIN_RUNNING ? DRAIN_PAUSED : state; break;
    case DRAIN_WANTED_CANCEL: to = DRAIN_CANCELLING; break;
    }
    return to == state || drain_move(task, to, error);
}

static bool
look(DrainTask *task, GError **error)
{
    if (!heed_wish(task, error) || !load(task, error) || !follow_all(task, error)) {
        return false;
    }
    switch (task->drain->state) {
    case DRAIN_RUNNING: return run(task, error);
    case DRAIN_CANCELLING: return drain_give_up(task, error);
    case DRAIN_PAUSED:
    case DRAIN_DONE:
    case DRAIN_BLOCKED:
    case DRAIN_CANCELLED: return true;
    }
    g_assert_not_reached();
}

static void
look_at_drain(OperationContext *context, Drain *drain, DrainOutlook *outlook)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) instances =
        g_ptr_array_new_with_free_func((GDestroyNotify)instance_free);
    g_autoptr(GHashTable) on_host = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    DrainTask task = {
        .context = context,
        .drain = drain,
        .instances = instances,
        .on_host = on_host,
        .kept = kept,
        .now_us = clock_now_us(context->clock),
        .next_us = INT64_MAX,
    };
    /* The next look, in seconds at the latest, does it again. */
    if (!look(&task, &error) && log_allow("drain", 10)) {
        log_warning("drain %" G_GINT64_FORMAT " of %s: %s", drain->id, drain->host, error->message);
    }
    outlook->has_asked = outlook->has_asked || task.has_asked;
    outlook->next_us = MIN(outlook->next_us, task.next_us);
    g_clear_pointer(&task.items, g_ptr_array_unref);
}

DrainOutlook
drain_pass(OperationContext *context)
{
    DrainOutlook outlook = {.next_us = INT64_MAX};
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) drains = store_list_drains(context->store, NULL, true, 0, &error);
    if (drains == NULL) {
        if (log_allow("drain-list", 10)) {
            log_error("cannot list drains: %s", error->message);
        }
        /* Whether there are any is not known. */
        outlook.has_open = true;
        return outlook;
    }
    outlook.has_open = drains->len > 0;
    for (unsigned i = 0; i < drains->len; i++) {
        look_at_drain(context, drains->pdata[i], &outlook);
    }
    return outlook;
}
