/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/cpu_answer.h"

void
cpu_answer_free(CpuAnswer *answer)
{
    if (answer == NULL) {
        return;
    }
    g_free(answer->host);
    g_free(answer->asked_host);
    g_free(answer->refusal);
    g_free(answer);
}

char *
cpu_answer_make_key(const char *cpu)
{
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, cpu, -1);
}
