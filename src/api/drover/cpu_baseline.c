/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The processor that guests may have on all of several hosts, and who stands in its way. The hosts
 * are asked by a worker; the request waits. */
#include "api/drover/drover.h"

#include <string.h>

enum { HOSTS_MAX = 64 };

static const Field host_item[] = {{"host", FIELD_STRING, 0, 1, 255}, {0}};
static const Field baseline_fields[] = {
    {"hosts", FIELD_ARRAY, FIELD_REQUIRED, 1, HOSTS_MAX, .item = host_item},
    {0},
};
static const Field baseline_body[] = {
    {"baseline", FIELD_OBJECT, FIELD_REQUIRED, .fields = baseline_fields},
    {0},
};

typedef struct BaselineAsk {
    ApiContext *context;
    char **hosts; /* in the order of the rows */
} BaselineAsk;

static void
ask_free(BaselineAsk *ask)
{
    g_strfreev(ask->hosts);
    g_free(ask);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BaselineAsk, ask_free)

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

/* keeps: it has another model than the baseline, until its definition is made anew. */
static json_t *
view_guests(const CpuBaseline *baseline)
{
    json_t *rows = json_array();
    for (unsigned i = 0; i < baseline->guests->len; i++) {
        const CpuOfGuest *guest = baseline->guests->pdata[i];
        bool keeps = g_strcmp0(guest->model, baseline->model) != 0;
        json_array_append_new(rows,
            json_pack("{s:s, s:s, s:s, s:o, s:b, s:o}", "uuid", guest->uuid, "domain", guest->name,
                "host", guest->host, "cpu_model", api_string_or_null(guest->model),
                "keeps_its_model", keeps, "obstacle", api_string_or_null(guest->obstacle)));
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

static void
on_baseline(const CpuBaseline *baseline, const GError *problem, void *data)
{
    g_autoptr(BaselineAsk) ask = data;
    if (problem != NULL) {
        api_complete(ask->context, NULL, problem);
        return;
    }
    json_t *view = json_pack("{s:{s:o, s:o, s:o, s:o, s:o}}", "baseline", "cpu_model",
        api_string_or_null(baseline->model), "features", view_features(baseline), "problem",
        api_string_or_null(baseline->problem), "hosts", view_hosts(baseline), "guests",
        view_guests(baseline));
    api_complete(ask->context, api_json(200, view), NULL);
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
    *ask = (BaselineAsk){context, hosts};
    api_defer(context);
    engine_ask_baseline(context->engine, hosts, on_baseline, ask);
    return NULL;
}
