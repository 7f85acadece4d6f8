# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Server groups hold through drains, cold moves, resizes, their revert, and evacuations."""
import os
import tempfile

from tap import check, contains, equal, wait_until
from test_cold import add_flavors, ended, moved
from test_drain import (ask, force_complete, items_of, servers_on, set_enabled, show, wait_moving,
                        wait_state, wish)
from test_evacuate import force_down, lose_power
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


def wait_item(cloud, host, what, is_so):
    """Until one of the servers of the job is so: its item."""
    def look():
        return next((row for row in show(cloud, host)["items"] if is_so(row)), None)
    return wait_until(look, what, 40, 0.02)


def refused_join(cloud, group):
    """Nobody joins a group that is leaving where it is, and has not arrived."""
    late = create(cloud, "late", group, "ERROR")
    contains(fault(cloud, late), "failed 'affinity'", "why nobody joins it")
    contains(fault(cloud, late), "of its server group, on their way", "why nobody joins it")
    cloud.delete(late)


def check_led(cloud, leader, followers):
    """It was there before the others began, and each was moved once."""
    (first,) = cloud.migrations(leader)
    rows = [row for server in followers for row in cloud.migrations(server)]
    equal(len(rows), len(followers), "each was moved once")
    check(all(row["created_at"] >= first["updated_at"] for row in rows), f"{first} before {rows}")
    equal({row["dest_compute"] for row in (first, *rows)}, {cloud.host_of(leader)}, "together")


@test("a drain moves an affinity group to one host that has room for all: one leads and the others "
      "follow, as the plan has told, also over a kill -9; nobody joins it meanwhile; restore "
      "brings it back likewise, and nothing of it while one of it would be left behind [S2-25]")
def _():
    directory = tempfile.TemporaryDirectory()
    cloud = Cloud(("hosta", "hostb", "hostc"), fake={
        "path": os.path.join(directory.name, "fleet.db"), "transfer_rate": 1 << 28})
    try:
        group = make(cloud, "affinity")
        members = {name: create(cloud, name, group, host="hosta")
                   for name in ("first", "second", "third")}
        alone = cloud.create("alone", host="hosta")
        plan = ask(cloud, "hosta", status=200, dry_run=True)
        rows = [step_of(plan, name) for name in members]
        (leader,) = [row for row in rows if row["follows"] is None]
        followers = [row for row in rows if row["follows"] is not None]
        equal((plan["moves"], {row["follows"] for row in followers}),
              (4, {leader["instance_uuid"]}), plan)
        equal(len({row["dest_host"] for row in rows}), 1, plan)
        output = cloud.drover.drover("host", "drain", "hosta", "--dry-run")
        contains(output, f"it follows '{leader['instance_name']}' of its server group", output)
        contains(output, "until then the group is apart", "the price")

        ask(cloud, "hosta")
        wait_item(cloud, "hosta", "one is on its way", lambda row: row["state"] == "moving" and
                  row["instance_uuid"] == leader["instance_uuid"])
        refused_join(cloud, group)
        cloud.drover.kill()
        cloud.drover.start()
        drain = wait_state(cloud, "hosta", "done", "blocked")
        equal(drain["state"], "done", drain)
        check_led(cloud, leader["instance_uuid"], [row["instance_uuid"] for row in followers])
        home = cloud.host_of(alone)
        late = create(cloud, "late", group)
        equal(cloud.host_of(late), leader["dest_host"], "beside the others")

        plan = ask(cloud, "hosta", "restore", status=200, dry_run=True)
        equal((plan["moves"], plan["stay"]), (1, 3), plan)
        contains(step_of(plan, "first")["reason"], f"server {late} of it is on", "who is not")
        cloud.delete(late)
        ask(cloud, "hosta", "restore")
        wait_item(cloud, "hosta", "one of the group is on its way", lambda row:
                  row["state"] == "moving" and row["instance_name"] in members)
        refused_join(cloud, group)
        drain = wait_state(cloud, "hosta", "done", "blocked")
        equal(drain["state"], "done", drain)
        equal({cloud.host_of(server) for server in (alone, *members.values())}, {"hosta"},
              f"back, also from {home}")
        equal([len(cloud.migrations(server)) for server in members.values()], [2] * 3, "moves")
    finally:
        cloud.drover.remove()
        directory.cleanup()


