# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Guests in a pool of type netfs, which libvirt mounts by NFS from another kernel."""
import os
from xml.etree import ElementTree

from machines import PATIENCE_S, Fleet
from tap import contains, equal, test, wait_until
from test_cold import accept, end, wait_moved

fleet = Fleet(os.path.join(os.path.dirname(os.path.abspath(__file__)), "recipe"))


def volumes(server):
    """host -> those of a server, as each host's libvirt lists them."""
    names = {}
    for host in fleet.lab.hosts:
        fleet.lab.virsh(host, "pool-refresh", "shared")
        rows = fleet.lab.virsh(host, "vol-list", "shared").split()
        names[host] = sorted(row for row in rows if row.startswith(server))
    return names


def moved_live(server, host):
    """What drover tells of that move."""
    number = fleet.move(server, host)["id"]
    equal(fleet.runs_on(server), {host: "running"}, "where it runs")
    return fleet.drover.admin("GET", f"/drover/v1/migrations/{number}").json["migration"]


@test("a pool that two hosts mount by NFS is found to be shared, and told with its server: a guest "
      "moves live there and back and cold without a copy of its disk [S4-15 S4-20]")
def _():
    for host, other in (("hosta", "hostb"), ("hostb", "hosta")):
        xml = ElementTree.fromstring(fleet.lab.virsh(host, "pool-dumpxml", "shared"))
        equal((xml.get("type"), xml.find("source/host").get("name")), ("netfs", "hosta-data"), host)
        wait_until(lambda: fleet.host(host)["storage"]["shared_with"] == [other],
                   f"{host} shares its pool with {other}", PATIENCE_S, 1)
        told = fleet.host(host)["storage"]
        equal((told["type"], told["source_host"], told["source_path"], told["source_version"]),
              ("netfs", "hosta-data", "/", "4.2"), f"its pool, as drover tells it: {told}")

    fleet.add_flavor("small")
    server = fleet.start("shared", "small", "hosta")
    try:
        mine = volumes(server)["hosta"]
        equal(volumes(server), {"hosta": mine, "hostb": mine}, "one file for both")
        for host in ("hostb", "hosta"):
            equal(moved_live(server, host)["copies_disks"], False, f"copies to {host}")
            equal(volumes(server), {"hosta": mine, "hostb": mine}, f"its files, on {host}")
        answer = fleet.migrate(server, "hostb", block=True, version="2.30")
        equal(answer.status, 400, "block migration")
        contains(answer.message, "Block migration can not be used with shared storage", "reason")
        accept(server, {"migrate": {"host": "hostb"}}, world=fleet)
        wait_moved(server, PATIENCE_S, world=fleet)
        equal(volumes(server), {"hosta": mine, "hostb": mine}, "its files, moved cold")
        end(server, "confirmResize", "ACTIVE", world=fleet, timeout_s=PATIENCE_S)
    finally:
        fleet.delete(server)
    equal(volumes(server), {"hosta": [], "hostb": []}, "its files, gone")
