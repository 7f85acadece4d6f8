/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What can be said of hosts from what is known of them, judged. Pure. */
#include "model/host.h"
#include "model/host_difference.h"
#include "model/network.h"
#include <glib.h>
#include <jansson.h>

/* One row. host NULL: of none of them; fix NULL: there is nothing to be mended. */
void lint_add(json_t *rows, const Host *host, const char *check, const char *result,
    const char *fix, const char *text);
/* Adds a row for each thing that is looked at: {"host", "check", "result", "found", "fix"}; result
 * is "pass", "warn", "fail", "unknown" (not told yet) or "unseen" (nobody can tell from here).
 * hosts: Host *, all that are compared with each other; is_named: somebody has named them, so there
 * may be others. networks: Network *, all that there are. volume_pool: of volumes, NULL = none. */
void lint_host(json_t *rows, const Host *host, const GPtrArray *hosts, const GPtrArray *networks,
    const char *volume_pool, bool is_named, int64_t now_us);
/* Adds how it differs from what is claimed of it: a row for each HostDifference, or one that there
 * is none. */
void lint_claims(json_t *rows, const Host *host, const GPtrArray *differences);
/* Adds what its aggregates say and nobody can read: a row for each, or one that there is nothing;
 * none for a host that is in no aggregate. aggregates: Aggregate *, all that there are. */
void lint_aggregates(json_t *rows, const Host *host, const GPtrArray *aggregates);
/* What nobody can see without a login, for all hosts at once: host is null. */
void lint_unseen(json_t *rows);
