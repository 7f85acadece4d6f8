/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The rows of operations, for the files that read and write them. Those that write run inside a
 * write transaction of their caller. */
#include "store/rows.h"

#define OPERATION_COLUMNS                                                                          \
    "o.id, o.kind, o.instance_id, o.state, o.wanted, o.is_open, o.epoch, o.requested_host,"        \
    " o.request_id, o.user_id, o.project_id, o.created_us, o.updated_us, o.deadline_us,"           \
    " o.error_code, o.message"

/* Reads OPERATION_COLUMNS from that column on; returns the next column. */
int operation_read_columns(DbStatement *statement, int column, Operation *operation);
/* An open operation in its first state, and the first line of its history. */
Operation *operation_insert_row(
    Store *store, const OperationRequest *request, const char *requested_host, GError **error);
/* The same with the checks that store_accept_operation promises. */
Operation *operation_accept(Store *store, const OperationRequest *request,
    const char *requested_host, Instance **ret_instance, GError **error);
/* from NULL: it was accepted. */
bool operation_insert_event(Store *store, int64_t operation_id, const char *from, const char *to,
    const char *sentence, GError **error);
/* *ret_changes (may be NULL) is 0 when it is not open any more. */
bool operation_set_wanted(
    Store *store, int64_t operation_id, Wanted wanted, int *ret_changes, GError **error);
