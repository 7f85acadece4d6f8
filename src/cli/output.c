/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cli/output.h"
#include "cli/table.h"
#include "cli/usage.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

Output *
output_new(void)
{
    Output *output = g_new0(Output, 1);
    output->columns = g_ptr_array_new_with_free_func(g_free);
    return output;
}

void
output_free(Output *output)
{
    if (output != NULL) {
        g_ptr_array_unref(output->columns);
        g_free(output);
    }
}

int
output_terminal_width(int fd)
{
    struct winsize size = {0};
    if (!isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) != 0) {
        return 0;
    }
    return size.ws_col;
}

char *
output_bytes(int64_t bytes)
{
    static const char *UNITS[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    if (bytes < 0) {
        return g_strdup("-");
    }
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < G_N_ELEMENTS(UNITS)) {
        value /= 1024;
        unit++;
    }
    return unit == 0 ? g_strdup_printf("%.0f B", value)
                     : g_strdup_printf("%.1f %s", value, UNITS[unit]);
}

/* A guest may be called anything: what could steer the terminal is shown, not sent. */
static char *
escape_controls(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *safe = g_string_new(NULL);
    for (const char *p = valid; *p != '\0'; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        if (g_unichar_iscntrl(c)) {
            g_string_append_printf(safe, "\\x%02x", c);
        } else {
            g_string_append_unichar(safe, c);
        }
    }
    return g_string_free(safe, false);
}

static void
append_member(GString *text, const char *key, const json_t *value)
{
    g_autofree char *inner = output_text(value);
    g_string_append_printf(text, "%s%s%s%s", text->len > 0 ? ", " : "", key != NULL ? key : "",
        key != NULL ? "=" : "", inner);
}

char *
output_text(const json_t *value)
{
    if (json_is_string(value)) {
        return escape_controls(json_string_value(value));
    }
    if (json_is_array(value) || json_is_object(value)) {
        GString *text = g_string_new(NULL);
        const char *key = NULL;
        size_t i = 0;
        json_t *member = NULL;
        json_object_foreach((json_t *)value, key, member)
        {
            append_member(text, key, member);
        }
        json_array_foreach(value, i, member)
        {
            append_member(text, NULL, member);
        }
        return g_string_free(text, false);
    }
    if (value == NULL || json_is_null(value)) {
        return g_strdup("-");
    }
    if (json_is_boolean(value)) {
        return g_strdup(json_is_true(value) ? "True" : "False");
    }
    return json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
}

/* ---- lists ---- */

static const json_t *
cell_value(const json_t *row, const char *path)
{
    return path[0] == '\001' ? json_object_get(row, path + 1) : json_lookup(row, path);
}

static char *
cell_text(const json_t *row, const Column *column)
{
    const json_t *value = cell_value(row, column->path);
    if (column->format == NULL) {
        return output_text(value);
    }
    g_autofree char *text = column->format(value, row);
    return escape_controls(text);
}

static char *
json_key(const char *title)
{
    char *key = g_ascii_strdown(title, -1);
    return g_strdelimit(key, " -", '_');
}

static bool
is_wanted(const Output *output, const Column *column)
{
    if (output->columns->len == 0) {
        return true;
    }
    for (unsigned i = 0; i < output->columns->len; i++) {
        const char *wanted = output->columns->pdata[i];
        g_autofree char *key = json_key(column->title);
        if (g_ascii_strcasecmp(wanted, column->title) == 0 || strcmp(wanted, key) == 0) {
            return true;
        }
    }
    return false;
}

static bool
check_columns(const Output *output, const Column *columns, GError **error)
{
    for (unsigned i = 0; i < output->columns->len; i++) {
        Output one = {.columns = g_ptr_array_new()};
        g_ptr_array_add(one.columns, output->columns->pdata[i]);
        bool known = false;
        g_autoptr(GString) titles = g_string_new(NULL);
        for (const Column *column = columns; column->title != NULL; column++) {
            known = known || is_wanted(&one, column);
            g_string_append_printf(titles, "%s%s", titles->len > 0 ? ", " : "", column->title);
        }
        g_ptr_array_unref(one.columns);
        if (!known) {
            return usage_error(error, "there is no column '%s': %s",
                (const char *)output->columns->pdata[i], titles->str);
        }
    }
    return true;
}

static void
print_json(const json_t *value)
{
    g_autofree char *text = json_dumps(value, JSON_INDENT(2));
    puts(text);
}

/* Numbers and booleans stay what they are; what has a format of its own becomes its text. */
static json_t *
json_cell(const json_t *row, const Column *column)
{
    const json_t *value = cell_value(row, column->path);
    if (column->format == NULL) {
        return value != NULL ? json_deep_copy(value) : json_null();
    }
    g_autofree char *text = column->format(value, row);
    return json_string(text);
}

