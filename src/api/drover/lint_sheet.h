/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What is said of one host, and the looks at it: each adds its rows, in the files by topic. */
#include "api/drover/lint.h"

/* Borrows all; see lint_host. */
typedef struct LintSheet {
    json_t *rows;
    const Host *host; /* NULL: of none of them */
    const GPtrArray *hosts;
    const GPtrArray *networks;
    const char *volume_pool;
    int64_t now_us;
    bool is_named; /* the hosts: there may be others */
} LintSheet;

/* A row. fix NULL: there is nothing to be mended. */
void lint_say(const LintSheet *sheet, const char *check, const char *result, const char *fix,
    const char *format, ...) G_GNUC_PRINTF(5, 6);

/* lint_alike.c */
void lint_check_versions_alike(const LintSheet *sheet);
void lint_check_cpu(const LintSheet *sheet);
void lint_check_path(const LintSheet *sheet);

/* lint_certificate.c */
void lint_check_certificate(const LintSheet *sheet);

/* lint_pool.c */
void lint_check_pool(const LintSheet *sheet);
void lint_check_space(const LintSheet *sheet);
void lint_check_marker(const LintSheet *sheet);
void lint_check_volumes(const LintSheet *sheet);
