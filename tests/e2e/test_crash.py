# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""kill -9 of droverd in the middle of a real migration: nothing is lost, nothing is doubled."""
import time

from drover import CRASH_CODE
from tap import check, equal, note, test, wait_until
from world import world

# One for each kind of moment: before the choice is recorded, between preparing and moving, before
# and after the migrate call, before and after the move is recorded, before the old host is cleaned.
FAILPOINTS = [
    "migration.claim.after",
    "migration.prepare.after",
    "migration.transferring.after_commit",
    "migration.transfer.before",
    "migration.transfer.after",
    "migration.finishing.before_commit",
    "migration.finishing.after_commit",
    "migration.clean_source.before",
    "migration.clean_source.after",
    "migration.completed.before_commit",
]


def settle(server_id):
    """After a restart: the migration ends, and what libvirt says is what the API says."""
    row = world.wait_migration(server_id, 240)
    where = world.host_of(server_id)
    equal(world.runs_on(server_id), {where: "running"}, world.story(row["id"]))
    for host in world.lab.hosts:
        left = {name for name in world.volumes(host) if server_id in name}
        check((left == set()) == (host != where), f"{host} has {left}, the guest is on {where}")
    world.check_lives(server_id)
    return row


@test("kill -9 at each of ten failpoints: after the restart the guest runs once and the API is "
      "right")
def _():
    server_id = world.create("phoenix")
    try:
        world.wait_heard(server_id)
        for name in FAILPOINTS:
            world.drover.stop()
            world.drover.start({"DROVER_FAILPOINTS": f"{name}=crash"})
            world.drover.wait_hosts_up(3)
            try:
                equal(world.migrate(server_id).status, 202, f"migrate with {name}")
            except OSError:
                pass  # it may die before it has answered
            wait_until(lambda: world.drover.process.poll() is not None, f"{name} fires", 90)
            equal(world.drover.process.returncode, CRASH_CODE, f"{name}: exit code")
            start = time.monotonic()
            world.drover.start()
            status = world.drover.server(server_id)["status"]
            note(f"{name}: after {time.monotonic() - start:.2f} s the API says {status}")
            row = settle(server_id)
            note(f"{name}: the migration ended {row['status']}")
    finally:
        if world.drover.process.poll() is not None:
            world.drover.start()
        world.delete(server_id)


@test("kill -9 while memory flows: the migration goes on, is watched again, and can be aborted")
def _():
    server_id = world.create("orphan")
    try:
        world.wait_heard(server_id)
        for host in world.lab.hosts:
            world.lab("limit", host, "40mbit")
        equal(world.migrate(server_id).status, 202, "migrate")
        wait_until(lambda: world.last_migration(server_id)["status"] == "running", "it runs", 60)
        time.sleep(1)
        world.drover.kill()
        world.drover.start()
        row = world.last_migration(server_id)
        equal(row["status"], "running", "right after the restart")
        world.drover.wait_hosts_up(3)

        def processed():
            shown = world.drover.compute("GET", f"/servers/{server_id}/migrations/{row['id']}")
            return shown.status == 200 and shown.json["migration"]["memory_processed_bytes"]
        first = wait_until(processed, "progress is shown", 30)
        wait_until(lambda: (processed() or 0) > first or
                   world.last_migration(server_id)["status"] != "running", "progress goes on", 30)
        equal(settle(server_id)["status"], "completed", "the migration")

        equal(world.migrate(server_id).status, 202, "migrate again")
        row = wait_until(lambda: (row := world.last_migration(server_id))["status"] == "running"
                         and row, "it runs", 60)
        world.drover.kill()
        world.drover.start()
        world.drover.wait_hosts_up(3)
        equal(world.drover.compute("DELETE", f"/servers/{server_id}/migrations/{row['id']}").status,
              202, "abort after the restart")
        equal(settle(server_id)["status"], "cancelled", "the aborted one")
    finally:
        for host in world.lab.hosts:
            world.lab("heal", host)
        world.delete(server_id)
