/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Processors as libvirt writes them, for the baseline of several hosts. Pure. */
#include "base/error.h"
#include <stdbool.h>

/* The best processor that a guest may have there, by a host's domain capabilities, as <cpu> for
 * libvirt to compare. NULL with no error: it does not say. */
char *baseline_cpu_of_host(const char *domain_capabilities, GError **error);
/* The model of a <cpu>, or else its mode; NULL with no error: it names neither. */
char *baseline_get_model(const char *cpu, GError **error);
/* What a <cpu> has beside its model: "avx2", "-rtm". */
char **baseline_list_features(const char *cpu, GError **error);
/* "a, b": the features that the first list has and the other has not; NULL: none. */
char *baseline_features_missing(char *const *wanted, char *const *has);
/* The same of a running guest's <cpu>, "avx2, -rtm", also of what it ought not to have: what it
 * would have beside this model were it started anew, and has not. NULL: nothing, or it has another
 * model. */
char *baseline_guest_lacks(
    const char *cpu, const char *model, char *const *features, GError **error);
