# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Guests with processors, memory and pages of their own on hosts that have two NUMA cells."""
import contextlib
import json

from fleet import BOTH, GIB, MIB_2, fleet
from machines import PATIENCE_S
from tap import check, contains, equal, test, wait_until
from test_cold import accept, end, wait_moved

PINNED = {"hw__cpu_policy": "dedicated"}
FLAVORS = {
    "floats": (64, 1, {}),
    "pair": (64, 2, PINNED),
    "wide": (128, 2, {**PINNED, "hw__numa_nodes": "2"}),
    "one": (64, 1, PINNED),
    "large": (64, 1, {"hw__mem_page_size": "large"}),
    "wide-2mb": (128, 2, {"hw__mem_page_size": "2MB", "hw__numa_nodes": "2"}),
    "giant": (1024, 1, {"hw__mem_page_size": "1GB"}),
    "wide-giant": (2048, 2, {"hw__mem_page_size": "1GB", "hw__numa_nodes": "2"}),
}


class Servers:
    """Of one test. A guest takes minutes to start where everything is emulated: so several start at
    once, each from the moment when its claim is there."""

    def __init__(self):
        self.all = []

    def ask(self, flavor, host="hosta"):
        server = fleet.ask(flavor, flavor, host)
        self.all.append(server)
        wait_until(lambda: (shown := fleet.drover.server(server))["status"] == "ERROR"
                   or shown["OS-EXT-SRV-ATTR:host"], f"{flavor} has a place", PATIENCE_S)
        return server

    def wait(self):
        for server in self.all:
            if fleet.drover.server(server)["status"] != "ERROR":
                fleet.wait_status(server, "ACTIVE", PATIENCE_S)

    def refused(self, flavor, *reasons):
        """There and then: those before it have their claims."""
        server = self.ask(flavor)
        fleet.wait_status(server, "ERROR", PATIENCE_S)
        for reason in reasons:
            contains(fleet.fault(server), reason, f"why {flavor} has no place")

    def delete(self, *servers):
        for server in servers:
            fleet.drover.compute("DELETE", f"/servers/{server}")
        for server in servers:
            wait_until(lambda: fleet.drover.compute("GET", f"/servers/{server}").status == 404,
                       f"{server} is gone", PATIENCE_S)
        self.all = [server for server in self.all if server not in servers]


@contextlib.contextmanager
def servers():
    """Those that the test adds are deleted in the end."""
    known = {row["id"] for row in fleet.drover.compute("GET", "/flavors").json["flavors"]}
    for name, (ram, vcpus, specs) in FLAVORS.items():
        if name not in known:
            fleet.add_flavor(name, ram, vcpus, **specs)
    made = Servers()
    try:
        yield made
    finally:
        made.delete(*made.all)


def rows(*arguments):
    return json.loads(fleet.drover.openstack(*arguments, "-f", "json", version="2.78"))


def shown_cells(host):
    return json.loads(fleet.drover.drover("host", "show", host, "--json"))["cells"]


def topology(server):
    return rows("server", "show", "--topology", server)["topology"]


def check_sits(server, host, pins, cells, what):
    """Where the kernel lets its vCPUs run, what its definitions and its QEMU say of its memory, and
    what the API says of both."""
    equal(fleet.pins(host, server), dict(enumerate(pins)), f"{what}: virsh vcpupin")
    told = fleet.memory_cells(host, server)
    equal(told.pop(None), "0-1" if cells == [0, 1] else str(cells[0]), f"{what}: numatune")
    equal(fleet.bound_cells(host, server), [str(cell) for cell in cells],
          f"{what}: what QEMU has bound its memory to")
    nodes = topology(server)["nodes"]
    equal([node["host_node"] for node in nodes], cells, f"{what}: cells by the API")
    given = {int(vcpu): str(cpu) for node in nodes for vcpu, cpu in node["cpu_pinning"].items()}
    equal(given, dict(enumerate(pins)) if given else {}, f"{what}: pins by the API")
    if len(cells) > 1:
        equal(told, {i: str(cell) for i, cell in enumerate(cells)}, f"{what}: memnode")


