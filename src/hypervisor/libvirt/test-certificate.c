/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/certificate.h"

#include <glib.h>
#include <gnutls/x509.h>
#include <string.h>

#define DAY_S 86400

/* Signed by itself: nobody asks who has signed it. Freed with gnutls_free. */
static gnutls_datum_t
make_certificate(const char *name, time_t begins, time_t expires)
{
    gnutls_x509_privkey_t key = NULL;
    gnutls_x509_crt_t certificate = NULL;
    gnutls_datum_t der = {0};
    unsigned bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
    g_assert_cmpint(gnutls_x509_privkey_init(&key), ==, 0);
    g_assert_cmpint(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, bits, 0), ==, 0);
    g_assert_cmpint(gnutls_x509_crt_init(&certificate), ==, 0);
    gnutls_x509_crt_set_version(certificate, 3);
    gnutls_x509_crt_set_serial(certificate, "\1", 1);
    g_assert_cmpint(gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                        (unsigned)strlen(name)),
        ==, 0);
    gnutls_x509_crt_set_subject_alt_name(
        certificate, GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name), GNUTLS_FSAN_SET);
    gnutls_x509_crt_set_activation_time(certificate, begins);
    gnutls_x509_crt_set_expiration_time(certificate, expires);
    gnutls_x509_crt_set_key(certificate, key);
    g_assert_cmpint(
        gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0), ==, 0);
    g_assert_cmpint(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &der), ==, 0);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
    return der;
}

static void
test_each_of_the_chain_has_its_time(void)
{
    gnutls_datum_t chain[] = {
        make_certificate("hosta", 1 * DAY_S, 100 * DAY_S),
        make_certificate("sub", 2 * DAY_S, 50 * DAY_S),
        {(unsigned char *)(char[]){"junk"}, 4},
        make_certificate("ca", 3 * DAY_S, 900 * DAY_S),
    };
    g_autofree char *text = certificate_to_json(chain, G_N_ELEMENTS(chain));
    g_assert_cmpstr(text, ==,
        "{\"subject\":\"CN=hosta\",\"begins_us\":86400000000,\"expires_us\":8640000000000,"
        "\"issuer\":\"CN=hosta\",\"names\":[\"hosta\"],\"chain\":["
        "{\"subject\":\"CN=sub\",\"begins_us\":172800000000,\"expires_us\":4320000000000},"
        "{\"subject\":\"CN=ca\",\"begins_us\":259200000000,\"expires_us\":77760000000000}]}");
    g_autofree char *alone = certificate_to_json(chain, 1);
    g_assert_nonnull(strstr(alone, "\"chain\":[]"));
    g_assert_null(certificate_to_json(&chain[2], 1));
    gnutls_free(chain[0].data);
    gnutls_free(chain[1].data);
    gnutls_free(chain[3].data);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func(
        "/certificate/each-of-the-chain-has-its-time", test_each_of_the_chain_has_its_time);
    return g_test_run();
}
