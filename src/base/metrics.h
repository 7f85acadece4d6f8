/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Counters, gauges and histograms, exported as Prometheus text. Always on. One mutex, a leaf:
 * nothing is called while it is held. Any thread. */
#include <glib.h>
#include <stdint.h>

/* labels is "" or the inside of the braces, e.g. kind="live-migration",result="completed". */
void metrics_count(const char *name, const char *labels, uint64_t n);
void metrics_set(const char *name, const char *labels, double value);
/* Buckets: 1 ms ... 1000 s, three per decade. */
void metrics_observe_s(const char *name, const char *labels, double seconds);
/* Help texts are registered once by the module that owns the metric; type is counter, gauge or
 * histogram. */
void metrics_describe(const char *name, const char *type, const char *help);
void metrics_export(GString *out);
