/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cli/table.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* No column is squeezed below this. */
#define COLUMN_MIN 8

static glong
step_of(gunichar c)
{
    return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

static glong
width_of(const char *text)
{
    glong width = 0;
    for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
        width += step_of(g_utf8_get_char(p));
    }
    return width;
}

static void
print_cell(const char *text, glong width, bool is_last)
{
    glong used = 0;
    const char *p = text;
    glong whole = width_of(text);
    while (*p != '\0') {
        glong step = step_of(g_utf8_get_char(p));
        /* One cell is kept for the mark that says that something is missing. */
        if (used + step > width - (whole > width ? 1 : 0)) {
            break;
        }
        printf("%.*s", (int)(g_utf8_next_char(p) - p), p);
        used += step;
        p = g_utf8_next_char(p);
    }
    if (whole > width) {
        fputs("\u2026", stdout);
        used++;
    }
    printf("%*s", is_last ? 0 : (int)(width - used + 2), "");
}

/* The widest column that may still lose something; the first one, by which rows are named, is the
 * last to lose. -1: none. */
static int
widest_column(const glong *widths, int n)
{
    int widest = -1;
    for (int i = 1; i < n; i++) {
        if (widths[i] > COLUMN_MIN && (widest < 0 || widths[i] > widths[widest])) {
            widest = i;
        }
    }
    return widest < 0 && widths[0] > COLUMN_MIN ? 0 : widest;
}

/* Takes from the widest column until the row fits. */
static void
fit(glong *widths, int n, int terminal)
{
    glong total = 2 * (n - 1);
    for (int i = 0; i < n; i++) {
        total += widths[i];
    }
    int widest = widest_column(widths, n);
    while (terminal > 0 && total > terminal && widest >= 0) {
        widths[widest]--;
        total--;
        widest = widest_column(widths, n);
    }
}

/* How many of the columns fit when each is as narrow as it may be. */
static int
count_fitting(const glong *widths, int n, int terminal)
{
    glong total = 0;
    for (int i = 0; i < n; i++) {
        total += MIN(widths[i], COLUMN_MIN) + (i > 0 ? 2 : 0);
        if (terminal > 0 && total > terminal) {
            return MAX(i, 1);
        }
    }
    return n;
}

static void
say_left_out(char **titles, int n_shown)
{
    g_autofree char *names = g_strjoinv(", ", titles + n_shown);
    fflush(stdout);
    fprintf(stderr, "Not shown, as the terminal is narrow: %s. -c chooses columns.\n", names);
}

/* How many bytes of the text one line of that width takes: whole words, of a word that is wider a
 * part; at least one character. */
static size_t
measure_line(const char *text, glong width)
{
    glong used = 0;
    const char *words_end = text;
    const char *p = text;
    for (; *p != '\0'; p = g_utf8_next_char(p)) {
        used += step_of(g_utf8_get_char(p));
        words_end = *p == ' ' ? p : words_end;
        if (used > width && p > text) {
            return (size_t)((words_end > text ? words_end : p) - text);
        }
    }
    return (size_t)(p - text);
}

/* As many lines as its longest cell needs. */
static void
print_wrapped_row(char **texts, const glong *widths, int n)
{
    g_autofree const char **rests = g_memdup2(texts, (size_t)n * sizeof *texts);
    for (bool is_done = false; !is_done;) {
        is_done = true;
        for (int i = 0; i < n; i++) {
            size_t size = measure_line(rests[i], widths[i]);
            g_autofree char *line = g_strndup(rests[i], size);
            print_cell(line, widths[i], i == n - 1);
            rests[i] += size + strspn(rests[i] + size, " ");
            is_done = is_done && *rests[i] == '\0';
        }
        putchar('\n');
    }
}

static void
print_cut_row(char **texts, const glong *widths, int n)
{
    for (int i = 0; i < n; i++) {
        print_cell(texts[i], widths[i], i == n - 1);
    }
    putchar('\n');
}

void
table_print(const GPtrArray *cells, int terminal_width, TableWide wide)
{
    int n_columns = (int)g_strv_length(cells->pdata[0]);
    g_autofree glong *widths = g_new0(glong, n_columns);
    for (unsigned row = 0; row < cells->len; row++) {
        char **texts = cells->pdata[row];
        for (int i = 0; i < n_columns; i++) {
            widths[i] = MAX(widths[i], width_of(texts[i]));
        }
    }
    int n = count_fitting(widths, n_columns, terminal_width);
    fit(widths, n, terminal_width);
    for (unsigned row = 0; row < cells->len; row++) {
        (wide == TABLE_WRAP ? print_wrapped_row : print_cut_row)(cells->pdata[row], widths, n);
    }
    if (n < n_columns) {
        say_left_out(cells->pdata[0], n);
    }
}
