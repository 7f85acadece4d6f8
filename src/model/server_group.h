/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* A server group: instances of one project that belong on one host, or on different ones. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* NAME, Nova's word. */
#define SERVER_GROUP_POLICIES(X)                                                                   \
    X(AFFINITY, "affinity")                                                                        \
    X(ANTI_AFFINITY, "anti-affinity")                                                              \
    X(SOFT_AFFINITY, "soft-affinity")                                                              \
    X(SOFT_ANTI_AFFINITY, "soft-anti-affinity")

typedef enum {
    SERVER_GROUP_NONE, /* of an instance that is in no group */
#define X(name, text) SERVER_GROUP_##name,
    SERVER_GROUP_POLICIES(X)
#undef X
} ServerGroupPolicy;
const char *server_group_policy_name(ServerGroupPolicy policy); /* NULL for none */
/* text NULL is none; false: it is no policy. */
bool server_group_policy_parse(const char *text, ServerGroupPolicy *ret_policy);

typedef struct ServerGroup {
    char *id; /* UUID */
    char *name;
    char *project_id;
    char *user_id;
    ServerGroupPolicy policy;
    int max_server_per_host; /* with anti-affinity; 0: it was not said, which is one */
    int64_t created_us;
    GPtrArray *members; /* char *: ids of the instances that live */
} ServerGroup;

ServerGroup *server_group_new(void);
void server_group_free(ServerGroup *group);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ServerGroup, server_group_free)
