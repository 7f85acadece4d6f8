/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* block_device_mapping_v2 of POST /servers: which volumes the server gets, which it boots from, and
 * what is in its CD-ROM drive. */
#include "api/context.h"
#include "model/volume.h"

extern const Field block_device_items[];

/* Reads the server's list into volumes (Volume * with an attachment, those without an id are to be
 * made) and the instance's CD-ROM. A device that boots becomes the root disk: the instance then has
 * no image of its own. *ret_has_root: there is one. INVALID with Nova's "Block Device Mapping is
 * Invalid: ...". */
bool block_devices_read(ApiContext *context, const json_t *server, Instance *instance,
    GPtrArray *volumes, bool *ret_has_root, GError **error);
