/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/driver.h"

#include "hypervisor/filter/filter.h"
#include "hypervisor/markers.h"
#include <string.h>

/* Counted inside, so that a host that a worker still holds may outlive the owner's free. */
struct Hypervisor {
    const HypervisorProvider *provider;
    void *data;
    GDestroyNotify free_data;
    GArray *filters; /* of HypervisorFilter, the first in front; fixed once a host is open */
};

struct HypervisorHost {
    Hypervisor *hypervisor;
    void *host; /* the provider's session */
    char *name;
    uint64_t session;
};

Hypervisor *
hypervisor_new(const HypervisorProvider *provider, void *data, GDestroyNotify free_data)
{
    Hypervisor *hypervisor = g_atomic_rc_box_new0(Hypervisor);

    hypervisor->provider = provider;
    hypervisor->data = data;
    hypervisor->free_data = free_data;
    hypervisor->filters = g_array_new(FALSE, FALSE, sizeof(HypervisorFilter));
    return hypervisor;
}

void
hypervisor_add_filter(Hypervisor *hypervisor, HypervisorFilter filter)
{
    g_array_prepend_val(hypervisor->filters, filter);
}

bool
hypervisor_add_filter_text(Hypervisor *hypervisor, const char *text, GError **error)
{
    HypervisorFilter filter;
    bool made;

    if (g_str_has_prefix(text, "delay:")) {
        made = delay_filter_make(text + strlen("delay:"), &filter, error);
    } else if (g_str_has_prefix(text, "fault:")) {
        made = fault_filter_make(text + strlen("fault:"), &filter, error);
    } else {
        return error_set(
            error, ERROR_INVALID, "filter '%s' is neither 'delay:...' nor 'fault:...'", text);
    }
    if (!made) {
        return false;
    }
    hypervisor_add_filter(hypervisor, filter);
    return true;
}

static void
hypervisor_clear(void *data)
{
    Hypervisor *hypervisor = data;

    for (unsigned int i = 0; i < hypervisor->filters->len; i++) {
        HypervisorFilter *filter = &g_array_index(hypervisor->filters, HypervisorFilter, i);
        if (filter->free != NULL) {
            filter->free(filter->data);
        }
    }
    g_array_unref(hypervisor->filters);
    if (hypervisor->free_data != NULL) {
        hypervisor->free_data(hypervisor->data);
    }
}

Hypervisor *
hypervisor_ref(Hypervisor *hypervisor)
{
    return g_atomic_rc_box_acquire(hypervisor);
}

void
hypervisor_free(Hypervisor *hypervisor)
{
    if (hypervisor != NULL) {
        g_atomic_rc_box_release_full(hypervisor, hypervisor_clear);
    }
}

void *
hypervisor_provider_data(const Hypervisor *hypervisor)
{
    return hypervisor->data;
}

static bool
filters_before(const Hypervisor *hypervisor, const char *verb, const char *host, GError **error)
{
    for (unsigned int i = 0; i < hypervisor->filters->len; i++) {
        HypervisorFilter *filter = &g_array_index(hypervisor->filters, HypervisorFilter, i);
        if (filter->before != NULL && !filter->before(filter->data, verb, host, error)) {
            return false;
        }
    }
    return true;
}

/* Innermost filter first: the reverse of the way in. */
static bool
filters_after(const Hypervisor *hypervisor, const char *verb, const char *host, GError **error)
{
    for (unsigned int i = hypervisor->filters->len; i > 0; i--) {
        HypervisorFilter *filter = &g_array_index(hypervisor->filters, HypervisorFilter, i - 1);
        if (filter->after != NULL && !filter->after(filter->data, verb, host, error)) {
            return false;
        }
    }
    return true;
}

static bool
before(const HypervisorHost *host, const char *verb, GError **error)
{
    return filters_before(host->hypervisor, verb, host->name, error);
}

static bool
after(const HypervisorHost *host, const char *verb, GError **error)
{
    return filters_after(host->hypervisor, verb, host->name, error);
}

