/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Writes a small FAT12 file system with long names into memory: enough for a config drive, and
 * nothing more (files are given at once, nothing is changed later). The same input gives the same
 * bytes. */
#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

typedef struct VfatFile {
    const char *path; /* "openstack/latest/meta_data.json": ASCII, each part at most 255 bytes */
    const void *bytes;
    size_t size;
} VfatFile;

/* size_bytes: of the image, at most 2 MiB, a multiple of 512. label: at most 11 characters.
 * ERROR_LIMIT when the files do not fit. */
GBytes *vfat_new(size_t size_bytes, const char *label, uint32_t serial, const VfatFile *files,
    size_t n_files, GError **error);
