# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What hosts have and what is taken of them: Placement, hypervisors and hosts tell one truth, also
of pinned servers; and what of a host's NUMA cells a server was given."""
import collections
import json

from routes import NOBODY
from tap import check, equal
from test_clients import openstack, rows
from test_cold import ended, moved
from test_explain import explain, hosts_of, on_terminal
from test_pci import add_flavor
from world import Cloud, test

# Fake hosts have 64 processors in two cells; two neighbours are threads of a core.
SETS = {"compute:first": {"hosts": "hosta", "cpu_dedicated_set": "2-7", "cpu_shared_set": "0-1"},
        "compute:second": {"hosts": "hostb", "cpu_dedicated_set": "4-6,40-43,100"}}
PINNED = {"hw:cpu_policy": "dedicated"}
FLAVORS = {"pinned": (2, PINNED),
           "alone": (1, {**PINNED, "hw:cpu_thread_policy": "isolate"}),
           "cells": (4, {**PINNED, "hw:numa_nodes": "2", "hw:mem_page_size": "small"}),
           "paged": (1, {"hw:mem_page_size": "2MB"})}


def make_cloud():
    cloud = Cloud(("hosta", "hostb", "hostc"), fake={"numa_cells": 2, "huge_pages": 512},
                  more=SETS)
    for name, (vcpus, specs) in FLAVORS.items():
        add_flavor(cloud, name, specs, ram=256, vcpus=vcpus)
    return cloud


def placement(cloud, path):
    answer = cloud.other("GET", "/placement" + path,
                         headers={"OpenStack-API-Version": "placement 1.39"})
    equal(answer.status, 200, f"{path}: {answer.text}")
    return answer.json


def providers(cloud, query=""):
    found = placement(cloud, "/resource_providers" + query)["resource_providers"]
    return {row["name"]: row["uuid"] for row in found}


def counted(cloud, host):
    """Inventories and usages of a host, once they and whoever else tells such numbers agree."""
    path = f"/resource_providers/{providers(cloud)[host]}"
    have = placement(cloud, path + "/inventories")["inventories"]
    used = placement(cloud, path + "/usages")["usages"]
    held = collections.Counter()
    for allocation in placement(cloud, path + "/allocations")["allocations"].values():
        held.update(allocation["resources"])
    equal({name: amount for name, amount in used.items() if amount > 0}, dict(held),
          f"the usages of {host} are its allocations")
    equal(sorted(used), sorted(have), f"usages are told of what {host} has")

    (shown,) = [row for row in cloud.get("/os-hypervisors/detail", "2.87")["hypervisors"]
                if row["hypervisor_hostname"] == host]
    total, taken = (
        (sum(amount_of(name) for name in ("VCPU", "PCPU")), amount_of("MEMORY_MB"),
         amount_of("DISK_GB"))
        for amount_of in (lambda name: have.get(name, {"total": 0})["total"],
                          lambda name: used.get(name, 0)))
    reserved = have["MEMORY_MB"]["reserved"]
    equal(((shown["vcpus"], shown["memory_mb"], shown["local_gb"]),
           (shown["vcpus_used"], shown["memory_mb_used"], shown["local_gb_used"])),
          (total, (taken[0], taken[1] + reserved, taken[2])), f"hypervisor show {host}")
    rows_of = {row["resource"]["project"]: tuple(
        row["resource"][key] for key in ("cpu", "memory_mb", "disk_gb"))
        for row in cloud.get(f"/os-hosts/{host}", "2.42")["host"]}
    equal((rows_of["(total)"], rows_of["(used_now)"]),
          (total, (taken[0], taken[1] + reserved, taken[2])), f"host show {host}")
    return have, used


def held_by(cloud, server):
    names = {uuid: name for name, uuid in providers(cloud).items()}
    return {names[uuid]: row["resources"] for uuid, row in
            placement(cloud, f"/allocations/{server}")["allocations"].items()}


@test("the processors of pinned servers are PCPU in Placement, those of others VCPU, and every "
      "list of what hosts have tells the same, while servers move too [S3-48 S3-63]")
