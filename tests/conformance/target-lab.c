/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Real hosts as a target: the first two of a lab with a shared pool. */
#include "target.h"

#include "hypervisor/libvirt/libvirt.h"
#include <gio/gio.h>
#include <glib/gstdio.h>

#define N_HOSTS 2

/* run-lab serves a disk there. */
#define SERVED_PORT 10899

typedef struct LabTarget {
    GHashTable *variables;           /* the output of 'lab env': name -> value */
    GSocket *silent;                 /* listens; nobody accepts */
    char *pool_directories[N_HOSTS]; /* as this machine sees them */
} LabTarget;

static GHashTable *
read_variables(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, error)) {
        return NULL;
    }
    GHashTable *variables = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (int i = 0; lines[i] != NULL; i++) {
        char *equals = strchr(lines[i], '=');
        if (equals != NULL) {
            char *value = g_shell_unquote(equals + 1, NULL);
            g_hash_table_insert(variables, g_strndup(lines[i], (size_t)(equals - lines[i])),
                value != NULL ? value : g_strdup(""));
        }
    }
    return variables;
}

/* "" for what is not there. Borrowed. */
static const char *
variable(const LabTarget *lab, const char *name)
{
    const char *value = g_hash_table_lookup(lab->variables, name);
    return value != NULL ? value : "";
}

static const char *
host_variable(const LabTarget *lab, const char *host, const char *name)
{
    g_autofree char *upper = g_ascii_strup(host, -1);
    g_autofree char *whole = g_strconcat("LAB_", upper, "_", name, NULL);
    return variable(lab, whole);
}

static char *
hash_file(const char *path, int64_t *ret_size, GError **error)
{
    g_autofree char *bytes = NULL;
    gsize size;
    if (!g_file_get_contents(path, &bytes, &size, error)) {
        return NULL;
    }
    *ret_size = (int64_t)size;
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const unsigned char *)bytes, size);
}

static bool
make_image(const char *path, const char *format, BaseImage *ret_image, GError **error)
{
    int64_t size;
    char *sha256 = hash_file(path, &size, error);
    *ret_image = (BaseImage){.path = path,
        .sha256 = sha256,
        .format = format,
        .size_bytes = size,
        .virtual_size_bytes = size};
    return sha256 != NULL;
}

static void
spoil_base(Target *target, const HostAddress *host, const char *sha256)
{
    const LabTarget *lab = target->data;
    int i = host == &target->hosts[0] ? 0 : 1;
    g_autofree char *path =
        g_strconcat(lab->pool_directories[i], "/base-", sha256, ".qcow2.complete", NULL);
    g_assert_cmpint(g_unlink(path), ==, 0);
}

/* The kernel takes connections to it, and they stay as they are. */
static int
listen_in_silence(LabTarget *lab, const char *address, GError **error)
{
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new_from_string(address, 0);
    lab->silent = g_socket_new(
        G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);
    if (lab->silent == NULL || !g_socket_bind(lab->silent, any, true, error) ||
        !g_socket_listen(lab->silent, error)) {
        return 0;
    }
    g_autoptr(GSocketAddress) bound = g_socket_get_local_address(lab->silent, error);
    return bound != NULL ? g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound)) : 0;
}

static bool
make_uris(Target *target, LabTarget *lab, GError **error)
{
    const char *address = variable(lab, "LAB_CONTROL_ADDRESS");
    int port = listen_in_silence(lab, address, error);
    target->served_uri = g_strdup_printf("nbd://%s:%d/disk", address, SERVED_PORT);
    target->silent_uri = g_strdup_printf("nbd://%s:%d/disk", address, port);
    return port != 0;
}

static void
free_target(Target *target)
{
    LabTarget *lab = target->data;
    hypervisor_free(target->hypervisor);
    g_clear_object(&lab->silent);
    g_free((char *)target->served_uri);
    g_free((char *)target->silent_uri);
    g_hash_table_unref(lab->variables);
    g_free(lab);
    g_free((char *)target->root.sha256);
    g_free((char *)target->kernel.sha256);
    g_free((char *)target->initrd.sha256);
    g_free(target);
}

