/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The configuration: an INI file and the *.conf files of a directory beside it, in the order of
 * their names. A table names every key there is; a key that is unknown, in the wrong section or
 * of a wrong type is an error that names file, line, reason and the likely right spelling. A key
 * that Nova knows and drover does not need gives a warning that says what takes its place.
 *
 * A section [SECTION:NAME] is a group: what it says wins over [SECTION] for the members of that
 * group, and only keys that may differ between them may stand in it. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum { CONFIG_STRING, CONFIG_INT, CONFIG_BOOL, CONFIG_FLOAT, CONFIG_LIST } ConfigType;

typedef enum {
    CONFIG_RELOAD = 1,     /* takes effect without a restart */
    CONFIG_GROUP = 2,      /* may stand in a group as well */
    CONFIG_GROUP_ONLY = 4, /* stands in groups alone: who belongs to them */
    CONFIG_MULTI = 8,      /* may stand several times in one file; the text has a line for each */
} ConfigFlags;

typedef struct ConfigKey {
    const char *section;
    const char *name;
    ConfigType type;
    const char *default_value; /* as text */
    double min, max;           /* INT and FLOAT; both 0 = no bound */
    const char *help;          /* one sentence; man page and --help are made from it */
    unsigned flags;            /* ConfigFlags */
    const char *choices;       /* STRING: "abort,force_complete", and nothing where that is the
                                * default; NULL = any text */
} ConfigKey;

typedef struct ConfigObsolete {
    const char *section;
    const char *name;
    const char *advice; /* "is not needed: ..." */
} ConfigObsolete;

typedef struct Config Config;

/* keys and obsolete (may be NULL) end with a row whose section is NULL, and outlive the result. A
 * line is "[section]", "key = value" or a comment (# or ;); what a later file says wins, twice in
 * one file is an error, but for keys that may stand several times. path NULL = defaults only;
 * directory NULL = no snippets. Values are read by config_get_*. ret_warnings (may be NULL) gets
 * sentences. */
Config *config_load(const ConfigKey *keys, const ConfigObsolete *obsolete, const char *path,
    const char *directory, GPtrArray **ret_warnings, GError **error);
/* A file of the directory, as it would be: read after the others, in place of the one that has its
 * name. */
typedef struct ConfigText {
    const char *name;
    const char *text;
} ConfigText;
/* The same with it; instead NULL: as it is. */
Config *config_load_instead(const ConfigKey *keys, const ConfigObsolete *obsolete,
    const char *path, const char *directory, const ConfigText *instead, GPtrArray **ret_warnings,
    GError **error);
void config_free(Config *config);
/* The key must be in the table: anything else is a bug. Strings are borrowed; "" is "not set". */
const char *config_get(const Config *config, const char *section, const char *name);
/* The same; NULL is "not set". */
const char *config_get_or_null(const Config *config, const char *section, const char *name);
int64_t config_get_int(const Config *config, const char *section, const char *name);
double config_get_float(const Config *config, const char *section, const char *name);
/* The items between commas, without blanks around them; caller frees with g_strfreev. */
char **config_get_list(const Config *config, const char *section, const char *name);
bool config_get_bool(const Config *config, const char *section, const char *name);
/* "file:line" of the value, or "default", or "option". */
const char *config_where(const Config *config, const char *section, const char *name);
/* The same of one line, from 0, of a key that may stand several times. Caller frees. */
char *config_where_line(
    const Config *config, const char *section, const char *name, unsigned line);
/* Overrides one value (command line, tests), with the same checks. */
bool config_set(
    Config *config, const char *section, const char *name, const char *value, GError **error);

/* Groups, in the order they are named first. A group is asked like the whole: what it does not say
 * itself is what the section without a name says. Borrowed. */
unsigned config_n_groups(const Config *config);
const Config *config_group(const Config *config, unsigned index);
const char *config_group_section(const Config *group);
const char *config_group_name(const Config *group);
const char *config_group_where(const Config *group); /* "file:line" of its first header */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)
