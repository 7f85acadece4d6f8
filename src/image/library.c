/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "image/library.h"
#include "image/inspect.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PARTIAL_SUFFIX ".partial"

struct Upload {
    char *directory;
    char *partial_path;
    char *format;
    int fd;
    uint64_t max_size;
    int64_t size;
    int64_t virtual_size;
    GChecksum *sha256;
    GChecksum *md5;
    GChecksum *sha512;
    bool is_committed;
};

static bool
fail(GError **error, const char *what, const char *path)
{
    int code = errno;
    if (code == ENOSPC || code == EDQUOT) {
        return error_set(error, ERROR_LIMIT,
            "Image storage media is full: there is not enough disk space on the image storage "
            "media");
    }
    return error_set(error, ERROR_INTERNAL, "cannot %s '%s': %s", what, path, g_strerror(code));
}

char *
library_path(const char *directory, const char *sha256)
{
    return g_build_filename(directory, sha256, NULL);
}

static char *
partial_path(const char *directory, const char *image_id)
{
    g_autofree char *name = g_strconcat(image_id, PARTIAL_SUFFIX, NULL);
    return g_build_filename(directory, name, NULL);
}

bool
library_is_uploading(const char *directory, const char *image_id)
{
    g_autofree char *path = partial_path(directory, image_id);
    return g_access(path, F_OK) == 0;
}

bool
library_remove(const char *directory, const char *sha256, GError **error)
{
    g_autofree char *path = library_path(directory, sha256);
    return g_unlink(path) == 0 || errno == ENOENT || fail(error, "remove", path);
}

static bool
is_sha256(const char *name)
{
    size_t length = 0;
    while (g_ascii_isxdigit(name[length])) {
        length++;
    }
    return length == 64 && name[length] == '\0';
}

/* Files with other names are somebody else's, and stay. */
static bool
is_leftover(const char *name, GHashTable *known_hashes)
{
    return g_str_has_suffix(name, PARTIAL_SUFFIX) ||
        (is_sha256(name) && !g_hash_table_contains(known_hashes, name));
}

bool
library_prepare(const char *directory, GHashTable *known_hashes, GError **error)
{
    const char *name;
    if (g_mkdir_with_parents(directory, 0700) != 0) {
        return fail(error, "make the image directory", directory);
    }
    g_autoptr(GDir) listing = g_dir_open(directory, 0, error);
    if (listing == NULL) {
        return false;
    }
    while ((name = g_dir_read_name(listing)) != NULL) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
        if (is_leftover(name, known_hashes) && g_unlink(path) != 0) {
            return fail(error, "remove", path);
        }
    }
    return true;
}

static bool
check_room(const char *directory, int64_t expected_size, uint64_t max_size, GError **error)
{
    struct statvfs status;
    if (expected_size < 0) {
        return true;
    }
    if (max_size != 0 && (uint64_t)expected_size > max_size) {
        return error_set(error, ERROR_LIMIT,
            "the image has %" G_GINT64_FORMAT " bytes; at most %" G_GUINT64_FORMAT " are taken",
            expected_size, max_size);
    }
    if (statvfs(directory, &status) != 0) {
        return fail(error, "look at", directory);
    }
    uint64_t room = (uint64_t)status.f_bavail * status.f_frsize;
    return (uint64_t)expected_size <= room ||
        error_set(error, ERROR_LIMIT,
            "Image storage media is full: the image has %" G_GINT64_FORMAT
            " bytes and %" G_GUINT64_FORMAT " are free",
            expected_size, room);
}

Upload *
upload_begin(const char *directory, const char *image_id, const char *format, int64_t expected_size,
    uint64_t max_size, GError **error)
{
    g_autofree char *path = partial_path(directory, image_id);
    if (!check_room(directory, expected_size, max_size, error)) {
        return NULL;
    }
    /* Nobody else may open what was not inspected. */
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST) {
        error_set(error, ERROR_CONFLICT, "another upload to image %s is under way", image_id);
        return NULL;
    }
    if (fd < 0) {
        fail(error, "make", path);
        return NULL;
    }
    Upload *upload = g_new0(Upload, 1);
    upload->directory = g_strdup(directory);
    upload->partial_path = g_steal_pointer(&path);
    upload->format = g_strdup(format);
    upload->fd = fd;
    upload->max_size = max_size;
    upload->sha256 = g_checksum_new(G_CHECKSUM_SHA256);
    upload->md5 = g_checksum_new(G_CHECKSUM_MD5);
    upload->sha512 = g_checksum_new(G_CHECKSUM_SHA512);
    return upload;
}

bool
upload_write(Upload *upload, const void *bytes, size_t size, GError **error)
{
    if (upload->max_size != 0 && (uint64_t)upload->size + size > upload->max_size) {
        return error_set(error, ERROR_LIMIT,
            "the image is larger than the %" G_GUINT64_FORMAT " bytes that are taken",
            upload->max_size);
    }
    for (size_t done = 0; done < size;) {
        ssize_t n = write(upload->fd, (const char *)bytes + done, size - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return fail(error, "write", upload->partial_path);
        }
        done += (size_t)n;
    }
    g_checksum_update(upload->sha256, bytes, (gssize)size);
    g_checksum_update(upload->md5, bytes, (gssize)size);
    g_checksum_update(upload->sha512, bytes, (gssize)size);
    upload->size += (int64_t)size;
    return true;
}

bool
upload_check(Upload *upload, GError **error)
{
    if (!image_inspect(upload->fd, upload->size, upload->format, &upload->virtual_size, error)) {
        return false;
    }
    return fsync(upload->fd) == 0 || fail(error, "sync", upload->partial_path);
}

static bool
sync_directory(const char *directory, GError **error)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (!ok) {
        fail(error, "sync", directory);
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

bool
upload_commit(Upload *upload, GError **error)
{
    g_autofree char *path = library_path(upload->directory, upload_sha256(upload));
    if (g_rename(upload->partial_path, path) != 0) {
        return fail(error, "name", path);
    }
    upload->is_committed = true;
    return sync_directory(upload->directory, error);
}

void
upload_free(Upload *upload)
{
    if (upload == NULL) {
        return;
    }
    close(upload->fd);
    if (!upload->is_committed) {
        g_unlink(upload->partial_path);
    }
    g_checksum_free(upload->sha256);
    g_checksum_free(upload->md5);
    g_checksum_free(upload->sha512);
    g_free(upload->partial_path);
    g_free(upload->format);
    g_free(upload->directory);
    g_free(upload);
}

const char *
upload_format(const Upload *upload)
{
    return upload->format;
}

int64_t
upload_size(const Upload *upload)
{
    return upload->size;
}

int64_t
upload_virtual_size(const Upload *upload)
{
    return upload->virtual_size;
}

const char *
upload_sha256(const Upload *upload)
{
    return g_checksum_get_string(upload->sha256);
}

const char *
upload_md5(const Upload *upload)
{
    return g_checksum_get_string(upload->md5);
}

const char *
upload_sha512(const Upload *upload)
{
    return g_checksum_get_string(upload->sha512);
}
