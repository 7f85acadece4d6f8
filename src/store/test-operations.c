/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Operations, claims, migrations, consoles: what the engine relies on. */
#include "base/failpoint.h"
#include "store/db.h"
#include "store/test-support.h"
#include <string.h>

static Instance *
reload(Fixture *fixture, const Instance *instance)
{
    g_autoptr(GError) error = NULL;
    Instance *read = store_get_instance(fixture->store, instance->id, &error);

    g_assert_no_error(error);
    return read;
}

static Operation *
operation_of(Fixture *fixture, int64_t id)
{
    g_autoptr(GError) error = NULL;
    Operation *operation = store_get_operation(fixture->store, id, &error);

    g_assert_no_error(error);
    return operation;
}

static HostUsage
usage_of(Fixture *fixture, const char *host)
{
    g_autoptr(GError) error = NULL;
    HostUsage usage = {0};

    store_get_host_usage(fixture->store, host, &usage, &error);
    g_assert_no_error(error);
    return usage;
}

/* ---- accepting ---- */

static Operation *
accept(Fixture *fixture, const Instance *instance, OperationKind kind, VmState expected,
    GError **error)
{
    const OperationRequest request = {.kind = kind,
        .instance_id = instance->id,
        .request_id = "req-o",
        .user_id = "ann",
        .project_id = "project",
        .expected = {expected},
        .n_expected = 1};

    return store_accept_operation(fixture->store, &request, error);
}

static void
test_one_open_operation(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    test_host(fixture, "hosta");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "hosta");
    g_assert_null(accept(fixture, vm, OPERATION_START, VM_STATE_STOPPED, &error));
    g_assert_true(error_is(error, ERROR_CONFLICT));
    g_assert_cmpstr(error->message, ==, "while it is in vm_state active");
    g_clear_error(&error);
    g_autoptr(Operation) stop = accept(fixture, vm, OPERATION_STOP, VM_STATE_ACTIVE, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(stop->state, ==, "queued");
    g_assert_true(stop->is_open);
    g_assert_cmpint(stop->wanted, ==, WANTED_RUN);
    g_assert_null(accept(fixture, vm, OPERATION_REBOOT_HARD, VM_STATE_ACTIVE, &error));
    g_assert_true(error_is(error, ERROR_CONFLICT));
    g_assert_cmpstr(error->message, ==, "while it is in task_state powering-off");
    g_clear_error(&error);
    const Instance nobody = {.id = "nobody"};
    g_assert_null(accept(fixture, &nobody, OPERATION_STOP, VM_STATE_ACTIVE, &error));
    g_assert_true(error_is(error, ERROR_NOT_FOUND));
}

typedef struct Racer {
    Fixture *fixture;
    const Instance *instance;
    const char *host;
    int n_won; /* atomic */
} Racer;

static void *
race_to_accept(void *data)
{
    Racer *racer = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(Operation) operation =
        accept(racer->fixture, racer->instance, OPERATION_STOP, VM_STATE_ACTIVE, &error);

    if (operation != NULL) {
        g_atomic_int_inc(&racer->n_won);
    } else {
        g_assert_true(error_is(error, ERROR_CONFLICT));
    }
    return NULL;
}

static void
race(GThreadFunc function, void *data, int n)
{
    g_autoptr(GPtrArray) threads = g_ptr_array_new();

    for (int i = 0; i < n; i++) {
        g_ptr_array_add(threads, g_thread_new("racer", function, data));
    }
    for (int i = 0; i < n; i++) {
        g_thread_join(threads->pdata[i]);
    }
}

static void
test_racing_requests(Fixture *fixture, const void *data)
{
    test_host(fixture, "hosta");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "hosta");
    Racer racer = {.fixture = fixture, .instance = vm};

    race(race_to_accept, &racer, 8);
    g_assert_cmpint(racer.n_won, ==, 1);
}

/* ---- moves ---- */

static void
assert_stale(Fixture *fixture, const OperationMove *move)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(store_move_operation(fixture->store, move, &error));
    g_assert_true(error_is(error, ERROR_GONE_STALE));
}

static void
test_swap_checks_state_epoch_and_openness(Fixture *fixture, const void *data)
{
    g_autoptr(Instance) vm = test_instance(fixture, "vm");
    OperationMove move = test_move(fixture, vm->open_operation, "preparing", "running");

    move.set_instance = true;
    move.vm_state = VM_STATE_ACTIVE;
    assert_stale(fixture, &move);
    move.from = "queued";
    move.epoch++;
    assert_stale(fixture, &move);
    move.epoch--;
    move.operation_id++;
    assert_stale(fixture, &move);
    move.operation_id--;
    g_autoptr(Instance) untouched = reload(fixture, vm);
    g_assert_cmpint(untouched->vm_state, ==, VM_STATE_BUILDING);
    move.to = "queued";
    move.closes = true;
    test_move_ok(fixture, &move);
    assert_stale(fixture, &move);
}

static void
test_new_epoch_takes_over(Fixture *fixture, const void *data)
{
    g_autoptr(Instance) vm = test_instance(fixture, "vm");
    OperationMove old = test_move(fixture, vm->open_operation, "queued", "running");

    fixture_reopen(fixture);
    assert_stale(fixture, &old);
    OperationMove new = test_move(fixture, vm->open_operation, "queued", "running");
    test_move_ok(fixture, &new);
}

