/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/instance_rows.h"

#define SQL_GET INSTANCE_SELECT " WHERE i.id = $1"
#define SQL_INSERT                                                                                 \
    "INSERT INTO instances (id, name, hostname, description, project_id, user_id, host,"           \
    " vm_state, power_state, should_run, generation, flavor_id, flavor_name,"                      \
    " flavor_description, flavor_vcpus, flavor_ram_mib, flavor_disk_gib,"                          \
    " flavor_ephemeral_gib, flavor_swap_mib, flavor_rxtx_factor, flavor_is_public,"                \
    " flavor_extra_specs_json, image_id, image_root_hash, image_root_format,"                      \
    " image_kernel_hash, image_initrd_hash, image_kernel_id, image_initrd_id,"                     \
    " image_command_line, image_cdrom_hash,"                                                       \
    " config_drive_format, config_drive_label, hw_firmware, hw_tpm_version, hw_tpm_model,"         \
    " metadata_json, tags_json,"                                                                   \
    " key_name, availability_zone, reservation_id, locked, locked_by, locked_reason, created_us,"  \
    " updated_us, user_data, group_id, same_host, different_host, image_properties_json)"          \
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,"    \
    " $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36,"   \
    " $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48,"        \
    " $49, $50, $51) RETURNING number"

#define SQL_TOUCH "UPDATE instances SET updated_us = $2 WHERE id = $1"
#define SQL_SET_FLAVOR                                                                             \
    "UPDATE instances SET flavor_id = $1, flavor_name = $2, flavor_description = $3,"              \
    " flavor_vcpus = $4, flavor_ram_mib = $5, flavor_disk_gib = $6, flavor_ephemeral_gib = $7,"    \
    " flavor_swap_mib = $8, flavor_rxtx_factor = $9, flavor_is_public = $10,"                      \
    " flavor_extra_specs_json = $11 WHERE id = $12"

/* Where instance_peek finds what it needs in INSTANCE_COLUMNS. */
enum {
    COLUMN_ID = 1,
    COLUMN_NAME = 2,
    COLUMN_HOST = 7,
    COLUMN_VM_STATE = 8,
    COLUMN_DELETE_WANTED = 11,
    COLUMN_TAGS = 39,
    COLUMN_OPEN_KIND = 56,
    COLUMN_OPEN_STATE = 57,
};

static VmState
read_vm_state(DbStatement *statement, int column)
{
    VmState state = VM_STATE_ERROR;
    bool known = vm_state_parse(db_text(statement, column), &state);

    g_assert(known);
    return state;
}

int
flavor_read_columns(DbStatement *statement, int column, Flavor *flavor)
{
    flavor->id = db_dup_text(statement, column++);
    flavor->name = db_dup_text(statement, column++);
    flavor->description = db_dup_text(statement, column++);
    flavor->vcpus = (int)db_int(statement, column++);
    flavor->ram_mib = (int)db_int(statement, column++);
    flavor->disk_gib = (int)db_int(statement, column++);
    flavor->ephemeral_gib = (int)db_int(statement, column++);
    flavor->swap_mib = (int)db_int(statement, column++);
    flavor->rxtx_factor = db_double(statement, column++);
    flavor->is_public = db_int(statement, column++);
    flavor->extra_specs_json = db_dup_text(statement, column++);
    return column;
}

int
image_refs_read_columns(DbStatement *statement, int column, ImageRefs *refs)
{
    refs->image_id = db_dup_text(statement, column++);
    refs->root_hash = db_dup_text(statement, column++);
    refs->root_format = db_dup_text(statement, column++);
    refs->kernel_hash = db_dup_text(statement, column++);
    refs->initrd_hash = db_dup_text(statement, column++);
    refs->kernel_id = db_dup_text(statement, column++);
    refs->initrd_id = db_dup_text(statement, column++);
    refs->command_line = db_dup_text(statement, column++);
    return column;
}

static int
read_hardware(DbStatement *statement, int column, GuestHardware *hardware)
{
    hardware->firmware = db_dup_text(statement, column++);
    hardware->tpm_version = db_dup_text(statement, column++);
    hardware->tpm_model = db_dup_text(statement, column++);
    return column;
}

static int
read_fault(DbStatement *statement, int column, Instance *instance)
{
    instance->has_fault = db_int(statement, column++);
    instance->fault.code = (int)db_int(statement, column++);
    instance->fault.message = db_dup_text(statement, column++);
    instance->fault.details = db_dup_text(statement, column++);
    instance->fault.created_us = db_int(statement, column++);
    return column;
}

