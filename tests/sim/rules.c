/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "tests/sim/sim.h"

#include <sqlite3.h>

/* A rule over the store is a query that finds what breaks it. */
typedef struct Rule {
    const char *name;
    const char *sql; /* each row it gives is one text: who breaks it */
    bool at_the_end; /* holds only when everything has come to rest */
} Rule;

#define MOVING "('preparing', 'transferring', 'switching', 'postcopy', 'resolving', 'undoing')"

static const Rule rules[] = {
    {"I5: an instance owns a claim on the host it is on, and no other",
        "select i.id from instances i left join claims c on c.instance_id = i.id and"
        " c.role = 'owner' where i.terminated_us = 0 and i.host is not null and"
        " (c.host is null or c.host <> i.host)",
        false},
    {"I5: a target's claim belongs to a migration on its way",
        "select c.instance_id from claims c where c.role = 'target' and not exists"
        " (select 1 from operations o join migrations m on m.operation_id = o.id where"
        " o.id = c.operation_id and o.is_open = 1 and (o.state = 'claiming' or"
        " (o.state in " MOVING " and m.dest_host = c.host)))",
        false},
    {"I5: a migration on its way has claimed its destination",
        "select o.id from operations o where o.is_open = 1 and o.kind = 'live-migration' and"
        " o.state in " MOVING " and not exists (select 1 from claims c where"
        " c.operation_id = o.id and c.role = 'target')",
        false},
    {"I5: what is gone claims nothing",
        "select i.id from instances i join claims c on c.instance_id = i.id where"
        " i.terminated_us > 0",
        false},
    {"a migration that has completed is where it says",
        "select m.id from migrations m join operations o on o.id = m.operation_id join"
        " instances i on i.id = o.instance_id where o.state = 'completed' and i.terminated_us = 0"
        " and i.host <> m.dest_host and not exists (select 1 from migrations n join operations p"
        " on p.id = n.operation_id where p.instance_id = o.instance_id and p.id > o.id and"
        " p.state in ('completed', 'finishing', 'error'))",
        false},
    {"a migration that has not completed is where it was",
        "select m.id from migrations m join operations o on o.id = m.operation_id join"
        " instances i on i.id = o.instance_id where o.state in ('failed', 'cancelled') and"
        " i.terminated_us = 0 and i.host <> m.source_host and not exists (select 1 from"
        " operations p where p.instance_id = o.instance_id and p.id > o.id)",
        false},
    {"every operation ends", "select id from operations where is_open = 1", true},
    {"no claim is left over", "select instance_id from claims where role = 'target'", true},
    {"every bad end has a reason",
        "select id from operations where state in ('failed', 'error') and message is null", true},
};

void
rules_open(Sim *sim)
{
    int result = sqlite3_open_v2(sim->path, &sim->reader, SQLITE_OPEN_READONLY, NULL);
    g_assert_cmpint(result, ==, SQLITE_OK);
}

void
rules_close(Sim *sim)
{
    sqlite3_close(sim->reader);
}

static void
check_rule(Sim *sim, const Rule *rule)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(sim->reader, rule->sql, -1, &statement, NULL);
    if (result != SQLITE_OK) {
        sim_fail(sim, "%s: %s", rule->name, sqlite3_errmsg(sim->reader));
    } else if (sqlite3_step(statement) == SQLITE_ROW) {
        sim_fail(sim, "%s: %s", rule->name, (const char *)sqlite3_column_text(statement, 0));
    }
    sqlite3_finalize(statement);
}

/* The store changes with moves alone, the fleet with everything. */
void
rules_check(Sim *sim)
{
    static unsigned checked_moves;
    g_autoptr(GError) error = NULL;
    if (!fake_check(sim->fleet, &error)) {
        sim_fail(sim, "%s", error->message);
    }
    if (checked_moves == sim->n_moves) {
        return;
    }
    checked_moves = sim->n_moves;
    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (!rules[i].at_the_end) {
            check_rule(sim, &rules[i]);
        }
    }
}

/* What the store says of an instance against what there is of it. */
static void
check_instance(Sim *sim, const Instance *instance)
{
    FakeGuest guest = {0};
    fake_inspect_guest(sim->fleet, instance->id, &guest);
    const char *id = instance->id;
    if (instance->terminated_us != 0) {
        if (guest.n_domains > 0) {
            sim_fail(sim, "%s was deleted and is on %s", id, guest.host);
        }
    } else if (instance->vm_state != VM_STATE_BUILDING && instance->vm_state != VM_STATE_ERROR) {
        if (g_strcmp0(guest.host, instance->host) != 0) {
            sim_fail(sim, "%s is on %s, not on %s", id, guest.host, instance->host);
        }
        if (guest.n_complete_disks < 1) {
            sim_fail(sim, "%s has no complete disk", id);
        }
        if (guest.n_active > 0 && instance->vm_state == VM_STATE_ACTIVE && guest.n_running != 1) {
            sim_fail(sim, "%s is active and was left paused on %s", id, guest.host);
        }
        if (!sim->has_faults && sim->fault_percent == 0 &&
            (guest.n_domains != 1 || guest.n_complete_disks != 1)) {
            sim_fail(sim, "%s has left %d domains and %d disks", id, guest.n_domains,
                guest.n_complete_disks);
        }
    }
    fake_guest_clear(&guest);
}

void
rules_check_end(Sim *sim)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
        check_rule(sim, &rules[i]);
    }
    for (unsigned i = 0; i < sim->instances->len; i++) {
        g_autoptr(Instance) instance =
            store_get_instance(sim->store, sim->instances->pdata[i], NULL);
        check_instance(sim, instance);
    }
}

void
rules_count_moves(Sim *sim, GHashTable *counts)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_prepare_v2(sim->reader,
        "select e.from_state || ' ' || e.to_state, count(*) from operation_events e join"
        " operations o on o.id = e.operation_id where o.kind = 'live-migration' and"
        " e.from_state is not null group by 1",
        -1, &statement, NULL);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        char *move = g_strdup((const char *)sqlite3_column_text(statement, 0));
        int64_t count =
            sqlite3_column_int64(statement, 1) + GPOINTER_TO_INT(g_hash_table_lookup(counts, move));
        g_hash_table_insert(counts, move, GINT_TO_POINTER((int)count));
    }
    sqlite3_finalize(statement);
}
