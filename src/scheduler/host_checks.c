/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The checks of the host itself: where it counts, whether it lives and may be used. */
#include "scheduler/internal.h"

PlacementResult
check_zone(const Subject *subject, PlacementRow *row)
{
    const char *zone = subject->request->zone;
    if (row != NULL) {
        row->needed = zone == NULL ? g_strdup("any zone") : g_strdup_printf("zone '%s'", zone);
        row->have = g_strdup_printf("zone '%s'", subject->host->zone);
    }
    bool passed = zone == NULL || g_strcmp0(zone, subject->host->zone) == 0;
    return check_unless_forced(
        check_answer(passed, "name a host of its zone", row), subject);
}

PlacementResult
check_alive(const Subject *subject, PlacementRow *row)
{
    const Host *host = subject->host;
    bool passed = !host_is_fenced(host);
    if (row != NULL) {
        bool has_no_power = !passed && !host->forced_down;
        row->needed = g_strdup(has_no_power ? "its power on" : "not 'forced down'");
        row->have = g_strdup(passed ? "not 'forced down'"
                : has_no_power      ? "its power off"
                                    : "'forced down'");
    }
    return check_answer(passed, "once it runs again, unset its forced-down state", row);
}

PlacementResult
check_up(const Subject *subject, PlacementRow *row)
{
    const PlacementRequest *request = subject->request;
    int64_t last_seen_us = subject->entry->last_seen_us;
    bool is_seen = last_seen_us != 0;
    int64_t silent_us = request->now_us - last_seen_us;
    /* Death is the check before this one. */
    bool passed = is_seen && silent_us <= request->service_down_time_us;
    if (row != NULL) {
        row->needed = g_strdup("'up'");
        row->have = passed ? g_strdup("'up'")
            : is_seen
            ? g_strdup_printf("'down', last seen %" G_GINT64_FORMAT " s ago",
                  silent_us / G_USEC_PER_SEC)
            : g_strdup("'down', never seen");
    }
    return check_answer(passed, "see why the host does not answer", row);
}

PlacementResult
check_enabled(const Subject *subject, PlacementRow *row)
{
    const Host *host = subject->host;
    if (row != NULL) {
        row->needed = g_strdup("'enabled'");
        row->have = host->enabled ? g_strdup("'enabled'")
            : host->disabled_reason == NULL
            ? g_strdup("'disabled'")
            : g_strdup_printf("'disabled' (%s)", host->disabled_reason);
    }
    return check_unless_forced(
        check_answer(host->enabled, "enable its compute service", row), subject);
}

PlacementResult
check_connected(const Subject *subject, PlacementRow *row)
{
    const Host *host = subject->host;
    if (row != NULL) {
        row->needed = g_strdup("a connection");
        row->have = g_strdup(host->connected ? "a connection"
                : host->connect_error == NULL ? "none yet"
                                              : host->connect_error);
    }
    return check_answer(host->connected, "see why the host does not answer", row);
}

PlacementResult
check_facts(const Subject *subject, PlacementRow *row)
{
    bool passed = subject->host->has_facts;
    if (row != NULL) {
        row->needed = g_strdup("known capacity");
        row->have = g_strdup(passed ? "known capacity" : "none yet");
    }
    return check_answer(passed, "wait until the host has been probed", row);
}
