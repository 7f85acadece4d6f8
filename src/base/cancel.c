/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "base/cancel.h"

#include <glib.h>

struct Cancel {
    int is_asked; /* atomic */
};

Cancel *
cancel_new(void)
{
    return g_atomic_rc_box_new0(Cancel);
}

Cancel *
cancel_ref(Cancel *cancel)
{
    return g_atomic_rc_box_acquire(cancel);
}

void
cancel_unref(Cancel *cancel)
{
    if (cancel != NULL) {
        g_atomic_rc_box_release(cancel);
    }
}

void
cancel_ask(Cancel *cancel)
{
    g_atomic_int_set(&cancel->is_asked, 1);
}

bool
cancel_is_asked(const Cancel *cancel)
{
    return cancel != NULL && g_atomic_int_get(&cancel->is_asked) != 0;
}
