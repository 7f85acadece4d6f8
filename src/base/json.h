/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Thin helpers over jansson for api, cli and the few files elsewhere that tools/check-layers names:
 * parsing with limits that are checked before anything is built, and getters whose errors name the
 * path.
 *
 * A path is keys joined by dots, from the given object down: "auth.identity.password.user". A key
 * that holds a dot itself is read with jansson's own functions. get = must be there; find = may be
 * absent or null. All errors are ERROR_INVALID, except a text that is too big: ERROR_LIMIT. Values
 * are borrowed from the tree. */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JSON_REQUEST_SIZE_MAX = 1 << 20, /* bytes that we take from somebody else */
    JSON_DEPTH_MAX = 32,             /* nested arrays and objects; the Compute API needs 7 */
};

/* One array or object and nothing after it. The error says line, column and reason. The caller
 * owns the result: json_decref, or json_auto_t. */
json_t *json_parse(const char *text, size_t size, size_t max_size, int max_depth, GError **error);
/* Compact text in the order of insertion; caller frees. The value must be an array or object. */
char *json_to_text(const json_t *value);

/* "object", "string", "integer", ... for messages. */
const char *json_type_name(const json_t *value);

/* NULL without an error when it is absent; an explicit null is returned as such. */
json_t *json_lookup(const json_t *root, const char *path);
/* Of a member that may be missing, or no text, when nobody is to hear of that; may be NULL. */
const char *json_text_or(const json_t *object, const char *key, const char *fallback);

bool json_get_string(const json_t *root, const char *path, const char **ret_text, GError **error);
bool json_get_int(const json_t *root, const char *path, int64_t *ret_number, GError **error);
bool json_get_bool(const json_t *root, const char *path, bool *ret_flag, GError **error);
json_t *json_get_object(const json_t *root, const char *path, GError **error);
json_t *json_get_array(const json_t *root, const char *path, GError **error);

/* Absent or null gives the fallback. */
bool json_find_string(const json_t *root, const char *path, const char *fallback,
    const char **ret_text, GError **error);
bool json_find_int(
    const json_t *root, const char *path, int64_t fallback, int64_t *ret_number, GError **error);
bool json_find_bool(
    const json_t *root, const char *path, bool fallback, bool *ret_flag, GError **error);
