/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* libvirt cuts larger pieces into messages of this size anyway. */
#define PIECE_SIZE (256 * 1024)

/* virStreamRecvFlags: the stream is at a hole. */
#define AT_HOLE (-3)

typedef struct Bytes {
    const char *next;
    size_t left;
} Bytes;

static virStreamPtr
stream_new(const Slot *slot, GError **error)
{
    virStreamPtr stream = virStreamNew(slot->connection, 0);

    if (stream == NULL) {
        libvirt_error_set(error, slot->connection, EFFECT_NONE, "cannot open a stream to host '%s'",
            slot->host->name);
    }
    return stream;
}

/* name was asked for beforehand: every call of libvirt clears the error. */
static bool
stream_fail(const Slot *slot, const char *name, const char *what, GError **error)
{
    return libvirt_error_set(error, slot->connection, EFFECT_NONE,
        "cannot %s volume '%s' on host '%s'", what, name, slot->host->name);
}

static int
bytes_read(virStreamPtr stream, char *buffer, size_t size, void *data)
{
    Bytes *bytes = data;
    size_t n = MIN(size, bytes->left);

    memcpy(buffer, bytes->next, n);
    bytes->next += n;
    bytes->left -= n;
    return (int)n;
}

bool
stream_upload_bytes(
    const Slot *slot, virStorageVolPtr volume, const void *bytes, size_t size, GError **error)
{
    const char *name = virStorageVolGetName(volume);
    g_autoptr(virStream) stream = stream_new(slot, error);
    Bytes source = {bytes, size};

    if (stream == NULL) {
        return false;
    }
    if (virStorageVolUpload(volume, stream, 0, size, 0) < 0 ||
        virStreamSendAll(stream, bytes_read, &source) < 0 || virStreamFinish(stream) < 0) {
        return stream_fail(slot, name, "write", error);
    }
    return true;
}

typedef struct FileSource {
    int fd;
    Sum *sum; /* NULL: nobody wants it */
    const Cancel *cancel;
} FileSource;

static int
file_read(virStreamPtr stream, char *buffer, size_t size, void *data)
{
    FileSource *source = data;
    ssize_t n;

    if (cancel_is_asked(source->cancel)) {
        errno = ECANCELED;
        return -1;
    }
    do {
        n = read(source->fd, buffer, size);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        sum_add(source->sum, buffer, (size_t)n);
    }
    return (int)n;
}

/* Where in the file we are: in data or in a hole, and how far it goes. */
static int
file_find_hole(virStreamPtr stream, int *in_data, long long *length, void *data)
{
    int fd = ((FileSource *)data)->fd;
    off_t here = lseek(fd, 0, SEEK_CUR);
    off_t end = lseek(fd, 0, SEEK_END);
    off_t next_data = lseek(fd, here, SEEK_DATA);

    *in_data = next_data == here;
    off_t next = *in_data ? lseek(fd, here, SEEK_HOLE) : next_data < 0 ? end : next_data;
    *length = next - here;
    return lseek(fd, here, SEEK_SET) == here ? 0 : -1;
}

static int
file_skip(virStreamPtr stream, long long length, void *data)
{
    FileSource *source = data;

    sum_add_hole(source->sum, length);
    return lseek(source->fd, length, SEEK_CUR) < 0 ? -1 : 0;
}

static bool
fail_cancelled(const Slot *slot, const char *name, GError **error)
{
    return error_set(error, ERROR_CANCELLED, "the writing of volume '%s' on host '%s' was given up",
        name, slot->host->name);
}

bool
stream_upload_file(const Slot *slot, virStorageVolPtr volume, int fd, int64_t size, Sum *sum,
    const Cancel *cancel, GError **error)
{
    FileSource source = {fd, sum, cancel};
    const char *name = virStorageVolGetName(volume);
    g_autoptr(virStream) stream = stream_new(slot, error);
    unsigned int flags = VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM;

    if (stream == NULL) {
        return false;
    }
    if (virStorageVolUpload(volume, stream, 0, (unsigned long long)size, flags) < 0 ||
        virStreamSparseSendAll(stream, file_read, file_find_hole, file_skip, &source) < 0 ||
        virStreamFinish(stream) < 0) {
        return cancel_is_asked(cancel) ? fail_cancelled(slot, name, error)
                                       : stream_fail(slot, name, "write", error);
    }
    return true;
}

