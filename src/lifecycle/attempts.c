/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* A create that its host could not carry out is tried on another one. Source: Nova's
 * [scheduler] max_attempts; doc/decisions/065. */
#include "lifecycle/internal.h"

#include <string.h>

#include "model/diagnosis.h"

static bool
is_code(const char *code, ErrorCode of)
{
    return g_strcmp0(code, error_code_name(of)) == 0;
}

/* It said no, or it is full. Nothing of the instance is there before BUILDING: then a host that
 * does not answer is left as well. Later on it could have a guest, and only a host that has
 * answered, and that it has nothing any more, is let go. Any other code is the request's fault, or
 * could be: a config drive that does not fit, an image or a volume that nobody has. */
bool
lifecycle_is_of_host(LifecycleState failed_in, const char *code)
{
    return is_code(code, ERROR_HYPERVISOR_REFUSED) || is_code(code, ERROR_LIMIT) ||
        (failed_in == LIFECYCLE_FETCHING && is_code(code, ERROR_HYPERVISOR_DOWN));
}

static int
max_attempts(const LifecycleTask *task)
{
    return MAX(task->context->settings.max_create_attempts, 1);
}

static bool
is_choice(const OperationEvent *event)
{
    return strcmp(event->to, lifecycle_machine()->states[LIFECYCLE_SCHEDULING].name) == 0;
}

/* By its history, which outlives the daemon. */
static int
count_attempts(const LifecycleTask *task)
{
    int n_attempts = 0;
    g_autoptr(GPtrArray) events =
        store_list_operation_events(task->context->store, task->operation->id, NULL);

    for (unsigned i = 0; events != NULL && i < events->len; i++) {
        n_attempts += is_choice(events->pdata[i]);
    }
    return events != NULL ? n_attempts : G_MAXINT;
}

static bool
is_open_choice(const LifecycleTask *task)
{
    return task->operation->kind == OPERATION_CREATE && task->operation->requested_host == NULL &&
        task->operation->wanted != WANTED_CANCEL;
}

bool
lifecycle_may_try_another(const LifecycleTask *task, const char *code)
{
    return lifecycle_is_of_host(task->state, code) && is_open_choice(task) &&
        count_attempts(task) < max_attempts(task);
}

StepResult
lifecycle_try_another(LifecycleTask *task, const char *why)
{
    LifecycleChange change = LIFECYCLE_CHANGE_NONE;
    g_autofree char *explained = diagnosis_explain(why);
    g_autofree char *sentence = refusals_tell(task->instance->host, explained);

    refusals_add(task->refusals, task->instance->host, why);
    g_clear_pointer(&task->bases, g_ptr_array_unref);
    task->n_bases = 0;
    task->base_is_missing = false;
    change.releases_claims = true;
    change.leaves_host = true;
    change.forgets_error = true;
    change.sentence = sentence;
    return lifecycle_move(task, LIFECYCLE_SCHEDULING, &change);
}

char *
lifecycle_tell_attempts(const LifecycleTask *task)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GPtrArray) events =
        store_list_operation_events(task->context->store, task->operation->id, NULL);
    bool is_first = true;

    for (unsigned i = 0; events != NULL && i < events->len; i++) {
        const OperationEvent *event = events->pdata[i];
        if (is_choice(event) && !is_first) {
            g_string_append_printf(text, "; before: %s", event->sentence);
        }
        is_first = is_first && !is_choice(event);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* CLEANING was entered from there. */
static bool
has_failed_fetching(const LifecycleTask *task)
{
    const MachineState *states = lifecycle_machine()->states;
    g_autoptr(GPtrArray) events =
        store_list_operation_events(task->context->store, task->operation->id, NULL);
    const OperationEvent *last =
        events != NULL && events->len > 0 ? events->pdata[events->len - 1] : NULL;

    return last != NULL && g_strcmp0(last->from, states[LIFECYCLE_FETCHING].name) == 0;
}

static bool
is_of_host_at_end(const LifecycleTask *task, bool is_clean)
{
    const char *code = task->operation->error_code;

    return has_failed_fetching(task) ? lifecycle_is_of_host(LIFECYCLE_FETCHING, code)
                                     : is_clean && lifecycle_is_of_host(LIFECYCLE_CLEANING, code);
}

char *
lifecycle_explain_end(const LifecycleTask *task, const char *message, bool is_clean)
{
    bool was_last = task->state == LIFECYCLE_CLEANING && max_attempts(task) > 1 &&
        is_open_choice(task) && is_of_host_at_end(task, is_clean) &&
        count_attempts(task) >= max_attempts(task);

    return was_last
        ? g_strdup_printf("Exceeded maximum number of retries. Exceeded max scheduling attempts "
                          "%d for instance %s. Last exception: %s",
              max_attempts(task), task->instance->id, message)
        : g_strdup(message);
}
