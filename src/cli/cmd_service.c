/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover compute service ..., drover hypervisor ...: hosts as the Compute API shows them. */
#include "base/error.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/usage.h"

#include <string.h>

static const Column SERVICE_COLUMNS[] = {
    {"ID", "id", NULL},
    {"Binary", "binary", NULL},
    {"Host", "host", NULL},
    {"Zone", "zone", NULL},
    {"Status", "status", NULL},
    {"State", "state", NULL},
    {"Updated At", "updated_at", NULL},
    {"Disabled Reason", "disabled_reason", NULL},
    {"Forced Down", "forced_down", NULL},
    {NULL, NULL, NULL},
};

static const CommandOption SERVICE_LIST_OPTIONS[] = {
    {"--host", "HOST", "only on this host"},
    {"--service", "BINARY", "only this one, for example nova-compute"},
    {NULL, NULL, NULL},
};

static json_t *
list_services(CommandContext *context, const char *host, const char *binary, GError **error)
{
    Session *session = command_session(context, error);
    if (session == NULL) {
        return NULL;
    }
    g_autofree char *by_host = session_path(host != NULL ? "host=%s&" : "", host);
    g_autofree char *by_binary = session_path(binary != NULL ? "binary=%s" : "", binary);
    g_autofree char *path = g_strconcat("/os-services?", by_host, by_binary, NULL);
    return session_list(session, "compute", path, "services", error);
}

static bool
service_list(CommandContext *context, GError **error)
{
    json_auto_t *rows = list_services(
        context, command_value(context, "--host"), command_value(context, "--service"), error);
    return rows != NULL &&
        output_list(
            command_output(context), rows, SERVICE_COLUMNS, "There are no services.", error);
}

static const CommandOption SERVICE_SET_OPTIONS[] = {
    {"--enable", NULL, "servers may be placed there again"},
    {"--disable", NULL, "no server is placed there any more; those that are there stay"},
    {"--disable-reason", "TEXT", "with --disable"},
    {"--up", NULL, "undo --down"},
    {"--down", NULL, "say that the host is dead, whatever it says"},
    {NULL, NULL, NULL},
};

static json_t *
service_change(CommandContext *context, GError **error)
{
    json_auto_t *body = json_object();
    bool enable = command_has(context, "--enable");
    bool disable = command_has(context, "--disable");
    bool up = command_has(context, "--up");
    bool down = command_has(context, "--down");
    if ((enable && disable) || (up && down) || !(enable || disable || up || down)) {
        usage_error(error, "say one of --enable and --disable, one of --up and --down, or both");
        return NULL;
    }
    if (enable != disable) {
        json_object_set_new(body, "status", json_string(enable ? "enabled" : "disabled"));
    }
    if (command_value(context, "--disable-reason") != NULL) {
        json_object_set_new(
            body, "disabled_reason", json_string(command_value(context, "--disable-reason")));
    }
    if (up != down) {
        json_object_set_new(body, "forced_down", json_boolean(down));
    }
    return g_steal_pointer(&body);
}

static bool
service_set(CommandContext *context, GError **error)
{
    json_auto_t *body = service_change(context, error);
    const char *host = command_argument(context, 0);
    const char *binary = command_argument(context, 1);
    json_auto_t *rows = body != NULL
        ? list_services(context, host, binary != NULL ? binary : "nova-compute", error)
        : NULL;
    if (rows == NULL) {
        return false;
    }
    if (json_array_size(rows) == 0) {
        return error_set(error, ERROR_NOT_FOUND, "there is no service '%s' on host '%s'",
            binary != NULL ? binary : "nova-compute", host);
    }
    g_autofree char *path = session_path(
        "/os-services/%s", json_string_value(json_object_get(json_array_get(rows, 0), "id")));
    json_auto_t *answer =
        session_request(command_session(context, error), "compute", "PUT", path, body, error);
    return answer != NULL &&
        output_object(command_output(context), json_object_get(answer, "service"), error);
}

static const Column HYPERVISOR_COLUMNS[] = {
    {"ID", "id", NULL},
    {"Hypervisor Hostname", "hypervisor_hostname", NULL},
    {"Hypervisor Type", "hypervisor_type", NULL},
    {"Host IP", "host_ip", NULL},
    {"State", "state", NULL},
    {NULL, NULL, NULL},
};

static json_t *
list_hypervisors(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    return session != NULL
        ? session_list(session, "compute", "/os-hypervisors/detail", "hypervisors", error)
        : NULL;
}

static bool
hypervisor_list(CommandContext *context, GError **error)
{
    json_auto_t *rows = list_hypervisors(context, error);
    return rows != NULL &&
        output_list(
            command_output(context), rows, HYPERVISOR_COLUMNS, "There are no hosts.", error);
}

static bool
hypervisor_show(CommandContext *context, GError **error)
{
    json_auto_t *rows = list_hypervisors(context, error);
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(rows, i, row)
    {
        const char *name = json_string_value(json_object_get(row, "hypervisor_hostname"));
        const char *host = json_string_value(json_lookup(row, "service.host"));
        const char *wanted = command_argument(context, 0);
        if (g_strcmp0(name, wanted) == 0 || g_strcmp0(host, wanted) == 0) {
            return output_object(command_output(context), row, error);
        }
    }
    return rows != NULL &&
        error_set(
            error, ERROR_NOT_FOUND, "there is no hypervisor '%s'", command_argument(context, 0));
}

const Command service_commands[] = {
    {"compute service list", "", 0, 0, "List services: each host is a nova-compute", NULL, NULL,
        SERVICE_LIST_OPTIONS, service_list},
    {"compute service set", "HOST [BINARY]", 1, 2, "Enable or disable a host", NULL,
        "  drover compute service set hosta --disable --disable-reason 'new kernel'\n"
        "  drover compute service set hosta --enable",
        SERVICE_SET_OPTIONS, service_set},
    {"hypervisor list", "", 0, 0, "List hypervisors", NULL, NULL, NULL, hypervisor_list},
    {"hypervisor show", "HOST", 1, 1, "Show a hypervisor", NULL, NULL, NULL, hypervisor_show},
    {NULL},
};
