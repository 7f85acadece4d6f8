/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/clock.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

static int64_t
system_now_us(void *data)
{
    return g_get_real_time();
}

static void
system_random(void *data, void *buffer, size_t size)
{
    uint8_t *bytes = buffer;
    while (size > 0) {
        ssize_t got = getrandom(bytes, size, 0);
        /* Only a signal may interrupt it; going on without randomness would make tokens that can
         * be guessed. */
        g_assert(got >= 0 || errno == EINTR);
        if (got > 0) {
            bytes += got;
            size -= (size_t)got;
        }
    }
}

const Clock *
clock_system(void)
{
    static const Clock clock = {.now_us = system_now_us, .random = system_random};
    return &clock;
}

int64_t
clock_now_us(const Clock *clock)
{
    return clock->now_us(clock->data);
}

static char *
bytes_to_hex(const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    char *text = g_malloc(2 * size + 1);
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * size] = '\0';
    return text;
}

char *
clock_new_uuid(const Clock *clock)
{
    uint8_t bytes[16];
    clock->random(clock->data, bytes, sizeof bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40; /* version 4 */
    bytes[8] = (bytes[8] & 0x3f) | 0x80; /* the variant of RFC 4122 */
    g_autofree char *hex = bytes_to_hex(bytes, sizeof bytes);
    return g_strdup_printf("%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

char *
clock_random_hex(const Clock *clock, size_t size)
{
    g_autofree uint8_t *bytes = g_malloc(size);
    clock->random(clock->data, bytes, size);
    return bytes_to_hex(bytes, size);
}

/* Seconds since 1970, rounded towards the past, so that the microseconds left are positive. */
static struct tm
split_time(int64_t us, int *ret_us)
{
    int64_t seconds = us / G_USEC_PER_SEC - (us % G_USEC_PER_SEC < 0);
    struct tm parts;
    gmtime_r(&(time_t){seconds}, &parts);
    *ret_us = (int)(us - seconds * G_USEC_PER_SEC);
    return parts;
}

static char *
format_seconds(const struct tm *parts)
{
    return g_strdup_printf("%04d-%02d-%02dT%02d:%02d:%02d", parts->tm_year + 1900,
        parts->tm_mon + 1, parts->tm_mday, parts->tm_hour, parts->tm_min, parts->tm_sec);
}

char *
time_format_z(int64_t us)
{
    if (us == 0) {
        return NULL;
    }
    int left_us;
    struct tm parts = split_time(us, &left_us);
    g_autofree char *seconds = format_seconds(&parts);
    return g_strconcat(seconds, "Z", NULL);
}

char *
time_format_us(int64_t us)
{
    if (us == 0) {
        return NULL;
    }
    int left_us;
    struct tm parts = split_time(us, &left_us);
    g_autofree char *seconds = format_seconds(&parts);
    return g_strdup_printf("%s.%06d", seconds, left_us);
}

bool
time_parse(const char *text, int64_t *ret_us)
{
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, utc);
    if (time == NULL) {
        return false;
    }
    *ret_us = g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time);
    return true;
}
