/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Which microversion a request is answered at. Pure. A microversion is its minor number: 2.53 is
 * 53; no header is the service's minimum; "latest" is its maximum. */
#include "api/service.h"
#include "http/message.h"

typedef enum {
    MICROVERSION_OK,
    MICROVERSION_MALFORMED,    /* 400 */
    MICROVERSION_UNACCEPTABLE, /* 406 */
} MicroversionResult;

/* new_header: OpenStack-API-Version, wins when it names this service ("compute 2.53", several
 * separated by commas); legacy_header: "2.53". Both may be NULL. *ret_minor is set when OK;
 * *ret_text (caller frees) is the version as it was asked for when not. */
MicroversionResult microversion_negotiate(const Service *service, const char *new_header,
    const char *legacy_header, int *ret_minor, char **ret_text);
/* Echoes the version and says what the reply varies with. */
void microversion_set_headers(const Service *service, int minor, HttpResponse *response);
