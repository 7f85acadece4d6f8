/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What can be remembered, and the only way to remember it. One file per entity holds its SQL;
 * sqlite.c is the thin layer over the database. Blocking, but short; any thread: each thread has
 * a connection of its own. Writes are committed and synced when a function returns.
 *
 * get_x: must exist, else ERROR_NOT_FOUND. find_x: success and NULL when absent. list_x: an array
 * that owns its records. A failure of the database itself is ERROR_STORE_DOWN.
 * accept_x: called by the API: the request is durable when it returns. A text that the database
 * refuses because of a unique index is ERROR_CONFLICT. */
#include "base/clock.h"
#include "base/error.h"
#include "model/aggregate.h"
#include "model/canary_map.h"
#include "model/platform_answer.h"
#include "model/drain.h"
#include "model/host_difference.h"
#include "model/host_index.h"
#include "model/identity.h"
#include "model/image.h"
#include "model/instance.h"
#include "model/decision.h"
#include "model/leftover.h"
#include "model/migration.h"
#include "model/neighbour.h"
#include "model/network.h"
#include "model/server_group.h"
#include "model/surroundings.h"
#include "model/topology.h"
#include "model/volume.h"

typedef struct Store Store;

/* url: "sqlite:///path". Creates the database, brings an older schema up to date, refuses a newer
 * one by number, and refuses when another process has it open for writing as a daemon. */
Store *store_open(const char *url, const Clock *clock, GError **error);
void store_close(Store *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_close)
int store_schema_version(Store *store);
/* [DEFAULT] default_availability_zone, "nova" until it is set; before there are other threads. */
void store_set_default_zone(Store *store, const char *zone);
/* Starts a new life of this daemon: every open operation becomes its own. Once, at start. From then
 * on a write is refused once a later epoch has begun (store_check_epoch). */
bool store_begin_epoch(Store *store, int64_t *ret_epoch, GError **error);
/* ERROR_STORE_DOWN: another daemon has begun a later epoch on this database. Reads alone. */
bool store_check_epoch(Store *store, GError **error);
/* Called once, on any thread, when that is seen: it may only tell another thread. Before there are
 * other threads. */
typedef void (*StoreOnLost)(void *data);
void store_set_on_lost(Store *store, StoreOnLost on_lost, void *data);
/* settings: small values that outlive the daemon (ids of the built-in services, ...).
 * *ret_value is NULL when the key was never set. */
bool store_get_setting(Store *store, const char *key, char **ret_value, GError **error);
bool store_set_setting(Store *store, const char *key, const char *value, GError **error);

/* ---- identity (store/identity.c) ---- */
bool store_insert_user(Store *store, const User *user, GError **error);
/* A new password hash ends the user's tokens. */
bool store_update_user(Store *store, const User *user, GError **error);
bool store_delete_user(Store *store, const char *id, GError **error);
User *store_get_user(Store *store, const char *id, GError **error);
bool store_find_user_by_name(Store *store, const char *name, User **ret_user, GError **error);
GPtrArray *store_list_users(Store *store, GError **error);
bool store_insert_project(Store *store, const Project *project, GError **error);
bool store_update_project(Store *store, const Project *project, GError **error);
bool store_delete_project(Store *store, const char *id, GError **error);
Project *store_get_project(Store *store, const char *id, GError **error);
bool store_find_project_by_name(
    Store *store, const char *name, Project **ret_project, GError **error);
GPtrArray *store_list_projects(Store *store, GError **error);
GPtrArray *store_list_roles(Store *store, GError **error);
/* Role names a user has on a project, without the implied ones: char *. */
GPtrArray *store_list_assigned_roles(
    Store *store, const char *user_id, const char *project_id, GError **error);
/* Project records in which a user has any role. */
GPtrArray *store_list_user_projects(Store *store, const char *user_id, GError **error);
bool store_assign_role(Store *store, const char *user_id, const char *project_id,
    const char *role_name, GError **error);
bool store_unassign_role(Store *store, const char *user_id, const char *project_id,
    const char *role_name, GError **error);
/* Tokens are stored by the SHA-256 of their text. Expired ones are deleted on the way. */
bool store_insert_token(Store *store, const char *token_hash, const char *user_id,
    const char *project_id, int64_t issued_us, int64_t expires_us, GError **error);
/* NULL in *ret_identity: unknown, expired, or its user or project is disabled. */
bool store_find_token(
    Store *store, const char *token_hash, Identity **ret_identity, GError **error);
bool store_delete_token(Store *store, const char *token_hash, GError **error);

