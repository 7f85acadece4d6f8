/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/cpu.h"
#include "hypervisor/libvirt/platform.h"

#include "hypervisor/libvirt/domain_xml.h"
#include "hypervisor/libvirt/facts.h"

static char *
built(CpuChoice choice, const char *virt_type)
{
    g_autoptr(xmlDoc) document = xmlNewDoc(BAD_CAST "1.0");
    xmlNode *domain = xmlNewNode(NULL, BAD_CAST "domain");
    xmlDocSetRootElement(document, domain);
    cpu_xml_build(domain, &choice, virt_type);
    return xml_to_text(document);
}

static void
assert_built(CpuChoice choice, const char *virt_type, const char *cpu)
{
    g_autofree char *text = built(choice, virt_type);
    g_autofree char *expected = cpu[0] == '\0' ? g_strdup("<domain/>")
                                               : g_strdup_printf("<domain>\n  %s\n</domain>", cpu);
    g_assert_cmpstr(text, ==, expected);
}

static void
test_modes(void)
{
    char *flags[] = {"pcid", "+avx2", "-svm", NULL};
    assert_built((CpuChoice){"", "", NULL}, "kvm", "<cpu mode=\"host-model\"/>");
    assert_built((CpuChoice){"", "", NULL}, "qemu", "");
    assert_built((CpuChoice){"none", "", NULL}, "kvm", "");
    assert_built(
        (CpuChoice){"host-passthrough", "", NULL}, "qemu", "<cpu mode=\"host-passthrough\"/>");
    g_autofree char *custom = built((CpuChoice){"custom", "Nehalem", flags}, "qemu");
    g_assert_nonnull(strstr(custom, "<cpu mode=\"custom\" match=\"exact\">"));
    g_assert_nonnull(strstr(custom, "<model>Nehalem</model>"));
    g_assert_nonnull(strstr(custom, "<feature name=\"pcid\" policy=\"require\"/>"));
    g_assert_nonnull(strstr(custom, "<feature name=\"avx2\" policy=\"require\"/>"));
    g_assert_nonnull(strstr(custom, "<feature name=\"svm\" policy=\"disable\"/>"));
}

/* NULL: it stays as it is. */
static char *
renewed(const char *cpu, CpuChoice choice)
{
    g_autofree char *domain = g_strdup_printf("<domain><name>a</name>%s</domain>", cpu);
    g_autoptr(GError) error = NULL;
    char *text = cpu_xml_renew(domain, &choice, "qemu", &error);
    g_assert_no_error(error);
    return text;
}

static void
test_another_processor_takes_the_place(void)
{
    const char *has = "<cpu mode='custom' match='exact' check='partial'>"
                      "<model fallback='allow'>qemu64</model><topology sockets='2' cores='1'/>"
                      "<feature policy='require' name='ssse3'/>"
                      "<feature policy='disable' name='svm'/></cpu>";
    g_autofree char *same =
        renewed(has, (CpuChoice){"custom", "qemu64", (char *[]){"-svm", "ssse3", NULL}});
    g_assert_null(same);
    g_autofree char *fewer = renewed(has, (CpuChoice){"custom", "qemu64", NULL});
    g_assert_null(strstr(fewer, "feature"));
    g_assert_nonnull(strstr(fewer, "<topology sockets=\"2\" cores=\"1\"/>"));
    g_autofree char *other =
        renewed(has, (CpuChoice){"custom", "Nehalem", (char *[]){"-svm", "ssse3", NULL}});
    g_assert_nonnull(strstr(other, "<model>Nehalem</model>"));
    g_assert_null(strstr(other, "check="));
    g_autofree char *none = renewed("", (CpuChoice){"custom", "Nehalem", NULL});
    g_assert_nonnull(strstr(none, "<cpu mode=\"custom\" match=\"exact\">"));
    g_autofree char *untold = renewed(has, (CpuChoice){"none", "", NULL});
    g_assert_null(untold);
    g_autofree char *host = renewed("<cpu mode='host-model' check='partial'/>",
        (CpuChoice){"host-model", "", NULL});
    g_assert_null(host);
}

