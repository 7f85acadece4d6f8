/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/compute/compute.h"
#include "base/json.h"

#include <string.h>

/* Written without formats: a list has hundreds of them. */
static json_t *
make_link(const ApiContext *context, const char *rel, const char *root, const char *collection,
    const char *id)
{
    json_t *link = json_object();
    json_object_set_new(link, "rel", json_string(rel));
    g_autofree char *href = g_strconcat(context->base_url, root, collection, "/", id, NULL);
    json_object_set_new(link, "href", json_string(href));
    return link;
}

json_t *
compute_links(const ApiContext *context, const char *collection, const char *id)
{
    json_t *links = json_array();
    json_array_append_new(links, make_link(context, "self", "/compute/v2.1/", collection, id));
    json_array_append_new(links, make_link(context, "bookmark", "/compute/", collection, id));
    return links;
}

json_t *
compute_reference(const ApiContext *context, const char *collection, const char *id)
{
    json_t *links = json_array();
    json_array_append_new(links, make_link(context, "bookmark", "/compute/", collection, id));
    json_t *reference = json_object();
    json_object_set_new(reference, "id", json_string(id));
    json_object_set_new(reference, "links", links);
    return reference;
}

HttpResponse *
compute_reply_list(
    ApiContext *context, const char *name, json_t *take_rows, const char *next_marker)
{
    json_t *reply = json_pack("{s:o}", name, take_rows);
    if (next_marker != NULL) {
        g_autofree char *links = g_strconcat(name, "_links", NULL);
        json_object_set_new(
            reply, links, json_pack("[o]", api_link("next", api_next_url(context, next_marker))));
    }
    return api_json(200, reply);
}

json_t *
compute_parse_stored(const char *text)
{
    json_t *value = text != NULL
        ? json_parse(text, strlen(text), JSON_REQUEST_SIZE_MAX, JSON_DEPTH_MAX, NULL)
        : NULL;
    return value != NULL ? value : json_object();
}
