/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/json.h"
#include "scheduler/pci.h"

#include <string.h>

static const char SPEC[] = "pci_passthrough:alias";

/* More than any machine has slots for: a flavor that asks for so many is a slip of the keyboard. */
enum { MOST_DEVICES = 64 };

/* ---- what is asked for ---- */

static bool
read_wish(const char *text, GArray *wishes, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", -1);
    int64_t count = 0;
    PciWish wish = {.count = 0};

    if (g_strv_length(parts) != 2 || g_strstrip(parts[0])[0] == '\0' ||
        strlen(parts[0]) >= sizeof wish.name ||
        !g_ascii_string_to_signed(g_strstrip(parts[1]), 10, 1, MOST_DEVICES, &count, NULL)) {
        return error_set(error, ERROR_INVALID,
            "Invalid extra spec %s: '%s' is not NAME:COUNT[,NAME:COUNT], with counts from 1 to %d",
            SPEC, text, MOST_DEVICES);
    }
    g_strlcpy(wish.name, parts[0], sizeof wish.name);
    wish.count = (int)count;
    g_array_append_val(wishes, wish);
    return true;
}

bool
pci_request_read(const char *extra_specs_json, GArray **ret_wishes, GError **error)
{
    *ret_wishes = NULL;
    if (extra_specs_json == NULL || strstr(extra_specs_json, SPEC) == NULL) {
        return true;
    }
    json_auto_t *specs = json_loads(extra_specs_json, 0, NULL);
    const char *text = json_string_value(json_object_get(specs, SPEC));
    if (text == NULL) {
        return true;
    }
    g_autoptr(GArray) wishes = g_array_new(FALSE, TRUE, sizeof(PciWish));
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    if (parts[0] == NULL) {
        return read_wish("", wishes, error);
    }
    for (size_t i = 0; parts[i] != NULL; i++) {
        if (!read_wish(parts[i], wishes, error)) {
            return false;
        }
    }
    *ret_wishes = g_steal_pointer(&wishes);
    return true;
}

static bool
has_alias(const GArray *aliases, const char *name)
{
    for (unsigned i = 0; i < aliases->len; i++) {
        if (strcmp(g_array_index(aliases, PciAlias, i).name, name) == 0) {
            return true;
        }
    }
    return false;
}

bool
pci_request_check(const char *extra_specs_json, const char *aliases, GError **error)
{
    g_autoptr(GArray) wishes = NULL;

    if (!pci_request_read(extra_specs_json, &wishes, error)) {
        return false;
    }
    g_autoptr(GArray) known =
        wishes != NULL ? pci_aliases_read(aliases, NULL, error) : NULL;
    for (unsigned i = 0; known != NULL && i < wishes->len; i++) {
        const PciWish *wish = &g_array_index(wishes, PciWish, i);
        if (!has_alias(known, wish->name)) {
            return error_set(error, ERROR_INVALID, "PCI alias %s is not defined", wish->name);
        }
    }
    return wishes == NULL || known != NULL;
}

char *
pci_request_text(const GArray *wishes)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < wishes->len; i++) {
        const PciWish *wish = &g_array_index(wishes, PciWish, i);
        g_string_append_printf(text, "%s%s:%d", i > 0 ? "," : "", wish->name, wish->count);
    }
    return g_string_free(text, FALSE);
}

/* ---- what a guest gets ---- */

/* Each device that is wished for is a slot; who has which is found by making way: a slot takes a
 * device from another that can have a different one, so that no wish fails for their order. */
typedef struct Fit {
    const GArray *aliases;
    const GArray *devices;
    GPtrArray *slots; /* const char *: the name that it wishes for */
    int *owners;      /* of each device, its slot; -1: none */
    bool *seen;       /* devices that this search has been at */
} Fit;

/* A whole device and its own parts do not go together, to the same guest neither. */
static bool
is_spoilt(const Fit *fit, const PciDevice *device)
{
    for (unsigned i = 0; i < fit->devices->len; i++) {
        const PciDevice *other = &g_array_index(fit->devices, PciDevice, i);
        bool is_part = strcmp(other->pf, device->address) == 0 ||
            strcmp(device->pf, other->address) == 0;
        if (fit->owners[i] >= 0 && is_part) {
            return true;
        }
    }
    return false;
}

static bool
find_device(Fit *fit, int slot)
{
    for (unsigned i = 0; i < fit->devices->len; i++) {
        const PciDevice *device = &g_array_index(fit->devices, PciDevice, i);
        if (fit->seen[i] || is_spoilt(fit, device) ||
            !pci_alias_matches(fit->aliases, fit->slots->pdata[slot], device)) {
            continue;
        }
        fit->seen[i] = true;
        if (fit->owners[i] < 0 || find_device(fit, fit->owners[i])) {
            fit->owners[i] = slot;
            return true;
        }
    }
    return false;
}

static GArray *
list_given(const Fit *fit)
{
    GArray *given = g_array_new(FALSE, FALSE, sizeof(PciGiven));

    for (unsigned i = 0; i < fit->devices->len; i++) {
        if (fit->owners[i] >= 0) {
            PciGiven one;
            g_strlcpy(one.address, g_array_index(fit->devices, PciDevice, i).address,
                sizeof one.address);
            g_strlcpy(one.alias, fit->slots->pdata[fit->owners[i]], sizeof one.alias);
            g_array_append_val(given, one);
        }
    }
    return given;
}

GArray *
pci_fit(const GArray *wishes, const GArray *aliases, const GArray *devices)
{
    g_autoptr(GPtrArray) slots = g_ptr_array_new();
    g_autofree int *owners = g_new(int, devices->len + 1);
    g_autofree bool *seen = g_new(bool, devices->len + 1);
    Fit fit = {aliases, devices, slots, owners, seen};

    for (unsigned i = 0; i < wishes->len; i++) {
        const PciWish *wish = &g_array_index(wishes, PciWish, i);
        for (int j = 0; j < wish->count; j++) {
            g_ptr_array_add(slots, (void *)wish->name);
        }
    }
    for (unsigned i = 0; i < devices->len; i++) {
        owners[i] = -1;
    }
    for (unsigned i = 0; i < slots->len; i++) {
        memset(seen, 0, devices->len * sizeof *seen);
        if (!find_device(&fit, (int)i)) {
            return NULL;
        }
    }
    return list_given(&fit);
}
