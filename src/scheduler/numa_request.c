/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/json.h"
#include "scheduler/numa.h"

#include <string.h>

/* What Nova would do and is not done here: refused, and not passed over. */
static const struct {
    const char *prefix;
    const char *why;
} refused[] = {
    {"hw:numa_cpus.", "the vCPUs are spread evenly over hw:numa_nodes cells"},
    {"hw:numa_mem.", "the memory is spread evenly over hw:numa_nodes cells"},
    {"hw:cpu_dedicated_mask", "all vCPUs of an instance are dedicated, or none"},
    {"hw:cpu_realtime", "there are no realtime processors"},
    {"hw:pci_numa_affinity_policy", "PCI devices are not chosen by their NUMA node"},
};

static bool
check_refused(const char *key, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        if (g_str_has_prefix(key, refused[i].prefix)) {
            return error_set(error, ERROR_INVALID,
                "Extra spec %s cannot be had here: %s; take it out of the flavor", key,
                refused[i].why);
        }
    }
    return true;
}

static bool
bad_value(const char *key, const char *value, const char *wanted, GError **error)
{
    return error_set(
        error, ERROR_INVALID, "Invalid extra spec %s = '%s': it must be %s", key, value, wanted);
}

static bool
read_policy(const char *value, NumaRequest *request, GError **error)
{
    request->is_dedicated = strcmp(value, "dedicated") == 0;
    return request->is_dedicated || strcmp(value, "shared") == 0 ||
        bad_value("hw:cpu_policy", value, "shared or dedicated (mixed is not done here)", error);
}

static bool
read_cells(const char *value, NumaRequest *request, GError **error)
{
    int64_t number = 0;
    if (!g_ascii_string_to_signed(value, 10, 1, 64, &number, NULL)) {
        return bad_value("hw:numa_nodes", value, "a number from 1 to 64", error);
    }
    request->n_cells = (int)number;
    return true;
}

/* "2048" and "2048KB" are KiB, "2MB" is MiB, as in Nova. */
static int64_t
read_size_kib(const char *value)
{
    static const struct {
        const char *unit;
        int64_t kib;
    } units[] = {{"", 1}, {"K", 1}, {"KB", 1}, {"KiB", 1}, {"M", 1024}, {"MB", 1024},
        {"MiB", 1024}, {"G", 1048576}, {"GB", 1048576}, {"GiB", 1048576}};
    char *end = NULL;
    int64_t number = g_ascii_strtoll(value, &end, 10);
    for (size_t i = 0; end != value && i < G_N_ELEMENTS(units); i++) {
        if (g_ascii_strcasecmp(end, units[i].unit) == 0) {
            return number > 0 && number <= INT64_C(1) << 30 ? number * units[i].kib : 0;
        }
    }
    return 0;
}

static bool
read_pages(const char *value, NumaRequest *request, GError **error)
{
    int64_t size_kib = read_size_kib(value);
    request->asks_pages = true;
    if (strcmp(value, "small") == 0 || size_kib == 4) {
        request->page_kib = PAGES_ORDINARY;
    } else if (strcmp(value, "large") == 0) {
        request->page_kib = PAGES_LARGE;
    } else if (strcmp(value, "any") == 0) {
        request->page_kib = PAGES_ANY;
    } else {
        request->page_kib = size_kib;
        return size_kib > 4 ||
            bad_value("hw:mem_page_size", value, "small, large, any or a size like 2MB", error);
    }
    return true;
}

static bool
read_threads(const char *value, NumaRequest *request, GError **error)
{
    static const char *const names[] = {
        [CPU_THREADS_PREFER] = "prefer",
        [CPU_THREADS_ISOLATE] = "isolate",
        [CPU_THREADS_REQUIRE] = "require",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i], value) == 0) {
            request->threads = (CpuThreads)i;
            return true;
        }
    }
    return bad_value("hw:cpu_thread_policy", value, "prefer, isolate or require", error);
}

static bool
read_emulator(const char *value, NumaRequest *request, GError **error)
{
    request->shares_emulator = true;
    return strcmp(value, "share") == 0 ||
        bad_value("hw:emulator_threads_policy", value, "share (isolate is not done here)", error);
}

static bool
read_spec(const char *key, const char *value, NumaRequest *request, GError **error)
{
    static const struct {
        const char *key;
        bool (*read)(const char *value, NumaRequest *request, GError **error);
    } readers[] = {
        {"hw:cpu_policy", read_policy},
        {"hw:numa_nodes", read_cells},
        {"hw:mem_page_size", read_pages},
        {"hw:cpu_thread_policy", read_threads},
        {"hw:emulator_threads_policy", read_emulator},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(readers); i++) {
        if (strcmp(readers[i].key, key) == 0) {
            return readers[i].read(value, request, error);
        }
    }
    return check_refused(key, error);
}

static bool
check_sense(const NumaRequest *request, int vcpus, int64_t ram_mib, bool has_threads,
    GError **error)
{
    int n = MAX(request->n_cells, 1);
    if (!request->is_dedicated && (has_threads || request->shares_emulator)) {
        return error_set(error, ERROR_INVALID,
            "Extra spec %s needs hw:cpu_policy = dedicated",
            has_threads ? "hw:cpu_thread_policy" : "hw:emulator_threads_policy");
    }
    if (vcpus % n != 0 || ram_mib % n != 0) {
        return error_set(error, ERROR_INVALID,
            "Extra spec hw:numa_nodes = %d does not divide %d vCPUs and %" G_GINT64_FORMAT
            " MiB evenly",
            n, vcpus, ram_mib);
    }
    int64_t page_kib = request->page_kib;
    return page_kib <= 0 || ram_mib / n * 1024 % page_kib == 0 ||
        error_set(error, ERROR_INVALID,
            "Extra spec hw:mem_page_size: %" G_GINT64_FORMAT
            " MiB of each cell are no whole number of pages of %" G_GINT64_FORMAT " KiB",
            ram_mib / n, page_kib);
}

bool
numa_request_read(const char *extra_specs_json, int vcpus, int64_t ram_mib,
    NumaRequest *ret_request, GError **error)
{
    NumaRequest request = {0};
    const char *key = NULL;
    json_t *value = NULL;
    bool has_specs = extra_specs_json != NULL && strcmp(extra_specs_json, "{}") != 0;
    json_auto_t *object = has_specs ? json_loads(extra_specs_json, 0, NULL) : NULL;

    json_object_foreach(object, key, value)
    {
        if (json_is_string(value) && g_str_has_prefix(key, "hw:") &&
            !read_spec(key, json_string_value(value), &request, error)) {
            return false;
        }
    }
    bool has_threads = json_object_get(object, "hw:cpu_thread_policy") != NULL;
    if (!check_sense(&request, vcpus, ram_mib, has_threads, error)) {
        return false;
    }
    *ret_request = request;
    return true;
}

bool
numa_request_binds(const NumaRequest *request)
{
    return request->is_dedicated || request->n_cells > 0 || request->asks_pages;
}

bool
numa_request_has_huge_pages(const NumaRequest *request)
{
    return request->asks_pages && (request->page_kib > 0 || request->page_kib == PAGES_LARGE);
}
