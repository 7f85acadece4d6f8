/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The dry run of a drain or a restore: planned by the function that the job plans with, beside the
 * jobs that are under way. */
#include "api/drover/drover.h"
#include "planner/drain_plan.h"

#include <string.h>

/* What is to be moved, and by whom. */
typedef struct Work {
    Store *store;
    GPtrArray *jobs;      /* DrainJob; the first is the one that is asked about */
    GPtrArray *instances; /* Instance */
    GPtrArray *subjects;  /* DrainSubject */
    Surroundings *around;
} Work;

static Work
work_new(Store *store)
{
    return (Work){
        .store = store,
        .jobs = g_ptr_array_new_with_free_func(g_free),
        .instances = g_ptr_array_new_with_free_func((GDestroyNotify)instance_free),
        .subjects = g_ptr_array_new_with_free_func(drain_subject_free),
        .around = surroundings_new(),
    };
}

static void
work_clear(Work *work)
{
    g_ptr_array_unref(work->subjects);
    surroundings_free(work->around);
    g_ptr_array_unref(work->instances);
    g_ptr_array_unref(work->jobs);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Work, work_clear)

static DrainJob *
add_job(Work *work, const DrainJob *job)
{
    DrainJob *copy = g_memdup2(job, sizeof *job);
    g_ptr_array_add(work->jobs, copy);
    return copy;
}

/* With what is known around it. */
static bool
add_subject(Work *work, const DrainJob *job, const DrainItem *item, bool cold_fallback,
    Instance *take_instance, GError **error)
{
    g_ptr_array_add(work->instances, take_instance);
    g_ptr_array_add(
        work->subjects, drain_subject_new(job, item, take_instance, cold_fallback));
    return store_add_surroundings(work->store, take_instance, work->around, error);
}

static bool
is_known(const Work *work, const char *instance_id)
{
    for (unsigned i = 0; i < work->instances->len; i++) {
        if (strcmp(((const Instance *)work->instances->pdata[i])->id, instance_id) == 0) {
            return true;
        }
    }
    return false;
}

/* What is on the host, but for what a restore has: a drain leaves that to it. */
static bool
add_present(Work *work, const DrainJob *job, GError **error)
{
    InstanceFilter filter = {.host = job->host, .power_state = -1, .locked = -1};
    g_autoptr(GPtrArray) instances = store_list_instances(work->store, &filter, error);
    while (instances != NULL && instances->len > 0) {
        Instance *instance = g_ptr_array_steal_index_fast(instances, instances->len - 1);
        if (is_known(work, instance->id)) {
            instance_free(instance);
        } else if (!add_subject(work, job, &(DrainItem){0}, false, instance, error)) {
            return false;
        }
    }
    return instances != NULL;
}

/* And what keeps a copy on it: that stands in the drain's way as well. */
static bool
add_kept(Work *work, const DrainJob *job, GError **error)
{
    g_autoptr(GPtrArray) ids = store_list_kept(work->store, job->host, error);
    for (unsigned i = 0; ids != NULL && i < ids->len; i++) {
        if (is_known(work, ids->pdata[i])) {
            continue;
        }
        Instance *instance = store_get_instance(work->store, ids->pdata[i], error);
        if (instance != NULL && instance->terminated_us != 0) {
            instance_free(instance);
            continue;
        }
        if (instance == NULL ||
            !add_subject(work, job, &(DrainItem){0}, false, instance, error)) {
            return false;
        }
    }
    return ids != NULL;
}

static bool
add_to_drain(Work *work, const DrainJob *job, GError **error)
{
    return add_present(work, job, error) && add_kept(work, job, error);
}

/* What was on it. */
static bool
add_drained(Work *work, const DrainJob *job, GError **error)
{
    g_autoptr(GPtrArray) ids = store_list_drained(work->store, job->host, error);
    for (unsigned i = 0; ids != NULL && i < ids->len; i++) {
        Instance *instance = store_get_instance(work->store, ids->pdata[i], error);
        if (instance == NULL ||
            !add_subject(work, job, &(DrainItem){0}, false, instance, error)) {
            return false;
        }
    }
    return ids != NULL;
}

