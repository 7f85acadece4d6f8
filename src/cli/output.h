/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What a command prints: tables that fit the terminal, JSON, or bare values for scripts. Text from
 * the server never reaches the terminal with control characters in it. */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef enum { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_VALUE } OutputFormat;

typedef struct Output {
    OutputFormat format;
    GPtrArray *columns; /* titles asked for with -c, char *; empty = all */
} Output;

typedef struct Column {
    const char *title; /* "Host"; in JSON it is lower case with underscores */
    const char *path;  /* in the row, see json_lookup; "\001key" takes a key that holds dots */
    /* Text of a value; NULL: as it is. Caller frees. */
    char *(*format)(const json_t *value, const json_t *row);
} Column;
/* A path that is one key, dots and colons included ("OS-EXT-SRV-ATTR:host"). */
#define KEY(name) "\001" name

Output *output_new(void);
void output_free(Output *output);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Output, output_free)
/* rows: array of objects. columns ends with a NULL title. empty: said on standard error when a
 * table has no rows, may be NULL. */
bool output_list(Output *output, const json_t *rows, const Column *columns, const char *empty,
    GError **error);
/* The same, but no text is cut for the width of the terminal: it goes on in the next line. For what
 * tells why something is so, and what to do. */
bool output_list_whole(Output *output, const json_t *rows, const Column *columns, GError **error);
/* One object: a table of its members in their order, or JSON as it came. */
bool output_object(Output *output, const json_t *object, GError **error);
/* The same, but in a table members of members are rows of their own ("stats.elapsed_ms"): as one
 * long line nobody could read them. */
bool output_object_flat(Output *output, const json_t *object, GError **error);
/* Text for people; silent unless the format is a table. */
void output_say(Output *output, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* A value as one line of text; control characters become \xNN. Caller frees. */
char *output_text(const json_t *value);
/* "1.5 GiB", "12.0 MiB/s" needs "/s" added; caller frees. -1 is "-". */
char *output_bytes(int64_t bytes);
/* Columns of the terminal behind that file descriptor; 0 = not a terminal. */
int output_terminal_width(int fd);
