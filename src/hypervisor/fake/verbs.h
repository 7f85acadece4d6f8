/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The verbs of provider.h that change something, each one transaction on the fleet. */
#include "hypervisor/fake/fleet.h"

bool fake_ensure_base(
    void *host, const BaseImage *image, const Cancel *cancel, GError **error);
bool fake_copy_base(void *host, void *from_host, const BaseImage *image, const Cancel *cancel,
    GError **error);
bool fake_create_guest(void *host, const GuestSpec *guest, GError **error);
bool fake_remove_guest(void *host, const char *uuid, bool destroy, GError **error);
bool fake_remove_disks(void *host, const char *uuid, GError **error);
bool fake_forget_guest(void *host, const char *uuid, GError **error);
GPtrArray *fake_list_guest_volumes(void *host, const char *uuid, GError **error);
bool fake_prove_guest(void *host, const char *uuid, GError **error);
bool fake_start_guest(void *host, const char *uuid, GError **error);
bool fake_shutdown_guest(void *host, const char *uuid, GError **error);
bool fake_destroy_guest(void *host, const char *uuid, GError **error);
bool fake_reboot_guest(void *host, const char *uuid, bool hard, GError **error);
bool fake_pause_guest(void *host, const char *uuid, GError **error);
bool fake_resume_guest(void *host, const char *uuid, GError **error);
bool fake_create_volume(void *host, const PoolVolume *volume, GError **error);
bool fake_delete_volume(void *host, const char *pool, const char *name, GError **error);
bool fake_try_disk(void *host, const char *uuid, const GuestDisk *disk, GError **error);
bool fake_attach_disk(void *host, const char *uuid, const GuestDisk *disk, GError **error);
bool fake_detach_disk(void *host, const char *uuid, const char *target, GError **error);
bool fake_create_marker(
    void *host, const char *pool, const char *token, bool *ret_existed, GError **error);
bool fake_delete_marker(void *host, const char *pool, const char *token, GError **error);
char *fake_describe_platform(void *host, const char *uuid, GError **error);
bool fake_compare_platform(void *host, const char *words, char **ret_class, GError **error);
bool fake_rehearse(
    void *dest_host, void *source_host, const MigrateRequest *request, GError **error);
bool fake_check_source(void *host, const char *uuid, GError **error);
bool fake_check_dest(void *dest_host, void *source_host, const char *uuid, GError **error);
CpuBaseline *fake_baseline_cpu(void *const *hosts, int n_hosts, GError **error);
bool fake_check_way(
    void *source_host, void *dest_host, const WayRequest *request, GError **error);
bool fake_prepare_dest(void *dest_host, void *source_host, const char *uuid, GError **error);
bool fake_live_migrate(
    void *source_host, void *dest_host, const MigrateRequest *request, GError **error);
bool fake_copy_disks(void *source, void *dest, const CopyRequest *request, GError **error);
bool fake_send_canary(
    void *source_host, void *dest_host, const MigrateRequest *request, GError **error);
bool fake_query_job(void *source_host, const char *uuid, JobStats *ret_stats, GError **error);
bool fake_query_done_job(void *dest_host, const char *uuid, JobStats *ret_stats, GError **error);
bool fake_limit_downtime(void *source_host, const char *uuid, int downtime_ms, GError **error);
bool fake_start_post_copy(void *source_host, const char *uuid, GError **error);
bool fake_abort_job(void *source_host, const char *uuid, GError **error);
