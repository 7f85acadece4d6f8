/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/log.h"

#include <string.h>

/* What the record looks like after its time, on standard error of a process of its own. */
static void
assert_line(const char *path, const char *expected)
{
    g_test_trap_subprocess(path, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr(expected);
}

static void
record_all(void)
{
    const LogField fields[] = {
        {"request_id", "req-1"},
        {"left_out", NULL},
        {"text", "two words"},
        {"odd", "a=\"b\"\\\n\x01\xff"},
        {"empty", ""},
        {NULL, NULL},
    };
    log_record(LOG_LEVEL_INFO, fields, "%s moved", "vm1");
    log_debug("not shown");
}

static void
test_logfmt_line(void)
{
    log_init(LOG_LEVEL_INFO, false);
    record_all();
}

static void
test_json_line(void)
{
    log_init(LOG_LEVEL_INFO, true);
    record_all();
}

static void
test_logfmt(void)
{
    assert_line("/log/subprocess/logfmt-line",
        "time=20*-*T*.*Z level=info msg=\"vm1 moved\" request_id=req-1 "
        "text=\"two words\" odd=\"a=\\\"b\\\"\\\\\\n\\u0001\xef\xbf\xbd\" empty=\"\"\n");
}

static void
test_json(void)
{
    assert_line("/log/subprocess/json-line",
        "{\"time\":\"20*-*T*.*Z\",\"level\":\"info\",\"msg\":\"vm1 moved\","
        "\"request_id\":\"req-1\",\"text\":\"two words\",\"odd\":\"a=*\xef\xbf\xbd\","
        "\"empty\":\"\"}\n");
}

static void
test_levels(void)
{
    LogLevel level = LOG_LEVEL_ERROR;
    g_assert_true(log_level_parse("debug", &level));
    g_assert_cmpint(level, ==, LOG_LEVEL_DEBUG);
    g_assert_false(log_level_parse("loud", &level));
    g_assert_cmpint(level, ==, LOG_LEVEL_DEBUG);
}

static void
test_allow_holds_back_repetition(void)
{
    g_assert_true(log_allow("host-a", 3600));
    g_assert_false(log_allow("host-a", 3600));
    g_assert_true(log_allow("host-b", 3600));
    g_assert_true(log_allow("host-a", 0));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/log/subprocess/logfmt-line", test_logfmt_line);
    g_test_add_func("/log/subprocess/json-line", test_json_line);
    g_test_add_func("/log/logfmt", test_logfmt);
    g_test_add_func("/log/json", test_json);
    g_test_add_func("/log/levels", test_levels);
    g_test_add_func("/log/allow-holds-back-repetition", test_allow_holds_back_repetition);
    return g_test_run();
}
