/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The database in which a fake fleet exists: a thin layer over SQLite for the other files of this
 * folder, each of which holds the SQL of its own tables. One connection, used under the fleet's
 * lock. It survives the death of the process (not of the machine, which no fake needs).
 *
 * A database that fails is a broken test environment, not a condition to handle: the process ends
 * with SQLite's own message. Only opening reports an error. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct World World;

/* path: of the file, made when it is missing, or ":memory:". */
World *world_open(const char *path, GError **error);
void world_close(World *world);
void world_begin(World *world);
void world_commit(World *world);

/* One bound parameter: ?1 is the first. */
typedef struct WorldValue {
    enum { WORLD_END, WORLD_TEXT, WORLD_INT } kind;
    const char *text;
    int64_t number;
} WorldValue;
#define TEXT(value) ((WorldValue){.kind = WORLD_TEXT, .text = (value)})
#define INT(value) ((WorldValue){.kind = WORLD_INT, .number = (int64_t)(value)})
#define WORLD_VALUES(...) ((const WorldValue[]){__VA_ARGS__ __VA_OPT__(, ){.kind = WORLD_END}})

/* sql must be a string literal: its address is the key of the statement cache. */
#define world_run(world, sql, ...) world_run_values(world, "" sql, WORLD_VALUES(__VA_ARGS__))
#define world_select(world, sql, ...) world_select_values(world, "" sql, WORLD_VALUES(__VA_ARGS__))
#define world_number(world, sql, ...) world_number_values(world, "" sql, WORLD_VALUES(__VA_ARGS__))

/* Runs a statement without rows; returns how many rows it changed. */
int world_run_values(World *world, const char *sql, const WorldValue *values);

/* Rows are read with world_next until it is false, or dropped early; several may be open. */
typedef struct WorldRows WorldRows;
WorldRows *world_select_values(World *world, const char *sql, const WorldValue *values);
bool world_next(WorldRows *rows);
int64_t world_int(const WorldRows *rows, int column);      /* NULL is 0 */
const char *world_text(const WorldRows *rows, int column); /* NULL is ""; until the next step */
void world_rows_free(WorldRows *rows);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WorldRows, world_rows_free)

/* The first column of the first row; 0 when there is no row or it is NULL. */
int64_t world_number_values(World *world, const char *sql, const WorldValue *values);
