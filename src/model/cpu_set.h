/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* A set of a host's processors, by their numbers: "0-3,^2,8" as libvirt and Nova write one. A plain
 * value. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A host with more has its others left alone. */
#define CPU_SET_MAX 1024

typedef struct CpuSet {
    uint64_t bits[CPU_SET_MAX / 64];
} CpuSet;

/* What is excluded ("^2") is excluded wherever it stands. False: it is no such list, or names a
 * number beyond the last one; *ret_set is not written then. */
bool cpu_set_parse(const char *text, CpuSet *ret_set);
/* "0-3,8"; "" when it is empty. Caller frees. */
char *cpu_set_text(const CpuSet *set);
/* A number that is too high is left out. */
void cpu_set_add(CpuSet *set, int cpu);
void cpu_set_remove(CpuSet *set, int cpu);
bool cpu_set_has(const CpuSet *set, int cpu);
int cpu_set_count(const CpuSet *set);
bool cpu_set_is_empty(const CpuSet *set);
CpuSet cpu_set_both(const CpuSet *one, const CpuSet *other);   /* what is in both */
CpuSet cpu_set_either(const CpuSet *one, const CpuSet *other); /* what is in one of them */
CpuSet cpu_set_without(const CpuSet *set, const CpuSet *taken);
/* The lowest number in it from that one on; -1: there is none. */
int cpu_set_next(const CpuSet *set, int from);
