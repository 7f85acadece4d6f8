/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Names to objects, with one sentence when there is none or more than one. */
#include "cli/session.h"

/* All projects are searched first when the caller is an administrator. The whole object. */
json_t *find_server(Session *session, const char *name_or_id, GError **error);
json_t *find_flavor(Session *session, const char *name_or_id, GError **error);
json_t *find_image(Session *session, const char *name_or_id, GError **error);
json_t *find_network(Session *session, const char *name_or_id, GError **error);
json_t *find_volume(Session *session, const char *name_or_id, GError **error);
json_t *find_project(Session *session, const char *name_or_id, GError **error);
json_t *find_user(Session *session, const char *name_or_id, GError **error);
json_t *find_role(Session *session, const char *name_or_id, GError **error);
json_t *find_server_group(Session *session, const char *name_or_id, GError **error);
json_t *find_aggregate(Session *session, const char *name_or_id, GError **error);
/* The id member of what was found, also of one that is a number; caller frees. */
char *find_id(const json_t *object);
