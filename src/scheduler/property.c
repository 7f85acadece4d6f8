/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Which numbers the metadata of an aggregate may say. Nova takes any text and passes over what it
 * cannot read, so that a slip changes nothing and nobody is told. */
#include "scheduler/internal.h"

#include <math.h>
#include <string.h>

#define COUNT_MAX 1000000

static bool
is_ratio(double number)
{
    return number > 0;
}

static bool
is_count(double number)
{
    return number >= 1 && number <= COUNT_MAX && floor(number) == number;
}

static bool
is_multiplier(double number)
{
    return true;
}

/* What is said of a key. */
typedef struct PropertyKind {
    bool (*takes)(double number);
    const char *wish;
} PropertyKind;

static const PropertyKind ratio = {is_ratio,
    "a number above 0 is taken, like 4.0, up to 1e9; of several with commas between the lowest "
    "counts"};
static const PropertyKind count = {is_count,
    "a whole number from 1 to 1000000 is taken; of several with commas between the lowest counts"};
static const PropertyKind multiplier = {is_multiplier,
    "a number is taken, like -1.0, from -1e9 to 1e9; of several with commas between the lowest "
    "counts"};

static const struct {
    const char *key;
    const PropertyKind *kind;
} rows[] = {
    {"cpu_allocation_ratio", &ratio},
    {"ram_allocation_ratio", &ratio},
    {"disk_allocation_ratio", &ratio},
    {"max_instances_per_host", &count},
    {"max_io_ops_per_host", &count},
};

/* NULL: it is no number here. A weigher that drover does not have is anybody's word. */
static const PropertyKind *
kind_of(const char *key)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (strcmp(rows[i].key, key) == 0) {
            return rows[i].kind;
        }
    }
    for (int i = 0; i < PLACEMENT_N_WEIGHERS; i++) {
        if (strcmp(placement_weigher_key((PlacementWeigher)i), key) == 0) {
            return &multiplier;
        }
    }
    return NULL;
}

const char *
placement_refuse_property(const char *key, const char *value)
{
    const PropertyKind *kind = kind_of(key);
    g_auto(GStrv) words = g_strsplit(value, ",", -1);

    if (kind == NULL) {
        return NULL;
    }
    for (size_t i = 0; words[i] != NULL; i++) {
        double number = 0;
        if (!aggregate_read_number(g_strstrip(words[i]), &number) || !kind->takes(number)) {
            return kind->wish;
        }
    }
    return words[0] == NULL ? kind->wish : NULL;
}
