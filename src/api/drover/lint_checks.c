/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/drover/lint.h"

#include "model/bad_version.h"
#include "model/diagnosis.h"
#include "model/pci.h"
#include <stdarg.h>
#include <string.h>

enum { DAYS_WARN = 30, FREE_PERCENT_WARN = 10 };
static const int64_t DAY_US = INT64_C(86400) * G_USEC_PER_SEC;

void
lint_add(json_t *rows, const Host *host, const char *check, const char *result, const char *fix,
    const char *text)
{
    g_autofree char *found = g_utf8_make_valid(text, -1);
    json_array_append_new(rows,
        json_pack("{s:o, s:s, s:s, s:s, s:o}", "host",
            host != NULL ? json_string(host->name) : json_null(), "check", check, "result", result,
            "found", found, "fix", fix != NULL ? json_string(fix) : json_null()));
}

/* What is said of one host. */
typedef struct Sheet {
    json_t *rows;
    const Host *host;
    const GPtrArray *hosts;
    const GPtrArray *networks;
    const char *volume_pool;
    int64_t now_us;
} Sheet;

static void add(const Sheet *sheet, const char *check, const char *result, const char *fix,
    const char *format, ...) G_GNUC_PRINTF(5, 6);

/* fix NULL: there is nothing to be mended. */
static void
add(const Sheet *sheet, const char *check, const char *result, const char *fix,
    const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    lint_add(sheet->rows, sheet->host, check, result, fix, text);
}

/* ---- versions ---- */

static void
check_version(const Sheet *sheet, bool is_qemu)
{
    const HostFacts *facts = &sheet->host->facts;
    int version = is_qemu ? facts->hypervisor_version : facts->libvirt_version;
    const char *check = is_qemu ? "qemu" : "libvirt";
    if (version == 0) {
        add(sheet, check, "fail", "install QEMU", "libvirt finds none");
        return;
    }
    const BadVersion *bad = bad_version_find(is_qemu, version);
    g_autofree char *text = version_to_text(version);
    add(sheet, check, bad != NULL ? bad->result : "pass", bad != NULL ? bad->fix : NULL, "%s%s%s",
        text, bad != NULL ? ": " : "", bad != NULL ? bad->what : "");
}

/* Guests go to a newer QEMU and may not come back. */
static void
check_versions_alike(const Sheet *sheet)
{
    int version = sheet->host->facts.hypervisor_version;
    for (unsigned i = 0; i < sheet->hosts->len; i++) {
        const Host *other = sheet->hosts->pdata[i];
        int theirs = other->has_facts ? other->facts.hypervisor_version : 0;
        if (theirs != version && theirs > 0 && version > 0) {
            g_autofree char *own_text = version_to_text(version);
            g_autofree char *their_text = version_to_text(theirs);
            add(sheet, "versions-alike", "warn", "bring all hosts to the same version of QEMU",
                "QEMU %s; host '%s' has %s: guests move live from the older to the newer, and not "
                "back",
                own_text, other->name, their_text);
            return;
        }
    }
    add(sheet, "versions-alike", "pass", NULL, "every one of these hosts has this QEMU");
}

/* ---- processor ---- */

static char *
cpu_text(const Host *host)
{
    json_auto_t *cpu =
        host->has_facts ? json_loads(host->facts.cpu_json, 0, NULL) : json_object();
    const char *model = json_string_value(json_object_get(cpu, "model"));
    const char *vendor = json_string_value(json_object_get(cpu, "vendor"));
    return g_strdup_printf("%s, %s", model != NULL && *model != '\0' ? model : "not told",
        vendor != NULL && *vendor != '\0' ? vendor : "vendor not told");
}

static void
check_cpu(const Sheet *sheet)
{
    g_autofree char *cpu = cpu_text(sheet->host);
    for (unsigned i = 0; i < sheet->hosts->len; i++) {
        const Host *other = sheet->hosts->pdata[i];
        g_autofree char *theirs = cpu_text(other);
        if (other->has_facts && strcmp(cpu, theirs) != 0) {
            add(sheet, "cpu", "warn", "see which model fits all: 'drover cpu baseline HOST...'",
                "%s; host '%s' has %s", cpu, other->name, theirs);
            return;
        }
    }
    add(sheet, "cpu", "pass", NULL, "%s", cpu);
}

/* ---- certificate ---- */

