# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A destination that has less free disk than a server may come to need."""
import contextlib

from tap import check, contains, equal, test, wait_until
from test_diagnose import full_pool
from world import world

# What the flavor's disk of 1 GiB may come to need, but for a MiB: its file system holds the bases
# as well, so that it is large enough, and the guest has written a few MiB.
ROOM_KIB = 1023 << 10


@contextlib.contextmanager
def little_room(host):
    """drover reads how much is free when the host connects, and a moment later has it."""
    try:
        with full_pool(host, ROOM_KIB):
            world.restart_libvirtd(host)
            wait_until(lambda: world.free_bytes(host) < 1 << 30, f"{host} has little room", 30)
            yield
    finally:
        world.restart_libvirtd(host)
        wait_until(lambda: world.free_bytes(host) >= 1 << 30, f"{host} has its own pool again", 30)


def block_migrate(server_id, **more):
    """As the checkboxes of Nova's dashboard do, which is what 2.24 still takes."""
    return world.drover.compute("POST", f"/servers/{server_id}/action", {"os-migrateLive": {
        "host": "hostb", "block_migration": True, "disk_over_commit": False, **more}}, "2.24")


@test("a destination whose pool has less free than the server's disk may come to need is refused "
      "with both numbers and the way out, and the stock client moves the guest there with "
      "--disk-overcommit (S0-12)")
def _():
    server_id = world.create("thin", host="hosta")
    try:
        world.wait_heard(server_id)
        world.move(server_id, "hostb")  # so that it has the bases
        world.move(server_id, "hosta")
        with little_room("hostb"):
            answer = block_migrate(server_id)
            equal(answer.status, 400, answer.text)
            for part in ("hostb", "1 GiB", "0 GiB really free", "allow disk overcommit"):
                contains(answer.message, part, "the refusal")
            equal(world.runs_on(server_id), {"hosta": "running"}, "libvirt says")
            world.drover.openstack("compute", "service", "set", "hostc", "nova-compute",
                                   "--disable")
            move = ("server", "migrate", "--live-migration", "--block-migration", "thin")
            code, text = world.drover.openstack(*move, version="2.24", check=False)
            check(code != 0, "it is not allowed to")
            contains(text, "No valid host was found", "what the client tells")
            world.drover.openstack(*move, "--disk-overcommit", "--wait", version="2.24")
            row = world.wait_migration(server_id)
            equal((row["status"], row["dest_compute"]), ("completed", "hostb"),
                  world.story(row["id"]))
            equal(world.runs_on(server_id), {"hostb": "running"}, "libvirt says")
            world.check_lives(server_id)
            world.move(server_id, "hosta")
    finally:
        world.drover.openstack("compute", "service", "set", "hostc", "nova-compute", "--enable")
        world.delete(server_id)
