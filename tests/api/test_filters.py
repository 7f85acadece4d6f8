# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Nova's filters of images, flavors and counts: what they are told by, and what they refuse."""
from tap import contains, equal, wait_until
from test_aggregates import act
from test_aggregates import clean as clean_aggregates
from test_aggregates import create as create_aggregate
from world import Cloud, test, world


def refused(cloud, name, text, **more):
    server = cloud.create(name, wait=False, **more)
    cloud.wait_status(server, "ERROR")
    contains(cloud.server(server)["fault"]["message"], text, "the fault")
    cloud.delete(server)


@test("a server goes where its image can run, and what the image says is kept with it")
def _():
    cloud = world.fast
    cloud.add_image("arm", hw_architecture="aarch64")
    cloud.add_image("kvm", hw_architecture="x86_64", img_hv_type="kvm", hw_vm_mode="hvm")
    refused(cloud, "arm", "3 failed 'image-properties' (hosta: needs aarch64, has x86_64, kvm, hvm",
            imageRef=cloud.ids["arm"])
    server = cloud.create("kvm", imageRef=cloud.ids["kvm"])
    for name in ("arm", "kvm"):
        equal(cloud.other("DELETE", f"/image/v2/images/{cloud.ids.pop(name)}").status, 204, name)
    told = cloud.other("GET", f"/drover/v1/instances/{server}/explanation")
    contains(told.text, '"needed":"x86_64, kvm, hvm"', "what is needed of its next host")
    cloud.delete(server)


@test("filters of aggregates hold for their hosts: images, flavors, and how many")
def _():
    cloud = Cloud(["hosta", "hostb"], more={"filter_scheduler": {
        "enabled_filters": "ComputeFilter, AggregateImagePropertiesIsolation, "
                           "AggregateTypeAffinityFilter, AggregateNumInstancesFilter, "
                           "AggregateIoOpsFilter, IoOpsFilter",
        "aggregate_image_properties_isolation_namespace": "os"}})
    try:
        one = create_aggregate(cloud, "one")["id"]
        act(cloud, one, "add_host", {"host": "hosta"})
        act(cloud, one, "set_metadata", {"metadata": {
            "os.name": "windows", "instance_type": "m1.tiny", "max_instances_per_host": "1"}})
        cloud.add_image("linux", **{"os.name": "linux"})
        refused(cloud, "wrong-image", "failed 'image-isolation': needs os.name=linux, has "
                                      "os.name=windows", host="hosta", imageRef=cloud.ids["linux"])
        refused(cloud, "wrong-flavor", "failed 'flavor': needs open to flavor 'm1.huge', has only "
                                       "for m1.tiny", host="hosta", flavorRef="huge")
        first = cloud.create("first", host="hosta")
        refused(cloud, "one-too-many", "failed 'aggregate-instances': needs less than 1 instances, "
                                       "has 1 instances", host="hosta")
        elsewhere = cloud.create("elsewhere")
        equal(cloud.host_of(elsewhere), "hostb", "the other one takes more")
        cloud.delete(first, elsewhere)
        clean_aggregates(cloud)
    finally:
        cloud.drover.remove()


@test("an aggregate says how much something counts for its hosts, and explain tells whose word "
      "it is")
def _():
    cloud = world.fast
    server = cloud.create("weighed", host="hosta")
    packed = create_aggregate(cloud, "packed")["id"]
    act(cloud, packed, "add_host", {"host": "hostb"})
    act(cloud, packed, "set_metadata", {"metadata": {"ram_weight_multiplier": "-3"}})
    full = cloud.create("full", host="hostc")
    told = cloud.other("GET", f"/drover/v1/instances/{server}/explanation").json["explanation"]
    words = {row["name"]: [(one["multiplier"], one["multiplier_from"], one["share"])
                           for one in row["weighers"] if one["weigher"] == "RAMWeigher"]
             for row in told["hosts"] if row["fits"]}
    equal(words, {"hostb": [(-3.0, "aggregate", -3.0)], "hostc": [(1.0, "configuration", 0.0)]},
          "the multipliers")
    equal(told["chosen"], "hostc", "the choice")
    contains(cloud.drover.drover("explain", "weighed"), "-3.000 (x-3 of its aggregate)",
             "the table")
    cloud.delete(server, full)
    clean_aggregates(cloud)


@test("a host that makes as many servers as max_io_ops_per_host says gets no other one meanwhile")
def _():
    cloud = Cloud(["hosta"], more={
        "filter_scheduler": {"enabled_filters": "IoOpsFilter", "max_io_ops_per_host": 1},
        "hypervisor": {"filters": "delay:start_guest=10000"}})
    try:
        # It has been used before, so that what is known of it by heart is told of the change.
        cloud.delete(cloud.create("before"))
        slow = cloud.create("slow", wait=False)
        refused(cloud, "meanwhile", "failed 'io-ops' (hosta: needs less than 1 being made or "
                                    "moved, has 1 being made or moved)")
        cloud.wait_status(slow, "ACTIVE")
        cloud.delete(slow, cloud.create("later"))
    finally:
        cloud.drover.remove()


def busy_hosts(cloud, server):
    path = f"/drover/v1/instances/{server}/explanation?move=cold"
    hosts = cloud.other("GET", path).json["explanation"]["hosts"]
    return {host["name"] for host in hosts if "io-ops" in host["failed"]}


@test("a move counts for max_io_ops_per_host, on both of its hosts, as long as it is under way")
def _():
    cloud = Cloud(["hosta", "hostb", "hostc"], more={
        "filter_scheduler": {"enabled_filters": "IoOpsFilter", "max_io_ops_per_host": 1},
        "hypervisor": {"filters": "delay:live_migrate=10000, delay:copy_disks=10000"}})
    try:
        live, cold, other = [cloud.create(name, host="hosta") for name in ("live", "cold", "other")]
        for server, move in ((live, lambda: cloud.live_migrate(live, "hostb")),
                             (cold, lambda: cloud.action(cold, {"migrate": {"host": "hostb"}}))):
            equal(move().status, 202, "it moves")
            wait_until(lambda: busy_hosts(cloud, other) == {"hosta", "hostb"}, "both count")
            cloud.wait_migration(server, "completed", "finished")
            wait_until(lambda: busy_hosts(cloud, other) == set(), "and no longer")
    finally:
        cloud.drover.remove()
