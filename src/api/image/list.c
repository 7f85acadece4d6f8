/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/image/image.h"
#include "base/json.h"
#include <string.h>

enum { DEFAULT_LIMIT = 25 }; /* Glance: limit_param_default */

static bool
has_tag(const json_t *tags, const char *wanted)
{
    size_t i;
    json_t *tag;
    json_array_foreach(tags, i, tag)
    {
        if (g_strcmp0(json_string_value(tag), wanted) == 0) {
            return true;
        }
    }
    return false;
}

/* Glance's "in:a,b": one of these. What has a comma stands in quotation marks. */
static bool
is_listed(const char *list, const char *value)
{
    while (*list != '\0') {
        bool is_quoted = *list == '"';
        const char *begin = list + is_quoted;
        size_t size = strcspn(begin, is_quoted ? "\"" : ",");
        if (size == strlen(value) && strncmp(begin, value, size) == 0) {
            return true;
        }
        list = begin + size;
        list += strcspn(list, ",");
        list += *list == ',';
    }
    return false;
}

static bool
matches_value(const char *name, const char *wanted, const char *value)
{
    static const char *const lists[] = {
        "id", "name", "status", "container_format", "disk_format", NULL};
    return g_str_has_prefix(wanted, "in:") && g_strv_contains(lists, name)
        ? is_listed(wanted + strlen("in:"), value)
        : strcmp(wanted, value) == 0;
}

/* Every ?tag= must be there, and every other name that is not known here is that of a property. */
static bool
matches_others(const ApiContext *context, const json_t *view)
{
    static const char *const handled[] = {"limit", "marker", "sort", "sort_key", "sort_dir", "tag",
        "os_hidden", "protected", "member_status", "visibility", NULL};
    for (size_t i = 0; i < http_request_n_queries(context->request); i++) {
        const char *name;
        const char *wanted;
        http_request_query_at(context->request, i, &name, &wanted);
        if (strcmp(name, "tag") == 0) {
            if (!has_tag(json_object_get(view, "tags"), wanted)) {
                return false;
            }
        } else if (!g_strv_contains(handled, name) &&
            !matches_value(name, wanted, body_string(view, name, ""))) {
            return false;
        }
    }
    return true;
}

static bool
matches(const ApiContext *context, const Image *image, const json_t *view)
{
    const char *visibility = api_query(context, "visibility");
    return (visibility == NULL || strcmp(visibility, "all") == 0 ||
               strcmp(visibility, image->visibility) == 0) &&
        query_bool(context->request, "os_hidden", false) == image->is_hidden &&
        query_bool(context->request, "protected", image->is_protected) == image->is_protected &&
        matches_others(context, view);
}

/* ---- order: "sort=name:asc,created_at:desc", or sort_key and sort_dir ---- */

typedef struct SortKey {
    char *name;
    bool is_ascending;
} SortKey;

static void
sort_key_clear(void *data)
{
    g_free(((SortKey *)data)->name);
}

static bool
add_sort_key(GArray *keys, const char *name, const char *direction, GError **error)
{
    static const char *const known[] = {"name", "status", "container_format", "disk_format", "size",
        "id", "created_at", "updated_at", NULL};
    if (!g_strv_contains(known, name)) {
        return error_set(error, ERROR_INVALID, "Invalid sort key: %s", name);
    }
    if (direction != NULL && strcmp(direction, "asc") != 0 && strcmp(direction, "desc") != 0) {
        return error_set(error, ERROR_INVALID, "Invalid sort direction: %s", direction);
    }
    SortKey key = {g_strdup(name), direction != NULL && strcmp(direction, "asc") == 0};
    g_array_append_val(keys, key);
    return true;
}

