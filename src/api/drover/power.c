/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* A host's fence agent, and its power through it. The agent runs on a worker; the request waits. */
#include "api/drover/drover.h"
#include "fencing/fencing.h"

typedef struct PowerWork {
    ApiContext *context;
    Host *host;
    FenceAgent agent; /* its strings are the host's */
    FenceAction action;
    HostPower power;
    GError *error;
} PowerWork;

static const Field set_fields[] = {
    {"fence_agent", FIELD_STRING, FIELD_NULLABLE, 0, 255},
    {"fence_options", FIELD_STRING, 0, 0, 4096},
    {0},
};
static const Field set_body[] = {
    {"host", FIELD_OBJECT, FIELD_REQUIRED, .fields = set_fields},
    {0},
};

/* Lines, as the store has them. An agent that is named without options has none. */
static char *
read_options(const Host *host, const json_t *body, GError **error)
{
    const char *text = body_string(body, "fence_options", NULL);
    if (text != NULL) {
        return fencing_parse_options(text, error);
    }
    return g_strdup(body_has(body, "fence_agent") ? "" : host->fence_options);
}

HttpResponse *
drover_update_host(ApiContext *context, GError **error)
{
    if (!validate_body(context->body, set_body, 0, 0, error)) {
        return NULL;
    }
    const json_t *body = json_object_get(context->body, "host");
    g_autoptr(Host) host = drover_get_host(context, api_param(context, "name"), error);
    g_autofree char *options = host != NULL ? read_options(host, body, error) : NULL;
    if (options == NULL) {
        return NULL;
    }
    const char *agent = body_has(body, "fence_agent") ? body_string(body, "fence_agent", NULL)
                                                      : host->fence_agent;
    bool has_agent = agent != NULL && agent[0] != '\0';
    if (!has_agent && options[0] != '\0') {
        error_set(error, ERROR_INVALID, "fence options need a fence agent");
        return NULL;
    }
    if ((has_agent && !fencing_check(agent, options, error)) ||
        (has_agent && body_has(body, "fence_agent") &&
            !fencing_find(context->options->fence_directory, agent, error)) ||
        !store_set_host_fence(
            context->store, host->name, has_agent ? agent : NULL, options, error)) {
        return NULL;
    }
    return drover_reply_host(context, host->name, 200, error);
}

/* ---- power ---- */

static void
work_free(void *data)
{
    PowerWork *work = data;
    g_clear_pointer(&work->host, host_free);
    g_clear_error(&work->error);
    g_free(work);
}

static void
run(void *data)
{
    PowerWork *work = data;
    fencing_run(&work->agent, work->action, &work->power, &work->error);
}

/* Known until now: the host is fenced, or is not any more. */
static bool
record(const PowerWork *work, GError **error)
{
    Store *store = work->context->store;
    const char *name = work->host->name;
    if (work->error != NULL) {
        if (!store_set_host_fence_error(store, name, work->error->message, error)) {
            return false;
        }
        return error_set(error, ERROR_CONFLICT, "%s", work->error->message);
    }
    return store_set_host_power(store, name, work->power, work->host->fence_agent, error);
}

static void
done(void *data, bool cancelled)
{
    PowerWork *work = data;
    ApiContext *context = work->context;
    g_autoptr(GError) error = NULL;
    if (cancelled) {
        error_set(&error, ERROR_TIMEOUT, "the server is stopping");
    }
    HttpResponse *response = error == NULL && record(work, &error)
        ? drover_reply_host(context, work->host->name, 200, &error)
        : NULL;
    api_complete(context, response, error);
}

static const Field power_fields[] = {
    {"action", FIELD_STRING, FIELD_REQUIRED,
        .values = (const char *const[]){"status", "off", "on", NULL}},
    {"force", FIELD_BOOLEAN},
    {0},
};
static const Field power_body[] = {
    {"power", FIELD_OBJECT, FIELD_REQUIRED, .fields = power_fields},
    {0},
};

/* A host that is up may run guests. */
static bool
check_action(
    const ApiContext *context, const Host *host, FenceAction action, bool force, GError **error)
{
    if (host->fence_agent == NULL) {
        return error_set(error, ERROR_CONFLICT,
            "host '%s' has no fence agent: see 'drover host set --help'", host->name);
    }
    bool is_up = host_is_up(host, api_now_us(context), context->options->service_down_time_us);
    return action != FENCE_OFF || !is_up || force ||
        error_set(error, ERROR_CONFLICT,
            "host '%s' is up, and its guests would die with it: say --force (\"force\": true) if "
            "that is meant",
            host->name);
}

HttpResponse *
drover_host_power(ApiContext *context, GError **error)
{
    FenceAction action = FENCE_STATUS;
    if (!validate_body(context->body, power_body, 0, 0, error)) {
        return NULL;
    }
    const json_t *body = json_object_get(context->body, "power");
    fence_action_parse(body_string(body, "action", ""), &action);
    g_autoptr(Host) host = drover_get_host(context, api_param(context, "name"), error);
    if (host == NULL ||
        !check_action(context, host, action, body_bool(body, "force", false), error)) {
        return NULL;
    }
    PowerWork *work = g_new0(PowerWork, 1);
    work->context = context;
    work->action = action;
    work->host = g_steal_pointer(&host);
    work->agent = (FenceAgent){.directory = context->options->fence_directory,
        .name = work->host->fence_agent,
        .options = work->host->fence_options,
        .timeout_ms = context->options->fence_timeout_ms};
    g_autofree char *key = g_strdup_printf("power %s", work->host->name);
    api_defer(context);
    engine_ask_work(context->engine, key, run, done, work, work_free);
    return NULL;
}
