/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Who makes which base right now, in this process. Two callers must not make the same base on one
 * host at once, and an incomplete base that somebody else is just making through another host of
 * the same shared pool must not be taken for a leftover. */
#include <glib.h>
#include <stdbool.h>

typedef struct BaseTicket BaseTicket;

/* Waits until nobody else makes this base on this host. */
BaseTicket *base_ticket_take(const char *host, const char *sha256);
/* Waits for those who began before us to make the same base on any host; whether there were any.
 * Only earlier ones, so that two never wait for each other. */
bool base_ticket_wait_earlier(BaseTicket *ticket);
void base_ticket_return(BaseTicket *ticket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BaseTicket, base_ticket_return)
