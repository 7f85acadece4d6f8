/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/decision.h"

void
stored_decision_free(StoredDecision *decision)
{
    if (decision == NULL) {
        return;
    }
    g_free(decision->instance_id);
    g_free(decision->instance_name);
    g_free(decision->request_id);
    g_free(decision->text);
    g_clear_pointer(&decision->verdicts, g_bytes_unref);
    host_names_unref(decision->hosts);
    g_free(decision->topology);
    g_free(decision->devices);
    g_free(decision->fix);
    g_strfreev(decision->short_hosts);
    g_free(decision);
}
