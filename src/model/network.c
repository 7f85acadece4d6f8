/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/network.h"
#include <arpa/inet.h>
#include <string.h>

Network *
network_new(void)
{
    return g_new0(Network, 1);
}

void
network_free(Network *network)
{
    if (network == NULL) {
        return;
    }
    g_free(network->id);
    g_free(network->subnet_id);
    g_free(network->subnet_name);
    g_free(network->name);
    g_free(network->bridge);
    g_free(network->cidr);
    g_free(network->gateway);
    g_free(network->pool_start);
    g_free(network->pool_end);
    g_free(network);
}

bool
network_parse_address(const char *text, uint32_t *ret_address)
{
    struct in_addr address;

    if (text == NULL || inet_pton(AF_INET, text, &address) != 1) {
        return false;
    }
    *ret_address = ntohl(address.s_addr);
    return true;
}

char *
network_format_address(uint32_t address)
{
    return g_strdup_printf("%u.%u.%u.%u", address >> 24, (address >> 16) & 0xff,
        (address >> 8) & 0xff, address & 0xff);
}

bool
network_parse_cidr(const char *cidr, uint32_t *ret_network, int *ret_prefix)
{
    const char *slash = cidr == NULL ? NULL : strchr(cidr, '/');

    if (slash == NULL || !g_ascii_isdigit(slash[1])) {
        return false;
    }
    g_autofree char *text = g_strndup(cidr, (size_t)(slash - cidr));
    uint32_t address;
    uint64_t prefix;
    if (!network_parse_address(text, &address) ||
        !g_ascii_string_to_unsigned(slash + 1, 10, 0, 32, &prefix, NULL)) {
        return false;
    }
    /* Bits beyond the prefix are more likely a slip than a wish. */
    uint32_t mask = prefix == 0 ? 0 : UINT32_MAX << (32 - prefix);
    if ((address & ~mask) != 0) {
        return false;
    }
    *ret_network = address;
    *ret_prefix = (int)prefix;
    return true;
}