static void
test_history(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) vm = test_instance(fixture, "vm");
    OperationMove move = test_move(fixture, vm->open_operation, "queued", "running");

    test_now_us += 5;
    move.deadline_us = 99;
    test_move_ok(fixture, &move);
    g_autoptr(Operation) operation = operation_of(fixture, vm->open_operation);
    g_assert_cmpstr(operation->state, ==, "running");
    g_assert_cmpint(operation->deadline_us, ==, 99);
    g_assert_cmpint(operation->updated_us, ==, test_now_us);
    g_assert_cmpstr(operation->message, ==, "It was time");
    g_autoptr(GPtrArray) events =
        store_list_operation_events(fixture->store, operation->id, &error);
    g_assert_cmpuint(events->len, ==, 2);
    const OperationEvent *first = events->pdata[0];
    const OperationEvent *second = events->pdata[1];
    g_assert_null(first->from);
    g_assert_cmpstr(first->to, ==, "queued");
    g_assert_cmpstr(second->from, ==, "queued");
    g_assert_cmpstr(second->to, ==, "running");
    g_assert_cmpstr(second->sentence, ==, "It was time");
    g_assert_cmpint(second->at_us, ==, test_now_us);
}

static void
test_first_error_wins(Fixture *fixture, const void *data)
{
    g_autoptr(Instance) vm = test_instance(fixture, "vm");
    OperationMove first = test_move(fixture, vm->open_operation, "queued", "undoing");
    OperationMove second = test_move(fixture, vm->open_operation, "undoing", "failed");

    first.error_code = "timeout";
    first.message = "It took too long";
    second.error_code = "internal";
    second.message = "And then this";
    second.closes = true;
    test_move_ok(fixture, &first);
    test_move_ok(fixture, &second);
    g_autoptr(Operation) operation = operation_of(fixture, vm->open_operation);
    g_assert_cmpstr(operation->error_code, ==, "timeout");
    g_assert_cmpstr(operation->message, ==, "It took too long");
    g_assert_false(operation->is_open);
}

static void
test_move_writes_the_instance(Fixture *fixture, const void *data)
{
    g_autoptr(Instance) vm = test_instance(fixture, "vm");
    OperationMove move = test_move(fixture, vm->open_operation, "queued", "running");
    const Fault fault = {.code = 500, .message = "No valid host", .details = "none fits"};

    move.set_instance = true;
    move.host = "hosta";
    move.vm_state = VM_STATE_ERROR;
    move.power_state = POWER_STATE_CRASHED;
    move.should_run = 0;
    move.generation = 4;
    move.launched = true;
    move.fault = &fault;
    test_move_ok(fixture, &move);
    g_autoptr(Instance) read = reload(fixture, vm);
    g_assert_cmpstr(read->host, ==, "hosta");
    g_assert_cmpint(read->vm_state, ==, VM_STATE_ERROR);
    g_assert_cmpint(read->power_state, ==, POWER_STATE_CRASHED);
    g_assert_false(read->should_run);
    g_assert_cmpint(read->generation, ==, 4);
    g_assert_cmpint(read->launched_us, ==, test_now_us);
    g_assert_true(read->has_fault);
    g_assert_cmpint(read->fault.code, ==, 500);
    g_assert_cmpstr(read->fault.message, ==, "No valid host");
    g_assert_cmpint(read->fault.created_us, ==, test_now_us);

    OperationMove leave = test_move(fixture, vm->open_operation, "running", "waiting");
    leave.set_instance = true;
    leave.clear_fault = true;
    test_move_ok(fixture, &leave);
    g_autoptr(Instance) same = reload(fixture, vm);
    g_assert_cmpstr(same->host, ==, "hosta");
    g_assert_cmpint(same->vm_state, ==, VM_STATE_ERROR);
    g_assert_cmpint(same->generation, ==, 4);
    g_assert_false(same->has_fault);
    g_assert_null(same->fault.message);
}

static void
test_failed_commit_moves_nothing(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) vm = test_instance(fixture, "vm");
    OperationMove move = test_move(fixture, vm->open_operation, "queued", "running");

    move.set_instance = true;
    move.vm_state = VM_STATE_ACTIVE;
    g_setenv("DROVER_FAILPOINTS", "store.commit=error@1", true);
    failpoint_init();
    g_assert_false(store_move_operation(fixture->store, &move, &error));
    g_unsetenv("DROVER_FAILPOINTS");
    failpoint_init();
    g_assert_true(error_is(error, ERROR_STORE_DOWN));
    g_autoptr(Instance) read = reload(fixture, vm);
    g_assert_cmpint(read->vm_state, ==, VM_STATE_BUILDING);
    g_assert_cmpstr(read->open_state, ==, "queued");
    test_move_ok(fixture, &move);
}

static void
test_wanted(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) vm = test_instance(fixture, "vm");
    OperationMove move = test_move(fixture, vm->open_operation, "queued", "done");

    g_assert_true(
        store_set_wanted(fixture->store, vm->open_operation, WANTED_FORCE_COMPLETE, &error));
    g_autoptr(Operation) operation = operation_of(fixture, vm->open_operation);
    g_assert_cmpint(operation->wanted, ==, WANTED_FORCE_COMPLETE);
    move.closes = true;
    test_move_ok(fixture, &move);
    g_assert_false(store_set_wanted(fixture->store, vm->open_operation, WANTED_CANCEL, &error));
    g_assert_true(error_is(error, ERROR_GONE_STALE));
}

