/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/fake/domains.h"

#include "hypervisor/fake/disks.h"
#include "hypervisor/fake/hosts.h"
#include "hypervisor/fake/jobs.h"
#include "hypervisor/fake/volumes.h"
#include "model/pci.h"
#include <string.h>

void
fake_domain_clear(FakeDomain *domain)
{
    g_clear_pointer(&domain->name, g_free);
    g_clear_pointer(&domain->pool, g_free);
}

bool
domains_find(FakeFleet *fleet, const char *host, const char *uuid, FakeDomain *ret_domain)
{
    g_autoptr(WorldRows) rows = world_select(fleet->world,
        "select d.name, d.pool, d.state, d.reason, d.persistent, d.generation, d.operation,"
        " d.vcpus, d.memory_mib, j.source = d.host, j.dest = d.host"
        " from domains d left join jobs j on j.uuid = d.uuid where d.host = ?1 and d.uuid = ?2",
        TEXT(host), TEXT(uuid));
    *ret_domain = (FakeDomain){.state = DOMAIN_ABSENT};
    if (!world_next(rows)) {
        return false;
    }
    *ret_domain = (FakeDomain){
        .name = g_strdup(world_text(rows, 0)),
        .pool = g_strdup(world_text(rows, 1)),
        .state = (DomainState)world_int(rows, 2),
        .reason = (DomainReason)world_int(rows, 3),
        .persistent = world_int(rows, 4) != 0,
        .generation = world_int(rows, 5),
        .operation = world_int(rows, 6),
        .vcpus = (int)world_int(rows, 7),
        .memory_mib = world_int(rows, 8),
    };
    if (domain_state_is_active(ret_domain->state)) {
        ret_domain->job = world_int(rows, 9) ? DOMAIN_JOB_OUT
            : world_int(rows, 10)            ? DOMAIN_JOB_IN
                                             : DOMAIN_JOB_NONE;
    }
    return true;
}

bool
domains_get(
    FakeFleet *fleet, const char *host, const char *uuid, FakeDomain *ret_domain, GError **error)
{
    return domains_find(fleet, host, uuid, ret_domain) ||
        error_set(error, ERROR_NOT_FOUND, "host '%s' has no domain '%s'", host, uuid);
}

GPtrArray *
domains_list(FakeFleet *fleet, const char *host, const char *uuid)
{
    GPtrArray *views = g_ptr_array_new_with_free_func((GDestroyNotify)domain_view_free);
    g_autoptr(WorldRows) rows = uuid != NULL
        ? world_select(fleet->world, "select uuid from domains where host = ?1 and uuid = ?2",
              TEXT(host), TEXT(uuid))
        : world_select(fleet->world, "select uuid from domains where host = ?1", TEXT(host));
    while (world_next(rows)) {
        g_auto(FakeDomain) domain;
        domains_find(fleet, host, world_text(rows, 0), &domain);
        DomainView *view = g_new0(DomainView, 1);
        g_strlcpy(view->uuid, world_text(rows, 0), sizeof view->uuid);
        view->name = g_steal_pointer(&domain.name);
        view->state = domain.state;
        view->reason = domain.reason;
        view->job = domain.job;
        view->persistent = domain.persistent;
        view->is_ours = true;
        view->generation = domain.generation;
        view->operation = domain.operation;
        view->vcpus = domain.vcpus;
        view->memory_mib = domain.memory_mib;
        g_ptr_array_add(views, view);
    }
    return views;
}

static void
define_devices(FakeFleet *fleet, const char *host, const GuestSpec *guest)
{
    g_autoptr(GArray) given = pci_given_parse(guest->devices);

    world_run(fleet->world, "delete from devices where host = ?1 and uuid = ?2", TEXT(host),
        TEXT(guest->uuid));
    for (unsigned i = 0; i < given->len; i++) {
        world_run(fleet->world, "insert into devices (host, uuid, address) values (?1, ?2, ?3)",
            TEXT(host), TEXT(guest->uuid), TEXT(g_array_index(given, PciGiven, i).address));
    }
}

void
domains_define(FakeFleet *fleet, const FakeSession *host, const GuestSpec *guest)
{
    world_run(fleet->world,
        "insert into domains (host, uuid, name, pool, state, reason, persistent, generation,"
        " operation, vcpus, memory_mib) values (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8, ?9, ?10)"
        " on conflict (host, uuid) do update set name = excluded.name, pool = excluded.pool,"
        " persistent = 1, generation = excluded.generation, operation = excluded.operation,"
        " vcpus = excluded.vcpus, memory_mib = excluded.memory_mib",
        TEXT(host->host), TEXT(guest->uuid), TEXT(guest->domain_name), TEXT(host->pool),
        INT(DOMAIN_SHUT_OFF), INT(DOMAIN_REASON_OTHER), INT(guest->generation),
        INT(guest->operation), INT(guest->vcpus), INT(guest->memory_mib));
    define_devices(fleet, host->host, guest);
}

