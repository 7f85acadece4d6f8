# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Evacuations as clients ask for them, at each version; fence agents; what is left behind."""
import json
import os
import sqlite3
import tempfile

from tap import check, contains, equal, wait_until
from test_migrations import abort, start
from world import Cloud, test, world

SHUT_OFF = 5  # VIR_DOMAIN_SHUTOFF, as the fleet stores it


def service(cloud, host):
    rows = cloud.get(f"/os-services?host={host}&binary=nova-compute", "2.69")["services"]
    return rows[0]


def force_down(cloud, host, down, version="2.69"):
    return cloud.send("PUT", f"/os-services/{service(cloud, host)['id']}", {"forced_down": down},
                      version=version)


def lose_power(cloud, fleet_path, host):
    """Nobody but droverd may use its fleet while it runs."""
    n_others = len(cloud.get("/os-services?binary=nova-compute", "2.69")["services"]) - 1
    cloud.drover.stop()
    with sqlite3.connect(fleet_path) as fleet:
        fleet.execute("update hosts set power = 0 where name = ?", (host,))
        fleet.execute("update domains set state = ?, reason = 0 where host = ?", (SHUT_OFF, host))
    cloud.drover.start()
    equal(force_down(cloud, host, True).status, 200, "said to be dead")
    cloud.drover.wait_hosts_up(n_others)


@test("a host that was declared dead and answers says who did, and how that is taken back, while "
      "it is down")
def _():
    cloud = world.fast
    equal(force_down(cloud, "hostc", True).status, 200, "down")
    try:
        row, = (row for row in json.loads(cloud.drover.drover("host", "list", "--json"))
                if row["name"] == "hostc")
        equal((row["state"], row["reason"]),
              ("down", "it answers, and user admin has declared it dead: once its guests are seen "
               "to, 'drover compute service set --up hostc' takes that back"), "the host")
        cloud.drover.drover("compute", "service", "set", "--up", "hostc")
        shown = cloud.other("GET", "/drover/v1/hosts/hostc").json["host"]
        equal((shown["state"], shown["reason"]), ("up", None), "afterwards")
    finally:
        force_down(cloud, "hostc", False)


@test("an evacuation is refused as Nova refuses it")
def _():
    cloud = Cloud(("hosta", "hostb"))
    try:
        server = cloud.create("stuck", host="hosta")
        own = {"evacuate": {"host": "hosta"}}
        theirs = cloud.create("theirs", user="member")
        cloud.refused(cloud.action(theirs, {"evacuate": {}}, "2.95", user="manager"), 403,
                      "Policy doesn't allow os_compute_api:os-evacuate to be performed.")
        cloud.refused(cloud.action(server, {"evacuate": {}}, "2.95"), 400,
                      "Compute service of hosta is still in use.")
        cloud.refused(cloud.action(server, own, "2.95"), 400,
                      "The target host can't be the same one.")
        cloud.refused(cloud.action(server, {"evacuate": {"host": "nowhere"}}, "2.95"), 404,
                      "Compute host nowhere not found.")
        for body, version, text in (
                ({}, "2.13", "'onSharedStorage' is a required property"),
                ({"onSharedStorage": False}, "2.14", "onSharedStorage"),
                ({"force": True}, "2.28", "force"),
                ({"force": True}, "2.29", "Can't force to a non-provided destination"),
                ({"force": True, "host": "hostb"}, "2.68", "force"),
                ({"onSharedStorage": True, "adminPass": "x"}, "2.13", "still in use")):
            cloud.refused(cloud.action(server, {"evacuate": body}, version), 400, text)

        equal(force_down(cloud, "hosta", True).status, 200, "down")
        cloud.refused(
            cloud.action(server, {"evacuate": {"onSharedStorage": True, "adminPass": "x"}}, "2.13"),
            400, "admin password can't be changed on existing disk")
        # The fake host lives, and says so: whatever was said of it, its guest is not doubled.
        answer = cloud.action(server, {"evacuate": {"onSharedStorage": False}}, "2.13")
        equal(answer.status, 200, answer.text)
        check(len(answer.json["adminPass"]) >= 12, "a password is made")
        row = cloud.wait_migration(server, "error")
        equal(row["migration_type"], "evacuation", "type")
        shown = cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
        equal(shown["error_code"], "source-alive", shown["message"])
        cloud.wait_idle(server)
        equal(cloud.host_of(server), "hosta", "it stays")
        equal(cloud.get(f"/servers/{server}", "2.96")["server"]["status"], "ACTIVE", "unchanged")
        answer = cloud.action(server, {"evacuate": {"adminPass": "given"}}, "2.14")
        equal((answer.status, answer.text), (200, ""), "2.14 has no body")
        cloud.wait_idle(server)
        text = cloud.drover.nova("host-evacuate", "hosta")
        contains(text, server, "nova host-evacuate")
        contains(text, "True", "nova host-evacuate")
        cloud.wait_idle(server)
        rows = cloud.get("/os-migrations?migration_type=evacuation", "2.59")["migrations"]
        equal({row["status"] for row in rows}, {"error"}, "each is told")
        equal(force_down(cloud, "hosta", False).status, 200, "up: nothing was evacuated")
    finally:
        cloud.drover.remove()


