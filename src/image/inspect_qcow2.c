/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "image/inspect_qcow2.h"
#include <unistd.h>

enum {
    HEADER_V2_SIZE = 72,
    HEADER_V3_SIZE = 104,
    CLUSTER_BITS_MIN = 9,
    CLUSTER_BITS_MAX = 21,
    L1_SIZE_MAX = 32 << 20, /* bytes; QEMU's own limit */
    REFCOUNT_TABLE_SIZE_MAX = 8 << 20,
    EXTENSION_DATA_FILE = 0x44415441,
    EXTENSION_ENCRYPTION = 0x0537be77,
};

#define VIRTUAL_SIZE_MAX (INT64_C(1) << 46) /* 64 TiB: no host's pool is larger */
#define FEATURE_DIRTY (UINT64_C(1) << 0)
#define FEATURE_CORRUPT (UINT64_C(1) << 1)
#define FEATURE_DATA_FILE (UINT64_C(1) << 2)
#define FEATURE_COMPRESSION (UINT64_C(1) << 3)
#define FEATURE_EXTENDED_L2 (UINT64_C(1) << 4)
#define FEATURES_KNOWN                                                                             \
    (FEATURE_DIRTY | FEATURE_CORRUPT | FEATURE_DATA_FILE | FEATURE_COMPRESSION |                   \
        FEATURE_EXTENDED_L2)
#define ENTRY_OFFSET_MASK UINT64_C(0x00fffffffffffe00)
#define ENTRY_COMPRESSED (UINT64_C(1) << 62)

typedef struct Qcow2 {
    int fd;
    uint64_t file_size;
    uint32_t version;
    uint32_t cluster_bits;
    uint64_t cluster_size;
    uint64_t virtual_size;
    uint64_t features; /* incompatible ones */
    uint32_t header_size;
    uint32_t l1_entries;
    uint64_t l1_offset;
    uint64_t refcount_offset;
    uint32_t refcount_clusters;
} Qcow2;

static uint32_t
get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t
get_u64(const uint8_t *at)
{
    return (uint64_t)get_u32(at) << 32 | get_u32(at + 4);
}

static bool
bad(GError **error, const char *reason)
{
    return error_set(error, ERROR_INVALID, "the qcow2 file %s", reason);
}

static bool
read_exactly(const Qcow2 *image, uint64_t offset, void *buffer, size_t size, GError **error)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(image->fd, (char *)buffer + done, size - done, (off_t)(offset + done));
        if (n <= 0) {
            return bad(error, "is cut off");
        }
        done += (size_t)n;
    }
    return true;
}

static bool
lies_inside(const Qcow2 *image, uint64_t offset, uint64_t size)
{
    return offset <= image->file_size && size <= image->file_size - offset;
}

/* What the header says of other files and of keys. */
static bool
check_references(const uint8_t *header, GError **error)
{
    if (get_u64(header + 8) != 0 || get_u32(header + 16) != 0) {
        return bad(error, "names a backing file; flatten it with 'qemu-img convert -O qcow2'");
    }
    if (get_u32(header + 32) != 0) {
        return bad(error, "is encrypted");
    }
    if (get_u32(header + 60) != 0) {
        return bad(error, "holds internal snapshots; flatten it with 'qemu-img convert -O qcow2'");
    }
    return true;
}

static bool
check_features(const Qcow2 *image, GError **error)
{
    if ((image->features & FEATURE_DATA_FILE) != 0) {
        return bad(error,
            "keeps its data in an external data file; make it whole with 'qemu-img "
            "convert -O qcow2'");
    }
    if ((image->features & (FEATURE_DIRTY | FEATURE_CORRUPT)) != 0) {
        return bad(error,
            "is marked as not closed cleanly or corrupt; repair it with 'qemu-img "
            "check -r all'");
    }
    return (image->features & ~FEATURES_KNOWN) == 0 ||
        bad(error, "needs features that are not known here");
}

static bool
read_header(Qcow2 *image, GError **error)
{
    uint8_t header[HEADER_V3_SIZE] = {0};
    if (image->file_size < HEADER_V2_SIZE) {
        return bad(error, "is cut off");
    }
    if (!read_exactly(image, 0, header, HEADER_V2_SIZE, error)) {
        return false;
    }
    image->version = get_u32(header + 4);
    if (image->version != 2 && image->version != 3) {
        return error_set(error, ERROR_INVALID,
            "the qcow2 file is of version %u; 2 and 3 are served", image->version);
    }
    if (image->version == 3 &&
        !read_exactly(image, HEADER_V2_SIZE, header + HEADER_V2_SIZE,
            HEADER_V3_SIZE - HEADER_V2_SIZE, error)) {
        return false;
    }
    image->cluster_bits = get_u32(header + 20);
    image->virtual_size = get_u64(header + 24);
    image->l1_entries = get_u32(header + 36);
    image->l1_offset = get_u64(header + 40);
    image->refcount_offset = get_u64(header + 48);
    image->refcount_clusters = get_u32(header + 56);
    image->features = image->version == 3 ? get_u64(header + 72) : 0;
    image->header_size = image->version == 3 ? get_u32(header + 100) : HEADER_V2_SIZE;
    return check_references(header, error) && check_features(image, error);
}

