/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/drover/lint.h"

#include "base/json.h"

#define DAY_US (INT64_C(86400) * G_USEC_PER_SEC)

static Host *
make_host(const char *name)
{
    Host *host = host_new();
    host->name = g_strdup(name);
    host->uri = g_strdup_printf("qemu+tls://%s/system?pkipath=/etc/pki", name);
    host->peer_uri = g_strdup_printf("qemu+tls://%s.peers/system", name);
    host->pool = g_strdup("instances");
    host->connected = true;
    host->has_facts = true;
    host->facts = (HostFacts){
        .hypervisor_version = 10000002,
        .libvirt_version = 10005000,
        .cpu_json = g_strdup("{\"model\": \"EPYC\", \"vendor\": \"AMD\"}"),
        .pool_capacity_bytes = 100 * (INT64_C(1) << 30),
        .pool_available_bytes = 50 * (INT64_C(1) << 30),
        .pool_path = g_strdup("/instances"),
        .pool_id = g_strdup("one"),
        .pool_json = g_strdup("{\"type\": \"dir\", \"owner\": \"0\", \"mode\": \"0711\"}"),
        .certificate_json = g_strdup_printf("{\"issuer\": \"CN=ca\", \"names\": [\"%s\", "
                                            "\"*.peers\"], \"expires_us\": %" G_GINT64_FORMAT "}",
            name, 100 * DAY_US),
    };
    return host;
}

static GPtrArray *
make_networks(void)
{
    GPtrArray *networks = g_ptr_array_new_with_free_func((GDestroyNotify)network_free);
    for (int i = 0; i < 2; i++) {
        Network *network = network_new();
        network->name = g_strdup_printf("net%d", i);
        network->bridge = g_strdup_printf("br%d", i);
        g_ptr_array_add(networks, network);
    }
    return networks;
}

/* "RESULT FOUND" of a check of the first of the hosts. */
static char *
look(const GPtrArray *hosts, const char *check, int64_t now_us)
{
    json_auto_t *rows = json_array();
    g_autoptr(GPtrArray) networks = make_networks();
    lint_host(rows, hosts->pdata[0], hosts, networks, "volumes", true, now_us);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (g_str_equal(json_string_value(json_object_get(row, "check")), check)) {
            return g_strdup_printf("%s %s", json_string_value(json_object_get(row, "result")),
                json_string_value(json_object_get(row, "found")));
        }
    }
    return g_strdup("none");
}

static void
assert_says(const GPtrArray *hosts, const char *check, int64_t now_us, const char *beginning)
{
    g_autofree char *seen = look(hosts, check, now_us);
    g_test_message("%s: %s", check, seen);
    g_assert_true(g_str_has_prefix(seen, beginning));
}

static GPtrArray *
make_hosts(void)
{
    GPtrArray *hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_free);
    g_ptr_array_add(hosts, make_host("hosta"));
    g_ptr_array_add(hosts, make_host("hostb"));
    return hosts;
}

static void
test_certificates(void)
{
    g_autoptr(GPtrArray) hosts = make_hosts();
    Host *host = hosts->pdata[0];
    assert_says(hosts, "certificate", 0, "pass good for another 100 days, by CN=ca");
    assert_says(hosts, "certificate", 80 * DAY_US, "warn good for another 20 days");
    assert_says(hosts, "certificate", 103 * DAY_US, "fail expired since 3 days");
    assert_says(hosts, "certificate-names", 0, "pass ");
    g_free(host->peer_uri);
    host->peer_uri = g_strdup("qemu+tls://10.0.0.1/system");
    assert_says(hosts, "certificate-names", 0,
        "fail [\"hosta\",\"*.peers\"] does not have '10.0.0.1', by which other hosts connect");
    g_clear_pointer(&host->facts.certificate_json, g_free);
    assert_says(hosts, "certificate", 0, "unknown ");
    g_free(host->uri);
    host->uri = g_strdup("qemu+ssh://hosta/system");
    assert_says(hosts, "certificate", 0, "unseen ");
}

