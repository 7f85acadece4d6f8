/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/throwaway.h"

#include <glib.h>
#include <string.h>

static const char *const prefixes[] = {
    [THROWAWAY_CANARY] = "canary-",
    [THROWAWAY_COURIER] = "courier-",
    [THROWAWAY_TRIAL] = "try-",
};

char *
throwaway_make_name(ThrowawayKind kind, const char *uuid)
{
    g_assert(kind != THROWAWAY_NONE);
    return g_strconcat(prefixes[kind], uuid, NULL);
}

ThrowawayKind
throwaway_kind(const char *name, const char *uuid)
{
    for (size_t i = THROWAWAY_CANARY; i < G_N_ELEMENTS(prefixes); i++) {
        if (g_str_has_prefix(name, prefixes[i]) && g_str_equal(name + strlen(prefixes[i]), uuid)) {
            return (ThrowawayKind)i;
        }
    }
    return THROWAWAY_NONE;
}
