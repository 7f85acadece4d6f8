/* SPDX-License-Identifier: Apache-2.0
 * Copyright the drover authors. */
#include "labguest.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAGE_BYTES 4096u
#define STEP_NS 10000000u /* how often a share of the rate is written */
#define STEPS_PER_S 100u

typedef struct Writer {
    uint64_t *memory;
    size_t size_bytes;
    size_t next_page;
    uint64_t rate_bytes_s;
    uint64_t owed_bytes;
    uint64_t value; /* changes with every page, so that no page ever repeats its content */
} Writer;

static void
writer_set(Writer *writer, unsigned long mib, unsigned long mbs)
{
    if (writer->memory != NULL) {
        munmap(writer->memory, writer->size_bytes);
        writer->memory = NULL;
    }
    writer->size_bytes = mib << 20;
    writer->rate_bytes_s = (uint64_t)mbs * 1000000u;
    writer->next_page = 0;
    writer->owed_bytes = 0;
    if (writer->size_bytes == 0 || writer->rate_bytes_s == 0) {
        return;
    }
    writer->memory =
        mmap(NULL, writer->size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (writer->memory == MAP_FAILED) {
        writer->memory = NULL;
    }
}

static void
write_page(Writer *writer)
{
    uint64_t *page = writer->memory + writer->next_page * (PAGE_BYTES / sizeof(uint64_t));

    writer->value += 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < PAGE_BYTES / sizeof(uint64_t); i++) {
        page[i] = writer->value ^ (i << 32);
    }
    writer->next_page = (writer->next_page + 1) % (writer->size_bytes / PAGE_BYTES);
}

static void
write_share(Writer *writer)
{
    if (writer->memory == NULL) {
        return;
    }
    writer->owed_bytes += writer->rate_bytes_s / STEPS_PER_S;
    for (; writer->owed_bytes >= PAGE_BYTES; writer->owed_bytes -= PAGE_BYTES) {
        write_page(writer);
    }
}

/* The guest switches itself off, with what it has written on its disk. */
static void
power_off(void)
{
    sync();
    (void)reboot(RB_POWER_OFF);
}

/* A packet "MIB MBS" sets size and rate, an empty one only asks; the answer says what is set. "off"
 * is the end of the guest. */
static void
answer_control(Writer *writer, int socket_fd)
{
    struct sockaddr_storage peer;
    socklen_t peer_length = sizeof peer;
    char text[128];
    unsigned long mib, mbs;
    ssize_t length = recvfrom(
        socket_fd, text, sizeof text - 1, MSG_DONTWAIT, (struct sockaddr *)&peer, &peer_length);

    if (length < 0) {
        return;
    }
    text[length] = '\0';
    bool is_end = strncmp(text, "off", 3) == 0;
    if (sscanf(text, "%lu %lu", &mib, &mbs) == 2) {
        writer_set(writer, mib, mbs);
    }
    length = snprintf(text, sizeof text, "writer %zu MiB %lu MB/s\n",
        writer->memory != NULL ? writer->size_bytes >> 20 : 0,
        (unsigned long)(writer->rate_bytes_s / 1000000u));
    (void)sendto(socket_fd, text, (size_t)length, 0, (struct sockaddr *)&peer, peer_length);
    if (is_end) {
        power_off();
    }
}

static int
open_control(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(WRITER_PORT)};
    int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (socket_fd >= 0 && bind(socket_fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(socket_fd);
        return -1;
    }
    return socket_fd;
}

int
writer_main(int argc, char **argv)
{
    Writer writer = {.memory = NULL};
    struct pollfd control = {.fd = open_control(), .events = POLLIN};
    uint64_t due_ns = labguest_now_ns();

    if (control.fd < 0) {
        return 1;
    }
    if (argc > 2) {
        writer_set(&writer, strtoul(argv[1], NULL, 10), strtoul(argv[2], NULL, 10));
    }
    (void)setpriority(PRIO_PROCESS, 0, 10);
    for (;;) {
        if (poll(&control, 1, writer.memory != NULL ? 0 : -1) > 0) {
            answer_control(&writer, control.fd);
            due_ns = labguest_now_ns();
        }
        write_share(&writer);
        due_ns += STEP_NS;
        /* A processor too slow for the rate writes as fast as it can and keeps no debt. */
        if (labguest_now_ns() > due_ns + STEP_NS) {
            due_ns = labguest_now_ns();
            writer.owed_bytes = 0;
        }
        labguest_sleep_until(due_ns);
    }
}