static void
test_operations_of_an_instance(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    test_host(fixture, "hosta");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "hosta");
    g_autoptr(Operation) stop = accept(fixture, vm, OPERATION_STOP, VM_STATE_ACTIVE, &error);
    g_autoptr(Instance) other = test_instance(fixture, "other");
    g_autoptr(GPtrArray) all = store_list_instance_operations(fixture->store, vm->id, 0, &error);
    g_assert_cmpuint(all->len, ==, 2);
    g_assert_cmpint(((Operation *)all->pdata[0])->kind, ==, OPERATION_STOP);
    g_autoptr(GPtrArray) newest = store_list_instance_operations(fixture->store, vm->id, 1, &error);
    g_assert_cmpuint(newest->len, ==, 1);
    g_autoptr(GPtrArray) open = store_list_open_operations(fixture->store, &error);
    g_assert_cmpuint(open->len, ==, 2);
    g_assert_cmpint(((Operation *)open->pdata[0])->id, ==, stop->id);
    g_assert_cmpint(((Operation *)open->pdata[1])->id, ==, other->open_operation);
}

static void
test_fresh_operations(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    g_autoptr(Instance) one = test_instance(fixture, "one");
    g_autoptr(Instance) two = test_instance(fixture, "two");
    g_autoptr(Instance) three = test_instance(fixture, "three");
    store_set_wanted(fixture->store, one->open_operation, WANTED_CANCEL, &error);
    g_assert_no_error(error);
    g_autoptr(GPtrArray) fresh =
        store_list_fresh_operations(fixture->store, two->open_operation, &error);
    g_assert_cmpuint(fresh->len, ==, 2);
    g_assert_cmpint(((Operation *)fresh->pdata[0])->id, ==, one->open_operation);
    g_assert_cmpint(((Operation *)fresh->pdata[1])->id, ==, three->open_operation);
}

/* ---- claims ---- */

/* "hosta owner, hostb": what it has, by whichever of the three it is asked for. */
static void
assert_claims(Fixture *fixture, ClaimsOf of, const char *id, const char *wanted)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) claims = store_list_claims(fixture->store, of, id, &error);
    g_autoptr(GString) text = g_string_new(NULL);

    g_assert_no_error(error);
    for (unsigned i = 0; i < claims->len; i++) {
        const ClaimRow *claim = claims->pdata[i];
        g_string_append_printf(text, "%s%s%s", i > 0 ? ", " : "", claim->host,
            claim->is_owner ? " owner" : "");
        g_assert_cmpstr(claim->instance_name, ==, "vm");
        g_assert_cmpint(claim->vcpus, ==, 1);
        g_assert_cmpint(claim->ram_mib, ==, 512);
        g_assert_cmpint(claim->disk_gib, ==, 1);
    }
    g_assert_cmpstr(text->str, ==, wanted);
}

/* As whoever asks where that instance could go sees it: what it has claimed for a move of its own
 * is not taken, what is on the host that it is on is. */
static void
assert_seen(Fixture *fixture, const Instance *vm, const char *host, int claims, int64_t ram_mib)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GHashTable) usage = store_list_host_usage_for(fixture->store, vm, &error);
    g_assert_no_error(error);
    const HostUsage *seen = g_hash_table_lookup(usage, host);
    g_assert_nonnull(seen);
    g_assert_cmpint(seen->claims, ==, claims);
    g_assert_cmpint(seen->vcpus, ==, claims);
    g_assert_cmpint(seen->ram_mib, ==, ram_mib);
    g_assert_cmpint(seen->arriving_ram_mib, ==, 0);
}

static void
claim_named(Fixture *fixture, const Migration *migration, const Instance *vm, const char *wish,
    const char *given)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *host = NULL;

    g_assert_true(store_claim(fixture->store, &migration->operation, vm, choose_named,
        (char *)wish, &host, &error));
    g_assert_cmpstr(host, ==, given);
}

