/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Volumes that are to be made or deleted: their rows say so, and both are done again after a crash,
 * because both are idempotent while nobody uses the volume. Any connected host that has the pool
 * will do. */
#include "base/failpoint.h"
#include "engine/internal.h"
#include "image/library.h"

#include <glib/gstdio.h>

/* One host that is asked for one volume. */
typedef struct VolumeTask {
    Engine *engine;
    Volume *volume;
    unsigned next_host; /* of the store's list, the one to ask next */
    HypervisorHost *session;
    char *name;
    char *source_path; /* NULL: it begins empty */
    int64_t source_size_bytes;
    GError *error; /* of the last host */
} VolumeTask;

static void
task_free(void *data)
{
    VolumeTask *task = data;

    g_clear_pointer(&task->session, hypervisor_host_unref);
    g_clear_error(&task->error);
    volume_free(task->volume);
    g_free(task->name);
    g_free(task->source_path);
    g_free(task);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VolumeTask, task_free)

static void
create(VolumeTask *task)
{
    const Volume *volume = task->volume;
    PoolVolume spec = {
        .pool = volume->pool,
        .name = task->name,
        .format = volume->format,
        .size_bytes = volume->size_gib << 30,
        .source_path = task->source_path,
        .source_size_bytes = task->source_size_bytes,
    };

    failpoint("engine.volume.create.before");
    hypervisor_create_volume(task->session, &spec, &task->error);
    failpoint("engine.volume.create.after");
}

static void delete (VolumeTask *task)
{
    failpoint("engine.volume.delete.before");
    hypervisor_delete_volume(task->session, task->volume->pool, task->name, &task->error);
    failpoint("engine.volume.delete.after");
}

/* On a worker. */
static void
run(void *data)
{
    VolumeTask *task = data;

    if (task->volume->status == VOLUME_CREATING) {
        create(task);
    } else {
        delete (task);
    }
    g_clear_pointer(&task->session, hypervisor_host_unref);
}

static void
end(const VolumeTask *task)
{
    g_hash_table_remove(task->engine->volumes, task->volume->id);
}

static void
settle(VolumeTask *task, const char *message)
{
    g_autoptr(GError) error = NULL;
    Store *store = task->engine->context.store;
    const Volume *volume = task->volume;

    if (!store_settle_volume(store, volume->id, volume->status, message, &error)) {
        log_warning("cannot write volume %s: %s", volume->id, error->message);
    } else if (message != NULL) {
        log_warning("volume %s is in error: %s", volume->id, message);
    } else {
        log_info("volume %s is %s", volume->id,
            volume->status == VOLUME_CREATING ? "available" : "deleted");
    }
    end(task);
}

static void on_done(void *data, bool cancelled);

static HypervisorHost *
find_next_host(VolumeTask *task)
{
    Engine *engine = task->engine;
    g_autoptr(GPtrArray) hosts = store_list_hosts(engine->context.store, NULL);

    while (hosts != NULL && task->next_host < hosts->len) {
        const Host *host = hosts->pdata[task->next_host++];
        HypervisorHost *session = hosts_find_session(engine, host->name);
        if (session != NULL) {
            return session;
        }
    }
    return NULL;
}

/* When all connected hosts have been asked and none has the pool, that is the answer; without any
 * the next pass begins anew. */
static void
ask_next(VolumeTask *take_task)
{
    g_autoptr(VolumeTask) task = take_task;
    Engine *engine = task->engine;
    HypervisorHost *session = find_next_host(task);

    if (session == NULL) {
        bool is_answer = task->error != NULL && !hosts_is_gathering(engine);
        if (is_answer) {
            settle(task, task->error->message);
        } else {
            end(task);
        }
        return;
    }
    g_clear_error(&task->error);
    task->session = hypervisor_host_ref(session);
    CallLane lane = task->source_path != NULL ? LANE_LONG : LANE_SHORT;
    const char *host = hypervisor_host_name(session);
    calls_submit(
        engine->context.calls, lane, host, run, on_done, g_steal_pointer(&task), task_free);
}

/* The host could not be asked, or its answer was lost: the next pass asks again. */
static bool
is_silence(const GError *error)
{
    return error_is(error, ERROR_HYPERVISOR_DOWN) || error_is(error, ERROR_OUTCOME_UNKNOWN) ||
        error_is(error, ERROR_TIMEOUT);
}

static void
on_done(void *data, bool cancelled)
{
    VolumeTask *task = data;

    if (cancelled) {
        return;
    }
    if (task->error == NULL) {
        settle(task, NULL);
    } else if (error_is(task->error, ERROR_NOT_FOUND)) {
        VolumeTask *again = g_memdup2(task, sizeof *task);
        *task = (VolumeTask){0};
        ask_next(again);
    } else if (is_silence(task->error)) {
        end(task);
    } else {
        settle(task, task->error->message);
    }
}

/* What it is filled with lies in the image directory. */
static void
find_source(VolumeTask *task)
{
    const char *directory = task->engine->context.settings.image_directory;
    const ImageRefs *image = &task->volume->image;
    GStatBuf status;

    if (image->root_hash == NULL || directory == NULL) {
        return;
    }
    task->source_path = library_path(directory, image->root_hash);
    if (g_stat(task->source_path, &status) == 0) {
        task->source_size_bytes = status.st_size;
    }
}

static void
begin(Engine *engine, Volume *take_volume)
{
    VolumeTask *task = g_new0(VolumeTask, 1);

    task->engine = engine;
    task->volume = take_volume;
    task->name = volume_file_name(take_volume);
    g_hash_table_add(engine->volumes, g_strdup(take_volume->id));
    /* What is on the network is not ours to delete: only its row goes. */
    if (take_volume->pool == NULL) {
        settle(task, NULL);
        task_free(task);
        return;
    }
    if (take_volume->status == VOLUME_CREATING) {
        find_source(task);
    }
    ask_next(task);
}

void
volumes_pass(Engine *engine)
{
    engine_assert_thread(engine);
    g_autoptr(GPtrArray) volumes = store_list_unsettled_volumes(engine->context.store, NULL);
    while (volumes != NULL && volumes->len > 0) {
        Volume *volume = g_ptr_array_steal_index(volumes, 0);
        if (g_hash_table_contains(engine->volumes, volume->id)) {
            volume_free(volume);
        } else {
            begin(engine, volume);
        }
    }
}

void
volumes_init(Engine *engine)
{
    engine->volumes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

void
volumes_clear(Engine *engine)
{
    g_hash_table_unref(engine->volumes);
}
