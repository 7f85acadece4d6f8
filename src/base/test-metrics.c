/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/metrics.h"

#include <string.h>

enum { N_COUNTS = 200000 };

static void *
count_many(void *data)
{
    for (int i = 0; i < N_COUNTS; i++) {
        metrics_count("threads_total", data, 1);
    }
    return NULL;
}

static void
test_export(void)
{
    metrics_describe("a_total", "counter", "How many.");
    metrics_count("a_total", "kind=\"x\"", 2);
    metrics_count("a_total", "kind=\"x\"", 3);
    metrics_count("a_total", "", 1);
    metrics_set("b", "", 0.25);
    metrics_set("b", "", -1.5);
    g_autoptr(GString) text = g_string_new(NULL);
    metrics_export(text);
    g_assert_cmpstr(text->str, ==,
        "# HELP a_total How many.\n# TYPE a_total counter\na_total 1\na_total{kind=\"x\"} 5\n"
        "# TYPE b gauge\nb -1.5\n");
}

static void
assert_line(const char *text, const char *line)
{
    g_autofree char *whole = g_strconcat("\n", line, "\n", NULL);
    g_test_message("%s", line);
    g_assert_nonnull(strstr(text, whole));
}

static void
test_histogram(void)
{
    metrics_observe_s("h", "k=\"v\"", 0.0005);
    metrics_observe_s("h", "k=\"v\"", 0.001);
    metrics_observe_s("h", "k=\"v\"", 0.3);
    metrics_observe_s("h", "k=\"v\"", 5000);
    g_autoptr(GString) text = g_string_new(NULL);
    metrics_export(text);
    assert_line(text->str, "# TYPE h histogram");
    assert_line(text->str, "h_bucket{k=\"v\",le=\"0.001\"} 2");
    assert_line(text->str, "h_bucket{k=\"v\",le=\"0.2\"} 2");
    assert_line(text->str, "h_bucket{k=\"v\",le=\"0.5\"} 3");
    assert_line(text->str, "h_bucket{k=\"v\",le=\"1000\"} 3");
    assert_line(text->str, "h_bucket{k=\"v\",le=\"+Inf\"} 4");
    assert_line(text->str, "h_sum{k=\"v\"} 5000.3015");
    assert_line(text->str, "h_count{k=\"v\"} 4");
}

static void
test_threads_lose_nothing(void)
{
    GThread *threads[4];
    for (int i = 0; i < 4; i++) {
        threads[i] = g_thread_new("count", count_many, (void *)(i % 2 ? "k=\"1\"" : "k=\"0\""));
    }
    for (int i = 0; i < 4; i++) {
        g_thread_join(threads[i]);
    }
    g_autoptr(GString) text = g_string_new(NULL);
    metrics_export(text);
    assert_line(text->str, "threads_total{k=\"0\"} 400000");
    assert_line(text->str, "threads_total{k=\"1\"} 400000");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/metrics/export", test_export);
    g_test_add_func("/metrics/histogram", test_histogram);
    g_test_add_func("/metrics/threads-lose-nothing", test_threads_lose_nothing);
    return g_test_run();
}
