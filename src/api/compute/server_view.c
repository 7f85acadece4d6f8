/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The server object, member by member as the microversions added them. Source: Compute API
 * reference, "Show server details", and its microversion history. */
#include "api/compute/compute.h"
#include "base/secret.h"

#include <string.h>

void
server_view_init(ServerView *view, ApiContext *context, bool is_show)
{
    *view = (ServerView){
        .context = context,
        .is_show = is_show,
        .hosts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)host_free),
    };
}

void
server_view_clear(ServerView *view)
{
    g_clear_pointer(&view->hosts, g_hash_table_unref);
    g_clear_pointer(&view->volumes, g_ptr_array_unref);
}

json_t *
server_view_summary(const ApiContext *context, const Instance *instance)
{
    return json_pack("{s:s, s:s, s:o}", "id", instance->id, "name", instance->name, "links",
        compute_links(context, "servers", instance->id));
}

/* The host of an instance, borrowed; NULL with *ret_host untouched on failure. */
static bool
find_host(ServerView *view, const char *name, const Host **ret_host, GError **error)
{
    *ret_host = NULL;
    if (name == NULL) {
        return true;
    }
    Host *host = g_hash_table_lookup(view->hosts, name);
    if (host == NULL) {
        if (!store_find_host(view->context->store, name, &host, error)) {
            return false;
        }
        if (host != NULL) {
            g_hash_table_insert(view->hosts, host->name, host);
        }
    }
    *ret_host = host;
    return true;
}

json_t *
compute_host_id(const Instance *instance)
{
    if (instance->host == NULL) {
        return json_string("");
    }
    g_autofree char *text = g_strconcat(instance->project_id, instance->host, NULL);
    g_autofree char *hash = secret_sha224_hex(text, strlen(text));
    return json_string(hash);
}

static json_t *
view_image(const ApiContext *context, const Instance *instance)
{
    const char *id = instance->image.image_id;
    return id != NULL ? compute_reference(context, "images", id) : json_string("");
}

static json_t *
view_flavor(const ApiContext *context, const Instance *instance)
{
    const Flavor *flavor = &instance->flavor;
    if (context->minor < 47) {
        return compute_reference(context, "flavors", flavor->id);
    }
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:s, s:o}", "vcpus", flavor->vcpus, "ram",
        flavor->ram_mib, "disk", flavor->disk_gib, "ephemeral", flavor->ephemeral_gib, "swap",
        flavor->swap_mib, "original_name", flavor->name, "extra_specs",
        compute_parse_stored(flavor->extra_specs_json));
}

static json_t *
view_addresses(const Instance *instance)
{
    json_t *addresses = json_object();
    for (unsigned i = 0; i < instance->ports->len; i++) {
        const Port *port = instance->ports->pdata[i];
        json_t *rows = json_object_get(addresses, port->network_name);
        if (rows == NULL) {
            rows = json_array();
            json_object_set_new(addresses, port->network_name, rows);
        }
        json_array_append_new(rows,
            json_pack("{s:i, s:s, s:s, s:s}", "version", 4, "addr", port->address,
                "OS-EXT-IPS:type", "fixed", "OS-EXT-IPS-MAC:mac_addr", port->mac));
    }
    return addresses;
}

/* How far the open migration is, in percent of what there is to move. */
static int
progress_percent(const ServerView *view, const Instance *instance)
{
    if (!view->is_show || g_strcmp0(instance_task_state(instance), "migrating") != 0) {
        return 0;
    }
    g_autoptr(Migration) migration =
        store_get_migration_of_operation(view->context->store, instance->open_operation, NULL);
    if (migration == NULL || migration->stats.memory_total_bytes <= 0) {
        return 0;
    }
    const JobStats *stats = &migration->stats;
    int64_t total = stats->memory_total_bytes + MAX(stats->disk_total_bytes, 0);
    int64_t left = MAX(stats->memory_remaining_bytes, 0) + MAX(stats->disk_remaining_bytes, 0);
    return (int)(100 - CLAMP(100 * left / total, 0, 100));
}

static void
add_progress(const ServerView *view, const Instance *instance, json_t *server)
{
    static const char *const shown[] = {
        "ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING", "SHUTOFF", NULL};
    if (g_strv_contains(shown, instance_status(instance))) {
        json_object_set_new(server, "progress", json_integer(progress_percent(view, instance)));
    }
}