static bool
make_images(Target *target, const LabTarget *lab, GError **error)
{
    if (!make_image(variable(lab, "LAB_GUEST_DISK"), "qcow2", &target->root, error) ||
        !make_image(variable(lab, "LAB_GUEST_KERNEL"), "kernel", &target->kernel, error) ||
        !make_image(variable(lab, "LAB_GUEST_INITRD"), "initrd", &target->initrd, error)) {
        return false;
    }
    target->root.virtual_size_bytes = INT64_C(1) << 30; /* as the lab's README says */
    target->command_line = variable(lab, "LAB_GUEST_CMDLINE");
    target->bridge = variable(lab, "LAB_GUEST_BRIDGE");
    return true;
}

static bool
make_addresses(Target *target, LabTarget *lab, GError **error)
{
    g_auto(GStrv) names = g_strsplit(variable(lab, "LAB_HOSTS"), " ", -1);
    if (g_strv_length(names) < N_HOSTS || variable(lab, "LAB_SHARED_POOL")[0] == '\0') {
        return error_set(error, ERROR_INVALID, "the lab needs two hosts and a shared pool");
    }
    for (int i = 0; i < N_HOSTS; i++) {
        target->hosts[i] = (HostAddress){
            .name = host_variable(lab, names[i], "NAME"),
            .uri = host_variable(lab, names[i], "URI"),
            .peer_uri = host_variable(lab, names[i], "PEER_URI"),
            .migration_address = host_variable(lab, names[i], "MIGRATION_ADDRESS"),
            .pool = variable(lab, "LAB_POOL"),
        };
        target->shared[i] = target->hosts[i];
        target->shared[i].pool = variable(lab, "LAB_SHARED_POOL");
        lab->pool_directories[i] = (char *)host_variable(lab, names[i], "POOL_DIR");
    }
    /* This machine's own side of the lab's network: no libvirtd listens there. */
    char *uri = g_strdup_printf("qemu+tls://%s/system", variable(lab, "LAB_CONTROL_ADDRESS"));
    g_hash_table_insert(lab->variables, g_strdup("dead"), uri);
    target->dead = (HostAddress){.name = "dead",
        .uri = uri,
        .peer_uri = uri,
        .migration_address = "",
        .pool = variable(lab, "LAB_POOL")};
    return true;
}

static LibvirtCpu
find_cpu(const char *host, void *data)
{
    return (LibvirtCpu){
        .mode = g_strdup("custom"), .models = g_strsplit("qemu64", ",", -1)};
}

Target *
target_new(const char *argument, GError **error)
{
    if (argument == NULL) {
        error_set(error, ERROR_INVALID, "a file with the output of 'lab env' is needed");
        return NULL;
    }
    LabTarget *lab = g_new0(LabTarget, 1);
    Target *target = g_new0(Target, 1);
    target->data = lab;
    lab->variables = read_variables(argument, error);
    if (lab->variables == NULL || !make_images(target, lab, error) ||
        !make_addresses(target, lab, error) || !make_uris(target, lab, error)) {
        return NULL;
    }
    LibvirtOptions options = {
        .pki_path = variable(lab, "LAB_PKIPATH"),
        .keepalive_interval_s = 5,
        .keepalive_count = 3,
        .connect_timeout_ms = 5000,
        .with_tls = true,
        .find_cpu = find_cpu,
        .virt_type = strcmp(variable(lab, "LAB_ACCEL"), "kvm") == 0 ? "kvm" : "qemu",
    };
    target->hypervisor = libvirt_hypervisor_new(&options, error);
    target->boot_text = "is up, ";
    target->patience_s = 60;
    target->slow_mib_s = 2;
    target->spoil_base = spoil_base;
    target->free = free_target;
    return target->hypervisor == NULL ? NULL : target;
}