def _():
    cloud = make_cloud()
    try:
        have, _ = counted(cloud, "hosta")
        equal((have["VCPU"]["total"], have["PCPU"]["total"], have["PCPU"]["allocation_ratio"],
               have["PCPU"]["reserved"], have["PCPU"]["max_unit"]), (2, 6, 1.0, 0, 6), "both sets")
        have, used = counted(cloud, "hostb")
        equal((sorted(have), have["PCPU"]["total"]), (["DISK_GB", "MEMORY_MB", "PCPU"], 7),
              "nothing floats there, and it has no processor 100")
        equal(used, {"DISK_GB": 0, "MEMORY_MB": 0, "PCPU": 0}, "an empty host")
        have, _ = counted(cloud, "hostc")
        equal((sorted(have), have["VCPU"]["total"]), (["DISK_GB", "MEMORY_MB", "VCPU"], 64),
              "no sets")

        pinned = cloud.create("pinned", flavorRef="pinned", host="hosta")
        cloud.create("floats", host="hosta")
        equal(held_by(cloud, pinned), {"hosta": {"PCPU": 2, "MEMORY_MB": 256, "DISK_GB": 1}},
              "of the pinned one")
        cloud.create("alone", flavorRef="alone", host="hosta")
        have, used = counted(cloud, "hosta")
        equal((used["VCPU"], used["PCPU"], have["PCPU"]["reserved"]), (1, 3, 1),
              "the thread that stays idle is nobody's")
        equal([sorted(providers(cloud, f"?resources={asked}")) for asked in
               ("PCPU:2", "PCPU:3", "VCPU:1", "PCPU:1,VCPU:1")],
              [["hosta", "hostb"], ["hostb"], ["hosta", "hostc"], ["hosta"]], "who has room")

        project = cloud.server(pinned)["tenant_id"]
        before = placement(cloud, f"/usages?project_id={project}")["usages"]["INSTANCE"]
        equal(before, {"PCPU": 3, "VCPU": 1, "MEMORY_MB": 640, "DISK_GB": 3, "consumer_count": 3},
              "of the project")
        row = moved(cloud, pinned, {"migrate": {"host": "hostb"}})
        on_each = {"PCPU": 2, "MEMORY_MB": 256, "DISK_GB": 1}
        equal(held_by(cloud, pinned), {"hosta": on_each, "hostb": on_each}, "until it is confirmed")
        for host in ("hosta", "hostb"):
            counted(cloud, host)
        during = placement(cloud, f"/usages?project_id={project}")["usages"]["INSTANCE"]
        equal((during["PCPU"], during["consumer_count"]), (5, 3), "of the project meanwhile")
        ended(cloud, pinned, row["id"], "revertResize", "ACTIVE")
        equal(held_by(cloud, pinned), {"hosta": on_each}, "after the revert")

        body = cloud.body("from-volume", host="hostc", block_device_mapping_v2=[
            {"boot_index": 0, "source_type": "image", "destination_type": "volume",
             "uuid": cloud.ids["guest"], "volume_size": 1, "delete_on_termination": True}])
        del body["server"]["imageRef"]
        answer = cloud.send("POST", "/servers", body, "2.96")
        equal(answer.status, 202, answer.text)
        server = answer.json["server"]["id"]
        cloud.wait_status(server, "ACTIVE")
        equal(held_by(cloud, server), {"hostc": {"VCPU": 1, "MEMORY_MB": 128}}, "no local disk")
        counted(cloud, "hostc")
        disks = {row["resource"]["project"]: row["resource"]["disk_gb"] for row in
                 cloud.get("/os-hosts/hostc", "2.42")["host"]}
        equal((disks["(used_now)"], disks["(used_max)"]), (0, 0), "host show")

        uuid = providers(cloud)["hosta"]
        told = {row["resource_class"]: (row["total"], row["reserved"]) for row in rows(
            cloud, "resource", "provider", "inventory", "list", uuid)}
        equal((told["VCPU"], told["PCPU"]), ((2, 0), (6, 1)), "inventory list")
        told = {row["resource_class"]: row["usage"] for row in rows(
            cloud, "resource", "provider", "usage", "show", uuid)}
        equal((told["VCPU"], told["PCPU"]), (1, 3), "usage show")
        (row,) = rows(cloud, "resource", "provider", "allocation", "show", pinned)
        equal((row["resource_provider"], row["resources"]), (uuid, on_each), "allocation show")
        told = {row["resource_class"]: row["usage"] for row in rows(
            cloud, "--os-placement-api-version", "1.9", "resource", "usage", "show", project)}
        equal(told, {"PCPU": 3, "VCPU": 2, "MEMORY_MB": 768, "DISK_GB": 3}, "resource usage show")
        check("PCPU" in openstack(cloud, "--os-placement-api-version", "1.9", "resource", "class",
                                  "list"), "resource class list")
    finally:
        cloud.drover.remove()


