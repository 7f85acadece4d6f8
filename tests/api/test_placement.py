# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Placement shows hosts as resource providers, and what is claimed on them."""
from tap import check, contains, equal, test
from test_clients import openstack
from test_clients import rows as client_rows
from world import Cloud, world


def get(path, minor=39, status=200, user="admin"):
    answer = world.fast.other("GET", "/placement" + path, user=user,
                              headers={"OpenStack-API-Version": f"placement 1.{minor}"})
    equal(answer.status, status, f"{path}: {answer.text}")
    return answer.json


def providers():
    return {row["name"]: row["uuid"] for row in get("/resource_providers")["resource_providers"]}


@test("hosts are resource providers, by name, by uuid and by what they have room for")
def _():
    equal(sorted(providers()), ["hosta", "hostb", "hostc"], "names")
    uuid = providers()["hostb"]
    equal([row["uuid"] for row in get("/resource_providers?name=hostb")["resource_providers"]],
          [uuid], "by name")
    equal(get(f"/resource_providers/{uuid}")["name"], "hostb", "show")
    equal(get("/resource_providers?resources=VCPU:999999")["resource_providers"], [], "no room")
    equal(len(get("/resource_providers?resources=VCPU:1,MEMORY_MB:64")["resource_providers"]), 3,
          "room")
    for query, count in (("required=HW_CPU", 0), ("required=!HW_CPU,!CUSTOM_OLD", 3),
                         ("required=HW_CPU,!CUSTOM_OLD", 0), ("required=!A&required=B", 0),
                         ("required=in:A,B", 0), (f"member_of={uuid}", 0),
                         (f"member_of=!{uuid}", 3), (f"member_of=!{uuid}&member_of={uuid}", 0)):
        equal(len(get(f"/resource_providers?{query}")["resource_providers"]), count, query)
    equal(len(client_rows(world.fast, "resource", "provider", "list", "--forbidden",
                          "CUSTOM_OLD")), 3, "openstack resource provider list --forbidden")
    get("/resource_providers?colour=red", status=400)
    get("/resource_providers/nothing", status=404)
    get("/resource_providers", status=403, user="member")


@test("who asks for room is told of hosts that one server may have it of, and what cannot be read "
      "is refused")
def _():
    cloud = world.fast
    uuid = providers()["hosta"]
    vcpu = get(f"/resource_providers/{uuid}/inventories/VCPU")
    equal((vcpu["total"], vcpu["max_unit"], vcpu["allocation_ratio"]), (64, 64, 16.0), "of a host")
    for asked, count in (("VCPU:64", 3), ("VCPU:65", 0), ("VCPU:1,MEMORY_MB:64,DISK_GB:1", 3),
                         ("VCPU:1,CUSTOM_GOLD:1", 0)):
        found = get(f"/resource_providers?resources={asked}")["resource_providers"]
        equal(len(found), count, asked)
    for asked, text in (("VCPU", "'VCPU' does not read CLASS:AMOUNT"), ("", "'' does not read"),
                        ("VCPU:1,", "'' does not read"), ("VCPU:1:2", "'VCPU:1:2' does not read"),
                        ("VCPU:many", "VCPU needs a positive integer, not 'many'"),
                        ("VCPU:1,DISK_GB:0", "DISK_GB needs a positive integer, not '0'")):
        answer = get(f"/resource_providers?resources={asked}", status=400)
        contains(answer["errors"][0]["detail"], text, asked)
    openstack(cloud, "resource", "provider", "list", "--resource", "VCPU",
              fails="'VCPU' does not read CLASS:AMOUNT")


@test("a provider's shape follows the microversion")
def _():
    row = get("/resource_providers", 0)["resource_providers"][0]
    equal((sorted(row), [link["rel"] for link in row["links"]]),
          (["generation", "links", "name", "uuid"], ["self", "inventories", "usages"]), "1.0")
    row = get("/resource_providers", 14)["resource_providers"][0]
    equal((row["root_provider_uuid"], row["parent_provider_uuid"]), (row["uuid"], None), "1.14")
    uuid = row["uuid"]
    get(f"/resource_providers/{uuid}/traits", 5, 404)
    equal(get(f"/resource_providers/{uuid}/traits", 6)["traits"], [], "traits")
    equal(sorted(get(f"/resource_providers/{uuid}/aggregates", 19)),
          ["aggregates", "resource_provider_generation"], "aggregates")
    answer = world.fast.other("GET", "/placement/resource_providers",
                              headers={"OpenStack-API-Version": "placement 1.29"})
    equal(answer.headers["OpenStack-API-Version"], "placement 1.29", "echo")


