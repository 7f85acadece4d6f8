/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/volumes.h"

#include "hypervisor/libvirt/xml.h"
#include <string.h>

#define REFRESH_TRIES 200
#define REFRESH_PAUSE_US (20 * 1000)

static bool
pool_ensure_running(const Slot *slot, virStoragePoolPtr pool, GError **error)
{
    int is_active = virStoragePoolIsActive(pool);

    if (is_active < 0 || (is_active == 0 && virStoragePoolCreate(pool, 0) < 0)) {
        return libvirt_error_set(error, slot->connection, EFFECT_NONE,
            "cannot start storage pool '%s' on host '%s'", virStoragePoolGetName(pool),
            slot->host->name);
    }
    return true;
}

/* The pool of its guests is what a host must have: without it the host is at fault, and not who
 * asked for something in it. */
static void
fail_without_pool(const Slot *slot, GError **error)
{
    g_autoptr(GError) reason = NULL;

    libvirt_error_set(&reason, slot->connection, EFFECT_NONE,
        "cannot use storage pool '%s' on host '%s'", slot->host->pool, slot->host->name);
    error_set(error,
        error_is(reason, ERROR_NOT_FOUND) ? ERROR_HYPERVISOR_REFUSED : error_code(reason), "%s",
        reason->message);
}

virStoragePoolPtr
pool_get(const Slot *slot, GError **error)
{
    g_autoptr(virStoragePool) pool = virStoragePoolLookupByName(slot->connection, slot->host->pool);

    if (pool == NULL) {
        fail_without_pool(slot, error);
        return NULL;
    }
    /* Only the first use in a session looks at the pool's definition, and starts it. */
    if (pool_get_path(slot, pool, error) == NULL) {
        return NULL;
    }
    return g_steal_pointer(&pool);
}

static bool
pool_type_is_supported(const char *type)
{
    const char *const supported[] = {"dir", "fs", "netfs", NULL};

    return type != NULL && g_strv_contains(supported, type);
}

static char *
pool_read_path(const Slot *slot, const char *name, const char *text, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(text, error);

    if (document == NULL) {
        return NULL;
    }
    const xmlNode *pool = xmlDocGetRootElement(document);
    g_autofree char *type = xml_get(pool, "type");
    char *path = xml_get_text(xml_child(xml_child(pool, "target"), "path"));
    if (path == NULL || !pool_type_is_supported(type)) {
        g_free(path);
        error_set(error, ERROR_UNSUPPORTED,
            "storage pool '%s' on host '%s' is of type '%s'; supported are dir, fs and netfs", name,
            slot->host->name, type);
        return NULL;
    }
    return path;
}

/* Of a pool that runs by then. Caller frees. */
static char *
pool_learn_path(const Slot *slot, virStoragePoolPtr pool, GError **error)
{
    const char *name = virStoragePoolGetName(pool);
    char *text = virStoragePoolGetXMLDesc(pool, 0);

    if (text == NULL) {
        libvirt_error_set(error, slot->connection, EFFECT_NONE,
            "cannot describe storage pool '%s' on host '%s'", name, slot->host->name);
        return NULL;
    }
    g_autofree char *path = pool_read_path(slot, name, text, error);
    free(text);
    return path != NULL && pool_ensure_running(slot, pool, error) ? g_steal_pointer(&path) : NULL;
}

virStoragePoolPtr
pool_get_named(const Slot *slot, const char *name, char **ret_path, GError **error)
{
    if (name == NULL && ret_path == NULL) {
        return pool_get(slot, error);
    }
    name = name != NULL ? name : slot->host->pool;
    g_autoptr(virStoragePool) pool = virStoragePoolLookupByName(slot->connection, name);
    if (pool == NULL) {
        libvirt_error_set(error, slot->connection, EFFECT_NONE,
            "cannot use storage pool '%s' on host '%s'", name, slot->host->name);
        return NULL;
    }
    g_autofree char *path = pool_learn_path(slot, pool, error);
    if (path == NULL) {
        return NULL;
    }
    if (ret_path != NULL) {
        *ret_path = g_steal_pointer(&path);
    }
    return g_steal_pointer(&pool);
}

const char *
pool_get_path(const Slot *slot, virStoragePoolPtr pool, GError **error)
{
    LibvirtHost *host = slot->host;

    g_mutex_lock(&host->lock);
    const char *known = host->pool_path;
    g_mutex_unlock(&host->lock);
    if (known != NULL) {
        return known;
    }
    g_autofree char *path = pool_learn_path(slot, pool, error);
    if (path == NULL) {
        return NULL;
    }
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);
    if (host->pool_path == NULL) {
        host->pool_path = g_steal_pointer(&path);
    }
    return host->pool_path;
}

/* A pool in which a volume is just being made (milliseconds) refuses to be refreshed, with
 * libvirt's most general error. */
bool
pool_refresh(const Slot *slot, virStoragePoolPtr pool, GError **error)
{
    int r = virStoragePoolRefresh(pool, 0);

    for (int i = 0; r < 0 && i < REFRESH_TRIES; i++) {
        if (libvirt_error_number() != VIR_ERR_INTERNAL_ERROR) {
            break;
        }
        g_usleep(REFRESH_PAUSE_US);
        r = virStoragePoolRefresh(pool, 0);
    }
    if (r < 0) {
        return libvirt_error_set(error, slot->connection, EFFECT_NONE,
            "cannot refresh storage pool '%s' on host '%s'", virStoragePoolGetName(pool),
            slot->host->name);
    }
    return true;
}

