/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover aggregate ...: hosts that belong together, and zones. */
#include "base/error.h"
#include "cli/command.h"
#include "cli/each.h"
#include "cli/find.h"
#include "cli/usage.h"

#include <string.h>

static char *
format_names(const json_t *value, const json_t *row)
{
    g_autoptr(GString) text = g_string_new(NULL);
    size_t i = 0;
    json_t *name = NULL;
    json_array_foreach(value, i, name)
    {
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", json_string_value(name));
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static const char *
find_text(const json_t *metadata, const char *key)
{
    return json_string_value(json_object_get(metadata, key));
}

static bool
is_pool(const json_t *metadata)
{
    const char *flag = find_text(metadata, "hypervisor_pool");
    return flag != NULL && g_ascii_strcasecmp(flag, "true") == 0;
}

/* "active, master hosta"; nothing for what is no pool. */
static char *
format_pool(const json_t *metadata, const json_t *row)
{
    const char *state = find_text(metadata, "operational_state");
    const char *master = find_text(metadata, "master_compute");
    const char *joining = find_text(metadata, "joining_compute");
    if (!is_pool(metadata)) {
        return g_strdup("");
    }
    g_autoptr(GString) text = g_string_new(state != NULL ? state : "created");
    if (master != NULL) {
        g_string_append_printf(text, ", master %s", master);
    }
    if (joining != NULL) {
        g_string_append_printf(text, ", %s %s", joining,
            find_text(metadata, "operational_error") != NULL ? "could not join" : "joins");
    }
    const char *error = find_text(metadata, "operational_error");
    if (joining == NULL && error != NULL) {
        g_string_append_printf(text, ": %s", error);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* What zones and pools say has columns of its own. */
static bool
has_column(const json_t *metadata, const char *key)
{
    static const char *const of_pools[] = {"hypervisor_pool", "operational_state",
        "master_compute", "joining_compute", "operational_error", NULL};
    return strcmp(key, "availability_zone") == 0 ||
        (is_pool(metadata) && g_strv_contains(of_pools, key));
}

static char *
format_properties(const json_t *value, const json_t *row)
{
    g_autoptr(GString) text = g_string_new(NULL);
    const char *key = NULL;
    json_t *word = NULL;
    json_object_foreach((json_t *)value, key, word)
    {
        if (!has_column(value, key)) {
            g_string_append_printf(
                text, "%s%s=%s", text->len > 0 ? ", " : "", key, json_string_value(word));
        }
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static const Column LIST_COLUMNS[] = {
    {"ID", "id", NULL},
    {"Name", "name", NULL},
    {"Zone", "availability_zone", NULL},
    {"Hosts", "hosts", format_names},
    {"Pool", "metadata", format_pool},
    {"Properties", "metadata", format_properties},
    {NULL, NULL, NULL},
};

static bool
aggregate_list(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *rows = session != NULL
        ? session_list(session, "compute", "/os-aggregates", "aggregates", error)
        : NULL;
    return rows != NULL &&
        output_list(command_output(context), rows, LIST_COLUMNS,
            "There are no aggregates. 'drover aggregate create --help' shows how to make one.",
            error);
}

static bool
aggregate_show(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *aggregate =
        session != NULL ? find_aggregate(session, command_argument(context, 0), error) : NULL;
    return aggregate != NULL &&
        output_object_flat(command_output(context), aggregate, error);
}

/* ---- changing ---- */

/* What it is after the request, which may have said less. */
static bool
show_id(CommandContext *context, Session *session, const char *id, GError **error)
{
    g_autofree char *path = session_path("/os-aggregates/%s", id);
    json_auto_t *answer = session_get(session, "compute", path, error);
    return answer != NULL &&
        output_object_flat(
            command_output(context), json_object_get(answer, "aggregate"), error);
}

static bool
act(Session *session, const char *id, const char *action, json_t *take_value, GError **error)
{
    g_autofree char *path = session_path("/os-aggregates/%s/action", id);
    json_auto_t *body = json_pack("{s:o}", action, take_value);
    json_auto_t *answer = session_request(session, "compute", "POST", path, body, error);
    return answer != NULL;
}

/* "key=value" words become members of metadata. */
static bool
read_properties(CommandContext *context, json_t *metadata, GError **error)
{
    const GPtrArray *words = command_values(context, "--property");
    for (unsigned i = 0; i < words->len; i++) {
        const char *word = words->pdata[i];
        const char *equals = strchr(word, '=');
        if (equals == NULL || equals == word) {
            return usage_error(error, "--property takes KEY=VALUE, not '%s'", word);
        }
        g_autofree char *key = g_strndup(word, (size_t)(equals - word));
        json_object_set_new(metadata, key, json_string(equals + 1));
    }
    return true;
}

/* An aggregate that may not say what it was to say is taken away again. */
static bool
say_first(Session *session, const char *id, const json_t *metadata, GError **error)
{
    if (json_object_size(metadata) == 0 ||
        act(session, id, "set_metadata", json_pack("{s:O}", "metadata", metadata), error)) {
        return true;
    }
    g_autofree char *path = session_path("/os-aggregates/%s", id);
    json_auto_t *answer = session_request(session, "compute", "DELETE", path, NULL, NULL);
    return false;
}

static const CommandOption CREATE_OPTIONS[] = {
    {"--zone", "NAME", "its hosts are in this availability zone"},
    {"--property", "KEY=VALUE", "what it says of its hosts", true},
    {NULL, NULL, NULL},
};

static bool
aggregate_create(CommandContext *context, GError **error)
{
    json_auto_t *metadata = json_object();
    Session *session = NULL;
    if (!read_properties(context, metadata, error) ||
        (session = command_session(context, error)) == NULL) {
        return false;
    }
    json_auto_t *body = json_pack("{s:{s:s}}", "aggregate", "name", command_argument(context, 0));
    if (command_has(context, "--zone")) {
        json_object_set_new(json_object_get(body, "aggregate"), "availability_zone",
            json_string(command_value(context, "--zone")));
    }
    json_auto_t *answer =
        session_request(session, "compute", "POST", "/os-aggregates", body, error);
    if (answer == NULL) {
        return false;
    }
    g_autofree char *id = find_id(json_object_get(answer, "aggregate"));
    return say_first(session, id, metadata, error) && show_id(context, session, id, error);
}

static const CommandOption SET_OPTIONS[] = {
    {"--name", "NAME", "what it is called from now on"},
    {"--zone", "NAME", "its hosts are in this availability zone"},
    {"--property", "KEY=VALUE", "what it says of its hosts", true},
    {NULL, NULL, NULL},
};

static bool
rename_or_rezone(CommandContext *context, Session *session, const char *id, GError **error)
{
    json_auto_t *body = json_pack("{s:{}}", "aggregate");
    json_t *aggregate = json_object_get(body, "aggregate");
    if (command_has(context, "--name")) {
        json_object_set_new(aggregate, "name", json_string(command_value(context, "--name")));
    }
    if (command_has(context, "--zone")) {
        json_object_set_new(
            aggregate, "availability_zone", json_string(command_value(context, "--zone")));
    }
    if (json_object_size(aggregate) == 0) {
        return true;
    }
    g_autofree char *path = session_path("/os-aggregates/%s", id);
    json_auto_t *answer = session_request(session, "compute", "PUT", path, body, error);
    return answer != NULL;
}

/* NULL: it was not found. Caller frees. */
static char *
find_aggregate_id(CommandContext *context, Session *session, GError **error)
{
    json_auto_t *aggregate = find_aggregate(session, command_argument(context, 0), error);
    return aggregate != NULL ? find_id(aggregate) : NULL;
}

static bool
aggregate_set(CommandContext *context, GError **error)
{
    json_auto_t *metadata = json_object();
    if (!read_properties(context, metadata, error)) {
        return false;
    }
    if (json_object_size(metadata) == 0 && !command_has(context, "--name") &&
        !command_has(context, "--zone")) {
        return usage_error(error, "say --name, --zone or --property");
    }
    Session *session = command_session(context, error);
    g_autofree char *id = session != NULL ? find_aggregate_id(context, session, error) : NULL;
    return id != NULL && rename_or_rezone(context, session, id, error) &&
        (json_object_size(metadata) == 0 ||
            act(session, id, "set_metadata", json_pack("{s:O}", "metadata", metadata), error)) &&
        show_id(context, session, id, error);
}

static const CommandOption UNSET_OPTIONS[] = {
    {"--zone", NULL, "it is no availability zone any more"},
    {"--property", "KEY", "it says nothing of this any more", true},
    {NULL, NULL, NULL},
};

static bool
aggregate_unset(CommandContext *context, GError **error)
{
    const GPtrArray *keys = command_values(context, "--property");
    json_auto_t *metadata = json_object();
    for (unsigned i = 0; i < keys->len; i++) {
        json_object_set_new(metadata, keys->pdata[i], json_null());
    }
    if (command_has(context, "--zone")) {
        json_object_set_new(metadata, "availability_zone", json_null());
    }
    if (json_object_size(metadata) == 0) {
        return usage_error(error, "say --zone or --property");
    }
    Session *session = command_session(context, error);
    g_autofree char *id = session != NULL ? find_aggregate_id(context, session, error) : NULL;
    return id != NULL &&
        act(session, id, "set_metadata", json_pack("{s:O}", "metadata", metadata), error) &&
        show_id(context, session, id, error);
}

static bool
change_host(CommandContext *context, const char *action, GError **error)
{
    Session *session = command_session(context, error);
    g_autofree char *id = session != NULL ? find_aggregate_id(context, session, error) : NULL;
    return id != NULL &&
        act(session, id, action, json_pack("{s:s}", "host", command_argument(context, 1)),
            error) &&
        show_id(context, session, id, error);
}

static bool
aggregate_add_host(CommandContext *context, GError **error)
{
    return change_host(context, "add_host", error);
}

static bool
aggregate_remove_host(CommandContext *context, GError **error)
{
    return change_host(context, "remove_host", error);
}

static bool
aggregate_delete(CommandContext *context, GError **error)
{
    return each_delete(context, find_aggregate, "compute", "os-aggregates", error);
}

const Command aggregate_commands[] = {
    {"aggregate list", "", 0, 0, "List aggregates of hosts", NULL, NULL, NULL, aggregate_list},
    {"aggregate show", "AGGREGATE", 1, 1, "Show an aggregate with its hosts", NULL, NULL, NULL,
        aggregate_show},
    {"aggregate create", "NAME", 1, 1, "Create an aggregate (administrators)",
        "Hosts may be in several, but in one availability zone: one that is in none has the "
        "default (default_availability_zone). With hypervisor_pool=true it is a pool: its hosts "
        "have one storage for their instances, and servers move live inside it.",
        "  drover aggregate create --zone west --property cpu_allocation_ratio=4.0 rack1\n"
        "  drover aggregate create --property hypervisor_pool=true pool1",
        CREATE_OPTIONS, aggregate_create},
    {"aggregate set", "AGGREGATE", 1, 1, "Change what an aggregate is called or says", NULL,
        "  drover aggregate set --property ssd=true rack1", SET_OPTIONS, aggregate_set},
    {"aggregate unset", "AGGREGATE", 1, 1, "Take away what an aggregate says", NULL,
        "  drover aggregate unset --property ssd rack1", UNSET_OPTIONS, aggregate_unset},
    {"aggregate add host", "AGGREGATE HOST", 2, 2, "Put a host into an aggregate",
        "Refused when it would change the zone of servers that are on the host. The first host of "
        "a pool is its master; a host that joins a pool has no servers, and is asked whether it "
        "shares the master's storage: 'aggregate show' tells what came of it.",
        "  drover aggregate add host pool1 hosta", NULL, aggregate_add_host},
    {"aggregate remove host", "AGGREGATE HOST", 2, 2, "Take a host out of an aggregate",
        "Refused when it would change the zone of servers that are on the host. A pool is left by "
        "hosts without servers, and by its master last.",
        NULL, NULL, aggregate_remove_host},
    {"aggregate delete", "AGGREGATE...", 1, 1000, "Delete aggregates that have no hosts", NULL,
        NULL, NULL, aggregate_delete},
    {NULL},
};
