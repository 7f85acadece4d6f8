/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Verbs on two hosts. */
#include "hypervisor/fake/verbs.h"

#include "hypervisor/fake/disks.h"
#include "hypervisor/fake/domains.h"
#include "hypervisor/fake/jobs.h"
#include "hypervisor/fake/post_copy.h"
#include "hypervisor/fake/volumes.h"

/* All fake hosts have the same processor. */
bool
fake_check_dest(void *dest_host, void *source_host, const char *uuid, GError **error)
{
    FakeSession *dest = dest_host;
    FakeSession *source = source_host;
    if (!fleet_enter_both(dest, source, true, error)) {
        return false;
    }
    g_auto(FakeDomain) domain;
    bool done = domains_get(source->fleet, source->host, uuid, &domain, error) &&
        domains_check_stays(source->fleet, source->host, uuid, error) &&
        disks_try(dest, source->host, uuid, error);
    fleet_leave(dest->fleet);
    return done;
}

bool
fake_check_source(void *host, const char *uuid, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, false, error)) {
        return false;
    }
    g_auto(FakeDomain) domain;
    bool may = domains_get(session->fleet, session->host, uuid, &domain, error) &&
        domains_check_stays(session->fleet, session->host, uuid, error);
    fleet_leave(session->fleet);
    return may;
}

/* What an emulator here can fail for is the memory. */
bool
fake_rehearse(void *dest_host, void *source_host, const MigrateRequest *request, GError **error)
{
    FakeSession *dest = dest_host;
    FakeSession *source = source_host;
    if (!fleet_enter_both(dest, source, true, error)) {
        return false;
    }
    g_auto(FakeDomain) domain;
    bool done = domains_get(source->fleet, source->host, request->uuid, &domain, error) &&
        (domain_state_is_active(domain.state) ||
            error_set(error, ERROR_CONFLICT, "guest '%s' is off on host '%s'", request->uuid,
                source->host)) &&
        domains_check_memory(dest->fleet, dest->host, domain.memory_mib, error);
    fleet_leave(dest->fleet);
    return done;
}

char *
fake_describe_platform(void *host, const char *uuid, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, false, error)) {
        return NULL;
    }
    g_auto(FakeDomain) domain;
    bool is_there = domains_get(session->fleet, session->host, uuid, &domain, error);
    fleet_leave(session->fleet);
    return is_there ? g_strdup("<cpu><model>qemu64</model></cpu>") : NULL;
}

bool
fake_compare_platform(void *host, const char *words, char **ret_class, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, false, error)) {
        return false;
    }
    fleet_leave(session->fleet);
    *ret_class = g_strdup(FAKE_CPU_CLASS);
    return true;
}

static void
add_guests(CpuBaseline *baseline, const FakeSession *session)
{
    g_autoptr(GPtrArray) views = domains_list(session->fleet, session->host, NULL);
    for (unsigned i = 0; i < views->len; i++) {
        const DomainView *view = views->pdata[i];
        if (domain_state_is_active(view->state)) {
            CpuOfGuest *guest = g_new0(CpuOfGuest, 1);
            g_strlcpy(guest->uuid, view->uuid, sizeof guest->uuid);
            guest->name = g_strdup(view->name);
            guest->host = g_strdup(session->host);
            guest->model = g_strdup(baseline->model);
            guest->lacks =
                baseline->features[0] != NULL ? g_strjoinv(", ", baseline->features) : NULL;
            g_ptr_array_add(baseline->guests, guest);
        }
    }
}

CpuBaseline *
fake_baseline_cpu(void *const *hosts, int n_hosts, GError **error)
{
    const FakeSession *first = hosts[0];
    const char *features = first->fleet->options.cpu_features;
    g_autoptr(CpuBaseline) baseline = cpu_baseline_new();
    baseline->model = g_strdup("qemu64");
    baseline->features = g_strsplit(features != NULL ? features : "", ",", -1);
    for (int i = 0; i < n_hosts; i++) {
        FakeSession *session = hosts[i];
        if (!fleet_enter(session, false, error)) {
            return NULL;
        }
        CpuOfHost *host = g_new0(CpuOfHost, 1);
        host->name = g_strdup(session->host);
        host->model = g_strdup("qemu64");
        g_ptr_array_add(baseline->hosts, host);
        add_guests(baseline, session);
        fleet_leave(session->fleet);
    }
    return g_steal_pointer(&baseline);
}

/* Packets get everywhere; where they shall not, a filter says so. */
bool
fake_check_way(void *source_host, void *dest_host, const WayRequest *request, GError **error)
{
    FakeSession *source = source_host;
    if (!fleet_enter_both(source, dest_host, true, error)) {
        return false;
    }
    fleet_leave(source->fleet);
    return true;
}

/* A courier or a canary, wherever it is there. */
static void
drop_throwaway(FakeFleet *fleet, const char *host, const char *uuid)
{
    g_auto(FakeDomain) domain;
    domains_find(fleet, host, uuid, &domain);
    if (domain_state_is_active(domain.state)) {
        domains_stop(fleet, host, uuid, DOMAIN_REASON_DESTROYED);
    }
    domains_undefine(fleet, host, uuid);
}

/* Whoever can be asked can be reached, as in fake_check_way. One that a real daemon has left there
 * would be in the way. */
bool
fake_send_canary(
    void *source_host, void *dest_host, const MigrateRequest *request, GError **error)
{
    FakeSession *source = source_host;
    FakeSession *dest = dest_host;
    if (!fleet_enter_both(source, dest, true, error)) {
        return false;
    }
    drop_throwaway(source->fleet, source->host, request->uuid);
    drop_throwaway(dest->fleet, dest->host, request->uuid);
    fleet_leave(source->fleet);
    return true;
}

