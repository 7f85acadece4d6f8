/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/base_ticket.h"

#include <string.h>

struct BaseTicket {
    char *host;
    char *sha256;
};

static GMutex lock; /* open_tickets */
static GCond changed;
static GList *open_tickets; /* of BaseTicket, earliest first */

static bool
is_open_for(const char *host, const char *sha256)
{
    for (GList *l = open_tickets; l != NULL; l = l->next) {
        BaseTicket *ticket = l->data;
        if (strcmp(ticket->sha256, sha256) == 0 && strcmp(ticket->host, host) == 0) {
            return true;
        }
    }
    return false;
}

BaseTicket *
base_ticket_take(const char *host, const char *sha256)
{
    BaseTicket *ticket = g_new0(BaseTicket, 1);

    ticket->host = g_strdup(host);
    ticket->sha256 = g_strdup(sha256);
    g_mutex_lock(&lock);
    while (is_open_for(host, sha256)) {
        g_cond_wait(&changed, &lock);
    }
    open_tickets = g_list_append(open_tickets, ticket);
    g_mutex_unlock(&lock);
    return ticket;
}

static bool
has_earlier(const BaseTicket *ticket)
{
    for (GList *l = open_tickets; l != NULL && l->data != ticket; l = l->next) {
        BaseTicket *earlier = l->data;
        if (strcmp(earlier->sha256, ticket->sha256) == 0) {
            return true;
        }
    }
    return false;
}

bool
base_ticket_wait_earlier(BaseTicket *ticket)
{
    bool has_waited = false;

    g_mutex_lock(&lock);
    while (has_earlier(ticket)) {
        has_waited = true;
        g_cond_wait(&changed, &lock);
    }
    g_mutex_unlock(&lock);
    return has_waited;
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
    g_free(ticket->host);
    g_free(ticket->sha256);
    g_free(ticket);
}
