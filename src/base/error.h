/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The one error domain of drover. Every function that can fail returns bool or a pointer and
 * takes a GError ** last; false/NULL if and only if the error is set. A caller switches on the
 * code or passes the error up; api/fault.c alone turns codes into HTTP statuses, and
 * hypervisor/libvirt/error.c alone turns libvirt's errors into codes. */
#include <glib.h>
#include <stdbool.h>

typedef enum {
    ERROR_INVALID,            /* the request itself is wrong: 400 */
    ERROR_UNAUTHENTICATED,    /* no or bad token or password: 401 */
    ERROR_FORBIDDEN,          /* policy says no: 403 */
    ERROR_NOT_FOUND,          /* 404 */
    ERROR_CONFLICT,           /* state or uniqueness forbids it: 409 */
    ERROR_GONE_STALE,         /* a compare-and-swap lost: somebody else moved the row */
    ERROR_NO_VALID_HOST,      /* the scheduler passed nobody */
    ERROR_LIMIT,              /* a size, count or rate limit: 413 */
    ERROR_UNSUPPORTED,        /* known, but not possible here: 501 */
    ERROR_HYPERVISOR_DOWN,    /* the host cannot be reached */
    ERROR_HYPERVISOR_REFUSED, /* the host answered no */
    ERROR_STORE_DOWN,         /* the database failed: 503 */
    ERROR_TIMEOUT,            /* a deadline passed, and nothing was changed */
    ERROR_CANCELLED,          /* the operator asked for it */
    ERROR_OUTCOME_UNKNOWN,    /* an effect may or may not have happened: ask, never guess */
    ERROR_INTERNAL,           /* a file, a full disk, anything local: 500 */
} ErrorCode;

#define DROVER_ERROR (drover_error_quark())
GQuark drover_error_quark(void);

/* "invalid", "no-valid-host", ...: for logs, metrics and stored faults. Never NULL. */
const char *error_code_name(ErrorCode code);
/* The code of any GError; a foreign domain (GFileError, GIO) is ERROR_INTERNAL. */
ErrorCode error_code(const GError *error);
bool error_is(const GError *error, ErrorCode code);

/* Whether there is no reason, or one of that code, which the caller says in own words. Any other is
 * passed up, and no longer the caller's. */
bool error_pass_others(GError **reason, ErrorCode code, GError **error);

/* g_set_error in our domain; returns false so that 'return error_set(...)' reads well. */
bool error_set(GError **error, ErrorCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);
