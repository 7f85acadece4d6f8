/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The config drive: a small disk, vfat or iso9660, from which a guest learns who it is, in both
 * layouts that cloud-init reads (ConfigDrive: openstack/latest/; NoCloud: meta-data, user-data and
 * network-config), of which it takes the one that the label tells, and in one that a shell script
 * reads (drover/network.env). The same instance gives the same bytes. */
#include "model/instance.h"

enum { CONFIG_DRIVE_SIZE = 1 << 20 }; /* of vfat; iso9660 has this at most */
#define CONFIG_DRIVE_LABEL_OPENSTACK "config-2"
#define CONFIG_DRIVE_LABEL_NOCLOUD "CIDATA"

/* admin_pass: what meta_data.json says that the administrator's password shall be; NULL = nothing.
 * ERROR_INVALID when metadata and user data do not fit or cannot be read: no ERROR_LIMIT, which to
 * who makes a guest says that a host is full. */
GBytes *config_drive_new(const Instance *instance, const char *admin_pass, GError **error);
