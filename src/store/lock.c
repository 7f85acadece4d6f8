/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/lock.h"
#include "base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static void
refuse(int fd, const char *database_path, const char *lock_path, GError **error)
{
    char holder[24] = "";
    ssize_t size = pread(fd, holder, sizeof holder - 1, 0);

    g_strchomp(holder);
    error_set(error, ERROR_STORE_DOWN,
        "database '%s' is in use by another droverd (process %s, which holds '%s'): stop that one "
        "first or use another database",
        database_path, size > 0 ? holder : "unknown", lock_path);
}

static void
write_holder(int fd)
{
    g_autofree char *text = g_strdup_printf("%ld\n", (long)getpid());

    /* The number only serves the message above: a disk that has no room for it is no obstacle. */
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, strlen(text), 0) < 0) {
        return;
    }
}

/* One database has one lock, by whatever link it is named. */
static char *
lock_path_of(const char *database_path)
{
    g_autofree char *path = realpath(database_path, NULL);

    return g_strconcat(path != NULL ? path : database_path, ".lock", NULL);
}

int
lock_take(const char *database_path, GError **error)
{
    g_autofree char *path = lock_path_of(database_path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        error_set(error, ERROR_STORE_DOWN,
            "cannot create the lock file '%s': %s; check that the directory exists and can be "
            "written",
            path, g_strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            refuse(fd, database_path, path, error);
        } else {
            error_set(error, ERROR_STORE_DOWN, "cannot lock '%s': %s", path, g_strerror(errno));
        }
        close(fd);
        return -1;
    }
    write_holder(fd);
    return fd;
}

void
lock_drop(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}
