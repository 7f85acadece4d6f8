/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/baseline_xml.h"

#include "hypervisor/libvirt/xml.h"
#include <string.h>

char *
baseline_cpu_of_host(const char *domain_capabilities, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(domain_capabilities, error);

    if (document == NULL) {
        return NULL;
    }
    g_autoptr(GPtrArray) found = xml_find_all(
        document, "/domainCapabilities/cpu/mode[@name='host-model'][@supported='yes'][model]");
    if (found->len == 0) {
        return NULL;
    }
    xmlNode *cpu = g_ptr_array_index(found, 0);
    xmlNodeSetName(cpu, BAD_CAST "cpu");
    xmlUnsetProp(cpu, BAD_CAST "name");
    xmlUnsetProp(cpu, BAD_CAST "supported");
    xml_set(xml_set(cpu, "mode", "custom"), "match", "exact");
    return xml_node_to_text(cpu);
}

char *
baseline_get_model(const char *cpu, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(cpu, error);

    if (document == NULL) {
        return NULL;
    }
    xmlNode *root = xmlDocGetRootElement(document);
    char *model = xml_get_text(xml_child(root, "model"));
    return model != NULL ? model : xml_get(root, "mode");
}

char **
baseline_list_features(const char *cpu, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(cpu, error);

    if (document == NULL) {
        return NULL;
    }
    g_autoptr(GPtrArray) found = xml_find_all(document, "/cpu/feature[@name]");
    GPtrArray *names = g_ptr_array_new();
    for (unsigned i = 0; i < found->len; i++) {
        g_autofree char *policy = xml_get(g_ptr_array_index(found, i), "policy");
        g_autofree char *name = xml_get(g_ptr_array_index(found, i), "name");
        bool is_off = g_strcmp0(policy, "disable") == 0 || g_strcmp0(policy, "forbid") == 0;
        g_ptr_array_add(names, g_strconcat(is_off ? "-" : "", name, NULL));
    }
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}

static char *
list_missing(char *const *wanted, char *const *has, bool also_off)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (int i = 0; wanted[i] != NULL; i++) {
        bool is_asked = also_off || wanted[i][0] != '-';
        if (is_asked && !g_strv_contains((const char *const *)has, wanted[i])) {
            g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "", wanted[i]);
        }
    }
    return text->len > 0 ? g_strdup(text->str) : NULL;
}

char *
baseline_features_missing(char *const *wanted, char *const *has)
{
    return list_missing(wanted, has, false);
}

char *
baseline_guest_lacks(const char *cpu, const char *model, char *const *features, GError **error)
{
    g_autofree char *own = baseline_get_model(cpu, error);
    g_auto(GStrv) has =
        g_strcmp0(own, model) == 0 ? baseline_list_features(cpu, error) : NULL;

    return has != NULL ? list_missing(features, has, true) : NULL;
}
