/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The checks of what an instance's image says of itself, and of which flavor it is made. Source:
 * Nova's guide for administrators, "Compute schedulers" (ImagePropertiesFilter,
 * AggregateImagePropertiesIsolation, AggregateTypeAffinityFilter). */
#include "scheduler/internal.h"

#include <string.h>

/* ---- what it says ---- */

/* Names of old images, and other words for the same. */
static const struct {
    const char *word;
    const char *meaning;
} synonyms[] = {
    {"amd64", "x86_64"}, {"x64", "x86_64"}, {"i386", "i686"}, {"i486", "i686"}, {"i586", "i686"},
    {"x86", "i686"}, {"arm64", "aarch64"}, {"hv", "hvm"}, {"baremetal", "hvm"}, {"pv", "xen"},
};

static char *
canonical(const char *word)
{
    g_autofree char *lower = g_ascii_strdown(word, -1);
    for (size_t i = 0; i < G_N_ELEMENTS(synonyms); i++) {
        if (strcmp(synonyms[i].word, lower) == 0) {
            return g_strdup(synonyms[i].meaning);
        }
    }
    return g_steal_pointer(&lower);
}

static const char *
find(const GPtrArray *properties, const char *name)
{
    for (unsigned i = 0; i < properties->len; i++) {
        const Spec *property = properties->pdata[i];
        if (strcmp(property->key, name) == 0 && property->wanted[0] != '\0') {
            return property->wanted;
        }
    }
    return NULL;
}

static char *
dup_word(const GPtrArray *properties, const char *name, const char *old_name)
{
    const char *text = find(properties, name);
    text = text != NULL ? text : find(properties, old_name);
    return text != NULL ? canonical(text) : NULL;
}

ImageWishes *
image_wishes_new(const char *properties_json, const char *default_arch)
{
    ImageWishes *wishes = g_new0(ImageWishes, 1);
    GPtrArray *properties = specs_of_image(properties_json);
    wishes->properties = properties;
    wishes->arch = dup_word(properties, "hw_architecture", "architecture");
    wishes->hv_type = dup_word(properties, "img_hv_type", "hypervisor_type");
    wishes->vm_mode = dup_word(properties, "hw_vm_mode", "vm_mode");
    wishes->version =
        dup_word(properties, "img_hv_requested_version", "hypervisor_version_requires");
    /* One that is made of no image has no default either. */
    if (wishes->arch == NULL && properties_json != NULL && default_arch != NULL) {
        wishes->arch = canonical(default_arch);
    }
    return wishes;
}

void
image_wishes_free(ImageWishes *wishes)
{
    if (wishes == NULL) {
        return;
    }
    g_free(wishes->arch);
    g_free(wishes->hv_type);
    g_free(wishes->vm_mode);
    g_free(wishes->version);
    g_ptr_array_unref(wishes->properties);
    g_free(wishes);
}

bool
image_wishes_ask(const ImageWishes *wishes)
{
    return wishes->arch != NULL || wishes->hv_type != NULL || wishes->vm_mode != NULL ||
        wishes->version != NULL;
}

/* ---- versions ---- */

/* "2.6.0" as libvirt counts it; false: it is none. */
static bool
read_version(const char *text, int64_t *ret_version)
{
    int64_t parts[3] = {0};
    const char *at = text;
    for (int i = 0; i < 3; i++) {
        char *end = NULL;
        if (!g_ascii_isdigit(*at)) {
            return false;
        }
        parts[i] = (int64_t)MIN(g_ascii_strtoull(at, &end, 10), 999);
        at = end;
        if (*at != '.') {
            break;
        }
        at++;
    }
    *ret_version = parts[0] * 1000000 + parts[1] * 1000 + parts[2];
    return *at == '\0';
}

/* ">=2.6": what comes before the version, and how it compares. */
static bool
meets(int64_t have, const char *wanted)
{
    static const char *const operators[] = {">=", "<=", "==", "!=", ">", "<"};
    for (size_t i = 0; i < G_N_ELEMENTS(operators); i++) {
        if (!g_str_has_prefix(wanted, operators[i])) {
            continue;
        }
        g_autofree char *text = g_strstrip(g_strdup(wanted + strlen(operators[i])));
        int64_t version = 0;
        if (!read_version(text, &version)) {
            return false;
        }
        switch (i) {
        case 0: return have >= version;
        case 1: return have <= version;
        case 2: return have == version;
        case 3: return have != version;
        case 4: return have > version;
        default: return have < version;
        }
    }
    return false;
}

static bool
meets_all(int have, const char *wanted)
{
    g_auto(GStrv) words = g_strsplit(wanted, ",", -1);
    for (size_t i = 0; words[i] != NULL; i++) {
        if (!meets(have, g_strstrip(words[i]))) {
            return false;
        }
    }
    return true;
}

