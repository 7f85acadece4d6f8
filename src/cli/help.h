/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What --help prints, of one command or of several, made from their rows. Nothing of it is wider
 * than 80 columns, which tools/gen-man watches. */
#include "cli/command.h"

/* common, login: options that every command has. */
void help_print_command(
    const Command *command, const CommandOption *common, const CommandOption *login);
void help_print_all(void);
/* The commands that begin with these words, else those that have them in the middle: 'migration' is
 * the group of 'server migration list'. False: there are none. */
bool help_print_group(const char *words);
/* Those that begin so, without a word more. */
void help_print_rows(const char *prefix);
