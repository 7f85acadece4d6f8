# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""The hints same_host and different_host: kept with the server, and obeyed when it moves."""
import json

from routes import NOBODY
from tap import check, contains, equal
from test_drain import ask, wait_state
from world import Cloud, test, world


def create(cloud, name, status="ACTIVE", flavor="tiny", **hints):
    body = dict(cloud.body(name, flavorRef=flavor), **{"os:scheduler_hints": hints})
    answer = cloud.send("POST", "/servers", body, "2.96")
    equal(answer.status, 202, answer.text)
    server = answer.json["server"]["id"]
    cloud.wait_status(server, status)
    return server


@test("a server is beside one of those that same_host names, and stays there when it is moved")
def _():
    cloud = world.fast
    first = cloud.create("first", host="hostb")
    beside = create(cloud, "beside", same_host=first)
    equal(cloud.host_of(beside), "hostb", "host")
    either = create(cloud, "either", same_host=[NOBODY, first, first])
    equal(cloud.host_of(either), "hostb", "host of the one that names several")
    lost = create(cloud, "lost", "ERROR", same_host=NOBODY)
    contains(cloud.server(lost)["fault"]["message"], "No valid host was found", "fault")
    contains(cloud.server(lost)["fault"]["message"], "failed 'same-host'", "fault")

    equal(cloud.live_migrate(beside, "hosta").status, 202, "accepted")
    row = cloud.wait_migration(beside, "completed", "error", "failed")
    equal(row["status"], "error", "by the hint")
    text = cloud.drover.drover("explain", "beside", "--live", "--host", "hosta", check=False)[1]
    contains(text, "same-host", "explain")
    contains("".join(text.split()), f"thehostoftheserverthatitshintnames({first})", "whose host")
    contains(text, f"Its hint same_host: {first}\n", "its hint")
    told = cloud.other("GET", f"/drover/v1/instances/{either}/explanation").json["explanation"]
    equal(told["hints"], {"same_host": [NOBODY, first], "different_host": []}, "its hints")
    (row,) = cloud.other("GET", f"/drover/v1/instances?id={either}").json["instances"]
    equal(row["scheduler_hints"], {"same_host": [NOBODY, first]}, "in short")
    shown = json.loads(cloud.drover.drover("server", "show", "--json", "either"))
    equal(shown["scheduler_hints"], {"same_host": [NOBODY, first]}, "drover server show")
    contains(cloud.drover.drover("server", "show", "beside"), first, "the table of it")
    check("scheduler_hints" not in cloud.drover.drover("server", "show", first), "one without")
    contains(text, "same-host: move one of them there first", "of a move it says what helps one")
    cloud.delete(first)
    equal(cloud.live_migrate(beside, "hosta").status, 202, "accepted")
    equal(cloud.wait_migration(beside, "completed", "error", "failed")["status"], "completed",
          "those that are gone bind nobody")
    cloud.delete(beside, either, lost)


@test("a server is beside none of those that different_host names, also when it is moved")
def _():
    cloud = world.fast
    one = cloud.create("one", host="hosta")
    two = cloud.create("two", host="hostb")
    text = cloud.drover.drover(
        "server", "create", "--flavor", "m1.tiny", "--image", "guest", "--network", "private",
        "--hint", "different_host=one", "--hint", f"different_host={two}", "--wait", "--json",
        "apart")
    apart = json.loads(text)["id"]
    equal(cloud.host_of(apart), "hostc", "host")
    equal(cloud.live_migrate(apart).status, 202, "accepted")
    equal(cloud.wait_migration(apart, "completed", "error", "failed")["status"], "error",
          "there is no other host")
    equal(cloud.live_migrate(two, "hosta").status, 202, "accepted")
    equal(cloud.wait_migration(two, "completed", "error", "failed")["status"], "completed",
          "the hint binds the one that has it")
    equal(cloud.live_migrate(apart).status, 202, "accepted")
    equal(cloud.wait_migration(apart, "completed", "error", "failed")["status"], "completed",
          "a host is free of them")
    equal(cloud.host_of(apart), "hostb", "host")
    cloud.delete(one, two, apart)


