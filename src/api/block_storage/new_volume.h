/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* A volume that is to be made, put together the same way for the Block Storage API and for a server
 * that wants one made with it. */
#include "api/context.h"
#include "model/volume.h"

typedef struct NewVolume {
    const char *name;        /* NULL = "" */
    const char *description; /* NULL = none */
    int64_t size_gib;
    const char *type;     /* "qcow2", "raw"; NULL = as the image is, else qcow2 */
    const char *image_id; /* NULL: it begins empty */
} NewVolume;

/* Not stored yet. INVALID: no pool is configured, there is no such image, or it does not fit. */
Volume *new_volume_make(ApiContext *context, const NewVolume *spec, GError **error);
/* The image of that id which this project may use and which is complete; INVALID otherwise. */
Image *new_volume_find_image(ApiContext *context, const char *id, GError **error);
/* What a guest that boots from this image needs beside its disk. */
bool new_volume_read_boot_files(
    ApiContext *context, const Image *image, ImageRefs *refs, GError **error);
