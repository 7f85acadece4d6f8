/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Who asks, and where: OS_* variables and clouds.yaml, as the openstack client reads them. A
 * command line option wins over the environment, and that over the file. */
#include <glib.h>
#include <stdbool.h>

typedef struct Credentials {
    char *auth_url;
    char *username;
    char *user_id;
    char *password;
    char *token; /* instead of a password */
    char *project_name;
    char *project_id;
    char *user_domain;    /* name or id, "Default" when not said */
    char *project_domain;
    char *cacert;
    char *interface;      /* "public" */
    char *region;
    bool insecure;
} Credentials;

/* options: name without dashes ("os-cloud") -> value, from the command line. */
Credentials *credentials_load(GHashTable *options, GError **error);
void credentials_free(Credentials *credentials);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Credentials, credentials_free)
/* The lines of a clouds.yaml for one cloud, into credentials that are not set yet. */
bool credentials_read_clouds(
    Credentials *credentials, const char *path, const char *cloud, GError **error);
