/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/canary.h"

#include "model/diagnosis.h"

GPtrArray *
canary_list_peers(const GPtrArray *hosts, unsigned of)
{
    const char *cell = host_cell(hosts->pdata[of]);
    GPtrArray *peers = g_ptr_array_new();

    for (unsigned step = 1; step < hosts->len && peers->len < CANARY_PEERS; step++) {
        Host *host = hosts->pdata[(of + step) % hosts->len];
        if (g_strcmp0(host_cell(host), cell) == 0) {
            g_ptr_array_add(peers, host);
        }
    }
    return peers;
}

void
canary_free(Canary *canary)
{
    if (canary == NULL) {
        return;
    }
    g_free(canary->source_host);
    g_free(canary->dest_host);
    g_free(canary->error);
    g_free(canary->extra_error);
    g_free(canary->move_error);
    g_free(canary);
}

CanaryVerdict
canary_verdict(const Canary *canary)
{
    if (canary->moved_us > canary->tried_us && canary->move_error == NULL) {
        return CANARY_VERDICT_OPEN;
    }
    if (canary->error != NULL) {
        return CANARY_VERDICT_SHUT;
    }
    if (canary->moved_us > canary->tried_us) {
        return CANARY_VERDICT_DOUBTFUL;
    }
    return canary->tried_us == 0 ? CANARY_VERDICT_NONE : CANARY_VERDICT_OPEN;
}

const char *
canary_verdict_name(CanaryVerdict verdict)
{
    switch (verdict) {
    case CANARY_VERDICT_NONE: return "unknown";
    case CANARY_VERDICT_OPEN: return "pass";
    case CANARY_VERDICT_SHUT: return "fail";
    case CANARY_VERDICT_DOUBTFUL: return "warn";
    }
    g_assert_not_reached();
}

CanaryVerdict
canary_post_copy_verdict(const Canary *canary)
{
    if (canary->extra_us == 0 || !canary->extra.post_copy) {
        return CANARY_VERDICT_NONE;
    }
    if (canary->extra_error == NULL) {
        return CANARY_VERDICT_OPEN;
    }
    bool is_of_kernel =
        g_str_equal(diagnosis_label(canary->extra_error), "postcopy-unsupported");
    return is_of_kernel ? CANARY_VERDICT_SHUT : CANARY_VERDICT_DOUBTFUL;
}

bool
canary_extra_is_set(const CanaryExtra *extra)
{
    return extra->post_copy || extra->connections > 0;
}

bool
canary_extra_is_same(const CanaryExtra *one, const CanaryExtra *other)
{
    return one->post_copy == other->post_copy && one->connections == other->connections;
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