/* A move that could be neither confirmed nor reverted leaves the status as it was. */
bool
compute_shows_fault(const Instance *instance)
{
    VmState state = instance->vm_state;
    return instance->has_fault &&
        (state == VM_STATE_ERROR || state == VM_STATE_DELETED || state == VM_STATE_RESIZED);
}

static void
add_fault(const ApiContext *context, const Instance *instance, json_t *server)
{
    if (!compute_shows_fault(instance)) {
        return;
    }
    json_t *fault = json_pack("{s:i, s:o, s:o}", "code", instance->fault.code, "created",
        api_time_z(instance->fault.created_us), "message",
        api_string_or_null(instance->fault.message));
    if (context->is_admin && instance->fault.details != NULL) {
        json_object_set_new(fault, "details", json_string(instance->fault.details));
    }
    json_object_set_new(server, "fault", fault);
}

static void
add_admin_members(const ApiContext *context, const Instance *instance, json_t *server)
{
    if (context->minor >= 90 || (context->is_admin && context->minor >= 3)) {
        json_object_set_new(
            server, "OS-EXT-SRV-ATTR:hostname", api_string_or_null(instance->hostname));
    }
    if (!context->is_admin) {
        return;
    }
    g_autofree char *domain_name = instance_domain_name(instance);
    json_object_set_new(server, "OS-EXT-SRV-ATTR:host", api_string_or_null(instance->host));
    json_object_set_new(server, "OS-EXT-SRV-ATTR:instance_name", json_string(domain_name));
    json_object_set_new(
        server, "OS-EXT-SRV-ATTR:hypervisor_hostname", api_string_or_null(instance->host));
    if (context->minor >= 3) {
        json_object_set_new(
            server, "OS-EXT-SRV-ATTR:reservation_id", api_string_or_null(instance->reservation_id));
        json_object_set_new(server, "OS-EXT-SRV-ATTR:launch_index", json_integer(0));
        json_object_set_new(server, "OS-EXT-SRV-ATTR:kernel_id",
            json_string(instance->image.kernel_id != NULL ? instance->image.kernel_id : ""));
        json_object_set_new(server, "OS-EXT-SRV-ATTR:ramdisk_id",
            json_string(instance->image.initrd_id != NULL ? instance->image.initrd_id : ""));
        json_object_set_new(server, "OS-EXT-SRV-ATTR:root_device_name", json_string("/dev/vda"));
        json_object_set_new(
            server, "OS-EXT-SRV-ATTR:user_data", api_string_or_null(instance->user_data));
    }
}

/* 2.16, administrators: what the host's service looks like. */
static const char *
host_status(const ApiContext *context, const Host *host)
{
    if (host == NULL) {
        return "";
    }
    if (!host->enabled) {
        return "MAINTENANCE";
    }
    bool is_up = host_is_up(host, api_now_us(context), context->options->service_down_time_us);
    return is_up ? "UP" : host->last_seen_us == 0 ? "UNKNOWN" : "DOWN";
}

static void
add_later_members(
    const ServerView *view, const Instance *instance, const Host *host, json_t *server)
{
    const ApiContext *context = view->context;
    if (context->minor >= 9) {
        json_object_set_new(server, "locked", json_boolean(instance->locked));
    }
    if (context->minor >= 16 && context->is_admin) {
        json_object_set_new(server, "host_status", json_string(host_status(context, host)));
    }
    if (context->minor >= 19) {
        json_object_set_new(server, "description", api_string_or_null(instance->description));
    }
    if (context->minor >= 26) {
        json_object_set_new(server, "tags", compute_parse_stored(instance->tags_json));
    }
    if (context->minor >= 63) {
        json_object_set_new(server, "trusted_image_certificates", json_null());
    }
    if (context->minor >= 71 && view->is_show) {
        json_object_set_new(server, "server_groups",
            instance->group_id != NULL ? json_pack("[s]", instance->group_id) : json_array());
    }
    if (context->minor >= 73) {
        json_object_set_new(server, "locked_reason", api_string_or_null(instance->locked_reason));
    }
    if (context->minor >= 96) {
        json_object_set_new(
            server, "pinned_availability_zone", api_string_or_null(instance->availability_zone));
    }
}

