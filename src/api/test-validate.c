/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/validate.h"
#include "base/error.h"
#include <string.h>

static const char *const colors[] = {"red", "blue", NULL};
static const Field size_fields[] = {
    {"width", FIELD_INTEGER, FIELD_REQUIRED, 1, 10},
    {0},
};
static const Field name_item = {"item", FIELD_STRING, 0, 1, 3};
static const Field server_fields[] = {
    {"flavorRef", FIELD_STRING, FIELD_REQUIRED},
    {"name", FIELD_STRING, 0, 1, 5, "^[a-z]*$"},
    {"host", FIELD_STRING, FIELD_NULLABLE},
    {"block", FIELD_BOOLEAN},
    {"count", FIELD_INTEGER, 0, 1, 10},
    {"ratio", FIELD_NUMBER, 0, 0, 2},
    {"group", FIELD_UUID},
    {"color", FIELD_STRING, .values = colors},
    {"size", FIELD_OBJECT, .fields = size_fields},
    {"names", FIELD_ARRAY, 0, 1, 2, .item = &name_item},
    {"old", FIELD_STRING, .until = 24},
    {"fresh", FIELD_STRING, .since = 25},
    {0},
};
static const Field body_fields[] = {
    {"server", FIELD_OBJECT, FIELD_REQUIRED, .fields = server_fields},
    {0},
};

/* body has ' for " and the microversion; message NULL: it is fine. */
static const struct {
    const char *body;
    int minor;
    const char *message;
} cases[] = {
    {"{'server':{'flavorRef':'1'}}", 1, NULL},
    {"{'server':{'flavorRef':'1','host':null,'block':'on','count':'3','ratio':'1.5'}}", 1, NULL},
    {"{'server':{'flavorRef':'1','group':'5f2d371164a5da8f6e97e6a4222e5a79'}}", 1, NULL},
    {"[]", 1, "[] is not of type 'object'"},
    {"{}", 1, "'server' is a required property"},
    {"{'server':{},'x':1}", 1,
        "Invalid input for field/attribute server. Value: {}. 'flavorRef' is a required property"},
    {"{'server':{'name':'a','n':null,'t':true}}", 1,
        "Invalid input for field/attribute server. Value: {'name': 'a', 'n': None, 't': True}. "
        "'flavorRef' is a required property"},
    {"{'server':{'flavorRef':'1'},'x':1}", 1,
        "Additional properties are not allowed ('x' was unexpected)"},
    {"{'server':{'flavorRef':'1'},'x':1,'y':2}", 1,
        "Additional properties are not allowed ('x', 'y' were unexpected)"},
    {"{'server':{'flavorRef':'1','x':1}}", 1,
        "Invalid input for field/attribute server. Value: {'flavorRef': '1', 'x': 1}. Additional "
        "properties are not allowed ('x' was unexpected)"},
    {"{'server':{'flavorRef':1}}", 1,
        "Invalid input for field/attribute flavorRef. Value: 1. 1 is not of type 'string'"},
    {"{'server':{'flavorRef':'1','host':1}}", 1,
        "Invalid input for field/attribute host. Value: 1. 1 is not of type 'string', 'null'"},
    {"{'server':{'flavorRef':'1','name':''}}", 1,
        "Invalid input for field/attribute name. Value: ''. '' is too short"},
    {"{'server':{'flavorRef':'1','name':'abcdef'}}", 1,
        "Invalid input for field/attribute name. Value: 'abcdef'. 'abcdef' is too long"},
    {"{'server':{'flavorRef':'1','name':'A'}}", 1,
        "Invalid input for field/attribute name. Value: 'A'. 'A' does not match '^[a-z]*$'"},
    {"{'server':{'flavorRef':'1','name':'a\\n'}}", 1,
        "Invalid input for field/attribute name. Value: 'a\\n'. 'a\\n' does not match '^[a-z]*$'"},
    {"{'server':{'flavorRef':'1','ratio':'1\\n'}}", 1,
        "Invalid input for field/attribute ratio. Value: '1\\n'. '1\\n' does not match "
        "'^[0-9]+(\\.[0-9]+)?$'"},
    {"{'server':{'flavorRef':'1','block':'maybe'}}", 1,
        "Invalid input for field/attribute block. Value: 'maybe'. 'maybe' is not one of [True, "
        "'True', 'TRUE', 'true', '1', 'ON', 'On', 'on', 'YES', 'Yes', 'yes', 'y', 't', False, "
        "'False', 'FALSE', 'false', '0', 'OFF', 'Off', 'off', 'NO', 'No', 'no', 'n', 'f']"},
    {"{'server':{'flavorRef':'1','count':0}}", 1,
        "Invalid input for field/attribute count. Value: 0. 0 is less than the minimum of 1"},
    {"{'server':{'flavorRef':'1','count':'11'}}", 1,
        "Invalid input for field/attribute count. Value: '11'. '11' is greater than the maximum of "
        "10"},
    {"{'server':{'flavorRef':'1','count':'1x'}}", 1,
        "Invalid input for field/attribute count. Value: '1x'. '1x' does not match '^-?[0-9]+$'"},
    {"{'server':{'flavorRef':'1','count':true}}", 1,
        "Invalid input for field/attribute count. Value: True. True is not of type 'integer', "
        "'string'"},
    {"{'server':{'flavorRef':'1','count':99999999999999999999999}}", 1, "parse"},
    {"{'server':{'flavorRef':'1','group':'x'}}", 1,
        "Invalid input for field/attribute group. Value: 'x'. 'x' is not a 'uuid'"},
    {"{'server':{'flavorRef':'1','color':'green'}}", 1,
        "Invalid input for field/attribute color. Value: 'green'. 'green' is not one of ['red', "
        "'blue']"},
    {"{'server':{'flavorRef':'1','size':{}}}", 1,
        "Invalid input for field/attribute size. Value: {}. 'width' is a required property"},
    {"{'server':{'flavorRef':'1','names':[]}}", 1,
        "Invalid input for field/attribute names. Value: []. [] is too short"},
    {"{'server':{'flavorRef':'1','names':['a','long']}}", 1,
        "Invalid input for field/attribute 1. Value: 'long'. 'long' is too long"},
    {"{'server':{'flavorRef':'1','old':'x'}}", 24, NULL},
    {"{'server':{'flavorRef':'1','old':'x'}}", 25,
        "Invalid input for field/attribute server. Value: {'flavorRef': '1', 'old': 'x'}. "
        "Additional properties are not allowed ('old' was unexpected)"},
    {"{'server':{'flavorRef':'1','fresh':'x'}}", 25, NULL},
    {"{'server':{'flavorRef':'1\\u0000'}}", 1, "parse"},
};

