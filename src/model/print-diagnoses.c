/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Prints doc/troubleshooting.md from the table that the program explains errors by. */
#include "model/diagnosis.h"

#include <stdio.h>

static void
print_row(const Diagnosis *row)
{
    printf("\n## %s\n\n", row->code);
    for (int i = 0; i < DIAGNOSIS_MAX_PATTERNS && row->patterns[i] != NULL; i++) {
        printf("    %s\n", row->patterns[i]);
    }
    printf("\nCause: %s.\n\nFix: %s.\n", row->cause, row->fix);
}

int
main(void)
{
    unsigned n;
    const Diagnosis *rows = diagnosis_table(&n);

    printf("<!-- Printed by print-diagnoses; do not edit. -->\n"
           "# When a guest cannot move or start\n\n"
           "What libvirt, QEMU and drover say, what it means and what to do. drover finds the row\n"
           "by itself: `drover server migration show` has it as `diagnosis`, `cause`, `evidence`\n"
           "and `fix`, the fault of an instance ends with it, and the metric\n"
           "`drover_operation_failures_total` counts by it. The first row that fits is taken;\n"
           "`*` stands for anything.\n");
    for (unsigned i = 0; i < n; i++) {
        print_row(&rows[i]);
    }
    return 0;
}