@test("an instance that is moving is not evacuated: where its host lives that is what is said; "
      "where the destination is dead, what ends the move; and else what does")
def _():
    cloud = world.slow
    server, migration = start(cloud, "moving")
    source = cloud.host_of(server)
    (dest,) = {"hosta", "hostb"} - {source}

    def refusal(status, text):
        answer = cloud.action(server, {"evacuate": {}}, "2.95")
        cloud.refused(answer, status, text)
        return answer.text
    in_use = f"Compute service of {source} is still in use."
    text = refusal(400, in_use)
    check("--down" not in text, f"nobody is told to switch off what lives: {text}")
    try:
        force_down(cloud, dest, True)
        text = refusal(400, f"{in_use} It is host {dest}, where the server is moving, that is dead")
        contains(text, f"openstack server migration abort {server} {migration}", "what ends it")
        check("--down" not in text, f"it is down already: {text}")
        force_down(cloud, dest, False)
        force_down(cloud, source, True)
        refusal(409, f"Cannot 'evacuate' instance {server} while it is in task_state migrating: "
                     f"its live migration ends by itself once host {source} is certain to be dead")
    finally:
        force_down(cloud, source, False)
        force_down(cloud, dest, False)
    abort(cloud, server, migration)
    cloud.delete(server)


@test("a host's fence agent is set, shown without its secrets, and refused when it is none")
def _():
    agents = tempfile.TemporaryDirectory(prefix="drover-test-")
    with open(os.path.join(agents.name, "fence_ipmilan"), "w", encoding="utf-8") as file:
        os.chmod(file.name, 0o755)
    cloud = Cloud(("hosta",), more={"fencing": {"agent_path": agents.name}})
    try:
        path = "/drover/v1/hosts/hosta"
        code, text = cloud.drover.drover("host", "set", "hosta", "--fence-agent", "fence_lab",
                                         check=False)
        equal(code, 1, text)
        contains(text, f"there is no fence agent 'fence_lab' in '{agents.name}' on the machine of "
                 "droverd: install it there", "an agent that is elsewhere")
        answer = cloud.other("PATCH", path, {"host": {
            "fence_agent": "fence_ipmilan", "fence_options": "ip=10.0.0.1,password=hun\\,ter2"}})
        equal(answer.status, 200, answer.text)
        host = answer.json["host"]
        equal((host["fence_agent"], host["fence_options"]), ("fence_ipmilan", "ip,password"),
              "shown")
        check("ter2" not in answer.text, "no secret is shown")
        for body, text in (({"fence_agent": "sh"}, "begins with fence_"),
                           ({"fence_options": "action=on"}, "not the host's to say"),
                           ({"fence_options": "password_script=/bin/sh"}, "not the host's to say"),
                           ({"fence_options": "ip"}, "not KEY=VALUE")):
            cloud.refused(cloud.other("PATCH", path, {"host": body}), 400, text, "error")
        cloud.refused(cloud.other("POST", path + "/power", {"power": {"action": "off"}}), 409,
                      "say --force", "error")
        answer = cloud.other("PATCH", path, {"host": {"fence_agent": None}})
        equal(answer.json["host"]["fence_agent"], None, "none any more")
        cloud.refused(cloud.other("POST", path + "/power", {"power": {"action": "status"}}), 409,
                      "has no fence agent", "error")
        cloud.refused(cloud.other("PATCH", path, {"host": {"fence_options": "ip=1"}}), 400,
                      "need a fence agent", "error")
        cloud.refused(cloud.other("PATCH", path, {"host": {}}, user="manager"), 403, "Policy",
                      "error")
    finally:
        cloud.drover.remove()
        agents.cleanup()