static GArray *
parse_sort(const ApiContext *context, GError **error)
{
    g_autoptr(GArray) keys = g_array_new(FALSE, FALSE, sizeof(SortKey));
    g_array_set_clear_func(keys, sort_key_clear);
    const char *sort = api_query(context, "sort");
    const char *key = api_query(context, "sort_key");
    if (key != NULL && !add_sort_key(keys, key, api_query(context, "sort_dir"), error)) {
        return NULL;
    }
    g_auto(GStrv) items = g_strsplit(sort == NULL ? "" : sort, ",", 8);
    for (char **item = items; *item != NULL; item++) {
        g_auto(GStrv) parts = g_strsplit(*item, ":", 2);
        if (!add_sort_key(keys, parts[0], parts[1], error)) {
            return NULL;
        }
    }
    return g_steal_pointer(&keys);
}

static int
compare_values(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) || json_is_integer(b)) {
        json_int_t left = json_is_integer(a) ? json_integer_value(a) : -1;
        json_int_t right = json_is_integer(b) ? json_integer_value(b) : -1;
        return (left > right) - (left < right);
    }
    return g_strcmp0(json_string_value(a), json_string_value(b));
}

/* The store gives them newest first, and the sort is stable: that is the last key. */
static int
compare_views(const void *a, const void *b, void *data)
{
    const GArray *keys = data;
    for (unsigned i = 0; i < keys->len; i++) {
        const SortKey *key = &g_array_index(keys, SortKey, i);
        int order = compare_values(json_object_get(*(json_t *const *)a, key->name),
            json_object_get(*(json_t *const *)b, key->name));
        if (order != 0) {
            return key->is_ascending ? order : -order;
        }
    }
    return 0;
}

/* ---- pages ---- */

/* The first row after the marker; -1 and an error when there is no such row. */
static int
find_start(const GPtrArray *views, const char *marker, GError **error)
{
    if (marker == NULL) {
        return 0;
    }
    for (unsigned i = 0; i < views->len; i++) {
        if (strcmp(body_string(views->pdata[i], "id", ""), marker) == 0) {
            return (int)i + 1;
        }
    }
    error_set(error, ERROR_INVALID, "Invalid marker. Image %s could not be found.", marker);
    return -1;
}

static char *
next_path(const ApiContext *context, const char *marker)
{
    g_autofree char *url = api_next_url(context, marker);
    return g_strconcat("/v2/images", strchr(url, '?'), NULL);
}

static json_t *
make_page(const ApiContext *context, const GPtrArray *views, GError **error)
{
    Paging paging;
    if (!api_paging(context, &paging, error)) {
        return NULL;
    }
    int start = find_start(views, paging.marker, error);
    if (start < 0) {
        return NULL;
    }
    int limit = api_query(context, "limit") == NULL ? DEFAULT_LIMIT : paging.limit;
    json_t *rows = json_array();
    int end = MIN((int)views->len, start + limit);
    for (int i = start; i < end; i++) {
        json_array_append(rows, views->pdata[i]);
    }
    json_t *page = json_pack(
        "{s:o, s:s, s:s}", "images", rows, "first", "/v2/images", "schema", "/v2/schemas/images");
    if (end < (int)views->len && end > start) {
        g_autofree char *next = next_path(context, body_string(views->pdata[end - 1], "id", ""));
        json_object_set_new(page, "next", json_string(next));
    }
    return page;
}

HttpResponse *
image_list(ApiContext *context, GError **error)
{
    const char *project = context->is_admin ? NULL : context->identity->project_id;
    g_autoptr(GArray) keys = parse_sort(context, error);
    g_autoptr(GPtrArray) images =
        keys == NULL ? NULL : store_list_images(context->store, project, error);
    if (images == NULL) {
        return NULL;
    }
    g_autoptr(GPtrArray) views = g_ptr_array_new_with_free_func((GDestroyNotify)json_decref);
    for (unsigned i = 0; i < images->len; i++) {
        json_t *view = image_view(context, images->pdata[i]);
        g_ptr_array_add(views, view);
        if (!matches(context, images->pdata[i], view)) {
            g_ptr_array_remove_index(views, views->len - 1);
        }
    }
    g_ptr_array_sort_with_data(views, compare_views, keys);
    json_t *page = make_page(context, views, error);
    return page == NULL ? NULL : api_json(200, page);
}