/* ---- images (store/images.c) ---- */
bool store_insert_image(Store *store, const Image *image, GError **error);
bool store_update_image(Store *store, const Image *image, GError **error);
/* ERROR_CONFLICT while an instance that lives was made from it is NOT an error: the base stays on
 * the hosts. */
bool store_delete_image(Store *store, const char *id, GError **error);
Image *store_get_image(Store *store, const char *id, GError **error);
/* project_id NULL = all; else public ones and its own. Newest first. */
GPtrArray *store_list_images(Store *store, const char *project_id, GError **error);
/* The number of images whose file has that hash. */
bool store_count_image_hash(Store *store, const char *sha256, int *ret_count, GError **error);

/* ---- flavors, networks (store/flavors.c, store/networks.c) ---- */
bool store_insert_flavor(Store *store, const Flavor *flavor, GError **error);
bool store_update_flavor(Store *store, const Flavor *flavor, GError **error);
bool store_delete_flavor(Store *store, const char *id, GError **error);
Flavor *store_get_flavor(Store *store, const char *id, GError **error);
GPtrArray *store_list_flavors(Store *store, GError **error);
bool store_insert_network(Store *store, const Network *network, GError **error);
/* Name, subnet, range, gateway, MTU. ERROR_CONFLICT when the range changes while it has ports. */
bool store_update_network(Store *store, const Network *network, GError **error);
/* ERROR_CONFLICT while it has ports. */
bool store_delete_network(Store *store, const char *id, GError **error);
Network *store_get_network(Store *store, const char *id, GError **error);
GPtrArray *store_list_networks(Store *store, GError **error);
/* instance_id or network_id NULL = all. */
GPtrArray *store_list_ports(
    Store *store, const char *instance_id, const char *network_id, GError **error);

/* ---- aggregates (store/aggregates.c; pools: store/pools.c) ---- */
/* Id, uuid and time are filled in. Without hosts. ERROR_CONFLICT: the name is taken. */
bool store_insert_aggregate(Store *store, Aggregate *aggregate, GError **error);
Aggregate *store_get_aggregate(Store *store, int64_t id, GError **error);
GPtrArray *store_list_aggregates(Store *store, GError **error); /* by id */
/* name NULL leaves it. changes: AggregateProperty *, may be NULL. ERROR_CONFLICT: the name is
 * taken. ERROR_INVALID: one sentence that says which hosts stand in the way of another zone. */
bool store_update_aggregate(
    Store *store, int64_t id, const char *name, const GPtrArray *changes, GError **error);
/* ERROR_INVALID while it has hosts. */
bool store_delete_aggregate(Store *store, int64_t id, GError **error);
/* ERROR_NOT_FOUND: there is no such aggregate, or no such host. ERROR_CONFLICT: it is in there.
 * ERROR_INVALID: the host is in another zone, or instances on it would change theirs. */
bool store_add_aggregate_host(Store *store, int64_t id, const char *host, GError **error);
/* ERROR_NOT_FOUND: it is not in there. ERROR_INVALID: as above. */
bool store_remove_aggregate_host(Store *store, int64_t id, const char *host, GError **error);
/* Engine only: whether the host that joins that pool may; reason NULL: it may, else it is written
 * down. Nothing happens when it joins no more. */
bool store_settle_pool(
    Store *store, int64_t id, const char *host, const char *reason, GError **error);
/* Engine only: that host has said what it has; the pool it is in says whether its members still
 * have the master's storage. */
bool store_look_at_pools(Store *store, const char *host, GError **error);

/* ---- hosts (store/hosts.c) ---- */
/* A zone other than the default: it joins an aggregate of that zone, which is made, and called
 * after it, when there is none. Never a pool: it is asked before it may join one. */
bool store_insert_host(Store *store, const Host *host, GError **error);
/* ERROR_CONFLICT while an instance or a claim is on it, or it is being drained or restored. */
bool store_delete_host(Store *store, const char *name, GError **error);
Host *store_get_host(Store *store, const char *name, GError **error);
bool store_find_host(Store *store, const char *name, Host **ret_host, GError **error);
GPtrArray *store_list_hosts(Store *store, GError **error); /* by name */
/* disabled_reason NULL clears it. To enable it gives a drain of it up that is under way. */
bool store_set_host_enabled(
    Store *store, const char *name, bool enabled, const char *disabled_reason, GError **error);
/* by: who states it (a user's name), may be NULL. Said twice, the first one stays. */
bool store_set_host_forced_down(
    Store *store, const char *name, bool forced_down, const char *by, GError **error);
