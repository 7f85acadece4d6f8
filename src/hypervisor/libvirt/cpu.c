/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/cpu.h"

#include "hypervisor/libvirt/facts.h"
#include <stdlib.h>
#include <string.h>

/* ---- what is written ---- */

static void
build_flags(xmlNode *cpu, char *const *flags)
{
    for (int i = 0; flags != NULL && flags[i] != NULL; i++) {
        bool is_off = flags[i][0] == '-';
        const char *name = flags[i] + (is_off || flags[i][0] == '+');
        xmlNode *feature = xml_set(xml_add(cpu, "feature"), "name", "%s", name);
        xml_set(feature, "policy", is_off ? "disable" : "require");
    }
}

/* NULL: the emulator's own. */
static const char *
get_mode(const CpuChoice *choice, const char *virt_type)
{
    const char *mode = choice->mode;

    if (mode[0] == '\0') {
        mode = strcmp(virt_type, "kvm") == 0 ? "host-model" : "none";
    }
    return strcmp(mode, "none") != 0 ? mode : NULL;
}

static void
fill_cpu(xmlNode *cpu, const CpuChoice *choice, const char *mode)
{
    xml_set(cpu, "mode", "%s", mode);
    if (strcmp(mode, "custom") == 0) {
        xml_set(cpu, "match", "exact");
        xml_add_text(cpu, "model", "%s", choice->model);
    }
    build_flags(cpu, choice->flags);
}

void
cpu_xml_build(xmlNode *domain, const CpuChoice *choice, const char *virt_type)
{
    const char *mode = get_mode(choice, virt_type);

    if (mode != NULL) {
        fill_cpu(xml_add(domain, "cpu"), choice, mode);
    }
}

static int
compare_words(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* What guests see of it: libvirt adds words of its own to what it was given. */
static char *
describe_visible(const xmlNode *cpu)
{
    g_autofree char *mode = xml_get(cpu, "mode");
    g_autofree char *model = xml_get_text(xml_child(cpu, "model"));
    bool is_custom = g_strcmp0(mode, "custom") == 0;
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);

    for (const xmlNode *node = cpu->children; node != NULL; node = node->next) {
        if (node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, "feature") == 0) {
            g_autofree char *name = xml_get(node, "name");
            g_autofree char *policy = xml_get(node, "policy");
            g_ptr_array_add(
                words, g_strdup_printf("%s=%s", name, policy != NULL ? policy : "require"));
        }
    }
    g_ptr_array_sort(words, compare_words);
    g_ptr_array_add(words, NULL);
    g_autofree char *features = g_strjoinv(" ", (char **)words->pdata);
    return g_strdup_printf("%s %s %s", mode, is_custom ? model : "-", features);
}

static bool
is_of_processor(const xmlNode *node)
{
    static const char *const names[] = {"model", "vendor", "feature", NULL};

    return node->type == XML_ELEMENT_NODE && g_strv_contains(names, (const char *)node->name);
}

static void
empty_cpu(xmlNode *cpu)
{
    while (cpu->properties != NULL) {
        xmlRemoveProp(cpu->properties);
    }
    for (xmlNode *next, *node = cpu->children; node != NULL; node = next) {
        next = node->next;
        if (is_of_processor(node)) {
            xmlUnlinkNode(node);
            xmlFreeNode(node);
        }
    }
}

char *
cpu_xml_renew(const char *domain, const CpuChoice *choice, const char *virt_type, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(domain, error);
    const char *mode = get_mode(choice, virt_type);

    if (document == NULL || mode == NULL) {
        return NULL;
    }
    xmlNode *root = xmlDocGetRootElement(document);
    xmlNode *cpu = xml_child(root, "cpu");
    if (cpu == NULL) {
        fill_cpu(xml_add(root, "cpu"), choice, mode);
        return xml_to_text(document);
    }
    g_autofree char *before = describe_visible(cpu);
    empty_cpu(cpu);
    fill_cpu(cpu, choice, mode);
    g_autofree char *after = describe_visible(cpu);
    return strcmp(before, after) != 0 ? xml_to_text(document) : NULL;
}

/* ---- which model ---- */