static bool
check_sizes(Qcow2 *image, GError **error)
{
    if (image->cluster_bits < CLUSTER_BITS_MIN || image->cluster_bits > CLUSTER_BITS_MAX) {
        return bad(error, "has an impossible cluster size");
    }
    image->cluster_size = UINT64_C(1) << image->cluster_bits;
    if (image->version == 3 &&
        (image->header_size < HEADER_V3_SIZE || image->header_size % 8 != 0 ||
            image->header_size > image->cluster_size)) {
        return bad(error, "has an impossible header length");
    }
    if (image->virtual_size == 0 || image->virtual_size > VIRTUAL_SIZE_MAX) {
        return bad(error, "has an impossible disk size");
    }
    return true;
}

static uint64_t
l2_entry_size(const Qcow2 *image)
{
    return (image->features & FEATURE_EXTENDED_L2) != 0 ? 16 : 8;
}

static bool
check_tables(const Qcow2 *image, GError **error)
{
    uint64_t per_l2 = image->cluster_size * (image->cluster_size / l2_entry_size(image));
    uint64_t needed = (image->virtual_size + per_l2 - 1) / per_l2;
    uint64_t l1_size = (uint64_t)image->l1_entries * 8;
    uint64_t refcount_size = (uint64_t)image->refcount_clusters * image->cluster_size;
    if (image->l1_entries < needed || l1_size > L1_SIZE_MAX) {
        return bad(error, "has an impossible L1 table size");
    }
    if (image->l1_offset % image->cluster_size != 0 || image->l1_offset == 0 ||
        !lies_inside(image, image->l1_offset, l1_size)) {
        return bad(error, "has its L1 table outside the file");
    }
    if (refcount_size == 0 || refcount_size > REFCOUNT_TABLE_SIZE_MAX ||
        image->refcount_offset % image->cluster_size != 0 || image->refcount_offset == 0 ||
        !lies_inside(image, image->refcount_offset, refcount_size)) {
        return bad(error, "has its refcount table outside the file");
    }
    return true;
}

/* Header extensions: type, length, data padded to 8 bytes, until type 0 or the first cluster's
 * end. */
static bool
check_extensions(const Qcow2 *image, GError **error)
{
    uint64_t offset = image->header_size;
    uint64_t end = MIN(image->cluster_size, image->file_size);
    while (offset + 8 <= end) {
        uint8_t head[8];
        if (!read_exactly(image, offset, head, sizeof head, error)) {
            return false;
        }
        uint32_t type = get_u32(head);
        uint64_t length = get_u32(head + 4);
        if (type == 0) {
            return true;
        }
        if (type == EXTENSION_DATA_FILE) {
            return bad(error,
                "names an external data file; make it whole with 'qemu-img convert "
                "-O qcow2'");
        }
        if (type == EXTENSION_ENCRYPTION) {
            return bad(error, "is encrypted");
        }
        if (length > end - offset - 8) {
            return bad(error, "has a header extension outside the header");
        }
        offset += 8 + (length + 7) / 8 * 8;
    }
    return true;
}

/* Where the data of an L2 entry begins; 0 = nowhere. */
static uint64_t
entry_offset(const Qcow2 *image, uint64_t entry)
{
    if ((entry & ENTRY_COMPRESSED) != 0) {
        return entry & ((UINT64_C(1) << (62 - (image->cluster_bits - 8))) - 1);
    }
    return entry & ENTRY_OFFSET_MASK;
}

static bool
check_l2(const Qcow2 *image, uint64_t offset, uint8_t *buffer, GError **error)
{
    if (offset % image->cluster_size != 0 || !lies_inside(image, offset, image->cluster_size)) {
        return bad(error, "has an L2 table outside the file, so it is probably cut off");
    }
    if (!read_exactly(image, offset, buffer, image->cluster_size, error)) {
        return false;
    }
    for (uint64_t at = 0; at < image->cluster_size; at += l2_entry_size(image)) {
        if (entry_offset(image, get_u64(buffer + at)) >= image->file_size) {
            return bad(error, "has data outside the file, so it is probably cut off");
        }
    }
    return true;
}

/* QEMU reads what lies beyond the end as zeros, so a file that was cut off would give a guest a
 * silently damaged disk. Sound images use each L2 table once, which also bounds what is read. */
static bool
check_clusters(const Qcow2 *image, GError **error)
{
    g_autofree uint8_t *l1 = g_malloc((gsize)image->l1_entries * 8);
    g_autofree uint8_t *buffer = g_malloc(image->cluster_size);
    uint64_t n_l2 = 0;
    if (!read_exactly(image, image->l1_offset, l1, (size_t)image->l1_entries * 8, error)) {
        return false;
    }
    for (uint32_t i = 0; i < image->l1_entries; i++) {
        uint64_t offset = get_u64(l1 + (size_t)i * 8) & ENTRY_OFFSET_MASK;
        if (offset == 0) {
            continue;
        }
        n_l2++;
        if (n_l2 > image->file_size / image->cluster_size) {
            return bad(error, "has more L2 tables than fit into it");
        }
        if (!check_l2(image, offset, buffer, error)) {
            return false;
        }
    }
    return true;
}

bool
inspect_qcow2(int fd, int64_t size, int64_t *ret_virtual_size, GError **error)
{
    Qcow2 image = {.fd = fd, .file_size = (uint64_t)size};
    if (!read_header(&image, error) || !check_sizes(&image, error) ||
        !check_extensions(&image, error) || !check_tables(&image, error) ||
        !check_clusters(&image, error)) {
        return false;
    }
    *ret_virtual_size = (int64_t)image.virtual_size;
    return true;
}