/* The host's own is good from the second to the hundredth day. */
static void
set_chain(Host *host, const char *chain)
{
    g_free(host->facts.certificate_json);
    host->facts.certificate_json = g_strdup_printf(
        "{\"issuer\": \"CN=sub\", \"names\": [], \"chain\": %s, \"begins_us\": %" G_GINT64_FORMAT
        ", \"expires_us\": %" G_GINT64_FORMAT "}",
        chain, 2 * DAY_US, 100 * DAY_US);
}

static void
test_chains_of_certificates(void)
{
    g_autoptr(GPtrArray) hosts = make_hosts();
    Host *host = hosts->pdata[0];
    g_autofree char *chain = g_strdup_printf(
        "[{\"subject\": \"CN=sub\", \"begins_us\": %" G_GINT64_FORMAT
        ", \"expires_us\": %" G_GINT64_FORMAT "}, {\"subject\": \"CN=ca\", \"begins_us\": 0, "
        "\"expires_us\": %" G_GINT64_FORMAT "}]",
        5 * DAY_US, 60 * DAY_US, 900 * DAY_US);
    set_chain(host, "[]");
    assert_says(
        hosts, "certificate", DAY_US, "fail not valid before 1970-01-03T00:00:00Z, by CN=sub");
    assert_says(hosts, "certificate", 2 * DAY_US, "pass good for another 98 days, by CN=sub");
    set_chain(host, chain);
    assert_says(hosts, "certificate", 4 * DAY_US,
        "fail 'CN=sub' is not valid before 1970-01-06T00:00:00Z; its own is by CN=sub (96 days); "
        "sent with it: CN=sub (56 days), CN=ca (896 days)");
    assert_says(hosts, "certificate", 10 * DAY_US,
        "pass 'CN=sub' is good for another 50 days; its own is by CN=sub (90 days)");
    assert_says(hosts, "certificate", 40 * DAY_US, "warn 'CN=sub' is good for another 20 days;");
    assert_says(hosts, "certificate", 63 * DAY_US,
        "fail 'CN=sub' is expired since 3 days; its own is by CN=sub (37 days); sent with it: "
        "CN=sub (expired), CN=ca (837 days)");
    set_chain(host, "[{\"subject\": \"CN=ca\", \"expires_us\": 172800000000000}]");
    assert_says(hosts, "certificate", 90 * DAY_US,
        "warn good for another 10 days, by CN=sub; sent with it: CN=ca (1910 days)");
    set_chain(host, "[\"CN=ca\"]"); /* as an older droverd has stored it */
    assert_says(hosts, "certificate", 10 * DAY_US,
        "pass good for another 90 days, by CN=sub; sent with it: CN=ca");
}

static void
test_versions(void)
{
    g_autoptr(GPtrArray) hosts = make_hosts();
    Host *host = hosts->pdata[0];
    assert_says(hosts, "libvirt", 0, "pass 10.5.0");
    assert_says(hosts, "versions-alike", 0, "pass ");
    host->facts.libvirt_version = 8008000;
    host->facts.hypervisor_version = 7002022;
    assert_says(hosts, "libvirt", 0,
        "fail 8.8.0: its daemon crashes when it is restarted while a guest migrates; its daemon "
        "can crash when a guest is shut off while it migrates; with "
        "live_migration_parallel_connections disks may not be copied encrypted");
    assert_says(hosts, "qemu", 0, "warn 7.2.22: it corrupts");
    host->facts.libvirt_version = 10003000;
    assert_says(hosts, "libvirt", 0,
        "warn 10.3.0: its daemon can crash when a guest is shut off while it migrates; guests with "
        "disks on NFS that is exported with root_squash may not move");
    host->facts.libvirt_version = 11003000;
    assert_says(hosts, "libvirt", 0, "warn 11.3.0: a post-copy that has lost its way");
    assert_says(hosts, "versions-alike", 0,
        "warn QEMU 7.2.22; host 'hostb' has 10.0.2: guests move live from the older to the newer");
    host->facts.hypervisor_version = 0;
    assert_says(hosts, "qemu", 0, "fail libvirt finds none");
    assert_says(hosts, "versions-alike", 0, "unknown it has no QEMU");
}

