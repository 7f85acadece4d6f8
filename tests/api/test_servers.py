# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Servers as they are shown and listed: their members at each version, filters, pages, names."""
import hashlib
import re

from routes import NOBODY
from tap import check, contains, equal
from world import test, world

BASE = set("""
    id name status tenant_id user_id metadata hostId image flavor created updated addresses
    accessIPv4 accessIPv6 links OS-DCF:diskConfig progress OS-EXT-AZ:availability_zone config_drive
    key_name OS-SRV-USG:launched_at OS-SRV-USG:terminated_at OS-EXT-STS:task_state
    OS-EXT-STS:vm_state OS-EXT-STS:power_state os-extended-volumes:volumes_attached
    security_groups""".split())
ATTRIBUTE = "OS-EXT-SRV-ATTR:"


def attributes(words):
    return {ATTRIBUTE + word for word in words.split()}


# Version -> what is added at it: to everybody, to administrators.
ADDED = [
    (1, BASE, attributes("host instance_name hypervisor_hostname")),
    (3, set(), attributes("reservation_id launch_index hostname kernel_id ramdisk_id "
                          "root_device_name user_data")),
    (9, {"locked"}, set()),
    (16, set(), {"host_status"}),
    (19, {"description"}, set()),
    (26, {"tags"}, set()),
    (63, {"trusted_image_certificates"}, set()),
    (71, {"server_groups"}, set()),
    (73, {"locked_reason"}, set()),
    (90, attributes("hostname"), set()),
    (96, {"pinned_availability_zone"}, set()),
]


def golden(minor, is_admin, is_show=True):
    keys = set()
    for since, everybody, administrators in ADDED:
        if minor >= since:
            keys |= everybody | (administrators if is_admin else set())
    return keys if is_show else keys - {"server_groups"}


def difference(seen, wanted):
    return f"missing {sorted(wanted - seen)}, too much {sorted(seen - wanted)}"


@test("a server has exactly Nova's members at each version, for admin and member "
      "[S1-03 S1-04 S3-25]")
def _():
    cloud = world.fast
    server = cloud.create("golden", user="member")
    for minor in (1, 2, 3, 8, 9, 15, 16, 19, 26, 47, 62, 63, 70, 71, 73, 75, 89, 90, 95, 96):
        for user in ("admin", "member"):
            where = f"2.{minor} for {user}"
            wanted = golden(minor, user == "admin")
            seen = set(cloud.server(server, f"2.{minor}", user))
            check(seen == wanted, f"show at {where}: {difference(seen, wanted)}")
            rows = cloud.get("/servers/detail?all_tenants=1" if user == "admin" else
                             "/servers/detail", f"2.{minor}", user)["servers"]
            wanted = golden(minor, user == "admin", is_show=False)
            check(set(rows[0]) == wanted, f"list at {where}: {difference(set(rows[0]), wanted)}")
    equal(set(cloud.get("/servers", "2.96", "member")["servers"][0]), {"id", "name", "links"},
          "the short list")
    cloud.delete(server)


@test("the values of a server are of Nova's shapes")
def _():
    cloud = world.fast
    server = cloud.create("shapes", metadata={"a": "b"}, description="d", tags=["t1", "t2"])
    seen = cloud.server(server)
    nova = cloud.drover.url + "/compute"
    equal(seen["links"], [{"rel": "self", "href": f"{nova}/v2.1/servers/{server}"},
                          {"rel": "bookmark", "href": f"{nova}/servers/{server}"}], "links")
    equal(seen["image"], {"id": cloud.ids["guest"], "links": [
        {"rel": "bookmark", "href": f"{nova}/images/{cloud.ids['guest']}"}]}, "image")
    for key in ("created", "updated"):
        check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", seen[key]), f"{key}: {seen[key]}")
    check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", seen["OS-SRV-USG:launched_at"]),
          seen["OS-SRV-USG:launched_at"])
    equal((seen["metadata"], seen["description"], seen["tags"]), ({"a": "b"}, "d", ["t1", "t2"]),
          "what was given")
    equal((seen["status"], seen["OS-EXT-STS:vm_state"], seen["OS-EXT-STS:power_state"]),
          ("ACTIVE", "active", 1), "states")
    host = seen[ATTRIBUTE + "host"]
    equal(seen["hostId"], hashlib.sha224((seen["tenant_id"] + host).encode()).hexdigest(), "hostId")
    (port,) = seen["addresses"]["private"]
    equal(set(port), {"version", "addr", "OS-EXT-IPS:type", "OS-EXT-IPS-MAC:mac_addr"}, "a port")
    check(port["addr"].startswith("10.0.") and port["version"] == 4, port)
    equal(cloud.get(f"/servers/{server}/ips")["addresses"],
          {"private": [{"version": 4, "addr": port["addr"]}]}, "ips")
    cloud.delete(server)


