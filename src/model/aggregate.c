/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/pool.h"
#include <math.h>
#include <string.h>

AggregateProperty *
aggregate_property_new(const char *key, const char *value)
{
    AggregateProperty *property = g_new0(AggregateProperty, 1);

    property->key = g_strdup(key);
    property->value = g_strdup(value);
    return property;
}

void
aggregate_property_free(AggregateProperty *property)
{
    if (property == NULL) {
        return;
    }
    g_free(property->key);
    g_free(property->value);
    g_free(property);
}

Aggregate *
aggregate_new(void)
{
    Aggregate *aggregate = g_new0(Aggregate, 1);

    aggregate->metadata =
        g_ptr_array_new_with_free_func((GDestroyNotify)aggregate_property_free);
    aggregate->hosts = g_ptr_array_new_with_free_func(g_free);
    return aggregate;
}

void
aggregate_free(Aggregate *aggregate)
{
    if (aggregate == NULL) {
        return;
    }
    g_free(aggregate->uuid);
    g_free(aggregate->name);
    g_ptr_array_unref(aggregate->metadata);
    g_ptr_array_unref(aggregate->hosts);
    g_free(aggregate);
}

const char *
aggregate_get(const Aggregate *aggregate, const char *key)
{
    for (unsigned i = 0; i < aggregate->metadata->len; i++) {
        const AggregateProperty *property = aggregate->metadata->pdata[i];
        if (strcmp(property->key, key) == 0) {
            return property->value;
        }
    }
    return NULL;
}

