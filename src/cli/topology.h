/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The NUMA cells of a server, for people. */
#include <jansson.h>

/* Of what GET /servers/{id}/topology tells; "" when it has no cells. Caller frees.
 * "vCPUs 0, 1 with 128 MiB on cell 0, pins 0=4, 1=5; vCPUs 2, 3 with ...; pages of 4 KiB" */
char *topology_text(const json_t *topology);
/* Of the cells of a host, as GET /drover/v1/hosts/{name} tells them; "" without any. Caller frees.
 * "cell 0: CPUs 0-3, dedicated 1-3 (free: 1), shared 0, 1949 MiB (900 free), 3 of 64 pages of
 * 2048 KiB free; cell 1: ..." */
char *topology_cells_text(const json_t *cells);
