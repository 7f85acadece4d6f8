# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Cold migration, resize, confirm and revert as clients ask for them and see them."""
import json
import os
import sqlite3
import tempfile

from tap import check, contains, equal, note, wait_until
from world import Cloud, test, world

BIG = {"id": "big", "name": "m1.big", "ram": 256, "vcpus": 2, "disk": 2}
ZERO = {"id": "zero", "name": "m1.zero", "ram": 256, "vcpus": 2, "disk": 0}
NUMBERED = {"id": "42", "name": "m1.numbered", "ram": 256, "vcpus": 2, "disk": 2}


def add_flavors(cloud):
    for flavor in (BIG, ZERO, NUMBERED):
        answer = cloud.send("POST", "/flavors", {"flavor": flavor})
        equal(answer.status, 200, answer.text)


def moved(cloud, server, body, version="2.96", user="admin"):
    """The row of a move that waits to be confirmed."""
    answer = cloud.action(server, body, version, user)
    equal((answer.status, answer.text), (202, ""), f"{body} at {version}")
    cloud.wait_status(server, "VERIFY_RESIZE")
    return cloud.get(f"/os-migrations?instance_uuid={server}&limit=1", "2.96")["migrations"][0]


def status_of(cloud, migration):
    rows = cloud.get("/os-migrations", "2.96")["migrations"]
    return next(row["status"] for row in rows if row["id"] == migration)


def ended(cloud, server, migration, action, status):
    answer = cloud.action(server, {action: None}, "2.1")
    equal((answer.status, answer.text), (204 if action == "confirmResize" else 202, ""), action)
    wait_until(lambda: status_of(cloud, migration) in ("confirmed", "reverted"), action, 20)
    cloud.wait_status(server, status)


@test("a server moves cold by every body that a version allows, and is confirmed or reverted "
      "[S0-07 S3-29 S3-33 S3-34 S3-35]")
def _():
    cloud = world.fast
    server = cloud.create("coldmover")
    for version, body, action in (
            ("2.1", None, "confirmResize"), ("2.55", {"host": 7}, "revertResize"),
            ("2.56", None, "confirmResize"), ("2.56", {}, "revertResize"),
            ("2.96", {"host": "@"}, "confirmResize")):
        source = cloud.host_of(server)
        other = next(h for h in ("hosta", "hostb", "hostc") if h != source)
        if body == {"host": "@"}:
            body = {"host": other}
        row = moved(cloud, server, {"migrate": body}, version)
        equal((row["migration_type"], row["status"], row["source_compute"]),
              ("migration", "finished", source), "the row")
        check(row["dest_compute"] != source, "it moves")
        shown = cloud.server(server)
        equal((shown["OS-EXT-STS:vm_state"], shown["OS-EXT-STS:task_state"],
               shown["OS-EXT-STS:power_state"]), ("resized", None, 1), "what it is meanwhile")
        ended(cloud, server, row["id"], action, "ACTIVE")
        equal(cloud.host_of(server), row["dest_compute"] if action == "confirmResize" else source,
              "where it is in the end")
    cloud.delete(server)


@test("cold moves are refused in Nova's words, and change nothing")
def _():
    cloud = world.fast
    add_flavors(cloud)
    server = cloud.create("coldstayer")
    here = cloud.host_of(server)
    for body, version, text in (
            ({"migrate": {"host": "nowhere"}}, "2.56", "Compute host nowhere could not be found."),
            ({"migrate": {"host": here}}, "2.56", "to the host where the server exists"),
            ({"migrate": {"host": None}}, "2.56", "Invalid input for field/attribute host"),
            ({"migrate": {"force": True}}, "2.56", "Additional properties are not allowed"),
            ({"resize": {"flavorRef": "tiny"}}, "2.1", "When resizing, instances must change"),
            ({"resize": {"flavorRef": "none"}}, "2.1", "Flavor none could not be found."),
            ({"resize": {"flavorRef": "zero"}}, "2.1", "Resize to zero disk flavor"),
            ({"resize": {}}, "2.1", "'flavorRef' is a required property"),
            ({"resize": {"flavorRef": "big", "x": 1}}, "2.1", "Additional properties"),
            ({"confirmResize": {}}, "2.1", "is not of type 'null'")):
        cloud.refused(cloud.action(server, body, version), 400, text)
    for action in ("confirmResize", "revertResize"):
        cloud.refused(cloud.action(server, {action: None}, "2.1"), 409,
                      f"Cannot '{action}' instance {server} while it is in vm_state active")
    cloud.refused(cloud.action(server, {"migrate": None}, "2.1", user="reader"), 404, "")
    equal(cloud.server(server)["status"], "ACTIVE", "status")
    equal(cloud.action(server, {"pause": None}, "2.1").status, 202, "pause")
    cloud.wait_status(server, "PAUSED")
    cloud.refused(cloud.action(server, {"resize": {"flavorRef": "big"}}, "2.1"), 409,
                  "while it is in vm_state paused")
    cloud.delete(server)
    cloud.remove_flavors()