bool
aggregate_has_host(const Aggregate *aggregate, const char *host)
{
    for (unsigned i = 0; i < aggregate->hosts->len; i++) {
        if (strcmp(aggregate->hosts->pdata[i], host) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- what all of a host's say ---- */

static void
add_values(HostAggregates *all, const AggregateProperty *property)
{
    GHashTable *values = g_hash_table_lookup(all->values, property->key);
    /* A zone is one, whatever is in its name, and so is a cell. */
    bool is_name = g_str_equal(property->key, AGGREGATE_ZONE) ||
        g_str_equal(property->key, AGGREGATE_CELL);
    g_auto(GStrv) words = g_strsplit(property->value, ",", is_name ? 1 : -1);

    if (values == NULL) {
        values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_hash_table_insert(all->values, g_strdup(property->key), values);
    }
    for (size_t i = 0; words[i] != NULL; i++) {
        g_hash_table_add(values, g_strdup(g_strstrip(words[i])));
    }
}

bool
aggregate_read_number(const char *word, double *ret_number)
{
    char *end = NULL;
    double number = g_ascii_strtod(word, &end);

    if (end == word || *end != '\0' || !(fabs(number) <= AGGREGATE_NUMBER_MAX)) {
        return false;
    }
    *ret_number = number;
    return true;
}

/* Whatever is no number, or too low, is passed over, as Nova does. */
static bool
find_lowest(const HostAggregates *all, const char *key, bool positive, double *ret_number)
{
    GHashTable *values = host_aggregates_get(all, key);
    GHashTableIter iterator;
    gpointer text = NULL;
    bool found = false;

    if (values == NULL) {
        return false;
    }
    g_hash_table_iter_init(&iterator, values);
    while (g_hash_table_iter_next(&iterator, &text, NULL)) {
        double value = 0;
        if (aggregate_read_number(text, &value) && (!positive || value > 0) &&
            (!found || value < *ret_number)) {
            *ret_number = value;
            found = true;
        }
    }
    return found;
}

bool
host_aggregates_get_number(const HostAggregates *aggregates, const char *key, double *ret_number)
{
    return find_lowest(aggregates, key, false, ret_number);
}

static double
lowest(const HostAggregates *all, const char *key)
{
    double found = 0;

    return find_lowest(all, key, true, &found) ? found : 0;
}

/* Of every key that begins so, as Nova has it. */
static void
add_tenants(HostAggregates *all)
{
    GHashTableIter keys;
    gpointer key = NULL, values = NULL;

    g_hash_table_iter_init(&keys, all->values);
    while (g_hash_table_iter_next(&keys, &key, &values)) {
        GHashTableIter words;
        gpointer word = NULL;
        if (!g_str_has_prefix(key, AGGREGATE_TENANTS)) {
            continue;
        }
        if (all->tenants == NULL) {
            all->tenants = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        }
        g_hash_table_iter_init(&words, values);
        while (g_hash_table_iter_next(&words, &word, NULL)) {
            g_hash_table_add(all->tenants, g_strdup(word));
        }
    }
}

static void
add_pool(HostAggregates *all, const Aggregate *aggregate)
{
    if (all->pool == NULL && pool_is(aggregate)) {
        all->pool = g_strdup(aggregate->name);
        all->pool_joining = g_strdup(pool_joining(aggregate));
        all->pool_copies = pool_may_copy(aggregate);
    }
}

/* With its end, so that no two lists of words are one. */
static void
digest_word(GChecksum *sum, const char *word)
{
    g_checksum_update(sum, (const guchar *)word, (gssize)strlen(word) + 1);
}

static char *
digest(const GPtrArray *aggregates)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

    for (unsigned i = 0; i < aggregates->len; i++) {
        const Aggregate *aggregate = aggregates->pdata[i];
        digest_word(sum, aggregate->name != NULL ? aggregate->name : "");
        for (unsigned j = 0; j < aggregate->metadata->len; j++) {
            const AggregateProperty *property = aggregate->metadata->pdata[j];
            digest_word(sum, property->key);
            digest_word(sum, property->value);
        }
        digest_word(sum, "");
    }
    return g_strdup(g_checksum_get_string(sum));
}

HostAggregates *
host_aggregates_new(const GPtrArray *aggregates)
{
    HostAggregates *all = g_atomic_rc_box_new0(HostAggregates);

    all->values = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_unref);
    for (unsigned i = 0; i < aggregates->len; i++) {
        const Aggregate *aggregate = aggregates->pdata[i];
        for (unsigned j = 0; j < aggregate->metadata->len; j++) {
            const AggregateProperty *property = aggregate->metadata->pdata[j];
            add_values(all, property);
            all->weighs = all->weighs || g_str_has_suffix(property->key, AGGREGATE_WEIGHT);
        }
        if (all->zone == NULL) {
            all->zone = g_strdup(aggregate_get(aggregate, AGGREGATE_ZONE));
        }
        if (all->cell == NULL) {
            all->cell = g_strdup(aggregate_get(aggregate, AGGREGATE_CELL));
        }
        add_pool(all, aggregate);
    }
    add_tenants(all);
    all->digest = digest(aggregates);
    all->cpu_allocation_ratio = lowest(all, "cpu_allocation_ratio");
    all->ram_allocation_ratio = lowest(all, "ram_allocation_ratio");
    all->disk_allocation_ratio = lowest(all, "disk_allocation_ratio");
    all->max_instances_per_host = (int)lowest(all, "max_instances_per_host");
    all->max_io_ops_per_host = (int)lowest(all, "max_io_ops_per_host");
    return all;
}

HostAggregates *
host_aggregates_ref(HostAggregates *aggregates)
{
    return g_atomic_rc_box_acquire(aggregates);
}

static void
clear(void *data)
{
    HostAggregates *aggregates = data;

    g_free(aggregates->zone);
    g_free(aggregates->cell);
    g_free(aggregates->pool);
    g_free(aggregates->pool_joining);
    g_free(aggregates->digest);
    g_clear_pointer(&aggregates->tenants, g_hash_table_unref);
    g_hash_table_unref(aggregates->values);
}

void
host_aggregates_unref(HostAggregates *aggregates)
{
    if (aggregates != NULL) {
        g_atomic_rc_box_release_full(aggregates, clear);
    }
}

GHashTable *
host_aggregates_get(const HostAggregates *aggregates, const char *key)
{
    return g_hash_table_lookup(aggregates->values, key);
}
