/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Says whether an uploaded file is what it was declared to be, and nothing more dangerous: before
 * any program opens it that would follow the names inside. Reads the file with bounds on every
 * offset; trusts nothing in it. Pure but for reading the descriptor. */
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* format: "qcow2", "raw", "aki" (kernel), "ari" (initrd). ERROR_INVALID says what is wrong and what
 * to do about it. *ret_virtual_size: of the disk inside; for aki and ari the file's size. */
bool image_inspect(
    int fd, int64_t size, const char *format, int64_t *ret_virtual_size, GError **error);
/* The format that the bytes themselves say: "qcow2", "vmdk", "gzip", ...; NULL when they say
 * nothing, as those of a raw disk do. */
const char *image_detect(int fd, int64_t size);
