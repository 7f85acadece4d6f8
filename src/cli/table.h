/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Columns of text side by side, within the width of a terminal. What the texts are made of, and
 * that they hold no control characters, is the matter of output.c, which alone prints them. */
#include <glib.h>

/* What is done with a text that is wider than its column. */
typedef enum {
    TABLE_CUT,  /* its end is left out, and marked: each row is one line */
    TABLE_WRAP, /* it goes on in the next line */
} TableWide;

/* cells: rows, each a char ** that ends with NULL, as many texts in each; the first row is the
 * head, and there is one. Columns that do not fit even when each is as narrow as it may be are left
 * out and told. terminal_width 0: all of it, a line for each row. */
void table_print(const GPtrArray *cells, int terminal_width, TableWide wide);
