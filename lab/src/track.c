/* SPDX-License-Identifier: Apache-2.0
 * Copyright the drover authors. */
#include "track.h"

#include <endian.h>
#include <string.h>

#define DOUBLE_RUN_PACKETS 10

void
track_init(Track *track, uint64_t now_ns)
{
    memset(track, 0, sizeof *track);
    track->start_ns = now_ns;
    track->mark_ns = now_ns;
}

static TrackInstance *
instance_find_or_add(Track *track, const uint8_t uuid[16])
{
    for (unsigned i = 0; i < track->n_instances; i++) {
        if (memcmp(track->instances[i].uuid, uuid, 16) == 0) {
            return &track->instances[i];
        }
    }
    if (track->n_instances == TRACK_MAX_INSTANCES) {
        return NULL;
    }
    memcpy(track->instances[track->n_instances].uuid, uuid, 16);
    return &track->instances[track->n_instances++];
}

static void
begin_stream(TrackInstance *instance, uint32_t stream, uint64_t sequence)
{
    memmove(&instance->streams[1], &instance->streams[0],
        (TRACK_MAX_STREAMS - 1) * sizeof instance->streams[0]);
    instance->streams[0] = stream;
    if (instance->n_streams < TRACK_MAX_STREAMS) {
        instance->n_streams++;
    }
    instance->next_sequence = sequence;
    memset(instance->seen, 0, sizeof instance->seen);
    instance->last_guest_ns = 0;
    instance->since_start.n_streams++;
    instance->since_mark.n_streams++;
}

static bool
is_older_stream(const TrackInstance *instance, uint32_t stream)
{
    for (unsigned i = 1; i < instance->n_streams; i++) {
        if (instance->streams[i] == stream) {
            return true;
        }
    }
    return false;
}

static void
count_silence(TrackCounts *counts, uint64_t silence_ns, uint64_t arrival_ns)
{
    if (silence_ns > counts->longest_silence_ns) {
        counts->longest_silence_ns = silence_ns;
        counts->longest_silence_end_ns = arrival_ns;
    }
}

static void
count_arrival(TrackInstance *instance, uint64_t arrival_ns)
{
    if (instance->last_arrival_ns != 0 && arrival_ns > instance->last_arrival_ns) {
        uint64_t silence_ns = arrival_ns - instance->last_arrival_ns;

        count_silence(&instance->since_start, silence_ns, arrival_ns);
        count_silence(&instance->since_mark, silence_ns, arrival_ns);
    }
    instance->last_arrival_ns = arrival_ns;
    instance->since_start.n_received++;
    instance->since_mark.n_received++;
}

static void
count_guest_gap(TrackCounts *counts, uint64_t gap_ns)
{
    if (gap_ns > counts->longest_guest_gap_ns) {
        counts->longest_guest_gap_ns = gap_ns;
    }
}

static void
set_seen(TrackInstance *instance, uint64_t sequence, bool seen)
{
    uint64_t *word = &instance->seen[sequence % TRACK_WINDOW / 64];
    uint64_t bit = UINT64_C(1) << sequence % 64;

    *word = seen ? *word | bit : *word & ~bit;
}

static bool
is_seen(const TrackInstance *instance, uint64_t sequence)
{
    return (instance->seen[sequence % TRACK_WINDOW / 64] >> sequence % 64 & 1) != 0;
}

static void
count_late(TrackCounts *counts)
{
    counts->n_late++;
    counts->n_lost -= counts->n_lost > 0;
}

static void
count_behind(TrackInstance *instance, uint64_t sequence)
{
    if (instance->next_sequence - sequence > TRACK_WINDOW || is_seen(instance, sequence)) {
        instance->since_start.n_repeated++;
        instance->since_mark.n_repeated++;
        return;
    }
    set_seen(instance, sequence, true);
    count_late(&instance->since_start);
    count_late(&instance->since_mark);
}

