/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* All that is looked at of a host, in its order; and what is in no file of its own. */
#include "api/drover/lint_sheet.h"

#include "model/bad_version.h"
#include "model/diagnosis.h"
#include "model/pci.h"
#include <stdarg.h>

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

void
lint_say(const LintSheet *sheet, const char *check, const char *result, const char *fix,
    const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    lint_add(sheet->rows, sheet->host, check, result, fix, text);
}

static void
check_version(const LintSheet *sheet, bool is_qemu)
{
    const HostFacts *facts = &sheet->host->facts;
    int version = is_qemu ? facts->hypervisor_version : facts->libvirt_version;
    const char *check = is_qemu ? "qemu" : "libvirt";
    if (version == 0) {
        lint_say(sheet, check, "fail", "install QEMU", "libvirt finds none");
        return;
    }
    const BadVersion *worst = bad_version_find(is_qemu, version);
    g_autofree char *name = version_to_text(version);
    g_autoptr(GString) text = g_string_new(name);
    for (const BadVersion *bad = worst; bad != NULL;
        bad = bad_version_find_next(bad, is_qemu, version)) {
        g_string_append_printf(text, "%s%s", bad == worst ? ": " : "; ", bad->what);
    }
    lint_say(sheet, check, worst != NULL ? worst->result : "pass",
        worst != NULL ? worst->fix : NULL, "%s", text->str);
}

static void
check_networks(const LintSheet *sheet)
{
    const HostFacts *facts = &sheet->host->facts;
    if (facts->bridges == NULL) {
        lint_say(sheet, "networks", "unknown",
            "install libvirt's driver for interfaces there (Debian: "
            "libvirt-daemon-driver-interface) and restart its libvirtd",
            "its libvirt does not list interfaces, so nobody knows which bridges it has");
        return;
    }
    for (unsigned i = 0; i < sheet->networks->len; i++) {
        const Network *network = sheet->networks->pdata[i];
        if (host_lacks_bridge(facts, network->bridge)) {
            lint_say(sheet, "networks", "warn", "make the bridge there, as on the other hosts",
                "it has no bridge '%s', on which network '%s' is", network->bridge, network->name);
            return;
        }
    }
    lint_say(sheet, "networks", "pass", NULL, "it has the bridge of every network: %s",
        facts->bridges[0] != '\0' ? facts->bridges : "there is none");
}

/* Only where the configuration wants to know of them. */
static void
check_devices(const LintSheet *sheet)
{
    if (sheet->host->facts.hides_devices) {
        lint_say(sheet, "pci-devices", "warn",
            "install libvirt's driver for node devices there (Debian: "
            "libvirt-daemon-driver-nodedev) and restart its libvirtd",
            "its libvirt does not list node devices, so it has none for servers");
    }
    g_autoptr(GArray) devices = pci_devices_parse(sheet->host->facts.pci_devices);
    for (unsigned i = 0; i < devices->len; i++) {
        const PciDevice *device = &g_array_index(devices, PciDevice, i);
        if (device->rival[0] != '\0') {
            lint_say(sheet, "pci-devices", "warn",
                "bind that one to vfio-pci on the host, or put the card into a slot with a group "
                "of its own",
                "no server can have %s: its IOMMU group %d also holds %s, bound to %s",
                device->address, device->iommu_group, device->rival, device->rival_driver);
        }
    }
}

static void
check_connected(const LintSheet *sheet)
{
    const Host *host = sheet->host;
    if (host->connected) {
        lint_say(sheet, "connected", "pass", NULL, "it answers at %s", host->uri);
        return;
    }
    if (host->connect_error == NULL) {
        lint_say(sheet, "connected", "unknown", NULL, "drover has not tried to connect to it yet");
        return;
    }
    const Diagnosis *diagnosis = diagnosis_find(host->connect_error);
    lint_say(sheet, "connected", "fail",
        diagnosis != NULL ? diagnosis->fix : "see that libvirtd runs there and that drover's "
                                             "certificate is good: 'drover host show'",
        "%s", host->connect_error);
}

void
lint_host(json_t *rows, const Host *host, const GPtrArray *hosts, const GPtrArray *networks,
    const char *volume_pool, bool is_named, int64_t now_us)
{
    LintSheet sheet = {rows, host, hosts, networks, volume_pool, now_us, is_named};
    check_connected(&sheet);
    if (!host->has_facts) {
        lint_say(&sheet, "facts", "unknown", NULL, "it has never told what it is and has");
        return;
    }
    if (!host->connected) {
        lint_say(&sheet, "facts", "unknown", NULL,
            "it was last seen %" G_GINT64_FORMAT " min ago: what is said of it is older",
            (now_us - host->last_seen_us) / G_USEC_PER_SEC / 60);
    }
    check_version(&sheet, false);
    check_version(&sheet, true);
    lint_check_versions_alike(&sheet);
    lint_check_cpu(&sheet);
    lint_check_certificate(&sheet);
    lint_check_pool(&sheet);
    lint_check_space(&sheet);
    lint_check_path(&sheet);
    lint_check_marker(&sheet);
    lint_check_volumes(&sheet);
    check_networks(&sheet);
    check_devices(&sheet);
}

void
lint_unseen(json_t *rows)
{
    LintSheet sheet = {.rows = rows};
    lint_say(&sheet, "certificate-ca", "unseen", NULL,
        "for how long the CA's own certificate is good, where a host does not send it: cannot see");
    lint_say(&sheet, "clock", "unseen", NULL, "cannot see: libvirt does not tell a host's time");
    lint_say(&sheet, "name-resolution", "unseen", NULL,
        "a canary proves it; the SELinux context of /etc/hosts: cannot see");
    lint_say(&sheet, "pool-owner", "unseen", NULL,
        "the same UID and GID on hosts and file server: cannot see; that each host writes and "
        "reads the pool is tried");
    lint_say(&sheet, "pool-mode", "unseen", NULL,
        "what chmod has changed behind libvirt's back: cannot see");
    lint_say(&sheet, "export", "unseen", NULL,
        "the options of /etc/exports: cannot see; that root may write is tried");
    lint_say(&sheet, "fstab", "unseen", NULL,
        "/etc/fstab, and what is mounted in truth: cannot see; a netfs pool's source is told");
}
