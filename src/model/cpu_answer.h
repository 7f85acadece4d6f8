/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Whether a host can give a guest the processor that it runs with: asked once for each pair of a
 * guest's processor and a class of hosts, those whose hypervisors offer the same. */
#include <glib.h>
#include <stdint.h>

typedef struct CpuAnswer {
    char *host;       /* of whom it is known */
    char *asked_host; /* who was asked: itself, or another one of its class */
    char *refusal;    /* with the features that are missing; NULL: it can */
    int64_t asked_us;
} CpuAnswer;

void cpu_answer_free(CpuAnswer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CpuAnswer, cpu_answer_free)
/* What a guest's processor, as its hypervisor tells it, is known by. Caller frees. */
char *cpu_answer_make_key(const char *cpu);
