/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The part of inspect.c that reads qcow2 (docs/interop/qcow2.txt of QEMU). */
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* The magic was seen. Refuses whatever makes QEMU open another file, whatever it does not need to
 * be a base (encryption, internal snapshots), and tables that do not lie inside the file. */
bool inspect_qcow2(int fd, int64_t size, int64_t *ret_virtual_size, GError **error);
