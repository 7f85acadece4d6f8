/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/config.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/error.h"

typedef struct Value {
    char *text;
    int64_t integer;
    double number;
    bool flag;
} Value;

struct Config {
    const ConfigKey *keys;
    const ConfigObsolete *obsolete;
    size_t n_keys;
    Value *values; /* one for each key */
};

/* ---- the table ---- */

static const ConfigKey *
find_key(const Config *config, const char *section, const char *name)
{
    for (size_t i = 0; i < config->n_keys; i++) {
        const ConfigKey *key = &config->keys[i];
        if (strcmp(key->section, section) == 0 && strcmp(key->name, name) == 0) {
            return key;
        }
    }
    return NULL;
}

static const char *
find_obsolete(const Config *config, const char *section, const char *name)
{
    const ConfigObsolete *row = config->obsolete;
    for (; row != NULL && row->section != NULL; row++) {
        if (strcmp(row->section, section) == 0 && strcmp(row->name, name) == 0) {
            return row->advice;
        }
    }
    return NULL;
}

/* How many letters must be changed, added or taken away to make one word of the other. */
static size_t
edit_distance(const char *a, const char *b)
{
    size_t b_length = strlen(b);
    g_autofree size_t *row = g_new(size_t, b_length + 1);
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_length; j++) {
            size_t changed = diagonal + (g_ascii_tolower(a[i]) != g_ascii_tolower(b[j]));
            diagonal = row[j + 1];
            row[j + 1] = MIN(changed, MIN(row[j], row[j + 1]) + 1);
        }
    }
    return row[b_length];
}

/* The section that has a key of this very name, or NULL. */
static const ConfigKey *
find_in_other_section(const Config *config, const char *name)
{
    for (size_t i = 0; i < config->n_keys; i++) {
        if (strcmp(config->keys[i].name, name) == 0) {
            return &config->keys[i];
        }
    }
    return NULL;
}

/* The key that was likely meant: a name that differs little, best in the same section. */
static const ConfigKey *
find_similar_key(const Config *config, const char *section, const char *name)
{
    const ConfigKey *best = NULL;
    size_t best_score = G_MAXSIZE;
    for (size_t i = 0; i < config->n_keys; i++) {
        const ConfigKey *key = &config->keys[i];
        size_t distance = edit_distance(name, key->name);
        size_t score = 2 * distance + (strcmp(key->section, section) != 0);
        if (distance <= MAX(2, strlen(name) / 4) && score < best_score) {
            best = key;
            best_score = score;
        }
    }
    return best;
}

static bool
has_section(const Config *config, const char *section)
{
    for (size_t i = 0; i < config->n_keys; i++) {
        if (strcmp(config->keys[i].section, section) == 0) {
            return true;
        }
    }
    const ConfigObsolete *row = config->obsolete;
    for (; row != NULL && row->section != NULL; row++) {
        if (strcmp(row->section, section) == 0) {
            return true;
        }
    }
    return false;
}

static const char *
find_similar_section(const Config *config, const char *section)
{
    const char *best = NULL;
    size_t best_distance = 3;
    for (size_t i = 0; i < config->n_keys; i++) {
        size_t distance = edit_distance(section, config->keys[i].section);
        if (distance < best_distance) {
            best = config->keys[i].section;
            best_distance = distance;
        }
    }
    return best;
}

static bool
set_unknown_key(
    const Config *config, const char *where, const char *section, const char *name, GError **error)
{
    const ConfigKey *other = find_in_other_section(config, name);
    if (other != NULL) {
        return error_set(error, ERROR_INVALID,
            "%s: key '%s' does not belong into section [%s], but into [%s]", where, name, section,
            other->section);
    }
    const ConfigKey *similar = find_similar_key(config, section, name);
    if (similar == NULL) {
        return error_set(
            error, ERROR_INVALID, "%s: unknown key '%s' in section [%s]", where, name, section);
    }
    if (strcmp(similar->section, section) == 0) {
        return error_set(error, ERROR_INVALID,
            "%s: unknown key '%s' in section [%s]; did you mean '%s'?", where, name, section,
            similar->name);
    }
    return error_set(error, ERROR_INVALID,
        "%s: unknown key '%s' in section [%s]; did you mean '%s' in section [%s]?", where, name,
        section, similar->name, similar->section);
}

/* ---- values ---- */

