/* SPDX-License-Identifier: Apache-2.0
 * Copyright the drover authors. */
#include "labguest.h"

#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define MAX_DEVICES 8

static bool
was_power_key(int fd)
{
    struct input_event event;

    return read(fd, &event, sizeof event) == (ssize_t)sizeof event && event.type == EV_KEY &&
        event.code == KEY_POWER && event.value == 1;
}

int
powerbutton_main(int argc, char **argv)
{
    struct pollfd devices[MAX_DEVICES];
    nfds_t n_devices = 0;

    (void)argc;
    (void)argv;
    for (int i = 0; i < MAX_DEVICES; i++) {
        char path[32];
        int fd;

        snprintf(path, sizeof path, "/dev/input/event%d", i);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            devices[n_devices++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
    }
    if (n_devices == 0) {
        fprintf(stderr, "powerbutton: this machine has none\n");
        return 1;
    }
    for (;;) {
        if (poll(devices, n_devices, -1) < 0) {
            continue;
        }
        for (nfds_t i = 0; i < n_devices; i++) {
            if ((devices[i].revents & POLLIN) != 0 && was_power_key(devices[i].fd)) {
                return 0;
            }
        }
    }
}
