/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/api-private.h"
#include "api/areas.h"
#include "api/image/image.h"

enum { DISCOVERY = ROUTE_PUBLIC | ROUTE_IGNORE_TOKEN };

/* clang-format off */
static const ApiRoute routes[] = {
    {"GET", "", image_list_versions, NULL, DISCOVERY},
    {"GET", "/versions", image_list_versions_ok, NULL, DISCOVERY},
    {"GET", "/v2", image_list_versions_ok, NULL, DISCOVERY},
    {"GET", "/v2/schemas/{name}", image_show_schema},

    {"GET", "/v2/images", image_list, "image:get_images"},
    {"POST", "/v2/images", image_create, "image:add_image", ROUTE_BODY},
    {"GET", "/v2/images/{id}", image_show, "image:get_image"},
    {"PATCH", "/v2/images/{id}", image_update, "image:modify_image", ROUTE_BODY},
    {"DELETE", "/v2/images/{id}", image_delete, "image:delete_image"},
    {"GET", "/v2/images/{id}/file", image_download, "image:download_image"},
    {"PUT", "/v2/images/{id}/file", image_upload_end, "image:upload_image",
        .upload_begin = image_upload_begin, .upload_chunk = image_upload_chunk},
    {"PUT", "/v2/images/{id}/tags/{tag}", image_add_tag, "image:modify_image"},
    {"DELETE", "/v2/images/{id}/tags/{tag}", image_remove_tag, "image:modify_image"},
};
/* clang-format on */

void
image_add_routes(Api *api)
{
    api_add_routes(api, SERVICE_IMAGE, "/image", routes, G_N_ELEMENTS(routes));
}

/* The hashes of all images: what may lie in the image directory. */
bool
image_prepare(Api *api, GError **error)
{
    g_autoptr(GPtrArray) images = store_list_images(api->store, NULL, error);
    if (images == NULL) {
        return false;
    }
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
    for (unsigned i = 0; i < images->len; i++) {
        const Image *image = images->pdata[i];
        if (image->sha256 != NULL) {
            g_hash_table_add(known, image->sha256);
        }
    }
    return library_prepare(api->options.image_directory, known, error);
}
