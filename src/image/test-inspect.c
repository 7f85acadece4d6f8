/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "image/inspect.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

typedef struct Fixture {
    char *directory;
    char *path;
    int64_t virtual_size;
} Fixture;

static void
set_up(Fixture *fixture, const void *data)
{
    fixture->directory = g_dir_make_tmp("inspect-XXXXXX", NULL);
    fixture->path = g_build_filename(fixture->directory, "image", NULL);
}

static void
tear_down(Fixture *fixture, const void *data)
{
    g_autofree char *command = g_strdup_printf("rm -r %s", fixture->directory);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_free(fixture->directory);
    g_free(fixture->path);
}

static void
run(Fixture *fixture, const char *command)
{
    g_autofree char *line = g_strdup_printf("cd %s && { %s; } >&2", fixture->directory, command);
    char *argv[] = {"sh", "-ec", line, NULL};
    int status;
    g_assert_true(
        g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL));
    g_assert_cmpint(status, ==, 0);
}

static void
patch(Fixture *fixture, off_t offset, const void *bytes, size_t size)
{
    int fd = open(fixture->path, O_RDWR | O_CREAT, 0600);
    g_assert_cmpint(pwrite(fd, bytes, size, offset), ==, size);
    close(fd);
}

static void
patch_u32(Fixture *fixture, off_t offset, uint32_t value)
{
    uint32_t bytes = GUINT32_TO_BE(value);
    patch(fixture, offset, &bytes, sizeof bytes);
}

static void
patch_u64(Fixture *fixture, off_t offset, uint64_t value)
{
    uint64_t bytes = GUINT64_TO_BE(value);
    patch(fixture, offset, &bytes, sizeof bytes);
}

static bool
inspect(Fixture *fixture, const char *format, GError **error)
{
    int fd = open(fixture->path, O_RDONLY);
    g_assert_cmpint(fd, >=, 0);
    bool ok = image_inspect(fd, lseek(fd, 0, SEEK_END), format, &fixture->virtual_size, error);
    close(fd);
    return ok;
}

