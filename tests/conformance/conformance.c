/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* One suite for every driver: each verb of hypervisor/provider.h with its promises.
 *
 *   conformance-fake [--filter TEXT]...          on the fake fleet
 *   conformance-lab [--filter TEXT]... ENVFILE   on real hosts: ENVFILE has the output of 'lab env'
 */
#include "fixture.h"

static char **filters;

static const GOptionEntry options[] = {
    {"filter", 0, 0, G_OPTION_ARG_STRING_ARRAY, &filters, "Put a filter in front", "TEXT"},
    {NULL},
};

static Target *
make_target(int argc, char **argv, GError **error)
{
    g_autoptr(GOptionContext) context = g_option_context_new("- the contract of a driver");
    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, error)) {
        return NULL;
    }
    Target *target = target_new(argc > 1 ? argv[1] : NULL, error);
    for (int i = 0; target != NULL && filters != NULL && filters[i] != NULL; i++) {
        if (!hypervisor_add_filter_text(target->hypervisor, filters[i], error)) {
            return NULL;
        }
    }
    return target;
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions(); /* a test that fails still cleans up, and the others run */
    g_autoptr(GError) error = NULL;
    Target *target = make_target(argc, argv, &error);
    if (target == NULL) {
        g_printerr("conformance: %s\n", error->message);
        return 2;
    }
    conformance_add_hosts(target);
    conformance_add_bases(target);
    conformance_add_guests(target);
    conformance_add_migrations(target);
    conformance_add_evacuations(target);
    conformance_add_couriers(target);
    conformance_add_volumes(target);
    int result = g_test_run();
    target->free(target);
    return result;
}
