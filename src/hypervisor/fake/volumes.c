/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/fake/volumes.h"

#include "hypervisor/fake/domains.h"
#include "hypervisor/markers.h"

/* A console log keeps this much of its end. */
#define CONSOLE_MAX 4096
#define CONTENT_REBUILT (-1)

static char *
name_of(const char *prefix, const char *key, const char *suffix)
{
    return g_strconcat(prefix, key, suffix, NULL);
}

/* ---- pools ---- */

void
pools_make(FakeFleet *fleet, const char *pool)
{
    world_run(fleet->world, "insert or ignore into pools (id, capacity_bytes) values (?1, ?2)",
        TEXT(pool), INT(fleet->options.pool_bytes));
}

int64_t
pools_capacity_bytes(FakeFleet *fleet, const char *pool)
{
    return world_number(fleet->world, "select capacity_bytes from pools where id = ?1", TEXT(pool));
}

int64_t
pools_used_bytes(FakeFleet *fleet, const char *pool)
{
    return world_number(
        fleet->world, "select sum(allocated) from volumes where pool = ?1", TEXT(pool));
}

static bool
check_room(FakeFleet *fleet, const char *pool, int64_t size, GError **error)
{
    int64_t room = pools_capacity_bytes(fleet, pool) - pools_used_bytes(fleet, pool);
    if (size <= room) {
        return true;
    }
    return error_set(error, ERROR_LIMIT,
        "No space left on device: pool '%s' has %" G_GINT64_FORMAT
        " bytes left of %" G_GINT64_FORMAT " needed",
        pool, room, size);
}

/* ---- bases ---- */

static char *
name_of_base(const BaseImage *image)
{
    return g_strdup_printf("base-%s.%s", image->sha256, image->format);
}

static bool
has_complete(FakeFleet *fleet, const char *pool, const char *name)
{
    return world_number(fleet->world, "select complete from volumes where pool = ?1 and name = ?2",
               TEXT(pool), TEXT(name)) != 0;
}

bool
volumes_has_base(FakeFleet *fleet, const char *pool, const BaseImage *image)
{
    g_autofree char *name = name_of_base(image);
    return has_complete(fleet, pool, name);
}

bool
volumes_begin_base(FakeFleet *fleet, const char *pool, const BaseImage *image, GError **error)
{
    g_autofree char *name = name_of_base(image);
    world_run(
        fleet->world, "delete from volumes where pool = ?1 and name = ?2", TEXT(pool), TEXT(name));
    if (!check_room(fleet, pool, image->size_bytes, error)) {
        return false;
    }
    world_run(fleet->world,
        "insert into volumes (pool, name, guest, size, allocated, complete, content)"
        " values (?1, ?2, '', ?3, ?3, 0, 0)",
        TEXT(pool), TEXT(name), INT(image->size_bytes));
    return true;
}

void
volumes_complete_base(FakeFleet *fleet, const char *pool, const BaseImage *image)
{
    g_autofree char *name = name_of_base(image);
    world_run(fleet->world,
        "insert or replace into volumes (pool, name, guest, size, allocated, complete, content)"
        " values (?1, ?2, '', ?3, ?3, 1, 0)",
        TEXT(pool), TEXT(name), INT(image->size_bytes));
}

void
volumes_drop_base(FakeFleet *fleet, const char *pool, const BaseImage *image)
{
    g_autofree char *name = name_of_base(image);
    world_run(fleet->world,
        "delete from volumes where pool = ?1 and name = ?2 and complete = 0", TEXT(pool),
        TEXT(name));
}

void
volumes_spoil_base(FakeFleet *fleet, const char *pool, const char *sha256)
{
    g_autofree char *names = name_of("base-", sha256, ".%");
    world_run(fleet->world, "update volumes set complete = 0 where pool = ?1 and name like ?2",
        TEXT(pool), TEXT(names));
}

/* ---- disks of guests ---- */

static bool
has_volume(FakeFleet *fleet, const char *pool, const char *name)
{
    return world_number(fleet->world, "select 1 from volumes where pool = ?1 and name = ?2",
               TEXT(pool), TEXT(name)) != 0;
}

