/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* One daemon per database: a lock on a file beside it, held by a descriptor and gone with the
 * process, however that ends. */
#include <glib.h>

/* The descriptor, or -1. ERROR_STORE_DOWN names the file and the process that holds it. */
int lock_take(const char *database_path, GError **error);
/* -1 is allowed. */
void lock_drop(int fd);
