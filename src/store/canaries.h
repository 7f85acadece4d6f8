/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
#include "store/db.h"

/* Inside the transaction of a move: what a guest has met on the way between the hosts of the
 * canary, by its move_error. Where no canary was ever asked for nothing is kept. */
bool canaries_note_move(Store *store, const Canary *way, GError **error);
/* Inside the transaction that writes it: the host is lost, and which ones from and to it failed is
 * known no more (who arrived is); or it is there, and one is asked for on each of these ways of
 * which nothing is known, once the other host is there too. */
bool canaries_on_connection(Store *store, const char *host, bool connected, GError **error);
