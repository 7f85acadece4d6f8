/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "scheduler/pci.h"
#include "scheduler/scheduler.h"

#include <string.h>

#define NOW_US INT64_C(1000000000)
#define ALIASES                                                                                    \
    "{\"name\": \"gpu\", \"vendor_id\": \"10DE\"}\n"                                               \
    "{\"name\": \"any\"}\n"                                                                        \
    "{\"name\": \"nic\", \"product_id\": \"10ed\", \"device_type\": \"type-VF\"}\n"                \
    "{\"name\": \"card\", \"product_id\": \"10fb\", \"device_type\": \"type-PF\"}"
#define GPUS                                                                                       \
    "0000:3b:00.0 10de 2236 type-PCI 0 1 -\n"                                                      \
    "0000:3c:00.0 10de 2236 type-PCI 1 2 -"
#define CARD                                                                                       \
    "0000:81:00.0 8086 10fb type-PF 0 30 -\n"                                                      \
    "0000:81:10.0 8086 10ed type-VF 0 31 0000:81:00.0\n"                                           \
    "0000:81:10.2 8086 10ed type-VF 0 32 0000:81:00.0"

/* ---- the configuration ---- */

typedef struct BadLine {
    const char *name;
    bool is_alias;
    const char *text;
    unsigned line;
    const char *message; /* a part of it */
} BadLine;

static const BadLine bad_lines[] = {
    {"no-json", true, "gpu", 0, "it must be one JSON object"},
    {"a-list", true, "[{\"name\": \"gpu\"}]", 0, "it must be one JSON object"},
    {"no-name", true, "{\"vendor_id\": \"10de\"}", 0, "it has no 'name'"},
    {"name-with-comma", true, "{\"name\": \"a,b\"}", 0, "'name' must be 1 to 64 letters"},
    {"slip", true, "{\"name\": \"a\", \"vendorid\": \"10de\"}", 0,
        "unknown field 'vendorid'; did you mean 'vendor_id'?"},
    {"nonsense", true, "{\"name\": \"a\", \"colour\": \"red\"}", 0, "unknown field 'colour'"},
    {"novas", true, "{\"name\": \"a\", \"numa_policy\": \"required\"}", 0,
        "the field 'numa_policy' is Nova's, and does nothing here: take it out"},
    {"a-number", true, "{\"name\": \"a\", \"vendor_id\": 4318}", 0,
        "'vendor_id' must be a text in quotes, not integer"},
    {"short-id", true, "{\"name\": \"a\", \"vendor_id\": \"10d\"}", 0,
        "'vendor_id' must be four hexadecimal digits, for example \"8086\", not '10d'"},
    {"type", true, "{\"name\": \"a\", \"device_type\": \"VF\"}", 0,
        "'device_type' must be type-PCI, type-PF or type-VF, not 'VF'"},
    {"two-types", true,
        "{\"name\": \"a\"}\n{\"name\": \"b\"}\n{\"name\": \"a\", \"device_type\": \"type-VF\"}", 2,
        "alias 'a' was given another 'device_type' before"},
    {"no-device", false, "{\"vendor_id\": \"10de\"}\n{}", 1, "it names no device"},
    {"address", false, "{\"address\": \"3b:00.0\"}", 0,
        "'address' must be like 0000:3b:00.1, of which each part may be *, not '3b:00.0'"},
    {"alias-field", false, "{\"vendor_id\": \"10de\", \"name\": \"x\"}", 0, "unknown field 'name'"},
};

static void
test_bad_line(const void *data)
{
    const BadLine *bad = data;
    g_autoptr(GError) error = NULL;
    unsigned line = 99;
    g_autoptr(GArray) list = bad->is_alias ? pci_aliases_read(bad->text, &line, &error)
                                           : pci_specs_read(bad->text, &line, &error);

    g_assert_null(list);
    g_assert_true(error_is(error, ERROR_INVALID));
    g_assert_nonnull(strstr(error->message, bad->message));
    g_assert_cmpuint(line, ==, bad->line);
}

