/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/config.h"

#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"

static const ConfigKey keys[] = {
    {"DEFAULT", "debug", CONFIG_BOOL, "false", 0, 0, "."},
    {"DEFAULT", "state_path", CONFIG_STRING, "/var/lib/drover", 0, 0, "."},
    {"DEFAULT", "name", CONFIG_STRING, NULL, 0, 0, "."},
    {"libvirt", "live_migration_completion_timeout", CONFIG_INT, "800", 0, 100000, "."},
    {"libvirt", "ratio", CONFIG_FLOAT, "1.5", 0.1, 16, "."},
    {"libvirt", "hosts", CONFIG_LIST, "", 0, 0, ".", CONFIG_GROUP_ONLY},
    {"libvirt", "live_migration_parallel_connections", CONFIG_INT, "1", 1, 255, ".", CONFIG_GROUP},
    {"libvirt", "live_migration_timeout_action", CONFIG_STRING, "abort", 0, 0, ".", CONFIG_GROUP,
        "abort,force_complete"},
    {"libvirt", "virt_type", CONFIG_STRING, "", 0, 0, ".", 0, "kvm,qemu"},
    {"filter_scheduler", "enabled_filters", CONFIG_LIST, "ComputeFilter, RamFilter", 0, 0, "."},
    {0},
};
static const ConfigObsolete obsolete[] = {
    {"libvirt", "live_migration_progress_timeout", "is not needed: progress is watched"},
    {0},
};

typedef struct Fixture {
    char *directory; /* conf.d */
    char *path;      /* the main file, beside it */
} Fixture;

static void
set_up(Fixture *fixture, const void *data)
{
    g_autofree char *top = g_dir_make_tmp("drover-config-XXXXXX", NULL);
    fixture->directory = g_build_filename(top, "conf.d", NULL);
    fixture->path = g_build_filename(top, "droverd.conf", NULL);
    g_assert_cmpint(g_mkdir(fixture->directory, 0700), ==, 0);
}

static void
tear_down(Fixture *fixture, const void *data)
{
    g_autoptr(GDir) dir = g_dir_open(fixture->directory, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(fixture->directory, name, NULL);
        g_unlink(path);
    }
    g_autofree char *top = g_path_get_dirname(fixture->path);
    g_unlink(fixture->path);
    g_rmdir(fixture->directory);
    g_rmdir(top);
    g_free(fixture->directory);
    g_free(fixture->path);
}

