/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
#include "store/db.h"

/* As store_tell_group_usage, of an index in which the last instance may have been told of. */
bool groups_tell_index(Store *store, const Instance *instance, HostIndex *hosts, GError **error);