@test("inventories, usages and allocations tell what an instance takes")
def _():
    cloud = world.fast
    server = cloud.create("placed")
    uuid = providers()[cloud.host_of(server)]
    inventories = get(f"/resource_providers/{uuid}/inventories")["inventories"]
    equal(sorted(inventories), ["DISK_GB", "MEMORY_MB", "VCPU"], "classes")
    check(inventories["MEMORY_MB"]["reserved"] > 0 and inventories["VCPU"]["total"] > 0,
          inventories)
    equal(get(f"/resource_providers/{uuid}/inventories/VCPU")["total"],
          inventories["VCPU"]["total"], "one class")
    usages = get(f"/resource_providers/{uuid}/usages")["usages"]
    check(usages["VCPU"] >= 1 and usages["MEMORY_MB"] >= 128, usages)
    allocations = get(f"/allocations/{server}")
    equal(allocations["allocations"], {uuid: {"generation": 1, "resources": {
        "VCPU": 1, "MEMORY_MB": 128, "DISK_GB": 1}}}, "of the instance")
    equal((allocations["consumer_type"], "project_id" in get(f"/allocations/{server}", 11)),
          ("INSTANCE", False), "by version")
    check(server in get(f"/resource_providers/{uuid}/allocations")["allocations"], "of the host")
    cloud.delete(server)
    equal(get(f"/allocations/{server}")["allocations"], {}, "afterwards")


@test("processors that are reserved for the host itself are not promised, and are in its inventory "
      "[S0-14]")
def _():
    cloud = Cloud(("hosta",), default={"reserved_host_cpus": 60, "cpu_allocation_ratio": 2.0})
    try:
        def placement(path):
            answer = cloud.other("GET", "/placement/resource_providers" + path)
            equal(answer.status, 200, answer.text)
            return answer.json
        uuid = placement("")["resource_providers"][0]["uuid"]
        inventory = placement(f"/{uuid}/inventories/VCPU")
        equal((inventory["total"], inventory["reserved"]), (64, 60), inventory)
        equal(len(placement("?resources=VCPU:8")["resource_providers"]), 1, "(64 - 60) * 2")
        equal(placement("?resources=VCPU:9")["resource_providers"], [], "one more")
        flavor = cloud.send("POST", "/flavors", {"flavor": {
            "id": "nine", "name": "m1.nine", "ram": 64, "vcpus": 9, "disk": 1}})
        equal(flavor.status, 200, flavor.text)
        server = cloud.create("nine", wait=False, flavorRef="nine")
        cloud.wait_status(server, "ERROR")
        check("needs 9 vCPUs, has 8 vCPUs" in cloud.server(server)["fault"]["message"],
              cloud.server(server))
    finally:
        cloud.drover.remove()


def told_of(host):
    """(vCPUs, MiB, GiB) of that host as each view has them; what is kept for the host left out."""
    cloud = world.fast
    uuid = providers()[host]
    allocations = get(f"/resource_providers/{uuid}/allocations")["allocations"].values()
    usages = get(f"/resource_providers/{uuid}/usages")["usages"]
    reserved = get(f"/resource_providers/{uuid}/inventories/MEMORY_MB")["reserved"]
    detail = next(row for row in cloud.get("/os-hypervisors/detail", "2.42")["hypervisors"]
                  if row["hypervisor_hostname"] == host)
    rows = {row["resource"]["project"]: row["resource"]
            for row in cloud.get(f"/os-hosts/{host}", "2.42")["host"]}
    used, projects = rows["(used_max)"], [
        row for project, row in rows.items() if not project.startswith("(")]
    classes = ("VCPU", "MEMORY_MB", "DISK_GB")
    columns = ("cpu", "memory_mb", "disk_gb")
    return {
        "allocations": tuple(sum(row["resources"].get(name, 0) for row in allocations)
                             for name in classes),
        "usages": tuple(usages[name] for name in classes),
        "hypervisor": (detail["vcpus_used"], detail["memory_mb_used"] - reserved,
                       detail["local_gb_used"]),
        "used_now": (rows["(used_now)"]["cpu"], rows["(used_now)"]["memory_mb"] - reserved,
                     rows["(used_now)"]["disk_gb"]),
        "used_max": tuple(used[name] for name in columns),
        "projects": tuple(sum(row[name] for row in projects) for name in columns)}


