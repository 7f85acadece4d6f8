/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What claims leave of what hosts give one by one: processors and pages of cells, and PCI devices.
 * Hosts of which the same is left share one record of it, which has a number: what is answered of
 * one of them holds for all, and for as long as these records last. */
#include "model/cell_room.h"
#include "model/pci.h"

/* Both are counted from 1; 0 is nobody's number. */
typedef struct HostCells {
    unsigned number;
    const HostTopology *host; /* NULL: it has not told */
    GPtrArray *rooms;         /* CellRoom *; NULL: the same */
} HostCells;

typedef struct HostDevices {
    unsigned number;
    const GArray *all; /* of PciDevice */
    GArray *left;      /* those of them that a guest could still be given */
} HostDevices;

typedef struct HostRooms HostRooms;

HostRooms *host_rooms_new(void);
void host_rooms_free(HostRooms *rooms);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostRooms, host_rooms_free)
/* How many records there are. */
unsigned host_rooms_size(const HostRooms *rooms);
/* Of what a host has told (HostFacts), and what is taken of it (HostUsage); all may be NULL. */
const HostCells *host_rooms_read_cells(HostRooms *rooms, const char *topology, const char *taken);
const HostDevices *host_rooms_read_devices(
    HostRooms *rooms, const char *devices, const char *taken);
/* By the number. */
const HostCells *host_rooms_cells(const HostRooms *rooms, unsigned number);
const HostDevices *host_rooms_devices(const HostRooms *rooms, unsigned number);
/* What was answered to that question of each number; 0: nothing yet. It may be shorter than there
 * are numbers. The question says all that the answer depends on beside the record. The numbers of
 * cells and of devices are two kinds: so are their questions. Caller unrefs. */
GByteArray *host_rooms_answers(HostRooms *rooms, const char *question);
