/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* How live migrations are carried out: what the configuration says of them, for all hosts and for
 * groups of hosts. Plain values; a policy is made once and never changed, so that a new
 * configuration takes the place of the old one as a whole. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum { TIMEOUT_ACTION_ABORT, TIMEOUT_ACTION_FORCE_COMPLETE } TimeoutAction;

/* Nova's [libvirt] live_migration_*. */
typedef struct LiveSettings {
    bool with_tls;           /* memory and disks */
    int64_t bandwidth_mib_s; /* 0 = no limit */
    int downtime_ms;         /* the longest pause to aim for in the end ... */
    int downtime_steps;      /* ... reached in so many steps, ... */
    int downtime_delay_s;    /* ... each after so long, for each GiB of data */
    int completion_timeout_s; /* for each GiB of data; 0 = none */
    TimeoutAction timeout_action;
    bool permit_auto_converge;
    bool permit_post_copy;
    int parallel_connections; /* 1 = one stream */
    /* Where hosts without a migration address of their own take migrations, %s is the host's name;
     * "" = as its peer_uri says. Borrowed; the policy has its own. */
    const char *inbound_addr;
    int port_min; /* of the ports at which QEMU takes migrations and disks, as in qemu.conf */
    int port_max;
    int connect_timeout_s; /* for an answer from there, before a guest moves; 0: untried */
    bool rehearse; /* there, before a guest moves */
} LiveSettings;
#define LIVE_SETTINGS_DEFAULT                                                                      \
    (LiveSettings)                                                                                 \
    {                                                                                              \
        .with_tls = true, .downtime_ms = 500, .downtime_steps = 10, .downtime_delay_s = 75,        \
        .completion_timeout_s = 800, .parallel_connections = 1, .inbound_addr = "",                \
        .port_min = 49152, .port_max = 49215, .connect_timeout_s = 30                              \
    }

typedef struct LivePolicy LivePolicy; /* counted, any thread */

LivePolicy *live_policy_new(const LiveSettings *for_all);
/* hosts: names, with * and ? as in a shell; the first group that has a host is its group. Only
 * before anybody else has the policy. */
void live_policy_add_group(LivePolicy *policy, const char *name, const char *const *hosts,
    const LiveSettings *settings);
LivePolicy *live_policy_ref(LivePolicy *policy);
void live_policy_unref(LivePolicy *policy); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LivePolicy, live_policy_unref)
/* policy NULL = the defaults. Borrowed from it. */
const LiveSettings *live_policy_for(const LivePolicy *policy, const char *host);
/* The name of the host's group, NULL: it is in none. */
const char *live_policy_group_of(const LivePolicy *policy, const char *host);
/* The address at which that host takes migrations; NULL: none is set. Caller frees. */
char *live_policy_inbound_address(const LivePolicy *policy, const char *host);
