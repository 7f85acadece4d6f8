/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/error.h"

#include <string.h>

static void
test_every_code_has_its_own_name(void)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    for (int code = ERROR_INVALID; code <= ERROR_INTERNAL; code++) {
        g_assert_true(g_hash_table_add(names, (void *)error_code_name((ErrorCode)code)));
    }
    g_assert_cmpstr(error_code_name(ERROR_OUTCOME_UNKNOWN), ==, "outcome-unknown");
    g_assert_cmpstr(error_code_name((ErrorCode)1000), ==, "internal");
}

static void
test_set_and_ask(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_false(error_set(&error, ERROR_CONFLICT, "%s is busy", "vm1"));
    g_assert_cmpstr(error->message, ==, "vm1 is busy");
    g_assert_true(error_is(error, ERROR_CONFLICT));
    g_assert_false(error_is(error, ERROR_INVALID));
    g_assert_cmpint(error_code(error), ==, ERROR_CONFLICT);
    g_assert_false(error_set(NULL, ERROR_CONFLICT, "nobody listens"));
    g_assert_false(error_is(NULL, ERROR_CONFLICT));
}

static void
test_others_are_passed_up(void)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(GError) error = NULL;
    g_assert_true(error_pass_others(&reason, ERROR_NOT_FOUND, &error));
    error_set(&reason, ERROR_NOT_FOUND, "there is none");
    g_assert_true(error_pass_others(&reason, ERROR_NOT_FOUND, &error));
    g_assert_nonnull(reason);
    g_assert_no_error(error);
    g_clear_error(&reason);
    error_set(&reason, ERROR_STORE_DOWN, "no database");
    g_assert_false(error_pass_others(&reason, ERROR_NOT_FOUND, &error));
    g_assert_null(reason);
    g_assert_true(error_is(error, ERROR_STORE_DOWN));
}

static void
test_foreign_errors_are_internal(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_false(g_file_get_contents("/nonexistent", &(char *){NULL}, NULL, &error));
    g_assert_cmpint(error_code(error), ==, ERROR_INTERNAL);
    g_assert_false(error_is(error, ERROR_INTERNAL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/error/every-code-has-its-own-name", test_every_code_has_its_own_name);
    g_test_add_func("/error/set-and-ask", test_set_and_ask);
    g_test_add_func("/error/others-are-passed-up", test_others_are_passed_up);
    g_test_add_func("/error/foreign-errors-are-internal", test_foreign_errors_are_internal);
    return g_test_run();
}
