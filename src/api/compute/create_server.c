/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* POST /servers. Source: Compute API reference, "Create server". */
#include "api/compute/compute.h"

#include "api/block_storage/new_volume.h"
#include "api/compute/block_devices.h"
#include "api/compute/create.h"
#include "base/json.h"
#include <string.h>

static const Field security_group_item[] = {
    {"", FIELD_OBJECT, 0, .fields = (const Field[]){{"name", FIELD_STRING, 0, 1, 255}, {NULL}}},
};

static const Field tag_item[] = {{"", FIELD_STRING, 0, 1, 60, "^[^,/]*$"}};

static const Field server_fields[] = {
    {"name", FIELD_STRING, FIELD_REQUIRED, 1, 255, COMPUTE_NAME_PATTERN},
    {"flavorRef", FIELD_ANY, FIELD_REQUIRED},
    {"imageRef", FIELD_STRING},
    {"networks", FIELD_ANY},
    {"block_device_mapping_v2", FIELD_ARRAY, 0, 0, 24, .item = block_device_items},
    {"metadata", FIELD_OBJECT},
    {"min_count", FIELD_INTEGER, 0, 1, 1000},
    {"max_count", FIELD_INTEGER, 0, 1, 1000},
    {"availability_zone", FIELD_STRING, FIELD_NULLABLE, 0, 255},
    {"user_data", FIELD_STRING, FIELD_NULLABLE, 0, 65535},
    {"key_name", FIELD_STRING, FIELD_NULLABLE, 0, 255},
    {"config_drive", FIELD_BOOLEAN, FIELD_NULLABLE},
    {"security_groups", FIELD_ARRAY, .item = security_group_item},
    {"adminPass", FIELD_STRING},
    {"OS-DCF:diskConfig", FIELD_STRING, .values = compute_disk_configs},
    {"description", FIELD_STRING, FIELD_NULLABLE, 0, 255, .since = 19},
    {"tags", FIELD_ARRAY, 0, 0, 50, .since = 52, .item = tag_item},
    {"host", FIELD_STRING, 0, 1, 255, .since = 74},
    {"hypervisor_hostname", FIELD_STRING, 0, 1, 255, .since = 74},
    {"hostname", FIELD_STRING, 0, 1, 63, "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$", .since = 90},
    {NULL},
};

static const Field create_fields[] = {
    {"server", FIELD_OBJECT, FIELD_REQUIRED, .fields = server_fields},
    {"os:scheduler_hints", FIELD_OBJECT, FIELD_NULLABLE},
    {"OS-SCH-HNT:scheduler_hints", FIELD_OBJECT, FIELD_NULLABLE},
    {NULL},
};

/* ---- flavor ---- */

/* A flavor is named by its id, or by a link that ends in it; old clients send a number. */
static char *
flavor_ref(const json_t *server)
{
    const json_t *ref = json_object_get(server, "flavorRef");
    if (json_is_integer(ref)) {
        return g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(ref));
    }
    const char *text = json_string_value(ref);
    const char *slash = text != NULL ? strrchr(text, '/') : NULL;
    return g_strdup(slash != NULL ? slash + 1 : text != NULL ? text : "");
}

Flavor *
compute_read_flavor(ApiContext *context, const json_t *body, GError **error)
{
    g_autofree char *id = flavor_ref(body);
    g_autoptr(GError) problem = NULL;
    g_autoptr(Flavor) flavor = store_get_flavor(context->store, id, &problem);
    if (!error_pass_others(&problem, ERROR_NOT_FOUND, error)) {
        return NULL;
    }
    if (flavor == NULL || (!flavor->is_public && !context->is_admin)) {
        error_set(error, ERROR_INVALID, "Flavor %s could not be found.", id);
        return NULL;
    }
    return g_steal_pointer(&flavor);
}

