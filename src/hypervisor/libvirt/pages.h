/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Which of a host's huge pages are in use. Its capabilities tell how many there are. */
#include "hypervisor/libvirt/connection.h"

/* Fills in CellPages.foreign of what capabilities_to_topology has made: whoever has them, guests of
 * drover as well. A host that does not tell is no worse for it. Takes the text, caller frees what
 * is returned; NULL is NULL. */
char *pages_add_used(const Slot *slot, char *take_topology);
