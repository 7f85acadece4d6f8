/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* From libvirt's callbacks to the session's sink. A tap outlives its session for as long as
 * libvirt may still call back, and lets nothing through once it is shut. */
#include "hypervisor/libvirt/connection.h"

EventTap *event_tap_new(uint64_t session, HostEventSink sink, void *sink_data);
EventTap *event_tap_ref(EventTap *tap);
void event_tap_unref(EventTap *tap);
/* No event is delivered after it has returned. */
void event_tap_shut(EventTap *tap);

/* Registers for closing, lifecycle, iterations and finished jobs. What a driver does not know is
 * left out. */
bool event_tap_attach(EventTap *tap, virConnectPtr connection, GError **error);
/* Between the two it is remembered whether that domain has been seen going on in post-copy. */
void event_tap_watch_post_copy(EventTap *tap, const char *uuid);
void event_tap_unwatch_post_copy(EventTap *tap, const char *uuid);
/* Waits for the event until then (monotonic): it may be behind the end of the call that caused it,
 * which comes by another connection. */
bool event_tap_wait_post_copy(EventTap *tap, const char *uuid, int64_t until_us);
/* Undoes it; asks the host. Without it libvirt never closes the connection. */
void event_tap_detach(EventTap *tap, virConnectPtr connection);
