/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/error.h"

G_DEFINE_QUARK(drover - error, drover_error)

const char *
error_code_name(ErrorCode code)
{
    switch (code) {
    case ERROR_INVALID: return "invalid";
    case ERROR_UNAUTHENTICATED: return "unauthenticated";
    case ERROR_FORBIDDEN: return "forbidden";
    case ERROR_NOT_FOUND: return "not-found";
    case ERROR_CONFLICT: return "conflict";
    case ERROR_GONE_STALE: return "gone-stale";
    case ERROR_NO_VALID_HOST: return "no-valid-host";
    case ERROR_LIMIT: return "limit";
    case ERROR_UNSUPPORTED: return "unsupported";
    case ERROR_HYPERVISOR_DOWN: return "hypervisor-down";
    case ERROR_HYPERVISOR_REFUSED: return "hypervisor-refused";
    case ERROR_STORE_DOWN: return "store-down";
    case ERROR_TIMEOUT: return "timeout";
    case ERROR_CANCELLED: return "cancelled";
    case ERROR_OUTCOME_UNKNOWN: return "outcome-unknown";
    case ERROR_INTERNAL: return "internal";
    }
    return "internal";
}

ErrorCode
error_code(const GError *error)
{
    return error->domain == DROVER_ERROR ? (ErrorCode)error->code : ERROR_INTERNAL;
}

bool
error_is(const GError *error, ErrorCode code)
{
    return g_error_matches(error, DROVER_ERROR, (int)code);
}

bool
error_pass_others(GError **reason, ErrorCode code, GError **error)
{
    if (*reason == NULL || error_is(*reason, code)) {
        return true;
    }
    g_propagate_error(error, g_steal_pointer(reason));
    return false;
}

bool
error_set(GError **error, ErrorCode code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error_literal(error, DROVER_ERROR, (int)code, message);
    return false;
}
