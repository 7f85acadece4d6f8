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

static char *
lack(const char *cpu, const char *features)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) wanted = g_strsplit(features, " ", -1);
    char *text = baseline_guest_lacks(cpu, "EPYC", wanted, &error);
    g_assert_no_error(error);
    return text;
}

/* As libvirt writes the processor of a guest that runs: what QEMU gives it beside, and what it does
 * not, is among it. */
static void
test_a_guest_lacks_what_was_not_there_when_it_began(void)
{
    static const char *const cpu = "<cpu mode='custom' match='exact' check='full'>"
                                   "<model fallback='forbid'>EPYC</model>"
                                   "<feature policy='require' name='hypervisor'/>"
                                   "<feature policy='require' name='avx2'/>"
                                   "<feature policy='disable' name='rtm'/>"
                                   "<feature policy='disable' name='svm'/></cpu>";
    g_autofree char *both = lack(cpu, "bmi1 avx2 -pcid -rtm svm");
    g_assert_cmpstr(both, ==, "bmi1, -pcid, svm");
    g_assert_null(lack(cpu, "avx2 -rtm"));
    g_assert_null(lack(cpu, ""));
    g_assert_null(lack("<cpu><model>Rome</model></cpu>", "avx2")); /* another model altogether */
    g_assert_null(lack("<cpu mode='host-passthrough'/>", "avx2"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/baseline/a-hosts-best-becomes-a-cpu", test_a_hosts_best_becomes_a_cpu);
    g_test_add_func("/baseline/a-host-need-not-say", test_a_host_need_not_say);
    g_test_add_func("/baseline/a-mode-stands-for-a-model", test_a_mode_stands_for_a_model);
    g_test_add_func("/baseline/what-is-missing-is-named", test_what_is_missing_is_named);
    g_test_add_func("/baseline/a-guest-lacks-what-was-not-there-when-it-began",
        test_a_guest_lacks_what_was_not_there_when_it_began);
    return g_test_run();
}
