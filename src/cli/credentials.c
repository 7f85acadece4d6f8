/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "cli/credentials.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

void
credentials_free(Credentials *credentials)
{
    if (credentials == NULL) {
        return;
    }
    g_free(credentials->auth_url);
    g_free(credentials->username);
    g_free(credentials->user_id);
    g_free(credentials->password);
    g_free(credentials->token);
    g_free(credentials->project_name);
    g_free(credentials->project_id);
    g_free(credentials->user_domain);
    g_free(credentials->project_domain);
    g_free(credentials->cacert);
    g_free(credentials->interface);
    g_free(credentials->region);
    g_free(credentials);
}

/* One credential in its three spellings. */
typedef struct Spelling {
    const char *option; /* on the command line; upper case and _ make the variable */
    const char *yaml;   /* key in clouds.yaml, under auth or beside it */
    size_t offset;
} Spelling;

static const Spelling SPELLINGS[] = {
    {"os-auth-url", "auth_url", offsetof(Credentials, auth_url)},
    {"os-username", "username", offsetof(Credentials, username)},
    {"os-user-id", "user_id", offsetof(Credentials, user_id)},
    {"os-password", "password", offsetof(Credentials, password)},
    {"os-token", "token", offsetof(Credentials, token)},
    {"os-project-name", "project_name", offsetof(Credentials, project_name)},
    {"os-project-id", "project_id", offsetof(Credentials, project_id)},
    {"os-tenant-name", "tenant_name", offsetof(Credentials, project_name)},
    {"os-user-domain-name", "user_domain_name", offsetof(Credentials, user_domain)},
    {"os-user-domain-id", "user_domain_id", offsetof(Credentials, user_domain)},
    {"os-project-domain-name", "project_domain_name", offsetof(Credentials, project_domain)},
    {"os-project-domain-id", "project_domain_id", offsetof(Credentials, project_domain)},
    {"os-cacert", "cacert", offsetof(Credentials, cacert)},
    {"os-interface", "interface", offsetof(Credentials, interface)},
    {"os-region-name", "region_name", offsetof(Credentials, region)},
};

static char **
field_of(Credentials *credentials, const Spelling *spelling)
{
    return (char **)((char *)credentials + spelling->offset);
}

/* The first source that says something wins. */
static void
set_if_missing(char **field, const char *value)
{
    if (*field == NULL && value != NULL && *value != '\0') {
        *field = g_strdup(value);
    }
}

static char *
variable_of(const char *option)
{
    char *name = g_ascii_strup(option, -1);
    return g_strdelimit(name, "-", '_');
}

/* The value node of a key in a mapping, or NULL. */
static yaml_node_t *
yaml_lookup(yaml_document_t *document, yaml_node_t *mapping, const char *key)
{
    if (mapping == NULL || mapping->type != YAML_MAPPING_NODE) {
        return NULL;
    }
    for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
         pair < mapping->data.mapping.pairs.top; pair++) {
        yaml_node_t *name = yaml_document_get_node(document, pair->key);
        if (name != NULL && name->type == YAML_SCALAR_NODE &&
            strcmp((const char *)name->data.scalar.value, key) == 0) {
            return yaml_document_get_node(document, pair->value);
        }
    }
    return NULL;
}

static const char *
yaml_text(yaml_node_t *node)
{
    return node != NULL && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value
                                                          : NULL;
}

static bool
read_cloud(Credentials *credentials, yaml_document_t *document, const char *path, const char *cloud,
    GError **error)
{
    yaml_node_t *root = yaml_document_get_root_node(document);
    yaml_node_t *entry = yaml_lookup(document, yaml_lookup(document, root, "clouds"), cloud);
    if (entry == NULL) {
        return error_set(error, ERROR_INVALID, "there is no cloud '%s' in '%s'", cloud, path);
    }
    yaml_node_t *auth = yaml_lookup(document, entry, "auth");
    for (size_t i = 0; i < G_N_ELEMENTS(SPELLINGS); i++) {
        char **field = field_of(credentials, &SPELLINGS[i]);
        set_if_missing(field, yaml_text(yaml_lookup(document, auth, SPELLINGS[i].yaml)));
        set_if_missing(field, yaml_text(yaml_lookup(document, entry, SPELLINGS[i].yaml)));
    }
    const char *verify = yaml_text(yaml_lookup(document, entry, "verify"));
    if (verify != NULL && g_ascii_strcasecmp(verify, "false") == 0) {
        credentials->insecure = true;
    }
    return true;
}

