/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/image/image.h"
#include "base/json.h"
#include <string.h>

static bool
fail_not_found(ApiContext *context, GError **error)
{
    return error_set(error, ERROR_NOT_FOUND, "No image found with ID %s", api_param(context, "id"));
}

static bool
is_visible(const ApiContext *context, const Image *image)
{
    return strcmp(image->visibility, "public") == 0 ||
        strcmp(image->visibility, "community") == 0 || api_can_see_project(context, image->owner);
}

Image *
image_get_visible(ApiContext *context, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(Image) image = store_get_image(context->store, api_param(context, "id"), &reason);
    if (!error_pass_others(&reason, ERROR_NOT_FOUND, error)) {
        return NULL;
    }
    if (image == NULL || !is_visible(context, image)) {
        fail_not_found(context, error);
        return NULL;
    }
    return g_steal_pointer(&image);
}

Image *
image_get_own(ApiContext *context, GError **error)
{
    g_autoptr(Image) image = image_get_visible(context, error);
    if (image == NULL) {
        return NULL;
    }
    if (!api_can_see_project(context, image->owner)) {
        error_set(error, ERROR_FORBIDDEN, "You are not permitted to modify this image.");
        return NULL;
    }
    return g_steal_pointer(&image);
}

HttpResponse *
image_show(ApiContext *context, GError **error)
{
    g_autoptr(Image) image = image_get_visible(context, error);
    return image == NULL ? NULL : api_json(200, image_view(context, image));
}

static Image *
new_image(ApiContext *context, GError **error)
{
    const char *id = body_string(context->body, "id", NULL);
    if (body_has(context->body, "id") && (id == NULL || !is_uuid(id) || strlen(id) != 36)) {
        error_set(error, ERROR_INVALID, "'id' is not a UUID");
        return NULL;
    }
    g_autoptr(Image) image = image_new();
    image->id = id != NULL ? g_ascii_strdown(id, -1) : clock_new_uuid(context->options->clock);
    image->owner = g_strdup(context->identity->project_id);
    image->status = IMAGE_QUEUED;
    image->visibility = g_strdup("shared");
    image->size_bytes = -1;
    image->virtual_size_bytes = -1;
    if (!image_attributes_apply(context, context->body, image, error)) {
        return NULL;
    }
    return g_steal_pointer(&image);
}

HttpResponse *
image_create(ApiContext *context, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(Image) image = new_image(context, error);
    if (image == NULL) {
        return NULL;
    }
    if (!store_insert_image(context->store, image, &reason)) {
        if (error_is(reason, ERROR_CONFLICT)) {
            error_set(error, ERROR_CONFLICT, "Image ID %s already exists!", image->id);
        } else {
            g_propagate_error(error, g_steal_pointer(&reason));
        }
        return NULL;
    }
    g_autoptr(Image) stored = store_get_image(context->store, image->id, error);
    if (stored == NULL) {
        return NULL;
    }
    HttpResponse *response = api_json(201, image_view(context, stored));
    g_autofree char *location = api_url(context, "/image/v2/images/%s", image->id);
    http_response_set_header(response, "Location", location);
    return response;
}

/* ---- changes, on the engine's thread ---- */

static HttpResponse *
save(ApiContext *context, Image *image, const json_t *attributes, GError **error)
{
    if (!image_attributes_apply(context, attributes, image, error) ||
        !store_update_image(context->store, image, error)) {
        return NULL;
    }
    g_autoptr(Image) stored = store_get_image(context->store, image->id, error);
    return stored == NULL ? NULL : api_json(200, image_view(context, stored));
}

static HttpResponse *
apply_update(ApiContext *context, GError **error)
{
    g_autoptr(Image) image = image_get_own(context, error);
    if (image == NULL) {
        return NULL;
    }
    json_auto_t *attributes = image_attributes_to_json(image);
    if (!image_patch_apply(attributes, context->body, error)) {
        return NULL;
    }
    return save(context, image, attributes, error);
}

HttpResponse *
image_update(ApiContext *context, GError **error)
{
    return image_ask_work((ImageWork){.context = context, .then = apply_update});
}