@test("nothing is left behind where nothing was, and an unknown leftover is 404")
def _():
    cloud = Cloud(("hosta",))
    try:
        equal(cloud.other("GET", "/drover/v1/leftovers").json, {"leftovers": []}, "leftovers")
        equal(cloud.other("DELETE", "/drover/v1/leftovers/7").status, 404, "unknown")
        cloud.refused(cloud.other("GET", "/drover/v1/leftovers", user="manager"), 403, "Policy",
                      "error")
        contains(cloud.drover.drover("inspect", "leftovers"), "Nothing is left behind", "said")
    finally:
        cloud.drover.remove()


def left_of(cloud, host):
    shown = cloud.other("GET", f"/drover/v1/hosts/{host}").json["host"]
    return shown["facts"]["pool_available_bytes"]


@test("a pool that both hosts share and that is full stops neither a cold migration nor an "
      "evacuation, which write nothing into it; a resize is refused for it [S3-21]")
def _():
    with tempfile.TemporaryDirectory() as directory:
        fleet = os.path.join(directory, "fleet.db")
        cloud = Cloud(("hosta", "hostb"), fake={"path": fleet, "shared_pool": True, "pool_gb": 2,
                                                "guest_disk_mb": 900})
        try:
            answer = cloud.send("POST", "/flavors", {"flavor": {
                "id": "more", "name": "more", "ram": 256, "vcpus": 1, "disk": 1}})
            equal(answer.status, 200, answer.text)
            servers = [cloud.create(name, host="hosta") for name in ("one", "two")]
            cloud.drover.stop()
            cloud.drover.start()  # and so hosts are asked what they have free
            wait_until(lambda: all(left_of(cloud, host) < 1 << 30 for host in ("hosta", "hostb")),
                       "less than a disk is left")

            cloud.do(servers[0], {"resize": {"flavorRef": "more"}})
            cloud.wait_idle(servers[0])
            answer = cloud.other("GET", f"/drover/v1/migrations?instance_uuid={servers[0]}")
            contains(answer.json["migrations"][0]["message"], "1 failed 'disk-free'",
                     "the resize")
            cloud.do(servers[0], {"migrate": None})
            cloud.wait_status(servers[0], "VERIFY_RESIZE")
            cloud.do(servers[0], {"revertResize": None})
            cloud.wait_status(servers[0], "ACTIVE")

            lose_power(cloud, fleet, "hosta")
            for server in servers:
                cloud.do(server, {"evacuate": {}}, 200)
                cloud.wait_migration(server, "done")
                equal(cloud.host_of(server), "hostb", "it was evacuated")
        finally:
            cloud.drover.remove()


@test("a host that instances were evacuated from is not forced up before it was back, and whatever "
      "else that request wants of it is not done either")
def _():
    with tempfile.TemporaryDirectory() as directory:
        fleet = os.path.join(directory, "fleet.db")
        cloud = Cloud(("hosta", "hostb"), fake={"path": fleet, "shared_pool": True})
        try:
            server = cloud.create("left", host="hosta")
            lose_power(cloud, fleet, "hosta")
            cloud.do(server, {"evacuate": {}}, 200)
            cloud.wait_migration(server, "done")
            before = service(cloud, "hosta")
            path = f"/os-services/{before['id']}"
            for more in ({}, {"status": "disabled", "disabled_reason": "fan"}):
                answer = cloud.send("PUT", path, {"forced_down": False, **more}, "2.53")
                cloud.refused(answer, 409, "cannot be forced up: instances were evacuated")
            after = service(cloud, "hosta")
            equal([after[key] for key in ("status", "disabled_reason", "forced_down")],
                  ["enabled", None, True], "after the refusals")
        finally:
            cloud.drover.remove()
