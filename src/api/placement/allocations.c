/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What instances hold: their claims, whose sum a host's usages are. While an instance moves, and
 * until its move is confirmed, it holds something of two hosts. */
#include "api/placement/placement.h"

#include <string.h>

static json_t *
view_claim(const ClaimRow *claim)
{
    Amounts amounts = {0};
    placement_add_claim(claim, &amounts);
    return placement_view_amounts(&amounts, NULL);
}

HttpResponse *
placement_list_provider_allocations(ApiContext *context, GError **error)
{
    g_autoptr(Host) host = placement_get_host(context, error);
    g_autoptr(GPtrArray) claims = host == NULL
        ? NULL
        : store_list_claims(context->store, CLAIMS_OF_HOST, host->name, error);
    if (claims == NULL) {
        return NULL;
    }
    json_t *allocations = json_object();
    for (unsigned i = 0; i < claims->len; i++) {
        const ClaimRow *claim = claims->pdata[i];
        json_t *view = json_pack("{s:o}", "resources", view_claim(claim));
        if (context->minor >= 28) {
            json_object_set_new(view, "consumer_generation", json_integer(PLACEMENT_GENERATION));
        }
        json_object_set_new(allocations, claim->instance_id, view);
    }
    return api_json(200,
        json_pack("{s:o, s:i}", "allocations", allocations, "resource_provider_generation",
            PLACEMENT_GENERATION));
}

static void
add_consumer(const ApiContext *context, const ClaimRow *claim, json_t *view)
{
    if (context->minor >= 12) {
        json_object_set_new(view, "project_id", json_string(claim->project_id));
        json_object_set_new(view, "user_id", json_string(claim->user_id));
    }
    if (context->minor >= 28) {
        json_object_set_new(view, "consumer_generation", json_integer(PLACEMENT_GENERATION));
    }
    if (context->minor >= 38) {
        json_object_set_new(view, "consumer_type", json_string("INSTANCE"));
    }
}

/* By the ids of the providers. */
static json_t *
view_consumer(ApiContext *context, const GPtrArray *claims, GError **error)
{
    json_auto_t *allocations = json_object();
    for (unsigned i = 0; i < claims->len; i++) {
        const ClaimRow *claim = claims->pdata[i];
        g_autoptr(Host) host = store_get_host(context->store, claim->host, error);
        if (host == NULL) {
            return NULL;
        }
        json_object_set_new(allocations, host->hypervisor_id,
            json_pack("{s:i, s:o}", "generation", PLACEMENT_GENERATION, "resources",
                view_claim(claim)));
    }
    return g_steal_pointer(&allocations);
}

/* An unknown consumer holds nothing: that is no error in this API. */
HttpResponse *
placement_show_allocations(ApiContext *context, GError **error)
{
    g_autoptr(GPtrArray) claims = store_list_claims(
        context->store, CLAIMS_OF_INSTANCE, api_param(context, "consumer"), error);
    json_t *allocations = claims != NULL ? view_consumer(context, claims, error) : NULL;
    if (allocations == NULL) {
        return NULL;
    }
    json_t *view = json_pack("{s:o}", "allocations", allocations);
    if (claims->len > 0) {
        add_consumer(context, claims->pdata[0], view);
    }
    return api_json(200, view);
}

/* Of the whole project, or of one of its users. */
HttpResponse *
placement_show_project_usages(ApiContext *context, GError **error)
{
    Amounts sum = {0};
    int consumers = 0;
    const char *last = "";
    const char *project = api_query(context, "project_id");
    const char *user = api_query(context, "user_id");
    if (project == NULL) {
        error_set(error, ERROR_INVALID, "'project_id' is a required property");
        return NULL;
    }
    g_autoptr(GPtrArray) claims =
        store_list_claims(context->store, CLAIMS_OF_PROJECT, project, error);
    if (claims == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < claims->len; i++) {
        const ClaimRow *claim = claims->pdata[i];
        if (user != NULL && g_strcmp0(claim->user_id, user) != 0) {
            continue;
        }
        placement_add_claim(claim, &sum);
        consumers += strcmp(claim->instance_id, last) != 0;
        last = claim->instance_id;
    }
    json_t *resources = placement_view_amounts(&sum, NULL);
    if (context->minor >= 38) {
        json_object_set_new(resources, "consumer_count", json_integer(consumers));
        return api_json(200, json_pack("{s:{s:o}}", "usages", "INSTANCE", resources));
    }
    return api_json(200, json_pack("{s:o}", "usages", resources));
}
