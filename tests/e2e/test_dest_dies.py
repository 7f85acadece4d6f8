# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A destination that loses its power, and nobody says so: what drover does by itself, and what it
leaves to those who know."""
import contextlib
import json
import time

from tap import check, contains, equal, note, test, wait_until
from test_converge import busy, flowing, force_complete, shown, start
from test_ends import check_dest_comes_back, leave, leave_no_more, state_dead
from test_volumes import volumes
from world import world


@test("a live migration whose destination falls silent is given up before the guest could stand "
      "still: it ends as failed by itself, and what is left on the host goes when it is back")
def _():
    server_id = world.create("unnoticed", host="hosta")
    try:
        world.wait_heard(server_id)
        # Its disks take seconds, and its memory minutes: the copies of its disks are complete.
        world.lab("limit", "hosta", "2mbit")
        equal(world.migrate(server_id, "hostc").status, 202, "migrate")
        number = flowing(server_id)
        world.lab("heartbeat", "mark")
        world.lab("poweroff", "hostc")
        row = world.wait_migration(server_id, 200)
        equal((row["id"], row["status"]), (number, "failed"), world.story(number))
        contains(world.reason(number), "Host hostc stopped answering while it took the guest",
                 "why")
        equal(shown(number)["diagnosis"], "dest-died", world.story(number))
        heard = world.heard(server_id)["since_mark"]
        note(f"the guest was silent for {heard['longest_silence_ms']} ms at most")
        check(heard["longest_silence_ms"] < 5000, f"it stood still: {heard}")
        shape = world.drover.server(server_id)
        equal((shape["status"], shape["OS-EXT-SRV-ATTR:host"]), ("ACTIVE", "hosta"), "the server")
        equal(world.heard(server_id)["streams"], 1, "it was never started anew")
        world.check_lives(server_id)
        check_dest_comes_back(server_id)
    finally:
        world.lab("poweron", "hostc", check=False)
        world.lab("limit", "hosta", "off")
        world.delete(server_id)


# ---- a guest that drover pauses a moment too late: its source has just given the move up ----

LATE_MS = 50000  # libvirt gives a destination up that has been silent for 30 s


def restart_volumes(**more):
    volumes.drover.stop()
    volumes.drover.write_config(dict(volumes.config(volumes.lab), **more))
    volumes.drover.start()
    volumes.drover.wait_hosts_up(2)


def power_state(server_id):
    return volumes.drover.server(server_id)["OS-EXT-STS:power_state"]


def pause_too_late(server_id):
    """The move's destination loses its power while drover's pause is on its way to the source, and
    gets there when the source's libvirt has no job any more: it takes it for somebody's wish, and
    will never undo it. The move's number."""
    name = volumes.drover.server(server_id)["OS-EXT-SRV-ATTR:instance_name"]
    number = volumes.last_migration(server_id)["id"]
    path = f"/servers/{server_id}/migrations/{number}/action"
    answer = volumes.drover.compute("POST", path, {"force_complete": None})
    equal(answer.status, 202, answer.text)
    wait_until(lambda: volumes.planned(server_id)["convergence"]["forced"] == "pause",
               "it is about to be paused", 20)
    volumes.lab("poweroff", "hostb")
    wait_until(lambda: "None" in volumes.lab.virsh("hosta", "domjobinfo", name),
               "libvirt has given the move up", 45)
    equal(volumes.domains("hosta")[name], "running", "the guest goes on")
    wait_until(lambda: "paused (user)" in
               volumes.lab.virsh("hosta", "domstate", "--reason", name), "it is paused", 60)
    return number


def check_held(server_id):
    """It waits for that host, which is told, and nobody lets it run."""
    wait_until(lambda: "or is said to be dead" in
               (volumes.planned(server_id)["convergence"]["trouble"] or ""), "it is told", 30)
    equal(power_state(server_id), 3, "its power state")
    answer = volumes.drover.compute("POST", f"/servers/{server_id}/action", {"unpause": None})
    equal(answer.status, 409, answer.text)
    before = volumes.heard(server_id)["received"]
    time.sleep(8)  # longer than a switchover may take to be decided
    equal(volumes.heard(server_id)["received"], before, "it stands still")


@test("a guest that is paused for its move when its destination has just died is kept paused while "
      "that host is merely silent, and goes on where it was once the host is stated dead; the "
      "migration fails, with cause and fix")