static void
test_networks_and_devices(void)
{
    g_autoptr(GPtrArray) hosts = make_hosts();
    Host *host = hosts->pdata[0];
    assert_says(hosts, "networks", 0, "unknown its libvirt does not list interfaces");
    host->facts.bridges = g_strdup("br0,br1");
    assert_says(hosts, "networks", 0, "pass it has the bridge of every network: br0,br1");
    g_free(host->facts.bridges);
    host->facts.bridges = g_strdup("br0,br10");
    assert_says(
        hosts, "networks", 0, "warn it has no bridge 'br1', on which network 'net1' is");
    assert_says(hosts, "pci-devices", 0, "none");
    host->facts.hides_devices = true;
    assert_says(hosts, "pci-devices", 0, "warn its libvirt does not list node devices");
    host->facts.hides_devices = false;
    host->facts.pci_devices = g_strdup("0000:3b:00.0 10de 2236 type-PCI 1 12 -\n0000:3c:00.0 10de "
                                       "2236 type-PCI 1 13 - - 0000:3c:00.1 snd_hda_intel");
    assert_says(hosts, "pci-devices", 0, "warn no server can have 0000:3c:00.0: its IOMMU group "
                                         "13 also holds 0000:3c:00.1, bound to snd_hda_intel");
}

static void
test_pools_and_processors(void)
{
    g_autoptr(GPtrArray) hosts = make_hosts();
    Host *host = hosts->pdata[0];
    assert_says(hosts, "pool", 0, "pass 'instances': dir, owner 0:?, mode 0711");
    assert_says(hosts, "pool-space", 0, "pass 50 % free: 50 of 100 GiB");
    assert_says(hosts, "instances-path", 0, "pass /instances, as on the other hosts");
    assert_says(hosts, "cpu", 0, "pass EPYC, AMD");
    assert_says(hosts, "volumes-pool", 0, "unknown ");
    host->facts.offers = g_strdup("kvm,pool=instances,pool=volumes");
    assert_says(hosts, "volumes-pool", 0, "pass 'volumes' is active here");
    g_free(host->facts.offers);
    host->facts.offers = g_strdup("kvm,pool=instances,pool=volumes2");
    assert_says(hosts, "volumes-pool", 0, "warn 'volumes' is not active here");
    g_free(host->facts.pool_json);
    host->facts.pool_json = g_strdup("{\"type\": \"netfs\", \"owner\": \"0\", \"mode\": \"0750\","
                                     " \"source_host\": \"nfs\", \"source_path\": \"/vms\"}");
    assert_says(
        hosts, "pool", 0, "warn 'instances': netfs, owner 0:?, mode 0750, from nfs:/vms");
    host->facts.pool_available_bytes = INT64_C(5) << 30;
    assert_says(hosts, "pool-space", 0, "warn 5 % free");
    host->facts.pool_available_bytes = 1;
    assert_says(hosts, "pool-space", 0, "fail 0 % free");
    g_free(host->facts.pool_path);
    host->facts.pool_path = g_strdup("/vms");
    assert_says(hosts, "instances-path", 0, "warn /vms; on host 'hostb' it is /instances");
    g_free(host->facts.cpu_json);
    host->facts.cpu_json = g_strdup("{\"model\": \"Skylake\", \"vendor\": \"Intel\"}");
    assert_says(hosts, "cpu", 0, "warn Skylake, Intel; host 'hostb' has EPYC, AMD");
}

