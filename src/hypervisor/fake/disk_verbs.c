/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Verbs on volumes that live longer than a guest, and on the disks that guests have beside their
 * own. A pool that is named is one that all hosts which have it share. */
#include "hypervisor/fake/verbs.h"

#include "hypervisor/fake/disks.h"
#include "hypervisor/fake/domains.h"
#include "hypervisor/fake/hosts.h"

static bool
check_pool(const FakeSession *session, const char *pool, GError **error)
{
    return hosts_has_pool(&session->fleet->options, session->host, pool) ||
        error_set(error, ERROR_NOT_FOUND,
            "cannot use storage pool '%s' on host '%s': no storage pool with matching name '%s'",
            pool, session->host, pool);
}

bool
fake_create_volume(void *host, const PoolVolume *volume, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, true, error)) {
        return false;
    }
    if (!check_pool(session, volume->pool, error)) {
        fleet_leave(session->fleet);
        return false;
    }
    world_run(session->fleet->world,
        "insert or replace into volumes (pool, name, guest, size, allocated, complete, content)"
        " values (?1, ?2, '', ?3, 0, 1, 0)",
        TEXT(volume->pool), TEXT(volume->name), INT(volume->size_bytes));
    fleet_leave(session->fleet);
    return true;
}

bool
fake_delete_volume(void *host, const char *pool, const char *name, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, true, error)) {
        return false;
    }
    int64_t n_users = world_number(session->fleet->world,
        "select count(*) from disks d join domains g on g.host = d.host and g.uuid = d.uuid"
        " where d.volume = ?1",
        TEXT(name));
    if (n_users > 0) {
        fleet_violate(session->fleet, "I3: volume %s was deleted under a guest", name);
    }
    world_run(session->fleet->world, "delete from volumes where pool = ?1 and name = ?2",
        TEXT(pool), TEXT(name));
    fleet_leave(session->fleet);
    return true;
}

/* What the volume is known by in the whole fleet. */
static const char *
volume_of(const GuestDisk *disk)
{
    return disk->uri != NULL ? disk->uri : disk->name;
}

static bool
check_volume(FakeSession *session, const GuestDisk *disk, GError **error)
{
    if (disk->pool == NULL) {
        return true;
    }
    return check_pool(session, disk->pool, error) &&
        (world_number(session->fleet->world, "select 1 from volumes where pool = ?1 and name = ?2",
             TEXT(disk->pool), TEXT(disk->name)) != 0 ||
            error_set(error, ERROR_HYPERVISOR_REFUSED, "pool '%s' has no volume '%s'", disk->pool,
                disk->name));
}

static bool
add_disk(FakeSession *session, const char *uuid, const GuestDisk *disk, GError **error)
{
    FakeFleet *fleet = session->fleet;
    if (disk->base_hash != NULL) {
        return true;
    }
    if (!check_volume(session, disk, error)) {
        return false;
    }
    if (world_number(fleet->world,
            "select 1 from disks d join domains g on g.host = d.host and g.uuid = d.uuid"
            " where d.volume = ?1 and d.uuid <> ?2",
            TEXT(volume_of(disk)), TEXT(uuid)) != 0) {
        fleet_violate(fleet, "I1: volume %s is given to two guests", volume_of(disk));
    }
    world_run(fleet->world,
        "insert or replace into disks (host, uuid, target, volume) values (?1, ?2, ?3, ?4)",
        TEXT(session->host), TEXT(uuid), TEXT(disk->target), TEXT(volume_of(disk)));
    return true;
}

/* ---- servers on the network ---- */

/* Of the disk's server its name alone is known; whoever is called "silent" lets everybody wait. */
static bool
try_server(const FakeSession *session, const char *uri, GError **error)
{
    g_autoptr(GUri) parsed = uri != NULL ? g_uri_parse(uri, G_URI_FLAGS_NONE, NULL) : NULL;

    return parsed == NULL || g_strcmp0(g_uri_get_host(parsed), "silent") != 0 ||
        error_set(error, ERROR_HYPERVISOR_REFUSED,
            "host '%s' cannot open volume at '%s': its server did not answer within 15 s",
            session->host, uri);
}

/* A disk that is no URI is a volume of a pool. */
bool
disks_try(FakeSession *host, const char *source, const char *uuid, GError **error)
{
    g_autoptr(WorldRows) rows = world_select(host->fleet->world,
        "select volume from disks where host = ?1 and uuid = ?2", TEXT(source), TEXT(uuid));
    while (world_next(rows)) {
        if (!try_server(host, world_text(rows, 0), error)) {
            return false;
        }
    }
    return true;
}

bool
fake_try_disk(void *host, const char *uuid, const GuestDisk *disk, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, false, error)) {
        return false;
    }
    bool done = try_server(session, disk->uri, error);
    fleet_leave(session->fleet);
    return done;
}

/* ---- in domains ---- */

bool
disks_define(FakeSession *session, const GuestSpec *guest, GError **error)
{
    disks_forget(session->fleet, session->host, guest->uuid);
    for (int i = 0; i < guest->n_disks; i++) {
        if (!add_disk(session, guest->uuid, &guest->disks[i], error)) {
            return false;
        }
    }
    return true;
}

void
disks_forget(FakeFleet *fleet, const char *host, const char *uuid)
{
    world_run(
        fleet->world, "delete from disks where host = ?1 and uuid = ?2", TEXT(host), TEXT(uuid));
}

void
disks_arrive(FakeFleet *fleet, const char *source, const char *dest, const char *uuid)
{
    world_run(fleet->world,
        "insert or replace into disks (host, uuid, target, volume)"
        " select ?1, uuid, target, volume from disks where host = ?2 and uuid = ?3",
        TEXT(dest), TEXT(source), TEXT(uuid));
}

bool
fake_attach_disk(void *host, const char *uuid, const GuestDisk *disk, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, true, error)) {
        return false;
    }
    g_auto(FakeDomain) domain = {0};
    bool done = domains_get(session->fleet, session->host, uuid, &domain, error) &&
        (!domain_state_is_active(domain.state) || try_server(session, disk->uri, error)) &&
        add_disk(session, uuid, disk, error);
    fleet_leave(session->fleet);
    return done;
}

bool
fake_detach_disk(void *host, const char *uuid, const char *target, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, true, error)) {
        return false;
    }
    world_run(session->fleet->world,
        "delete from disks where host = ?1 and uuid = ?2 and target = ?3", TEXT(session->host),
        TEXT(uuid), TEXT(target));
    fleet_leave(session->fleet);
    return true;
}