/* What waits in a job that is under way, and is not among those that are known already. */
static bool
add_waiting(Work *work, const Drain *drain, const GPtrArray *hosts, GError **error)
{
    bool is_away = drain_is_away(drain, hosts);
    g_autoptr(GPtrArray) items = store_list_drain_items(work->store, drain->id, error);
    const DrainJob *job = add_job(work,
        &(DrainJob){.id = drain->id, .host = drain->host, .is_restore = drain->is_restore});
    for (unsigned i = 0; items != NULL && i < items->len; i++) {
        const DrainItem *item = items->pdata[i];
        if (item->state != DRAIN_ITEM_WAITING || is_known(work, item->instance_id)) {
            continue;
        }
        Instance *instance = store_get_instance(work->store, item->instance_id, error);
        bool is_there = instance != NULL &&
            (g_strcmp0(instance->host, drain->host) == 0) == drain->is_restore;
        if (instance != NULL && (instance->terminated_us != 0 || is_there)) {
            instance_free(instance);
            continue;
        }
        if (instance == NULL ||
            !add_subject(work, job, item, drain->cold_fallback, instance, error)) {
            return false;
        }
        DrainSubject *subject = work->subjects->pdata[work->subjects->len - 1];
        subject->is_held = is_away || drain->state == DRAIN_PAUSED;
        subject->why_held =
            subject->is_held ? drain_words_held(drain, is_away, false) : NULL;
    }
    return items != NULL;
}

static bool
add_others(Work *work, const GPtrArray *drains, bool are_restores, const GPtrArray *hosts,
    GError **error)
{
    for (unsigned i = 0; i < drains->len; i++) {
        const Drain *drain = drains->pdata[i];
        if (drain->is_restore == are_restores && drain->state != DRAIN_CANCELLING &&
            !add_waiting(work, drain, hosts, error)) {
            return false;
        }
    }
    return true;
}

/* ---- the answer ---- */

/* It ends by itself that it cannot move: the job waits for that, and does not end without it. */
static bool
waits(const DrainStep *step)
{
    return step->dest_host == NULL && step->is_busy;
}

static json_t *
view_step(const DrainStep *step)
{
    const Instance *instance = step->subject->instance;
    const Instance *leader = step->leader != NULL ? step->leader->subject->instance : NULL;
    return json_pack("{s:s, s:s, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:b}", "instance_uuid",
        instance->id, "instance_name", instance->name, "move",
        api_string_or_null(planned_move_name(step->move)), "dest_host",
        api_string_or_null(step->dest_host), "size_bytes", (json_int_t)step->size_bytes, "reason",
        api_string_or_null(step->reason), "fix", api_string_or_null(step->fix), "follows",
        api_string_or_null(leader != NULL ? leader->id : NULL), "waits_for",
        api_string_or_null(step->waits_for), "waits", waits(step));
}

/* A restore moves it off the host that is to be drained. */
static bool
is_left_to_restore(const DrainJob *job, const DrainStep *step)
{
    const DrainSubject *subject = step->subject;
    return !job->is_restore && subject->job->is_restore &&
        g_strcmp0(subject->instance->host, job->host) == 0;
}

static const Drain *
find_drain(const GPtrArray *drains, int64_t id)
{
    unsigned at = 0;
    while (((const Drain *)drains->pdata[at])->id != id) {
        at++;
    }
    return drains->pdata[at];
}

/* Of one that waits. */
static json_t *
view_waiting(const Instance *instance, int64_t size_bytes, const char *reason, const char *fix)
{
    return json_pack("{s:s, s:s, s:n, s:n, s:I, s:s, s:o, s:n, s:n, s:b}", "instance_uuid",
        instance->id, "instance_name", instance->name, "move", "dest_host", "size_bytes",
        (json_int_t)size_bytes, "reason", reason, "fix", api_string_or_null(fix), "follows",
        "waits_for", "waits", true);
}