static void
test_aggregates(void)
{
    g_autoptr(Host) host = make_host("hosta");
    g_autoptr(GPtrArray) aggregates =
        g_ptr_array_new_with_free_func((GDestroyNotify)aggregate_free);
    Aggregate *rack = aggregate_new();
    json_auto_t *none = json_array(), *fine = json_array(), *unread = json_array();
    rack->name = g_strdup("rack");
    g_ptr_array_add(aggregates, rack);
    g_ptr_array_add(rack->metadata, aggregate_property_new("cpu_allocation_ratio", "4"));
    lint_aggregates(none, host, aggregates);
    g_assert_cmpuint(json_array_size(none), ==, 0);
    g_ptr_array_add(rack->hosts, g_strdup("hosta"));
    lint_aggregates(fine, host, aggregates);
    g_assert_cmpuint(json_array_size(fine), ==, 1);
    g_assert_cmpstr(
        json_string_value(json_object_get(json_array_get(fine, 0), "result")), ==, "pass");
    g_ptr_array_add(rack->metadata, aggregate_property_new("ram_allocation_ratio", "abc"));
    g_ptr_array_add(rack->metadata, aggregate_property_new("note", "abc"));
    lint_aggregates(unread, host, aggregates);
    g_assert_cmpuint(json_array_size(unread), ==, 1);
    const json_t *row = json_array_get(unread, 0);
    g_assert_cmpstr(json_string_value(json_object_get(row, "result")), ==, "warn");
    g_assert_cmpstr(json_string_value(json_object_get(row, "found")), ==,
        "aggregate 'rack' says ram_allocation_ratio=abc, which is passed over: a number above 0 is "
        "taken, like 4.0, up to 1e9; of several with commas between the lowest counts");
    g_assert_cmpstr(json_string_value(json_object_get(row, "fix")), ==,
        "'drover aggregate set --property ram_allocation_ratio=NUMBER rack', or '... unset "
        "--property ram_allocation_ratio rack'");
}

static void
test_a_host_that_is_away(void)
{
    g_autoptr(GPtrArray) hosts = make_hosts();
    Host *host = hosts->pdata[0];
    host->connected = false;
    host->has_facts = false;
    host->connect_error = g_strdup("Connection refused");
    assert_says(hosts, "connected", 0, "fail Connection refused");
    assert_says(hosts, "facts", 0, "unknown ");
    g_clear_pointer(&host->connect_error, g_free);
    assert_says(hosts, "connected", 0, "unknown drover has not tried to connect to it yet");
}

/* What has told nothing is nobody to compare with. */
static void
test_a_host_alone(void)
{
    g_autoptr(GPtrArray) hosts = make_hosts();
    Host *other = hosts->pdata[1];
    assert_says(hosts, "versions-alike", 0, "pass ");
    other->has_facts = false;
    for (int i = 0; i < 2; i++) {
        assert_says(hosts, "versions-alike", 0, "unknown there is no other host here");
        assert_says(hosts, "cpu", 0, "unknown there is no other host here");
        assert_says(hosts, "instances-path", 0, "unknown there is no other host here");
        g_ptr_array_set_size(hosts, 1);
    }
}

static void
test_claims_of_a_host_that_is_away(void)
{
    g_autoptr(Host) host = make_host("hosta");
    g_autoptr(GPtrArray) differences = g_ptr_array_new();
    json_auto_t *rows = json_array();
    lint_claims(rows, host, differences);
    host->connected = false;
    lint_claims(rows, host, differences);
    g_assert_cmpstr(json_text_or(json_array_get(rows, 0), "result", NULL), ==, "pass");
    g_assert_cmpstr(json_text_or(json_array_get(rows, 1), "result", NULL), ==, "unknown");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lint/certificates", test_certificates);
    g_test_add_func("/lint/chains-of-certificates", test_chains_of_certificates);
    g_test_add_func("/lint/versions", test_versions);
    g_test_add_func("/lint/pools-and-processors", test_pools_and_processors);
    g_test_add_func("/lint/networks-and-devices", test_networks_and_devices);
    g_test_add_func("/lint/numbers-of-aggregates", test_aggregates);
    g_test_add_func("/lint/a-host-that-is-away", test_a_host_that_is_away);
    g_test_add_func("/lint/a-host-alone", test_a_host_alone);
    g_test_add_func("/lint/claims-of-a-host-that-is-away", test_claims_of_a_host_that_is_away);
    return g_test_run();
}
