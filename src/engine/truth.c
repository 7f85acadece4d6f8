/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What a host says it runs against what is claimed of it. A difference is written down, with the
 * domain that causes it, and nothing else is done about it: domains that are not drover's count
 * where a place is looked for, and who made them knows what they are for. */
#include "base/log.h"
#include "engine/internal.h"
#include "model/throwaway.h"

#include <string.h>

static bool
is_active(const DomainView *view)
{
    return view->state == DOMAIN_RUNNING || view->state == DOMAIN_PAUSED ||
        view->state == DOMAIN_CRASHED;
}

static void
add(GPtrArray *differences, HostDifferenceKind kind, const char *uuid, char *take_domain,
    const DomainView *view, const ClaimRow *claim)
{
    HostDifference *difference = g_new0(HostDifference, 1);
    difference->kind = kind;
    difference->uuid = g_strdup(uuid);
    difference->domain = take_domain;
    if (view != NULL) {
        difference->vcpus = view->vcpus;
        difference->memory_mib = view->memory_mib;
    }
    if (claim != NULL) {
        difference->claimed_vcpus = claim->vcpus;
        difference->claimed_memory_mib = claim->ram_mib;
    }
    g_ptr_array_add(differences, difference);
}

/* What is under way is its operation's business, and changes. */
static bool
is_settled(const Instance *instance, int64_t asked_us)
{
    return instance->open_operation == 0 && instance->updated_us < asked_us &&
        instance->vm_state != VM_STATE_BUILDING && instance->vm_state != VM_STATE_RESIZED;
}

static bool
is_of_size(const DomainView *view, const ClaimRow *claim)
{
    return claim != NULL && view->memory_mib == claim->ram_mib && view->vcpus == claim->vcpus;
}

/* claim: the owner's; NULL: nothing is claimed there. */
static void
compare_own(GPtrArray *differences, const Instance *instance, const ClaimRow *claim,
    const DomainView *view)
{
    if (view == NULL && claim != NULL) {
        add(differences, HOST_DIFFERENCE_NO_DOMAIN, instance->id, instance_domain_name(instance),
            NULL, claim);
    } else if (view != NULL && view->memory_mib != 0 && !is_of_size(view, claim)) {
        add(differences, HOST_DIFFERENCE_SIZE, instance->id, g_strdup(view->name), view, claim);
    }
}

/* Also when it has ended since the host was asked. */
static bool
is_under_way(Engine *engine, const char *migration_uuid, int64_t asked_us)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Migration) migration =
        store_get_migration_by_uuid(engine->context.store, migration_uuid, &error);

    if (migration == NULL) {
        return !error_is(error, ERROR_NOT_FOUND);
    }
    return migration->operation.is_open || migration->operation.updated_us >= asked_us;
}

/* Somebody sees to it that it goes. */
static bool
is_passing(Engine *engine, const char *host, const DomainView *view, int64_t asked_us)
{
    switch (throwaway_kind(view->name, view->uuid)) {
    case THROWAWAY_NONE: return false;
    case THROWAWAY_CANARY: return !canaries_is_stuck(engine, host, view->uuid);
    case THROWAWAY_COURIER: return is_under_way(engine, view->uuid, asked_us);
    case THROWAWAY_TRIAL: return true;
    }
    g_assert_not_reached();
}

/* What belongs to an instance of another host, or to a deleted one, is a leftover, or on its way:
 * both are on record elsewhere. What drover makes for a moment it removes itself; a guest with
 * drover's mark that nobody here knows is another droverd's, or younger than a database that was
 * restored. */
static bool
is_foreign(Engine *engine, const char *host, const DomainView *view, int64_t asked_us)
{
    g_autoptr(GError) error = NULL;

    if (!is_active(view) || (view->is_ours && is_passing(engine, host, view, asked_us))) {
        return false;
    }
    g_autoptr(Instance) instance =
        store_get_instance(engine->context.store, view->uuid, &error);
    return instance == NULL && error_is(error, ERROR_NOT_FOUND);
}

static int
compare_uuids(gconstpointer one, gconstpointer other)
{
    const HostDifference *a = *(const HostDifference *const *)one;
    const HostDifference *b = *(const HostDifference *const *)other;
    return strcmp(a->uuid, b->uuid);
}

static bool
is_known_already(const GPtrArray *known, const GPtrArray *differences)
{
    bool is_same = known->len == differences->len;
    for (unsigned i = 0; is_same && i < known->len; i++) {
        is_same = host_difference_is_same(known->pdata[i], differences->pdata[i]);
    }
    return is_same;
}

static bool
write_down(Engine *engine, const char *host, GPtrArray *differences, GError **error)
{
    Store *store = engine->context.store;
    g_autoptr(GPtrArray) known = store_list_host_differences(store, host, error);
    g_ptr_array_sort(differences, compare_uuids);
    if (known == NULL || is_known_already(known, differences)) {
        return known != NULL;
    }
    for (unsigned i = 0; i < differences->len; i++) {
        const HostDifference *difference = differences->pdata[i];
        log_info("host '%s' and what is claimed of it differ: %s, domain '%s'", host,
            host_difference_kind_name(difference->kind), difference->domain);
    }
    return store_set_host_differences(store, host, differences, error);
}

/* Id -> ClaimRow, borrowed: of the instances that are on the host of these claims. */
static GHashTable *
index_owners(const GPtrArray *claims)
{
    GHashTable *owners = g_hash_table_new(g_str_hash, g_str_equal);
    for (unsigned i = 0; i < claims->len; i++) {
        ClaimRow *claim = claims->pdata[i];
        if (claim->is_owner) {
            g_hash_table_insert(owners, claim->instance_id, claim);
        }
    }
    return owners;
}

/* NULL when the store failed. */
static GPtrArray *
compare(Engine *engine, const char *host, GPtrArray *domains, int64_t asked_us, GError **error)
{
    Store *store = engine->context.store;
    InstanceFilter filter = {.host = host, .power_state = -1, .locked = -1};
    g_autoptr(GHashTable) views = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) claims = store_list_claims(store, CLAIMS_OF_HOST, host, error);
    g_autoptr(GPtrArray) instances =
        claims != NULL ? store_list_instances(store, &filter, error) : NULL;
    if (instances == NULL) {
        return NULL;
    }
    GPtrArray *differences =
        g_ptr_array_new_with_free_func((GDestroyNotify)host_difference_free);
    for (unsigned i = 0; i < domains->len; i++) {
        DomainView *view = domains->pdata[i];
        g_hash_table_insert(views, view->uuid, view);
        if (is_foreign(engine, host, view, asked_us)) {
            add(differences, HOST_DIFFERENCE_FOREIGN, view->uuid, g_strdup(view->name), view, NULL);
        }
    }
    g_autoptr(GHashTable) owners = index_owners(claims);
    for (unsigned i = 0; i < instances->len; i++) {
        const Instance *instance = instances->pdata[i];
        if (is_settled(instance, asked_us)) {
            compare_own(differences, instance, g_hash_table_lookup(owners, instance->id),
                g_hash_table_lookup(views, instance->id));
        }
    }
    return differences;
}

void
truth_on_listed(Engine *engine, const char *host, GPtrArray *domains, int64_t asked_us)
{
    g_autoptr(GError) error = NULL;

    engine_assert_thread(engine);
    g_autoptr(GPtrArray) differences = compare(engine, host, domains, asked_us, &error);
    if (differences == NULL || !write_down(engine, host, differences, &error)) {
        log_error("cannot compare host '%s' with what is claimed of it: %s", host, error->message);
    }
}
