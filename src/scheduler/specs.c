/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What a flavor wants of the aggregates of its host. Source: Nova's guide for administrators,
 * "Compute schedulers", AggregateInstanceExtraSpecsFilter and its operators. */
#include "base/json.h"
#include "scheduler/internal.h"

#include <string.h>

static const char SCOPE[] = "aggregate_instance_extra_specs:";

void
spec_free(Spec *spec)
{
    g_free(spec->key);
    g_free(spec->wanted);
    g_free(spec);
}

/* Keys of other scopes are for others. */
static const char *
own_key(const char *key)
{
    if (g_str_has_prefix(key, SCOPE)) {
        return key + strlen(SCOPE);
    }
    return strchr(key, ':') == NULL ? key : NULL;
}

static const char *
any_key(const char *key)
{
    return key;
}

/* key_of: what it is called here; NULL: it is for others. */
static GPtrArray *
read_specs(const char *json, const char *(*key_of)(const char *key))
{
    GPtrArray *specs = g_ptr_array_new_with_free_func((GDestroyNotify)spec_free);
    if (json == NULL || strcmp(json, "{}") == 0) {
        return specs;
    }
    json_auto_t *object = json_loads(json, 0, NULL);
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(object, key, value)
    {
        const char *own = key_of(key);
        if (own != NULL && json_is_string(value)) {
            Spec *spec = g_new0(Spec, 1);
            spec->key = g_strdup(own);
            spec->wanted = g_strdup(json_string_value(value));
            g_ptr_array_add(specs, spec);
        }
    }
    return specs;
}

GPtrArray *
specs_new(const char *extra_specs_json)
{
    return read_specs(extra_specs_json, own_key);
}

GPtrArray *
specs_of_image(const char *properties_json)
{
    return read_specs(properties_json, any_key);
}

/* ---- operators ---- */

static bool
compare_numbers(const char *operator, const char *have, const char *wanted)
{
    char *have_end = NULL;
    char *wanted_end = NULL;
    double left = g_ascii_strtod(have, &have_end);
    double right = g_ascii_strtod(wanted, &wanted_end);
    if (have_end == have || *have_end != '\0' || wanted_end == wanted || *wanted_end != '\0') {
        return false;
    }
    switch (*operator) {
    case '<': return left <= right;
    case '!': return left < right || left > right;
    case '>': return left >= right;
    default: /* "=" is "at least" */
        return operator[1] == '=' ? left <= right && left >= right : left >= right;
    }
}

static bool
compare_texts(const char *operator, const char *have, const char *wanted)
{
    int order = strcmp(have, wanted);
    if (strcmp(operator, "s==") == 0) {
        return order == 0;
    }
    if (strcmp(operator, "s!=") == 0) {
        return order != 0;
    }
    bool may_be_equal = operator[2] == '=';
    return (may_be_equal && order == 0) || (operator[1] == '<' ? order < 0 : order > 0);
}

/* words: "<or>", a, "<or>", b. */
static bool
is_one_of(const char *have, char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], "<or>") != 0 && strcmp(words[i], have) == 0) {
            return true;
        }
    }
    return false;
}

static bool
has_all_in(const char *have, char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strstr(have, words[i]) == NULL) {
            return false;
        }
    }
    return words[0] != NULL;
}

/* NULL-ended, so that what is not in it is a value. */
static const char *const number_operators[] = {"=", "==", "!=", ">=", "<=", NULL};
static const char *const text_operators[] = {"s==", "s!=", "s<", "s<=", "s>", "s>=", NULL};

/* Blanks part words, however many. Caller frees. */
static char **
words_of(const char *text)
{
    g_auto(GStrv) parts = g_strsplit_set(text, " \t", -1);
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    for (size_t i = 0; parts[i] != NULL; i++) {
        if (*parts[i] != '\0') {
            g_strv_builder_add(builder, parts[i]);
        }
    }
    return g_strv_builder_end(builder);
}

bool
spec_matches(const char *have, const char *wanted)
{
    g_auto(GStrv) words = words_of(wanted);
    const char *operator = words[0] != NULL ? words[0] : "";
    const char *operand = *operator != '\0' && words[1] != NULL ? words[1] : "";
    if (strcmp(operator, "<or>") == 0) {
        return is_one_of(have, words);
    }
    if (strcmp(operator, "<in>") == 0) {
        return *operand != '\0' && strstr(have, operand) != NULL;
    }
    if (strcmp(operator, "<all-in>") == 0) {
        return has_all_in(have, words + 1);
    }
    if (g_strv_contains(number_operators, operator)) {
        return compare_numbers(operator, have, operand);
    }
    if (g_strv_contains(text_operators, operator)) {
        return compare_texts(operator, have, operand);
    }
    return strcmp(have, wanted) == 0;
}

bool
spec_is_met(const Spec *spec, const HostAggregates *aggregates)
{
    GHashTable *values =
        aggregates != NULL ? host_aggregates_get(aggregates, spec->key) : NULL;
    GHashTableIter iterator;
    gpointer value = NULL;
    if (values == NULL) {
        return false;
    }
    g_hash_table_iter_init(&iterator, values);
    while (g_hash_table_iter_next(&iterator, &value, NULL)) {
        if (spec_matches(value, spec->wanted)) {
            return true;
        }
    }
    return false;
}
