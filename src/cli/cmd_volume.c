/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover volume ...: disks with a life of their own; and how a server gets and loses one. */
#include "cli/command.h"
#include "cli/each.h"
#include "cli/find.h"
#include "cli/usage.h"
#include "cli/watch.h"

#define SERVICE "volumev3"

static const Column LIST_COLUMNS[] = {
    {"ID", "id", NULL},
    {"Name", "name", NULL},
    {"Status", "status", NULL},
    {"Size", "size", NULL},
    {"Type", "volume_type", NULL},
    {NULL, NULL, NULL},
};

static bool
volume_list(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *rows = session != NULL
        ? session_list(session, SERVICE, "/volumes/detail", "volumes", error)
        : NULL;
    return rows != NULL &&
        output_list(command_output(context), rows, LIST_COLUMNS,
            "There are no volumes. 'drover volume create --help' shows how to make one.", error);
}

static bool
volume_show(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *volume =
        session != NULL ? find_volume(session, command_argument(context, 0), error) : NULL;
    return volume != NULL && output_object(command_output(context), volume, error);
}

static const CommandOption CREATE_OPTIONS[] = {
    {"--size", "GIB", "its size (needed)"},
    {"--type", "TYPE", "qcow2 or raw; qcow2, or as the image is, when not said"},
    {"--image", "IMAGE", "what it is filled with"},
    {NULL, NULL, NULL},
};

static bool
send(CommandContext *context, Session *session, const char *path, const json_t *body,
    GError **error)
{
    json_auto_t *answer = session_request(session, SERVICE, "POST", path, body, error);
    return answer != NULL &&
        output_object(command_output(context), json_object_get(answer, "volume"), error);
}

static bool
volume_create(CommandContext *context, GError **error)
{
    int64_t size = 0;
    const char *image_name = command_value(context, "--image");
    if (!command_has(context, "--size")) {
        return usage_error(error, "say --size: see 'drover volume create --help'");
    }
    if (!command_int(context, "--size", 0, 1, G_MAXINT32, &size, error)) {
        return false;
    }
    Session *session = command_session(context, error);
    json_auto_t *image =
        session != NULL && image_name != NULL ? find_image(session, image_name, error) : NULL;
    if (session == NULL || (image_name != NULL && image == NULL)) {
        return false;
    }
    json_auto_t *body = json_pack("{s:{s:s, s:I}}", "volume", "name",
        command_argument(context, 0), "size", (json_int_t)size);
    json_t *volume = json_object_get(body, "volume");
    if (image != NULL) {
        json_object_set(volume, "imageRef", json_object_get(image, "id"));
    }
    if (command_has(context, "--type")) {
        json_object_set_new(volume, "volume_type", json_string(command_value(context, "--type")));
    }
    return send(context, session, "/volumes", body, error);
}

static const CommandOption REGISTER_OPTIONS[] = {
    {"--uri", "URI", "where it is (needed): nbd://HOST/EXPORT or iscsi://HOST/IQN/LUN"},
    {"--size", "GIB", "its size, to be shown"},
    {"--type", "TYPE", "raw, when not said, or qcow2"},
    {"--bootable", NULL, "servers may boot from it"},
    {NULL, NULL, NULL},
};

static bool
volume_register(CommandContext *context, GError **error)
{
    if (!command_has(context, "--uri")) {
        return usage_error(error, "say --uri: see 'drover volume register --help'");
    }
    int64_t size = 0;
    if (!command_int(context, "--size", 0, 1, G_MAXINT32, &size, error)) {
        return false;
    }
    Session *session = command_session(context, error);
    if (session == NULL) {
        return false;
    }
    json_auto_t *body = json_pack("{s:{s:s, s:{s:s}, s:b}}", "volume", "name",
        command_argument(context, 0), "ref", "uri", command_value(context, "--uri"), "bootable",
        command_has(context, "--bootable"));
    json_t *volume = json_object_get(body, "volume");
    if (command_has(context, "--size")) {
        json_object_set_new(json_object_get(volume, "ref"), "size", json_integer(size));
    }
    if (command_has(context, "--type")) {
        json_object_set_new(volume, "volume_type", json_string(command_value(context, "--type")));
    }
    return send(context, session, "/os-volume-manage", body, error);
}

