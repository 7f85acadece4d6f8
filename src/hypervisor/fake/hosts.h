/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Hosts of a fake fleet. Under the fleet's lock, inside a transaction. */
#include "hypervisor/fake/fleet.h"

/* With the sizes of the options, when it is not there. */
void hosts_make(FakeFleet *fleet, const char *host);
bool hosts_has_power(FakeFleet *fleet, const char *host);
/* It has power, its link is whole and its daemon runs. */
bool hosts_is_answering(FakeFleet *fleet, const char *host);
/* Power ends a freeze: whoever boots is not frozen. */
void hosts_set_power(FakeFleet *fleet, const char *host, bool power);
void hosts_set_cut(FakeFleet *fleet, const char *host, bool cut);
void hosts_set_frozen(FakeFleet *fleet, const char *host, bool frozen);
/* As pci_devices_text; NULL: it has none. */
char *hosts_make_pci_devices(const FakeOptions *options, const char *host);
/* Beside that of its instances. */
bool hosts_has_pool(const FakeOptions *options, const char *host, const char *pool);
HostMemory hosts_read_memory(FakeFleet *fleet, const char *host);
/* The caller clears the facts. */
void hosts_read_facts(FakeFleet *fleet, const char *host, const char *pool, HostFacts *ret_facts);