static bool
download_all(virStreamPtr stream, char *buffer, size_t size, size_t *ret_size)
{
    size_t done = 0;
    int n = 1;

    while (done < size && n > 0) {
        n = virStreamRecv(stream, buffer + done, size - done);
        done += n > 0 ? (size_t)n : 0;
    }
    *ret_size = done;
    return n >= 0;
}

bool
stream_download(const Slot *slot, virStorageVolPtr volume, uint64_t offset, size_t size,
    char **ret_bytes, size_t *ret_size, GError **error)
{
    const char *name = virStorageVolGetName(volume);
    g_autoptr(virStream) stream = stream_new(slot, error);
    g_autofree char *buffer = g_malloc0(size + 1);
    size_t done;

    if (stream == NULL) {
        return false;
    }
    if (virStorageVolDownload(volume, stream, offset, size, 0) < 0 ||
        !download_all(stream, buffer, size, &done) || virStreamFinish(stream) < 0) {
        return stream_fail(slot, name, "read", error);
    }
    *ret_bytes = g_steal_pointer(&buffer);
    *ret_size = done;
    return true;
}

static bool
send_piece(virStreamPtr stream, const char *buffer, size_t size)
{
    size_t done = 0;

    while (done < size) {
        int n = virStreamSend(stream, buffer + done, size - done);
        if (n < 0) {
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

/* Which of the two streams broke is told by the return value alone. */
typedef enum { COPY_DONE, COPY_CANNOT_READ, COPY_CANNOT_WRITE, COPY_CANCELLED } CopyResult;

static CopyResult
copy_pieces(virStreamPtr from, virStreamPtr to, Sum *sum, const Cancel *cancel)
{
    g_autofree char *buffer = g_malloc(PIECE_SIZE);

    while (!cancel_is_asked(cancel)) {
        long long hole;
        int n = virStreamRecvFlags(from, buffer, PIECE_SIZE, VIR_STREAM_RECV_STOP_AT_HOLE);
        if (n == 0) {
            return COPY_DONE;
        }
        if (n == AT_HOLE) {
            if (virStreamRecvHole(from, &hole, 0) < 0) {
                return COPY_CANNOT_READ;
            }
            sum_add_hole(sum, hole);
            if (virStreamSendHole(to, hole, 0) < 0) {
                return COPY_CANNOT_WRITE;
            }
        } else if (n < 0) {
            return COPY_CANNOT_READ;
        } else {
            sum_add(sum, buffer, (size_t)n);
            if (!send_piece(to, buffer, (size_t)n)) {
                return COPY_CANNOT_WRITE;
            }
        }
    }
    return COPY_CANCELLED;
}

/* What the source goes on sending would fill the connection. */
static bool
end_copy(virStreamPtr in, virStreamPtr out)
{
    virStreamAbort(in);
    virStreamAbort(out);
    return false;
}

bool
stream_copy(const Slot *from_slot, virStorageVolPtr from, const Slot *slot, virStorageVolPtr volume,
    Sum *sum, const Cancel *cancel, GError **error)
{
    const char *name = virStorageVolGetName(volume);
    g_autoptr(virStream) in = stream_new(from_slot, error);
    g_autoptr(virStream) out = in != NULL ? stream_new(slot, error) : NULL;

    if (in == NULL || out == NULL) {
        return false;
    }
    if (virStorageVolDownload(from, in, 0, 0, VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM) < 0) {
        return stream_fail(from_slot, name, "read", error);
    }
    if (virStorageVolUpload(volume, out, 0, 0, VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM) < 0) {
        return stream_fail(slot, name, "write", error);
    }
    CopyResult result = copy_pieces(in, out, sum, cancel);
    if (result == COPY_DONE && virStreamFinish(in) < 0) {
        result = COPY_CANNOT_READ;
    }
    if (result == COPY_DONE && virStreamFinish(out) < 0) {
        result = COPY_CANNOT_WRITE;
    }
    switch (result) {
    case COPY_DONE: return true;
    case COPY_CANNOT_READ: stream_fail(from_slot, name, "read", error); break;
    case COPY_CANNOT_WRITE: stream_fail(slot, name, "write", error); break;
    case COPY_CANCELLED: fail_cancelled(slot, name, error); break;
    }
    return end_copy(in, out);
}
