/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Verbs on pools: bases and markers. */
#include "hypervisor/fake/verbs.h"

#include "hypervisor/fake/volumes.h"

/* ---- bases ---- */

/* Takes the time that a stream of this size takes, piece by piece. False: the session closed
 * meanwhile, and the base stays incomplete; or it was cancelled. */
static bool
stream(FakeSession *session, int64_t size, const Cancel *cancel, GError **error)
{
    FakeFleet *fleet = session->fleet;
    int64_t rate = fleet->options.base_bytes_s;
    int64_t time_us = rate == 0 ? 0 : (int64_t)((double)size / (double)rate * 1e6);
    int64_t end_us = fleet_now_us(fleet) + time_us;
    while (fleet_now_us(fleet) < end_us && !cancel_is_asked(cancel)) {
        int64_t piece_us = cancel != NULL ? fleet_now_us(fleet) + CANCEL_LOOK_US : end_us;
        FakeWaiter waiter = {.session = session, .until_us = MIN(end_us, piece_us)};
        fleet_expect(fleet, &waiter);
        if (!fleet_wait(fleet, &waiter)) {
            return error_set(error, ERROR_OUTCOME_UNKNOWN,
                "the connection to host '%s' broke while a base was streamed", session->host);
        }
    }
    return !cancel_is_asked(cancel) ||
        error_set(error, ERROR_CANCELLED, "a base for host '%s' was given up", session->host);
}

static bool
make_base(FakeSession *session, const BaseImage *image, const Cancel *cancel, GError **error)
{
    FakeFleet *fleet = session->fleet;
    if (!volumes_begin_base(fleet, session->pool, image, error)) {
        return false;
    }
    if (!stream(session, image->size_bytes, cancel, error)) {
        if (cancel_is_asked(cancel) && !session->is_closed) {
            volumes_drop_base(fleet, session->pool, image);
        }
        return false;
    }
    volumes_complete_base(fleet, session->pool, image);
    return true;
}

bool
fake_ensure_base(void *host, const BaseImage *image, const Cancel *cancel, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, true, error)) {
        return false;
    }
    bool done = volumes_has_base(session->fleet, session->pool, image);
    if (!done && image->path == NULL) {
        error_set(error, ERROR_NOT_FOUND, "the file of base '%s' is gone", image->sha256);
    } else if (!done) {
        done = make_base(session, image, cancel, error);
    }
    fleet_leave(session->fleet);
    return done;
}

bool
fake_copy_base(
    void *host, void *from_host, const BaseImage *image, const Cancel *cancel, GError **error)
{
    FakeSession *session = host;
    FakeSession *from = from_host;
    if (!fleet_enter_both(session, from, true, error)) {
        return false;
    }
    bool done = volumes_has_base(session->fleet, session->pool, image);
    if (!done && !volumes_has_base(session->fleet, from->pool, image)) {
        error_set(error, ERROR_NOT_FOUND, "host '%s' has no complete base '%s'", from->host,
            image->sha256);
    } else if (!done) {
        done = make_base(session, image, cancel, error);
    }
    fleet_leave(session->fleet);
    return done;
}

/* ---- markers ---- */

/* A pool that is named is one that the whole fleet shares. */
static const char *
pool_of(const FakeSession *session, const char *name)
{
    return name != NULL ? name : session->pool;
}

bool
fake_create_marker(
    void *host, const char *pool, const char *token, bool *ret_existed, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, true, error)) {
        return false;
    }
    *ret_existed = !volumes_make_marker(session->fleet, pool_of(session, pool), token);
    fleet_leave(session->fleet);
    return true;
}

bool
fake_delete_marker(void *host, const char *pool, const char *token, GError **error)
{
    FakeSession *session = host;
    if (!fleet_enter(session, true, error)) {
        return false;
    }
    volumes_delete_marker(session->fleet, pool_of(session, pool), token);
    fleet_leave(session->fleet);
    return true;
}
