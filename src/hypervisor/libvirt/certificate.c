/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/certificate.h"

#include <arpa/inet.h>
#include <glib.h>
#include <gnutls/x509.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>

static gnutls_x509_crt_t
import(const gnutls_datum_t *der)
{
    gnutls_x509_crt_t certificate = NULL;

    if (gnutls_x509_crt_init(&certificate) < 0) {
        return NULL;
    }
    if (gnutls_x509_crt_import(certificate, der, GNUTLS_X509_FMT_DER) < 0) {
        gnutls_x509_crt_deinit(certificate);
        return NULL;
    }
    return certificate;
}

/* A name that is no UTF-8 would make no JSON. */
static json_t *
text_json(const gnutls_datum_t *text)
{
    g_autofree char *valid = g_utf8_make_valid((const char *)text->data, (gssize)text->size);
    return json_string(valid);
}

static json_t *
name_json(gnutls_x509_crt_t certificate,
    int (*get)(gnutls_x509_crt_t, gnutls_datum_t *, unsigned flags))
{
    gnutls_datum_t text = {0};

    if (get(certificate, &text, 0) < 0) {
        return json_string("");
    }
    json_t *name = text_json(&text);
    gnutls_free(text.data);
    return name;
}

/* As gnutls gives it: an address is its bytes. */
static json_t *
alternative_json(int type, const char *value, size_t size)
{
    char text[INET6_ADDRSTRLEN];

    if (type == GNUTLS_SAN_DNSNAME) {
        gnutls_datum_t name = {(unsigned char *)value, (unsigned)size};
        return text_json(&name);
    }
    bool is_address = type == GNUTLS_SAN_IPADDRESS && (size == 4 || size == 16) &&
        inet_ntop(size == 4 ? AF_INET : AF_INET6, value, text, sizeof text) != NULL;
    return is_address ? json_string(text) : NULL;
}

static json_t *
names_json(gnutls_x509_crt_t certificate)
{
    json_t *names = json_array();
    char value[256];

    for (unsigned i = 0; i < 64; i++) {
        size_t size = sizeof value;
        int type = gnutls_x509_crt_get_subject_alt_name(certificate, i, value, &size, NULL);
        if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
            break;
        }
        json_t *name = type >= 0 ? alternative_json(type, value, size) : NULL;
        if (name != NULL) {
            json_array_append_new(names, name);
        }
    }
    return names;
}

/* {"subject", "begins_us", "expires_us"} */
static json_t *
term_json(gnutls_x509_crt_t certificate)
{
    return json_pack("{s:o, s:I, s:I}", "subject", name_json(certificate, gnutls_x509_crt_get_dn3),
        "begins_us",
        (json_int_t)gnutls_x509_crt_get_activation_time(certificate) * G_USEC_PER_SEC, "expires_us",
        (json_int_t)gnutls_x509_crt_get_expiration_time(certificate) * G_USEC_PER_SEC);
}

static json_t *
chain_json(const gnutls_datum_t *chain, unsigned n_chain)
{
    json_t *terms = json_array();

    for (unsigned i = 1; i < n_chain; i++) {
        gnutls_x509_crt_t certificate = import(&chain[i]);
        if (certificate != NULL) {
            json_array_append_new(terms, term_json(certificate));
            gnutls_x509_crt_deinit(certificate);
        }
    }
    return terms;
}

char *
certificate_to_json(const gnutls_datum_t *chain, unsigned n_chain)
{
    gnutls_x509_crt_t certificate = import(&chain[0]);

    if (certificate == NULL) {
        return NULL;
    }
    json_auto_t *object = term_json(certificate);
    json_object_set_new(
        object, "issuer", name_json(certificate, gnutls_x509_crt_get_issuer_dn3));
    json_object_set_new(object, "names", names_json(certificate));
    json_object_set_new(object, "chain", chain_json(chain, n_chain));
    gnutls_x509_crt_deinit(certificate);
    char *text = json_dumps(object, JSON_COMPACT);
    char *copy = g_strdup(text);
    free(text);
    return copy;
}
