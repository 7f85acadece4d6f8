/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Instances in short, for whoever shows very many of them: the Compute API's list takes
 * several times as much to make, to send and to read. */
#include "api/compute/compute.h"
#include "api/drover/drover.h"

static json_t *
view_addresses(const Instance *instance)
{
    json_t *addresses = json_array();
    for (unsigned i = 0; i < instance->ports->len; i++) {
        const Port *port = instance->ports->pdata[i];
        json_array_append_new(addresses, api_string_or_null(port->address));
    }
    return addresses;
}

/* As they were asked for with the create; NULL: it has none. */
static json_t *
view_hints(const Instance *instance)
{
    json_t *hints = json_object();

    if (instance->group_id != NULL) {
        json_object_set_new(hints, "group", json_string(instance->group_id));
    }
    if (instance->same_host != NULL) {
        json_object_set_new(hints, "same_host", drover_view_ids(instance->same_host));
    }
    if (instance->different_host != NULL) {
        json_object_set_new(hints, "different_host", drover_view_ids(instance->different_host));
    }
    if (json_object_size(hints) == 0) {
        json_decref(hints);
        return NULL;
    }
    return hints;
}

/* The host is an administrator's to see, here as in the Compute API. */
static json_t *
view_instance(const ApiContext *context, const Instance *instance)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:o, s:b, s:o, s:o*}", "id", instance->id,
        "name", instance->name, "status", instance_status(instance), "task_state",
        api_string_or_null(instance_task_state(instance)), "host",
        api_string_or_null(context->is_admin ? instance->host : NULL), "project_id",
        instance->project_id, "flavor", instance->flavor.name, "addresses",
        view_addresses(instance), "locked", instance->locked, "fault",
        api_string_or_null(compute_shows_fault(instance) ? instance->fault.message : NULL),
        "scheduler_hints", view_hints(instance));
}

static const QueryField list_query[] = {
    {"id", QUERY_UUID},
    {"changes-since", QUERY_TIME},
    {"limit", QUERY_INTEGER},
    {"marker", QUERY_UUID},
    {0},
};

/* By name: one's project's, an administrator's are all. Deleted ones are there, as DELETED, when
 * what has changed since a time is asked for. */
HttpResponse *
drover_list_instances(ApiContext *context, GError **error)
{
    Paging paging;
    if (!validate_query(context->request, list_query, 1, 1, error) ||
        !api_paging(context, &paging, error)) {
        return NULL;
    }
    InstanceFilter filter = {
        .project_id = context->is_admin ? NULL : context->identity->project_id,
        .id = api_query(context, "id"),
        .power_state = -1,
        .locked = -1,
        .sort_key = "display_name",
        .sort_ascending = true,
        .marker = paging.marker,
        .limit = paging.limit,
    };
    const char *since = api_query(context, "changes-since");
    if (since != NULL) {
        filter.with_deleted = time_parse(since, &filter.changed_since_us);
    }
    g_autoptr(GPtrArray) instances = store_list_instances(context->store, &filter, error);
    if (instances == NULL) {
        return NULL;
    }
    json_t *views = json_array();
    for (unsigned i = 0; i < instances->len; i++) {
        json_array_append_new(views, view_instance(context, instances->pdata[i]));
    }
    json_t *reply = json_pack("{s:o}", "instances", views);
    if ((int)instances->len == paging.limit) {
        const Instance *last = instances->pdata[instances->len - 1];
        json_object_set_new(reply, "instances_links",
            json_pack("[o]", api_link("next", api_next_url(context, last->id))));
    }
    return api_json(200, reply);
}
