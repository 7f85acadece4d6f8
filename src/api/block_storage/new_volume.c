/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/block_storage/new_volume.h"
#include "base/json.h"
#include <string.h>

#define GIB ((int64_t)1 << 30)

Image *
new_volume_find_image(ApiContext *context, const char *id, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(Image) image = is_uuid(id) ? store_get_image(context->store, id, &problem) : NULL;
    if (!error_pass_others(&problem, ERROR_NOT_FOUND, error)) {
        return NULL;
    }
    bool is_for_all = image != NULL &&
        (strcmp(image->visibility, "public") == 0 || strcmp(image->visibility, "community") == 0);
    if (image == NULL || (!is_for_all && !api_can_see_project(context, image->owner))) {
        error_set(error, ERROR_INVALID, "Image %s could not be found.", id);
        return NULL;
    }
    if (image->status != IMAGE_ACTIVE) {
        error_set(error, ERROR_INVALID, "Image %s is not active.", id);
        return NULL;
    }
    return g_steal_pointer(&image);
}

/* A kernel or initrd that the image names in a property: its hash, and the id that was given. */
static bool
read_boot_file(ApiContext *context, const json_t *properties, const char *property,
    const char *format, char **ret_hash, char **ret_id, GError **error)
{
    const char *id = json_string_value(json_object_get(properties, property));
    if (id == NULL || *id == '\0') {
        return true;
    }
    g_autoptr(Image) file = new_volume_find_image(context, id, error);
    if (file == NULL) {
        return false;
    }
    if (strcmp(file->disk_format, format) != 0) {
        return error_set(error, ERROR_INVALID,
            "Image %s is named as %s, and its disk format is '%s' instead of '%s'.", id, property,
            file->disk_format, format);
    }
    *ret_hash = g_strdup(file->sha256);
    *ret_id = g_strdup(id);
    return true;
}

bool
new_volume_read_boot_files(ApiContext *context, const Image *image, ImageRefs *refs, GError **error)
{
    json_auto_t *properties = json_parse(image->properties_json, strlen(image->properties_json),
        JSON_REQUEST_SIZE_MAX, JSON_DEPTH_MAX, NULL);
    refs->command_line =
        g_strdup(json_string_value(json_object_get(properties, "os_command_line")));
    return read_boot_file(context, properties, "kernel_id", "aki", &refs->kernel_hash,
               &refs->kernel_id, error) &&
        read_boot_file(context, properties, "ramdisk_id", "ari", &refs->initrd_hash,
            &refs->initrd_id, error);
}

static bool
check_fits(const Image *image, const NewVolume *spec, GError **error)
{
    if (strcmp(image->disk_format, "qcow2") != 0 && strcmp(image->disk_format, "raw") != 0) {
        return error_set(error, ERROR_INVALID,
            "Image %s is unacceptable: its disk format is '%s', and a disk is needed.", image->id,
            image->disk_format);
    }
    if (spec->type != NULL && strcmp(spec->type, image->disk_format) != 0) {
        return error_set(error, ERROR_INVALID,
            "Image %s is %s, and the volume's type is %s: a volume has the format of its image.",
            image->id, image->disk_format, spec->type);
    }
    int64_t needed = MAX(image->virtual_size_bytes, (int64_t)image->min_disk_gib * GIB);
    return needed <= spec->size_gib * GIB ||
        error_set(error, ERROR_INVALID,
            "Invalid input received: Size of specified image %" G_GINT64_FORMAT
            "GB is larger than volume size %" G_GINT64_FORMAT "GB.",
            (needed + GIB - 1) / GIB, spec->size_gib);
}

static bool
fill_from_image(ApiContext *context, Volume *volume, const NewVolume *spec, GError **error)
{
    g_autoptr(Image) image = new_volume_find_image(context, spec->image_id, error);
    if (image == NULL || !check_fits(image, spec, error)) {
        return false;
    }
    volume->image.image_id = g_strdup(image->id);
    volume->image.root_hash = g_strdup(image->sha256);
    volume->image.root_format = g_strdup(image->disk_format);
    volume->format = g_strdup(image->disk_format);
    volume->bootable = true;
    return new_volume_read_boot_files(context, image, &volume->image, error);
}

Volume *
new_volume_make(ApiContext *context, const NewVolume *spec, GError **error)
{
    const char *pool = context->options->volume_pool;
    g_autoptr(Volume) volume = volume_new();
    if (pool == NULL) {
        error_set(error, ERROR_INVALID,
            "There is no pool for volumes: set [volumes] pool to one that every host shares.");
        return NULL;
    }
    volume->name = g_strdup(spec->name != NULL ? spec->name : "");
    volume->description = g_strdup(spec->description);
    volume->project_id = g_strdup(context->identity->project_id);
    volume->user_id = g_strdup(context->identity->user_id);
    volume->status = VOLUME_CREATING;
    volume->size_gib = spec->size_gib;
    volume->pool = g_strdup(pool);
    if (spec->image_id != NULL && !fill_from_image(context, volume, spec, error)) {
        return NULL;
    }
    if (volume->format == NULL) {
        volume->format = g_strdup(spec->type != NULL ? spec->type : "qcow2");
    }
    return g_steal_pointer(&volume);
}
