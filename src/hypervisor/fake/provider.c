/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The verbs of provider.h, each one transaction on the fleet. */
#include "hypervisor/fake/domains.h"
#include "hypervisor/fake/hosts.h"
#include "hypervisor/fake/jobs.h"
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
fake_ping(void *host, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, false, error)) {
        return false;
    }
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
    g_auto(FakeDomain) domain = {0};
    bool is_here = domains_get(session->fleet, session->host, uuid, &domain, error);
    g_autofree char *text =
        is_here ? volumes_read_console(session->fleet, domain.pool, uuid) : NULL;
    fleet_leave(session->fleet);
    if (!is_here) {
        return false;
    }
    size_t size = text == NULL ? 0 : strlen(text);
    size_t skip = size > max_size ? size - max_size : 0;
    *ret_text = g_strdup(text == NULL ? "" : text + skip);
    *ret_size = size - skip;
    return true;
}

/* ---- bases ---- */

/* Takes the time that a stream of this size takes. False: the session closed meanwhile, and the
 * base stays incomplete. */
static bool
stream(FakeSession *session, int64_t size, GError **error)
{
    FakeFleet *fleet = session->fleet;
    if (fleet->options.base_bytes_s == 0) {
        return true;
    }
    int64_t time_us = (int64_t)((double)size / (double)fleet->options.base_bytes_s * 1e6);
    FakeWaiter waiter = {.session = session, .until_us = fleet_now_us(fleet) + time_us};
    fleet_expect(fleet, &waiter);
    return fleet_wait(fleet, &waiter) ||
        error_set(error, ERROR_OUTCOME_UNKNOWN,
            "the connection to host '%s' broke while a base was streamed", session->host);
}

static bool
make_base(FakeSession *session, const BaseImage *image, GError **error)
{
    FakeFleet *fleet = session->fleet;
    if (!volumes_begin_base(fleet, session->pool, image, error) ||
        !stream(session, image->size_bytes, error)) {
        return false;
    }
    volumes_complete_base(fleet, session->pool, image->sha256);
    return true;
}

static bool
fake_ensure_base(void *host, const BaseImage *image, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, true, error)) {
        return false;
    }
    bool done = volumes_has_base(session->fleet, session->pool, image->sha256);
    if (!done && image->path == NULL) {
        error_set(error, ERROR_NOT_FOUND, "the file of base '%s' is gone", image->sha256);
    } else if (!done) {
        done = make_base(session, image, error);
    }
    fleet_leave(session->fleet);
    return done;
}

static bool
fake_copy_base(void *host, void *from_host, const BaseImage *image, GError **error)
{
    FakeSession *session = host;
    FakeSession *from = from_host;
    if (!fleet_enter_both(session, from, true, error)) {
        return false;
    }
    bool done = volumes_has_base(session->fleet, session->pool, image->sha256);
    if (!done && !volumes_has_base(session->fleet, from->pool, image->sha256)) {
        error_set(error, ERROR_NOT_FOUND, "host '%s' has no complete base '%s'", from->host,
            image->sha256);
    } else if (!done) {
        done = make_base(session, image, error);
    }
    fleet_leave(session->fleet);
    return done;
}

/* ---- guests ---- */

static bool
check_name(FakeSession *session, const GuestSpec *guest, GError **error)
{
    int64_t is_taken = world_number(session->fleet->world,
        "select 1 from domains where host = ?1 and name = ?2 and uuid <> ?3", TEXT(session->host),
        TEXT(guest->domain_name), TEXT(guest->uuid));
    return !is_taken ||
        error_set(error, ERROR_HYPERVISOR_REFUSED, "domain '%s' already exists with another uuid",
            guest->domain_name);
}

static bool
fake_create_guest(void *host, const GuestSpec *guest, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, true, error)) {
        return false;
    }
    bool done = check_name(session, guest, error) &&
        volumes_make_guest(session->fleet, session->pool, guest, error);
    if (done) {
        domains_define(session->fleet, session, guest);
    }
    fleet_leave(session->fleet);
    return done;
}

static void
pull_plug(FakeSession *session, const char *uuid, const FakeDomain *domain)
{
    if (domain->job == DOMAIN_JOB_OUT) {
        fleet_violate(session->fleet, "I2: guest %s was destroyed on '%s' while it moved away",
            uuid, session->host);
    }
    /* A job cannot go on, and giving it up may itself stop the domain. */
    jobs_fail(session->fleet, session->host, uuid, "domain is not running");
    g_auto(FakeDomain) left;
    domains_find(session->fleet, session->host, uuid, &left);
    if (domain_state_is_active(left.state)) {
        domains_stop(session->fleet, session->host, uuid, DOMAIN_REASON_DESTROYED);
    }
}

