/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/config_private.h"

#include <string.h>

#include "base/error.h"

static Config *
config_new(const ConfigKey *keys, const ConfigObsolete *obsolete)
{
    Config *config = g_new0(Config, 1);
    config->keys = keys;
    config->obsolete = obsolete;
    config->groups = g_ptr_array_new_with_free_func((GDestroyNotify)config_free);
    while (keys[config->n_keys].section != NULL) {
        config->n_keys++;
    }
    config->values = g_new0(ConfigValue, config->n_keys);
    for (size_t i = 0; i < config->n_keys; i++) {
        g_autoptr(GError) problem = NULL;
        const char *text = keys[i].default_value != NULL ? keys[i].default_value : "";
        /* A default that its own key refuses is a bug. */
        bool is_good = config_set_value(config, &keys[i], "default", text, &problem);
        g_assert_no_error(problem);
        g_assert(is_good);
    }
    return config;
}

/* What a group does not say is what its section says. */
static void
fill_groups(Config *config)
{
    for (unsigned i = 0; i < config->groups->len; i++) {
        const Config *group = config->groups->pdata[i];
        for (size_t j = 0; j < config->n_keys; j++) {
            ConfigValue *value = &group->values[j];
            if (value->text == NULL) {
                *value = config->values[j];
                value->text = g_strdup(value->text);
                value->where = g_strdup(value->where);
                value->wheres = g_strdup(value->wheres);
            }
        }
    }
}

Config *
config_load(const ConfigKey *keys, const ConfigObsolete *obsolete, const char *path,
    const char *directory, GPtrArray **ret_warnings, GError **error)
{
    return config_load_instead(keys, obsolete, path, directory, NULL, ret_warnings, error);
}

Config *
config_load_instead(const ConfigKey *keys, const ConfigObsolete *obsolete, const char *path,
    const char *directory, const ConfigText *instead, GPtrArray **ret_warnings, GError **error)
{
    g_autoptr(Config) config = config_new(keys, obsolete);
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    if ((path != NULL && !config_read_file(config, path, warnings, error)) ||
        (directory != NULL &&
            !config_read_directory(config, directory, instead, warnings, error))) {
        return NULL;
    }
    fill_groups(config);
    if (ret_warnings != NULL) {
        *ret_warnings = g_steal_pointer(&warnings);
    }
    return g_steal_pointer(&config);
}

void
config_free(Config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < config->n_keys; i++) {
        g_free(config->values[i].text);
        g_free(config->values[i].where);
        g_free(config->values[i].wheres);
    }
    g_free(config->values);
    g_clear_pointer(&config->groups, g_ptr_array_unref);
    g_free(config->section);
    g_free(config->name);
    g_free(config->where);
    g_free(config);
}

static const ConfigValue *
find_value(const Config *config, const char *section, const char *name)
{
    const ConfigKey *key = config_find_key(config, section, name);
    g_assert(key != NULL);
    return &config->values[key - config->keys];
}

static const ConfigValue *
get_value(const Config *config, const char *section, const char *name, ConfigType type)
{
    const ConfigValue *value = find_value(config, section, name);
    g_assert(config->keys[value - config->values].type == type);
    return value;
}

const char *
config_get(const Config *config, const char *section, const char *name)
{
    return find_value(config, section, name)->text;
}

const char *
config_get_or_null(const Config *config, const char *section, const char *name)
{
    const char *text = config_get(config, section, name);
    return text[0] != '\0' ? text : NULL;
}

const char *
config_where(const Config *config, const char *section, const char *name)
{
    return find_value(config, section, name)->where;
}

char *
config_where_line(const Config *config, const char *section, const char *name, unsigned line)
{
    const ConfigValue *value = find_value(config, section, name);
    if (value->wheres == NULL) {
        return g_strdup(value->where);
    }
    g_auto(GStrv) lines = g_strsplit(value->wheres, "\n", -1);
    return g_strdup(lines[MIN(line, g_strv_length(lines) - 1)]);
}

int64_t
config_get_int(const Config *config, const char *section, const char *name)
{
    return get_value(config, section, name, CONFIG_INT)->integer;
}

double
config_get_float(const Config *config, const char *section, const char *name)
{
    return get_value(config, section, name, CONFIG_FLOAT)->number;
}

bool
config_get_bool(const Config *config, const char *section, const char *name)
{
    return get_value(config, section, name, CONFIG_BOOL)->flag;
}

char **
config_get_list(const Config *config, const char *section, const char *name)
{
    const char *text = get_value(config, section, name, CONFIG_LIST)->text;
    g_auto(GStrv) items = g_strsplit(text, ",", -1);
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    for (char **item = items; *item != NULL; item++) {
        g_strstrip(*item);
        if (**item != '\0') {
            g_ptr_array_add(list, g_strdup(*item));
        }
    }
    g_ptr_array_add(list, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&list), FALSE);
}

bool
config_set(Config *config, const char *section, const char *name, const char *value, GError **error)
{
    const ConfigKey *key = config_find_key(config, section, name);
    if (key == NULL) {
        return config_set_unknown_key(config, "option", section, section, name, error);
    }
    return config_set_value(config, key, "option", value, error);
}

/* ---- groups ---- */

unsigned
config_n_groups(const Config *config)
{
    return config->groups->len;
}

const Config *
config_group(const Config *config, unsigned index)
{
    return config->groups->pdata[index];
}

const char *
config_group_section(const Config *group)
{
    return group->section;
}

const char *
config_group_name(const Config *group)
{
    return group->name;
}

const char *
config_group_where(const Config *group)
{
    return group->where;
}
