/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/drain.h"

static const struct {
    const char *name;
    bool is_open;
    const char *sentence;
} states[] = {
#define X(name, text, is_open, sentence) {text, is_open, sentence},
    DRAIN_STATES(X)
#undef X
};

static const char *const wanted_names[] = {
    [DRAIN_WANTED_RUN] = "run", [DRAIN_WANTED_PAUSE] = "pause", [DRAIN_WANTED_CANCEL] = "cancel"};

static const char *const item_states[] = {
#define X(name, text) text,
    DRAIN_ITEM_STATES(X)
#undef X
};

const char *
drain_state_name(DrainState state)
{
    return states[state].name;
}

bool
drain_state_parse(const char *text, DrainState *ret_state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(states); i++) {
        if (g_strcmp0(text, states[i].name) == 0) {
            *ret_state = (DrainState)i;
            return true;
        }
    }
    return false;
}

bool
drain_state_is_open(DrainState state)
{
    return states[state].is_open;
}

const char *
drain_state_sentence(DrainState state)
{
    return states[state].sentence;
}

static int
find_name(const char *const *names, size_t n_names, const char *text)
{
    for (size_t i = 0; i < n_names; i++) {
        if (g_strcmp0(text, names[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *
drain_wanted_name(DrainWanted wanted)
{
    return wanted_names[wanted];
}

bool
drain_wanted_parse(const char *text, DrainWanted *ret_wanted)
{
    int found = find_name(wanted_names, G_N_ELEMENTS(wanted_names), text);
    if (found >= 0) {
        *ret_wanted = (DrainWanted)found;
    }
    return found >= 0;
}

const char *
drain_item_state_name(DrainItemState state)
{
    return item_states[state];
}

bool
drain_item_state_parse(const char *text, DrainItemState *ret_state)
{
    int found = find_name(item_states, G_N_ELEMENTS(item_states), text);
    if (found >= 0) {
        *ret_state = (DrainItemState)found;
    }
    return found >= 0;
}

void
drain_free(Drain *drain)
{
    if (drain == NULL) {
        return;
    }
    g_free(drain->host);
    g_free(drain->reason);
    g_free(drain->request_id);
    g_free(drain->user_id);
    g_free(drain);
}

void
drain_item_free(DrainItem *item)
{
    if (item == NULL) {
        return;
    }
    g_free(item->instance_id);
    g_free(item->instance_name);
    g_free(item->group_id);
    g_free(item->dest_host);
    g_free(item->tried);
    g_free(item->message);
    g_free(item->fix);
    g_free(item);
}
