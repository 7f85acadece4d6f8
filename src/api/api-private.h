/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The inside of an Api: for api.c and dispatch.c. */
#include "api/api.h"
#include "api/drover/events.h"

struct Api {
    ApiOptions options; /* with its own strings and all defaults filled in */
    Store *store;
    Engine *engine;
    Events *events;
    HttpRouter *router;
    GPtrArray *tables; /* ApiTable *: the data of the router's handlers */
};
