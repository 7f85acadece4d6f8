/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/libvirt.h"

#include "hypervisor/libvirt/connection.h"
#include "hypervisor/libvirt/event_loop.h"
#include "hypervisor/libvirt/verbs.h"
#include <libxml/parser.h>

static void *
libvirt_open(void *provider, const HostAddress *address, uint64_t session, HostEventSink sink,
    void *sink_data, GError **error)
{
    return libvirt_host_open(provider, address, session, sink, sink_data, error);
}

static void
libvirt_close(void *host)
{
    libvirt_host_close(host);
}

static const HypervisorProvider libvirt_provider = {
    .name = "libvirt",
    .open = libvirt_open,
    .close = libvirt_close,
    .probe = libvirt_probe,
    .read_memory = libvirt_read_memory,
    .list_domains = libvirt_list_domains,
    .describe_domain = libvirt_describe_domain,
    .ensure_base = libvirt_ensure_base,
    .copy_base = libvirt_copy_base,
    .create_guest = libvirt_create_guest,
    .remove_guest = libvirt_remove_guest,
    .remove_disks = libvirt_remove_disks,
    .forget_guest = libvirt_forget_guest,
    .list_guest_volumes = libvirt_list_guest_volumes,
    .start_guest = libvirt_start_guest,
    .prove_guest = libvirt_prove_guest,
    .shutdown_guest = libvirt_shutdown_guest,
    .destroy_guest = libvirt_destroy_guest,
    .reboot_guest = libvirt_reboot_guest,
    .pause_guest = libvirt_pause_guest,
    .resume_guest = libvirt_resume_guest,
    .read_console = libvirt_read_console,
    .create_volume = libvirt_create_volume,
    .delete_volume = libvirt_delete_volume,
    .try_disk = libvirt_try_disk,
    .attach_disk = libvirt_attach_disk,
    .detach_disk = libvirt_detach_disk,
    .create_marker = libvirt_create_marker,
    .delete_marker = libvirt_delete_marker,
    .check_dest = libvirt_check_dest,
    .check_source = libvirt_check_source,
    .describe_platform = libvirt_describe_platform,
    .compare_platform = libvirt_compare_platform,
    .baseline_cpu = libvirt_baseline_cpu,
    .check_way = libvirt_check_way,
    .rehearse = libvirt_rehearse,
    .prepare_dest = libvirt_prepare_dest,
    .live_migrate = libvirt_live_migrate,
    .limit_downtime = libvirt_limit_downtime,
    .start_post_copy = libvirt_start_post_copy,
    .copy_disks = libvirt_copy_disks,
    .send_canary = libvirt_send_canary,
    .query_job = libvirt_query_job,
    .query_done_job = libvirt_query_done_job,
    .abort_job = libvirt_abort_job,
};

static void
free_settings(void *data)
{
    settings_unref(data);
}

Hypervisor *
libvirt_hypervisor_new(const LibvirtOptions *options, GError **error)
{
    /* Before anything else of libvirt: connections made earlier would know no events. Never earlier
     * than the keep-alive fails: it was asked once more than it may go unanswered. */
    event_loop_register(options->keepalive_interval_s * (options->keepalive_count + 1) * 1000);
    xmlInitParser();
    if (virInitialize() < 0) {
        libvirt_error_set(error, NULL, EFFECT_NONE, "cannot start libvirt's client");
        return NULL;
    }
    libvirt_error_init();
    return hypervisor_new(&libvirt_provider, settings_new(options), free_settings);
}
