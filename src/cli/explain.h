/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What a request to move a server would be decided by, shown in its stead. */
#include "cli/command.h"

/* What --block-migration and --shared-migration ask for, as the API says it: "true", "false", or
 * NULL for neither. False: both were said. */
bool explain_read_block_migration(CommandContext *context, const char **ret_block, GError **error);
/* Prints the explanation for the command's --host; move: "live" or "cold". Nothing is touched.
 * Fails when the request would. */
bool explain_dry_run(CommandContext *context, Session *session, const char *id, const char *move,
    GError **error);
