/* SPDX-License-Identifier: Apache-2.0
 * Copyright the drover authors. */
#include "labguest.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
ticker_main(int argc, char **argv)
{
    uint64_t due_ns = labguest_now_ns();
    int console_fd, file_fd = -1;

    if (argc < 2) {
        return 2;
    }
    console_fd = open(argv[1], O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (argc > 2) {
        file_fd = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    }
    for (unsigned long n = 1;; n++) {
        char text[32];
        int length = snprintf(text, sizeof text, "tick %lu\n", n);

        if (write(console_fd, text, (size_t)length) < 0) {
            return 1;
        }
        if (file_fd >= 0 && write(file_fd, text, (size_t)length) == length) {
            (void)fdatasync(file_fd);
        }
        due_ns += 1000000000u;
        labguest_sleep_until(due_ns);
    }
}