/* The file goes with the last image that has its bytes. Hosts keep their bases. */
static bool
remove_file(ApiContext *context, const Image *image, GError **error)
{
    int count;
    if (image->sha256 == NULL) {
        return true;
    }
    if (!store_count_image_hash(context->store, image->sha256, &count, error)) {
        return false;
    }
    return count > 0 || library_remove(context->options->image_directory, image->sha256, error);
}

static bool
is_booted_by(const Image *image, const char *id)
{
    json_auto_t *properties =
        image->properties_json != NULL ? json_loads(image->properties_json, 0, NULL) : NULL;
    const char *kernel = json_string_value(json_object_get(properties, "kernel_id"));
    const char *initrd = json_string_value(json_object_get(properties, "ramdisk_id"));
    return g_strcmp0(kernel, id) == 0 || g_strcmp0(initrd, id) == 0;
}

/* Nothing could be made from an image any more whose kernel or initrd is gone. The others are named
 * only to those who can see them. */
static bool
check_unused(ApiContext *context, const Image *image, GError **error)
{
    g_autoptr(GPtrArray) images = store_list_images(context->store, NULL, error);
    if (images == NULL) {
        return false;
    }
    for (unsigned i = 0; i < images->len; i++) {
        const Image *other = images->pdata[i];
        if (strcmp(other->id, image->id) == 0 || !is_booted_by(other, image->id)) {
            continue;
        }
        return is_visible(context, other)
            ? error_set(error, ERROR_CONFLICT,
                  "Image %s could not be deleted because it is in use: image %s (%s) boots with "
                  "it. Delete that one first, or take its kernel_id and ramdisk_id from it.",
                  image->id, other->id, other->name)
            : error_set(error, ERROR_CONFLICT,
                  "Image %s could not be deleted because it is in use: an image of another project "
                  "boots with it.",
                  image->id);
    }
    return true;
}

static HttpResponse *
apply_delete(ApiContext *context, GError **error)
{
    g_autoptr(Image) image = image_get_own(context, error);
    if (image == NULL) {
        return NULL;
    }
    if (image->is_protected) {
        error_set(
            error, ERROR_FORBIDDEN, "Image %s is protected and cannot be deleted.", image->id);
        return NULL;
    }
    if (!check_unused(context, image, error) ||
        !store_delete_image(context->store, image->id, error) ||
        !remove_file(context, image, error)) {
        return NULL;
    }
    return api_empty(204);
}

HttpResponse *
image_delete(ApiContext *context, GError **error)
{
    return image_ask_work((ImageWork){.context = context, .then = apply_delete});
}

/* The position of a tag among the image's, or -1. */
static int
find_tag(const json_t *tags, const char *wanted)
{
    size_t i;
    json_t *tag;
    json_array_foreach(tags, i, tag)
    {
        if (g_strcmp0(json_string_value(tag), wanted) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static HttpResponse *
change_tag(ApiContext *context, bool is_add, GError **error)
{
    const char *tag = api_param(context, "tag");
    g_autoptr(Image) image = image_get_own(context, error);
    if (image == NULL) {
        return NULL;
    }
    json_auto_t *attributes = image_attributes_to_json(image);
    json_t *tags = json_object_get(attributes, "tags");
    int position = find_tag(tags, tag);
    if (!is_add && position < 0) {
        error_set(error, ERROR_NOT_FOUND, "The image has no tag '%s'", tag);
        return NULL;
    }
    if (is_add) {
        json_array_append_new(tags, json_string(tag));
    } else {
        json_array_remove(tags, (size_t)position);
    }
    g_autoptr(HttpResponse) saved = save(context, image, attributes, error);
    return saved == NULL ? NULL : api_empty(204);
}

static HttpResponse *
apply_add_tag(ApiContext *context, GError **error)
{
    return change_tag(context, true, error);
}

static HttpResponse *
apply_remove_tag(ApiContext *context, GError **error)
{
    return change_tag(context, false, error);
}

HttpResponse *
image_add_tag(ApiContext *context, GError **error)
{
    return image_ask_work((ImageWork){.context = context, .then = apply_add_tag});
}

HttpResponse *
image_remove_tag(ApiContext *context, GError **error)
{
    return image_ask_work((ImageWork){.context = context, .then = apply_remove_tag});
}