void
fleet_violate(FakeFleet *fleet, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    world_run(fleet->world, "insert into violations (at_us, what) values (?1, ?2)",
        INT(fleet_now_us(fleet)), TEXT(what));
}

static void
check_runs_once(FakeFleet *fleet, const char *host, const char *uuid)
{
    g_autoptr(WorldRows) rows = world_select(fleet->world,
        "select host from domains where uuid = ?1 and host <> ?2 and state = ?3", TEXT(uuid),
        TEXT(host), INT(DOMAIN_RUNNING));
    if (world_next(rows)) {
        fleet_violate(
            fleet, "I1: guest %s runs on '%s' and on '%s'", uuid, world_text(rows, 0), host);
    }
}

void
domains_set_state(
    FakeFleet *fleet, const char *host, const char *uuid, DomainState state, DomainReason reason)
{
    world_run(fleet->world,
        "update domains set state = ?3, reason = ?4,"
        " off_us = case when ?3 = ?5 then off_us else null end where host = ?1 and uuid = ?2",
        TEXT(host), TEXT(uuid), INT(state), INT(reason), INT(DOMAIN_RUNNING));
    if (state == DOMAIN_RUNNING) {
        check_runs_once(fleet, host, uuid);
    }
    fleet_emit_domain(fleet, host, uuid, state, reason);
}

void
domains_stop(FakeFleet *fleet, const char *host, const char *uuid, DomainReason reason)
{
    domains_set_state(fleet, host, uuid, DOMAIN_SHUT_OFF, reason);
    world_run(fleet->world, "delete from domains where host = ?1 and uuid = ?2 and persistent = 0",
        TEXT(host), TEXT(uuid));
}

void
domains_undefine(FakeFleet *fleet, const char *host, const char *uuid)
{
    world_run(
        fleet->world, "delete from domains where host = ?1 and uuid = ?2", TEXT(host), TEXT(uuid));
    world_run(fleet->world, "delete from done_jobs where host = ?1 and uuid = ?2", TEXT(host),
        TEXT(uuid));
    world_run(
        fleet->world, "delete from devices where host = ?1 and uuid = ?2", TEXT(host), TEXT(uuid));
    disks_forget(fleet, host, uuid);
}

bool
domains_check_stays(FakeFleet *fleet, const char *host, const char *uuid, GError **error)
{
    g_autoptr(WorldRows) rows = world_select(fleet->world,
        "select address from devices where host = ?1 and uuid = ?2", TEXT(host), TEXT(uuid));

    return !world_next(rows) ||
        error_set(error, ERROR_UNSUPPORTED,
            "cannot be moved while it runs: PCI device %s of its host is passed through to the "
            "guest; stop it and migrate it cold (openstack server migrate)",
            world_text(rows, 0));
}

/* One that the host has, and that no other active guest has. */
static bool
check_devices(FakeFleet *fleet, const char *host, const char *uuid, GError **error)
{
    g_auto(HostFacts) facts = {.pci_devices = hosts_make_pci_devices(&fleet->options, host)};
    g_autoptr(GArray) there = pci_devices_parse(facts.pci_devices);
    g_autoptr(WorldRows) rows = world_select(fleet->world,
        "select o.address, d.uuid from devices o left join devices e on e.host = o.host and"
        " e.address = o.address and e.uuid <> o.uuid left join domains d on d.host = e.host and"
        " d.uuid = e.uuid and d.state in (?3, ?4) where o.host = ?1 and o.uuid = ?2",
        TEXT(host), TEXT(uuid), INT(DOMAIN_RUNNING), INT(DOMAIN_PAUSED));

    while (world_next(rows)) {
        const char *address = world_text(rows, 0);
        const char *other = world_text(rows, 1);
        bool is_there = false;
        for (unsigned i = 0; i < there->len; i++) {
            is_there = is_there ||
                strcmp(g_array_index(there, PciDevice, i).address, address) == 0;
        }
        if (!is_there) {
            return error_set(
                error, ERROR_HYPERVISOR_REFUSED, "host '%s' has no PCI device %s", host, address);
        }
        if (other[0] != '\0') {
            fleet_violate(fleet, "PCI device %s of '%s' was given to %s and to %s", address, host,
                other, uuid);
            return error_set(error, ERROR_HYPERVISOR_REFUSED,
                "PCI device %s is in use by driver QEMU, domain %s", address, other);
        }
    }
    return true;
}

