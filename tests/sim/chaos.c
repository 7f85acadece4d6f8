/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "tests/sim/sim.h"

/* What operators, guests and hardware do to a fleet, each by a chance of its own. */

static const char *
any_instance(Sim *sim)
{
    return sim->instances->pdata[rng_below(&sim->rng, (int)sim->instances->len)];
}

static SimHost *
any_host(Sim *sim)
{
    return sim->hosts->pdata[rng_below(&sim->rng, (int)sim->hosts->len)];
}

/* One from which a guest moves, if there is one: where trouble finds the rare moments. */
static SimHost *
busy_host(Sim *sim)
{
    g_autoptr(GPtrArray) operations = store_list_open_operations(sim->store, NULL);
    for (unsigned i = 0; i < operations->len; i++) {
        const Operation *operation = operations->pdata[i];
        g_autoptr(Instance) instance = store_get_instance(sim->store, operation->instance_id, NULL);
        if (operation->kind == OPERATION_LIVE_MIGRATE && instance != NULL &&
            instance->host != NULL) {
            return sim_find_host(sim, instance->host);
        }
    }
    return any_host(sim);
}

/* ---- operators ---- */

static void
migrate(Sim *sim)
{
    const char *id = any_instance(sim);
    const char *dest = rng_chance(&sim->rng, 50) ? any_host(sim)->name : NULL;
    MigrationRequest request = {
        .operation = {.kind = OPERATION_LIVE_MIGRATE,
            .instance_id = id,
            .request_id = "req-migrate",
            .user_id = "user",
            .project_id = "project",
            .expected = {VM_STATE_ACTIVE, VM_STATE_PAUSED},
            .n_expected = 2},
        .requested_host = dest,
        .block_migration = rng_chance(&sim->rng, 90) ? BLOCK_MIGRATION_AUTO : BLOCK_MIGRATION_NO,
    };
    g_autoptr(Migration) migration = store_accept_migration(sim->store, &request, NULL);
    if (migration != NULL) {
        sim_log(sim, "migrate %.8s to %s: accepted", id, dest != NULL ? dest : "any");
        sim_pass(sim);
    }
}

static void
do_simple(Sim *sim, OperationKind kind, VmState expected)
{
    OperationRequest request = {.kind = kind,
        .instance_id = any_instance(sim),
        .request_id = "req-simple",
        .user_id = "user",
        .project_id = "project",
        .expected = {expected},
        .n_expected = 1};
    g_autoptr(Operation) operation = store_accept_operation(sim->store, &request, NULL);
    if (operation != NULL) {
        sim_log(sim, "%s %.8s", operation_kind_name(kind), operation->instance_id);
        sim_pass(sim);
    }
}

static void
want(Sim *sim, Wanted wanted)
{
    g_autoptr(GPtrArray) operations = store_list_open_operations(sim->store, NULL);
    if (operations->len == 0) {
        return;
    }
    const Operation *operation = operations->pdata[rng_below(&sim->rng, (int)operations->len)];
    if (operation->kind == OPERATION_LIVE_MIGRATE &&
        store_set_wanted(sim->store, operation->id, wanted, NULL)) {
        sim_log(sim, "%s of %" G_GINT64_FORMAT, wanted_name(wanted), operation->id);
        sim_wake(sim, operation->id);
    }
}

static void
delete_one(Sim *sim)
{
    const char *id = any_instance(sim);
    if (store_accept_delete(sim->store, id, "req-delete", "user", NULL)) {
        sim_log(sim, "delete %.8s", id);
        g_autoptr(Instance) instance = store_get_instance(sim->store, id, NULL);
        sim_wake(sim, instance->open_operation);
        sim_pass(sim);
    }
}

static void
operate(Sim *sim)
{
    int draw = rng_below(&sim->rng, 100);
    if (draw < 60) {
        migrate(sim);
    } else if (draw < 75) {
        want(sim, WANTED_CANCEL);
    } else if (draw < 83) {
        want(sim, WANTED_FORCE_COMPLETE);
    } else if (draw < 86) {
        do_simple(sim, OPERATION_STOP, VM_STATE_ACTIVE);
    } else if (draw < 89) {
        do_simple(sim, OPERATION_START, VM_STATE_STOPPED);
    } else if (draw < 93) {
        do_simple(sim, OPERATION_PAUSE, VM_STATE_ACTIVE);
    } else if (draw < 97) {
        do_simple(sim, OPERATION_UNPAUSE, VM_STATE_PAUSED);
    } else {
        delete_one(sim);
    }
}

/* ---- hardware ---- */

