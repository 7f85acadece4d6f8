/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "daemon/cpu_apply.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/configuration_check.h"
#include "model/host.h"

/* The last of the directory, so that groups keep the order in which the other files name them. */
#define FILE_NAME "zz-cpu-baseline.conf"
#define HEADING                                                                                    \
    "# Written by droverd for 'drover cpu baseline --apply', which writes it anew: what\n"         \
    "# is changed here by hand may be lost. A section, or the whole file, may be removed;\n"       \
    "# reload then.\n"

static const char *const KEYS[] = {"cpu_mode", "cpu_models", "cpu_model_extra_flags"};

char *
cpu_apply_path(const ConfigSources *sources, GError **error)
{
    const char *directory = configuration_directory(sources);

    if (directory == NULL) {
        error_set(error, ERROR_CONFLICT,
            "droverd reads no directory of *.conf files, which is where it would write the model: "
            "start it with --config-dir, or put the model into its configuration by hand");
        return NULL;
    }
    if (g_access(directory, W_OK | X_OK) != 0) {
        error_set(error, ERROR_CONFLICT,
            "droverd cannot write to '%s': %s; let its user write there, or put the model into a "
            "file of that directory by hand, and reload",
            directory, g_strerror(errno));
        return NULL;
    }
    return g_build_filename(directory, FILE_NAME, NULL);
}

/* ---- who has a key ---- */

/* A group that says nothing of it itself has what the section without a name says. */
static bool
is_inherited(const Config *config, const Config *section, const char *key)
{
    return section != config &&
        strcmp(config_where(section, "libvirt", key), config_where(config, "libvirt", key)) == 0;
}

static bool
is_ours(const char *where, const char *path)
{
    size_t length = strlen(path);

    return strncmp(where, path, length) == 0 && where[length] == ':';
}

static char *
section_name(const Config *config, const Config *section)
{
    return section == config ? g_strdup("[libvirt]")
                             : g_strdup_printf("[libvirt:%s]", config_group_name(section));
}

static bool
check_keys(const Config *config, const Config *section, const char *path, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(KEYS); i++) {
        const char *where = config_where(section, "libvirt", KEYS[i]);
        if (is_inherited(config, section, KEYS[i]) || is_ours(where, path) ||
            strcmp(where, "default") == 0) {
            continue;
        }
        g_autofree char *name = section_name(config, section);
        return error_set(error, ERROR_CONFLICT,
            "%s has '%s' in %s, a file that droverd does not change: take it out there, or put the "
            "model in there by hand, and reload",
            name, KEYS[i], where);
    }
    return true;
}

/* ---- the text ---- */

static void
append_section(GString *text, const Config *config, const Config *section, const char *models,
    const char *flags)
{
    g_autofree char *name = section_name(config, section);

    g_string_append_printf(text,
        "\n%s\ncpu_mode = custom\ncpu_models = %s\ncpu_model_extra_flags = %s\n", name, models,
        flags);
}

static bool
is_target(const Config *config, const Config *section, const ApiCpuModel *model)
{
    for (int i = 0; model->hosts[i] != NULL; i++) {
        if (configuration_for_host(config, "libvirt", model->hosts[i]) == section) {
            return true;
        }
    }
    return false;
}

/* What it has from before, and is not to be changed, stays. */
static bool
add_section(GString *text, const Config *config, const Config *section, const char *path,
    const ApiCpuModel *model, GError **error)
{
    if (is_target(config, section, model)) {
        g_autofree char *flags = g_strjoinv(", ", model->features);
        append_section(text, config, section, model->model, flags);
        return check_keys(config, section, path, error);
    }
    if (!is_inherited(config, section, "cpu_models") &&
        is_ours(config_where(section, "libvirt", "cpu_models"), path)) {
        append_section(text, config, section, config_get(section, "libvirt", "cpu_models"),
            config_get(section, "libvirt", "cpu_model_extra_flags"));
    }
    return true;
}

static char *
make_text(const Config *config, const char *path, const ApiCpuModel *model, GError **error)
{
    g_autoptr(GString) text = g_string_new(HEADING);

    if (!add_section(text, config, config, path, model, error)) {
        return NULL;
    }
    for (unsigned i = 0; i < config_n_groups(config); i++) {
        const Config *group = config_group(config, i);
        if (configuration_is_group_of(group, "libvirt") &&
            !add_section(text, config, group, path, model, error)) {
            return NULL;
        }
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* ---- whom it concerns ---- */

/* Names as a sentence takes them, bounded for a fleet of any size. */
static char *
quote_names(const GPtrArray *names)
{
    enum { MOST = 8 };
    GString *text = g_string_new(names->len > 1 ? "hosts " : "host ");
    for (unsigned i = 0; i < MIN(names->len, MOST); i++) {
        g_string_append_printf(
            text, "%s'%s'", i > 0 ? ", " : "", (const char *)names->pdata[i]);
    }
    if (names->len > MOST) {
        g_string_append_printf(text, " and %u more", names->len - MOST);
    }
    return g_string_free(text, FALSE);
}

static void
add_once(GPtrArray *texts, const char *text)
{
    if (!g_ptr_array_find_with_equal_func(texts, text, g_str_equal, NULL)) {
        g_ptr_array_add(texts, g_strdup(text));
    }
}

/* Those of a change that were not named; by: the sections through which they would get it. */
static void
add_others(const ApiConfigChange *change, const ApiCpuModel *model, const Config *candidate,
    GPtrArray *others, GPtrArray *by)
{
    for (unsigned i = 0; i < change->hosts->len; i++) {
        const char *host = change->hosts->pdata[i];
        if (!g_strv_contains((const char *const *)model->hosts, host)) {
            g_autofree char *section =
                section_name(candidate, configuration_for_host(candidate, "libvirt", host));
            add_once(others, host);
            add_once(by, section);
        }
    }
}

static bool
check_others(const Config *config, const Config *candidate, const ApiCpuModel *model,
    const GPtrArray *hosts, GError **error)
{
    g_autoptr(GPtrArray) changes = configuration_compare(config, config, candidate, hosts);
    g_autoptr(GPtrArray) others = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) by = g_ptr_array_new_with_free_func(g_free);

    for (unsigned i = 0; i < changes->len; i++) {
        add_others(changes->pdata[i], model, candidate, others, by);
    }
    if (others->len == 0) {
        return true;
    }
    g_ptr_array_add(by, NULL);
    g_autofree char *names = quote_names(others);
    g_autofree char *sections = g_strjoinv(", ", (char **)by->pdata);
    g_autofree char *named = g_strjoinv(", ", model->hosts);
    return error_set(error, ERROR_CONFLICT,
        "%s would get the model too, by %s: name %s as well, or give those that were named a "
        "section of their own, [libvirt:NAME] with 'hosts = %s'",
        names, sections, others->len > 1 ? "them" : "it", named);
}

char *
cpu_apply_make(const ConfigSources *sources, const Config *config, const ApiCpuModel *model,
    const GPtrArray *hosts, GError **error)
{
    g_autofree char *path = cpu_apply_path(sources, error);
    g_autofree char *text = path != NULL ? make_text(config, path, model, error) : NULL;
    g_autoptr(GPtrArray) warnings = NULL;

    if (text == NULL) {
        return NULL;
    }
    const ConfigText instead = {FILE_NAME, text};
    g_autoptr(Config) candidate = configuration_load(sources, &instead, &warnings, error);
    if (candidate == NULL || !configuration_check_hosts(candidate, hosts, error) ||
        !check_others(config, candidate, model, hosts, error)) {
        return NULL;
    }
    return g_steal_pointer(&text);
}
