/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/config_private.h"

#include <string.h>

#include "base/error.h"

typedef struct Reader {
    Config *config;
    GPtrArray *warnings; /* may be NULL */
    GHashTable *seen;    /* where a value is kept -> the line of this file that set it */
    const char *path;
    int line;
    char *header;  /* of the section, as written; NULL before the first */
    char *section; /* without the name of a group */
    Config *target; /* who takes what is set: the whole, or a group */
    char *unknown; /* where a section that nobody knows begins; NULL: it is known */
} Reader;

static void
warn(Reader *reader, const char *where, const char *name, const char *advice)
{
    if (reader->warnings != NULL) {
        g_ptr_array_add(reader->warnings,
            g_strdup_printf("%s: '%s' in section [%s] %s", where, name, reader->header, advice));
    }
}

Config *
config_take_group(Config *config, const char *section, const char *name, const char *where)
{
    for (unsigned i = 0; i < config->groups->len; i++) {
        Config *group = config->groups->pdata[i];
        if (strcmp(group->section, section) == 0 && strcmp(group->name, name) == 0) {
            return group;
        }
    }
    Config *group = g_new0(Config, 1);
    group->keys = config->keys;
    group->obsolete = config->obsolete;
    group->n_keys = config->n_keys;
    group->values = g_new0(ConfigValue, config->n_keys);
    group->section = g_strdup(section);
    group->name = g_strdup(name);
    group->where = g_strdup(where);
    g_ptr_array_add(config->groups, group);
    return group;
}

/* ---- sections ---- */

/* Nobody knows it, and none of its keys is one that belongs elsewhere. */
static bool
check_section_end(Reader *reader, GError **error)
{
    return reader->unknown == NULL ||
        error_set(
            error, ERROR_INVALID, "%s: unknown section [%s]", reader->unknown, reader->header);
}

static bool
enter_unknown_section(Reader *reader, const char *where, const char *group, GError **error)
{
    const char *similar = config_find_similar_section(reader->config, reader->section);
    if (similar == NULL) {
        reader->unknown = g_strdup(where);
        return true;
    }
    return error_set(error, ERROR_INVALID, "%s: unknown section [%s]; did you mean [%s%s]?", where,
        reader->header, similar, group);
}

static bool
enter_group(Reader *reader, const char *where, const char *name, GError **error)
{
    if (!config_has_groups(reader->config, reader->section)) {
        return error_set(error, ERROR_INVALID,
            "%s: section [%s] has no groups: what it says is for all", where, reader->section);
    }
    if (*name == '\0') {
        return error_set(
            error, ERROR_INVALID, "%s: the group in [%s] has no name", where, reader->header);
    }
    reader->target = config_take_group(reader->config, reader->section, name, where);
    return true;
}

static bool
read_section(Reader *reader, const char *where, char *line, GError **error)
{
    size_t length = strlen(line);
    if (line[length - 1] != ']') {
        return error_set(error, ERROR_INVALID, "%s: the section header has no ']'", where);
    }
    if (!check_section_end(reader, error)) {
        return false;
    }
    line[length - 1] = '\0';
    g_free(reader->header);
    g_free(reader->section);
    reader->header = g_strdup(g_strstrip(line + 1));
    const char *colon = strchr(reader->header, ':');
    reader->section = colon != NULL ? g_strndup(reader->header, (size_t)(colon - reader->header))
                                    : g_strdup(reader->header);
    g_strstrip(reader->section);
    reader->target = reader->config;
    if (!config_has_section(reader->config, reader->section)) {
        return enter_unknown_section(reader, where, colon != NULL ? colon : "", error);
    }
    g_autofree char *name = colon != NULL ? g_strstrip(g_strdup(colon + 1)) : NULL;
    return name == NULL || enter_group(reader, where, name, error);
}

/* ---- keys ---- */

static bool
may_stand_here(const Reader *reader, const ConfigKey *key, const char *where, GError **error)
{
    bool is_group = reader->target != reader->config;
    if (!is_group && (key->flags & CONFIG_GROUP_ONLY) != 0) {
        return error_set(error, ERROR_INVALID,
            "%s: key '%s' belongs into a group, [%s:NAME], and not into [%s]", where, key->name,
            key->section, key->section);
    }
    return !is_group || (key->flags & (CONFIG_GROUP | CONFIG_GROUP_ONLY)) != 0 ||
        error_set(error, ERROR_INVALID,
            "%s: key '%s' is the same for all, and belongs into [%s], not into [%s]", where,
            key->name, key->section, reader->header);
}

