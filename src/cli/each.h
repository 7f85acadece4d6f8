/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Commands that take several names: what cannot be done for one of them is said, and the rest is
 * done all the same. */
#include "cli/command.h"

typedef bool (*EachAct)(CommandContext *context, Session *session, const char *argument,
    const void *data, GError **error);

/* act for each argument, in their order. False when one has failed, with its own error when there
 * is but one; Ctrl-C ends it. */
bool each_argument(CommandContext *context, EachAct act, const void *data, GError **error);

typedef json_t *(*EachFind)(Session *session, const char *name_or_id, GError **error);

/* Finds and deletes each of them at /collection/id of the service. */
bool each_delete(CommandContext *context, EachFind find, const char *service,
    const char *collection, GError **error);
