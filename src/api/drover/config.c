/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The configuration as it is, and reading it anew: rows from the daemon, shown. */
#include "api/drover/drover.h"

#include <string.h>

static json_t *
view_value(const ApiConfigValue *value)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:o, s:b, s:s, s:s}", "section", value->section,
        "name", value->name, "value", value->value, "at_next_start",
        api_string_or_null(value->next_value), "where", value->where, "group",
        api_string_or_null(value->group), "needs_restart", value->needs_restart, "default",
        value->default_value, "help", value->help);
}

static void
on_rows(const GPtrArray *values, void *data)
{
    for (unsigned i = 0; i < values->len; i++) {
        json_array_append_new(data, view_value(values->pdata[i]));
    }
}

static const QueryField show_query[] = {
    {"host", QUERY_STRING},
    {0},
};

HttpResponse *
drover_show_config(ApiContext *context, GError **error)
{
    if (!validate_query(context->request, show_query, 1, 1, error)) {
        return NULL;
    }
    const char *name = api_query(context, "host");
    g_autoptr(Host) host = name != NULL ? store_get_host(context->store, name, error) : NULL;
    if (name != NULL && host == NULL) {
        return NULL;
    }
    json_t *rows = json_array();
    context->options->list_config(context->options->config_data, name, on_rows, rows);
    return api_json(200, json_pack("{s:o}", "config", rows));
}

static json_t *
view_change(const ApiConfigChange *change)
{
    json_t *hosts = json_array();
    for (unsigned i = 0; i < change->hosts->len; i++) {
        json_array_append_new(hosts, json_string(change->hosts->pdata[i]));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:o}", "section", change->section, "name",
        change->name, "from", change->from, "to", change->to, "where", change->where,
        "needs_restart", change->needs_restart, "hosts", hosts);
}

json_t *
drover_view_reload(const GPtrArray *changes, const GPtrArray *warnings)
{
    json_t *rows = json_array();
    for (unsigned i = 0; i < changes->len; i++) {
        json_array_append_new(rows, view_change(changes->pdata[i]));
    }
    json_t *sentences = json_array();
    for (unsigned i = 0; i < warnings->len; i++) {
        json_array_append_new(sentences, json_string(warnings->pdata[i]));
    }
    return json_pack("{s:o, s:o}", "changes", rows, "warnings", sentences);
}

HttpResponse *
drover_reload_config(ApiContext *context, GError **error)
{
    g_autoptr(GPtrArray) changes = NULL;
    g_autoptr(GPtrArray) warnings = NULL;
    if (!context->options->reload_config(
            context->options->config_data, &changes, &warnings, error)) {
        return NULL;
    }
    return api_json(200, json_pack("{s:o}", "reload", drover_view_reload(changes, warnings)));
}

/* ---- one value, for others ---- */

typedef struct Wish {
    const char *name;
    char *value;
} Wish;

static void
on_wished(const GPtrArray *values, void *data)
{
    Wish *wish = data;
    for (unsigned i = 0; i < values->len; i++) {
        const ApiConfigValue *value = values->pdata[i];
        if (strcmp(value->section, "libvirt") == 0 && strcmp(value->name, wish->name) == 0) {
            g_free(wish->value);
            wish->value = g_strdup(value->value);
        }
    }
}

char *
drover_live_setting(ApiContext *context, const char *host, const char *name)
{
    Wish wish = {.name = name};
    context->options->list_config(context->options->config_data, host, on_wished, &wish);
    return wish.value != NULL ? wish.value : g_strdup("");
}

bool
drover_permits_post_copy(const char *host, void *context)
{
    g_autofree char *value =
        drover_live_setting(context, host, "live_migration_permit_post_copy");
    bool is_on = false;
    return parse_bool(value, &is_on) && is_on;
}
