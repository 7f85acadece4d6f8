# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Volumes: the Block Storage API as the stock client uses it, and what Compute does with them."""
import json
import time
from concurrent.futures import ThreadPoolExecutor

from tap import check, contains, equal, wait_until
from test_clients import openstack, rows
from world import Cloud, test, world

VOLUMES = "/volume/v3/volumes"


def make(cloud, name, size=1, user="admin", **more):
    answer = cloud.other("POST", VOLUMES, {"volume": dict({"name": name, "size": size}, **more)},
                         user=user)
    equal(answer.status, 202, f"create volume {name}: {answer.text}")
    volume = answer.json["volume"]["id"]
    wait_volume(cloud, volume, "available")
    return volume


def show(cloud, volume, user="admin"):
    answer = cloud.other("GET", f"{VOLUMES}/{volume}", user=user)
    return answer.json["volume"] if answer.status == 200 else None


def wait_volume(cloud, volume, status):
    wait_until(lambda: (show(cloud, volume) or {"status": "gone"})["status"] == status,
               f"volume {volume} is {status}", 20)


def attach(cloud, server, volume, version="2.96", **more):
    return cloud.send("POST", f"/servers/{server}/os-volume_attachments",
                      {"volumeAttachment": dict({"volumeId": volume}, **more)}, version)


@test("openstack makes, lists, shows, changes and deletes volumes [S4-06]")
def _():
    cloud = world.fast
    made = rows(cloud, "volume", "create", "--size", "2", "--property", "a=b", "disk1")
    equal((made["name"], made["size"], made["status"], made["properties"], made["type"]),
          ("disk1", 2, "creating", {"a": "b"}, "qcow2"), "made")
    wait_volume(cloud, made["id"], "available")
    listed = {row["Name"]: row for row in rows(cloud, "volume", "list")}
    equal((listed["disk1"]["Status"], listed["disk1"]["Size"]), ("available", 2), "list")
    openstack(cloud, "volume", "set", "--name", "disk2", "--property", "c=d", "--bootable", "disk1")
    shown = rows(cloud, "volume", "show", "disk2")
    equal((shown["properties"], shown["bootable"]), ({"a": "b", "c": "d"}, "true"), "show")
    openstack(cloud, "volume", "unset", "--property", "a", "disk2")
    equal(rows(cloud, "volume", "show", "disk2")["properties"], {"c": "d"}, "after unset")
    equal([row["Name"] for row in rows(cloud, "volume", "type", "list")], ["qcow2", "raw"], "types")
    raw = rows(cloud, "volume", "create", "--size", "1", "--type", "raw", "disk3")
    equal(raw["type"], "raw", "type")
    wait_volume(cloud, raw["id"], "available")
    openstack(cloud, "volume", "delete", "disk2", "disk3")
    wait_volume(cloud, made["id"], "gone")
    openstack(cloud, "volume", "show", "disk2", fails="No volume with a name or ID of 'disk2'")


@test("openstack adds a volume to a server and removes it; nobody else gets it meanwhile [S4-06]")
def _():
    cloud = world.fast
    one, two = cloud.create("vol-one"), cloud.create("vol-two")
    volume = make(cloud, "shared-by-none")
    openstack(cloud, "server", "add", "volume", "vol-one", "shared-by-none")
    wait_volume(cloud, volume, "in-use")
    (row,) = rows(cloud, "server", "volume", "list", "vol-one")
    equal((row["Volume ID"], row["Device"]), (volume, "/dev/vdc"), "server volume list")
    equal(cloud.server(one)["os-extended-volumes:volumes_attached"],
          [{"id": volume, "delete_on_termination": False}], "the server's view")
    (attachment,) = show(cloud, volume)["attachments"]
    equal((attachment["server_id"], attachment["device"]), (one, "/dev/vdc"), "the volume's view")

    cloud.refused(attach(cloud, two, volume), 400, "one server at a time")
    answer = cloud.other("DELETE", f"{VOLUMES}/{volume}")
    cloud.refused(answer, 400, "must not be attached")
    answer = cloud.send("GET", f"/servers/{two}/os-volume_attachments/{volume}")
    cloud.refused(answer, 404, f"is not attached to volume {volume}")

    openstack(cloud, "server", "remove", "volume", "vol-one", "shared-by-none")
    wait_volume(cloud, volume, "available")
    equal(cloud.server(one)["os-extended-volumes:volumes_attached"], [], "after the detach")
    actions = {row["action"] for row in
               cloud.get(f"/servers/{one}/os-instance-actions")["instanceActions"]}
    check({"attach_volume", "detach_volume"} <= actions, actions)
    for server in (one, two):
        cloud.delete(server)