@test("a resize shows the new flavor until it is reverted, a smaller disk is refused, and while it "
      "waits nothing else moves it")
def _():
    cloud = world.fast
    add_flavors(cloud)
    server = cloud.create("coldgrower")
    row = moved(cloud, server, {"resize": {"flavorRef": "big"}}, "2.46")
    equal(row["migration_type"], "resize", "type")
    equal(cloud.server(server, "2.46")["flavor"]["id"], "big", "flavor while it waits")
    for body in ({"os-migrateLive": {"host": None, "block_migration": "auto"}}, {"migrate": None},
                 {"resize": {"flavorRef": "tiny"}}, {"os-stop": None}):
        cloud.refused(cloud.action(server, body, "2.30"), 409, "while it is in vm_state resized")
    number = row["id"]
    cloud.refused(cloud.send("GET", f"/servers/{server}/migrations/{number}", version="2.23"), 404,
                  "is not live-migration")
    equal(cloud.get(f"/servers/{server}/migrations", "2.23")["migrations"], [], "live ones")
    cloud.refused(cloud.send("DELETE", f"/servers/{server}/migrations/{number}", version="2.24"),
                  409, "is in an invalid state for 'abort live migration'")
    ended(cloud, server, number, "revertResize", "ACTIVE")
    equal(cloud.server(server, "2.46")["flavor"]["id"], "tiny", "flavor after the revert")
    row = moved(cloud, server, {"resize": {"flavorRef": "42"}})
    equal((row["old_instance_type_id"], row["new_instance_type_id"]), (None, 42),
          "flavors whose ID is a number")
    ended(cloud, server, row["id"], "confirmResize", "ACTIVE")
    cloud.refused(cloud.action(server, {"resize": {"flavorRef": "tiny"}}, "2.1"), 400,
                  "Server disk was unable to be resized because: Unable to resize disk down.")
    for query, status in (("migration_type=resize&status=confirmed", "confirmed"),
                          ("migration_type=resize&status=reverted", "reverted")):
        rows = cloud.get(f"/os-migrations?instance_uuid={server}&{query}", "2.59")["migrations"]
        equal([row["status"] for row in rows], [status], query)
    actions = cloud.get(f"/servers/{server}/os-instance-actions", "2.1")["instanceActions"]
    equal([row["action"] for row in actions],
          ["confirmResize", "resize", "revertResize", "resize", "create"], "its history")
    cloud.delete(server)
    cloud.remove_flavors()


@test("what a move keeps on its source is on record until the confirm, which comes by itself after "
      "resize_confirm_window; a delete leaves nothing on either host")
def _():
    cloud = Cloud(("hosta", "hostb"), default={"resize_confirm_window": 8})
    try:
        def left():
            return cloud.other("GET", "/drover/v1/leftovers").json["leftovers"]
        server = cloud.create("coldwaiter", host="hosta")
        row = moved(cloud, server, {"migrate": None})
        equal([(one["host"], one["instance_uuid"]) for one in left()], [("hosta", server)],
              "what is kept")
        contains(left()[0]["removable_when"], "confirmed", "until when")
        try:
            wait_until(lambda: status_of(cloud, row["id"]) == "confirmed", "it is confirmed", 40)
        except Exception:
            note(cloud.drover.log()[-4000:])
            raise
        cloud.wait_status(server, "ACTIVE")
        equal(left(), [], "what is left after the confirm")
        row = moved(cloud, server, {"migrate": None})
        equal(cloud.send("DELETE", f"/servers/{server}").status, 204, "delete")
        wait_until(lambda: cloud.send("GET", f"/servers/{server}").status == 404, "it is gone", 20)
        equal(status_of(cloud, row["id"]), "confirmed", "its move")
        wait_until(lambda: left() == [], "nothing is left of it", 20)
    finally:
        cloud.drover.remove()


