/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/platform_answer.h"

void
platform_answer_free(PlatformAnswer *answer)
{
    if (answer == NULL) {
        return;
    }
    g_free(answer->host_class);
    g_free(answer->asked_host);
    g_free(answer->refusal);
    g_free(answer);
}

char *
platform_answer_make_key(const char *words)
{
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, words, -1);
}
