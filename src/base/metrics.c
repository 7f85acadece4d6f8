/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/metrics.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { N_BUCKETS = 19 };

static const double bucket_bounds_s[N_BUCKETS] = {
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000};

typedef enum { KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM } Kind;

typedef struct Series {
    double value; /* of a gauge; the sum of a histogram */
    uint64_t count;
    uint64_t buckets[]; /* N_BUCKETS of a histogram, not cumulated; none otherwise */
} Series;

typedef struct Family {
    Kind kind;
    char *help;    /* NULL until described */
    GTree *series; /* labels -> Series */
} Family;

/* Guards families and all below. A leaf: nothing is called while it is held. */
static GMutex lock;
static GTree *families; /* name -> Family */

static const char *const kind_names[] = {
    [KIND_COUNTER] = "counter",
    [KIND_GAUGE] = "gauge",
    [KIND_HISTOGRAM] = "histogram",
};

static int
compare_names(const void *a, const void *b, void *data)
{
    return strcmp(a, b);
}

static Family *
find_family(const char *name, Kind kind)
{
    if (families == NULL) {
        families = g_tree_new_full(compare_names, NULL, g_free, NULL);
    }
    Family *family = g_tree_lookup(families, name);
    if (family == NULL) {
        family = g_new0(Family, 1);
        family->kind = kind;
        family->series = g_tree_new_full(compare_names, NULL, g_free, g_free);
        g_tree_insert(families, g_strdup(name), family);
    }
    /* One name with two types is a bug of the caller. */
    g_assert(family->kind == kind);
    return family;
}

static Series *
find_series(const char *name, const char *labels, Kind kind)
{
    Family *family = find_family(name, kind);
    Series *series = g_tree_lookup(family->series, labels);
    if (series == NULL) {
        size_t n_buckets = kind == KIND_HISTOGRAM ? N_BUCKETS : 0;
        series = g_malloc0(sizeof(Series) + n_buckets * sizeof(uint64_t));
        g_tree_insert(family->series, g_strdup(labels), series);
    }
    return series;
}

void
metrics_count(const char *name, const char *labels, uint64_t n)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
    find_series(name, labels, KIND_COUNTER)->count += n;
}

void
metrics_set(const char *name, const char *labels, double value)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
    find_series(name, labels, KIND_GAUGE)->value = value;
}

void
metrics_observe_s(const char *name, const char *labels, double seconds)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
    Series *series = find_series(name, labels, KIND_HISTOGRAM);
    series->count++;
    series->value += seconds;
    for (int i = 0; i < N_BUCKETS; i++) {
        if (seconds <= bucket_bounds_s[i]) {
            series->buckets[i]++;
            return;
        }
    }
}

void
metrics_describe(const char *name, const char *type, const char *help)
{
    for (size_t kind = 0; kind < G_N_ELEMENTS(kind_names); kind++) {
        if (strcmp(type, kind_names[kind]) == 0) {
            g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
            Family *family = find_family(name, (Kind)kind);
            g_free(family->help);
            family->help = g_strdup(help);
            return;
        }
    }
    g_assert_not_reached();
}

/* name{labels,extra} or name{labels} or name, then a blank. */
static void
append_name(
    GString *out, const char *name, const char *suffix, const char *labels, const char *extra)
{
    g_string_append(out, name);
    g_string_append(out, suffix);
    if (*labels != '\0' || *extra != '\0') {
        const char *comma = *labels != '\0' && *extra != '\0' ? "," : "";
        g_string_append_printf(out, "{%s%s%s}", labels, comma, extra);
    }
    g_string_append_c(out, ' ');
}

/* Never in the locale of the process: Prometheus reads a decimal point only. */
static void
append_double(GString *out, double value)
{
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];
    if (isinf(value)) {
        g_string_append(out, value > 0 ? "+Inf" : "-Inf");
    } else if (isnan(value)) {
        g_string_append(out, "NaN");
    } else {
        g_string_append(out, g_ascii_formatd(buffer, sizeof buffer, "%.15g", value));
    }
}

static void
export_histogram(GString *out, const char *name, const char *labels, const Series *series)
{
    uint64_t total = 0;
    for (int i = 0; i < N_BUCKETS; i++) {
        total += series->buckets[i];
        char bound[G_ASCII_DTOSTR_BUF_SIZE];
        g_ascii_formatd(bound, sizeof bound, "%g", bucket_bounds_s[i]);
        g_autofree char *extra = g_strdup_printf("le=\"%s\"", bound);
        append_name(out, name, "_bucket", labels, extra);
        g_string_append_printf(out, "%" G_GUINT64_FORMAT "\n", total);
    }
    append_name(out, name, "_bucket", labels, "le=\"+Inf\"");
    g_string_append_printf(out, "%" G_GUINT64_FORMAT "\n", series->count);
    append_name(out, name, "_sum", labels, "");
    append_double(out, series->value);
    g_string_append_c(out, '\n');
    append_name(out, name, "_count", labels, "");
    g_string_append_printf(out, "%" G_GUINT64_FORMAT "\n", series->count);
}

static void
export_series(GString *out, const char *name, Kind kind, const char *labels, const Series *series)
{
    switch (kind) {
    case KIND_COUNTER:
        append_name(out, name, "", labels, "");
        g_string_append_printf(out, "%" G_GUINT64_FORMAT "\n", series->count);
        break;
    case KIND_GAUGE:
        append_name(out, name, "", labels, "");
        append_double(out, series->value);
        g_string_append_c(out, '\n');
        break;
    case KIND_HISTOGRAM: export_histogram(out, name, labels, series); break;
    }
}

void
metrics_export(GString *out)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
    GTreeNode *node = families != NULL ? g_tree_node_first(families) : NULL;
    for (; node != NULL; node = g_tree_node_next(node)) {
        const char *name = g_tree_node_key(node);
        const Family *family = g_tree_node_value(node);
        if (family->help != NULL) {
            g_string_append_printf(out, "# HELP %s %s\n", name, family->help);
        }
        g_string_append_printf(out, "# TYPE %s %s\n", name, kind_names[family->kind]);
        for (GTreeNode *row = g_tree_node_first(family->series); row != NULL;
             row = g_tree_node_next(row)) {
            export_series(out, name, family->kind, g_tree_node_key(row), g_tree_node_value(row));
        }
    }
}