static void
assert_taken(Fixture *fixture, const char *format)
{
    g_autoptr(GError) error = NULL;
    bool ok = inspect(fixture, format, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
}

static void
assert_refused(Fixture *fixture, const char *format, const char *reason)
{
    g_autoptr(GError) error = NULL;
    g_assert_false(inspect(fixture, format, &error));
    g_assert_true(error_is(error, ERROR_INVALID));
    if (strstr(error->message, reason) == NULL) {
        g_test_message("'%s' is not in: %s", reason, error->message);
        g_test_fail();
    }
}

#define MAKE_QCOW2                                                                                 \
    "head -c 3000000 /dev/urandom > data && qemu-img convert -f raw -O qcow2 data image"

static void
test_honest_qcow2(Fixture *fixture, const void *data)
{
    run(fixture, "qemu-img create -f qcow2 image 5G");
    assert_taken(fixture, "qcow2");
    g_assert_cmpint(fixture->virtual_size, ==, INT64_C(5) << 30);
    run(fixture, "rm image && qemu-img create -f qcow2 -o compat=0.10 image 7M");
    assert_taken(fixture, "qcow2");
    run(fixture, MAKE_QCOW2);
    assert_taken(fixture, "qcow2");
    run(fixture, "rm image; qemu-img convert -f raw -O qcow2 -c data image");
    assert_taken(fixture, "qcow2");
    run(fixture,
        "rm image; qemu-img convert -f raw -O qcow2 -c -o compression_type=zstd data image");
    assert_taken(fixture, "qcow2");
    run(fixture,
        "rm image; qemu-img convert -f raw -O qcow2 -o extended_l2=on,cluster_size=128k "
        "data image");
    assert_taken(fixture, "qcow2");
    run(fixture, "rm image; qemu-img convert -f raw -O qcow2 -o cluster_size=512 data image");
    assert_taken(fixture, "qcow2");
}

static void
test_backing_file(Fixture *fixture, const void *data)
{
    run(fixture, "qemu-img create -f raw base 1M");
    run(fixture, "qemu-img create -f qcow2 -b base -F raw image");
    assert_refused(fixture, "qcow2", "names a backing file");
    run(fixture, "rm image; qemu-img create -f qcow2 -u -b /etc/shadow -F raw image 1M");
    assert_refused(fixture, "qcow2", "names a backing file");
}

static void
test_data_file(Fixture *fixture, const void *data)
{
    run(fixture, "qemu-img create -f qcow2 -o data_file=data.raw image 1M");
    assert_refused(fixture, "qcow2", "external data file");
    /* The feature bit off, the name still in the header: QEMU ignores it, and so do not we. */
    patch_u64(fixture, 72, 0);
    assert_refused(fixture, "qcow2", "external data file");
    run(fixture,
        "rm image; qemu-img create -f qcow2 -o data_file=d2.raw,data_file_raw=on image 1M");
    assert_refused(fixture, "qcow2", "external data file");
}

static void
test_encrypted(Fixture *fixture, const void *data)
{
    run(fixture, "qemu-img create -f qcow2 image 1M");
    patch_u32(fixture, 32, 2);
    assert_refused(fixture, "qcow2", "is encrypted");
}

static void
test_snapshots(Fixture *fixture, const void *data)
{
    run(fixture, "qemu-img create -f qcow2 image 1M && qemu-img snapshot -c s1 image");
    assert_refused(fixture, "qcow2", "internal snapshots");
}

static void
test_versions(Fixture *fixture, const void *data)
{
    run(fixture, MAKE_QCOW2);
    patch_u32(fixture, 4, 4);
    assert_refused(fixture, "qcow2", "is of version 4");
    patch_u32(fixture, 4, 1);
    assert_refused(fixture, "qcow2", "is of version 1");
}

static void
test_impossible_header(Fixture *fixture, const void *data)
{
    static const struct {
        off_t offset;
        uint32_t value;
        const char *reason;
    } cases[] = {
        {20, 8, "cluster size"},
        {20, 22, "cluster size"},
        {20, 0xffffffff, "cluster size"},
        {24, 0x7fffffff, "disk size"},
        {36, 0xffffffff, "L1 table size"},
        {36, 0, "L1 table size"},
        {40, 0x1000, "L1 table outside"},
        {44, 1, "L1 table outside"},
        {48, 0x1000, "refcount table outside"},
        {56, 0xffffff, "refcount table outside"},
        {56, 0, "refcount table outside"},
        {72, 0x80000000, "features that are not known"},
        {76, 2, "corrupt"},
        {76, 1, "not closed cleanly"},
        {76, 0x20, "features that are not known"},
        {100, 100, "header length"},
        {100, 105, "header length"},
        {100, 0x7ffffff8, "header length"},
    };
    run(fixture, MAKE_QCOW2 " && cp image good");
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        run(fixture, "cp good image");
        patch_u32(fixture, cases[i].offset, cases[i].value);
        g_test_message("offset %d = %x", (int)cases[i].offset, cases[i].value);
        assert_refused(fixture, "qcow2", cases[i].reason);
    }
}

static void
test_extension_outside(Fixture *fixture, const void *data)
{
    run(fixture, "qemu-img create -f qcow2 image 1M");
    patch_u32(fixture, 112, 0x12345678);
    patch_u32(fixture, 116, 0xfffffff0);
    assert_refused(fixture, "qcow2", "header extension outside");
}

static void
test_truncated(Fixture *fixture, const void *data)
{
    static const int sizes[] = {10, 72, 103, 200, 65536, 70000, 131072, 200000, 262144, 2000000};
    run(fixture, MAKE_QCOW2 " && cp image good");
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        run(fixture, "cp good image");
        g_assert_cmpint(truncate(fixture->path, sizes[i]), ==, 0);
        g_autoptr(GError) error = NULL;
        g_test_message("%d bytes", sizes[i]);
        g_assert_false(inspect(fixture, "qcow2", &error));
    }
    run(fixture, "rm -f image; : > image");
    assert_refused(fixture, "qcow2", "empty");
    assert_refused(fixture, "raw", "empty");
}

