/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The machine types that hosts' emulators have: "pc-i440fx-10.0" is of QEMU 10.0, and of each later
 * one until it is dropped. */
#include "hypervisor/libvirt/connection.h"

/* What drover's guests and throw-away domains are: each emulator's newest of the kind. */
#define MACHINE_NEWEST "pc"

/* HYPERVISOR_REFUSED when the host's emulator does not have that type. */
bool machine_check_dest(LibvirtHost *dest, const char *machine, GError **error);
/* The newest type that the emulators of both have; MACHINE_NEWEST when they do not tell. No slot
 * may be held. Caller frees. */
char *machine_of_both(LibvirtHost *source, LibvirtHost *dest);
/* The <machine> of a document of domain capabilities; NULL: it has none. Caller frees. */
char *machine_of_capabilities(const char *capabilities);