static const HypervisorProvider *
provider(const HypervisorHost *host)
{
    return host->hypervisor->provider;
}

HypervisorHost *
hypervisor_open(Hypervisor *hypervisor, const HostAddress *address, uint64_t session,
    HostEventSink sink, void *sink_data, GError **error)
{
    if (!filters_before(hypervisor, "open", address->name, error)) {
        return NULL;
    }
    void *opened =
        hypervisor->provider->open(hypervisor->data, address, session, sink, sink_data, error);
    if (opened == NULL) {
        return NULL;
    }
    if (!filters_after(hypervisor, "open", address->name, error)) {
        hypervisor->provider->close(opened);
        return NULL;
    }
    HypervisorHost *host = g_atomic_rc_box_new0(HypervisorHost);
    host->hypervisor = hypervisor_ref(hypervisor);
    host->host = opened;
    host->name = g_strdup(address->name);
    host->session = session;
    return host;
}

HypervisorHost *
hypervisor_host_ref(HypervisorHost *host)
{
    return g_atomic_rc_box_acquire(host);
}

static void
host_clear(void *data)
{
    HypervisorHost *host = data;

    provider(host)->close(host->host);
    hypervisor_free(host->hypervisor);
    g_free(host->name);
}

void
hypervisor_host_unref(HypervisorHost *host)
{
    if (host != NULL) {
        g_atomic_rc_box_release_full(host, host_clear);
    }
}

const char *
hypervisor_host_name(const HypervisorHost *host)
{
    return host->name;
}

uint64_t
hypervisor_host_session(const HypervisorHost *host)
{
    return host->session;
}

bool
hypervisor_probe(HypervisorHost *host, HostFacts *ret_facts, GError **error)
{
    HostFacts facts = {0};

    if (!before(host, "probe", error) || !provider(host)->probe(host->host, &facts, error)) {
        return false;
    }
    if (!after(host, "probe", error)) {
        host_facts_clear(&facts);
        return false;
    }
    *ret_facts = facts;
    return true;
}

bool
hypervisor_read_memory(HypervisorHost *host, HostMemory *ret_memory, GError **error)
{
    return before(host, "read_memory", error) &&
        provider(host)->read_memory(host->host, ret_memory, error) &&
        after(host, "read_memory", error);
}

GPtrArray *
hypervisor_list_domains(HypervisorHost *host, GError **error)
{
    if (!before(host, "list_domains", error)) {
        return NULL;
    }
    g_autoptr(GPtrArray) domains = provider(host)->list_domains(host->host, error);
    if (domains == NULL || !after(host, "list_domains", error)) {
        return NULL;
    }
    return g_steal_pointer(&domains);
}

bool
hypervisor_describe_domain(
    HypervisorHost *host, const char *uuid, DomainView *ret_view, GError **error)
{
    DomainView view = {.generation = -1};

    if (!before(host, "describe_domain", error) ||
        !provider(host)->describe_domain(host->host, uuid, &view, error)) {
        return false;
    }
    if (!after(host, "describe_domain", error)) {
        domain_view_clear(&view);
        return false;
    }
    *ret_view = view;
    return true;
}

bool
hypervisor_ensure_base(
    HypervisorHost *host, const BaseImage *image, const Cancel *cancel, GError **error)
{
    return before(host, "ensure_base", error) &&
        provider(host)->ensure_base(host->host, image, cancel, error) &&
        after(host, "ensure_base", error);
}

bool
hypervisor_copy_base(HypervisorHost *host, HypervisorHost *from, const BaseImage *image,
    const Cancel *cancel, GError **error)
{
    return before(host, "copy_base", error) &&
        provider(host)->copy_base(host->host, from->host, image, cancel, error) &&
        after(host, "copy_base", error);
}

bool
hypervisor_create_guest(HypervisorHost *host, const GuestSpec *guest, GError **error)
{
    return before(host, "create_guest", error) &&
        provider(host)->create_guest(host->host, guest, error) &&
        after(host, "create_guest", error);
}

