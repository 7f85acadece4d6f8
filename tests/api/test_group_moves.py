# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Server groups hold through drains, cold moves, resizes, their revert, and evacuations."""
import os
import sqlite3
import tempfile

from tap import check, contains, equal
from test_cold import add_flavors, ended, moved
from test_drain import ask, items_of, servers_on, wait_state
from test_evacuate import force_down
from test_groups import create, fault, make, remove
from world import Cloud, test, world


def step_of(plan, name):
    return next(row for row in plan["steps"] if row["instance_name"] == name)


@test("a drain keeps anti-affinity: its plan says whom the group holds, and how to let it go; with "
      "room it goes there and nowhere else [S2-25]")
def _():
    cloud = world.fast
    group = make(cloud, "anti-affinity")
    one, two, three = [create(cloud, name, group, host=host) for name, host in
                       (("one", "hosta"), ("two", "hostb"), ("three", "hostc"))]
    plan = ask(cloud, "hosta", status=200, dry_run=True)
    equal((plan["moves"], plan["stay"]), (0, 1), "the plan")
    row = step_of(plan, "one")
    contains(row["reason"], f"its server group {group} (anti-affinity) keeps it: ", "the reason")
    contains(row["reason"], "hostb: needs none of its server group, has 1", "the reason")
    contains(row["fix"], "add a host that has none of its server group", "the fix")
    ask(cloud, "hosta")
    drain = wait_state(cloud, "hosta", "done", "blocked")
    told = items_of(drain)["one"]
    equal((drain["state"], told["message"], told["fix"]), ("blocked", row["reason"], row["fix"]),
          "what was shown is what is told")
    equal(cloud.migrations(one), [], "no move was even begun")
    # hostc is the emptier one, and taken by the group.
    cloud.create("filler", host="hostb")
    cloud.delete(two)
    plan = ask(cloud, "hosta", status=200, dry_run=True)
    equal(step_of(plan, "one")["dest_host"], "hostb", "the one without a member")
    code, output = cloud.drover.drover("host", "drain", "hosta", "--wait", check=False)
    equal(code, 0, output)
    equal((cloud.host_of(one), cloud.host_of(three)), ("hostb", "hostc"), "apart")
    cloud.clean()
    remove(cloud, group)


@test("a drain keeps affinity together: nothing of the group moves, and drover prints the fix")
def _():
    cloud = world.fast
    group = make(cloud, "affinity")
    create(cloud, "first", group, host="hosta")
    create(cloud, "second", group)
    cloud.create("alone", host="hosta")
    plan = ask(cloud, "hosta", status=200, dry_run=True)
    equal((plan["moves"], plan["stay"]), (1, 2), plan)
    output = cloud.drover.drover("host", "drain", "hosta", "--dry-run")
    contains(output, "(affinity) keeps it: ", "the reason")
    contains(output, "delete the group", "the fix")
    ask(cloud, "hosta")
    equal(wait_state(cloud, "hosta", "done", "blocked")["state"], "blocked", "the drain")
    equal(servers_on(cloud, "hosta"), ["first", "second"], "together")
    remove(cloud, group)
    ask(cloud, "hosta")
    equal(wait_state(cloud, "hosta", "done", "blocked")["state"], "done", "without the group")
    cloud.clean()


@test("anti-affinity holds from a cold move or resize through its revert: the host that was left "
      "stays taken until it is confirmed")
def _():
    cloud = world.fast
    add_flavors(cloud)
    group = make(cloud, "anti-affinity")
    one = create(cloud, "one", group, host="hosta")
    two = create(cloud, "two", group, host="hostb")
    for body in ({"migrate": None}, {"resize": {"flavorRef": "big"}}):
        row = moved(cloud, one, body)
        equal(row["dest_compute"], "hostc", "the one host without a member")
        late = create(cloud, "late", group, "ERROR")
        contains(fault(cloud, late), "3 failed 'anti-affinity'", "both hosts of it are taken")
        cloud.refused(cloud.live_migrate(two, "hosta", version="2.33"), 400,
                      "hosta failed 'anti-affinity': needs none of its server group, has 1")
        cloud.delete(late)
        ended(cloud, one, row["id"], "revertResize", "ACTIVE")
        equal((cloud.host_of(one), cloud.host_of(two)), ("hosta", "hostb"), "as before, apart")
    row = moved(cloud, one, {"migrate": None})
    ended(cloud, one, row["id"], "confirmResize", "ACTIVE")
    late = create(cloud, "late", group)
    equal(cloud.host_of(late), "hosta", "free once it is confirmed")
    for body in ({"migrate": None}, {"resize": {"flavorRef": "big"}}):
        cloud.do(one, body)
        row = cloud.wait_migration(one, "error")
        shown = cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
        contains(shown["message"], "2 failed 'anti-affinity'", "no host is left to move to")
        cloud.wait_idle(one)
        equal(cloud.host_of(one), "hostc", "it stays")
    cloud.delete(one, two, late)
    remove(cloud, group)


@test("affinity refuses cold moves and resizes, and a full host, with the reason; nobody joins one "
      "that may still come back")
