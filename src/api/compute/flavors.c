/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* /flavors and their extra specs. Source: Compute API reference, "Flavors". */
#include "api/compute/compute.h"

#include "base/json.h"
#include "scheduler/pci.h"

#include <string.h>

/* ---- views ---- */

static json_t *
flavor_links(const ApiContext *context, const Flavor *flavor)
{
    return compute_links(context, "flavors", flavor->id);
}

static json_t *
view_summary(const ApiContext *context, const Flavor *flavor)
{
    json_t *view = json_pack("{s:s, s:s, s:o}", "id", flavor->id, "name", flavor->name, "links",
        flavor_links(context, flavor));
    if (context->minor >= 55) {
        json_object_set_new(view, "description", api_string_or_null(flavor->description));
    }
    return view;
}

static json_t *
view_detail(const ApiContext *context, const Flavor *flavor)
{
    json_t *view = view_summary(context, flavor);
    json_object_set_new(view, "ram", json_integer(flavor->ram_mib));
    json_object_set_new(view, "disk", json_integer(flavor->disk_gib));
    json_object_set_new(view, "vcpus", json_integer(flavor->vcpus));
    /* 2.75: a number at all times. */
    json_object_set_new(view, "swap",
        flavor->swap_mib == 0 && context->minor < 75 ? json_string("")
                                                     : json_integer(flavor->swap_mib));
    json_object_set_new(view, "OS-FLV-EXT-DATA:ephemeral", json_integer(flavor->ephemeral_gib));
    json_object_set_new(view, "OS-FLV-DISABLED:disabled", json_false());
    json_object_set_new(view, "os-flavor-access:is_public", json_boolean(flavor->is_public));
    json_object_set_new(view, "rxtx_factor", json_real(flavor->rxtx_factor));
    if (context->minor >= 61) {
        json_object_set_new(view, "extra_specs", compute_parse_stored(flavor->extra_specs_json));
    }
    return view;
}

static HttpResponse *
reply(const ApiContext *context, const Flavor *flavor)
{
    return api_json(200, json_pack("{s:o}", "flavor", view_detail(context, flavor)));
}

/* ---- reading ---- */

static bool
may_see(const ApiContext *context, const Flavor *flavor)
{
    return flavor->is_public || context->is_admin;
}

static Flavor *
get_flavor(ApiContext *context, GError **error)
{
    const char *id = api_param(context, "id");
    g_autoptr(GError) problem = NULL;
    g_autoptr(Flavor) flavor = store_get_flavor(context->store, id, &problem);
    if (!error_pass_others(&problem, ERROR_NOT_FOUND, error)) {
        return NULL;
    }
    if (flavor == NULL || !may_see(context, flavor)) {
        error_set(error, ERROR_NOT_FOUND, "Flavor %s could not be found.", id);
        return NULL;
    }
    return g_steal_pointer(&flavor);
}

static const QueryField list_query[] = {
    {"limit", QUERY_INTEGER},
    {"marker", QUERY_STRING},
    {"is_public", QUERY_STRING},
    {"minRam", QUERY_INTEGER},
    {"minDisk", QUERY_INTEGER},
    {"sort_key", QUERY_STRING},
    {"sort_dir", QUERY_STRING},
    {NULL},
};

static bool
check_is_public(const ApiContext *context, GError **error)
{
    const char *text = api_query(context, "is_public");
    bool value;
    if (text == NULL) {
        return true;
    }
    g_autofree char *lower = g_ascii_strdown(text, -1);
    return strcmp(lower, "none") == 0 || parse_bool(lower, &value) ||
        error_set(error, ERROR_INVALID, "Invalid is_public filter [%s]", text);
}

/* is_public: absent = the public ones; True, False; None = all. Only administrators are told of
 * others than public ones. */
static bool
matches(const ApiContext *context, const Flavor *flavor)
{
    const char *is_public = api_query(context, "is_public");
    const char *min_ram = api_query(context, "minRam");
    const char *min_disk = api_query(context, "minDisk");
    if (min_ram != NULL && flavor->ram_mib < g_ascii_strtoll(min_ram, NULL, 10)) {
        return false;
    }
    if (min_disk != NULL && flavor->disk_gib < g_ascii_strtoll(min_disk, NULL, 10)) {
        return false;
    }
    if (!context->is_admin || is_public == NULL) {
        return flavor->is_public;
    }
    return g_ascii_strcasecmp(is_public, "none") == 0 ||
        query_bool(context->request, "is_public", true) == flavor->is_public;
}