@test("a delete does not wait for a volume that its host cannot take away")
def _():
    cloud = Cloud(("hosta",), more={"hypervisor": {"filters": "delay:detach_disk=120000"}})
    try:
        server, volume = cloud.create("leaves"), make(cloud, "stays")
        attach(cloud, server, volume)
        wait_volume(cloud, volume, "in-use")
        cloud.wait_idle(server)
        path = f"/servers/{server}/os-volume_attachments/{volume}"
        equal(cloud.send("DELETE", path).status, 202, "detach")
        wait_volume(cloud, volume, "detaching")
        # Until the host has been asked: a delete that comes before finds nothing in its way.
        time.sleep(0.5)
        cloud.delete(server)
        wait_volume(cloud, volume, "available")
    finally:
        cloud.drover.remove()


@test("drover volume makes, registers, gives, takes and deletes, and --block-migrate is understood "
      "[S4-42]")
def _():
    cloud = world.fast

    def drover(*arguments):
        return cloud.drover.drover(*arguments)

    made = json.loads(drover("volume", "create", "--size", "1", "cli-disk", "--json"))
    wait_volume(cloud, made["id"], "available")
    drover("volume", "register", "--uri", "nbd://10.0.0.9/x", "cli-remote")
    contains(drover("volume", "list"), "cli-remote", "list")
    server = cloud.create("vol-cli")
    drover("server", "add", "volume", "vol-cli", "cli-disk")
    wait_volume(cloud, made["id"], "in-use")
    drover("live-migration", "--block-migrate", "vol-cli")
    cloud.wait_status(server, "ACTIVE")
    row = cloud.get(f"/os-migrations?instance_uuid={server}", "2.96")["migrations"][0]
    shown = cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
    equal((shown["block_migration"], shown["disks"]["vdc"]), ("yes", "shared"), "how it moved")
    drover("server", "remove", "volume", "vol-cli", "cli-disk")
    wait_volume(cloud, made["id"], "available")
    drover("volume", "delete", "cli-disk", "cli-remote")
    wait_volume(cloud, made["id"], "gone")
    cloud.delete(server)


@test("a volume goes with its server when that was asked for, and stays when not")
def _():
    cloud = world.fast
    stays, goes = make(cloud, "stays"), make(cloud, "goes")
    server = cloud.create("vol-three")
    equal(attach(cloud, server, stays).status, 200, "attach")
    wait_volume(cloud, stays, "in-use")
    equal(attach(cloud, server, goes, delete_on_termination=True).status, 200, "attach")
    wait_volume(cloud, goes, "in-use")
    listed = cloud.get(f"/servers/{server}/os-volume_attachments", "2.89")["volumeAttachments"]
    equal([(row["volumeId"], row["device"], row["delete_on_termination"]) for row in listed],
          [(stays, "/dev/vdc", False), (goes, "/dev/vdd", True)], "attachments")
    answer = cloud.send("PUT", f"/servers/{server}/os-volume_attachments/{stays}",
                        {"volumeAttachment": {"volumeId": stays, "delete_on_termination": False}},
                        "2.85")
    equal(answer.status, 202, f"update: {answer.text}")
    cloud.delete(server)
    wait_volume(cloud, goes, "gone")
    wait_volume(cloud, stays, "available")
    equal(cloud.other("DELETE", f"{VOLUMES}/{stays}").status, 202, "delete")


