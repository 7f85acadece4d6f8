# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What waits: migrations for the one that leaves their host before them, or for an answer of their
destination; a guest for its migration; the end of a server for its host. The tests share guests."""
import contextlib
import json

from tap import check, contains, equal, test, wait_until
from test_converge import BUSY, arrived, force_complete, shown, start
from world import world

# All of a guest's memory takes some twelve seconds to send, what the first works on alone four.
BANDWIDTH_MIB_S = 8

guests = {}


def host_c():
    return world.drover.admin("GET", "/drover/v1/hosts/hostc").json["host"]


def begin():
    """Three guests on hosta, of which the first writes faster than it moves. Another one on hostc,
    which falls silent, is deleted: that takes a minute, and the tests up to the last need no hostc.
    """
    guests["unheard"] = world.create("unheard", host="hostc")
    guests["its domain"] = world.drover.server(guests["unheard"])["OS-EXT-SRV-ATTR:instance_name"]
    world.lab("cut", "control", "hostc")
    for name, metadata in (("first", BUSY), ("second", None), ("third", None)):
        guests[name] = world.create(name, host="hosta", metadata=metadata)
    for name in ("first", "second", "third"):
        world.wait_heard(guests[name])
    wait_until(lambda: not host_c()["connected"], "hostc is silent", 60)
    equal(world.drover.compute("DELETE", f"/servers/{guests['unheard']}").status, 204, "delete")


def guest(name):
    if not guests:
        begin()
    return guests[name]


@contextlib.contextmanager
def configured(at_once, **libvirt):
    """So many migrations leave a host at the same time, without a restart."""
    config = world.config(world.lab)
    config["DEFAULT"]["max_concurrent_live_migrations"] = at_once
    config["libvirt"].update(libvirt)
    world.drover.write_config(config)
    answer = world.drover.admin("POST", "/drover/v1/config/reload")
    equal(answer.status, 200, answer.text)
    try:
        yield
    finally:
        world.configure()


def states(number):
    return [event["to"] for event in shown(number)["events"]]


def request(server_id):
    """Asks for a migration to hostb; its number."""
    equal(world.migrate(server_id, "hostb").status, 202, "migrate")
    return world.last_migration(server_id)["id"]


def statuses():
    """Server -> status of its last migration, as the stock client lists them."""
    text = world.drover.openstack("server", "migration", "list", "-f", "json", version="2.80")
    return {row["Server UUID"]: row["Status"] for row in reversed(json.loads(text))}


def cancelled(name, number):
    row = world.wait_migration(guest(name))
    equal((row["id"], row["status"]), (number, "cancelled"), world.story(number))


def check_untouched(name):
    seen = world.drover.server(guest(name))
    equal((seen["status"], seen["OS-EXT-SRV-ATTR:host"]), ("ACTIVE", "hosta"), "drover says")
    equal(world.runs_on(guest(name)), {"hosta": "running"}, "libvirt says")
    left = {volume for volume in world.volumes("hostb") if guest(name) in volume}
    equal(left, set(), "what is left on the destination")
    equal(world.heard(guest(name))["streams"], 1, "it has not booted anew")
    world.check_lives(guest(name))


@test("a migration that prepares is given up at once: nothing of it is left on the destination, "
      "and the guest was never touched (S3-71)")
def _():
    guest("second")
    world.lab("cut", "data", "hostb")
    try:
        with configured(1, live_migration_connect_timeout=50):
            number = request(guest("second"))
            wait_until(lambda: any("knock-" in name for name in world.domains("hosta")),
                       "somebody knocks, in vain", 30)
            equal(world.last_migration(guest("second"))["status"], "preparing", "its status")
            path = f"/servers/{guest('second')}/migrations/{number}"
            equal(world.drover.compute("DELETE", path, version="2.64").status, 400, "too old")
            equal(world.drover.compute("DELETE", path, version="2.65").status, 202, "abort")
            cancelled("second", number)
            check("preparing" not in states(number), f"nothing was made: {states(number)}")
            check_untouched("second")
    finally:
        world.lab("heal", "hostb")
    wait_until(lambda: not any("knock-" in name for name in world.domains("hosta")),
               "nobody knocks any more", 150)  # TCP's own time


@test("max_concurrent_live_migrations is a queue: those that wait in it are shown as queued, one "
      "is given up there, and another goes when the first has ended (S3-49, S3-71)")
def _():
    with configured(1, live_migration_bandwidth=BANDWIDTH_MIB_S):
        first = start(guest("first"), passes=1)
        second, third = request(guest("second")), request(guest("third"))
        listed = statuses()
        equal([listed[guest(name)] for name in ("first", "second", "third")],
              ["running", "queued", "queued"], "openstack says")
        world.drover.openstack(
            "server", "migration", "abort", "second", str(second), version="2.65")
        cancelled("second", second)
        equal(states(second), ["queued", "cancelled"], "its whole life")
        check_untouched("second")
        equal(states(third), ["queued"], "the third still waits")
        equal(world.last_migration(guest("first"))["status"], "running", "the first still runs")

        equal(force_complete(guest("first"), first).status, 202, "force-complete")
        with configured(1):  # what is under way keeps its bandwidth
            arrived(guest("first"), first)
            arrived(guest("third"), third)
        ended, begun = shown(first)["events"][-1], shown(third)["events"][1]
        equal((ended["to"], begun["from"]), ("completed", "queued"), "what is compared")
        check(begun["at"] >= ended["at"], f"{begun} before {ended}")


@test("drover server migrate --pause-first pauses a guest that would never arrive, moves it while "
      "it is paused, and lets it run again; the mode is on record (S1-02)")
def _():
    server_id = guest("first")
    target = "hostb" if world.host_of(server_id) == "hosta" else "hosta"
    with configured(1, live_migration_bandwidth=BANDWIDTH_MIB_S):
        world.lab("heartbeat", "mark")
        text = world.drover.drover("server", "migrate", "--live-migration", "--host", target,
                                   "--pause-first", "--wait", "first")
        contains(text, "Completed", "what it says")
    told = shown(world.last_migration(server_id)["id"])
    convergence = told["convergence"]
    equal((told["status"], told["wanted"]), ("completed", "run"), "nobody forced it later")
    equal((convergence["pause_first"], convergence["method"], convergence["forced"]),
          (True, "pre-copy", "pause"), "the mode")
    contains(convergence["forced_reason"], "paused first", "why it was paused")
    # What it works on was sent while it stood still.
    silence_ms = world.heard(server_id)["since_mark"]["longest_silence_ms"]
    check(silence_ms > 1500, f"silent for {silence_ms} ms")
    equal(world.runs_on(server_id), {target: "running"}, "libvirt says")
    equal(world.drover.server(server_id)["status"], "ACTIVE", "drover says")
    world.check_lives(server_id)


@test("a server that is deleted while its host is silent is gone after a minute, with what it left "
      "on record; when the host is back its domain and its disks go")
def _():
    server_id = guest("unheard")

    def leftovers():
        path = f"/drover/v1/leftovers?instance_uuid={server_id}"
        return world.drover.admin("GET", path).json["leftovers"]
    try:
        wait_until(lambda: world.drover.compute("GET", f"/servers/{server_id}").status == 404,
                   "it is gone", 120)
        check(not host_c()["connected"], "its host is still silent")
        (row,) = leftovers()
        equal((row["host"], row["with_disks"]), ("hostc", True), "what is on record")
        contains(row["why"], "deleted while this host was silent", "and why")
        # Nobody could tell its guest.
        equal(world.domains("hostc").get(guests["its domain"]), "running", "libvirt says")
        check(any(server_id in name for name in world.volumes("hostc")), "its disks are there")
        world.lab("heal", "hostc")
        wait_until(lambda: not leftovers(), "nothing is on record any more", 90)
        check(guests["its domain"] not in world.domains("hostc"), "its domain is gone")
        equal({name for name in world.volumes("hostc") if server_id in name}, set(), "its disks")
        world.drover.wait_hosts_up(3)
    finally:
        world.lab("heal", "hostc")
        guests.pop("its domain", None)
        while guests:
            world.delete(guests.popitem()[1])
