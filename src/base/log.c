/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/log.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { ALLOW_KEYS_MAX = 10000 };

static atomic_int current_level = LOG_LEVEL_INFO;
static atomic_bool is_json;

/* Guards allowed. A leaf: nothing is called while it is held. */
static GMutex allow_lock;
static GHashTable *allowed; /* key -> int64_t, monotonic time of the last permission */

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

void
log_init(LogLevel level, bool json)
{
    atomic_store(&current_level, (int)level);
    atomic_store(&is_json, json);
}

bool
log_level_parse(const char *text, LogLevel *ret_level)
{
    for (size_t i = 0; i < G_N_ELEMENTS(level_names); i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *ret_level = (LogLevel)i;
            return true;
        }
    }
    return false;
}

static bool
needs_quotes(const char *value)
{
    for (const char *p = value; *p != '\0'; p++) {
        if (*p <= ' ' || *p == '=' || *p == '"' || *p == '\\' || *p == 0x7f) {
            return true;
        }
    }
    return *value == '\0';
}

/* The escapes of JSON; logfmt has none of its own, and readers of it take these. */
static void
append_quoted(GString *line, const char *value)
{
    g_string_append_c(line, '"');
    for (const char *p = value; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\') {
            g_string_append_printf(line, "\\%c", c);
        } else if (c == '\n') {
            g_string_append(line, "\\n");
        } else if (c < ' ' || c == 0x7f) {
            g_string_append_printf(line, "\\u%04x", c);
        } else {
            g_string_append_c(line, *p);
        }
    }
    g_string_append_c(line, '"');
}

static void
append_field(GString *line, bool json, const char *key, const char *value)
{
    g_autofree char *valid = g_utf8_make_valid(value, -1);
    if (json) {
        g_string_append_printf(line, "%s\"%s\":", line->len > 0 ? "," : "{", key);
        append_quoted(line, valid);
        return;
    }
    g_string_append_printf(line, "%s%s=", line->len > 0 ? " " : "", key);
    if (needs_quotes(valid)) {
        append_quoted(line, valid);
    } else {
        g_string_append(line, valid);
    }
}

void
log_record(LogLevel level, const LogField *fields, const char *format, ...)
{
    if ((int)level > atomic_load(&current_level)) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);

    bool json = atomic_load(&is_json);
    g_autofree char *now = time_format_us(clock_now_us(clock_system()));
    g_autofree char *time = g_strconcat(now, "Z", NULL);
    g_autoptr(GString) line = g_string_sized_new(256);
    append_field(line, json, "time", time);
    append_field(line, json, "level", level_names[level]);
    append_field(line, json, "msg", message);
    for (const LogField *field = fields; field != NULL && field->key != NULL; field++) {
        if (field->value != NULL) {
            append_field(line, json, field->key, field->value);
        }
    }
    g_string_append(line, json ? "}\n" : "\n");
    /* One write, so that lines of several threads never mix. A log that cannot be written is no
     * reason to stop moving guests. */
    ssize_t written = write(STDERR_FILENO, line->str, line->len);
    (void)written;
}

bool
log_allow(const char *key, int interval_s)
{
    int64_t now_us = g_get_monotonic_time();
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&allow_lock);
    if (allowed == NULL) {
        allowed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    }
    int64_t *last_us = g_hash_table_lookup(allowed, key);
    if (last_us != NULL && now_us - *last_us < interval_s * (int64_t)G_USEC_PER_SEC) {
        return false;
    }
    if (last_us == NULL && g_hash_table_size(allowed) >= ALLOW_KEYS_MAX) {
        g_hash_table_remove_all(allowed);
    }
    g_hash_table_insert(allowed, g_strdup(key), g_memdup2(&now_us, sizeof now_us));
    return true;
}