@test("the flavor is a reference below 2.47 and embedded from it on")
def _():
    cloud = world.fast
    server = cloud.create("flavored")
    old = cloud.server(server, "2.46")["flavor"]
    equal((old["id"], [link["rel"] for link in old["links"]]), ("tiny", ["bookmark"]), "at 2.46")
    equal(cloud.server(server, "2.47")["flavor"],
          {"vcpus": 1, "ram": 128, "disk": 1, "ephemeral": 0, "swap": 0,
           "original_name": "m1.tiny", "extra_specs": {}}, "at 2.47")
    cloud.delete(server)


@test("host_status says UP, MAINTENANCE while disabled, DOWN when forced down")
def _():
    cloud = world.fast
    server = cloud.create("hosted")
    host = cloud.host_of(server)
    (service,) = cloud.get(f"/os-services?host={host}", "2.53")["services"]
    for body, status in (({"status": "disabled"}, "MAINTENANCE"), ({"status": "enabled"}, "UP"),
                         ({"forced_down": True}, "DOWN"), ({"forced_down": False}, "UP")):
        equal(cloud.send("PUT", f"/os-services/{service['id']}", body, "2.53").status, 200, body)
        equal(cloud.server(server)["host_status"], status, f"after {body}")
    cloud.delete(server)


# ---- lists ----

def names(cloud, query="", version="2.96", user="admin"):
    rows = cloud.get(f"/servers/detail{query}", version, user)["servers"]
    return sorted(row["name"] for row in rows)


@test("lists are filtered as asked, by host only for administrators [S3-27 S3-41 S1-03]")
def _():
    cloud = world.fast
    one = cloud.create("web-1", host="hosta", tags=["red", "big"], metadata={"a": "1"})
    two = cloud.create("web-2", host="hostb", tags=["red"])
    three = cloud.create("db-1", user="member")
    cloud.do(one, {"os-stop": None})
    cloud.wait_status(one, "SHUTOFF")
    cloud.do(two, {"lock": None})
    demo, mine = cloud.ids["demo"], cloud.server(one)["tenant_id"]
    reservation = cloud.server(one)[ATTRIBUTE + "reservation_id"]
    address = cloud.server(two)["addresses"]["private"][0]["addr"].replace(".", "%5C.")
    everybody = ["db-1", "web-1", "web-2"]
    cases = [
        ("", ["web-1", "web-2"]), ("?all_tenants=True", everybody), ("?all_tenants=1", everybody),
        ("?all_tenants", everybody), ("?all_tenants=False", ["web-1", "web-2"]),
        ("?deleted=False", ["web-1", "web-2"]), ("?deleted=True", None),
        (f"?tenant_id={demo}", ["db-1"]), (f"?project_id={demo}", ["db-1"]),
        (f"?all_tenants=True&project_id={mine}", ["web-1", "web-2"]),
        ("?host=hosta", ["web-1"]), ("?host=hosta&all_tenants=True&status=ACTIVE", None),
        ("?node=hostb&name=web", ["web-2"]), ("?host=nowhere", []),
        ("?name=web", ["web-1", "web-2"]), ("?name=%5Eweb-1%24", ["web-1"]),
        ("?name=-1", ["web-1"]),
        ("?status=SHUTOFF", ["web-1"]), ("?status=shutoff", ["web-1"]),
        ("?status=SHUTOFF&status=ACTIVE", ["web-1", "web-2"]), ("?status=MIGRATING", []),
        ("?vm_state=stopped", ["web-1"]), ("?power_state=4", ["web-1"]),
        (f"?ip={address}%24", ["web-2"]), ("?ip6=fe80", []),
        (f"?image={cloud.ids['guest']}", ["web-1", "web-2"]), (f"?image={NOBODY}", []),
        ("?flavor=tiny", ["web-1", "web-2"]), ("?flavor=huge", []),
        ("?locked=True", ["web-2"]), ("?locked=false", ["web-1"]),
        ("?tags=red", ["web-1", "web-2"]), ("?tags=red,big", ["web-1"]),
        ("?tags-any=big,x", ["web-1"]),
        ("?not-tags=big", ["web-2"]), ("?not-tags-any=red,x", []), ("?tags=re", []),
        (f"?uuid={two}", ["web-2"]), (f"?reservation_id={reservation}", ["web-1"]),
        ("?availability_zone=nova", ["web-1", "web-2"]), ("?availability_zone=x", []),
        ("?key_name=k", []), ("?config_drive=True", ["web-1", "web-2"]),
        ("?config_drive=False", []),
        ("?changes-since=2020-01-01T00:00:00Z", None), ("?changes-since=2100-01-01T00:00:00Z", []),
        ("?changes-before=2020-01-01T00:00:00Z", []),
    ]
    for query, wanted in cases:
        seen = names(cloud, query)
        if wanted is not None:
            equal(seen, wanted, query)
    contains(names(cloud, "?changes-since=2020-01-01T00:00:00Z"), "web-1", "changes-since")
    check("web-1" not in names(cloud, "?deleted=True"), "deleted=True shows what lives")
    for query in ("?host=nowhere", "?vm_state=stopped", "?deleted=True"):
        equal(names(cloud, query, "2.75", "member"), ["db-1"], f"{query} by a member is ignored")
    cloud.do(two, {"unlock": None})
    cloud.delete(one, two, three)
    check("web-1" in names(cloud, "?deleted=True"), "deleted=True does not show what is deleted")
    check("web-1" in names(cloud, "?status=DELETED"), "status=DELETED does not show it")