static bool
fake_remove_guest(void *host, const char *uuid, bool destroy, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, true, error)) {
        return false;
    }
    g_auto(FakeDomain) domain;
    bool is_here = domains_find(session->fleet, session->host, uuid, &domain);
    bool is_active = domain_state_is_active(domain.state);
    bool done = destroy || !is_active;
    if (!done) {
        error_set(
            error, ERROR_CONFLICT, "domain '%s' is running on host '%s'", uuid, session->host);
    } else {
        if (is_active) {
            pull_plug(session, uuid, &domain);
        }
        domains_undefine(session->fleet, session->host, uuid);
        volumes_remove_guest(session->fleet, is_here ? domain.pool : session->pool, uuid, true);
    }
    fleet_leave(session->fleet);
    return done;
}

static bool
fake_remove_disks(void *host, const char *uuid, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, true, error)) {
        return false;
    }
    g_auto(FakeDomain) domain;
    bool is_here = domains_find(session->fleet, session->host, uuid, &domain);
    if (is_here) {
        error_set(
            error, ERROR_CONFLICT, "domain '%s' is defined on host '%s'", uuid, session->host);
    } else {
        volumes_remove_guest(session->fleet, session->pool, uuid, false);
    }
    fleet_leave(session->fleet);
    return !is_here;
}

static bool
fake_forget_guest(void *host, const char *uuid, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, true, error)) {
        return false;
    }
    g_auto(FakeDomain) domain;
    domains_find(session->fleet, session->host, uuid, &domain);
    bool is_active = domain_state_is_active(domain.state);
    if (is_active) {
        error_set(
            error, ERROR_CONFLICT, "domain '%s' is running on host '%s'", uuid, session->host);
    } else {
        domains_undefine(session->fleet, session->host, uuid);
    }
    fleet_leave(session->fleet);
    return !is_active;
}

/* What a verb does to a domain that is there. */
typedef bool (*DomainVerb)(
    FakeSession *session, const char *uuid, const FakeDomain *domain, GError **error);

static bool
run_on_domain(void *host, const char *uuid, DomainVerb verb, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, true, error)) {
        return false;
    }
    g_auto(FakeDomain) domain = {0};
    bool done = domains_get(session->fleet, session->host, uuid, &domain, error) &&
        verb(session, uuid, &domain, error);
    fleet_leave(session->fleet);
    return done;
}

/* A guest that is being moved here belongs to the migration. */
static bool
check_active(const FakeDomain *domain, GError **error)
{
    if (!domain_state_is_active(domain->state)) {
        return error_set(error, ERROR_CONFLICT, "domain '%s' is not running", domain->name);
    }
    if (domain->job == DOMAIN_JOB_IN) {
        return error_set(error, ERROR_HYPERVISOR_REFUSED,
            "cannot acquire state change lock: domain '%s' is migrating in", domain->name);
    }
    return true;
}

static bool
start_domain(FakeSession *session, const char *uuid, const FakeDomain *domain, GError **error)
{
    return domain_state_is_active(domain->state) ||
        domains_boot(session->fleet, session->host, uuid, domain, error);
}

static bool
fake_start_guest(void *host, const char *uuid, GError **error)
{
    return run_on_domain(host, uuid, start_domain, error);
}

static bool
shutdown_domain(FakeSession *session, const char *uuid, const FakeDomain *domain, GError **error)
{
    /* A paused guest does not hear it, one that is off needs not. */
    if (domain->state == DOMAIN_RUNNING) {
        domains_ask_off(session->fleet, session->host, uuid);
    }
    return true;
}

static bool
fake_shutdown_guest(void *host, const char *uuid, GError **error)
{
    return run_on_domain(host, uuid, shutdown_domain, error);
}

static bool
destroy_domain(FakeSession *session, const char *uuid, const FakeDomain *domain, GError **error)
{
    if (domain_state_is_active(domain->state)) {
        pull_plug(session, uuid, domain);
    }
    return true;
}

static bool
fake_destroy_guest(void *host, const char *uuid, GError **error)
{
    return run_on_domain(host, uuid, destroy_domain, error);
}

