/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
#include "store/db.h"

/* Inside the transaction of a move: what a guest has met on the way between the hosts of the
 * canary, by its move_error. Where no canary was ever asked for nothing is kept. */
bool canaries_note_move(Store *store, const Canary *way, GError **error);