def told(cloud, name, number):
    """What the server and its migration say of a failure; each may be None."""
    drover = cloud.drover.drover
    fault = json.loads(drover("server", "show", name, "--json")).get("fault")
    row = json.loads(drover("server", "migration", "show", name, number, "--json"))
    return fault and fault["message"], row["message"] if row["error_code"] is not None else None


@test("a confirm or a revert that failed is told by the server and by its migration, in Nova's "
      "statuses, until another one succeeds [S1-15]")
def _():
    # Each fails once for each of two moves, of which one is confirmed then, the other reverted.
    faults = [f"fault:{verb}/{host}@1=refused" for verb, host in (
        ("remove_guest", "hosta"), ("destroy_guest", "hostb"),
        ("remove_guest", "hostb"), ("destroy_guest", "hosta"))]
    cloud = Cloud(("hosta", "hostb"), more={"hypervisor": {"filters": ", ".join(faults)}})
    drover = cloud.drover.drover

    def fail(name, server, number, action, verb, done):
        code, output = drover("server", "resize", action, "--wait", name, check=False)
        equal(code, 1, output)
        wait_until(lambda: verb in str(told(cloud, name, number)[1]), f"{action} has failed", 20)
        message, of_migration = told(cloud, name, number)
        equal(message, of_migration, "server and migration say the same")
        contains(message, "failed by a fault filter", "what failed")
        contains(output, message, "the command said it as well")
        shown = cloud.server(server)
        equal((shown["status"], shown["OS-EXT-STS:task_state"]), ("VERIFY_RESIZE", None), action)
        contains(shown["fault"]["details"], f"{number} could not be {done}", "details")
        equal(cloud.server(server, "2.1")["fault"]["code"], 500, "its code")
        equal(status_of(cloud, int(number)), "finished", "Nova's status")
        contains(drover("server", "show", name), verb, "drover server show")
        contains(drover("server", "migration", "watch", number), "The last try failed", "watch")

    try:
        servers = []
        for name, host, action in (("coldkept", "hosta", "confirmResize"),
                                   ("coldback", "hostb", "revertResize")):
            server = cloud.create(name, host=host)
            servers.append(server)
            number = str(moved(cloud, server, {"migrate": None})["id"])
            equal(told(cloud, name, number), (None, None), "before")
            fail(name, server, number, "confirm", "remove_guest", "confirmed")
            fail(name, server, number, "revert", "destroy_guest", "reverted")
            ended(cloud, server, int(number), action, "ACTIVE")
            equal(told(cloud, name, number), (None, None), "after the one that succeeded")
        for server in servers:
            cloud.delete(server)
        gone = cloud.get("/servers/detail?deleted=True&all_tenants=True", "2.96")["servers"]
        equal({row["id"]: row.get("fault") for row in gone}, dict.fromkeys(servers),
              "what deleted servers tell of failures that were mended")
    finally:
        cloud.drover.remove()


@test("a revert that ends in an error is told by the server and by its migration")
def _():
    # The first start there is the new server's.
    cloud = Cloud(("hosta", "hostb"), more={"hypervisor": {
        "filters": "fault:start_guest/hosta@2=refused"}})
    try:
        server = cloud.create("coldlost", host="hosta")
        number = moved(cloud, server, {"migrate": None})["id"]
        cloud.do(server, {"revertResize": None})
        cloud.wait_status(server, "ERROR")
        equal(status_of(cloud, number), "error", "the migration")
        message, of_migration = told(cloud, "coldlost", str(number))
        contains(message, "start_guest on host 'hosta' failed", "the server")
        equal(of_migration, message, "the migration")
        cloud.delete(server)
    finally:
        cloud.drover.remove()


