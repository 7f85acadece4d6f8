/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What a host can do and what its pool is, put together from facts that are there: nothing is asked
 * of the host for it. */
#include "api/drover/drover.h"
#include "model/bad_version.h"
#include <string.h>

/* ---- the pool ---- */

static bool
is_shared_with(const Host *host, const Host *other)
{
    return strcmp(other->name, host->name) != 0 && host_compare_pools(host, other) == POOLS_ONE;
}

/* Names of the others that have found the same marker in their pool; NULL when the store failed. */
static json_t *
list_sharers(ApiContext *context, const Host *host, GError **error)
{
    g_autoptr(GPtrArray) hosts = store_list_hosts(context->store, error);
    if (hosts == NULL) {
        return NULL;
    }
    json_t *names = json_array();
    for (unsigned i = 0; i < hosts->len; i++) {
        const Host *other = hosts->pdata[i];
        if (is_shared_with(host, other)) {
            json_array_append_new(names, json_string(other->name));
        }
    }
    return names;
}

#define HAS_MARKER                                                                                 \
    "drover's marker is in it: libvirtd of a host has made it there, this one has read it, and"    \
    " hosts that find the same one share the pool"
#define CANNOT_SEE                                                                                 \
    "the options of a server's export, /etc/fstab, and what is mounted in truth: libvirt tells "   \
    "its own definition of the pool alone"

json_t *
drover_view_storage(ApiContext *context, const Host *host, GError **error)
{
    json_t *sharers = list_sharers(context, host, error);
    if (sharers == NULL) {
        return NULL;
    }
    const HostFacts *facts = &host->facts;
    bool has_marker = host->has_facts && facts->pool_id != NULL && facts->pool_id[0] != '\0';
    json_t *view = json_pack("{s:s, s:o}", "pool", host->pool, "path",
        api_string_or_null(host->has_facts ? facts->pool_path : NULL));
    json_auto_t *told = host->has_facts && facts->pool_json != NULL
        ? json_loads(facts->pool_json, 0, NULL)
        : NULL;
    json_object_update(view, told);
    json_auto_t *rest = json_pack("{s:o, s:o, s:o, s:o, s:s}", "capacity_bytes",
        host->has_facts ? json_integer(facts->pool_capacity_bytes) : json_null(),
        "available_bytes",
        host->has_facts ? json_integer(facts->pool_available_bytes) : json_null(), "shared_with",
        sharers, "tried", api_string_or_null(has_marker ? HAS_MARKER : NULL), "cannot_see",
        CANNOT_SEE);
    json_object_update(view, rest);
    return view;
}

/* ---- capabilities ---- */

typedef enum { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN } Answer;

typedef struct Matrix {
    ApiContext *context;
    const Host *host;
    json_t *rows;
} Matrix;