/* agent NULL: none any more. options: "key=value" lines. */
bool store_set_host_fence(
    Store *store, const char *name, const char *agent, const char *options, GError **error);
/* Engine only: what its fence agent (by) said of its power. Off: it is fenced from now on, until it
 * is connected or said to be on. */
bool store_set_host_power(
    Store *store, const char *name, HostPower power, const char *by, GError **error);
/* Engine only: a try to fence it failed. */
bool store_set_host_fence_error(
    Store *store, const char *name, const char *reason, GError **error);
/* Engine only: what the control connection says. connect_error NULL clears it; last_seen_us 0
 * leaves it as it is. A host that connects has power: what a fence agent said of it before is
 * void. In the same transaction canaries that failed from and to a host are forgotten when it is
 * lost, and asked for anew when it is back. */
bool store_set_host_connection(Store *store, const char *name, bool connected,
    const char *connect_error, int64_t last_seen_us, GError **error);
bool store_set_host_facts(Store *store, const char *name, const HostFacts *facts, GError **error);
/* Of its facts these alone. */
bool store_set_host_memory(
    Store *store, const char *name, const HostMemory *memory, GError **error);
/* Engine only: one transaction for the signs of life of many hosts. names: const char *;
 * last_seen_us: one for each, and an older one than is known counts for nothing. Not synced: loss
 * is harmless. */
bool store_touch_hosts(
    Store *store, const GPtrArray *names, const int64_t *last_seen_us, GError **error);
bool store_get_host_usage(Store *store, const char *name, HostUsage *ret_usage, GError **error);
/* All at once: host name -> HostUsage * (owned by the table); every host has an entry. */
GHashTable *store_list_host_usage(Store *store, GError **error);
/* The same as whoever asks where that instance could go is to see it: what the instance itself has
 * claimed beside the host that it is on, for a move that is under way or not confirmed, is not
 * taken. No request finds such claims: an instance has one open operation, and one that waits for
 * its confirmation is not moved. */
GHashTable *store_list_host_usage_for(Store *store, const Instance *instance, GError **error);

/* ---- where hosts and claims differ (store/host_differences.c) ---- */
/* HostDifference *, by uuid. */
GPtrArray *store_list_host_differences(Store *store, const char *host, GError **error);
/* Engine only: these and no others. */
bool store_set_host_differences(
    Store *store, const char *host, const GPtrArray *differences, GError **error);

/* ---- server groups (store/server_groups.c) ---- */
/* Id and time are filled in. */
bool store_insert_server_group(Store *store, ServerGroup *group, GError **error);
bool store_find_server_group(
    Store *store, const char *id, ServerGroup **ret_group, GError **error);
/* project_id NULL = all; oldest first. */
GPtrArray *store_list_server_groups(Store *store, const char *project_id, GError **error);
/* Its instances live on, and are in none. */
bool store_delete_server_group(Store *store, const char *id, GError **error);
/* Adds the claims of its server group and of those that its hints name (neighbours: Neighbour *),
 * unless they are there already. */
bool store_add_neighbours(
    Store *store, const Instance *instance, GPtrArray *neighbours, GError **error);
/* Fills in what they mean for each host in a decision about that instance; store_claim has done it
 * for its chooser. dead_host: as if that one were stated dead already (neighbours_lose); NULL: each
 * as it is. */
bool store_tell_neighbours(Store *store, const Instance *instance, const char *dead_host,
    HostIndex *hosts, GError **error);

/* ---- instances (store/instances.c) ---- */
typedef struct InstanceFilter {
    const char *project_id; /* NULL = all */
    const char *user_id;
    const char *host;
    const char *id;
    const char *hostname;
    const char *image_id;
    const char *flavor_id;
    const char *key_name;
    const char *reservation_id;
    const char *availability_zone; /* of the host it is on; asked for, while it has none */
    const char *tags;              /* comma separated: has all of them */
    const char *tags_any;          /* has one of them */
    const char *not_tags;          /* has not all of them */
    const char *not_tags_any;      /* has none of them */
    const char *address;       /* GLib regex, matched unanchored against each address */
    const char *marker;        /* id; rows after it in the order asked for; unknown: INVALID */
    const char *name_regex;    /* GLib regex, matched unanchored */
    const char *statuses;      /* comma separated Nova statuses, upper case; NULL = any */
    const char *vm_state;      /* name */
    const char *task_state;    /* name */
    int power_state;           /* -1 = any */
    int locked;                /* -1 = any */
    bool deleted;              /* only deleted ones instead of only living ones */
    bool with_deleted;         /* both (changes-since) */
    int64_t changed_since_us;  /* 0 = any */
    int64_t changed_before_us; /* 0 = any */
    const char *sort_key;      /* column of the API: created_at, display_name, host, ... or NULL */
    bool sort_ascending;       /* default: newest first */
    int limit;                 /* 0 = all */
} InstanceFilter;

