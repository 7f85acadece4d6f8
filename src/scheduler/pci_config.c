/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/json.h"
#include "base/spelling.h"
#include "scheduler/pci.h"

#include <string.h>

/* ---- one JSON object of known fields ---- */

/* Fields that Nova knows and that change nothing here, refused by name. */
static const char *const nova_fields[] = {"numa_policy", "capability_type", "resource_class",
    "traits", "devname", "physical_network", "trusted", "remote_managed", "managed",
    "live_migratable", "one_time_use", NULL};

static bool
refuse_field(const char *name, const char *const *known, GError **error)
{
    const char *similar = NULL;
    size_t best = MAX(3, strlen(name) / 4 + 1);

    if (g_strv_contains(nova_fields, name)) {
        return error_set(error, ERROR_INVALID,
            "the field '%s' is Nova's, and does nothing here: take it out", name);
    }
    for (size_t i = 0; known[i] != NULL; i++) {
        size_t distance = spelling_distance(name, known[i]);
        if (distance < best) {
            best = distance;
            similar = known[i];
        }
    }
    return similar != NULL
        ? error_set(error, ERROR_INVALID, "unknown field '%s'; did you mean '%s'?", name, similar)
        : error_set(error, ERROR_INVALID, "unknown field '%s'", name);
}

/* Every field is a text. */
static json_t *
read_object(const char *line, const char *const *known, GError **error)
{
    g_autoptr(GError) problem = NULL;
    json_auto_t *object = json_parse(line, strlen(line), 65536, 4, &problem);
    const char *name = NULL;
    json_t *value = NULL;

    if (object == NULL || !json_is_object(object)) {
        error_set(error, ERROR_INVALID,
            "it must be one JSON object, {\"vendor_id\": \"10de\", ...}%s%s",
            problem != NULL ? ": " : "", problem != NULL ? problem->message : "");
        return NULL;
    }
    json_object_foreach(object, name, value)
    {
        if (!g_strv_contains(known, name)) {
            refuse_field(name, known, error);
            return NULL;
        }
        if (!json_is_string(value)) {
            error_set(error, ERROR_INVALID, "'%s' must be a text in quotes, not %s", name,
                json_type_name(value));
            return NULL;
        }
    }
    return json_incref(object);
}

static const char *
text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* "*" is any, as in Nova. */
static bool
read_id(const json_t *object, const char *name, char id[PCI_ID_SIZE], GError **error)
{
    const char *text = text_of(object, name);

    if (text == NULL || strcmp(text, "*") == 0) {
        return true;
    }
    if (strlen(text) != 4 || strspn(text, "0123456789abcdefABCDEF") != 4) {
        return error_set(error, ERROR_INVALID,
            "'%s' must be four hexadecimal digits, for example \"8086\", not '%s'", name, text);
    }
    g_autofree char *small = g_ascii_strdown(text, -1);
    g_strlcpy(id, small, PCI_ID_SIZE);
    return true;
}

/* One object of each line; empty lines are none. */
typedef bool (*ReadLine)(const char *line, GArray *list, GError **error);

static GArray *
read_lines(
    const char *text, size_t size, ReadLine read, unsigned *ret_line, GError **error)
{
    g_autoptr(GArray) list = g_array_new(FALSE, TRUE, (unsigned)size);
    g_auto(GStrv) lines = g_strsplit(text != NULL ? text : "", "\n", -1);

    for (unsigned i = 0; lines[i] != NULL; i++) {
        if (lines[i][0] != '\0' && !read(lines[i], list, error)) {
            if (ret_line != NULL) {
                *ret_line = i;
            }
            return NULL;
        }
    }
    return g_steal_pointer(&list);
}

/* ---- [pci] alias ---- */

/* It stands in pci_passthrough:alias between commas and colons. */
static bool
read_name(const json_t *object, PciAlias *alias, GError **error)
{
    const char *name = text_of(object, "name");

    if (name == NULL) {
        return error_set(error, ERROR_INVALID, "it has no 'name'");
    }
    if (!g_regex_match_simple("^[A-Za-z0-9_.-]{1,64}$", name, G_REGEX_DOLLAR_ENDONLY, 0)) {
        return error_set(error, ERROR_INVALID,
            "'name' must be 1 to 64 letters, digits, '_', '.' and '-', not '%s'", name);
    }
    g_strlcpy(alias->name, name, sizeof alias->name);
    return true;
}

static bool
read_type(const json_t *object, PciAlias *alias, GError **error)
{
    const char *type = text_of(object, "device_type");

    alias->has_type = type != NULL;
    return type == NULL || pci_type_parse(type, &alias->type) ||
        error_set(error, ERROR_INVALID,
            "'device_type' must be type-PCI, type-PF or type-VF, not '%s'", type);
}

