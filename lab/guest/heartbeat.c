/* SPDX-License-Identifier: Apache-2.0
 * Copyright the drover authors. */
#include "heartbeat-packet.h"
#include "labguest.h"

#include <arpa/inet.h>
#include <endian.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

/* Later than this the sender gives up on the packets it missed instead of sending them in a burst,
 * which on an emulated processor would only make it later still. */
#define CATCH_UP_NS 50000000u

static bool
parse_uuid(const char *text, uint8_t uuid[16])
{
    int n_digits = 0;

    memset(uuid, 0, 16);
    for (; *text != '\0'; text++) {
        char digit[2] = {*text, '\0'};
        char *end;
        unsigned long value;

        if (*text == '-') {
            continue;
        }
        value = strtoul(digit, &end, 16);
        if (*end != '\0' || n_digits == 32) {
            return false;
        }
        uuid[n_digits / 2] = (uint8_t)(uuid[n_digits / 2] << 4 | value);
        n_digits++;
    }
    return n_digits == 32;
}

static void
send_forever(int socket_fd, const struct sockaddr_in *destination, HeartbeatPacket *packet,
    uint64_t period_ns)
{
    uint64_t due_ns = labguest_now_ns();

    for (uint64_t sequence = 0;; sequence++) {
        uint64_t now_ns;

        due_ns += period_ns;
        labguest_sleep_until(due_ns);
        now_ns = labguest_now_ns();
        if (now_ns > due_ns + CATCH_UP_NS) {
            due_ns = now_ns;
        }
        packet->sequence = htobe64(sequence);
        packet->monotonic_ns = htobe64(now_ns);
        /* Nobody may be listening, and then the answer is an error of no interest. */
        (void)sendto(socket_fd, packet, sizeof *packet, 0, (const struct sockaddr *)destination,
            sizeof *destination);
    }
}

int
heartbeat_main(int argc, char **argv)
{
    struct sockaddr_in destination = {.sin_family = AF_INET};
    struct sched_param priority = {.sched_priority = 10};
    HeartbeatPacket packet = {.magic = htobe32(HEARTBEAT_MAGIC)};
    int socket_fd;
    long hz;

    if (argc < 4 || inet_pton(AF_INET, argv[1], &destination.sin_addr) != 1) {
        return 2;
    }
    destination.sin_port = htons((uint16_t)atoi(argv[2]));
    hz = atol(argv[3]);
    if (hz < 1 || hz > 100000) {
        return 2;
    }
    if (argc > 4 && !parse_uuid(argv[4], packet.uuid)) {
        fprintf(stderr, "heartbeat: '%s' is not a UUID\n", argv[4]);
    }
    if (getrandom(&packet.stream, sizeof packet.stream, GRND_NONBLOCK) < 0) {
        packet.stream = (uint32_t)labguest_now_ns();
    }
    socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket_fd < 0) {
        return 1;
    }
    (void)sched_setscheduler(0, SCHED_FIFO, &priority);
    send_forever(socket_fd, &destination, &packet, 1000000000u / (uint64_t)hz);
    return 0;
}