/* What an accepted create needs beyond the record: which networks. The record's id, number,
 * ports and times are filled in. */
typedef struct InstanceRequest {
    Instance *instance;
    GPtrArray *network_ids;     /* char *: one port each; NULL: none */
    GPtrArray *fixed_addresses; /* char * or NULL entries, same length, may be NULL */
    GPtrArray *volumes;         /* Volume * with an attachment each: attached in the same commit,
                                 * and inserted when their status is CREATING; may be NULL */
    const char *requested_host; /* NULL: the scheduler chooses; kept in the operation */
    const char *request_id;
    const char *user_id;
} InstanceRequest;
/* One transaction: instance (building), ports with MAC and address, and its create operation.
 * ERROR_LIMIT when a network has no address left, ERROR_INVALID for a bad fixed address. */
bool store_accept_instance(Store *store, InstanceRequest *request, GError **error);
Instance *store_get_instance(Store *store, const char *id, GError **error); /* also deleted ones */
GPtrArray *store_list_instances(Store *store, const InstanceFilter *filter, GError **error);
/* API: DELETE. Sets delete_wanted; with no open operation inserts the delete operation at once,
 * else asks the open one to cancel (wanted = cancel). Idempotent. */
bool store_accept_delete(
    Store *store, const char *id, const char *request_id, const char *user_id, GError **error);
bool store_set_instance_metadata(
    Store *store, const char *id, const char *metadata_json, GError **error);
bool store_set_instance_name(
    Store *store, const char *id, const char *name, const char *description, GError **error);
/* by: "owner" or "admin"; NULL unlocks it. */
bool store_set_instance_lock(
    Store *store, const char *id, const char *by, const char *reason, GError **error);
/* Engine only: what was seen of a guest that has no open operation (it shut down, it crashed). The
 * write happens only if it still has none. */
bool store_observe_instance(Store *store, const char *id, VmState vm_state, PowerState power_state,
    bool should_run, GError **error);
/* Engine only, under the same condition: nobody knows the guest any more. It goes to error, with
 * that fault; one that waits to be confirmed has the fault alone, and can be reverted. */
bool store_report_instance_lost(Store *store, const char *id, const Fault *fault, GError **error);
/* os-resetState: administrators put an instance into active or error. */
bool store_reset_instance_state(Store *store, const char *id, VmState state, GError **error);

/* ---- operations (store/operations.c) ---- */
typedef struct OperationRequest {
    OperationKind kind;
    const char *instance_id;
    const char *request_id;
    const char *user_id; /* NULL: drover itself */
    const char *project_id;
    VmState expected[4]; /* vm_states in which it is allowed */
    int n_expected;      /* 0 = any */
} OperationRequest;
/* ERROR_CONFLICT: another operation is open or the vm_state is not an expected one; the message
 * says which ("while it is in task_state migrating"). ERROR_NOT_FOUND: no such instance. */
Operation *store_accept_operation(Store *store, const OperationRequest *request, GError **error);
Operation *store_get_operation(Store *store, int64_t id, GError **error);
GPtrArray *store_list_open_operations(Store *store, GError **error); /* oldest first */
/* Of the open ones, those with a greater id and those of which something is wanted. */
GPtrArray *store_list_fresh_operations(Store *store, int64_t after_id, GError **error);
/* Of one instance, newest first: what os-instance-actions shows. limit 0 = all. */
GPtrArray *store_list_instance_operations(
    Store *store, const char *instance_id, int limit, GError **error);
GPtrArray *store_list_operation_events(Store *store, int64_t operation_id, GError **error);
/* API only. ERROR_GONE_STALE when the operation is not open any more. */
bool store_set_wanted(Store *store, int64_t operation_id, Wanted wanted, GError **error);
/* The same, asked for by a request that os-instance-actions shows as an action of its own: it is
 * recorded with it, as an operation that is over. expected of the request does not count. */
bool store_accept_wanted(Store *store, int64_t operation_id, Wanted wanted,
    const OperationRequest *request, GError **error);

/* Engine only: THE transaction that moves an operation. One commit holds the compare-and-swap of
 * state (id, from, epoch), its history line, and whatever of the members below is set. Zero rows
 * swapped is ERROR_GONE_STALE and nothing is written. The one caller of each machine is its
 * move.c. */
