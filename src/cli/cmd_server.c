/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover server ...: the openstack client's words for the same things. */
#include "base/json.h"
#include "cli/block_devices.h"
#include "cli/command.h"
#include "cli/each.h"
#include "cli/find.h"
#include "cli/topology.h"
#include "cli/usage.h"
#include "cli/watch.h"

#include <stdio.h>
#include <string.h>

#define HOST_KEY "OS-EXT-SRV-ATTR:host"
#define TASK_KEY "OS-EXT-STS:task_state"

/* ---- reading ---- */

/* private=10.0.0.5; two=10.1.0.7 */
static char *
format_addresses(const json_t *value, const json_t *row)
{
    GString *text = g_string_new(NULL);
    const char *network = NULL;
    json_t *addresses = NULL;
    json_object_foreach((json_t *)value, network, addresses)
    {
        g_string_append_printf(text, "%s%s=", text->len > 0 ? "; " : "", network);
        size_t i = 0;
        json_t *address = NULL;
        json_array_foreach(addresses, i, address)
        {
            g_string_append_printf(text, "%s%s", i > 0 ? ", " : "",
                json_string_value(json_object_get(address, "addr")));
        }
    }
    return g_string_free(text, false);
}

static const Column LIST_COLUMNS[] = {
    {"ID", "id", NULL},
    {"Name", "name", NULL},
    {"Status", "status", NULL},
    {"Networks", "addresses", format_addresses},
    {"Host", KEY(HOST_KEY), NULL},
    {"Flavor", "flavor.original_name", NULL},
    {NULL, NULL, NULL},
};

static const Column LONG_COLUMNS[] = {
    {"ID", "id", NULL},
    {"Name", "name", NULL},
    {"Status", "status", NULL},
    {"Task State", KEY(TASK_KEY), NULL},
    {"Power State", KEY("OS-EXT-STS:power_state"), NULL},
    {"Networks", "addresses", format_addresses},
    {"Host", KEY(HOST_KEY), NULL},
    {"Flavor", "flavor.original_name", NULL},
    {"Zone", KEY("OS-EXT-AZ:availability_zone"), NULL},
    {"Created", "created", NULL},
    {NULL, NULL, NULL},
};

static const CommandOption LIST_OPTIONS[] = {
    {"--all-projects", NULL, "of every project (administrators)"},
    {"--host", "HOST", "only those on this host (administrators)"},
    {"--status", "STATUS", "only those in this status"},
    {"--name", "REGEX", "only those whose name matches"},
    {"--long", NULL, "more columns"},
    {NULL, NULL, NULL},
};

static void
append_query(GString *path, const char *key, const char *value)
{
    if (value != NULL) {
        g_autofree char *escaped = g_uri_escape_string(value, NULL, false);
        g_string_append_printf(
            path, "%c%s=%s", strchr(path->str, '?') != NULL ? '&' : '?', key, escaped);
    }
}

static bool
server_list(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    if (session == NULL) {
        return false;
    }
    g_autoptr(GString) path = g_string_new("/servers/detail");
    append_query(path, "all_tenants", command_has(context, "--all-projects") ? "True" : NULL);
    append_query(path, "host", command_value(context, "--host"));
    append_query(path, "status", command_value(context, "--status"));
    append_query(path, "name", command_value(context, "--name"));
    json_auto_t *rows = session_list(session, "compute", path->str, "servers", error);
    return rows != NULL &&
        output_list(command_output(context), rows,
            command_has(context, "--long") ? LONG_COLUMNS : LIST_COLUMNS,
            "There are no servers here. 'drover server create --help' shows how to make one.",
            error);
}

static const CommandOption SHOW_OPTIONS[] = {
    {"--topology", NULL,
        "also its NUMA cells; to administrators with those of its host, and with the pins"},
    {NULL, NULL, NULL},
};

static bool
add_topology(CommandContext *context, Session *session, json_t *server, GError **error)
{
    const char *id = json_string_value(json_object_get(server, "id"));
    g_autofree char *path = session_path("/servers/%s/topology", id);
    json_auto_t *topology = session_get(session, "compute", path, error);
    if (topology == NULL) {
        return false;
    }
    g_autofree char *text = topology_text(topology);
    bool is_json = command_output(context)->format == OUTPUT_JSON;
    json_object_set_new(server, "topology", is_json ? json_incref(topology) : json_string(text));
    return true;
}