static HttpResponse *
list(ApiContext *context, bool detailed, GError **error)
{
    Paging paging;
    if (!validate_query(context->request, list_query, context->minor, 75, error) ||
        !api_paging(context, &paging, error) || !check_is_public(context, error)) {
        return NULL;
    }
    g_autoptr(GPtrArray) flavors = store_list_flavors(context->store, error);
    if (flavors == NULL) {
        return NULL;
    }
    json_auto_t *rows = json_array();
    const char *last = NULL;
    bool after_marker = paging.marker == NULL, has_more = false;
    for (unsigned i = 0; i < flavors->len; i++) {
        const Flavor *flavor = flavors->pdata[i];
        if (!after_marker) {
            after_marker = strcmp(flavor->id, paging.marker) == 0;
        } else if (matches(context, flavor)) {
            if ((int)json_array_size(rows) == paging.limit) {
                has_more = true;
                break;
            }
            json_array_append_new(
                rows, detailed ? view_detail(context, flavor) : view_summary(context, flavor));
            last = flavor->id;
        }
    }
    if (!after_marker) {
        error_set(error, ERROR_INVALID, "marker [%s] not found", paging.marker);
        return NULL;
    }
    return compute_reply_list(context, "flavors", g_steal_pointer(&rows), has_more ? last : NULL);
}

HttpResponse *
compute_list_flavors(ApiContext *context, GError **error)
{
    return list(context, false, error);
}

HttpResponse *
compute_list_flavors_detail(ApiContext *context, GError **error)
{
    return list(context, true, error);
}

HttpResponse *
compute_show_flavor(ApiContext *context, GError **error)
{
    g_autoptr(Flavor) flavor = get_flavor(context, error);
    return flavor != NULL ? reply(context, flavor) : NULL;
}

/* ---- changing ---- */

static const Field create_fields[] = {
    {"flavor", FIELD_OBJECT, FIELD_REQUIRED,
        .fields =
            (const Field[]){
                {"name", FIELD_STRING, FIELD_REQUIRED, 1, 255, COMPUTE_NAME_PATTERN},
                {"id", FIELD_ANY, FIELD_NULLABLE},
                {"ram", FIELD_INTEGER, FIELD_REQUIRED, 1, G_MAXINT32},
                {"vcpus", FIELD_INTEGER, FIELD_REQUIRED, 1, G_MAXINT32},
                {"disk", FIELD_INTEGER, FIELD_REQUIRED, 0, G_MAXINT32},
                {"OS-FLV-EXT-DATA:ephemeral", FIELD_INTEGER, 0, 0, G_MAXINT32},
                {"swap", FIELD_INTEGER, 0, 0, G_MAXINT32},
                {"rxtx_factor", FIELD_NUMBER},
                {"os-flavor-access:is_public", FIELD_BOOLEAN},
                {"description", FIELD_STRING, FIELD_NULLABLE, 0, 65535, .since = 55},
                {NULL},
            }},
    {NULL},
};

/* Ids are texts, and clients send numbers as well; nothing or "auto" means: make one up. */
static bool
read_id(const ApiContext *context, const json_t *body, char **ret_id, GError **error)
{
    const json_t *id = json_object_get(body, "id");
    if (json_is_integer(id)) {
        *ret_id = g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(id));
        return true;
    }
    if (id != NULL && !json_is_null(id) && !json_is_string(id)) {
        g_autofree char *repr = json_to_repr(id);
        return error_set(error, ERROR_INVALID,
            "Invalid input for field/attribute id. Value: %s. %s is not of type 'string', "
            "'integer', 'null'",
            repr, repr);
    }
    const char *text = json_string_value(id);
    if (text == NULL || strcmp(text, "auto") == 0 || *text == '\0') {
        *ret_id = clock_new_uuid(context->options->clock);
        return true;
    }
    if (!validate_matches("^[a-zA-Z0-9_. -]{1,255}$", text)) {
        return error_set(error, ERROR_INVALID,
            "Invalid input for field/attribute id. Value: %s. id can only consist of letters, "
            "digits, spaces, dots, dashes and underscores",
            text);
    }
    *ret_id = g_strdup(text);
    return true;
}