static void
count_sequence(TrackInstance *instance, uint64_t sequence, uint64_t guest_ns)
{
    if (sequence < instance->next_sequence) {
        count_behind(instance, sequence);
        return;
    }
    uint64_t n_jumped = sequence - instance->next_sequence;
    for (uint64_t i = 0; i < n_jumped && i < TRACK_WINDOW; i++) {
        set_seen(instance, sequence - 1 - i, false);
    }
    set_seen(instance, sequence, true);
    instance->since_start.n_lost += n_jumped;
    instance->since_mark.n_lost += n_jumped;
    instance->next_sequence = sequence + 1;
    if (instance->last_guest_ns != 0 && guest_ns > instance->last_guest_ns) {
        count_guest_gap(&instance->since_start, guest_ns - instance->last_guest_ns);
        count_guest_gap(&instance->since_mark, guest_ns - instance->last_guest_ns);
    }
    instance->last_guest_ns = guest_ns;
}

void
track_packet(Track *track, const void *bytes, size_t length, uint64_t arrival_ns)
{
    HeartbeatPacket packet;
    TrackInstance *instance;
    uint64_t sequence;

    if (length != sizeof packet) {
        return;
    }
    memcpy(&packet, bytes, sizeof packet);
    if (be32toh(packet.magic) != HEARTBEAT_MAGIC) {
        return;
    }
    instance = instance_find_or_add(track, packet.uuid);
    if (instance == NULL) {
        return;
    }
    sequence = be64toh(packet.sequence);
    if (is_older_stream(instance, packet.stream)) {
        instance->since_start.n_interleaved++;
        instance->since_mark.n_interleaved++;
        count_arrival(instance, arrival_ns);
        return;
    }
    if (instance->n_streams == 0 || instance->streams[0] != packet.stream) {
        begin_stream(instance, packet.stream, sequence);
    }
    count_arrival(instance, arrival_ns);
    count_sequence(instance, sequence, be64toh(packet.monotonic_ns));
}

void
track_mark(Track *track, uint64_t now_ns)
{
    track->mark_ns = now_ns;
    for (unsigned i = 0; i < track->n_instances; i++) {
        memset(&track->instances[i].since_mark, 0, sizeof track->instances[i].since_mark);
    }
}

bool
track_is_double_run(const TrackCounts *counts)
{
    return counts->n_repeated >= DOUBLE_RUN_PACKETS || counts->n_interleaved >= DOUBLE_RUN_PACKETS;
}

static void
report_counts(const TrackInstance *instance, const TrackCounts *counts, uint64_t now_ns, FILE *out)
{
    const uint8_t *u = instance->uuid;
    uint64_t silent_ns =
        now_ns > instance->last_arrival_ns ? now_ns - instance->last_arrival_ns : 0;

    fprintf(out,
        "    \"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\": {"
        "\"received\": %lu, \"lost\": %lu, \"late\": %lu, \"repeated\": %lu, \"interleaved\": %lu, "
        "\"streams\": %lu, \"double_run\": %s, \"longest_silence_ms\": %.3f, "
        "\"longest_silence_end\": %.6f, \"longest_guest_gap_ms\": %.3f, \"silent_for_ms\": %.3f}",
        u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13],
        u[14], u[15], counts->n_received, counts->n_lost, counts->n_late, counts->n_repeated,
        counts->n_interleaved, counts->n_streams, track_is_double_run(counts) ? "true" : "false",
        (double)counts->longest_silence_ns / 1e6, (double)counts->longest_silence_end_ns / 1e9,
        (double)counts->longest_guest_gap_ns / 1e6, (double)silent_ns / 1e6);
}

static void
report_part(const Track *track, const char *name, bool since_mark, uint64_t now_ns, FILE *out)
{
    uint64_t from_ns = since_mark ? track->mark_ns : track->start_ns;

    fprintf(out, "  \"%s\": {\"seconds\": %.3f, \"instances\": {", name,
        (double)(now_ns - from_ns) / 1e9);
    for (unsigned i = 0; i < track->n_instances; i++) {
        const TrackInstance *instance = &track->instances[i];

        fprintf(out, "%s\n", i == 0 ? "" : ",");
        report_counts(
            instance, since_mark ? &instance->since_mark : &instance->since_start, now_ns, out);
    }
    fprintf(out, "}}");
}

void
track_report(const Track *track, uint64_t now_ns, FILE *out)
{
    fprintf(out, "{\n");
    report_part(track, "since_start", false, now_ns, out);
    fprintf(out, ",\n");
    report_part(track, "since_mark", true, now_ns, out);
    fprintf(out, "\n}\n");
}