static void
test_the_first_usable_model_is_taken(void)
{
    const char *text = "<domainCapabilities><cpu><mode name='custom' supported='yes'>"
                       "<model usable='yes'>qemu64</model><model usable='no'>EPYC</model>"
                       "<model usable='yes'>Nehalem</model></mode></cpu></domainCapabilities>";
    g_autoptr(GError) error = NULL;
    char *models[] = {"EPYC", "Nehalem", "qemu64", NULL};
    g_assert_cmpstr(cpu_find_usable(text, models, &error), ==, "Nehalem");
    g_assert_null(cpu_find_usable(text, (char *[]){"EPYC", "Zen9", NULL}, &error));
    g_assert_no_error(error);
    g_assert_null(cpu_find_usable("<", (char *[]){"EPYC", NULL}, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_INVALID);
}

static void
test_the_processor_of_a_guest_is_read(void)
{
    g_autoptr(GError) error = NULL;
    bool is_exact = false;
    g_autofree char *custom = cpu_xml_of_domain(
        "<domain><cpu mode='custom'><model>x</model></cpu></domain>", &is_exact, &error);
    g_assert_cmpstr(custom, ==, "<cpu mode=\"custom\">\n  <model>x</model>\n</cpu>");
    g_assert_false(is_exact);
    g_autofree char *host =
        cpu_xml_of_domain("<domain><cpu mode='host-passthrough'/></domain>", &is_exact, &error);
    g_assert_nonnull(host);
    g_assert_true(is_exact);
    g_assert_null(cpu_xml_of_domain("<domain/>", &is_exact, &error));
    g_assert_null(cpu_xml_of_domain("<domain><cpu/></domain>", &is_exact, &error));
    g_assert_no_error(error);
}

static void
assert_words(const char *machine, const char *cpu)
{
    g_autofree char *words = platform_join_words(machine, cpu);
    g_autofree char *told = NULL;
    g_assert_cmpstr(platform_split_words(words, &told), ==, cpu);
    g_assert_cmpstr(told, ==, machine);
}

static void
test_machine_and_processor_are_one_question(void)
{
    assert_words("pc-i440fx-10.0", "<cpu mode=\"custom\">\n  <model>x</model>\n</cpu>");
    assert_words("pc-i440fx-10.0", NULL);
    assert_words(NULL, "<cpu/>");
    g_autofree char *machine =
        domain_xml_get_machine("<domain><os><type machine='pc-q35-7.2'>hvm</type></os></domain>");
    g_assert_cmpstr(machine, ==, "pc-q35-7.2");
    g_assert_null(domain_xml_get_machine("<domain><os/></domain>"));
    g_assert_null(domain_xml_get_machine("<domain/>"));
}

/* Hosts with the same processors, and QEMUs of two versions. */
static void
test_a_class_has_one_machine(void)
{
    static const char FORM[] =
        "<domainCapabilities><machine>%s</machine><cpu/></domainCapabilities>";
    g_autofree char *old = g_strdup_printf(FORM, "pc-i440fx-9.2");
    g_autofree char *new = g_strdup_printf(FORM, "pc-i440fx-10.0");
    g_autofree char *one = domain_capabilities_to_cpu_class(old, "kvm");
    g_autofree char *same = domain_capabilities_to_cpu_class(old, "kvm");
    g_autofree char *other = domain_capabilities_to_cpu_class(new, "kvm");
    g_assert_cmpstr(one, ==, same);
    g_assert_cmpstr(one, !=, other);
}

#define HOST(model, features)                                                                      \
    "<capabilities><host><cpu><arch>x86_64</arch><model>" model "</model><vendor>AMD</vendor>"     \
    "<microcode version='1'/>" features "</cpu></host></capabilities>"

static void
test_a_host_of_its_own_must_be_the_very_same(void)
{
    const char *one = HOST("EPYC", "<feature name='b'/><feature name='a'/><feature name='c'/>");
    const char *same = HOST("EPYC", "<feature name='c'/><feature name='b'/><feature name='a'/>");
    const char *less = HOST("EPYC", "<feature name='a'/><feature name='d'/>");
    const char *other =
        HOST("Nehalem", "<feature name='c'/><feature name='b'/><feature name='a'/>");
    g_autoptr(GError) error = NULL;
    g_assert_null(cpu_compare_hosts(one, same, &error));
    g_autofree char *lacks = cpu_compare_hosts(one, less, &error);
    g_assert_cmpstr(lacks, ==, "missing features: b, c; more features: d");
    g_autofree char *differs = cpu_compare_hosts(one, other, &error);
    g_assert_cmpstr(differs, ==, "model Nehalem, not EPYC");
    g_assert_no_error(error);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/modes", test_modes);
    g_test_add_func(
        "/cpu/another-processor-takes-the-place", test_another_processor_takes_the_place);
    g_test_add_func("/cpu/the-first-usable-model-is-taken", test_the_first_usable_model_is_taken);
    g_test_add_func("/cpu/the-processor-of-a-guest-is-read", test_the_processor_of_a_guest_is_read);
    g_test_add_func("/cpu/machine-and-processor-are-one-question",
        test_machine_and_processor_are_one_question);
    g_test_add_func("/cpu/a-class-has-one-machine", test_a_class_has_one_machine);
    g_test_add_func("/cpu/a-host-of-its-own-must-be-the-very-same",
        test_a_host_of_its_own_must_be_the_very_same);
    return g_test_run();
}
