# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Moves that end because one of the two guests does: the new one does not start, the old one is
switched off by itself. The guest is where it was, and nothing is left on the other side."""
from tap import check, contains, equal, test, wait_until
from test_converge import busy, shown, start
from world import world


def check_nothing_left(server_id, host):
    equal({name for name in world.volumes(host) if server_id in name}, set(), f"left on {host}")
    equal(world.domains(host), {}, f"domains on {host}")


@test("a destination whose QEMU does not start is told as that, and the guest stays whole (S1-15)")
def _():
    server_id = world.create("stillborn", host="hosta")
    try:
        world.wait_heard(server_id)
        world.lab("starve", "hostb", "300")
        equal(world.migrate(server_id, "hostb").status, 202, "migrate")
        row = world.wait_migration(server_id)
        equal(row["status"], "failed", world.story(row["id"]))
        told = shown(row["id"])
        equal(told["diagnosis"], "memory-full", told["message"])
        contains(told["message"], "Cannot allocate memory", "QEMU's own words")
        equal(world.runs_on(server_id), {"hosta": "running"}, "libvirt says")
        world.check_lives(server_id)
        check_nothing_left(server_id, "hostb")
        world.lab("starve", "hostb", "off")
        world.move(server_id, "hostb")
        world.check_lives(server_id)
    finally:
        world.lab("starve", "hostb", "off")
        world.delete(server_id)


@test("a guest that switches itself off in the middle is shown as stopped where it was, can be "
      "started there, and nothing is left behind (S1-15)")
def _():
    with busy("weary") as server_id:
        address = world.drover.server(server_id)["addresses"]["private"][0]["addr"]
        number = start(server_id)
        world.lab("writer", address, "off")
        row = world.wait_migration(server_id)
        equal(row["status"], "failed", world.story(number))
        told = shown(number)
        contains(told["message"], "The guest stopped on hosta", "the reason")
        equal(told["diagnosis"], "guest-died", told)
        seen = world.wait_status(server_id, "SHUTOFF")
        equal(seen["OS-EXT-SRV-ATTR:host"], "hosta", "where it is")
        equal(world.runs_on(server_id), {"hosta": "shut off"}, "libvirt says")
        check_nothing_left(server_id, "hostb")
        boots = world.heard(server_id)["streams"]
        answer = world.drover.compute("POST", f"/servers/{server_id}/action", {"os-start": None})
        check(answer.status == 202, answer.text)
        world.wait_status(server_id, "ACTIVE")
        wait_until(lambda: world.heard(server_id)["streams"] > boots, "it has booted anew", 60)
