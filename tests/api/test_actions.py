# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""POST /servers/{id}/action, the console, and the record of what was done."""
from routes import NOBODY
from tap import check, contains, equal
from world import Cloud, test, world


def conflict(server, body, name, state, version="2.96"):
    world.fast.refused(world.fast.action(server, body, version), 409,
                       f"Cannot '{name}' instance {server} while it is in vm_state {state}")


@test("stop, start, reboot, pause and unpause change the state, and say which state forbids them")
def _():
    cloud = world.fast
    server = cloud.create("states")
    conflict(server, {"os-start": None}, "start", "active")
    conflict(server, {"unpause": None}, "unpause", "active")
    cloud.do(server, {"pause": None}, version=None)
    cloud.wait_status(server, "PAUSED")
    equal(cloud.server(server)["OS-EXT-STS:power_state"], 3, "power_state when paused")
    conflict(server, {"pause": None}, "pause", "paused")
    conflict(server, {"os-stop": None}, "stop", "paused")
    conflict(server, {"reboot": {"type": "SOFT"}}, "reboot", "paused")
    cloud.do(server, {"unpause": None}, version=None)
    cloud.wait_status(server, "ACTIVE")
    cloud.do(server, {"os-stop": None})
    cloud.wait_status(server, "SHUTOFF")
    equal(cloud.server(server)["OS-EXT-STS:power_state"], 4, "power_state when stopped")
    conflict(server, {"os-stop": None}, "stop", "stopped")
    conflict(server, {"os-migrateLive": {"host": None, "block_migration": "auto"}},
             "os-migrateLive", "stopped")
    cloud.do(server, {"reboot": {"type": "HARD"}})
    cloud.wait_status(server, "ACTIVE")
    cloud.do(server, {"reboot": {"type": "SOFT"}})
    cloud.wait_status(server, "ACTIVE")
    cloud.do(server, {"os-stop": None})
    cloud.wait_status(server, "SHUTOFF")
    cloud.do(server, {"os-start": None})
    cloud.wait_status(server, "ACTIVE")
    cloud.delete(server)


@test("an action body has exactly one key that names an action, and its value is checked strictly")
def _():
    cloud = world.fast
    server = cloud.create("strict")
    for body, text in (
            ({}, "Malformed request body"),
            ({"os-stop": None, "pause": None}, "Malformed request body"),
            ([], "Malformed request body"), ({"bogus": None}, "There is no such action: bogus"),
            ({"reboot": None}, "is not of type 'object'"), ({"reboot": {}}, "'type' is a required"),
            ({"reboot": {"type": "WARM"}}, "is not one of"),
            ({"reboot": {"type": "SOFT", "x": 1}}, "'x' was unexpected"),
            ({"os-resetState": {"state": "paused"}}, "is not one of ['active', 'error']"),
            ({"os-resetState": None}, "is not of type 'object'"),
            ({"lock": {"locked_reason": ""}}, "is too short"), ({"lock": {"x": 1}}, "unexpected"),
            ({"lock": "because"}, "is not of type"),
            ({"os-getConsoleOutput": {"length": "x"}}, "length"),
            ({"os-getConsoleOutput": {"x": 1}}, "'x' was unexpected")):
        cloud.refused(cloud.action(server, body), 400, text)
    equal(cloud.server(server)["status"], "ACTIVE", "a refusal changed something")
    cloud.refused(cloud.action(NOBODY, {"os-stop": None}), 404,
                  f"Instance {NOBODY} could not be found.")
    cloud.refused(cloud.action(server, {"os-stop": None}, user="member"), 404, "could not be found")
    cloud.delete(server)


@test("actions need their role, and the policy is named")
def _():
    cloud = world.fast
    server = cloud.create("roles", user="member")
    live = {"os-migrateLive": {"host": None, "block_migration": "auto"}}
    for user, body, rule in (
            ("reader", {"os-stop": None}, "os_compute_api:servers:stop"),
            ("reader", {"reboot": {"type": "SOFT"}}, "os_compute_api:servers:reboot"),
            ("reader", {"pause": None}, "os_compute_api:os-pause-server:pause"),
            ("reader", {"os-getConsoleOutput": {}}, "os_compute_api:os-console-output"),
            ("member", {"os-resetState": {"state": "error"}},
             "os_compute_api:os-admin-actions:reset_state"),
            ("member", live, "os_compute_api:os-migrate-server:migrate_live"),
            ("manager", {"os-migrateLive": {"host": "hosta", "block_migration": "auto"}},
             "os_compute_api:os-migrate-server:migrate_live:host")):
        cloud.refused(cloud.action(server, body, user=user), 403,
                      f"Policy doesn't allow {rule} to be performed.")
    equal(cloud.migrations(server), [], "migrations after refusals")
    cloud.delete(server)