/* "qemu+tls://NAME:PORT/system?..." -> NAME; NULL: no TLS. Caller frees. */
static char *
tls_name(const char *uri)
{
    g_autoptr(GUri) parsed = g_uri_parse(uri, G_URI_FLAGS_NONE, NULL);
    if (parsed == NULL || !g_str_has_suffix(g_uri_get_scheme(parsed), "+tls")) {
        return NULL;
    }
    return g_strdup(g_uri_get_host(parsed));
}

static bool
covers(const json_t *names, const char *wanted)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        const char *rest = strchr(wanted, '.');
        bool is_wildcard = g_str_has_prefix(name, "*.") && rest != NULL &&
            g_ascii_strcasecmp(name + 1, rest) == 0;
        if (is_wildcard || g_ascii_strcasecmp(name, wanted) == 0) {
            return true;
        }
    }
    return false;
}

static void
check_names(const Sheet *sheet, const json_t *names)
{
    const char *uris[] = {sheet->host->uri, sheet->host->peer_uri};
    g_autofree char *text = json_array_size(names) > 0 ? json_dumps(names, JSON_COMPACT) : NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(uris); i++) {
        g_autofree char *name = tls_name(uris[i]);
        if (name != NULL && !covers(names, name)) {
            add(sheet, "certificate-names", "fail",
                "make its server certificate anew with the names and addresses of its URI and of "
                "its peer URI",
                "%s does not have '%s', by which %s connect to it", text != NULL ? text : "it",
                name, i == 0 ? "drover does" : "other hosts");
            return;
        }
    }
    add(sheet, "certificate-names", "pass", NULL, "%s", text != NULL ? text : "none");
}

static void
check_expiry(const Sheet *sheet, const json_t *certificate)
{
    int64_t left_us =
        json_integer_value(json_object_get(certificate, "expires_us")) - sheet->now_us;
    int64_t days = left_us / DAY_US;
    const char *issuer = json_string_value(json_object_get(certificate, "issuer"));
    bool is_over = left_us <= 0;
    add(sheet, "certificate", is_over ? "fail" : days < DAYS_WARN ? "warn" : "pass",
        is_over || days < DAYS_WARN ? "make its server certificate anew, and restart libvirtd"
                                    : NULL,
        "%s %" G_GINT64_FORMAT " days, by %s", is_over ? "expired since" : "good for another",
        ABS(days), issuer);
}

static void
check_certificate(const Sheet *sheet)
{
    g_autofree char *name = tls_name(sheet->host->uri);
    const char *text = sheet->host->facts.certificate_json;
    json_auto_t *certificate = text != NULL ? json_loads(text, 0, NULL) : NULL;
    if (name == NULL) {
        add(sheet, "certificate", "unseen", NULL, "its URI is not one with TLS: none is shown");
    } else if (certificate == NULL) {
        add(sheet, "certificate", "unknown", NULL, "it has shown none yet");
    } else {
        check_expiry(sheet, certificate);
        check_names(sheet, json_object_get(certificate, "names"));
    }
}

/* ---- the pool ---- */

static const char *
text_of(const json_t *object, const char *name, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : fallback;
}

/* QEMU may run as somebody else than the owner, and must get through the directory. */
static void
check_pool(const Sheet *sheet)
{
    const HostFacts *facts = &sheet->host->facts;
    json_auto_t *pool = facts->pool_json != NULL ? json_loads(facts->pool_json, 0, NULL) : NULL;
    const char *mode = text_of(pool, "mode", "");
    if (pool == NULL) {
        add(sheet, "pool", "unknown", NULL, "libvirt has not told of it");
        return;
    }
    size_t length = strlen(mode);
    bool is_closed = length > 0 && ((mode[length - 1] - '0') & 1) == 0;
    const char *server = text_of(pool, "source_host", NULL);
    add(sheet, "pool", is_closed ? "warn" : "pass",
        is_closed ? "chmod o+x the directory, unless QEMU runs as its owner" : NULL,
        "'%s': %s, owner %s:%s, mode %s%s%s%s%s", sheet->host->pool, text_of(pool, "type", "?"),
        text_of(pool, "owner", "?"), text_of(pool, "group", "?"), length > 0 ? mode : "?",
        server != NULL ? ", from " : "", server != NULL ? server : "", server != NULL ? ":" : "",
        server != NULL ? text_of(pool, "source_path", "?") : "");
}