/* The Compute API shows them from a microversion on that drover does not have. */
static bool
add_hints_of(Session *session, json_t *server, GError **error)
{
    const char *id = json_string_value(json_object_get(server, "id"));
    g_autofree char *path = session_path("/instances?id=%s", id);
    json_auto_t *answer = session_get(session, "drover", path, error);
    const json_t *row = json_array_get(json_object_get(answer, "instances"), 0);
    json_t *hints = json_object_get(row, "scheduler_hints");
    if (hints != NULL) {
        json_object_set(server, "scheduler_hints", hints);
    }
    return answer != NULL;
}

static bool
server_show(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *server =
        session != NULL ? find_server(session, command_argument(context, 0), error) : NULL;
    if (server == NULL) {
        return false;
    }
    g_autofree char *path =
        session_path("/servers/%s", json_string_value(json_object_get(server, "id")));
    json_auto_t *answer = session_get(session, "compute", path, error);
    json_t *shown = json_object_get(answer, "server");
    return answer != NULL && add_hints_of(session, shown, error) &&
        (!command_has(context, "--topology") ||
            add_topology(context, session, shown, error)) &&
        output_object(command_output(context), shown, error);
}

/* ---- creating ---- */

static const CommandOption CREATE_OPTIONS[] = {
    {"--flavor", "FLAVOR", "how much of everything (needed)"},
    BLOCK_DEVICE_OPTIONS,
    {"--network", "NETWORK", "may be repeated; without it the only network is taken",
        true},
    {"--host", "HOST", "where (administrators); chosen when it is not said"},
    {"--availability-zone", "ZONE", "in which zone; it stays there"},
    {"--group", "GROUP", "of which server group it is a member"},
    {"--hint", "KEY=VALUE",
        "same_host=SERVER: beside it, or one of several; different_host=SERVER: not beside it; may "
        "be repeated",
        true},
    {"--property", "KEY=VALUE", "metadata; may be repeated", true},
    {"--user-data", "FILE", "handed to the guest on its config drive"},
    {"--use-config-drive", NULL, "changes nothing: every server has one"},
    {"--config-drive", "True", "the same; there is no other one to choose"},
    {"--description", "TEXT", ""},
    {"--wait", NULL, "until it is ACTIVE; fails with the reason when it is not"},
    {NULL, NULL, NULL},
};

static bool
add_networks(CommandContext *context, Session *session, json_t *server, GError **error)
{
    const GPtrArray *names = command_values(context, "--network");
    if (names->len == 0) {
        json_object_set_new(server, "networks", json_string("auto"));
        return true;
    }
    json_t *networks = json_array();
    json_object_set_new(server, "networks", networks);
    for (unsigned i = 0; i < names->len; i++) {
        json_auto_t *network = find_network(session, names->pdata[i], error);
        if (network == NULL) {
            return false;
        }
        json_array_append_new(networks, json_pack("{s:O}", "uuid", json_object_get(network, "id")));
    }
    return true;
}

static bool
add_properties(CommandContext *context, json_t *server, GError **error)
{
    const GPtrArray *properties = command_values(context, "--property");
    json_t *metadata = json_object();
    json_object_set_new(server, "metadata", metadata);
    for (unsigned i = 0; i < properties->len; i++) {
        g_auto(GStrv) parts = g_strsplit(properties->pdata[i], "=", 2);
        if (g_strv_length(parts) != 2) {
            return usage_error(error, "--property is KEY=VALUE, not '%s'",
                (const char *)properties->pdata[i]);
        }
        json_object_set_new(metadata, parts[0], json_string(parts[1]));
    }
    return true;
}

static bool
add_optional(CommandContext *context, json_t *server, GError **error)
{
    const char *file = command_value(context, "--user-data");
    if (file != NULL) {
        g_autofree char *text = NULL;
        size_t size = 0;
        if (!g_file_get_contents(file, &text, &size, error)) {
            return false;
        }
        g_autofree char *encoded = g_base64_encode((const guchar *)text, size);
        json_object_set_new(server, "user_data", json_string(encoded));
    }
    static const char *const plain[][2] = {{"--host", "host"},
        {"--availability-zone", "availability_zone"}, {"--description", "description"}};
    for (size_t i = 0; i < G_N_ELEMENTS(plain); i++) {
        const char *value = command_value(context, plain[i][0]);
        if (value != NULL) {
            json_object_set_new(server, plain[i][1], json_string(value));
        }
    }
    return true;
}