const char *
cpu_find_usable(const char *domain_capabilities, char *const *models, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(domain_capabilities, error);

    if (document == NULL) {
        return NULL;
    }
    g_autoptr(GPtrArray) usable = xml_find_all(
        document, "/domainCapabilities/cpu/mode[@name='custom']/model[@usable='yes']");
    for (int i = 0; models[i] != NULL; i++) {
        for (unsigned int j = 0; j < usable->len; j++) {
            g_autofree char *name = xml_get_text(g_ptr_array_index(usable, j));
            if (strcmp(name, models[i]) == 0) {
                return models[i];
            }
        }
    }
    return NULL;
}

void
host_cpu_clear(HostCpu *cpu)
{
    g_free(cpu->settings.mode);
    g_strfreev(cpu->settings.models);
    g_strfreev(cpu->settings.flags);
}

static const char *
choose_model(const Slot *slot, char *const *models, const char *virt_type, GError **error)
{
    g_autoptr(GError) problem = NULL;

    if (models == NULL || models[0] == NULL || models[1] == NULL) {
        return models != NULL && models[0] != NULL ? models[0] : "";
    }
    char *text = virConnectGetDomainCapabilities(slot->connection, NULL, NULL, NULL, virt_type, 0);
    if (text == NULL) {
        libvirt_error_set(error, slot->connection, EFFECT_NONE,
            "cannot ask host '%s' for the processors that it can run", slot->host->name);
        return NULL;
    }
    const char *model = cpu_find_usable(text, models, &problem);
    free(text);
    if (problem != NULL) {
        g_propagate_error(error, g_steal_pointer(&problem));
    } else if (model == NULL) {
        error_set(error, ERROR_UNSUPPORTED,
            "unsupported CPU model: host '%s' can run none of [libvirt] cpu_models",
            slot->host->name);
    }
    return model;
}

bool
host_cpu_choose(HostCpu *cpu, const Slot *slot, const char *virt_type, GError **error)
{
    const Settings *settings = slot->host->settings;

    cpu->settings = settings->find_cpu != NULL
        ? settings->find_cpu(slot->host->name, settings->find_cpu_data)
        : (LibvirtCpu){.mode = g_strdup("")};
    const char *model = choose_model(slot, cpu->settings.models, virt_type, error);
    cpu->choice = (CpuChoice){cpu->settings.mode, model, cpu->settings.flags};
    return model != NULL;
}

/* ---- whether another host can give it ---- */

char *
cpu_xml_of_domain(const char *domain, bool *ret_is_exact, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(domain, error);

    *ret_is_exact = false;
    if (document == NULL) {
        return NULL;
    }
    xmlNode *cpu = xml_child(xmlDocGetRootElement(document), "cpu");
    g_autofree char *mode = xml_get(cpu, "mode");
    if (mode == NULL) {
        return NULL;
    }
    *ret_is_exact = strcmp(mode, "host-passthrough") == 0 || strcmp(mode, "maximum") == 0;
    return xml_node_to_text(cpu);
}

static GHashTable *
host_features(xmlDoc *capabilities)
{
    GHashTable *features = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GPtrArray) names = xml_find_all(capabilities, "/capabilities/host/cpu/feature/@name");

    for (unsigned int i = 0; i < names->len; i++) {
        g_hash_table_add(features, xml_get_text(g_ptr_array_index(names, i)));
    }
    return features;
}

/* "WORD a, b": what one has and the other has not, in the order of their names. */
static void
append_difference(GString *text, const char *word, GHashTable *has, GHashTable *has_not)
{
    g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(has), (GCompareFunc)strcmp);
    bool is_first = true;

    for (const GList *item = names; item != NULL; item = item->next) {
        if (!g_hash_table_contains(has_not, item->data)) {
            g_string_append_printf(text, "%s%s%s", text->len > 0 && is_first ? "; " : "",
                is_first ? word : ", ", (const char *)item->data);
            is_first = false;
        }
    }
}

static void
append_text_difference(GString *text, const char *word, xmlDoc *from, xmlDoc *to)
{
    g_autofree char *path = g_strdup_printf("/capabilities/host/cpu/%s", word);
    g_autoptr(GPtrArray) one = xml_find_all(from, path);
    g_autoptr(GPtrArray) other = xml_find_all(to, path);
    g_autofree char *one_text =
        one->len > 0 ? xml_get_text(g_ptr_array_index(one, 0)) : g_strdup("none");
    g_autofree char *other_text =
        other->len > 0 ? xml_get_text(g_ptr_array_index(other, 0)) : g_strdup("none");

    if (strcmp(one_text, other_text) != 0) {
        g_string_append_printf(
            text, "%s%s %s, not %s", text->len > 0 ? "; " : "", word, other_text, one_text);
    }
}