static void
test_device_specs_name_devices(void)
{
    static const struct {
        const char *spec;
        const char *matches; /* a letter for each device of CARD */
    } rows[] = {
        {"{\"vendor_id\": \"8086\"}", "pvv"},
        {"{\"vendor_id\": \"*\", \"product_id\": \"10ED\"}", "-vv"},
        {"{\"address\": \"0000:81:00.0\"}", "pvv"}, /* its functions are named with it */
        {"{\"address\": \"*:81:10.*\"}", "-vv"},
        {"{\"address\": \"0000:81:10.2\"}\n{\"product_id\": \"10fb\"}", "p-v"},
        {"{\"address\": \"0000:82:*.*\"}", "---"},
    };
    g_autoptr(GArray) devices = pci_devices_parse(CARD);
    g_autofree char *again = pci_devices_text(devices);

    g_assert_cmpstr(again, ==, CARD);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GArray) specs = pci_specs_read(rows[i].spec, NULL, &error);
        g_assert_no_error(error);
        for (unsigned j = 0; j < devices->len; j++) {
            g_assert_true(pci_specs_match(specs, &g_array_index(devices, PciDevice, j)) ==
                (rows[i].matches[j] != '-'));
        }
    }
}

/* ---- what a flavor asks for ---- */

static void
test_requests_are_read_strictly(void)
{
    static const struct {
        const char *specs;
        const char *message; /* NULL: fine */
    } rows[] = {
        {"{}", NULL},
        {"{\"pci_passthrough:alias\": \"gpu:1\"}", NULL},
        {"{\"pci_passthrough:alias\": \"gpu:2, nic:1\"}", NULL},
        {"{\"pci_passthrough:alias\": \"gpu\"}", "'gpu' is not NAME:COUNT"},
        {"{\"pci_passthrough:alias\": \"gpu:0\"}", "with counts from 1 to 64"},
        {"{\"pci_passthrough:alias\": \"gpu:x\"}", "'gpu:x' is not"},
        {"{\"pci_passthrough:alias\": \"\"}", "'' is not"},
        {"{\"pci_passthrough:alias\": \"gpu:1,\"}", "'' is not"},
        {"{\"pci_passthrough:alias\": \"gpu:1,fpga:1\"}", "PCI alias fpga is not defined"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        bool is_good = pci_request_check(rows[i].specs, ALIASES, &error);
        g_assert_true(is_good == (rows[i].message == NULL));
        g_assert_true(is_good || error_is(error, ERROR_INVALID));
        g_assert_true(is_good || strstr(error->message, rows[i].message) != NULL);
    }
    g_autoptr(GArray) wishes = NULL;
    g_assert_true(pci_request_read("{\"pci_passthrough:alias\": \"gpu:2, nic:1\"}", &wishes, NULL));
    g_autofree char *text = pci_request_text(wishes);
    g_assert_cmpstr(text, ==, "gpu:2,nic:1");
}

/* ---- what a guest is given ---- */

typedef struct Row {
    const char *name;
    const char *wish;
    const char *devices;
    const char *taken;
    bool is_live;
    const char *have;
    const char *given; /* NULL: it fails */
} Row;

static const Row rows[] = {
    {"one-of-two", "gpu:1", GPUS, NULL, false, "gpu: 2 of 2 free", "0000:3b:00.0=gpu"},
    {"one-that-its-host-keeps-back", "gpu:1",
        "0000:3b:00.0 10de 2236 type-PCI 0 12 - - 0000:3b:00.1 snd_hda_intel", NULL, false,
        "gpu: 0 of 1 free; 0000:3b:00.0 is not to be had: its IOMMU group 12 also holds "
        "0000:3b:00.1, bound to snd_hda_intel", NULL},
    {"the-other", "gpu:1", GPUS, "0000:3b:00.0=gpu", false, "gpu: 1 of 2 free",
        "0000:3c:00.0=gpu"},
    {"both", "gpu:2", GPUS, NULL, false, "gpu: 2 of 2 free",
        "0000:3b:00.0=gpu 0000:3c:00.0=gpu"},
    {"too-many", "gpu:3", GPUS, NULL, false, "gpu: 2 of 2 free", NULL},
    {"none-left", "gpu:1", GPUS, "0000:3b:00.0=gpu 0000:3c:00.0=gpu", false, "gpu: 0 of 2 free",
        NULL},
    {"none-left-of-two-claims", "gpu:1", GPUS, "0000:3b:00.0=gpu\n0000:3c:00.0=any", false,
        "gpu: 0 of 2 free", NULL},
    {"none-there", "gpu:1", NULL, NULL, false, "gpu: none here", NULL},
    {"not-named-any-more", "fpga:1", GPUS, NULL, false, "fpga: none here", NULL},
    /* The first wish makes way for the second, which can have that one alone. */
    {"makes-way", "any:1,gpu:1", "0000:3b:00.0 10de 2236 type-PCI 0 1 -\n"
                                 "0000:3c:00.0 8086 2236 type-PCI 1 2 -",
        NULL, false, "any: 2 of 2 free, gpu: 1 of 1 free", "0000:3b:00.0=gpu 0000:3c:00.0=any"},
    {"one-iommu-group", "gpu:1",
        "0000:3b:00.0 10de 2236 type-PCI 0 1 -\n0000:3b:00.1 10de 2236 type-PCI 0 1 -",
        "0000:3b:00.0=gpu", false, "gpu: 0 of 2 free", NULL},
    {"one-iommu-group-one-guest", "gpu:2",
        "0000:3b:00.0 10de 2236 type-PCI 0 1 -\n0000:3b:00.1 10de 2236 type-PCI 0 1 -", NULL,
        false, "gpu: 2 of 2 free", "0000:3b:00.0=gpu 0000:3b:00.1=gpu"},
    {"function", "nic:2", CARD, NULL, false, "nic: 2 of 2 free",
        "0000:81:10.0=nic 0000:81:10.2=nic"},
    {"card-without-functions-taken", "card:1", CARD, NULL, false, "card: 1 of 1 free",
        "0000:81:00.0=card"},
    {"card-with-functions-taken", "card:1", CARD, "0000:81:10.2=nic", false, "card: 0 of 1 free",
        NULL},
    {"function-of-card-taken", "nic:1", CARD, "0000:81:00.0=card", false, "nic: 0 of 2 free",
        NULL},
    {"card-and-its-function", "card:1,nic:1", CARD, NULL, false,
        "card: 1 of 1 free, nic: 2 of 2 free", NULL},
    {"whole-card-not-without-type", "any:3", CARD, NULL, false, "any: 2 of 2 free", NULL},
    {"live", "gpu:1", GPUS, NULL, true, "the server has gpu:1; of this host: gpu: 2 of 2 free",
        NULL},
};

static Host *
make_host(const char *devices)
{
    Host *host = host_new();
    host->name = g_strdup("hosta");
    host->connected = host->has_facts = true;
    host->last_seen_us = NOW_US;
    host->facts = (HostFacts){.vcpus = 8,
        .memory_mib = 8192,
        .memory_free_mib = 8192,
        .pool_capacity_bytes = INT64_C(1) << 40,
        .pool_available_bytes = INT64_C(1) << 40,
        .pci_devices = g_strdup(devices)};
    return host;
}

/* Forced or not: what is taken cannot be given twice. */
static void
test_row(const void *data)
{
    const Row *row = data;
    g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_free);
    g_autoptr(GHashTable) usage = g_hash_table_new(g_str_hash, g_str_equal);
    g_autofree char *specs =
        g_strdup_printf("{\"pci_passthrough:alias\": \"%s\"}", row->wish);
    HostUsage used = {.devices = (char *)row->taken};
    PlacementPolicy policy = {.cpu_allocation_ratio = 1,
        .ram_allocation_ratio = 1,
        .disk_allocation_ratio = 1,
        .pci_aliases = ALIASES};
    PlacementRequest request = {.policy = &policy,
        .vcpus = 1,
        .ram_mib = 512,
        .extra_specs_json = specs,
        .is_live = row->is_live,
        .force = true,
        .service_down_time_us = 1,
        .now_us = NOW_US};
    g_ptr_array_add(hosts, make_host(row->devices));
    g_hash_table_insert(usage, (void *)"hosta", &used);

    g_autoptr(HostIndex) index = host_index_of(hosts, usage);
    g_autoptr(Placement) told = scheduler_explain(&request, index);
    const PlacementRow *found = &told->hosts[0].rows[PLACEMENT_CHECK_PCI_DEVICES];
    g_assert_cmpstr(found->needed, ==,
        row->is_live ? "no PCI device of its host, to move while it runs" : row->wish);
    g_assert_cmpstr(found->have, ==, row->have);
    g_assert_cmpint(found->result, ==, row->given != NULL ? PLACEMENT_PASS : PLACEMENT_FAIL);
    g_assert_true((found->fix != NULL) == (row->given == NULL));
    g_assert_true(!row->is_live || strstr(found->fix, "migrate it cold") != NULL);

    g_autoptr(StoredDecision) decision = g_new0(StoredDecision, 1);
    g_autoptr(GError) error = NULL;
    const char *chosen = scheduler_choose(&request, index, decision, &error);
    g_assert_cmpstr(chosen, ==, row->given != NULL ? "hosta" : NULL);
    g_assert_cmpstr(decision->devices, ==, row->given);
    g_assert_true(
        row->given != NULL || strstr(error->message, "1 failed 'pci-devices' (hosta: ") != NULL);
}

