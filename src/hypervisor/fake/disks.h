/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The disks that fake guests have beside their own: rows of "disks". Under the fleet's lock. A
 * volume that two guests have is a violation. */
#include "hypervisor/fake/fleet.h"

bool disks_define(FakeSession *session, const GuestSpec *guest, GError **error);
/* The servers of the disks on the network that the domain has on source answer host. */
bool disks_try(FakeSession *host, const char *source, const char *uuid, GError **error);
/* The host's domain is gone, and its disks with it. */
void disks_forget(FakeFleet *fleet, const char *host, const char *uuid);
/* What the source's domain has, the destination's has too. */
void disks_arrive(FakeFleet *fleet, const char *source, const char *dest, const char *uuid);
