/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Who makes which base right now, in this process. Two callers must not make the same base on one
 * host at once; and on a pool that hosts share, an incomplete base may be a leftover or what
 * somebody else is just making through another host. So to look and then to create is one step,
 * done by one caller at a time for each base, and the order of these steps says who waits for
 * whom. */
#include "base/cancel.h"
#include <glib.h>
#include <stdbool.h>

typedef struct BaseTicket BaseTicket;

/* Waits until nobody else makes this base on this host. NULL: cancelled meanwhile, as which a wait
 * below is false; cancel may be NULL. */
BaseTicket *base_ticket_take(const char *host, const char *sha256, const Cancel *cancel);
/* Between these, nobody else looks at or creates this base, on any host. */
void base_ticket_enter(BaseTicket *ticket);
void base_ticket_leave(BaseTicket *ticket);
/* Whether somebody who entered before us still makes this base, on whatever host. */
bool base_ticket_has_earlier(BaseTicket *ticket);
/* Waits for all of those. Not between enter and leave. */
bool base_ticket_wait_earlier(BaseTicket *ticket, const Cancel *cancel);
void base_ticket_return(BaseTicket *ticket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BaseTicket, base_ticket_return)
