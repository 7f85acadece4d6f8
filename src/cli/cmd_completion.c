/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover complete: the completion for bash, made from the command tables. */
#include "cli/command.h"

#include <stdio.h>

static void
print_entry(const Command *command, void *data)
{
    printf("    '%s'\n", command->words);
}

static void
print_case(const Command *command, void *data)
{
    if (command->options == NULL) {
        return;
    }
    printf("    '%s') printf '%%s\\n'", command->words);
    for (const CommandOption *option = command->options; option->name != NULL; option++) {
        printf(" %s", option->name);
    }
    puts(" ;;");
}

static bool
complete(CommandContext *context, GError **error)
{
    puts("# bash completion for drover: source <(drover complete)\n"
         "_drover_commands=(");
    command_foreach(print_entry, NULL);
    puts(")\n"
         "_drover_options() {\n"
         "    case $1 in");
    command_foreach(print_case, NULL);
    puts("    esac\n"
         "    printf '%s\\n' --json --help\n"
         "}\n"
         "_drover() {\n"
         "    local words=() word command typed\n"
         "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "        [[ $word == -* ]] || words+=(\"$word\")\n"
         "    done\n"
         "    typed=\"${words[*]}\"\n"
         "    local current=${COMP_WORDS[COMP_CWORD]} choices=()\n"
         "    if [[ $current == -* ]]; then\n"
         "        for command in \"${_drover_commands[@]}\"; do\n"
         "            [[ \"$typed \" == \"$command \"* ]] &&\n"
         "                mapfile -t -O ${#choices[@]} choices < <(_drover_options \"$command\")\n"
         "        done\n"
         "    else\n"
         "        for command in \"${_drover_commands[@]}\"; do\n"
         "            if [[ -z $typed || $command == \"$typed \"* ]]; then\n"
         "                word=${command#\"$typed\"}\n"
         "                word=${word# }\n"
         "                choices+=(\"${word%% *}\")\n"
         "            fi\n"
         "        done\n"
         "    fi\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"${choices[*]}\" -- \"$current\" | sort -u)\n"
         "}\n"
         "complete -F _drover drover");
    return true;
}

const Command completion_commands[] = {
    {"complete", "", 0, 0, "Print the completion for bash", NULL, "  source <(drover complete)",
        NULL, complete},
    {NULL},
};
