/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* A fake fleet as a provider: its sessions, and the questions to a host. */
#include "hypervisor/fake/domains.h"
#include "hypervisor/fake/hosts.h"
#include "hypervisor/fake/verbs.h"
#include "hypervisor/fake/volumes.h"

#define URI_PREFIX "fake:///"

/* ---- session ---- */

static char *
make_pool_id(const FakeFleet *fleet, const char *host, const char *pool)
{
    bool is_shared = fleet->options.shared_pool || strcmp(pool, "shared") == 0;
    return is_shared ? g_strdup("shared") : g_strconcat(host, "/", pool, NULL);
}

static FakeSession *
session_new(FakeFleet *fleet, const HostAddress *address, const char *host, uint64_t id,
    HostEventSink sink, void *sink_data)
{
    FakeSession *session = g_new0(FakeSession, 1);
    session->fleet = fleet;
    session->host = g_strdup(host);
    session->pool = make_pool_id(fleet, host, address->pool != NULL ? address->pool : "instances");
    session->id = id;
    session->sink = sink;
    session->sink_data = sink_data;
    session->dead_us = NEVER_US;
    g_queue_init(&session->held);
    return session;
}

static void *
fake_open(void *provider, const HostAddress *address, uint64_t id, HostEventSink sink,
    void *sink_data, GError **error)
{
    FakeFleet *fleet = provider;
    if (!g_str_has_prefix(address->uri, URI_PREFIX) || address->uri[strlen(URI_PREFIX)] == '\0') {
        error_set(error, ERROR_INVALID, "'%s' is not 'fake:///NAME'", address->uri);
        return NULL;
    }
    const char *host = address->uri + strlen(URI_PREFIX);
    FakeSession *session = NULL;
    fleet_lock(fleet);
    hosts_make(fleet, host);
    if (hosts_is_answering(fleet, host)) {
        session = session_new(fleet, address, host, id, sink, sink_data);
        pools_make(fleet, session->pool);
        volumes_sweep_markers(fleet, session->pool);
        fleet_add_session(session);
    } else {
        error_set(error, ERROR_HYPERVISOR_DOWN, "host '%s' does not answer", host);
    }
    fleet_leave(fleet);
    return session;
}

static void
fake_close(void *host)
{
    FakeSession *session = host;
    fleet_remove_session(session);
    g_free(session->host);
    g_free(session->pool);
    g_free(session);
}

/* ---- questions ---- */

static bool
fake_probe(void *host, HostFacts *ret_facts, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, false, error)) {
        return false;
    }
    hosts_read_facts(session->fleet, session->host, session->pool, ret_facts);
    fleet_leave(session->fleet);
    return true;
}

static bool
fake_read_memory(void *host, HostMemory *ret_memory, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, false, error)) {
        return false;
    }
    *ret_memory = hosts_read_memory(session->fleet, session->host);
    fleet_leave(session->fleet);
    return true;
}

static GPtrArray *
fake_list_domains(void *host, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, false, error)) {
        return NULL;
    }
    GPtrArray *views = domains_list(session->fleet, session->host, NULL);
    fleet_leave(session->fleet);
    return views;
}

static bool
fake_describe_domain(void *host, const char *uuid, DomainView *ret_view, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, false, error)) {
        return false;
    }
    g_autoptr(GPtrArray) views = domains_list(session->fleet, session->host, uuid);
    fleet_leave(session->fleet);
    *ret_view = (DomainView){.state = DOMAIN_ABSENT, .generation = -1};
    if (views->len > 0) {
        DomainView *view = views->pdata[0];
        *ret_view = *view;
        view->name = NULL; /* handed over */
    }
    g_strlcpy(ret_view->uuid, uuid, sizeof ret_view->uuid);
    return true;
}

static bool
fake_read_console(void *host, const char *uuid, size_t max_size, char **ret_text, size_t *ret_size,
    GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, false, error)) {
        return false;
    }
    /* Of a guest that has left, the log is still in the pool. */
    g_auto(FakeDomain) domain;
    bool is_here = domains_find(session->fleet, session->host, uuid, &domain);
    g_autofree char *text =
        volumes_read_console(session->fleet, is_here ? domain.pool : session->pool, uuid);
    fleet_leave(session->fleet);
    if (!is_here && text == NULL) {
        return error_set(error, ERROR_NOT_FOUND, "guest '%s' has no console log on host '%s'", uuid,
            session->host);
    }
    size_t size = text == NULL ? 0 : strlen(text);
    size_t skip = size > max_size ? size - max_size : 0;
    *ret_text = g_strdup(text == NULL ? "" : text + skip);
    *ret_size = size - skip;
    return true;
}

static const HypervisorProvider fake_provider = {
    .name = "fake",
    .open = fake_open,
    .close = fake_close,
    .probe = fake_probe,
    .read_memory = fake_read_memory,
    .list_domains = fake_list_domains,
    .describe_domain = fake_describe_domain,
    .ensure_base = fake_ensure_base,
    .copy_base = fake_copy_base,
    .create_guest = fake_create_guest,
    .remove_guest = fake_remove_guest,
    .remove_disks = fake_remove_disks,
    .forget_guest = fake_forget_guest,
    .list_guest_volumes = fake_list_guest_volumes,
    .start_guest = fake_start_guest,
    .prove_guest = fake_prove_guest,
    .shutdown_guest = fake_shutdown_guest,
    .destroy_guest = fake_destroy_guest,
    .reboot_guest = fake_reboot_guest,
    .pause_guest = fake_pause_guest,
    .resume_guest = fake_resume_guest,
    .read_console = fake_read_console,
    .create_volume = fake_create_volume,
    .delete_volume = fake_delete_volume,
    .try_disk = fake_try_disk,
    .attach_disk = fake_attach_disk,
    .detach_disk = fake_detach_disk,
    .create_marker = fake_create_marker,
    .delete_marker = fake_delete_marker,
    .check_dest = fake_check_dest,
    .check_source = fake_check_source,
    .describe_platform = fake_describe_platform,
    .compare_platform = fake_compare_platform,
    .baseline_cpu = fake_baseline_cpu,
    .check_way = fake_check_way,
    .rehearse = fake_rehearse,
    .prepare_dest = fake_prepare_dest,
    .live_migrate = fake_live_migrate,
    .copy_disks = fake_copy_disks,
    .send_canary = fake_send_canary,
    .query_job = fake_query_job,
    .query_done_job = fake_query_done_job,
    .limit_downtime = fake_limit_downtime,
    .start_post_copy = fake_start_post_copy,
    .abort_job = fake_abort_job,
};

Hypervisor *
fake_hypervisor_new(const FakeOptions *options, GError **error)
{
    FakeFleet *fleet = fleet_new(options, error);
    if (fleet == NULL) {
        return NULL;
    }
    return hypervisor_new(&fake_provider, fleet, (GDestroyNotify)fleet_free);
}