static bool
volume_delete(CommandContext *context, GError **error)
{
    return each_delete(context, find_volume, SERVICE, "volumes", error);
}

/* ---- of a server ---- */

static const CommandOption WAIT_OPTIONS[] = {
    {"--wait", NULL, "until it is done; fails with the reason when it is not"},
    {NULL, NULL, NULL},
};

/* A server that has a volume given or taken is in one of these before and after. */
#define SETTLED "ACTIVE,PAUSED,SHUTOFF,ERROR"

/* Both by name or id; their ids are the caller's. */
static bool
find_pair(CommandContext *context, Session *session, char **ret_server, char **ret_volume,
    GError **error)
{
    json_auto_t *server = find_server(session, command_argument(context, 0), error);
    json_auto_t *volume =
        server != NULL ? find_volume(session, command_argument(context, 1), error) : NULL;
    if (volume == NULL) {
        return false;
    }
    *ret_server = find_id(server);
    *ret_volume = find_id(volume);
    return true;
}

static bool
server_add_volume(CommandContext *context, GError **error)
{
    g_autofree char *server = NULL;
    g_autofree char *volume = NULL;
    Session *session = command_session(context, error);
    if (session == NULL || !find_pair(context, session, &server, &volume, error)) {
        return false;
    }
    g_autofree char *path = session_path("/servers/%s/os-volume_attachments", server);
    json_auto_t *body = json_pack("{s:{s:s}}", "volumeAttachment", "volumeId", volume);
    json_auto_t *answer = session_request(session, "compute", "POST", path, body, error);
    return answer != NULL &&
        (!command_has(context, "--wait") || watch_server(session, server, SETTLED, error)) &&
        output_object(
            command_output(context), json_object_get(answer, "volumeAttachment"), error);
}

static bool
server_remove_volume(CommandContext *context, GError **error)
{
    g_autofree char *server = NULL;
    g_autofree char *volume = NULL;
    Session *session = command_session(context, error);
    if (session == NULL || !find_pair(context, session, &server, &volume, error)) {
        return false;
    }
    g_autofree char *path = session_path("/servers/%s/os-volume_attachments/%s", server, volume);
    json_auto_t *answer = session_request(session, "compute", "DELETE", path, NULL, error);
    return answer != NULL &&
        (!command_has(context, "--wait") || watch_server(session, server, SETTLED, error));
}

const Command volume_commands[] = {
    {"volume list", "", 0, 0, "List volumes", NULL, NULL, NULL, volume_list},
    {"volume show", "VOLUME", 1, 1, "Show a volume", NULL, NULL, NULL, volume_show},
    {"volume create", "NAME", 1, 1, "Make a volume in the pool that all hosts share", NULL,
        "  drover volume create --size 10 data", CREATE_OPTIONS, volume_create},
    {"volume register", "NAME", 1, 1, "Register a disk on the network (administrators)", NULL,
        "  drover volume register --uri nbd://10.0.0.9/disk remote", REGISTER_OPTIONS,
        volume_register},
    {"volume delete", "VOLUME...", 1, 1000, "Delete volumes that no server has", NULL, NULL, NULL,
        volume_delete},
    {"server add volume", "SERVER VOLUME", 2, 2, "Give a server a volume",
        "What a host finds wrong with a disk it finds after the request was accepted: only --wait "
        "tells of that.",
        "  drover server add volume --wait vm1 data", WAIT_OPTIONS, server_add_volume},
    {"server remove volume", "SERVER VOLUME", 2, 2, "Take a volume from a server", NULL,
        "  drover server remove volume --wait vm1 data", WAIT_OPTIONS, server_remove_volume},
    {NULL},
};