static void
list_as_json(const Output *output, const json_t *rows, const Column *columns)
{
    json_auto_t *list = json_array();
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(rows, i, row)
    {
        json_t *object = json_object();
        for (const Column *column = columns; column->title != NULL; column++) {
            if (is_wanted(output, column)) {
                g_autofree char *key = json_key(column->title);
                json_object_set_new(object, key, json_cell(row, column));
            }
        }
        json_array_append_new(list, object);
    }
    print_json(list);
}

static char **
row_texts(const Output *output, const json_t *row, const Column *columns)
{
    GPtrArray *texts = g_ptr_array_new();
    for (const Column *column = columns; column->title != NULL; column++) {
        if (is_wanted(output, column)) {
            g_ptr_array_add(texts, row == NULL ? g_strdup(column->title) : cell_text(row, column));
        }
    }
    g_ptr_array_add(texts, NULL);
    return (char **)g_ptr_array_free(texts, false);
}

static bool
print_list(Output *output, const json_t *rows, const Column *columns, const char *empty,
    TableWide wide, GError **error)
{
    if (!check_columns(output, columns, error)) {
        return false;
    }
    if (output->format == OUTPUT_JSON) {
        list_as_json(output, rows, columns);
        return true;
    }
    g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    g_ptr_array_add(cells, row_texts(output, NULL, columns));
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(rows, i, row)
    {
        g_ptr_array_add(cells, row_texts(output, row, columns));
    }
    if (output->format == OUTPUT_VALUE) {
        for (unsigned j = 1; j < cells->len; j++) {
            g_autofree char *line = g_strjoinv(" ", cells->pdata[j]);
            puts(line);
        }
        return true;
    }
    if (json_array_size(rows) == 0) {
        if (empty != NULL) {
            fprintf(stderr, "%s\n", empty);
        }
        return true;
    }
    table_print(cells, output_terminal_width(STDOUT_FILENO), wide);
    return true;
}

bool
output_list(
    Output *output, const json_t *rows, const Column *columns, const char *empty, GError **error)
{
    return print_list(output, rows, columns, empty, TABLE_CUT, error);
}

bool
output_list_whole(Output *output, const json_t *rows, const Column *columns, GError **error)
{
    return print_list(output, rows, columns, NULL, TABLE_WRAP, error);
}

/* ---- objects ---- */

static bool
is_wanted_key(const Output *output, const char *key)
{
    for (unsigned i = 0; i < output->columns->len; i++) {
        if (g_ascii_strcasecmp(output->columns->pdata[i], key) == 0) {
            return true;
        }
    }
    return output->columns->len == 0;
}

bool
output_object(Output *output, const json_t *object, GError **error)
{
    json_auto_t *chosen = json_object();
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)object, key, value)
    {
        if (is_wanted_key(output, key) && strcmp(key, "links") != 0) {
            json_object_set(chosen, key, value);
        }
    }
    if (json_object_size(chosen) == 0 && output->columns->len > 0) {
        return usage_error(error, "there is no member '%s'",
            (const char *)output->columns->pdata[0]);
    }
    if (output->format == OUTPUT_JSON) {
        print_json(chosen);
        return true;
    }
    g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    g_ptr_array_add(cells, g_strsplit("Field,Value", ",", 2));
    json_object_foreach(chosen, key, value)
    {
        char **texts = g_new0(char *, 3);
        texts[0] = escape_controls(key);
        texts[1] = output_text(value);
        g_ptr_array_add(cells, texts);
        if (output->format == OUTPUT_VALUE) {
            puts(texts[1]);
        }
    }
    if (output->format == OUTPUT_TABLE) {
        table_print(cells, 0, TABLE_CUT);
    }
    return true;
}

static json_t *
flatten(const json_t *object)
{
    json_t *flat = json_object();
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)object, key, value)
    {
        const char *inner = NULL;
        json_t *member = NULL;
        json_object_foreach(value, inner, member)
        {
            g_autofree char *path = g_strconcat(key, ".", inner, NULL);
            json_object_set(flat, path, member);
        }
        if (!json_is_object(value)) {
            json_object_set(flat, key, value);
        }
    }
    return flat;
}

bool
output_object_flat(Output *output, const json_t *object, GError **error)
{
    /* A column that was asked for is named as the API names it. */
    if (output->format != OUTPUT_TABLE || output->columns->len > 0) {
        return output_object(output, object, error);
    }
    json_auto_t *flat = flatten(object);
    return output_object(output, flat, error);
}

void
output_say(Output *output, const char *format, ...)
{
    if (output->format != OUTPUT_TABLE) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}
