/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cli/find.h"

#include "base/error.h"

#include <string.h>

/* The one of rows whose id or name is the text; ids win. */
static json_t *
pick(const json_t *rows, const char *what, const char *text, GError **error)
{
    json_t *found = NULL;
    int n_named = 0;
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(rows, i, row)
    {
        g_autofree char *id = find_id(row);
        if (g_strcmp0(id, text) == 0) {
            return json_incref(row);
        }
        if (g_strcmp0(json_string_value(json_object_get(row, "name")), text) == 0) {
            found = row;
            n_named++;
        }
    }
    if (n_named == 1) {
        return json_incref(found);
    }
    if (n_named == 0) {
        error_set(error, ERROR_NOT_FOUND, "there is no %s '%s'", what, text);
    } else {
        error_set(error, ERROR_CONFLICT, "there are %d of the name '%s': say which %s by its id",
            n_named, text, what);
    }
    return NULL;
}

static bool
is_admin(Session *session)
{
    size_t i = 0;
    json_t *role = NULL;
    json_array_foreach(json_object_get(session_token(session), "roles"), i, role)
    {
        if (g_strcmp0(json_string_value(json_object_get(role, "name")), "admin") == 0) {
            return true;
        }
    }
    return false;
}

json_t *
find_server(Session *session, const char *name_or_id, GError **error)
{
    if (g_uuid_string_is_valid(name_or_id)) {
        g_autoptr(GError) problem = NULL;
        g_autofree char *path = session_path("/servers/%s", name_or_id);
        json_auto_t *answer = session_get(session, "compute", path, &problem);
        if (answer != NULL) {
            return json_incref(json_object_get(answer, "server"));
        }
        /* It may be a name all the same. */
        if (!error_is(problem, ERROR_NOT_FOUND)) {
            g_propagate_error(error, g_steal_pointer(&problem));
            return NULL;
        }
    }
    g_autofree char *regex = g_regex_escape_string(name_or_id, -1);
    g_autofree char *path = session_path("/servers/detail?name=%s", regex);
    g_autofree char *all = g_strconcat(path, is_admin(session) ? "&all_tenants=True" : "", NULL);
    json_auto_t *rows = session_list(session, "compute", all, "servers", error);
    return rows != NULL ? pick(rows, "server", name_or_id, error) : NULL;
}

static json_t *
find_in(Session *session, const char *service, const char *path, const char *key, const char *what,
    const char *text, GError **error)
{
    json_auto_t *rows = session_list(session, service, path, key, error);
    return rows != NULL ? pick(rows, what, text, error) : NULL;
}

json_t *
find_flavor(Session *session, const char *name_or_id, GError **error)
{
    return find_in(session, "compute", "/flavors/detail", "flavors", "flavor", name_or_id, error);
}

json_t *
find_image(Session *session, const char *name_or_id, GError **error)
{
    return find_in(session, "image", "/images", "images", "image", name_or_id, error);
}

json_t *
find_network(Session *session, const char *name_or_id, GError **error)
{
    return find_in(session, "network", "/networks", "networks", "network", name_or_id, error);
}

json_t *
find_volume(Session *session, const char *name_or_id, GError **error)
{
    return find_in(
        session, "volumev3", "/volumes/detail", "volumes", "volume", name_or_id, error);
}

json_t *
find_project(Session *session, const char *name_or_id, GError **error)
{
    return find_in(session, "identity", "/projects", "projects", "project", name_or_id, error);
}

json_t *
find_user(Session *session, const char *name_or_id, GError **error)
{
    return find_in(session, "identity", "/users", "users", "user", name_or_id, error);
}

json_t *
find_role(Session *session, const char *name_or_id, GError **error)
{
    return find_in(session, "identity", "/roles", "roles", "role", name_or_id, error);
}

json_t *
find_server_group(Session *session, const char *name_or_id, GError **error)
{
    return find_in(session, "compute", "/os-server-groups", "server_groups", "server group",
        name_or_id, error);
}

json_t *
find_aggregate(Session *session, const char *name_or_id, GError **error)
{
    return find_in(
        session, "compute", "/os-aggregates", "aggregates", "aggregate", name_or_id, error);
}

char *
find_id(const json_t *object)
{
    const json_t *id = json_object_get(object, "id");
    return json_is_integer(id) ? g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(id))
                               : g_strdup(json_string_value(id));
}