bool
pool_check_space(const Slot *slot, virStoragePoolPtr pool, int64_t needed_bytes, GError **error)
{
    virStoragePoolInfo info;

    if (virStoragePoolGetInfo(pool, &info) < 0) {
        return libvirt_error_set(error, slot->connection, EFFECT_NONE,
            "cannot ask host '%s' for the size of storage pool '%s'", slot->host->name,
            virStoragePoolGetName(pool));
    }
    return needed_bytes <= (int64_t)info.available ||
        error_set(error, ERROR_LIMIT,
            "storage pool '%s' on host '%s' has %llu MiB left where %" G_GINT64_FORMAT
            " MiB are needed",
            virStoragePoolGetName(pool), slot->host->name, info.available >> 20,
            needed_bytes >> 20);
}

bool
volume_find(const Slot *slot, virStoragePoolPtr pool, const char *name,
    virStorageVolPtr *ret_volume, GError **error)
{
    virStorageVolPtr volume = virStorageVolLookupByName(pool, name);

    if (volume == NULL && libvirt_error_number() != VIR_ERR_NO_STORAGE_VOL) {
        return libvirt_error_set(error, slot->connection, EFFECT_NONE,
            "cannot look for volume '%s' on host '%s'", name, slot->host->name);
    }
    *ret_volume = volume;
    return true;
}

bool
volume_find_fresh(const Slot *slot, virStoragePoolPtr pool, const char *name,
    virStorageVolPtr *ret_volume, GError **error)
{
    virStorageVolPtr volume;

    if (!volume_find(slot, pool, name, &volume, error)) {
        return false;
    }
    if (volume == NULL &&
        (!pool_refresh(slot, pool, error) || !volume_find(slot, pool, name, &volume, error))) {
        return false;
    }
    *ret_volume = volume;
    return true;
}

bool
volume_exists(
    const Slot *slot, virStoragePoolPtr pool, const char *name, bool *ret_exists, GError **error)
{
    virStorageVolPtr found;

    if (!volume_find_fresh(slot, pool, name, &found, error)) {
        return false;
    }
    g_autoptr(virStorageVol) volume = found;
    *ret_exists = volume != NULL;
    return true;
}

static char *
volume_xml(const VolumeSpec *spec)
{
    g_autoptr(xmlDoc) document = xmlNewDoc(BAD_CAST "1.0");
    xmlNode *volume = xmlNewNode(NULL, BAD_CAST "volume");

    xmlDocSetRootElement(document, volume);
    xml_add_text(volume, "name", "%s", spec->name);
    xml_set(xml_add_text(volume, "capacity", "%" G_GINT64_FORMAT, spec->capacity_bytes), "unit",
        "bytes");
    xml_set(xml_add_text(volume, "allocation", "%" G_GINT64_FORMAT, spec->reserved_bytes), "unit",
        "bytes");
    xml_set(xml_add(xml_add(volume, "target"), "format"), "type", "%s", spec->format);
    if (spec->backing_path != NULL) {
        xmlNode *backing = xml_add(volume, "backingStore");
        xml_add_text(backing, "path", "%s", spec->backing_path);
        xml_set(xml_add(backing, "format"), "type", "%s", spec->backing_format);
    }
    return xml_to_text(document);
}

/* Whether the name is taken, after a refusal. libvirt says "exists" of what its list has, which
 * another host of the pool may have deleted, and "invalid operation" of a file that is not in the
 * list, as of much else: so the directory decides. */
static bool
name_is_taken(const Slot *slot, virStoragePoolPtr pool, const char *name)
{
    virStorageVolPtr found = NULL;

    if (!pool_refresh(slot, pool, NULL) || !volume_find(slot, pool, name, &found, NULL)) {
        return false;
    }
    g_autoptr(virStorageVol) volume = found;
    return volume != NULL;
}

bool
volume_create(const Slot *slot, virStoragePoolPtr pool, const VolumeSpec *spec,
    virStorageVolPtr *ret_volume, GError **error)
{
    g_autofree char *xml = volume_xml(spec);
    g_autoptr(virStorageVol) volume = virStorageVolCreateXML(pool, xml, 0);
    int number = volume == NULL ? libvirt_error_number() : VIR_ERR_OK;

    if (number == VIR_ERR_STORAGE_VOL_EXIST || number == VIR_ERR_OPERATION_INVALID) {
        if (name_is_taken(slot, pool, spec->name)) {
            return error_set(error, ERROR_CONFLICT, "volume '%s' is on host '%s' already",
                spec->name, slot->host->name);
        }
        volume = virStorageVolCreateXML(pool, xml, 0);
    }
    if (volume == NULL) {
        return libvirt_error_set(error, slot->connection, EFFECT_ASKED,
            "cannot make volume '%s' on host '%s'", spec->name, slot->host->name);
    }
    if (ret_volume != NULL) {
        *ret_volume = g_steal_pointer(&volume);
    }
    return true;
}

static bool
delete_found(const Slot *slot, virStorageVolPtr found, const char *name, GError **error)
{
    g_autoptr(virStorageVol) volume = found;

    if (volume != NULL && virStorageVolDelete(volume, 0) < 0 &&
        libvirt_error_number() != VIR_ERR_NO_STORAGE_VOL) {
        return libvirt_error_set(error, slot->connection, EFFECT_ASKED,
            "cannot delete volume '%s' on host '%s'", name, slot->host->name);
    }
    return true;
}

bool
volume_delete(const Slot *slot, virStoragePoolPtr pool, const char *name, GError **error)
{
    virStorageVolPtr found;

    return volume_find_fresh(slot, pool, name, &found, error) &&
        delete_found(slot, found, name, error);
}

bool
volume_delete_listed(const Slot *slot, virStoragePoolPtr pool, const char *name, GError **error)
{
    virStorageVolPtr found;

    return volume_find(slot, pool, name, &found, error) && delete_found(slot, found, name, error);
}
