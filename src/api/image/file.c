/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The bytes of an image: streamed to disk on the HTTP thread, inspected and synced on a worker,
 * named and made known on the engine's thread. */
#include "api/image/image.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
check_ready(const Image *image, GError **error)
{
    if (image->status != IMAGE_QUEUED) {
        return error_set(error, ERROR_CONFLICT,
            "Image status transition from %s to saving is not allowed",
            image_status_name(image->status));
    }
    return (image->disk_format != NULL && image->container_format != NULL) ||
        error_set(error, ERROR_INVALID,
            "Properties disk_format, container_format must be set prior to saving data.");
}

bool
image_upload_begin(ApiContext *context, GError **error)
{
    g_autoptr(Image) image = image_get_own(context, error);
    if (image == NULL || !check_ready(image, error)) {
        return false;
    }
    context->upload = upload_begin(context->options->image_directory, image->id, image->disk_format,
        http_request_content_length(context->request), context->options->max_image_bytes, error);
    context->upload_free = (GDestroyNotify)upload_free;
    return context->upload != NULL;
}

bool
image_upload_chunk(ApiContext *context, const void *bytes, size_t size, GError **error)
{
    return upload_write(context->upload, bytes, size, error);
}

static void
run_check(ImageWork *work)
{
    upload_check(work->context->upload, &work->error);
}

static void
take_results(const Upload *upload, Image *image)
{
    image->status = IMAGE_ACTIVE;
    image->size_bytes = upload_size(upload);
    image->virtual_size_bytes = upload_virtual_size(upload);
    image->sha256 = g_strdup(upload_sha256(upload));
    image->md5 = g_strdup(upload_md5(upload));
    image->sha512 = g_strdup(upload_sha512(upload));
}

/* The image may have been changed or deleted while its bytes came in: it is read again. */
static HttpResponse *
finish(ApiContext *context, GError **error)
{
    Upload *upload = context->upload;
    g_autoptr(Image) image = image_get_own(context, error);
    if (image == NULL || !check_ready(image, error)) {
        return NULL;
    }
    if (strcmp(image->disk_format, upload_format(upload)) != 0) {
        error_set(error, ERROR_CONFLICT, "disk_format was changed while the bytes came in");
        return NULL;
    }
    if (!upload_commit(upload, error)) {
        return NULL;
    }
    take_results(upload, image);
    return store_update_image(context->store, image, error) ? api_empty(204) : NULL;
}

HttpResponse *
image_upload_end(ApiContext *context, GError **error)
{
    return image_ask_work((ImageWork){.context = context, .run = run_check, .then = finish});
}

HttpResponse *
image_download(ApiContext *context, GError **error)
{
    struct stat status;
    g_autoptr(Image) image = image_get_visible(context, error);
    if (image == NULL) {
        return NULL;
    }
    if (image->status != IMAGE_ACTIVE) {
        return api_empty(204);
    }
    g_autofree char *path = library_path(context->options->image_directory, image->sha256);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        error_set(
            error, ERROR_NOT_FOUND, "The bytes of image %s are not on this server", image->id);
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    HttpResponse *response =
        http_response_new_file(200, "application/octet-stream", fd, (uint64_t)status.st_size);
    http_response_set_header(response, "Content-MD5", image->md5);
    return response;
}