typedef enum {
    MOVE_VOLUMES_LEAVE,
    MOVE_VOLUMES_KEEP, /* those that the operation attaches or detaches are attached */
    MOVE_VOLUMES_DROP, /* those are not attached any more */
    MOVE_VOLUMES_DROP_ALL, /* so are all of the instance: some of them are to be deleted with it */
} MoveVolumes;
typedef struct OperationMove {
    int64_t operation_id;
    int64_t epoch;
    const char *from;
    const char *to;
    bool closes; /* to is a final state: is_open ends */
    const char *sentence;
    int64_t deadline_us;    /* of the new state */
    const char *error_code; /* kept only when none is stored yet: the first error wins */
    const char *message;
    bool forgets_error; /* what is stored of one goes: it is tried again */

    /* of the instance (only written when set_instance is true) */
    bool set_instance;
    const char *instance_id; /* for the reader: the operation's own is what is written */
    const char *host;        /* NULL = leave */
    bool leaves_host;        /* it is on none any more; host is NULL */
    int vm_state;            /* -1 = leave */
    int power_state;         /* -1 = leave */
    int should_run;          /* -1 = leave */
    int64_t generation;      /* -1 = leave */
    bool launched;           /* launched_at = now */
    bool terminated;         /* deleted: ports are released, terminated_at = now, and what it has
                              * left on hosts waits for nothing but them */
    const Fault *fault;      /* NULL = leave */
    bool clear_fault;
    const Flavor *flavor; /* NULL = leave */

    /* of the volumes */
    MoveVolumes volumes;

    /* of the claims */
    bool release_target; /* the claim on the destination goes */
    bool promote_target; /* the destination's claim becomes the owner's, the old one goes */
    bool keep_source;    /* the destination's becomes the owner's, the old one is kept beside it */
    bool release_kept;   /* what was kept goes: confirmed */
    bool restore_kept;   /* what was kept is the owner's again, the destination's goes: reverted */
    bool release_all;    /* all go */

    /* of the migration (only for kinds that have one) */
    const Migration
        *migration; /* what is not as it was asked for: dest_host, stats, times ...; NULL = leave */

    /* of its moves that are over and wait for a word: from one state to another, as
     * store_settle_operation does; NULL = none */
    const char *settle_from;
    const char *settle_to;
    const char *settle_sentence;

    const Leftover *leftover; /* recorded with it: what stays behind on a host; NULL = nothing */
    const Canary *way; /* what the guest has met between the hosts of it, by move_error; NULL =
                        * nothing is learned of the way */
} OperationMove;
bool store_move_operation(Store *store, const OperationMove *move, GError **error);
/* Engine only: what a closed operation still waited for has come. Its state changes from one name
 * to another, with a line of history; one that is in another state is left alone. The one caller
 * is the move.c of its machine. */
bool store_settle_operation(Store *store, int64_t operation_id, const char *from, const char *to,
    const char *sentence, GError **error);

/* ---- claims (store/claims.c) ---- */
/* Engine only. The choice and the claim in one transaction: choose is called inside it with every
 * host and what is claimed of it (not its operations and migrations), and returns the name of the
 * chosen one (borrowed from hosts) or NULL with ERROR_NO_VALID_HOST set; the text that it gives the
 * decision is stored with the claim, or without one when there is nobody. The claim row for the
 * operation's instance is then inserted: owner for a create, target for a move. Idempotent: an
 * existing claim of that operation is kept and returned. *ret_host is the caller's. */
typedef const char *(*StoreChooseHost)(
    const HostIndex *hosts, void *data, StoredDecision *decision, GError **error);
bool store_claim(Store *store, const Operation *operation, const Instance *instance,
    StoreChooseHost choose, void *data, char **ret_host, GError **error);
/* Engine only. As if that operation had claimed nothing yet; nothing of it may be on the host. */
bool store_release_claim(Store *store, int64_t operation_id, GError **error);
/* What that operation's claim gives the guest of its host's cells; of one that has none (the end of
 * a cold move), what was kept for it, or what it has. NULL: nothing is said of it; one
 * without cells: nothing, where another claim of the instance has something, so that what it has
 * there does not come along. */
bool store_find_topology(Store *store, const char *instance_id, int64_t operation_id,
    GuestTopology **ret_topology, GError **error);
/* What is taken of a host for an instance: for where it is, where it goes, or where it may come
 * back to until a move is confirmed. One that is nowhere has none. */
