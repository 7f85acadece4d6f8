# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Aborts before anything of the guest flows: while a base, then while disks are made on the
destination. The first goes over a slow link, a delay filter holds the second for far longer than an
abort takes; droverd's trace tells that it has begun."""
import contextlib
import os
import subprocess
import tempfile

from tap import check, equal, test, wait_until
from world import world

HELD_MS = 8000
# Of the image, and of the link that it would take half a minute on.
NOISE_MIB, LINK = 128, "40mbit"


def make_image():
    """The guest's, with more on its disk: a base that no host has. Its id."""
    env = world.lab.env
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        path, noise = os.path.join(directory, "disk.qcow2"), os.path.join(directory, "noise")
        with open(noise, "wb") as file:
            file.write(os.urandom(NOISE_MIB << 20))
        subprocess.run(["qemu-img", "convert", "-O", "qcow2", env["LAB_GUEST_DISK"], path],
                       check=True)
        subprocess.run(["qemu-io", "-c", f"write -s {noise} 800M {NOISE_MIB}M", path], check=True,
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
    trace = os.path.join(world.drover.directory, "trace")
    restart({"DROVER_FAILPOINT_TRACE": trace}, hypervisor={
        "filters": f"delay:prepare_dest/hostb={HELD_MS}"})

    def has_begun(effect):
        with open(trace, encoding="utf-8") as file:
            return f"migration.{effect}.before" in file.read().split()
    try:
        yield has_begun
    finally:
        restart()
        os.remove(trace)


@contextlib.contextmanager
def slow_link():
    world.lab("limit", "hostb", LINK, "control")
    try:
        yield
    finally:
        world.lab("limit", "hostb", "off", "control")


def pool_changed():
    """When a file was last made in, or removed from hostb's pool."""
    return world.lab("exec", "hostb", "stat", "-c", "%y", world.lab.env["LAB_POOL_PATH"])


def states(number):
    shown = world.drover.admin("GET", f"/drover/v1/migrations/{number}").json["migration"]
    return [event["to"] for event in shown["events"]]


def check_untouched(server_id, domain, number, end):
    """A move to hostb that was given up has ended so, and left nothing there."""
    wait_until(lambda: states(number)[-1] == "cancelled", "it is over", 60)
    equal(states(number)[-3:], end, world.story(number))
    shown = world.wait_status(server_id, "ACTIVE")
    equal(shown["OS-EXT-SRV-ATTR:host"], "hosta", "drover says")
    equal(world.runs_on(server_id), {"hosta": "running"}, "libvirt says")
    check(domain not in world.domains("hostb"), "a domain on the destination")
    left = {name for name in world.volumes("hostb") if server_id in name}
    equal(left, set(), "what is left on the destination")
    claims = world.drover.admin("GET", "/drover/v1/leftovers").json["leftovers"]
    equal([row for row in claims if row["instance_uuid"] == server_id], [], "leftovers on record")


def abort(server_id, number):
    answer = world.drover.admin(
        "POST", f"/drover/v1/instances/{server_id}/migrations/{number}/abort")
    equal(answer.status, 202, f"abort: {answer.text}")


def wait_base(base):
    """Until it flows to hostb; who made it there is not done yet."""
    wait_until(lambda: base & world.volumes("hostb"), "the base is begun", 60, 0.1)
    check(not base <= world.volumes("hostb"), "the base is complete: the link was not slow")


def check_no_base(base):
    """Neither it, nor half of the guest's kernel."""
    there = world.volumes("hostb")
    equal(base & there, set(), "what is there of the base")
    bases = {name for name in there if name.startswith("base-") and not name.endswith(".complete")}
    equal({name for name in bases if f"{name}.complete" not in there}, set(), "halves of others")


def abort_while_base_flows(body, server_id, domain, base, end):
    known = world.last_migration(server_id)
    answer = world.drover.compute("POST", f"/servers/{server_id}/action", body)
    equal(answer.status, 202, f"{body}: {answer.text}")
    wait_base(base)
    number = world.last_migration(server_id)["id"]
    check(known is None or known["id"] != number, "a migration of its own")
    abort(server_id, number)
    check_untouched(server_id, domain, number, end)
    check_no_base(base)


def delete_while_base_flows(ids, base):
    body = {"name": "unmade", "flavorRef": "tiny", "imageRef": ids["guest"],
            "networks": [{"uuid": ids["private"]}], "host": "hostb"}
    answer = world.drover.compute("POST", "/servers", {"server": body})
    equal(answer.status, 202, f"create: {answer.text}")
    wait_base(base)
    world.delete(answer.json["server"]["id"])
    check_no_base(base)


def abort_while_disks_are_made(has_begun, server_id, domain):
    check(not has_begun("prepare"), "it was there before")
    equal(world.migrate(server_id, "hostb").status, 202, "migrate")
    wait_until(lambda: has_begun("prepare"), "disks are made", 120, 0.05)
    changed = pool_changed()
    number = world.last_migration(server_id)["id"]
    answer = world.drover.compute("DELETE", f"/servers/{server_id}/migrations/{number}")
    equal(answer.status, 202, f"abort: {answer.text}")
    equal({name for name in world.volumes("hostb") if server_id in name}, set(), "no disks yet")
    check_untouched(server_id, domain, number, ["preparing", "undoing", "cancelled"])
    check(pool_changed() != changed, "disks were made, and are gone")


@test("an abort while a base, and one while the disks are made on the destination leave the guest "
      "where it was and nothing there: it does not wait for the base, of which no half stays, live "
      "or cold, nor does a delete of a server that is made; it moves afterwards (S3-71)")
def _():
    image = make_image()
    known = world.volumes("hosta") | world.volumes("hostb")
    ids = dict(world.ids, guest=image)
    server_id = world.create("unlike", host="hosta", ids=ids)
    try:
        world.wait_heard(server_id)
        domain = world.drover.server(server_id)["OS-EXT-SRV-ATTR:instance_name"]
        base = {name for name in world.volumes("hosta") - known
                if name.startswith("base-") and ".qcow2" in name}
        equal(len(base), 2, f"it has a base of its own, with its marker: {base}")
        with slow_link():
            abort_while_base_flows(
                {"os-migrateLive": {"host": "hostb", "block_migration": "auto"}}, server_id, domain,
                base, ["preparing", "undoing", "cancelled"])
            abort_while_base_flows({"migrate": {"host": "hostb"}}, server_id, domain, base,
                                   ["fetching", "undoing", "cancelled"])
            delete_while_base_flows(ids, base)
        with held() as has_begun:
            abort_while_disks_are_made(has_begun, server_id, domain)
        check(base <= world.volumes("hostb"), f"{base} is there now")
        equal(world.heard(server_id)["streams"], 1, "it has not booted anew")
        world.move(server_id, "hostb")
        world.check_lives(server_id)
    finally:
        world.delete(server_id)
        world.drover.admin("DELETE", f"/image/v2/images/{image}")