def _():
    restart_volumes(hypervisor={"filters": f"delay:pause_guest/hosta={LATE_MS}"})
    server_id = leave()
    try:
        number = pause_too_late(server_id)
        check_held(server_id)
        state_dead("hostb", True, volumes)
        row = volumes.wait_migration(server_id, 60)
        equal((row["id"], row["status"]), (number, "failed"), volumes.story(number))
        contains(volumes.reason(number), "Host hostb has died while it took the guest", "why")
        equal(volumes.planned(server_id)["diagnosis"], "dest-died", volumes.story(number))
        shape = volumes.drover.server(server_id)
        equal((shape["status"], shape["OS-EXT-SRV-ATTR:host"], power_state(server_id)),
              ("ACTIVE", "hosta", 1), "the server")
        equal(volumes.heard(server_id)["streams"], 1, "it was never started anew")
        volumes.check_lives(server_id)
        volumes.lab("poweron", "hostb")
        state_dead("hostb", False, volumes)
        volumes.drover.wait_hosts_up(2)
        equal(volumes.runs_on(server_id), {"hosta": "running"}, "libvirt says")
    finally:
        volumes.lab("poweron", "hostb", check=False)
        state_dead("hostb", False, volumes)
        restart_volumes()
        leave_no_more()


# ---- a guest that has gone in post-copy when its new host loses its power ----

def trouble(number):
    return shown(number)["convergence"]["trouble"] or ""


def tear(server_id):
    """It runs on hostc, without most of its memory, when that host loses its power; the migration's
    number."""
    number = start(server_id, passes=1, dest="hostc")
    equal(force_complete(server_id, number).status, 202, "force-complete")
    wait_until(lambda: shown(number)["state"] == "postcopy", "it is in post-copy", 30, 0.05)
    world.lab("poweroff", "hostc")
    wait_until(lambda: "Host hostc does not answer, and the guest has gone there" in
               trouble(number), "it is told", 60)
    contains(trouble(number), "openstack compute service set --down hostc nova-compute", "way out")
    return number


def abort(server_id, number):
    return world.drover.compute("DELETE", f"/servers/{server_id}/migrations/{number}")


def check_not_misled(server_id, number):
    """Its source lives and is left alone; and nobody gives up what a silent host may still have."""
    answer = world.drover.compute("POST", f"/servers/{server_id}/action", {"evacuate": {}}, "2.95")
    equal(answer.status, 400, answer.text)
    contains(answer.message, "Compute service of hosta is still in use.", "why")
    check("--down hosta" not in answer.message, f"hosta lives: {answer.message}")
    answer = abort(server_id, number)
    equal(answer.status, 400, answer.text)
    if shown(number)["state"] == "postcopy":
        contains(answer.message, "host hostc, which does not answer", "why")


def check_given_up(server_id, number):
    """It is off where it was, and nobody but its owner starts it."""
    row = world.wait_migration(server_id, 30)
    equal((row["id"], row["status"]), (number, "cancelled"), world.story(number))
    sentence = "The migration was aborted when hostc had died with the guest"
    contains(world.reason(number), sentence, "the migration says why")
    shape = world.drover.server(server_id)
    equal((shape["status"], shape["OS-EXT-SRV-ATTR:host"], shape["OS-EXT-STS:power_state"]),
          ("ERROR", "hosta", 4), "the server")
    contains(shape["fault"]["message"], sentence, "the server says why")
    contains(shape["fault"]["message"], "openstack server reboot --hard", "and what to do")
    name = shape["OS-EXT-SRV-ATTR:instance_name"]
    equal(world.domains("hosta")[name], "shut off", "libvirt says")
    boots = world.heard(server_id)["streams"]
    world.drover.openstack("server", "reboot", "--hard", server_id)
    wait_until(lambda: world.drover.server(server_id)["status"] == "ACTIVE", "it is started", 60)
    wait_until(lambda: world.heard(server_id)["streams"] > boots, "it has booted anew", 180)
    equal(world.domains("hosta")[name], "running", "libvirt says")


@test("a guest in post-copy whose destination loses its power: that is told, its source is left "
      "alone, and an abort is refused until the host is stated dead; then it ends at once, with "
      "the server off where it was, and what its fault says starts it (S3-71)")
def _():
    with busy("torn", live_migration_permit_post_copy="true",
              live_migration_bandwidth=4) as server_id:
        try:
            number = tear(server_id)
            check_not_misled(server_id, number)
            state_dead("hostc", True)
            wait_until(lambda: "Host hostc is dead, and the guest had gone there" in
                       trouble(number), "it is told", 30)
            contains(world.drover.drover("server", "migration", "show", server_id, str(number)),
                     f"openstack server migration abort {server_id} {number}", "what is shown")
            equal(abort(server_id, number).status, 202, "abort")
            check_given_up(server_id, number)
            check_dest_comes_back(server_id)
        finally:
            world.lab("poweron", "hostc", check=False)
            state_dead("hostc", False)


# ---- a guest that its source's libvirt has left paused when its new host loses its power ----

def reason_of(server_id):
    name = world.drover.server(server_id)["OS-EXT-SRV-ATTR:instance_name"]
    return world.lab.virsh("hosta", "domstate", "--reason", name).strip()


