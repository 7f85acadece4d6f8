/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Source: Compute API reference, "Create server", block_device_mapping_v2. */
#include "api/compute/block_devices.h"
#include "api/block_storage/new_volume.h"
#include <string.h>

const Field block_device_items[] = {
    {"", FIELD_OBJECT, 0,
        .fields =
            (const Field[]){
                {"uuid", FIELD_STRING, FIELD_NULLABLE, 0, 255},
                {"source_type", FIELD_STRING, 0, 1, 16},
                {"destination_type", FIELD_STRING, 0, 1, 16},
                {"boot_index", FIELD_INTEGER, FIELD_NULLABLE, -1, 255},
                {"volume_size", FIELD_INTEGER, FIELD_NULLABLE, 1, 1 << 16},
                {"delete_on_termination", FIELD_BOOLEAN, FIELD_NULLABLE},
                {"device_name", FIELD_STRING, FIELD_NULLABLE, 0, 255},
                {"device_type", FIELD_STRING, FIELD_NULLABLE, 0, 255},
                {"disk_bus", FIELD_STRING, FIELD_NULLABLE, 0, 255},
                {"guest_format", FIELD_STRING, FIELD_NULLABLE, 0, 255},
                {"no_device", FIELD_ANY, FIELD_NULLABLE},
                {"tag", FIELD_STRING, FIELD_NULLABLE, 1, 60, .since = 42},
                {"volume_type", FIELD_STRING, FIELD_NULLABLE, 0, 255, .since = 67},
                {NULL},
            }},
};

static bool
refuse(GError **error, const char *why)
{
    return error_set(error, ERROR_INVALID, "Block Device Mapping is Invalid: %s", why);
}

static Attachment *
make_attachment(const json_t *item)
{
    Attachment *attachment = attachment_new();
    attachment->boot_index = (int)body_int(item, "boot_index", -1);
    attachment->delete_on_termination = body_bool(item, "delete_on_termination", false);
    attachment->tag = g_strdup(body_string(item, "tag", NULL));
    return attachment;
}

/* ---- an image in the CD-ROM drive ---- */

static bool
add_cdrom(ApiContext *context, const json_t *item, Instance *instance, GError **error)
{
    g_autoptr(Image) image = new_volume_find_image(context, body_string(item, "uuid", ""), error);
    if (image == NULL) {
        return false;
    }
    if (strcmp(image->disk_format, "iso") != 0) {
        return refuse(error, "a CD-ROM needs an image of the disk format iso.");
    }
    if (instance->image.cdrom_hash != NULL) {
        return refuse(error, "a server has one CD-ROM drive.");
    }
    instance->image.cdrom_hash = g_strdup(image->sha256);
    return true;
}

/* ---- volumes ---- */

static Volume *
find_volume(ApiContext *context, const char *id, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(Volume) volume = store_get_volume(context->store, id, &reason);
    if (!error_pass_others(&reason, ERROR_NOT_FOUND, error)) {
        return NULL;
    }
    if (volume == NULL || !api_can_see_project(context, volume->project_id)) {
        error_set(
            error, ERROR_INVALID, "Block Device Mapping is Invalid: failed to get volume %s.", id);
        return NULL;
    }
    if (volume->attachment != NULL || volume->status == VOLUME_DELETING ||
        volume->status == VOLUME_ERROR) {
        error_set(error, ERROR_INVALID,
            "Invalid volume: status must be 'available' and volume %s is '%s'.", id,
            volume_shown_status(volume));
        return NULL;
    }
    return g_steal_pointer(&volume);
}

static Volume *
make_volume(ApiContext *context, const json_t *item, bool is_from_image, GError **error)
{
    if (body_int(item, "volume_size", 0) == 0) {
        refuse(error, "Images and blank volumes need a volume_size.");
        return NULL;
    }
    NewVolume spec = {
        .size_gib = body_int(item, "volume_size", 0),
        .type = body_string(item, "volume_type", NULL),
        .image_id = is_from_image ? body_string(item, "uuid", "") : NULL,
    };
    return new_volume_make(context, &spec, error);
}

static bool
add_volume(ApiContext *context, const json_t *item, Instance *instance, GPtrArray *volumes,
    bool *has_root, GError **error)
{
    const char *source = body_string(item, "source_type", "");
    bool is_there = strcmp(source, "volume") == 0;
    g_autoptr(Volume) volume = is_there
        ? find_volume(context, body_string(item, "uuid", ""), error)
        : make_volume(context, item, strcmp(source, "image") == 0, error);
    if (volume == NULL) {
        return false;
    }
    volume->attachment = make_attachment(item);
    if (volume->attachment->boot_index == 0) {
        if (*has_root) {
            return refuse(error, "two devices have the boot index 0.");
        }
        if (is_there && !volume->bootable) {
            return error_set(error, ERROR_INVALID,
                "Block Device %s is not bootable: set it with 'openstack volume set --bootable'.",
                volume->id);
        }
        *has_root = true;
        g_free(instance->image.kernel_hash);
        instance->image.kernel_hash = g_strdup(volume->image.kernel_hash);
        instance->image.initrd_hash = g_strdup(volume->image.initrd_hash);
        instance->image.kernel_id = g_strdup(volume->image.kernel_id);
        instance->image.initrd_id = g_strdup(volume->image.initrd_id);
        instance->image.command_line = g_strdup(volume->image.command_line);
    }
    g_ptr_array_add(volumes, g_steal_pointer(&volume));
    return true;
}

/* ---- one item ---- */

static bool
is_cdrom(const json_t *item)
{
    return g_strcmp0(body_string(item, "device_type", NULL), "cdrom") == 0;
}

static bool
add_item(ApiContext *context, const json_t *item, Instance *instance, GPtrArray *volumes,
    bool *has_root, GError **error)
{
    const char *source = body_string(item, "source_type", "");
    const char *destination = body_string(item, "destination_type", "volume");
    bool is_local = strcmp(destination, "local") == 0;
    bool is_image = strcmp(source, "image") == 0;
    if (is_image && is_cdrom(item)) {
        return add_cdrom(context, item, instance, error);
    }
    /* The server's own image, said once more: OSC sends it beside further devices. */
    if (is_image && is_local && body_int(item, "boot_index", -1) == 0) {
        return true;
    }
    if (is_local) {
        return refuse(error, "local disks beside the image (ephemeral, swap) are not served.");
    }
    if (is_cdrom(item)) {
        return refuse(error, "a CD-ROM is made from an image.");
    }
    if (!is_image && strcmp(source, "volume") != 0 && strcmp(source, "blank") != 0) {
        return refuse(error, "the source_type is volume, image or blank.");
    }
    if (body_int(item, "boot_index", -1) > 0) {
        return refuse(error, "there is one boot disk: a boot index is 0 or -1.");
    }
    return add_volume(context, item, instance, volumes, has_root, error);
}

bool
block_devices_read(ApiContext *context, const json_t *server, Instance *instance,
    GPtrArray *volumes, bool *ret_has_root, GError **error)
{
    size_t i;
    json_t *item;
    bool has_root = false;
    json_array_foreach(json_object_get(server, "block_device_mapping_v2"), i, item)
    {
        if (!add_item(context, item, instance, volumes, &has_root, error)) {
            return false;
        }
    }
    *ret_has_root = has_root;
    return true;
}
