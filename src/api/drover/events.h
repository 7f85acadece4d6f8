/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Server-sent events: which instances, migrations and hosts have changed, by their ids. What has
 * become of them is asked for as always. Nothing is kept: whoever connects again asks for what has
 * changed since the last event that it got, whose id is a time. */
#include "api/api.h"

typedef struct Events Events;

/* Listens to the store. Makes a thread of its own, which rests while nobody reads. */
Events *events_new(Store *store, const Clock *clock);
/* Nobody writes to the store any more. NULL is fine. */
void events_free(Events *events);
