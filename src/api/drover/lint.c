/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Are these hosts fit for migrations? What is known of them, judged, and canaries: asked for here,
 * sent by the engine, looked at when whoever asked comes back. */
#include "api/drover/lint.h"

#include "api/drover/drover.h"
#include "model/bad_version.h"
#include "model/diagnosis.h"
#include <string.h>

/* Named hosts are tried in pairs, both ways; without names each host with its next ones. */
enum { NAMED_MAX = 16, CONNECTIONS_MAX = 255 };

static const Field host_item[] = {{"host", FIELD_STRING, 0, 1, 255}, {0}};
static const Field lint_fields[] = {
    {"hosts", FIELD_ARRAY, 0, 1, NAMED_MAX, .item = host_item},
    {"post_copy", FIELD_BOOLEAN},
    {"parallel_connections", FIELD_INTEGER, 0, 1, CONNECTIONS_MAX},
    {0},
};
static const Field lint_body[] = {
    {"lint", FIELD_OBJECT, FIELD_REQUIRED, .fields = lint_fields},
    {0},
};

/* ---- asking ---- */

/* What is asked for: Canary *, and views of those that cannot be sent, which are not asked for. */
typedef struct Wishes {
    GPtrArray *pairs;
    json_t *unsent;
} Wishes;

