/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* A network: a bridge of the hosts, with an address range, which is its one subnet in the Network
 * API. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Network {
    char *id;          /* UUID */
    char *subnet_id;   /* UUID */
    char *subnet_name; /* may be NULL */
    char *name;
    char *bridge;
    char *cidr;       /* "10.20.0.0/24"; "" = no subnet yet: no instance can be on it */
    char *gateway;    /* may be NULL */
    char *pool_start; /* first address handed out */
    char *pool_end;
    int64_t mtu;
    int64_t created_us;
} Network;

Network *network_new(void);
void network_free(Network *network);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Network, network_free)
/* IPv4 helpers; false when the text is not what it should be. */
bool network_parse_cidr(const char *cidr, uint32_t *ret_network, int *ret_prefix);
bool network_parse_address(const char *text, uint32_t *ret_address);
char *network_format_address(uint32_t address);