typedef struct ClaimRow {
    char *instance_id;
    char *instance_name;
    char *project_id;
    char *user_id;
    char *host;
    bool is_owner; /* where it is */
    int vcpus;
    int64_t ram_mib;
    int64_t disk_gib;
    char *topology; /* as guest_topology_text; NULL: nothing is said of it */
    char *devices;  /* as pci_given_text; NULL: none */
} ClaimRow;
void claim_row_free(ClaimRow *claim);
typedef enum ClaimsOf { CLAIMS_OF_HOST, CLAIMS_OF_INSTANCE, CLAIMS_OF_PROJECT } ClaimsOf;
/* ClaimRow, by instance. key: the host's name, or an id. */
GPtrArray *store_list_claims(Store *store, ClaimsOf of, const char *key, GError **error);
/* The same of PCI devices, as pci_given_text. Caller frees. */
bool store_find_devices(
    Store *store, const char *instance_id, int64_t operation_id, char **ret_text, GError **error);

/* ---- migrations (store/migrations.c) ---- */
typedef struct MigrationRequest {
    OperationRequest operation;
    MigrationType type;
    const char *requested_host;
    BlockMigration block_migration;
    bool disk_over_commit;
    bool force;
    bool early_checks;
    bool rehearse;
    bool ends_stopped;
    const char *admin_pass;
    const char *reason;   /* NULL = not said */
    const Flavor *flavor; /* of a resize, else NULL */
} MigrationRequest;
/* Inserts operation and migration; source host is the instance's host at that moment. */
Migration *store_accept_migration(Store *store, const MigrationRequest *request, GError **error);
/* Confirms or reverts (request->kind) the instance's last move, which then shows that operation's
 * state. ERROR_INVALID: there is none that could be. */
Operation *store_accept_end(Store *store, const OperationRequest *request, GError **error);
/* resize.c. By the operation that resizes: the flavor that the instance had, or the one that it
 * gets. */
Flavor *store_get_resize_flavor(
    Store *store, int64_t operation_id, bool is_new, GError **error);
typedef struct MigrationFilter {
    const char *instance_id;
    const char *host; /* source or destination */
    const char *source_host;
    const char *states; /* comma separated "type:state", NULL = any */
    const char *type;   /* Nova's migration_type */
    const char *user_id;
    const char *project_id;
    const char *marker; /* uuid */
    int64_t changed_since_us;
    int64_t changed_before_us;
    bool in_progress; /* only open ones */
    bool oldest_first;
    int limit; /* 0 = all */
} MigrationFilter;
GPtrArray *store_list_migrations(Store *store, const MigrationFilter *filter, GError **error);
Migration *store_get_migration(Store *store, int64_t id, GError **error);
Migration *store_get_migration_of_operation(Store *store, int64_t operation_id, GError **error);
Migration *store_get_migration_by_uuid(Store *store, const char *uuid, GError **error);
/* Engine only: progress between moves; not synced, loss is harmless. */
bool store_set_migration_stats(
    Store *store, int64_t operation_id, const JobStats *stats, GError **error);
/* Engine only: that it is made to complete, and why; before it is done. */
bool store_set_migration_forced(
    Store *store, int64_t operation_id, Forcing forced, const char *reason, GError **error);
/* Engine only; not synced. NULL: nothing stands in its way any more. */
bool store_set_migration_trouble(
    Store *store, int64_t operation_id, const char *trouble, GError **error);
/* Engine only; not synced. */
bool store_set_migration_downtime(
    Store *store, int64_t operation_id, int downtime_ms, GError **error);
/* API only: the mode in which the guest is paused as soon as its move has begun. ERROR_GONE_STALE
 * when the operation is not open any more. */
bool store_set_migration_pause_first(Store *store, int64_t operation_id, GError **error);

/* ---- drains (store/drains.c) ---- */
typedef struct DrainAsk {
    const char *host;
    bool is_restore;
    int parallel;
    bool cold_fallback;
    const char *reason;
    const char *request_id;
    const char *user_id;
} DrainAsk;
/* One transaction. A drain disables its host, for that reason unless it is disabled already, and
 * takes what is on it; a restore enables its host and takes what drains have moved away since the
 * last restore that was done, as far as it still is where they have brought it. ERROR_CONFLICT: one
 * is under way. */
Drain *store_accept_drain(Store *store, const DrainAsk *ask, GError **error);
/* API only. ERROR_GONE_STALE: it is over, or was given up. */
/* ERROR_CONFLICT: a drain or restore of it is under way. */
bool store_check_no_drain(Store *store, const char *host, GError **error);
bool store_set_drain_wanted(Store *store, int64_t id, DrainWanted wanted, GError **error);
Drain *store_get_drain(Store *store, int64_t id, GError **error);
/* host NULL = all. Newest first. */
GPtrArray *store_list_drains(
    Store *store, const char *host, bool only_open, int limit, GError **error);
