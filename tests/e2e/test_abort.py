# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Aborts before anything flows: while bases, then while disks are made on the destination. Delay
filters hold both for far longer than an abort takes; droverd's trace tells which has begun."""
import contextlib
import os
import subprocess
import tempfile

from tap import check, equal, test, wait_until
from world import world

HELD_MS = 8000
# Kernel, initrd and root: each is asked for once by the first migration.
BASES = 3


def make_image():
    """The guest's, with more on its disk: a base that no host has. Its id."""
    env = world.lab.env
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        path, noise = os.path.join(directory, "disk.qcow2"), os.path.join(directory, "noise")
        with open(noise, "wb") as file:
            file.write(os.urandom(8 << 20))
        subprocess.run(["qemu-img", "convert", "-O", "qcow2", env["LAB_GUEST_DISK"], path],
                       check=True)
        subprocess.run(["qemu-io", "-c", f"write -s {noise} 900M 8M", path], check=True,
                       stdout=subprocess.DEVNULL)
        with open(path, "rb") as file:
            content = file.read()
    answer = world.drover.admin("POST", "/image/v2/images", {
        "name": "unlike", "disk_format": "qcow2", "visibility": "public",
        "container_format": "bare", "kernel_id": world.ids["guest-kernel"],
        "ramdisk_id": world.ids["guest-initrd"], "os_command_line": env["LAB_GUEST_CMDLINE"]})
    equal(answer.status, 201, f"image: {answer.text}")
    image = answer.json["id"]
    answer = world.drover.admin("PUT", f"/image/v2/images/{image}/file", raw=content)
    equal(answer.status, 204, f"upload: {answer.text}")
    return image


def restart(environment=None, **more):
    world.drover.stop()
    world.drover.write_config(dict(world.config(world.lab), **more))
    world.drover.start(environment)
    world.drover.wait_hosts_up(3)


@contextlib.contextmanager
def held():
    """Gives a function that tells whether an effect has begun, once."""
    rules = [f"delay:ensure_base/hostb@{n}={HELD_MS}" for n in range(1, BASES + 1)]
    trace = os.path.join(world.drover.directory, "trace")
    restart({"DROVER_FAILPOINT_TRACE": trace}, hypervisor={
        "filters": ", ".join([*rules, f"delay:prepare_dest/hostb={HELD_MS}"])})

    def has_begun(effect):
        with open(trace, encoding="utf-8") as file:
            return f"migration.{effect}.before" in file.read().split()
    try:
        yield has_begun
    finally:
        restart()
        os.remove(trace)


def pool_changed():
    """When a file was last made in, or removed from hostb's pool."""
    return world.lab("exec", "hostb", "stat", "-c", "%y", world.lab.env["LAB_POOL_PATH"])


def abort_during(effect, has_begun, server_id, domain):
    """A migration to hostb that is given up while this is under way there. Gives when the pool had
    changed before, and its volumes at that time."""
    check(not has_begun(effect), f"{effect} was there before")
    equal(world.migrate(server_id, "hostb").status, 202, "migrate")
    number = world.last_migration(server_id)["id"]

    def states():
        shown = world.drover.admin("GET", f"/drover/v1/migrations/{number}").json["migration"]
        return [event["to"] for event in shown["events"]]
    wait_until(lambda: has_begun(effect), f"{effect} has begun", 60, 0.05)
    answer = world.drover.compute("DELETE", f"/servers/{server_id}/migrations/{number}")
    equal(answer.status, 202, f"abort: {answer.text}")
    seen = pool_changed(), world.volumes("hostb")
    row = world.wait_migration(server_id)
    equal((row["id"], row["status"]), (number, "cancelled"), world.story(number))
    equal(states()[-3:], ["preparing", "undoing", "cancelled"], "its end")
    shown = world.drover.server(server_id)
    equal((shown["status"], shown["OS-EXT-SRV-ATTR:host"]), ("ACTIVE", "hosta"), "drover says")
    equal(world.runs_on(server_id), {"hosta": "running"}, "libvirt says")
    check(domain not in world.domains("hostb"), "a domain on the destination")
    left = {name for name in world.volumes("hostb") if server_id in name}
    equal(left, set(), "what is left on the destination")
    claims = world.drover.admin("GET", "/drover/v1/leftovers").json["leftovers"]
    equal([row for row in claims if row["instance_uuid"] == server_id], [], "leftovers on record")
    return seen


@test("an abort while a base, and one while the disks are made on the destination leave the guest "
      "where it was and nothing of it there; the base stays, and it moves afterwards (S3-71)")
def _():
    image = make_image()
    known = world.volumes("hosta") | world.volumes("hostb")
    server_id = world.create("unlike", host="hosta", ids=dict(world.ids, guest=image))
    try:
        world.wait_heard(server_id)
        domain = world.drover.server(server_id)["OS-EXT-SRV-ATTR:instance_name"]
        base = {name for name in world.volumes("hosta") - known if name.startswith("base-")}
        check(base, "it has a base of its own")
        with held() as has_begun:
            _, before = abort_during("base", has_begun, server_id, domain)
            equal(base & before, set(), "its base was not there yet")
            check(base <= world.volumes("hostb"), f"{base} is there now")
            changed, before = abort_during("prepare", has_begun, server_id, domain)
            equal({name for name in before if server_id in name}, set(), "no disks yet")
            check(pool_changed() != changed, "disks were made, and are gone")
        equal(world.heard(server_id)["streams"], 1, "it has not booted anew")
        world.move(server_id, "hostb")
        world.check_lives(server_id)
    finally:
        world.delete(server_id)
        world.drover.admin("DELETE", f"/image/v2/images/{image}")
