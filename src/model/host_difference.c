/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/host_difference.h"

static const char *const kind_names[] = {
#define X(name, text) [HOST_DIFFERENCE_##name] = text,
    HOST_DIFFERENCES(X)
#undef X
};

const char *
host_difference_kind_name(HostDifferenceKind kind)
{
    g_assert((unsigned)kind < G_N_ELEMENTS(kind_names));
    return kind_names[kind];
}

const char *
host_difference_fix(HostDifferenceKind kind)
{
    switch (kind) {
    case HOST_DIFFERENCE_FOREIGN:
        return "stop it, or leave it: it counts where a place is looked for";
    case HOST_DIFFERENCE_SIZE:
        return "resize the server to what it has ('drover server resize'), or set the domain back";
    case HOST_DIFFERENCE_NO_DOMAIN:
        return "see the server's fault ('drover server show'), then evacuate or delete it";
    }
    g_assert_not_reached();
}

bool
host_difference_kind_parse(const char *text, HostDifferenceKind *ret_kind)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kind_names); i++) {
        if (g_strcmp0(text, kind_names[i]) == 0) {
            *ret_kind = (HostDifferenceKind)i;
            return true;
        }
    }
    return false;
}

void
host_difference_free(HostDifference *difference)
{
    if (difference == NULL) {
        return;
    }
    g_free(difference->host);
    g_free(difference->domain);
    g_free(difference->uuid);
    g_free(difference);
}

bool
host_difference_is_same(const HostDifference *one, const HostDifference *other)
{
    return one->kind == other->kind && g_strcmp0(one->domain, other->domain) == 0 &&
        g_strcmp0(one->uuid, other->uuid) == 0 && one->vcpus == other->vcpus &&
        one->memory_mib == other->memory_mib && one->claimed_vcpus == other->claimed_vcpus &&
        one->claimed_memory_mib == other->claimed_memory_mib;
}
