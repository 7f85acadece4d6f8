/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/server_group.h"

static const char *const policy_names[] = {
#define X(name, text) [SERVER_GROUP_##name] = text,
    SERVER_GROUP_POLICIES(X)
#undef X
};

const char *
server_group_policy_name(ServerGroupPolicy policy)
{
    g_assert((unsigned)policy < G_N_ELEMENTS(policy_names));
    return policy_names[policy];
}

bool
server_group_policy_parse(const char *text, ServerGroupPolicy *ret_policy)
{
    for (size_t i = 0; i < G_N_ELEMENTS(policy_names); i++) {
        if (g_strcmp0(policy_names[i], text) == 0) {
            *ret_policy = (ServerGroupPolicy)i;
            return true;
        }
    }
    return false;
}

ServerGroup *
server_group_new(void)
{
    ServerGroup *group = g_new0(ServerGroup, 1);

    group->members = g_ptr_array_new_with_free_func(g_free);
    return group;
}

void
server_group_free(ServerGroup *group)
{
    if (group == NULL) {
        return;
    }
    g_free(group->id);
    g_free(group->name);
    g_free(group->project_id);
    g_free(group->user_id);
    g_ptr_array_unref(group->members);
    g_free(group);
}
