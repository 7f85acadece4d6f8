/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/instance.h"
#include "model/operation.h"

static const char *const vm_state_names[] = {
    [VM_STATE_BUILDING] = "building",
    [VM_STATE_ACTIVE] = "active",
    [VM_STATE_STOPPED] = "stopped",
    [VM_STATE_PAUSED] = "paused",
    [VM_STATE_RESIZED] = "resized",
    [VM_STATE_ERROR] = "error",
    [VM_STATE_DELETED] = "deleted",
};

const char *
vm_state_name(VmState state)
{
    g_assert((unsigned)state < G_N_ELEMENTS(vm_state_names));
    return vm_state_names[state];
}

bool
vm_state_parse(const char *text, VmState *ret_state)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(vm_state_names); i++) {
        if (g_strcmp0(text, vm_state_names[i]) == 0) {
            *ret_state = (VmState)i;
            return true;
        }
    }
    return false;
}

char *
instance_domain_name(const Instance *instance)
{
    return g_strdup_printf("instance-%08" G_GINT64_MODIFIER "x", instance->number);
}

const char *
instance_task_state(const Instance *instance)
{
    if (instance->vm_state == VM_STATE_DELETED) {
        return NULL;
    }
    /* An accepted DELETE is what its owner waits for, whatever has to end before it. */
    if (instance->delete_wanted) {
        return operation_kind_task_state(OPERATION_DELETE);
    }
    OperationKind kind;
    if (instance->open_kind == NULL || !operation_kind_parse(instance->open_kind, &kind)) {
        return NULL;
    }
    if (kind == OPERATION_CREATE && instance->host == NULL) {
        return "scheduling";
    }
    return operation_task_state(kind, instance->open_state);
}

static bool
is_resizing(const char *task_state)
{
    return task_state != NULL && g_str_has_prefix(task_state, "resize_");
}

bool
instance_has_read_only_config_drive(const Instance *instance)
{
    return g_strcmp0(instance->config_drive_format, "iso9660") == 0;
}

bool
instance_is_volume_backed(const Instance *instance)
{
    return instance->image.root_hash == NULL;
}

int
instance_disk_gib(const Instance *instance)
{
    return instance_is_volume_backed(instance) ? 0 : instance->flavor.disk_gib;
}

static const char *
status_while_active(const char *task_state)
{
    if (is_resizing(task_state)) {
        return "RESIZE";
    }
    if (g_strcmp0(task_state, "migrating") == 0) {
        return "MIGRATING";
    }
    if (g_strcmp0(task_state, "rebooting") == 0) {
        return "REBOOT";
    }
    if (g_strcmp0(task_state, "rebooting_hard") == 0) {
        return "HARD_REBOOT";
    }
    return "ACTIVE";
}

/* Nova: api/openstack/common.py, _STATE_MAP. */
const char *
instance_status(const Instance *instance)
{
    const char *task_state = instance_task_state(instance);

    if (g_strcmp0(task_state, "rebuilding") == 0) {
        return "REBUILD";
    }
    switch (instance->vm_state) {
    case VM_STATE_BUILDING: return "BUILD";
    case VM_STATE_ACTIVE: return status_while_active(task_state);
    case VM_STATE_STOPPED: return is_resizing(task_state) ? "RESIZE" : "SHUTOFF";
    case VM_STATE_PAUSED: return g_strcmp0(task_state, "migrating") == 0 ? "MIGRATING" : "PAUSED";
    case VM_STATE_RESIZED: return is_resizing(task_state) ? "REVERT_RESIZE" : "VERIFY_RESIZE";
    case VM_STATE_ERROR: return "ERROR";
    case VM_STATE_DELETED: return "DELETED";
    }
    g_assert_not_reached();
}

Instance *
instance_new(void)
{
    Instance *instance = g_new0(Instance, 1);

    instance->ports = g_ptr_array_new_with_free_func((GDestroyNotify)port_free);
    return instance;
}

void
fault_clear(Fault *fault)
{
    g_free(fault->message);
    g_free(fault->details);
    *fault = (Fault){0};
}

void
guest_hardware_clear(GuestHardware *hardware)
{
    g_free(hardware->firmware);
    g_free(hardware->tpm_version);
    g_free(hardware->tpm_model);
    *hardware = (GuestHardware){0};
}

void
image_refs_clear(ImageRefs *refs)
{
    g_free(refs->image_id);
    g_free(refs->root_hash);
    g_free(refs->root_format);
    g_free(refs->kernel_hash);
    g_free(refs->initrd_hash);
    g_free(refs->kernel_id);
    g_free(refs->initrd_id);
    g_free(refs->command_line);
    g_free(refs->cdrom_hash);
    *refs = (ImageRefs){0};
}

void
image_refs_copy(const ImageRefs *from, ImageRefs *ret_to)
{
    ImageRefs copy = {
        .image_id = g_strdup(from->image_id),
        .root_hash = g_strdup(from->root_hash),
        .root_format = g_strdup(from->root_format),
        .kernel_hash = g_strdup(from->kernel_hash),
        .initrd_hash = g_strdup(from->initrd_hash),
        .kernel_id = g_strdup(from->kernel_id),
        .initrd_id = g_strdup(from->initrd_id),
        .command_line = g_strdup(from->command_line),
        .cdrom_hash = g_strdup(from->cdrom_hash),
    };

    image_refs_clear(ret_to);
    *ret_to = copy;
}

void
instance_free(Instance *instance)
{
    if (instance == NULL) {
        return;
    }
    g_free(instance->id);
    g_free(instance->name);
    g_free(instance->hostname);
    g_free(instance->description);
    g_free(instance->project_id);
    g_free(instance->user_id);
    g_free(instance->host);
    flavor_clear(&instance->flavor);
    image_refs_clear(&instance->image);
    g_free(instance->config_drive_format);
    g_free(instance->config_drive_label);
    guest_hardware_clear(&instance->hardware);
    g_free(instance->metadata_json);
    g_free(instance->tags_json);
    g_free(instance->user_data);
    g_free(instance->key_name);
    g_free(instance->availability_zone);
    g_free(instance->group_id);
    g_free(instance->same_host);
    g_free(instance->different_host);
    g_free(instance->image_properties_json);
    g_free(instance->reservation_id);
    g_free(instance->locked_by);
    g_free(instance->locked_reason);
    fault_clear(&instance->fault);
    g_clear_pointer(&instance->ports, g_ptr_array_unref);
    g_free(instance->open_kind);
    g_free(instance->open_state);
    g_free(instance);
}

Port *
port_new(void)
{
    return g_new0(Port, 1);
}

void
port_free(Port *port)
{
    if (port == NULL) {
        return;
    }
    g_free(port->id);
    g_free(port->network_id);
    g_free(port->network_name);
    g_free(port->instance_id);
    g_free(port->mac);
    g_free(port->address);
    g_free(port->bridge);
    g_free(port->gateway);
    g_free(port);
}
