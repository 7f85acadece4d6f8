/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "image/iso9660.h"

#include <string.h>

enum {
    SECTOR = 2048,
    DESCRIPTOR_SECTOR = 16, /* the first 16 belong to the system */
    LITTLE_TABLE_SECTOR = 18,
    BIG_TABLE_SECTOR = 19,
    FIRST_DIRECTORY_SECTOR = 20,
    RECORD_SIZE = 33, /* of a directory record, before its name */
    NAME_MAX_BYTES = 100,
    POSIX_DIRECTORY = 0040555,
    POSIX_FILE = 0100444,
};

typedef struct Entry Entry;
struct Entry {
    char *name; /* "" = the root */
    const Entry *parent;
    GPtrArray *children; /* Entry *, borrowed, by name; NULL: a file */
    const VfatFile *file;
    uint32_t sector;
    uint16_t number; /* of a directory in the path table */
};

typedef struct Tree {
    GPtrArray *directories; /* Entry *, every parent before its children */
    GPtrArray *files;       /* Entry * */
} Tree;

static void
entry_free(void *data)
{
    Entry *entry = data;

    g_clear_pointer(&entry->children, g_ptr_array_unref);
    g_free(entry->name);
    g_free(entry);
}

static void
tree_clear(Tree *tree)
{
    g_clear_pointer(&tree->directories, g_ptr_array_unref);
    g_clear_pointer(&tree->files, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Tree, tree_clear)

/* ---- the tree ---- */

static Entry *
find_child(const Entry *directory, const char *name)
{
    for (unsigned i = 0; i < directory->children->len; i++) {
        Entry *child = directory->children->pdata[i];
        if (strcmp(child->name, name) == 0) {
            return child;
        }
    }
    return NULL;
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp((*(Entry *const *)a)->name, (*(Entry *const *)b)->name);
}

static Entry *
add_entry(Tree *tree, Entry *parent, const char *name, const VfatFile *file)
{
    Entry *entry = g_new0(Entry, 1);

    entry->name = g_strdup(name);
    entry->file = file;
    entry->parent = parent != NULL ? parent : entry;
    if (parent != NULL) {
        g_ptr_array_add(parent->children, entry);
        g_ptr_array_sort(parent->children, compare_names);
    }
    if (file == NULL) {
        entry->children = g_ptr_array_new();
        g_ptr_array_add(tree->directories, entry);
        entry->number = (uint16_t)tree->directories->len;
    } else {
        g_ptr_array_add(tree->files, entry);
    }
    return entry;
}

static void
add_file(Tree *tree, const VfatFile *file)
{
    g_auto(GStrv) parts = g_strsplit(file->path, "/", -1);
    Entry *directory = tree->directories->pdata[0];
    unsigned n_parts = g_strv_length(parts);

    for (unsigned i = 0; i + 1 < n_parts; i++) {
        Entry *child = find_child(directory, parts[i]);
        directory = child != NULL ? child : add_entry(tree, directory, parts[i], NULL);
    }
    add_entry(tree, directory, parts[n_parts - 1], file);
}

static uint32_t
sectors_of(size_t size)
{
    return (uint32_t)((size + SECTOR - 1) / SECTOR);
}

/* Directories, one sector each, then the files. Returns the number of all sectors. */
static uint32_t
place(Tree *tree)
{
    uint32_t next = FIRST_DIRECTORY_SECTOR;

    for (unsigned i = 0; i < tree->directories->len; i++) {
        ((Entry *)tree->directories->pdata[i])->sector = next++;
    }
    for (unsigned i = 0; i < tree->files->len; i++) {
        Entry *entry = tree->files->pdata[i];
        entry->sector = next;
        next += sectors_of(entry->file->size);
    }
    return next;
}

/* ---- numbers, in both orders ---- */

static void
put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static void
put16_big(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void
put16_both(uint8_t *at, uint16_t value)
{
    put16(at, value);
    put16_big(at + 2, value);
}

static void
put32(uint8_t *at, uint32_t value)
{
    put16(at, (uint16_t)value);
    put16(at + 2, (uint16_t)(value >> 16));
}

static void
put32_big(uint8_t *at, uint32_t value)
{
    put16_big(at, (uint16_t)(value >> 16));
    put16_big(at + 2, (uint16_t)value);
}

static void
put32_both(uint8_t *at, uint32_t value)
{
    put32(at, value);
    put32_big(at + 4, value);
}

static void
put_text(uint8_t *at, size_t size, const char *text)
{
    memset(at, ' ', size);
    memcpy(at, text, MIN(strlen(text), size));
}

/* ---- directories ---- */

/* The name for readers without Rock Ridge: "F003.;1", its number among its siblings. */
static char *
plain_name(const Entry *entry, unsigned index)
{
    return entry->file == NULL ? g_strdup_printf("D%03u", index)
                               : g_strdup_printf("F%03u.;1", index);
}

static void
append_field(GByteArray *fields, const char *signature, const uint8_t *data, uint8_t size)
{
    uint8_t head[4] = {(uint8_t)signature[0], (uint8_t)signature[1], (uint8_t)(size + 4), 1};

    g_byte_array_append(fields, head, sizeof head);
    g_byte_array_append(fields, data, size);
}

static void
append_px(GByteArray *fields, const Entry *entry)
{
    uint8_t px[32] = {0};

    put32_both(px, entry->file != NULL ? POSIX_FILE : POSIX_DIRECTORY);
    put32_both(px + 8, entry->file != NULL ? 1 : 2);
    append_field(fields, "PX", px, sizeof px);
}

static void
append_nm(GByteArray *fields, const char *name)
{
    g_autoptr(GByteArray) nm = g_byte_array_new();
    uint8_t flags = 0;

    g_byte_array_append(nm, &flags, 1);
    g_byte_array_append(nm, (const uint8_t *)name, (unsigned)strlen(name));
    append_field(fields, "NM", nm->data, (uint8_t)nm->len);
}

/* In the root's own record: what these fields are, and of which extension. */
static void
append_announcement(GByteArray *fields)
{
    static const uint8_t sp[] = {0xbe, 0xef, 0};
    static const uint8_t er[] = {10, 0, 0, 1, 'R', 'R', 'I', 'P', '_', '1', '9', '9', '1', 'A'};

    append_field(fields, "SP", sp, sizeof sp);
    append_field(fields, "ER", er, sizeof er);
}

static uint32_t
size_of(const Entry *entry)
{
    return entry->file != NULL ? (uint32_t)entry->file->size : SECTOR;
}

/* name: as ECMA-119 has it; one byte 0 or 1 is the directory itself or its parent. */
static bool
append_record(uint8_t *sector, size_t *at, const Entry *entry, const void *name, size_t name_size,
    const GByteArray *fields)
{
    size_t padded = RECORD_SIZE + name_size + (name_size % 2 == 0 ? 1 : 0);
    size_t size = padded + fields->len + fields->len % 2;
    uint8_t *record = sector + *at;

    if (*at + size > SECTOR || size > UINT8_MAX) {
        return false;
    }
    record[0] = (uint8_t)size;
    put32_both(record + 2, entry->sector);
    put32_both(record + 10, size_of(entry));
    record[25] = entry->file == NULL ? 2 : 0;
    put16_both(record + 28, 1);
    record[32] = (uint8_t)name_size;
    memcpy(record + RECORD_SIZE, name, name_size);
    if (fields->len > 0) {
        memcpy(record + padded, fields->data, fields->len);
    }
    *at += size;
    return true;
}

static bool
append_dot(uint8_t *sector, size_t *at, const Entry *entry, uint8_t which, bool is_root)
{
    g_autoptr(GByteArray) fields = g_byte_array_new();

    if (is_root && which == 0) {
        append_announcement(fields);
    }
    append_px(fields, entry);
    return append_record(sector, at, entry, &which, 1, fields);
}

static bool
write_directory(uint8_t *image, const Entry *directory, GError **error)
{
    uint8_t *sector = image + (size_t)directory->sector * SECTOR;
    size_t at = 0;
    bool is_root = directory->parent == directory;
    bool fits = append_dot(sector, &at, directory, 0, is_root) &&
        append_dot(sector, &at, directory->parent, 1, is_root);

    for (unsigned i = 0; fits && i < directory->children->len; i++) {
        const Entry *child = directory->children->pdata[i];
        g_autoptr(GByteArray) fields = g_byte_array_new();
        g_autofree char *name = plain_name(child, i);
        append_px(fields, child);
        append_nm(fields, child->name);
        fits = append_record(sector, &at, child, name, strlen(name), fields);
    }
    return fits ||
        error_set(
            error, ERROR_LIMIT, "the directory '%s' does not fit into a sector", directory->name);
}

/* ---- the path tables and the descriptors ---- */

static size_t
write_path_table(uint8_t *table, const Tree *tree, bool is_big)
{
    size_t at = 0;

    for (unsigned i = 0; i < tree->directories->len; i++) {
        const Entry *directory = tree->directories->pdata[i];
        g_autofree char *name = i == 0 ? NULL : g_strdup_printf("D%03u", i);
        size_t size = name != NULL ? strlen(name) : 1;
        uint8_t *record = table + at;
        record[0] = (uint8_t)size;
        (is_big ? put32_big : put32)(record + 2, directory->sector);
        (is_big ? put16_big : put16)(record + 6, directory->parent->number);
        if (name != NULL) {
            memcpy(record + 8, name, size);
        }
        at += 8 + size + size % 2;
    }
    return at;
}

static void
write_descriptors(
    uint8_t *image, const Tree *tree, const char *label, uint32_t n_sectors, size_t path_table_size)
{
    uint8_t *primary = image + (size_t)DESCRIPTOR_SECTOR * SECTOR;
    uint8_t *end = primary + SECTOR;
    g_autoptr(GByteArray) no_fields = g_byte_array_new();
    uint8_t self = 0;
    size_t at = 156;

    primary[0] = 1;
    memcpy(primary + 1, "CD001\1", 6);
    memset(primary + 8, ' ', 32);
    put_text(primary + 40, 32, label);
    put32_both(primary + 80, n_sectors);
    put16_both(primary + 120, 1);
    put16_both(primary + 124, 1);
    put16_both(primary + 128, SECTOR);
    put32_both(primary + 132, (uint32_t)path_table_size);
    put32(primary + 140, LITTLE_TABLE_SECTOR);
    put32_big(primary + 148, BIG_TABLE_SECTOR);
    append_record(primary, &at, tree->directories->pdata[0], &self, 1, no_fields);
    memset(primary + 190, ' ', 813 - 190);
    memset(primary + 813, '0', 68);
    for (int date = 0; date < 4; date++) {
        primary[813 + 17 * date + 16] = 0;
    }
    primary[881] = 1;
    end[0] = 255;
    memcpy(end + 1, "CD001\1", 6);
}

GBytes *
iso9660_new(
    size_t max_size_bytes, const char *label, const VfatFile *files, size_t n_files, GError **error)
{
    g_auto(Tree) tree = {
        g_ptr_array_new_with_free_func(entry_free), g_ptr_array_new_with_free_func(entry_free)};

    add_entry(&tree, NULL, "", NULL);
    for (size_t i = 0; i < n_files; i++) {
        add_file(&tree, &files[i]);
    }
    uint32_t n_sectors = place(&tree);
    size_t size = (size_t)n_sectors * SECTOR;
    if (size > max_size_bytes) {
        error_set(error, ERROR_LIMIT, "the files do not fit into %zu bytes", max_size_bytes);
        return NULL;
    }
    g_autofree uint8_t *image = g_malloc0(size);
    for (unsigned i = 0; i < tree.directories->len; i++) {
        if (!write_directory(image, tree.directories->pdata[i], error)) {
            return NULL;
        }
    }
    for (unsigned i = 0; i < tree.files->len; i++) {
        const Entry *entry = tree.files->pdata[i];
        memcpy(image + (size_t)entry->sector * SECTOR, entry->file->bytes, entry->file->size);
    }
    write_path_table(image + (size_t)BIG_TABLE_SECTOR * SECTOR, &tree, true);
    size_t table_size =
        write_path_table(image + (size_t)LITTLE_TABLE_SECTOR * SECTOR, &tree, false);
    write_descriptors(image, &tree, label, n_sectors, table_size);
    return g_bytes_new_take(g_steal_pointer(&image), size);
}