GPtrArray *store_list_drain_items(Store *store, int64_t drain_id, GError **error); /* by name */
/* What a restore of that host would bring back, also what other drains have moved on since: ids of
 * instances, char *. */
GPtrArray *store_list_drained(Store *store, const char *host, GError **error);
/* Who keeps a copy on the host: moved away cold, and neither confirmed nor reverted. Ids of
 * instances, char *, as are the next: who is not on it, and an operation brings there. */
GPtrArray *store_list_kept(Store *store, const char *host, GError **error);
GPtrArray *store_list_coming(Store *store, const char *host, GError **error);
/* Engine only. From one state to another; ERROR_GONE_STALE when it is in neither. */
bool store_move_drain(
    Store *store, int64_t id, DrainState from, DrainState to, GError **error);
/* Engine only: an instance has come to the host since. */
bool store_insert_drain_item(
    Store *store, int64_t drain_id, const char *instance_id, GError **error);
/* Engine only: all of the item, if it is in the state from. */
bool store_update_drain_item(
    Store *store, const DrainItem *item, DrainItemState from, GError **error);
/* Engine only: the same, and in one commit what it waits for from now on, whose id it gets: a
 * migration, or the confirmation of its cold one. Errors as those of store_accept_migration and
 * store_accept_end, then nothing is written. */
bool store_accept_drain_move(Store *store, DrainItem *item, DrainItemState from,
    const MigrationRequest *request, GError **error);
bool store_accept_drain_confirm(Store *store, DrainItem *item, DrainItemState from,
    const OperationRequest *request, GError **error);

/* ---- volumes (store/volumes.c, store/attachments.c) ---- */
/* Status, id and times are filled in when they are not set. ERROR_CONFLICT: there is a volume of
 * the disk at its URI, which the error names. ERROR_INVALID: the URI cannot be read. */
bool store_insert_volume(Store *store, Volume *volume, GError **error);
Volume *store_get_volume(Store *store, const char *id, GError **error);
/* Newest first; each NULL = any. status as shown by the API; name: exactly that one. */
typedef struct VolumeFilter {
    const char *project_id;
    const char *instance_id;
    const char *name;
} VolumeFilter;
/* With an instance: in the order of their devices. */
GPtrArray *store_list_volumes(Store *store, const VolumeFilter *filter, GError **error);
/* Engine only: those that are to be made or deleted, oldest first. */
GPtrArray *store_list_unsettled_volumes(Store *store, GError **error);
/* Name, description, bootable, metadata, and delete_on_termination of its attachment. */
bool store_update_volume(Store *store, const Volume *volume, GError **error);
/* From now on the engine deletes it. ERROR_CONFLICT: it has an attachment, or is being made. */
bool store_accept_volume_delete(Store *store, const char *id, GError **error);
/* Engine only. CREATING becomes AVAILABLE, or ERROR with that message; DELETING ends the row, or
 * becomes ERROR. Nothing happens when it is in another status by now. */
bool store_settle_volume(
    Store *store, const char *id, VolumeStatus from, const char *message, GError **error);
/* One transaction: the operation (kind ATTACH_VOLUME) and its attachment, whose id, device and
 * operation are filled in. Besides what store_accept_operation refuses: ERROR_CONFLICT, the volume
 * is not available or has an attachment; ERROR_LIMIT, no device is free. */
Operation *store_accept_attach(
    Store *store, const OperationRequest *request, Attachment *attachment, GError **error);
/* The same for DETACH_VOLUME. ERROR_NOT_FOUND: the instance does not have that volume. */
Operation *store_accept_detach(
    Store *store, const OperationRequest *request, const char *volume_id, GError **error);
/* Engine only: a deleted instance's domain was found gone; now its volumes are free. */
bool store_release_volumes(Store *store, const char *instance_id, GError **error);

/* ---- decisions (store/decisions.c) ---- */
/* Those that are still kept, the oldest first: of a request, of an instance, of both; NULL: of any.
 * StoredDecision *. */
GPtrArray *store_list_decisions(
    Store *store, const char *request_id, const char *instance_id, GError **error);
/* What it found of each host that it looked at: their names, a line each, and a byte for each in
 * the same order, as scheduler/verdicts.c writes it. Both are the caller's; NULL: nothing of that
 * is kept, as of those of a droverd that did not yet. */
bool store_find_verdicts(Store *store, int64_t decision_id, char **ret_names,
    GBytes **ret_verdicts, GError **error);

