/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The areas that make up an Api: each folder adds its own tables of routes. Only for api.c. */
#include "api/api.h"

void root_add_routes(Api *api);
void identity_add_routes(Api *api);
void compute_add_routes(Api *api);
void image_add_routes(Api *api);
void network_add_routes(Api *api);
void placement_add_routes(Api *api);
void block_storage_add_routes(Api *api);
void drover_add_routes(Api *api);

/* Makes the image directory and removes what uploads that a killed daemon left behind. */
bool image_prepare(Api *api, GError **error);