@test("where a pinned server fits on a host without processors for others, drover explain tells "
      "what it would have given away of its memory, and of processors nothing [S0-13]")
def _():
    cloud = make_cloud()
    try:
        server = cloud.create("pinned", flavorRef="pinned", host="hosta")
        mib = cloud.other("GET", "/drover/v1/hosts/hostb").json["host"]["facts"]["memory_mib"]
        equal({name: host["given"] for name, host in hosts_of(
            explain(cloud, server, "?move=cold")).items() if host["fits"]},
              {"hostb": {"vcpus": None, "ram_mib": {"before": 0, "after": 256, "total": mib}}},
              "of those where it fits")
        lines = on_terminal(cloud, 80, "explain", "pinned", "--cold").split("\n")
        row = next(line for line in lines if line.startswith("hostb") and "->" in line)
        equal(" ".join(row.split()),
              f"hostb - - 256 of {mib} 0.00:1 -> {256 / mib:.2f}:1", "the table")
    finally:
        cloud.drover.remove()


def topology(cloud, server, user="admin"):
    return cloud.get(f"/servers/{server}/topology", "2.78", user)


def cell(vcpus, memory_mib, host_node=None, pins=None):
    node = {"vcpu_set": vcpus, "siblings": [], "memory_mb": memory_mib}
    return node if host_node is None else {**node, "host_node": host_node, "cpu_pinning": pins}


@test("a server's NUMA cells are told at 2.78 as it has them, what they are on its host to "
      "administrators alone, also by 'server show --topology' of openstack and drover")
