/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/json.h"

#include <string.h>

#include "base/error.h"

static json_t *
parse(const char *text, GError **error)
{
    return json_parse(text, strlen(text), 1000, 4, error);
}

static void
test_good_text_comes_back(void)
{
    static const char text[] = "{\"b\":[1,2.5,null,true],\"a\":{\"x\":\"\\\"[[[[[[{{{{\"}}";
    g_autoptr(GError) error = NULL;
    json_auto_t *root = parse(text, &error);
    g_assert_no_error(error);
    g_autofree char *back = json_to_text(root);
    g_assert_cmpstr(back, ==, text);
    json_auto_t *empty = parse("{}", &error);
    g_autofree char *nothing = json_to_text(empty);
    g_assert_cmpstr(nothing, ==, "{}");
}

/* Every string, number and nesting as jansson itself writes it. */
static void
test_text_is_that_of_jansson(void)
{
    json_auto_t *root = json_object();
    for (int c = 0; c < 0x120; c++) {
        char utf8[8] = "a";
        int length = 1 + g_unichar_to_utf8((gunichar)c, utf8 + 1);
        utf8[length++] = 'b';
        g_autofree char *key = g_strdup_printf("c%d", c);
        json_object_set_new(root, key, json_stringn(utf8, (size_t)length));
    }
    json_object_set_new(root, "quote \" \\ / \n key", json_string("\xf0\x9f\x98\x80"));
    static const json_int_t integers[] = {0, 1, -1, 10, 99, -100, INT64_MAX, INT64_MIN};
    static const double reals[] = {0.0, -0.0, 1.0, 0.1, 1e300, 1e-300, -2.5};
    json_t *numbers = json_array();
    for (size_t i = 0; i < G_N_ELEMENTS(integers); i++) {
        json_array_append_new(numbers, json_integer(integers[i]));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(reals); i++) {
        json_array_append_new(numbers, json_real(reals[i]));
    }
    json_object_set_new(root, "numbers", numbers);
    json_object_set_new(root, "rest", json_pack("[{}, [], [[n, b, b], {s:s}]]", 1, 0, "", ""));
    char *expected = json_dumps(root, JSON_COMPACT);
    g_autofree char *text = json_to_text(root);
    g_assert_cmpstr(text, ==, expected);
    free(expected);
}

static void
test_bad_text_is_explained(void)
{
    static const struct {
        const char *text;
        const char *message; /* how it begins */
        ErrorCode code;
    } cases[] = {
        {"", "not valid JSON at line 1, column 0: ", ERROR_INVALID},
        {"{\"a\":\n  nul}", "not valid JSON at line 2, column 5: ", ERROR_INVALID},
        {"{} x", "not valid JSON at line 1, column 4: ", ERROR_INVALID},
        {"7", "not valid JSON at line 1, column 1: ", ERROR_INVALID},
        {"{\"a\": \"\xff\"}", "not valid JSON at line 1, column ", ERROR_INVALID},
        {"{\"a\": \"\\u0000\"}", "not valid JSON at line 1, column ", ERROR_INVALID},
        {"[[[[[]]]]]", "the JSON text is nested 5 deep, more than the 4 allowed", ERROR_INVALID},
        {"[1e999]", "not valid JSON at line 1, column ", ERROR_INVALID},
        {"{\"a\": \"", "not valid JSON at line 1, column ", ERROR_INVALID},
        {"{\"a\": \"\\", "not valid JSON at line 1, column ", ERROR_INVALID},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(parse(cases[i].text, &error));
        g_test_message("%s", error->message);
        g_assert_true(g_str_has_prefix(error->message, cases[i].message));
        g_assert_true(error_is(error, cases[i].code));
        g_assert_null(strchr(error->message, '\n'));
    }
}

static void
test_size_is_limited(void)
{
    g_autofree char *big = g_strnfill(1001, ' ');
    g_autoptr(GError) error = NULL;
    g_assert_null(parse(big, &error));
    g_assert_true(error_is(error, ERROR_LIMIT));
}

static void
test_deep_text_does_not_recurse(void)
{
    const size_t size = 1 << 20;
    g_autofree char *text = g_strnfill(size, '[');
    g_autoptr(GError) error = NULL;
    g_assert_null(json_parse(text, size, size, JSON_DEPTH_MAX, &error));
    g_assert_true(error_is(error, ERROR_INVALID));
}