@test("a server boots from a volume, made before or with it, and then has no image [S4-06]")
def _():
    cloud = world.fast
    volume = rows(cloud, "volume", "create", "--size", "1", "--image", "guest", "root")["id"]
    wait_volume(cloud, volume, "available")
    made = rows(cloud, "server", "create", "--flavor", "m1.tiny", "--volume", "root", "--network",
                "private", "--wait", "vol-booted")
    equal((made["status"], made["image"]), ("ACTIVE", "N/A (booted from volume)"), "made")
    server = cloud.server(made["id"])
    equal((server["image"], server["os-extended-volumes:volumes_attached"][0]["id"]),
          ("", volume), "the server's view")
    answer = cloud.send("DELETE", f"/servers/{made['id']}/os-volume_attachments/{volume}")
    cloud.refused(answer, 403, "Cannot detach a root device volume")
    cloud.delete(made["id"])
    wait_volume(cloud, volume, "available")

    made = rows(cloud, "server", "create", "--flavor", "m1.tiny", "--image", "guest",
                "--boot-from-volume", "1", "--network", "private", "--wait", "vol-booted2")
    (attached,) = cloud.server(made["id"])["os-extended-volumes:volumes_attached"]
    equal(show(cloud, attached["id"])["volume_image_metadata"]["image_id"], cloud.ids["guest"],
          "what it was made from")
    cloud.delete(made["id"])
    made = rows(cloud, "server", "create", "--flavor", "m1.tiny", "--image", "guest", "--network",
                "private", "--block-device", f"uuid={volume},source_type=volume,boot_index=-1",
                "--block-device", "source_type=blank,destination_type=volume,volume_size=1,"
                "delete_on_termination=true", "--wait", "vol-mixed")
    listed = cloud.get(f"/servers/{made['id']}/os-volume_attachments")["volumeAttachments"]
    equal([row["device"] for row in listed], ["/dev/vdc", "/dev/vdd"], "devices")
    cloud.delete(made["id"])
    wait_volume(cloud, listed[1]["volumeId"], "gone")


@test("a volume on the network is registered by its URI, and never made or deleted by drover")
def _():
    cloud = world.fast
    body = {"volume": {"name": "remote", "ref": {"uri": "nbd://10.0.0.9:10809/disk", "size": 3}}}
    answer = cloud.other("POST", "/volume/v3/os-volume-manage", body, user="member")
    equal(answer.status, 403, "only administrators")
    answer = cloud.other("POST", "/volume/v3/os-volume-manage", body)
    equal((answer.status, answer.json["volume"]["status"]), (202, "available"), answer.text)
    volume = answer.json["volume"]["id"]
    equal(show(cloud, volume)["drover:uri"], "nbd://10.0.0.9:10809/disk", "URI")
    server = cloud.create("vol-remote")
    equal(attach(cloud, server, volume).status, 200, "attach")
    wait_volume(cloud, volume, "in-use")
    cloud.delete(server)
    wait_volume(cloud, volume, "available")
    equal(cloud.other("DELETE", f"{VOLUMES}/{volume}").status, 202, "delete")
    wait_volume(cloud, volume, "gone")
    for uri in ("rbd://pool/image", "nbd://", "iscsi://host/iqn", "file:///etc/passwd",
                "nbd://host/a?b", "nbd://user@host/x"):
        body["volume"]["ref"]["uri"] = uri
        answer = cloud.other("POST", "/volume/v3/os-volume-manage", body)
        cloud.refused(answer, 400, "Invalid input for field/attribute uri")
        contains(answer.text, "is neither nbd://HOST[:PORT][/EXPORT] nor iscsi://", "what is one")