static void
test_claims_of_a_move(Fixture *fixture, const void *data)
{

    test_host(fixture, "hosta");
    test_host(fixture, "hostb");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "hosta");
    HostUsage a = usage_of(fixture, "hosta");
    g_assert_cmpint(a.vcpus, ==, 1);
    g_assert_cmpint(a.ram_mib, ==, 512);
    g_assert_cmpint(a.disk_gib, ==, 1);
    g_assert_cmpint(a.instances, ==, 1);
    g_assert_cmpint(a.open_operations, ==, 0);

    g_autoptr(Migration) migration = test_migration(fixture, vm);
    claim_named(fixture, migration, vm, "hostb", "hostb");
    /* The claim that is there stays, whatever would be chosen today. */
    claim_named(fixture, migration, vm, "hosta", "hostb");
    OperationMove prepare = test_move(fixture, migration->operation.id, "queued", "preparing");
    migration->dest_host = g_strdup("hostb");
    prepare.migration = migration;
    test_move_ok(fixture, &prepare);
    a = usage_of(fixture, "hosta");
    g_assert_cmpint(a.open_operations, ==, 1);
    g_assert_cmpint(a.outgoing_migrations, ==, 1);
    g_assert_cmpint(a.incoming_migrations, ==, 0);
    HostUsage b = usage_of(fixture, "hostb");
    g_assert_cmpint(b.ram_mib, ==, 512);
    g_assert_cmpint(b.instances, ==, 0);
    g_assert_cmpint(b.incoming_migrations, ==, 1);
    assert_claims(fixture, CLAIMS_OF_INSTANCE, vm->id, "hosta owner, hostb");
    assert_claims(fixture, CLAIMS_OF_PROJECT, vm->project_id, "hosta owner, hostb");
    assert_claims(fixture, CLAIMS_OF_HOST, "hostb", "hostb");
    assert_claims(fixture, CLAIMS_OF_PROJECT, "another", "");
    g_autoptr(Instance) moving = store_get_instance(fixture->store, vm->id, NULL);
    g_autoptr(Instance) other = test_active_instance(fixture, "other", "hostb");
    g_assert_cmpint(b.arriving_ram_mib, ==, 512);
    assert_seen(fixture, moving, "hosta", 1, 512);
    assert_seen(fixture, moving, "hostb", 1, 512);

    OperationMove finish = test_move(fixture, migration->operation.id, "preparing", "completed");
    finish.closes = true;
    finish.set_instance = true;
    finish.host = "hostb";
    finish.promote_target = true;
    test_move_ok(fixture, &finish);
    a = usage_of(fixture, "hosta");
    b = usage_of(fixture, "hostb");
    g_assert_cmpint(a.ram_mib, ==, 0);
    g_assert_cmpint(a.outgoing_migrations, ==, 0);
    g_assert_cmpint(b.ram_mib, ==, 1024); /* it and the other one */
    g_assert_cmpint(b.instances, ==, 2);
    g_assert_cmpint(b.incoming_migrations, ==, 0);
    assert_claims(fixture, CLAIMS_OF_INSTANCE, vm->id, "hostb owner");
    assert_claims(fixture, CLAIMS_OF_HOST, "hosta", "");
}

/* data: what it is given. */
static const char *
choose_pages(const HostIndex *hosts, void *data, StoredDecision *decision, GError **error)
{
    decision->topology = g_strdup(data);
    return choose_named(hosts, (char *)"hosta", decision, error);
}

/* Of 512 MiB each, those alone whose memory is to come from what is free. */
static void
test_huge_pages_on_their_way_take_nothing_free(Fixture *fixture, const void *data)
{
    static const struct {
        const char *name;
        const char *topology;
        int64_t arriving_mib; /* with those before it */
    } rows[] = {
        {"paged", "guest cells=1 binds=1 page=2048;cell host=0 vcpus=1 memory=512", 0},
        {"small", "guest cells=1 binds=1 page=0;cell host=0 vcpus=1 memory=512", 512},
        {"plain", NULL, 1024},
    };

    test_host(fixture, "hosta");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *host = NULL;
        g_autoptr(Instance) vm = test_instance(fixture, rows[i].name);
        g_autoptr(Operation) operation = operation_of(fixture, vm->open_operation);
        store_claim(fixture->store, operation, vm, choose_pages, (char *)rows[i].topology, &host,
            &error);
        g_assert_no_error(error);
        HostUsage usage = usage_of(fixture, "hosta");
        g_assert_cmpint(usage.arriving_ram_mib, ==, rows[i].arriving_mib);
        g_assert_cmpint(usage.ram_mib, ==, 512 * (int64_t)(i + 1));
    }
}

static void
test_claim_is_released(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *host = NULL;

    test_host(fixture, "hosta");
    test_host(fixture, "hostb");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "hosta");
    g_autoptr(Migration) migration = test_migration(fixture, vm);
    g_assert_true(store_claim(
        fixture->store, &migration->operation, vm, choose_named, "hostb", &host, &error));
    OperationMove fail = test_move(fixture, migration->operation.id, "queued", "failed");
    fail.closes = true;
    fail.release_target = true;
    test_move_ok(fixture, &fail);
    HostUsage a = usage_of(fixture, "hosta");
    HostUsage b = usage_of(fixture, "hostb");
    g_assert_cmpint(a.ram_mib, ==, 512);
    g_assert_cmpint(b.ram_mib, ==, 0);
}

static void
move_and_keep(Fixture *fixture, const Instance *vm, const char *dest)
{
    g_autoptr(Migration) migration = test_migration(fixture, vm);
    claim_named(fixture, migration, vm, dest, dest);
    OperationMove finish = test_move(fixture, migration->operation.id, "queued", "finished");
    finish.closes = true;
    finish.set_instance = true;
    finish.host = dest;
    finish.keep_source = true;
    test_move_ok(fixture, &finish);
}

/* One that was never ended keeps nobody from moving on: it was in ERROR, and was reset. */
static void
test_kept_claim_is_of_the_last_move(Fixture *fixture, const void *data)
{
    test_host(fixture, "hosta");
    test_host(fixture, "hostb");
    test_host(fixture, "hostc");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "hosta");
    move_and_keep(fixture, vm, "hostb");
    assert_claims(fixture, CLAIMS_OF_INSTANCE, vm->id, "hosta, hostb owner");
    move_and_keep(fixture, vm, "hostc");
    assert_claims(fixture, CLAIMS_OF_INSTANCE, vm->id, "hostb, hostc owner");
}