static bool
reset_domain(FakeSession *session, const char *uuid, const FakeDomain *domain, GError **error)
{
    if (!check_active(domain, error)) {
        return false;
    }
    domains_reset(session->fleet, session->host, uuid);
    return true;
}

static bool
soft_reboot_domain(FakeSession *session, const char *uuid, const FakeDomain *domain, GError **error)
{
    bool obeys = session->fleet->options.shutdown_us >= 0 && domain->state == DOMAIN_RUNNING;
    return obeys ? reset_domain(session, uuid, domain, error) : check_active(domain, error);
}

static bool
fake_reboot_guest(void *host, const char *uuid, bool hard, GError **error)
{
    return run_on_domain(host, uuid, hard ? reset_domain : soft_reboot_domain, error);
}

static bool
pause_domain(FakeSession *session, const char *uuid, const FakeDomain *domain, GError **error)
{
    if (!check_active(domain, error)) {
        return false;
    }
    if (domain->state == DOMAIN_RUNNING) {
        domains_set_state(session->fleet, session->host, uuid, DOMAIN_PAUSED, DOMAIN_REASON_USER);
        jobs_guest_paused(session->fleet, session->host, uuid);
    }
    return true;
}

static bool
fake_pause_guest(void *host, const char *uuid, GError **error)
{
    return run_on_domain(host, uuid, pause_domain, error);
}

static bool
resume_domain(FakeSession *session, const char *uuid, const FakeDomain *domain, GError **error)
{
    if (!check_active(domain, error)) {
        return false;
    }
    if (domain->job == DOMAIN_JOB_OUT && jobs_is_switching(session->fleet, uuid)) {
        return error_set(error, ERROR_HYPERVISOR_REFUSED,
            "cannot acquire state change lock: domain '%s' is switching over", domain->name);
    }
    if (domain->state == DOMAIN_PAUSED) {
        domains_set_state(session->fleet, session->host, uuid, DOMAIN_RUNNING, DOMAIN_REASON_OTHER);
        jobs_guest_resumed(session->fleet, session->host, uuid);
    }
    return true;
}

static bool
fake_resume_guest(void *host, const char *uuid, GError **error)
{
    return run_on_domain(host, uuid, resume_domain, error);
}

/* ---- pools ---- */

static bool
fake_create_marker(void *host, const char *token, bool *ret_existed, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, true, error)) {
        return false;
    }
    *ret_existed = !volumes_make_marker(session->fleet, session->pool, token);
    fleet_leave(session->fleet);
    return true;
}

static bool
fake_delete_marker(void *host, const char *token, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, true, error)) {
        return false;
    }
    volumes_delete_marker(session->fleet, session->pool, token);
    fleet_leave(session->fleet);
    return true;
}

/* ---- migrations ---- */

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

static bool
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

static bool
fake_live_migrate(void *source_host, void *dest_host, const MigrateRequest *request, GError **error)
{
    FakeSession *source = source_host;
    if (!fleet_enter(source, true, error)) {
        return false;
    }
    FakeWaiter waiter = {.session = source, .uuid = request->uuid};
    fleet_expect(source->fleet, &waiter);
    bool done = jobs_start(source->fleet, source, dest_host, request, error);
    if (done) {
        done = wait_for_job(source, &waiter, error);
    } else {
        fleet_forget(source->fleet, &waiter);
    }
    g_free(waiter.message);
    fleet_leave(source->fleet);
    return done;
}

static bool
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

static bool
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

static bool
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

static const HypervisorProvider fake_provider = {
    .name = "fake",
    .open = fake_open,
    .close = fake_close,
    .probe = fake_probe,
    .ping = fake_ping,
    .list_domains = fake_list_domains,
    .describe_domain = fake_describe_domain,
    .ensure_base = fake_ensure_base,
    .copy_base = fake_copy_base,
    .create_guest = fake_create_guest,
    .remove_guest = fake_remove_guest,
    .remove_disks = fake_remove_disks,
    .forget_guest = fake_forget_guest,
    .start_guest = fake_start_guest,
    .shutdown_guest = fake_shutdown_guest,
    .destroy_guest = fake_destroy_guest,
    .reboot_guest = fake_reboot_guest,
    .pause_guest = fake_pause_guest,
    .resume_guest = fake_resume_guest,
    .read_console = fake_read_console,
    .create_marker = fake_create_marker,
    .delete_marker = fake_delete_marker,
    .prepare_dest = fake_prepare_dest,
    .live_migrate = fake_live_migrate,
    .query_job = fake_query_job,
    .query_done_job = fake_query_done_job,
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
