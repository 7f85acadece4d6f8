/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cli/each.h"
#include "cli/find.h"

#include "base/error.h"
#include "cli/watch.h"

#include <stdio.h>

bool
each_argument(CommandContext *context, EachAct act, const void *data, GError **error)
{
    Session *session = command_session(context, error);
    int n = command_n_arguments(context);
    int n_failed = 0;

    if (session == NULL) {
        return false;
    }
    for (int i = 0; i < n; i++) {
        g_autoptr(GError) problem = NULL;
        if (act(context, session, command_argument(context, i), data, &problem)) {
            continue;
        }
        if (n == 1 || watch_is_interrupted()) {
            g_propagate_error(error, g_steal_pointer(&problem));
            return false;
        }
        fprintf(stderr, "drover: %s\n", problem->message);
        n_failed++;
    }
    return n_failed == 0 || error_set(error, ERROR_CONFLICT, "%d of %d failed", n_failed, n);
}

typedef struct Deletion {
    EachFind find;
    const char *service;
    const char *collection;
} Deletion;

static bool
delete_one(CommandContext *context, Session *session, const char *argument, const void *data,
    GError **error)
{
    const Deletion *what = data;
    json_auto_t *object = what->find(session, argument, error);
    if (object == NULL) {
        return false;
    }
    g_autofree char *id = find_id(object);
    g_autofree char *path = session_path("/%s/%s", what->collection, id);
    json_auto_t *answer = session_request(session, what->service, "DELETE", path, NULL, error);
    return answer != NULL;
}

bool
each_delete(CommandContext *context, EachFind find, const char *service, const char *collection,
    GError **error)
{
    return each_argument(context, delete_one, &(Deletion){find, service, collection}, error);
}
