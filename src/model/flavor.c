/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/flavor.h"

Flavor *
flavor_new(void)
{
    Flavor *flavor = g_new0(Flavor, 1);

    flavor->rxtx_factor = 1.0;
    flavor->is_public = true;
    return flavor;
}

void
flavor_clear(Flavor *flavor)
{
    g_free(flavor->id);
    g_free(flavor->name);
    g_free(flavor->description);
    g_free(flavor->extra_specs_json);
    *flavor = (Flavor){0};
}

void
flavor_free(Flavor *flavor)
{
    if (flavor == NULL) {
        return;
    }
    flavor_clear(flavor);
    g_free(flavor);
}

void
flavor_copy(const Flavor *from, Flavor *ret_to)
{
    Flavor copy = *from;

    copy.id = g_strdup(from->id);
    copy.name = g_strdup(from->name);
    copy.description = g_strdup(from->description);
    copy.extra_specs_json = g_strdup(from->extra_specs_json);
    flavor_clear(ret_to);
    *ret_to = copy;
}
