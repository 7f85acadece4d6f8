/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The fake fleet as a target: real time, but a fast network. */
#include "target.h"

#include "hypervisor/fake/fake.h"

#define MIB (INT64_C(1) << 20)

static void
spoil_base(Target *target, const HostAddress *host, const char *sha256)
{
    fake_spoil_base(target->hypervisor, host->name, sha256);
}

static bool
check(Target *target, GError **error)
{
    return fake_check(target->hypervisor, error);
}

static void
free_target(Target *target)
{
    hypervisor_free(target->hypervisor);
    g_free(target);
}

static HostAddress
address(const char *name, const char *uri, const char *pool)
{
    return (HostAddress){
        .name = name, .uri = uri, .peer_uri = uri, .migration_address = "", .pool = pool};
}

static BaseImage
image(const char *path, const char *sha256, const char *format, int64_t size)
{
    return (BaseImage){.path = path,
        .sha256 = sha256,
        .format = format,
        .size_bytes = size,
        .virtual_size_bytes = size};
}

Target *
target_new(const char *argument, GError **error)
{
    FakeOptions options = {
        .path = ":memory:",
        .clock = clock_system(),
        .transfer_bytes_s = 1024 * MIB,
        .guest_disk_bytes = 16 * MIB,
        .switchover_us = 20000,
        .shutdown_us = 50000,
        .bridges = "br0",
    };
    Hypervisor *hypervisor = fake_hypervisor_new(&options, error);
    if (hypervisor == NULL) {
        return NULL;
    }
    Target *target = g_new0(Target, 1);
    target->hypervisor = hypervisor;
    fake_inject(target->hypervisor, "dead", FAKE_POWER_OFF);
    target->hosts[0] = address("hosta", "fake:///hosta", "instances");
    target->hosts[1] = address("hostb", "fake:///hostb", "instances");
    target->shared[0] = address("hosta", "fake:///hosta", "shared");
    target->shared[1] = address("hostb", "fake:///hostb", "shared");
    target->dead = address("dead", "fake:///dead", "instances");
    target->root = image("/images/root", "11aa", "qcow2", 24 * MIB);
    target->kernel = image("/images/kernel", "22bb", "kernel", 8 * MIB);
    target->initrd = image("/images/initrd", "33cc", "initrd", 4 * MIB);
    target->command_line = "console=ttyS0";
    target->bridge = "br0";
    target->served_uri = "nbd://served/disk";
    target->silent_uri = "nbd://silent/disk";
    target->boot_text = "is up, ";
    target->patience_s = 10;
    target->slow_mib_s = 4;
    target->spoil_base = spoil_base;
    target->check = check;
    target->free = free_target;
    return target;
}
