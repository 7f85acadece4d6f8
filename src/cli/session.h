/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* A conversation with drover (or with anything that speaks the same APIs): logs in, finds the
 * endpoints in the catalog, sends requests and turns refusals into errors with the server's own
 * sentence. One thread. */
#include "cli/credentials.h"
#include <jansson.h>

typedef struct Session Session;

Session *session_open(const Credentials *credentials, GError **error);
void session_free(Session *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Session, session_free)

/* The login's answer: token object, and the token itself. Borrowed. */
const json_t *session_token(Session *session);
const char *session_token_id(Session *session);

/* service is a type of the catalog ("compute", "image", "network", "identity", "placement",
 * "drover"); path is below its endpoint and starts with /; body may be NULL. The answer is
 * json_null() when there is no body. ERROR_NOT_FOUND etc. by status, with the server's message. */
json_t *session_request(Session *session, const char *service, const char *method,
    const char *path, const json_t *body, GError **error);
#define session_get(session, service, path, error)                                                 \
    session_request(session, service, "GET", path, NULL, error)
/* Asks for something to be done to a server: {"os-stop": null}. What is answered is not kept. */
bool session_act(Session *session, const char *server_id, const json_t *action, GError **error);
/* What the server calls the last request; NULL: it did not say. Borrowed until the next one. */
const char *session_request_id(Session *session);
/* Nobody answered the last request, or not in full: the server may be starting again. */
bool session_is_silent(Session *session);
/* All pages of a collection: the array under key, following marker and limit. */
json_t *session_list(Session *session, const char *service, const char *path, const char *key,
    GError **error);
/* Streams a file as the body of a PUT; progress is called with bytes sent and the whole size. */
bool session_upload(Session *session, const char *service, const char *path, const char *file,
    void (*progress)(int64_t sent, int64_t size, void *data), void *data, GError **error);

/* Why a move is asked for: said with every request that follows. NULL: nothing is said. False when
 * it is not one line. */
bool session_set_reason(Session *session, const char *reason, GError **error);
/* Destinations of live migrations are to rehearse: likewise. */
void session_set_rehearse(Session *session, bool rehearse);

/* printf for paths whose arguments are escaped for use between slashes or after '='. Caller
 * frees. Only %s. */
char *session_path(const char *format, ...) G_GNUC_PRINTF(1, 2);
