/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/service.h"
#include <string.h>

static const Service services[N_SERVICES] = {
    [SERVICE_IDENTITY] =
        {
            .type = "identity",
            .name = "keystone",
            .prefix = "/identity",
            .endpoint = "/identity/v3",
            .fault_style = FAULT_KEYSTONE,
            .in_catalog = true,
        },
    [SERVICE_COMPUTE] =
        {
            .type = "compute",
            .name = "nova",
            .prefix = "/compute",
            .endpoint = "/compute/v2.1",
            .fault_style = FAULT_NOVA,
            .major = 2,
            .min_minor = 1,
            .max_minor = 96,
            .legacy_version_header = "X-OpenStack-Nova-API-Version",
            .request_id_header = "X-Compute-Request-Id",
            .in_catalog = true,
        },
    [SERVICE_IMAGE] =
        {
            .type = "image",
            .name = "glance",
            .prefix = "/image",
            .endpoint = "/image",
            .fault_style =
                FAULT_KEYSTONE, /* Glance sends HTML; the clients read this one better. */
            .in_catalog = true,
        },
    [SERVICE_NETWORK] =
        {
            .type = "network",
            .name = "neutron",
            .prefix = "/network",
            .endpoint = "/network",
            .fault_style = FAULT_NEUTRON,
            .in_catalog = true,
        },
    [SERVICE_PLACEMENT] =
        {
            .type = "placement",
            .name = "placement",
            .prefix = "/placement",
            .endpoint = "/placement",
            .fault_style = FAULT_PLACEMENT,
            .major = 1,
            .min_minor = 0,
            .max_minor = 39,
            .in_catalog = true,
        },
    [SERVICE_VOLUME] =
        {
            .type = "volumev3",
            .version_type = "volume",
            .name = "cinderv3",
            .prefix = "/volume",
            .endpoint = "/volume/v3",
            .fault_style = FAULT_NOVA,
            .major = 3,
            .min_minor = 0,
            .max_minor = 0,
            .in_catalog = true,
        },
    [SERVICE_DROVER] =
        {
            .type = "drover",
            .name = "drover",
            .prefix = "/drover",
            .endpoint = "/drover/v1",
            .fault_style = FAULT_KEYSTONE,
            .in_catalog = true,
        },
    [SERVICE_ROOT] =
        {
            .type = "root",
            .name = "root",
            .prefix = "",
            .endpoint = "",
            .fault_style = FAULT_KEYSTONE,
        },
};

const Service *
service_get(ServiceId id)
{
    return &services[id];
}

const Service *
service_find_by_path(const char *path)
{
    for (int i = 0; i < SERVICE_ROOT; i++) {
        size_t length = strlen(services[i].prefix);
        if (strncmp(path, services[i].prefix, length) == 0 &&
            (path[length] == '/' || path[length] == '\0')) {
            return &services[i];
        }
    }
    return &services[SERVICE_ROOT];
}
