/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What a new server boots from, and which other disks and CD-ROMs it gets: the options of 'server
 * create' that make up its imageRef and block_device_mapping_v2. */
#include "cli/command.h"

/* The rows of these options in the table of the command. */
#define BLOCK_DEVICE_OPTIONS                                                                       \
    {"--image", "IMAGE", "what it is made from"},                                                  \
    {"--boot-from-volume", "GIB",                                                                  \
        "with --image: it boots from a new volume of it, this large"},             \
    {"--volume", "VOLUME", "it boots from this volume, and has no image"},                         \
    {"--delete-on-termination", NULL, "its boot volume is deleted with it; kept otherwise"},       \
    {"--cdrom", "IMAGE", "this image (of the disk format iso) is in its CD-ROM drive"},            \
    {"--block-device", "KEY=VALUE,...", "another disk; may be repeated", true}

/* Wrong usage that can be seen without asking anybody: called before the login. */
bool block_devices_check(CommandContext *context, GError **error);
/* Adds to the server of a request what the options say. */
bool block_devices_add(CommandContext *context, Session *session, json_t *server, GError **error);
