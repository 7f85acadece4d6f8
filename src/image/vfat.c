/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "image/vfat.h"

#include <string.h>

/* Layout: boot sector, two FATs, root directory, data. A cluster is one sector, so an image of
 * 2 MiB has at most 4,084 clusters, which is where FAT12 ends. */
enum {
    SECTOR_SIZE = 512,
    N_FATS = 2,
    ROOT_ENTRIES = 64,
    ENTRY_SIZE = 32,
    ROOT_SECTORS = ROOT_ENTRIES * ENTRY_SIZE / SECTOR_SIZE,
    LFN_CHARACTERS = 13, /* of a long name, per entry */
    MAX_CLUSTERS = 4084,
    ATTRIBUTE_LABEL = 0x08,
    ATTRIBUTE_DIRECTORY = 0x10,
    ATTRIBUTE_LFN = 0x0f,
    DATE_1980_01_01 = 0x0021, /* the epoch of FAT: the image says nothing about when */
    MEDIA_FIXED = 0xf8,
    LAST_CLUSTER = 0xfff,
};

/* A file or a directory. The root has no name and first_cluster 0. */
typedef struct Node {
    char *name;
    GPtrArray *children; /* Node *; NULL for a file */
    const void *bytes;
    size_t size;
    unsigned first_cluster;
    struct Node *parent;
} Node;

typedef struct Vfat {
    uint8_t *image;
    size_t n_sectors;
    size_t fat_sectors;
    unsigned n_clusters;
    unsigned next_cluster;
} Vfat;

static void
node_free(Node *node)
{
    if (node->children != NULL) {
        g_ptr_array_unref(node->children);
    }
    g_free(node->name);
    g_free(node);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Node, node_free)

static Node *
node_new_directory(const char *name, Node *parent)
{
    Node *node = g_new0(Node, 1);

    node->name = g_strdup(name);
    node->children = g_ptr_array_new_with_free_func((GDestroyNotify)node_free);
    node->parent = parent;
    if (parent != NULL) {
        g_ptr_array_add(parent->children, node);
    }
    return node;
}

static Node *
node_find_or_add_directory(Node *parent, const char *name)
{
    for (unsigned i = 0; i < parent->children->len; i++) {
        Node *child = parent->children->pdata[i];
        if (child->children != NULL && strcmp(child->name, name) == 0) {
            return child;
        }
    }
    return node_new_directory(name, parent);
}

static void
node_add_file(Node *root, const VfatFile *file)
{
    g_auto(GStrv) parts = g_strsplit(file->path, "/", -1);
    Node *parent = root;
    size_t last = g_strv_length(parts) - 1;
    for (size_t i = 0; i < last; i++) {
        parent = node_find_or_add_directory(parent, parts[i]);
    }
    Node *node = g_new0(Node, 1);
    node->name = g_strdup(parts[last]);
    node->bytes = file->bytes;
    node->size = file->size;
    node->parent = parent;
    g_ptr_array_add(parent->children, node);
}

static void
put_u16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static void
put_u32(uint8_t *at, uint32_t value)
{
    put_u16(at, value & 0xffff);
    put_u16(at + 2, value >> 16);
}

static void
put_padded(uint8_t *at, const char *text, size_t size)
{
    memset(at, ' ', size);
    memcpy(at, text, MIN(strlen(text), size));
}

static size_t
lfn_entries(const char *name)
{
    return (strlen(name) + LFN_CHARACTERS - 1) / LFN_CHARACTERS;
}

/* Every name gets a long entry, so that its case is kept; "." and ".." take two more. */
static size_t
directory_size(const Node *directory)
{
    size_t n = directory->parent == NULL ? 1 : 2;
    for (unsigned i = 0; i < directory->children->len; i++) {
        n += lfn_entries(((Node *)directory->children->pdata[i])->name) + 1;
    }
    return n * ENTRY_SIZE;
}

