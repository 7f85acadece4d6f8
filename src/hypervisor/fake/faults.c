/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What goes wrong in a fake fleet on purpose. */
#include "hypervisor/fake/domains.h"
#include "hypervisor/fake/hosts.h"
#include "hypervisor/fake/jobs.h"

static GPtrArray *
list_active(FakeFleet *fleet, const char *host)
{
    GPtrArray *uuids = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(WorldRows) rows =
        world_select(fleet->world, "select uuid from domains where host = ?1 and state in (?2, ?3)",
            TEXT(host), INT(DOMAIN_RUNNING), INT(DOMAIN_PAUSED));
    while (world_next(rows)) {
        g_ptr_array_add(uuids, g_strdup(world_text(rows, 0)));
    }
    return uuids;
}

/* Nobody is told: a dead host says nothing. Its domains are seen when it has power again. */
static void
power_off(FakeFleet *fleet, const char *host)
{
    hosts_set_power(fleet, host, false);
    jobs_lose_host(fleet, host, true);
    fleet_silence_host(fleet, host);
    g_autoptr(GPtrArray) uuids = list_active(fleet, host);
    for (unsigned int i = 0; i < uuids->len; i++) {
        domains_stop(fleet, host, uuids->pdata[i], DOMAIN_REASON_UNKNOWN);
    }
    world_run(fleet->world, "delete from done_jobs where host = ?1", TEXT(host));
}

static void
power_on(FakeFleet *fleet, const char *host)
{
    hosts_set_power(fleet, host, true);
    jobs_fail_host(fleet, host, true, "operation failed: Lost connection to destination host");
    fleet_close_sessions(fleet, host, "end of file while reading data: Input/output error");
}

static void
break_link(FakeFleet *fleet, const char *host)
{
    hosts_set_cut(fleet, host, true);
    fleet_silence_host(fleet, host);
}

static void
freeze(FakeFleet *fleet, const char *host)
{
    hosts_set_frozen(fleet, host, true);
    jobs_lose_host(fleet, host, false);
    fleet_silence_host(fleet, host);
}

static void
restart(FakeFleet *fleet, const char *host)
{
    hosts_set_frozen(fleet, host, false);
    jobs_restart_host(fleet, host);
    fleet_close_sessions(fleet, host, "end of file while reading data: Input/output error");
}

static void
answer_again(FakeFleet *fleet, const char *host)
{
    if (hosts_is_answering(fleet, host)) {
        fleet_unsilence_host(fleet, host);
    }
}

static void
inject(FakeFleet *fleet, const char *host, FakeFault fault)
{
    bool has_power = hosts_has_power(fleet, host);
    switch (fault) {
    case FAKE_POWER_OFF: power_off(fleet, host); break;
    case FAKE_POWER_ON:
        if (!has_power) {
            power_on(fleet, host);
        }
        break;
    case FAKE_REBOOT:
        power_off(fleet, host);
        power_on(fleet, host);
        break;
    case FAKE_CUT: break_link(fleet, host); break;
    case FAKE_HEAL:
        hosts_set_cut(fleet, host, false);
        answer_again(fleet, host);
        break;
    case FAKE_FREEZE: freeze(fleet, host); break;
    case FAKE_THAW:
        hosts_set_frozen(fleet, host, false);
        jobs_regain_host(fleet, host);
        answer_again(fleet, host);
        break;
    case FAKE_FAIL_JOBS:
        jobs_fail_host(fleet, host, false, "operation failed: migration out job: Broken pipe");
        break;
    case FAKE_RESTART:
        if (has_power) {
            restart(fleet, host);
        }
        break;
    }
}

void
fake_inject(Hypervisor *hypervisor, const char *host, FakeFault fault)
{
    FakeFleet *fleet = hypervisor_provider_data(hypervisor);
    fleet_lock(fleet);
    fleet_advance(fleet);
    hosts_make(fleet, host);
    inject(fleet, host, fault);
    fleet_leave(fleet);
}

void
fake_guest_event(Hypervisor *hypervisor, const char *host, const char *uuid, DomainReason reason)
{
    FakeFleet *fleet = hypervisor_provider_data(hypervisor);
    fleet_lock(fleet);
    fleet_advance(fleet);
    g_auto(FakeDomain) domain;
    domains_find(fleet, host, uuid, &domain);
    if (domain.state == DOMAIN_RUNNING) {
        jobs_fail(fleet, host, uuid, "the guest ended while it moved");
        domains_stop(fleet, host, uuid, reason);
    }
    fleet_leave(fleet);
}
