/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* A flavor: how much of everything an instance gets. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Flavor {
    char *id;
    char *name;
    char *description; /* may be NULL */
    int vcpus;
    int ram_mib;
    int disk_gib; /* 0: the root disk is as large as the image */
    int ephemeral_gib;
    int swap_mib;
    double rxtx_factor;
    bool is_public;
    char *extra_specs_json; /* object of strings, never NULL once filled */
} Flavor;

Flavor *flavor_new(void);
void flavor_free(Flavor *flavor);
/* For a Flavor that is embedded in another record. */
void flavor_clear(Flavor *flavor);
void flavor_copy(const Flavor *from, Flavor *ret_to);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Flavor, flavor_free)