static void
fat_set(Vfat *vfat, unsigned cluster, unsigned value)
{
    for (int copy = 0; copy < N_FATS; copy++) {
        uint8_t *fat = vfat->image + SECTOR_SIZE * (1 + (size_t)copy * vfat->fat_sectors);
        uint8_t *at = fat + cluster * 3 / 2;
        if (cluster % 2 == 0) {
            at[0] = (uint8_t)value;
            at[1] = (uint8_t)((at[1] & 0xf0) | (value >> 8));
        } else {
            at[0] = (uint8_t)((at[0] & 0x0f) | ((value & 0xf) << 4));
            at[1] = (uint8_t)(value >> 4);
        }
    }
}

/* A chain for that many bytes; 0 for none. */
static bool
allocate(Vfat *vfat, size_t size, unsigned *ret_first, GError **error)
{
    unsigned n = (unsigned)((size + SECTOR_SIZE - 1) / SECTOR_SIZE);
    if (n > vfat->n_clusters + 2 - vfat->next_cluster) {
        return error_set(error, ERROR_LIMIT, "the files do not fit into an image of %zu bytes",
            vfat->n_sectors * SECTOR_SIZE);
    }
    unsigned first = n == 0 ? 0 : vfat->next_cluster;
    for (unsigned i = 0; i < n; i++) {
        unsigned cluster = vfat->next_cluster++;
        fat_set(vfat, cluster, i + 1 == n ? LAST_CLUSTER : cluster + 1);
    }
    *ret_first = first;
    return true;
}

static uint8_t *
cluster_at(Vfat *vfat, unsigned cluster)
{
    return vfat->image +
        SECTOR_SIZE * (1 + N_FATS * vfat->fat_sectors + ROOT_SECTORS + (cluster - 2));
}

static uint8_t *
root_at(Vfat *vfat)
{
    return vfat->image + SECTOR_SIZE * (1 + N_FATS * vfat->fat_sectors);
}

static uint8_t
short_name_checksum(const uint8_t *short_name)
{
    uint8_t sum = 0;
    for (int i = 0; i < 11; i++) {
        sum = (uint8_t)((uint8_t)(sum >> 1 | sum << 7) + short_name[i]);
    }
    return sum;
}

/* "FILE~N" in upper case, N counting the entries of the directory: unique, and nobody reads it. */
static void
short_name_fill(uint8_t *short_name, unsigned number)
{
    g_autofree char *text = g_strdup_printf("FILE~%u", number);
    put_padded(short_name, text, 11);
}

static void
put_entry(
    uint8_t *at, const uint8_t *short_name, uint8_t attributes, unsigned first_cluster, size_t size)
{
    memcpy(at, short_name, 11);
    at[11] = attributes;
    put_u16(at + 16, DATE_1980_01_01);
    put_u16(at + 18, DATE_1980_01_01);
    put_u16(at + 24, DATE_1980_01_01);
    put_u16(at + 26, first_cluster);
    put_u32(at + 28, (uint32_t)size);
}

/* One part of a long name: 13 UTF-16 characters in three places of the entry. */
static void
put_lfn_entry(uint8_t *at, const char *name, size_t part, bool is_last, uint8_t checksum)
{
    static const uint8_t places[LFN_CHARACTERS] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};
    size_t length = strlen(name);

    at[0] = (uint8_t)((part + 1) | (is_last ? 0x40 : 0));
    at[11] = ATTRIBUTE_LFN;
    at[13] = checksum;
    for (size_t i = 0; i < LFN_CHARACTERS; i++) {
        size_t index = part * LFN_CHARACTERS + i;
        unsigned value = index < length ? (uint8_t)name[index] : index == length ? 0 : 0xffff;
        put_u16(at + places[i], value);
    }
}

static uint8_t *
put_node(uint8_t *at, const Node *node, unsigned number)
{
    uint8_t short_name[11];
    short_name_fill(short_name, number);
    uint8_t checksum = short_name_checksum(short_name);
    size_t n_parts = lfn_entries(node->name);
    for (size_t part = n_parts; part-- > 0; at += ENTRY_SIZE) {
        put_lfn_entry(at, node->name, part, part + 1 == n_parts, checksum);
    }
    bool is_directory = node->children != NULL;
    put_entry(at, short_name, is_directory ? ATTRIBUTE_DIRECTORY : 0, node->first_cluster,
        is_directory ? 0 : node->size);
    return at + ENTRY_SIZE;
}

static bool write_directory(Vfat *vfat, Node *directory, uint8_t *at, GError **error);

