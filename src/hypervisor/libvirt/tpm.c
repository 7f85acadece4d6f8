/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/tpm.h"

#include "base/log.h"
#include "hypervisor/libvirt/facts.h"
#include "hypervisor/libvirt/xml.h"
#include <stdlib.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virSecret, virSecretFree)

#define NO_KEY                                                                                     \
    "it has a TPM, and drover has no key for the secret of its state: set [libvirt] "              \
    "swtpm_enabled = true"

#define USAGE "drover "

/* What this process has given to hosts and not taken back yet: "host uuid". */
static GMutex given_lock;
static GHashTable *given;

static void
note_given(const LibvirtHost *host, const char *uuid, bool is_given)
{
    g_autofree char *key = g_strdup_printf("%s %s", host->name, uuid);
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&given_lock);

    if (given == NULL) {
        given = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    }
    if (is_given) {
        g_hash_table_add(given, g_steal_pointer(&key));
    } else {
        g_hash_table_remove(given, key);
    }
}

static bool
is_given(const LibvirtHost *host, const char *uuid)
{
    g_autofree char *key = g_strdup_printf("%s %s", host->name, uuid);
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&given_lock);

    return given != NULL && g_hash_table_contains(given, key);
}

char *
tpm_make_secret(const char *key, const char *uuid)
{
    return g_compute_hmac_for_string(
        G_CHECKSUM_SHA256, (const guchar *)key, strlen(key), uuid, -1);
}

static char *
secret_xml(const char *uuid)
{
    g_autoptr(xmlDoc) document = xmlNewDoc(BAD_CAST "1.0");
    xmlNode *secret = xmlNewNode(NULL, BAD_CAST "secret");

    xmlDocSetRootElement(document, secret);
    xml_set(xml_set(secret, "ephemeral", "yes"), "private", "yes");
    xml_add_text(secret, "uuid", "%s", uuid);
    xmlNode *usage = xml_set(xml_add(secret, "usage"), "type", "vtpm");
    xml_add_text(usage, "name", USAGE "%s", uuid);
    return xml_to_text(document);
}

bool
tpm_put_secret(LibvirtHost *host, const char *uuid, GError **error)
{
    const char *key = host->settings->tpm_key;
    g_auto(Slot) slot = {0};

    if (key == NULL) {
        return error_set(error, ERROR_UNSUPPORTED, "%s", NO_KEY);
    }
    if (!slot_take_control(&slot, host, error)) {
        return false;
    }
    g_autofree char *xml = secret_xml(uuid);
    g_autofree char *value = tpm_make_secret(key, uuid);
    g_autoptr(virSecret) secret = virSecretDefineXML(slot.connection, xml, 0);
    note_given(host, uuid, true);
    bool is_set = secret != NULL &&
        virSecretSetValue(secret, (const unsigned char *)value, strlen(value), 0) == 0;
    return is_set ||
        libvirt_error_set(error, slot.connection, EFFECT_ASKED,
            "cannot give host '%s' the secret of the TPM of guest '%s'", host->name, uuid);
}

void
tpm_drop_secret(LibvirtHost *host, const char *uuid)
{
    g_auto(Slot) slot = {0};

    if (!slot_take_control(&slot, host, NULL)) {
        return;
    }
    g_autoptr(virSecret) secret = virSecretLookupByUUIDString(slot.connection, uuid);
    if (secret != NULL) {
        virSecretUndefine(secret);
    }
    note_given(host, uuid, false);
}

static void
sweep(const LibvirtHost *host, virSecretPtr secret)
{
    char uuid[VIR_UUID_STRING_BUFLEN];

    if (virSecretGetUsageType(secret) == VIR_SECRET_USAGE_TYPE_VTPM &&
        virSecretGetUUIDString(secret, uuid) == 0 && !is_given(host, uuid) &&
        g_str_has_prefix(virSecretGetUsageID(secret), USAGE) && virSecretUndefine(secret) == 0) {
        log_info("host '%s' kept the secret of the TPM of guest '%s', which a daemon that ended "
                 "had given to it: it is removed",
            host->name, uuid);
    }
}

void
tpm_sweep_secrets(LibvirtHost *host)
{
    g_auto(Slot) slot = {0};
    virSecretPtr *secrets = NULL;

    if (host->settings->tpm_key == NULL || !slot_take_control(&slot, host, NULL)) {
        return;
    }
    int n = virConnectListAllSecrets(slot.connection, &secrets,
        VIR_CONNECT_LIST_SECRETS_EPHEMERAL | VIR_CONNECT_LIST_SECRETS_PRIVATE);
    for (int i = 0; i < n; i++) {
        sweep(host, secrets[i]);
        virSecretFree(secrets[i]);
    }
    free(secrets);
}

static bool
offers_version(const char *domain_capabilities, const char *version)
{
    g_autoptr(xmlDoc) document = xml_parse(domain_capabilities, NULL);
    g_autofree char *path =
        g_strdup_printf("/domainCapabilities/devices/tpm[@supported='yes']"
                        "[enum[@name='backendModel']/value='emulator']"
                        "/enum[@name='backendVersion']/value[text()='%s']",
            version);
    g_autoptr(GPtrArray) found = document != NULL ? xml_find_all(document, path) : NULL;

    return found != NULL && found->len > 0;
}

bool
tpm_check_dest(LibvirtHost *dest, const char *version, GError **error)
{
    g_auto(Slot) slot = {0};

    if (dest->settings->tpm_key == NULL) {
        return error_set(error, ERROR_UNSUPPORTED, "%s", NO_KEY);
    }
    if (!slot_take_control(&slot, dest, error)) {
        return false;
    }
    if (virConnectNumOfSecrets(slot.connection) < 0) {
        return libvirt_error_set(error, slot.connection, EFFECT_NONE,
            "host '%s' cannot keep the secret of a TPM", dest->name);
    }
    const char *virt_type = host_get_virt_type(&slot, error);
    if (virt_type == NULL) {
        return false;
    }
    char *text = virConnectGetDomainCapabilities(slot.connection, NULL, NULL, NULL, virt_type, 0);
    if (text == NULL) {
        return libvirt_error_set(error, slot.connection, EFFECT_NONE,
            "cannot ask host '%s' whether it can run a TPM", dest->name);
    }
    bool is_offered = offers_version(text, version);
    free(text);
    return is_offered ||
        error_set(error, ERROR_HYPERVISOR_REFUSED,
            "TPM version '%s' is not supported by host '%s': swtpm is missing", version,
            dest->name);
}
