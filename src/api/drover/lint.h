/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What can be said of hosts from what is known of them, judged. Pure. */
#include "model/host.h"
#include "model/host_difference.h"
#include "model/network.h"
#include <glib.h>
#include <jansson.h>

/* Adds a row for each thing that is looked at: {"host", "check", "result", "found", "fix"}; result
 * is "pass", "warn", "fail", "unknown" (not told yet) or "unseen" (nobody can tell from here).
 * hosts: Host *, all that are compared with each other. networks: Network *, all that there are.
 * volume_pool: of volumes, NULL = none. */
void lint_host(json_t *rows, const Host *host, const GPtrArray *hosts, const GPtrArray *networks,
    const char *volume_pool, int64_t now_us);
/* Adds how it differs from what is claimed of it: a row for each HostDifference, or one that there
 * is none. */
void lint_claims(json_t *rows, const Host *host, const GPtrArray *differences);
/* What nobody can see without a login, for all hosts at once: host is null. */
void lint_unseen(json_t *rows);
