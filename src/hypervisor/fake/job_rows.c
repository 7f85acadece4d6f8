/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/fake/job_rows.h"

void
fake_job_clear(FakeJob *job)
{
    g_free(job->source);
    g_free(job->dest);
    g_free(job->source_pool);
    g_free(job->dest_pool);
    g_free(job->guest);
}

#define JOB_COLUMNS                                                                                \
    "uuid, source, dest, source_pool, dest_pool, phase, started_us, disk_bytes, memory_bytes,"     \
    " bytes_s, dirty_bytes_s, downtime_us, iteration, pass_us, pass_bytes, moved_bytes, due_us,"   \
    " paused_us, switched_us, was_paused, lost_us, lost_phase, left_us, post_copy, auto_converge," \
    " guest"

static bool
read_job(WorldRows *rows, FakeJob *ret_job)
{
    *ret_job = (FakeJob){0};
    if (!world_next(rows)) {
        return false;
    }
    g_strlcpy(ret_job->uuid, world_text(rows, 0), sizeof ret_job->uuid);
    ret_job->source = g_strdup(world_text(rows, 1));
    ret_job->dest = g_strdup(world_text(rows, 2));
    ret_job->source_pool = g_strdup(world_text(rows, 3));
    ret_job->dest_pool = g_strdup(world_text(rows, 4));
    ret_job->phase = (FakeJobPhase)world_int(rows, 5);
    ret_job->started_us = world_int(rows, 6);
    ret_job->disk_bytes = world_int(rows, 7);
    ret_job->memory_bytes = world_int(rows, 8);
    ret_job->bytes_s = world_int(rows, 9);
    ret_job->dirty_bytes_s = world_int(rows, 10);
    ret_job->downtime_us = world_int(rows, 11);
    ret_job->iteration = world_int(rows, 12);
    ret_job->pass_us = world_int(rows, 13);
    ret_job->pass_bytes = world_int(rows, 14);
    ret_job->moved_bytes = world_int(rows, 15);
    ret_job->due_us = world_int(rows, 16);
    ret_job->paused_us = world_int(rows, 17);
    ret_job->switched_us = world_int(rows, 18);
    ret_job->was_paused = world_int(rows, 19) != 0;
    ret_job->lost_us = world_int(rows, 20);
    ret_job->lost_phase = (FakeJobPhase)world_int(rows, 21);
    ret_job->left_us = world_int(rows, 22);
    ret_job->post_copy = world_int(rows, 23) != 0;
    ret_job->auto_converge = world_int(rows, 24) != 0;
    ret_job->guest = g_strdup(world_text(rows, 25));
    return true;
}

bool
job_rows_find(FakeFleet *fleet, const char *uuid, FakeJob *ret_job)
{
    g_autoptr(WorldRows) rows =
        world_select(fleet->world, "select " JOB_COLUMNS " from jobs where uuid = ?1", TEXT(uuid));
    return read_job(rows, ret_job);
}

bool
job_rows_find_due(FakeFleet *fleet, int64_t due_us, FakeJob *ret_job)
{
    g_autoptr(WorldRows) rows = world_select(fleet->world,
        "select " JOB_COLUMNS
        " from jobs where due_us <= ?1 order by due_us, started_us, uuid limit 1",
        INT(due_us));
    return read_job(rows, ret_job);
}

GPtrArray *
job_rows_list(FakeFleet *fleet, const char *host)
{
    GPtrArray *uuids = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(WorldRows) rows = world_select(fleet->world,
        "select uuid from jobs where source = ?1 or dest = ?1 order by started_us, uuid",
        TEXT(host));
    while (world_next(rows)) {
        g_ptr_array_add(uuids, g_strdup(world_text(rows, 0)));
    }
    return uuids;
}

void
job_rows_insert(FakeFleet *fleet, const FakeJob *job)
{
    world_run(fleet->world,
        "insert into jobs (" JOB_COLUMNS ") values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
        " ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26)",
        TEXT(job->uuid), TEXT(job->source), TEXT(job->dest), TEXT(job->source_pool),
        TEXT(job->dest_pool), INT(job->phase), INT(job->started_us), INT(job->disk_bytes),
        INT(job->memory_bytes), INT(job->bytes_s), INT(job->dirty_bytes_s), INT(job->downtime_us),
        INT(job->iteration), INT(job->pass_us), INT(job->pass_bytes), INT(job->moved_bytes),
        INT(job->due_us), INT(job->paused_us), INT(job->switched_us), INT(job->was_paused),
        INT(job->lost_us), INT(job->lost_phase), INT(job->left_us), INT(job->post_copy),
        INT(job->auto_converge), TEXT(job->guest));
}

void
job_rows_update(FakeFleet *fleet, const FakeJob *job)
{
    world_run(fleet->world,
        "update jobs set phase = ?2, iteration = ?3, pass_us = ?4, pass_bytes = ?5,"
        " moved_bytes = ?6, due_us = ?7, paused_us = ?8, switched_us = ?9, lost_us = ?10,"
        " lost_phase = ?11, left_us = ?12, dirty_bytes_s = ?13 where uuid = ?1",
        TEXT(job->uuid), INT(job->phase), INT(job->iteration), INT(job->pass_us),
        INT(job->pass_bytes), INT(job->moved_bytes), INT(job->due_us), INT(job->paused_us),
        INT(job->switched_us), INT(job->lost_us), INT(job->lost_phase), INT(job->left_us),
        INT(job->dirty_bytes_s));
}

void
job_rows_delete(FakeFleet *fleet, const char *uuid)
{
    world_run(fleet->world, "delete from jobs where uuid = ?1", TEXT(uuid));
}
