/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/fault.h"
#include "api/microversion.h"
#include <string.h>

static const struct {
    ServiceId service;
    const char *new_header;
    const char *legacy_header;
    MicroversionResult result;
    int minor;
} cases[] = {
    {SERVICE_COMPUTE, NULL, NULL, MICROVERSION_OK, 1},
    {SERVICE_COMPUTE, "compute 2.53", NULL, MICROVERSION_OK, 53},
    {SERVICE_COMPUTE, "compute 2.53", "2.10", MICROVERSION_OK, 53},
    {SERVICE_COMPUTE, "Compute  2.53 ", NULL, MICROVERSION_OK, 53},
    {SERVICE_COMPUTE, NULL, "2.10", MICROVERSION_OK, 10},
    {SERVICE_COMPUTE, NULL, "latest", MICROVERSION_OK, 96},
    {SERVICE_COMPUTE, "compute latest", NULL, MICROVERSION_OK, 96},
    {SERVICE_COMPUTE, "placement 1.2, compute 2.90", NULL, MICROVERSION_OK, 90},
    {SERVICE_COMPUTE, "placement 1.2", "2.10", MICROVERSION_OK, 10},
    {SERVICE_COMPUTE, "placement 1.2", NULL, MICROVERSION_OK, 1},
    {SERVICE_COMPUTE, "compute 2.97", NULL, MICROVERSION_UNACCEPTABLE, 0},
    {SERVICE_COMPUTE, "compute 2.0", NULL, MICROVERSION_UNACCEPTABLE, 0},
    {SERVICE_COMPUTE, "compute 3.1", NULL, MICROVERSION_UNACCEPTABLE, 0},
    {SERVICE_COMPUTE, "compute 2", NULL, MICROVERSION_MALFORMED, 0},
    {SERVICE_COMPUTE, "compute", NULL, MICROVERSION_MALFORMED, 0},
    {SERVICE_COMPUTE, NULL, "2.01", MICROVERSION_MALFORMED, 0},
    {SERVICE_COMPUTE, NULL, "", MICROVERSION_MALFORMED, 0},
    {SERVICE_COMPUTE, NULL, "2.1.1", MICROVERSION_MALFORMED, 0},
    {SERVICE_COMPUTE, NULL, "-2.1", MICROVERSION_MALFORMED, 0},
    {SERVICE_COMPUTE, NULL, "2.99999999999999", MICROVERSION_MALFORMED, 0},
    {SERVICE_PLACEMENT, NULL, NULL, MICROVERSION_OK, 0},
    {SERVICE_PLACEMENT, "placement 1.29", NULL, MICROVERSION_OK, 29},
    {SERVICE_PLACEMENT, NULL, "2.10", MICROVERSION_OK, 0},
    {SERVICE_IMAGE, "image 9.9", NULL, MICROVERSION_OK, 0},
};

static void
test_negotiate(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        int minor = 0;
        g_autofree char *text = NULL;
        MicroversionResult result = microversion_negotiate(service_get(cases[i].service),
            cases[i].new_header, cases[i].legacy_header, &minor, &text);
        g_test_message("case %zu", i);
        g_assert_cmpint(result, ==, cases[i].result);
        g_assert_cmpint(minor, ==, cases[i].minor);
        g_assert_true((text == NULL) == (result == MICROVERSION_OK));
    }
}

static void
test_headers(void)
{
    g_autoptr(HttpResponse) response = http_response_new(200);
    microversion_set_headers(service_get(SERVICE_COMPUTE), 53, response);
    g_assert_cmpstr(http_response_header(response, "OpenStack-API-Version"), ==, "compute 2.53");
    g_assert_cmpstr(http_response_header(response, "X-OpenStack-Nova-API-Version"), ==, "2.53");
    g_assert_cmpstr(http_response_header(response, "Vary"), ==,
        "OpenStack-API-Version, X-OpenStack-Nova-API-Version");
}

static void
assert_body(HttpResponse *take_response, int status, const char *body)
{
    size_t size;
    g_autoptr(HttpResponse) response = take_response;
    g_assert_cmpint(http_response_status(response), ==, status);
    g_assert_cmpstr(http_response_body(response, &size), ==, body);
}

static void
test_fault_bodies(void)
{
    const Service *nova = service_get(SERVICE_COMPUTE);
    assert_body(fault_new(nova, "req-1", 404, "gone"), 404,
        "{\"itemNotFound\":{\"code\":404,\"message\":\"gone\"}}");
    assert_body(fault_new(nova, "req-1", 418, "odd"), 418,
        "{\"computeFault\":{\"code\":418,\"message\":\"odd\"}}");
    assert_body(fault_new(service_get(SERVICE_IDENTITY), "req-1", 409, "twice"), 409,
        "{\"error\":{\"code\":409,\"message\":\"twice\",\"title\":\"Conflict\"}}");
    assert_body(fault_new(service_get(SERVICE_NETWORK), "req-1", 404, "gone"), 404,
        "{\"NeutronError\":{\"type\":\"NotFound\",\"message\":\"gone\",\"detail\":\"\"}}");
    assert_body(fault_new(service_get(SERVICE_PLACEMENT), "req-1", 400, "bad"), 400,
        "{\"errors\":[{\"status\":400,\"title\":\"Bad Request\",\"detail\":\"bad\","
        "\"request_id\":\"req-1\"}]}");
    assert_body(fault_new_unacceptable(nova, "req-1", "2.97"), 406,
        "{\"computeFault\":{\"code\":406,\"message\":\"Version 2.97 is not supported by the API. "
        "Minimum is 2.1 and maximum is 2.96.\"}}");
    assert_body(fault_new_unauthorized("http://h/identity"), 401,
        "{\"error\":{\"code\":401,\"title\":\"Unauthorized\",\"message\":\"The request you have "
        "made requires authentication.\"}}");
}

/* Paths and the like are for the log. */
static void
test_internal_errors_are_not_told(void)
{
    size_t size;
    g_autoptr(GError) error = NULL;
    error_set(&error, ERROR_INTERNAL, "cannot write '/var/lib/secret'");
    g_autoptr(HttpResponse) response =
        fault_new_from_error(service_get(SERVICE_COMPUTE), "req-1", error);
    g_assert_cmpint(http_response_status(response), ==, 500);
    g_assert_null(strstr(http_response_body(response, &size), "secret"));
    g_assert_nonnull(strstr(http_response_body(response, &size), "req-1"));
}

static void
test_services_by_path(void)
{
    g_assert_cmpstr(service_find_by_path("/compute/v2.1/servers")->type, ==, "compute");
    g_assert_cmpstr(service_find_by_path("/compute")->type, ==, "compute");
    g_assert_cmpstr(service_find_by_path("/computer")->type, ==, "root");
    g_assert_cmpstr(service_find_by_path("/")->type, ==, "root");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/microversion/negotiate", test_negotiate);
    g_test_add_func("/microversion/headers", test_headers);
    g_test_add_func("/fault/bodies", test_fault_bodies);
    g_test_add_func("/fault/internal-errors-are-not-told", test_internal_errors_are_not_told);
    g_test_add_func("/service/by-path", test_services_by_path);
    return g_test_run();
}