static void
test_getters(void)
{
    json_auto_t *root =
        parse("{\"a\":{\"s\":\"x\",\"i\":-7,\"t\":true,\"n\":null,\"l\":[1],\"o\":{}}}", NULL);
    g_autoptr(GError) error = NULL;
    const char *text;
    int64_t number;
    bool flag;
    g_assert_true(json_get_string(root, "a.s", &text, &error));
    g_assert_cmpstr(text, ==, "x");
    g_assert_true(json_get_int(root, "a.i", &number, &error));
    g_assert_cmpint(number, ==, -7);
    g_assert_true(json_get_bool(root, "a.t", &flag, &error));
    g_assert_true(flag);
    g_assert_cmpuint(json_array_size(json_get_array(root, "a.l", &error)), ==, 1);
    g_assert_nonnull(json_get_object(root, "a.o", &error));
    g_assert_true(json_is_null(json_lookup(root, "a.n")));
    g_assert_null(json_lookup(root, "a.s.x"));
    g_assert_no_error(error);
}

static void
test_getters_name_the_path(void)
{
    json_auto_t *root = parse("{\"a\":{\"s\":\"x\",\"n\":null}}", NULL);
    g_autoptr(GError) error = NULL;
    int64_t number = 3;
    const char *text = "before";
    g_assert_false(json_get_int(root, "a.s", &number, &error));
    g_assert_cmpstr(error->message, ==, "'a.s' is of type string, not integer");
    g_clear_error(&error);
    g_assert_false(json_get_string(root, "a.b.c", &text, &error));
    g_assert_cmpstr(error->message, ==, "'a.b.c' is missing");
    g_clear_error(&error);
    g_assert_false(json_get_string(root, "a.n", &text, &error));
    g_assert_cmpstr(error->message, ==, "'a.n' is of type null, not string");
    g_clear_error(&error);
    g_assert_null(json_get_object(root, "a.s", &error));
    g_assert_cmpstr(error->message, ==, "'a.s' is of type string, not object");
    g_clear_error(&error);
    g_assert_null(json_get_array(root, "x", &error));
    g_assert_cmpstr(error->message, ==, "'x' is missing");
    g_assert_cmpint(number, ==, 3);
    g_assert_cmpstr(text, ==, "before");
}

static void
test_text_or_has_a_fallback(void)
{
    json_auto_t *object = json_pack("{s:s, s:i, s:n}", "text", "a", "number", 1, "null");
    g_assert_cmpstr(json_text_or(object, "text", "-"), ==, "a");
    g_assert_cmpstr(json_text_or(object, "number", "-"), ==, "-");
    g_assert_cmpstr(json_text_or(object, "null", "-"), ==, "-");
    g_assert_cmpstr(json_text_or(object, "missing", "-"), ==, "-");
    g_assert_null(json_text_or(NULL, "text", NULL));
}

static void
test_find_has_a_fallback(void)
{
    json_auto_t *root = parse("{\"n\":null,\"s\":\"x\",\"i\":1,\"t\":false}", NULL);
    g_autoptr(GError) error = NULL;
    const char *text;
    int64_t number;
    bool flag;
    g_assert_true(json_find_string(root, "n", "d", &text, &error));
    g_assert_cmpstr(text, ==, "d");
    g_assert_true(json_find_string(root, "absent", NULL, &text, &error));
    g_assert_null(text);
    g_assert_true(json_find_string(root, "s", "d", &text, &error));
    g_assert_cmpstr(text, ==, "x");
    g_assert_true(json_find_int(root, "absent", 9, &number, &error));
    g_assert_cmpint(number, ==, 9);
    g_assert_true(json_find_int(root, "i", 9, &number, &error));
    g_assert_cmpint(number, ==, 1);
    g_assert_true(json_find_bool(root, "t", true, &flag, &error));
    g_assert_false(flag);
    g_assert_true(json_find_bool(root, "absent", true, &flag, &error));
    g_assert_true(flag);
    g_assert_no_error(error);
    g_assert_false(json_find_bool(root, "s", true, &flag, &error));
    g_assert_cmpstr(error->message, ==, "'s' is of type string, not boolean");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/good-text-comes-back", test_good_text_comes_back);
    g_test_add_func("/json/text-is-that-of-jansson", test_text_is_that_of_jansson);
    g_test_add_func("/json/bad-text-is-explained", test_bad_text_is_explained);
    g_test_add_func("/json/size-is-limited", test_size_is_limited);
    g_test_add_func("/json/deep-text-does-not-recurse", test_deep_text_does_not_recurse);
    g_test_add_func("/json/getters", test_getters);
    g_test_add_func("/json/getters-name-the-path", test_getters_name_the_path);
    g_test_add_func("/json/find-has-a-fallback", test_find_has_a_fallback);
    g_test_add_func("/json/text-or-has-a-fallback", test_text_or_has_a_fallback);
    return g_test_run();
}
