/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* One request and its answer, by curl. All zeros but for what is filled in; exchange_clear frees
 * what it holds. One thread. */
#include "cli/credentials.h"
#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>

typedef struct Exchange {
    const char *method; /* borrowed */
    char *url;
    struct curl_slist *headers;
    char *body; /* NULL: none */
    GByteArray *answer;
    char *subject_token; /* of a login's answer */
    char *request_id;    /* what the server calls it; NULL: it does not say */
    FILE *upload;        /* the body instead; NULL: none */
    int64_t upload_size;
    void (*progress)(int64_t sent, int64_t size, void *data);
    void *progress_data;
    long status;
} Exchange;

void exchange_clear(Exchange *exchange);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Exchange, exchange_clear)

/* Sends it and waits. A status from 400 on is an error, with the server's own sentence; status 0
 * then: nobody answered. */
bool exchange_perform(
    Exchange *exchange, CURL *curl, const Credentials *credentials, GError **error);
/* The answer's body; json_null() when there is none. */
json_t *exchange_to_json(const Exchange *exchange, GError **error);
