/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Waiting with a live line: what is under way, how far it is, and how it ended. The line goes to
 * standard error, and only to a terminal; elsewhere each change of state is one line. A server that
 * does not answer any more is asked again for a minute: it goes on with what it was asked for. */
#include "cli/output.h"
#include "cli/session.h"

/* Follows a migration until it has ended. False with its reason unless it completed, or, a cold
 * one, waits to be confirmed. How it ended is one sentence, or, where the format is no table, its
 * record; nothing when output is NULL. */
bool watch_migration(
    Session *session, Output *output, int64_t migration_id, GError **error);
/* Of one that is not waited for: its record as it is now, unless the format is a table. */
bool watch_begun(Session *session, Output *output, int64_t migration_id, GError **error);
/* The newest migration of a server; -1 = none. */
bool watch_newest_migration(
    Session *session, const char *server_id, int64_t *ret_id, GError **error);
/* Follows what the session's last request has asked of a server, until its own action is done; of a
 * request without one, until the server's status is one of wanted (comma separated, upper case) and
 * nothing is under way. False with its reason when the request failed, or when the server is in
 * ERROR (but not when that is among those wanted: it may have been before). */
bool watch_server(Session *session, const char *server_id, const char *wanted, GError **error);
/* Until it is gone. */
bool watch_server_deleted(Session *session, const char *server_id, GError **error);
/* Follows a drain or restore of a host until it is over, however: the caller's. id: which one, for
 * another may be begun right after it; 0: the last one. NULL: it could not be followed. */
json_t *watch_drain(Session *session, const char *host, int64_t id, GError **error);
/* Ctrl-C has ended the waiting, and nothing else: the error of the function above that was waiting
 * says what goes on, and how to watch it or to give it up. */
bool watch_is_interrupted(void);

/* ---- for who waits in another way ---- */

/* From now on the first Ctrl-C ends the waiting with a sentence; a second one ends the program, as
 * it would have without this. */
void watch_begin(void);
/* True unless it was interrupted. */
bool watch_pause(unsigned us);
/* As session_get; who does not answer is asked again for a minute. */
json_t *watch_get(Session *session, const char *service, const char *path, GError **error);

/* One line over the one before it (a terminal), or nothing (no terminal). "" clears it. */
void watch_line(const char *format, ...) G_GNUC_PRINTF(1, 2);
