/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What an operation has left on a host, on purpose or because the host could not be reached: on
 * record until it is gone. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* NAME, stored name, what it is */
#define LEFTOVER_KINDS(X)                                                                          \
    X(GUEST, "guest")   /* a copy that its instance has left: domain and volumes */                \
    X(VOLUME, "volume") /* one volume that no instance is known to need */                         \
    X(DISK, "disk")     /* in the definition of its guest: detached while the host was dead */

typedef enum {
#define X(name, text) LEFTOVER_##name,
    LEFTOVER_KINDS(X)
#undef X
} LeftoverKind;

/* A copy that was found active beside its newer generation may have written: it stays until an
 * operator, who can have looked at it, says otherwise. NAME, stored name, what is known */
#define LEFTOVER_COPIES(X)                                                                         \
    X(UNSEEN, NULL)       /* it was never found active */                                          \
    X(PAUSED, "paused")   /* for a move, and never seen to run: off by now, it goes by itself */   \
    X(RUNNING, "running") /* it runs, and is to be paused */                                       \
    X(HELD, "held")       /* it may have written, and stands still: paused, or off by now */

typedef enum {
#define X(name, text) LEFTOVER_COPY_##name,
    LEFTOVER_COPIES(X)
#undef X
} LeftoverCopy;

typedef struct Leftover {
    int64_t id;
    char *host;
    LeftoverKind kind;
    char *name; /* of the volume; of a guest its UUID; of a disk UUID/target. One row for each */
    char *instance_id; /* NULL: none is known */
    int64_t operation_id; /* that has left it; 0 = none */
    bool with_disks;      /* its volumes are its own and go with it */
    int64_t size_bytes;   /* -1 = not known */
    char *why;
    char *removable_when; /* a sentence for the operator */
    bool remove_wanted;   /* an operator has said so */
    LeftoverCopy copy;    /* of a guest */
    char *last_error;     /* of the last try to remove it; may be NULL */
    int64_t since_us;
} Leftover;

/* A copy of an instance that an operation leaves on a host; every text is borrowed. */
Leftover leftover_of_guest(const char *host, const char *instance_id, int64_t operation_id,
    bool with_disks, const char *why);
/* A disk that the definition there still has; name: "UUID/target". Every text is borrowed. */
Leftover leftover_of_disk(
    const char *host, const char *instance_id, const char *name, const char *why);
/* Of a disk; borrowed. */
const char *leftover_target(const Leftover *leftover);
/* Why an operator's word cannot remove it; NULL: it can. */
char *leftover_why_not_ordered(const Leftover *leftover);
const char *leftover_copy_name(LeftoverCopy copy);
/* NULL is a name too. */
LeftoverCopy leftover_copy_parse(const char *text);
const char *leftover_kind_name(LeftoverKind kind);
bool leftover_kind_parse(const char *text, LeftoverKind *ret_kind);
void leftover_free(Leftover *leftover);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Leftover, leftover_free)