def _():
    cloud = world.fast
    add_flavors(cloud)
    group = make(cloud, "affinity")
    one = create(cloud, "one", group, host="hosta")
    row = moved(cloud, one, {"migrate": {"host": "hostb"}})
    late = create(cloud, "late", group, "ERROR")
    contains(fault(cloud, late), "has 1 of its server group, on their way", "not beside it yet")
    cloud.delete(late)
    ended(cloud, one, row["id"], "confirmResize", "ACTIVE")
    two = create(cloud, "two", group)
    equal(cloud.host_of(two), "hostb", "beside it, where it is now")
    for body in ({"migrate": None}, {"resize": {"flavorRef": "big"}}):
        cloud.do(two, body)
        row = cloud.wait_migration(two, "error")
        shown = cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
        contains(shown["message"], "needs the host of its server group, has 0", "the reason")
        cloud.wait_idle(two)
        equal((cloud.host_of(two), cloud.server(two)["status"]), ("hostb", "ACTIVE"), "it stays")
    answer = cloud.send("POST", "/flavors", {"flavor": dict(
        id="wide", name="m1.wide", ram=200000, vcpus=1, disk=1)})
    check(answer.status in (200, 409), answer.text)
    filler = cloud.create("filler", host="hostb", flavorRef="wide")
    third = create(cloud, "third", group, "ERROR", flavorRef="wide")
    contains(fault(cloud, third), "1 failed 'ram' (hostb: needs 200000 MiB", "its host is full")
    contains(fault(cloud, third), "2 failed 'affinity' (hosta", "the others are not its host")
    cloud.delete(one, two, third, filler)
    remove(cloud, group)


SHUT_OFF = 5  # VIR_DOMAIN_SHUTOFF, as the fleet stores it


def lose_power(cloud, fleet_path, host):
    """Nobody but droverd may use its fleet while it runs."""
    cloud.drover.stop()
    with sqlite3.connect(fleet_path) as fleet:
        fleet.execute("update hosts set power = 0 where name = ?", (host,))
        fleet.execute("update domains set state = ?, reason = 0 where host = ?", (SHUT_OFF, host))
    cloud.drover.start()
    cloud.drover.wait_hosts_up(3)
    equal(force_down(cloud, host, True).status, 200, "said to be dead")


@test("server groups hold in an evacuation: apart where hosts are left, together on whichever is "
      "chosen first, and refused with the reason otherwise [S3-69]")
def _():
    directory = tempfile.TemporaryDirectory()
    path = os.path.join(directory.name, "fleet.db")
    cloud = Cloud(("hosta", "hostb", "hostc", "hostd"), fake={"path": path})
    try:
        apart, near = make(cloud, "anti-affinity"), make(cloud, "affinity")
        one, two = [create(cloud, name, apart, host=host) for name, host in
                    (("one", "hosta"), ("two", "hostb"))]
        third = create(cloud, "third", apart, host="hostc")
        pair = [create(cloud, name, near, host="hosta") for name in ("left", "right")]
        full = create(cloud, "full", apart, host="hostd")
        lose_power(cloud, path, "hosta")
        equal(cloud.action(one, {"evacuate": {}}, "2.95").status, 200, "evacuate")
        row = cloud.wait_migration(one, "error")
        shown = cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
        contains(shown["message"], "3 failed 'anti-affinity'", "each host has one")
        equal(shown["error_code"], "server-group", "for whoever does not read it")
        cloud.wait_idle(one)
        cloud.delete(full)
        for server in (one, *pair):
            equal(cloud.action(server, {"evacuate": {}}, "2.95").status, 200, "evacuate")
        for server in (one, *pair):
            cloud.wait_migration(server, "done", "completed")
        equal([cloud.host_of(server) for server in (one, two, third)],
              ["hostd", "hostb", "hostc"], "apart")
        homes = {cloud.host_of(server) for server in pair}
        check(len(homes) == 1 and "hosta" not in homes, f"together elsewhere: {homes}")
    finally:
        cloud.drover.remove()
        directory.cleanup()


def evacuation_fails(cloud, server, body):
    """Its error_code."""
    equal(cloud.action(server, {"evacuate": body}, "2.95").status, 200, f"evacuate {body}")
    row = cloud.wait_migration(server, "error")
    cloud.wait_idle(server)
    return cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]["error_code"]


@test("an evacuation that finds no destination has one of the documented codes as its reason: the "
      "destination is down, it lacks room, its server group forbids it, or nobody fits [S3-69]")
def _():
    directory = tempfile.TemporaryDirectory()
    path = os.path.join(directory.name, "fleet.db")
    cloud = Cloud(("hosta", "hostb", "hostc"), fake={"path": path})
    try:
        answer = cloud.send("POST", "/flavors", {"flavor": dict(
            id="wide", name="m1.wide", ram=200000, vcpus=1, disk=1)})
        equal(answer.status, 200, answer.text)
        large = cloud.create("large", host="hosta", flavorRef="wide")
        cloud.create("filler", host="hostb", flavorRef="wide")
        apart = make(cloud, "anti-affinity")
        one = create(cloud, "one", apart, host="hosta")
        create(cloud, "two", apart, host="hostb")
        lose_power(cloud, path, "hosta")
        equal(evacuation_fails(cloud, large, {"host": "hostb"}), "insufficient-resources", "full")
        equal(evacuation_fails(cloud, one, {"host": "hostb"}), "server-group", "one is there")
        equal(force_down(cloud, "hostc", True).status, 200, "hostc")
        equal(evacuation_fails(cloud, large, {"host": "hostc"}), "destination-not-available",
              "the named one is down")
        equal(force_down(cloud, "hostb", True).status, 200, "hostb")
        equal(evacuation_fails(cloud, large, {}), "no-valid-host", "all are down")
        equal(force_down(cloud, "hostc", False).status, 200, "hostc")
        equal(cloud.action(large, {"evacuate": {"host": "hostc"}}, "2.95").status, 200, "again")
        cloud.wait_migration(large, "done", "completed")
    finally:
        cloud.drover.remove()
        directory.cleanup()