static void
write_file(const char *path, const char *text, gssize size)
{
    g_assert_true(g_file_set_contents_full(path, text, size, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static void
write_snippet(Fixture *fixture, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(fixture->directory, name, NULL);
    write_file(path, text, -1);
}

/* Loads what must load. */
static Config *
load(Fixture *fixture, const char *text, GPtrArray **ret_warnings)
{
    write_file(fixture->path, text, -1);
    g_autoptr(GError) error = NULL;
    Config *config =
        config_load(keys, obsolete, fixture->path, fixture->directory, ret_warnings, &error);
    g_assert_no_error(error);
    g_assert_nonnull(config);
    return config;
}

static void
test_defaults(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Config) config = config_load(keys, NULL, NULL, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_false(config_get_bool(config, "DEFAULT", "debug"));
    g_assert_cmpstr(config_get(config, "DEFAULT", "state_path"), ==, "/var/lib/drover");
    g_assert_cmpstr(config_get(config, "DEFAULT", "name"), ==, "");
    g_assert_cmpint(
        config_get_int(config, "libvirt", "live_migration_completion_timeout"), ==, 800);
    g_assert_cmpfloat(config_get_float(config, "libvirt", "ratio"), ==, 1.5);
    g_auto(GStrv) list = config_get_list(config, "filter_scheduler", "enabled_filters");
    g_assert_cmpuint(g_strv_length(list), ==, 2);
    g_assert_cmpstr(list[1], ==, "RamFilter");
}

static void
test_values_of_a_file(Fixture *fixture, const void *data)
{
    g_autoptr(Config) config = load(fixture,
        "# a comment\r\n; another\n\n[DEFAULT]\r\ndebug = Yes\nstate_path=/x = y # z\n"
        "[ libvirt ]\nratio = 2\nlive_migration_completion_timeout = 0\n[filter_scheduler]\n"
        "enabled_filters = ,A,, B ,\n",
        NULL);
    g_assert_true(config_get_bool(config, "DEFAULT", "debug"));
    g_assert_cmpstr(config_get(config, "DEFAULT", "state_path"), ==, "/x = y # z");
    g_assert_cmpint(config_get_int(config, "libvirt", "live_migration_completion_timeout"), ==, 0);
    g_assert_cmpfloat(config_get_float(config, "libvirt", "ratio"), ==, 2);
    g_auto(GStrv) list = config_get_list(config, "filter_scheduler", "enabled_filters");
    g_autofree char *joined = g_strjoinv("|", list);
    g_assert_cmpstr(joined, ==, "A|B");
}

static void
test_a_choice_may_be_left_open_where_that_is_its_default(Fixture *fixture, const void *data)
{
    g_autoptr(Config) open = load(fixture, "[libvirt]\nvirt_type =\n", NULL);
    g_assert_null(config_get_or_null(open, "libvirt", "virt_type"));
    g_autoptr(Config) chosen = load(fixture, "[libvirt]\nvirt_type = qemu\n", NULL);
    g_assert_cmpstr(config_get(chosen, "libvirt", "virt_type"), ==, "qemu");
}

static void
test_a_group_has_what_it_does_not_say(Fixture *fixture, const void *data)
{
    write_snippet(fixture, "42-parallel.conf",
        "[libvirt:rack1]\nlive_migration_timeout_action = force_complete\n"
        "[libvirt]\nlive_migration_parallel_connections = 2\n");
    g_autoptr(Config) config = load(fixture,
        "[libvirt:rack1]\nhosts = a, b\n[libvirt:rack2]\n"
        "live_migration_parallel_connections = 3\n",
        NULL);
    g_assert_cmpuint(config_n_groups(config), ==, 2);
    const Config *rack1 = config_group(config, 0);
    const Config *rack2 = config_group(config, 1);
    g_assert_cmpstr(config_group_name(rack1), ==, "rack1");
    g_assert_cmpstr(config_group_section(rack1), ==, "libvirt");
    g_assert_cmpint(config_get_int(rack1, "libvirt", "live_migration_parallel_connections"), ==, 2);
    g_assert_cmpint(config_get_int(rack2, "libvirt", "live_migration_parallel_connections"), ==, 3);
    g_assert_cmpstr(config_get(rack1, "libvirt", "live_migration_timeout_action"), ==,
        "force_complete");
    g_assert_cmpstr(config_get(config, "libvirt", "live_migration_timeout_action"), ==, "abort");
    g_assert_cmpstr(config_get(rack1, "libvirt", "hosts"), ==, "a, b");
    const char *where = config_where(rack1, "libvirt", "live_migration_parallel_connections");
    g_assert_true(g_str_has_suffix(where, "42-parallel.conf:4"));
    g_assert_cmpstr(config_where(rack1, "libvirt", "ratio"), ==, "default");
}

static void
test_snippets_win_in_the_order_of_their_names(Fixture *fixture, const void *data)
{
    /* So many, in no order, that the directory's own order is not theirs by chance. */
    static const char *const names[] = {"50", "70", "10", "20", "90", "30", "60", "40", "80"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *file = g_strconcat(names[i], ".conf", NULL);
        g_autofree char *text = g_strdup_printf("[DEFAULT]\nname = %s\n%s%s\n", names[i],
            i % 2 == 0 ? "state_path = /" : "#", names[i]);
        write_snippet(fixture, file, text);
    }
    write_snippet(fixture, "95.conf.bak", "[DEFAULT]\nname = c\n");
    write_snippet(fixture, ".96.conf", "[DEFAULT]\nname = d\n");
    g_autoptr(Config) config =
        load(fixture, "[DEFAULT]\nname = main\ndebug = on\nstate_path = /main\n", NULL);
    g_assert_cmpstr(config_get(config, "DEFAULT", "name"), ==, "90");
    g_assert_cmpstr(config_get(config, "DEFAULT", "state_path"), ==, "/90");
    g_assert_true(config_get_bool(config, "DEFAULT", "debug"));
}

static void
test_obsolete_key_warns(Fixture *fixture, const void *data)
{
    g_autoptr(GPtrArray) warnings = NULL;
    g_autoptr(Config) config =
        load(fixture, "[libvirt]\nlive_migration_progress_timeout = 0\n", &warnings);
    g_assert_cmpuint(warnings->len, ==, 1);
    g_autofree char *expected =
        g_strdup_printf("%s:2: 'live_migration_progress_timeout' in section [libvirt] is not "
                        "needed: progress is watched",
            fixture->path);
    g_assert_cmpstr(g_ptr_array_index(warnings, 0), ==, expected);
}

typedef struct BadCase {
    const char *text;
    const char *message; /* after the file's name */
} BadCase;

static const BadCase bad_cases[] = {
    {"[DEFAULT]\n\ndebgu = 1\n",
        ":3: unknown key 'debgu' in section [DEFAULT]; did you mean 'debug'?"},
    {"[libvirt]\nlive_migration_completion_timout = 1\n",
        ":2: unknown key 'live_migration_completion_timout' in section [libvirt]; did you mean "
        "'live_migration_completion_timeout'?"},
    {"[DEFAULT]\nratioo = 1\n",
        ":2: unknown key 'ratioo' in section [DEFAULT]; did you mean 'ratio' in section "
        "[libvirt]?"},
    {"[DEFAULT]\nratio = 1\n",
        ":2: key 'ratio' does not belong into section [DEFAULT], but into [libvirt]"},
    {"[DEFAULT]\nsomething_else = 1\n", ":2: unknown key 'something_else' in section [DEFAULT]"},
    {"[libvrit]\n", ":1: unknown section [libvrit]; did you mean [libvirt]?"},
    {"[nonsense]\n", ":1: unknown section [nonsense]"},
    {"[nonsense]\nx = 1\n[libvirt]\n", ":1: unknown section [nonsense]"},
    /* As a document of another product has it. */
    {"[notifications]\nlive_migration_parallel_connections = 2\n",
        ":2: key 'live_migration_parallel_connections' does not belong into section "
        "[notifications], but into [libvirt]"},
    {"[libvrit:rack1]\n", ":1: unknown section [libvrit:rack1]; did you mean [libvirt:rack1]?"},
    {"[DEFAULT:rack1]\n", ":1: section [DEFAULT] has no groups: what it says is for all"},
    {"[libvirt:]\n", ":1: the group in [libvirt:] has no name"},
    {"[libvirt:rack1]\nratio = 2\n",
        ":2: key 'ratio' is the same for all, and belongs into [libvirt], not into "
        "[libvirt:rack1]"},
    {"[libvirt]\nhosts = hosta\n",
        ":2: key 'hosts' belongs into a group, [libvirt:NAME], and not into [libvirt]"},
    {"[libvirt]\nlive_migration_timeout_action = stop\n",
        ":2: 'live_migration_timeout_action' must be abort or force_complete, not 'stop'"},
    {"[libvirt]\nlive_migration_timeout_action =\n",
        ":2: 'live_migration_timeout_action' must be abort or force_complete, not ''"},
    {"[libvirt]\nvirt_type = xen\n", ":2: 'virt_type' must be kvm or qemu, not 'xen'"},
    {"[libvirt:a]\nlive_migration_parallel_connections = 2\n"
     "live_migration_parallel_connections = 2\n",
        ":3: 'live_migration_parallel_connections' was set already in line 2"},
    {"[libvirt\n", ":1: the section header has no ']'"},
    {"[\n", ":1: the section header has no ']'"},
    {"debug = 1\n", ":1: key 'debug' stands before the first section"},
    {"[DEFAULT]\ndebug\n", ":2: this is neither 'key = value' nor '[section]'"},
    {"[DEFAULT]\n= 1\n", ":2: this is neither 'key = value' nor '[section]'"},
    {"[DEFAULT]\ndebug = 1\nname = x\ndebug = 1\n", ":4: 'debug' was set already in line 2"},
    {"[DEFAULT]\nname = a,\n  b\n",
        ":3: a line must not begin with a blank; a value takes one line"},
    {"[DEFAULT]\nname = \xff\n", ":2: the line is not UTF-8 text"},
    {"[DEFAULT]\ndebug = maybe\n", ":2: 'debug' must be true or false, not 'maybe'"},
    {"[libvirt]\nratio = 1.5x\n", ":2: 'ratio' must be a number, not '1.5x'"},
    {"[libvirt]\nratio = nan\n", ":2: 'ratio' must be a number, not 'nan'"},
    {"[libvirt]\nratio = 17\n", ":2: 'ratio' must be from 0.1 to 16, not 17"},
    {"[libvirt]\nlive_migration_completion_timeout = 1.5\n",
        ":2: 'live_migration_completion_timeout' must be a whole number, not '1.5'"},
    {"[libvirt]\nlive_migration_completion_timeout =\n",
        ":2: 'live_migration_completion_timeout' must be a whole number, not ''"},
    {"[libvirt]\nlive_migration_completion_timeout = -1\n",
        ":2: 'live_migration_completion_timeout' must be from 0 to 100000, not -1"},
};

static void
test_mistakes_are_explained(Fixture *fixture, const void *data)
{
    for (size_t i = 0; i < G_N_ELEMENTS(bad_cases); i++) {
        write_file(fixture->path, bad_cases[i].text, -1);
        g_autoptr(GError) error = NULL;
        g_assert_null(config_load(keys, obsolete, fixture->path, NULL, NULL, &error));
        g_autofree char *expected = g_strconcat(fixture->path, bad_cases[i].message, NULL);
        g_assert_cmpstr(error->message, ==, expected);
        g_assert_true(error_is(error, ERROR_INVALID));
    }
}

static void
test_unreadable_files_are_errors(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(config_load(keys, NULL, fixture->path, NULL, NULL, &error));
    g_assert_nonnull(strstr(error->message, fixture->path));
    g_clear_error(&error);
    write_file(fixture->path, "[DEFAULT]\nname = a\0b\n", 21);
    g_assert_null(config_load(keys, NULL, fixture->path, NULL, NULL, &error));
    g_assert_nonnull(strstr(error->message, "NUL"));
    g_clear_error(&error);
    g_autoptr(Config) config = config_load(keys, NULL, NULL, "/nonexistent", NULL, &error);
    g_assert_no_error(error);
}

static void
test_set_makes_the_same_checks(void)
{
    g_autoptr(Config) config = config_load(keys, NULL, NULL, NULL, NULL, NULL);
    g_autoptr(GError) error = NULL;
    g_assert_true(config_set(config, "libvirt", "ratio", "3", &error));
    g_assert_cmpfloat(config_get_float(config, "libvirt", "ratio"), ==, 3);
    g_assert_false(config_set(config, "libvirt", "ratio", "99", &error));
    g_assert_cmpstr(error->message, ==, "option: 'ratio' must be from 0.1 to 16, not 99");
    g_clear_error(&error);
    g_assert_false(config_set(config, "libvirt", "ratoi", "1", &error));
    g_assert_cmpfloat(config_get_float(config, "libvirt", "ratio"), ==, 3);
}

/* Whatever the file holds, there is a configuration or an error, and no crash. */
static void
test_random_files_do_no_harm(Fixture *fixture, const void *data)
{
    static const char *const pieces[] = {"[", "]", "=", "\n", " ", "DEFAULT", "debug", "libvirt",
        "ratio", "1", "#", ";", "\r", "\t", "\xc3\xa9", "\xff", "true", "name", ",", "\n\n"};
    for (int i = 0; i < 2000; i++) {
        g_autoptr(GString) text = g_string_new(i % 2 == 0 ? "[DEFAULT]\n" : "");
        for (int n = g_test_rand_int_range(0, 40); n > 0; n--) {
            g_string_append(text, pieces[g_test_rand_int_range(0, G_N_ELEMENTS(pieces))]);
        }
        write_file(fixture->path, text->str, (gssize)text->len);
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = config_load(keys, NULL, fixture->path, NULL, NULL, &error);
        g_assert_true((config == NULL) == (error != NULL));
        g_assert_true(error == NULL || strchr(error->message, '\n') == NULL);
    }
}

#define ADD(name) g_test_add("/config/" #name, Fixture, NULL, set_up, test_##name, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/defaults", test_defaults);
    ADD(values_of_a_file);
    ADD(a_choice_may_be_left_open_where_that_is_its_default);
    ADD(a_group_has_what_it_does_not_say);
    ADD(snippets_win_in_the_order_of_their_names);
    ADD(obsolete_key_warns);
    ADD(mistakes_are_explained);
    ADD(unreadable_files_are_errors);
    g_test_add_func("/config/set_makes_the_same_checks", test_set_makes_the_same_checks);
    ADD(random_files_do_no_harm);
    return g_test_run();
}