static void
test_promotion_needs_a_target(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    test_host(fixture, "hosta");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "hosta");
    g_autoptr(Migration) migration = test_migration(fixture, vm);
    OperationMove move = test_move(fixture, migration->operation.id, "queued", "completed");
    move.promote_target = true;
    g_assert_false(store_move_operation(fixture->store, &move, &error));
    g_assert_true(error_is(error, ERROR_INTERNAL));
    /* The owner's claim is still there: nothing of the move was kept. */
    HostUsage a = usage_of(fixture, "hosta");
    g_assert_cmpint(a.instances, ==, 1);
}

static void
test_no_host_is_chosen(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *host = NULL;
    g_autoptr(Instance) vm = test_instance(fixture, "vm");
    g_autoptr(Operation) operation = operation_of(fixture, vm->open_operation);

    g_assert_false(
        store_claim(fixture->store, operation, vm, choose_named, "hostz", &host, &error));
    g_assert_true(error_is(error, ERROR_NO_VALID_HOST));
    g_assert_null(host);
    g_clear_error(&error);
    HostUsage usage;
    g_assert_false(store_get_host_usage(fixture->store, "hostz", &usage, &error));
    g_assert_true(error_is(error, ERROR_NOT_FOUND));
}

static void
assert_decisions(Fixture *fixture, const char *texts)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) decisions =
        store_list_decisions(fixture->store, "req-1", NULL, &error);
    g_autoptr(GString) found = g_string_new(NULL);

    g_assert_no_error(error);
    for (unsigned i = 0; i < decisions->len; i++) {
        const StoredDecision *decision = decisions->pdata[i];
        g_string_append_printf(found, "%s%s", i > 0 ? " " : "", decision->text);
    }
    g_assert_cmpstr(found->str, ==, texts);
}

/* While nobody fits, the last look is what is kept; a claim is decided once; all goes in time. */
static void
test_decisions_are_kept_for_a_while(Fixture *fixture, const void *data)
{
    g_autoptr(Instance) vm = test_instance(fixture, "vm");
    g_autoptr(Operation) operation = operation_of(fixture, vm->open_operation);
    static char *const tried[] = {"hostx", "hosty", "hosta", "hostz"};

    test_host(fixture, "hosta");
    for (size_t i = 0; i < G_N_ELEMENTS(tried); i++) {
        g_autofree char *host = NULL;
        store_claim(fixture->store, operation, vm, choose_named, tried[i], &host, NULL);
        g_assert_cmpstr(host, ==, i < 2 ? NULL : "hosta");
        assert_decisions(fixture, tried[MIN(i, 2)]);
    }
    test_now_us += 11;
    g_autoptr(Instance) other = test_instance(fixture, "other");
    g_autoptr(Operation) another = operation_of(fixture, other->open_operation);
    g_autofree char *host = NULL;
    store_claim(fixture->store, another, other, choose_named, (char *)"hostx", &host, NULL);
    assert_decisions(fixture, "hostx");
}

static const char *
choose_unrecorded(const HostIndex *hosts, void *data, StoredDecision *decision, GError **error)
{
    g_autoptr(StoredDecision) unused = g_new0(StoredDecision, 1);
    return choose_named(hosts, data, unused, error);
}

/* Whoever has told droverd to keep none does not keep those of before either. */
static void
test_old_decisions_go_where_none_is_kept(Fixture *fixture, const void *data)
{
    g_autofree char *host = NULL;
    g_autofree char *another = NULL;
    g_autoptr(Instance) vm = test_instance(fixture, "vm");
    g_autoptr(Operation) operation = operation_of(fixture, vm->open_operation);

    test_host(fixture, "hosta");
    store_claim(fixture->store, operation, vm, choose_named, (char *)"hosta", &host, NULL);
    assert_decisions(fixture, "hosta");
    test_now_us += 11;
    g_autoptr(Instance) other = test_instance(fixture, "other");
    g_autoptr(Operation) unrecorded = operation_of(fixture, other->open_operation);
    store_claim(fixture->store, unrecorded, other, choose_unrecorded, (char *)"hosta", &another,
        NULL);
    g_assert_cmpstr(another, ==, "hosta");
    assert_decisions(fixture, "");
}

static const char *
choose_and_keep(const HostIndex *hosts, void *data, StoredDecision *decision, GError **error)
{
    const char *host = choose_named(hosts, data, decision, error);
    unsigned n = host_index_size(hosts);
    uint8_t *verdicts = g_malloc(n);
    memset(verdicts, (int)n, n);
    decision->verdicts = g_bytes_new_take(verdicts, n);
    decision->hosts = host_index_names(hosts);
    return host;
}

static void
decide_for(Fixture *fixture, const char *name, const char *host)
{
    g_autofree char *chosen = NULL;
    g_autoptr(Instance) vm = test_instance(fixture, name);
    g_autoptr(Operation) operation = operation_of(fixture, vm->open_operation);
    store_claim(fixture->store, operation, vm, choose_and_keep, (char *)host, &chosen, NULL);
}

/* What was found of each host, with the names as they were then. */
static void
assert_found(Fixture *fixture, unsigned at, const char *names)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *found = NULL;
    g_autoptr(GBytes) verdicts = NULL;
    g_autoptr(GPtrArray) decisions = store_list_decisions(fixture->store, "req-1", NULL, &error);
    const StoredDecision *decision = decisions->pdata[at];
    g_assert_true(
        store_find_verdicts(fixture->store, decision->id, &found, &verdicts, &error));
    g_assert_cmpstr(found, ==, names);
    g_assert_cmpuint(g_bytes_get_size(verdicts), ==, strlen(names) / strlen("hosta\n"));
    g_assert_cmpint(*(const uint8_t *)g_bytes_get_data(verdicts, NULL), ==,
        strlen(names) / strlen("hosta\n"));
}

