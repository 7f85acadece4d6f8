# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A guest with a processor of its own moves between hosts that keep different ones for such guests.
The hosts share one machine with two processors."""
import json
from xml.etree import ElementTree

from tap import contains, equal, test
from test_cold import accept, end, wait_moved
from world import world

SETS = {
    "compute:first": {"hosts": "hosta", "cpu_dedicated_set": "1", "cpu_shared_set": "0"},
    "compute:second": {"hosts": "hostb", "cpu_dedicated_set": "0", "cpu_shared_set": "1"},
}
BOTH = {"enabled_filters": "ComputeFilter, NUMATopologyFilter, AggregateInstanceExtraSpecsFilter"}


def restart(**more):
    world.drover.stop()
    world.drover.write_config({**world.config(world.lab), **more})
    world.drover.start()
    world.drover.wait_hosts_up(len(world.lab.hosts))


def pins(host, server, *options):
    """Where its processor, QEMU's own threads, and one that is not pinned may run."""
    xml = ElementTree.fromstring(world.lab.virsh(host, "dumpxml", *options, server))
    pinned = {pin.get("vcpu"): pin.get("cpuset") for pin in xml.iterfind("cputune/vcpupin")}
    emulator = xml.find("cputune/emulatorpin")
    return pinned, emulator.get("cpuset") if emulator is not None else None, \
        xml.find("vcpu").get("cpuset")


def both_pins(host, server):
    live, stored = pins(host, server), pins(host, server, "--inactive")
    equal(live, stored, f"the live and the persistent definition on {host}")
    return live


def check_told(server, host, cpu):
    """What the stock client says of a server with that processor of its own on that host."""
    def rows(*arguments):
        return json.loads(world.drover.openstack(*arguments, "-f", "json", version="2.78"))
    (node,) = rows("server", "show", "--topology", server)["topology"]["nodes"]
    equal((node["vcpu_set"], node["host_node"], node["cpu_pinning"]), ([0], 0, {"0": cpu}),
          f"server show --topology on {host}")
    uuids = {row["name"]: row["uuid"] for row in rows("resource", "provider", "list")}
    (row,) = rows("resource", "provider", "allocation", "show", server)
    equal((row["resource_provider"], row["resources"]["PCPU"], "VCPU" in row["resources"]),
          (uuids[host], 1, False), "resource provider allocation show")
    have = {row["resource_class"]: row["total"] for row in rows(
        "resource", "provider", "inventory", "list", uuids[host])}
    used = {row["resource_class"]: row["usage"] for row in rows(
        "resource", "provider", "usage", "show", uuids[host])}
    equal((have["PCPU"], have["VCPU"], used["PCPU"]), (1, 1, 1), f"what {host} has, and its use")


def explain_rows(server, host):
    answer = world.drover.admin("GET", f"/drover/v1/instances/{server}/explanation?host={host}")
    equal(answer.status, 200, answer.text)
    (found,) = [row for row in answer.json["explanation"]["hosts"] if row["name"] == host]
    return {row["check"]: row for row in found["checks"]}


def make_flavor():
    drover = world.drover
    for name in ("pinned", "floats"):
        answer = drover.compute("POST", "/flavors", {"flavor": {
            "name": f"m1.{name}", "id": name, "ram": 128, "vcpus": 1, "disk": 1}})
        equal(answer.status, 200, answer.text)
    answer = drover.compute("POST", "/flavors/pinned/os-extra_specs", {
        "extra_specs": {"hw:cpu_policy": "dedicated"}})
    equal(answer.status, 200, answer.text)


def create_pinned(host):
    answer = world.drover.compute("POST", "/servers", {"server": {
        "name": "pinned", "flavorRef": "pinned", "imageRef": world.ids["guest"],
        "networks": [{"uuid": world.ids["private"]}], "host": host}})
    equal(answer.status, 202, answer.text)
    server = answer.json["server"]["id"]
    world.wait_status(server, "ACTIVE")
    world.wait_heard(server)
    return server


def remove(servers):
    for server in servers:
        world.delete(server)
    for name in ("pinned", "floats"):
        world.drover.compute("DELETE", f"/flavors/{name}")
    restart()


@test("a pinned guest moves live to the processor that is claimed for it on the destination, in "
      "the live and the persistent definition, and back; a second one finds none; without the "
      "filters that is refused; one that floats gets what the destination shares [S3-18 S3-20]")
