/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Where what a host reports and what claims say are not the same, with the domain that does it. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* NAME, text; what it means. */
#define HOST_DIFFERENCES(X)                                                                        \
    X(FOREIGN, "foreign")   /* a domain runs that is not drover's: nothing claims what it takes */ \
    X(SIZE, "size")         /* a guest has more or less than its claim */                          \
    X(NO_DOMAIN, "no-domain") /* something is claimed for a guest that the host does not know */

typedef enum {
#define X(name, text) HOST_DIFFERENCE_##name,
    HOST_DIFFERENCES(X)
#undef X
} HostDifferenceKind;
const char *host_difference_kind_name(HostDifferenceKind kind); /* "foreign" */
/* What would help, half a sentence. */
const char *host_difference_fix(HostDifferenceKind kind);
bool host_difference_kind_parse(const char *text, HostDifferenceKind *ret_kind);

typedef struct HostDifference {
    HostDifferenceKind kind;
    char *host;
    char *domain; /* as libvirt calls it, or would */
    char *uuid;   /* of the domain, and so of the instance if it is one */
    int vcpus;    /* that the domain has; 0: there is none */
    int64_t memory_mib;
    int claimed_vcpus; /* 0: nothing is claimed */
    int64_t claimed_memory_mib;
} HostDifference;

void host_difference_free(HostDifference *difference);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostDifference, host_difference_free)
bool host_difference_is_same(const HostDifference *one, const HostDifference *other);
