/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/claims.h"

#include "base/log.h"
#include "store/decisions.h"

#define SQL_FIND_CLAIM "SELECT host FROM claims WHERE operation_id = $1"
#define SQL_INSERT                                                                                 \
    "INSERT INTO claims (instance_id, role, operation_id, host, vcpus, ram_mib, disk_gib,"         \
    " topology, devices) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
/* The end of a move has no claim of its own: a revert takes the guest back to what was kept. */
#define SQL_FIND_TOPOLOGY                                                                          \
    "SELECT topology FROM claims WHERE instance_id = $1 ORDER BY CASE WHEN operation_id = $2"      \
    " THEN 0 WHEN role = 'kept' THEN 1 ELSE 2 END LIMIT 1"
#define SQL_FIND_DEVICES                                                                           \
    "SELECT devices FROM claims WHERE instance_id = $1 ORDER BY CASE WHEN operation_id = $2"       \
    " THEN 0 WHEN role = 'kept' THEN 1 ELSE 2 END LIMIT 1"
#define SQL_FIND_ANY_TOPOLOGY                                                                      \
    "SELECT topology FROM claims WHERE instance_id = $1 AND topology IS NOT NULL"
#define SQL_RELEASE_TARGET "DELETE FROM claims WHERE instance_id = $1 AND role = 'target'"
#define SQL_RELEASE_OWNER "DELETE FROM claims WHERE instance_id = $1 AND role = 'owner'"
#define SQL_RELEASE_ALL "DELETE FROM claims WHERE instance_id = $1"
#define SQL_RELEASE_KEPT "DELETE FROM claims WHERE instance_id = $1 AND role = 'kept'"
#define SQL_RELEASE_CLAIM "DELETE FROM claims WHERE operation_id = $1"
#define SQL_PROMOTE "UPDATE claims SET role = 'owner' WHERE instance_id = $1 AND role = 'target'"
#define SQL_KEEP "UPDATE claims SET role = 'kept' WHERE instance_id = $1 AND role = 'owner'"
#define SQL_RESTORE "UPDATE claims SET role = 'owner' WHERE instance_id = $1 AND role = 'kept'"

static bool
find_claim(Store *store, int64_t operation_id, char **ret_host, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_FIND_CLAIM, error);
    bool row = false;

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, operation_id);
    if (!db_step(statement, &row, error)) {
        return false;
    }
    *ret_host = row ? db_dup_text(statement, 0) : NULL;
    return true;
}

static bool
insert_claim(Store *store, const Operation *operation, const Instance *instance, const char *host,
    const StoredDecision *decision, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);

    if (statement == NULL) {
        return false;
    }
    const Flavor *flavor = &instance->flavor;
    db_bind_text(statement, 1, instance->id);
    db_bind_text(statement, 2, operation->kind == OPERATION_CREATE ? "owner" : "target");
    db_bind_int(statement, 3, operation->id);
    db_bind_text(statement, 4, host);
    db_bind_int(statement, 5, flavor->vcpus);
    db_bind_int(statement, 6, flavor->ram_mib);
    db_bind_int(statement, 7, instance_disk_gib(instance) + flavor->ephemeral_gib);
    db_bind_text(statement, 8, decision->topology);
    db_bind_text(statement, 9, decision->devices);
    return db_run(statement, NULL, error);
}

/* The decision is the caller's: the name it returns is copied while the hosts still exist. */
static char *
choose_host(Store *store, const Instance *instance, StoreChooseHost choose, void *data,
    StoredDecision *decision, GError **error)
{
    HostIndex *hosts = known_hosts_get(store, error);
    if (hosts == NULL || !store_tell_neighbours(store, instance, NULL, hosts, error)) {
        return NULL;
    }
    return g_strdup(choose(hosts, data, decision, error));
}

static bool
find_or_make_claim(Store *store, const Operation *operation, const Instance *instance,
    StoreChooseHost choose, void *data, StoredDecision *decision, char **ret_host, GError **error)
{
    g_autoptr(DbTransaction) transaction = db_begin(store, error);
    g_autofree char *host = NULL;

    if (transaction == NULL || !find_claim(store, operation->id, &host, error)) {
        return false;
    }
    if (host == NULL) {
        host = choose_host(store, instance, choose, data, decision, error);
        if (host == NULL ||
            !insert_claim(store, operation, instance, host, decision, error) ||
            !decisions_insert(store, operation->id, true, decision, error) ||
            !db_commit(transaction, error)) {
            return false;
        }
    }
    *ret_host = g_steal_pointer(&host);
    return true;
}