static bool
write_node(Vfat *vfat, Node *node, GError **error)
{
    size_t size = node->children != NULL ? directory_size(node) : node->size;
    if (!allocate(vfat, size, &node->first_cluster, error)) {
        return false;
    }
    if (node->children != NULL) {
        return write_directory(vfat, node, cluster_at(vfat, node->first_cluster), error);
    }
    if (node->size > 0) {
        memcpy(cluster_at(vfat, node->first_cluster), node->bytes, node->size);
    }
    return true;
}

/* Recursion is as deep as the paths that our own code names. */
static bool
write_directory(Vfat *vfat, Node *directory, uint8_t *at, GError **error)
{
    if (directory->parent != NULL) {
        put_entry(
            at, (const uint8_t *)".          ", ATTRIBUTE_DIRECTORY, directory->first_cluster, 0);
        put_entry(at + ENTRY_SIZE, (const uint8_t *)"..         ", ATTRIBUTE_DIRECTORY,
            directory->parent->first_cluster, 0);
        at += 2 * ENTRY_SIZE;
    }
    for (unsigned i = 0; i < directory->children->len; i++) {
        Node *node = directory->children->pdata[i];
        if (!write_node(vfat, node, error)) {
            return false;
        }
        at = put_node(at, node, i + 1);
    }
    return true;
}

static void
write_boot_sector(Vfat *vfat, const char *label, uint32_t serial)
{
    uint8_t *boot = vfat->image;

    memcpy(boot, "\xeb\x3c\x90", 3);
    put_padded(boot + 3, "drover", 8);
    put_u16(boot + 11, SECTOR_SIZE);
    boot[13] = 1;          /* sectors per cluster */
    put_u16(boot + 14, 1); /* sectors before the first FAT */
    boot[16] = N_FATS;
    put_u16(boot + 17, ROOT_ENTRIES);
    put_u16(boot + 19, (unsigned)vfat->n_sectors);
    boot[21] = MEDIA_FIXED;
    put_u16(boot + 22, (unsigned)vfat->fat_sectors);
    put_u16(boot + 24, 32); /* sectors per track and heads: read by nobody, but not 0 */
    put_u16(boot + 26, 2);
    boot[36] = 0x80; /* a fixed disk */
    boot[38] = 0x29; /* serial, label and type follow */
    put_u32(boot + 39, serial);
    put_padded(boot + 43, label, 11);
    put_padded(boot + 54, "FAT12", 8);
    boot[510] = 0x55;
    boot[511] = 0xaa;
}

GBytes *
vfat_new(size_t size_bytes, const char *label, uint32_t serial, const VfatFile *files,
    size_t n_files, GError **error)
{
    g_assert(size_bytes % SECTOR_SIZE == 0 && size_bytes <= 2 << 20 && strlen(label) <= 11);
    g_autoptr(Node) root = node_new_directory("", NULL);
    for (size_t i = 0; i < n_files; i++) {
        node_add_file(root, &files[i]);
    }
    g_assert(directory_size(root) <= ROOT_ENTRIES * ENTRY_SIZE);

    g_autofree uint8_t *image = g_malloc0(size_bytes);
    Vfat vfat = {.image = image, .n_sectors = size_bytes / SECTOR_SIZE, .next_cluster = 2};
    vfat.fat_sectors = (vfat.n_sectors * 3 / 2 + SECTOR_SIZE - 1) / SECTOR_SIZE;
    size_t n_data = vfat.n_sectors - 1 - N_FATS * vfat.fat_sectors - ROOT_SECTORS;
    vfat.n_clusters = (unsigned)MIN(n_data, MAX_CLUSTERS);
    fat_set(&vfat, 0, 0xf00 | MEDIA_FIXED);
    fat_set(&vfat, 1, LAST_CLUSTER);
    write_boot_sector(&vfat, label, serial);

    uint8_t label_name[11];
    put_padded(label_name, label, 11);
    put_entry(root_at(&vfat), label_name, ATTRIBUTE_LABEL, 0, 0);
    if (!write_directory(&vfat, root, root_at(&vfat) + ENTRY_SIZE, error)) {
        return NULL;
    }
    return g_bytes_new_take(g_steal_pointer(&image), size_bytes);
}
