/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cli/block_devices.h"

#include "cli/find.h"
#include "cli/usage.h"

#include <string.h>

enum { BOOT_INDEX_MIN = -1, BOOT_INDEX_MAX = 255, SIZE_MAX_GIB = 1 << 16 };

/* ---- --block-device KEY=VALUE,... ---- */

typedef enum { VALUE_TEXT, VALUE_NUMBER, VALUE_FLAG } ValueKind;

/* The stock client's keys. */
static const struct {
    const char *name;
    ValueKind kind;
} KEYS[] = {
    {"uuid", VALUE_TEXT},
    {"source_type", VALUE_TEXT},
    {"destination_type", VALUE_TEXT},
    {"disk_bus", VALUE_TEXT},
    {"device_type", VALUE_TEXT},
    {"device_name", VALUE_TEXT},
    {"guest_format", VALUE_TEXT},
    {"volume_size", VALUE_NUMBER},
    {"volume_type", VALUE_TEXT},
    {"boot_index", VALUE_NUMBER},
    {"delete_on_termination", VALUE_FLAG},
    {"tag", VALUE_TEXT},
};

static json_t *
read_flag(const char *text)
{
    bool is_true = g_ascii_strcasecmp(text, "true") == 0;
    return is_true || g_ascii_strcasecmp(text, "false") == 0 ? json_boolean(is_true) : NULL;
}

static json_t *
read_number(const char *text)
{
    int64_t number = 0;
    return g_ascii_string_to_signed(text, 10, BOOT_INDEX_MIN, SIZE_MAX_GIB, &number, NULL)
        ? json_integer(number)
        : NULL;
}

static bool
read_pair(json_t *device, const char *pair, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(pair, "=", 2);
    if (g_strv_length(parts) != 2) {
        return usage_error(error, "--block-device is KEY=VALUE,..., and '%s' is not", pair);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(KEYS); i++) {
        if (strcmp(KEYS[i].name, parts[0]) == 0) {
            json_t *value = KEYS[i].kind == VALUE_TEXT ? json_string(parts[1])
                : KEYS[i].kind == VALUE_NUMBER         ? read_number(parts[1])
                                                       : read_flag(parts[1]);
            return value != NULL ? json_object_set_new(device, parts[0], value) == 0
                                 : usage_error(error, "--block-device %s must be %s, not '%s'",
                                       parts[0],
                                       KEYS[i].kind == VALUE_FLAG ? "true or false" : "a number",
                                       parts[1]);
        }
    }
    return usage_error(error, "--block-device has no key '%s'", parts[0]);
}

static json_t *
read_device(const char *text, GError **error)
{
    json_auto_t *device = json_object();
    g_auto(GStrv) pairs = g_strsplit(text, ",", -1);
    for (char **pair = pairs; *pair != NULL; pair++) {
        if (!read_pair(device, *pair, error)) {
            return NULL;
        }
    }
    if (json_object_get(device, "source_type") == NULL) {
        usage_error(error, "--block-device needs source_type=volume, image or blank");
        return NULL;
    }
    return g_steal_pointer(&device);
}

static bool
is_root(const json_t *device)
{
    const json_t *index = json_object_get(device, "boot_index");
    return json_is_integer(index) && json_integer_value(index) == 0;
}

static bool
is_text(const json_t *device, const char *key, const char *wanted)
{
    return g_strcmp0(json_string_value(json_object_get(device, key)), wanted) == 0;
}

/* What it is made of may be named: the server wants the ID. */
static bool
add_device(Session *session, json_t *devices, json_t *device, GError **error)
{
    const char *named = json_string_value(json_object_get(device, "uuid"));
    if (named != NULL && (is_text(device, "source_type", "image") ||
                             is_text(device, "source_type", "volume"))) {
        json_auto_t *found = is_text(device, "source_type", "image")
            ? find_image(session, named, error)
            : find_volume(session, named, error);
        if (found == NULL) {
            return false;
        }
        json_object_set(device, "uuid", json_object_get(found, "id"));
    }
    json_array_append(devices, device);
    return true;
}