/* Several of one name are a list, as the stock client has it. */
static void
add_hint(json_t *hints, const char *name, const char *value)
{
    json_t *so_far = json_object_get(hints, name);
    if (so_far == NULL) {
        json_object_set_new(hints, name, json_string(value));
    } else if (json_is_array(so_far)) {
        json_array_append_new(so_far, json_string(value));
    } else {
        json_object_set_new(
            hints, name, json_pack("[O, s]", so_far, value));
    }
}

/* Servers may be named; the API knows ids alone. */
static bool
read_hint(Session *session, const char *word, json_t *hints, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(word, "=", 2);
    if (g_strv_length(parts) != 2 || parts[0][0] == '\0') {
        return usage_error(error, "--hint is KEY=VALUE, not '%s'", word);
    }
    if (strcmp(parts[0], "same_host") != 0 && strcmp(parts[0], "different_host") != 0) {
        if (strcmp(parts[0], "group") != 0) {
            fprintf(stderr,
                "note: nothing reads the hint '%s', so it changes nothing; same_host, "
                "different_host and group are known\n",
                parts[0]);
        }
        add_hint(hints, parts[0], parts[1]);
        return true;
    }
    json_auto_t *server = find_server(session, parts[1], error);
    if (server == NULL) {
        return false;
    }
    g_autofree char *id = find_id(server);
    add_hint(hints, parts[0], id);
    return true;
}

/* Beside the server. */
static bool
add_hints(CommandContext *context, Session *session, json_t *body, GError **error)
{
    const GPtrArray *words = command_values(context, "--hint");
    const char *group_name = command_value(context, "--group");
    json_t *hints = json_object();
    json_object_set_new(body, "os:scheduler_hints", hints);
    for (unsigned i = 0; i < words->len; i++) {
        if (!read_hint(session, words->pdata[i], hints, error)) {
            return false;
        }
    }
    json_auto_t *group =
        group_name != NULL ? find_server_group(session, group_name, error) : NULL;
    if (group != NULL) {
        json_object_set(hints, "group", json_object_get(group, "id"));
    }
    return group_name == NULL || group != NULL;
}

static json_t *
create_body(CommandContext *context, Session *session, GError **error)
{
    json_auto_t *flavor = find_flavor(session, command_value(context, "--flavor"), error);
    if (flavor == NULL) {
        return NULL;
    }
    json_auto_t *body = json_pack("{s:{s:s, s:O}}", "server", "name", command_argument(context, 0),
        "flavorRef", json_object_get(flavor, "id"));
    json_t *server = json_object_get(body, "server");
    if (!block_devices_add(context, session, server, error) ||
        !add_networks(context, session, server, error) || !add_properties(context, server, error) ||
        !add_optional(context, server, error) || !add_hints(context, session, body, error)) {
        return NULL;
    }
    return g_steal_pointer(&body);
}

static bool
check_create(CommandContext *context, GError **error)
{
    const char *drive = command_value(context, "--config-drive");
    if (!command_has(context, "--flavor")) {
        return usage_error(error, "say --flavor: see 'drover server create --help'");
    }
    if (drive != NULL && g_ascii_strcasecmp(drive, "true") != 0) {
        return usage_error(error, "--config-drive is True: every server has one, and no other");
    }
    return block_devices_check(context, error);
}

static bool
server_create(CommandContext *context, GError **error)
{
    if (!check_create(context, error)) {
        return false;
    }
    Session *session = command_session(context, error);
    json_auto_t *body = session != NULL ? create_body(context, session, error) : NULL;
    json_auto_t *answer =
        body != NULL ? session_request(session, "compute", "POST", "/servers", body, error) : NULL;
    if (answer == NULL) {
        return false;
    }
    g_autofree char *id = find_id(json_object_get(answer, "server"));
    if (command_has(context, "--wait") && !watch_server(session, id, "ACTIVE", error)) {
        return false;
    }
    g_autofree char *path = session_path("/servers/%s", id);
    json_auto_t *shown = session_get(session, "compute", path, error);
    return shown != NULL &&
        output_object(command_output(context), json_object_get(shown, "server"), error);
}

/* ---- the small verbs ---- */

static const CommandOption WAIT_OPTIONS[] = {
    {"--wait", NULL, "until it is done; fails with the reason when it is not"},
    {NULL, NULL, NULL},
};

typedef struct SmallVerb {
    const json_t *body;
    const char *wanted_status;
} SmallVerb;