static int64_t
count_rows(Fixture *fixture, const char *sql)
{
    bool row = false;
    g_autoptr(DbStatement) statement = db_prepare(fixture->store, sql, NULL);
    g_assert_true(db_step(statement, &row, NULL));
    return db_int(statement, 0);
}

static int64_t
count_kept_hosts(Fixture *fixture)
{
    return count_rows(fixture, "SELECT COUNT(*) FROM decision_hosts");
}

/* The names are there once for all decisions of the same hosts, and as long as one of them. */
static void
test_verdicts_are_kept_with_their_hosts(Fixture *fixture, const void *data)
{
    test_host(fixture, "hosta");
    decide_for(fixture, "vm1", "hosta");
    test_now_us += 5;
    decide_for(fixture, "vm2", "hosta");
    decide_for(fixture, "vain", "hostz");
    g_assert_cmpint(count_kept_hosts(fixture), ==, 1);
    test_host(fixture, "hostb");
    decide_for(fixture, "vm3", "hostb");
    g_assert_cmpint(count_kept_hosts(fixture), ==, 2);
    assert_found(fixture, 0, "hosta\n");
    assert_found(fixture, 2, "hosta\n");
    assert_found(fixture, 3, "hosta\nhostb\n");
    test_now_us += 7; /* the first is over */
    decide_for(fixture, "vm4", "hostb");
    assert_found(fixture, 0, "hosta\n");
    g_assert_cmpint(count_kept_hosts(fixture), ==, 2);
    test_now_us += 6;
    decide_for(fixture, "vm5", "hostb");
    g_assert_cmpint(count_kept_hosts(fixture), ==, 1);
    assert_found(fixture, 0, "hosta\nhostb\n");
}

static void
run_sql(Fixture *fixture, const char *sql)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DbStatement) statement = db_prepare_once(fixture->store, sql, &error);
    g_assert_no_error(error);
    g_assert_true(db_run(statement, NULL, &error));
    g_assert_no_error(error);
}

/* While hosts connect nobody is found again and again: of very many hosts the names are long. */
static void
test_names_of_hosts_are_not_written_anew(Fixture *fixture, const void *data)
{
    test_host(fixture, "hosta");
    g_autoptr(Instance) vm = test_instance(fixture, "vm");
    g_autoptr(Operation) operation = operation_of(fixture, vm->open_operation);
    run_sql(fixture, "CREATE TABLE gone_names (digest TEXT)");
    run_sql(fixture,
        "CREATE TRIGGER note_gone_names AFTER DELETE ON decision_hosts"
        " BEGIN INSERT INTO gone_names VALUES (old.digest); END");
    for (int i = 0; i < 3; i++) {
        g_autofree char *host = NULL;
        store_claim(
            fixture->store, operation, vm, choose_and_keep, (char *)"hostz", &host, NULL);
        g_assert_null(host);
    }
    g_assert_cmpint(count_kept_hosts(fixture), ==, 1);
    g_assert_cmpint(count_rows(fixture, "SELECT COUNT(*) FROM decisions"), ==, 1);
    g_assert_cmpint(count_rows(fixture, "SELECT COUNT(*) FROM gone_names"), ==, 0);
}

/* A host with room for one. */
static const char *
choose_if_empty(const HostIndex *hosts, void *data, StoredDecision *decision, GError **error)
{
    const HostEntry *entry = host_index_at(hosts, 0);

    if (entry->usage.ram_mib > 0) {
        error_set(error, ERROR_NO_VALID_HOST, "it is full");
        return NULL;
    }
    return entry->host->name;
}

static void *
race_to_claim(void *data)
{
    Racer *racer = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(Instance) vm = test_instance(racer->fixture, "vm");
    g_autoptr(Operation) operation = operation_of(racer->fixture, vm->open_operation);
    g_autofree char *host = NULL;

    if (store_claim(racer->fixture->store, operation, vm, choose_if_empty, NULL, &host, &error)) {
        g_atomic_int_inc(&racer->n_won);
    } else {
        g_assert_true(error_is(error, ERROR_NO_VALID_HOST));
    }
    return NULL;
}

static void
test_racing_claims(Fixture *fixture, const void *data)
{
    Racer racer = {.fixture = fixture};

    test_host(fixture, "hosta");
    race(race_to_claim, &racer, 8);
    g_assert_cmpint(racer.n_won, ==, 1);
    HostUsage a = usage_of(fixture, "hosta");
    g_assert_cmpint(a.ram_mib, ==, 512);
}

/* ---- migrations ---- */

