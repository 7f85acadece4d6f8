/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/network/network.h"

typedef struct Case {
    const char *cidr;
    const char *gateway; /* "-": not named; NULL: none */
    const char *start;
    const char *end;
    const char *wanted; /* "gateway start end", NULL = refused */
} Case;

static const Case cases[] = {
    {"10.20.0.0/24", "-", NULL, NULL, "10.20.0.1 10.20.0.2 10.20.0.254"},
    {"10.20.0.0/24", NULL, NULL, NULL, "none 10.20.0.1 10.20.0.254"},
    {"10.20.0.0/24", "10.20.0.254", NULL, NULL, "10.20.0.254 10.20.0.1 10.20.0.253"},
    {"10.20.0.0/24", "10.20.0.9", NULL, NULL, "10.20.0.9 10.20.0.1 10.20.0.254"},
    {"10.20.0.0/24", "-", "10.20.0.10", "10.20.0.20", "10.20.0.1 10.20.0.10 10.20.0.20"},
    {"10.0.0.0/8", "-", NULL, NULL, "10.0.0.1 10.0.0.2 10.255.255.254"},
    {"10.20.0.4/30", "-", NULL, NULL, "10.20.0.5 10.20.0.6 10.20.0.6"},
    {"10.20.0.0/31", "-", NULL, NULL, NULL},
    {"10.20.0.0/32", "-", NULL, NULL, NULL},
    {"0.0.0.0/0", "-", NULL, NULL, NULL},
    {"10.20.0.1/24", "-", NULL, NULL, NULL},
    {"10.20.0.0", "-", NULL, NULL, NULL},
    {"fd00::/64", "-", NULL, NULL, NULL},
    {"", "-", NULL, NULL, NULL},
    {"10.20.0.0/24", "10.21.0.1", NULL, NULL, NULL},
    {"10.20.0.0/24", "10.20.0.0", NULL, NULL, NULL},
    {"10.20.0.0/24", "10.20.0.255", NULL, NULL, NULL},
    {"10.20.0.0/24", "x", NULL, NULL, NULL},
    {"10.20.0.0/24", "-", "10.20.0.20", "10.20.0.10", NULL},
    {"10.20.0.0/24", "-", "10.20.1.20", "10.20.1.30", NULL},
    {"10.20.0.0/24", "-", "10.20.0.0", "10.20.0.30", NULL},
};

static void
test_settle(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const Case *row = &cases[i];
        bool has_gateway = g_strcmp0(row->gateway, "-") != 0;
        g_autoptr(Network) network = network_new();
        g_autoptr(GError) error = NULL;
        network->cidr = g_strdup(row->cidr);
        network->gateway = has_gateway ? g_strdup(row->gateway) : NULL;
        network->pool_start = g_strdup(row->start);
        network->pool_end = g_strdup(row->end);
        g_test_message("%s, case %zu", row->cidr, i);
        bool ok = network_settle_range(network, has_gateway, &error);
        g_assert_true(ok == (row->wanted != NULL));
        if (ok) {
            g_autofree char *seen =
                g_strdup_printf("%s %s %s", network->gateway == NULL ? "none" : network->gateway,
                    network->pool_start, network->pool_end);
            g_assert_cmpstr(seen, ==, row->wanted);
        } else {
            g_assert_true(error_is(error, ERROR_INVALID));
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/range/settle", test_settle);
    return g_test_run();
}