bool
hypervisor_remove_guest(HypervisorHost *host, const char *uuid, bool destroy, GError **error)
{
    return before(host, "remove_guest", error) &&
        provider(host)->remove_guest(host->host, uuid, destroy, error) &&
        after(host, "remove_guest", error);
}

bool
hypervisor_remove_disks(HypervisorHost *host, const char *uuid, GError **error)
{
    return before(host, "remove_disks", error) &&
        provider(host)->remove_disks(host->host, uuid, error) && after(host, "remove_disks", error);
}

bool
hypervisor_forget_guest(HypervisorHost *host, const char *uuid, GError **error)
{
    return before(host, "forget_guest", error) &&
        provider(host)->forget_guest(host->host, uuid, error) && after(host, "forget_guest", error);
}

GPtrArray *
hypervisor_list_guest_volumes(HypervisorHost *host, const char *uuid, GError **error)
{
    if (!before(host, "list_guest_volumes", error)) {
        return NULL;
    }
    g_autoptr(GPtrArray) volumes = provider(host)->list_guest_volumes(host->host, uuid, error);
    if (volumes == NULL || !after(host, "list_guest_volumes", error)) {
        return NULL;
    }
    return g_steal_pointer(&volumes);
}

bool
hypervisor_prove_guest(HypervisorHost *host, const char *uuid, GError **error)
{
    return before(host, "prove_guest", error) &&
        provider(host)->prove_guest(host->host, uuid, error) && after(host, "prove_guest", error);
}

bool
hypervisor_start_guest(HypervisorHost *host, const char *uuid, GError **error)
{
    return before(host, "start_guest", error) &&
        provider(host)->start_guest(host->host, uuid, error) && after(host, "start_guest", error);
}

bool
hypervisor_shutdown_guest(HypervisorHost *host, const char *uuid, GError **error)
{
    return before(host, "shutdown_guest", error) &&
        provider(host)->shutdown_guest(host->host, uuid, error) &&
        after(host, "shutdown_guest", error);
}

bool
hypervisor_destroy_guest(HypervisorHost *host, const char *uuid, GError **error)
{
    return before(host, "destroy_guest", error) &&
        provider(host)->destroy_guest(host->host, uuid, error) &&
        after(host, "destroy_guest", error);
}

bool
hypervisor_reboot_guest(HypervisorHost *host, const char *uuid, bool hard, GError **error)
{
    return before(host, "reboot_guest", error) &&
        provider(host)->reboot_guest(host->host, uuid, hard, error) &&
        after(host, "reboot_guest", error);
}

bool
hypervisor_pause_guest(HypervisorHost *host, const char *uuid, GError **error)
{
    return before(host, "pause_guest", error) &&
        provider(host)->pause_guest(host->host, uuid, error) && after(host, "pause_guest", error);
}

bool
hypervisor_resume_guest(HypervisorHost *host, const char *uuid, GError **error)
{
    return before(host, "resume_guest", error) &&
        provider(host)->resume_guest(host->host, uuid, error) && after(host, "resume_guest", error);
}

bool
hypervisor_read_console(HypervisorHost *host, const char *uuid, size_t max_size, char **ret_text,
    size_t *ret_size, GError **error)
{
    g_autofree char *text = NULL;
    size_t size;

    if (!before(host, "read_console", error) ||
        !provider(host)->read_console(host->host, uuid, max_size, &text, &size, error) ||
        !after(host, "read_console", error)) {
        return false;
    }
    *ret_text = g_steal_pointer(&text);
    *ret_size = size;
    return true;
}

bool
hypervisor_create_volume(HypervisorHost *host, const PoolVolume *volume, GError **error)
{
    return before(host, "create_volume", error) &&
        provider(host)->create_volume(host->host, volume, error) &&
        after(host, "create_volume", error);
}

bool
hypervisor_delete_volume(HypervisorHost *host, const char *pool, const char *name, GError **error)
{
    return before(host, "delete_volume", error) &&
        provider(host)->delete_volume(host->host, pool, name, error) &&
        after(host, "delete_volume", error);
}

