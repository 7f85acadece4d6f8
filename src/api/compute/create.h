/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Parts of the body of POST /servers, which fill a file each. Both refuse in Nova's words. */
#include "api/compute/compute.h"

/* "networks": on which the server is, and by which addresses. */
bool create_read_networks(
    ApiContext *context, const json_t *server, InstanceRequest *request, GError **error);
/* "os:scheduler_hints", beside the server: its group, and the servers that it is to be on one host
 * with, or not. */
bool create_read_hints(ApiContext *context, Instance *instance, GError **error);