static bool
prepare_volumes(FakeSession *dest, FakeSession *source, const char *uuid, GError **error)
{
    g_auto(FakeDomain) old;
    if (domains_find(dest->fleet, dest->host, uuid, &old)) {
        return error_set(
            error, ERROR_CONFLICT, "domain '%s' is defined on host '%s'", uuid, dest->host);
    }
    return volumes_prepare_guest(dest->fleet, dest->pool, source->pool, uuid, error);
}

bool
fake_prepare_dest(void *dest_host, void *source_host, const char *uuid, GError **error)
{
    FakeSession *dest = dest_host;
    if (!fleet_enter_both(dest, source_host, true, error)) {
        return false;
    }
    bool done = prepare_volumes(dest, source_host, uuid, error);
    fleet_leave(dest->fleet);
    return done;
}

static bool
wait_for_job(FakeSession *source, FakeWaiter *waiter, GError **error)
{
    if (source->fleet->is_real_time) {
        fleet_advance(source->fleet); /* without latency it has ended with this */
    }
    if (!fleet_wait(source->fleet, waiter)) {
        return error_set(error, ERROR_OUTCOME_UNKNOWN,
            "the connection to host '%s' broke while domain '%s' moved", source->host,
            waiter->uuid);
    }
    return waiter->is_success || error_set(error, waiter->code, "%s", waiter->message);
}

bool
fake_live_migrate(void *source_host, void *dest_host, const MigrateRequest *request, GError **error)
{
    FakeSession *source = source_host;
    if (!fleet_enter(source, true, error)) {
        return false;
    }
    FakeWaiter waiter = {.session = source, .uuid = request->uuid};
    fleet_expect(source->fleet, &waiter);
    bool done = request->resume_post_copy
        ? post_copy_resume(source->fleet, source, dest_host, request->uuid, error)
        : jobs_start(source->fleet, source, dest_host, request, error);
    if (done) {
        done = wait_for_job(source, &waiter, error);
    } else {
        fleet_forget(source->fleet, &waiter);
    }
    g_free(waiter.message);
    fleet_leave(source->fleet);
    return done;
}

/* ---- the disk courier ---- */

static bool
has_arrived(FakeSession *dest, const char *courier)
{
    g_auto(FakeDomain) domain;
    domains_find(dest->fleet, dest->host, courier, &domain);
    return domain_state_is_active(domain.state) && domain.job == DOMAIN_JOB_NONE;
}

/* One that is under way is waited for. */
static bool
carry(FakeSession *source, FakeSession *dest, const CopyRequest *request, GError **error)
{
    FakeFleet *fleet = source->fleet;
    FakeWaiter waiter = {.session = source, .uuid = request->courier};
    bool is_ok = true;

    fleet_expect(fleet, &waiter);
    if (!jobs_is_courier(fleet, request->courier)) {
        if (has_arrived(dest, request->courier)) {
            fleet_forget(fleet, &waiter);
            return true;
        }
        drop_throwaway(fleet, source->host, request->courier);
        drop_throwaway(fleet, dest->host, request->courier);
        is_ok = jobs_start_courier(fleet, source, dest, request, error);
    }
    if (!is_ok) {
        fleet_forget(fleet, &waiter);
        return false;
    }
    is_ok = wait_for_job(source, &waiter, error);
    g_free(waiter.message);
    if (!is_ok && !waiter.session->is_closed) {
        drop_throwaway(fleet, source->host, request->courier);
    }
    return is_ok;
}

bool
fake_copy_disks(void *source_host, void *dest_host, const CopyRequest *request, GError **error)
{
    FakeSession *source = source_host;
    FakeSession *dest = dest_host;
    if (!fleet_enter_both(source, dest, true, error)) {
        return false;
    }
    bool done = carry(source, dest, request, error);
    fleet_leave(source->fleet);
    if (!done || !fleet_enter(dest, true, error)) {
        return false;
    }
    drop_throwaway(dest->fleet, dest->host, request->courier);
    fleet_leave(dest->fleet);
    return true;
}

bool
fake_query_job(void *source_host, const char *uuid, JobStats *ret_stats, GError **error)
{
    FakeSession *source = source_host;
    if (!fleet_enter(source, false, error)) {
        return false;
    }
    bool done = jobs_query(source->fleet, source->host, uuid, ret_stats, error);
    fleet_leave(source->fleet);
    return done;
}

bool
fake_query_done_job(void *dest_host, const char *uuid, JobStats *ret_stats, GError **error)
{
    FakeSession *dest = dest_host;
    if (!fleet_enter(dest, false, error)) {
        return false;
    }
    bool done = jobs_query_done(dest->fleet, dest->host, uuid, ret_stats, error);
    fleet_leave(dest->fleet);
    return done;
}

bool
fake_abort_job(void *source_host, const char *uuid, GError **error)
{
    FakeSession *source = source_host;
    if (!fleet_enter(source, true, error)) {
        return false;
    }
    bool done = jobs_abort(source->fleet, source->host, uuid, error);
    fleet_leave(source->fleet);
    return done;
}

bool
fake_limit_downtime(void *source_host, const char *uuid, int downtime_ms, GError **error)
{
    FakeSession *source = source_host;
    if (!fleet_enter(source, true, error)) {
        return false;
    }
    bool done = jobs_limit_downtime(source->fleet, source->host, uuid, downtime_ms, error);
    fleet_leave(source->fleet);
    return done;
}

bool
fake_start_post_copy(void *source_host, const char *uuid, GError **error)
{
    FakeSession *source = source_host;
    if (!fleet_enter(source, true, error)) {
        return false;
    }
    bool done = jobs_start_post_copy(source->fleet, source->host, uuid, error);
    fleet_leave(source->fleet);
    return done;
}