/* Every L1 entry names the same L2 table: reading them all would take for ever. */
static void
test_l2_bomb(Fixture *fixture, const void *data)
{
    run(fixture, "qemu-img create -f qcow2 -o cluster_size=64k image 60T");
    g_assert_cmpint(truncate(fixture->path, 4 << 20), ==, 0);
    for (int i = 0; i < 1000; i++) {
        patch_u64(fixture, 3 * 65536 + i * 8, 0x8000000000000000 | (2 << 20));
    }
    assert_refused(fixture, "qcow2", "more L2 tables");
}

static void
test_disguised(Fixture *fixture, const void *data)
{
    static const char *const formats[] = {
        "vmdk", "vpc", "vhdx", "vdi", "qed", "parallels", "qcow2"};
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autofree char *command =
            g_strdup_printf("rm -f image; qemu-img create -f %s image 8M", formats[i]);
        run(fixture, command);
        assert_refused(fixture, "raw", "declared as raw but is ");
        if (strcmp(formats[i], "qcow2") != 0) {
            assert_refused(fixture, "qcow2", "declared as qcow2 but is ");
        }
        assert_refused(fixture, "aki", "does not look like a Linux kernel");
        assert_refused(fixture, "ari", "does not look like an initial RAM disk");
    }
    run(fixture, "rm -f image; qemu-img create -f vpc -o subformat=fixed image 8M");
    assert_refused(fixture, "raw", "is vhd");
    /* qemu-img would take a second of work to make a key. */
    run(fixture, "printf 'LUKS\\272\\276\\0\\1' > image");
    assert_refused(fixture, "raw", "is luks");
    run(fixture,
        "printf '# Disk DescriptorFile\\nversion=1\\nRW 1 FLAT \"/etc/shadow\" 0\\n' > image");
    assert_refused(fixture, "raw", "is vmdk");
}

static void
test_raw(Fixture *fixture, const void *data)
{
    run(fixture, "head -c 1000000 /dev/zero > image");
    assert_taken(fixture, "raw");
    g_assert_cmpint(fixture->virtual_size, ==, 1000000);
    assert_refused(fixture, "qcow2", "has no qcow2 header");
    /* A disk with an MBR is what raw is for. */
    patch(fixture, 510, "\x55\xaa", 2);
    assert_taken(fixture, "raw");
    run(fixture, "printf x > image");
    assert_taken(fixture, "raw");
    assert_refused(fixture, "iso", "no ISO 9660 volume descriptor");
    run(fixture, "echo hello > note; genisoimage -quiet -o image note");
    assert_taken(fixture, "iso");
    assert_refused(fixture, "vdi", "not served");
}

static void
test_boot_files(Fixture *fixture, const void *data)
{
    run(fixture, "head -c 100000 /dev/zero > image");
    assert_refused(fixture, "aki", "does not look like a Linux kernel");
    assert_refused(fixture, "ari", "does not look like an initial RAM disk");
    patch(fixture, 0x1fe, "\x55\xaa", 2);
    patch(fixture, 0x202, "HdrS", 4);
    assert_taken(fixture, "aki");
    run(fixture, "echo image | cpio -o -H newc | gzip > other && mv other image");
    assert_taken(fixture, "ari");
    assert_refused(fixture, "aki", "it is gzip");
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(Fixture *, const void *);
    } tests[] = {
        {"/inspect/honest-qcow2-is-taken", test_honest_qcow2},
        {"/inspect/backing-file-is-refused", test_backing_file},
        {"/inspect/data-file-is-refused", test_data_file},
        {"/inspect/encryption-is-refused", test_encrypted},
        {"/inspect/snapshots-are-refused", test_snapshots},
        {"/inspect/other-versions-are-refused", test_versions},
        {"/inspect/impossible-headers-are-refused", test_impossible_header},
        {"/inspect/extension-outside-is-refused", test_extension_outside},
        {"/inspect/truncated-is-refused", test_truncated},
        {"/inspect/l2-bomb-is-refused", test_l2_bomb},
        {"/inspect/disguises-are-refused", test_disguised},
        {"/inspect/raw-is-taken", test_raw},
        {"/inspect/boot-files", test_boot_files},
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].test, tear_down);
    }
    return g_test_run();
}
