/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* libvirt's errors become ours here and nowhere else. */
#include "base/error.h"
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

/* Whether the call that failed would have changed something. */
typedef enum {
    EFFECT_NONE, /* a question: a lost connection is HYPERVISOR_DOWN */
    EFFECT_ASKED /* an effect: with the connection lost it may have happened */
} Effect;

/* Keeps libvirt from writing errors to standard error. Once per process. */
void libvirt_error_init(void);
/* Turns the thread's last libvirt error into ours: "WHAT: libvirt's own sentence". connection is
 * the one that the call ran on, NULL when there is none yet. Returns false. */
bool libvirt_error_set(GError **error, virConnectPtr connection, Effect effect, const char *what,
    ...) G_GNUC_PRINTF(4, 5);
/* The number of the thread's last libvirt error; 0 = none. */
int libvirt_error_number(void);
