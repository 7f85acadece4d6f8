/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The rows of volumes and their attachments, for the files that read and write them. All inside a
 * write transaction of their caller. */
#include "store/rows.h"

bool volume_insert_row(Store *store, Volume *volume, GError **error);
Volume *volume_get_row(Store *store, const char *id, GError **error);
/* Fills id, device (when NULL or taken: the next free one) and time, and inserts it. */
bool attachment_insert_row(Store *store, Attachment *attachment, GError **error);
/* What a create was asked to attach: each volume is inserted when it is new, then attached. */
bool attachments_insert(Store *store, const char *instance_id, GPtrArray *volumes, GError **error);
/* What the end of an operation means for the volumes. */
bool attachments_settle(
    Store *store, const char *instance_id, int64_t operation_id, MoveVolumes how, GError **error);
