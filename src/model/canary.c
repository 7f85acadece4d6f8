/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/canary.h"

void
canary_free(Canary *canary)
{
    if (canary == NULL) {
        return;
    }
    g_free(canary->source_host);
    g_free(canary->dest_host);
    g_free(canary->error);
    g_free(canary);
}

bool
canary_is_pending(const Canary *canary)
{
    return canary->asked_us > canary->tried_us;
}

char *
canary_make_uuid(const char *source_host, const char *dest_host)
{
    g_autofree char *pair = g_strdup_printf("canary %s %s", source_host, dest_host);
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, pair, -1);

    return g_strdup_printf(
        "%.8s-%.4s-4%.3s-8%.3s-%.12s", sum, sum + 8, sum + 12, sum + 15, sum + 18);
}

char *
canary_make_name(const char *uuid)
{
    return g_strconcat("canary-", uuid, NULL);
}