static bool
read_flavor(ApiContext *context, const json_t *server, Instance *instance, GError **error)
{
    g_autoptr(Flavor) flavor = compute_read_flavor(context, server, error);
    if (flavor == NULL) {
        return false;
    }
    flavor_copy(flavor, &instance->flavor);
    return true;
}

/* ---- image ---- */

static bool
check_fits(const Image *image, const Flavor *flavor, GError **error)
{
    const int64_t gib = (int64_t)1 << 30;
    if (flavor->ram_mib < image->min_ram_mib) {
        return error_set(error, ERROR_INVALID, "Flavor's memory is too small for requested image.");
    }
    if (flavor->disk_gib == 0) {
        return true;
    }
    if (flavor->disk_gib < image->min_disk_gib ||
        flavor->disk_gib * gib < image->virtual_size_bytes) {
        return error_set(error, ERROR_INVALID,
            "Flavor's disk is too small for requested image. Flavor disk is %" G_GINT64_FORMAT
            " bytes, image is %" G_GINT64_FORMAT " bytes.",
            flavor->disk_gib * gib, image->virtual_size_bytes);
    }
    return true;
}

static bool
read_image(ApiContext *context, const json_t *server, Instance *instance, GError **error)
{
    const char *ref = body_string(server, "imageRef", "");
    const char *slash = strrchr(ref, '/');
    const char *id = slash != NULL ? slash + 1 : ref;
    if (*id == '\0') {
        return error_set(error, ERROR_INVALID,
            "Invalid imageRef provided: an image is needed, or a device with the boot index 0.");
    }
    g_autoptr(Image) image = new_volume_find_image(context, id, error);
    if (image == NULL || !check_fits(image, &instance->flavor, error)) {
        return false;
    }
    if (strcmp(image->disk_format, "qcow2") != 0 && strcmp(image->disk_format, "raw") != 0) {
        return error_set(error, ERROR_INVALID,
            "Image %s is unacceptable: its disk format is '%s', and a disk is needed.", id,
            image->disk_format);
    }
    ImageRefs *refs = &instance->image;
    refs->image_id = g_strdup(image->id);
    refs->root_hash = g_strdup(image->sha256);
    refs->root_format = g_strdup(image->disk_format);
    json_auto_t *properties = compute_parse_stored(image->properties_json);
    instance->image_properties_json = g_strdup(image->properties_json);
    return compute_read_hardware(
               context, &instance->flavor, properties, &instance->hardware, error) &&
        new_volume_read_boot_files(context, image, refs, error);
}

/* A disk of its own, made from an image, or a volume that it boots from. */
static bool
read_disks(ApiContext *context, const json_t *server, Instance *instance, GPtrArray *volumes,
    GError **error)
{
    bool has_root = false;
    if (!block_devices_read(context, server, instance, volumes, &has_root, error)) {
        return false;
    }
    if (!has_root) {
        return read_image(context, server, instance, error);
    }
    /* The image of its volume is not asked: the firmware is BIOS, and the TPM the flavor's. */
    if (!compute_read_hardware(context, &instance->flavor, NULL, &instance->hardware, error)) {
        return false;
    }
    return body_string(server, "imageRef", "")[0] == '\0' ||
        error_set(error, ERROR_INVALID,
            "Block Device Mapping is Invalid: a server boots from its image or from a volume.");
}

/* ---- where ---- */

/* A zone is there when a host is in it. */
static bool
check_zone(ApiContext *context, const char *zone, GError **error)
{
    g_autoptr(GPtrArray) hosts = store_list_hosts(context->store, error);
    if (hosts == NULL) {
        return false;
    }
    for (unsigned i = 0; i < hosts->len; i++) {
        if (strcmp(((const Host *)hosts->pdata[i])->zone, zone) == 0) {
            return true;
        }
    }
    return error_set(error, ERROR_INVALID, "The requested availability zone is not available");
}

/* "zone:host:node" is an administrator's way to name a host below 2.74. *ret_host is the
 * caller's. */
