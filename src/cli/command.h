/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The command tree: tables of commands (words, options, help, examples, function) and what a
 * running command may use. A command is one row in its cmd_*.c; parsing, --help and the completion
 * are made from the rows. */
#include "cli/output.h"
#include "cli/session.h"
#include <glib.h>
#include <stdbool.h>

typedef struct CommandOption {
    const char *name;     /* "--host" */
    const char *argument; /* "HOST"; NULL: a flag */
    const char *help;
    bool may_repeat; /* with another value each time */
} CommandOption;

typedef struct CommandContext CommandContext;
typedef struct Command {
    const char *words;     /* "server migration list" */
    const char *arguments; /* "SERVER [HOST]"; "" for none */
    int min_arguments;
    int max_arguments;
    const char *summary;   /* one sentence */
    const char *details;   /* for --help, each line a paragraph that is filled; may be NULL */
    const char *examples;  /* lines, may be NULL */
    const CommandOption *options; /* ends with a NULL name; may be NULL */
    bool (*run)(CommandContext *context, GError **error);
} Command;

/* Every cmd_*.c offers one; ends with NULL words. */
extern const Command server_commands[];
extern const Command server_create_commands[];
extern const Command server_verb_commands[];
extern const Command server_log_commands[];
extern const Command move_commands[];
extern const Command verify_commands[];
extern const Command migration_commands[];
extern const Command resize_commands[];
extern const Command explain_commands[];
extern const Command host_commands[];
extern const Command cpu_commands[];
extern const Command lint_commands[];
extern const Command evacuate_commands[];
extern const Command drain_commands[];
extern const Command aggregate_commands[];
extern const Command server_group_commands[];
extern const Command service_commands[];
extern const Command config_commands[];
extern const Command image_commands[];
extern const Command flavor_commands[];
extern const Command network_commands[];
extern const Command volume_commands[];
extern const Command identity_commands[];
extern const Command legacy_commands[];
extern const Command completion_commands[];

/* Calls visit for every command there is, in the order of the help. */
void command_foreach(void (*visit)(const Command *command, void *data), void *data);
/* Runs what argv says; returns the exit code: 0, 1 = failed, 2 = wrong usage, 130 = Ctrl-C while
 * it waited. */
int command_main(int argc, char **argv);

/* ---- for commands ---- */
const char *command_argument(CommandContext *context, int index); /* NULL when not given */
int command_n_arguments(CommandContext *context);
bool command_has(CommandContext *context, const char *option);
/* The last value given, or NULL. */
const char *command_value(CommandContext *context, const char *option);
/* All values of a repeated option: const char *. Never NULL; owned by the context. */
const GPtrArray *command_values(CommandContext *context, const char *option);
/* An integer with bounds; fallback when it was not given. */
bool command_int(CommandContext *context, const char *option, int64_t fallback, int64_t min,
    int64_t max, int64_t *ret_value, GError **error);
Output *command_output(CommandContext *context);
/* Logs in on first use; NULL on failure. */
Session *command_session(CommandContext *context, GError **error);