static bool
check_bounds(const ConfigKey *key, double number, const char *where, GError **error)
{
    if ((key->min == 0 && key->max == 0) || (number >= key->min && number <= key->max)) {
        return true;
    }
    return error_set(error, ERROR_INVALID, "%s: '%s' must be from %.15g to %.15g, not %.15g", where,
        key->name, key->min, key->max, number);
}

static bool
parse_int(const ConfigKey *key, const char *where, Value *value, GError **error)
{
    if (!g_ascii_string_to_signed(value->text, 10, G_MININT64, G_MAXINT64, &value->integer, NULL)) {
        return error_set(error, ERROR_INVALID, "%s: '%s' must be a whole number, not '%s'", where,
            key->name, value->text);
    }
    return check_bounds(key, (double)value->integer, where, error);
}

static bool
parse_float(const ConfigKey *key, const char *where, Value *value, GError **error)
{
    char *end;
    value->number = g_ascii_strtod(value->text, &end);
    if (end == value->text || *end != '\0' || !isfinite(value->number)) {
        return error_set(error, ERROR_INVALID, "%s: '%s' must be a number, not '%s'", where,
            key->name, value->text);
    }
    return check_bounds(key, value->number, where, error);
}

/* The words that oslo.config takes, since the file's users know them. */
static bool
parse_bool(const ConfigKey *key, const char *where, Value *value, GError **error)
{
    static const char *const words[] = {"false", "no", "off", "0", "true", "yes", "on", "1"};
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (g_ascii_strcasecmp(value->text, words[i]) == 0) {
            value->flag = i >= G_N_ELEMENTS(words) / 2;
            return true;
        }
    }
    return error_set(error, ERROR_INVALID, "%s: '%s' must be true or false, not '%s'", where,
        key->name, value->text);
}

static bool
parse_value(const ConfigKey *key, const char *where, Value *value, GError **error)
{
    switch (key->type) {
    case CONFIG_STRING:
    case CONFIG_LIST: return true;
    case CONFIG_INT: return parse_int(key, where, value, error);
    case CONFIG_FLOAT: return parse_float(key, where, value, error);
    case CONFIG_BOOL: return parse_bool(key, where, value, error);
    }
    g_assert_not_reached();
}

/* "where" is what a message begins with: "file:line", or "option". */
static bool
set_value(Config *config, const ConfigKey *key, const char *where, const char *text, GError **error)
{
    Value value = {.text = g_strdup(text)};
    if (!parse_value(key, where, &value, error)) {
        g_free(value.text);
        return false;
    }
    Value *slot = &config->values[key - config->keys];
    g_free(slot->text);
    *slot = value;
    return true;
}

/* ---- files ---- */

typedef struct Reader {
    Config *config;
    GPtrArray *warnings; /* may be NULL */
    GHashTable *seen;    /* key -> the line of this file that set it */
    const char *path;
    int line;
    char *section; /* NULL before the first header */
} Reader;

static void
warn(Reader *reader, const char *where, const char *name, const char *advice)
{
    if (reader->warnings != NULL) {
        g_ptr_array_add(reader->warnings,
            g_strdup_printf("%s: '%s' in section [%s] %s", where, name, reader->section, advice));
    }
}

