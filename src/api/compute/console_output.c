/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* {"os-getConsoleOutput": {"length": N}}: asked from the host by the engine, with what was written
 * on the hosts that the instance has left in front of it. */
#include "api/compute/compute.h"

#include <string.h>

enum { CONSOLE_SIZE_MAX = 512 * 1024 };

static const Field fields[] = {
    {"length", FIELD_INTEGER, FIELD_NULLABLE, -1, G_MAXINT32},
    {NULL},
};

typedef struct ConsoleAsk {
    ApiContext *context;
    int64_t lines; /* -1 = all */
} ConsoleAsk;

/* The last n lines of the text. */
static const char *
last_lines(const char *text, size_t size, int64_t n)
{
    const char *p = text + size;
    if (n == 0) {
        return p;
    }
    /* The line end of the last line does not count. */
    if (p > text && p[-1] == '\n') {
        p--;
    }
    while (n > 0 && p > text) {
        if (p[-1] == '\n' && --n == 0) {
            break;
        }
        p--;
    }
    return p;
}

static void
on_console(const char *text, size_t size, const GError *problem, void *data)
{
    g_autofree ConsoleAsk *ask = data;
    if (problem != NULL) {
        api_complete(ask->context, NULL, problem);
        return;
    }
    const char *from = ask->lines >= 0 ? last_lines(text, size, ask->lines) : text;
    /* A console may write anything; JSON takes UTF-8 without NUL. */
    g_autofree char *valid = g_utf8_make_valid(from, (gssize)(size - (size_t)(from - text)));
    api_complete(ask->context, api_json(200, json_pack("{s:s}", "output", valid)), NULL);
}

HttpResponse *
compute_console_output(
    ApiContext *context, const Instance *instance, const json_t *value, GError **error)
{
    if (!validate_body(value, fields, 0, context->minor, error)) {
        return NULL;
    }
    if (instance->host == NULL) {
        error_set(error, ERROR_CONFLICT, "Instance %s is not ready", instance->id);
        return NULL;
    }
    ConsoleAsk *ask = g_new0(ConsoleAsk, 1);
    *ask = (ConsoleAsk){.context = context, .lines = body_int(value, "length", -1)};
    g_autofree char *host = g_strdup(instance->host);
    g_autofree char *id = g_strdup(instance->id);
    api_defer(context);
    engine_ask_console(context->engine, host, id, CONSOLE_SIZE_MAX, on_console, ask);
    return NULL;
}
