/* SPDX-License-Identifier: Apache-2.0
 * Copyright the drover authors.
 *
 * What a guest of the lab sends a thousand times a second, and what lab-heartbeat reads. All
 * numbers are in network byte order. The stream number is drawn at random when the guest's sender
 * starts: after a migration it is the same, after a boot it is another one. */
#pragma once

#include <stdint.h>

#define HEARTBEAT_MAGIC 0x44524842u /* "DRHB" */
#define HEARTBEAT_PORT 4799

typedef struct HeartbeatPacket {
    uint32_t magic;
    uint32_t stream;
    uint64_t sequence;
    uint64_t monotonic_ns; /* the guest's own clock */
    uint8_t uuid[16];      /* the instance, zeros when the guest was told none */
} __attribute__((packed)) HeartbeatPacket;
