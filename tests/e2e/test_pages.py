# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Guests whose memory is of huge pages that the kernel has reserved. The hosts share one kernel,
and thus one pool of pages: each of them tells of all, what guests of the other hosts have is in use
by others, and a guest that moves has its pages twice for as long as that takes."""
import contextlib
import json

import test_cold as cold
from tap import Failed, check, contains, equal, test, wait_until
from test_pinned import BOTH, explain_rows, restart
from world import world

POOL = "/proc/sys/vm/nr_hugepages"
# In pages of 2 MiB: enough for three guests of 128 MiB, and one of them once more.
PAGES, GUEST_PAGES = 256, 64
FLAVORS = {
    "paged": (128, {"hw:mem_page_size": "large"}),
    "one-cell": (128, {"hw:mem_page_size": "2MB", "hw:numa_nodes": "1"}),
    "most": (512, {"hw:mem_page_size": "2MB"}),
    "two-cells": (128, {"hw:mem_page_size": "2MB", "hw:numa_nodes": "2"}),
}


def read_pool():
    with open(POOL, encoding="ascii") as file:
        return int(file.read())


def write_pool(pages):
    with open(POOL, "w", encoding="ascii") as file:
        file.write(str(pages))


def free_pages():
    with open("/proc/meminfo", encoding="ascii") as file:
        (line,) = [line for line in file if line.startswith("HugePages_Free:")]
    return int(line.split()[1])


@contextlib.contextmanager
def reserved(pages):
    """So many are free, as long as it lasts; then the kernel has as many as before."""
    before = read_pool()
    try:
        def has_them():
            write_pool(read_pool() + pages - free_pages())
            return free_pages() == pages
        # It makes room with each request: what others use at the moment may be in the way of one.
        wait_until(has_them, f"the kernel has {pages} huge pages of 2 MiB to give: free some of "
                   "this machine's memory", 60, 2)
        yield
    finally:
        write_pool(before)


def mapped_pages(server, host):
    """Of its QEMU, as the kernel says it."""
    name = world.drover.server(server)["OS-EXT-SRV-ATTR:instance_name"]
    return int(world.lab("exec", host, "sh", "-c",
                         "awk '/_Hugetlb:/ {kib += $2} END {print kib / 2048}' "
                         f"/proc/$(cat /run/libvirt/qemu/{name}.pid)/smaps"))


def check_pages(server, host, pages=GUEST_PAGES):
    """It has them there, and nobody has any but those that are said."""
    equal(mapped_pages(server, host), pages, f"pages that its QEMU has mapped on {host}")
    wait_until(lambda: free_pages() == PAGES - pages, "all others are free", 60)


def wait_have(server, host, result, free_mib, others_mib=0):
    """What the row says; a host is looked at a moment after what was done there."""
    others = f", {others_mib} MiB in use by others" if others_mib else ""
    wanted, seen = (result, f"{free_mib} MiB of them free{others}"), {}

    def look():
        seen.update(explain_rows(server, host)["huge-pages"])
        return (seen["result"], seen["have"]) == wanted
    try:
        wait_until(look, f"{host} has {wanted}", 60)
    except Failed as failed:
        raise Failed(f"{failed}: {seen}") from None
    return seen


def create(flavor, host):
    """By the stock client, which waits; its id."""
    text = world.drover.openstack(
        "server", "create", "--flavor", flavor, "--image", "guest", "--network", "private",
        "--host", host, "--wait", "-f", "json", flavor, version="2.74")
    return json.loads(text)["id"]


def refuse(servers, flavor, host, reason):
    """Adds a server that has no place there, with the reason as its fault."""
    answer = world.drover.compute("POST", "/servers", {"server": {
        "name": f"no-{flavor}", "flavorRef": flavor, "imageRef": world.ids["guest"],
        "networks": "none", "host": host}})
    equal(answer.status, 202, answer.text)
    server = answer.json["server"]["id"]
    servers.append(server)
    wait_until(lambda: world.drover.server(server)["status"] == "ERROR", "it has no place", 60)
    contains(world.drover.server(server)["fault"]["message"], reason, "the fault")
    return server


@contextlib.contextmanager
def fleet():
    """A droverd that has read the pool, and flavors; the servers that the test adds are deleted."""
    servers = []
    with reserved(PAGES):
        try:
            restart(filter_scheduler=BOTH)
            for name, (ram, specs) in FLAVORS.items():
                answer = world.drover.compute("POST", "/flavors", {"flavor": {
                    "name": name, "id": name, "ram": ram, "vcpus": len(specs), "disk": 1}})
                equal(answer.status, 200, answer.text)
                answer = world.drover.compute(
                    "POST", f"/flavors/{name}/os-extra_specs", {"extra_specs": specs})
                equal(answer.status, 200, answer.text)
            yield servers
        finally:
            for server in servers:
                world.delete(server)
            for name in FLAVORS:
                world.drover.compute("DELETE", f"/flavors/{name}")
    restart()


def check_definitions(server, host):
    for options in ((), ("--inactive",)):
        xml = world.lab.virsh(host, "dumpxml", *options, server)
        contains(xml, "<page size='2048' unit='KiB'", f"its definition on {host} {options}")


@test("a guest of huge pages has them: its QEMU maps them, it rehearses, moves live and cold with "
      "them, loses them by a resize and has them again after the revert [S3-18]")
def _():
    with fleet() as servers:
        paged = create("paged", "hosta")
        servers.append(paged)
        world.wait_heard(paged)
        check_pages(paged, "hosta")
        (node,) = json.loads(world.drover.openstack(
            "server", "show", "--topology", paged, "-f", "json", version="2.78"
        ))["topology"]["nodes"]
        equal((node["memory_mb"], node["host_node"]), (128, 0), "server show --topology")

        most = refuse(servers, "most", "hosta", "hosta failed 'huge-pages': needs 512 MiB in pages "
                      "of 2048 KiB, has 384 MiB of them free")
        row = wait_have(most, "hosta", "fail", 384)
        equal(row["needed"], "512 MiB in pages of 2048 KiB", "the row")
        contains(row["fix"], "vm.nr_hugepages", "the fix")
        refuse(servers, "two-cells", "hostb", "hostb failed 'numa': needs 2 cells, each with 1 "
               "CPUs and 64 MiB in pages of 2048 KiB, has cell 0: 2 CPUs")

        text = world.drover.drover("explain", paged, "--host", "hostb", "--rehearse", "--json")
        (host,) = json.loads(text)["hosts"]
        (row,) = [row for row in host["checks"] if row["check"] == "rehearsal"]
        equal(row["result"], "pass", row)
        check_pages(paged, "hosta")

        world.move(paged, "hostb")
        world.check_lives(paged)
        check_pages(paged, "hostb")
        check_definitions(paged, "hostb")
        row = wait_have(paged, "hosta", "pass", 384, 128)
        equal(row["needed"], "128 MiB in huge pages", "the row")
        wait_have(most, "hostb", "fail", 384)

        cold.accept(paged, {"migrate": {"host": "hostc"}})
        cold.wait_moved(paged)
        check_pages(paged, "hostc")
        wait_have(most, "hostb", "fail", 256, 128)  # it may come back until it is confirmed
        wait_have(most, "hostc", "fail", 384)
        cold.end(paged, "confirmResize", "ACTIVE")
        wait_have(most, "hostb", "fail", 384, 128)

        cold.accept(paged, {"resize": {"flavorRef": "tiny"}})
        host = cold.wait_moved(paged)["dest_compute"]
        check_pages(paged, host, 0)
        cold.end(paged, "revertResize", "ACTIVE")
        check_pages(paged, "hostc")
        cold.check_up(paged)


def service(host, **change):
    """Which may have to wait: one that is back removes its copies first."""
    (row,) = world.drover.compute(
        "GET", f"/os-services?host={host}&binary=nova-compute").json["services"]
    wait_until(lambda: world.drover.compute(
        "PUT", f"/os-services/{row['id']}", change, "2.69").status == 200, f"{host}: {change}", 60)


def check_plan(names):
    """One of them fits beside the pages of a server that is off; the other is told what is left."""
    code, shown = world.drover.drover("host", "drain", "hostb", "--dry-run", "--json", check=False)
    equal(code, 1, shown)
    plan, _ = json.JSONDecoder().raw_decode(shown)
    steps = [step for step in plan["steps"] if step["instance_name"] in names]
    equal(sorted(str(step["dest_host"]) for step in steps), ["None", "hosta"], plan)
    (stays,) = [step for step in steps if step["dest_host"] is None]
    contains(stays["reason"], "needs 128 MiB in huge pages, has 0 MiB of them free", "its reason")


@test("a server that is off keeps its pages, a drain's plan promises none twice, and those of a "
      "host that died are made anew with theirs [S2-25] [S3-18]")
def _():
    with fleet() as servers:
        servers += [world.create(name, host, flavor=flavor) for name, host, flavor in (
            ("off", "hosta", "one-cell"), ("one", "hostb", "paged"), ("two", "hostb", "paged"))]
        off, *dying = servers
        contains(world.lab.virsh("hosta", "dumpxml", off),
                 "<cell id='0' cpus='0-1' memory='131072' unit='KiB'", "its own cell")
        world.drover.compute("POST", f"/servers/{off}/action", {"os-stop": None})
        world.wait_status(off, "SHUTOFF")
        service("hostc", status="disabled")
        try:
            wait_have(dying[0], "hosta", "pass", 128, 256)
            check_plan(("one", "two"))
        finally:
            service("hostc", status="enabled")

        world.lab("poweroff", "hostb")
        try:
            wait_until(lambda: free_pages() == PAGES, "the dead host's pages are free", 60)
            service("hostb", forced_down=True)
            for server, host in zip(dying, ("hosta", "hostc")):
                answer = world.drover.compute(
                    "POST", f"/servers/{server}/action", {"evacuate": {"host": host}}, "2.92")
                equal(answer.status, 200, answer.text)
                wait_until(lambda: world.last_migration(server)["status"] == "done",
                           f"{server} is made anew on {host}", 90)
                equal(world.host_of(server), host, "where it is")
        finally:
            world.lab("poweron", "hostb")
            wait_until(lambda: world.host("hostb")["connected"], "hostb is back", 120)
            service("hostb", forced_down=False)
            world.wait_connected("hostb", True)
        for server, host in zip(dying, ("hosta", "hostc")):
            wait_until(lambda: world.runs_on(server) == {host: "running"}, "it is there alone", 60)
            equal(mapped_pages(server, host), GUEST_PAGES, f"its pages on {host}")
