/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Verbs on guests of one host. */
#include "hypervisor/fake/verbs.h"

#include "hypervisor/fake/disks.h"
#include "hypervisor/fake/domains.h"
#include "hypervisor/fake/jobs.h"
#include "hypervisor/fake/volumes.h"

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

/* Of a generation that nobody has yet, while the guest is active nowhere. */
static bool
is_newest(FakeSession *session, const GuestSpec *guest)
{
    return world_number(session->fleet->world,
               "select count(*) from domains where uuid = ?1"
               " and (generation >= ?2 or state in (?3, ?4))",
               TEXT(guest->uuid), INT(guest->generation), INT(DOMAIN_RUNNING),
               INT(DOMAIN_PAUSED)) == 0;
}

bool
fake_create_guest(void *host, const GuestSpec *guest, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, true, error)) {
        return false;
    }
    bool done = check_name(session, guest, error) &&
        volumes_make_guest(session->fleet, session->pool, guest, error) &&
        disks_define(session, guest, error);
    if (done) {
        if (is_newest(session, guest)) {
            volumes_return_guest(session->fleet, session->pool, guest->uuid);
        }
        domains_define(session->fleet, session, guest);
    }
    fleet_leave(session->fleet);
    return done;
}

static void
pull_plug(FakeSession *session, const char *uuid, const FakeDomain *domain)
{
    if (domain->job == DOMAIN_JOB_OUT && !jobs_is_courier(session->fleet, uuid)) {
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

bool
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

bool
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

bool
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
        (disks_try(session, session->host, uuid, error) &&
            domains_boot(session->fleet, session->host, uuid, domain, error));
}

static bool
prove_domain(FakeSession *session, const char *uuid, const FakeDomain *domain, GError **error)
{
    if (domain->state == DOMAIN_RUNNING) {
        return error_set(
            error, ERROR_CONFLICT, "domain '%s' is running on host '%s'", uuid, session->host);
    }
    if (domain->state == DOMAIN_PAUSED) {
        pull_plug(session, uuid, domain);
        return true;
    }
    return disks_try(session, session->host, uuid, error) &&
        domains_prove(session->fleet, session->host, uuid, domain, error);
}

bool
fake_prove_guest(void *host, const char *uuid, GError **error)
{
    return run_on_domain(host, uuid, prove_domain, error);
}

GPtrArray *
fake_list_guest_volumes(void *host, const char *uuid, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, false, error)) {
        return NULL;
    }
    GPtrArray *views = volumes_list_guest(session->fleet, session->pool, uuid);
    fleet_leave(session->fleet);
    return views;
}

bool
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

bool
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

bool
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

bool
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

bool
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

bool
fake_resume_guest(void *host, const char *uuid, GError **error)
{
    return run_on_domain(host, uuid, resume_domain, error);
}