GPtrArray *
volumes_list_guest(FakeFleet *fleet, const char *pool, const char *uuid)
{
    GPtrArray *views = g_ptr_array_new_with_free_func((GDestroyNotify)volume_view_free);
    g_autoptr(WorldRows) rows = world_select(fleet->world,
        "select guest, name, allocated from volumes"
        " where pool = ?1 and guest <> '' and (?2 = '' or guest = ?2)",
        TEXT(pool), TEXT(uuid != NULL ? uuid : ""));
    while (world_next(rows)) {
        VolumeView *view = g_new0(VolumeView, 1);
        g_strlcpy(view->uuid, world_text(rows, 0), sizeof view->uuid);
        view->name = g_strdup(world_text(rows, 1));
        view->is_root = g_str_has_suffix(view->name, ".root");
        view->size_bytes = world_int(rows, 2);
        g_ptr_array_add(views, view);
    }
    return views;
}

bool
volumes_has_guest(FakeFleet *fleet, const char *pool, const char *uuid)
{
    g_autofree char *name = name_of(uuid, ".root", "");
    return has_volume(fleet, pool, name);
}

static void
insert_guest_volume(FakeFleet *fleet, const char *pool, const char *uuid, const char *suffix,
    int64_t size, int64_t allocated, int64_t content)
{
    g_autofree char *name = name_of(uuid, suffix, "");
    world_run(fleet->world,
        "insert or ignore into volumes (pool, name, guest, size, allocated, complete, content)"
        " values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        TEXT(pool), TEXT(name), TEXT(uuid), INT(size), INT(allocated), INT(content > 0),
        INT(content));
}

/* A guest that is new, or was removed before, starts a history on its new disk; beside a history
 * that goes on elsewhere a new disk is an empty one. */
static int64_t
content_of_new_disk(FakeFleet *fleet, const char *uuid)
{
    return world_number(fleet->world,
        "insert into guests (uuid, content, removed) values (?1, 1, 0)"
        " on conflict (uuid) do update set content = content + 1, removed = 0"
        " where guests.removed returning content",
        TEXT(uuid));
}

/* The bases below a guest, kept beside its root disk: what another host needs to run it. */
static bool
check_bases(FakeFleet *fleet, const char *pool, const char *bases, GError **error)
{
    g_auto(GStrv) names = g_strsplit(bases, " ", -1);
    for (int i = 0; names[i] != NULL; i++) {
        if (names[i][0] != '\0' && !has_complete(fleet, pool, names[i])) {
            return error_set(error, ERROR_HYPERVISOR_REFUSED, "pool '%s' has no complete base '%s'",
                pool, names[i]);
        }
    }
    return true;
}

static char *
find_bases(FakeFleet *fleet, const char *pool, const char *uuid)
{
    g_autofree char *name = name_of(uuid, ".root", "");
    g_autoptr(WorldRows) rows = world_select(fleet->world,
        "select text from volumes where pool = ?1 and name = ?2", TEXT(pool), TEXT(name));
    return g_strdup(world_next(rows) ? world_text(rows, 0) : "");
}

static char *
names_of_bases(const GuestSpec *guest)
{
    GString *names = g_string_new(NULL);
    if (guest->root_hash != NULL) {
        g_string_append_printf(names, "base-%s.%s", guest->root_hash, guest->root_format);
    }
    if (guest->kernel_hash != NULL) {
        g_string_append_printf(names, " base-%s.kernel", guest->kernel_hash);
    }
    if (guest->initrd_hash != NULL) {
        g_string_append_printf(names, " base-%s.initrd", guest->initrd_hash);
    }
    return g_string_free(names, FALSE);
}

bool
volumes_make_guest(FakeFleet *fleet, const char *pool, const GuestSpec *guest, GError **error)
{
    g_autofree char *bases = names_of_bases(guest);
    if (!check_bases(fleet, pool, bases, error)) {
        return false;
    }
    if (volumes_has_guest(fleet, pool, guest->uuid)) {
        g_autofree char *name = name_of(guest->uuid, ".root", "");
        world_run(fleet->world,
            "update volumes set size = max(size, ?3) where pool = ?1 and name = ?2", TEXT(pool),
            TEXT(name), INT(guest->root_size_bytes));
        return true;
    }
    if (guest->root == GUEST_ROOT_KEPT) {
        return error_set(
            error, ERROR_NOT_FOUND, "pool '%s' has no disk of guest '%s'", pool, guest->uuid);
    }
    int64_t allocated = MIN(fleet->options.guest_disk_bytes, guest->root_size_bytes);
    int64_t config_size = (int64_t)guest->config_drive_size;
    if (!check_room(fleet, pool, allocated + config_size, error)) {
        return false;
    }
    insert_guest_volume(fleet, pool, guest->uuid, ".root", guest->root_size_bytes, allocated,
        guest->root == GUEST_ROOT_REBUILT ? CONTENT_REBUILT
                                            : content_of_new_disk(fleet, guest->uuid));
    g_autofree char *root = name_of(guest->uuid, ".root", "");
    world_run(fleet->world, "update volumes set text = ?3 where pool = ?1 and name = ?2",
        TEXT(pool), TEXT(root), TEXT(bases));
    insert_guest_volume(fleet, pool, guest->uuid, ".config", config_size, config_size, 1);
    insert_guest_volume(fleet, pool, guest->uuid, ".console", 0, 0, 1);
    return true;
}