@test("queries that cannot be answered are 400 with the reason, as the version says")
def _():
    cloud = world.fast
    bad = [("?limit=x", "2.1", "limit"), ("?limit=-1", "2.1", "limit"),
           (f"?marker={NOBODY}", "2.1", f"marker [{NOBODY}] not found"),
           ("?marker=x", "2.1", "marker [x] not found"), ("?sort_key=bogus", "2.1", "bogus"),
           ("?changes-since=yesterday", "2.1", "changes-since"),
           ("?status=BOGUS", "2.38", "Invalid status value"), ("?name=%5B", "2.1", "name"),
           ("?all_tenants=maybe", "2.1", "maybe"), ("?locked=maybe", "2.73", "locked"),
           ("?bogus=1", "2.75", "Additional properties are not allowed ('bogus' was unexpected)"),
           ("?changes-since=2021-01-01T00:00:00Z&changes-before=2020-01-01T00:00:00Z", "2.66",
            "The value of changes-since must be less than or equal to changes-before.")]
    for query, version, text in bad:
        for path in ("/servers", "/servers/detail"):
            cloud.refused(cloud.send("GET", path + query, version=version), 400, text)
    for query, version in (("?status=BOGUS", "2.37"), ("?name=nothing", "2.1"),
                           ("?bogus=1&name=nothing", "2.74")):
        equal(cloud.get("/servers" + query, version)["servers"], [], f"{query} at {version}")
    cloud.get("/servers?limit=0")


@test("a member who asks for all tenants, or for deleted ones, is 403 with the policy named")
def _():
    cloud = world.fast
    for path, rule in (("/servers", "index"), ("/servers/detail", "detail")):
        cloud.refused(cloud.send("GET", path + "?all_tenants=True", user="member"), 403,
                      f"Policy doesn't allow os_compute_api:servers:{rule}:get_all_tenants "
                      "to be performed.")
    cloud.refused(cloud.send("GET", "/servers?status=DELETED", user="member"), 403,
                  "Only administrators may list deleted instances")
    cloud.get("/servers?all_tenants=False", user="member")


@test("pages follow each other by their links and lose nothing, in any order")
def _():
    cloud = world.fast
    made = [cloud.create(f"page-{i}") for i in range(5)]
    for query in ("limit=2", "limit=2&sort_key=display_name&sort_dir=asc", "limit=2&name=page",
                  "limit=1&all_tenants=True&sort_key=host&sort_dir=asc"):
        seen, path, n_pages = [], f"/servers?{query}", 0
        while path and n_pages < 10:
            page = cloud.get(path)
            seen += [row["id"] for row in page["servers"]]
            links = page.get("servers_links")
            if links is not None:
                equal([link["rel"] for link in links], ["next"], "links")
                check(links[0]["href"].startswith(cloud.drover.url), links)
                check(all(part in links[0]["href"] for part in query.split("&")), links)
            path = links[0]["href"].split("/v2.1")[1] if links else None
            n_pages += 1
        equal(sorted(seen), sorted(made), f"with {query}")
    rows = cloud.get("/servers?sort_key=display_name&sort_dir=asc&name=page")["servers"]
    equal([row["name"] for row in rows], [f"page-{i}" for i in range(5)], "sorted by name")
    rows = cloud.get("/servers?name=page")["servers"]
    equal([row["id"] for row in rows], made[::-1], "newest first when nothing is said")
    check("servers_links" not in cloud.get("/servers?limit=5"), "a next page that is empty")
    cloud.delete(*made)