bool
hypervisor_try_disk(HypervisorHost *host, const char *uuid, const GuestDisk *disk, GError **error)
{
    return before(host, "try_disk", error) &&
        provider(host)->try_disk(host->host, uuid, disk, error) && after(host, "try_disk", error);
}

bool
hypervisor_attach_disk(
    HypervisorHost *host, const char *uuid, const GuestDisk *disk, GError **error)
{
    return before(host, "attach_disk", error) &&
        provider(host)->attach_disk(host->host, uuid, disk, error) &&
        after(host, "attach_disk", error);
}

bool
hypervisor_detach_disk(HypervisorHost *host, const char *uuid, const char *target, GError **error)
{
    return before(host, "detach_disk", error) &&
        provider(host)->detach_disk(host->host, uuid, target, error) &&
        after(host, "detach_disk", error);
}

bool
hypervisor_create_marker(HypervisorHost *host, const char *pool, const char *token,
    bool *ret_existed, GError **error)
{
    bool existed;

    if (!before(host, "create_marker", error) ||
        !provider(host)->create_marker(host->host, pool, token, &existed, error) ||
        !after(host, "create_marker", error)) {
        return false;
    }
    *ret_existed = existed;
    return true;
}

bool
hypervisor_delete_marker(
    HypervisorHost *host, const char *pool, const char *token, GError **error)
{
    return before(host, "delete_marker", error) &&
        provider(host)->delete_marker(host->host, pool, token, error) &&
        after(host, "delete_marker", error);
}

bool
hypervisor_probe_shared_pool(HypervisorHost *one, HypervisorHost *other, const char *pool,
    const char *token, bool *ret_shared, GError **error)
{
    bool existed = false;
    bool is_shared = false;

    markers_begin(token);
    bool is_ok = hypervisor_create_marker(one, pool, token, &existed, error) &&
        hypervisor_create_marker(other, pool, token, &is_shared, error);
    /* Whatever has come of it: one that did not answer may have made it all the same. What cannot
     * be deleted is harmless, and swept when its host connects. */
    hypervisor_delete_marker(one, pool, token, NULL);
    if (!is_shared) {
        hypervisor_delete_marker(other, pool, token, NULL);
    }
    markers_end(token);
    if (is_ok) {
        *ret_shared = is_shared;
    }
    return is_ok;
}

bool
hypervisor_check_dest(
    HypervisorHost *dest, HypervisorHost *source, const char *uuid, GError **error)
{
    return before(dest, "check_dest", error) &&
        provider(dest)->check_dest(dest->host, source->host, uuid, error) &&
        after(dest, "check_dest", error);
}

bool
hypervisor_check_source(HypervisorHost *host, const char *uuid, GError **error)
{
    return before(host, "check_source", error) &&
        provider(host)->check_source(host->host, uuid, error) &&
        after(host, "check_source", error);
}

char *
hypervisor_describe_platform(HypervisorHost *host, const char *uuid, GError **error)
{
    if (!before(host, "describe_platform", error)) {
        return NULL;
    }
    g_autofree char *words = provider(host)->describe_platform(host->host, uuid, error);
    return words != NULL && after(host, "describe_platform", error) ? g_steal_pointer(&words)
                                                                    : NULL;
}

/* A refusal that a filter makes up is the host's all the same: it has a class. */
bool
hypervisor_compare_platform(
    HypervisorHost *host, const char *words, char **ret_class, GError **error)
{
    return provider(host)->compare_platform(host->host, words, ret_class, error) &&
        before(host, "compare_platform", error) && after(host, "compare_platform", error);
}