@test("the drain of a host keeps a server away from those that its hint names")
def _():
    cloud = world.fast
    near = cloud.create("near", host="hostb")
    free = cloud.create("free", host="hosta")
    path, = (f"/os-services/{row['id']}" for row in cloud.get("/os-services", "2.53")["services"]
             if row["host"] == "hostc")
    equal(cloud.send("PUT", path, {"status": "disabled"}, "2.53").status, 200, "hostc is out")
    try:
        kept = create(cloud, "kept", different_host=near)
        steps = ask(cloud, "hosta", status=200, dry_run=True)["steps"]
        hosts = {row["instance_name"]: row["dest_host"] for row in steps}
        equal(hosts, {"free": "hostb", "kept": None}, f"the plan: {steps}")
        (row,) = [row for row in steps if row["instance_name"] == "kept"]
        contains(row["reason"], f"its hint different_host={near} keeps it: No valid host", "why")
        contains(row["fix"], "without DifferentHostFilter", "what lets it go")
    finally:
        cloud.send("PUT", path, {"status": "enabled"}, "2.53")
    cloud.delete(kept, free, near)


@test("a drain takes a server after the one that its same_host names, to where that has gone, as "
      "its plan says, and restore brings both back; nothing is asked for that could not be")
def _():
    cloud = Cloud(("hosta", "hostb", "hostc"),
                  more={"DEFAULT": {"max_concurrent_live_migrations": 4}})
    try:
        first = cloud.create("first", host="hosta")
        for name, ram in (("follower", 2048), ("small-follower", 64)):
            answer = cloud.send("POST", "/flavors", {"flavor": {
                "id": name, "name": name, "vcpus": 1, "disk": 1, "ram": ram}})
            equal(answer.status, 200, answer.text)
        servers = [first] + [create(cloud, name, same_host=first, flavor=name)
                             for name in ("follower", "small-follower")]
        steps = ask(cloud, "hosta", status=200, dry_run=True)["steps"]
        check(None not in {row["dest_host"] for row in steps}, steps)
        equal(len({row["dest_host"] for row in steps}), 1, "together")
        for verb in ("drain", "restore"):
            ask(cloud, "hosta", verb)
            equal(wait_state(cloud, "hosta", "done", "blocked")["state"], "done", verb)
            equal(len({cloud.host_of(server) for server in servers}), 1, f"after the {verb}")
        equal({len(cloud.migrations(server)) for server in servers}, {2}, "each time once")
    finally:
        cloud.drover.remove()


@test("hints that name no server are refused with Nova's sentence")
def _():
    cloud = world.fast
    for hints, text in (
            ({"same_host": "x"}, "Invalid input for field/attribute same_host. Value: 'x'. 'x' is "
                                 "not a 'uuid'"),
            ({"same_host": 7}, "field/attribute same_host. Value: 7."),
            ({"different_host": [NOBODY, "x"]}, "field/attribute different_host. Value: 'x'."),
            ({"different_host": {}}, "field/attribute different_host."),
            ({"different_host": [NOBODY] * 129}, "it names 129 servers, and 128 may be named")):
        body = dict(cloud.body("x"), **{"os:scheduler_hints": hints})
        cloud.refused(cloud.send("POST", "/servers", body, "2.96"), 400, text)
    code, text = cloud.drover.drover("server", "create", "--flavor", "m1.tiny", "--image", "guest",
                                     "--hint", "x", "y", check=False)
    equal(code, 2, text)
    contains(text, "--hint is KEY=VALUE, not 'x'", "usage")
    text = cloud.drover.drover("server", "create", "--flavor", "m1.tiny", "--image", "guest",
                               "--network", "private", "--hint", "color=red", "--group", "nobody",
                               "x", check=False)[1]
    contains(text, "nothing reads the hint 'color'", "one that nobody knows")
