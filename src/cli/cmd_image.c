/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover image ... */
#include "cli/command.h"
#include "cli/each.h"
#include "cli/find.h"
#include "cli/usage.h"
#include "cli/watch.h"

#include <string.h>

static char *
format_size(const json_t *value, const json_t *row)
{
    return output_bytes(json_is_integer(value) ? json_integer_value(value) : -1);
}

static const Column LIST_COLUMNS[] = {
    {"ID", "id", NULL},
    {"Name", "name", NULL},
    {"Status", "status", NULL},
    {"Disk Format", "disk_format", NULL},
    {"Size", "size", format_size},
    {NULL, NULL, NULL},
};

static bool
image_list(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *rows =
        session != NULL ? session_list(session, "image", "/images", "images", error) : NULL;
    return rows != NULL &&
        output_list(command_output(context), rows, LIST_COLUMNS,
            "There are no images. 'drover image create --help' shows how to upload one.", error);
}

static bool
image_show(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    json_auto_t *image =
        session != NULL ? find_image(session, command_argument(context, 0), error) : NULL;
    return image != NULL && output_object(command_output(context), image, error);
}

static const CommandOption CREATE_OPTIONS[] = {
    {"--file", "FILE", "what to upload (needed)"},
    {"--disk-format", "FORMAT",
        "qcow2, raw, aki (a kernel) or ari (an initrd); qcow2 when not said"},
    {"--kernel", "IMAGE", "boot this kernel instead of the disk"},
    {"--initrd", "IMAGE", "with that kernel"},
    {"--command-line", "TEXT", "of that kernel"},
    {"--public", NULL, "for every project (administrators)"},
    {"--property", "KEY=VALUE", "may be repeated", true},
    {NULL, NULL, NULL},
};

/* Both ends of a kernel pair are images themselves, named by id as Nova does. */
static bool
add_boot_image(CommandContext *context, Session *session, const char *option, const char *property,
    json_t *body, GError **error)
{
    if (command_value(context, option) == NULL) {
        return true;
    }
    json_auto_t *image = find_image(session, command_value(context, option), error);
    if (image == NULL) {
        return false;
    }
    json_object_set(body, property, json_object_get(image, "id"));
    return true;
}

static json_t *
create_body(CommandContext *context, Session *session, GError **error)
{
    const char *format = command_value(context, "--disk-format");
    format = format != NULL ? format : "qcow2";
    bool is_boot_file = strcmp(format, "aki") == 0 || strcmp(format, "ari") == 0;
    json_auto_t *body = json_pack("{s:s, s:s, s:s}", "name", command_argument(context, 0),
        "disk_format", format, "container_format", is_boot_file ? format : "bare");
    if (command_has(context, "--public")) {
        json_object_set_new(body, "visibility", json_string("public"));
    }
    if (command_value(context, "--command-line") != NULL) {
        json_object_set_new(
            body, "os_command_line", json_string(command_value(context, "--command-line")));
    }
    if (!add_boot_image(context, session, "--kernel", "kernel_id", body, error) ||
        !add_boot_image(context, session, "--initrd", "ramdisk_id", body, error)) {
        return NULL;
    }
    const GPtrArray *properties = command_values(context, "--property");
    for (unsigned i = 0; i < properties->len; i++) {
        g_auto(GStrv) parts = g_strsplit(properties->pdata[i], "=", 2);
        if (g_strv_length(parts) != 2) {
            usage_error(error, "--property is KEY=VALUE, not '%s'",
                (const char *)properties->pdata[i]);
            return NULL;
        }
        json_object_set_new(body, parts[0], json_string(parts[1]));
    }
    return g_steal_pointer(&body);
}

static void
show_upload(int64_t sent, int64_t size, void *data)
{
    g_autofree char *sent_text = output_bytes(sent);
    g_autofree char *size_text = output_bytes(size);
    watch_line("uploading  %s of %s", sent_text, size_text);
}

/* An upload that was refused leaves an empty image behind: nobody wants that one. */
static bool
upload(Session *session, const char *id, const char *file, GError **error)
{
    g_autofree char *path = session_path("/images/%s/file", id);
    bool ok = session_upload(session, "image", path, file, show_upload, NULL, error);
    watch_line("%s", "");
    if (!ok) {
        g_autofree char *image_path = session_path("/images/%s", id);
        json_auto_t *ignored = session_request(session, "image", "DELETE", image_path, NULL, NULL);
    }
    return ok;
}

static bool
image_create(CommandContext *context, GError **error)
{
    if (!command_has(context, "--file")) {
        return usage_error(error, "say --file: see 'drover image create --help'");
    }
    Session *session = command_session(context, error);
    json_auto_t *body = session != NULL ? create_body(context, session, error) : NULL;
    json_auto_t *image =
        body != NULL ? session_request(session, "image", "POST", "/images", body, error) : NULL;
    if (image == NULL) {
        return false;
    }
    g_autofree char *id = find_id(image);
    if (!upload(session, id, command_value(context, "--file"), error)) {
        return false;
    }
    g_autofree char *path = session_path("/images/%s", id);
    json_auto_t *shown = session_get(session, "image", path, error);
    return shown != NULL && output_object(command_output(context), shown, error);
}

static bool
image_delete(CommandContext *context, GError **error)
{
    return each_delete(context, find_image, "image", "images", error);
}

const Command image_commands[] = {
    {"image list", "", 0, 0, "List images", NULL, NULL, NULL, image_list},
    {"image show", "IMAGE", 1, 1, "Show an image", NULL, NULL, NULL, image_show},
    {"image create", "NAME", 1, 1, "Upload an image",
        "The file is inspected before anything opens it: one that names a backing file or an "
        "external data file, or is not what it says, is refused.",
        "  drover image create --file debian.qcow2 --public debian\n"
        "  drover image create --file vmlinuz --disk-format aki kernel\n"
        "  drover image create --file disk.qcow2 --kernel kernel --initrd initrd guest",
        CREATE_OPTIONS, image_create},
    {"image delete", "IMAGE...", 1, 1000, "Delete images; servers made from them go on", NULL, NULL,
        NULL, image_delete},
    {NULL},
};
