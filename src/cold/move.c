/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cold/internal.h"

static const struct {
    const char *before; /* failpoints */
    const char *after;
    int timeout_s;
} rows[] = {
#define X(name, text, status, recovery, timeout, sentence)                                         \
    {"cold.before." text, "cold.after." text, timeout},
    COLD_STATES(X)
#undef X
};

static void
complete(ColdTask *task, ColdState to, OperationMove *move)
{
    const Machine *machine = cold_machine();
    const MachineMove *row = machine_find_move(machine, task->state, to);

    g_assert(row != NULL);
    move->operation_id = task->operation->id;
    move->epoch = task->context->epoch;
    move->from = machine->states[task->state].name;
    move->to = machine->states[to].name;
    move->closes = machine->states[to].is_final;
    if (move->sentence == NULL) {
        move->sentence = row->sentence;
    }
    move->deadline_us = operation_deadline_us(task->context, rows[to].timeout_s);
    move->instance_id = task->instance->id;
    if (move->closes && operation_kind_is_cold(task->operation->kind)) {
        task->migration->finished_us = clock_now_us(task->context->clock);
    }
    /* What did not happen leaves the move as it was, to be ended another time; why it did not is
     * told until then. One that was given up before it began says nothing new. */
    if (to == COLD_REFUSED) {
        task->migration->end_operation_id = 0;
    }
    if (to == COLD_REFUSED && move->error_code != NULL) {
        task->migration->refused_operation_id = task->operation->id;
    } else if (to == COLD_CONFIRMED || to == COLD_REVERTED || to == COLD_ERROR) {
        task->migration->refused_operation_id = 0;
    }
    move->migration = task->migration;
}

static void
enter(ColdTask *task, ColdState to, const OperationMove *move)
{
    task->state = to;
    task->deadline_us = move->deadline_us;
    task->done = 0;
    task->idle_since_us = 0;
    task->off = (PowerOff){0};
    task->destroy_wanted = false;
    effect_slot_forget(&task->effect);
    effect_slot_forget(&task->side);
}

StepResult
cold_move(ColdTask *task, ColdState to, const OperationMove *with)
{
    OperationMove move = with != NULL ? *with : operation_plain_move();
    bool is_written = false;

    complete(task, to, &move);
    g_autofree char *explained = operation_explain(&move);
    OperationCommit commit = {
        .context = task->context,
        .operation = task->operation,
        .migration = task->migration,
        .before = rows[to].before,
        .after = rows[to].after,
    };
    StepResult result = operation_commit(&commit, &move, &is_written);
    if (is_written) {
        enter(task, to, &move);
    }
    return result;
}

StepResult
cold_move_with_error(ColdTask *task, ColdState to, const GError *error)
{
    OperationMove move = operation_plain_move();

    move.error_code = error_code_name(error_code(error));
    move.message = error->message;
    return cold_move(task, to, &move);
}

Leftover
cold_leftover(const ColdTask *task, bool on_dest, const char *why, const char *when)
{
    const Migration *migration = task->migration;
    char *id = task->instance->id;

    return (Leftover){
        .host = on_dest ? migration->dest_host : migration->source_host,
        .kind = LEFTOVER_GUEST,
        .name = id,
        .instance_id = id,
        .operation_id = on_dest ? migration->operation.id : 0,
        .with_disks = migration->copies_disks,
        .size_bytes = -1,
        .why = (char *)why,
        .removable_when = (char *)when,
    };
}

void
cold_forget_leftover(ColdTask *task, bool on_dest)
{
    Store *store = task->context->store;
    LeftoverFilter filter = {
        .host = on_dest ? task->migration->dest_host : task->migration->source_host,
        .instance_id = task->instance->id,
    };
    g_autoptr(GPtrArray) left = store_list_leftovers(store, &filter, NULL);

    for (unsigned i = 0; left != NULL && i < left->len; i++) {
        store_delete_leftover(store, ((Leftover *)left->pdata[i])->id, NULL);
    }
}
