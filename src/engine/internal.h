/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the files of engine/ alone. Everything here belongs to the engine's thread, unless it says
 * otherwise. */
#include "base/log.h"
#include "engine/engine.h"
#include "engine/timers.h"

/* ---- tasks.c: open operations ---- */
typedef struct EngineTask {
    Engine *engine;
    int64_t id;
    char *instance_id;
    OperationKind kind;
    Wanted wanted; /* as last seen in the row */
    const OperationRunner *runner;
    OperationTask *task;
    Timer timer;    /* wake_at: the earliest time asked for */
    bool is_ready;  /* in engine->ready or fresh */
    bool has_begun; /* has been stepped */
    GHashTable *memory; /* memory.c: host -> when it was asked for its own, 0: settled; or NULL */
    bool is_touched; /* its domain or its host changed: looked at once more when it has closed */
    uint64_t seen_in_pass;
} EngineTask;

/* ---- hosts.c: one link for each host row ---- */
typedef enum {
    LINK_DOWN,    /* waits for the next try */
    LINK_OPENING, /* an opener connects, and asks what the host is and has */
    LINK_CONNECTED,
} LinkState;

typedef struct HostLink {
    Engine *engine;
    Host *row; /* as in the store, for the address and what was last written */
    LinkState state;
    uint64_t session;     /* of this try or connection; 0 = none */
    HypervisorHost *host; /* while CONNECTED */
    Timer timer;          /* DOWN: next try. CONNECTED: next look at facts and domains */
    unsigned n_failures;
    bool is_tried;       /* has been connected, or could not be, since the start */
    bool is_asking;      /* what it is and has: a call is under way */
    bool has_stranger; /* a domain of nobody has come or gone since the host was asked */
    bool is_stale;     /* something else has changed there since */
    bool closed_early;   /* OPENING: the session closed before its opener had reported */
    int64_t memory_us;  /* what is really free is known as it was then, to the MiB; 0 = it is not */
    int64_t changed_us; /* something has changed there that takes memory or gives it back */
    uint64_t memory_session; /* the session that is being asked for it; 0 = none is */
    GArray *memory_waiters;  /* of int64_t: operations that wait for it; NULL = none */
    GHashTable *touched; /* OPENING: ids of instances whose domains changed meanwhile */
    int64_t sign_us;     /* CONNECTED: its last answer or event */
    uint64_t seen_in_pass;
} HostLink;

struct Engine {
    OperationContext context; /* lent to the runners */
    EngineOptions options;
    EngineFindHypervisor find_hypervisor;
    void *find_data;

    GMainContext *main;
    GMainLoop *loop;
    GThread *thread;
    bool is_stopped; /* messages that come now are dropped */
    Timers *timers;
    Timer tick;

    GHashTable *tasks;       /* &id -> EngineTask, which it owns */
    GHashTable *by_instance; /* instance id -> EngineTask */
    GQueue ready;            /* of int64_t *: ids to be stepped */
    GQueue fresh;            /* the same of those that have not begun: they come after */
    GSource *ready_source;   /* attached while one of them is not empty */
    int is_nudged;           /* any thread: a look has been posted */
    Timer look_timer;
    int64_t next_look_us;   /* not before: looks take at most a third of the thread */
    int64_t last_operation; /* the greatest id seen */
    uint64_t pass;
    bool is_recovered; /* the first pass went well */

    int64_t started_us;
    GHashTable *links;    /* name -> HostLink, which it owns */
    GHashTable *sessions; /* &session -> HostLink */
    uint64_t last_session;
    Timer hosts_timer;
    Timer touch_timer;
    int64_t next_early_look_us; /* looks.c: not before */
    struct EventTarget *events;
    GHashTable *observing; /* "host instance" of domains that are being looked at, and whether
                            * they must be once more */
    GHashTable *clearing;  /* leftovers.c: "host instance" of leftovers that are being removed, and
                            * whether they must be looked at once more */

    GHashTable *strays;    /* inventory.c: host -> set of UUIDs, as its last inventory has them */

    bool has_drains; /* drains.c: one is under way: it waits for operations to close */
    Timer drains_timer;
    int64_t next_drains_us; /* not before: looks take at most a third of the thread */