static void
check_space(const Sheet *sheet)
{
    const HostFacts *facts = &sheet->host->facts;
    int64_t capacity = facts->pool_capacity_bytes;
    int64_t percent = capacity > 0 ? facts->pool_available_bytes / MAX(capacity / 100, 1) : 0;
    bool is_low = percent < FREE_PERCENT_WARN;
    add(sheet, "pool-space", percent == 0 ? "fail" : is_low ? "warn" : "pass",
        is_low ? "free space in its pool, or move instances away" : NULL,
        "%" G_GINT64_FORMAT " %% free: %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " GiB", percent,
        facts->pool_available_bytes >> 30, capacity >> 30);
}

static void
check_path(const Sheet *sheet)
{
    const char *path = sheet->host->facts.pool_path;
    for (unsigned i = 0; i < sheet->hosts->len; i++) {
        const Host *other = sheet->hosts->pdata[i];
        if (other->has_facts && g_strcmp0(other->facts.pool_path, path) != 0) {
            add(sheet, "instances-path", "warn",
                "give the pool the same directory on every host, if other tools expect it",
                "%s; on host '%s' it is %s (drover changes the paths as guests move)",
                path != NULL ? path : "none", other->name,
                other->facts.pool_path != NULL ? other->facts.pool_path : "none");
            return;
        }
    }
    add(sheet, "instances-path", "pass", NULL, "%s, as on the other hosts",
        path != NULL ? path : "none");
}

static void
check_marker(const Sheet *sheet)
{
    const char *id = sheet->host->facts.pool_id;
    bool is_there = id != NULL && id[0] != '\0';
    add(sheet, "pool-written", is_there ? "pass" : "unknown", NULL, "%s",
        is_there ? "drover's marker was made in it, and is read back"
                 : "no marker was made in it yet");
}

static void
check_volumes(const Sheet *sheet)
{
    const char *pool = sheet->volume_pool;
    if (pool == NULL) {
        return;
    }
    if (!host_tells_pools(&sheet->host->facts)) {
        add(sheet, "volumes-pool", "unknown", NULL, "it has not told which pools it has");
        return;
    }
    bool is_lacking = host_lacks_pool(&sheet->host->facts, pool);
    g_autofree char *fix = host_pool_fix(pool);
    add(sheet, "volumes-pool", is_lacking ? "warn" : "pass", is_lacking ? fix : NULL, "'%s' %s",
        pool, is_lacking ? "is not active here: volumes lie in it" : "is active here");
}

static void
check_networks(const Sheet *sheet)
{
    const HostFacts *facts = &sheet->host->facts;
    if (facts->bridges == NULL) {
        add(sheet, "networks", "unknown",
            "install libvirt's driver for interfaces there (Debian: "
            "libvirt-daemon-driver-interface) and restart its libvirtd",
            "its libvirt does not list interfaces, so nobody knows which bridges it has");
        return;
    }
    for (unsigned i = 0; i < sheet->networks->len; i++) {
        const Network *network = sheet->networks->pdata[i];
        if (host_lacks_bridge(facts, network->bridge)) {
            add(sheet, "networks", "warn", "make the bridge there, as on the other hosts",
                "it has no bridge '%s', on which network '%s' is", network->bridge, network->name);
            return;
        }
    }
    add(sheet, "networks", "pass", NULL, "it has the bridge of every network: %s",
        facts->bridges[0] != '\0' ? facts->bridges : "there is none");
}

/* Only where the configuration wants to know of them. */
static void
check_devices(const Sheet *sheet)
{
    if (sheet->host->facts.hides_devices) {
        add(sheet, "pci-devices", "warn",
            "install libvirt's driver for node devices there (Debian: "
            "libvirt-daemon-driver-nodedev) and restart its libvirtd",
            "its libvirt does not list node devices, so it has none for servers");
    }
    g_autoptr(GArray) devices = pci_devices_parse(sheet->host->facts.pci_devices);
    for (unsigned i = 0; i < devices->len; i++) {
        const PciDevice *device = &g_array_index(devices, PciDevice, i);
        if (device->rival[0] != '\0') {
            add(sheet, "pci-devices", "warn",
                "bind that one to vfio-pci on the host, or put the card into a slot with a group "
                "of its own",
                "no server can have %s: its IOMMU group %d also holds %s, bound to %s",
                device->address, device->iommu_group, device->rival, device->rival_driver);
        }
    }
}

