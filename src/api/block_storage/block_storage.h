/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The Block Storage API, v3: the part of Cinder by which instances get volumes. A volume lies in
 * the one pool that every host shares, or is registered by its URI. Types are formats. There are no
 * snapshots, backups or groups. */
#include "api/context.h"
#include "model/volume.h"

/* ---- versions.c: and what clients look at on their way ---- */
HttpResponse *block_storage_list_versions(ApiContext *context, GError **error);
HttpResponse *block_storage_show_versions(ApiContext *context, GError **error);
HttpResponse *block_storage_list_types(ApiContext *context, GError **error);
HttpResponse *block_storage_show_type(ApiContext *context, GError **error);
HttpResponse *block_storage_show_limits(ApiContext *context, GError **error);
HttpResponse *block_storage_list_zones(ApiContext *context, GError **error);
/* What drover does not have: {"snapshots": []} and the like. */
HttpResponse *block_storage_list_snapshots(ApiContext *context, GError **error);
HttpResponse *block_storage_list_services(ApiContext *context, GError **error);

/* ---- volumes.c ---- */
HttpResponse *block_storage_list(ApiContext *context, GError **error);
HttpResponse *block_storage_list_detail(ApiContext *context, GError **error);
HttpResponse *block_storage_show(ApiContext *context, GError **error);
HttpResponse *block_storage_update(ApiContext *context, GError **error);
HttpResponse *block_storage_delete(ApiContext *context, GError **error);
HttpResponse *block_storage_act(ApiContext *context, GError **error);
/* The volume of that id which this identity may see; else NOT_FOUND "Volume <id> could not be
 * found.". Takes the id from the path. */
Volume *block_storage_get(ApiContext *context, GError **error);
HttpResponse *block_storage_reply(ApiContext *context, int status, const Volume *volume);

/* ---- create.c ---- */
HttpResponse *block_storage_create(ApiContext *context, GError **error);
/* Registers a volume on the network (Cinder: manage an existing volume). */
HttpResponse *block_storage_manage(ApiContext *context, GError **error);

/* ---- metadata.c ---- */
HttpResponse *block_storage_list_metadata(ApiContext *context, GError **error);
HttpResponse *block_storage_merge_metadata(ApiContext *context, GError **error);
HttpResponse *block_storage_replace_metadata(ApiContext *context, GError **error);
HttpResponse *block_storage_delete_metadata_item(ApiContext *context, GError **error);
