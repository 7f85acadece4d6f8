# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Moves that end because one of the two guests does: the new one does not start, the old one is
switched off by itself, or its host loses power. The guest is where it was, and nothing is left on
the other side."""
from tap import check, contains, equal, test, wait_until
from test_converge import BUSY, busy, flowing, force_complete, shown, start
from test_volumes import VOLUMES, volumes
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
    # Its memory takes a minute: once it writes no more it would soon arrive, and it ends slowly.
    with busy("weary", live_migration_bandwidth=2) as server_id:
        address = world.drover.server(server_id)["addresses"]["private"][0]["addr"]
        number = start(server_id, passes=1)
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
        wait_until(lambda: world.heard(server_id)["streams"] > boots, "it has booted anew", 180)


# ---- a destination that loses its power while disks are copied to it ----

def lose_dest(server_id):
    """A move to hostc whose disks flow when that host loses its power; its number."""
    # Long enough for them to flow still when that host has gone.
    world.lab("limit", "hosta", "500kbit")
    equal(world.migrate(server_id, "hostc").status, 202, "migrate")
    number = flowing(server_id, "disk")
    world.lab("poweroff", "hostc")

    def trouble():
        return shown(number)["convergence"]["trouble"] or ""
    wait_until(lambda: "Host hostc does not answer" in trouble(), "it is told", 60)
    contains(world.drover.drover("server", "migration", "show", server_id, str(number)),
             "openstack compute service set --down hostc nova-compute", "what the command tells")
    equal(shown(number)["state"], "transferring", "meanwhile")
    return number


def state_dead(host, is_dead, where=world):
    where.drover.openstack("compute", "service", "set", "--down" if is_dead else "--up", host,
                           "nova-compute", version="2.53")


def check_dest_comes_back(server_id):
    """What is left on it is on record, and goes."""
    path = f"/drover/v1/leftovers?instance_uuid={server_id}"
    (left,) = world.drover.admin("GET", path).json["leftovers"]
    equal(left["host"], "hostc", "what is left")
    world.lab("limit", "hosta", "off")
    world.lab("poweron", "hostc")
    state_dead("hostc", False)
    world.drover.wait_hosts_up(3)
    wait_until(lambda: not world.drover.admin("GET", path).json["leftovers"], "it is removed", 150)
    check_nothing_left(server_id, "hostc")


def check_went_on(server_id, number, status):
    """It ended so, the guest has not noticed, and what is left goes once the host is back."""
    row = world.wait_migration(server_id, 60)
    equal(row["status"], status, world.story(number))
    equal(shown(number)["convergence"]["trouble"], None, "nothing is in its way any more")
    shape = world.drover.server(server_id)
    equal((shape["status"], shape["OS-EXT-SRV-ATTR:host"]), ("ACTIVE", "hosta"), "the server")
    name = shape["OS-EXT-SRV-ATTR:instance_name"]
    equal(world.domains("hosta")[name], "running", "libvirt says")
    equal(int(world.lab.virsh("hosta", "domjobinfo", name).count("None")), 1, "its job")
    equal(world.heard(server_id)["streams"], 1, "it was never started anew")
    world.check_lives(server_id)
    check_dest_comes_back(server_id)


@test("a live migration whose destination loses its power while disks are copied says so; the host "
      "stated down ends it as failed, with cause and fix, and an abort ends the copying; the guest "
      "goes on, and what is left on the host goes when it is back")
def _():
    server_id = world.create("bound", host="hosta")
    try:
        world.wait_heard(server_id)
        number = lose_dest(server_id)
        state_dead("hostc", True)
        check_went_on(server_id, number, "failed")
        told = shown(number)
        equal(told["diagnosis"], "dest-died", told["message"])
        contains(told["message"], "Host hostc has died while it took the guest", "the reason")

        number = lose_dest(server_id)
        path = f"/servers/{server_id}/migrations/{number}"
        equal(world.drover.compute("DELETE", path).status, 202, "abort")
        wait_until(lambda: shown(number)["state"] != "transferring", "the copying has ended", 60)
        state_dead("hostc", True)
        check_went_on(server_id, number, "cancelled")
    finally:
        world.lab("poweron", "hostc", check=False)
        world.lab("limit", "hosta", "off")
        state_dead("hostc", False)
        world.delete(server_id)


def check_halted(server_id):
    """It is shown as it is, and nobody may let it run beside a copy that may run."""
    equal(world.drover.server(server_id)["OS-EXT-STS:power_state"], 3, "its power state")
    for action in ({"unpause": None}, {"reboot": {"type": "HARD"}}):
        answer = world.drover.compute("POST", f"/servers/{server_id}/action", action)
        equal(answer.status, 409, answer.text)
        contains(answer.text, "Host hostc does not answer, and the guest is paused on hosta", "why")


@test("a guest that was paused for its move is shown as paused; when its destination loses its "
      "power it goes on where it was, by itself and within a minute, and is not resumed by hand "
      "before; the migration fails, with cause and fix")
def _():
    server_id = world.create("halted", host="hosta")
    try:
        world.wait_heard(server_id)
        # What is left of its memory takes minutes.
        world.lab("limit", "hosta", "2mbit")
        equal(world.migrate(server_id, "hostc").status, 202, "migrate")
        number = flowing(server_id)
        equal(force_complete(server_id, number).status, 202, "force-complete")
        wait_until(lambda: shown(number)["state"] == "switching", "it is paused", 30)
        world.lab("poweroff", "hostc")
        wait_until(lambda: "Host hostc does not answer" in
                   (shown(number)["convergence"]["trouble"] or ""), "it is told", 60)
        check_halted(server_id)
        before = world.heard(server_id)["received"]
        wait_until(lambda: world.heard(server_id)["received"] > before + 50, "it goes on", 60)
        state_dead("hostc", True)
        check_went_on(server_id, number, "failed")
        equal(world.drover.server(server_id)["OS-EXT-STS:power_state"], 1, "its power state")
        equal(shown(number)["diagnosis"], "dest-died", shown(number)["message"])
    finally:
        world.lab("poweron", "hostc", check=False)
        world.lab("limit", "hosta", "off")
        state_dead("hostc", False)
        world.delete(server_id)


@test("a cold move whose destination loses its power while disks are copied ends by itself once "
      "the host is stated down, with cause and fix: the guest runs where it was, and what is left "
      "on the host goes when it is back")
def _():
    server_id = world.create("coldbound", host="hosta")
    try:
        world.wait_heard(server_id)
        world.lab("limit", "hosta", "500kbit")
        answer = world.drover.compute("POST", f"/servers/{server_id}/action",
                                      {"migrate": {"host": "hostc"}}, "2.56")
        equal(answer.status, 202, answer.text)
        number = flowing(server_id, "disk")
        world.lab("poweroff", "hostc")
        state_dead("hostc", True)
        row = world.wait_migration(server_id, 60)
        equal(row["status"], "error", world.story(number))
        told = shown(number)
        equal(told["diagnosis"], "dest-died", told["message"])
        contains(told["message"], "Host hostc has died while it took the guest's disks", "why")
        seen = world.wait_status(server_id, "ACTIVE")
        equal(seen["OS-EXT-SRV-ATTR:host"], "hosta", "where it is")
        equal(set(world.domains("hosta").values()), {"running"}, "neither a courier is left")
        check_dest_comes_back(server_id)
        world.check_lives(server_id)
    finally:
        world.lab("poweron", "hostc", check=False)
        world.lab("limit", "hosta", "off")
        state_dead("hostc", False)
        world.delete(server_id)


# ---- a guest that would never arrive: on a shared volume, so that its 2 GiB alone count ----

# Each step takes 3 s for each of 2 GiB.
PAUSE = {"live_migration_downtime": 450, "live_migration_downtime_steps": 3,
         "live_migration_downtime_delay": 3}
leaving = {}


def leave():
    """The id of a server that leaves hosta for hostb, slowly."""
    if not leaving:
        # Memory alone takes longer than all steps, however slow its writer is.
        volumes.configure(live_migration_bandwidth=3, **PAUSE)
        leaving["server"] = server_id = volumes.request("leaving", "tiny", [{
            "source_type": "image", "destination_type": "volume", "boot_index": 0,
            "uuid": volumes.ids["guest"], "volume_size": 1}], metadata=BUSY)
        volumes.wait_status(server_id, "ACTIVE")
        volumes.wait_heard(server_id)
        rows = volumes.drover.compute("GET", f"/servers/{server_id}/os-volume_attachments").json
        leaving["volume"] = rows["volumeAttachments"][0]["volumeId"]
        equal(volumes.migrate(server_id, "hostb").status, 202, "migrate")
        wait_until(lambda: (volumes.planned(server_id)["stats"]["memory_processed_bytes"] or 0) > 0,
                   "memory flows", 60)
    return leaving["server"]


def leave_no_more():
    volumes.delete(leaving.pop("server"))
    volume = leaving.pop("volume")
    volumes.wait_volume(volume, "available")
    equal(volumes.drover.admin("DELETE", f"{VOLUMES}/{volume}").status, 202, "delete it")


@test("the pause that is aimed for grows in QEMU step by step, and ends at live_migration_downtime "
      "(S4-25, S4-26, S4-27, S4-28)")
def _():
    server_id = leave()
    name = volumes.drover.server(server_id)["OS-EXT-SRV-ATTR:instance_name"]
    seen = []

    def grown():
        pause_ms = int(volumes.lab.virsh("hosta", "migrate-getmaxdowntime", name))
        if pause_ms not in seen[-1:]:
            seen.append(pause_ms)
        return pause_ms == 450
    wait_until(grown, "it is as long as it may be", 60)
    check(seen == sorted(seen) and len(seen) > 2 and set(seen) <= {150, 250, 350, 450},
          f"its steps: {seen}")
    wait_until(lambda: volumes.planned(server_id)["convergence"]["downtime_limit_ms"] == 450,
               "it is told", 10)
    equal(volumes.last_migration(server_id)["status"], "running", "the migration")


@test("a live migration whose source has lost its power ends when the host is stated down, as "
      "failed; the server is evacuated then, and runs once when the host is back (S3-59)")
def _():
    server_id = leave()

    def evacuate():
        return volumes.drover.compute(
            "POST", f"/servers/{server_id}/action", {"evacuate": {"host": "hostb"}}, "2.92")
    try:
        volumes.lab("poweroff", "hosta")
        volumes.configure()
        answer = evacuate()
        equal(answer.status, 400, f"it is not known to be down yet: {answer.text}")
        contains(answer.message, "Compute service of hosta is still in use.", "why")
        state_dead("hosta", True, volumes)
        row = volumes.wait_migration(server_id)
        equal(row["status"], "failed", volumes.story(row["id"]))
        contains(volumes.reason(row["id"]), "Host hosta has died while it sent the guest", "why")
        equal(volumes.host_of(server_id), "hosta", "where it is")
        name = volumes.drover.server(server_id)["OS-EXT-SRV-ATTR:instance_name"]
        check(name not in volumes.domains("hostb"), "nothing has arrived")

        answer = evacuate()
        equal(answer.status, 200, f"evacuate: {answer.text}")
        for status in ("done", "completed"):
            wait_until(lambda: volumes.last_migration(server_id)["status"] == status,
                       f"the evacuation is {status}", 120)
            equal(volumes.last_migration(server_id)["migration_type"], "evacuation", "what it is")
            if status == "done":
                volumes.wait_status(server_id, "ACTIVE")
                volumes.lab("poweron", "hosta")
        equal(volumes.runs_on(server_id), {"hostb": "running"}, "libvirt says")
        wait_until(lambda: volumes.heard(server_id)["streams"] > 1, "it has booted anew", 180)
    finally:
        volumes.lab("poweron", "hosta", check=False)
        state_dead("hosta", False, volumes)
        volumes.drover.wait_hosts_up(2)
        leave_no_more()
