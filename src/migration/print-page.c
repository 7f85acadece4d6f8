/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Prints doc/internals/migration.md from the tables that the program runs by, so that the page
 * cannot say anything else. A test compares the two. */
#include "migration/decide.h"
#include "migration/migration.h"
#include "migration/states.h"

#include <stdio.h>

static void
print_states(void)
{
    const Machine *machine = migration_machine();
    printf("## States\n\n| state | shown as | after a crash | what it is doing |\n"
           "|---|---|---|---|\n");
    for (int i = 0; i < machine->n_states; i++) {
        const MachineState *state = &machine->states[i];
        printf("| %s | %s | %s | %s |\n", state->name, migration_status_of_state(state->name),
            migration_recovery_class(state->name), state->sentence);
    }
    g_autofree char *picture = machine_to_mermaid(machine);
    printf("\n## Moves\n\n```mermaid\n%s```\n", picture);
}

static void
print_table(void)
{
    printf("\n## Where is the guest?\n\n"
           "One table over what both hosts say, for the happy path, for every failure and for\n"
           "every restart alike. A destination that carries the mark of another operation is\n"
           "not of this migration.\n\n"
           "| source | destination | decision | when | why |\n|---|---|---|---|---|\n");
    for (int source = 0; source < N_SOURCE_SIDES; source++) {
        for (int dest = 0; dest < N_DEST_SIDES; dest++) {
            const DecideRow *row = decide_row((SourceSide)source, (DestSide)dest);
            printf("| %s | %s | %s | %s | %s |\n", source_side_text((SourceSide)source),
                dest_side_text((DestSide)dest), decision_name(row->decision),
                patience_text(row->patience), row->why);
        }
    }
    printf("\n| decision | meaning |\n|---|---|\n");
    for (int decision = 0; decision < N_DECISIONS; decision++) {
        printf(
            "| %s | %s |\n", decision_name((Decision)decision), decision_text((Decision)decision));
    }
}

static void
print_failpoints(void)
{
    g_auto(GStrv) names = migration_list_failpoints();
    printf("\n## Failpoints\n\nWhere a test can make droverd die (tests/crash tries each):\n\n");
    for (char **name = names; *name != NULL; name++) {
        printf("- `%s`\n", *name);
    }
}

int
main(void)
{
    printf("<!-- Printed by print-migration-page; do not edit. -->\n"
           "# A live migration, state by state\n\n");
    print_states();
    print_table();
    print_failpoints();
    return 0;
}
