/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* An aggregate: hosts that belong together, with what is said of them. A host may be in several;
 * what all of them say of it is made into one record (HostAggregates) when hosts are read, so that
 * a decision that looks at thousands of hosts compares numbers and looks nothing up. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The key of the metadata that makes an aggregate an availability zone. */
#define AGGREGATE_ZONE "availability_zone"
/* Of a cell, and what the keys begin with that keep hosts for some projects. */
#define AGGREGATE_CELL "cell"
#define AGGREGATE_TENANTS "filter_tenant_id"
/* How the keys end that say how much something counts. */
#define AGGREGATE_WEIGHT "_weight_multiplier"
/* The flavors that its hosts are for, by name. */
#define AGGREGATE_FLAVORS "instance_type"

typedef struct AggregateProperty {
    char *key;
    char *value; /* in a change: NULL takes the key away */
} AggregateProperty;
AggregateProperty *aggregate_property_new(const char *key, const char *value);
void aggregate_property_free(AggregateProperty *property);

typedef struct Aggregate {
    int64_t id;
    char *uuid;
    char *name;
    GPtrArray *metadata; /* AggregateProperty *, by key */
    GPtrArray *hosts;    /* char *: names, in the order in which they joined */
    int64_t created_us;
    int64_t updated_us; /* 0 = never */
} Aggregate;

Aggregate *aggregate_new(void);
void aggregate_free(Aggregate *aggregate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Aggregate, aggregate_free)
/* NULL: it says nothing of that. Borrowed. */
const char *aggregate_get(const Aggregate *aggregate, const char *key);
/* What is further from 0 counts for no number: sums and products of these have to be numbers. */
#define AGGREGATE_NUMBER_MAX 1e9
/* One of the words of a value; false: it is no number. */
bool aggregate_read_number(const char *word, double *ret_number);
bool aggregate_has_host(const Aggregate *aggregate, const char *host);

/* What all aggregates of a host say. Shared by hosts that are in the same ones; never changed. */
typedef struct HostAggregates {
    char *zone;         /* NULL: none of them is a zone */
    char *cell;         /* what nothing leaves and nothing enters; NULL: none of them is one */
    GHashTable *tenants; /* ids of the projects that it is for, char *; NULL: for all */
    GHashTable *values; /* key -> GHashTable of char *: what each says; but zones split at commas */
    char *pool;         /* name of the one that is a pool (model/pool.h); NULL: none of them is */
    char *pool_joining; /* the host that joins it, or could not; NULL: none */
    bool pool_copies;   /* its guests may leave it and enter it live */
    /* The lowest of what they say; 0 = nothing, or nothing that is a number. */
    double cpu_allocation_ratio;
    double ram_allocation_ratio;
    double disk_allocation_ratio;
    int max_instances_per_host;
    int max_io_ops_per_host;
    char *digest; /* the same for those that say the same in the same order */
    bool weighs; /* some key of theirs ends in AGGREGATE_WEIGHT */
} HostAggregates;

/* aggregates: const Aggregate *. */
HostAggregates *host_aggregates_new(const GPtrArray *aggregates);
HostAggregates *host_aggregates_ref(HostAggregates *aggregates); /* any thread */
void host_aggregates_unref(HostAggregates *aggregates); /* NULL: nothing happens */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostAggregates, host_aggregates_unref)
/* The lowest number that they say of that key; false: none of them says one. */
bool host_aggregates_get_number(
    const HostAggregates *aggregates, const char *key, double *ret_number);
/* A set of const char *; NULL: none of them says anything of that key. */
GHashTable *host_aggregates_get(const HostAggregates *aggregates, const char *key);
