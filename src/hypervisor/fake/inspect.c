/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* A fake fleet seen from above: its time, its calls, its invariants. */
#include "hypervisor/fake/domains.h"
#include "hypervisor/fake/hosts.h"
#include "hypervisor/fake/volumes.h"

void
fake_advance(Hypervisor *hypervisor)
{
    FakeFleet *fleet = hypervisor_provider_data(hypervisor);
    fleet_lock(fleet);
    fleet_advance(fleet);
    fleet_leave(fleet);
}

int64_t
fake_next_due_us(Hypervisor *hypervisor)
{
    FakeFleet *fleet = hypervisor_provider_data(hypervisor);
    fleet_lock(fleet);
    int64_t due_us = fleet_next_due_us(fleet);
    fleet_leave(fleet);
    return due_us;
}

int
fake_blocked_calls(Hypervisor *hypervisor)
{
    FakeFleet *fleet = hypervisor_provider_data(hypervisor);
    fleet_lock(fleet);
    int n_blocked = fleet->n_blocked;
    fleet_leave(fleet);
    return n_blocked;
}

void
fake_set_block_hook(Hypervisor *hypervisor, FakeBlockHook hook, void *data)
{
    FakeFleet *fleet = hypervisor_provider_data(hypervisor);
    fleet->hook = hook;
    fleet->hook_data = data;
}

/* All pools that this host may have used, but for the one that all share. */
void
fake_spoil_base(Hypervisor *hypervisor, const char *host, const char *sha256)
{
    FakeFleet *fleet = hypervisor_provider_data(hypervisor);
    g_autofree char *pool = g_strconcat(host, "/instances", NULL);
    fleet_lock(fleet);
    volumes_spoil_base(fleet, fleet->options.shared_pool ? "shared" : pool, sha256);
    fleet_leave(fleet);
}

/* ---- invariants ---- */

/* The text of the first row, or NULL; caller frees. */
static char *
first_text(WorldRows *rows)
{
    g_autoptr(WorldRows) own = rows;
    return world_next(own) ? g_strdup(world_text(own, 0)) : NULL;
}

static char *
find_violation(FakeFleet *fleet)
{
    char *what = first_text(world_select(
        fleet->world, "select what from violations order by substr(what, 1, 2), at_us limit 1"));
    if (what == NULL) {
        what = first_text(world_select(fleet->world,
            "select 'I1: guest ' || uuid || ' runs ' || count(*) || ' times' from domains"
            " where state = ?1 group by uuid having count(*) > 1",
            INT(DOMAIN_RUNNING)));
    }
    if (what == NULL) {
        what = first_text(world_select(fleet->world,
            "select 'I3: guest ' || d.uuid || ' runs on ''' || d.host || ''' without its newest"
            " disk' from domains d left join guests g on g.uuid = d.uuid left join volumes v"
            " on v.pool = d.pool and v.name = d.uuid || '.root'"
            " where d.state = ?1 and v.content is not g.content",
            INT(DOMAIN_RUNNING)));
    }
    if (what == NULL) {
        what = first_text(world_select(fleet->world,
            "select 'I3: guest ' || g.uuid || ' has lost its last complete disk' from guests g"
            " where not g.removed and not exists (select 1 from volumes v where v.guest = g.uuid"
            " and v.name = g.uuid || '.root' and v.complete and v.content = g.content)"));
    }
    return what;
}

bool
fake_check(Hypervisor *hypervisor, GError **error)
{
    FakeFleet *fleet = hypervisor_provider_data(hypervisor);
    fleet_lock(fleet);
    g_autofree char *what = find_violation(fleet);
    fleet_leave(fleet);
    return what == NULL || error_set(error, ERROR_INTERNAL, "%s", what);
}

static void
count_domains(FakeFleet *fleet, const char *uuid, FakeGuest *ret_guest)
{
    g_autoptr(WorldRows) rows = world_select(fleet->world,
        "select count(*), coalesce(sum(state = ?2), 0), coalesce(sum(state in (?2, ?3)), 0),"
        " (select host from domains where uuid = ?1"
        "  order by state = ?2 desc, state = ?3 desc limit 1)"
        " from domains where uuid = ?1",
        TEXT(uuid), INT(DOMAIN_RUNNING), INT(DOMAIN_PAUSED));
    if (world_next(rows) && world_int(rows, 0) > 0) {
        ret_guest->n_domains = (int)world_int(rows, 0);
        ret_guest->n_running = (int)world_int(rows, 1);
        ret_guest->n_active = (int)world_int(rows, 2);
        ret_guest->host = g_strdup(world_text(rows, 3));
    }
}

void
fake_inspect_guest(Hypervisor *hypervisor, const char *uuid, FakeGuest *ret_guest)
{
    FakeFleet *fleet = hypervisor_provider_data(hypervisor);
    *ret_guest = (FakeGuest){0};
    fleet_lock(fleet);
    count_domains(fleet, uuid, ret_guest);
    ret_guest->n_complete_disks = (int)world_number(fleet->world,
        "select count(*) from volumes v join guests g on g.uuid = v.guest"
        " where v.guest = ?1 and v.name = ?1 || '.root' and v.complete and v.content = g.content",
        TEXT(uuid));
    fleet_leave(fleet);
}

void
fake_guest_clear(FakeGuest *guest)
{
    g_clear_pointer(&guest->host, g_free);
}