int64_t
volumes_guest_bytes(FakeFleet *fleet, const char *pool, const char *uuid)
{
    return world_number(fleet->world,
        "select sum(allocated) from volumes where guest = ?1 and pool = ?2", TEXT(uuid),
        TEXT(pool));
}

bool
volumes_prepare_guest(
    FakeFleet *fleet, const char *pool, const char *from_pool, const char *uuid, GError **error)
{
    if (!volumes_has_guest(fleet, from_pool, uuid)) {
        return error_set(
            error, ERROR_NOT_FOUND, "pool '%s' has no disk of guest '%s'", from_pool, uuid);
    }
    if (strcmp(pool, from_pool) == 0) {
        return error_set(
            error, ERROR_CONFLICT, "both hosts share pool '%s': there is nothing to prepare", pool);
    }
    g_autofree char *bases = find_bases(fleet, from_pool, uuid);
    if (!check_bases(fleet, pool, bases, error)) {
        return false;
    }
    /* Leftovers of an earlier attempt; what they hold was never complete, or is old. */
    volumes_remove_guest(fleet, pool, uuid, false);
    if (!check_room(fleet, pool, volumes_guest_bytes(fleet, from_pool, uuid), error)) {
        return false;
    }
    world_run(fleet->world,
        "insert into volumes (pool, name, guest, size, allocated, complete, content, text)"
        " select ?1, name, guest, size, allocated, 0, 0,"
        "  case when name like '%.root' then text else '' end from volumes"
        " where guest = ?3 and pool = ?2",
        TEXT(pool), TEXT(from_pool), TEXT(uuid));
    return true;
}

void
volumes_copy_guest(FakeFleet *fleet, const char *pool, const char *from_pool, const char *uuid)
{
    world_run(fleet->world,
        "update volumes set complete = 1, content = (select o.content from volumes o"
        " where o.pool = ?2 and o.name = volumes.name) where guest = ?3 and pool = ?1",
        TEXT(pool), TEXT(from_pool), TEXT(uuid));
}

void
volumes_return_guest(FakeFleet *fleet, const char *pool, const char *uuid)
{
    world_run(fleet->world,
        "update guests set content = coalesce((select content from volumes where pool = ?2"
        " and name = ?1 || '.root' and complete and content > 0), content) where uuid = ?1",
        TEXT(uuid), TEXT(pool));
}

static void
check_removal(FakeFleet *fleet, const char *pool, const char *uuid, bool ordered)
{
    g_autoptr(WorldRows) rows = world_select(fleet->world,
        "select host from domains where uuid = ?1 and pool = ?2 and state in (?3, ?4)", TEXT(uuid),
        TEXT(pool), INT(DOMAIN_RUNNING), INT(DOMAIN_PAUSED));
    bool is_used = world_next(rows);
    int64_t n_newest = world_number(fleet->world,
        "select count(*) from volumes v join guests g on g.uuid = v.guest"
        " where v.guest = ?1 and v.pool = ?2 and v.content = g.content and v.complete",
        TEXT(uuid), TEXT(pool));
    g_autofree char *root = name_of(uuid, ".root", "");
    bool is_elsewhere = world_number(fleet->world,
                            "select count(*) from volumes v join guests g on g.uuid = v.guest"
                            " where v.name = ?1 and v.pool <> ?2 and v.content = g.content"
                            " and v.complete",
                            TEXT(root), TEXT(pool)) > 0;
    if (is_used) {
        fleet_violate(fleet, "I3: the disk of guest %s in pool '%s' was removed under it on '%s'",
            uuid, pool, world_text(rows, 0));
    } else if (is_elsewhere) {
        return;
    } else if (n_newest > 0 && !ordered) {
        fleet_violate(
            fleet, "I3: the last complete disk of guest %s, in pool '%s', was removed", uuid, pool);
    } else if (n_newest > 0) {
        world_run(fleet->world, "update guests set removed = 1 where uuid = ?1", TEXT(uuid));
    }
}

