/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/compute/compute.h"
#include "base/json.h"

#include <string.h>

json_t *
compute_links(const ApiContext *context, const char *collection, const char *id)
{
    return json_pack("[o, o]",
        api_link("self", api_url(context, "/compute/v2.1/%s/%s", collection, id)),
        api_link("bookmark", api_url(context, "/compute/%s/%s", collection, id)));
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