@test("a running server does not get a volume whose server never speaks, a stopped one does not "
      "start with it, and one in ERROR can be rid of it [S4-15]")
def _():
    cloud = world.fast
    uri = "nbd://silent:10809/disk"
    answer = cloud.other("POST", "/volume/v3/os-volume-manage",
                         {"volume": {"name": "mute", "ref": {"uri": uri}}})
    equal(answer.status, 202, answer.text)
    volume = answer.json["volume"]["id"]
    server = cloud.create("vol-silent")

    def act(body, status):
        answer = cloud.send("POST", f"/servers/{server}/action", body)
        equal(answer.status, 202, f"{body}: {answer.text}")
        cloud.wait_status(server, status)

    def last(action):
        rows = cloud.get(f"/servers/{server}/os-instance-actions")["instanceActions"]
        return next(row["message"] or "" for row in rows if row["action"] == action)

    equal(attach(cloud, server, volume).status, 200, "attach")
    wait_volume(cloud, volume, "available")
    contains(last("attach_volume"), "its server did not answer", "why")
    contains(last("attach_volume"), "Fix: see that this server runs", "what to do")
    act({"os-stop": None}, "SHUTOFF")
    equal(attach(cloud, server, volume).status, 200, "attach")
    wait_volume(cloud, volume, "in-use")
    act({"os-start": None}, "SHUTOFF")
    contains(last("start"), "its server did not answer", "why")
    act({"os-resetState": {"state": "error"}}, "ERROR")
    answer = cloud.send("DELETE", f"/servers/{server}/os-volume_attachments/{volume}")
    equal(answer.status, 202, f"detach in ERROR: {answer.text}")
    wait_volume(cloud, volume, "available")
    cloud.delete(server)
    equal(cloud.other("DELETE", f"{VOLUMES}/{volume}").status, 202, "delete")


@test("a disk on the network is one volume, however its URI is written")
def _():
    cloud = world.fast

    def manage(name, uri):
        return cloud.other("POST", "/volume/v3/os-volume-manage",
                           {"volume": {"name": name, "ref": {"uri": uri}}})

    made = []
    for name, uri, others in (
            ("n1", "nbd://Store.test/x", ("nbd://store.test/x", "nbd://store.test:10809/x/")),
            ("i1", "iscsi://10.0.0.9/iqn.2026-01.test:d/1",
             ("iscsi://10.0.0.9:3260/iqn.2026-01.test:d/1",))):
        answer = manage(name, uri)
        equal(answer.status, 202, answer.text)
        made.append(answer.json["volume"]["id"])
        for other in (uri, *others):
            cloud.refused(manage("again", other), 409, f"The disk at {uri} is registered already, "
                          f"as volume '{name}' ({made[-1]}).")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda i: manage(f"race{i}", "nbd://store.test/race"), range(4)))
    equal(sorted(answer.status for answer in answers), [202, 409, 409, 409], "four at once")
    made += [answer.json["volume"]["id"] for answer in answers if answer.status == 202]
    cloud.refused(manage("far", "nbd://store.test:99999/x"), 400, "cannot be read")
    for volume in made:
        equal(cloud.other("DELETE", f"{VOLUMES}/{volume}").status, 202, "delete")
        wait_volume(cloud, volume, "gone")