static void
wishes_clear(Wishes *wishes)
{
    g_clear_pointer(&wishes->pairs, g_ptr_array_unref);
    g_clear_pointer(&wishes->unsent, json_decref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Wishes, wishes_clear)

/* One that nobody has tried to connect to is waited for. */
static bool
is_cut_off(const Host *host)
{
    return !host->connected && host->connect_error != NULL;
}

/* Whether this host stands in the way, and then why. Of its version QEMU would say it in words that
 * name neither that nor the other host's. */
static bool
refuse(Wishes *wishes, const char *source, const char *dest, const Host *host,
    const CanaryExtra *asked)
{
    g_autofree char *obstacle =
        parallel_post_copy_obstacle(host, asked->post_copy, asked->connections);
    g_autofree char *reason = NULL;
    g_autofree char *fix = NULL;
    if (is_cut_off(host)) {
        reason = g_strdup_printf("host '%s' is not connected", host->name);
        fix = g_strdup_printf("see why in 'drover host show %s', and lint again", host->name);
    } else if (obstacle != NULL) {
        reason = g_strconcat("post-copy by several connections ", obstacle, NULL);
        fix = g_strdup("ask for one of --post-copy and --parallel-connections at a time");
    }
    return reason != NULL &&
        json_array_append_new(wishes->unsent, json_pack("{s:s, s:s, s:s, s:s}", "source_host",
            source, "dest_host", dest, "reason", reason, "fix", fix)) == 0;
}

static void
add_pair(Wishes *wishes, const Host *source, const Host *dest, const CanaryExtra *asked)
{
    if (refuse(wishes, source->name, dest->name, source, asked) ||
        refuse(wishes, source->name, dest->name, dest, asked)) {
        return;
    }
    Canary *canary = g_new0(Canary, 1);
    canary->asked = *asked;
    canary->source_host = g_strdup(source->name);
    canary->dest_host = g_strdup(dest->name);
    g_ptr_array_add(wishes->pairs, canary);
}

/* Of named hosts: whoever names two of different cells is to be told what is between them. */
static GPtrArray *
list_others(const GPtrArray *hosts, unsigned of)
{
    GPtrArray *others = g_ptr_array_new();
    for (unsigned step = 1; step < hosts->len; step++) {
        g_ptr_array_add(others, hosts->pdata[(of + step) % hosts->len]);
    }
    return others;
}

static Wishes
make_wishes(const GPtrArray *hosts, bool is_named, const CanaryExtra *asked)
{
    Wishes wishes = {
        g_ptr_array_new_with_free_func((GDestroyNotify)canary_free), json_array()};
    for (unsigned i = 0; i < hosts->len; i++) {
        g_autoptr(GPtrArray) peers =
            is_named ? list_others(hosts, i) : canary_list_peers(hosts, i);
        for (unsigned j = 0; j < peers->len; j++) {
            add_pair(&wishes, hosts->pdata[i], peers->pdata[j], asked);
        }
    }
    return wishes;
}

static bool
is_named(const GStrv names, const Host *host)
{
    return names == NULL || g_strv_contains((const char *const *)names, host->name);
}

/* Those that are named, all without names; 404 for a name that is none. */
static GPtrArray *
choose_hosts(ApiContext *context, const GStrv names, GError **error)
{
    g_autoptr(GPtrArray) hosts = store_list_hosts(context->store, error);
    if (hosts == NULL) {
        return NULL;
    }
    for (int i = 0; names != NULL && names[i] != NULL; i++) {
        g_autoptr(Host) host = drover_get_host(context, names[i], error);
        if (host == NULL) {
            return NULL;
        }
    }
    for (unsigned i = hosts->len; i > 0; i--) {
        if (!is_named(names, hosts->pdata[i - 1])) {
            g_ptr_array_remove_index(hosts, i - 1);
        }
    }
    return g_steal_pointer(&hosts);
}

static GStrv
read_names(const json_t *body)
{
    const json_t *names = json_object_get(body, "hosts");
    if (names == NULL) {
        return NULL;
    }
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    for (size_t i = 0; i < json_array_size(names); i++) {
        g_strv_builder_add(builder, json_string_value(json_array_get(names, i)));
    }
    return g_strv_builder_end(builder);
}

/* What whoever waits for them looks for: one that ended before asked_at was another. */
static json_t *
view_pairs(const GPtrArray *pairs)
{
    json_t *views = json_array();
    for (unsigned i = 0; i < pairs->len; i++) {
        const Canary *canary = pairs->pdata[i];
        json_array_append_new(views, json_pack("{s:s, s:s}", "source_host", canary->source_host,
            "dest_host", canary->dest_host));
    }
    return views;
}

HttpResponse *
drover_start_lint(ApiContext *context, GError **error)
{
    if (!validate_body(context->body, lint_body, 0, 0, error)) {
        return NULL;
    }
    const json_t *body = json_object_get(context->body, "lint");
    CanaryExtra asked = {.post_copy = body_bool(body, "post_copy", false),
        .connections = (int)body_int(body, "parallel_connections", 0)};
    g_auto(GStrv) names = read_names(body);
    g_autoptr(GPtrArray) hosts = choose_hosts(context, names, error);
    if (hosts == NULL) {
        return NULL;
    }
    g_auto(Wishes) wishes = make_wishes(hosts, names != NULL, &asked);
    int64_t asked_us = api_now_us(context);
    if (!store_ask_canaries(context->store, wishes.pairs, error)) {
        return NULL;
    }
    engine_nudge_canaries(context->engine);
    return api_json(202, json_pack("{s:{s:i, s:o, s:o, s:O}}", "lint", "canaries",
        (int)wishes.pairs->len, "asked", view_pairs(wishes.pairs), "asked_at",
        api_time_us(asked_us), "unsent", wishes.unsent));
}

/* ---- looking ---- */

static json_t *
view_pool(CanaryPool pool)
{
    switch (pool) {
    case CANARY_POOL_UNKNOWN: return json_null();
    case CANARY_POOL_SHARED: return json_true();
    case CANARY_POOL_OWN: return json_false();
    }
    g_assert_not_reached();
}

/* What to do where nobody knows the cause: the logs have it, and the same canary tries it again.
 * extra: of the second one, NULL = of the first. */
static char *
default_fix(const Canary *canary, const CanaryExtra *extra)
{
    g_autoptr(GString) command = g_string_new("drover host lint");
    if (extra != NULL && extra->post_copy) {
        g_string_append(command, " --post-copy");
    }
    if (extra != NULL && extra->connections > 0) {
        g_string_append_printf(command, " --parallel-connections %d", extra->connections);
    }
    return g_strdup_printf("see /var/log/libvirt/qemu on host '%s' and the log of libvirtd on both "
                           "hosts, then try again: '%s %s %s'",
        canary->dest_host, command->str, canary->source_host, canary->dest_host);
}

/* When it was, and what it failed with, if it did; error NULL: it did not. */
static void
add_outcome(json_t *view, int64_t when_us, const char *error, const char *unknown_fix,
    int64_t now_us)
{
    const Diagnosis *diagnosis = diagnosis_find(error);
    const char *fix = diagnosis != NULL ? diagnosis->fix : error != NULL ? unknown_fix : NULL;
    json_auto_t *outcome = json_pack("{s:o, s:o, s:o, s:o, s:o}", "age_s",
        when_us != 0 ? json_integer((now_us - when_us) / G_USEC_PER_SEC) : json_null(), "reason",
        api_string_or_null(error), "diagnosis",
        api_string_or_null(diagnosis != NULL ? diagnosis->code : NULL), "cause",
        api_string_or_null(diagnosis != NULL ? diagnosis->cause : NULL), "fix",
        api_string_or_null(fix));
    json_object_update(view, outcome);
}

/* tried_at: earlier than that of the canary where the last one was not sent so, or cut off. */
static json_t *
view_extra(const Canary *canary, int64_t now_us)
{
    if (canary->extra_us == 0) {
        return json_null();
    }
    json_t *view = json_pack("{s:b, s:o, s:s, s:o}", "post_copy", canary->extra.post_copy,
        "parallel_connections",
        canary->extra.connections > 0 ? json_integer(canary->extra.connections) : json_null(),
        "result", canary->extra_error == NULL ? "pass" : "fail", "tried_at",
        api_time_us(canary->extra_us));
    g_autofree char *unknown_fix = default_fix(canary, &canary->extra);
    add_outcome(view, canary->extra_us, canary->extra_error, unknown_fix, now_us);
    return view;
}

/* result: what is known of the way, by whatever was last; canary_result: what the last canary came
 * to, also where a guest has said otherwise since; null where none was tried. */
static json_t *
view_canary(const Canary *canary, int64_t now_us)
{
    bool is_by_guest = canary->moved_us > canary->tried_us;
    const char *result = canary_is_pending(canary)
        ? "pending"
        : canary_verdict_name(canary_verdict(canary));
    const char *own_result = canary->tried_us == 0 ? NULL
        : canary->error != NULL                    ? "fail"
                                                   : "pass";
    json_t *view = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "source_host",
        canary->source_host, "dest_host", canary->dest_host, "result", result, "known_by",
        is_by_guest ? "guest" : "canary", "canary_result", api_string_or_null(own_result),
        "tried_at", api_time_us(canary->tried_us), "moved_at", api_time_us(canary->moved_us),
        "elapsed_ms",
        canary->tried_us != 0 ? json_integer(canary->elapsed_ms) : json_null(), "pool_shared",
        view_pool(canary->pool), "extra", view_extra(canary, now_us));
    g_autofree char *unknown_fix = default_fix(canary, NULL);
    add_outcome(view, is_by_guest ? canary->moved_us : canary->tried_us,
        is_by_guest ? canary->move_error : canary->error, unknown_fix, now_us);
    return view;
}

