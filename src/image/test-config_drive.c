/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Reads the image back with somebody else's programs: mtools and fsck.vfat. */
#include "image/config_drive.h"

#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "image/vfat.h"

static Instance *
new_instance(const char *metadata)
{
    Instance *instance = instance_new();
    instance->id = g_strdup("11111111-2222-4333-8444-555555555555");
    instance->name = g_strdup("vm1");
    instance->hostname = g_strdup("vm1");
    instance->project_id = g_strdup("p");
    instance->metadata_json = g_strdup(metadata);
    Port *port = port_new();
    port->id = g_strdup("port");
    port->network_id = g_strdup("net");
    port->mac = g_strdup("fa:16:3e:00:00:01");
    port->address = g_strdup("10.0.0.5");
    port->gateway = g_strdup("10.0.0.1");
    port->prefix = 24;
    g_ptr_array_add(instance->ports, port);
    return instance;
}

/* What the command prints, with the path in place of "@"; it must succeed. */
static char *
run(const char *path, const char *command)
{
    g_auto(GStrv) parts = g_strsplit(command, "@", 2);
    g_autofree char *line = g_strjoinv(path, parts);
    g_autoptr(GError) error = NULL;
    char *output = NULL;
    g_autofree char *errors = NULL;
    int status;
    g_spawn_command_line_sync(line, &output, &errors, &status, &error);
    g_assert_no_error(error);
    if (!g_spawn_check_wait_status(status, &error)) {
        g_error("%s: %s%s", line, output, errors);
    }
    return output;
}

static char *
write_image(GBytes *bytes)
{
    g_autoptr(GError) error = NULL;
    char *path = NULL;
    int fd = g_file_open_tmp("config-drive-XXXXXX", &path, &error);
    g_assert_no_error(error);
    g_close(fd, NULL);
    g_file_set_contents(
        path, g_bytes_get_data(bytes, NULL), (gssize)g_bytes_get_size(bytes), &error);
    g_assert_no_error(error);
    return path;
}

