/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/config_private.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/spelling.h"

/* ---- the table ---- */

const ConfigKey *
config_find_key(const Config *config, const char *section, const char *name)
{
    for (size_t i = 0; i < config->n_keys; i++) {
        const ConfigKey *key = &config->keys[i];
        if (strcmp(key->section, section) == 0 && strcmp(key->name, name) == 0) {
            return key;
        }
    }
    return NULL;
}

const char *
config_find_obsolete(const Config *config, const char *section, const char *name)
{
    const ConfigObsolete *row = config->obsolete;
    for (; row != NULL && row->section != NULL; row++) {
        if (strcmp(row->section, section) == 0 && strcmp(row->name, name) == 0) {
            return row->advice;
        }
    }
    return NULL;
}

const ConfigKey *
config_find_in_other_section(const Config *config, const char *name)
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
        size_t distance = spelling_distance(name, key->name);
        size_t score = 2 * distance + (strcmp(key->section, section) != 0);
        if (distance <= MAX(2, strlen(name) / 4) && score < best_score) {
            best = key;
            best_score = score;
        }
    }
    return best;
}

bool
config_has_section(const Config *config, const char *section)
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

bool
config_has_groups(const Config *config, const char *section)
{
    for (size_t i = 0; i < config->n_keys; i++) {
        const ConfigKey *key = &config->keys[i];
        if ((key->flags & CONFIG_GROUP_ONLY) != 0 && strcmp(key->section, section) == 0) {
            return true;
        }
    }
    return false;
}

const char *
config_find_similar_section(const Config *config, const char *section)
{
    const char *best = NULL;
    size_t best_distance = 3;
    for (size_t i = 0; i < config->n_keys; i++) {
        size_t distance = spelling_distance(section, config->keys[i].section);
        if (distance < best_distance) {
            best = config->keys[i].section;
            best_distance = distance;
        }
    }
    return best;
}

/* What the members of a group are called elsewhere. */
static bool
means_hosts(const char *name)
{
    static const char *const words[] = {"members", "member", "host", "hostname", "nodes", NULL};

    return g_strv_contains(words, name);
}

bool
config_set_unknown_key(const Config *config, const char *where, const char *section,
    const char *header, const char *name, GError **error)
{
    const ConfigKey *other = config_find_in_other_section(config, name);
    if (other != NULL) {
        return error_set(error, ERROR_INVALID,
            "%s: key '%s' does not belong into section [%s], but into [%s]", where, name, header,
            other->section);
    }
    const ConfigKey *similar = find_similar_key(config, section, name);
    if (similar == NULL && means_hosts(name) && strchr(header, ':') != NULL) {
        similar = config_find_key(config, section, "hosts");
    }
    if (similar == NULL) {
        return error_set(
            error, ERROR_INVALID, "%s: unknown key '%s' in section [%s]", where, name, header);
    }
    if (strcmp(similar->section, section) == 0) {
        return error_set(error, ERROR_INVALID,
            "%s: unknown key '%s' in section [%s]; did you mean '%s'?", where, name, header,
            similar->name);
    }
    return error_set(error, ERROR_INVALID,
        "%s: unknown key '%s' in section [%s]; did you mean '%s' in section [%s]?", where, name,
        header, similar->name, similar->section);
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
parse_int(const ConfigKey *key, const char *where, ConfigValue *value, GError **error)
{
    if (!g_ascii_string_to_signed(value->text, 10, G_MININT64, G_MAXINT64, &value->integer, NULL)) {
        return error_set(error, ERROR_INVALID, "%s: '%s' must be a whole number, not '%s'", where,
            key->name, value->text);
    }
    return check_bounds(key, (double)value->integer, where, error);
}

static bool
parse_float(const ConfigKey *key, const char *where, ConfigValue *value, GError **error)
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
parse_bool(const ConfigKey *key, const char *where, ConfigValue *value, GError **error)
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
check_choice(const ConfigKey *key, const char *where, const ConfigValue *value, GError **error)
{
    if (key->choices == NULL || (*value->text == '\0' && *key->default_value == '\0')) {
        return true;
    }
    g_auto(GStrv) choices = g_strsplit(key->choices, ",", -1);
    if (g_strv_contains((const char *const *)choices, value->text)) {
        return true;
    }
    g_autofree char *text = g_strjoinv(" or ", choices);
    return error_set(error, ERROR_INVALID, "%s: '%s' must be %s, not '%s'", where, key->name, text,
        value->text);
}

static bool
parse_value(const ConfigKey *key, const char *where, ConfigValue *value, GError **error)
{
    switch (key->type) {
    case CONFIG_STRING: return check_choice(key, where, value, error);
    case CONFIG_LIST: return true;
    case CONFIG_INT: return parse_int(key, where, value, error);
    case CONFIG_FLOAT: return parse_float(key, where, value, error);
    case CONFIG_BOOL: return parse_bool(key, where, value, error);
    }
    g_assert_not_reached();
}

bool
config_set_value(
    Config *config, const ConfigKey *key, const char *where, const char *text, GError **error)
{
    ConfigValue value = {.text = g_strdup(text), .where = g_strdup(where)};
    if (!parse_value(key, where, &value, error)) {
        g_free(value.text);
        g_free(value.where);
        return false;
    }
    ConfigValue *slot = &config->values[key - config->keys];
    g_free(slot->text);
    g_free(slot->where);
    g_free(slot->wheres);
    *slot = value;
    return true;
}

void
config_add_line(Config *config, const ConfigKey *key, const char *where, const char *text)
{
    ConfigValue *slot = &config->values[key - config->keys];
    g_autofree char *so_far = slot->text;
    g_autofree char *wheres = slot->wheres;

    slot->text = g_strconcat(so_far, "\n", text, NULL);
    slot->wheres = g_strconcat(wheres != NULL ? wheres : slot->where, "\n", where, NULL);
}