static json_t *
zone_of(const Instance *instance, const Host *host)
{
    if (host != NULL) {
        return json_string(host->zone);
    }
    return json_string(instance->availability_zone != NULL ? instance->availability_zone : "");
}

static json_t *
view_base(const ServerView *view, const Instance *instance, const Host *host)
{
    const ApiContext *context = view->context;
    json_t *server = server_view_summary(context, instance);
    json_object_set_new(server, "status", json_string(instance_status(instance)));
    json_object_set_new(server, "tenant_id", json_string(instance->project_id));
    json_object_set_new(server, "user_id", json_string(instance->user_id));
    json_object_set_new(server, "metadata", compute_parse_stored(instance->metadata_json));
    json_object_set_new(server, "hostId", compute_host_id(instance));
    json_object_set_new(server, "image", view_image(context, instance));
    json_object_set_new(server, "flavor", view_flavor(context, instance));
    json_object_set_new(server, "created", api_time_z(instance->created_us));
    json_object_set_new(server, "updated", api_time_z(instance->updated_us));
    json_object_set_new(server, "addresses", view_addresses(instance));
    json_object_set_new(server, "accessIPv4", json_string(""));
    json_object_set_new(server, "accessIPv6", json_string(""));
    json_object_set_new(server, "OS-DCF:diskConfig", json_string("MANUAL"));
    json_object_set_new(server, "OS-EXT-AZ:availability_zone", zone_of(instance, host));
    json_object_set_new(server, "config_drive", json_string("True"));
    json_object_set_new(server, "key_name", api_string_or_null(instance->key_name));
    json_object_set_new(server, "OS-SRV-USG:launched_at", api_time_us(instance->launched_us));
    json_object_set_new(server, "OS-SRV-USG:terminated_at", api_time_us(instance->terminated_us));
    json_object_set_new(
        server, "OS-EXT-STS:task_state", api_string_or_null(instance_task_state(instance)));
    json_object_set_new(
        server, "OS-EXT-STS:vm_state", json_string(vm_state_name(instance->vm_state)));
    json_object_set_new(server, "OS-EXT-STS:power_state", json_integer((int)instance->power_state));
    if (instance->ports->len > 0) {
        json_object_set_new(server, "security_groups", json_pack("[{s:s}]", "name", "default"));
    }
    return server;
}

/* One question for all instances of a list. */
static bool
load_volumes(ServerView *view, const Instance *instance, GError **error)
{
    if (view->volumes != NULL && !view->is_show) {
        return true;
    }
    VolumeFilter filter = {.instance_id = view->is_show ? instance->id : NULL};
    g_clear_pointer(&view->volumes, g_ptr_array_unref);
    view->volumes = store_list_volumes(view->context->store, &filter, error);
    return view->volumes != NULL;
}

static bool
add_volumes(ServerView *view, const Instance *instance, json_t *server, GError **error)
{
    if (!load_volumes(view, instance, error)) {
        return false;
    }
    json_t *rows = json_array();
    for (unsigned i = 0; i < view->volumes->len; i++) {
        const Volume *volume = view->volumes->pdata[i];
        const Attachment *attachment = volume->attachment;
        if (attachment == NULL || strcmp(attachment->instance_id, instance->id) != 0) {
            continue;
        }
        json_t *row = json_pack("{s:s}", "id", volume->id);
        if (view->context->minor >= 3) {
            json_object_set_new(
                row, "delete_on_termination", json_boolean(attachment->delete_on_termination));
        }
        json_array_append_new(rows, row);
    }
    json_object_set_new(server, "os-extended-volumes:volumes_attached", rows);
    return true;
}

json_t *
server_view_detail(ServerView *view, const Instance *instance, GError **error)
{
    const Host *host = NULL;
    if (!find_host(view, instance->host, &host, error)) {
        return NULL;
    }
    json_t *server = view_base(view, instance, host);
    if (!add_volumes(view, instance, server, error)) {
        json_decref(server);
        return NULL;
    }
    add_progress(view, instance, server);
    add_fault(view->context, instance, server);
    add_admin_members(view->context, instance, server);
    add_later_members(view, instance, host, server);
    return server;
}
