/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "daemon/hypervisors.h"

#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "daemon/configuration.h"
#include "hypervisor/fake/fake.h"

static Hypervisor *
new_libvirt(const Config *config, LibvirtFindCpu find_cpu, void *data, GError **error)
{
    g_autofree char *key_path =
        g_build_filename(config_get(config, "DEFAULT", "state_path"), "vtpm.key", NULL);
    bool with_tpm = config_get_bool(config, "libvirt", "swtpm_enabled");
    g_autofree char *tpm_key = with_tpm ? secret_load_key(clock_system(), key_path, error) : NULL;

    if (with_tpm && tpm_key == NULL) {
        return NULL;
    }
    LibvirtOptions options = {
        .pki_path = config_get_or_null(config, "libvirt", "pki_path"),
        .keepalive_interval_s = (int)config_get_int(config, "libvirt", "keepalive_interval"),
        .keepalive_count = (int)config_get_int(config, "libvirt", "keepalive_count"),
        .connect_timeout_ms = (int)config_get_int(config, "libvirt", "connect_timeout_ms"),
        .with_tls = config_get_bool(config, "libvirt", "live_migration_with_native_tls"),
        .find_cpu = find_cpu,
        .find_cpu_data = data,
        .with_pci_devices = configuration_has_pci(config),
        .tpm_key = tpm_key,
        .vnc_enabled = config_get_bool(config, "vnc", "enabled"),
        .vnc_listen = config_get(config, "vnc", "server_listen"),
        .spice_enabled = config_get_bool(config, "spice", "enabled"),
        .spice_listen = config_get(config, "spice", "server_listen"),
        .virt_type = config_get(config, "libvirt", "virt_type"),
    };
    return libvirt_hypervisor_new(&options, error);
}

static Hypervisor *
new_fake(const Config *config, GError **error)
{
    FakeOptions options = {
        .path = config_get(config, "fake", "path"),
        .clock = clock_system(),
        .vcpus = (int)config_get_int(config, "fake", "vcpus"),
        .memory_mib = config_get_int(config, "fake", "memory_mb"),
        .numa_cells = (int)config_get_int(config, "fake", "numa_cells"),
        .pci_devices = (int)config_get_int(config, "fake", "pci_devices"),
        .bridges = config_get(config, "fake", "bridges"),
        .cpu_features = config_get(config, "fake", "cpu_features"),
        .pools = config_get(config, "fake", "pools"),
        .huge_pages = config_get_int(config, "fake", "huge_pages"),
        .pool_bytes = config_get_int(config, "fake", "pool_gb") << 30,
        .transfer_bytes_s = config_get_int(config, "fake", "transfer_rate"),
        .shared_pool = config_get_bool(config, "fake", "shared_pool"),
        .dirty_bytes_s = config_get_int(config, "fake", "dirty_rate"),
        .guest_disk_bytes = config_get_int(config, "fake", "guest_disk_mb") << 20,
        .base_bytes_s = config_get_int(config, "fake", "base_rate"),
        .switchover_us = config_get_int(config, "fake", "switchover_ms") * 1000,
        .shutdown_us = config_get_int(config, "fake", "shutdown_ms") * 1000,
        .keepalive_us = config_get_int(config, "libvirt", "keepalive_interval") *
            config_get_int(config, "libvirt", "keepalive_count") * G_USEC_PER_SEC,
    };
    return fake_hypervisor_new(&options, error);
}

static bool
add_filters(const Config *config, Hypervisor *hypervisor, GError **error)
{
    g_auto(GStrv) texts = config_get_list(config, "hypervisor", "filters");

    for (size_t i = 0; texts[i] != NULL; i++) {
        if (!hypervisor_add_filter_text(hypervisor, texts[i], error)) {
            g_prefix_error(error, "[hypervisor] filters: ");
            return false;
        }
    }
    return true;
}

Hypervisor *
hypervisors_make_libvirt(
    const Config *config, LibvirtFindCpu find_cpu, void *data, GError **error)
{
    g_autoptr(Hypervisor) libvirt = new_libvirt(config, find_cpu, data, error);

    return libvirt != NULL && add_filters(config, libvirt, error) ? g_steal_pointer(&libvirt)
                                                                  : NULL;
}

bool
hypervisors_make_fake(const Config *config, Hypervisor **ret_fake, GError **error)
{
    if (config_get_or_null(config, "fake", "path") == NULL) {
        *ret_fake = NULL;
        return true;
    }
    *ret_fake = new_fake(config, error);
    return *ret_fake != NULL && add_filters(config, *ret_fake, error);
}
