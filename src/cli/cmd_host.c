/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover host ...: the hosts that drover moves servers between. */
#include "cli/command.h"
#include "cli/topology.h"
#include "cli/usage.h"

static const Column LIST_COLUMNS[] = {
    {"Name", "name", NULL},
    {"State", "state", NULL},
    {"Status", "status", NULL},
    {"Last Seen", "last_seen", NULL},
    {"URI", "uri", NULL},
    {"Reason", "reason", NULL},
    {NULL, NULL, NULL},
};

static bool
host_list(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *rows =
        session != NULL ? session_list(session, "drover", "/hosts", "hosts", error) : NULL;
    return rows != NULL &&
        output_list(command_output(context), rows, LIST_COLUMNS,
            "There are no hosts yet. 'drover host add --help' shows how to add one.", error);
}

/* "0000:3b:00.0 10de:2236 type-PCI: vm1 (gpu)", a line each. */
static char *
tell_devices(const json_t *devices)
{
    g_autoptr(GString) text = g_string_new(NULL);
    size_t index;
    json_t *device;
    json_array_foreach(devices, index, device)
    {
        const char *holder = json_string_value(json_object_get(device, "instance_name"));
        const char *alias = json_string_value(json_object_get(device, "alias"));
        g_string_append_printf(text, "%s%s %s:%s %s: %s", index > 0 ? "; " : "",
            json_string_value(json_object_get(device, "address")),
            json_string_value(json_object_get(device, "vendor_id")),
            json_string_value(json_object_get(device, "product_id")),
            json_string_value(json_object_get(device, "device_type")),
            holder != NULL ? holder : "free");
        if (alias != NULL) {
            g_string_append_printf(text, " (%s)", alias);
        }
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static bool
host_show(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    Output *output = command_output(context);
    g_autofree char *path = session_path("/hosts/%s", command_argument(context, 0));
    json_auto_t *answer = session != NULL ? session_get(session, "drover", path, error) : NULL;
    if (answer == NULL) {
        return false;
    }
    json_t *host = json_object_get(answer, "host");
    if (output->format == OUTPUT_TABLE && output->columns->len == 0) {
        bool are_hidden =
            json_is_true(json_object_get(json_object_get(host, "facts"), "hides_devices"));
        g_autofree char *devices = are_hidden
            ? g_strdup("not told: its libvirt does not list node devices")
            : tell_devices(json_object_get(host, "pci_devices"));
        json_object_set_new(host, "pci_devices", json_string(devices));
        g_autofree char *cells = topology_cells_text(json_object_get(host, "cells"));
        json_object_set_new(host, "cells", json_string(cells));
    }
    return output_object_flat(output, host, error);
}

/* ---- capabilities ---- */

static char *
format_available(const json_t *value, const json_t *row)
{
    return g_strdup(json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "unknown");
}

static const Column CAPABILITY_COLUMNS[] = {
    {"Host", "host", NULL},
    {"Capability", "name", NULL},
    {"Available", "available", format_available},
    {"Reason", "reason", NULL},
    {NULL, NULL, NULL},
};

static bool
append_capabilities(Session *session, const char *host, json_t *rows, GError **error)
{
    g_autofree char *path = session_path("/hosts/%s/capabilities", host);
    json_auto_t *answer = session_get(session, "drover", path, error);
    return answer != NULL &&
        json_array_extend(rows, json_object_get(answer, "capabilities")) == 0;
}

static bool
append_all_capabilities(Session *session, json_t *rows, GError **error)
{
    json_auto_t *hosts = session_list(session, "drover", "/hosts", "hosts", error);
    for (size_t i = 0; i < json_array_size(hosts); i++) {
        const json_t *host = json_array_get(hosts, i);
        if (!append_capabilities(
                session, json_string_value(json_object_get(host, "name")), rows, error)) {
            return false;
        }
    }
    return hosts != NULL;
}

static bool
host_capabilities(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *rows = json_array();
    const char *host = command_argument(context, 0);
    bool is_told = session != NULL &&
        (host != NULL ? append_capabilities(session, host, rows, error)
                      : append_all_capabilities(session, rows, error));
    return is_told &&
        output_list(command_output(context), rows, CAPABILITY_COLUMNS,
            "There are no hosts yet. 'drover host add --help' shows how to add one.", error);
}

static const CommandOption ADD_OPTIONS[] = {
    {"--uri", "URI", "by which droverd reaches it (needed): qemu+tls://NAME/system"},
    {"--peer-uri", "URI", "by which another host reaches it; without it the same"},
    {"--migration-address", "ADDRESS", "where migration data goes, when that is another network"},
    {"--pool", "NAME", "storage pool for servers' disks; 'instances' when it is not said"},
    {"--zone", "NAME", "availability zone: joins an aggregate of it, made when there is none"},
    {NULL, NULL, NULL},
};

static bool
host_add(CommandContext *context, GError **error)
{
    static const char *const MEMBERS[][2] = {{"--uri", "uri"}, {"--peer-uri", "peer_uri"},
        {"--migration-address", "migration_address"}, {"--pool", "pool"}, {"--zone", "zone"}};
    if (!command_has(context, "--uri")) {
        return usage_error(error, "say --uri: see 'drover host add --help'");
    }
    Session *session = command_session(context, error);
    if (session == NULL) {
        return false;
    }
    json_auto_t *body = json_pack("{s:{s:s}}", "host", "name", command_argument(context, 0));
    json_t *host = json_object_get(body, "host");
    for (size_t i = 0; i < G_N_ELEMENTS(MEMBERS); i++) {
        const char *value = command_value(context, MEMBERS[i][0]);
        if (value != NULL) {
            json_object_set_new(host, MEMBERS[i][1], json_string(value));
        }
    }
    json_auto_t *answer = session_request(session, "drover", "POST", "/hosts", body, error);
    return answer != NULL &&
        output_object(command_output(context), json_object_get(answer, "host"), error);
}

static bool
host_remove(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    g_autofree char *path = session_path("/hosts/%s", command_argument(context, 0));
    json_auto_t *answer =
        session != NULL ? session_request(session, "drover", "DELETE", path, NULL, error) : NULL;
    return answer != NULL;
}

const Command host_commands[] = {
    {"host add", "NAME", 1, 1, "Add a host",
        "The host runs libvirtd and QEMU and nothing of ours.\n"
        "One machine can be in the fleet once, by the UUID that its libvirtd tells; where boards "
        "share one, set host_uuid in their libvirtd.conf.",
        "  drover host add hosta --uri qemu+tls://hosta/system\n"
        "  drover host add hostb --uri qemu+tls://10.0.0.2/system \\\n"
        "      --migration-address 10.1.0.2",
        ADD_OPTIONS, host_add},
    {"host list", "", 0, 0, "List the hosts, and when each was last seen", NULL, NULL, NULL,
        host_list},
    {"host show", "HOST", 1, 1, "Show a host with what it said of itself", NULL, NULL, NULL,
        host_show},
    {"host capabilities", "[HOST]", 0, 1, "List what hosts can do with servers, and why not",
        "From what is known of the host, its pool and the configuration that holds for it; "
        "nothing is tried for it.",
        "  drover host capabilities hosta\n  drover host capabilities --json", NULL,
        host_capabilities},
    {"host remove", "HOST", 1, 1, "Forget a host; refused while a server is on it", NULL, NULL,
        NULL, host_remove},
    {NULL},
};