OFF, FOR_NO_KNOWN_REASON = 1, 13  # src/hypervisor/types.h


@test("a guest that waits for its confirm is started again after its host's reboot, and goes on "
      "telling why it could not be confirmed")
def _():
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        path = os.path.join(directory, "fleet.db")
        cloud = Cloud(("hosta", "hostb"), {"path": path}, more={"hypervisor": {
            "filters": "fault:remove_guest/hosta@1=refused"}})
        try:
            server = cloud.create("coldboot", host="hosta")
            number = str(moved(cloud, server, {"migrate": None})["id"])
            cloud.drover.drover("server", "resize", "confirm", "--wait", "coldboot", check=False)
            before = told(cloud, "coldboot", number)
            contains(str(before[0]), "remove_guest", "before")
            cloud.drover.kill()
            with sqlite3.connect(path, timeout=20) as fleet:
                fleet.execute("update domains set state = ?, reason = ? where host = 'hostb'",
                              (OFF, FOR_NO_KNOWN_REASON))
            cloud.drover.start()

            def actions():
                rows = cloud.get(f"/servers/{server}/os-instance-actions")["instanceActions"]
                return [row["action"] for row in rows]
            wait_until(lambda: actions()[0] == "start", "it is started again", 30)
            cloud.wait_status(server, "VERIFY_RESIZE")
            equal(cloud.server(server)["OS-EXT-STS:power_state"], 1, "it runs")
            equal(told(cloud, "coldboot", number), before, "after")
        finally:
            cloud.drover.remove()


@test("a guest that waits for its confirm and is gone when it is to be started again after its "
      "host's reboot can be reverted")
def _():
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        path = os.path.join(directory, "fleet.db")
        cloud = Cloud(("hosta", "hostb"), {"path": path}, more={"hypervisor": {
            "filters": "delay:start_guest/hostb=4000"}})
        try:
            server = cloud.create("coldlost", host="hosta")
            moved(cloud, server, {"migrate": None})
            cloud.drover.kill()
            with sqlite3.connect(path, timeout=20) as fleet:
                fleet.execute("update domains set state = ?, reason = ? where host = 'hostb'",
                              (OFF, FOR_NO_KNOWN_REASON))
            cloud.drover.start()
            wait_until(lambda: cloud.server(server)["OS-EXT-STS:task_state"] == "powering-on",
                       "it is started again", 30, 0.05)
            with sqlite3.connect(path, timeout=20) as fleet:
                fleet.execute("delete from domains where host = 'hostb'")
            shown = wait_until(lambda: "fault" in (seen := cloud.server(server)) and
                               not seen["OS-EXT-STS:task_state"] and seen, "that is told", 60)
            equal(shown["status"], "VERIFY_RESIZE", shown["fault"])
            contains(shown["fault"]["message"], "hostb", "why")  # by the start, or by a look
            cloud.do(server, {"revertResize": None})
            cloud.wait_status(server, "ACTIVE")
            equal(cloud.host_of(server), "hosta", "where it is")
            check("fault" not in cloud.server(server), "it is told still")
        finally:
            cloud.drover.remove()


def given_up(cloud, server):
    """What the history of the newest move tells of destinations that it let go."""
    number = cloud.migrations(server)[0]["id"]
    events = cloud.other("GET", f"/drover/v1/migrations/{number}").json["migration"]["events"]
    return [event["sentence"] for event in events
            if event["to"] == "checking" and event["from"] != "queued"]


def lose_choice(cloud, path, server, state):
    """A cold move of that server whose destination, which drover has chosen, loses its power in
    that state: its name."""
    cloud.do(server, {"migrate": None})

    def choice():
        with sqlite3.connect(f"file:{cloud.drover.directory}/drover.db?mode=ro", uri=True,
                             timeout=20) as database:
            return database.execute(
                "select claims.host from claims join operations on "
                "operations.id = claims.operation_id where claims.role = 'target' and "
                "operations.state = ?", (state,)).fetchall()
    (dead,), = wait_until(choice, f"a destination is chosen, and it is {state}", 60, 0.05)
    cloud.drover.kill()
    set_power(path, dead, 0)
    cloud.drover.start()
    cloud.wait_status(server, "VERIFY_RESIZE")
    equal(cloud.host_of(server), ({"hostb", "hostc"} - {dead}).pop(), "where it went")
    equal(given_up(cloud, server), [
        f"{dead} cannot have it, another is tried: host '{dead}' does not answer any more"],
          "what the history says")
    return dead


