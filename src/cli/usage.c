/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cli/usage.h"

static GQuark
usage_quark(void)
{
    return g_quark_from_static_string("drover-usage");
}

bool
usage_error(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_propagate_error(error, g_error_new_valist(usage_quark(), 0, format, arguments));
    va_end(arguments);
    return false;
}

bool
is_usage_error(const GError *error)
{
    return error != NULL && error->domain == usage_quark();
}