/* ---- all of them ---- */

static void
check_connected(const Sheet *sheet)
{
    const Host *host = sheet->host;
    if (host->connected) {
        add(sheet, "connected", "pass", NULL, "it answers at %s", host->uri);
        return;
    }
    const char *error = host->connect_error != NULL ? host->connect_error : "not tried yet";
    const Diagnosis *diagnosis = diagnosis_find(error);
    add(sheet, "connected", "fail",
        diagnosis != NULL ? diagnosis->fix : "see that libvirtd runs there and that drover's "
                                             "certificate is good: 'drover host show'",
        "%s", error);
}

void
lint_host(json_t *rows, const Host *host, const GPtrArray *hosts, const GPtrArray *networks,
    const char *volume_pool, int64_t now_us)
{
    Sheet sheet = {rows, host, hosts, networks, volume_pool, now_us};
    check_connected(&sheet);
    if (!host->has_facts) {
        add(&sheet, "facts", "unknown", NULL, "it has never told what it is and has");
        return;
    }
    if (!host->connected) {
        add(&sheet, "facts", "unknown", NULL,
            "it was last seen %" G_GINT64_FORMAT " min ago: what is said of it is older",
            (now_us - host->last_seen_us) / G_USEC_PER_SEC / 60);
    }
    check_version(&sheet, false);
    check_version(&sheet, true);
    check_versions_alike(&sheet);
    check_cpu(&sheet);
    check_certificate(&sheet);
    check_pool(&sheet);
    check_space(&sheet);
    check_path(&sheet);
    check_marker(&sheet);
    check_volumes(&sheet);
    check_networks(&sheet);
    check_devices(&sheet);
}

static void
tell_difference(const Sheet *sheet, const HostDifference *difference)
{
    const char *fix = host_difference_fix(difference->kind);
    switch (difference->kind) {
    case HOST_DIFFERENCE_FOREIGN:
        add(sheet, "claims", "warn", fix,
            "domain '%s' is not drover's, and takes %d vCPUs and %" G_GINT64_FORMAT " MiB",
            difference->domain, difference->vcpus, difference->memory_mib);
        return;
    case HOST_DIFFERENCE_SIZE:
        add(sheet, "claims", "warn", fix,
            "domain '%s' has %d vCPUs and %" G_GINT64_FORMAT " MiB, and %d and %" G_GINT64_FORMAT
            " are claimed for it",
            difference->domain, difference->vcpus, difference->memory_mib,
            difference->claimed_vcpus, difference->claimed_memory_mib);
        return;
    case HOST_DIFFERENCE_NO_DOMAIN:
        add(sheet, "claims", "warn", fix,
            "%d vCPUs and %" G_GINT64_FORMAT " MiB are claimed for server '%s', and the host has "
            "no domain of it",
            difference->claimed_vcpus, difference->claimed_memory_mib, difference->uuid);
        return;
    }
    g_assert_not_reached();
}

void
lint_claims(json_t *rows, const Host *host, const GPtrArray *differences)
{
    Sheet sheet = {.rows = rows, .host = host};
    for (unsigned i = 0; i < differences->len; i++) {
        tell_difference(&sheet, differences->pdata[i]);
    }
    if (differences->len == 0 && host->has_facts) {
        add(&sheet, "claims", "pass", NULL, "what it runs is what is claimed of it");
    }
}

void
lint_unseen(json_t *rows)
{
    Sheet sheet = {.rows = rows};
    add(&sheet, "clock", "unseen", NULL, "cannot see: libvirt does not tell a host's time");
    add(&sheet, "name-resolution", "unseen", NULL,
        "a canary proves it; the SELinux context of /etc/hosts: cannot see");
    add(&sheet, "pool-owner", "unseen", NULL,
        "the same UID and GID on hosts and file server: cannot see; that each host writes and "
        "reads the pool is tried");
    add(&sheet, "pool-mode", "unseen", NULL,
        "what chmod has changed behind libvirt's back: cannot see");
    add(&sheet, "export", "unseen", NULL,
        "the options of /etc/exports: cannot see; that root may write is tried");
    add(&sheet, "fstab", "unseen", NULL,
        "/etc/fstab, and what is mounted in truth: cannot see; a netfs pool's source is told");
}