def set_power(path, host, power):
    with sqlite3.connect(path, timeout=20) as fleet:
        fleet.execute("update hosts set power = ? where name = ?", (power, host))


@test("where drover has chosen, a destination that dies before anything is there, or while disks "
      "are made on it, or refuses the guest's disks, is changed for another; one that was named is "
      "not, and what was made goes when it is back")
def _():
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        path = os.path.join(directory, "fleet.db")
        cloud = Cloud(("hosta", "hostb", "hostc"), {"path": path}, more={"hypervisor": {
            "filters": "delay:create_marker=1500, delay:prepare_dest=3000"}})

        def left():
            rows = cloud.other("GET", "/drover/v1/leftovers").json["leftovers"]
            return {row["host"] for row in rows if row["instance_uuid"] == server}
        try:
            server = cloud.create("coldelse", host="hostb")
            for host in ("hostc", "hosta"):
                equal(cloud.live_migrate(server, host).status, 202, "live migration")
                wait_until(lambda: cloud.host_of(server) == host and not cloud.server(server)[
                    "OS-EXT-STS:task_state"], f"it is on {host}", 20)
            dead = lose_choice(cloud, path, server, "claiming")
            equal(left(), {"hosta"}, "what is left")
            set_power(path, dead, 1)
            cloud.do(server, {"revertResize": None})
            cloud.wait_status(server, "ACTIVE")
            cloud.drover.wait_hosts_up(3)
            dead = lose_choice(cloud, path, server, "preparing")
            equal(left(), {"hosta", dead}, "what is left, of the disks as well")
            set_power(path, dead, 1)
            wait_until(lambda: left() == {"hosta"}, "what was made is removed", 30)
            cloud.do(server, {"confirmResize": None}, 204)
            cloud.wait_status(server, "ACTIVE")
        finally:
            cloud.drover.remove()
    cloud = Cloud(("hosta", "hostb", "hostc"), more={"hypervisor": {
        "filters": "fault:try_disk@1=refused, fault:try_disk@3=refused"}})
    try:
        server = cloud.create("coldno", host="hosta")
        answer = cloud.other("POST", "/volume/v3/os-volume-manage", {"volume": {
            "name": "far", "ref": {"uri": "nbd://fine/far"}}})
        volume = answer.json["volume"]["id"]
        cloud.send("POST", f"/servers/{server}/os-volume_attachments",
                   {"volumeAttachment": {"volumeId": volume}}, "2.96")
        wait_until(lambda: cloud.other("GET", f"/volume/v3/volumes/{volume}").json["volume"][
            "status"] == "in-use", "it has the volume")
        cloud.do(server, {"migrate": None})
        cloud.wait_status(server, "VERIFY_RESIZE")
        claims = [event for event in cloud.other(
            "GET", f"/drover/v1/migrations/{cloud.migrations(server)[0]['id']}").json[
                "migration"]["events"] if event["to"] == "claiming"]
        equal(len(claims), 2, "how often a host was chosen")
        told, = given_up(cloud, server)
        contains(told, "cannot have it, another is tried: ", "the history")
        contains(told, "try_disk on host 'host", "why")
        cloud.do(server, {"confirmResize": None}, 204)
        cloud.wait_status(server, "ACTIVE")
        cloud.do(server, {"migrate": {"host": "hosta"}})
        wait_until(lambda: len(cloud.migrations(server)) == 2, "the second")
        row = cloud.wait_migration(server, "error", "finished")
        shown = cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
        equal(row["status"], "error", "where it was told to go")
        contains(shown["message"], "try_disk on host 'hosta' failed", "why")
    finally:
        cloud.drover.remove()