static bool
act_on_one(CommandContext *context, Session *session, const char *argument, const void *data,
    GError **error)
{
    const SmallVerb *verb = data;
    json_auto_t *server = find_server(session, argument, error);
    g_autofree char *id = server != NULL ? find_id(server) : NULL;
    return id != NULL && session_act(session, id, verb->body, error) &&
        (!command_has(context, "--wait") ||
            watch_server(session, id, verb->wanted_status, error));
}

/* One action on each server named; with --wait until it is done. */
static bool
act_on_each(CommandContext *context, const char *action, const json_t *value,
    const char *wanted_status, GError **error)
{
    json_auto_t *body = json_pack("{s:O}", action, value);
    SmallVerb verb = {body, wanted_status};
    return each_argument(context, act_on_one, &verb, error);
}

static bool
server_start(CommandContext *context, GError **error)
{
    return act_on_each(context, "os-start", json_null(), "ACTIVE", error);
}

static bool
server_stop(CommandContext *context, GError **error)
{
    return act_on_each(context, "os-stop", json_null(), "SHUTOFF", error);
}

static bool
server_pause(CommandContext *context, GError **error)
{
    return act_on_each(context, "pause", json_null(), "PAUSED", error);
}

static bool
server_unpause(CommandContext *context, GError **error)
{
    return act_on_each(context, "unpause", json_null(), "ACTIVE", error);
}

static const CommandOption REBOOT_OPTIONS[] = {
    {"--hard", NULL, "reset it instead of asking the guest"},
    {"--wait", NULL, "until it is done"},
    {NULL, NULL, NULL},
};

static bool
server_reboot(CommandContext *context, GError **error)
{
    json_auto_t *value =
        json_pack("{s:s}", "type", command_has(context, "--hard") ? "HARD" : "SOFT");
    return act_on_each(context, "reboot", value, "ACTIVE", error);
}

static const CommandOption SET_OPTIONS[] = {
    {"--state", "STATE", "active or error (administrators; needed)"},
    {NULL, NULL, NULL},
};

static bool
server_set(CommandContext *context, GError **error)
{
    const char *state = command_value(context, "--state");
    if (state == NULL || (strcmp(state, "active") != 0 && strcmp(state, "error") != 0)) {
        return usage_error(error, "say --state active or --state error");
    }
    json_auto_t *value = json_pack("{s:s}", "state", state);
    return act_on_each(context, "os-resetState", value, NULL, error);
}

static bool
delete_one(CommandContext *context, Session *session, const char *argument, const void *data,
    GError **error)
{
    json_auto_t *server = find_server(session, argument, error);
    if (server == NULL) {
        return false;
    }
    g_autofree char *id = find_id(server);
    g_autofree char *path = session_path("/servers/%s", id);
    json_auto_t *answer = session_request(session, "compute", "DELETE", path, NULL, error);
    return answer != NULL &&
        (!command_has(context, "--wait") || watch_server_deleted(session, id, error));
}

static bool
server_delete(CommandContext *context, GError **error)
{
    return each_argument(context, delete_one, NULL, error);
}

/* ---- events and console ---- */

static const Column EVENT_COLUMNS[] = {
    {"Request ID", "request_id", NULL},
    {"Action", "action", NULL},
    {"Start Time", "start_time", NULL},
    {"Message", "message", NULL},
    {NULL, NULL, NULL},
};

static bool
server_event_list(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *server =
        session != NULL ? find_server(session, command_argument(context, 0), error) : NULL;
    if (server == NULL) {
        return false;
    }
    g_autofree char *path = session_path(
        "/servers/%s/os-instance-actions", json_string_value(json_object_get(server, "id")));
    json_auto_t *rows = session_list(session, "compute", path, "instanceActions", error);
    return rows != NULL &&
        output_list(
            command_output(context), rows, EVENT_COLUMNS, "Nothing has happened yet.", error);
}

static const CommandOption CONSOLE_OPTIONS[] = {
    {"--lines", "N", "only the last N lines"},
    {NULL, NULL, NULL},
};