static bool
read_place(
    ApiContext *context, const json_t *server, Instance *instance, char **ret_host, GError **error)
{
    const char *zone = body_string(server, "availability_zone", NULL);
    g_auto(GStrv) parts = g_strsplit(zone != NULL ? zone : "", ":", 3);
    if (g_strv_length(parts) > 1 && *parts[1] != '\0') {
        *ret_host = g_strdup(parts[1]);
    }
    const char *host =
        body_string(server, "host", body_string(server, "hypervisor_hostname", NULL));
    if (host != NULL) {
        g_free(*ret_host);
        *ret_host = g_strdup(host);
    }
    instance->availability_zone = parts[0] != NULL && *parts[0] != '\0' ? g_strdup(parts[0]) : NULL;
    if (instance->availability_zone != NULL &&
        !check_zone(context, instance->availability_zone, error)) {
        return false;
    }
    if (*ret_host == NULL) {
        return true;
    }
    g_autoptr(Host) found = NULL;
    if (!api_check_policy(context, "os_compute_api:servers:create:forced_host", error) ||
        !store_find_host(context->store, *ret_host, &found, error)) {
        return false;
    }
    return found != NULL ||
        error_set(error, ERROR_INVALID, "Compute host %s could not be found.", *ret_host);
}

/* ---- the rest ---- */

/* A name made fit for a guest: letters, digits and dashes. Caller frees. */
static char *
hostname_from(const char *name)
{
    g_autofree char *lower = g_ascii_strdown(name, -1);
    GString *hostname = g_string_new(NULL);
    for (const char *p = lower; *p != '\0' && hostname->len < 63; p++) {
        if (g_ascii_isalnum(*p)) {
            g_string_append_c(hostname, *p);
        } else if (hostname->len > 0 && hostname->str[hostname->len - 1] != '-') {
            g_string_append_c(hostname, '-');
        }
    }
    while (hostname->len > 0 && hostname->str[hostname->len - 1] == '-') {
        g_string_truncate(hostname, hostname->len - 1);
    }
    if (hostname->len == 0) {
        g_string_assign(hostname, "server");
    }
    return g_string_free(hostname, false);
}

static bool
check_user_data(const char *user_data, GError **error)
{
    return user_data == NULL ||
        g_regex_match_simple("^[A-Za-z0-9+/\\s]*={0,2}\\s*$", user_data, 0, 0) ||
        error_set(
            error, ERROR_INVALID, "Invalid input for field/attribute user_data. It is not base64");
}

/* What names something that nobody can have made here: Nova's sentences for what is not there. */
static bool
check_named(const json_t *body, GError **error)
{
    const json_t *server = json_object_get(body, "server");
    size_t i;
    json_t *group;
    json_array_foreach(json_object_get(server, "security_groups"), i, group)
    {
        const char *name = body_string(group, "name", "default");
        if (strcmp(name, "default") != 0) {
            return error_set(error, ERROR_INVALID, "Security group %s not found.", name);
        }
    }
    if (body_string(server, "key_name", NULL) != NULL) {
        return error_set(error, ERROR_INVALID, "Invalid key_name provided.");
    }
    return true;
}

static bool
read_simple(ApiContext *context, const json_t *server, Instance *instance, GError **error)
{
    const json_t *metadata = json_object_get(server, "metadata");
    const json_t *tags = json_object_get(server, "tags");
    const char *user_data = body_string(server, "user_data", NULL);
    if ((metadata != NULL && !compute_check_metadata(metadata, error)) ||
        !check_user_data(user_data, error)) {
        return false;
    }
    instance->name = g_strdup(body_string(server, "name", NULL));
    instance->hostname = hostname_from(body_string(server, "hostname", instance->name));
    instance->description = g_strdup(body_string(server, "description", NULL));
    instance->user_data = g_strdup(user_data);
    instance->metadata_json = metadata != NULL ? json_to_text(metadata) : g_strdup("{}");
    instance->tags_json = tags != NULL ? json_to_text(tags) : g_strdup("[]");
    instance->config_drive_format = g_strdup(context->options->config_drive_format);
    instance->config_drive_label = g_strdup(context->options->config_drive_label);
    instance->project_id = g_strdup(context->identity->project_id);
    instance->user_id = g_strdup(context->identity->user_id);
    g_autofree char *reservation = clock_random_hex(context->options->clock, 4);
    instance->reservation_id = g_strconcat("r-", reservation, NULL);
    return true;
}