/* As the drain would tell it. */
static json_t *
view_left(const DrainStep *step, const GPtrArray *drains, const GPtrArray *hosts)
{
    const DrainSubject *subject = step->subject;
    const Drain *restore = find_drain(drains, subject->job->id);
    g_autofree char *reason = NULL;
    g_autofree char *fix = NULL;
    drain_words_restore(restore, drain_is_away(restore, hosts), &reason, &fix);
    return view_waiting(subject->instance, step->size_bytes, reason, fix);
}

static bool
has_step(const GPtrArray *steps, const DrainJob *job, const char *instance_id)
{
    for (unsigned i = 0; i < steps->len; i++) {
        const DrainSubject *subject = ((const DrainStep *)steps->pdata[i])->subject;
        if (subject->job == job && strcmp(subject->instance->id, instance_id) == 0) {
            return true;
        }
    }
    return false;
}

/* What is on its way to a host that is to be drained, and no step: the drain has it once it is
 * there. */
static json_t *
view_coming(Store *store, const DrainJob *job, const GPtrArray *steps, GPtrArray *hosts,
    GError **error)
{
    json_auto_t *views = json_array();
    g_autoptr(GPtrArray) ids = job->is_restore ? g_ptr_array_new_with_free_func(g_free)
                                               : store_list_coming(store, job->host, error);
    for (unsigned i = 0; ids != NULL && i < ids->len; i++) {
        if (has_step(steps, job, ids->pdata[i])) {
            continue;
        }
        g_autoptr(Instance) instance = store_get_instance(store, ids->pdata[i], error);
        if (instance == NULL) {
            return NULL;
        }
        g_autofree char *reason = instance->open_operation != 0
            ? g_strdup_printf(
                  "it is on its way there: its operation '%s' is under way", instance->open_kind)
            : g_strdup("it has just come there");
        json_array_append_new(views,
            view_waiting(instance, drain_size_of(instance, hosts), reason, NULL));
    }
    return ids != NULL ? json_incref(views) : NULL;
}

/* take_coming: of what is not among the steps, and waits. */
static HttpResponse *
reply(const DrainJob *job, const GPtrArray *steps, const GPtrArray *drains, const GPtrArray *hosts,
    json_t *take_coming)
{
    json_t *views = json_array();
    int n_moves = 0;
    int n_waits = (int)json_array_size(take_coming);
    for (unsigned i = 0; i < steps->len; i++) {
        const DrainStep *step = steps->pdata[i];
        if (step->subject->job == job) {
            n_moves += step->dest_host != NULL;
            n_waits += waits(step);
            json_array_append_new(views, view_step(step));
        } else if (is_left_to_restore(job, step)) {
            n_waits++;
            json_array_append_new(views, view_left(step, drains, hosts));
        }
    }
    json_array_extend(views, take_coming);
    json_decref(take_coming);
    return api_json(200,
        json_pack("{s:{s:s, s:s, s:i, s:i, s:i, s:o}}", "plan", "host", job->host, "kind",
            job->is_restore ? "restore" : "drain", "moves", n_moves, "stay",
            (int)json_array_size(views) - n_moves - n_waits, "wait", n_waits, "steps", views));
}

/* Where it fails only for memory that was read a while ago; NULL: nowhere. Caller frees. */
static char **
hosts_short_of_memory(const GPtrArray *steps)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    for (unsigned i = 0; i < steps->len; i++) {
        const DrainStep *step = steps->pdata[i];
        for (size_t j = 0; step->short_hosts != NULL && step->short_hosts[j] != NULL; j++) {
            g_hash_table_add(names, step->short_hosts[j]);
        }
    }
    g_autofree char **keys = (char **)g_hash_table_get_keys_as_array(names, NULL);
    return keys[0] != NULL ? g_strdupv(keys) : NULL;
}

