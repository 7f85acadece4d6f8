# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Networks, their one subnet, and ports."""
from tap import check, contains, equal, test
from world import world

NETS, SUBNETS, PORTS = "/network/v2.0/networks", "/network/v2.0/subnets", "/network/v2.0/ports"


def make(name, status=201, user="admin", **more):
    body = dict({"name": name, "provider:physical_network": "br1"}, **more)
    answer = world.fast.other("POST", NETS, {"network": body}, user=user)
    equal(answer.status, status, answer.text)
    return answer.json["network"]["id"] if status == 201 else answer


def make_subnet(network, cidr, status=201, **more):
    body = dict({"network_id": network, "cidr": cidr, "ip_version": 4}, **more)
    answer = world.fast.other("POST", SUBNETS, {"subnet": body})
    equal(answer.status, status, answer.text)
    return answer.json["subnet"] if status == 201 else answer


def remove(network):
    equal(world.fast.other("DELETE", f"{NETS}/{network}").status, 204, "delete")


@test("a network names a bridge, gets one subnet, and is deleted")
def _():
    network = make("made")
    shown = world.fast.other("GET", f"{NETS}/{network}").json["network"]
    equal((shown["status"], shown["provider:physical_network"], shown["subnets"], shown["mtu"],
           shown["shared"]), ("ACTIVE", "br1", [], 1500, True), "network")
    subnet = make_subnet(network, "10.9.0.0/24", name="s", gateway_ip=None)
    equal((subnet["gateway_ip"], subnet["allocation_pools"], subnet["enable_dhcp"]),
          (None, [{"start": "10.9.0.1", "end": "10.9.0.254"}], False), "subnet")
    equal(world.fast.other("GET", f"{NETS}/{network}").json["network"]["subnets"], [subnet["id"]],
          "subnets")
    make_subnet(network, "10.10.0.0/24", 409)
    equal(world.fast.other("DELETE", f"{SUBNETS}/{subnet['id']}").status, 204, "delete subnet")
    equal(world.fast.other("GET", f"{SUBNETS}/{subnet['id']}").status, 404, "gone")
    again = make_subnet(network, "10.10.0.0/24",
                        allocation_pools=[{"start": "10.10.0.50", "end": "10.10.0.60"}])
    check(again["id"] != subnet["id"], "another subnet has another id")
    equal(again["gateway_ip"], "10.10.0.1", "gateway")
    remove(network)
    equal(world.fast.other("GET", f"{NETS}/{network}").json["NeutronError"]["message"],
          f"Network {network} could not be found.", "gone")


@test("two networks of one bridge never hand out the same address")
def _():
    one, other, far = make("one"), make("other"), make("far", **{"provider:physical_network": "b2"})
    make_subnet(one, "10.8.0.0/24", allocation_pools=[{"start": "10.8.0.10", "end": "10.8.0.20"}])
    pool = {"start": "10.8.0.20", "end": "10.8.0.30"}
    refused = make_subnet(other, "10.8.0.0/24", 409, allocation_pools=[pool])
    contains(refused.text, "network 'one' hands out addresses from 10.8.0.10 to 10.8.0.20", "why")
    make_subnet(far, "10.8.0.0/24")
    pool["start"] = "10.8.0.21"
    subnet = make_subnet(other, "10.8.0.0/24", allocation_pools=[pool])
    pool["start"] = "10.8.0.5"
    answer = world.fast.other("PUT", f"{SUBNETS}/{subnet['id']}",
                              {"subnet": {"allocation_pools": [pool]}})
    equal(answer.status, 409, answer.text)
    for network in (one, other, far):
        remove(network)


@test("what drover cannot do is refused, not taken silently")
def _():
    for more in ({"provider:physical_network": None}, {"provider:network_type": "vlan"},
                 {"provider:segmentation_id": 5}, {"router:external": True},
                 {"admin_state_up": False}, {"mtu": 10}, {"provider:physical_network": "br 0; rm"},
                 {"qos_policy_id": "x"}):
        equal(make("wrong", 400, **more).status, 400, more)
    equal(make("private", 409).json["NeutronError"]["type"], "Conflict", "same name")
    network = make("strict")
    for cidr, more in (("10.9.0.1/24", {}), ("10.9.0.0/31", {}), ("fd00::/64", {}), ("x", {}),
                       ("10.9.0.0/24", {"gateway_ip": "10.8.0.1"}),
                       ("10.9.0.0/24", {"ip_version": 6}), ("10.9.0.0/24", {"enable_dhcp": True}),
                       ("10.9.0.0/24",
                        {"allocation_pools": [{"start": "10.9.0.9", "end": "10.9.0.2"}]}),
                       ("10.9.0.0/24", {"dns_nameservers": ["9.9.9.9"]})):
        make_subnet(network, cidr, 400, **more)
    make_subnet("nothing", "10.9.0.0/24", 404)
    remove(network)