static void
test_migration_row(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    test_host(fixture, "hosta");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "hosta");
    const MigrationRequest request = {
        .operation = {.kind = OPERATION_LIVE_MIGRATE, .instance_id = vm->id},
        .requested_host = "hostb",
        .block_migration = BLOCK_MIGRATION_YES,
        .force = true,
        .early_checks = true};
    g_autoptr(Migration) made = store_accept_migration(fixture->store, &request, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(made->source_host, ==, "hosta");
    g_assert_cmpstr(made->requested_host, ==, "hostb");
    g_assert_null(made->dest_host);
    g_assert_cmpint(made->block_migration, ==, BLOCK_MIGRATION_YES);
    g_assert_true(made->force);
    g_assert_true(made->early_checks);
    g_assert_false(made->disk_over_commit);
    g_assert_cmpint(made->stats.downtime_ms, ==, -1);

    JobStats stats = JOB_STATS_UNKNOWN;
    stats.memory_total_bytes = 1 << 30;
    stats.downtime_ms = 42;
    g_assert_true(store_set_migration_stats(fixture->store, made->operation.id, &stats, &error));
    g_autoptr(Migration) read = store_get_migration(fixture->store, made->id, &error);
    g_assert_cmpint(read->stats.memory_total_bytes, ==, 1 << 30);
    g_assert_cmpint(read->stats.downtime_ms, ==, 42);
    g_assert_cmpint(read->stats.disk_total_bytes, ==, -1);

    OperationMove move = test_move(fixture, made->operation.id, "queued", "running");
    read->dest_host = g_strdup("hostb");
    read->copies_disks = true;
    read->generation = 2;
    read->started_us = 10;
    read->finished_us = 20;
    move.migration = read;
    test_move_ok(fixture, &move);
    g_autoptr(Migration) moved =
        store_get_migration_of_operation(fixture->store, made->operation.id, &error);
    g_assert_cmpstr(moved->operation.state, ==, "running");
    g_assert_cmpstr(moved->dest_host, ==, "hostb");
    g_assert_true(moved->copies_disks);
    g_assert_cmpint(moved->generation, ==, 2);
    g_assert_cmpint(moved->started_us, ==, 10);
    g_assert_cmpint(moved->finished_us, ==, 20);
    g_assert_cmpint(moved->stats.downtime_ms, ==, 42);
    g_autoptr(Migration) named = store_get_migration_by_uuid(fixture->store, made->uuid, &error);
    g_assert_cmpint(named->id, ==, made->id);
    g_assert_null(store_get_migration(fixture->store, 99, &error));
    g_assert_true(error_is(error, ERROR_NOT_FOUND));
    g_clear_error(&error);
    g_assert_null(store_get_migration_by_uuid(fixture->store, "99", &error));
    g_assert_true(error_is(error, ERROR_NOT_FOUND));
}

static void
test_migration_is_refused_when_busy(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    test_host(fixture, "hosta");
    g_autoptr(Instance) vm = test_active_instance(fixture, "vm", "hosta");
    g_autoptr(Migration) first = test_migration(fixture, vm);
    const MigrationRequest request = {
        .operation = {.kind = OPERATION_LIVE_MIGRATE, .instance_id = vm->id}};
    g_assert_null(store_accept_migration(fixture->store, &request, &error));
    g_assert_true(error_is(error, ERROR_CONFLICT));
    g_assert_cmpstr(error->message, ==, "while it is in task_state migrating");
    g_clear_error(&error);
    g_autoptr(Instance) building = test_instance(fixture, "new");
    const MigrationRequest unplaced = {
        .operation = {.kind = OPERATION_LIVE_MIGRATE, .instance_id = building->id}};
    g_assert_null(store_accept_migration(fixture->store, &unplaced, &error));
    g_assert_true(error_is(error, ERROR_CONFLICT));
    MigrationFilter filter = {0};
    g_autoptr(GPtrArray) all = store_list_migrations(fixture->store, &filter, NULL);
    g_assert_cmpuint(all->len, ==, 1);
}

/* Numbers in order, joined. */
static char *
list_ids(Fixture *fixture, const MigrationFilter *filter)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) migrations = store_list_migrations(fixture->store, filter, &error);
    g_autoptr(GString) ids = g_string_new(NULL);

    g_assert_no_error(error);
    for (unsigned i = 0; i < migrations->len; i++) {
        const Migration *migration = migrations->pdata[i];
        g_string_append_printf(ids, "%s%d", i > 0 ? " " : "", (int)migration->id);
    }
    return g_string_free(g_steal_pointer(&ids), false);
}

#define assert_migrations(expected, ...)                                                           \
    G_STMT_START                                                                                   \
    {                                                                                              \
        MigrationFilter filter_ = {__VA_ARGS__};                                                   \
        g_autofree char *ids_ = list_ids(fixture, &filter_);                                       \
        g_assert_cmpstr(ids_, ==, expected);                                                       \
    }                                                                                              \
    G_STMT_END

