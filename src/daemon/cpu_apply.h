/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What 'drover cpu baseline --apply' makes of the configuration: the sections that hold for the
 * hosts get the model, in one file of conf.d that droverd owns. No state. */
#include "daemon/configuration.h"

/* Where it is; NULL: there is no directory, or droverd may not write to it. Caller frees. */
char *cpu_apply_path(const ConfigSources *sources, GError **error);
/* The text of that file. config: all that is on disk. hosts: of Host, all that are known. CONFLICT:
 * another file has one of the keys, or a host that was not named would change with those that
 * were. Caller frees. */
char *cpu_apply_make(const ConfigSources *sources, const Config *config, const ApiCpuModel *model,
    const GPtrArray *hosts, GError **error);
