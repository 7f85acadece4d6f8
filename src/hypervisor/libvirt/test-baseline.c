/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/baseline_xml.h"

#define CAPABILITIES(supported)                                                                    \
    "<domainCapabilities><arch>x86_64</arch><cpu>"                                                 \
    "<mode name='host-passthrough' supported='yes'/>"                                              \
    "<mode name='host-model' supported='" supported "'><model fallback='forbid'>EPYC-Rome</model>" \
    "<vendor>AMD</vendor><feature policy='require' name='x2apic'/>"                                \
    "<feature policy='disable' name='rtm'/></mode></cpu></domainCapabilities>"

static void
test_a_hosts_best_becomes_a_cpu(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *cpu = baseline_cpu_of_host(CAPABILITIES("yes"), &error);
    g_assert_no_error(error);
    g_assert_true(g_str_has_prefix(cpu, "<cpu mode=\"custom\" match=\"exact\">"));
    g_autofree char *model = baseline_get_model(cpu, &error);
    g_assert_cmpstr(model, ==, "EPYC-Rome");
    g_auto(GStrv) features = baseline_list_features(cpu, &error);
    g_autofree char *text = g_strjoinv(" ", features);
    g_assert_cmpstr(text, ==, "x2apic -rtm");
}

static void
test_a_host_need_not_say(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(baseline_cpu_of_host(CAPABILITIES("no"), &error));
    g_assert_no_error(error);
    g_assert_null(baseline_cpu_of_host("<domainCapabilities", &error));
    g_assert_error(error, DROVER_ERROR, ERROR_INVALID);
}

static void
test_a_mode_stands_for_a_model(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *model = baseline_get_model("<cpu mode='host-passthrough'/>", &error);
    g_assert_cmpstr(model, ==, "host-passthrough");
    g_assert_null(baseline_get_model("<cpu/>", &error));
    g_assert_no_error(error);
}

static void
test_what_is_missing_is_named(void)
{
    char *wanted[] = {(char *)"avx2", (char *)"-rtm", (char *)"bmi1", (char *)"bmi2", NULL};
    char *has[] = {(char *)"bmi1", (char *)"-avx2", NULL};
    g_autofree char *missing = baseline_features_missing(wanted, has);
    g_assert_cmpstr(missing, ==, "avx2, bmi2");
    g_assert_null(baseline_features_missing(has, wanted));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/baseline/a-hosts-best-becomes-a-cpu", test_a_hosts_best_becomes_a_cpu);
    g_test_add_func("/baseline/a-host-need-not-say", test_a_host_need_not_say);
    g_test_add_func("/baseline/a-mode-stands-for-a-model", test_a_mode_stands_for_a_model);
    g_test_add_func("/baseline/what-is-missing-is-named", test_what_is_missing_is_named);
    return g_test_run();
}
