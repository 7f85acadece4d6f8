/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What the configuration means: where it is read from, which host is in which group, and what a new
 * one changes. No state: wire.c holds the one that counts. */
#include "api/api.h"
#include "base/config.h"
#include "hypervisor/libvirt/libvirt.h"
#include "operation/live_policy.h"

/* As the command line has it; all may be NULL. */
typedef struct ConfigSources {
    const char *file;
    const char *directory;
    const char *state_path; /* takes the place of [DEFAULT] state_path */
} ConfigSources;

/* The directory that is read; NULL: none. Borrowed. */
const char *configuration_directory(const ConfigSources *sources);
/* Reads it all anew and checks it as a whole; with a file of the directory as it would be, or
 * NULL. */
Config *configuration_load(const ConfigSources *sources, const ConfigText *instead,
    GPtrArray **ret_warnings, GError **error);
/* Where the API listens: "" = at every address. Caller frees. */
bool configuration_parse_listen(
    const Config *config, char **ret_address, uint16_t *ret_port, GError **error);
/* Which host is good enough for an instance, and which is best. */
PlacementPolicy configuration_placement(const Config *config);
/* How guests move live. Caller unrefs. */
LivePolicy *configuration_live_policy(const Config *config);
/* Which processors are for whom. Caller frees. */
CpuPolicy *configuration_cpu_policy(const Config *config);
/* Which PCI devices are for guests. Caller frees. */
PciPolicy *configuration_pci_policy(const Config *config);
/* Whether any host's are: otherwise nobody asks hosts for them. */
bool configuration_has_pci(const Config *config);
/* The group of that host in that section, or the whole. Borrowed. */
const Config *configuration_for_host(
    const Config *config, const char *section, const char *host);
/* Of the groups that section has: whether this is one. */
bool configuration_is_group_of(const Config *group, const char *section);
/* The processor of guests that are made, or started, on that host. The caller owns what is in
 * it. */
LibvirtCpu configuration_cpu_for_host(const Config *config, const char *host);
/* What another one changes, by key and, where hosts differ, by host: of ApiConfigChange. Where only
 * a start takes a key, it is compared with the one of the start. */
GPtrArray *configuration_compare(const Config *started, const Config *old_config,
    const Config *new_config, const GPtrArray *hosts);
/* Every key as it is used for that host (NULL: for all), of ApiConfigValue: by the latest one, or
 * by that of the start where only a start takes it. */
GPtrArray *configuration_list(const Config *started, const Config *latest, const char *host);
