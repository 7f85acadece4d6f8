/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/drover/drover.h"

static const struct {
    const char *uri;
    bool is_safe;      /* taken by default */
    bool is_plaintext; /* taken with leave */
} uris[] = {
    {"qemu+tls://hosta/system", true, false},
    {"qemu+tls://hosta/system?pkipath=/etc/pki", true, false},
    {"qemu+tls://[fd00::1]:16514/system", true, false},
    {"qemu+ssh://root@hosta/system", true, false},
    {"fake:///hosta", true, false},
    {"qemu+tcp://hosta/system", false, true},
    {"qemu+tls://hosta/system?no_verify=1", false, true},
    {"qemu:///system", false, false},
    {"qemu+unix:///system", false, false},
    {"qemu+ext://hosta/system?command=/bin/sh", false, false},
    {"qemu+libssh2://hosta/system", false, false},
    {"test:///default", false, false},
    {"qemu+tls:///system", false, false},
    {"qemu+tls://", false, false},
    {"hosta", false, false},
    {"", false, false},
};

static void
test_check(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(uris); i++) {
        g_autoptr(GError) error = NULL;
        g_test_message("%s", uris[i].uri);
        g_assert_true(drover_check_uri(uris[i].uri, false, &error) == uris[i].is_safe);
        g_assert_true(uris[i].is_safe || error_is(error, ERROR_INVALID));
        g_clear_error(&error);
        g_assert_true(drover_check_uri(uris[i].uri, true, &error) ==
            (uris[i].is_safe || uris[i].is_plaintext));
    }
}

static void
test_peer(void)
{
    static const char *const rows[][2] = {
        {"qemu+tls://hosta/system", "qemu+tls://hosta/system"},
        {"qemu+tls://hosta/system?pkipath=/etc/pki/drover", "qemu+tls://hosta/system"},
        {"qemu+tls://hosta/system?pkipath=/a&mode=direct", "qemu+tls://hosta/system?mode=direct"},
        {"qemu+ssh://root@hosta/system?keyfile=/root/.ssh/id&socket=/s",
            "qemu+ssh://root@hosta/system?socket=/s"},
        {"qemu+tls://hosta/system?", "qemu+tls://hosta/system"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *peer = drover_make_peer_uri(rows[i][0]);
        g_assert_cmpstr(peer, ==, rows[i][1]);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/uri/check", test_check);
    g_test_add_func("/uri/peer", test_peer);
    return g_test_run();
}