bool
credentials_read_clouds(
    Credentials *credentials, const char *path, const char *cloud, GError **error)
{
    g_autofree char *text = NULL;
    size_t size = 0;
    if (!g_file_get_contents(path, &text, &size, error)) {
        return false;
    }
    yaml_parser_t parser;
    yaml_document_t document;
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    bool loaded = yaml_parser_load(&parser, &document) != 0;
    bool ok = loaded ? read_cloud(credentials, &document, path, cloud, error)
                     : error_set(error, ERROR_INVALID, "'%s' is not YAML: %s in line %zu", path,
                           parser.problem != NULL ? parser.problem : "syntax error",
                           parser.problem_mark.line + 1);
    if (loaded) {
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return ok;
}

/* The places where the openstack client looks, in its order. */
static char *
find_clouds_file(void)
{
    const char *named = g_getenv("OS_CLIENT_CONFIG_FILE");
    g_autofree char *own = g_build_filename(g_get_user_config_dir(), "openstack/clouds.yaml", NULL);
    const char *places[] = {named, "clouds.yaml", own, "/etc/openstack/clouds.yaml"};
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        if (places[i] != NULL && g_file_test(places[i], G_FILE_TEST_EXISTS)) {
            return g_strdup(places[i]);
        }
    }
    return NULL;
}

static bool
check_complete(const Credentials *credentials, GError **error)
{
    if (credentials->auth_url == NULL) {
        return error_set(error, ERROR_INVALID,
            "nobody said where drover is: set OS_AUTH_URL (for example "
            "http://127.0.0.1:8774/identity/v3), or OS_CLOUD with a clouds.yaml");
    }
    if (credentials->token == NULL &&
        (credentials->password == NULL ||
            (credentials->username == NULL && credentials->user_id == NULL))) {
        return error_set(error, ERROR_INVALID,
            "nobody said who you are: set OS_USERNAME and OS_PASSWORD, or OS_TOKEN");
    }
    return true;
}

Credentials *
credentials_load(GHashTable *options, GError **error)
{
    g_autoptr(Credentials) credentials = g_new0(Credentials, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(SPELLINGS); i++) {
        set_if_missing(field_of(credentials, &SPELLINGS[i]),
            g_hash_table_lookup(options, SPELLINGS[i].option));
    }
    credentials->insecure = g_hash_table_contains(options, "insecure");
    for (size_t i = 0; i < G_N_ELEMENTS(SPELLINGS); i++) {
        g_autofree char *variable = variable_of(SPELLINGS[i].option);
        set_if_missing(field_of(credentials, &SPELLINGS[i]), g_getenv(variable));
    }
    const char *cloud = g_hash_table_lookup(options, "os-cloud");
    if (cloud == NULL) {
        cloud = g_getenv("OS_CLOUD");
    }
    if (cloud != NULL && *cloud != '\0') {
        g_autofree char *path = find_clouds_file();
        if (path == NULL) {
            error_set(error, ERROR_INVALID,
                "cloud '%s' was named, but there is no clouds.yaml here, in "
                "~/.config/openstack or in /etc/openstack",
                cloud);
            return NULL;
        }
        if (!credentials_read_clouds(credentials, path, cloud, error)) {
            return NULL;
        }
    }
    set_if_missing(&credentials->user_domain, "Default");
    set_if_missing(&credentials->project_domain, "Default");
    set_if_missing(&credentials->interface, "public");
    return check_complete(credentials, error) ? g_steal_pointer(&credentials) : NULL;
}