/* Of three in one group the first is for guests. */
static const struct {
    const char *other; /* "DRIVER" of the second */
    const char *ours;  /* of the first */
} rivals[] = {
    {"snd_hda_intel", "0000:3b:00.0 10de 2236 type-PCI 0 12 - - 0000:3b:00.1 snd_hda_intel"},
    {"vfio-pci", "0000:3b:00.0 10de 2236 type-PCI 0 12 -"},
    {"mlx5_vfio_pci", "0000:3b:00.0 10de 2236 type-PCI 0 12 -"},
    {"pci-stub", "0000:3b:00.0 10de 2236 type-PCI 0 12 -"},
    {"-", "0000:3b:00.0 10de 2236 type-PCI 0 12 -"},
};

static void
test_rivals_of_a_group(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rivals); i++) {
        g_autofree char *text = g_strdup_printf(
            "0000:3b:00.0 10de 2236 type-PCI 0 12 - nvidia - -\n"
            "0000:3b:00.1 10de 1aef type-PCI 0 12 - %s - -\n"
            "0000:3c:00.0 8086 1533 type-PCI 0 13 - igb - -", rivals[i].other);
        g_autoptr(GArray) all = pci_devices_parse(text);
        g_autoptr(GArray) ours = g_array_new(FALSE, FALSE, sizeof(PciDevice));
        g_assert_cmpuint(all->len, ==, 3);
        g_array_append_vals(ours, all->data, 1);
        pci_find_rivals(ours, all);
        g_autofree char *told = pci_devices_text(ours);
        g_assert_cmpstr(told, ==, rivals[i].ours);
        /* One that guests may have as well is nobody's rival. */
        g_array_set_size(ours, 0);
        g_array_append_vals(ours, all->data, 2);
        pci_find_rivals(ours, all);
        g_assert_cmpstr(g_array_index(ours, PciDevice, 0).rival, ==, "");
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pci/device-specs-name-devices", test_device_specs_name_devices);
    g_test_add_func("/pci/requests-are-read-strictly", test_requests_are_read_strictly);
    g_test_add_func("/pci/rivals-of-a-group", test_rivals_of_a_group);
    for (size_t i = 0; i < G_N_ELEMENTS(bad_lines); i++) {
        g_autofree char *path = g_strdup_printf("/pci/bad-line/%s", bad_lines[i].name);
        g_test_add_data_func(path, &bad_lines[i], test_bad_line);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/pci/row/%s", rows[i].name);
        g_test_add_data_func(path, &rows[i], test_row);
    }
    return g_test_run();
}