@test("when the rest of an affinity group cannot follow, its drain says what is where and what "
      "brings it together; who leads is tried while all are still together [S2-25]")
def _():
    cloud = Cloud(("hosta", "hostb"), more={"hypervisor": {"filters": ",".join(
        f"fault:live_migrate@{number}=refused" for number in (1, 3, 4, 5))}})
    try:
        group = make(cloud, "affinity")
        members = [create(cloud, name, group, host="hosta") for name in ("left", "right")]
        ask(cloud, "hosta")
        leader = wait_item(cloud, "hosta", "its first try has failed",
                           lambda row: row["attempts"] == 1)
        equal(servers_on(cloud, "hosta"), ["left", "right"], "together")
        drain = wait_state(cloud, "hosta", "done", "blocked")
        equal((drain["state"], items_of(drain)[leader["instance_name"]]["state"]),
              ("blocked", "moved"), drain)
        (stays,) = [row for row in drain["items"] if row["state"] == "blocked"]
        contains(stays["message"], f"its server group (affinity) is apart: "
                 f"'{leader['instance_name']}' is on hostb, and this one stays on hosta", "why")
        contains(stays["fix"], "'drover host drain hosta' takes it to the others", "the fix")
        ask(cloud, "hosta")
        equal(wait_state(cloud, "hosta", "done", "blocked")["state"], "done", "the sixth succeeds")
        equal([cloud.host_of(server) for server in members], ["hostb"] * 2, "together again")
    finally:
        cloud.drover.remove()


@test("of a group that is apart a drain tells where its servers are, also one that somebody has "
      "moved on since [S2-25]")
def _():
    cloud = Cloud(("hosta", "hostb", "hostc"), more={"hypervisor": {"filters": ",".join(
        f"fault:live_migrate/hosta@{number}=refused" for number in (2, 3, 4))}})
    try:
        group = make(cloud, "affinity")
        for name in ("left", "right"):
            create(cloud, name, group, host="hosta")
        ask(cloud, "hosta")
        leader = wait_item(cloud, "hosta", "one is away", lambda row: row["state"] == "moved")
        wait_item(cloud, "hosta", "the other one has failed", lambda row: row["attempts"] == 1)
        host = next(host for host in ("hostb", "hostc") if host != leader["dest_host"])
        answer = cloud.live_migrate(leader["instance_uuid"], host, version="2.30", force=True)
        equal(answer.status, 202, "somebody else moves it on")
        drain = wait_state(cloud, "hosta", "done", "blocked")
        (stays,) = [row for row in drain["items"] if row["state"] == "blocked"]
        contains(stays["message"], f"is apart: '{leader['instance_name']}' is on {host}, and",
                 "where it is")
    finally:
        cloud.drover.remove()


@test("a drain that is given up ends with the affinity group that it has begun to move: nobody of "
      "it is left behind, and nothing else goes [S2-25]")
def _():
    cloud = Cloud(("hosta", "hostb"), fake={"transfer_rate": 1 << 27})
    try:
        group = make(cloud, "affinity")
        members = [create(cloud, name, group, host="hosta") for name in ("one", "two", "three")]
        others = [cloud.create(f"other{number}", host="hosta") for number in range(2)]
        ask(cloud, "hosta", parallel=1)
        moving = wait_item(cloud, "hosta", "one is on its way", lambda row:
                           row["state"] == "moving")
        check(moving["instance_uuid"] in members, f"who has most behind it goes first: {moving}")
        wish(cloud, "hosta", "pause")
        wait_item(cloud, "hosta", "the next one follows", lambda row: row["state"] == "moving" and
                  row["instance_uuid"] != moving["instance_uuid"])
        wish(cloud, "hosta", "cancel")
        drain = wait_state(cloud, "hosta", "cancelled", "done", "blocked")
        equal((drain["state"], drain["progress"]["moved"], drain["progress"]["blocked"]),
              ("cancelled", 3, 2), drain)
        equal([cloud.host_of(server) for server in (*members, *others)],
              ["hostb"] * 3 + ["hosta"] * 2, "where they are")
    finally:
        cloud.drover.remove()


