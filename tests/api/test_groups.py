# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Server groups: the API at each version, the stock clients, and where their servers go."""
import json

from routes import NOBODY
from tap import check, contains, equal
from test_aggregates import act
from test_aggregates import clean as clean_aggregates
from test_aggregates import create as create_aggregate
from test_clients import nova, openstack, rows
from world import test, world

OLD = {"id", "name", "policies", "metadata", "members"}
OWNED = OLD | {"project_id", "user_id"}
NEW = {"id", "name", "policy", "rules", "members", "project_id", "user_id"}


def make(cloud, policy, user="admin", rules=None, name="group"):
    body = {"name": name, "policy": policy}
    if rules:
        body["rules"] = rules
    answer = cloud.send("POST", "/os-server-groups", {"server_group": body}, "2.64", user)
    equal(answer.status, 200, answer.text)
    return answer.json["server_group"]["id"]


def remove(cloud, *groups):
    for group in groups:
        equal(cloud.send("DELETE", f"/os-server-groups/{group}").status, 204, "delete")


def create(cloud, name, group, status="ACTIVE", **more):
    body = dict(cloud.body(name, **more), **{"os:scheduler_hints": {"group": group}})
    answer = cloud.send("POST", "/servers", body, "2.96")
    equal(answer.status, 202, answer.text)
    server = answer.json["server"]["id"]
    cloud.wait_status(server, status)
    return server


def fault(cloud, server):
    return cloud.server(server)["fault"]["message"]


@test("a server group has exactly Nova's members at each version, and is its project's own")
def _():
    cloud = world.fast
    for version, keys in (("2.1", OLD), ("2.12", OLD), ("2.13", OWNED), ("2.63", OWNED),
                          ("2.64", NEW), ("2.96", NEW)):
        new = keys is NEW
        body = {"name": "g", "policy": "affinity"} if new else {"name": "g",
                                                               "policies": ["affinity"]}
        answer = cloud.send("POST", "/os-server-groups", {"server_group": body}, version, "member")
        equal(answer.status, 200, answer.text)
        made = answer.json["server_group"]
        equal(set(made), keys, f"created at {version}")
        equal(made["policy"] if new else made["policies"], "affinity" if new else ["affinity"],
              "policy")
        equal(cloud.get(f"/os-server-groups/{made['id']}", version, "reader")["server_group"], made,
              f"shown at {version}")
        equal(cloud.get("/os-server-groups", version, "member")["server_groups"], [made], "listed")
        equal(cloud.get("/os-server-groups", version)["server_groups"], [], "of another project")
        equal(cloud.get("/os-server-groups?all_projects=True", version)["server_groups"], [made],
              "of all")
        answer = cloud.send("DELETE", f"/os-server-groups/{made['id']}", version=version,
                            user="member")
        equal((answer.status, answer.text), (204, ""), "delete")


@test("what server groups are refused for is told with Nova's status and sentence")
def _():
    cloud = world.fast

    def post(body, version="2.64"):
        return cloud.send("POST", "/os-server-groups", {"server_group": body}, version)
    for body, version, text in (
            ({"name": "g", "policies": ["soft-affinity"]}, "2.14", "is not one of"),
            ({"name": "g", "policies": []}, "2.15", "is too short"),
            ({"name": "g", "policies": ["affinity", "anti-affinity"]}, "2.15", "is too long"),
            ({"name": "g", "policy": "affinity"}, "2.63", "'policies' is a required property"),
            ({"name": "g", "policies": ["affinity"]}, "2.64", "'policy' is a required property"),
            ({"name": "g", "policy": "near"}, "2.64", "is not one of"),
            ({"name": "", "policy": "affinity"}, "2.64", "too short"),
            ({"name": "g", "policy": "affinity", "rules": {"max_server_per_host": 2}}, "2.64",
             "Only anti-affinity policy supports rules."),
            ({"name": "g", "policy": "anti-affinity", "rules": {"max_server_per_host": 0}}, "2.64",
             "0"),
            ({"name": "g", "policy": "anti-affinity", "rules": {"x": 1}}, "2.64",
             "'x' was unexpected")):
        cloud.refused(post(body, version), 400, text)
    missing = f"Instance group {NOBODY} could not be found."
    cloud.refused(cloud.send("GET", f"/os-server-groups/{NOBODY}"), 404, missing)
    cloud.refused(cloud.send("DELETE", f"/os-server-groups/{NOBODY}"), 404, missing)
    for group, text in ((NOBODY, missing), ("web", "is not a 'uuid'"), (5, "is not a 'uuid'")):
        body = dict(cloud.body("x"), **{"os:scheduler_hints": {"group": group}})
        cloud.refused(cloud.send("POST", "/servers", body, "2.96"), 400, text)
    group = make(cloud, "affinity")
    answer = cloud.send("GET", f"/os-server-groups/{group}", user="member")
    cloud.refused(answer, 404, f"Instance group {group} could not be found.")
    cloud.refused(cloud.send("GET", "/os-server-groups?all_projects=1", user="member"), 403,
                  "all_projects")
    remove(cloud, group)


@test("server groups are listed in pages, as nova asks for them and as openstack goes on after one")
def _():
    cloud = world.fast
    groups = [make(cloud, "affinity", name=f"page{i}") for i in range(3)]

    def listed(query, version="2.64"):
        return [row["id"] for row in
                cloud.get(f"/os-server-groups?{query}", version)["server_groups"]]
    for query, wanted in (("limit=2", groups[:2]), ("limit=2&offset=1", groups[1:]),
                          ("offset=3", []), (f"limit=1&marker={groups[0]}", groups[1:2]),
                          (f"limit=5&marker={groups[2]}", [])):
        equal(listed(query), wanted, query)
    cloud.refused(cloud.send("GET", f"/os-server-groups?marker={NOBODY}", version="2.64"), 400,
                  f"marker [{NOBODY}] not found")
    cloud.refused(cloud.send("GET", f"/os-server-groups?marker={groups[0]}", version="2.75"), 400,
                  "'marker' was unexpected")
    told = rows(cloud, "server", "group", "list", "--limit", "2", version="2.64")
    equal([row["ID"] for row in told], groups, "openstack server group list --limit 2")
    text = nova(cloud, "server-group-list", "--limit", "1", "--offset", "1")
    equal([group in text for group in groups], [False, True, False], "nova server-group-list")
    remove(cloud, *groups)