static bool
has_host(const GPtrArray *hosts, const char *name)
{
    for (unsigned i = 0; i < hosts->len; i++) {
        if (strcmp(((const Host *)hosts->pdata[i])->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static json_t *
view_canaries(ApiContext *context, const GPtrArray *hosts, GError **error)
{
    CanaryFilter filter = {0};
    g_autoptr(GPtrArray) canaries = store_list_canaries(context->store, &filter, error);
    if (canaries == NULL) {
        return NULL;
    }
    json_t *views = json_array();
    for (unsigned i = 0; i < canaries->len; i++) {
        const Canary *canary = canaries->pdata[i];
        if (has_host(hosts, canary->source_host) && has_host(hosts, canary->dest_host)) {
            json_array_append_new(views, view_canary(canary, api_now_us(context)));
        }
    }
    return views;
}

static json_t *
view_checks(ApiContext *context, const GPtrArray *hosts, bool is_named, GError **error)
{
    json_auto_t *rows = json_array();
    g_autoptr(GPtrArray) networks = store_list_networks(context->store, error);
    g_autoptr(GPtrArray) aggregates =
        networks != NULL ? store_list_aggregates(context->store, error) : NULL;
    for (unsigned i = 0; aggregates != NULL && i < hosts->len; i++) {
        const Host *host = hosts->pdata[i];
        g_autoptr(GPtrArray) differences =
            store_list_host_differences(context->store, host->name, error);
        if (differences == NULL) {
            return NULL;
        }
        lint_host(rows, host, hosts, networks, context->options->volume_pool, is_named,
            api_now_us(context));
        lint_claims(rows, host, differences);
        lint_aggregates(rows, host, aggregates);
    }
    lint_unseen(rows);
    return aggregates != NULL ? json_incref(rows) : NULL;
}

static const QueryField lint_query[] = {
    {"hosts", QUERY_STRING},
    {0},
};

HttpResponse *
drover_show_lint(ApiContext *context, GError **error)
{
    if (!validate_query(context->request, lint_query, 1, 1, error)) {
        return NULL;
    }
    const char *text = api_query(context, "hosts");
    g_auto(GStrv) names = text != NULL ? g_strsplit(text, ",", NAMED_MAX + 1) : NULL;
    g_autoptr(GPtrArray) hosts = choose_hosts(context, names, error);
    json_auto_t *canaries = hosts != NULL ? view_canaries(context, hosts, error) : NULL;
    json_t *rows = canaries != NULL ? view_checks(context, hosts, names != NULL, error) : NULL;
    return rows == NULL
        ? NULL
        : api_json(
              200, json_pack("{s:{s:o, s:O}}", "lint", "checks", rows, "canaries", canaries));
}
