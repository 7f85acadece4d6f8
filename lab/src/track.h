/* SPDX-License-Identifier: Apache-2.0
 * Copyright the drover authors.
 *
 * What the heartbeats of guests tell: how many came and how many were lost, the longest silence,
 * and whether the same instance is heard from two places at once. Plain accounting: no sockets and
 * no clock, times are given by the caller. Called by heartbeat.c. */
#pragma once

#include "heartbeat-packet.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define TRACK_MAX_INSTANCES 1024
#define TRACK_MAX_STREAMS 4
#define TRACK_WINDOW 4096 /* packets that are remembered one by one: four seconds */

/* Counts from some moment on. */
typedef struct TrackCounts {
    uint64_t n_received;
    uint64_t n_lost;        /* sequence numbers that were jumped over */
    uint64_t n_repeated;    /* packets that had come before, or long ago: a second sender */
    uint64_t n_late;        /* after later ones: a burst went through two processors on its way */
    uint64_t n_interleaved; /* packets of an older stream after a newer one had begun: likewise */
    uint64_t n_streams;     /* senders begun: 1 more for each boot of the guest */
    uint64_t longest_silence_ns;
    uint64_t longest_silence_end_ns; /* when it ended, in the clock of arrivals */
    uint64_t longest_guest_gap_ns;   /* the same between two sendings, by the guest's own clock */
} TrackCounts;

typedef struct TrackInstance {
    uint8_t uuid[16];
    uint32_t streams[TRACK_MAX_STREAMS]; /* newest first */
    unsigned n_streams;
    uint64_t next_sequence; /* of the newest stream */
    uint64_t seen[TRACK_WINDOW / 64]; /* of it: whether each of the last ones has come */
    uint64_t last_guest_ns;
    uint64_t last_arrival_ns;
    TrackCounts since_start;
    TrackCounts since_mark;
} TrackInstance;

typedef struct Track {
    TrackInstance instances[TRACK_MAX_INSTANCES];
    unsigned n_instances;
    uint64_t start_ns;
    uint64_t mark_ns;
} Track;

void track_init(Track *track, uint64_t now_ns);

/* Accounts for one packet of `length` bytes. What is not a heartbeat is ignored. */
void track_packet(Track *track, const void *bytes, size_t length, uint64_t arrival_ns);

/* Begins the counts since the mark anew. The silence that is going on belongs to the new ones. */
void track_mark(Track *track, uint64_t now_ns);

/* True if packets came that only a second running copy of the guest can have sent. A few repeated
 * ones may be a queue that was sent twice when the guest moved. */
bool track_is_double_run(const TrackCounts *counts);

/* Writes both counts of all instances as one JSON object. */
void track_report(const Track *track, uint64_t now_ns, FILE *out);
