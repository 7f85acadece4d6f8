# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Aggregates of hosts and the zones that some are: the API at each version, both stock clients,
and drover."""
import json

from tap import check, contains, equal
from test_clients import nova, openstack, rows
from world import test, world

BARE = {"id", "name", "availability_zone", "created_at", "updated_at", "deleted_at", "deleted"}
WHOLE = BARE | {"hosts", "metadata"}


def create(cloud, name, zone=None, version="2.41"):
    body = {"name": name, "availability_zone": zone} if zone else {"name": name}
    answer = cloud.send("POST", "/os-aggregates", {"aggregate": body}, version)
    equal(answer.status, 200, answer.text)
    return answer.json["aggregate"]


def act(cloud, number, name, value, status=200):
    answer = cloud.send("POST", f"/os-aggregates/{number}/action", {name: value})
    equal(answer.status, status, f"{name} {value}: {answer.text}")
    return answer


def clean(cloud):
    for row in cloud.get("/os-aggregates")["aggregates"]:
        for host in row["hosts"]:
            act(cloud, row["id"], "remove_host", {"host": host})
        answer = cloud.send("DELETE", f"/os-aggregates/{row['id']}")
        equal((answer.status, answer.text), (200, ""), "delete")


def zone_of(cloud, host):
    return cloud.get(f"/os-services?host={host}")["services"][0]["zone"]


@test("an aggregate has exactly Nova's members at each version, and fewer when it is created")
def _():
    cloud = world.fast
    clean(cloud)
    for version, more in (("2.1", set()), ("2.40", set()), ("2.41", {"uuid"}), ("2.96", {"uuid"})):
        made = create(cloud, f"at {version}", "west", version)
        equal(set(made), BARE | more, f"created at {version}")
        shown = cloud.get(f"/os-aggregates/{made['id']}", version)["aggregate"]
        equal(set(shown), WHOLE | more, f"shown at {version}")
        equal((shown["name"], shown["availability_zone"], shown["hosts"], shown["metadata"],
               shown["deleted"], shown["deleted_at"], shown["updated_at"]),
              (f"at {version}", "west", [], {"availability_zone": "west"}, False, None, None),
              version)
        listed = cloud.get("/os-aggregates", version)["aggregates"]
        equal(listed[-1], shown, f"listed at {version}")
    clean(cloud)
    equal(cloud.get("/os-aggregates"), {"aggregates": []}, "after all are deleted")


@test("a host has the zone of its aggregate, and the default when it is in none")
def _():
    cloud = world.fast
    west = create(cloud, "rack", "west")["id"]
    plain = create(cloud, "plain")["id"]
    reply = act(cloud, west, "add_host", {"host": "hostb"}).json["aggregate"]
    equal((reply["hosts"], reply["availability_zone"]), (["hostb"], "west"), "the reply")
    act(cloud, plain, "add_host", {"host": "hostb"})
    act(cloud, plain, "add_host", {"host": "hosta"})
    equal((zone_of(cloud, "hosta"), zone_of(cloud, "hostb")), ("nova", "west"), "the zones")
    listed = {row["zoneName"]: row["hosts"] for row in
              cloud.get("/os-availability-zone/detail")["availabilityZoneInfo"]}
    equal((set(listed["west"]), set(listed["nova"])), ({"hostb"}, {"hosta", "hostc"}), "the list")
    answer = cloud.send("PUT", f"/os-aggregates/{west}", {"aggregate": {
        "name": "moved", "availability_zone": "east"}})
    equal(answer.status, 200, answer.text)
    row = answer.json["aggregate"]
    equal((row["name"], row["availability_zone"], row["metadata"]),
          ("moved", "east", {"availability_zone": "east"}), "after PUT")
    check(row["updated_at"], "it has no time of its change")
    row = act(cloud, west, "set_metadata", {"metadata": {
        "availability_zone": None, "a": "1", "b": "2"}}).json["aggregate"]
    equal((row["availability_zone"], row["metadata"]), (None, {"a": "1", "b": "2"}), "metadata")
    row = act(cloud, west, "set_metadata", {"metadata": {"a": None}}).json["aggregate"]
    equal(row["metadata"], {"b": "2"}, "a null takes the key away and leaves the others")
    equal(zone_of(cloud, "hostb"), "nova", "the zone is gone")
    clean(cloud)


@test("a zone with a comma in its name is one zone, of its hosts and of the servers that ask for "
      "it")
def _():
    cloud = world.fast
    zone = "row 1, left"
    rack = create(cloud, "rack", zone)["id"]
    act(cloud, rack, "add_host", {"host": "hostb"})
    equal(zone_of(cloud, "hostb"), zone, "the host")
    server = cloud.create("left", availability_zone=zone)
    equal(cloud.host_of(server), "hostb", "the server")
    cloud.delete(server)
    clean(cloud)


@test("what aggregates are refused for is told with Nova's status and sentence")
def _():
    cloud = world.fast
    west, east = create(cloud, "rack", "west")["id"], create(cloud, "other", "east")["id"]
    act(cloud, west, "add_host", {"host": "hosta"})
    server = cloud.create("stays", host="hosta")

    def send(method, path, body):
        return cloud.send(method, f"/os-aggregates{path}", body)
    instances = "One or more hosts contain instances in this zone."
    for method, path, body, status, text in (
            ("POST", "", {"aggregate": {"name": "rack"}}, 409, "Aggregate rack already exists."),
            ("PUT", f"/{east}", {"aggregate": {"name": "rack"}}, 409,
             "Aggregate rack already exists."),
            ("POST", "", {"aggregate": {"name": ""}}, 400, "too short"),
            ("POST", "", {"aggregate": {"name": "line\n"}}, 400, "does not match"),
            ("POST", "", {"aggregate": {}}, 400, "'name' is a required property"),
            ("POST", "", {"aggregate": {"name": "n", "x": 1}}, 400, "'x' was unexpected"),
            ("POST", "", {"aggregate": {"name": "n", "availability_zone": "a:b"}}, 400,
             "does not match"),
            ("PUT", f"/{east}", {"aggregate": {}}, 400, "does not have enough properties"),
            ("GET", "/9999", None, 404, "Aggregate 9999 could not be found."),
            ("GET", "/rack", None, 400, "id must be an integer"),
            ("DELETE", "/9999", None, 404, "Aggregate 9999 could not be found."),
            ("DELETE", f"/{west}", None, 400,
             f"Unable to delete aggregate {west}. Reason: Host aggregate is not empty."),
            ("PUT", f"/{west}", {"aggregate": {"availability_zone": "north"}}, 400,
             f"Cannot update aggregate {west}. Reason: {instances}")):
        cloud.refused(send(method, path, body), status, text)
    for number, name, value, status, text in (
            (west, "add_host", {"host": "hosta"}, 409, f"Aggregate {west} already has host hosta."),
            (west, "add_host", {"host": "nowhere"}, 404,
             "Compute host nowhere could not be found."),
            (9999, "add_host", {"host": "hosta"}, 404, "Aggregate 9999 could not be found."),
            (east, "add_host", {"host": "hosta"}, 409, f"Cannot add host to aggregate {east}. "
             "Reason: One or more hosts already in availability zone(s) ['west']."),
            (east, "remove_host", {"host": "hosta"}, 404, f"Aggregate {east} has no host hosta."),
            (west, "remove_host", {"host": "hosta"}, 409,
             f"Cannot remove host hosta in aggregate {west}. Reason: {instances}"),
            (west, "set_metadata", {"metadata": {"availability_zone": "north"}}, 400,
             f"Cannot update metadata of aggregate {west}. Reason: {instances}"),
            (west, "set_metadata", {"metadata": {"availability_zone": ""}}, 400,
             "availability zone"),
            (west, "set_metadata", {"metadata": {"a": 5}}, 400, "It is not a text"),
            (west, "set_metadata", {"metadata": {"availability_zone": "north\n"}}, 400,
             "without blanks at its ends"),
            (west, "set_metadata", {"metadata": {"a/b": "x"}}, 400, "('a/b' was unexpected)"),
            (west, "set_metadata", {"metadata": {"a\n": "x"}}, 400, "was unexpected)"),
            (west, "set_metadata", {}, 400, "'metadata' is a required property"),
            (west, "add_host", {}, 400, "'host' is a required property"),
            (west, "dance", {}, 400, "There is no such action: dance")):
        cloud.refused(act(cloud, number, name, value, status), status, text)
    cloud.refused(cloud.send("POST", f"/os-aggregates/{west}/action",
                             {"add_host": {"host": "hostb"}}, user="member"), 403,
                  "Policy doesn't allow os_compute_api:os-aggregates:add_host")
    equal(cloud.get(f"/os-aggregates/{west}")["aggregate"]["hosts"], ["hosta"], "after refusals")
    cloud.delete(server)
    clean(cloud)


@test("openstack aggregate creates, changes, fills, lists and deletes one; nova as well [S4-36]")
def _():
    cloud = world.fast
    made = rows(cloud, "aggregate", "create", "--zone", "west", "--property", "ssd=true", "rack")
    equal((made["name"], made["availability_zone"]), ("rack", "west"), "created")
    openstack(cloud, "aggregate", "add", "host", "rack", "hosta")
    openstack(cloud, "aggregate", "add", "host", "rack", "hosta",
              fails="already has host hosta.")
    openstack(cloud, "aggregate", "set", "--name", "rack1", "--property", "tier=2", "rack")
    openstack(cloud, "aggregate", "unset", "--property", "ssd", "rack1")
    shown = rows(cloud, "aggregate", "show", "rack1")
    equal((shown["hosts"], shown["properties"]), (["hosta"], {"tier": "2"}), "shown")
    (row,) = rows(cloud, "aggregate", "list", "--long")
    equal((row["Name"], row["Availability Zone"], row["Properties"]),
          ("rack1", "west", {"tier": "2"}), "list --long")
    shown = rows(cloud, "hypervisor", "show", "hosta")
    equal(shown["aggregates"], ["rack1"], "aggregates of the hypervisor")
    zones = {row["Zone Name"] for row in rows(cloud, "availability", "zone", "list", "--compute")}
    equal(zones, {"internal", "nova", "west"}, "zones")
    openstack(cloud, "aggregate", "delete", "rack1", fails="is not empty")
    openstack(cloud, "aggregate", "remove", "host", "rack1", "hosta")
    openstack(cloud, "aggregate", "delete", "rack1")
    equal(rows(cloud, "aggregate", "list"), [], "after the delete")
    for arguments, wanted in ((("create", "old", "west"), "west"), (("add-host", "old", "hostb"),
                              "hostb"), (("list",), "old"), (("show", "old"), "hostb"),
                              (("set-metadata", "old", "k=v"), "k=v"),
                              (("update", "old", "--name", "older"), "older"),
                              (("remove-host", "older", "hostb"), "older"),
                              (("delete", "older"), "")):
        verb, *rest = arguments
        contains(nova(cloud, f"aggregate-{verb}", *rest), wanted, f"nova aggregate-{verb}")


@test("drover aggregate does the same, in tables and in JSON")
def _():
    cloud = world.fast
    drover = cloud.drover.drover
    made = json.loads(drover("aggregate", "create", "--zone", "west", "--property", "ssd=true",
                             "rack", "--json"))
    equal(made["metadata"], {"availability_zone": "west", "ssd": "true"}, "created")
    drover("aggregate", "add", "host", "rack", "hosta")
    drover("aggregate", "set", "--name", "rack1", "--property", "tier=2", "rack")
    contains(drover("aggregate", "list"), "hosta", "the list")
    (row,) = json.loads(drover("aggregate", "list", "--json"))
    equal((row["name"], row["zone"], row["hosts"]), ("rack1", "west", "hosta"), "the list")
    shown = json.loads(drover("aggregate", "unset", "--zone", "--property", "ssd", "rack1",
                              "--json"))
    equal((shown["availability_zone"], shown["metadata"]), (None, {"tier": "2"}), "unset")
    drover("aggregate", "remove", "host", str(row["id"]), "hosta")
    code, output = drover("aggregate", "set", "rack1", check=False)
    equal(code, 2, output)
    drover("aggregate", "delete", "rack1")
    code, output = drover("aggregate", "show", "rack1", check=False)
    equal((code, "there is no aggregate 'rack1'" in output), (1, True), output)


@test("a number that nobody could read is refused to whoever lets an aggregate say it, in one "
      "sentence, and nothing is half done; any other word is anybody's")
def _():
    cloud = world.fast
    clean(cloud)
    drover = cloud.drover.drover
    number = create(cloud, "rack")["id"]
    wish = ("A number above 0 is taken, like 4.0, up to 1e9; of several with commas between the "
            "lowest counts")
    for key, value, text in (
            ("cpu_allocation_ratio", "abc", "Invalid input for field/attribute "
             f"cpu_allocation_ratio. Value: abc. {wish}"),
            ("max_io_ops_per_host", "2.5", "A whole number from 1 to 1000000 is taken"),
            ("ram_weight_multiplier", "", "A number is taken, like -1.0")):
        answer = act(cloud, number, "set_metadata", {"metadata": {"ssd": "true", key: value}}, 400)
        cloud.refused(answer, 400, text)
    equal(cloud.get(f"/os-aggregates/{number}")["aggregate"]["metadata"], {}, "after refusals")
    openstack(cloud, "aggregate", "set", "--property", "disk_allocation_ratio=no", "rack",
              fails="A number above 0 is taken")
    for words in (("set", "--property", "cpu_allocation_ratio=abc", "rack"),
                  ("create", "--property", "cpu_allocation_ratio=abc", "other")):
        code, output = drover("aggregate", *words, check=False)
        equal((code, wish in output), (1, True), output)
    equal([row["name"] for row in cloud.get("/os-aggregates")["aggregates"]], ["rack"],
          "one that may not say what it was to say is not made")
    act(cloud, number, "set_metadata", {"metadata": {
        "cpu_allocation_ratio": "4.0, 2", "ram_weight_multiplier": "-3", "any": "abc",
        "max_instances_per_host": "5"}})
    act(cloud, number, "set_metadata", {"metadata": {"cpu_allocation_ratio": None}})
    clean(cloud)


@test("drover server create asks for a zone, and is told when there is none of that name")
def _():
    cloud = world.fast
    drover = cloud.drover.drover
    arguments = ("server", "create", "--flavor", "m1.tiny", "--image", "guest", "--network",
                 "private", "--availability-zone")
    row = create(cloud, "west", "west")
    act(cloud, row["id"], "add_host", {"host": "hostb"})
    made = json.loads(drover(*arguments, "west", "western", "--wait", "--json"))
    cloud.delete(made["id"])
    code, output = drover(*arguments, "south", "southern", check=False)
    clean(cloud)
    equal((code, "availability zone is not available" in output), (1, True), output)
    equal(made["OS-EXT-SRV-ATTR:host"], "hostb", "where it is")
