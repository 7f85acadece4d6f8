/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The last canaries from one host, by the host that they were sent to. A decision that looks at
 * very many hosts does not look for each by its name: where in the index each is, is found once and
 * kept until the index has other hosts. */
#include "model/canary.h"
#include "model/host_index.h"

typedef struct CanaryMap CanaryMap;

/* What is asked of the way to every host, beside the rest, which is somewhere else in memory. */
typedef struct CanaryPlace {
    const Canary *canary; /* NULL: none was sent there, and the others say as much */
    CanaryVerdict verdict : 8;
    CanaryPool pool : 8;
    CanaryVerdict post_copy : 8; /* canary_post_copy_verdict */
} CanaryPlace;

CanaryMap *canary_map_new(void);
void canary_map_free(CanaryMap *map);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CanaryMap, canary_map_free)
/* In the place of the one to that host. */
void canary_map_put(CanaryMap *map, Canary *take_canary);
/* NULL: none was sent there. */
const Canary *canary_map_find(const CanaryMap *map, const char *dest_host);
/* By the place of a host in the index; as long as the index has the same
 * hosts and nothing is put. By one thread at a time. */
const CanaryPlace *canary_map_places(CanaryMap *map, const HostIndex *hosts);
