/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The hypervisor as callers see it: one function per verb of provider.h, with the same meaning,
 * run through the filters. A Hypervisor is a provider with its filters; a HypervisorHost is an
 * open session. Blocking: only on worker threads (calls.h). */
#include "hypervisor/provider.h"

typedef struct Hypervisor Hypervisor;
typedef struct HypervisorHost HypervisorHost;

/* A layer in front of a provider. Either function may be NULL. before: an error stops the verb
 * before its effect; after: an error replaces the result of an effect that has happened, which is
 * how an unknown outcome is rehearsed. */
typedef struct HypervisorFilter {
    const char *name;
    bool (*before)(void *data, const char *verb, const char *host, GError **error);
    bool (*after)(void *data, const char *verb, const char *host, GError **error);
    void (*free)(void *data);
    void *data;
} HypervisorFilter;

/* Takes the provider's own data (freed by free_data). */
Hypervisor *hypervisor_new(
    const HypervisorProvider *provider, void *data, GDestroyNotify free_data);
/* Added in front of those that are there; takes filter.data. */
void hypervisor_add_filter(Hypervisor *hypervisor, HypervisorFilter filter);
/* "delay:live_migrate=500" or "fault:start_guest@3=refused": makes the named filter (filter/). */
bool hypervisor_add_filter_text(Hypervisor *hypervisor, const char *text, GError **error);
/* Counted, because a worker may still be opening a host when its owner lets go of it. */
Hypervisor *hypervisor_ref(Hypervisor *hypervisor);
void hypervisor_free(Hypervisor *hypervisor);
/* What was given to hypervisor_new as the provider's own data: for functions beside the verbs. */
void *hypervisor_provider_data(const Hypervisor *hypervisor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Hypervisor, hypervisor_free)

HypervisorHost *hypervisor_open(Hypervisor *hypervisor, const HostAddress *address,
    uint64_t session, HostEventSink sink, void *sink_data, GError **error);
/* Counted, because a worker may still be inside a call when the engine lets go of a host. */
HypervisorHost *hypervisor_host_ref(HypervisorHost *host);
void hypervisor_host_unref(HypervisorHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HypervisorHost, hypervisor_host_unref)
const char *hypervisor_host_name(const HypervisorHost *host);
uint64_t hypervisor_host_session(const HypervisorHost *host);

bool hypervisor_probe(HypervisorHost *host, HostFacts *ret_facts, GError **error);
bool hypervisor_read_memory(HypervisorHost *host, HostMemory *ret_memory, GError **error);
GPtrArray *hypervisor_list_domains(HypervisorHost *host, GError **error);
bool hypervisor_describe_domain(
    HypervisorHost *host, const char *uuid, DomainView *ret_view, GError **error);
bool hypervisor_ensure_base(
    HypervisorHost *host, const BaseImage *image, const Cancel *cancel, GError **error);
bool hypervisor_copy_base(HypervisorHost *host, HypervisorHost *from, const BaseImage *image,
    const Cancel *cancel, GError **error);
bool hypervisor_create_guest(HypervisorHost *host, const GuestSpec *guest, GError **error);
bool hypervisor_remove_guest(
    HypervisorHost *host, const char *uuid, bool destroy, GError **error);
bool hypervisor_remove_disks(HypervisorHost *host, const char *uuid, GError **error);
bool hypervisor_forget_guest(HypervisorHost *host, const char *uuid, GError **error);
GPtrArray *hypervisor_list_guest_volumes(HypervisorHost *host, const char *uuid, GError **error);
bool hypervisor_start_guest(HypervisorHost *host, const char *uuid, GError **error);
bool hypervisor_prove_guest(HypervisorHost *host, const char *uuid, GError **error);
bool hypervisor_shutdown_guest(HypervisorHost *host, const char *uuid, GError **error);
bool hypervisor_destroy_guest(HypervisorHost *host, const char *uuid, GError **error);
bool hypervisor_reboot_guest(HypervisorHost *host, const char *uuid, bool hard, GError **error);
bool hypervisor_pause_guest(HypervisorHost *host, const char *uuid, GError **error);
bool hypervisor_resume_guest(HypervisorHost *host, const char *uuid, GError **error);
bool hypervisor_read_console(HypervisorHost *host, const char *uuid, size_t max_size,
    char **ret_text, size_t *ret_size, GError **error);
bool hypervisor_create_volume(HypervisorHost *host, const PoolVolume *volume, GError **error);
bool hypervisor_delete_volume(
    HypervisorHost *host, const char *pool, const char *name, GError **error);
bool hypervisor_try_disk(
    HypervisorHost *host, const char *uuid, const GuestDisk *disk, GError **error);
bool hypervisor_attach_disk(
    HypervisorHost *host, const char *uuid, const GuestDisk *disk, GError **error);
bool hypervisor_detach_disk(
    HypervisorHost *host, const char *uuid, const char *target, GError **error);
bool hypervisor_create_marker(HypervisorHost *host, const char *pool, const char *token,
    bool *ret_existed, GError **error);
bool hypervisor_delete_marker(
    HypervisorHost *host, const char *pool, const char *token, GError **error);
/* Made of the two above: whether both hosts have one pool, seen by a marker that is made through
 * one and is there already when the other makes it. token: random, used once; a crash leaves its
 * marker behind, which nobody asks for again. */
bool hypervisor_probe_shared_pool(HypervisorHost *one, HypervisorHost *other, const char *pool,
    const char *token, bool *ret_shared, GError **error);
bool hypervisor_check_dest(
    HypervisorHost *dest, HypervisorHost *source, const char *uuid, GError **error);
bool hypervisor_check_source(HypervisorHost *host, const char *uuid, GError **error);
char *hypervisor_describe_platform(HypervisorHost *host, const char *uuid, GError **error);
bool hypervisor_compare_platform(
    HypervisorHost *host, const char *words, char **ret_class, GError **error);
/* Of hosts of one provider. */
CpuBaseline *hypervisor_baseline_cpu(HypervisorHost *const *hosts, int n_hosts, GError **error);
bool hypervisor_check_way(
    HypervisorHost *source, HypervisorHost *dest, const WayRequest *request, GError **error);
bool hypervisor_rehearse(HypervisorHost *dest, HypervisorHost *source,
    const MigrateRequest *request, GError **error);
bool hypervisor_prepare_dest(
    HypervisorHost *dest, HypervisorHost *source, const char *uuid, GError **error);
bool hypervisor_live_migrate(HypervisorHost *source, HypervisorHost *dest,
    const MigrateRequest *request, GError **error);
bool hypervisor_limit_downtime(
    HypervisorHost *source, const char *uuid, int downtime_ms, GError **error);
bool hypervisor_start_post_copy(HypervisorHost *source, const char *uuid, GError **error);
bool hypervisor_copy_disks(HypervisorHost *source, HypervisorHost *dest,
    const CopyRequest *request, GError **error);
bool hypervisor_send_canary(HypervisorHost *source, HypervisorHost *dest,
    const MigrateRequest *request, GError **error);
bool hypervisor_query_job(
    HypervisorHost *source, const char *uuid, JobStats *ret_stats, GError **error);
bool hypervisor_query_done_job(
    HypervisorHost *dest, const char *uuid, JobStats *ret_stats, GError **error);
bool hypervisor_abort_job(HypervisorHost *source, const char *uuid, GError **error);
