/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/image/image.h"

static void
work_free(void *data)
{
    ImageWork *work = data;
    g_clear_error(&work->error);
    g_free(work);
}

static void
run(void *data)
{
    ImageWork *work = data;
    if (work->run != NULL) {
        work->run(work);
    }
}

static void
done(void *data, bool cancelled)
{
    ImageWork *work = data;
    g_autoptr(GError) error = NULL;
    HttpResponse *response = NULL;
    if (cancelled) {
        error_set(&error, ERROR_TIMEOUT, "the server is stopping");
    } else if (work->error != NULL) {
        error = g_steal_pointer(&work->error);
    } else {
        response = work->then(work->context, &error);
    }
    api_complete(work->context, response, error);
}

HttpResponse *
image_ask_work(ImageWork work)
{
    /* Work about one image is done one after the other, about several at once. */
    g_autofree char *key = g_strdup_printf("image-%s", api_param(work.context, "id"));
    ImageWork *copy = g_memdup2(&work, sizeof work);
    Engine *engine = work.context->engine;
    api_defer(work.context);
    engine_ask_work(engine, key, run, done, copy, work_free);
    return NULL;
}
