/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The verbs of provider.h over libvirt, one file for each concern; libvirt.c puts them into the
 * table. host is a LibvirtHost. */
#include "hypervisor/types.h"

/* facts.c */
bool libvirt_probe(void *host, HostFacts *ret_facts, GError **error);
bool libvirt_read_memory(void *host, HostMemory *ret_memory, GError **error);

/* view.c */
GPtrArray *libvirt_list_domains(void *host, GError **error);
bool libvirt_describe_domain(void *host, const char *uuid, DomainView *ret_view, GError **error);

/* base.c */
bool libvirt_ensure_base(
    void *host, const BaseImage *image, const Cancel *cancel, GError **error);
bool libvirt_copy_base(void *host, void *from_host, const BaseImage *image, const Cancel *cancel,
    GError **error);

/* guest.c */
bool libvirt_create_guest(void *host, const GuestSpec *guest, GError **error);
bool libvirt_remove_guest(void *host, const char *uuid, bool destroy, GError **error);
bool libvirt_remove_disks(void *host, const char *uuid, GError **error);
bool libvirt_forget_guest(void *host, const char *uuid, GError **error);

/* inventory.c */
GPtrArray *libvirt_list_guest_volumes(void *host, const char *uuid, GError **error);

/* power.c */
bool libvirt_prove_guest(void *host, const char *uuid, GError **error);
bool libvirt_start_guest(void *host, const char *uuid, GError **error);
bool libvirt_shutdown_guest(void *host, const char *uuid, GError **error);
bool libvirt_destroy_guest(void *host, const char *uuid, GError **error);
bool libvirt_reboot_guest(void *host, const char *uuid, bool hard, GError **error);
bool libvirt_pause_guest(void *host, const char *uuid, GError **error);
bool libvirt_resume_guest(void *host, const char *uuid, GError **error);

/* console.c */
bool libvirt_read_console(void *host, const char *uuid, size_t max_size, char **ret_text,
    size_t *ret_size, GError **error);

/* disks.c */
bool libvirt_create_volume(void *host, const PoolVolume *volume, GError **error);
bool libvirt_delete_volume(void *host, const char *pool, const char *name, GError **error);
bool libvirt_attach_disk(void *host, const char *uuid, const GuestDisk *disk, GError **error);
bool libvirt_detach_disk(void *host, const char *uuid, const char *target, GError **error);

/* try_disk.c */
bool libvirt_try_disk(void *host, const char *uuid, const GuestDisk *disk, GError **error);

/* marker.c */
bool libvirt_create_marker(
    void *host, const char *pool, const char *token, bool *ret_existed, GError **error);
bool libvirt_delete_marker(void *host, const char *pool, const char *token, GError **error);

/* check.c */
char *libvirt_describe_platform(void *host, const char *uuid, GError **error);
bool libvirt_compare_platform(void *host, const char *words, char **ret_class, GError **error);
bool libvirt_check_source(void *host, const char *uuid, GError **error);
bool libvirt_check_dest(void *dest, void *source, const char *uuid, GError **error);

/* baseline.c */
CpuBaseline *libvirt_baseline_cpu(void *const *hosts, int n_hosts, GError **error);

/* way.c */
bool libvirt_check_way(void *source, void *dest, const WayRequest *request, GError **error);

/* rehearse.c */
bool libvirt_rehearse(void *dest, void *source, const MigrateRequest *request, GError **error);

/* prepare.c */
bool libvirt_prepare_dest(void *dest, void *source, const char *uuid, GError **error);

/* live_migrate.c */
bool libvirt_live_migrate(void *source, void *dest, const MigrateRequest *request, GError **error);

/* courier.c */
bool libvirt_copy_disks(void *source, void *dest, const CopyRequest *request, GError **error);

/* canary.c */
bool libvirt_send_canary(void *source, void *dest, const MigrateRequest *request, GError **error);

/* job.c */
bool libvirt_query_job(void *source, const char *uuid, JobStats *ret_stats, GError **error);
bool libvirt_query_done_job(void *dest, const char *uuid, JobStats *ret_stats, GError **error);
bool libvirt_limit_downtime(void *source, const char *uuid, int downtime_ms, GError **error);
bool libvirt_start_post_copy(void *source, const char *uuid, GError **error);
bool libvirt_abort_job(void *source, const char *uuid, GError **error);
