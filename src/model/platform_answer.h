/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Whether a host can give a guest the platform that it runs with, its machine type and processor:
 * asked once for each pair of a platform and a class of hosts, those whose hypervisors offer the
 * same. What users see of it is the check "cpu". */
#include <glib.h>
#include <stdint.h>

typedef struct PlatformAnswer {
    char *host_class; /* of hosts of which it is known */
    char *asked_host; /* who of them was asked */
    char *refusal;    /* with the type or the features that are missing; NULL: it can */
    int64_t asked_us;
} PlatformAnswer;

void platform_answer_free(PlatformAnswer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlatformAnswer, platform_answer_free)
/* What a guest's platform, as its hypervisor tells it, is known by. Caller frees. */
char *platform_answer_make_key(const char *words);