static bool
is_same_type(const PciAlias *one, const PciAlias *two)
{
    return one->has_type == two->has_type && (!one->has_type || one->type == two->type);
}

static bool
read_alias(const char *line, GArray *list, GError **error)
{
    static const char *const known[] = {"name", "vendor_id", "product_id", "device_type", NULL};
    json_auto_t *object = read_object(line, known, error);
    PciAlias alias = {.has_type = false};

    if (object == NULL || !read_name(object, &alias, error) ||
        !read_id(object, "vendor_id", alias.vendor_id, error) ||
        !read_id(object, "product_id", alias.product_id, error) ||
        !read_type(object, &alias, error)) {
        return false;
    }
    for (unsigned i = 0; i < list->len; i++) {
        const PciAlias *other = &g_array_index(list, PciAlias, i);
        if (strcmp(other->name, alias.name) == 0 && !is_same_type(other, &alias)) {
            return error_set(error, ERROR_INVALID,
                "alias '%s' was given another 'device_type' before", alias.name);
        }
    }
    g_array_append_val(list, alias);
    return true;
}

GArray *
pci_aliases_read(const char *text, unsigned *ret_line, GError **error)
{
    return read_lines(text, sizeof(PciAlias), read_alias, ret_line, error);
}

/* ---- [pci] device_spec ---- */

/* "0000:3b:00.1", each part of which may be "*"; "*:3b:*.*"; as Nova's globs, with all parts. */
static bool
read_address(const json_t *object, PciSpec *spec, GError **error)
{
    const char *address = text_of(object, "address");

    if (address == NULL) {
        return true;
    }
    if (!g_regex_match_simple(
            "^([0-9a-f]{4}|\\*):([0-9a-f]{2}|\\*):([01][0-9a-f]|\\*)\\.([0-7]|\\*)$", address,
            G_REGEX_CASELESS | G_REGEX_DOLLAR_ENDONLY, 0)) {
        return error_set(error, ERROR_INVALID,
            "'address' must be like 0000:3b:00.1, of which each part may be *, not '%s'", address);
    }
    g_autofree char *small = g_ascii_strdown(address, -1);
    g_strlcpy(spec->address, small, sizeof spec->address);
    return true;
}

static bool
read_spec(const char *line, GArray *list, GError **error)
{
    static const char *const known[] = {"vendor_id", "product_id", "address", NULL};
    json_auto_t *object = read_object(line, known, error);
    PciSpec spec = {.vendor_id = ""};

    if (object == NULL || !read_id(object, "vendor_id", spec.vendor_id, error) ||
        !read_id(object, "product_id", spec.product_id, error) ||
        !read_address(object, &spec, error)) {
        return false;
    }
    if (json_object_size(object) == 0) {
        return error_set(error, ERROR_INVALID,
            "it names no device: say which by vendor_id, product_id or address");
    }
    g_array_append_val(list, spec);
    return true;
}

GArray *
pci_specs_read(const char *text, unsigned *ret_line, GError **error)
{
    return read_lines(text, sizeof(PciSpec), read_spec, ret_line, error);
}

static bool
matches_id(const char *wanted, const char *have)
{
    return wanted[0] == '\0' || strcmp(wanted, have) == 0;
}

bool
pci_specs_match(const GArray *specs, const PciDevice *device)
{
    for (unsigned i = 0; i < specs->len; i++) {
        const PciSpec *spec = &g_array_index(specs, PciSpec, i);
        bool is_there = spec->address[0] == '\0' ||
            g_pattern_match_simple(spec->address, device->address) ||
            (device->pf[0] != '\0' && g_pattern_match_simple(spec->address, device->pf));
        if (is_there && matches_id(spec->vendor_id, device->vendor_id) &&
            matches_id(spec->product_id, device->product_id)) {
            return true;
        }
    }
    return false;
}

bool
pci_alias_matches(const GArray *aliases, const char *name, const PciDevice *device)
{
    for (unsigned i = 0; i < aliases->len; i++) {
        const PciAlias *alias = &g_array_index(aliases, PciAlias, i);
        /* One that can be divided is handed out as a whole to those that say so. */
        bool is_type = alias->has_type ? alias->type == device->type
                                       : device->type != PCI_TYPE_PF;
        if (is_type && strcmp(alias->name, name) == 0 &&
            matches_id(alias->vendor_id, device->vendor_id) &&
            matches_id(alias->product_id, device->product_id)) {
            return true;
        }
    }
    return false;
}