static HttpResponse *
reply(const ApiContext *context, const Instance *instance)
{
    const json_t *server = json_object_get(context->body, "server");
    g_autofree char *made = clock_random_hex(context->options->clock, 6);
    HttpResponse *response = api_json(202,
        json_pack("{s:{s:s, s:o, s:s, s:[{s:s}], s:s}}", "server", "id", instance->id, "links",
            compute_links(context, "servers", instance->id), "OS-DCF:diskConfig", "MANUAL",
            "security_groups", "name", "default", "adminPass",
            body_string(server, "adminPass", made)));
    g_autofree char *location = api_url(context, "/compute/v2.1/servers/%s", instance->id);
    http_response_set_header(response, "Location", location);
    return response;
}

/* One instance of the count; several of one request are name-1, name-2, ... as Nova calls them. */
static bool
accept_one(ApiContext *context, const json_t *server, int index, int count, Instance *instance,
    GError **error)
{
    g_autofree char *host = NULL;
    g_autoptr(GPtrArray) network_ids = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) addresses = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) volumes = g_ptr_array_new_with_free_func((GDestroyNotify)volume_free);
    InstanceRequest request = {
        .instance = instance,
        .network_ids = network_ids,
        .fixed_addresses = addresses,
        .volumes = volumes,
        .request_id = http_request_id(context->request),
        .user_id = context->identity->user_id,
    };
    if (!read_simple(context, server, instance, error) ||
        !read_flavor(context, server, instance, error) ||
        !read_disks(context, server, instance, volumes, error) ||
        !create_read_networks(context, server, &request, error) ||
        !create_read_hints(context, instance, error) ||
        !read_place(context, server, instance, &host, error)) {
        return false;
    }
    if (count > 1) {
        char *numbered = g_strdup_printf("%s-%d", instance->name, index + 1);
        g_free(instance->name);
        instance->name = numbered;
        g_free(instance->hostname);
        instance->hostname = hostname_from(numbered);
    }
    request.requested_host = host;
    return store_accept_instance(context->store, &request, error);
}

static bool
read_count(const json_t *body, int *ret_count, GError **error)
{
    const json_t *server = json_object_get(body, "server");
    int64_t minimum = body_int(server, "min_count", 1);
    int64_t maximum = body_int(server, "max_count", minimum);
    *ret_count = (int)maximum;
    return minimum <= maximum || error_set(error, ERROR_INVALID, "min_count must be <= max_count");
}

HttpResponse *
compute_create_server(ApiContext *context, GError **error)
{
    int count = 0;
    if (!validate_body(context->body, create_fields, 0, context->minor, error) ||
        !read_count(context->body, &count, error) || !check_named(context->body, error)) {
        return NULL;
    }
    if (context->identity->project_id == NULL) {
        error_set(error, ERROR_INVALID, "The token has no project: log in with one.");
        return NULL;
    }
    const json_t *server = json_object_get(context->body, "server");
    g_autoptr(Instance) first = instance_new();
    for (int i = 0; i < count; i++) {
        g_autoptr(Instance) more = i == 0 ? NULL : instance_new();
        if (!accept_one(context, server, i, count, i == 0 ? first : more, error)) {
            /* What was accepted before stays: it is a complete server of its own. */
            return NULL;
        }
    }
    engine_nudge(context->engine);
    return reply(context, first);
}
