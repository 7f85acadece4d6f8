/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The areas that make up an Api: each folder adds its own tables of routes. Only for api.c. */
#include "api/api.h"

void root_add_routes(Api *api);
void identity_add_routes(Api *api);