bool
domains_check_memory(FakeFleet *fleet, const char *host, int64_t memory_mib, GError **error)
{
    int64_t total =
        world_number(fleet->world, "select memory_mib from hosts where name = ?1", TEXT(host));
    int64_t used = world_number(fleet->world,
        "select sum(memory_mib) from domains where host = ?1 and state in (?2, ?3)", TEXT(host),
        INT(DOMAIN_RUNNING), INT(DOMAIN_PAUSED));
    if (used + memory_mib <= total) {
        return true;
    }
    return error_set(error, ERROR_HYPERVISOR_REFUSED,
        "host '%s' cannot allocate memory: %" G_GINT64_FORMAT " MiB needed, %" G_GINT64_FORMAT
        " MiB free",
        host, memory_mib, total - used);
}

/* QEMU locks the image files that it has opened: on one shared file a second copy cannot start. */
static bool
check_image_lock(
    FakeFleet *fleet, const char *host, const char *uuid, const char *pool, GError **error)
{
    g_autoptr(WorldRows) rows = world_select(fleet->world,
        "select host from domains where uuid = ?1 and host <> ?2 and pool = ?3"
        " and state in (?4, ?5)",
        TEXT(uuid), TEXT(host), TEXT(pool), INT(DOMAIN_RUNNING), INT(DOMAIN_PAUSED));
    if (!world_next(rows)) {
        return true;
    }
    return error_set(error, ERROR_CONFLICT,
        "Failed to get \"write\" lock: is another process using the image [%s]?", uuid);
}

static bool
check_boot(
    FakeFleet *fleet, const char *host, const char *uuid, const FakeDomain *domain, GError **error)
{
    if (!volumes_has_guest(fleet, domain->pool, uuid)) {
        return error_set(error, ERROR_HYPERVISOR_REFUSED,
            "Cannot access storage file '%s': No such file or directory", uuid);
    }
    return domains_check_memory(fleet, host, domain->memory_mib, error) &&
        check_devices(fleet, host, uuid, error) &&
        check_image_lock(fleet, host, uuid, domain->pool, error);
}

bool
domains_boot(
    FakeFleet *fleet, const char *host, const char *uuid, const FakeDomain *domain, GError **error)
{
    if (!check_boot(fleet, host, uuid, domain, error)) {
        return false;
    }
    volumes_write(fleet, domain->pool, uuid, false);
    domains_set_state(fleet, host, uuid, DOMAIN_RUNNING, DOMAIN_REASON_BOOTED);
    domains_reset(fleet, host, uuid);
    return true;
}

bool
domains_prove(
    FakeFleet *fleet, const char *host, const char *uuid, const FakeDomain *domain, GError **error)
{
    if (!check_boot(fleet, host, uuid, domain, error)) {
        return false;
    }
    volumes_write(fleet, domain->pool, uuid, false);
    fleet_emit_domain(fleet, host, uuid, DOMAIN_PAUSED, DOMAIN_REASON_STARTING_UP);
    fleet_emit_domain(fleet, host, uuid, DOMAIN_SHUT_OFF, DOMAIN_REASON_DESTROYED);
    return true;
}

void
domains_reset(FakeFleet *fleet, const char *host, const char *uuid)
{
    g_autoptr(WorldRows) rows = world_select(fleet->world,
        "update domains set boots = boots + 1, off_us = null where host = ?1 and uuid = ?2"
        " returning boots, name, pool",
        TEXT(host), TEXT(uuid));
    if (world_next(rows)) {
        g_autofree char *line =
            g_strdup_printf("guest: %s is up, boot %" G_GINT64_FORMAT " on %s\n",
                world_text(rows, 1), world_int(rows, 0), host);
        g_autofree char *pool = g_strdup(world_text(rows, 2));
        volumes_append_console(fleet, pool, uuid, line);
    }
}

void
domains_ask_off(FakeFleet *fleet, const char *host, const char *uuid)
{
    if (fleet->options.shutdown_us == 0) {
        domains_stop(fleet, host, uuid, DOMAIN_REASON_SHUTDOWN);
    } else if (fleet->options.shutdown_us > 0) {
        world_run(fleet->world,
            "update domains set off_us = ?3 where host = ?1 and uuid = ?2 and off_us is null",
            TEXT(host), TEXT(uuid), INT(fleet_now_us(fleet) + fleet->options.shutdown_us));
    }
}

int64_t
domains_next_due_us(FakeFleet *fleet)
{
    return world_number(fleet->world, "select min(off_us) from domains where off_us is not null");
}

void
domains_advance(FakeFleet *fleet, int64_t due_us)
{
    for (;;) {
        g_autofree char *host = NULL;
        g_autofree char *uuid = NULL;
        {
            g_autoptr(WorldRows) rows = world_select(fleet->world,
                "select host, uuid from domains where off_us is not null and off_us <= ?1",
                INT(due_us));
            if (!world_next(rows)) {
                return;
            }
            host = g_strdup(world_text(rows, 0));
            uuid = g_strdup(world_text(rows, 1));
        }
        jobs_fail(fleet, host, uuid, "the guest shut itself down while it moved");
        domains_stop(fleet, host, uuid, DOMAIN_REASON_SHUTDOWN);
    }
}