static bool
console_log_show(CommandContext *context, GError **error)
{
    int64_t lines = 0;
    if (!command_int(context, "--lines", 0, 1, 1000000, &lines, error)) {
        return false;
    }
    Session *session = command_session(context, error);
    json_auto_t *server =
        session != NULL ? find_server(session, command_argument(context, 0), error) : NULL;
    if (server == NULL) {
        return false;
    }
    json_auto_t *body = json_pack("{s:{}}", "os-getConsoleOutput");
    if (lines > 0) {
        json_object_set_new(
            json_object_get(body, "os-getConsoleOutput"), "length", json_integer(lines));
    }
    g_autofree char *path =
        session_path("/servers/%s/action", json_string_value(json_object_get(server, "id")));
    json_auto_t *answer = session_request(session, "compute", "POST", path, body, error);
    if (answer == NULL) {
        return false;
    }
    if (command_output(context)->format == OUTPUT_JSON) {
        return output_object(command_output(context), answer, error);
    }
    /* Line by line, so that only what is between the line ends is made harmless. */
    g_auto(GStrv) texts =
        g_strsplit(json_string_value(json_object_get(answer, "output")), "\n", -1);
    for (char **text = texts; *text != NULL; text++) {
        /* Behind the last line end there is no line. */
        if (**text == '\0' && text[1] == NULL) {
            break;
        }
        json_auto_t *line = json_string(g_strchomp(*text));
        g_autofree char *safe = output_text(line);
        puts(safe);
    }
    return true;
}

const Command server_commands[] = {
    {"server list", "", 0, 0, "List servers", NULL,
        "  drover server list\n  drover server list --all-projects --host hosta --json",
        LIST_OPTIONS, server_list},
    {"server show", "SERVER", 1, 1, "Show one server", NULL,
        "  drover server show vm1\n  drover server show --topology vm1", SHOW_OPTIONS, server_show},
    {"server create", "NAME", 1, 1, "Create a server",
        "It boots from a disk of its own, made from its image on the host that it is on, or from\n"
        "a volume. The keys of --block-device are the openstack client's: uuid (of what it is\n"
        "made of; a name will do), source_type (volume, image, blank), destination_type,\n"
        "volume_size (GiB), volume_type, boot_index (0: it boots from it), device_type (disk,\n"
        "cdrom), delete_on_termination (true, false), tag, and disk_bus, device_name and\n"
        "guest_format, which change nothing.",
        "  drover server create --flavor m1.tiny --image guest --network private --wait vm2\n"
        "  drover server create --flavor m1.tiny --image guest --boot-from-volume 10 --wait vm3\n"
        "  drover server create --flavor m1.tiny --volume root --cdrom rescue.iso --wait vm4\n"
        "  drover server create --flavor m1.tiny --image guest --block-device \\\n"
        "      source_type=blank,destination_type=volume,volume_size=5,delete_on_termination=true "
        "vm5",
        CREATE_OPTIONS, server_create},
    {"server delete", "SERVER...", 1, 1000, "Delete servers", NULL, NULL, WAIT_OPTIONS,
        server_delete},
    {"server start", "SERVER...", 1, 1000, "Start servers", NULL, NULL, WAIT_OPTIONS, server_start},
    {"server stop", "SERVER...", 1, 1000, "Stop servers, gracefully first", NULL, NULL,
        WAIT_OPTIONS, server_stop},
    {"server reboot", "SERVER...", 1, 1000, "Reboot servers", NULL, NULL, REBOOT_OPTIONS,
        server_reboot},
    {"server pause", "SERVER...", 1, 1000, "Pause servers", NULL, NULL, WAIT_OPTIONS, server_pause},
    {"server unpause", "SERVER...", 1, 1000, "Let paused servers go on", NULL, NULL, WAIT_OPTIONS,
        server_unpause},
    {"server set", "SERVER...", 1, 1000, "Set the state of servers, to end an ERROR",
        "A server stays in ERROR until somebody has looked at its fault ('drover server show').\n"
        "When the guest itself is well, as after an evacuation that failed although its host was\n"
        "alive, --state active ends that. Its host is asked what the guest is: SHUTOFF, PAUSED or\n"
        "ERROR is shown if it is that, and one that should run, and is off since its host lost\n"
        "power, is started; else nothing is done to it. While the host does not answer, ACTIVE is\n"
        "your word alone. A server that waits for a confirm or revert is refused.",
        "  drover server set --state active vm1", SET_OPTIONS, server_set},
    {"server event list", "SERVER", 1, 1, "List what was done to a server, and how it ended", NULL,
        NULL, NULL, server_event_list},
    {"console log show", "SERVER", 1, 1, "Show what a server wrote to its serial console", NULL,
        "  drover console log show --lines 20 vm1", CONSOLE_OPTIONS, console_log_show},
    {NULL},
};
