/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/cpu_set.h"

#include <stdlib.h>
#include <string.h>

enum { N_WORDS = CPU_SET_MAX / 64 };

/* A number at *at, which is moved behind it; -1: there is none, or it is too high. */
static int
read_number(const char **at)
{
    if (!g_ascii_isdigit(**at)) {
        return -1;
    }
    char *end = NULL;
    uint64_t number = g_ascii_strtoull(*at, &end, 10);
    *at = end;
    return number < CPU_SET_MAX ? (int)number : -1;
}

static bool
read_range(const char *item, CpuSet *set)
{
    int first = read_number(&item);
    int last = first;
    if (first >= 0 && *item == '-') {
        item++;
        last = read_number(&item);
    }
    if (first < 0 || last < first || *item != '\0') {
        return false;
    }
    for (int cpu = first; cpu <= last; cpu++) {
        cpu_set_add(set, cpu);
    }
    return true;
}

bool
cpu_set_parse(const char *text, CpuSet *ret_set)
{
    g_auto(GStrv) items = g_strsplit(text, ",", -1);
    CpuSet in = {0};
    CpuSet out = {0};

    for (size_t i = 0; items[i] != NULL; i++) {
        const char *item = g_strstrip(items[i]);
        bool is_excluded = *item == '^';
        if (!read_range(is_excluded ? item + 1 : item, is_excluded ? &out : &in)) {
            return false;
        }
    }
    if (items[0] == NULL) {
        return false;
    }
    *ret_set = cpu_set_without(&in, &out);
    return true;
}

char *
cpu_set_text(const CpuSet *set)
{
    GString *text = g_string_new(NULL);

    for (int first = cpu_set_next(set, 0); first >= 0;) {
        int last = first;
        while (cpu_set_has(set, last + 1)) {
            last++;
        }
        char range[32];
        g_snprintf(range, sizeof range, last > first ? "%s%d-%d" : "%s%d", text->len > 0 ? "," : "",
            first, last);
        g_string_append(text, range);
        first = cpu_set_next(set, last + 1);
    }
    return g_string_free(text, FALSE);
}

void
cpu_set_add(CpuSet *set, int cpu)
{
    if (cpu >= 0 && cpu < CPU_SET_MAX) {
        set->bits[cpu / 64] |= UINT64_C(1) << (cpu % 64);
    }
}

void
cpu_set_remove(CpuSet *set, int cpu)
{
    if (cpu >= 0 && cpu < CPU_SET_MAX) {
        set->bits[cpu / 64] &= ~(UINT64_C(1) << (cpu % 64));
    }
}

bool
cpu_set_has(const CpuSet *set, int cpu)
{
    return cpu >= 0 && cpu < CPU_SET_MAX && (set->bits[cpu / 64] >> (cpu % 64) & 1) != 0;
}

int
cpu_set_count(const CpuSet *set)
{
    int n = 0;

    for (int i = 0; i < N_WORDS; i++) {
        n += __builtin_popcountll(set->bits[i]);
    }
    return n;
}

bool
cpu_set_is_empty(const CpuSet *set)
{
    return cpu_set_next(set, 0) < 0;
}

CpuSet
cpu_set_both(const CpuSet *one, const CpuSet *other)
{
    CpuSet both;

    for (int i = 0; i < N_WORDS; i++) {
        both.bits[i] = one->bits[i] & other->bits[i];
    }
    return both;
}

CpuSet
cpu_set_either(const CpuSet *one, const CpuSet *other)
{
    CpuSet either;

    for (int i = 0; i < N_WORDS; i++) {
        either.bits[i] = one->bits[i] | other->bits[i];
    }
    return either;
}

CpuSet
cpu_set_without(const CpuSet *set, const CpuSet *taken)
{
    CpuSet rest;

    for (int i = 0; i < N_WORDS; i++) {
        rest.bits[i] = set->bits[i] & ~taken->bits[i];
    }
    return rest;
}

int
cpu_set_next(const CpuSet *set, int from)
{
    int first = MAX(from, 0);

    for (int i = first / 64; i < N_WORDS; i++) {
        uint64_t rest = set->bits[i] & (i == first / 64 ? UINT64_MAX << (first % 64) : UINT64_MAX);
        if (rest != 0) {
            return 64 * i + __builtin_ctzll(rest);
        }
    }
    return -1;
}