@test("a lock keeps everybody but administrators out, with its reason shown from 2.73")
def _():
    cloud = world.fast
    server = cloud.create("locked", user="member")
    cloud.do(server, {"lock": None}, version="2.1", user="member")
    seen = cloud.server(server)
    equal((seen["locked"], seen["locked_reason"]), (True, None), "locked at 2.1")
    for body in ({"os-stop": None}, {"pause": None}, {"reboot": {"type": "HARD"}}):
        cloud.refused(cloud.action(server, body, user="member"), 409,
                      f"Instance {server} is locked")
    cloud.refused(cloud.send("DELETE", f"/servers/{server}", user="member"), 409,
                  f"Instance {server} is locked")
    cloud.refused(cloud.send("POST", f"/servers/{server}/metadata", {"metadata": {"a": "b"}},
                             user="member"), 409, f"Instance {server} is locked")
    cloud.do(server, {"unlock": None}, user="member")
    cloud.do(server, {"lock": {"locked_reason": "mine"}}, version="2.73", user="member")
    equal(cloud.server(server)["locked_reason"], "mine", "the reason")
    cloud.do(server, {"lock": {"locked_reason": "old"}}, version="2.72")
    cloud.do(server, {"os-stop": None})
    cloud.wait_status(server, "SHUTOFF")
    cloud.do(server, {"unlock": None})
    seen = cloud.server(server)
    equal((seen["locked"], seen["locked_reason"]), (False, None), "unlocked")
    cloud.delete(server)


@test("what an administrator of another project has locked, its own project cannot unlock")
def _():
    cloud = world.fast
    server = cloud.create("kept", user="member")
    cloud.do(server, {"lock": {"locked_reason": "audit"}})
    cloud.refused(cloud.action(server, {"unlock": None}, user="member"), 403,
                  "Policy doesn't allow os_compute_api:os-lock-server:unlock:unlock_override to be")
    cloud.do(server, {"lock": {"locked_reason": "mine"}}, user="member")
    equal(cloud.server(server)["locked_reason"], "audit", "the lock was taken over")
    cloud.refused(cloud.action(server, {"unlock": None}, user="member"), 403, "unlock_override")
    cloud.do(server, {"unlock": None})
    cloud.do(server, {"lock": None}, user="member")
    cloud.do(server, {"unlock": None})
    equal(cloud.server(server)["locked"], False, "an administrator unlocks what is its owner's")
    cloud.delete(server)


@test("an administrator resets the state to error and back")
def _():
    cloud = world.fast
    server = cloud.create("reset")
    for state in ("error", "active"):
        cloud.do(server, {"os-resetState": {"state": state}})
        seen = cloud.server(server)
        equal((seen["status"], seen["OS-EXT-STS:vm_state"], seen["OS-EXT-STS:task_state"]),
              (state.upper(), state, None), state)
    cloud.delete(server)


@test("the console is text, whole or its last lines")
def _():
    cloud = world.fast
    server = cloud.create("console")
    whole = cloud.do(server, {"os-getConsoleOutput": {}}, 200).json["output"]
    check(isinstance(whole, str), whole)
    for length in (None, -1, "5", 5):
        answer = cloud.do(server, {"os-getConsoleOutput": {"length": length}}, 200)
        equal(set(answer.json), {"output"}, f"length {length}")
        check(whole.endswith(answer.json["output"]) or length in (None, -1), f"length {length}")
    equal(cloud.do(server, {"os-getConsoleOutput": {"length": 0}}, 200).json["output"], "", "none")
    cloud.delete(server)


ACTION = {"action", "instance_uuid", "request_id", "user_id", "project_id", "start_time", "message"}
EVENT = {"event", "start_time", "finish_time", "result", "traceback"}


@test("what was done is listed, newest first, and shown with its events as the version says")
def _():
    cloud = world.fast
    server = cloud.create("history", user="member")
    request = cloud.do(server, {"os-stop": None}, user="member").headers["x-compute-request-id"]
    cloud.wait_status(server, "SHUTOFF")
    path = f"/servers/{server}/os-instance-actions"
    for version, keys in (("2.1", ACTION), ("2.58", ACTION | {"updated_at"})):
        rows = cloud.get(path, version, "member")["instanceActions"]
        equal([row["action"] for row in rows], ["stop", "create"], "actions")
        equal(set(rows[0]), keys, f"keys at {version}")
        equal((rows[0]["request_id"], rows[0]["instance_uuid"]), (request, server), "the newest")
    for version, user, keys in (
            ("2.1", "admin", EVENT), ("2.50", "member", None),
            ("2.51", "member", EVENT - {"traceback"}),
            ("2.62", "member", EVENT - {"traceback"} | {"hostId"}),
            ("2.62", "admin", EVENT | {"host", "hostId"}),
            ("2.84", "admin", EVENT | {"host", "hostId", "details"}),
            ("2.84", "member", EVENT - {"traceback"} | {"hostId"})):
        action = cloud.get(f"{path}/{request}", version, user)["instanceAction"]
        where = f"{user} at {version}"
        if keys is None:
            check("events" not in action, f"events for {where}")
        else:
            check(action["events"], f"no events for {where}")
            equal(set(action["events"][0]), keys, f"keys of an event for {where}")
    cloud.refused(cloud.send("GET", path + "/req-none"), 404, "req-none")
    (row,) = cloud.get(path + "?limit=1", "2.58")["instanceActions"]
    equal(row["action"], "stop", "limit=1")
    rows = cloud.get(f"{path}?marker={row['request_id']}", "2.58")["instanceActions"]
    equal([row["action"] for row in rows], ["create"], "after the marker")
    rows = cloud.get(path + "?changes-since=2100-01-01T00:00:00Z", "2.58")["instanceActions"]
    equal(rows, [], "of the future")
    for query in ("?bogus=1", "?marker=req-none", "?limit=x", "?changes-since=x",
                  "?changes-before=2020-01-01T00:00:00Z"):
        cloud.refused(cloud.send("GET", path + query, version="2.58"), 400, "")
    cloud.delete(server)
    rows = cloud.get(path, "2.21")["instanceActions"]
    equal([row["action"] for row in rows], ["delete", "stop", "create"], "of a deleted server")
    cloud.refused(cloud.send("GET", path, version="2.20"), 404, f"Instance {server} could not be")


