/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What a choice was made by, beside the hosts: the request as it came here, and what was
 * configured. Names are those that users and operators know them by. */
#include "base/json.h"
#include "model/volume.h"
#include "scheduler/internal.h"

#include <string.h>

/* An object that somebody else has checked; NULL: an empty one. */
static json_t *
object_of(const char *text)
{
    json_t *object = text != NULL
        ? json_parse(text, strlen(text), JSON_REQUEST_SIZE_MAX, JSON_DEPTH_MAX, NULL)
        : NULL;
    return object != NULL ? object : json_object();
}

static json_t *
text_of(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

/* Ids with commas between. */
static json_t *
list_of(const char *ids)
{
    json_t *list = json_array();
    g_auto(GStrv) words = g_strsplit(ids != NULL ? ids : "", ",", -1);
    for (size_t i = 0; words[i] != NULL; i++) {
        json_array_append_new(list, json_string(words[i]));
    }
    return list;
}

static json_t *
tell_flavor(const PlacementRequest *request)
{
    json_t *flavor = json_object();
    json_object_set_new(flavor, "name", text_of(request->flavor_name));
    json_object_set_new(flavor, "vcpus", json_integer(request->vcpus));
    json_object_set_new(flavor, "ram_mib", json_integer(request->ram_mib));
    json_object_set_new(flavor, "disk_gib", json_integer(request->disk_gib));
    json_object_set_new(flavor, "extra_specs", object_of(request->extra_specs_json));
    return flavor;
}

/* host -> how many of its members are there; of a large group the last hosts are not named. */
static json_t *
tell_members(const Look *look)
{
    json_t *hosts = json_object();
    for (unsigned i = 0; i < look->n_with_members; i++) {
        const HostEntry *entry = &look->entries[look->with_members[i]];
        json_object_set_new(hosts, entry->host->name, json_integer(entry->usage.group_members));
    }
    return hosts;
}

static json_t *
tell_group(const Look *look)
{
    const PlacementRequest *request = look->subject.request;
    const char *policy = server_group_policy_name(request->group_policy);
    if (policy == NULL) {
        return json_null();
    }
    json_t *group = json_object();
    json_object_set_new(group, "policy", json_string(policy));
    json_object_set_new(
        group, "max_server_per_host", json_integer(MAX(request->group_max_per_host, 1)));
    json_object_set_new(group, "members", tell_members(look));
    return group;
}

static json_t *
tell_bridges(const GPtrArray *ports)
{
    json_t *bridges = json_array();
    for (unsigned i = 0; ports != NULL && i < ports->len; i++) {
        const Port *port = ports->pdata[i];
        json_array_append_new(bridges, text_of(port->bridge));
    }
    return bridges;
}

static json_t *
tell_volumes(const GPtrArray *volumes)
{
    json_t *ids = json_array();
    for (unsigned i = 0; volumes != NULL && i < volumes->len; i++) {
        const Volume *volume = volumes->pdata[i];
        json_array_append_new(ids, json_string(volume->id));
    }
    return ids;
}

static const char *
block_migration_text(BlockMigration block)
{
    switch (block) {
    case BLOCK_MIGRATION_AUTO: return "auto";
    case BLOCK_MIGRATION_YES: return "true";
    case BLOCK_MIGRATION_NO: return "false";
    }
    g_assert_not_reached();
}

static json_t *
tell_move(const PlacementRequest *request)
{
    json_t *move = json_object();
    json_object_set_new(move, "live", json_boolean(request->is_live));
    if (request->is_live) {
        const char *block = block_migration_text(request->block_migration);
        json_object_set_new(move, "block_migration", json_string(block));
        json_object_set_new(move, "post_copy", json_boolean(request->permits_post_copy));
        json_object_set_new(move, "disk_over_commit", json_boolean(request->disk_over_commit));
    }
    json_object_set_new(move, "force", json_boolean(request->force));
    json_object_set_new(move, "stays_off", json_boolean(request->stays_off));
    return move;
}

static json_t *
tell_filters(const PlacementPolicy *policy)
{
    json_t *names = json_array();
    for (int i = 0; i < N_FILTERS; i++) {
        if ((policy->filters_off & (1U << i)) == 0) {
            json_array_append_new(names, json_string(placement_filter_name((PlacementFilter)i)));
        }
    }
    return names;
}

/* By the keys of the configuration. */
static json_t *
tell_policy(const PlacementRequest *request)
{
    const PlacementPolicy *policy = request->policy;
    json_t *told = json_object();
    json_object_set_new(told, "enabled_filters", tell_filters(policy));
    for (int i = 0; i < PLACEMENT_N_WEIGHERS; i++) {
        json_object_set_new(told, placement_weigher_key((PlacementWeigher)i),
            json_real(policy->multipliers[i]));
    }
    json_object_set_new(told, "cpu_allocation_ratio", json_real(policy->cpu_allocation_ratio));
    json_object_set_new(told, "ram_allocation_ratio", json_real(policy->ram_allocation_ratio));
    json_object_set_new(told, "disk_allocation_ratio", json_real(policy->disk_allocation_ratio));
    json_object_set_new(
        told, "reserved_host_memory_mb", json_integer(policy->reserved_host_memory_mib));
    json_object_set_new(told, "reserved_host_cpus", json_integer(policy->reserved_host_cpus));
    json_object_set_new(told, "ram_over_commit", json_boolean(policy->ram_over_commit));
    json_object_set_new(
        told, "max_instances_per_host", json_integer(policy->max_instances_per_host));
    json_object_set_new(told, "max_io_ops_per_host", json_integer(policy->max_io_ops_per_host));
    json_object_set_new(
        told, "image_properties_default_architecture", text_of(policy->image_default_arch));
    json_object_set_new(
        told, "image_isolation_prefix", text_of(policy->image_isolation_prefix));
    json_object_set_new(told, "pci_alias", text_of(policy->pci_aliases));
    json_object_set_new(told, "service_down_time",
        json_integer(request->service_down_time_us / G_USEC_PER_SEC));
    return told;
}

/* 0: no aggregate says one. */
static void
add_own(json_t *told, const char *key, double value)
{
    if (value != 0) {
        json_object_set_new(told, key, json_real(value));
    }
}

/* What the configuration says for all, and something else for this one: what its aggregates say,
 * and how many processors cpu_shared_set leaves to those that are not pinned. The set of the others
 * is told by the check of those. */
static json_t *
tell_host(const HostEntry *entry)
{
    json_t *told = json_object();
    const HostAggregates *own = entry->aggregates;
    if (own != NULL) {
        add_own(told, "cpu_allocation_ratio", own->cpu_allocation_ratio);
        add_own(told, "ram_allocation_ratio", own->ram_allocation_ratio);
        add_own(told, "disk_allocation_ratio", own->disk_allocation_ratio);
        if (own->max_instances_per_host != 0) {
            json_object_set_new(
                told, "max_instances_per_host", json_integer(own->max_instances_per_host));
        }
        if (own->max_io_ops_per_host != 0) {
            json_object_set_new(
                told, "max_io_ops_per_host", json_integer(own->max_io_ops_per_host));
        }
    }
    if (entry->host->facts.has_floating_cpus) {
        json_object_set_new(told, "shared_cpus", json_integer(entry->vcpus));
    }
    return told;
}

/* Of those whose checks are told, where there is anything to say. */
static json_t *
tell_hosts(const Look *look, const Placement *placement)
{
    json_t *hosts = json_object();
    for (unsigned i = 0; i < placement->n_told; i++) {
        const char *name = placement->hosts[i].name;
        const HostEntry *entry = host_index_find(look->hosts, name);
        json_auto_t *told = entry != NULL ? tell_host(entry) : NULL;
        if (json_object_size(told) > 0) {
            json_object_set(hosts, name, told);
        }
    }
    return hosts;
}

char *
look_tell_inputs(const Look *look, const Placement *placement)
{
    const PlacementRequest *request = look->subject.request;
    json_auto_t *inputs = json_object();
    json_object_set_new(inputs, "flavor", tell_flavor(request));
    json_object_set_new(
        inputs, "image_properties", object_of(request->image_properties_json));
    json_object_set_new(inputs, "firmware", text_of(request->firmware));
    json_object_set_new(inputs, "tpm_version", text_of(request->tpm_version));
    json_object_set_new(inputs, "bridges", tell_bridges(request->ports));
    json_object_set_new(inputs, "volumes", tell_volumes(request->volumes));
    json_object_set_new(inputs, "project_id", text_of(request->project_id));
    json_object_set_new(inputs, "same_host", list_of(request->same_host));
    json_object_set_new(inputs, "different_host", list_of(request->different_host));
    json_object_set_new(inputs, "group", tell_group(look));
    json_object_set_new(inputs, "move",
        request->source_host != NULL ? tell_move(request) : json_null());
    json_object_set_new(inputs, "configuration", tell_policy(request));
    json_object_set_new(inputs, "hosts", tell_hosts(look, placement));
    return json_to_text(inputs);
}
