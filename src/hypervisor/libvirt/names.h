/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What our volumes are called. Nothing else in a pool is ever touched. Callers free. */
#include <glib.h>
#include <stdbool.h>

typedef enum {
    VOLUME_ROOT,    /* <uuid>.root.qcow2 */
    VOLUME_CONFIG,  /* <uuid>.config.img */
    VOLUME_CONSOLE, /* <uuid>.console.log */
    VOLUME_NVRAM,   /* <uuid>.nvram.fd: of UEFI guests; made by libvirt at the first start */
} VolumeKind;
#define N_GUEST_VOLUMES 4

char *name_guest_volume(const char *uuid, VolumeKind kind);
/* base-<sha256>.qcow2, .raw, .kernel, .initrd */
char *name_base(const char *sha256, const char *format);
/* base-<sha256>.<format>.complete: the same bytes may be two images of two formats. */
char *name_base_marker(const char *sha256, const char *format);
/* Whether a file is a volume of the Block Storage API: "volume-<id>". */
bool name_is_volume(const char *path);
/* drover-probe-<token> */
char *name_probe(const char *token);
/* The token inside a name of that kind, borrowed; NULL: it is none. */
const char *name_parse_probe(const char *name);
/* drover-pool-<id>: says which pool this is, to every host that has it. */
char *name_pool_id(const char *id);
/* The id that a file name tells, borrowed from it; NULL: none. */
const char *name_parse_pool_id(const char *name);
/* The guest that a volume's name says it is of; false: of none. */
bool name_parse_guest_volume(const char *name, char ret_uuid[37], bool *ret_root);
/* The base that a file name means; false when it means none. */
bool name_parse_base(const char *name, char **ret_sha256, char **ret_format);