def _():
    drover = world.drover
    servers = []
    try:
        restart(filter_scheduler=BOTH, **SETS)
        make_flavor()
        servers.append(world.create("floats", "hosta"))
        equal(both_pins("hosta", servers[0]), ({}, None, "0"), "one that floats")
        pinned = create_pinned("hosta")
        servers.append(pinned)
        equal(both_pins("hosta", pinned), ({"0": "1"}, "1", None), "the first host")
        check_told(pinned, "hosta", 1)

        row = explain_rows(pinned, "hostc")["dedicated-cpus"]
        equal((row["result"], row["needed"], row["have"]),
              ("fail", "1 dedicated CPUs", "no cpu_dedicated_set"), "a host that keeps none")
        contains(row["fix"], "cpu_dedicated_set", "the fix")

        world.move(pinned, "hostb")
        equal(both_pins("hostb", pinned), ({"0": "0"}, "0", None), "the destination")
        check_told(pinned, "hostb", 0)
        world.check_lives(pinned)
        world.move(servers[0], "hostb")
        equal(both_pins("hostb", servers[0]), ({}, None, "1"), "floats on the destination")

        answer = drover.compute("POST", "/servers", {"server": {
            "name": "late", "flavorRef": "pinned", "imageRef": world.ids["guest"],
            "networks": "none", "host": "hostb"}})
        equal(answer.status, 202, answer.text)
        servers.append(answer.json["server"]["id"])
        world.wait_status(servers[-1], "ERROR")
        contains(drover.server(servers[-1])["fault"]["message"],
                 "hostb failed 'dedicated-cpus': needs 1 dedicated CPUs, has 0 free of 0", "fault")

        restart(filter_scheduler={"enabled_filters": "ComputeFilter"}, **SETS)
        world.migrate(pinned, "hosta")
        migration = world.wait_migration(pinned)
        equal(migration["status"], "error", migration)
        row = explain_rows(pinned, "hosta")["numa-filters"]
        equal((row["result"], row["have"]), ("fail", "neither is enabled"), "without the filters")
        equal(both_pins("hostb", pinned), ({"0": "0"}, "0", None), "where it was, as it was")

        restart(filter_scheduler=BOTH, **SETS)
        world.wait_heard(pinned)
        world.move(pinned, "hosta")
        equal(both_pins("hosta", pinned), ({"0": "1"}, "1", None), "back")
        equal(world.runs_on(pinned), {"hosta": "running"}, "where it runs")
    finally:
        remove(servers)


@test("a pinned guest that moves cold has the processor that is claimed for it there, and its old "
      "one again after the revert; one that is resized to float is not pinned, until that is "
      "reverted; what is confirmed stays [S3-18 S3-20]")
def _():
    servers = []
    try:
        restart(filter_scheduler=BOTH, **SETS)
        make_flavor()
        pinned = create_pinned("hosta")
        servers.append(pinned)
        first, second = ({"0": "1"}, "1", None), ({"0": "0"}, "0", None)
        equal(both_pins("hosta", pinned), first, "where it begins")

        accept(pinned, {"migrate": {"host": "hostb"}})
        wait_moved(pinned)
        equal(both_pins("hostb", pinned), second, "moved cold")
        equal(pins("hosta", pinned, "--inactive"), first, "what the source keeps")
        end(pinned, "revertResize", "ACTIVE")
        equal(both_pins("hosta", pinned), first, "reverted")
        equal(world.runs_on(pinned), {"hosta": "running"}, "where it runs")

        accept(pinned, {"resize": {"flavorRef": "floats"}})
        host = wait_moved(pinned)["dest_compute"]
        shared = {"hostb": "1", "hostc": None}[host]
        equal(both_pins(host, pinned), ({}, None, shared), f"it floats on {host}")
        end(pinned, "revertResize", "ACTIVE")
        equal(both_pins("hosta", pinned), first, "pinned again")

        accept(pinned, {"migrate": {"host": "hostb"}})
        wait_moved(pinned)
        end(pinned, "confirmResize", "ACTIVE")
        equal(both_pins("hostb", pinned), second, "confirmed")
        equal(world.runs_on(pinned), {"hostb": "running"}, "where it runs")
        servers.append(create_pinned("hosta"))
        equal(both_pins("hosta", servers[-1]), first, "what it had there is free")
    finally:
        remove(servers)