static void
heal(Sim *sim, SimHost *host)
{
    if (host->is_off) {
        fake_inject(sim->fleet, host->name, FAKE_POWER_ON);
    }
    if (host->is_cut) {
        fake_inject(sim->fleet, host->name, FAKE_HEAL);
    }
    if (host->is_frozen) {
        fake_inject(sim->fleet, host->name, FAKE_THAW);
    }
    if (host->is_off || host->is_cut || host->is_frozen) {
        sim_log(sim, "%s is well again", host->name);
    }
    host->is_off = host->is_cut = host->is_frozen = false;
    host->slow_until_us = 0;
    host->heal_us = INT64_MAX;
}

static void
break_host(Sim *sim)
{
    static const char *const names[] = {"loses power", "reboots", "is cut off", "freezes",
        "drops its migrations", "restarts its daemon", "gets slow"};
    SimHost *host = rng_chance(&sim->rng, 50) ? busy_host(sim) : any_host(sim);
    if (host->is_off || host->is_cut || host->is_frozen) {
        return;
    }
    /* Migrations are short: what breaks them alone comes more often. */
    int draw = rng_below(&sim->rng, 9);
    draw = draw >= 7 ? draw - 3 : draw;
    sim_log(sim, "%s %s", host->name, names[draw]);
    host->heal_us = sim->now_us + (int64_t)(rng_below(&sim->rng, 60000) + 1) * 1000;
    switch (draw) {
    case 0:
        host->is_off = true;
        fake_inject(sim->fleet, host->name, FAKE_POWER_OFF);
        break;
    case 1: fake_inject(sim->fleet, host->name, FAKE_REBOOT); break;
    case 2:
        host->is_cut = true;
        fake_inject(sim->fleet, host->name, FAKE_CUT);
        break;
    case 3:
        host->is_frozen = true;
        fake_inject(sim->fleet, host->name, FAKE_FREEZE);
        break;
    case 4: fake_inject(sim->fleet, host->name, FAKE_FAIL_JOBS); break;
    case 5: fake_inject(sim->fleet, host->name, FAKE_RESTART); break;
    default: host->slow_until_us = host->heal_us; break;
    }
    sim_calls_quiesce(sim->context.calls);
}

static void
guest_does(Sim *sim)
{
    g_autoptr(Instance) instance = store_get_instance(sim->store, any_instance(sim), NULL);
    if (instance == NULL || instance->host == NULL) {
        return;
    }
    DomainReason reason =
        rng_chance(&sim->rng, 50) ? DOMAIN_REASON_SHUTDOWN : DOMAIN_REASON_CRASHED;
    sim_log(sim, "the guest of %.8s ends: %s", instance->id, domain_reason_name(reason));
    fake_guest_event(sim->fleet, instance->host, instance->id, reason);
}

/* ---- when ---- */

int64_t
chaos_next_us(Sim *sim)
{
    /* Now and then things come close together: a switchover takes a fraction of a second. */
    int longest_us = rng_chance(&sim->rng, 30) ? SECOND_US / 5 : 3 * SECOND_US;
    int64_t next_us = sim->now_us + rng_below(&sim->rng, longest_us) + 1;
    for (unsigned i = 0; i < sim->hosts->len; i++) {
        SimHost *host = sim->hosts->pdata[i];
        if (host->heal_us > sim->now_us) {
            next_us = MIN(next_us, host->heal_us);
        }
    }
    return next_us;
}

void
chaos_act(Sim *sim)
{
    for (unsigned i = 0; i < sim->hosts->len; i++) {
        SimHost *host = sim->hosts->pdata[i];
        if (host->heal_us != 0 && host->heal_us <= sim->now_us) {
            heal(sim, host);
        }
    }
    sim_calls_quiesce(sim->context.calls);
    int draw = rng_below(&sim->rng, 100);
    if (draw < 12 && sim->has_faults) {
        break_host(sim);
    } else if (draw < 14 && sim->has_faults) {
        guest_does(sim);
    } else if (draw < 20 && sim->has_crashes) {
        sim_crash_daemon(sim);
    } else if (draw < 80) {
        operate(sim);
    }
}

void
chaos_calm(Sim *sim)
{
    sim_log(sim, "calm");
    sim->is_calm = true;
    for (unsigned i = 0; i < sim->hosts->len; i++) {
        heal(sim, sim->hosts->pdata[i]);
    }
    sim_calls_quiesce(sim->context.calls);
}

/* A guest that writes faster than it moves never gets there by itself. */
void
chaos_end_what_hangs(Sim *sim)
{
    g_autoptr(GPtrArray) operations = store_list_open_operations(sim->store, NULL);
    for (unsigned i = 0; i < operations->len; i++) {
        const Operation *operation = operations->pdata[i];
        bool forces = rng_chance(&sim->rng, 50);
        if (operation->kind == OPERATION_LIVE_MIGRATE && operation->wanted == WANTED_RUN) {
            store_set_wanted(
                sim->store, operation->id, forces ? WANTED_FORCE_COMPLETE : WANTED_CANCEL, NULL);
            sim_wake(sim, operation->id);
        }
    }
}