@test("the newest event of an action that is under way has neither an end nor a result")
def _():
    cloud = world.slow
    server = cloud.create("underway")
    request = cloud.live_migrate(server).headers["x-compute-request-id"]
    migration = cloud.wait_migration(server, "running")["id"]

    def events():
        path = f"/servers/{server}/os-instance-actions/{request}"
        rows = cloud.get(path)["instanceAction"]["events"]
        return [(row["finish_time"] is not None, row["result"]) for row in rows]
    newest, *older = events()
    equal(newest, (False, None), "the newest")
    equal(set(older), {(True, "Success")}, "those before it")
    equal(cloud.send("DELETE", f"/servers/{server}/migrations/{migration}", version="2.65").status,
          202, "abort")
    cloud.wait_migration(server, "cancelled")
    cloud.wait_idle(server)
    equal(events()[0], (True, "Error"), "the newest, when it is over")
    cloud.delete(server)


@test("only one operation at a time: the second is 409 and names the task [S3-17]")
def _():
    cloud = world.slow
    server = cloud.create("busy")
    equal(cloud.live_migrate(server).status, 202, "the first")
    cloud.wait_migration(server, "running")
    for body, name in (({"os-migrateLive": {"host": None, "block_migration": "auto"}},
                        "os-migrateLive"), ({"os-stop": None}, "stop"), ({"pause": None}, "pause"),
                       ({"reboot": {"type": "HARD"}}, "reboot")):
        cloud.refused(cloud.action(server, body), 409,
                      f"Cannot '{name}' instance {server} while it is in task_state migrating")
    equal(len(cloud.migrations(server)), 1, "migrations")
    equal(cloud.send("DELETE", f"/servers/{server}").status, 204, "delete while it moves")
    cloud.wait_gone(server)
    contains([row["status"] for row in cloud.migrations(server)], "cancelled", "its migration")


@test("a hard reboot ends a soft one whose guest does not listen; a stop or a soft one is 409")
def _():
    cloud = world.deaf
    server = cloud.create("deaf")
    cloud.do(server, {"reboot": {"type": "SOFT"}})
    for body, name in (({"reboot": {"type": "SOFT"}}, "reboot"), ({"os-stop": None}, "stop")):
        cloud.refused(cloud.action(server, body), 409,
                      f"Cannot '{name}' instance {server} while it is in task_state rebooting")
    cloud.do(server, {"reboot": {"type": "HARD"}})
    cloud.wait_idle(server)
    equal(cloud.server(server)["status"], "ACTIVE", "after the hard reboot")
    actions = cloud.get(f"/servers/{server}/os-instance-actions")["instanceActions"]
    equal([row["action"] for row in actions], ["reboot", "reboot", "create"], "both are actions")
    cloud.delete(server)


@test("a reboot that leaves the guest off leaves ERROR with the reason, and a hard one that "
      "succeeds takes both away")
def _():
    # The first start is the new server's.
    cloud = Cloud(("hosta",), more={"hypervisor": {
        "filters": "fault:start_guest/hosta@2=refused, fault:start_guest/hosta@3=refused"}})
    try:
        server = cloud.create("stubborn")
        for kind in ("SOFT", "HARD"):
            cloud.do(server, {"reboot": {"type": kind}})
            cloud.wait_status(server, "ERROR")
            seen = cloud.server(server)
            contains(seen["fault"]["message"], "start_guest on host 'hosta' failed", kind)
            equal(seen["OS-EXT-STS:power_state"], 4, "its power state")
        cloud.do(server, {"reboot": {"type": "HARD"}})
        cloud.wait_status(server, "ACTIVE")
        equal(cloud.server(server).get("fault"), None, "its fault")
        cloud.delete(server)
    finally:
        cloud.drover.remove()
