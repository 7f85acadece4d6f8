/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/base_ticket.h"

#include <stdint.h>
#include <string.h>

struct BaseTicket {
    char *host;
    char *sha256;
    uint64_t turn; /* of its last enter; 0 = never */
    bool is_inside;
};

static GMutex lock; /* all of these */
static GCond changed;
static GList *open_tickets; /* of BaseTicket */
static uint64_t last_turn;

/* Another ticket of the same base that fits. */
typedef bool (*TicketTest)(const BaseTicket *other, const BaseTicket *ours);

static bool
has_other(const BaseTicket *ours, TicketTest test)
{
    for (GList *l = open_tickets; l != NULL; l = l->next) {
        const BaseTicket *other = l->data;
        if (other != ours && strcmp(other->sha256, ours->sha256) == 0 && test(other, ours)) {
            return true;
        }
    }
    return false;
}

static bool
is_on_same_host(const BaseTicket *other, const BaseTicket *ours)
{
    return strcmp(other->host, ours->host) == 0;
}

static bool
is_inside(const BaseTicket *other, const BaseTicket *ours)
{
    return other->is_inside;
}

static bool
is_earlier(const BaseTicket *other, const BaseTicket *ours)
{
    return other->turn != 0 && other->turn < ours->turn;
}

/* False: cancelled, of which nobody tells. */
static bool
wait_while(const BaseTicket *ours, TicketTest test, const Cancel *cancel)
{
    while (has_other(ours, test) && !cancel_is_asked(cancel)) {
        if (cancel == NULL) {
            g_cond_wait(&changed, &lock);
        } else {
            g_cond_wait_until(&changed, &lock, g_get_monotonic_time() + CANCEL_LOOK_US);
        }
    }
    return !cancel_is_asked(cancel);
}

static void
ticket_free(BaseTicket *ticket)
{
    g_free(ticket->host);
    g_free(ticket->sha256);
    g_free(ticket);
}

BaseTicket *
base_ticket_take(const char *host, const char *sha256, const Cancel *cancel)
{
    BaseTicket *ticket = g_new0(BaseTicket, 1);

    ticket->host = g_strdup(host);
    ticket->sha256 = g_strdup(sha256);
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
    if (!wait_while(ticket, is_on_same_host, cancel)) {
        ticket_free(ticket);
        return NULL;
    }
    open_tickets = g_list_prepend(open_tickets, ticket);
    return ticket;
}

void
base_ticket_enter(BaseTicket *ticket)
{
    g_mutex_lock(&lock);
    wait_while(ticket, is_inside, NULL);
    ticket->is_inside = true;
    ticket->turn = ++last_turn;
    g_mutex_unlock(&lock);
}

void
base_ticket_leave(BaseTicket *ticket)
{
    g_mutex_lock(&lock);
    ticket->is_inside = false;
    g_cond_broadcast(&changed);
    g_mutex_unlock(&lock);
}

bool
base_ticket_has_earlier(BaseTicket *ticket)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);

    return has_other(ticket, is_earlier);
}

bool
base_ticket_wait_earlier(BaseTicket *ticket, const Cancel *cancel)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);

    return wait_while(ticket, is_earlier, cancel);
}

void
base_ticket_return(BaseTicket *ticket)
{
    if (ticket == NULL) {
        return;
    }
    g_mutex_lock(&lock);
    open_tickets = g_list_remove(open_tickets, ticket);
    g_cond_broadcast(&changed);
    g_mutex_unlock(&lock);
    ticket_free(ticket);
}