/* ---- the checks ---- */

static bool
runs_arch(const char *have, const char *wanted)
{
    return g_strcmp0(have, wanted) == 0 ||
        (strcmp(wanted, "i686") == 0 && g_strcmp0(have, "x86_64") == 0);
}

/* Each of KVM's hosts has QEMU's own emulation as well. */
static bool
runs_type(const char *offers, const char *wanted)
{
    return strcmp(wanted, "qemu") == 0 ||
        (strcmp(wanted, "kvm") == 0 && offers != NULL && check_has_word(offers, "kvm"));
}

static void
tell_wishes(const Subject *subject, PlacementRow *row)
{
    const ImageWishes *wishes = subject->image;
    const HostFacts *facts = &subject->host->facts;
    const char *const words[] = {wishes->arch, wishes->hv_type, wishes->vm_mode, wishes->version};
    GString *needed = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (words[i] != NULL) {
            g_string_append_printf(needed, "%s%s", needed->len > 0 ? ", " : "", words[i]);
        }
    }
    if (needed->len == 0) {
        g_string_assign(needed, "anything");
    }
    g_autofree char *version = version_to_text(facts->hypervisor_version);
    row->needed = g_string_free(needed, FALSE);
    row->have = g_strdup_printf("%s, %s, hvm, %s", facts->arch != NULL ? facts->arch : "?",
        facts->offers != NULL && check_has_word(facts->offers, "kvm") ? "kvm" : "qemu", version);
}

PlacementResult
check_image_properties(const Subject *subject, PlacementRow *row)
{
    const ImageWishes *wishes = subject->image;
    const HostFacts *facts = &subject->host->facts;
    bool passed = (wishes->arch == NULL || runs_arch(facts->arch, wishes->arch)) &&
        (wishes->hv_type == NULL || runs_type(facts->offers, wishes->hv_type)) &&
        (wishes->vm_mode == NULL || strcmp(wishes->vm_mode, "hvm") == 0) &&
        (wishes->version == NULL ||
            meets_all(facts->hypervisor_version, wishes->version));
    if (row != NULL) {
        tell_wishes(subject, row);
    }
    return check_unless_forced(
        check_answer(passed,
            "name a host that is like that, or correct hw_architecture, img_hv_type, hw_vm_mode or "
            "img_hv_requested_version of the image",
            row),
        subject);
}

/* The first property that the host's aggregates say otherwise; NULL: none. */
static const Spec *
find_isolation(const Subject *subject)
{
    const HostAggregates *aggregates = subject->entry->aggregates;
    const PlacementPolicy *policy = subject->request->policy;
    const GPtrArray *properties = subject->image->properties;
    const char *prefix = policy->image_isolation_prefix;
    for (unsigned i = 0; aggregates != NULL && i < properties->len; i++) {
        const Spec *property = properties->pdata[i];
        GHashTable *values = prefix == NULL || g_str_has_prefix(property->key, prefix)
            ? host_aggregates_get(aggregates, property->key)
            : NULL;
        if (values != NULL && !g_hash_table_contains(values, property->wanted)) {
            return property;
        }
    }
    return NULL;
}

PlacementResult
check_image_isolation(const Subject *subject, PlacementRow *row)
{
    const Spec *wrong = find_isolation(subject);
    if (row != NULL && wrong == NULL) {
        row->needed = g_strdup("what its image says of itself");
        row->have = g_strdup("nothing against it");
    } else if (row != NULL) {
        g_autofree char *words =
            check_join(host_aggregates_get(subject->entry->aggregates, wrong->key));
        row->needed = g_strdup_printf("%s=%s", wrong->key, wrong->wanted);
        row->have = g_strdup_printf("%s=%s", wrong->key, words);
    }
    return check_unless_forced(
        check_answer(wrong == NULL, "say it in the metadata of an aggregate of the host", row),
        subject);
}

PlacementResult
check_flavor(const Subject *subject, PlacementRow *row)
{
    const HostAggregates *aggregates = subject->entry->aggregates;
    GHashTable *flavors =
        aggregates != NULL ? host_aggregates_get(aggregates, AGGREGATE_FLAVORS) : NULL;
    const char *name = subject->request->flavor_name;
    if (row != NULL) {
        g_autofree char *words = check_join(flavors);
        row->needed = g_strdup_printf("open to flavor '%s'", name != NULL ? name : "");
        row->have =
            flavors != NULL ? g_strdup_printf("only for %s", words) : g_strdup("open to all");
    }
    bool passed = flavors == NULL || (name != NULL && g_hash_table_contains(flavors, name));
    return check_unless_forced(
        check_answer(passed, "add the flavor to instance_type of its aggregate", row), subject);
}
