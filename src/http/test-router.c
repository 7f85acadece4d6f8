/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "http/router.h"

static HttpResponse *
no_handler(HttpRequest *request, void *data)
{
    return NULL;
}

static const HttpRoute routes[] = {
    {"GET", "", no_handler},
    {"GET", "/servers", no_handler},
    {"POST", "/servers", no_handler},
    {"GET", "/servers/detail", no_handler},
    {"GET", "/servers/{id}", no_handler},
    {"DELETE", "/servers/{id}", no_handler},
    {"POST", "/servers/{server_id}/action", no_handler},
    {"GET", "/servers/{server_id}/migrations/{id}/", no_handler},
};
static const HttpRoute others[] = {{"GET", "/v2/images", no_handler}};

typedef struct Case {
    const char *method;
    const char *path;
    const char *template_path; /* NULL = none */
    const char *allow;
    const char *params; /* "name=value,..." */
} Case;

static const Case cases[] = {
    {"GET", "v2.1", "/v2.1", NULL, ""},
    {"GET", "v2.1/servers", "/v2.1/servers", NULL, ""},
    {"HEAD", "v2.1/servers", "/v2.1/servers", NULL, ""},
    {"POST", "v2.1/servers", "/v2.1/servers", NULL, ""},
    {"GET", "v2.1/servers/detail", "/v2.1/servers/detail", NULL, ""},
    {"GET", "v2.1/servers/abc", "/v2.1/servers/{id}", NULL, "id=abc"},
    {"DELETE", "v2.1/servers/abc", "/v2.1/servers/{id}", NULL, "id=abc"},
    /* A literal that leads nowhere does not hide the {name} beside it. */
    {"POST", "v2.1/servers/detail/action", "/v2.1/servers/{server_id}/action", NULL,
        "server_id=detail"},
    {"GET", "v2.1/servers/a/migrations/7", "/v2.1/servers/{server_id}/migrations/{id}/", NULL,
        "server_id=a,id=7"},
    {"GET", "v2/images", "/v2/images", NULL, ""},
    {"PUT", "v2.1/servers", NULL, "GET, HEAD, POST", ""},
    {"HEAD", "v2.1/servers/a/action", NULL, "POST", ""},
    {"GET", "v2.1/nothing/else", NULL, NULL, ""},
    {"GET", "v2.1/servers/a/b", NULL, NULL, ""},
    {"GET", "servers", NULL, NULL, ""},
    {"GET", "", NULL, NULL, ""},
    /* The form with a project's id in front. */
    {"GET", "v2.1/p1/servers", "/v2.1/{project_id}/servers", NULL, "project_id=p1"},
    {"GET", "v2.1/servers/servers", "/v2.1/servers/{id}", NULL, "id=servers"},
};

static void
check_case(const HttpRouter *router, const Case *expected)
{
    g_auto(GStrv) parts = g_strsplit(expected->path, "/", -1);
    HttpMatch match;
    bool is_found = http_router_find(
        router, expected->method, (const char *const *)parts, g_strv_length(parts), &match);
    g_assert_cmpint(is_found, ==, match.route != NULL);
    g_assert_cmpstr(match.template_path, ==, expected->template_path);
    g_assert_cmpstr(match.allow, ==, expected->allow);
    g_autoptr(GString) params = g_string_new("");
    for (size_t i = 0; i < match.n_params; i++) {
        g_string_append_printf(
            params, "%s%s=%s", i > 0 ? "," : "", match.param_names[i], parts[match.param_parts[i]]);
    }
    g_assert_cmpstr(params->str, ==, expected->params);
}

static HttpRouter *
new_router(void)
{
    HttpRouter *router = http_router_new();
    http_router_add_table(router, "/v2.1", routes, G_N_ELEMENTS(routes), NULL);
    http_router_add_table(router, "/v2.1/{project_id}", routes, G_N_ELEMENTS(routes), NULL);
    http_router_add_table(router, "", others, G_N_ELEMENTS(others), (void *)others);
    return router;
}

static void
test_each_path_finds_its_route(void)
{
    g_autoptr(HttpRouter) router = new_router();
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        check_case(router, &cases[i]);
    }
}

static void
test_data_of_the_table_comes_with_the_route(void)
{
    g_autoptr(HttpRouter) router = new_router();
    HttpMatch match;
    g_assert_true(http_router_find(router, "GET", (const char *[]){"v2", "images"}, 2, &match));
    g_assert_true(match.data == others);
    g_assert_true(match.route == &others[0]);
}

static void
append_route(const HttpRoute *route, const char *template_path, void *data)
{
    g_string_append_printf(data, "%s %s\n", route->method, template_path);
}

static void
test_routes_are_listed_in_order(void)
{
    g_autoptr(HttpRouter) router = http_router_new();
    http_router_add_table(router, "/x", routes, 3, NULL);
    g_autoptr(GString) text = g_string_new("");
    http_router_foreach(router, append_route, text);
    g_assert_cmpstr(text->str, ==, "GET /x\nGET /x/servers\nPOST /x/servers\n");
}

static void
test_two_routes_of_one_shape_are_a_bug(void)
{
    if (g_test_subprocess()) {
        g_autoptr(HttpRouter) router = new_router();
        const HttpRoute twice[] = {{"GET", "/servers/{other}", no_handler}};
        http_router_add_table(router, "/v2.1", twice, 1, NULL);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/router/each-path-finds-its-route", test_each_path_finds_its_route);
    g_test_add_func("/router/data-of-the-table-comes-with-the-route",
        test_data_of_the_table_comes_with_the_route);
    g_test_add_func("/router/routes-are-listed-in-order", test_routes_are_listed_in_order);
    g_test_add_func(
        "/router/two-routes-of-one-shape-are-a-bug", test_two_routes_of_one_shape_are_a_bug);
    return g_test_run();
}
