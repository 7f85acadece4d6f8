/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The session of a browser: its token in a cookie that no script can read. A cookie travels by
 * itself, so it is believed only where no foreign page can have sent the request: SameSite=Strict
 * keeps it at home, and whatever changes something must also carry a header that a page of another
 * origin could add only with our leave, which nobody gets (no CORS). */
#include "http/message.h"

/* What a request that is not GET or HEAD must carry beside the cookie, with any value. */
#define COOKIE_GUARD_HEADER "X-Drover-Session"

/* The token in the cookie; NULL: there is none, or it may not be believed. Caller frees. */
char *cookie_find_token(const HttpRequest *request);
/* The browser keeps the token until its end; is_secure: never to be sent without TLS. */
void cookie_set(HttpResponse *response, const char *token, int64_t lifetime_s, bool is_secure);
void cookie_clear(HttpResponse *response, bool is_secure);
