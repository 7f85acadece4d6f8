/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The Image API, v2: the part of Glance that instances and a bare `openstack` client need. Rows of
 * images are changed on the engine's thread alone (work.c), so that a read, a change and a write
 * belong together; that an upload is under way is told by its partial file, not by a row. */
#include "api/context.h"
#include "image/library.h"
#include "model/image.h"

/* ---- versions.c ---- */
HttpResponse *image_list_versions(ApiContext *context, GError **error);    /* 300 */
HttpResponse *image_list_versions_ok(ApiContext *context, GError **error); /* 200 */
HttpResponse *image_show_schema(ApiContext *context, GError **error);

/* ---- images.c ---- */
HttpResponse *image_show(ApiContext *context, GError **error);
HttpResponse *image_create(ApiContext *context, GError **error);
HttpResponse *image_update(ApiContext *context, GError **error);
HttpResponse *image_delete(ApiContext *context, GError **error);
HttpResponse *image_add_tag(ApiContext *context, GError **error);
HttpResponse *image_remove_tag(ApiContext *context, GError **error);
/* The image of the path, if it is visible; else 404. */
Image *image_get_visible(ApiContext *context, GError **error);
/* The same, and it belongs to the caller's project or the caller is an administrator; else 403. */
Image *image_get_own(ApiContext *context, GError **error);

/* ---- list.c ---- */
HttpResponse *image_list(ApiContext *context, GError **error);

/* ---- file.c ---- */
bool image_upload_begin(ApiContext *context, GError **error);
bool image_upload_chunk(ApiContext *context, const void *bytes, size_t size, GError **error);
HttpResponse *image_upload_end(ApiContext *context, GError **error);
HttpResponse *image_download(ApiContext *context, GError **error);

/* ---- attributes.c: what a client may write, as one JSON object ---- */
json_t *image_attributes_to_json(const Image *image);
/* Checks and takes over everything; ERROR_FORBIDDEN for what is read-only or not this caller's
 * right. */
bool image_attributes_apply(
    ApiContext *context, const json_t *attributes, Image *image, GError **error);

/* ---- patch.c ---- */
/* RFC 6902 as far as Glance takes it: add, replace, remove of one attribute, or of one tag. Changes
 * attributes in place. Pure. */
bool image_patch_apply(json_t *attributes, const json_t *patch, GError **error);

/* ---- view.c ---- */
json_t *image_view(const ApiContext *context, const Image *image);

/* ---- work.c ---- */
typedef struct ImageWork ImageWork;
struct ImageWork {
    ApiContext *context;
    /* On a worker, may be NULL; what fails goes into error. */
    void (*run)(ImageWork *work);
    GError *error;
    /* On the engine's thread, when run had no error. */
    HttpResponse *(*then)(ApiContext *context, GError **error);
};
/* Defers the reply. The handler returns the result (NULL) at once. */
HttpResponse *image_ask_work(ImageWork work);
