/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cli/explain_columns.h"

#include <string.h>

static bool
is_said(const json_t *object, const char *key, const char *word)
{
    return g_strcmp0(json_string_value(json_object_get(object, key)), word) == 0;
}

/* "1.000" in the order of the ranking; the weigher is found by the name that Nova has for it. */
static char *
share_of(const json_t *row, const char *weigher)
{
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(row, "weighers"), i, entry)
    {
        if (is_said(entry, "weigher", weigher)) {
            /* Nothing times a negative multiplier is nothing as well. */
            double share = json_number_value(json_object_get(entry, "share")) + 0.0;
            double multiplier = json_number_value(json_object_get(entry, "multiplier"));
            bool is_own = is_said(entry, "multiplier_from", "aggregate");
            return is_own ? g_strdup_printf("%.3f (x%g of its aggregate)", share, multiplier)
                          : g_strdup_printf("%.3f", share);
        }
    }
    return g_strdup("-");
}

static char *
ram_share(const json_t *value, const json_t *row)
{
    return share_of(row, "RAMWeigher");
}

static char *
cpu_share(const json_t *value, const json_t *row)
{
    return share_of(row, "CPUWeigher");
}

static char *
disk_share(const json_t *value, const json_t *row)
{
    return share_of(row, "DiskWeigher");
}

static char *
instances_share(const json_t *value, const json_t *row)
{
    return share_of(row, "NumInstancesWeigher");
}

static char *
io_ops_share(const json_t *value, const json_t *row)
{
    return share_of(row, "IoOpsWeigher");
}

static char *
soft_affinity_share(const json_t *value, const json_t *row)
{
    return share_of(row, "ServerGroupSoftAffinityWeigher");
}

static char *
soft_anti_affinity_share(const json_t *value, const json_t *row)
{
    return share_of(row, "ServerGroupSoftAntiAffinityWeigher");
}

static char *
weight_text(const json_t *value, const json_t *row)
{
    return json_is_number(value) ? g_strdup_printf("%.3f", json_number_value(value))
                                 : g_strdup("-");
}

static char *
failed_text(const json_t *value, const json_t *row)
{
    return json_array_size(value) > 0 ? output_text(value) : g_strdup("-");
}

static const Column HOST_COLUMNS[] = {
    {"Host", "name", NULL},
    {"Rank", "rank", NULL},
    {"Weight", "weight", weight_text},
    {"RAM", "weighers", ram_share},
    {"CPU", "weighers", cpu_share},
    {"Disk", "weighers", disk_share},
    {"Instances", "weighers", instances_share},
};

/* Of what few servers and configurations have: shown where it counts for one of the hosts. */
static const struct {
    const char *weigher;
    Column column;
} RARE_COLUMNS[] = {
    {"IoOpsWeigher", {"I/O", "weighers", io_ops_share}},
    {"ServerGroupSoftAffinityWeigher", {"Beside Group", "weighers", soft_affinity_share}},
    {"ServerGroupSoftAntiAffinityWeigher",
        {"Apart From Group", "weighers", soft_anti_affinity_share}},
};

static const Column FAILED_COLUMN = {"Failed", "failed", failed_text};

G_STATIC_ASSERT(
    G_N_ELEMENTS(HOST_COLUMNS) + G_N_ELEMENTS(RARE_COLUMNS) + 2 <= EXPLAIN_COLUMNS_MAX);

static bool
counts(const json_t *hosts, const char *weigher)
{
    size_t i;
    json_t *host;
    json_array_foreach(hosts, i, host)
    {
        size_t j;
        json_t *entry;
        json_array_foreach(json_object_get(host, "weighers"), j, entry)
        {
            if (is_said(entry, "weigher", weigher) &&
                json_number_value(json_object_get(entry, "share")) != 0) {
                return true;
            }
        }
    }
    return false;
}

void
explain_choose_columns(const json_t *hosts, Column columns[EXPLAIN_COLUMNS_MAX])
{
    size_t n = G_N_ELEMENTS(HOST_COLUMNS);
    memcpy(columns, HOST_COLUMNS, sizeof HOST_COLUMNS);
    for (size_t i = 0; i < G_N_ELEMENTS(RARE_COLUMNS); i++) {
        if (counts(hosts, RARE_COLUMNS[i].weigher)) {
            columns[n++] = RARE_COLUMNS[i].column;
        }
    }
    columns[n++] = FAILED_COLUMN;
    columns[n] = (Column){NULL, NULL, NULL};
}
