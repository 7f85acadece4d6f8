/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/host.h"

Host *
host_new(void)
{
    Host *host = g_new0(Host, 1);

    host->enabled = true;
    return host;
}

void
host_facts_clear(HostFacts *facts)
{
    g_free(facts->hostname);
    g_free(facts->host_uuid);
    g_free(facts->hypervisor_type);
    g_free(facts->arch);
    g_free(facts->cpu_json);
    g_free(facts->pool_path);
    *facts = (HostFacts){0};
}

void
host_facts_copy(const HostFacts *from, HostFacts *ret_to)
{
    HostFacts copy = *from;

    copy.hostname = g_strdup(from->hostname);
    copy.host_uuid = g_strdup(from->host_uuid);
    copy.hypervisor_type = g_strdup(from->hypervisor_type);
    copy.arch = g_strdup(from->arch);
    copy.cpu_json = g_strdup(from->cpu_json);
    copy.pool_path = g_strdup(from->pool_path);
    host_facts_clear(ret_to);
    *ret_to = copy;
}

void
host_free(Host *host)
{
    if (host == NULL) {
        return;
    }
    g_free(host->id);
    g_free(host->hypervisor_id);
    g_free(host->name);
    g_free(host->uri);
    g_free(host->peer_uri);
    g_free(host->migration_address);
    g_free(host->pool);
    g_free(host->zone);
    g_free(host->disabled_reason);
    g_free(host->connect_error);
    host_facts_clear(&host->facts);
    g_free(host);
}

bool
host_is_up(const Host *host, int64_t now_us, int64_t service_down_time_us)
{
    if (host->forced_down || host->last_seen_us == 0) {
        return false;
    }
    return now_us - host->last_seen_us <= service_down_time_us;
}
