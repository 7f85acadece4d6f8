/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cli/lint_print.h"

#include "base/json.h"
#include <string.h>

/* Wider than this a matrix is a list. */
enum { MATRIX_MAX = 8 };

static const Column CHECK_COLUMNS[] = {
    {"Host", "host", NULL},
    {"Check", "check", NULL},
    {"Result", "result", NULL},
    {"Found", "found", NULL},
    {"Fix", "fix", NULL},
    {NULL, NULL, NULL},
};

/* "12 s", "3 h" */
static char *
age_text(const json_t *value, const json_t *row)
{
    int64_t seconds = json_integer_value(value);
    if (!json_is_integer(value)) {
        return g_strdup("-");
    }
    return seconds < 120    ? g_strdup_printf("%d s", (int)seconds)
        : seconds < 7200    ? g_strdup_printf("%d min", (int)(seconds / 60))
        : seconds < 172800  ? g_strdup_printf("%d h", (int)(seconds / 3600))
                            : g_strdup_printf("%d d", (int)(seconds / 86400));
}

static const Column RED_COLUMNS[] = {
    {"From", "source_host", NULL},
    {"To", "dest_host", NULL},
    {"Age", "age_s", age_text},
    {"Reason", "reason", NULL},
    {"Fix", "fix", NULL},
    {NULL, NULL, NULL},
};

static const Column PAIR_COLUMNS[] = {
    {"From", "source_host", NULL},
    {"To", "dest_host", NULL},
    {"Result", "result", NULL},
    {"Age", "age_s", age_text},
    {NULL, NULL, NULL},
};

static json_t *
select_rows(const json_t *rows, bool all, const char *const *results)
{
    json_t *selected = json_array();
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        if (all || g_strv_contains(results, json_text_or(row, "result", ""))) {
            json_array_append(selected, row);
        }
    }
    return selected;
}

static void
add_once(GPtrArray *names, const char *name)
{
    if (!g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL)) {
        g_ptr_array_add(names, (void *)name);
    }
}

static GPtrArray *
list_names(const json_t *canaries)
{
    GPtrArray *names = g_ptr_array_new();
    for (size_t i = 0; i < json_array_size(canaries); i++) {
        add_once(names, json_text_or(json_array_get(canaries, i), "source_host", ""));
    }
    for (size_t i = 0; i < json_array_size(canaries); i++) {
        add_once(names, json_text_or(json_array_get(canaries, i), "dest_host", ""));
    }
    return names;
}

/* "post-copy, 4 connections": what was asked beside what is configured. Caller frees. */
static char *
extra_text(const json_t *extra)
{
    g_autoptr(GString) text = g_string_new(NULL);
    int connections =
        (int)json_integer_value(json_object_get(extra, "parallel_connections"));
    if (json_is_true(json_object_get(extra, "post_copy"))) {
        g_string_append(text, "post-copy");
    }
    if (connections > 0) {
        g_string_append_printf(text, "%s%d connections", text->len > 0 ? ", " : "", connections);
    }
    return g_strdup(text->str);
}

/* "ok 2.5 s", "ok (guest)", "FAIL", "..."; then, of what was asked beside, the same. */
static char *
cell_text(const json_t *canary)
{
    const char *result = json_text_or(canary, "result", "");
    const json_t *extra = json_object_get(canary, "extra");
    double elapsed_s = json_number_value(json_object_get(canary, "elapsed_ms")) / 1000;
    bool is_ok = strcmp(result, "pass") == 0;
    bool is_by_guest = strcmp(json_text_or(canary, "known_by", ""), "guest") == 0;
    g_autofree char *first = is_ok && !is_by_guest ? g_strdup_printf("ok %.1f s", elapsed_s)
                                                   : NULL;
    const char *word = is_ok                    ? "ok (guest)"
        : strcmp(result, "fail") == 0           ? "FAIL"
        : strcmp(result, "warn") == 0           ? "WARN"
        : strcmp(result, "pending") == 0        ? "..."
                                                : "not tried";
    if (!json_is_object(extra)) {
        return g_strdup(first != NULL ? first : word);
    }
    g_autofree char *how = extra_text(extra);
    return g_strdup_printf("%s; %s %s", first != NULL ? first : word, how,
        strcmp(json_text_or(extra, "result", ""), "pass") == 0 ? "ok" : "FAIL");
}

