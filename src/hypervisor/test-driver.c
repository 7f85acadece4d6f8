/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/driver.h"

#include "hypervisor/markers.h"
#include <string.h>

/* A provider that knows how often it was opened and asked. */
typedef struct Counts {
    int opened;
    int closed;
    int pauses;
    int views;
    int markers; /* made, and not deleted */
    bool data_freed;
} Counts;

static void *
counts_open(void *data, const HostAddress *address, uint64_t session, HostEventSink sink,
    void *sink_data, GError **error)
{
    Counts *counts = data;

    counts->opened++;
    return counts;
}

static void
counts_close(void *host)
{
    Counts *counts = host;

    counts->closed++;
}

static bool
counts_pause(void *host, const char *uuid, GError **error)
{
    Counts *counts = host;

    counts->pauses++;
    return true;
}

static bool
counts_describe_domain(void *host, const char *uuid, DomainView *ret_view, GError **error)
{
    Counts *counts = host;

    counts->views++;
    *ret_view = (DomainView){.name = g_strdup("guest"), .state = DOMAIN_RUNNING};
    return true;
}

static bool
counts_create_marker(
    void *host, const char *pool, const char *token, bool *ret_existed, GError **error)
{
    Counts *counts = host;

    g_assert_true(markers_are_in_use(token));
    *ret_existed = false;
    counts->markers++;
    return true;
}

static bool
counts_delete_marker(void *host, const char *pool, const char *token, GError **error)
{
    Counts *counts = host;

    counts->markers--;
    return true;
}

static void
counts_free(void *data)
{
    Counts *counts = data;

    counts->data_freed = true;
}

static const HypervisorProvider counting_provider = {
    .name = "counting",
    .open = counts_open,
    .close = counts_close,
    .pause_guest = counts_pause,
    .describe_domain = counts_describe_domain,
    .create_marker = counts_create_marker,
    .delete_marker = counts_delete_marker,
};

static const HostAddress address = {.name = "hosta", .uri = "counting:///"};

static HypervisorHost *
open_with(Counts *counts, const char *const *filters)
{
    g_autoptr(Hypervisor) hypervisor = hypervisor_new(&counting_provider, counts, counts_free);
    g_autoptr(GError) error = NULL;

    for (int i = 0; filters != NULL && filters[i] != NULL; i++) {
        g_assert_true(hypervisor_add_filter_text(hypervisor, filters[i], &error));
        g_assert_no_error(error);
    }
    HypervisorHost *host = hypervisor_open(hypervisor, &address, 7, NULL, NULL, &error);
    g_assert_no_error(error);
    return host;
}

