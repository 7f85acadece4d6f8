/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the files of the configuration alone: config.c (what callers ask), config_table.c (keys,
 * likely spellings, values), config_file.c (lines and files). */
#include "base/config.h"

typedef struct ConfigValue {
    char *text;  /* NULL: not set, in a group alone */
    char *where; /* "file:line", "default" or "option" */
    char *wheres; /* of a key that stands several times: the same of each, a line each; else NULL */
    int64_t integer;
    double number;
    bool flag;
} ConfigValue;

struct Config {
    const ConfigKey *keys;
    const ConfigObsolete *obsolete;
    size_t n_keys;
    ConfigValue *values; /* one for each key */
    GPtrArray *groups;   /* Config, in the order they are named first; NULL in a group itself */
    char *section;       /* of a group: "libvirt" and its name; else NULL */
    char *name;
    char *where; /* its first header */
};

/* ---- config_table.c ---- */
const ConfigKey *config_find_key(const Config *config, const char *section, const char *name);
const char *config_find_obsolete(const Config *config, const char *section, const char *name);
bool config_has_section(const Config *config, const char *section);
/* A section has groups when one of its keys may stand in one. */
bool config_has_groups(const Config *config, const char *section);
/* The one with the most similar name; NULL: none is. */
const char *config_find_similar_section(const Config *config, const char *section);
/* The section that has a key of this very name, or NULL. */
const ConfigKey *config_find_in_other_section(const Config *config, const char *name);
/* header is the section as it was written, with the name of a group. */
bool config_set_unknown_key(const Config *config, const char *where, const char *section,
    const char *header, const char *name, GError **error);
/* where is what a message begins with: "file:line", or "option". */
bool config_set_value(
    Config *config, const ConfigKey *key, const char *where, const char *text, GError **error);

/* Another line of a key that may stand several times. */
void config_add_line(Config *config, const ConfigKey *key, const char *where, const char *text);

/* ---- config_file.c ---- */
bool config_read_file(Config *config, const char *path, GPtrArray *warnings, GError **error);
/* The *.conf files in it, in the order of their names; one that is not there is fine. */
bool config_read_directory(Config *config, const char *directory, const ConfigText *instead,
    GPtrArray *warnings, GError **error);
/* Made on first use. */
Config *config_take_group(
    Config *config, const char *section, const char *name, const char *where);
