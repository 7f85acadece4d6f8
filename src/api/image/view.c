/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/image/image.h"

static const char *
status_text(const ApiContext *context, const Image *image)
{
    bool is_uploading = image->status == IMAGE_QUEUED &&
        library_is_uploading(context->options->image_directory, image->id);
    return image_status_name(is_uploading ? IMAGE_SAVING : image->status);
}

static json_t *
size_or_null(int64_t size)
{
    return size < 0 ? json_null() : json_integer(size);
}

json_t *
image_view(const ApiContext *context, const Image *image)
{
    g_autofree char *self = g_strdup_printf("/v2/images/%s", image->id);
    g_autofree char *file = g_strdup_printf("/v2/images/%s/file", image->id);
    /* The free-form properties stand beside the others, and cannot hide them. */
    json_t *view = image_attributes_to_json(image);
    json_auto_t *fixed = json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:s}", "id", image->id,
        "status", status_text(context, image), "owner", api_string_or_null(image->owner), "size",
        size_or_null(image->size_bytes), "virtual_size", size_or_null(image->virtual_size_bytes),
        "checksum", api_string_or_null(image->md5), "os_hash_algo",
        api_string_or_null(image->sha512 == NULL ? NULL : "sha512"), "os_hash_value",
        api_string_or_null(image->sha512), "created_at", api_time_z(image->created_us),
        "updated_at", api_time_z(image->updated_us), "self", self, "file", file, "schema",
        "/v2/schemas/image");
    json_object_update(view, fixed);
    return view;
}
