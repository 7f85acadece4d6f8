/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Who would fit with more memory that is really free: to be asked before nobody fits. */
#include "scheduler/internal.h"

/* So many hosts are asked for their memory again before nobody has enough. */
enum { SHORT_HOSTS = 8 };

typedef struct ShortHost {
    unsigned index;
    int64_t unclaimed_mib;
} ShortHost;

static int
compare_short_hosts(gconstpointer one, gconstpointer other)
{
    const ShortHost *a = one;
    const ShortHost *b = other;
    return a->unclaimed_mib > b->unclaimed_mib ? -1 : a->unclaimed_mib < b->unclaimed_mib;
}

char **
look_short_hosts(const Look *look)
{
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(ShortHost));
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    unsigned n_hosts = host_index_size(look->hosts);
    for (unsigned i = 0; look->tallies[PLACEMENT_CHECK_RAM_FREE].n_failed > 0 && i < n_hosts; i++) {
        Subject subject = look_subject(look, i);
        ShortHost one = {i, subject_free_ram_mib(&subject)};
        if (look_first_failure(look, &subject) == PLACEMENT_CHECK_RAM_FREE) {
            g_array_append_val(found, one);
        }
    }
    g_array_sort(found, compare_short_hosts);
    for (unsigned i = 0; i < MIN(found->len, SHORT_HOSTS); i++) {
        unsigned index = g_array_index(found, ShortHost, i).index;
        g_strv_builder_add(names, host_index_at(look->hosts, index)->host->name);
    }
    return g_strv_builder_end(names);
}