@test("servers of an anti-affinity group are on different hosts, whoever makes or moves them")
def _():
    cloud = world.fast
    group = make(cloud, "anti-affinity")
    body = dict(cloud.body("apart", min_count=3, max_count=3),
                **{"os:scheduler_hints": {"group": group}})
    equal(cloud.send("POST", "/servers", body, "2.96").status, 202, "three at once")
    servers = [row["id"] for row in cloud.get("/servers?name=apart")["servers"]]
    for server in servers:
        cloud.wait_status(server, "ACTIVE")
    equal(len({cloud.host_of(server) for server in servers}), 3, "hosts")
    shown = cloud.get(f"/os-server-groups/{group}")["server_group"]
    equal(set(shown["members"]), set(servers), "members")
    equal(cloud.server(servers[0], "2.71")["server_groups"], [group], "in the server")
    fourth = create(cloud, "fourth", group, "ERROR")
    contains(fault(cloud, fourth), "3 failed 'anti-affinity'", "the fault")
    cloud.refused(cloud.live_migrate(servers[0], version="2.33"), 400, "'anti-affinity'")
    explained = cloud.other("GET", f"/drover/v1/instances/{servers[0]}/explanation?move=live")
    results = [row["result"] for host in explained.json["explanation"]["hosts"]
               for row in host["checks"] if row["check"] == "anti-affinity"]
    equal(sorted(results), ["fail", "fail", "pass"], "explained")
    cloud.delete(servers[2], fourth)
    equal(cloud.live_migrate(servers[0]).status, 202, "with room")
    cloud.wait_migration(servers[0], "completed")
    cloud.wait_idle(servers[0])
    check(cloud.host_of(servers[0]) != cloud.host_of(servers[1]), "they are together")
    cloud.delete(*servers[:2])
    remove(cloud, group)


@test("servers of an affinity group are on one host, and no move takes one away")
def _():
    cloud = world.fast
    group = make(cloud, "affinity")
    first = create(cloud, "first", group, host="hostc")
    second = create(cloud, "second", group)
    equal(cloud.host_of(second), "hostc", "the second is beside the first")
    cloud.refused(cloud.live_migrate(second, version="2.33"), 400, "'affinity'")
    remove(cloud, group)
    equal(cloud.server(second, "2.71")["server_groups"], [], "without the group")
    equal(cloud.live_migrate(second).status, 202, "it may go")
    cloud.wait_migration(second, "completed")
    cloud.wait_idle(second)
    cloud.delete(first, second)


@test("openstack server group, nova and drover make, use, show and delete groups")
def _():
    cloud = world.fast
    made = rows(cloud, "server", "group", "create", "--policy", "anti-affinity", "--rule",
                "max_server_per_host=2", "web", version="2.64")
    equal((made["name"], made["policy"]), ("web", "anti-affinity"), "made")
    openstack(cloud, "server", "create", "--flavor", "m1.tiny", "--image", "guest", "--network",
              "private", "--hint", f"group={made['id']}", "--wait", "member1")
    (row,) = rows(cloud, "server", "group", "list", "--long", version="2.64")
    equal((row["Name"], row["Policy"]), ("web", "anti-affinity"), "list")
    contains(nova(cloud, "server-group-get", made["id"]), "max_server_per_host", "nova shows it")
    drover = cloud.drover.drover
    drover("server", "create", "--flavor", "m1.tiny", "--image", "guest", "--group", "web",
           "--wait", "member2")
    shown = json.loads(drover("server", "group", "show", "web", "--json"))
    equal((len(shown["members"]), shown["rules"]), (2, {"max_server_per_host": 2}), "shown")
    (row,) = json.loads(drover("server", "group", "list", "--json"))
    equal((row["name"], row["members"]), ("web", "2"), "drover's list")
    cloud.delete(*shown["members"])
    openstack(cloud, "server", "group", "delete", "web")
    made = json.loads(drover("server", "group", "create", "--policy", "soft-affinity", "near",
                             "--json"))
    equal(made["policy"], "soft-affinity", "made by drover")
    drover("server", "group", "delete", "near")
    code, output = drover("server", "group", "create", "none", check=False)
    equal(code, 2, output)


@test("nothing leaves its cell, forced or not (S3-19, S4-08)")
def _():
    cloud = world.fast
    number = create_aggregate(cloud, "cell1")["id"]
    act(cloud, number, "set_metadata", {"metadata": {"cell": "cell1"}})
    for host in ("hosta", "hostb"):
        act(cloud, number, "add_host", {"host": host})
    server = cloud.create("celled", host="hosta")
    cloud.refused(cloud.live_migrate(server, "hostc", version="2.33"), 400,
                  "needs cell 'cell1', has no cell")
    cloud.refused(cloud.live_migrate(server, "hostc", version="2.30", force=True), 400,
                  "needs cell 'cell1', has no cell")
    equal(cloud.live_migrate(server).status, 202, "within it")
    cloud.wait_migration(server, "completed")
    cloud.wait_idle(server)
    equal(cloud.host_of(server), "hostb", "the other host of the cell")
    cloud.delete(server)
    clean_aggregates(cloud)