static bool
read_section(Reader *reader, const char *where, char *line, GError **error)
{
    size_t length = strlen(line);
    if (line[length - 1] != ']') {
        return error_set(error, ERROR_INVALID, "%s: the section header has no ']'", where);
    }
    line[length - 1] = '\0';
    g_free(reader->section);
    reader->section = g_strdup(g_strstrip(line + 1));
    if (has_section(reader->config, reader->section)) {
        return true;
    }
    const char *similar = find_similar_section(reader->config, reader->section);
    if (similar == NULL) {
        return error_set(error, ERROR_INVALID, "%s: unknown section [%s]", where, reader->section);
    }
    return error_set(error, ERROR_INVALID, "%s: unknown section [%s]; did you mean [%s]?", where,
        reader->section, similar);
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
    const ConfigKey *key = find_key(reader->config, reader->section, name);
    if (key == NULL) {
        const char *advice = find_obsolete(reader->config, reader->section, name);
        if (advice != NULL) {
            warn(reader, where, name, advice);
            return true;
        }
        return set_unknown_key(reader->config, where, reader->section, name, error);
    }
    int first = GPOINTER_TO_INT(g_hash_table_lookup(reader->seen, key));
    if (first > 0) {
        return error_set(
            error, ERROR_INVALID, "%s: '%s' was set already in line %d", where, name, first);
    }
    g_hash_table_insert(reader->seen, (void *)key, GINT_TO_POINTER(reader->line));
    return set_value(reader->config, key, where, text, error);
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

static bool
read_file(Config *config, const char *path, GPtrArray *warnings, GError **error)
{
    g_autofree char *text = NULL;
    size_t size;
    g_autoptr(GError) problem = NULL;
    if (!g_file_get_contents(path, &text, &size, &problem)) {
        return error_set(
            error, ERROR_INVALID, "cannot read the configuration: %s", problem->message);
    }
    if (strlen(text) != size) {
        return error_set(error, ERROR_INVALID, "%s: the file holds a NUL byte", path);
    }
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    Reader reader = {.config = config, .warnings = warnings, .seen = seen, .path = path};
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    bool is_good = true;
    for (int i = 0; is_good && lines[i] != NULL; i++) {
        reader.line = i + 1;
        is_good = read_line(&reader, lines[i], error);
    }
    g_free(reader.section);
    return is_good;
}

static int
compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A directory that is not there is fine: it is where an operator may put something. */
static bool
read_directory(Config *config, const char *directory, GPtrArray *warnings, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(GDir) dir = g_dir_open(directory, 0, &problem);
    if (dir == NULL) {
        return g_error_matches(problem, G_FILE_ERROR, G_FILE_ERROR_NOENT) ||
            error_set(error, ERROR_INVALID, "cannot read the configuration: %s", problem->message);
    }
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        if (*name != '.' && g_str_has_suffix(name, ".conf")) {
            g_ptr_array_add(paths, g_build_filename(directory, name, NULL));
        }
    }
    g_ptr_array_sort(paths, compare_texts);
    for (unsigned i = 0; i < paths->len; i++) {
        if (!read_file(config, g_ptr_array_index(paths, i), warnings, error)) {
            return false;
        }
    }
    return true;
}

/* ---- the interface ---- */

static Config *
config_new(const ConfigKey *keys, const ConfigObsolete *obsolete)
{
    Config *config = g_new0(Config, 1);
    config->keys = keys;
    config->obsolete = obsolete;
    while (keys[config->n_keys].section != NULL) {
        config->n_keys++;
    }
    config->values = g_new0(Value, config->n_keys);
    for (size_t i = 0; i < config->n_keys; i++) {
        g_autoptr(GError) problem = NULL;
        const char *text = keys[i].default_value != NULL ? keys[i].default_value : "";
        /* A default that its own key refuses is a bug. */
        bool is_good = set_value(config, &keys[i], "default", text, &problem);
        g_assert_no_error(problem);
        g_assert(is_good);
    }
    return config;
}

Config *
config_load(const ConfigKey *keys, const ConfigObsolete *obsolete, const char *path,
    const char *directory, GPtrArray **ret_warnings, GError **error)
{
    g_autoptr(Config) config = config_new(keys, obsolete);
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    if ((path != NULL && !read_file(config, path, warnings, error)) ||
        (directory != NULL && !read_directory(config, directory, warnings, error))) {
        return NULL;
    }
    if (ret_warnings != NULL) {
        *ret_warnings = g_steal_pointer(&warnings);
    }
    return g_steal_pointer(&config);
}

void
config_free(Config *config)
{
    if (config != NULL) {
        for (size_t i = 0; i < config->n_keys; i++) {
            g_free(config->values[i].text);
        }
        g_free(config->values);
        g_free(config);
    }
}

static const Value *
get_value(const Config *config, const char *section, const char *name, ConfigType type)
{
    const ConfigKey *key = find_key(config, section, name);
    g_assert(key != NULL && key->type == type);
    return &config->values[key - config->keys];
}

const char *
config_get(const Config *config, const char *section, const char *name)
{
    const ConfigKey *key = find_key(config, section, name);
    g_assert(key != NULL);
    return config->values[key - config->keys].text;
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
    const ConfigKey *key = find_key(config, section, name);
    if (key == NULL) {
        return set_unknown_key(config, "option", section, name, error);
    }
    return set_value(config, key, "option", value, error);
}