static void
test_migration_filters(Fixture *fixture, const void *data)
{
    int64_t start = test_now_us;

    test_host(fixture, "hosta");
    test_host(fixture, "hostb");
    g_autoptr(Instance) vm1 = test_active_instance(fixture, "vm1", "hosta");
    g_autoptr(Instance) vm2 = test_active_instance(fixture, "vm2", "hostb");
    g_autoptr(Migration) first = test_migration(fixture, vm1);
    test_now_us += 10;
    OperationMove move = test_move(fixture, first->operation.id, "queued", "failed");
    first->dest_host = g_strdup("hostb");
    move.closes = true;
    move.migration = first;
    test_move_ok(fixture, &move);
    g_autoptr(Migration) second = test_migration(fixture, vm2);
    test_now_us += 10;
    g_autoptr(Migration) third = test_migration(fixture, vm1);

    assert_migrations("3 2 1", );
    assert_migrations("1 2 3", .oldest_first = true);
    assert_migrations("3 1", .instance_id = vm1->id);
    assert_migrations("2 1", .host = "hostb");
    assert_migrations("2", .source_host = "hostb");
    assert_migrations("1", .states = "live-migration:failed");
    assert_migrations("3 2 1", .states = "live-migration:failed, live-migration:queued");
    assert_migrations("", .states = "");
    assert_migrations("3 2", .in_progress = true);
    assert_migrations("3 2 1", .type = "live-migration", .user_id = "user");
    assert_migrations("", .type = "resize");
    assert_migrations("", .user_id = "nobody");
    assert_migrations("", .project_id = "nobody");
    assert_migrations("3", .changed_since_us = start + 11);
    assert_migrations("2 1", .changed_before_us = start + 10);
    assert_migrations("3 2", .limit = 2);
    assert_migrations("1", .limit = 2, .marker = second->uuid);
    assert_migrations("3", .oldest_first = true, .marker = second->uuid);
    g_autoptr(GError) error = NULL;
    MigrationFilter unknown = {.marker = "nobody"};
    g_assert_null(store_list_migrations(fixture->store, &unknown, &error));
    g_assert_true(error_is(error, ERROR_INVALID));
}

/* ---- consoles ---- */

static char *
load_console(Fixture *fixture, const Instance *instance)
{
    g_autoptr(GError) error = NULL;
    char *text = store_load_console(fixture->store, instance->id, &error);

    g_assert_no_error(error);
    return text;
}

static void
save_console(
    Fixture *fixture, const Instance *instance, int64_t operation, const char *text, size_t size)
{
    g_autoptr(GError) error = NULL;

    store_save_console(fixture->store, instance->id, operation, text, size, &error);
    g_assert_no_error(error);
}

static void
test_console(Fixture *fixture, const void *data)
{
    g_autoptr(Instance) vm = test_instance(fixture, "vm");
    g_autofree char *none = load_console(fixture, vm);

    g_assert_cmpstr(none, ==, "");
    save_console(fixture, vm, 2, "second ", 7);
    save_console(fixture, vm, 1, "first ", 6);
    save_console(fixture, vm, 2, "second\xff", 7);
    g_autofree char *both = load_console(fixture, vm);
    g_assert_cmpstr(both, ==, "first second\xef\xbf\xbd");
}

static void
test_console_cap(Fixture *fixture, const void *data)
{
    const size_t part = 200 * 1024;
    g_autofree char *text = g_strnfill(part, 'a');
    g_autoptr(Instance) vm = test_instance(fixture, "vm");

    for (int i = 1; i <= 4; i++) {
        memset(text, 'a' + i, part);
        save_console(fixture, vm, i, text, part);
    }
    g_autofree char *joined = load_console(fixture, vm);
    g_assert_cmpuint(strlen(joined), ==, 256 * 1024);
    g_assert_cmpint(joined[0], ==, 'a' + 3);
    g_assert_cmpint(joined[256 * 1024 - 1], ==, 'a' + 4);
    OperationMove move = test_move(fixture, vm->open_operation, "queued", "done");
    move.closes = true;
    move.set_instance = true;
    move.vm_state = VM_STATE_DELETED;
    move.terminated = true;
    test_move_ok(fixture, &move);
    g_autofree char *gone = load_console(fixture, vm);
    g_assert_cmpstr(gone, ==, "");
}

#define ADD(name, function)                                                                        \
    g_test_add("/store/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("one-open-operation", test_one_open_operation);
    ADD("racing-requests", test_racing_requests);
    ADD("swap", test_swap_checks_state_epoch_and_openness);
    ADD("new-epoch-takes-over", test_new_epoch_takes_over);
    ADD("history", test_history);
    ADD("first-error-wins", test_first_error_wins);
    ADD("move-writes-the-instance", test_move_writes_the_instance);
    ADD("failed-commit-moves-nothing", test_failed_commit_moves_nothing);
    ADD("wanted", test_wanted);
    ADD("fresh-operations", test_fresh_operations);
    ADD("operations-of-an-instance", test_operations_of_an_instance);
    ADD("claims-of-a-move", test_claims_of_a_move);
    ADD("huge-pages-on-their-way-take-nothing-free",
        test_huge_pages_on_their_way_take_nothing_free);
    ADD("claim-is-released", test_claim_is_released);
    ADD("kept-claim-is-of-the-last-move", test_kept_claim_is_of_the_last_move);
    ADD("promotion-needs-a-target", test_promotion_needs_a_target);
    ADD("no-host-is-chosen", test_no_host_is_chosen);
    ADD("decisions-are-kept-for-a-while", test_decisions_are_kept_for_a_while);
    ADD("old-decisions-go-where-none-is-kept", test_old_decisions_go_where_none_is_kept);
    ADD("verdicts-are-kept-with-their-hosts", test_verdicts_are_kept_with_their_hosts);
    ADD("names-of-hosts-are-not-written-anew", test_names_of_hosts_are_not_written_anew);
    ADD("racing-claims", test_racing_claims);
    ADD("migration-row", test_migration_row);
    ADD("migration-is-refused-when-busy", test_migration_is_refused_when_busy);
    ADD("migration-filters", test_migration_filters);
    ADD("console", test_console);
    ADD("console-cap", test_console_cap);
    return g_test_run();
}