/* What failed in a way that was asked for is red too, and told beside. */
static void
add_red_extras(json_t *rows, const json_t *canaries)
{
    for (size_t i = 0; i < json_array_size(canaries); i++) {
        const json_t *canary = json_array_get(canaries, i);
        json_t *extra = json_object_get(canary, "extra");
        if (strcmp(json_text_or(extra, "result", ""), "fail") == 0) {
            g_autofree char *how = extra_text(extra);
            g_autofree char *dest =
                g_strdup_printf("%s (%s)", json_text_or(canary, "dest_host", ""), how);
            json_t *row = json_copy(extra);
            json_object_set_new(
                row, "source_host", json_string(json_text_or(canary, "source_host", "")));
            json_object_set_new(row, "dest_host", json_string(dest));
            json_array_append_new(rows, row);
        }
    }
}

/* No verdict on the way: what the last one came to stays in its cell. */
static void
add_unsent(json_t *rows, const json_t *unsent)
{
    for (size_t i = 0; i < json_array_size(unsent); i++) {
        json_t *row = json_copy(json_array_get(unsent, i));
        g_autofree char *reason = g_strdup_printf("not sent: %s", json_text_or(row, "reason", ""));
        json_object_set_new(row, "reason", json_string(reason));
        json_array_append_new(rows, row);
    }
}

static json_t *
make_matrix(const json_t *canaries, const GPtrArray *names)
{
    json_t *rows = json_array();
    for (unsigned i = 0; i < names->len; i++) {
        const char *source = names->pdata[i];
        json_t *row = json_pack("{s:s}", "from", source);
        for (size_t j = 0; j < json_array_size(canaries); j++) {
            const json_t *canary = json_array_get(canaries, j);
            if (strcmp(json_text_or(canary, "source_host", ""), source) == 0) {
                g_autofree char *key =
                    g_strconcat("to ", json_text_or(canary, "dest_host", ""), NULL);
                g_autofree char *cell = cell_text(canary);
                json_object_set_new(row, key, json_string(cell));
            }
        }
        json_array_append_new(rows, row);
    }
    return rows;
}

static bool
print_matrix(Output *output, const json_t *canaries, GError **error)
{
    g_autoptr(GPtrArray) names = list_names(canaries);
    if (names->len > MATRIX_MAX) {
        return output_list(output, canaries, PAIR_COLUMNS, NULL, error);
    }
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    g_autofree Column *columns = g_new0(Column, names->len + 2);
    columns[0] = (Column){"From \\ To", "from", NULL};
    for (unsigned i = 0; i < names->len; i++) {
        char *path = g_strconcat(KEY("to "), names->pdata[i], NULL);
        g_ptr_array_add(paths, path);
        columns[i + 1] = (Column){names->pdata[i], path, NULL};
    }
    json_auto_t *matrix = make_matrix(canaries, names);
    return output_list(output, matrix, columns, NULL, error);
}

bool
lint_print(Output *output, const json_t *lint, bool all, const char *alone, GError **error)
{
    static const char *const bad[] = {"warn", "fail", "unknown", "unseen", NULL};
    static const char *const red[] = {"fail", "warn", NULL};
    const json_t *canaries = json_object_get(lint, "canaries");
    const json_t *unsent = json_object_get(lint, "unsent");
    json_auto_t *checks = select_rows(json_object_get(lint, "checks"), all, bad);
    json_auto_t *failed = select_rows(canaries, false, red);
    add_red_extras(failed, canaries);
    if (!output_list_whole(output, checks, CHECK_COLUMNS, error)) {
        return false;
    }
    /* Who chooses columns chooses those of the first table. */
    if (output->columns->len > 0) {
        return true;
    }
    if (json_array_size(canaries) > 0) {
        output_say(output, "\nCanaries:\n");
    } else if (alone != NULL) {
        output_say(output, "\nNo canary was sent: it takes two hosts%s.\n", alone);
    } else {
        output_say(output, "\nNo canary was sent yet between these hosts.\n");
    }
    if (json_array_size(canaries) > 0 && !print_matrix(output, canaries, error)) {
        return false;
    }
    size_t n_failed = json_array_size(failed);
    add_unsent(failed, unsent);
    if (json_array_size(failed) == 0) {
        return true;
    }
    output_say(output, "\nWhat %s:\n", n_failed == 0 ? "was not sent"
            : json_array_size(unsent) > 0              ? "failed or was not sent"
                                                       : "failed");
    return output_list_whole(output, failed, RED_COLUMNS, error);
}
