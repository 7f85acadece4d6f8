/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* A response body that another thread produces. While there is nothing to send the connection is
 * parked (see internal.h); a push wakes it. */
#include <string.h>

#include "http/internal.h"

enum { BLOCK_SIZE = 16 * 1024 };

struct HttpStream {
    gatomicrefcount n_refs;
    size_t max_pending_bytes;
    /* All below is under the parking lock. */
    GByteArray *pending;
    bool is_ended; /* no pushes any more; what is pending is still sent */
    bool is_cut;   /* nothing is sent any more */
    HttpParking parking;
};

HttpStream *
http_stream_new(size_t max_pending_bytes)
{
    HttpStream *stream = g_new0(HttpStream, 1);
    g_atomic_ref_count_init(&stream->n_refs);
    stream->max_pending_bytes = max_pending_bytes;
    stream->pending = g_byte_array_new();
    return stream;
}

HttpStream *
http_stream_ref(HttpStream *stream)
{
    g_atomic_ref_count_inc(&stream->n_refs);
    return stream;
}

void
http_stream_unref(HttpStream *stream)
{
    if (stream != NULL && g_atomic_ref_count_dec(&stream->n_refs)) {
        g_byte_array_unref(stream->pending);
        g_free(stream);
    }
}

bool
http_stream_push(HttpStream *stream, const void *data, size_t size)
{
    http_parking_lock();
    if (!stream->is_ended && size > stream->max_pending_bytes - stream->pending->len) {
        stream->is_ended = true;
        stream->is_cut = true;
    }
    bool is_open = !stream->is_ended;
    if (is_open) {
        g_byte_array_append(stream->pending, data, (unsigned)size);
    }
    http_parking_wake(&stream->parking);
    http_parking_unlock();
    return is_open;
}

void
http_stream_end(HttpStream *stream)
{
    http_parking_lock();
    stream->is_ended = true;
    http_parking_wake(&stream->parking);
    http_parking_unlock();
}

static ssize_t
read_stream(HttpStream *stream, char *buffer, size_t max)
{
    if (stream->is_cut) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t size = MIN(max, stream->pending->len);
    if (size > 0) {
        memcpy(buffer, stream->pending->data, size);
        g_byte_array_remove_range(stream->pending, 0, (unsigned)size);
        return (ssize_t)size;
    }
    /* 0 means "later": libmicrohttpd would ask again at once if it were not parked. */
    if (!stream->is_ended && http_parking_park(&stream->parking)) {
        return 0;
    }
    stream->is_ended = true;
    return MHD_CONTENT_READER_END_OF_STREAM;
}

static ssize_t
on_read(void *cls, uint64_t position, char *buffer, size_t max)
{
    http_parking_lock();
    ssize_t result = read_stream(cls, buffer, max);
    http_parking_unlock();
    return result;
}

/* The response is over, whoever ended it. */
static void
on_free(void *cls)
{
    HttpStream *stream = cls;
    http_parking_lock();
    stream->is_ended = true;
    stream->is_cut = true;
    http_parking_unlock();
    http_stream_unref(stream);
}

struct MHD_Response *
http_stream_to_mhd(HttpStream *stream, HttpLot *lot, struct MHD_Connection *connection)
{
    http_parking_lock();
    stream->parking = (HttpParking){.lot = lot, .connection = connection};
    http_parking_unlock();
    return MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_SIZE, on_read, stream, on_free);
}
