/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The rows of instances, for the files that read and write them. */
#include "store/rows.h"

#define INSTANCE_COLUMNS                                                                           \
    "i.number, i.id, i.name, i.hostname, i.description, i.project_id, i.user_id, i.host,"          \
    " i.vm_state, i.power_state, i.should_run, i.delete_wanted, i.generation, i.flavor_id,"        \
    " i.flavor_name, i.flavor_description, i.flavor_vcpus, i.flavor_ram_mib, i.flavor_disk_gib,"   \
    " i.flavor_ephemeral_gib, i.flavor_swap_mib, i.flavor_rxtx_factor, i.flavor_is_public,"        \
    " i.flavor_extra_specs_json, i.image_id, i.image_root_hash, i.image_root_format,"              \
    " i.image_kernel_hash, i.image_initrd_hash, i.image_kernel_id, i.image_initrd_id,"             \
    " i.image_command_line, i.image_cdrom_hash,"                                                   \
    " i.config_drive_format, i.config_drive_label, i.hw_firmware, i.hw_tpm_version,"               \
    " i.hw_tpm_model, i.metadata_json,"                                                            \
    " i.tags_json, i.key_name, i.availability_zone, i.reservation_id, i.locked, i.locked_by,"      \
    " i.locked_reason, i.has_fault, i.fault_code, i.fault_message, i.fault_details,"               \
    " i.fault_created_us, i.created_us, i.updated_us, i.launched_us, i.terminated_us,"             \
    " i.user_data, o.kind, o.state, o.id, g.id, g.policy, g.max_server_per_host,"        \
    " i.same_host, i.different_host, i.image_properties_json"
/* With the open operation, of which there is at most one, and its server group. */
#define INSTANCE_SELECT                                                                            \
    "SELECT " INSTANCE_COLUMNS " FROM instances i"                                                 \
    " LEFT JOIN operations o ON o.instance_id = i.id AND o.is_open = 1"                            \
    " LEFT JOIN server_groups g ON g.id = i.group_id"

/* Without ports. */
void *instance_read(DbStatement *statement);
/* The status and task state of the row, without making a record of it. Both static. */
void instance_peek(DbStatement *statement, const char **ret_status, const char **ret_task_state);
const char *instance_peek_id(DbStatement *statement);
const char *instance_peek_name(DbStatement *statement);
const char *instance_peek_tags(DbStatement *statement); /* JSON */
/* Without ports. Deleted ones too. */
Instance *instance_get_row(Store *store, const char *id, GError **error);
/* Inside a write transaction; fills the number. */
bool instance_insert_row(Store *store, Instance *instance, GError **error);
/* Inside a write transaction. */
bool instance_set_flavor(Store *store, const char *id, const Flavor *flavor, GError **error);
/* Inside a write transaction: updated now. */
bool instance_touch(Store *store, const char *id, GError **error);
/* The columns of a flavor, from this one on; both return the next. */
int flavor_read_columns(DbStatement *statement, int column, Flavor *flavor);
int flavor_bind_columns(DbStatement *statement, int index, const Flavor *flavor);
/* Likewise of the files that a disk was made of, but for the CD-ROM. */
int image_refs_read_columns(DbStatement *statement, int column, ImageRefs *refs);
int image_refs_bind_columns(DbStatement *statement, int index, const ImageRefs *refs);