def tries_at_rest(drain, state="paused"):
    """Failed ones of its servers, when it is in that state and none of them moves; else None."""
    is_moving = any(row["state"] == "moving" for row in drain["items"])
    tries = sorted(row["attempts"] for row in drain["items"])
    return tries if drain["state"] == state and not is_moving else None


@test("a group that one drain has brought to a host has not begun to leave that: another drain of "
      "it is given up at once, and does not tell that the group is apart [S2-25]")
def _():
    cloud = Cloud(("hosta", "hostb", "hostc"), fake={"transfer_rate": 1 << 28},
                  more={"hypervisor": {"filters": ",".join(
                      f"fault:live_migrate@{number}=refused" for number in (3, 4, 5, 6))}})
    try:
        group = make(cloud, "affinity")
        members = [create(cloud, name, group, host="hosta") for name in ("one", "two")]
        cloud.create("other", host="hosta")
        ask(cloud, "hosta", parallel=1)
        wait_item(cloud, "hosta", "one is on its way", lambda row: row["state"] == "moving" and
                  row["instance_uuid"] in members)
        wish(cloud, "hosta", "pause")
        wait_until(lambda: show(cloud, "hosta")["progress"]["moved"] == 2, "the group is there", 40)
        home = cloud.host_of(members[0])
        ask(cloud, home)
        wait_item(cloud, home, "its first try has failed", lambda row: row["attempts"] == 1)
        wish(cloud, home, "pause")
        tries = wait_until(lambda: tries_at_rest(show(cloud, home)), "it is paused", 40)
        wish(cloud, home, "cancel")
        drain = wait_state(cloud, home, "cancelled", "done", "blocked")
        equal((drain["state"], drain["progress"]["blocked"], tries_at_rest(drain, "cancelled")),
              ("cancelled", 2, tries), drain)
        equal([cloud.host_of(server) for server in members], [home] * 2, "nobody has left")
        ask(cloud, home)
        row = wait_item(cloud, home, "it is given up", lambda row: row["state"] == "blocked")
        check("apart" not in row["message"], row["message"])
        equal(show(cloud, "hosta")["state"], "paused", "all the while")
    finally:
        cloud.drover.remove()


@test("a group that two drains have moved on, one after the other, is brought home by a restore of "
      "the host that it was on first [S2-25]")
def _():
    cloud = Cloud(("hosta", "hostb", "hostc"))
    try:
        group = make(cloud, "affinity")
        members = [create(cloud, name, group, host="hosta") for name in ("one", "two")]
        seen = []
        for host in ("hosta", None):
            seen.append(host or cloud.host_of(members[0]))
            ask(cloud, seen[-1])
            equal(wait_state(cloud, seen[-1], "done", "blocked")["state"], "done", seen)
        equal([cloud.host_of(server) in seen for server in members], [False] * 2, "moved on")
        plan = ask(cloud, "hosta", "restore", status=200, dry_run=True)
        equal((plan["moves"], plan["stay"]), (2, 0), plan)
        ask(cloud, "hosta", "restore")
        equal(wait_state(cloud, "hosta", "done", "blocked")["state"], "done", "the restore")
        equal([cloud.host_of(server) for server in members], ["hosta"] * 2, "home")
        equal(ask(cloud, seen[1], "restore", status=200, dry_run=True)["steps"], [], "it is home")
    finally:
        cloud.drover.remove()


