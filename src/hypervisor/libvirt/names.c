/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/names.h"

#include <string.h>

#define BASE_PREFIX "base-"
#define SHA256_LENGTH 64

char *
name_guest_volume(const char *uuid, VolumeKind kind)
{
    switch (kind) {
    case VOLUME_ROOT: return g_strconcat(uuid, ".root.qcow2", NULL);
    case VOLUME_CONFIG: return g_strconcat(uuid, ".config.img", NULL);
    case VOLUME_CONSOLE: return g_strconcat(uuid, ".console.log", NULL);
    case VOLUME_NVRAM: return g_strconcat(uuid, ".nvram.fd", NULL);
    }
    g_return_val_if_reached(NULL);
}

char *
name_base(const char *sha256, const char *format)
{
    return g_strconcat(BASE_PREFIX, sha256, ".", format, NULL);
}

char *
name_base_marker(const char *sha256, const char *format)
{
    return g_strconcat(BASE_PREFIX, sha256, ".", format, ".complete", NULL);
}

bool
name_is_volume(const char *path)
{
    g_autofree char *name = g_path_get_basename(path);

    return g_str_has_prefix(name, "volume-");
}

#define PROBE_PREFIX "drover-probe-"

char *
name_probe(const char *token)
{
    return g_strconcat(PROBE_PREFIX, token, NULL);
}

const char *
name_parse_probe(const char *name)
{
    return g_str_has_prefix(name, PROBE_PREFIX) ? name + strlen(PROBE_PREFIX) : NULL;
}

#define POOL_PREFIX "drover-pool-"

char *
name_pool_id(const char *id)
{
    return g_strconcat(POOL_PREFIX, id, NULL);
}

const char *
name_parse_pool_id(const char *name)
{
    return g_str_has_prefix(name, POOL_PREFIX) ? name + strlen(POOL_PREFIX) : NULL;
}

bool
name_parse_guest_volume(const char *name, char ret_uuid[37], bool *ret_root)
{
    g_autofree char *uuid = g_strndup(name, 36);

    if (strlen(name) < 38 || name[36] != '.' || !g_uuid_string_is_valid(uuid)) {
        return false;
    }
    memcpy(ret_uuid, uuid, 37);
    *ret_root = g_str_has_prefix(name + 36, ".root.");
    return true;
}

bool
name_parse_base(const char *name, char **ret_sha256, char **ret_format)
{
    const char *hash = name + strlen(BASE_PREFIX);

    if (!g_str_has_prefix(name, BASE_PREFIX) || strlen(hash) < SHA256_LENGTH + 2 ||
        hash[SHA256_LENGTH] != '.') {
        return false;
    }
    *ret_sha256 = g_strndup(hash, SHA256_LENGTH);
    *ret_format = g_strdup(hash + SHA256_LENGTH + 1);
    return true;
}