def check_guest_cells(server, host, mib):
    """Two cells of its own, which QEMU has bound to one of the host's each."""
    cells = fleet.xml(host, server).findall("cpu/numa/cell")
    equal([(cell.get("cpus"), int(cell.get("memory")) // 1024) for cell in cells],
          [("0", mib), ("1", mib)], "its own cells")
    equal(fleet.bound_cells(host, server), ["0", "1"], "what QEMU has bound its memory to")


def check_pages(host, size_kib, free):
    """By cell: the host's kernel, and drover."""
    equal(fleet.free_pages(host)[size_kib], free, f"pages of {size_kib} KiB free on {host}")
    wait_until(lambda: [page["free"] for cell in shown_cells(host) for page in cell["pages"]
                        if page["size_kib"] == size_kib] == free,
               f"drover knows that of {size_kib} KiB are free on {host}: {free}", PATIENCE_S, 1)


@test("a host of two cells tells its cells, cores, processors and pages as its libvirt does, and "
      "hypervisor and Placement the sums [S3-18]")
def _():
    for host, dedicated, shared in (("hosta", ["1-3", "5-7"], ["0", "4"]),
                                    ("hostb", ["2-3", "4,6-7"], ["0-1", "5"])):
        there = fleet.cells(host)
        equal([len(there[cell][1]) for cell in (0, 1)], [4, 4], f"processors of {host}")
        told = shown_cells(host)
        equal({cell["id"]: (cell["memory_mib"], cell["cores"],
                            {page["size_kib"]: page["total"] for page in cell["pages"]})
               for cell in told},
              {cell: (mib, cores, pages) for cell, (mib, _, cores, pages) in there.items()},
              f"the cells of {host}")
        equal(([cell["cpus"] for cell in told], [cell["dedicated_cpus"] for cell in told],
               [cell["shared_cpus"] for cell in told]),
              (["0-3", "4-7"], dedicated, shared), f"the processors of {host}")
        for size, free in ((MIB_2, [64, 64]), (GIB, [1, 1])):
            check_pages(host, size, free)
    contains(fleet.drover.drover("host", "show", "hosta"), "cell 1: CPUs 4-7, dedicated 5-7 (free: "
             "5-7), shared 4, ", "drover host show")
    uuids = {row["name"]: row["uuid"] for row in rows("resource", "provider", "list")}
    have = {row["resource_class"]: row["total"] for row in rows(
        "resource", "provider", "inventory", "list", uuids["hosta"])}
    (row,) = [row for row in fleet.drover.compute("GET", "/os-hypervisors/detail", version="2.87")
              .json["hypervisors"] if row["hypervisor_hostname"] == "hosta"]
    equal((have["PCPU"], have["VCPU"], row["vcpus"], row["memory_mb"]),
          (6, 2, 8, have["MEMORY_MB"]), "hypervisor show and the inventory")
    check(abs(row["memory_mb"] - sum(there[cell][0] for cell in there)) < 8, row["memory_mb"])


@test("pinned guests fill one cell after the other, one of two cells lies over both, and what fits "
      "into no cell is told what each has left; live a guest goes into another cell of another "
      "host, cold there and back, each time to what is claimed for it [S3-18 S3-20]")
def _():
    with servers() as mine:
        floats, first, second = (mine.ask(flavor) for flavor in ("floats", "pair", "pair"))
        mine.refused("pair", "'numa': needs 1 cell, each with 2 dedicated CPUs and 64 MiB, "
                     "has cell 0: 1 CPUs, ", "cell 1: 1 CPUs, ")
        wide = mine.ask("wide")
        mine.refused("one", "'dedicated-cpus': needs 1 dedicated CPUs, has 0 free of 1-3,5-7")
        other = mine.ask("pair", "hostb")
        mine.wait()
        equal(fleet.pins("hosta", floats), {0: "0,4"}, "one that floats")
        check_sits(first, "hosta", ["2", "3"], [0], "the first")
        check_sits(second, "hosta", ["6", "7"], [1], "the second")
        check_sits(wide, "hosta", ["1", "5"], [0, 1], "one of two cells")
        check_guest_cells(wide, "hosta", 64)
        check_sits(other, "hostb", ["2", "3"], [0], "on the other host")

        row = fleet.explained(wide, "hostb")["numa"]
        equal((row["result"], row["needed"]),
              ("fail", "2 cells, each with 1 dedicated CPUs and 64 MiB"), "explain")
        contains(row["have"], "cell 0: 0 CPUs, ", "explain")
        mine.delete(second)
        fleet.move(first, "hostb")
        check_sits(first, "hostb", ["6", "7"], [1], "live, in another cell")
        mine.delete(other)
        accept(wide, {"migrate": {"host": "hostb"}}, world=fleet)
        wait_moved(wide, PATIENCE_S, world=fleet)
        check_sits(wide, "hostb", ["2", "4"], [0, 1], "cold")
        end(wide, "revertResize", "ACTIVE", world=fleet, timeout_s=PATIENCE_S)
        check_sits(wide, "hosta", ["1", "5"], [0, 1], "reverted")
        fleet.move(wide, "hostb")
        check_sits(wide, "hostb", ["2", "4"], [0, 1], "live, of two cells")
        check_guest_cells(wide, "hostb", 64)
        fleet.move(floats, "hostb")
        equal(fleet.pins("hostb", floats), {0: "0-1,5"}, "one that floats, there")

        fleet.restart(filter_scheduler={"enabled_filters": "ComputeFilter"})
        try:
            row = fleet.explained(wide, "hosta")["numa-filters"]
            equal((row["result"], row["have"]), ("fail", "neither is enabled"), "explain")
            fleet.migrate(wide, "hosta")
            equal(fleet.wait_migration(wide)["status"], "error", "without the filters")
        finally:
            fleet.restart(filter_scheduler=BOTH)
        check_sits(wide, "hostb", ["2", "4"], [0, 1], "where it was")


@test("guests take pages of 2 MiB and of 1 GiB from the cells that they lie in, are refused where "
      "none are left, and live they have those of the other host [S3-18 S3-20]")
def _():
    with servers() as mine:
        first = mine.ask("giant")
        mine.refused("wide-giant", "'huge-pages': needs 2048 MiB in pages of 1048576 KiB, has 1024 "
                     "MiB of them free")
        mine.ask("large")
        wide = mine.ask("wide-2mb")
        mine.wait()
        check_pages("hosta", MIB_2, [0, 32])
        check_pages("hosta", GIB, [0, 1])
        check_guest_cells(wide, "hosta", 64)
        equal(fleet.pins("hosta", wide), {0: "0", 1: "4"}, "what is shared of each cell")
        mine.delete(first)
        check_pages("hosta", GIB, [1, 1])
        giant = mine.ask("wide-giant")
        mine.refused("giant", "'huge-pages': needs 1024 MiB in pages of 1048576 KiB, has 0 MiB of "
                     "them free")
        mine.wait()
        check_pages("hosta", GIB, [0, 0])
        check_guest_cells(giant, "hosta", 1024)
        for server, size, left in ((wide, MIB_2, [32, 32]), (giant, GIB, [0, 0])):
            fleet.move(server, "hostb")
            check_pages("hostb", size, left)
        check_guest_cells(giant, "hostb", 1024)
        equal(fleet.pins("hostb", wide), {0: "0-1", 1: "5"}, "what is shared there")
        check_pages("hosta", GIB, [1, 1])
        check_pages("hosta", MIB_2, [32, 64])
