/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "image/inspect.h"
#include "image/inspect_qcow2.h"
#include <string.h>
#include <unistd.h>

typedef enum {
    KIND_CONTAINER, /* a disk format that points at other things, or has a size of its own */
    KIND_KERNEL,
    KIND_INITRD,
} Kind;

typedef struct Signature {
    const char *name;
    Kind kind;
    int64_t offset; /* negative: from the end of the file */
    const char *bytes;
    size_t size;
} Signature;

#define MAGIC(text) text, sizeof(text) - 1

/* Partition tables (MBR, GPT) and ISO file systems are not here: they are what raw disks hold. */
static const Signature signatures[] = {
    {"qcow2", KIND_CONTAINER, 0, MAGIC("QFI\xfb")},
    {"qed", KIND_CONTAINER, 0, MAGIC("QED\0")},
    {"vmdk", KIND_CONTAINER, 0, MAGIC("KDMV")},
    {"vmdk", KIND_CONTAINER, 0, MAGIC("COWD")},
    {"vmdk", KIND_CONTAINER, 0, MAGIC("# Disk DescriptorFile")},
    {"vhd", KIND_CONTAINER, 0, MAGIC("conectix")},
    {"vhd", KIND_CONTAINER, -512, MAGIC("conectix")},
    {"vhd", KIND_CONTAINER, -511, MAGIC("conectix")},
    {"vhdx", KIND_CONTAINER, 0, MAGIC("vhdxfile")},
    {"vdi", KIND_CONTAINER, 0x40, MAGIC("\x7f\x10\xda\xbe")},
    {"luks", KIND_CONTAINER, 0, MAGIC("LUKS\xba\xbe")},
    {"parallels", KIND_CONTAINER, 0, MAGIC("WithoutFreeSpace")},
    {"parallels", KIND_CONTAINER, 0, MAGIC("WithouFreSpacExt")},
    {"bochs", KIND_CONTAINER, 0, MAGIC("Bochs Virtual HD Image")},
    {"cloop", KIND_CONTAINER, 0, MAGIC("#!/bin/sh\n#V2.0 Format\n")},
    {"dmg", KIND_CONTAINER, -512, MAGIC("koly")},
    {"ploop", KIND_CONTAINER, 0, MAGIC("ploop")},
    {"ova", KIND_CONTAINER, 257, MAGIC("ustar")},
    {"bzImage", KIND_KERNEL, 0x202, MAGIC("HdrS")},
    {"arm64 Image", KIND_KERNEL, 0x38, MAGIC("ARM\x64")},
    {"riscv Image", KIND_KERNEL, 0x38, MAGIC("RSC\x05")},
    {"EFI zboot", KIND_KERNEL, 4, MAGIC("zimg")},
    {"ELF", KIND_KERNEL, 0,
        MAGIC("\x7f"
              "ELF")},
    {"gzip", KIND_INITRD, 0, MAGIC("\x1f\x8b")},
    {"xz", KIND_INITRD, 0,
        MAGIC("\xfd"
              "7zXZ\0")},
    {"zstd", KIND_INITRD, 0, MAGIC("\x28\xb5\x2f\xfd")},
    {"lz4", KIND_INITRD, 0, MAGIC("\x02\x21\x4c\x18")},
    {"bzip2", KIND_INITRD, 0, MAGIC("BZh")},
    {"lzma", KIND_INITRD, 0, MAGIC("\x5d\0\0")},
    {"lzop", KIND_INITRD, 0, MAGIC("\x89LZO")},
    {"cpio", KIND_INITRD, 0, MAGIC("070701")},
    {"cpio", KIND_INITRD, 0, MAGIC("070702")},
};

static bool
has_signature(int fd, int64_t size, const Signature *signature)
{
    char found[32];
    int64_t offset = signature->offset >= 0 ? signature->offset : size + signature->offset;
    g_assert(signature->size <= sizeof found);
    return offset >= 0 && offset + (int64_t)signature->size <= size &&
        pread(fd, found, signature->size, offset) == (ssize_t)signature->size &&
        memcmp(found, signature->bytes, signature->size) == 0;
}

static const Signature *
find_signature(int fd, int64_t size, Kind kind)
{
    for (size_t i = 0; i < G_N_ELEMENTS(signatures); i++) {
        if (signatures[i].kind == kind && has_signature(fd, size, &signatures[i])) {
            return &signatures[i];
        }
    }
    return NULL;
}

const char *
image_detect(int fd, int64_t size)
{
    static const Kind order[] = {KIND_CONTAINER, KIND_KERNEL, KIND_INITRD};
    for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
        const Signature *found = find_signature(fd, size, order[i]);
        if (found != NULL) {
            return found->name;
        }
    }
    return NULL;
}

static bool
inspect_raw(int fd, int64_t size, GError **error)
{
    const Signature *found = find_signature(fd, size, KIND_CONTAINER);
    return found == NULL ||
        error_set(error, ERROR_INVALID,
            "the file was declared as raw but is %s; declare what it is, or convert it with "
            "qemu-img",
            found->name);
}

/* ECMA-119: the first volume descriptor is in sector 16. */
static bool
inspect_iso(int fd, int64_t size, GError **error)
{
    static const Signature descriptor = {"iso", KIND_CONTAINER, 16 * 2048 + 1, MAGIC("CD001")};
    return has_signature(fd, size, &descriptor) ||
        error_set(error, ERROR_INVALID,
            "the file was declared as iso but has no ISO 9660 volume descriptor");
}

static bool
inspect_boot_file(int fd, int64_t size, Kind kind, const char *format, GError **error)
{
    const char *wanted = kind == KIND_KERNEL ? "a Linux kernel" : "an initial RAM disk";
    if (find_signature(fd, size, kind) != NULL) {
        return true;
    }
    const char *found = image_detect(fd, size);
    return error_set(error, ERROR_INVALID,
        "the file was declared as %s but does not look like %s%s%s", format, wanted,
        found == NULL ? "" : ": it is ", found == NULL ? "" : found);
}

static bool
inspect_declared_qcow2(int fd, int64_t size, int64_t *ret_virtual_size, GError **error)
{
    const char *found = image_detect(fd, size);
    if (g_strcmp0(found, "qcow2") != 0) {
        return error_set(error, ERROR_INVALID, "the file was declared as qcow2 but %s%s",
            found == NULL ? "has no qcow2 header" : "is ", found == NULL ? "" : found);
    }
    return inspect_qcow2(fd, size, ret_virtual_size, error);
}

bool
image_inspect(int fd, int64_t size, const char *format, int64_t *ret_virtual_size, GError **error)
{
    *ret_virtual_size = size;
    if (size == 0) {
        return error_set(error, ERROR_INVALID, "the file is empty");
    }
    if (strcmp(format, "qcow2") == 0) {
        return inspect_declared_qcow2(fd, size, ret_virtual_size, error);
    }
    if (strcmp(format, "raw") == 0) {
        return inspect_raw(fd, size, error);
    }
    if (strcmp(format, "iso") == 0) {
        return inspect_iso(fd, size, error);
    }
    if (strcmp(format, "aki") == 0) {
        return inspect_boot_file(fd, size, KIND_KERNEL, format, error);
    }
    if (strcmp(format, "ari") == 0) {
        return inspect_boot_file(fd, size, KIND_INITRD, format, error);
    }
    return error_set(error, ERROR_INVALID, "disk_format '%s' is not served", format);
}