def carry_over(cloud, host, meanwhile=None):
    """The next move of its job, which would take long, comes to its end."""
    moving = wait_moving(cloud, host)
    if meanwhile is not None:
        meanwhile()
    force_complete(cloud, moving)
    wait_item(cloud, host, "it is there", lambda row: row["state"] == "moved" and
              row["instance_uuid"] == moving["instance_uuid"])


@test("a host that is disabled while an affinity group is brought back to it gets no more of it: "
      "the restore says that the group is apart, and how it comes together [S2-25]")
def _():
    cloud = world.slow
    group = make(cloud, "affinity")
    members = [create(cloud, name, group, host="hosta") for name in ("one", "two")]
    ask(cloud, "hosta")
    for _ in members:
        carry_over(cloud, "hosta")
    wait_state(cloud, "hosta", "done")
    ask(cloud, "hosta", "restore")
    carry_over(cloud, "hosta", lambda: set_enabled(cloud, "hosta", False))
    drain = wait_state(cloud, "hosta", "blocked")
    (row,) = [row for row in drain["items"] if row["state"] == "blocked"]
    contains(row["message"], "'enabled'", "why")
    contains(row["message"], "its server group (affinity) is apart", "what comes of it")
    contains(row["fix"], "enable its compute service", "what helps")
    ask(cloud, "hosta", "restore")
    carry_over(cloud, "hosta")
    wait_state(cloud, "hosta", "done")
    equal([cloud.host_of(server) for server in members], ["hosta"] * 2, "together")
    cloud.clean()
    remove(cloud, group)


@test("a leader that waits for one of its group in a drain that is paused says so, and goes when "
      "that one may [S2-25]")
def _():
    cloud = Cloud(("hosta", "hostb", "hostc"), fake={"transfer_rate": 1 << 28})
    try:
        for ram in (768, 1024):
            answer = cloud.send("POST", "/flavors", {"flavor": dict(
                id=f"ram{ram}", name=f"m1.ram{ram}", ram=ram, vcpus=1, disk=1)})
            equal(answer.status, 200, answer.text)
        group = make(cloud, "affinity")
        lead = create(cloud, "lead", group, host="hosta", flavorRef="ram768")
        late = create(cloud, "late", group, host="hosta")
        answer = cloud.live_migrate(late, "hostb", version="2.30", force=True)
        equal(answer.status, 202, "whoever forces it splits the group")
        cloud.wait_migration(late, "completed")
        cloud.wait_idle(late)
        cloud.create("large", host="hostb", flavorRef="ram1024")
        ask(cloud, "hostb", parallel=1)
        wait_item(cloud, "hostb", "the large one is on its way",
                  lambda row: (row["instance_name"], row["state"]) == ("large", "moving"))
        wish(cloud, "hostb", "pause")
        wait_state(cloud, "hostb", "paused")
        ask(cloud, "hosta")
        row = wait_item(cloud, "hosta", "it says for whom it waits", lambda row:
                        row["instance_name"] == "lead" and row["message"] is not None)
        contains(row["message"], "'late' on hostb is to follow it", "who")
        contains(row["message"], "the drain of hostb is paused", "why")
        wish(cloud, "hostb", "run")
        for host in ("hosta", "hostb"):
            equal(wait_state(cloud, host, "done", "blocked")["state"], "done", host)
        equal([cloud.host_of(server) for server in (lead, late)], ["hostc"] * 2, "together")
    finally:
        cloud.drover.remove()


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
    cloud.remove_flavors()


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
    equal(answer.status, 200, answer.text)
    filler = cloud.create("filler", host="hostb", flavorRef="wide")
    third = create(cloud, "third", group, "ERROR", flavorRef="wide")
    contains(fault(cloud, third), "1 failed 'ram' (hostb: needs 200000 MiB", "its host is full")
    contains(fault(cloud, third), "2 failed 'affinity' (hosta", "the others are not its host")
    cloud.delete(one, two, third, filler)
    remove(cloud, group)
    cloud.remove_flavors()


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