CpuBaseline *
hypervisor_baseline_cpu(HypervisorHost *const *hosts, int n_hosts, GError **error)
{
    g_autofree void **sessions = g_new(void *, n_hosts);

    for (int i = 0; i < n_hosts; i++) {
        sessions[i] = hosts[i]->host;
        if (provider(hosts[i]) != provider(hosts[0])) {
            error_set(error, ERROR_INVALID, "hosts '%s' and '%s' have no hypervisor in common",
                hosts[0]->name, hosts[i]->name);
            return NULL;
        }
    }
    if (!before(hosts[0], "baseline_cpu", error)) {
        return NULL;
    }
    g_autoptr(CpuBaseline) baseline = provider(hosts[0])->baseline_cpu(sessions, n_hosts, error);
    return baseline != NULL && after(hosts[0], "baseline_cpu", error) ? g_steal_pointer(&baseline)
                                                                      : NULL;
}

bool
hypervisor_check_way(
    HypervisorHost *source, HypervisorHost *dest, const WayRequest *request, GError **error)
{
    return before(source, "check_way", error) &&
        provider(source)->check_way(source->host, dest->host, request, error) &&
        after(source, "check_way", error);
}

bool
hypervisor_rehearse(HypervisorHost *dest, HypervisorHost *source, const MigrateRequest *request,
    GError **error)
{
    return before(dest, "rehearse", error) &&
        provider(dest)->rehearse(dest->host, source->host, request, error) &&
        after(dest, "rehearse", error);
}

bool
hypervisor_prepare_dest(
    HypervisorHost *dest, HypervisorHost *source, const char *uuid, GError **error)
{
    return before(dest, "prepare_dest", error) &&
        provider(dest)->prepare_dest(dest->host, source->host, uuid, error) &&
        after(dest, "prepare_dest", error);
}

bool
hypervisor_live_migrate(
    HypervisorHost *source, HypervisorHost *dest, const MigrateRequest *request, GError **error)
{
    return before(source, "live_migrate", error) &&
        provider(source)->live_migrate(source->host, dest->host, request, error) &&
        after(source, "live_migrate", error);
}

bool
hypervisor_copy_disks(
    HypervisorHost *source, HypervisorHost *dest, const CopyRequest *request, GError **error)
{
    return before(source, "copy_disks", error) &&
        provider(source)->copy_disks(source->host, dest->host, request, error) &&
        after(source, "copy_disks", error);
}

bool
hypervisor_send_canary(
    HypervisorHost *source, HypervisorHost *dest, const MigrateRequest *request, GError **error)
{
    return before(source, "send_canary", error) &&
        provider(source)->send_canary(source->host, dest->host, request, error) &&
        after(source, "send_canary", error);
}

bool
hypervisor_query_job(HypervisorHost *source, const char *uuid, JobStats *ret_stats, GError **error)
{
    JobStats stats;

    if (!before(source, "query_job", error) ||
        !provider(source)->query_job(source->host, uuid, &stats, error) ||
        !after(source, "query_job", error)) {
        return false;
    }
    *ret_stats = stats;
    return true;
}

bool
hypervisor_query_done_job(
    HypervisorHost *dest, const char *uuid, JobStats *ret_stats, GError **error)
{
    JobStats stats;

    if (!before(dest, "query_done_job", error) ||
        !provider(dest)->query_done_job(dest->host, uuid, &stats, error) ||
        !after(dest, "query_done_job", error)) {
        return false;
    }
    *ret_stats = stats;
    return true;
}

bool
hypervisor_limit_downtime(HypervisorHost *source, const char *uuid, int downtime_ms, GError **error)
{
    return before(source, "limit_downtime", error) &&
        provider(source)->limit_downtime(source->host, uuid, downtime_ms, error) &&
        after(source, "limit_downtime", error);
}

bool
hypervisor_start_post_copy(HypervisorHost *source, const char *uuid, GError **error)
{
    return before(source, "start_post_copy", error) &&
        provider(source)->start_post_copy(source->host, uuid, error) &&
        after(source, "start_post_copy", error);
}

bool
hypervisor_abort_job(HypervisorHost *source, const char *uuid, GError **error)
{
    return before(source, "abort_job", error) &&
        provider(source)->abort_job(source->host, uuid, error) && after(source, "abort_job", error);
}