    GHashTable *watches; /* &id -> GPtrArray of Watch */
    struct Works *works;
    struct Canaries *canaries;
    int64_t next_canary_us; /* canary_rounds.c: nothing is due before */
    GPtrArray *canary_pairs;      /* the same: of Canary, with names alone; NULL: not made yet */
    unsigned canary_pairs_hosts;  /* of so many, */
    int64_t canary_pairs_until_us; /* and good until then */
    struct Pools *pools;
    GHashTable *volumes; /* ids of those that are being made or deleted */
};

/* ---- engine.c ---- */
void engine_assert_thread(const Engine *engine);
int64_t engine_now_us(const Engine *engine);
/* Any thread: runs it on the engine's, soon. free_data also when the engine has ended. */
void engine_post(
    Engine *engine, void (*run)(Engine *engine, void *data), void *data, GDestroyNotify free_data);
/* The same of what is run's own from then on: free_data where the engine has ended before. */
void engine_post_away(
    Engine *engine, void (*run)(Engine *engine, void *data), void *data, GDestroyNotify free_data);
/* The same for whoever may outlive the engine: it touches only the context. */
void engine_post_to(GMainContext *main, Engine *engine, void (*run)(Engine *engine, void *data),
    void *data, GDestroyNotify free_data);
void engine_log_instance(
    LogLevel level, const Instance *instance, const char *host, const char *message);
/* At least min_us, at most max_us, evenly. */
int64_t engine_random_us(Engine *engine, int64_t min_us, int64_t max_us);

/* ---- tasks.c ---- */
void tasks_init(Engine *engine);
void tasks_clear(Engine *engine);
/* Looks at all open operations of the store: loads unknown ones, wakes those of which something
 * new is wanted or whose deadline has passed, drops those that are closed. */
void tasks_pass(Engine *engine);
/* The operation was accepted by the engine itself. */
void tasks_nudge(Engine *engine);
/* Every open operation is looked at once more, soon. */
void tasks_wake_all(Engine *engine);
EngineTask *tasks_find(Engine *engine, int64_t id);
bool tasks_has_instance(Engine *engine, const char *instance_id);
void tasks_on_event(Engine *engine, const char *host, const HostEvent *event);
void tasks_on_host(Engine *engine, const char *host, bool connected);
void tasks_export(Engine *engine); /* metrics */

/* ---- hosts.c ---- */
void hosts_init(Engine *engine);
void hosts_clear(Engine *engine);
/* Makes the links follow the rows of the store. */
void hosts_load(Engine *engine);
HostLink *hosts_find(Engine *engine, const char *name);
/* The open session of a connected host, borrowed; NULL otherwise. */
HypervisorHost *hosts_find_session(Engine *engine, const char *name);
bool hosts_is_gathering(Engine *engine);
void hosts_export(Engine *engine); /* metrics */
/* One machine may be in the fleet once: of rows that are the same one by its UUID, the one that was
 * added first counts, in whatever order they connect. */
/* Why a link that has opened must not connect, caller frees; NULL: it may. */
char *hosts_refuse_double(const HostLink *link, const char *host_uuid);
/* Closes the links of rows that were added later than this one and are the same machine. */
void hosts_close_doubles(const HostLink *link, const char *host_uuid);

/* ---- facts.c ---- */
/* Into the row, when they differ from what is there. Returns whether they do. domains: what was
 * there then, DomainView *. */
bool link_write_facts(HostLink *link, const HostFacts *told, GPtrArray *domains);
/* The settings have changed by which they are read. */
void link_renew_facts(HostLink *link);

/* ---- memory.c: what is really free, asked for when it matters ---- */
/* As OperationContext.read_memory. */
MemoryAnswer memory_read(Engine *engine, int64_t operation_id, const char *host);

/* ---- looks.c: what a connected host is and has ---- */
/* On a worker. facts must be empty. */
bool look_ask(HypervisorHost *host, HostFacts *facts, GPtrArray **ret_domains, GError **error);
/* is_new: it was never asked before. */
void look_after_connecting(HostLink *link, bool is_new);
/* What is known of it may have changed: it is asked within a minute. */
void look_soon(HostLink *link);
void look_soon_at(Engine *engine, const char *host);
/* Of a domain without an open operation. */
void look_on_event(HostLink *link, const HostEvent *event);
/* Of the hosts that the operation has taken something from, or given to. */
void looks_on_closed(Engine *engine, OperationKind kind, const Instance *instance);