void *
instance_read(DbStatement *statement)
{
    Instance *instance = instance_new();
    int column = 0;

    instance->number = db_int(statement, column++);
    instance->id = db_dup_text(statement, column++);
    instance->name = db_dup_text(statement, column++);
    instance->hostname = db_dup_text(statement, column++);
    instance->description = db_dup_text(statement, column++);
    instance->project_id = db_dup_text(statement, column++);
    instance->user_id = db_dup_text(statement, column++);
    instance->host = db_dup_text(statement, column++);
    instance->vm_state = read_vm_state(statement, column++);
    instance->power_state = (PowerState)db_int(statement, column++);
    instance->should_run = db_int(statement, column++);
    instance->delete_wanted = db_int(statement, column++);
    instance->generation = db_int(statement, column++);
    column = flavor_read_columns(statement, column, &instance->flavor);
    column = image_refs_read_columns(statement, column, &instance->image);
    instance->image.cdrom_hash = db_dup_text(statement, column++);
    instance->config_drive_format = db_dup_text(statement, column++);
    instance->config_drive_label = db_dup_text(statement, column++);
    column = read_hardware(statement, column, &instance->hardware);
    instance->metadata_json = db_dup_text(statement, column++);
    g_assert(column == COLUMN_TAGS);
    instance->tags_json = db_dup_text(statement, column++);
    instance->key_name = db_dup_text(statement, column++);
    instance->availability_zone = db_dup_text(statement, column++);
    instance->reservation_id = db_dup_text(statement, column++);
    instance->locked = db_int(statement, column++);
    instance->locked_by = db_dup_text(statement, column++);
    instance->locked_reason = db_dup_text(statement, column++);
    column = read_fault(statement, column, instance);
    instance->created_us = db_int(statement, column++);
    instance->updated_us = db_int(statement, column++);
    instance->launched_us = db_int(statement, column++);
    instance->terminated_us = db_int(statement, column++);
    instance->user_data = db_dup_text(statement, column++);
    g_assert(column == COLUMN_OPEN_KIND);
    instance->open_kind = db_dup_text(statement, column++);
    instance->open_state = db_dup_text(statement, column++);
    instance->open_operation = db_int(statement, column++);
    instance->group_id = db_dup_text(statement, column++);
    bool is_known =
        server_group_policy_parse(db_text(statement, column++), &instance->group_policy);
    g_assert(is_known);
    instance->group_max_per_host = (int)db_int(statement, column++);
    instance->same_host = db_dup_text(statement, column++);
    instance->different_host = db_dup_text(statement, column++);
    instance->image_properties_json = db_dup_text(statement, column++);
    return instance;
}

void
instance_peek(DbStatement *statement, const char **ret_status, const char **ret_task_state)
{
    Instance row = {
        .host = (char *)db_text(statement, COLUMN_HOST),
        .vm_state = read_vm_state(statement, COLUMN_VM_STATE),
        .delete_wanted = db_int(statement, COLUMN_DELETE_WANTED),
        .open_kind = (char *)db_text(statement, COLUMN_OPEN_KIND),
        .open_state = (char *)db_text(statement, COLUMN_OPEN_STATE),
    };

    *ret_status = instance_status(&row);
    *ret_task_state = instance_task_state(&row);
}

const char *
instance_peek_id(DbStatement *statement)
{
    return db_text(statement, COLUMN_ID);
}

const char *
instance_peek_name(DbStatement *statement)
{
    return db_text(statement, COLUMN_NAME);
}

const char *
instance_peek_tags(DbStatement *statement)
{
    return db_text(statement, COLUMN_TAGS);
}

Instance *
instance_get_row(Store *store, const char *id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_GET, error);

    if (statement == NULL) {
        return NULL;
    }
    db_bind_text(statement, 1, id);
    return rows_get(statement, instance_read, "instance", id, error);
}

