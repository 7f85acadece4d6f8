/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The check of volumes: whether a host has the storage pools that they lie in. Whether it shares
 * them with the source is told in storage_checks.c. */
#include "model/volume.h"
#include "scheduler/internal.h"

bool
request_has_pool_volume(const PlacementRequest *request)
{
    for (unsigned i = 0; request->volumes != NULL && i < request->volumes->len; i++) {
        const Volume *volume = request->volumes->pdata[i];
        if (volume->pool != NULL) {
            return true;
        }
    }
    return false;
}

/* The first pool of its volumes of which the host has told the worst. NULL: they have none. */
static const char *
find_worst_pool(const Subject *subject, HostPool *ret_found)
{
    const GPtrArray *volumes = subject->request->volumes;
    const char *worst = NULL;
    *ret_found = HOST_POOL_ACTIVE;
    for (unsigned i = 0; volumes != NULL && i < volumes->len; i++) {
        const Volume *volume = volumes->pdata[i];
        if (volume->pool == NULL) {
            continue;
        }
        HostPool found = host_find_pool(&subject->host->facts, volume->pool);
        if (worst == NULL || found < *ret_found) {
            worst = volume->pool;
            *ret_found = found;
        }
    }
    return worst;
}

/* "'fast', 'slow'": several volumes of one pool are one. */
static char *
tell_needed(const GPtrArray *volumes)
{
    g_autoptr(GHashTable) told = g_hash_table_new(g_str_hash, g_str_equal);
    GString *text = g_string_new("storage pool ");
    for (unsigned i = 0; i < volumes->len; i++) {
        const Volume *volume = volumes->pdata[i];
        if (volume->pool != NULL && g_hash_table_add(told, volume->pool)) {
            g_string_append_printf(
                text, "%s'%s'", g_hash_table_size(told) > 1 ? ", " : "", volume->pool);
        }
    }
    g_string_append(text, " of its volumes");
    return g_string_free(text, FALSE);
}

static char *
tell_active(const HostFacts *facts)
{
    static const char mark[] = "pool=";
    g_auto(GStrv) words = g_strsplit(facts->offers, ",", -1);
    GString *text = g_string_new(NULL);
    for (size_t i = 0; words[i] != NULL; i++) {
        const char *name = words[i] + sizeof mark - 1;
        if (g_str_has_prefix(words[i], mark) && name[0] != '\0') {
            g_string_append_printf(text, "%s'%s'", text->len > 0 ? ", " : "", name);
        }
    }
    if (text->len == 0) {
        g_string_append(text, "none");
    }
    return g_string_free(text, FALSE);
}

static char *
tell_have(const Subject *subject, const char *pool, HostPool found)
{
    switch (found) {
    case HOST_POOL_UNKNOWN: return g_strdup("not told: its libvirt does not list storage pools");
    case HOST_POOL_STOPPED:
        return g_strdup_printf("'%s' stopped: it is started when the server needs it", pool);
    case HOST_POOL_MISSING:
    case HOST_POOL_ACTIVE: return tell_active(&subject->host->facts);
    }
    g_assert_not_reached();
}

static PlacementResult
answer_missing(const Subject *subject, const char *pool, PlacementRow *row)
{
    g_autofree char *fix = row != NULL ? host_pool_fix(pool) : NULL;
    return check_unless_forced(check_answer(false, fix, row), subject);
}

static PlacementResult
answer_stopped(const char *pool, PlacementRow *row)
{
    if (row != NULL) {
        row->fix = g_strdup_printf("start it there with the host: 'virsh pool-autostart %s'", pool);
    }
    return PLACEMENT_WARN;
}

/* libvirt says the same when the guest is defined there, and not before. Whoever forces a move may
 * know of a pool that was made just now. */
PlacementResult
check_volumes(const Subject *subject, PlacementRow *row)
{
    HostPool found = HOST_POOL_ACTIVE;
    const char *pool = find_worst_pool(subject, &found);
    if (row != NULL) {
        row->needed = pool != NULL ? tell_needed(subject->request->volumes) : g_strdup("none");
        row->have = pool != NULL ? tell_have(subject, pool, found) : g_strdup("any");
    }
    switch (found) {
    case HOST_POOL_UNKNOWN: return PLACEMENT_UNKNOWN;
    case HOST_POOL_MISSING: return answer_missing(subject, pool, row);
    case HOST_POOL_STOPPED: return answer_stopped(pool, row);
    case HOST_POOL_ACTIVE: return PLACEMENT_PASS;
    }
    g_assert_not_reached();
}