static void
test_a_host_outlives_its_hypervisor(void)
{
    Counts counts = {0};
    HypervisorHost *host = open_with(&counts, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_false(counts.data_freed);
    g_assert_cmpstr(hypervisor_host_name(host), ==, "hosta");
    g_assert_cmpuint(hypervisor_host_session(host), ==, 7);
    HypervisorHost *again = hypervisor_host_ref(host);
    hypervisor_host_unref(host);
    g_assert_true(hypervisor_pause_guest(again, "x", &error));
    g_assert_cmpint(counts.closed, ==, 0);
    hypervisor_host_unref(again);
    g_assert_cmpint(counts.closed, ==, 1);
    g_assert_true(counts.data_freed);
}

static void
test_a_fault_strikes_before_the_effect(void)
{
    const char *filters[] = {"fault:pause_guest@2=refused", NULL};
    Counts counts = {0};
    g_autoptr(HypervisorHost) host = open_with(&counts, filters);
    g_autoptr(GError) error = NULL;

    g_assert_true(hypervisor_pause_guest(host, "x", &error));
    g_assert_false(hypervisor_pause_guest(host, "x", &error));
    g_assert_error(error, DROVER_ERROR, ERROR_HYPERVISOR_REFUSED);
    g_assert_cmpint(counts.pauses, ==, 1);
    g_clear_error(&error);
    g_assert_true(hypervisor_pause_guest(host, "x", &error));
    g_assert_cmpint(counts.pauses, ==, 2);
}

/* So that what they are known to mean can be rehearsed as well. */
static void
test_a_fault_has_the_words_that_it_is_given(void)
{
    const char *filters[] = {"fault:pause_guest=refused:No space: none left", NULL};
    Counts counts = {0};
    g_autoptr(HypervisorHost) host = open_with(&counts, filters);
    g_autoptr(GError) error = NULL;

    g_assert_false(hypervisor_pause_guest(host, "x", &error));
    g_assert_error(error, DROVER_ERROR, ERROR_HYPERVISOR_REFUSED);
    g_assert_true(g_str_has_suffix(error->message, " filter: No space: none left"));
}

static void
test_an_unknown_outcome_strikes_after_the_effect(void)
{
    const char *filters[] = {"fault:describe_domain/hosta=unknown", NULL};
    Counts counts = {0};
    g_autoptr(HypervisorHost) host = open_with(&counts, filters);
    g_autoptr(GError) error = NULL;
    DomainView view = {.generation = 42};

    g_assert_false(hypervisor_describe_domain(host, "x", &view, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_OUTCOME_UNKNOWN);
    g_assert_cmpint(counts.views, ==, 1);
    g_assert_cmpint(view.generation, ==, 42);
}

static void
test_a_fault_of_another_host_or_verb_does_not_strike(void)
{
    const char *filters[] = {"fault:*/hostb=down", "fault:open_x=down", NULL};
    Counts counts = {0};
    g_autoptr(HypervisorHost) host = open_with(&counts, filters);
    g_autoptr(GError) error = NULL;

    g_assert_true(hypervisor_pause_guest(host, "x", &error));
}

static void
test_a_fault_at_open_leaves_nothing_open(void)
{
    Counts counts = {0};
    g_autoptr(Hypervisor) hypervisor = hypervisor_new(&counting_provider, &counts, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(hypervisor_add_filter_text(hypervisor, "fault:open@1=unknown", &error));
    g_assert_null(hypervisor_open(hypervisor, &address, 1, NULL, NULL, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_OUTCOME_UNKNOWN);
    g_assert_cmpint(counts.opened, ==, 1);
    g_assert_cmpint(counts.closed, ==, 1);
}

/* How the second host answers, and whether the probe is answered then. */
static void
probe_markers(const char *fault, bool is_answered)
{
    const char *filters[] = {fault, NULL};
    Counts one_counts = {0};
    Counts other_counts = {0};
    g_autoptr(HypervisorHost) one = open_with(&one_counts, NULL);
    g_autoptr(HypervisorHost) other = open_with(&other_counts, fault != NULL ? filters : NULL);
    g_autoptr(GError) error = NULL;
    bool is_shared = true;

    bool is_ok = hypervisor_probe_shared_pool(one, other, NULL, "t1", &is_shared, &error);
    g_assert_cmpint(is_ok, ==, is_answered);
    g_assert_cmpint(is_shared, ==, !is_answered);
    g_assert_cmpint(one_counts.markers, ==, 0);
    g_assert_cmpint(other_counts.markers, <=, 0);
    g_assert_false(markers_are_in_use("t1"));
}

static void
test_a_probe_leaves_no_marker_however_it_ends(void)
{
    probe_markers(NULL, true);
    probe_markers("fault:create_marker=down", false);
    probe_markers("fault:create_marker=refused", false);
    probe_markers("fault:create_marker=unknown", false);
}

static void
test_a_delay_delays(void)
{
    const char *filters[] = {"delay:pause_guest=60", NULL};
    Counts counts = {0};
    g_autoptr(HypervisorHost) host = open_with(&counts, filters);
    g_autoptr(GError) error = NULL;
    int64_t start = g_get_monotonic_time();

    g_assert_true(hypervisor_pause_guest(host, "x", &error));
    g_assert_cmpint(g_get_monotonic_time() - start, >=, 60 * 1000);
}

static void
test_a_wrong_filter_is_refused(void)
{
    const char *wrong[] = {"slow:pause_guest=1", "delay:pause_guest", "delay:pause_guest=soon",
        "delay:=3", "fault:pause_guest@x=refused", "fault:pause_guest@0=refused",
        "fault:pause_guest=sadness"};
    Counts counts = {0};
    g_autoptr(Hypervisor) hypervisor = hypervisor_new(&counting_provider, &counts, NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(hypervisor_add_filter_text(hypervisor, wrong[i], &error));
        g_assert_error(error, DROVER_ERROR, ERROR_INVALID);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/driver/a-host-outlives-its-hypervisor", test_a_host_outlives_its_hypervisor);
    g_test_add_func(
        "/driver/a-fault-strikes-before-the-effect", test_a_fault_strikes_before_the_effect);
    g_test_add_func("/driver/a-fault-has-the-words-that-it-is-given",
        test_a_fault_has_the_words_that_it_is_given);
    g_test_add_func("/driver/an-unknown-outcome-strikes-after-the-effect",
        test_an_unknown_outcome_strikes_after_the_effect);
    g_test_add_func("/driver/a-fault-of-another-host-or-verb-does-not-strike",
        test_a_fault_of_another_host_or_verb_does_not_strike);
    g_test_add_func(
        "/driver/a-fault-at-open-leaves-nothing-open", test_a_fault_at_open_leaves_nothing_open);
    g_test_add_func("/driver/a-probe-leaves-no-marker-however-it-ends",
        test_a_probe_leaves_no_marker_however_it_ends);
    g_test_add_func("/driver/a-delay-delays", test_a_delay_delays);
    g_test_add_func("/driver/a-wrong-filter-is-refused", test_a_wrong_filter_is_refused);
    return g_test_run();
}
