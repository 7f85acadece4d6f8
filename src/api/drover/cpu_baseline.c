/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The processor that guests may have on all of several hosts, and who stands in its way. The hosts
 * are asked by a worker; the request waits. */
#include "api/drover/drover.h"

enum { HOSTS_MAX = 64 };

static const Field host_item[] = {{"host", FIELD_STRING, 0, 1, 255}, {0}};
static const Field baseline_fields[] = {
    {"hosts", FIELD_ARRAY, FIELD_REQUIRED, 1, HOSTS_MAX, .item = host_item},
    {"apply", FIELD_BOOLEAN},
    {0},
};
static const Field baseline_body[] = {
    {"baseline", FIELD_OBJECT, FIELD_REQUIRED, .fields = baseline_fields},
    {0},
};

typedef struct BaselineAsk {
    ApiContext *context;
    char **hosts; /* in the order of the rows */
    bool applies;
    json_t *view;     /* with applies: the baseline, while a worker writes it */
    char *model;      /* and what it is to write */
    char **features;
    json_t *applied;
    GError *error;
} BaselineAsk;

static void
ask_free(void *data)
{
    BaselineAsk *ask = data;

    g_strfreev(ask->hosts);
    json_decref(ask->view);
    g_free(ask->model);
    g_strfreev(ask->features);
    json_decref(ask->applied);
    g_clear_error(&ask->error);
    g_free(ask);
}

static json_t *
view_hosts(const CpuBaseline *baseline)
{
    json_t *rows = json_array();
    for (unsigned i = 0; i < baseline->hosts->len; i++) {
        const CpuOfHost *host = baseline->hosts->pdata[i];
        json_array_append_new(rows,
            json_pack("{s:s, s:o, s:o}", "host", host->name, "cpu_model",
                api_string_or_null(host->model), "lacks", api_string_or_null(host->lacks)));
    }
    return rows;
}

/* keeps: it has another processor than the baseline, by its model or by what is beside it, until it
 * is started anew. */
static json_t *
view_guests(const CpuBaseline *baseline)
{
    json_t *rows = json_array();
    for (unsigned i = 0; i < baseline->guests->len; i++) {
        const CpuOfGuest *guest = baseline->guests->pdata[i];
        bool keeps =
            g_strcmp0(guest->model, baseline->model) != 0 || guest->lacks != NULL;
        json_array_append_new(rows,
            json_pack("{s:s, s:s, s:s, s:o, s:o, s:b, s:o}", "uuid", guest->uuid, "domain",
                guest->name, "host", guest->host, "cpu_model", api_string_or_null(guest->model),
                "lacks", api_string_or_null(guest->lacks), "keeps_its_model", keeps, "obstacle",
                api_string_or_null(guest->obstacle)));
    }
    return rows;
}

static json_t *
view_features(const CpuBaseline *baseline)
{
    json_t *names = json_array();
    for (int i = 0; baseline->features != NULL && baseline->features[i] != NULL; i++) {
        json_array_append_new(names, json_string(baseline->features[i]));
    }
    return names;
}

static json_t *
view_baseline(const CpuBaseline *baseline)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:n}", "cpu_model",
        api_string_or_null(baseline->model), "features", view_features(baseline), "problem",
        api_string_or_null(baseline->problem), "hosts", view_hosts(baseline), "guests",
        view_guests(baseline), "applied");
}

/* ---- writing it into the configuration ---- */

static void
run_apply(void *data)
{
    BaselineAsk *ask = data;
    const ApiOptions *options = ask->context->options;
    const ApiCpuModel model = {
        ask->model, ask->features, ask->hosts, ask->context->identity->user_name};
    g_autofree char *path = NULL;
    g_autoptr(GPtrArray) changes = NULL;
    g_autoptr(GPtrArray) warnings = NULL;

    if (options->apply_cpu(
            options->config_data, &model, &path, &changes, &warnings, &ask->error)) {
        ask->applied = drover_view_reload(changes, warnings);
        json_object_set_new(ask->applied, "file", json_string(path));
    }
}

static void
on_applied(void *data, bool cancelled)
{
    BaselineAsk *ask = data;

    if (cancelled && ask->error == NULL && ask->applied == NULL) {
        error_set(&ask->error, ERROR_HYPERVISOR_DOWN, "the daemon is ending");
    }
    if (ask->error != NULL) {
        api_complete(ask->context, NULL, ask->error);
        return;
    }
    json_object_set(ask->view, "applied", ask->applied);
    api_complete(ask->context, api_json(200, json_pack("{s:O}", "baseline", ask->view)), NULL);
}

static bool
begin_apply(BaselineAsk *ask, const CpuBaseline *baseline, GError **error)
{
    if (baseline->model == NULL) {
        return error_set(error, ERROR_CONFLICT, "no CPU fits them: %s; nothing was written",
            baseline->problem != NULL ? baseline->problem : "they have none in common");
    }
    ask->view = view_baseline(baseline);
    ask->model = g_strdup(baseline->model);
    ask->features = baseline->features != NULL ? g_strdupv(baseline->features) : g_new0(char *, 1);
    engine_ask_work(ask->context->engine, "config", run_apply, on_applied, ask, ask_free);
    return true;
}

static void
on_baseline(const CpuBaseline *baseline, const GError *problem, void *data)
{
    BaselineAsk *ask = data;
    ApiContext *context = ask->context;
    g_autoptr(GError) error = problem != NULL ? g_error_copy(problem) : NULL;

    if (error == NULL && ask->applies && begin_apply(ask, baseline, &error)) {
        return;
    }
    ask_free(ask);
    api_complete(context,
        error == NULL ? api_json(200, json_pack("{s:o}", "baseline", view_baseline(baseline)))
                      : NULL,
        error);
}

/* Each once, in the order in which they were named. */
static char **
read_hosts(ApiContext *context, GError **error)
{
    const json_t *names = json_object_get(json_object_get(context->body, "baseline"), "hosts");
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        g_autoptr(Host) host = drover_get_host(context, name, error);
        if (host == NULL) {
            return NULL;
        }
        if (g_hash_table_add(seen, (void *)name)) {
            g_strv_builder_add(builder, name);
        }
    }
    return g_strv_builder_end(builder);
}

HttpResponse *
drover_cpu_baseline(ApiContext *context, GError **error)
{
    if (!validate_body(context->body, baseline_body, 0, 0, error)) {
        return NULL;
    }
    char **hosts = read_hosts(context, error);
    if (hosts == NULL) {
        return NULL;
    }
    BaselineAsk *ask = g_new0(BaselineAsk, 1);
    const json_t *body = json_object_get(context->body, "baseline");
    *ask = (BaselineAsk){
        .context = context,
        .hosts = hosts,
        .applies = json_is_true(json_object_get(body, "apply")),
    };
    api_defer(context);
    engine_ask_baseline(context->engine, hosts, on_baseline, ask);
    return NULL;
}