def told_the_same(host, needed):
    equal(set(told_of(host).values()), {needed}, f"of {host}: {told_of(host)}")


@test("every view of a host tells the same: of a move that waits to be confirmed on both, and "
      "nothing of a create that failed [S3-48 S1-09]")
def _():
    cloud = world.fast
    server = cloud.create("counted", host="hosta")
    told_the_same("hosta", (1, 128, 1))
    cloud.do(server, {"migrate": {"host": "hostb"}})
    cloud.wait_status(server, "VERIFY_RESIZE")
    told_the_same("hosta", (1, 128, 1))
    told_the_same("hostb", (1, 128, 1))
    uuids = providers()
    equal(sorted(get(f"/allocations/{server}")["allocations"]),
          sorted([uuids["hosta"], uuids["hostb"]]), "what it holds")
    project = cloud.server(server)["tenant_id"]
    usages = get(f"/usages?project_id={project}")["usages"]["INSTANCE"]
    equal((usages["consumer_count"], usages["VCPU"]), (1, 2), "its project")
    cloud.do(server, {"confirmResize": None}, 204)
    cloud.wait_status(server, "ACTIVE")
    told_the_same("hosta", (0, 0, 0))

    cloud.delete(server)


@test("a host that was never reached has nothing and uses nothing, in every view and in the sums")
def _():
    cloud = Cloud(("hosta",), more={"hypervisor": {"filters": "fault:open/hostb=down"}})
    try:
        before = cloud.get("/os-hypervisors/statistics", "2.42")["hypervisor_statistics"]
        cloud.add_host("hostb")
        listed = cloud.get("/os-hypervisors/detail", "2.42")["hypervisors"]
        (row,) = [row for row in listed if row["hypervisor_hostname"] == "hostb"]
        keys = ("vcpus", "memory_mb", "memory_mb_used", "free_ram_mb", "local_gb", "local_gb_used")
        equal((row["state"], {row[key] for key in keys}), ("down", {0}), "hypervisor show")
        after = cloud.get("/os-hypervisors/statistics", "2.42")["hypervisor_statistics"]
        equal(after, dict(before, count=2), "hypervisor stats show")
        for row in cloud.get("/os-hosts/hostb", "2.42")["host"]:
            share = row["resource"]
            equal((share["cpu"], share["memory_mb"], share["disk_gb"]), (0, 0, 0), "host show")
        answer = cloud.other("GET", "/placement/resource_providers?name=hostb")
        (provider,) = answer.json["resource_providers"]
        path = f"/placement/resource_providers/{provider['uuid']}/inventories"
        equal(cloud.other("GET", path).json["inventories"], {}, "inventory list")
    finally:
        cloud.drover.remove()


@test("what a project uses is told of one of its users alone where that one is named")
def _():
    cloud = world.fast
    servers = [cloud.create(name, user) for name, user in (
        ("one", "member"), ("two", "member"), ("three", "manager"))]
    owners = [cloud.server(server) for server in servers]
    project, users = owners[0]["tenant_id"], (owners[0]["user_id"], owners[2]["user_id"])
    path = f"/usages?project_id={project}"
    for query, count in (("", 3), (f"&user_id={users[0]}", 2), (f"&user_id={users[1]}", 1),
                         (f"&user_id={project}", 0)):
        usages = get(path + query)["usages"]["INSTANCE"]
        equal((usages.get("VCPU", 0), usages["consumer_count"]), (count, count), query)
    told = {row["resource_class"]: row["usage"] for row in client_rows(
        cloud, "resource", "usage", "show", "--user-id", users[1], project)}
    equal(told, {"VCPU": 1, "MEMORY_MB": 128, "DISK_GB": 1}, "openstack resource usage show")
    cloud.delete(*servers)


@test("a server that could not be started where it was asked for is on no host, and has none of it")
def _():
    cloud = Cloud(("hosta",), more={"hypervisor": {"filters": "fault:start_guest@1=refused"}})
    try:
        failed = cloud.create("failed", wait=False, host="hosta")
        cloud.wait_status(failed, "ERROR")
        equal(cloud.host_of(failed), None, "nothing of it is there")
        (detail,) = cloud.get("/os-hypervisors/detail", "2.42")["hypervisors"]
        equal((detail["vcpus_used"], detail["local_gb_used"]), (0, 0), "of the host")
        answer = cloud.other("GET", f"/placement/allocations/{failed}")
        equal(answer.json["allocations"], {}, "of the one that failed")
    finally:
        cloud.drover.remove()