@test("what a volume cannot be is refused with its reason")
def _():
    cloud = world.fast
    for wish, text in (
            ({"multiattach": True}, "Multi-attach is not served"),
            ({"source_volid": cloud.ids["guest"]}, "Volumes from a source_volid are not served"),
            ({"volume_type": "ssd"}, "volume_type"),
            ({"size": None}, "'size' is a required property"),
            ({"size": 0}, "size"),
            ({"imageRef": "f0000000-0000-4000-8000-000000000000"}, "could not be found"),
            ({"imageRef": cloud.ids["guest"], "volume_type": "qcow2"}, "has the format of its")):
        answer = cloud.other("POST", VOLUMES, {"volume": dict({"name": "x", "size": 1}, **wish)})
        cloud.refused(answer, 400, text)
    volume = make(cloud, "theirs")
    cloud.refused(cloud.other("GET", f"{VOLUMES}/{volume}", user="member"), 404,
                  f"Volume {volume} could not be found.")
    cloud.refused(cloud.other("POST", f"{VOLUMES}/{volume}/action",
                              {"os-extend": {"new_size": 2}}), 400, "os-extend is not served")
    server = cloud.create("vol-four")
    cloud.refused(attach(cloud, server, cloud.ids["guest"]), 404, "could not be found")
    for mapping, text in (
            ([{"source_type": "volume", "uuid": volume, "boot_index": 0}], "is not bootable"),
            ([{"source_type": "snapshot", "uuid": volume}], "source_type"),
            ([{"source_type": "blank", "destination_type": "local", "volume_size": 1}],
             "ephemeral, swap"),
            ([{"source_type": "image", "uuid": cloud.ids["guest"], "device_type": "cdrom"}],
             "the disk format iso"),
            ([{"source_type": "volume", "uuid": server}], f"failed to get volume {server}")):
        body = cloud.body("vol-bad")
        body["server"]["block_device_mapping_v2"] = mapping
        cloud.refused(cloud.send("POST", "/servers", body, "2.96"), 400, text)
    cloud.delete(server)
    equal(cloud.other("DELETE", f"{VOLUMES}/{volume}").status, 202, "delete")


@test("a migration says what becomes of each disk, and refuses what contradicts it "
      "[S3-14 S3-39 S4-04 S4-05 S4-06]")
def _():
    cloud = world.fast
    volume = make(cloud, "moves")
    server = cloud.create("vol-mover")
    attach(cloud, server, volume)
    wait_volume(cloud, volume, "in-use")
    source = cloud.host_of(server)
    equal(cloud.send("POST", f"/servers/{server}/action", {"os-migrateLive": {
        "host": None, "block_migration": "auto"}}, "2.96").status, 202, "migrate")
    cloud.wait_status(server, "ACTIVE")
    check(cloud.host_of(server) != source, "it has not moved")
    (row,) = cloud.get(f"/os-migrations?instance_uuid={server}", "2.96")["migrations"]
    shown = cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
    equal(shown["disks"], {"vda": "copied", "vdb": "copied", "vdc": "shared"}, "disks")
    answer = cloud.send("POST", f"/servers/{server}/action", {"os-migrateLive": {
        "host": None, "block_migration": False}}, "2.30")
    cloud.refused(answer, 400, "is not on shared storage: Shared storage live-migration requires "
                  "either shared storage or boot-from-volume with no local disks.")
    cloud.delete(server)

    booted = cloud.send("POST", "/servers", {"server": {
        "name": "vol-root", "flavorRef": "tiny", "networks": "none", "block_device_mapping_v2": [
            {"boot_index": 0, "source_type": "image", "destination_type": "volume",
             "uuid": cloud.ids["guest"], "volume_size": 1, "delete_on_termination": True}]}},
        "2.96")
    equal(booted.status, 202, booted.text)
    server = booted.json["server"]["id"]
    cloud.wait_status(server, "ACTIVE")
    answer = cloud.send("POST", f"/servers/{server}/action", {"os-migrateLive": {
        "host": None, "block_migration": True}}, "2.30")
    cloud.refused(answer, 400, "Block migration can not be used with shared storage.")
    equal(cloud.send("POST", f"/servers/{server}/action", {"os-migrateLive": {
        "host": None, "block_migration": False}}, "2.30").status, 202, "migrate")
    cloud.wait_status(server, "ACTIVE")
    row = cloud.get(f"/os-migrations?instance_uuid={server}", "2.96")["migrations"][0]
    shown = cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
    equal(shown["disks"], {"vda": "shared", "vdb": "copied"}, "disks")
    cloud.delete(server)
