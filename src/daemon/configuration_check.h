/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What of the configuration contradicts what, beyond a single key's type, bounds and choices, which
 * are the table's. Every refusal begins with file and line. */
#include "base/config.h"

/* By itself. warnings gets sentences. */
bool configuration_check(const Config *config, GPtrArray *warnings, GError **error);
/* Several streams and post-copy go together from QEMU 10.1 on. hosts: of Host; those of which
 * nothing is known yet pass. */
bool configuration_check_hosts(const Config *config, const GPtrArray *hosts, GError **error);
/* A group that names a host that is not there, or that holds for none because another one comes
 * before it. Without any hosts there is nothing to say: they come after the first start. */
void configuration_warn_of_hosts(
    const Config *config, const GPtrArray *hosts, GPtrArray *warnings);
