# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Hosts that die, freeze, restart or cannot be reached: the truth is told and nothing is lost."""
import time

from tap import check, contains, equal, test, wait_until
from test_converge import flowing
from world import SERVICE_DOWN_TIME_S, world


def service(host):
    rows = world.drover.compute("GET", f"/os-services?host={host}&binary=nova-compute").json
    return rows["services"][0]


@test("a frozen host is shown down, with its last sign of life, and slows nothing else down")
def _():
    server_id = world.create("mover", host="hosta")
    try:
        world.lab("freeze", "hostc")
        wait_until(lambda: service("hostc")["state"] == "down", "hostc is down",
                   SERVICE_DOWN_TIME_S + 30)
        check(service("hostc")["updated_at"], "its last sign of life is shown")
        equal(service("hosta")["state"], "up", "hosta")
        start = time.monotonic()
        world.move(server_id, "hostb")
        check(time.monotonic() - start < 60, "a move between other hosts is not held up")
        answer = world.migrate(server_id, "hostc")
        equal(answer.status, 202, answer.text)
        row = world.wait_migration(server_id)
        equal(row["status"], "error", "a move to the host that is down")
        contains(world.story(row["id"]), "hostc", "its reason")
    finally:
        world.lab("thaw", "hostc")
        wait_until(lambda: service("hostc")["state"] == "up", "hostc is up again", 120)
        world.delete(server_id)


@test("an instance that should run is started again after its host's reboot")
def _():
    runs = world.create("comesback", host="hostc")
    stopped = world.create("staysoff", host="hostc")
    try:
        world.wait_heard(runs)
        world.drover.compute("POST", f"/servers/{stopped}/action", {"os-stop": None})
        world.wait_status(stopped, "SHUTOFF")
        world.lab("reboot", "hostc")
        world.lab("heartbeat", "mark")
        wait_until(lambda: world.runs_on(runs) == {"hostc": "running"}, "it runs again", 120, 1)
        wait_until(lambda: world.heard(runs)["since_mark"]["received"] > 0, "it is heard", 180, 1)
        world.wait_status(runs, "ACTIVE")
        equal(world.drover.server(stopped)["status"], "SHUTOFF", "the one that was stopped")
    finally:
        world.delete(runs)
        world.delete(stopped)


@test("the destination's QEMU killed in the middle: failed with a reason, the guest is where it "
      "was (S1-15)")
def _():
    server_id = world.create("survivor", host="hosta")
    for host in world.lab.hosts:
        world.lab("limit", host, "20mbit")
    try:
        world.wait_heard(server_id)
        equal(world.migrate(server_id, "hostb").status, 202, "migrate")
        wait_until(lambda: world.last_migration(server_id)["status"] == "running", "it runs", 60)
        flowing(server_id)  # a domain is listed before its QEMU runs
        world.lab("qemu", "kill", "hostb")
        row = world.wait_migration(server_id)
        equal(row["status"], "failed", world.story(row["id"]))
        check(world.reason(row["id"]), "the reason is told")
        equal(world.runs_on(server_id), {"hosta": "running"}, "libvirt says")
        world.check_lives(server_id)
        left = {name for name in world.volumes("hostb") if server_id in name}
        equal(left, set(), "what is left on the destination")
    finally:
        for host in world.lab.hosts:
            world.lab("heal", host)
        world.delete(server_id)


@test("blocked data ports: refused with a reason before the guest is touched, nothing is left "
      "behind, and after healing it moves (S1-15, S4-13)")
def _():
    server_id = world.create("blocked", host="hosta")
    try:
        world.wait_heard(server_id)
        world.configure(live_migration_connect_timeout=8)
        world.lab("cut", "data", "hostb")
        world.lab("heartbeat", "mark")
        begun = time.monotonic()
        equal(world.migrate(server_id, "hostb").status, 202, "migrate")
        row = world.wait_migration(server_id)
        story = world.story(row["id"])
        equal(row["status"], "error", story)
        check(8 <= time.monotonic() - begun < 60, "it took as long as it may")
        contains(story, '"diagnosis":"data-port-timeout"', "the reason")
        for part in ("'hosta' to host 'hostb'", world.lab.host("hostb", "MIGRATION_ADDRESS"),
                     "ports 49152-49215", "in 8 s"):
            contains(world.reason(row["id"]), part, "the reason")
        check('"to":"preparing"' not in story, f"nothing was prepared: {story}")
        equal(world.runs_on(server_id), {"hosta": "running"}, "libvirt says")
        # A QEMU that connects in vain would stand still for two minutes.
        check(world.heard(server_id)["since_mark"]["longest_silence_ms"] < 8000, "it runs on")
        equal(world.domains("hostb"), {}, "domains on the destination")
        world.lab("heal", "hostb")
        world.move(server_id, "hostb")
        world.check_lives(server_id)
    finally:
        world.lab("heal", "hostb")
        world.configure()
        world.delete(server_id)


@test("droverd's link to the source cut in the middle: the migration goes on, and is told truly")
def _():
    server_id = world.create("unseen", host="hosta")
    for host in world.lab.hosts:
        world.lab("limit", host, "40mbit")
    try:
        world.wait_heard(server_id)
        equal(world.migrate(server_id, "hostb").status, 202, "migrate")
        wait_until(lambda: world.last_migration(server_id)["status"] == "running", "it runs", 60)
        world.lab("cut", "control", "hosta")
        time.sleep(10)
        world.lab("heal", "hosta")
        row = world.wait_migration(server_id, 240)
        where = world.host_of(server_id)
        equal(where, "hostb" if row["status"] == "completed" else "hosta", world.story(row["id"]))
        equal(world.runs_on(server_id), {where: "running"}, "libvirt says")
        world.check_lives(server_id)
    finally:
        for host in world.lab.hosts:
            world.lab("heal", host)
        world.delete(server_id)


@test("libvirtd of the source restarted in the middle: the guest lives on, on one host")
def _():
    server_id = world.create("restarted", host="hosta")
    for host in world.lab.hosts:
        world.lab("limit", host, "40mbit")
    try:
        world.wait_heard(server_id)
        equal(world.migrate(server_id, "hostb").status, 202, "migrate")
        wait_until(lambda: world.last_migration(server_id)["status"] == "running", "it runs", 60)
        world.lab("libvirtd", "restart", "hosta")
        row = world.wait_migration(server_id, 240)
        where = world.host_of(server_id)
        equal(world.runs_on(server_id), {where: "running"}, world.story(row["id"]))
        world.check_lives(server_id)
    finally:
        for host in world.lab.hosts:
            world.lab("heal", host)
        world.delete(server_id)
