/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Volumes of a fake fleet: bases, disks of guests, console logs and markers. Under the fleet's
 * lock, inside a transaction.
 *
 * content says what a root disk holds: every boot and every arrival of a guest raises the number in
 * "guests" and on the disk that it runs from, so that the newest disk is known, a stale copy is
 * seen when somebody starts it, 0 is an empty or half filled disk, and CONTENT_REBUILT one that
 * begins anew because its owner ordered it. */
#include "hypervisor/fake/fleet.h"

void pools_make(FakeFleet *fleet, const char *pool);
int64_t pools_capacity_bytes(FakeFleet *fleet, const char *pool);
int64_t pools_used_bytes(FakeFleet *fleet, const char *pool);

bool volumes_has_base(FakeFleet *fleet, const char *pool, const BaseImage *image);
/* Makes the incomplete base (again); LIMIT without space. */
bool volumes_begin_base(FakeFleet *fleet, const char *pool, const BaseImage *image, GError **error);
void volumes_complete_base(FakeFleet *fleet, const char *pool, const BaseImage *image);
/* Unless it is complete. */
void volumes_drop_base(FakeFleet *fleet, const char *pool, const BaseImage *image);
/* In every format. */
void volumes_spoil_base(FakeFleet *fleet, const char *pool, const char *sha256);

/* The volumes of a new guest, where they are missing. */
bool volumes_make_guest(FakeFleet *fleet, const char *pool, const GuestSpec *guest, GError **error);
/* The same volumes as in from_pool, empty. */
bool volumes_prepare_guest(
    FakeFleet *fleet, const char *pool, const char *from_pool, const char *uuid, GError **error);
/* VolumeView *, of one guest or (uuid NULL) of all. */
GPtrArray *volumes_list_guest(FakeFleet *fleet, const char *pool, const char *uuid);
/* What from_pool has of it is in the prepared volumes now: complete, and as new. */
void volumes_copy_guest(
    FakeFleet *fleet, const char *pool, const char *from_pool, const char *uuid);
/* The guest is defined in a newer generation over a complete disk of its own: by order its history
 * goes on from there, whatever was written elsewhere since. */
void volumes_return_guest(FakeFleet *fleet, const char *pool, const char *uuid);
bool volumes_has_guest(FakeFleet *fleet, const char *pool, const char *uuid);
int64_t volumes_guest_bytes(FakeFleet *fleet, const char *pool, const char *uuid);
/* ordered: by remove_guest, as an owner does it; else nothing that counts may go. */
void volumes_remove_guest(FakeFleet *fleet, const char *pool, const char *uuid, bool ordered);
/* The guest begins to write to the disk in that pool. was_copied: what was copied there has just
 * become complete. A disk that is not the newest is a violation of I3. */
void volumes_write(FakeFleet *fleet, const char *pool, const char *uuid, bool was_copied);

void volumes_append_console(FakeFleet *fleet, const char *pool, const char *uuid, const char *line);
/* NULL when there is no log; caller frees. */
char *volumes_read_console(FakeFleet *fleet, const char *pool, const char *uuid);

bool volumes_make_marker(FakeFleet *fleet, const char *pool, const char *token);
void volumes_delete_marker(FakeFleet *fleet, const char *pool, const char *token);
/* Those that no probe of this process waits for, of that pool and of pools that all hosts have. */
void volumes_sweep_markers(FakeFleet *fleet, const char *pool);
