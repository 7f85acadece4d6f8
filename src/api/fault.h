/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The one table that turns error codes into HTTP statuses, and statuses into the body that each
 * service's clients read. Nobody else translates. */
#include "api/service.h"
#include "base/error.h"
#include "http/message.h"

int fault_status(ErrorCode code);
/* A response with the service's own error body. */
HttpResponse *fault_new(
    const Service *service, const char *request_id, int status, const char *message);
/* The same from an error. What is internal (ERROR_INTERNAL) is not told to the client: the text
 * names the request id, and the reason is logged with it. */
HttpResponse *fault_new_from_error(
    const Service *service, const char *request_id, const GError *error);
/* 401 as keystonemiddleware makes it, for every service alike. */
HttpResponse *fault_new_unauthorized(const char *identity_url);
/* 406 (and its placement form, which names both ends). */
HttpResponse *fault_new_unacceptable(
    const Service *service, const char *request_id, const char *version);
