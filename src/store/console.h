/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
#include "store/db.h"

/* Inside the transaction that deletes an instance. */
bool console_forget(Store *store, const char *instance_id, GError **error);