/* ---- canaries (store/canaries.c) ---- */
typedef struct CanaryFilter {
    const char *source_host; /* NULL = any */
    bool is_pending;         /* only those that are to be sent, or on their way; the oldest first */
} CanaryFilter;
/* API: one is to be sent from source_host to dest_host of each Canary, in the
 * way that it has asked for; its rest is ignored. */
bool store_ask_canaries(Store *store, const GPtrArray *canaries, GError **error);
GPtrArray *store_list_canaries(Store *store, const CanaryFilter *filter, GError **error);
/* The last ones from that host, by the host to which they go. */
CanaryMap *store_map_canaries(Store *store, const char *source_host, GError **error);
/* Engine only: what came of it, and of its second one when extra_us is set. asked: what it was sent
 * for; more that was asked meanwhile stays pending. One whose host was removed is nobody's. */
bool store_finish_canary(Store *store, const Canary *canary, GError **error);
/* Engine only: the one that was asked for between its hosts is not sent; what is known stays. */
bool store_drop_canary(Store *store, const Canary *canary, GError **error);

/* ---- what a plan looks at (store/surroundings.c) ---- */
/* Adds what is known around that instance, in which it may be already. */
bool store_add_surroundings(
    Store *store, const Instance *instance, Surroundings *around, GError **error);
/* Adds the moves that are under way: once. */
bool store_add_arrivals(Store *store, Surroundings *around, GError **error);

/* ---- what hosts say of guests' platforms (store/platform_answers.c) ---- */
/* A platform is a processor with a machine type. The tables cpu_answers and guest_cpus have their
 * names from when it was a processor alone; to rename them is not worth a step of the schema.
 * guest_platform: platform_answer_make_key. Class of hosts (HostFacts) ->
 * PlatformAnswer, of those that were asked. */
GHashTable *store_map_platform_answers(Store *store, const char *guest_platform, GError **error);
/* One connected host, by name, of each class that has not said yes for a day. */
GPtrArray *store_list_platform_unasked(Store *store, const char *guest_platform, GError **error);
/* Engine only: what answer->asked_host says, which is of that class. */
bool store_put_platform_answer(Store *store, const char *guest_platform, const char *host_class,
    const PlatformAnswer *answer, GError **error);

/* Engine only: the platform that a guest was seen to run with. It is lost when the machine loses
 * its power: whoever wants to know it for certain looks at the guest. */
bool store_note_guest_platform(
    Store *store, const char *instance_id, const char *guest_platform, GError **error);
/* *ret_guest_platform (the caller's) is NULL where nobody has looked since an operation on the
 * instance has ended that was no live migration, and may have started the guest anew. */
bool store_find_guest_platform(
    Store *store, const char *instance_id, char **ret_guest_platform, GError **error);

/* ---- leftovers (store/leftovers.c) ---- */
typedef struct LeftoverFilter {
    const char *host;        /* NULL = any */
    const char *instance_id; /* NULL = any */
} LeftoverFilter;
/* One that is on record already (host, kind, name) keeps its age; a guest's is a new copy all the
 * same, of which nothing was said. */
bool store_record_leftover(Store *store, const Leftover *leftover, GError **error);
GPtrArray *store_list_leftovers(Store *store, const LeftoverFilter *filter, GError **error);
Leftover *store_get_leftover(Store *store, int64_t id, GError **error);
/* Engine only: it is gone. */
bool store_delete_leftover(Store *store, int64_t id, GError **error);
/* API: an operator wants it removed though nothing proves that it may be. */
bool store_want_leftover_removed(Store *store, int64_t id, GError **error);
/* Engine only: how a copy was found. What was wanted until then is void, in one transaction. */
bool store_set_leftover_copy(Store *store, int64_t id, LeftoverCopy copy, const char *why,
    const char *removable_when, GError **error);
/* Engine only: a try to remove it failed; NULL clears it. */
bool store_set_leftover_error(Store *store, int64_t id, const char *reason, GError **error);

/* ---- console history (store/console.c) ---- */
/* What a guest's console said on hosts it has left, capped at 256 KiB in all; one row per
 * operation, so that doing it twice is doing it once. */
bool store_save_console(Store *store, const char *instance_id, int64_t operation_id,
    const char *text, size_t size, GError **error);
/* That operation's piece goes, if there is one. */
bool store_forget_console(
    Store *store, const char *instance_id, int64_t operation_id, GError **error);
/* The pieces in order, joined; "" when there is none. Caller frees. */
char *store_load_console(Store *store, const char *instance_id, GError **error);
