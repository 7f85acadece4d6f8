/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "image/library.h"
#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELLO_SHA256 "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static char *
make_directory(void)
{
    return g_dir_make_tmp("library-XXXXXX", NULL);
}

static void
drop_directory(char *directory)
{
    g_autofree char *command = g_strdup_printf("rm -r %s", directory);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_free(directory);
}

static int
count_files(const char *directory)
{
    int n = 0;
    g_autoptr(GDir) listing = g_dir_open(directory, 0, NULL);
    while (g_dir_read_name(listing) != NULL) {
        n++;
    }
    return n;
}

static void
test_commit(void)
{
    g_autoptr(GError) error = NULL;
    char *directory = make_directory();
    g_autoptr(Upload) upload = upload_begin(directory, "i1", "raw", 5, 0, &error);
    g_assert_no_error(error);
    g_assert_true(library_is_uploading(directory, "i1"));
    g_assert_true(upload_write(upload, "he", 2, &error));
    g_assert_true(upload_write(upload, "llo", 3, &error));
    g_assert_true(upload_check(upload, &error));
    g_assert_cmpint(upload_size(upload), ==, 5);
    g_assert_cmpstr(upload_sha256(upload), ==, HELLO_SHA256);
    g_assert_cmpstr(upload_md5(upload), ==, "5d41402abc4b2a76b9719d911017c592");
    g_assert_true(upload_commit(upload, &error));
    g_assert_false(library_is_uploading(directory, "i1"));
    g_autofree char *path = library_path(directory, HELLO_SHA256);
    struct stat status;
    g_assert_cmpint(stat(path, &status), ==, 0);
    g_assert_cmpint(status.st_mode & 0777, ==, 0600);
    g_assert_true(library_remove(directory, HELLO_SHA256, &error));
    g_assert_true(library_remove(directory, HELLO_SHA256, &error));
    g_assert_cmpint(count_files(directory), ==, 0);
    drop_directory(directory);
}

static void
test_second_upload_conflicts(void)
{
    g_autoptr(GError) error = NULL;
    char *directory = make_directory();
    g_autoptr(Upload) first = upload_begin(directory, "i1", "raw", -1, 0, NULL);
    g_assert_null(upload_begin(directory, "i1", "raw", -1, 0, &error));
    g_assert_true(error_is(error, ERROR_CONFLICT));
    g_clear_pointer(&first, upload_free);
    g_autoptr(Upload) third = upload_begin(directory, "i1", "raw", -1, 0, NULL);
    g_assert_nonnull(third);
    g_clear_pointer(&third, upload_free);
    g_assert_cmpint(count_files(directory), ==, 0);
    drop_directory(directory);
}

static void
test_too_large(void)
{
    g_autoptr(GError) error = NULL;
    char *directory = make_directory();
    g_assert_null(upload_begin(directory, "i1", "raw", 11, 10, &error));
    g_assert_true(error_is(error, ERROR_LIMIT));
    g_clear_error(&error);
    g_assert_null(upload_begin(directory, "i1", "raw", INT64_C(1) << 60, 0, &error));
    g_assert_true(error_is(error, ERROR_LIMIT));
    g_clear_error(&error);
    g_autoptr(Upload) upload = upload_begin(directory, "i1", "raw", -1, 10, NULL);
    g_assert_true(upload_write(upload, "0123456789", 10, NULL));
    g_assert_false(upload_write(upload, "x", 1, &error));
    g_assert_true(error_is(error, ERROR_LIMIT));
    g_clear_pointer(&upload, upload_free);
    g_assert_cmpint(count_files(directory), ==, 0);
    drop_directory(directory);
}

/* A file system of 64 KiB, seen by this process alone. */
static void
mount_small(const char *directory)
{
    g_assert_cmpint(unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS), ==, 0);
    g_assert_cmpint(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), ==, 0);
    g_assert_cmpint(mount("none", directory, "tmpfs", 0, "size=64k"), ==, 0);
}

static void
fill_the_disk(const char *directory)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *bytes = g_malloc0(100000);
    mount_small(directory);
    /* The size is known: refused before the first byte. */
    g_assert_null(upload_begin(directory, "i1", "raw", 100000, 0, &error));
    g_assert_true(error_is(error, ERROR_LIMIT));
    g_clear_error(&error);
    /* It is not: refused where the disk ends, and nothing stays. */
    g_autoptr(Upload) upload = upload_begin(directory, "i1", "raw", -1, 0, &error);
    g_assert_no_error(error);
    g_assert_false(upload_write(upload, bytes, 100000, &error));
    g_assert_true(error_is(error, ERROR_LIMIT));
    g_assert_nonnull(strstr(error->message, "Image storage media is full"));
    g_clear_pointer(&upload, upload_free);
    g_assert_cmpint(count_files(directory), ==, 0);
}

static void
test_full_disk(void)
{
    int status;
    char *directory = make_directory();
    pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        fill_the_disk(directory);
        _exit(0);
    }
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_cmpint(status, ==, 0);
    drop_directory(directory);
}

static void
touch(const char *directory, const char *name)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_assert_true(g_file_set_contents(path, "x", 1, NULL));
}

static void
test_prepare(void)
{
    g_autoptr(GError) error = NULL;
    char *directory = make_directory();
    g_autofree char *below = g_build_filename(directory, "a", "b", NULL);
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_add(known, HELLO_SHA256);
    g_assert_true(library_prepare(below, known, &error));
    g_assert_no_error(error);
    g_autofree char *orphan = g_strnfill(64, 'a');
    touch(below, HELLO_SHA256);
    touch(below, orphan);
    touch(below, "5f1b.partial");
    touch(below, "README");
    g_assert_true(library_prepare(below, known, &error));
    g_assert_cmpint(count_files(below), ==, 2);
    g_assert_true(library_is_uploading(directory, "5f1b") == false);
    drop_directory(directory);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/library/commit-names-the-file-by-its-hash", test_commit);
    g_test_add_func("/library/second-upload-conflicts", test_second_upload_conflicts);
    g_test_add_func("/library/too-large-leaves-nothing", test_too_large);
    g_test_add_func("/library/full-disk-is-told-and-leaves-nothing", test_full_disk);
    g_test_add_func("/library/prepare-removes-leftovers", test_prepare);
    return g_test_run();
}