static bool
check_unique(ApiContext *context, const Flavor *flavor, GError **error)
{
    g_autoptr(GPtrArray) flavors = store_list_flavors(context->store, error);
    for (unsigned i = 0; flavors != NULL && i < flavors->len; i++) {
        const Flavor *other = flavors->pdata[i];
        if (strcmp(other->name, flavor->name) == 0) {
            return error_set(
                error, ERROR_CONFLICT, "Flavor with name %s already exists.", flavor->name);
        }
        if (strcmp(other->id, flavor->id) == 0) {
            return error_set(
                error, ERROR_CONFLICT, "Flavor with ID %s already exists.", flavor->id);
        }
    }
    return flavors != NULL;
}

HttpResponse *
compute_create_flavor(ApiContext *context, GError **error)
{
    if (!validate_body(context->body, create_fields, 0, context->minor, error)) {
        return NULL;
    }
    const json_t *body = json_object_get(context->body, "flavor");
    g_autoptr(Flavor) flavor = flavor_new();
    if (!read_id(context, body, &flavor->id, error)) {
        return NULL;
    }
    flavor->name = g_strdup(body_string(body, "name", NULL));
    flavor->description = g_strdup(body_string(body, "description", NULL));
    flavor->ram_mib = (int)body_int(body, "ram", 0);
    flavor->vcpus = (int)body_int(body, "vcpus", 0);
    flavor->disk_gib = (int)body_int(body, "disk", 0);
    flavor->ephemeral_gib = (int)body_int(body, "OS-FLV-EXT-DATA:ephemeral", 0);
    flavor->swap_mib = (int)body_int(body, "swap", 0);
    flavor->rxtx_factor = body_number(body, "rxtx_factor", 1.0);
    flavor->is_public = body_bool(body, "os-flavor-access:is_public", true);
    g_free(flavor->extra_specs_json);
    flavor->extra_specs_json = g_strdup("{}");
    if (!check_unique(context, flavor, error) ||
        !store_insert_flavor(context->store, flavor, error)) {
        return NULL;
    }
    return reply(context, flavor);
}

static const Field update_fields[] = {
    {"flavor", FIELD_OBJECT, FIELD_REQUIRED,
        .fields =
            (const Field[]){
                {"description", FIELD_STRING, FIELD_REQUIRED | FIELD_NULLABLE, 0, 65535},
                {NULL},
            }},
    {NULL},
};

HttpResponse *
compute_update_flavor(ApiContext *context, GError **error)
{
    if (!validate_body(context->body, update_fields, 0, context->minor, error)) {
        return NULL;
    }
    g_autoptr(Flavor) flavor = get_flavor(context, error);
    if (flavor == NULL) {
        return NULL;
    }
    g_free(flavor->description);
    flavor->description =
        g_strdup(body_string(json_object_get(context->body, "flavor"), "description", NULL));
    return store_update_flavor(context->store, flavor, error) ? reply(context, flavor) : NULL;
}

HttpResponse *
compute_delete_flavor(ApiContext *context, GError **error)
{
    g_autoptr(Flavor) flavor = get_flavor(context, error);
    return flavor != NULL && store_delete_flavor(context->store, flavor->id, error) ? api_empty(202)
                                                                                    : NULL;
}

/* ---- extra specs ---- */

static const Field specs_fields[] = {
    {"extra_specs", FIELD_OBJECT, FIELD_REQUIRED},
    {NULL},
};

/* Nova stores texts and takes numbers for them. */
static bool
merge_specs(json_t *specs, const json_t *more, GError **error)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)more, key, value)
    {
        if (!validate_matches(KEY_PATTERN, key)) {
            return error_set(error, ERROR_INVALID,
                "Invalid input for field/attribute extra_specs. Additional properties are not "
                "allowed ('%s' was unexpected)",
                key);
        }
        if (json_is_string(value)) {
            json_object_set(specs, key, value);
        } else if (json_is_number(value)) {
            g_autofree char *text = json_dumps(value, JSON_ENCODE_ANY);
            json_object_set_new(specs, key, json_string(text));
        } else {
            g_autofree char *repr = json_to_repr(value);
            return error_set(error, ERROR_INVALID,
                "Invalid input for field/attribute %s. Value: %s. It is not a text or a number",
                key, repr);
        }
    }
    return true;
}

