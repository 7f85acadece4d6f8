/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The check of networks: whether a host has the bridges that the guest's ports are on. */
#include "scheduler/internal.h"

static bool
lacks_one(const Subject *subject)
{
    const GPtrArray *ports = subject->request->ports;
    for (unsigned i = 0; i < ports->len; i++) {
        const Port *port = ports->pdata[i];
        if (host_lacks_bridge(&subject->host->facts, port->bridge)) {
            return true;
        }
    }
    return false;
}

/* "br0 of 'private', br1 of 'backend'": several ports of one network are one. */
static char *
tell_needed(const GPtrArray *ports)
{
    g_autoptr(GHashTable) told = g_hash_table_new(g_str_hash, g_str_equal);
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < ports->len; i++) {
        const Port *port = ports->pdata[i];
        if (g_hash_table_add(told, port->network_id)) {
            g_string_append_printf(text, "%s%s of '%s'", text->len > 0 ? ", " : "bridge ",
                port->bridge, port->network_name);
        }
    }
    return g_string_free(text, FALSE);
}

static char *
tell_bridges(const char *bridges)
{
    if (bridges == NULL) {
        return g_strdup("not told: its libvirt does not list interfaces");
    }
    g_auto(GStrv) words = g_strsplit(bridges, ",", -1);
    return words[0] != NULL ? g_strjoinv(", ", words) : g_strdup("no bridge");
}

/* libvirt says the same when the guest starts there, and not before. Whoever forces a move may know
 * of a bridge that was made just now. */
PlacementResult
check_networks(const Subject *subject, PlacementRow *row)
{
    const GPtrArray *ports = subject->request->ports;
    bool has_ports = ports != NULL && ports->len > 0;
    if (row != NULL) {
        row->needed = has_ports ? tell_needed(ports) : g_strdup("none");
        row->have = has_ports ? tell_bridges(subject->host->facts.bridges) : g_strdup("any");
    }
    if (!has_ports) {
        return PLACEMENT_PASS;
    }
    if (subject->host->facts.bridges == NULL) {
        return PLACEMENT_UNKNOWN;
    }
    return check_unless_forced(
        check_answer(!lacks_one(subject), "make the bridge there, as on the other hosts", row),
        subject);
}
