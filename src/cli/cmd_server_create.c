/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover server create. */
#include "base/json.h"
#include "cli/block_devices.h"
#include "cli/command.h"
#include "cli/find.h"
#include "cli/usage.h"
#include "cli/watch.h"

#include <stdio.h>
#include <string.h>

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

const Command server_create_commands[] = {
    {"server create", "NAME", 1, 1, "Create a server",
        "It boots from a disk of its own, made from its image on the host that it is on, or from "
        "a volume. The keys of --block-device are the openstack client's: uuid (of what it is "
        "made of; a name will do), source_type (volume, image, blank), destination_type, "
        "volume_size (GiB), volume_type, boot_index (0: it boots from it), device_type (disk, "
        "cdrom), delete_on_termination (true, false), tag, and disk_bus, device_name and "
        "guest_format, which change nothing.",
        "  drover server create --flavor m1.tiny --image guest --network private vm2\n"
        "  drover server create --flavor m1.tiny --image guest --boot-from-volume 10 vm3\n"
        "  drover server create --flavor m1.tiny --volume root --cdrom tools --wait vm4\n"
        "  drover server create --flavor m1.tiny --image guest vm5 --block-device \\\n"
        "      source_type=blank,destination_type=volume,volume_size=5",
        CREATE_OPTIONS, server_create},
    {NULL},
};
