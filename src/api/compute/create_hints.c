/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/compute/create.h"

#include "model/neighbour.h"

/* One is so much: each costs a look while a host is chosen. */
enum { MAX_NAMED = 128 };

static const json_t *
hint_of(ApiContext *context, const char *name)
{
    const json_t *hints = json_object_get(context->body, "os:scheduler_hints");
    hints = hints != NULL ? hints : json_object_get(context->body, "OS-SCH-HNT:scheduler_hints");
    const json_t *hint = json_object_get(hints, name);
    return json_is_null(hint) ? NULL : hint;
}

static bool
refuse_hint(const char *name, const json_t *hint, GError **error)
{
    g_autofree char *repr = json_to_repr(hint);
    return error_set(error, ERROR_INVALID,
        "Invalid input for field/attribute %s. Value: %s. %s is not a 'uuid'", name, repr, repr);
}

/* The hint "group": the servers of a request are its members. */
static bool
read_group(ApiContext *context, Instance *instance, GError **error)
{
    const json_t *hint = hint_of(context, "group");
    if (hint == NULL) {
        return true;
    }
    const char *id = json_string_value(hint);
    if (id == NULL || !is_uuid(id)) {
        return refuse_hint("group", hint, error);
    }
    g_autoptr(ServerGroup) group = compute_get_server_group(context, id, ERROR_INVALID, error);
    if (group == NULL) {
        return false;
    }
    instance->group_id = g_strdup(group->id);
    return true;
}

static bool
add_named(GString *ids, const char *name, const json_t *value, GError **error)
{
    const char *id = json_string_value(value);
    if (id == NULL || !is_uuid(id)) {
        return refuse_hint(name, value, error);
    }
    g_autofree char *lower = g_ascii_strdown(id, -1);
    if (!neighbour_is_named(ids->str, lower)) {
        g_string_append_printf(ids, "%s%s", ids->len > 0 ? "," : "", lower);
    }
    return true;
}

/* "same_host", "different_host": one id, or a list of them. Nobody looks whether there are such
 * servers: Nova does not either, and they may come later. */
static bool
read_named(ApiContext *context, const char *name, char **ret_ids, GError **error)
{
    g_autoptr(GString) ids = g_string_new(NULL);
    const json_t *hint = hint_of(context, name);
    if (json_array_size(hint) > MAX_NAMED) {
        return error_set(error, ERROR_INVALID, "Invalid input for field/attribute %s: it names %zu "
            "servers, and %d may be named; use a server group.", name, json_array_size(hint),
            MAX_NAMED);
    }
    if (hint != NULL && !json_is_array(hint) && !add_named(ids, name, hint, error)) {
        return false;
    }
    size_t i;
    const json_t *value;
    json_array_foreach(hint, i, value)
    {
        if (!add_named(ids, name, value, error)) {
            return false;
        }
    }
    *ret_ids = ids->len > 0 ? g_string_free(g_steal_pointer(&ids), FALSE) : NULL;
    return true;
}

bool
create_read_hints(ApiContext *context, Instance *instance, GError **error)
{
    return read_group(context, instance, error) &&
        read_named(context, "same_host", &instance->same_host, error) &&
        read_named(context, "different_host", &instance->different_host, error);
}
