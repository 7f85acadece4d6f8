# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What a live migration promises beyond that it works."""
import re
import subprocess
import time

from tap import check, equal, test, wait_until
from world import world


@test("an instance keeps name, UUID, MAC and address; sparse disks stay sparse, bases are not "
      "copied twice (S3-14, S4-07)")
def _():
    server_id = world.create("keeper", host="hosta")
    try:
        world.wait_heard(server_id)
        before = world.drover.server(server_id)
        world.move(server_id, "hostb")
        world.move(server_id, "hostc")
        after = world.drover.server(server_id)
        for key in ("id", "name", "addresses"):
            equal(after[key], before[key], key)
        disk = f"{world.lab.env['LAB_POOL_PATH']}/{server_id}.root.qcow2"
        used = int(world.lab("exec", "hostc", "stat", "-c", "%b", disk).split()[0]) * 512
        check(used < 64 << 20, f"the overlay takes {used} bytes on the new host")
        bases = [name for name in world.volumes("hostc") if name.endswith(".qcow2")
                 and name.startswith("base-")]
        equal(len(bases), 1, "bases of the root disk on the new host")
        left = {name for host in ("hosta", "hostb") for name in world.volumes(host)
                if server_id in name}
        equal(left, set(), "what the old hosts still have of it")
    finally:
        world.delete(server_id)


@test("pings and the heartbeat go on while it moves, and its downtime is told "
      "(S0-02, S2-02, S4-03)")
def _():
    server_id = world.create("pinged")
    try:
        world.wait_heard(server_id)
        address = world.drover.server(server_id)["addresses"]["private"][0]["addr"]
        world.lab("heartbeat", "mark")
        ping = subprocess.Popen(["ping", "-q", "-i", "0.1", "-w", "60", address],
                                stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        row = world.move(server_id)
        time.sleep(1)
        ping.send_signal(2)
        text = ping.communicate(timeout=10)[0]
        sent, got = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", text).groups())
        check(sent > 20 and sent - got <= 50, f"pings: {text}")
        world.check_lives(server_id)
        full = world.drover.admin("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
        check(0 <= full["stats"]["downtime_ms"] < 5000, f"downtime: {full['stats']}")
        check(full["stats"]["memory_total_bytes"] > 0, f"totals: {full['stats']}")
    finally:
        world.delete(server_id)


@test("each state of a migration has its time, in the order of its life (S3-49)")
def _():
    server_id = world.create("timed")
    try:
        row = world.move(server_id)
        events = world.drover.admin(
            "GET", f"/drover/v1/migrations/{row['id']}").json["migration"]["events"]
        states = [event["to"] for event in events]
        for earlier, later in (("preparing", "transferring"), ("transferring", "finishing"),
                               ("finishing", "completed")):
            check(states.index(earlier) < states.index(later), f"{states}")
        times = [event["at"] for event in events]
        equal(times, sorted(times), "times")
    finally:
        world.delete(server_id)


@test("a paused instance moves and stays paused")
def _():
    server_id = world.create("sleeper")
    try:
        world.drover.compute("POST", f"/servers/{server_id}/action", {"pause": None})
        world.wait_status(server_id, "PAUSED")
        world.move(server_id)
        equal(world.drover.server(server_id)["status"], "PAUSED", "status after the move")
        equal(list(world.runs_on(server_id).values()), ["paused"], "libvirt says")
        world.drover.compute("POST", f"/servers/{server_id}/action", {"unpause": None})
        world.wait_status(server_id, "ACTIVE")
    finally:
        world.delete(server_id)


@test("six migrations from one host at once all complete")
def _():
    servers = [world.create(f"six{i}", host="hosta") for i in range(6)]
    try:
        for server_id in servers:
            equal(world.migrate(server_id).status, 202, "migrate")
        for server_id in servers:
            row = world.wait_migration(server_id, 300)
            check(row["status"] == "completed", world.story(row["id"]))
            check(world.host_of(server_id) != "hosta", "it has left")
    finally:
        for server_id in servers:
            world.delete(server_id)


@test("deleting an instance that moves gives the migration up and leaves nothing")
def _():
    server_id = world.create("doomed")
    for host in world.lab.hosts:
        world.lab("limit", host, "20mbit")
    try:
        equal(world.migrate(server_id).status, 202, "migrate")
        wait_until(lambda: world.last_migration(server_id)["status"] == "running", "it runs", 60)
        equal(world.drover.compute("DELETE", f"/servers/{server_id}").status, 204, "delete")
        wait_until(lambda: world.drover.compute("GET", f"/servers/{server_id}").status == 404,
                   "it is gone", 90)
    finally:
        for host in world.lab.hosts:
            world.lab("heal", host)
    for host in world.lab.hosts:
        left = {name for name in world.volumes(host) if server_id in name}
        equal(left, set(), f"volumes on {host}")
        equal(world.domains(host), {}, f"domains on {host}")
