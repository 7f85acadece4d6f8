/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The NUMA cells of a server, for people. */
#include <jansson.h>

/* Of what GET /servers/{id}/topology tells; "" when it has no cells. Caller frees.
 * "vCPUs 0, 1 with 128 MiB on cell 0, pins 0=4, 1=5; vCPUs 2, 3 with ...; pages of 4 KiB" */
char *topology_text(const json_t *topology);
