/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What a host must be told to make the guest of an instance: one function of the instance, so that
 * the same instance gives the same guest everywhere. */
#include "hypervisor/driver.h"
#include "model/instance.h"
#include "store/store.h"

typedef struct GuestPlan {
    GuestSpec spec; /* points into the members below and into the instance that it was made from */
    char *domain_name;
    GuestNic *nics;
    GuestTopology *topology; /* as its claim says; NULL = nothing */
    char *devices;           /* the same of PCI devices */
    GPtrArray *volumes; /* Volume *, those that it has */
    GPtrArray *names;   /* of their files, char * */
    GuestDisk *disks;
    int n_disks;
    GBytes *config_drive; /* NULL until it is carried out */
    char *admin_pass;     /* for the config drive; NULL = none */
} GuestPlan;

/* The instance must outlive the plan. operation goes into the domain's metadata. */
GuestPlan *guest_plan_new(
    Store *store, const Instance *instance, int64_t operation, GError **error);
/* Makes the guest there. On a worker: the plan's last part, its config drive, is a MiB that is made
 * now, so that a thousand plans that wait for their hosts are small. */
bool guest_plan_carry_out(
    GuestPlan *take_plan, const Instance *instance, HypervisorHost *host, GError **error);
void guest_plan_free(GuestPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GuestPlan, guest_plan_free)

/* How a host is told of a volume with an attachment; borrows from it and from the name of its file
 * (volume_file_name). */
GuestDisk guest_disk_of(const Volume *volume, const char *name);

/* The files that the guest's host must have first: root, kernel, initrd, CD-ROM, those it has.
 * BaseImage with strings of its own; path is NULL when the file is gone from the directory. */
GPtrArray *guest_list_bases(Store *store, const Instance *instance, const char *image_directory);
