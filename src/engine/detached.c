/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Disks that were detached on the record alone, while their host was dead: the definition there
 * still has them. They go when the host is back, before anything is started from it: whoever wants
 * to asks detached_is_there (through is_clearing). */
#include "base/log.h"
#include "engine/internal.h"

typedef struct Detach {
    Engine *engine;
    char *key; /* in engine->clearing */
    int64_t leftover_id;
    char *instance_id;
    char *host;
    char *target;
    HypervisorHost *session;
    GError *error;
} Detach;

static void
detach_free(void *data)
{
    Detach *detach = data;

    g_clear_pointer(&detach->session, hypervisor_host_unref);
    g_clear_error(&detach->error);
    g_free(detach->key);
    g_free(detach->instance_id);
    g_free(detach->host);
    g_free(detach->target);
    g_free(detach);
}

static void
run_detach(void *data)
{
    Detach *detach = data;

    hypervisor_detach_disk(
        detach->session, detach->instance_id, detach->target, &detach->error);
    g_clear_pointer(&detach->session, hypervisor_host_unref);
}

/* What has failed stays on record, with the reason, and is tried again when the host connects or
 * an operation of the instance has ended. */
static void
on_detached(void *data, bool cancelled)
{
    const Detach *detach = data;
    Store *store = detach->engine->context.store;
    g_autoptr(GError) error = NULL;
    LogField fields[] = {
        {"instance_id", detach->instance_id}, {"host", detach->host}, {NULL, NULL}};

    if (cancelled) {
        return;
    }
    g_hash_table_remove(detach->engine->clearing, detach->key);
    if (detach->error != NULL) {
        log_record(LOG_LEVEL_WARNING, fields, "a detached disk (%s) was not removed: %s",
            detach->target, detach->error->message);
    } else {
        log_record(LOG_LEVEL_INFO, fields, "a detached disk (%s) was removed", detach->target);
    }
    bool is_written = detach->error == NULL
        ? store_delete_leftover(store, detach->leftover_id, &error)
        : store_set_leftover_error(store, detach->leftover_id, detach->error->message, &error);
    if (!is_written) {
        log_error("cannot write what became of a detached disk: %s", error->message);
    }
}

void
detached_remove(Engine *engine, const Leftover *row)
{
    HypervisorHost *session = hosts_find_session(engine, row->host);
    g_autofree char *key = g_strdup_printf("%s %s", row->host, row->name);

    if (session == NULL || !g_hash_table_add(engine->clearing, g_strdup(key))) {
        return;
    }
    Detach *detach = g_new0(Detach, 1);
    detach->engine = engine;
    detach->key = g_steal_pointer(&key);
    detach->leftover_id = row->id;
    detach->instance_id = g_strdup(row->instance_id);
    detach->host = g_strdup(row->host);
    detach->target = g_strdup(leftover_target(row));
    detach->session = hypervisor_host_ref(session);
    calls_submit(engine->context.calls, LANE_SHORT, row->host, run_detach, on_detached, detach,
        detach_free);
}

bool
detached_is_there(Engine *engine, const char *host, const char *instance_id)
{
    LeftoverFilter filter = {.host = host, .instance_id = instance_id};
    g_autoptr(GPtrArray) rows = store_list_leftovers(engine->context.store, &filter, NULL);

    /* A database that does not answer does not say no. */
    if (rows == NULL) {
        return true;
    }
    for (unsigned i = 0; i < rows->len; i++) {
        if (((Leftover *)rows->pdata[i])->kind == LEFTOVER_DISK) {
            return true;
        }
    }
    return false;
}
