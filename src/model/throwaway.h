/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Domains that drover makes for something else than to run, and only for a moment. They carry its
 * mark as guests do; what they are for is in their name, with their UUID: that of no instance. */

typedef enum {
    THROWAWAY_NONE,
    THROWAWAY_CANARY,  /* goes to another host to see whether guests get there; stored on arrival */
    THROWAWAY_COURIER, /* takes the disks of a cold move there, whose UUID it has; the same */
    THROWAWAY_TRIAL,   /* shows whether a host starts something; ends with the connection */
} ThrowawayKind;

/* "canary-<uuid>"; caller frees. */
char *throwaway_make_name(ThrowawayKind kind, const char *uuid);
/* What a domain of that name and UUID is, if it is drover's. */
ThrowawayKind throwaway_kind(const char *name, const char *uuid);
