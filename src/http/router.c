/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* A tree of path parts: each node has its literal children by name, one child for any {name}, and
 * the routes that end here, one for each method. */
#include "http/router.h"

#include <string.h>

typedef struct Endpoint {
    const HttpRoute *route;
    char *template_path;
    void *data;
    GPtrArray *param_names;
    GArray *param_parts; /* size_t */
} Endpoint;

typedef struct Node {
    GHashTable *literals; /* part -> Node; NULL = none */
    struct Node *param;   /* NULL = none */
    GPtrArray *endpoints; /* Endpoint, borrowed from the router */
    char *allow;          /* the methods of the endpoints, NULL = none */
} Node;

struct HttpRouter {
    Node *root;
    GPtrArray *endpoints; /* in the order of the tables */
};

static Node *
node_new(void)
{
    Node *node = g_new0(Node, 1);
    node->endpoints = g_ptr_array_new();
    return node;
}

static void
node_free(void *data)
{
    Node *node = data;
    if (node != NULL) {
        g_clear_pointer(&node->literals, g_hash_table_unref);
        node_free(node->param);
        g_ptr_array_unref(node->endpoints);
        g_free(node->allow);
        g_free(node);
    }
}

static void
endpoint_free(void *data)
{
    Endpoint *endpoint = data;
    g_free(endpoint->template_path);
    g_ptr_array_unref(endpoint->param_names);
    g_array_unref(endpoint->param_parts);
    g_free(endpoint);
}

HttpRouter *
http_router_new(void)
{
    HttpRouter *router = g_new0(HttpRouter, 1);
    router->root = node_new();
    router->endpoints = g_ptr_array_new_with_free_func(endpoint_free);
    return router;
}

void
http_router_free(HttpRouter *router)
{
    if (router != NULL) {
        node_free(router->root);
        g_ptr_array_unref(router->endpoints);
        g_free(router);
    }
}

static Node *
grow_literal(Node *node, const char *part)
{
    if (node->literals == NULL) {
        node->literals = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, node_free);
    }
    Node *child = g_hash_table_lookup(node->literals, part);
    if (child == NULL) {
        child = node_new();
        g_hash_table_insert(node->literals, g_strdup(part), child);
    }
    return child;
}

/* The node of the template; the names on the way go into the endpoint. */
static Node *
grow(Node *node, const char *template_path, Endpoint *endpoint)
{
    g_auto(GStrv) parts = g_strsplit(template_path, "/", -1);
    size_t n_parts = 0;
    for (char **part = parts; *part != NULL; part++) {
        size_t length = strlen(*part);
        if (length == 0) {
            continue;
        }
        if (**part != '{') {
            node = grow_literal(node, *part);
        } else {
            g_assert(length > 2 && (*part)[length - 1] == '}');
            g_ptr_array_add(endpoint->param_names, g_strndup(*part + 1, length - 2));
            g_array_append_val(endpoint->param_parts, n_parts);
            node->param = node->param != NULL ? node->param : node_new();
            node = node->param;
        }
        n_parts++;
    }
    return node;
}

static const Endpoint *
find_endpoint(const Node *node, const char *method)
{
    for (unsigned i = 0; i < node->endpoints->len; i++) {
        const Endpoint *endpoint = g_ptr_array_index(node->endpoints, i);
        if (strcmp(endpoint->route->method, method) == 0) {
            return endpoint;
        }
    }
    return NULL;
}

static void
add_method(Node *node, Endpoint *endpoint)
{
    const char *method = endpoint->route->method;
    g_assert(find_endpoint(node, method) == NULL);
    g_ptr_array_add(node->endpoints, endpoint);
    const char *both = strcmp(method, "GET") == 0 ? "GET, HEAD" : method;
    char *allow = node->allow == NULL ? g_strdup(both) : g_strconcat(node->allow, ", ", both, NULL);
    g_free(node->allow);
    node->allow = allow;
}

void
http_router_add_table(
    HttpRouter *router, const char *prefix, const HttpRoute *routes, size_t n_routes, void *data)
{
    for (size_t i = 0; i < n_routes; i++) {
        Endpoint *endpoint = g_new0(Endpoint, 1);
        endpoint->route = &routes[i];
        endpoint->data = data;
        endpoint->template_path = g_strconcat(prefix, routes[i].path, NULL);
        endpoint->param_names = g_ptr_array_new_with_free_func(g_free);
        endpoint->param_parts = g_array_new(FALSE, FALSE, sizeof(size_t));
        g_ptr_array_add(router->endpoints, endpoint);
        add_method(grow(router->root, endpoint->template_path, endpoint), endpoint);
    }
}

/* The first node, literals before {name}, at which the parts end and something is served. Its depth
 * is bounded by the tables, not by the request. */
static const Node *
find_node(const Node *node, const char *const *parts, size_t n_parts)
{
    if (n_parts == 0) {
        return node->endpoints->len > 0 ? node : NULL;
    }
    const Node *literal =
        node->literals != NULL ? g_hash_table_lookup(node->literals, *parts) : NULL;
    const Node *found = literal != NULL ? find_node(literal, parts + 1, n_parts - 1) : NULL;
    if (found == NULL && node->param != NULL) {
        found = find_node(node->param, parts + 1, n_parts - 1);
    }
    return found;
}

bool
http_router_find(const HttpRouter *router, const char *method, const char *const *parts,
    size_t n_parts, HttpMatch *ret_match)
{
    const Node *node = find_node(router->root, parts, n_parts);
    if (node == NULL) {
        *ret_match = (HttpMatch){0};
        return false;
    }
    const Endpoint *endpoint = find_endpoint(node, method);
    if (endpoint == NULL && strcmp(method, "HEAD") == 0) {
        endpoint = find_endpoint(node, "GET");
    }
    if (endpoint == NULL) {
        *ret_match = (HttpMatch){.allow = node->allow};
        return false;
    }
    *ret_match = (HttpMatch){
        .route = endpoint->route,
        .template_path = endpoint->template_path,
        .data = endpoint->data,
        .n_params = endpoint->param_names->len,
        .param_names = (const char *const *)endpoint->param_names->pdata,
        .param_parts = (const size_t *)endpoint->param_parts->data,
    };
    return true;
}

void
http_router_foreach(const HttpRouter *router, HttpRouteVisitor visit, void *data)
{
    for (unsigned i = 0; i < router->endpoints->len; i++) {
        const Endpoint *endpoint = g_ptr_array_index(router->endpoints, i);
        visit(endpoint->route, endpoint->template_path, data);
    }
}