@test("names resolve as the clients do it: 404 for the name, then the list, then the id [S1-12]")
def _():
    cloud = world.fast
    server = cloud.create("vm.one")
    cloud.refused(cloud.send("GET", "/servers/vm.one"), 404, "Instance vm.one could not be found.")
    (row,) = cloud.get("/servers?name=vm.one")["servers"]
    equal(cloud.server(row["id"])["name"], "vm.one", "the last step")
    cloud.refused(cloud.send("GET", f"/servers/{NOBODY}"), 404,
                  f"Instance {NOBODY} could not be found.")
    cloud.refused(cloud.send("GET", f"/servers/{server}", user="member"), 404,
                  f"Instance {server} could not be found.")
    cloud.delete(server)
    cloud.refused(cloud.send("GET", f"/servers/{server}"), 404, "could not be found")


@test("a server is renamed and described by PUT, strictly")
def _():
    cloud = world.fast
    server = cloud.create("before")
    path = f"/servers/{server}"
    answer = cloud.send("PUT", path, {"server": {"name": "after", "description": "x"}}, "2.19")
    equal((answer.status, answer.json["server"]["name"], answer.json["server"]["description"]),
          (200, "after", "x"), "the reply")
    cloud.send("PUT", path, {"server": {"description": None}}, "2.19")
    equal((cloud.server(server)["name"], cloud.server(server)["description"]), ("after", None),
          "what is shown")
    for body, version, text in (
            ({"server": {"description": "x"}}, "2.18", "'description' was unexpected"),
            ({"server": {"name": ""}}, "2.1", "is too short"),
            ({"server": {"name": "x" * 256}}, "2.1", "is too long"),
            ({"server": {"name": 5}}, "2.1", "is not of type 'string'"),
            ({"server": {}, "x": 1}, "2.1", "'x' was unexpected"),
            ({}, "2.1", "'server' is a req")):
        cloud.refused(cloud.send("PUT", path, body, version), 400, text)
    equal(cloud.server(server)["name"], "after", "a refusal changed something")
    cloud.delete(server)


@test("metadata is merged, replaced, shown and deleted, key by key and as a whole")
def _():
    cloud = world.fast
    server = cloud.create("meta", metadata={"a": "1"})
    path = f"/servers/{server}/metadata"
    answer = cloud.send("POST", path, {"metadata": {"b": "2"}})
    equal((answer.status, answer.json), (200, {"metadata": {"a": "1", "b": "2"}}), "merge")
    equal(cloud.get(path + "/a"), {"meta": {"a": "1"}}, "show")
    answer = cloud.send("PUT", path + "/c", {"meta": {"c": "3"}})
    equal((answer.status, answer.json), (200, {"meta": {"c": "3"}}), "set")
    equal(cloud.send("DELETE", path + "/a").status, 204, "delete")
    equal(cloud.get(path), {"metadata": {"b": "2", "c": "3"}}, "after these")
    answer = cloud.send("PUT", path, {"metadata": {"z": "9"}})
    equal((answer.status, answer.json), (200, {"metadata": {"z": "9"}}), "replace")
    equal(cloud.server(server)["metadata"], {"z": "9"}, "the server's own view")
    cloud.refused(cloud.send("GET", path + "/a"), 404, "Metadata item was not found")
    cloud.refused(cloud.send("DELETE", path + "/a"), 404, "Metadata item was not found")
    for method, where, body in (("POST", path, {"metadata": {"a": 1}}),
                                ("POST", path, {"metadata": {"x" * 256: "1"}}),
                                ("POST", path, {"metadata": {"a": "x" * 256}}),
                                ("POST", path, {"metadata": {"a/b": "1"}}),
                                ("POST", path, {"metadata": "x"}), ("POST", path, {"meta": {}}),
                                ("PUT", path + "/a", {"meta": {"b": "1"}}),
                                ("PUT", path + "/a", {"meta": {"a": "1", "b": "1"}})):
        cloud.refused(cloud.send(method, where, body), 400, "")
    many = {f"k{i}": "v" for i in range(129)}
    cloud.refused(cloud.send("POST", path, {"metadata": many}), 403,
                  "Maximum number of metadata items exceeds")
    equal(cloud.get(path), {"metadata": {"z": "9"}}, "a refusal changed something")
    cloud.delete(server)


@test("a deleted server is gone for GET, and a delete is 404 after it")
def _():
    cloud = world.fast
    server = cloud.create("doomed")
    equal(cloud.send("DELETE", f"/servers/{server}").status, 204, "delete")
    cloud.wait_gone(server)
    cloud.refused(cloud.send("DELETE", f"/servers/{server}"), 404, "could not be found")
