/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/fake/world.h"

#include "base/error.h"
#include <sqlite3.h>

struct World {
    sqlite3 *db;
    GHashTable *idle; /* address of SQL literal -> sqlite3_stmt that nobody steps */
};

struct WorldRows {
    World *world;
    const char *sql;
    sqlite3_stmt *statement;
};

/* Times are absolute; off_us is NULL while no guest shuts down, so that its index stays empty.
 * Tools outside may read these tables, so they say what they mean: numbers of states and reasons
 * are those of hypervisor/types.h. */
static const char schema[] =
    "create table if not exists hosts ("
    "  name text primary key, vcpus integer not null, memory_mib integer not null,"
    "  power integer not null default 1, cut integer not null default 0,"
    "  frozen integer not null default 0, taken_mib integer not null default 0) without rowid;"
    "create table if not exists pools ("
    "  id text primary key, capacity_bytes integer not null) without rowid;"
    "create table if not exists domains ("
    "  host text not null, uuid text not null, name text not null, pool text not null,"
    "  state integer not null, reason integer not null, persistent integer not null,"
    "  generation integer not null, operation integer not null,"
    "  vcpus integer not null, memory_mib integer not null,"
    "  boots integer not null default 0, off_us integer,"
    "  primary key (host, uuid)) without rowid;"
    "create index if not exists domains_uuid on domains (uuid);"
    "create index if not exists domains_off on domains (off_us) where off_us is not null;"
    "create table if not exists volumes ("
    "  pool text not null, name text not null, guest text not null, size integer not null,"
    "  allocated integer not null, complete integer not null, content integer not null,"
    "  text text not null default '', primary key (pool, name)) without rowid;"
    "create index if not exists volumes_guest on volumes (guest);"
    "create index if not exists volumes_allocated on volumes (pool, allocated);"
    "create table if not exists guests ("
    "  uuid text primary key, content integer not null, removed integer not null) without rowid;"
    "create table if not exists disks ("
    "  host text not null, uuid text not null, target text not null, volume text not null,"
    "  primary key (host, uuid, target)) without rowid;"
    "create index if not exists disks_volume on disks (volume);"
    "create table if not exists devices ("
    "  host text not null, uuid text not null, address text not null,"
    "  primary key (host, uuid, address)) without rowid;"
    "create table if not exists jobs ("
    "  uuid text primary key, source text not null, dest text not null,"
    "  source_pool text not null, dest_pool text not null, phase integer not null,"
    "  started_us integer not null, disk_bytes integer not null, memory_bytes integer not null,"
    "  bytes_s integer not null, dirty_bytes_s integer not null, downtime_us integer not null,"
    "  iteration integer not null, pass_us integer not null, pass_bytes integer not null,"
    "  moved_bytes integer not null, due_us integer not null, paused_us integer not null,"
    "  switched_us integer not null, was_paused integer not null,"
    "  lost_us integer not null, lost_phase integer not null, left_us integer not null,"
    "  post_copy integer not null, auto_converge integer not null, guest text not null)"
    "  without rowid;"
    "create index if not exists jobs_due on jobs (due_us);"
    "create index if not exists jobs_source on jobs (source);"
    "create index if not exists jobs_dest on jobs (dest);"
    "create table if not exists done_jobs ("
    "  host text not null, uuid text not null, disk_bytes integer not null,"
    "  memory_bytes integer not null, elapsed_us integer not null, downtime_us integer not null,"
    "  iteration integer not null, primary key (host, uuid)) without rowid;"
    "create table if not exists violations ("
    "  at_us integer not null, what text not null);";

static void
world_die(World *world, const char *sql)
{
    g_error("the fake fleet's database failed: %s (%s)", sqlite3_errmsg(world->db), sql);
}

/* synchronous=OFF: what is written survives kill -9 in the page cache, and a fake need not survive
 * more. The page cache of SQLite itself stays at 1 MiB. */
static bool
world_prepare_file(World *world)
{
    static const char *const pragmas = "pragma journal_mode=wal; pragma synchronous=off;"
                                       "pragma cache_size=-1024; pragma temp_store=memory;";
    sqlite3_busy_timeout(world->db, 10000);
    return sqlite3_exec(world->db, pragmas, NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_exec(world->db, schema, NULL, NULL, NULL) == SQLITE_OK;
}

static void
finalize_statement(void *statement)
{
    sqlite3_finalize(statement);
}

World *
world_open(const char *path, GError **error)
{
    World *world = g_new0(World, 1);
    world->idle = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, finalize_statement);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &world->db, flags, NULL) != SQLITE_OK || !world_prepare_file(world)) {
        error_set(error, ERROR_INTERNAL, "cannot open the fake fleet '%s': %s", path,
            sqlite3_errmsg(world->db));
        world_close(world);
        return NULL;
    }
    return world;
}

void
world_close(World *world)
{
    if (world == NULL) {
        return;
    }
    g_hash_table_unref(world->idle);
    sqlite3_close(world->db);
    g_free(world);
}

void
world_begin(World *world)
{
    world_run(world, "begin immediate");
}

void
world_commit(World *world)
{
    world_run(world, "commit");
}

static sqlite3_stmt *
take_statement(World *world, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (g_hash_table_steal_extended(world->idle, sql, NULL, (void **)&statement)) {
        return statement;
    }
    if (sqlite3_prepare_v3(world->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
        SQLITE_OK) {
        world_die(world, sql);
    }
    return statement;
}

WorldRows *
world_select_values(World *world, const char *sql, const WorldValue *values)
{
    sqlite3_stmt *statement = take_statement(world, sql);
    for (int i = 0; values[i].kind != WORLD_END; i++) {
        if (values[i].kind == WORLD_TEXT) {
            sqlite3_bind_text(statement, i + 1, values[i].text, -1, SQLITE_TRANSIENT);
        } else {
            sqlite3_bind_int64(statement, i + 1, values[i].number);
        }
    }
    WorldRows *rows = g_new(WorldRows, 1);
    *rows = (WorldRows){.world = world, .sql = sql, .statement = statement};
    return rows;
}

bool
world_next(WorldRows *rows)
{
    int result = sqlite3_step(rows->statement);
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        world_die(rows->world, rows->sql);
    }
    return result == SQLITE_ROW;
}

int64_t
world_int(const WorldRows *rows, int column)
{
    return sqlite3_column_int64(rows->statement, column);
}

const char *
world_text(const WorldRows *rows, int column)
{
    const char *text = (const char *)sqlite3_column_text(rows->statement, column);
    return text == NULL ? "" : text;
}

void
world_rows_free(WorldRows *rows)
{
    sqlite3_reset(rows->statement);
    sqlite3_clear_bindings(rows->statement);
    /* A second statement of the same text, made while the first was in use, takes its place. */
    g_hash_table_insert(rows->world->idle, (void *)rows->sql, rows->statement);
    g_free(rows);
}

int
world_run_values(World *world, const char *sql, const WorldValue *values)
{
    g_autoptr(WorldRows) rows = world_select_values(world, sql, values);
    while (world_next(rows)) {
    }
    return sqlite3_changes(world->db);
}

int64_t
world_number_values(World *world, const char *sql, const WorldValue *values)
{
    g_autoptr(WorldRows) rows = world_select_values(world, sql, values);
    return world_next(rows) ? world_int(rows, 0) : 0;
}
