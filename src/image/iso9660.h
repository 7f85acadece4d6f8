/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Writes a small ISO 9660 file system with Rock Ridge names into memory: enough for a config drive,
 * and nothing more. The same input gives the same bytes. Sources: ECMA-119; SUSP and RRIP (IEEE
 * P1281, P1282), version 1.10. */
#include "image/vfat.h"

/* label: at most 32 characters. Paths have at most one file name of each directory; their parts
 * are at most 100 bytes. ERROR_LIMIT: a directory has more than fits into one sector, or the image
 * would exceed max_size_bytes. */
GBytes *iso9660_new(size_t max_size_bytes, const char *label, const VfatFile *files,
    size_t n_files, GError **error);