/* As the host would be once the job was accepted. */
static void
set_enabled(GPtrArray *hosts, const char *name, bool is_enabled)
{
    for (unsigned i = 0; i < hosts->len; i++) {
        Host *host = hosts->pdata[i];
        if (strcmp(host->name, name) == 0) {
            host->enabled = is_enabled;
        }
    }
}

typedef struct Question {
    ApiContext *context;
    char *host;
    bool is_restore;
    bool cold_fallback;
    HttpResponse *answer; /* of the second plan; NULL: the error says why */
    GError *error;
} Question;

static void
question_free(void *data)
{
    Question *question = data;
    g_free(question->host);
    g_clear_pointer(&question->answer, http_response_free);
    g_clear_error(&question->error);
    g_free(question);
}

/* ret_short: as hosts_short_of_memory. */
static HttpResponse *
plan(const Question *question, char ***ret_short, GError **error)
{
    ApiContext *context = question->context;
    Store *store = context->store;
    g_auto(Work) work = work_new(store);
    const DrainJob *job = add_job(&work,
        &(DrainJob){
            .id = INT64_MAX, .host = question->host, .is_restore = question->is_restore});
    g_autoptr(GPtrArray) drains = store_list_drains(store, NULL, true, 0, error);
    g_autoptr(GPtrArray) hosts = drains != NULL ? store_list_hosts(store, error) : NULL;
    g_autoptr(GHashTable) usage = hosts != NULL ? store_list_host_usage(store, error) : NULL;
    /* What would be refused is not promised. */
    if (usage == NULL || !store_check_no_drain(store, question->host, error) ||
        !add_others(&work, drains, true, hosts, error) ||
        !(question->is_restore ? add_drained : add_to_drain)(&work, job, error) ||
        !add_others(&work, drains, false, hosts, error) ||
        !store_add_arrivals(store, work.around, error)) {
        return NULL;
    }
    surroundings_ask_post_copy(work.around, drover_permits_post_copy, context);
    DrainRequest request = {
        .policy = &context->options->placement,
        .service_down_time_us = context->options->service_down_time_us,
        .now_us = api_now_us(context),
        .around = work.around,
    };
    set_enabled(hosts, question->host, question->is_restore);
    g_autoptr(GPtrArray) steps = (question->cold_fallback ? drain_foretell : drain_plan)(
        &request, work.subjects, hosts, usage);
    json_t *coming = view_coming(store, job, steps, hosts, error);
    if (coming == NULL) {
        return NULL;
    }
    *ret_short = hosts_short_of_memory(steps);
    return reply(job, steps, drains, hosts, coming);
}

static void
run_again(void *data)
{
    Question *question = data;
    g_auto(GStrv) still_short = NULL;
    question->answer = plan(question, &still_short, &question->error);
}

static void
on_planned(void *data, bool cancelled)
{
    Question *question = data;
    if (cancelled) {
        error_set(&question->error, ERROR_TIMEOUT, "the server is stopping");
    }
    api_complete(question->context, g_steal_pointer(&question->answer), question->error);
}

/* What was told of memory is fresh now. To plan anew takes long where there are many hosts: too
 * long for the engine's thread, on which this is told. */
static void
on_memory(void *data)
{
    Question *question = data;
    engine_ask_reading(question->context->engine, "drain plan", run_again, on_planned, question,
        question_free);
}

HttpResponse *
drover_plan_drain(
    ApiContext *context, const Host *host, bool is_restore, bool cold_fallback, GError **error)
{
    Question question = {.context = context,
        .host = host->name,
        .is_restore = is_restore,
        .cold_fallback = cold_fallback};
    g_auto(GStrv) short_hosts = NULL;
    HttpResponse *response = plan(&question, &short_hosts, error);
    if (response == NULL || short_hosts == NULL) {
        return response;
    }
    /* The job would ask them before it gives a server up. */
    http_response_free(response);
    question.host = g_strdup(host->name);
    api_defer(context);
    engine_ask_memory(
        context->engine, short_hosts, on_memory, g_memdup2(&question, sizeof question));
    return NULL;
}