@test("networks and subnets are renamed; only administrators do any of this")
def _():
    network = make("old-name")
    subnet = make_subnet(network, "10.9.0.0/24")
    for path, kind in ((f"{NETS}/{network}", "network"), (f"{SUBNETS}/{subnet['id']}", "subnet")):
        answer = world.fast.other("PUT", path, {kind: {"name": "new-name"}})
        equal((answer.status, answer.json[kind]["name"]), (200, "new-name"), path)
        equal(world.fast.other("PUT", path, {kind: {"name": "x"}}, user="member").status, 403, path)
        equal(world.fast.other("DELETE", path, user="manager").status, 403, path)
        equal(world.fast.other("GET", path, user="reader").status, 200, path)
    equal(make("x", 403, "member").json["NeutronError"]["message"],
          "Policy doesn't allow network:create_network to be performed.", "message")
    remove(network)


@test("lists are filtered by any attribute, several values of one, and thinned out by fields")
def _():
    first, second = make("filter1"), make("filter2", mtu=9000)

    def names(query):
        answer = world.fast.other("GET", f"{NETS}?{query}")
        equal(answer.status, 200, answer.text)
        return sorted(row["name"] for row in answer.json["networks"])
    equal(names("name=filter1"), ["filter1"], "name")
    equal(names("name=filter1&name=filter2"), ["filter1", "filter2"], "either")
    equal(names(f"id={second}&name=filter1"), [], "both")
    equal(names("mtu=9000"), ["filter2"], "number")
    equal(names("router%3Aexternal=True"), [], "boolean")
    equal(names("nonsense=1&name=filter1"), ["filter1"], "unknown names are ignored")
    rows = world.fast.other("GET", f"{NETS}?name=filter1&fields=id&fields=name").json["networks"]
    equal(rows, [{"id": first, "name": "filter1"}], "fields")
    for network in (first, second):
        remove(network)


@test("an instance's port shows its addresses; its network and subnet stay while it lives")
def _():
    cloud = world.fast
    server = cloud.create("with-port", user="member")
    addresses = cloud.server(server)["addresses"]["private"][0]
    rows = cloud.other("GET", f"{PORTS}?device_id={server}", user="member").json["ports"]
    equal(len(rows), 1, "ports")
    port = rows[0]
    equal((port["mac_address"], port["fixed_ips"][0]["ip_address"], port["device_id"],
           port["network_id"], port["status"]),
          (addresses["OS-EXT-IPS-MAC:mac_addr"], addresses["addr"], server, cloud.ids["private"],
           "ACTIVE"), "port")
    equal(cloud.other("GET", f"{PORTS}/{port['id']}").json["port"]["id"], port["id"], "show")
    query = f"{PORTS}?fixed_ips=ip_address%3D{addresses['addr']}"
    rows = cloud.other("GET", query).json["ports"]
    equal([row["id"] for row in rows], [port["id"]], "by address")
    answer = cloud.other("DELETE", f"{NETS}/{cloud.ids['private']}")
    equal(answer.status, 409, answer.text)
    subnet = port["fixed_ips"][0]["subnet_id"]
    equal(cloud.other("DELETE", f"{SUBNETS}/{subnet}").status, 409, "subnet")
    mine = cloud.create("of-admin")
    rows = cloud.other("GET", PORTS, user="member").json["ports"]
    check(mine not in [row["device_id"] for row in rows], "a port of another project is shown")
    cloud.delete(server, mine)
    equal(cloud.other("GET", f"{PORTS}/{port['id']}").status, 404, "gone with its instance")


@test("a server cannot be made on a network without a subnet")
def _():
    network = make("empty")
    answer = world.fast.send("POST", "/servers", world.fast.body("x", networks=[{"uuid": network}]))
    equal(answer.status, 400, answer.text)
    check("has no subnet" in answer.message, answer.text)
    remove(network)


@test("a server that is to be made with a port is refused with what to name instead")
def _():
    cloud = world.fast
    server = cloud.create("has-a-port", user="member")
    port = cloud.other("GET", f"{PORTS}?device_id={server}", user="member").json["ports"][0]["id"]
    answer = cloud.send("POST", "/servers", cloud.body("x", networks=[{"port": port}]))
    equal(answer.status, 400, answer.text)
    check(f"Port {port} cannot be used" in answer.message, answer.text)
    check("name a network" in answer.message, answer.text)
    cloud.delete(server)


@test("what there is none of is an empty list")
def _():
    for name in ("security-groups", "security-group-rules", "routers", "floatingips", "agents"):
        answer = world.fast.other("GET", f"/network/v2.0/{name}", user="member")
        equal((answer.status, answer.json), (200, {name.replace("-", "_"): []}), name)
    equal(world.fast.other("GET", "/network/v2.0/quotas/x").json["quota"]["port"], -1, "quota")
    equal(world.fast.other("GET", "/network/v2.0/extensions/provider").status, 200, "extension")
    equal(world.fast.other("GET", "/network/v2.0/extensions/nothing").status, 404, "extension")
