# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What a host has to have for a server's networks and devices, and hosts that do not tell."""
import json

from tap import contains, equal
from test_drain import ask
from test_explain import checks_of, explain, hosts_of, set_service
from test_pci import PCI, add_flavor
from world import Cloud, test, world


def add_network(cloud, name, bridge, cidr):
    answer = cloud.other("POST", "/network/v2.0/networks", {"network": {
        "name": name, "provider:physical_network": bridge, "shared": True}})
    equal(answer.status, 201, answer.text)
    network = answer.json["network"]["id"]
    answer = cloud.other("POST", "/network/v2.0/subnets", {"subnet": {
        "network_id": network, "ip_version": 4, "cidr": cidr}})
    equal(answer.status, 201, answer.text)
    return network


def lint_of(cloud, check):
    rows = cloud.other("GET", "/drover/v1/lint").json["lint"]["checks"]
    return {row["host"]: row for row in rows if row["check"] == check}


@test("a host without the bridge of a server's network is not chosen, for a new server, a move or "
      "a drain, and the table says which bridge it lacks; lint says it before")
def _():
    cloud = Cloud(("hosta", "hostb", "hostc"), fake={"bridges": "br0,hostb:br1,hostc:br1"})
    try:
        backend = add_network(cloud, "backend", "br1", "10.7.0.0/24")
        both = [{"uuid": cloud.ids["private"]}, {"uuid": backend}]
        plain = cloud.create("plain")
        equal(cloud.host_of(plain), "hosta", "the first of equals")
        cloud.delete(plain)
        server = cloud.create("two-nets", networks=both)
        equal(cloud.host_of(server), "hostb", "the first that has both")
        refused = cloud.create("refused", networks=both, host="hosta", wait=False)
        cloud.wait_status(refused, "ERROR")
        contains(cloud.server(refused)["fault"]["message"], "failed 'networks'", "the fault")

        for query in ("?move=live", "?move=cold", "?move=evacuate"):
            hosts = hosts_of(explain(cloud, server, query))
            row = checks_of(hosts["hosta"])["networks"]
            equal((row["result"], row["needed"], row["have"], row["fix"]),
                  ("fail", "bridge br0 of 'private', br1 of 'backend'", "br0",
                   "make the bridge there, as on the other hosts"), query)
            row = checks_of(hosts["hostc"])["networks"]
            equal((row["result"], row["have"], row["fix"]), ("pass", "br0, br1", None), query)
        text = cloud.drover.drover("explain", "two-nets", "--live", "--host", "hosta",
                                   check=False)[1]
        contains(text, "make the bridge there", "drover explain")

        equal(cloud.live_migrate(server, "hosta").status, 202, "a live move is taken")
        row = cloud.wait_migration(server, "error", "failed", "completed")
        shown = cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
        contains(shown["message"], "hosta failed 'networks': needs bridge br0 of 'private', br1 of "
                                   "'backend', has br0 (make the bridge there", "its reason")
        cloud.wait_idle(server)
        equal((row["status"], cloud.host_of(server)), ("error", "hostb"), "and does not happen")
        equal(cloud.live_migrate(server).status, 202, "a host that has both is chosen")
        cloud.wait_migration(server, "completed")
        cloud.wait_idle(server)
        equal(cloud.host_of(server), "hostc", "though hosta is as empty")

        set_service(cloud, "hostb", status="disabled")
        plan = ask(cloud, "hostc", status=200, dry_run=True)
        equal((plan["moves"], plan["stay"]), (0, 1), plan)
        contains(plan["steps"][0]["reason"], "failed 'networks' (hosta: needs bridge br0 of",
                 "the drain's reason")

        rows = lint_of(cloud, "networks")
        equal({name: row["result"] for name, row in rows.items()},
              {"hosta": "warn", "hostb": "pass", "hostc": "pass"}, "lint")
        equal(rows["hosta"]["found"], "it has no bridge 'br1', on which network 'backend' is",
              "lint of hosta")
        facts = cloud.other("GET", "/drover/v1/hosts/hostb").json["host"]["facts"]
        equal((facts["bridges"], facts["hides_devices"]), ("br0,br1", False), "its facts")

        cloud.do(server, {"os-migrateLive": {"host": "hosta", "block_migration": "auto",
                                             "force": True}}, version="2.30")
        cloud.wait_migration(server, "completed")
        cloud.wait_idle(server)
        equal(cloud.host_of(server), "hosta", "who forces it may know of a bridge made just now")
        cloud.delete(server, refused)
    finally:
        cloud.drover.remove()


@test("a host that does not tell its bridges is not refused: the row says unknown and why")
def _():
    cloud = world.fast
    server = cloud.create("anywhere", host="hosta")
    row = checks_of(hosts_of(explain(cloud, server))["hostb"])["networks"]
    equal((row["result"], row["have"], row["fix"]),
          ("unknown", "not told: its libvirt does not list interfaces", None), "the row")
    equal(cloud.live_migrate(server, "hostb").status, 202, "a live move")
    cloud.wait_migration(server, "completed")
    row = lint_of(cloud, "networks")["hostb"]
    equal(row["result"], "unknown", "lint")
    contains(row["fix"], "libvirt-daemon-driver-interface", "and what to do")
    cloud.wait_idle(server)
    cloud.delete(server)


@test("a host whose libvirt cannot list PCI devices says so, wherever they are asked for")
def _():
    cloud = Cloud(("hosta",), fake={"pci_devices": -1}, more={"pci": PCI})
    try:
        add_flavor(cloud, "gpu", {"pci_passthrough:alias": "gpu:1"})
        refused = cloud.create("gpu", flavorRef="gpu", wait=False)
        cloud.wait_status(refused, "ERROR")
        contains(cloud.server(refused)["fault"]["message"],
                 "needs gpu:1, has not told: its libvirt does not list node devices", "the fault")
        row = lint_of(cloud, "pci-devices")["hosta"]
        equal(row["result"], "warn", "lint")
        contains(row["fix"], "libvirt-daemon-driver-nodedev", "and what to do")
        contains(cloud.drover.drover("host", "show", "hosta"),
                 "not told: its libvirt does not list node devices", "drover host show")
        shown = json.loads(cloud.drover.drover("host", "show", "hosta", "--json"))
        equal((shown["pci_devices"], shown["facts"]["hides_devices"]), ([], True), "--json")
        cloud.delete(refused)
    finally:
        cloud.drover.remove()
