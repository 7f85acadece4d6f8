/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* For the files of planner/ alone. */
#include "planner/drain_plan.h"

/* ---- drain_step.c ---- */
/* Without a host, and without a slot. */
DrainStep *drain_step_new(DrainSubject *subject, GPtrArray *hosts);
/* fix may be NULL. */
void drain_step_stays(DrainStep *step, const char *reason, const char *fix);
/* It may not go where others of its server group are, or not where none is. */
bool drain_is_bound(const Instance *instance);
/* Its hint same_host names the other's instance: it can go where that one is, once it is there. */
bool drain_step_follows(const DrainStep *step, const DrainStep *other);
/* Of DrainStep *const *. The largest first. */
int drain_step_compare_sizes(gconstpointer one, gconstpointer other);
/* What is hard to place first: what is choosy, then by processors of its own, then by memory. */
int drain_step_compare_needs(gconstpointer one, gconstpointer other);
