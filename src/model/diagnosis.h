/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What the words of an error mean: one table of what libvirt, QEMU and drover itself say when a
 * guest cannot move or start, each with its cause and what to do about it. Pure. The table is
 * printed into doc/troubleshooting.md. */
#include <glib.h>
#include <stdbool.h>

#define DIAGNOSIS_MAX_PATTERNS 8

typedef struct Diagnosis {
    const char *code; /* stable: a label of metrics, a member of the API */
    /* Any of them is enough. "*" stands for anything; the rest is taken literally. */
    const char *patterns[DIAGNOSIS_MAX_PATTERNS];
    const char *cause; /* both: a sentence without its dot */
    const char *fix;
    bool is_way;  /* whatever goes between these two hosts would meet it */
    bool is_ours; /* the text is drover's own and says this itself: it is not told twice */
} Diagnosis;

/* The first row that fits; NULL when none does or message is NULL. What diagnosis_explain has
 * added is not looked at, so that an explained message has the diagnosis of the plain one. */
const Diagnosis *diagnosis_find(const char *message);
/* The part of the message that the row was found by, up to its end. Caller frees. */
char *diagnosis_evidence(const Diagnosis *diagnosis, const char *message);
/* "MESSAGE. Cause: ... Fix: ..."; the message itself where no row fits. Caller frees. */
char *diagnosis_explain(const char *message);
/* The code, or "other". */
const char *diagnosis_label(const char *message);

const Diagnosis *diagnosis_table(unsigned *ret_n);
