/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Time and randomness, as a table of functions, so that the simulator can run in virtual time.
 * Wall time is microseconds since 1970 UTC ("us"): that is what is stored and shown. */
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Clock {
    int64_t (*now_us)(void *data);
    void (*random)(void *data, void *buffer, size_t size);
    void *data;
} Clock;

/* The system's clock and getrandom(2). */
const Clock *clock_system(void);
int64_t clock_now_us(const Clock *clock);
/* A lower-case version 4 UUID; caller frees. */
char *clock_new_uuid(const Clock *clock);
/* size random bytes as lower-case hex; caller frees. */
char *clock_random_hex(const Clock *clock, size_t size);

/* "2016-06-23T14:42:02Z" and "2016-06-23T14:42:02.000000" (no zone): Nova's two spellings.
 * Caller frees; us == 0 gives NULL. */
char *time_format_z(int64_t us);
char *time_format_us(int64_t us);
/* Accepts both, and any offset; false when the text is not a time. */
bool time_parse(const char *text, int64_t *ret_us);