/* ---- what wrong usage there is ---- */

static bool
check_devices(CommandContext *context, bool *ret_has_root, GError **error)
{
    const GPtrArray *texts = command_values(context, "--block-device");
    *ret_has_root = false;
    for (unsigned i = 0; i < texts->len; i++) {
        json_auto_t *device = read_device(texts->pdata[i], error);
        if (device == NULL) {
            return false;
        }
        *ret_has_root = *ret_has_root || is_root(device);
    }
    return true;
}

bool
block_devices_check(CommandContext *context, GError **error)
{
    int64_t size = 0;
    bool has_root = false;
    bool has_image = command_has(context, "--image");
    bool has_volume = command_has(context, "--volume");
    bool is_boot_volume = has_volume || command_has(context, "--boot-from-volume");
    if (!check_devices(context, &has_root, error) ||
        !command_int(context, "--boot-from-volume", 0, 1, SIZE_MAX_GIB, &size, error)) {
        return false;
    }
    if (has_image + has_volume + has_root != 1) {
        return usage_error(error,
            "say one of --image, --volume and a --block-device with boot_index=0: it is what the "
            "server boots from");
    }
    if (size > 0 && !has_image) {
        return usage_error(error, "--boot-from-volume needs --image");
    }
    return is_boot_volume || !command_has(context, "--delete-on-termination") ||
        usage_error(error, "--delete-on-termination needs --volume or --boot-from-volume");
}

/* ---- the request ---- */

static bool
add_root(CommandContext *context, Session *session, json_t *server, json_t *devices, GError **error)
{
    const char *image_name = command_value(context, "--image");
    const char *volume = command_value(context, "--volume");
    const char *size = command_value(context, "--boot-from-volume");
    bool is_deleted = command_has(context, "--delete-on-termination");
    if (volume != NULL) {
        json_auto_t *device = json_pack("{s:s, s:s, s:s, s:i, s:b}", "uuid", volume, "source_type",
            "volume", "destination_type", "volume", "boot_index", 0, "delete_on_termination",
            is_deleted);
        return add_device(session, devices, device, error);
    }
    if (size != NULL) {
        json_auto_t *device = json_pack("{s:s, s:s, s:s, s:i, s:o, s:b}", "uuid", image_name,
            "source_type", "image", "destination_type", "volume", "boot_index", 0, "volume_size",
            read_number(size), "delete_on_termination", is_deleted);
        return add_device(session, devices, device, error);
    }
    if (image_name != NULL) {
        json_auto_t *image = find_image(session, image_name, error);
        return image != NULL &&
            json_object_set(server, "imageRef", json_object_get(image, "id")) == 0;
    }
    return true;
}

static bool
add_cdrom(CommandContext *context, Session *session, json_t *devices, GError **error)
{
    const char *image = command_value(context, "--cdrom");
    json_auto_t *device = json_pack("{s:s*, s:s, s:s, s:s, s:i}", "uuid", image, "source_type",
        "image", "destination_type", "local", "device_type", "cdrom", "boot_index", -1);
    return image == NULL || add_device(session, devices, device, error);
}

bool
block_devices_add(CommandContext *context, Session *session, json_t *server, GError **error)
{
    json_auto_t *devices = json_array();
    const GPtrArray *texts = command_values(context, "--block-device");
    if (!add_root(context, session, server, devices, error)) {
        return false;
    }
    for (unsigned i = 0; i < texts->len; i++) {
        json_auto_t *device = read_device(texts->pdata[i], error);
        if (device == NULL || !add_device(session, devices, device, error)) {
            return false;
        }
    }
    if (!add_cdrom(context, session, devices, error)) {
        return false;
    }
    if (json_array_size(devices) > 0) {
        json_object_set(server, "block_device_mapping_v2", devices);
    }
    return true;
}
