/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* An image: the bytes that instances are made from, kept in droverd's image directory. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum { IMAGE_QUEUED, IMAGE_SAVING, IMAGE_ACTIVE, IMAGE_KILLED } ImageStatus;

typedef struct Image {
    char *id; /* UUID */
    char *name;
    char *owner; /* project */
    ImageStatus status;
    char *visibility;       /* "public", "private", "shared", "community" */
    char *disk_format;      /* "qcow2", "raw", "iso" (CD-ROM), "aki" (kernel), "ari" (initrd) */
    char *container_format; /* "bare", "aki", "ari" */
    int64_t size_bytes;         /* of the file; -1 until active */
    int64_t virtual_size_bytes; /* of the disk inside; -1 = unknown */
    char *sha256; /* hex; NULL until active */
    char *md5;    /* hex: what clients call checksum; NULL until active */
    char *sha512; /* hex: what clients call os_hash_value; NULL until active */
    int min_ram_mib;
    int min_disk_gib;
    bool is_protected;
    bool is_hidden;
    char *tags_json;
    char *properties_json; /* free-form: kernel_id, ramdisk_id, os_command_line, ... */
    int64_t created_us;
    int64_t updated_us;
} Image;

const char *image_status_name(ImageStatus status);
bool image_status_parse(const char *text, ImageStatus *ret_status);
Image *image_new(void);
void image_free(Image *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Image, image_free)
