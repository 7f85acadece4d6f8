/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/image.h"

/* The stored names; the Image API shows the same. */
static const char *const status_names[] = {
    [IMAGE_QUEUED] = "queued",
    [IMAGE_SAVING] = "saving",
    [IMAGE_ACTIVE] = "active",
    [IMAGE_KILLED] = "killed",
};

const char *
image_status_name(ImageStatus status)
{
    g_assert((unsigned)status < G_N_ELEMENTS(status_names));
    return status_names[status];
}

bool
image_status_parse(const char *text, ImageStatus *ret_status)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(status_names); i++) {
        if (g_strcmp0(text, status_names[i]) == 0) {
            *ret_status = (ImageStatus)i;
            return true;
        }
    }
    return false;
}

Image *
image_new(void)
{
    Image *image = g_new0(Image, 1);

    image->size_bytes = -1;
    image->virtual_size_bytes = -1;
    return image;
}

void
image_free(Image *image)
{
    if (image == NULL) {
        return;
    }
    g_free(image->id);
    g_free(image->name);
    g_free(image->owner);
    g_free(image->visibility);
    g_free(image->disk_format);
    g_free(image->container_format);
    g_free(image->sha256);
    g_free(image->md5);
    g_free(image->sha512);
    g_free(image->tags_json);
    g_free(image->properties_json);
    g_free(image);
}
