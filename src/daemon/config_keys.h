/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Every key of drover.conf, in one table: the reader checks against it, --list-config prints it,
 * the manual page is made from that. Keys that Nova has too have Nova's name and section. */
#include "base/config.h"

extern const ConfigKey daemon_config_keys[];
extern const ConfigObsolete daemon_config_obsolete[];