static void
test_files_are_read_back(void)
{
    g_autoptr(Instance) instance = new_instance("{\"heartbeat\":\"10.0.0.1:4799\",\"a b\":\"c\","
                                                "\"note\":\"it's\",\"address\":\"6.6.6.6\"}");
    instance->user_data = g_base64_encode((const guchar *)"#!/bin/sh\n", 10);
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = config_drive_new(instance, "s3cret", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(g_bytes_get_size(bytes), ==, CONFIG_DRIVE_SIZE);
    g_autofree char *path = write_image(bytes);

    g_autofree char *check = run(path, "fsck.vfat -n @");
    g_autofree char *label = run(path, "blkid -p -o value -s LABEL @");
    g_assert_cmpstr(g_strstrip(label), ==, "config-2");
    g_autofree char *meta = run(path, "mtype -i @ ::openstack/latest/meta_data.json");
    g_assert_nonnull(strstr(meta, "\"hostname\":\"vm1\""));
    g_assert_nonnull(strstr(meta, "\"admin_pass\":\"s3cret\""));
    g_assert_nonnull(strstr(meta, "\"heartbeat\":\"10.0.0.1:4799\""));
    g_autofree char *network = run(path, "mtype -i @ ::openstack/latest/network_data.json");
    g_assert_nonnull(strstr(network, "\"netmask\":\"255.255.255.0\""));
    g_autofree char *user_data = run(path, "mtype -i @ ::openstack/latest/user_data");
    g_assert_cmpstr(user_data, ==, "#!/bin/sh\n");
    g_autofree char *env = run(path, "mtype -i @ ::drover/network.env");
    g_assert_cmpstr(env, ==,
        "INSTANCE_UUID='11111111-2222-4333-8444-555555555555'\nHOSTNAME='vm1'\n"
        "MAC='fa:16:3e:00:00:01'\nADDRESS='10.0.0.5'\nPREFIX='24'\nGATEWAY='10.0.0.1'\n"
        "HEARTBEAT='10.0.0.1:4799'\nNOTE='it'\\''s'\n");
    g_unlink(path);
}

static void
test_same_instance_gives_same_bytes(void)
{
    g_autoptr(Instance) instance = new_instance("{}");
    g_autoptr(GBytes) one = config_drive_new(instance, NULL, NULL);
    g_autoptr(GBytes) two = config_drive_new(instance, NULL, NULL);
    g_assert_true(g_bytes_equal(one, two));
}

static void
test_large_files_are_whole(void)
{
    g_autofree char *big = g_malloc(700000);
    for (int i = 0; i < 700000; i++) {
        big[i] = (char)('a' + i % 23);
    }
    VfatFile files[] = {{"a/big", big, 700000}, {"a/empty", "", 0}};
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = vfat_new(1 << 20, "BIG", 1, files, 2, &error);
    g_assert_no_error(error);
    g_autofree char *path = write_image(bytes);
    g_autofree char *check = run(path, "fsck.vfat -n @");
    g_autofree char *text = run(path, "mtype -i @ ::a/big");
    g_assert_cmpmem(text, strlen(text), big, 700000);
    g_unlink(path);
}

static void
test_too_much_is_a_limit(void)
{
    g_autofree char *big = g_malloc0(2 << 20);
    VfatFile files[] = {{"big", big, 2 << 20}};
    g_autoptr(GError) error = NULL;
    g_assert_null(vfat_new(1 << 20, "BIG", 1, files, 1, &error));
    g_assert_true(error_is(error, ERROR_LIMIT));
}

/* isoinfo reads Rock Ridge with -R; the kernel does the same (tests/e2e/test_volumes.py). */
static void
test_iso9660_is_read_back(void)
{
    g_autoptr(Instance) instance = new_instance("{}");
    instance->config_drive_format = g_strdup("iso9660");
    instance->config_drive_label = g_strdup(CONFIG_DRIVE_LABEL_NOCLOUD);
    instance->user_data = g_base64_encode((const guchar *)"#!/bin/sh\n", 10);
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = config_drive_new(instance, NULL, &error);
    g_assert_no_error(error);
    g_autofree char *path = write_image(bytes);

    g_autofree char *label = run(path, "blkid -p -o value -s LABEL @");
    g_assert_cmpstr(g_strstrip(label), ==, "CIDATA");
    g_autofree char *type = run(path, "blkid -p -o value -s TYPE @");
    g_assert_cmpstr(g_strstrip(type), ==, "iso9660");
    g_autofree char *names = run(path, "isoinfo -R -f -i @");
    g_assert_cmpstr(names, ==,
        "/drover\n/meta-data\n/network-config\n/openstack\n/user-data\n/drover/network.env\n"
        "/openstack/latest\n/openstack/latest/meta_data.json\n"
        "/openstack/latest/network_data.json\n/openstack/latest/user_data\n");
    g_autofree char *meta = run(path, "isoinfo -R -i @ -x /meta-data");
    g_assert_cmpstr(meta, ==,
        "{\"instance-id\":\"11111111-2222-4333-8444-555555555555\",\"local-hostname\":\"vm1\"}");
    g_autofree char *network = run(path, "isoinfo -R -i @ -x /network-config");
    g_assert_nonnull(strstr(network, "\"addresses\":[\"10.0.0.5/24\"],\"gateway4\":\"10.0.0.1\""));
    g_autofree char *user_data = run(path, "isoinfo -R -i @ -x /openstack/latest/user_data");
    g_assert_cmpstr(user_data, ==, "#!/bin/sh\n");
    g_unlink(path);
}

static void
test_too_much_is_the_requests_fault(void)
{
    g_autofree guchar *big = g_malloc0(CONFIG_DRIVE_SIZE);
    g_autoptr(Instance) instance = new_instance("{}");
    instance->user_data = g_base64_encode(big, CONFIG_DRIVE_SIZE);
    const char *const formats[] = {"vfat", "iso9660"};
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autoptr(GError) error = NULL;
        g_free(instance->config_drive_format);
        instance->config_drive_format = g_strdup(formats[i]);
        g_assert_null(config_drive_new(instance, NULL, &error));
        g_assert_error(error, DROVER_ERROR, ERROR_INVALID);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autofree char *path = g_strconcat(g_getenv("PATH"), ":/usr/sbin:/sbin", NULL);
    g_setenv("PATH", path, true);
    g_test_add_func("/config_drive/files-are-read-back", test_files_are_read_back);
    g_test_add_func(
        "/config_drive/same-instance-gives-same-bytes", test_same_instance_gives_same_bytes);
    g_test_add_func(
        "/config_drive/too-much-is-the-requests-fault", test_too_much_is_the_requests_fault);
    g_test_add_func("/iso9660/is-read-back", test_iso9660_is_read_back);
    g_test_add_func("/vfat/large-files-are-whole", test_large_files_are_whole);
    g_test_add_func("/vfat/too-much-is-a-limit", test_too_much_is_a_limit);
    return g_test_run();
}
