/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "lifecycle/guest_spec.h"

#include <glib/gstdio.h>

#include "image/config_drive.h"
#include "image/library.h"

static void
base_free(void *data)
{
    BaseImage *base = data;

    g_free((char *)base->path);
    g_free((char *)base->sha256);
    g_free((char *)base->format);
    g_free(base);
}

/* What the disk inside the root image holds; -1 when the image's row is gone. */
static int64_t
root_virtual_size(Store *store, const Instance *instance)
{
    if (instance->image.image_id == NULL) {
        return -1;
    }
    g_autoptr(Image) image = store_get_image(store, instance->image.image_id, NULL);
    if (image == NULL) {
        return -1;
    }
    return image->virtual_size_bytes > 0 ? image->virtual_size_bytes : image->size_bytes;
}

static void
add_base(GPtrArray *bases, const char *directory, const char *hash, const char *format,
    int64_t virtual_size_bytes)
{
    if (hash == NULL) {
        return;
    }
    BaseImage *base = g_new0(BaseImage, 1);
    g_autofree char *path = library_path(directory, hash);
    GStatBuf status;
    bool exists = g_stat(path, &status) == 0;
    base->path = exists ? g_steal_pointer(&path) : NULL;
    base->sha256 = g_strdup(hash);
    base->format = g_strdup(format);
    base->size_bytes = exists ? status.st_size : -1;
    base->virtual_size_bytes = virtual_size_bytes > 0 ? virtual_size_bytes : base->size_bytes;
    g_ptr_array_add(bases, base);
}

GPtrArray *
guest_list_bases(Store *store, const Instance *instance, const char *image_directory)
{
    GPtrArray *bases = g_ptr_array_new_with_free_func(base_free);
    const ImageRefs *refs = &instance->image;
    add_base(bases, image_directory, refs->root_hash, refs->root_format,
        root_virtual_size(store, instance));
    add_base(bases, image_directory, refs->kernel_hash, "kernel", -1);
    add_base(bases, image_directory, refs->initrd_hash, "initrd", -1);
    add_base(bases, image_directory, refs->cdrom_hash, "iso", -1);
    return bases;
}

static bool
add_nics(GuestPlan *plan, Store *store, const Instance *instance, GError **error)
{
    plan->nics = g_new0(GuestNic, instance->ports->len);
    for (unsigned i = 0; i < instance->ports->len; i++) {
        const Port *port = instance->ports->pdata[i];
        g_autoptr(Network) network = store_get_network(store, port->network_id, error);
        if (network == NULL) {
            return false;
        }
        plan->nics[i] = (GuestNic){.mac = port->mac, .bridge = port->bridge, .mtu = network->mtu};
    }
    return true;
}

GuestDisk
guest_disk_of(const Volume *volume, const char *name)
{
    return (GuestDisk){
        .target = attachment_target(volume->attachment),
        .serial = volume->id,
        .format = volume->format,
        .pool = volume->pool,
        .name = volume->pool != NULL ? name : NULL,
        .uri = volume->uri,
    };
}

/* The one it boots from is vda, so it is the first. */
static bool
add_disks(GuestPlan *plan, Store *store, const Instance *instance, GError **error)
{
    plan->volumes = store_list_volumes(store, &(VolumeFilter){.instance_id = instance->id}, error);
    if (plan->volumes == NULL) {
        return false;
    }
    unsigned n_volumes = plan->volumes->len;
    plan->names = g_ptr_array_new_with_free_func(g_free);
    plan->disks = g_new0(GuestDisk, n_volumes + 1);
    for (unsigned i = 0; i < n_volumes; i++) {
        const Volume *volume = plan->volumes->pdata[i];
        g_ptr_array_add(plan->names, volume_file_name(volume));
        plan->disks[i] = guest_disk_of(volume, plan->names->pdata[i]);
    }
    plan->n_disks = (int)n_volumes;
    if (instance->image.cdrom_hash != NULL) {
        plan->disks[plan->n_disks++] =
            (GuestDisk){.target = "hda", .format = "iso", .base_hash = instance->image.cdrom_hash};
    }
    return true;
}

GuestPlan *
guest_plan_new(Store *store, const Instance *instance, int64_t operation, GError **error)
{
    g_autoptr(GuestPlan) plan = g_new0(GuestPlan, 1);
    if (!add_nics(plan, store, instance, error) || !add_disks(plan, store, instance, error) ||
        !store_find_topology(store, instance->id, operation, &plan->topology, error) ||
        !store_find_devices(store, instance->id, operation, &plan->devices, error)) {
        return NULL;
    }
    plan->domain_name = instance_domain_name(instance);
    int64_t virtual_size = root_virtual_size(store, instance);
    int64_t disk_size = (int64_t)instance->flavor.disk_gib << 30;
    const ImageRefs *refs = &instance->image;
    plan->spec = (GuestSpec){
        .uuid = instance->id,
        .domain_name = plan->domain_name,
        .display_name = instance->name,
        .project_id = instance->project_id,
        .flavor_name = instance->flavor.name,
        .generation = instance->generation,
        .operation = operation,
        .vcpus = instance->flavor.vcpus,
        .memory_mib = instance->flavor.ram_mib,
        .root_size_bytes = disk_size > 0 ? disk_size : virtual_size,
        .root_hash = refs->root_hash,
        .root_format = refs->root_format,
        .root_virtual_size_bytes = virtual_size > 0 ? virtual_size : disk_size,
        .kernel_hash = refs->kernel_hash,
        .initrd_hash = refs->initrd_hash,
        .command_line = refs->command_line,
        .firmware = instance->hardware.firmware,
        .tpm_version = instance->hardware.tpm_version,
        .tpm_model = instance->hardware.tpm_model,
        .topology = plan->topology,
        .devices = plan->devices,
        .nics = plan->nics,
        .n_nics = (int)instance->ports->len,
        .config_drive_is_read_only = instance_has_read_only_config_drive(instance),
        .disks = plan->disks,
        .n_disks = plan->n_disks,
    };
    return g_steal_pointer(&plan);
}

bool
guest_plan_carry_out(
    GuestPlan *take_plan, const Instance *instance, HypervisorHost *host, GError **error)
{
    g_autoptr(GuestPlan) plan = take_plan;

    plan->config_drive = config_drive_new(instance, plan->admin_pass, error);
    if (plan->config_drive == NULL) {
        return false;
    }
    plan->spec.config_drive = g_bytes_get_data(plan->config_drive, &plan->spec.config_drive_size);
    return hypervisor_create_guest(host, &plan->spec, error);
}

void
guest_plan_free(GuestPlan *plan)
{
    if (plan == NULL) {
        return;
    }
    g_clear_pointer(&plan->config_drive, g_bytes_unref);
    g_clear_pointer(&plan->volumes, g_ptr_array_unref);
    g_clear_pointer(&plan->names, g_ptr_array_unref);
    g_clear_pointer(&plan->topology, guest_topology_free);
    g_free(plan->devices);
    g_free(plan->disks);
    g_free(plan->admin_pass);
    g_free(plan->nics);
    g_free(plan->domain_name);
    g_free(plan);
}