/* ---- links.c: what happens on one link ---- */
void link_open(HostLink *link);
void link_close(HostLink *link, const char *reason);
/* CONNECTED: the last moment at which it is certain to have lived. */
int64_t link_last_sign_us(const HostLink *link);
void link_free(void *link);
/* A provider's event, on its thread. */
typedef struct EventTarget EventTarget;
EventTarget *event_target_new(Engine *engine);

/* ---- reconcile.c ---- */
/* domains: DomainView *, all of that host, as they were at asked_us. */
void reconcile_host(Engine *engine, const char *host, GPtrArray *domains, int64_t asked_us);
/* Something happened to a domain whose instance has no open operation: looks at it. */
/* ---- truth.c ---- */
/* After reconcile_host, of the same answer. */
void truth_on_listed(Engine *engine, const char *host, GPtrArray *domains, int64_t asked_us);

void reconcile_instance(Engine *engine, const char *host, const char *instance_id);

/* ---- leftovers.c ---- */
void leftovers_init(Engine *engine);
void leftovers_clear(Engine *engine);
bool leftovers_is_clearing(Engine *engine, const char *host, const char *instance_id);
/* A domain of ours on a host that is not its instance's, or the absence of one that is on record:
 * what is provably old is removed, or paused when it runs. */
void leftover_reconcile(
    Engine *engine, const char *host, const Instance *instance, const DomainView *view);
/* All domains of that host (uuid -> DomainView): what is on record and is not among them is looked
 * after as well. */
void leftovers_on_listed(Engine *engine, const char *host, GHashTable *views);
/* What could not be proven while this host was away is looked at again. */
void leftovers_on_connected(Engine *engine, const char *owner);
/* An operation of the instance has ended, which may have left something. */
void leftovers_look_again(Engine *engine, const char *instance_id);

/* ---- inventory.c ---- */
/* Looks which volumes of guests that host's pool has, and records those of nobody. */
void inventory_take(Engine *engine, const char *host);
/* An operator wants volumes of nobody gone. */
void inventory_remove(Engine *engine, const Leftover *row);

/* ---- detached.c ---- */
/* Takes it from the definition, when its host is there. */
void detached_remove(Engine *engine, const Leftover *row);
/* The instance's definition on that host has a disk that the instance has not. */
bool detached_is_there(Engine *engine, const char *host, const char *instance_id);

/* ---- canaries.c ---- */
void canaries_init(Engine *engine);
void canaries_clear(Engine *engine);
/* Sends what the rows of the store say, and gives up what has not arrived in time. */
void canaries_pass(Engine *engine);
/* The same at times, and asks for those that are due. */
void canaries_on_tick(Engine *engine);
/* DomainView *, all of that host: canaries among them that nobody waits for are removed. */
void canaries_on_listed(Engine *engine, const char *host, const GPtrArray *domains);
/* It was to be removed from there, and the host has refused that. */
bool canaries_is_stuck(const Engine *engine, const char *host, const char *uuid);
/* Its connection has closed: canaries that fail on their way from and to it now say nothing. */
void canaries_on_lost(Engine *engine, const char *host);
/* A host's row says that it is connected: the store may have asked for canaries. */
void canaries_on_connected(Engine *engine);

/* ---- canary_rounds.c ---- */
/* One that is due by the configuration is asked for; false: none is. */
bool canaries_ask_due(Engine *engine);

/* ---- pools.c ---- */
void pools_init(Engine *engine);
void pools_clear(Engine *engine);
/* Asks the hosts that join pools, as the rows of the store say. */
void pools_pass(Engine *engine);
/* The host's facts were written: does its pool still have one storage? */
void pools_on_looked(Engine *engine, const char *host);

/* ---- watches.c ---- */
void watches_init(Engine *engine);
void watches_clear(Engine *engine);
void watches_on_move(Engine *engine, int64_t operation_id);

/* ---- volumes.c ---- */
void volumes_init(Engine *engine);
void volumes_clear(Engine *engine);
/* Makes and deletes what the rows of the store say, through any host that has the pool. */
void volumes_pass(Engine *engine);

/* ---- drains.c ---- */
/* Does what drains can do now. */
void drains_pass(Engine *engine);
/* An operation has closed, which one of them may have waited for. */
void drains_on_closed(Engine *engine);

/* ---- works.c ---- */
void works_init(Engine *engine);
/* Waits for those that read the store; none begins any more. */
void works_stop(Engine *engine);
void works_clear(Engine *engine);
