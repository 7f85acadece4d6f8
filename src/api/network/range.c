/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/network/network.h"

typedef struct Range {
    uint32_t first; /* usable by somebody */
    uint32_t last;
} Range;

static bool
parse_range(const Network *network, Range *ret_range, GError **error)
{
    uint32_t base;
    int prefix;
    if (!network_parse_cidr(network->cidr, &base, &prefix) || prefix < 8 || prefix > 30) {
        return error_set(error, ERROR_INVALID,
            "'%s' is not an IPv4 range of a prefix from 8 to 30, written with its first address",
            network->cidr);
    }
    uint32_t last = base | (UINT32_MAX >> prefix);
    *ret_range = (Range){base + 1, last - 1};
    return true;
}

static bool
parse_inside(const char *text, Range range, const char *what, uint32_t *ret_address, GError **error)
{
    return (network_parse_address(text, ret_address) && *ret_address >= range.first &&
               *ret_address <= range.last) ||
        error_set(error, ERROR_INVALID, "%s '%s' is not an address inside the range", what, text);
}

static bool
settle_gateway(Network *network, Range range, bool has_gateway, GError **error)
{
    uint32_t address;
    if (!has_gateway) {
        network->gateway = network_format_address(range.first);
    }
    return network->gateway == NULL ||
        parse_inside(network->gateway, range, "gateway", &address, error);
}

/* Without a pool: everything but the gateway, when that is at an end (else it is left out address
 * by address). */
static bool
settle_pool(Network *network, Range range, GError **error)
{
    uint32_t gateway = 0;
    uint32_t start;
    uint32_t end;
    if (network->gateway != NULL) {
        network_parse_address(network->gateway, &gateway);
    }
    if (network->pool_start == NULL) {
        network->pool_start =
            network_format_address(range.first + (gateway == range.first ? 1 : 0));
        network->pool_end = network_format_address(range.last - (gateway == range.last ? 1 : 0));
    }
    if (!parse_inside(network->pool_start, range, "pool start", &start, error) ||
        !parse_inside(network->pool_end, range, "pool end", &end, error)) {
        return false;
    }
    return start <= end ||
        error_set(error, ERROR_INVALID, "the pool ends before it starts: %s-%s",
            network->pool_start, network->pool_end);
}

bool
network_settle_range(Network *network, bool has_gateway, GError **error)
{
    Range range = {0};
    return parse_range(network, &range, error) &&
        settle_gateway(network, range, has_gateway, error) && settle_pool(network, range, error);
}
