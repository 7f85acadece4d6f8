/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What every kind of operation shares: the context that the engine lends to the state machines,
 * and the table by which the engine runs them. One recipe: states.h (X-macro list of states),
 * machine.c (allowed moves), move.c (the one setter), steps.c (one function per state, in life
 * order), recover.c (what a stored state means at start). lifecycle/ and migration/ follow it.
 *
 * Everything here happens on the engine's thread; blocking work goes through calls.h. */
#include "hypervisor/calls.h"
#include "operation/cpu_policy.h"
#include "operation/pci_policy.h"
#include "operation/live_policy.h"
#include "scheduler/scheduler.h"
#include "store/store.h"

typedef struct OperationSettings {
    int64_t service_down_time_us;
    int max_create_attempts; /* hosts that a create is tried on; 0 = 1 */
    int max_concurrent_live_migrations; /* outgoing, per host; 0 = no limit */
    LivePolicy *live; /* how guests move live; NULL = the defaults. The engine has its own count */
    int64_t prepare_timeout_us;   /* 60 s of libvirt-facts R7, more for base streams */
    int64_t switchover_timeout_us;
    int64_t shutdown_timeout_us;  /* graceful stop, then the plug: Nova's 60 s */
    int64_t resize_confirm_window_us; /* a cold move that waits so long is confirmed; 0 = never */
    int64_t canary_interval_us; /* so old a canary may get before one is sent anew; 0 = any age */
    int64_t watch_interval_us;    /* how often a migration is looked at beside its events: 1 s */
    PlacementPolicy placement;
    const PciPolicy *pci;  /* the same of its PCI devices */
    const CpuPolicy *cpus; /* borrowed for good; NULL = nothing is said of any host */
    char *image_directory;
    char *volume_pool;      /* that every host should have; NULL: no volumes are made */
    char *fence_directory;  /* where fence agents are */
    int fence_timeout_ms;   /* of each run of one */
} OperationSettings;

/* How it stands with the memory of a host that an operation wants to claim. */
typedef enum {
    MEMORY_ASKED,   /* the host is being asked; the operation is woken */
    MEMORY_TOLD,    /* the store has what is fresh, or nobody could tell more; said once */
    MEMORY_SETTLED, /* that was said before, or nobody is asked */
} MemoryAnswer;

typedef struct OperationContext OperationContext;
struct OperationContext {
    Store *store;
    Calls *calls;
    const Clock *clock;
    int64_t epoch;
    OperationSettings settings;
    void *engine; /* the engine's own; nobody else looks inside */
    void *migrations; /* migration/'s own, made on first use; freed by migration_forget */
    void *evacuations; /* evacuation/'s own, made on first use; freed by evacuation_forget */

    /* The open session with that host, borrowed until the engine's next turn (ref it to keep it);
     * NULL while it is not connected. */
    HypervisorHost *(*find_session)(OperationContext *context, const char *host);
    /* After a start: some host has not been tried yet, so "no valid host" is not known to be true.
     * For service_down_time at most. */
    bool (*is_gathering)(OperationContext *context);
    /* What is really free on a host, read into its facts when that is not some seconds ago. Each
     * operation asks a host once, and not all too many. operation_id 0: nobody is woken. */
    MemoryAnswer (*read_memory)(OperationContext *context, int64_t operation_id, const char *host);
    /* What an older move has left of that instance on that host is being removed right now: what a
     * new one makes there would go with it. Or its definition there is still to lose a disk that
     * it has not any more. Over within seconds; nobody tells. host may be NULL. */
    bool (*is_clearing)(OperationContext *context, const char *host, const char *instance_id);
    /* Runs the operation's step again, soon or at a time. Both may be called at any moment. */
    void (*wake)(OperationContext *context, int64_t operation_id);
    void (*wake_at)(OperationContext *context, int64_t operation_id, int64_t when_us);
    /* Tells whoever waits for that operation (a suspended request) that it moved. */
    void (*moved)(OperationContext *context, int64_t operation_id);
};

/* What a step of a machine has come to. */
typedef enum {
    STEP_AGAIN, /* it moved: run the step of the new state */
    STEP_WAIT,  /* an answer, an event, a host or a time has to come first */
    STEP_DONE,  /* closed, or not ours any more */
} StepResult;

/* wanted is the API's to write, at any time: it is read again; when the store does not answer it
 * stays as it was. */
void operation_read_wanted(OperationContext *context, Operation *operation);

/* The host is not connected, and fenced: nothing runs there any more. A host that is merely silent
 * may still run what it ran. host may be NULL. Reads the store. */
bool operation_is_host_dead(OperationContext *context, const char *host);

/* Before an effect by which the guest runs or moves there: whether its definition is the one that
 * the record tells, after volumes were detached while the host was dead. False, without an error:
 * not yet, the task is woken; with one: not until the deadline of its state. A host that is away is
 * the effect's own to wait for. */
bool operation_is_definition_true(OperationContext *context, const char *host,
    const char *instance_id, const Operation *operation, GError **error);

/* One open operation in memory. Made from its row, thrown away at any time: nothing that matters
 * lives only here. */
typedef struct OperationTask OperationTask;
typedef struct OperationRunner {
    /* Reads what it needs from the store. recovered: the row was open when this daemon started or
     * when the task was lost; then recover.c decides where to go on. */
    OperationTask *(*load)(OperationContext *context, const Operation *operation, bool recovered,
        GError **error);
    /* Goes on as far as it can without waiting. False: the operation is closed (the engine drops
     * the task). Must tolerate being called at any time for no reason. */
    bool (*step)(OperationTask *task);
    /* A domain event about the task's instance, from a host. */
    void (*on_event)(OperationTask *task, const char *host, const HostEvent *event);
    /* A host came up or went down. */
    void (*on_host)(OperationTask *task, const char *host, bool connected);
    void (*free)(OperationTask *task);
} OperationRunner;
