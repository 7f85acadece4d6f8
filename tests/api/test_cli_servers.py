# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""The drover command: servers of every kind, waiting for volumes, what programs read of a move."""
import json
import subprocess

from drover import DROVER
from tap import check, contains, equal
from test_evacuate import force_down
from test_volumes import make, show, wait_volume
from world import Cloud, test, world

# The least that an inspection takes for a CD: the mark of its first volume descriptor.
ISO = bytes(32768) + b"\x01CD001\x01" + bytes(2048 - 7)


def run(cloud, *arguments):
    """(exit code, what programs read of it, what people read beside that)"""
    done = subprocess.run([DROVER, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, check=False, env=cloud.drover.client_env())
    return done.returncode, done.stdout, done.stderr


def made(cloud, *arguments):
    """A server as 'server create' shows it, with its volumes as the API knows them."""
    server = json.loads(cloud.drover.drover("server", "create", "--flavor", "m1.tiny", "--network",
                                            "private", "--wait", "--json", *arguments))
    listed = cloud.get(f"/servers/{server['id']}/os-volume_attachments", "2.89")
    return server, listed["volumeAttachments"]


@test("drover server create boots from an image, a volume or a new one, with further disks, CD-ROM "
      "and config drive [S4-06]")
def _():
    cloud = world.fast
    cloud.add_image("rescue", ISO, "iso")
    root = make(cloud, "cli-root", imageRef=cloud.ids["guest"])
    server, volumes = made(cloud, "--volume", "cli-root", "--cdrom", "rescue",
                           "--use-config-drive", "--config-drive", "true", "cli-booted")
    equal((server["image"], server["config_drive"], server["status"]), ("", "True", "ACTIVE"),
          "from a volume")
    equal([(row["volumeId"], row["device"], row["delete_on_termination"]) for row in volumes],
          [(root, "/dev/vda", False)], "its root disk")
    cloud.delete(server["id"])
    wait_volume(cloud, root, "available")

    for name, more, is_kept in (("cli-kept", (), True),
                                ("cli-goes", ("--delete-on-termination",), False)):
        server, volumes = made(cloud, "--image", "guest", "--boot-from-volume", "2", *more, name)
        (row,) = volumes
        volume = show(cloud, row["volumeId"])
        equal((server["image"], row["delete_on_termination"], volume["size"],
               volume["volume_image_metadata"]["image_id"]),
              ("", not is_kept, 2, cloud.ids["guest"]), name)
        cloud.delete(server["id"])
        wait_volume(cloud, row["volumeId"], "available" if is_kept else "gone")

    blank = "source_type=blank,destination_type=volume,volume_size=1,delete_on_termination=true"
    server, volumes = made(cloud, "--image", "guest", "--block-device", blank, "--block-device",
                           "uuid=cli-root,source_type=volume,boot_index=-1,tag=second",
                           "cli-disks")
    equal((server["image"]["id"], [row["device"] for row in volumes], volumes[1]["tag"]),
          (cloud.ids["guest"], ["/dev/vdc", "/dev/vdd"], "second"), "beside its image")
    equal(volumes[1]["volumeId"], root, "a volume that was named")
    cloud.delete(server["id"])
    server, volumes = made(cloud, "--block-device", "uuid=guest,source_type=image,boot_index=0,"
                           "destination_type=volume,volume_size=1,delete_on_termination=true",
                           "cli-root2")
    equal((server["image"], [row["device"] for row in volumes]), ("", ["/dev/vda"]), "all in one")
    cloud.delete(server["id"])
    for arguments, text in (
            (("--image", "guest", "--cdrom", "guest"), "needs an image of the disk format iso"),
            (("--image", "guest", "--cdrom", "nothing"), "there is no image 'nothing'"),
            (("--volume", "nothing"), "there is no volume 'nothing'")):
        code, output = cloud.drover.drover("server", "create", "--flavor", "m1.tiny", *arguments,
                                           "cli-bad", check=False)
        equal(code, 1, output)
        contains(output, text, arguments)


@test("what a server boots from is said once, and --block-device in the stock client's keys alone")
def _():
    drover = world.fast.drover.drover
    blank = "source_type=blank,boot_index=0"
    one = "say one of --image, --volume and a --block-device with boot_index=0"
    for arguments, text in (
            ((), one), (("--image", "a", "--volume", "b"), one),
            (("--image", "a", "--block-device", blank), one),
            (("--volume", "a", "--boot-from-volume", "1"), "--boot-from-volume needs --image"),
            (("--image", "a", "--boot-from-volume", "0"), "must be a whole number from 1"),
            (("--image", "a", "--delete-on-termination"), "needs --volume or --boot-from-volume"),
            (("--block-device", "boot_index=0"), "needs source_type="),
            (("--block-device", "source_type=blank,colour=red"), "has no key 'colour'"),
            (("--block-device", "source_type"), "is KEY=VALUE,..., and 'source_type' is not"),
            (("--block-device", "source_type=blank,volume_size=big"),
             "volume_size must be a number, not 'big'"),
            (("--block-device", "source_type=blank,delete_on_termination=1"),
             "delete_on_termination must be true or false, not '1'"),
            (("--image", "a", "--config-drive", "False"), "every server has one")):
        code, output = drover("server", "create", "--flavor", "x", *arguments, "y", check=False)
        equal(code, 2, f"{arguments}: {output}")
        contains(output, text, arguments)


@test("server add volume --wait tells of what a host finds wrong after the request was accepted")
def _():
    cloud = Cloud(("hosta",), more={"hypervisor": {"filters": "fault:attach_disk=refused"}})
    try:
        server, volume = cloud.create("wants"), make(cloud, "cannot")
        code, output = cloud.drover.drover("server", "add", "volume", "--wait", "wants", "cannot",
                                           check=False, timeout=60)
        equal(code, 1, output)
        contains(output, "failed by a fault filter", "why it failed")
        wait_volume(cloud, volume, "available")
        equal(cloud.server(server)["status"], "ACTIVE", "the server")
        # Without --wait nobody has looked yet.
        equal(cloud.drover.drover("server", "add", "volume", "wants", "cannot", check=False)[0], 0,
              "accepted")
    finally:
        cloud.drover.remove()


@test("server add volume --wait and server remove volume --wait end when it is done")
def _():
    cloud = world.fast
    drover = cloud.drover.drover
    server, volume = cloud.create("gets"), make(cloud, "given")
    shown = json.loads(drover("server", "add", "volume", "--wait", "gets", "given", "--json"))
    equal((shown["volumeId"], show(cloud, volume)["status"]), (volume, "in-use"), "given")
    drover("server", "remove", "volume", "--wait", "gets", "given")
    equal(show(cloud, volume)["status"], "available", "taken")

    # A server that was in ERROR before stays in it, and its volume is taken all the same.
    drover("server", "add", "volume", "--wait", "gets", "given")
    cloud.do(server, {"os-resetState": {"state": "error"}})
    drover("server", "remove", "volume", "--wait", "gets", "given")
    equal((cloud.server(server)["status"], show(cloud, volume)["status"]),
          ("ERROR", "available"), "taken in ERROR")
    cloud.delete(server)


@test("server event list and show tell what was done to a server and each step of it, to "
      "administrators with the reason why it failed")
def _():
    cloud = world.fast
    server = cloud.create("eventful", host="hosta")
    equal(cloud.action(server, {"os-migrateLive": {"host": "hostb", "block_migration": "auto"}},
                       "2.34").status, 202, "the move")
    cloud.wait_migration(server, "completed")
    cloud.wait_idle(server)
    drover = cloud.drover.drover
    events = json.loads(drover("server", "event", "list", "eventful", "--json"))
    equal([row["action"] for row in events], ["live-migration", "create"], "what was done")
    request = events[0]["request_id"]
    path = f"/servers/{server}/os-instance-actions/{request}"
    shown = json.loads(drover("server", "event", "show", "eventful", request, "--json"))
    equal(shown, cloud.get(path, "2.96")["instanceAction"], "JSON")
    text = drover("server", "event", "show", "eventful", request)
    for part in (request, "live-migration", "Start Time", shown["events"][0]["event"],
                 shown["events"][0]["details"]):
        contains(text, part, "the tables")
    equal(drover("server", "event", "show", "eventful", request, "-c", "action", "-f",
                 "value").strip(), "live-migration", "one field")
    code, _, errors = run(cloud, "server", "event", "show", "eventful", "req-nobody")
    equal((code, errors), (1, "drover: Action req-nobody not found\n"), "an unknown one")
    cloud.delete(server)


@test("server verify knows what is well: moved, confirmed or reverted, not failed")
def _():
    cloud = world.fast
    drover = cloud.drover.drover
    server = cloud.create("looked-at", host="hosta")

    def verify(status, code, *results):
        found, output, problem = run(cloud, "server", "verify", "looked-at", "--json")
        rows = [(row["result"], row["seen"]) for row in json.loads(output)[-2:]]
        equal((found, rows), (code, list(zip(results, (status, cloud.host_of(server))))), problem)

    drover("server", "migrate", "--wait", "looked-at")
    drover("server", "migrate", "confirm", "--wait", "looked-at")
    verify("confirmed", 0, "ok", "ok")
    drover("server", "migrate", "--wait", "looked-at")
    drover("server", "migrate", "revert", "--wait", "looked-at")
    verify("reverted", 0, "ok", "ok")
    drover("server", "migrate", "--live-migration", "--wait", "looked-at")
    verify("completed", 0, "ok", "ok")
    row = cloud.migrations(server)[0]
    table = drover("server", "migration", "show", "looked-at", str(row["id"]), "-c", "status")
    contains(table, "completed", "one field of a table")
    check("Why" not in table, table)
    cloud.do(server, {"os-migrateLive": {"host": cloud.host_of(server), "block_migration": "auto"}})
    cloud.wait_migration(server, "error")
    verify("refused before it began", 0, "ok", "ok")
    cloud.delete(server)
    cloud = Cloud(("hosta", "hostb"),
                  more={"hypervisor": {"filters": "fault:live_migrate=refused"}})
    try:
        server = cloud.create("looked-at", host="hosta")
        cloud.live_migrate(server)
        cloud.wait_migration(server, "failed")
        verify("failed", 1, "NOT OK", "NOT OK")
    finally:
        cloud.drover.remove()


@test("--json of a verb that moves a server prints its migration, waited for or not")
def _():
    cloud = world.fast
    server = cloud.create("tells")

    def said(*arguments):
        code, output, problem = run(cloud, "server", *arguments, "--json")
        equal(code, 0, f"{arguments}: {problem}")
        row = json.loads(output)
        equal((row["instance_uuid"], row["id"]), (server, cloud.migrations(server)[0]["id"]),
              arguments)
        return row["status"]

    equal(said("migrate", "--live-migration", "--wait", "tells"), "completed", "live")
    equal(said("migrate", "--wait", "tells"), "finished", "cold")
    equal(said("migrate", "revert", "--wait", "tells"), "reverted", "revert")
    equal(said("migrate", "--wait", "tells"), "finished", "cold again")
    equal(said("resize", "confirm", "--wait", "tells"), "confirmed", "confirm")
    check(said("migrate", "--live-migration", "tells"), "without --wait")
    cloud.wait_idle(server)
    code, output, _ = run(cloud, "server", "migration", "watch",
                          str(cloud.migrations(server)[0]["id"]), "-f", "value", "-c", "status")
    equal((code, output), (0, "completed\n"), "bare values")
    cloud.delete(server)


@test("evacuations print their migration, or their list, and no sentence between: the password "
      "goes where people look")
def _():
    cloud = Cloud(("hosta", "hostb"))
    try:
        server = cloud.create("dies", host="hosta")
        equal(force_down(cloud, "hosta", True).status, 200, "down")
        # The fake host lives and says so: each ends in an error.
        code, output, beside = run(cloud, "server", "evacuate", "--json", "dies")
        equal((code, json.loads(output)["migration_type"]), (0, "evacuation"), beside)
        contains(beside, "Password, if its disk is rebuilt: ", "the password")
        cloud.wait_idle(server)
        code, output, beside = run(cloud, "server", "evacuate", "--wait", "dies")
        check("Password" not in output + beside, "a password of nothing: " + output + beside)
        check("accepted." not in output, output)
        cloud.wait_idle(server)
        code, output, beside = run(cloud, "host", "evacuate", "--wait", "--json", "hosta")
        equal((code, [row["evacuate"] for row in json.loads(output)]), (1, ["failed"]), "the list")
        contains(beside, "1 of 1 servers could not be evacuated", "the refusal")
    finally:
        cloud.drover.remove()