void
volumes_remove_guest(FakeFleet *fleet, const char *pool, const char *uuid, bool ordered)
{
    if (volumes_has_guest(fleet, pool, uuid)) {
        check_removal(fleet, pool, uuid, ordered);
    }
    world_run(
        fleet->world, "delete from volumes where guest = ?1 and pool = ?2", TEXT(uuid), TEXT(pool));
}

void
volumes_write(FakeFleet *fleet, const char *pool, const char *uuid, bool was_copied)
{
    g_autofree char *name = name_of(uuid, ".root", "");
    int64_t newest =
        world_number(fleet->world, "select content from guests where uuid = ?1", TEXT(uuid));
    int64_t content = world_number(fleet->world,
        "select content from volumes where pool = ?1 and name = ?2", TEXT(pool), TEXT(name));
    if (!was_copied && content != newest && content != CONTENT_REBUILT) {
        fleet_violate(fleet,
            "I3: guest %s starts from an old disk in pool '%s' (%" G_GINT64_FORMAT
            " of %" G_GINT64_FORMAT ")",
            uuid, pool, content, newest);
    }
    world_run(fleet->world, "update guests set content = ?2 where uuid = ?1", TEXT(uuid),
        INT(newest + 1));
    world_run(fleet->world, "update volumes set complete = 1 where guest = ?1 and pool = ?2",
        TEXT(uuid), TEXT(pool));
    world_run(fleet->world, "update volumes set content = ?3 where pool = ?1 and name = ?2",
        TEXT(pool), TEXT(name), INT(newest + 1));
}

/* ---- console logs and markers ---- */

void
volumes_append_console(FakeFleet *fleet, const char *pool, const char *uuid, const char *line)
{
    g_autofree char *name = name_of(uuid, ".console", "");
    world_run(fleet->world,
        "update volumes set text = substr(text || ?3, -?4) where pool = ?1 and name = ?2",
        TEXT(pool), TEXT(name), TEXT(line), INT(CONSOLE_MAX));
}

char *
volumes_read_console(FakeFleet *fleet, const char *pool, const char *uuid)
{
    g_autofree char *name = name_of(uuid, ".console", "");
    g_autoptr(WorldRows) rows = world_select(fleet->world,
        "select text from volumes where pool = ?1 and name = ?2", TEXT(pool), TEXT(name));
    return world_next(rows) ? g_strdup(world_text(rows, 0)) : NULL;
}

bool
volumes_make_marker(FakeFleet *fleet, const char *pool, const char *token)
{
    g_autofree char *name = name_of("marker-", token, "");
    return world_run(fleet->world,
               "insert or ignore into volumes"
               " (pool, name, guest, size, allocated, complete, content)"
               " values (?1, ?2, '', 0, 0, 1, 0)",
               TEXT(pool), TEXT(name)) > 0;
}

void
volumes_sweep_markers(FakeFleet *fleet, const char *pool)
{
    g_autoptr(GPtrArray) left = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(WorldRows) rows = world_select(fleet->world,
        "select distinct substr(name, length('marker-') + 1) from volumes"
        " where name like 'marker-%' and (pool = ?1 or pool not in (select id from pools))",
        TEXT(pool));
    while (world_next(rows)) {
        if (!markers_are_in_use(world_text(rows, 0))) {
            g_ptr_array_add(left, g_strdup(world_text(rows, 0)));
        }
    }
    for (unsigned int i = 0; i < left->len; i++) {
        world_run(fleet->world,
            "delete from volumes where name = 'marker-' || ?2"
            " and (pool = ?1 or pool not in (select id from pools))",
            TEXT(pool), TEXT(left->pdata[i]));
    }
}

void
volumes_delete_marker(FakeFleet *fleet, const char *pool, const char *token)
{
    g_autofree char *name = name_of("marker-", token, "");
    world_run(
        fleet->world, "delete from volumes where pool = ?1 and name = ?2", TEXT(pool), TEXT(name));
}