static void
add(Matrix *matrix, const char *name, Answer answer, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

static void
add(Matrix *matrix, const char *name, Answer answer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *reason = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    json_t *available =
        answer == ANSWER_UNKNOWN ? json_null() : json_boolean(answer == ANSWER_YES);
    json_array_append_new(matrix->rows,
        json_pack("{s:s, s:s, s:o, s:s}", "host", matrix->host->name, "name", name, "available",
            available, "reason", reason));
}

/* A key of [libvirt] as it is for that host. */
static char *
setting(const Matrix *matrix, const char *name)
{
    return drover_live_setting(matrix->context, matrix->host->name, name);
}

static void
add_setting(Matrix *matrix, const char *name, const char *key)
{
    g_autofree char *value = setting(matrix, key);
    bool is_on = parse_bool(value, &is_on) && is_on;
    add(matrix, name, is_on ? ANSWER_YES : ANSWER_NO, "[libvirt] %s is %s", key, value);
}

static void
add_post_copy(Matrix *matrix)
{
    static const char key[] = "live_migration_permit_post_copy";
    g_autofree char *value = setting(matrix, key);
    bool is_on = parse_bool(value, &is_on) && is_on;
    if (is_on && !host_can_post_copy(&matrix->host->facts)) {
        g_autofree char *have = version_to_text(matrix->host->facts.libvirt_version);
        add(matrix, "post-copy", ANSWER_NO, "it needs libvirt 8.5, and here is %s", have);
        return;
    }
    add_setting(matrix, "post-copy", key);
}

static void
add_connections(Matrix *matrix)
{
    g_autofree char *value = setting(matrix, "live_migration_parallel_connections");
    bool is_one = strcmp(value, "1") == 0;
    add(matrix, "parallel-connections", is_one ? ANSWER_NO : ANSWER_YES,
        "[libvirt] live_migration_parallel_connections is %s", value);
}

static void
add_storage(Matrix *matrix, const json_t *sharers)
{
    g_autoptr(GString) names = g_string_new(NULL);
    for (size_t i = 0; i < json_array_size(sharers); i++) {
        g_string_append_printf(names, "%s%s", i > 0 ? ", " : "",
            json_string_value(json_array_get(sharers, i)));
    }
    const char *pool = matrix->host->pool;
    if (names->len > 0) {
        add(matrix, "live-migration-on-shared-storage", ANSWER_YES,
            "its pool '%s' is shared with %s: no disk is copied", pool, names->str);
    } else {
        add(matrix, "live-migration-on-shared-storage", ANSWER_NO,
            "no other host has its pool '%s'", pool);
    }
    add(matrix, "block-migration", ANSWER_YES,
        "to every host that does not share the pool: disks are copied while the guest runs");
    add(matrix, "cold-migration", ANSWER_YES, "%s",
        names->len > 0 ? "disks stay where the pool is shared, and are copied elsewhere"
                       : "disks are copied while the guest is off");
}

static bool
does_offer(const Host *host, const char *what)
{
    g_auto(GStrv) words = g_strsplit(host->facts.offers, ",", -1);
    return g_strv_contains((const char *const *)words, what);
}

static void
add_guests(Matrix *matrix)
{
    const Host *host = matrix->host;
    if (host->facts.offers == NULL) {
        add(matrix, "kvm", ANSWER_UNKNOWN, "libvirt does not tell");
        add(matrix, "uefi", ANSWER_UNKNOWN, "libvirt does not tell");
        add(matrix, "tpm", ANSWER_UNKNOWN, "libvirt does not tell");
        return;
    }
    bool has_kvm = does_offer(host, "kvm");
    bool has_uefi = does_offer(host, "uefi");
    bool has_tpm = does_offer(host, "tpm");
    bool has_key = matrix->context->options->swtpm_enabled;
    add(matrix, "kvm", has_kvm ? ANSWER_YES : ANSWER_NO, "%s",
        has_kvm ? "guests run at the processor's speed"
                : "guests are emulated: no /dev/kvm, or [libvirt] virt_type is qemu");
    add(matrix, "uefi", has_uefi ? ANSWER_YES : ANSWER_NO, "%s",
        has_uefi ? "libvirt knows a firmware" : "libvirt knows no firmware: install ovmf");
    add(matrix, "tpm", has_tpm && has_key ? ANSWER_YES : ANSWER_NO, "%s",
        !has_tpm      ? "libvirt finds no swtpm: install swtpm and swtpm-tools"
            : has_key ? "swtpm is there; a guest with a TPM moves live alone"
                      : "swtpm is there, and [libvirt] swtpm_enabled is false");
}

static void
add_evacuation(Matrix *matrix, bool is_shared)
{
    const Host *host = matrix->host;
    const char *disks = is_shared ? "root disks are kept for hosts that share the pool"
                                  : "root disks are rebuilt from their images";
    if (host->fence_agent != NULL) {
        add(matrix, "evacuation", ANSWER_YES, "%s switches it off first; %s", host->fence_agent,
            disks);
    } else {
        add(matrix, "evacuation", ANSWER_NO,
            "it has no fence agent ('drover host set'): only once an operator says that it is "
            "dead; %s", disks);
    }
}

static void
fill(Matrix *matrix, const json_t *sharers)
{
    const HostFacts *facts = &matrix->host->facts;
    g_autofree char *qemu = version_to_text(facts->hypervisor_version);
    g_autofree char *libvirt = version_to_text(facts->libvirt_version);
    if (facts->hypervisor_version > 0) {
        add(matrix, "live-migration", ANSWER_YES, "QEMU %s, libvirt %s", qemu, libvirt);
    } else {
        add(matrix, "live-migration", ANSWER_NO, "libvirt %s finds no QEMU here", libvirt);
    }
    add_storage(matrix, sharers);
    add_post_copy(matrix);
    add_setting(matrix, "auto-converge", "live_migration_permit_auto_converge");
    add_connections(matrix);
    add_setting(matrix, "tls", "live_migration_with_native_tls");
    add_guests(matrix);
    add_evacuation(matrix, json_array_size(sharers) > 0);
    const char *pool = matrix->context->options->volume_pool;
    if (pool != NULL && host_lacks_pool(facts, pool)) {
        g_autofree char *fix = host_pool_fix(pool);
        add(matrix, "volumes", ANSWER_NO, "the pool '%s' is not active here: %s", pool, fix);
    } else if (pool != NULL && !host_tells_pools(facts)) {
        add(matrix, "volumes", ANSWER_UNKNOWN, "in the pool '%s', if the host has it", pool);
    } else if (pool != NULL) {
        add(matrix, "volumes", ANSWER_YES, "in the pool '%s'", pool);
    } else {
        add(matrix, "volumes", ANSWER_YES,
            "those on the network (NBD, iSCSI) alone: without [volumes] pool none is made here");
    }
}

HttpResponse *
drover_show_capabilities(ApiContext *context, GError **error)
{
    g_autoptr(Host) host = drover_get_host(context, api_param(context, "name"), error);
    json_auto_t *sharers = host != NULL ? list_sharers(context, host, error) : NULL;
    if (sharers == NULL) {
        return NULL;
    }
    Matrix matrix = {.context = context, .host = host, .rows = json_array()};
    if (host->has_facts) {
        fill(&matrix, sharers);
    } else {
        add(&matrix, "live-migration", ANSWER_UNKNOWN, "the host has never been connected");
    }
    return api_json(200, json_pack("{s:o}", "capabilities", matrix.rows));
}
