/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* A word to somebody who works on another thread: what you do is not wanted any more. Counted,
 * because who works may outlive who asked. Whoever works looks at it between two pieces. */
#include <stdbool.h>

/* Who waits for something that cannot be told of it looks at it this often. */
#define CANCEL_LOOK_US (100 * 1000)

typedef struct Cancel Cancel;

Cancel *cancel_new(void);
Cancel *cancel_ref(Cancel *cancel);
void cancel_unref(Cancel *cancel); /* NULL is fine */
void cancel_ask(Cancel *cancel);
bool cancel_is_asked(const Cancel *cancel); /* NULL: never */
