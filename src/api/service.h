/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The APIs that are served on the one port: a table of what differs between them. A service is
 * found by the first part of the path; its microversions are minor numbers ("2.53" is 53). */
#include <glib.h>
#include <stdbool.h>

typedef enum {
    FAULT_NOVA,      /* {"itemNotFound":{"code":404,"message":...}} */
    FAULT_KEYSTONE,  /* {"error":{"code":404,"title":"Not Found","message":...}} */
    FAULT_NEUTRON,   /* {"NeutronError":{"type":...,"message":...,"detail":""}} */
    FAULT_PLACEMENT, /* {"errors":[{"status":404,"title":...,"detail":...,"request_id":...}]} */
} FaultStyle;

typedef enum {
    SERVICE_IDENTITY,
    SERVICE_COMPUTE,
    SERVICE_IMAGE,
    SERVICE_NETWORK,
    SERVICE_PLACEMENT,
    SERVICE_VOLUME,
    SERVICE_DROVER,
    SERVICE_ROOT, /* everything else: /metrics, the page at / */
    N_SERVICES,
} ServiceId;

typedef struct Service {
    const char *type;     /* in the catalog: "compute" */
    const char *name;     /* in the catalog: "nova" */
    const char *prefix;   /* "/compute" */
    const char *endpoint; /* path of the catalog's URL: "/compute/v2.1" */
    FaultStyle fault_style;
    const char *version_type; /* in OpenStack-API-Version; NULL = type */
    int major; /* of its microversions; 0 = it has none */
    int min_minor;
    int max_minor;
    const char *legacy_version_header; /* or NULL */
    const char *request_id_header;     /* beside X-OpenStack-Request-ID; or NULL */
    bool in_catalog;
} Service;

const Service *service_get(ServiceId id);
/* The service a path belongs to; SERVICE_ROOT when no prefix matches. Never NULL. */
const Service *service_find_by_path(const char *path);