def has_sent_all(server_id):
    """As its QEMU says: libvirt pauses the guest before the last of it is sent."""
    name = world.drover.server(server_id)["OS-EXT-SRV-ATTR:instance_name"]
    answer = world.lab.virsh("hosta", "qemu-monitor-command", name,
                             '{"execute": "query-migrate"}')
    return json.loads(answer)["return"].get("status") == "completed"


def restart(**libvirt):
    config = world.config(world.lab)
    config["libvirt"].update(libvirt)
    world.drover.stop()
    world.drover.write_config(config)
    world.drover.start()
    world.drover.wait_hosts_up(3)


def signal_qemu(server_id, signal, check=True):
    name = world.drover.server(server_id)["OS-EXT-SRV-ATTR:instance_name"]
    world.lab("exec", "hosta", "sh", "-c", f"kill -{signal} $(cat /run/libvirt/qemu/{name}.pid)",
              check=check)


def leave_between(server_id, freeze=False):
    """All of it is on hostc, whose libvirtd says nothing to that, when its source's libvirtd is
    killed: whether the guest runs there is for somebody else to find out. Then hostc loses its
    power. freeze: the guest's QEMU on hosta stands still from then on. The migration's number."""
    world.lab("limit", "hosta", "2mbit")
    equal(world.migrate(server_id, "hostc").status, 202, "migrate")
    number = flowing(server_id)
    world.lab("exec", "hostc", "sh", "-c", "kill -STOP $(cat /run/libvirtd.pid)")
    world.lab("limit", "hosta", "off")
    begin = time.monotonic()
    wait_until(lambda: reason_of(server_id) == "paused (migrating)" and has_sent_all(server_id),
               "it has gone", 25, 0.05)
    note(f"all was sent after {time.monotonic() - begin:.1f} s")
    world.lab("libvirtd", "kill", "hosta")
    if freeze:
        signal_qemu(server_id, "STOP")
    world.lab("poweroff", "hostc")
    world.lab("libvirtd", "start", "hosta")
    equal(reason_of(server_id), "paused (migrating)", "what libvirt leaves")
    return number


def recover(server_id):
    signal_qemu(server_id, "CONT", check=False)
    world.lab("limit", "hosta", "off")
    world.lab("thaw", "hostc", check=False)
    world.lab("poweron", "hostc", check=False)
    state_dead("hostc", False)
    world.drover.wait_hosts_up(3)
    world.delete(server_id)


@contextlib.contextmanager
def patient(name):
    """A guest on hosta, and a droverd that gives a silent host up after 28 s: sooner than libvirt
    does, and later than a slow machine has sent that guest."""
    restart(keepalive_interval=5, keepalive_count=4)
    server_id = world.create(name, host="hosta")
    try:
        world.wait_heard(server_id)
        yield server_id
    finally:
        recover(server_id)
        restart()


@test("a source whose libvirt cannot tell where the guest is, because its QEMU does not answer, is "
      "told as that, and nobody touches the guest; once it can tell, the migration ends")
def _():
    with patient("deaf") as server_id:
        number = leave_between(server_id, freeze=True)
        world.lab("thaw", "hostc", check=False)
        world.lab("poweron", "hostc")
        # libvirt refuses a question of such a guest after 30 s.
        wait_until(lambda: "its libvirt cannot tell where the guest is" in trouble(number),
                   "it is told", 150)
        contains(world.drover.drover("server", "migration", "show", server_id, str(number)),
                 "Host hosta answers, but its libvirt cannot tell", "what is shown")
        equal(reason_of(server_id), "paused (migrating)", "nobody has touched it")
        signal_qemu(server_id, "CONT")
        row = world.wait_migration(server_id)
        equal((row["id"], row["status"]), (number, "failed"), world.story(number))
        world.check_lives(server_id)


@test("a guest that a restart of its source's libvirtd left paused in the switchover, and whose "
      "destination has lost its power, is neither resumed nor given up by a word that the host is "
      "dead alone; with an abort it ends switched off, and what its fault says starts it (S3-71)")
def _():
    with patient("between") as server_id:
        number = leave_between(server_id)
        wait_until(lambda: "It may have run on hostc" in trouble(number), "it is told", 120)
        state_dead("hostc", True)
        wait_until(lambda: "Host hostc is dead, and the guest is paused on hosta" in
                   trouble(number), "it is told anew", 60)
        contains(world.drover.drover("server", "migration", "show", server_id, str(number)),
                 f"openstack server migration abort {server_id} {number}", "what is shown")
        equal(shown(number)["state"], "resolving", world.story(number))
        equal(reason_of(server_id), "paused (migrating)", "nobody has touched it")
        equal(abort(server_id, number).status, 202, "abort")
        check_given_up(server_id, number)
        check_dest_comes_back(server_id)
