/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/leftover.h"

#include <string.h>

static const char *const kind_names[] = {
#define X(name, text) text,
    LEFTOVER_KINDS(X)
#undef X
};

static const char *const copy_names[] = {
#define X(name, text) text,
    LEFTOVER_COPIES(X)
#undef X
};

Leftover
leftover_of_guest(const char *host, const char *instance_id, int64_t operation_id, bool with_disks,
    const char *why)
{
    return (Leftover){
        .host = (char *)host,
        .kind = LEFTOVER_GUEST,
        .name = (char *)instance_id,
        .instance_id = (char *)instance_id,
        .operation_id = operation_id,
        .with_disks = with_disks,
        .size_bytes = -1,
        .why = (char *)why,
        .removable_when = (char *)"the host answers, and the instance is seen where it is or was "
                                  "deleted",
    };
}

Leftover
leftover_of_disk(const char *host, const char *instance_id, const char *name, const char *why)
{
    return (Leftover){
        .host = (char *)host,
        .kind = LEFTOVER_DISK,
        .name = (char *)name,
        .instance_id = (char *)instance_id,
        .size_bytes = -1,
        .why = (char *)why,
        .removable_when = (char *)"the host answers: before the instance starts there",
    };
}

const char *
leftover_target(const Leftover *leftover)
{
    return strrchr(leftover->name, '/') + 1;
}

char *
leftover_why_not_ordered(const Leftover *leftover)
{
    if (leftover->kind == LEFTOVER_VOLUME || leftover->copy == LEFTOVER_COPY_HELD ||
        leftover->copy == LEFTOVER_COPY_PAUSED) {
        return NULL;
    }
    if (leftover->copy == LEFTOVER_COPY_RUNNING) {
        return g_strdup_printf(
            "leftover %" G_GINT64_FORMAT " is a copy that was found running on host '%s': it is "
            "paused once the instance is seen where it belongs; look at both, and say it again",
            leftover->id, leftover->host);
    }
    return g_strdup_printf("leftover %" G_GINT64_FORMAT
                           " on host '%s' does not wait for an operator. It goes by itself when %s",
        leftover->id, leftover->host, leftover->removable_when);
}

const char *
leftover_copy_name(LeftoverCopy copy)
{
    return copy_names[copy];
}

LeftoverCopy
leftover_copy_parse(const char *text)
{
    for (size_t i = 0; i < G_N_ELEMENTS(copy_names); i++) {
        if (g_strcmp0(text, copy_names[i]) == 0) {
            return (LeftoverCopy)i;
        }
    }
    g_assert_not_reached();
}

const char *
leftover_kind_name(LeftoverKind kind)
{
    return kind_names[kind];
}

bool
leftover_kind_parse(const char *text, LeftoverKind *ret_kind)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kind_names); i++) {
        if (g_strcmp0(text, kind_names[i]) == 0) {
            *ret_kind = (LeftoverKind)i;
            return true;
        }
    }
    return false;
}

void
leftover_free(Leftover *leftover)
{
    if (leftover == NULL) {
        return;
    }
    g_free(leftover->host);
    g_free(leftover->name);
    g_free(leftover->instance_id);
    g_free(leftover->why);
    g_free(leftover->removable_when);
    g_free(leftover->last_error);
    g_free(leftover);
}