static void
test_bodies(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strdup(cases[i].body);
        json_auto_t *body = json_loads(g_strdelimit(text, "'", '"'), 0, NULL);
        if (g_strcmp0(cases[i].message, "parse") == 0) {
            g_assert_null(body);
            continue;
        }
        bool ok = validate_body(body, body_fields, 0, cases[i].minor, &error);
        g_test_message("%s", cases[i].body);
        g_assert_cmpstr(ok ? NULL : error->message, ==, cases[i].message);
        g_assert_true(ok || error_is(error, ERROR_INVALID));
    }
}

static void
test_open_body(void)
{
    json_auto_t *body = json_pack("{s:{s:s}, s:i}", "server", "flavorRef", "1", "hints", 1);
    g_assert_true(validate_body(body, body_fields, FIELD_OPEN, 1, NULL));
}

static void
test_readers(void)
{
    json_auto_t *body = json_pack(
        "{s:s, s:s, s:s, s:n, s:f}", "b", "on", "i", "12", "f", "1.5", "null", "real", 2.5);
    g_assert_true(body_bool(body, "b", false));
    g_assert_true(body_bool(body, "absent", true));
    g_assert_true(body_bool(body, "null", true));
    g_assert_cmpint(body_int(body, "i", 0), ==, 12);
    g_assert_cmpint(body_int(body, "null", 7), ==, 7);
    g_assert_cmpfloat(body_number(body, "f", 0), ==, 1.5);
    g_assert_cmpfloat(body_number(body, "real", 0), ==, 2.5);
    g_assert_cmpstr(body_string(body, "null", "x"), ==, "x");
    g_assert_true(body_has(body, "null"));
    g_assert_false(body_has(body, "absent"));
}

static void
test_repr(void)
{
    static const struct {
        const char *json;
        const char *repr;
    } rows[] = {
        {"{\"a\": [1, -2, null, true, false, \"x\"]}", "{'a': [1, -2, None, True, False, 'x']}"},
        {"[\"it's\"]", "[\"it's\"]"},
        {"[\"both ' and \\\"\"]", "['both \\' and \"']"},
        {"[\"a\\nb\\tc\\u0001\"]", "['a\\nb\\tc\\x01']"},
        {"[\"\\u00e4\"]", "['\xc3\xa4']"},
        {"[{}, []]", "[{}, []]"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        json_auto_t *value = json_loads(rows[i].json, 0, NULL);
        g_autofree char *repr = json_to_repr(value);
        g_assert_cmpstr(repr, ==, rows[i].repr);
    }
}

/* A cut in the middle of a character would make an invalid reply. */
static void
test_repr_is_bounded(void)
{
    for (int shift = 0; shift < 3; shift++) {
        g_autoptr(GString) text = g_string_new(NULL);
        for (int i = 0; i < 5000; i++) {
            g_string_append(text, i < shift ? "a" : "\xe2\x82\xac");
        }
        json_auto_t *value = json_string(text->str);
        g_autofree char *repr = json_to_repr(value);
        g_assert_cmpuint(strlen(repr), <, 1100);
        g_assert_true(g_utf8_validate(repr, -1, NULL));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/validate/bodies", test_bodies);
    g_test_add_func("/validate/open-body", test_open_body);
    g_test_add_func("/validate/readers", test_readers);
    g_test_add_func("/repr/values", test_repr);
    g_test_add_func("/repr/is-bounded", test_repr_is_bounded);
    return g_test_run();
}