/* Nothing was claimed. Whether this can be stored does not change why. */
static void
record_failure(Store *store, const Operation *operation, const StoredDecision *decision)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DbTransaction) transaction = db_begin(store, &error);

    if (transaction == NULL ||
        !decisions_insert(store, operation->id, false, decision, &error) ||
        !db_commit(transaction, &error)) {
        log_warning("why operation %" G_GINT64_FORMAT " found no host is not stored: %s",
            operation->id, error->message);
    }
}

bool
store_claim(Store *store, const Operation *operation, const Instance *instance,
    StoreChooseHost choose, void *data, char **ret_host, GError **error)
{
    g_autoptr(StoredDecision) decision = g_new0(StoredDecision, 1);
    g_autoptr(GError) problem = NULL;

    if (find_or_make_claim(
            store, operation, instance, choose, data, decision, ret_host, &problem)) {
        return true;
    }
    if (error_is(problem, ERROR_NO_VALID_HOST) && decision->text != NULL) {
        record_failure(store, operation, decision);
    }
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

bool
store_release_claim(Store *store, int64_t operation_id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_RELEASE_CLAIM, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_int(statement, 1, operation_id);
    return db_run(statement, NULL, error);
}

/* *ret_text is NULL when there is no such claim, or it has none. */
static bool
find_text(Store *store, const char *sql, const char *instance_id, int64_t operation_id,
    char **ret_text, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, sql, error);
    bool row = false;

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, instance_id);
    if (operation_id != 0) {
        db_bind_int(statement, 2, operation_id);
    }
    if (!db_step(statement, &row, error)) {
        return false;
    }
    *ret_text = row ? db_dup_text(statement, 0) : NULL;
    return true;
}

bool
store_find_topology(Store *store, const char *instance_id, int64_t operation_id,
    GuestTopology **ret_topology, GError **error)
{
    g_autofree char *own = NULL;
    g_autofree char *any = NULL;

    if (!find_text(store, SQL_FIND_TOPOLOGY, instance_id, operation_id, &own, error) ||
        (own == NULL &&
            !find_text(store, SQL_FIND_ANY_TOPOLOGY, instance_id, 0, &any, error))) {
        return false;
    }
    *ret_topology = own != NULL ? guest_topology_parse(own)
        : any != NULL           ? guest_topology_new()
                                : NULL;
    return true;
}

bool
store_find_devices(
    Store *store, const char *instance_id, int64_t operation_id, char **ret_text, GError **error)
{
    return find_text(store, SQL_FIND_DEVICES, instance_id, operation_id, ret_text, error);
}

static bool
change_claims(
    Store *store, const char *sql, const char *instance_id, int *ret_changes, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, sql, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, instance_id);
    return db_run(statement, ret_changes, error);
}

bool
claims_release_target(Store *store, const char *instance_id, GError **error)
{
    return change_claims(store, SQL_RELEASE_TARGET, instance_id, NULL, error);
}

bool
claims_release_all(Store *store, const char *instance_id, GError **error)
{
    return change_claims(store, SQL_RELEASE_ALL, instance_id, NULL, error);
}

/* The destination's claim becomes the owner's; displace: what becomes of the owner's so far. */
static bool
promote(Store *store, const char *displace, const char *instance_id, GError **error)
{
    int changes = 0;

    if (!change_claims(store, displace, instance_id, NULL, error) ||
        !change_claims(store, SQL_PROMOTE, instance_id, &changes, error)) {
        return false;
    }
    return changes == 1 ||
        error_set(
            error, ERROR_INTERNAL, "instance '%s' has no claim on its destination", instance_id);
}

bool
claims_promote_target(Store *store, const char *instance_id, GError **error)
{
    return promote(store, SQL_RELEASE_OWNER, instance_id, error);
}

bool
claims_keep_source(Store *store, const char *instance_id, GError **error)
{
    /* What is kept already is of an older move, of which nobody can say any more how it ends. */
    return claims_release_kept(store, instance_id, error) &&
        promote(store, SQL_KEEP, instance_id, error);
}

bool
claims_release_kept(Store *store, const char *instance_id, GError **error)
{
    return change_claims(store, SQL_RELEASE_KEPT, instance_id, NULL, error);
}

bool
claims_restore_kept(Store *store, const char *instance_id, GError **error)
{
    return change_claims(store, SQL_RELEASE_OWNER, instance_id, NULL, error) &&
        change_claims(store, SQL_RESTORE, instance_id, NULL, error);
}
