/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Where something went, or why nowhere, with what was looked at: kept for whoever asks later. */
#include "model/host_index.h"
#include "model/operation.h"
#include <glib.h>
#include <stdint.h>

typedef struct StoredDecision {
    int64_t id;
    int64_t operation_id;
    OperationKind kind; /* what was decided for */
    char *instance_id;
    char *instance_name;
    char *request_id; /* may be NULL */
    int64_t made_us;
    int64_t kept_until_us;
    char *text; /* as scheduler/record.c writes it; NULL: it is not to be kept */
    GBytes *verdicts; /* of each host that was looked at, in the order of hosts, as
                       * scheduler/verdicts.c writes it; NULL: there are none. Not in lists, as the
                       * next */
    HostNames *hosts; /* NULL as verdicts */
    char *topology; /* what the guest is given of the host's cells, to be claimed with it: as
                     * GuestTopology; NULL: nothing. Not stored here but in the claim */
    char *devices;  /* the same of the host's PCI devices: as pci_given_text */
    int nearest_miss; /* where nobody fits: the check that the host failed which came furthest, a
                       * PlacementCheck. Not stored, but its name is part of text */
    char **short_hosts; /* nobody fits, but these would if more of their memory were really free;
                         * NULL: nobody was looked for. Not stored */
    char *fix; /* nobody fits: what would help most of the hosts, or the one that is asked for;
                * NULL: each lacks something else. Not stored */
} StoredDecision;

void stored_decision_free(StoredDecision *decision);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoredDecision, stored_decision_free)