def _():
    cloud = make_cloud()
    try:
        cells = cloud.create("cells", "member", flavorRef="cells")
        equal(topology(cloud, cells), {"pagesize_kb": 4, "nodes": [
            cell([0, 1], 128, 0, {"0": 4, "1": 5}),
            cell([2, 3], 128, 1, {"2": 40, "3": 41})]}, "to an administrator")
        for user in ("member", "reader"):
            equal(topology(cloud, cells, user), {"pagesize_kb": 4, "nodes": [
                cell([0, 1], 128), cell([2, 3], 128)]}, f"to the project's {user}")
        pinned = cloud.create("pinned", flavorRef="pinned", host="hosta")
        equal(topology(cloud, pinned), {"pagesize_kb": None, "nodes": [
            cell([0, 1], 256, 0, {"0": 2, "1": 3})]}, "who asks for no pages")
        paged = cloud.create("paged", flavorRef="paged", host="hostc")
        equal(topology(cloud, paged), {"pagesize_kb": 2048, "nodes": [cell([0], 256, 0, {})]},
              "bound to a cell, and not pinned")
        for host in ("hosta", "hostc"):
            server = cloud.create(f"floats-{host}", host=host)
            equal(topology(cloud, server), {"pagesize_kb": None, "nodes": []}, f"floats on {host}")
        for server, user in ((pinned, "member"), (NOBODY, "admin")):
            cloud.refused(cloud.send("GET", f"/servers/{server}/topology", version="2.78",
                                     user=user), 404, f"Instance {server} could not be found.")

        row = moved(cloud, pinned, {"migrate": {"host": "hostb"}})
        (there,) = topology(cloud, pinned)["nodes"]
        ended(cloud, pinned, row["id"], "revertResize", "ACTIVE")
        (back,) = topology(cloud, pinned)["nodes"]
        equal((there["host_node"], there["cpu_pinning"], back["cpu_pinning"]),
              (1, {"0": 42, "1": 43}, {"0": 2, "1": 3}), "it goes along with a move")

        nothing = cloud.create("nothing", flavorRef="cells", wait=False)
        cloud.wait_status(nothing, "ERROR")
        equal(topology(cloud, nothing), {"pagesize_kb": None, "nodes": []}, "who is nowhere")

        told = {"pagesize_kb": None, "nodes": [cell([0, 1], 256, 0, {"0": 2, "1": 3})]}
        shown = rows(cloud, "server", "show", "--topology", pinned, version="2.78")
        equal(shown["topology"], told, "openstack server show --topology")
        shown = json.loads(cloud.drover.drover("server", "show", "--topology", "pinned", "--json"))
        equal((shown["id"], shown["topology"]), (pinned, told), "drover server show --topology")
        shown = cloud.drover.drover("server", "show", "--topology", cells, "-c", "topology", "-f",
                                    "value")
        equal(shown.strip(), "vCPUs 0, 1 with 128 MiB on cell 0, pins 0=4, 1=5; vCPUs 2, 3 with "
              "128 MiB on cell 1, pins 2=40, 3=41; pages of 4 KiB", "for people")
        shown = json.loads(cloud.drover.drover("server", "show", "pinned", "--json"))
        check("topology" not in shown, "nobody asked")
    finally:
        cloud.drover.remove()


def shown_cells(cloud, host):
    """By --json, and what people are told."""
    told = json.loads(cloud.drover.drover("host", "show", host, "--json"))
    return told["cells"], cloud.drover.drover("host", "show", host)


@test("drover host show tells the NUMA cells of a host: processors, cores, which of them are "
      "dedicated, shared and free, memory and pages, less what servers were given [S3-18]")
def _():
    cloud = make_cloud()
    try:
        before, text = shown_cells(cloud, "hosta")
        first, second = before
        cells = (first["cpus"], first["dedicated_cpus"], first["dedicated_cpus_free"],
                 first["shared_cpus"], second["cpus"], second["dedicated_cpus"],
                 second["shared_cpus"])
        equal(cells, ("0-31", "2-7", "2-7", "0-1", "32-63", "", ""), "the sets")
        equal(first["cores"][:2], ["0-1", "2-3"], "threads of cores")
        pages = {"size_kib": 2048, "total": 512, "free": 512, "foreign": 0}
        equal([cell["pages"] for cell in before], [[pages], [pages]], "pages")
        equal(first["memory_free_mib"], first["memory_mib"] - 1024, "memory but for these pages")
        check((
            f"cell 0: CPUs 0-31, dedicated 2-7 (free: 2-7), shared 0-1, {first['memory_mib']} MiB "
            f"({first['memory_free_mib']} free), 512 of 512 pages of 2048 KiB free; cell 1: CPUs "
            "32-63, ") in text, text)

        cloud.create("pinned", flavorRef="pinned", host="hosta")
        cloud.create("paged", flavorRef="paged", host="hosta")
        (after, other), text = shown_cells(cloud, "hosta")
        equal((after["dedicated_cpus_free"], after["pages"][0]["free"], after["memory_free_mib"]),
              ("4-7", 512 - 128, first["memory_free_mib"] - 256), "what is left of the cell")
        equal(other, second, "the other cell")
        for name in ("second", "third"):
            cloud.create(name, flavorRef="pinned", host="hosta")
        check("dedicated 2-7 (free: none)" in shown_cells(cloud, "hosta")[1], "all are given")
    finally:
        cloud.drover.remove()
