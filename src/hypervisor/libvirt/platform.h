/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The platform of a guest: its machine type and its processor. Neither can change while it runs, so
 * whichever host it goes to must be able to give it both. */
#include "hypervisor/libvirt/connection.h"

/* The platform as another host is asked for it: "pc-i440fx-10.0 <cpu>...", with the processor of
 * its host where it has the very same. NULL with no error: the definition names neither. Caller
 * frees. */
char *platform_describe(LibvirtHost *source, const char *domain, GError **error);
/* HYPERVISOR_REFUSED, with the type or the features that are missing, when the host cannot give
 * it. */
bool platform_compare(LibvirtHost *dest, const char *words, GError **error);
/* The two parts of such words, each may be NULL. What is returned points into words. */
char *platform_join_words(const char *machine, const char *cpu);
const char *platform_split_words(const char *words, char **ret_machine);
/* HYPERVISOR_REFUSED, with what is missing, when the destination cannot give the guest the platform
 * that it has on the source. One host's slot is held at a time. */
bool platform_check_dest(
    LibvirtHost *dest, LibvirtHost *source, const char *domain, GError **error);