char *
cpu_compare_hosts(const char *from, const char *to, GError **error)
{
    g_autoptr(xmlDoc) from_document = xml_parse(from, error);
    g_autoptr(xmlDoc) to_document = from_document != NULL ? xml_parse(to, error) : NULL;

    if (to_document == NULL) {
        return NULL;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GHashTable) from_features = host_features(from_document);
    g_autoptr(GHashTable) to_features = host_features(to_document);
    append_text_difference(text, "arch", from_document, to_document);
    append_text_difference(text, "vendor", from_document, to_document);
    append_text_difference(text, "model", from_document, to_document);
    append_difference(text, "missing features: ", from_features, to_features);
    append_difference(text, "more features: ", to_features, from_features);
    return text->len > 0 ? g_strdup(text->str) : NULL;
}

static char *
capabilities_of(LibvirtHost *host, GError **error)
{
    g_auto(Slot) slot = {0};

    return slot_take_control(&slot, host, error) ? host_get_capabilities(&slot, error) : NULL;
}

/* What is compared of a host, and no more: the same for hosts that are the same. */
static char *
extract_host_cpu(const char *capabilities, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(capabilities, error);

    if (document == NULL) {
        return NULL;
    }
    xmlNode *cpu = xml_child(xml_child(xmlDocGetRootElement(document), "host"), "cpu");
    g_autofree char *text = cpu != NULL ? xml_node_to_text(cpu) : g_strdup("");
    return g_strdup_printf("<capabilities><host>%s</host></capabilities>", text);
}

static bool
check_exact(LibvirtHost *dest, const char *from, GError **error)
{
    g_autofree char *to = capabilities_of(dest, error);
    g_autoptr(GError) problem = NULL;

    if (to == NULL) {
        return false;
    }
    g_autofree char *difference = cpu_compare_hosts(from, to, &problem);
    if (problem != NULL) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    return difference == NULL ||
        error_set(error, ERROR_HYPERVISOR_REFUSED,
            "the guest has the very CPU of its host, and host '%s' has a different CPU: %s",
            dest->name, difference);
}

/* The words of the destination's libvirtd name the features. A hypervisor that cannot compare is
 * no reason to refuse: the migration itself will tell. */
static bool
check_features(LibvirtHost *dest, const char *cpu, GError **error)
{
    g_auto(Slot) slot = {0};
    unsigned int flags = VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE;

    if (!slot_take_control(&slot, dest, error)) {
        return false;
    }
    const char *virt_type = host_get_virt_type(&slot, error);
    if (virt_type == NULL) {
        return false;
    }
    int result =
        virConnectCompareHypervisorCPU(slot.connection, NULL, NULL, NULL, virt_type, cpu, flags);
    if (result >= 0 && result != VIR_CPU_COMPARE_INCOMPATIBLE) {
        return true;
    }
    if (result < 0 && libvirt_error_number() != VIR_ERR_CPU_INCOMPATIBLE) {
        return virConnectIsAlive(slot.connection) != 0 ||
            libvirt_error_set(error, slot.connection, EFFECT_NONE,
                "cannot compare the guest's CPU with that of host '%s'", dest->name);
    }
    return libvirt_error_set(error, slot.connection, EFFECT_NONE,
        "host '%s' lacks CPU features that the guest has", dest->name);
}

char *
cpu_describe(LibvirtHost *source, const char *domain, GError **error)
{
    bool is_exact;
    g_autofree char *cpu = cpu_xml_of_domain(domain, &is_exact, error);

    if (cpu == NULL || !is_exact) {
        return g_steal_pointer(&cpu);
    }
    g_autofree char *capabilities = capabilities_of(source, error);
    return capabilities != NULL ? extract_host_cpu(capabilities, error) : NULL;
}

bool
cpu_check_dest(LibvirtHost *dest, const char *cpu, GError **error)
{
    return g_str_has_prefix(cpu, "<capabilities>") ? check_exact(dest, cpu, error)
                                                   : check_features(dest, cpu, error);
}
