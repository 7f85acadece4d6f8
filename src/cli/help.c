/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 80, OPTION_COLUMN = 33, SUMMARY_COLUMN = 38 };

/* The text stands right of a column, on as many lines as it takes; so it does where what is left of
 * it needs a line of its own. */
static void
print_row(const char *left, int column, const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    bool has_room = column == 0 || strlen(left) < (size_t)column;
    int at = has_room ? column : WIDTH;

    printf("%-*s", column, left);
    for (size_t i = 0; words[i] != NULL; i++) {
        int length = (int)g_utf8_strlen(words[i], -1);
        if (at > column && at + 1 + length > WIDTH) {
            printf("\n%*s", column, "");
            at = column;
        }
        printf("%s%s", at > column ? " " : "", words[i]);
        at += (at > column) + length;
    }
    putchar('\n');
}

/* A paragraph each line, however long. */
static void
print_details(const char *details)
{
    g_auto(GStrv) paragraphs = g_strsplit(details, "\n", -1);

    for (size_t i = 0; paragraphs[i] != NULL; i++) {
        print_row("", 0, paragraphs[i]);
    }
}

static void
print_options(const char *title, const CommandOption *options)
{
    if (options == NULL || options->name == NULL) {
        return;
    }
    printf("\n%s:\n", title);
    for (const CommandOption *option = options; option->name != NULL; option++) {
        g_autofree char *left = g_strdup_printf("  %s%s%s", option->name,
            option->argument != NULL ? " " : "",
            option->argument != NULL ? option->argument : "");
        print_row(left, OPTION_COLUMN, option->help);
    }
}

void
help_print_command(
    const Command *command, const CommandOption *common, const CommandOption *login)
{
    printf("drover %s %s\n\n%s.\n", command->words, command->arguments, command->summary);
    if (command->details != NULL) {
        putchar('\n');
        print_details(command->details);
    }
    print_options("Options", command->options);
    print_options("Output", common);
    print_options("Login", login);
    if (command->examples != NULL) {
        printf("\nExamples:\n%s\n", command->examples);
    }
}

/* ---- several commands, a row each ---- */

typedef struct HelpFilter {
    const char *prefix; /* NULL: all */
    const char *infix;  /* NULL: all */
    const char *title;  /* before the first; NULL: none */
    int n_shown;
} HelpFilter;

static void
print_summary(const Command *command, void *data)
{
    HelpFilter *filter = data;
    if ((filter->prefix != NULL && !g_str_has_prefix(command->words, filter->prefix)) ||
        (filter->infix != NULL && strstr(command->words, filter->infix) == NULL)) {
        return;
    }
    if (filter->n_shown++ == 0 && filter->title != NULL) {
        puts(filter->title);
    }
    g_autofree char *left = g_strdup_printf("  %s %s", command->words, command->arguments);
    print_row(left, SUMMARY_COLUMN, command->summary);
}

void
help_print_rows(const char *prefix)
{
    HelpFilter filter = {.prefix = prefix};
    command_foreach(print_summary, &filter);
}

void
help_print_all(void)
{
    puts("drover COMMAND [ARGUMENTS] [OPTIONS]: moves virtual machines between hosts.\n\n"
         "Commands:");
    help_print_rows(NULL);
    puts("\n'drover COMMAND --help' explains one, with examples. Where drover is and who you\n"
         "are is read from OS_AUTH_URL, OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME or from\n"
         "clouds.yaml (OS_CLOUD), as the openstack client does.\n\n"
         "Exit codes: 0 done; 1 refused or failed, with the reason; 2 wrong usage;\n"
         "130 Ctrl-C while it waited: what was asked for goes on.");
}

bool
help_print_group(const char *words)
{
    g_autofree char *prefix = g_strconcat(words, " ", NULL);
    g_autofree char *infix = g_strconcat(" ", words, " ", NULL);
    HelpFilter begins = {.prefix = prefix, .title = "Commands:"};
    HelpFilter has = {.infix = infix, .title = "Commands:"};
    command_foreach(print_summary, &begins);
    if (begins.n_shown == 0) {
        command_foreach(print_summary, &has);
    }
    if (begins.n_shown + has.n_shown == 0) {
        return false;
    }
    puts("\n'drover COMMAND --help' explains one, with examples.");
    return true;
}
