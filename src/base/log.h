/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Structured log lines on standard error: one line per record, logfmt
 * (time=... level=info msg="..." request_id=... migration_id=...) or JSON with [DEFAULT]
 * log_format = json. Only engine, api, migration and daemon code log above debug; everybody else
 * returns errors. */
#include <glib.h>
#include <stdbool.h>

typedef enum { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG } LogLevel;

typedef struct LogField {
    const char *key;   /* lower case, [a-z_]+ */
    const char *value; /* NULL: the field is left out */
} LogField;

void log_init(LogLevel level, bool json);
bool log_level_parse(const char *text, LogLevel *ret_level);
/* fields ends with { NULL, NULL } or may be NULL. The message is one sentence without a newline;
 * control characters in values are escaped. Any thread. */
void log_record(LogLevel level, const LogField *fields, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

#define log_error(...) log_record(LOG_LEVEL_ERROR, NULL, __VA_ARGS__)
#define log_warning(...) log_record(LOG_LEVEL_WARNING, NULL, __VA_ARGS__)
#define log_info(...) log_record(LOG_LEVEL_INFO, NULL, __VA_ARGS__)
#define log_debug(...) log_record(LOG_LEVEL_DEBUG, NULL, __VA_ARGS__)

/* For failures that repeat per host: true at most once per interval for a key. */
bool log_allow(const char *key, int interval_s);
