/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/image/image.h"

/* ' for "; wanted NULL: refused with that code. */
static const struct {
    const char *patch;
    const char *wanted;
    ErrorCode code;
} cases[] = {
    {"[]", "{'name':'a','tags':['t1','t2']}", 0},
    {"[{'op':'replace','path':'/name','value':'b'}]", "{'name':'b','tags':['t1','t2']}", 0},
    {"[{'op':'add','path':'/kernel_id','value':'k'}]",
        "{'name':'a','tags':['t1','t2'],'kernel_id':'k'}", 0},
    {"[{'op':'add','path':'/a~1b~0c','value':'k'}]", "{'name':'a','tags':['t1','t2'],'a/b~c':'k'}",
        0},
    {"[{'op':'add','path':'/x','value':'1'},{'op':'remove','path':'/x'}]",
        "{'name':'a','tags':['t1','t2']}", 0},
    {"[{'op':'replace','path':'/tags','value':['x']}]", "{'name':'a','tags':['x']}", 0},
    {"[{'op':'add','path':'/tags/0','value':'x'}]", "{'name':'a','tags':['x','t1','t2']}", 0},
    {"[{'op':'add','path':'/tags/-','value':'x'}]", "{'name':'a','tags':['t1','t2','x']}", 0},
    {"[{'op':'remove','path':'/tags/1'}]", "{'name':'a','tags':['t1']}", 0},
    {"[{'op':'replace','path':'/tags/1','value':'x'}]", "{'name':'a','tags':['t1','x']}", 0},
    {"[{'op':'remove','path':'/tags/2'}]", NULL, ERROR_INVALID},
    {"[{'op':'remove','path':'/tags/-'}]", NULL, ERROR_INVALID},
    {"[{'op':'add','path':'/tags/3','value':'x'}]", NULL, ERROR_INVALID},
    {"[{'op':'add','path':'/tags/-'}]", NULL, ERROR_INVALID},
    {"[{'op':'add','path':'/name/x','value':'b'}]", NULL, ERROR_INVALID},
    {"[{'op':'add','path':'/tags/1/2','value':'b'}]", NULL, ERROR_INVALID},
    {"[{'op':'replace','path':'/nothing','value':'b'}]", NULL, ERROR_CONFLICT},
    {"[{'op':'remove','path':'/nothing'}]", NULL, ERROR_CONFLICT},
    {"[{'op':'add','path':'/id','value':'b'}]", NULL, ERROR_FORBIDDEN},
    {"[{'op':'add','path':'/name'}]", NULL, ERROR_INVALID},
    {"[{'op':'move','path':'/name','from':'/x'}]", NULL, ERROR_INVALID},
    {"[{'op':'add','path':'name','value':'b'}]", NULL, ERROR_INVALID},
    {"[{'op':'add','path':'','value':'b'}]", NULL, ERROR_INVALID},
    {"[1]", NULL, ERROR_INVALID},
    {"{}", NULL, ERROR_INVALID},
};

static json_t *
parse(const char *text)
{
    g_autofree char *copy = g_strdup(text);
    return json_loads(g_strdelimit(copy, "'", '"'), 0, NULL);
}

static void
test_apply(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        json_auto_t *attributes = parse("{'name':'a','tags':['t1','t2']}");
        json_auto_t *patch = parse(cases[i].patch);
        bool ok = image_patch_apply(attributes, patch, &error);
        g_test_message("%s", cases[i].patch);
        g_assert_true(ok == (cases[i].wanted != NULL));
        if (ok) {
            json_auto_t *wanted = parse(cases[i].wanted);
            g_assert_true(json_equal(attributes, wanted));
        } else {
            g_assert_true(error_is(error, cases[i].code));
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/patch/apply", test_apply);
    return g_test_run();
}