/* Nova API: 2.86 checks what extra specs are set to: those that are sent, not those that are
 * there. */
static bool
check_sent(const ApiContext *context, const json_t *sent, GError **error)
{
    g_autofree char *text = json_to_text(sent);
    g_autoptr(GArray) wishes = NULL;

    return context->minor < 86 || pci_request_read(text, &wishes, error);
}

static bool
save_specs(ApiContext *context, Flavor *flavor, const json_t *specs, GError **error)
{
    g_free(flavor->extra_specs_json);
    flavor->extra_specs_json = json_to_text(specs);
    return store_update_flavor(context->store, flavor, error);
}

HttpResponse *
compute_list_flavor_specs(ApiContext *context, GError **error)
{
    g_autoptr(Flavor) flavor = get_flavor(context, error);
    return flavor != NULL
        ? api_json(200,
              json_pack("{s:o}", "extra_specs", compute_parse_stored(flavor->extra_specs_json)))
        : NULL;
}

HttpResponse *
compute_create_flavor_specs(ApiContext *context, GError **error)
{
    if (!validate_body(context->body, specs_fields, 0, context->minor, error)) {
        return NULL;
    }
    g_autoptr(Flavor) flavor = get_flavor(context, error);
    if (flavor == NULL) {
        return NULL;
    }
    const json_t *more = json_object_get(context->body, "extra_specs");
    json_auto_t *specs = compute_parse_stored(flavor->extra_specs_json);
    if (!merge_specs(specs, more, error) || !check_sent(context, more, error) ||
        !save_specs(context, flavor, specs, error)) {
        return NULL;
    }
    return api_json(200, json_pack("{s:O}", "extra_specs", more));
}

static bool
find_spec(ApiContext *context, const json_t *specs, const Flavor *flavor, GError **error)
{
    const char *key = api_param(context, "key");
    return json_object_get(specs, key) != NULL ||
        error_set(
            error, ERROR_NOT_FOUND, "Flavor %s has no extra specs with key %s.", flavor->id, key);
}

HttpResponse *
compute_show_flavor_spec(ApiContext *context, GError **error)
{
    g_autoptr(Flavor) flavor = get_flavor(context, error);
    json_auto_t *specs = flavor != NULL ? compute_parse_stored(flavor->extra_specs_json) : NULL;
    if (specs == NULL || !find_spec(context, specs, flavor, error)) {
        return NULL;
    }
    const char *key = api_param(context, "key");
    return api_json(200, json_pack("{s:O}", key, json_object_get(specs, key)));
}

HttpResponse *
compute_update_flavor_spec(ApiContext *context, GError **error)
{
    const char *key = api_param(context, "key");
    if (json_object_size(context->body) != 1 || json_object_get(context->body, key) == NULL) {
        error_set(error, ERROR_INVALID, "Request body and URI mismatch");
        return NULL;
    }
    g_autoptr(Flavor) flavor = get_flavor(context, error);
    json_auto_t *specs = flavor != NULL ? compute_parse_stored(flavor->extra_specs_json) : NULL;
    if (specs == NULL || !merge_specs(specs, context->body, error) ||
        !check_sent(context, context->body, error) || !save_specs(context, flavor, specs, error)) {
        return NULL;
    }
    return api_json(200, json_incref(context->body));
}

HttpResponse *
compute_delete_flavor_spec(ApiContext *context, GError **error)
{
    g_autoptr(Flavor) flavor = get_flavor(context, error);
    json_auto_t *specs = flavor != NULL ? compute_parse_stored(flavor->extra_specs_json) : NULL;
    if (specs == NULL || !find_spec(context, specs, flavor, error)) {
        return NULL;
    }
    json_object_del(specs, api_param(context, "key"));
    return save_specs(context, flavor, specs, error) ? api_empty(200) : NULL;
}
