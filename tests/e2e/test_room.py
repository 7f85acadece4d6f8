# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A destination that has less free disk than a server may come to need, or less free memory."""
import contextlib
import json

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


@test("a server whose memory the hosts do not really have free is refused, although their ratio "
      "would allow it, and one that is larger than a host as well: the stock client and drover "
      "explain say what is needed and what there is (S3-13)")
def _():
    facts = json.loads(world.drover.drover("host", "show", "hosta", "--json"))["facts"]
    whole = facts["memory_mib"]  # something of it is always taken, and a ratio of 1.5 allows it
    for name, ram in (("whole", whole), ("more", whole + 1)):
        world.drover.openstack("flavor", "create", "--ram", str(ram), "--vcpus", "1", "--disk", "1",
                               name)
    try:
        for name, row, needed, have in (
                ("whole", "ram-free", f"{whole} MiB really free", "MiB really free"),
                ("more", "ram", f"{whole + 1} MiB on one host", f"{whole} MiB in all")):
            _, text = world.drover.openstack(
                "server", "create", "--flavor", name, "--image", "guest", "--network", "private",
                "--wait", name, check=False)
            contains(text, "Error creating server", "what the client says")
            fault = world.drover.openstack("server", "show", "-c", "fault", "-f", "value", name)
            for part in ("No valid host was found", f"failed '{row}'", needed, have):
                contains(fault, part, "what the client tells")
            told = json.loads(world.drover.drover("explain", name, "--json"))
            for host in told["hosts"]:
                (check_row,) = [one for one in host["checks"] if one["check"] == row]
                equal((check_row["result"], check_row["needed"]), ("fail", needed), host["name"])
                contains(check_row["have"], have, host["name"])
            world.drover.openstack("server", "delete", "--wait", name)
    finally:
        for name in ("whole", "more"):
            world.drover.openstack("server", "delete", "--wait", name, check=False)
            world.drover.openstack("flavor", "delete", name, check=False)
