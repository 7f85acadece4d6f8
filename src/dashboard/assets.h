/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What embed-assets.py makes of assets/. */
#include <stddef.h>

typedef struct DashboardAsset {
    const char *name; /* "main.js" */
    const char *type; /* of its contents */
    const unsigned char *plain;
    size_t plain_size;
    const unsigned char *gzip;
    size_t gzip_size;
} DashboardAsset;

/* The first is index.html. */
extern const DashboardAsset dashboard_assets[];
extern const size_t dashboard_n_assets;
/* Of all of them together: part of the path, so that what a browser keeps is never old. */
extern const char dashboard_version[];
