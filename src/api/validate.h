/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Checks request bodies and query parameters against declared tables, strictly, with the texts of
 * Nova's schema errors: "Invalid input for field/attribute server. Value: {...}. 'flavorRef' is a
 * required property". Pure. Tables end with a row without a name. */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/message.h"

/* A colon separates the name of a zone from that of a host where both are named. */
#define ZONE_NAME_PATTERN "^(?!\\s)[^\\p{C}:]+(?<!\\s)$"
/* Of metadata, of extra specs and of what an aggregate says. */
#define KEY_PATTERN "^[a-zA-Z0-9-_:. ]{1,255}$"
/* Its $ is the end of the text: no newline stands behind it. */
bool validate_matches(const char *pattern, const char *text);

typedef enum {
    FIELD_ANY,
    FIELD_STRING,  /* min, max: characters */
    FIELD_INTEGER, /* min, max: value; a string of digits is taken as well, as Nova does */
    FIELD_NUMBER,  /* as FIELD_INTEGER, with a fraction */
    FIELD_BOOLEAN, /* true, false, and Nova's spellings: "True", "on", "1", "yes", ... */
    FIELD_UUID,    /* with or without dashes */
    FIELD_OBJECT,  /* fields; NULL = any keys */
    FIELD_ARRAY,   /* min, max: items; item: each one's rule, NULL = any */
    FIELD_NULL,    /* {"pause": null}: Nova takes any value there, and so does this */
} FieldType;

enum { FIELD_REQUIRED = 1, FIELD_NULLABLE = 2, FIELD_OPEN = 4 /* unknown keys are taken */ };

typedef struct Field Field;
struct Field {
    const char *name;
    FieldType type;
    unsigned flags;
    int64_t min, max;          /* both 0 = no bound */
    const char *pattern;       /* of a string: a regular expression, or NULL */
    const char *const *values; /* of a string: all that are allowed, NULL-ended; or NULL */
    int since, until;          /* microversions in which the key exists; 0 = no bound */
    const Field *fields;       /* of an object */
    const Field *item;         /* of an array: one row, its name is not used */
    const char *hint;          /* what is said of a string instead of its pattern; or NULL */
};

/* The whole body: an object whose keys are those of the table. The body's flags (FIELD_OPEN) come
 * with it. minor: the microversion of the request, 0 for services without. */
bool validate_body(
    const json_t *body, const Field *fields, unsigned flags, int minor, GError **error);

/* ---- reading what was validated: absent or null gives the fallback ---- */
const char *body_string(const json_t *object, const char *name, const char *fallback);
int64_t body_int(const json_t *object, const char *name, int64_t fallback);
double body_number(const json_t *object, const char *name, double fallback);
bool body_bool(const json_t *object, const char *name, bool fallback);
bool body_has(const json_t *object, const char *name); /* there, also when null */

/* ---- query parameters ---- */
typedef enum {
    QUERY_STRING,
    QUERY_INTEGER, /* not negative */
    QUERY_BOOLEAN, /* Nova's spellings, see parse_bool */
    QUERY_UUID,
    QUERY_TIME,
} QueryType;
typedef struct QueryField {
    const char *name;
    QueryType type;
    int since, until; /* 0 = no bound */
} QueryField;
/* Unknown names are ignored below strict_since, and refused from it on (0 = never refused). */
bool validate_query(const HttpRequest *request, const QueryField *fields, int minor,
    int strict_since, GError **error);
/* Nova's spellings of a boolean (the text "True", "on", "1", "yes", "y", "t", ...); false when it
 * is none. */
bool parse_bool(const char *text, bool *ret_value);
/* A boolean of the query; absent = fallback, what cannot be read = false. */
bool query_bool(const HttpRequest *request, const char *name, bool fallback);
bool is_uuid(const char *text);

/* How Python prints a JSON value ("{'a': None}"): what the clients' users see in these errors.
 * At most some hundred characters are told of a huge one. Caller frees. */
char *json_to_repr(const json_t *value);