int
flavor_bind_columns(DbStatement *statement, int index, const Flavor *flavor)
{
    db_bind_text(statement, index++, flavor->id);
    db_bind_text(statement, index++, flavor->name);
    db_bind_text(statement, index++, flavor->description);
    db_bind_int(statement, index++, flavor->vcpus);
    db_bind_int(statement, index++, flavor->ram_mib);
    db_bind_int(statement, index++, flavor->disk_gib);
    db_bind_int(statement, index++, flavor->ephemeral_gib);
    db_bind_int(statement, index++, flavor->swap_mib);
    db_bind_double(statement, index++, flavor->rxtx_factor);
    db_bind_int(statement, index++, flavor->is_public);
    db_bind_text(
        statement, index++, flavor->extra_specs_json != NULL ? flavor->extra_specs_json : "{}");
    return index;
}

int
image_refs_bind_columns(DbStatement *statement, int index, const ImageRefs *refs)
{
    db_bind_text(statement, index++, refs->image_id);
    db_bind_text(statement, index++, refs->root_hash);
    db_bind_text(statement, index++, refs->root_format);
    db_bind_text(statement, index++, refs->kernel_hash);
    db_bind_text(statement, index++, refs->initrd_hash);
    db_bind_text(statement, index++, refs->kernel_id);
    db_bind_text(statement, index++, refs->initrd_id);
    db_bind_text(statement, index++, refs->command_line);
    return index;
}

static void
bind_instance(DbStatement *statement, const Instance *instance)
{
    int index = 1;

    db_bind_text(statement, index++, instance->id);
    db_bind_text(statement, index++, instance->name);
    db_bind_text(
        statement, index++, instance->hostname != NULL ? instance->hostname : instance->name);
    db_bind_text(statement, index++, instance->description);
    db_bind_text(statement, index++, instance->project_id);
    db_bind_text(statement, index++, instance->user_id);
    db_bind_text(statement, index++, instance->host);
    db_bind_text(statement, index++, vm_state_name(instance->vm_state));
    db_bind_int(statement, index++, instance->power_state);
    db_bind_int(statement, index++, instance->should_run);
    db_bind_int(statement, index++, instance->generation);
    index = flavor_bind_columns(statement, index, &instance->flavor);
    index = image_refs_bind_columns(statement, index, &instance->image);
    db_bind_text(statement, index++, instance->image.cdrom_hash);
    db_bind_text(statement, index++,
        instance->config_drive_format != NULL ? instance->config_drive_format : "vfat");
    db_bind_text(statement, index++,
        instance->config_drive_label != NULL ? instance->config_drive_label : "config-2");
    db_bind_text(statement, index++, instance->hardware.firmware);
    db_bind_text(statement, index++, instance->hardware.tpm_version);
    db_bind_text(statement, index++, instance->hardware.tpm_model);
    db_bind_text(
        statement, index++, instance->metadata_json != NULL ? instance->metadata_json : "{}");
    db_bind_text(statement, index++, instance->tags_json != NULL ? instance->tags_json : "[]");
    db_bind_text(statement, index++, instance->key_name);
    db_bind_text(statement, index++, instance->availability_zone);
    db_bind_text(statement, index++, instance->reservation_id);
    db_bind_int(statement, index++, instance->locked);
    db_bind_text(statement, index++, instance->locked_by);
    db_bind_text(statement, index++, instance->locked_reason);
    db_bind_int(statement, index++, instance->created_us);
    db_bind_int(statement, index++, instance->updated_us);
    db_bind_text(statement, index++, instance->user_data);
    db_bind_text(statement, index++, instance->group_id);
    db_bind_text(statement, index++, instance->same_host);
    db_bind_text(statement, index++, instance->different_host);
    db_bind_text(statement, index++, instance->image_properties_json);
}

bool
instance_insert_row(Store *store, Instance *instance, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_INSERT, error);
    bool row = false;

    if (statement == NULL) {
        return false;
    }
    bind_instance(statement, instance);
    if (!db_step(statement, &row, error)) {
        return false;
    }
    instance->number = db_int(statement, 0);
    return true;
}

bool
instance_set_flavor(Store *store, const char *id, const Flavor *flavor, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_SET_FLAVOR, error);

    if (statement == NULL) {
        return false;
    }
    int index = flavor_bind_columns(statement, 1, flavor);
    db_bind_text(statement, index, id);
    return db_run(statement, NULL, error);
}

bool
instance_touch(Store *store, const char *id, GError **error)
{
    g_autoptr(DbStatement) statement = db_prepare(store, SQL_TOUCH, error);

    if (statement == NULL) {
        return false;
    }
    db_bind_text(statement, 1, id);
    db_bind_int(statement, 2, db_now_us(store));
    return db_run(statement, NULL, error);
}