static bool
set_key(
    Reader *reader, const ConfigKey *key, const char *where, const char *text, GError **error)
{
    if (!may_stand_here(reader, key, where, error)) {
        return false;
    }
    const ConfigValue *slot = &reader->target->values[key - reader->config->keys];
    int first = GPOINTER_TO_INT(g_hash_table_lookup(reader->seen, slot));
    if (first > 0 && (key->flags & CONFIG_MULTI) != 0) {
        config_add_line(reader->target, key, where, text);
        return true;
    }
    if (first > 0) {
        return error_set(
            error, ERROR_INVALID, "%s: '%s' was set already in line %d", where, key->name, first);
    }
    g_hash_table_insert(reader->seen, (void *)slot, GINT_TO_POINTER(reader->line));
    return config_set_value(reader->target, key, where, text, error);
}

/* One that belongs elsewhere says more than its section, whose other keys nobody knows either. */
static bool
read_in_unknown_section(Reader *reader, const char *where, const char *name, GError **error)
{
    return config_find_in_other_section(reader->config, name) == NULL ||
        config_set_unknown_key(
            reader->config, where, reader->header, reader->header, name, error);
}

static bool
read_pair(Reader *reader, const char *where, char *line, GError **error)
{
    char *equals = strchr(line, '=');
    if (equals == NULL || equals == line) {
        return error_set(
            error, ERROR_INVALID, "%s: this is neither 'key = value' nor '[section]'", where);
    }
    *equals = '\0';
    const char *name = g_strchomp(line);
    const char *text = g_strstrip(equals + 1);
    if (reader->section == NULL) {
        return error_set(
            error, ERROR_INVALID, "%s: key '%s' stands before the first section", where, name);
    }
    if (reader->unknown != NULL) {
        return read_in_unknown_section(reader, where, name, error);
    }
    const ConfigKey *key = config_find_key(reader->config, reader->section, name);
    if (key == NULL) {
        const char *advice = config_find_obsolete(reader->config, reader->section, name);
        if (advice != NULL) {
            warn(reader, where, name, advice);
            return true;
        }
        return config_set_unknown_key(
            reader->config, where, reader->section, reader->header, name, error);
    }
    return set_key(reader, key, where, text, error);
}

static bool
read_line(Reader *reader, char *line, GError **error)
{
    bool is_continued = g_ascii_isspace(*line);
    g_strstrip(line);
    if (*line == '\0' || *line == '#' || *line == ';') {
        return true;
    }
    g_autofree char *where = g_strdup_printf("%s:%d", reader->path, reader->line);
    if (!g_utf8_validate(line, -1, NULL)) {
        return error_set(error, ERROR_INVALID, "%s: the line is not UTF-8 text", where);
    }
    if (is_continued) {
        return error_set(error, ERROR_INVALID,
            "%s: a line must not begin with a blank; a value takes one line", where);
    }
    return *line == '[' ? read_section(reader, where, line, error)
                        : read_pair(reader, where, line, error);
}

/* ---- files ---- */

static bool
read_text(
    Config *config, const char *path, const char *text, GPtrArray *warnings, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    Reader reader = {.config = config, .warnings = warnings, .seen = seen, .path = path};
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    bool is_good = true;
    for (int i = 0; is_good && lines[i] != NULL; i++) {
        reader.line = i + 1;
        is_good = read_line(&reader, lines[i], error);
    }
    is_good = is_good && check_section_end(&reader, error);
    g_free(reader.header);
    g_free(reader.section);
    g_free(reader.unknown);
    return is_good;
}

bool
config_read_file(Config *config, const char *path, GPtrArray *warnings, GError **error)
{
    g_autofree char *text = NULL;
    size_t size;
    g_autoptr(GError) problem = NULL;
    if (!g_file_get_contents(path, &text, &size, &problem)) {
        return error_set(
            error, ERROR_INVALID, "cannot read the configuration: %s", problem->message);
    }
    return strlen(text) == size
        ? read_text(config, path, text, warnings, error)
        : error_set(error, ERROR_INVALID, "%s: the file holds a NUL byte", path);
}

static int
compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool
read_instead(Config *config, const char *directory, const ConfigText *instead, GPtrArray *warnings,
    GError **error)
{
    g_autofree char *path = g_build_filename(directory, instead->name, NULL);
    return read_text(config, path, instead->text, warnings, error);
}

bool
config_read_directory(Config *config, const char *directory, const ConfigText *instead,
    GPtrArray *warnings, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(GDir) dir = g_dir_open(directory, 0, &problem);
    if (dir == NULL) {
        return g_error_matches(problem, G_FILE_ERROR, G_FILE_ERROR_NOENT) ||
            error_set(error, ERROR_INVALID, "cannot read the configuration: %s", problem->message);
    }
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        bool is_replaced = instead != NULL && strcmp(name, instead->name) == 0;
        if (*name != '.' && g_str_has_suffix(name, ".conf") && !is_replaced) {
            g_ptr_array_add(paths, g_build_filename(directory, name, NULL));
        }
    }
    g_ptr_array_sort(paths, compare_texts);
    for (unsigned i = 0; i < paths->len; i++) {
        if (!config_read_file(config, g_ptr_array_index(paths, i), warnings, error)) {
            return false;
        }
    }
    return instead == NULL || read_instead(config, directory, instead, warnings, error);
}
