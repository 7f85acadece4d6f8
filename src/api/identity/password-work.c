/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/identity/identity.h"
#include "auth/auth.h"
#include <string.h>

/* One hash needs 16 MiB for a moment: one key, so that there is one at a time. */
#define WORK_KEY "password"

static void
wipe(char *secret)
{
    if (secret != NULL) {
        explicit_bzero(secret, strlen(secret));
        g_free(secret);
    }
}

static void
work_free(void *data)
{
    PasswordWork *work = data;
    wipe(work->password);
    wipe(work->new_password);
    g_free(work->old_hash);
    g_free(work->new_hash);
    g_clear_error(&work->error);
    if (work->free_data != NULL) {
        work->free_data(work->data);
    }
    g_free(work);
}

static void
run(void *data)
{
    PasswordWork *work = data;
    if (work->is_verify) {
        work->is_verified = auth_verify_password(work->password, work->old_hash);
        if (!work->is_verified) {
            return;
        }
    }
    if (work->new_password != NULL) {
        work->new_hash = auth_hash_password(work->new_password, &work->error);
    }
}

static HttpResponse *
finish(PasswordWork *work, bool cancelled, GError **error)
{
    if (cancelled) {
        error_set(error, ERROR_TIMEOUT, "the server is stopping");
        return NULL;
    }
    if (work->is_verify && !work->is_verified) {
        error_set(error, ERROR_UNAUTHENTICATED, "wrong user name or password");
        return NULL;
    }
    if (work->error != NULL) {
        g_propagate_error(error, g_steal_pointer(&work->error));
        return NULL;
    }
    return work->then(work->context, work, error);
}

static void
done(void *data, bool cancelled)
{
    PasswordWork *work = data;
    g_autoptr(GError) error = NULL;
    HttpResponse *response = finish(work, cancelled, &error);
    api_complete(work->context, response, error);
}

HttpResponse *
identity_password_work(const PasswordWork *take_work)
{
    PasswordWork *work = g_memdup2(take_work, sizeof *take_work);
    api_defer(work->context);
    engine_ask_work(work->context->engine, WORK_KEY, run, done, work, work_free);
    return NULL;
}
