/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The web dashboard: files out of the binary under /dashboard/. */
#include "http/router.h"

/* Before the server starts. */
void dashboard_add_routes(HttpRouter *router);
