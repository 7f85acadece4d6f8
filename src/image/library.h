/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Image files on disk. A complete file is named by the SHA-256 of its bytes, so two images of the
 * same bytes share one; an upload is <image id>.partial, and its existence is also the lock that
 * lets one upload run for one image. Knows files, not the store. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Makes the directory; removes the partial files of a killed daemon, and every complete one whose
 * hash is not in known_hashes (a set of char *). Before the first upload. */
bool library_prepare(const char *directory, GHashTable *known_hashes, GError **error);
/* Caller frees. */
char *library_path(const char *directory, const char *sha256);
bool library_is_uploading(const char *directory, const char *image_id);
/* Absent is fine. */
bool library_remove(const char *directory, const char *sha256, GError **error);

typedef struct Upload Upload;

/* ERROR_CONFLICT: another upload to this image is under way. expected_size -1 = unknown;
 * ERROR_LIMIT when the disk has not that much room. max_size 0 = no limit. */
Upload *upload_begin(const char *directory, const char *image_id, const char *format,
    int64_t expected_size, uint64_t max_size, GError **error);
/* Appends and hashes. ERROR_LIMIT: the disk is full or the upload is larger than max_size. */
bool upload_write(Upload *upload, const void *bytes, size_t size, GError **error);
/* All bytes are there: inspects them as the format, and makes them durable. Blocks for long. The
 * results can be read after. */
bool upload_check(Upload *upload, GError **error);
/* Gives the file its name. Short. upload_check must have passed. */
bool upload_commit(Upload *upload, GError **error);
/* Removes what was not committed. NULL is fine. */
void upload_free(Upload *upload);

/* As it was declared at the beginning. */
const char *upload_format(const Upload *upload);
int64_t upload_size(const Upload *upload);
int64_t upload_virtual_size(const Upload *upload);
const char *upload_sha256(const Upload *upload);
const char *upload_md5(const Upload *upload);
const char *upload_sha512(const Upload *upload);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Upload, upload_free)
