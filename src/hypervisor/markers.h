/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Markers of shared-pool probes that are under way in this process, by their tokens. Any other one
 * that a host has when it connects is what a daemon that has ended, or a host that did not answer,
 * has left: providers sweep it. */
#include <stdbool.h>

/* Before the first marker of that token is made, and when none is looked for any more. */
void markers_begin(const char *token);
void markers_end(const char *token);
bool markers_are_in_use(const char *token);
