# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""kill -9 of droverd in the middle of a real migration: nothing is lost, nothing is doubled."""
import os
import tempfile
import time

from drover import CRASH_CODE, Droverd
from tap import check, contains, equal, note, test, wait_until
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
        begin_slowly(world.drover, server_id)
        world.drover.kill()
        world.drover.start()
        row = world.last_migration(server_id)
        equal(row["status"], "running", "right after the restart")
        world.drover.wait_hosts_up(3)

        def processed():
            shown = world.drover.compute("GET", f"/servers/{server_id}/migrations/{row['id']}")
            return shown.status == 200 and shown.json["migration"]["memory_processed_bytes"]
        first = wait_until(processed, "progress is shown", 60)
        wait_until(lambda: (processed() or 0) > first or
                   world.last_migration(server_id)["status"] != "running", "progress goes on", 30)
        heal()
        equal(settle(server_id)["status"], "completed", "the migration")

        begin_slowly(world.drover, server_id)
        row = world.last_migration(server_id)
        world.drover.kill()
        world.drover.start()
        world.drover.wait_hosts_up(3)
        equal(world.drover.compute("DELETE", f"/servers/{server_id}/migrations/{row['id']}").status,
              202, "abort after the restart")
        equal(settle(server_id)["status"], "cancelled", "the aborted one")
    finally:
        heal()
        world.delete(server_id)


def beside():
    """Another droverd on the database of the first, which knows the same hosts."""
    config = world.config(world.lab)
    config["DEFAULT"]["state_path"] = world.drover.directory
    config["database"] = {"connection": f"sqlite://{world.drover.directory}/drover.db"}
    other = Droverd(config, directory=tempfile.mkdtemp(prefix="drover-test-"), wait=False)
    other.password = world.drover.password
    return other


def heal():
    for host in world.lab.hosts:
        world.lab("heal", host)


def begin_slowly(drover, server_id):
    """A migration that takes a minute and more, for as long as nobody heals the hosts."""
    for host in world.lab.hosts:
        world.lab("limit", host, "10mbit")
    answer = drover.compute("POST", f"/servers/{server_id}/action", {
        "os-migrateLive": {"host": None, "block_migration": "auto"}})
    equal(answer.status, 202, answer.text)
    wait_until(lambda: newest(drover, server_id)["status"] == "running", "it runs", 60)


def newest(drover, server_id):
    return drover.compute("GET", f"/os-migrations?instance_uuid={server_id}").json["migrations"][0]


def check_goes_on(drover, server_id, number):
    """The migration of another life comes to its end, and nothing of it was done twice."""
    equal((newest(drover, server_id)["id"], newest(drover, server_id)["status"]),
          (number, "running"), "what the next one knows of it")
    heal()
    row = wait_until(lambda: (row := newest(drover, server_id))["status"] in (
        "completed", "failed", "error", "cancelled") and row, "it is over", 120)
    shown = drover.admin("GET", f"/drover/v1/migrations/{number}")
    equal((row["id"], row["status"]), (number, "completed"), shown.text)
    states = [event["to"] for event in shown.json["migration"]["events"]]
    equal(states.count("transferring"), 1, states)
    domain = drover.server(server_id)["OS-EXT-SRV-ATTR:instance_name"]
    equal([host for host in world.lab.hosts if domain in world.domains(host)],
          [row["dest_compute"]], "libvirt says")
    world.check_lives(server_id)


@test("a second droverd on the database of one that migrates is refused and disturbs nothing; "
      "after kill -9 it takes the migration over, and one that gets round the lock takes its next "
      "one: each is carried out once")
def _():
    server_id = world.create("heirloom")
    others = []
    try:
        world.wait_heard(server_id)
        begin_slowly(world.drover, server_id)
        number = newest(world.drover, server_id)["id"]
        others.append(beside())
        equal(others[0].process.wait(60), 1, "its status")
        contains(others[0].log(), "is in use by another droverd", "what it says")
        contains(others[0].log(), f"process {world.drover.process.pid}", "and by which")
        equal((newest(world.drover, server_id)["status"], world.drover.process.poll()),
              ("running", None), "the first one goes on")
        world.drover.kill()
        others.append(second := beside())
        second.wait_ready()
        second.wait_hosts_up(3)
        check_goes_on(second, server_id, number)

        begin_slowly(second, server_id)
        number = newest(second, server_id)["id"]
        os.unlink(f"{world.drover.directory}/drover.db.lock")
        world.drover.start()
        equal(second.process.wait(60), 1, "the status of the one whose database was taken")
        contains(second.log(), "was taken over by another droverd", "what it says")
        world.drover.wait_hosts_up(3)
        check_goes_on(world.drover, server_id, number)
    finally:
        heal()
        for other in others:
            other.remove()
        if world.drover.process.poll() is not None:
            world.drover.start()
            world.drover.wait_hosts_up(3)
        world.delete(server_id)
