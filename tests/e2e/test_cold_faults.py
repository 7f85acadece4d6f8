# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Moves with the guest switched off that fail on the destination: the guest is where it was, and
runs again; nothing is left on the other side; cause and fix are told."""
import json
import time

import test_cold as cold
from tap import check, contains, equal, note, test, wait_until
from test_diagnose import full_pool
from test_provoke import on
from world import world

# More than a host that is starved gives a guest, and a courier needs next to nothing.
GIANT = {"name": "m1.giant", "id": "giant", "ram": 3072, "vcpus": 1, "disk": 1}
STARVED_MIB = 2600
NOTHING_STARTS_MIB = 300
guest = {}


def server_id():
    """A guest on hosta, whose image hostb has."""
    if "id" not in guest:
        guest["id"] = world.create("coldpatient", host="hostb")
        world.move(guest["id"], "hosta")
        world.wait_heard(guest["id"])
    return guest["id"]


def root_file():
    return world.lab("exec", "hosta", "stat", "-c", "%i %W", cold.root_of(server_id())).strip()


def fails(body, code, *states):
    """A move from hosta that comes so far, and ends with this diagnosis."""
    file, boots = root_file(), world.heard(server_id())["streams"]
    cold.accept(server_id(), body)
    row = world.wait_migration(server_id())
    equal(row["status"], "error", world.story(row["id"]))
    told = world.drover.admin("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
    equal(told["diagnosis"], code, f"the diagnosis of '{told['message']}'")
    contains(told["message"], f"Cause: {told['cause']}. Fix: {told['fix']}.", "what is told")
    passed = [event["to"] for event in told["events"]]
    equal([state for state in states if state not in passed], [], f"not in {passed}")
    text = world.drover.drover("server", "migration", "show", server_id(), str(row["id"]))
    for word in (code, "cause", "fix"):
        contains(text, word, "the command's table")
    shown = world.drover.server(server_id())
    equal((shown["status"], shown["OS-EXT-SRV-ATTR:host"], shown["flavor"]["original_name"]),
          ("ACTIVE", "hosta", "m1.tiny"), "status, host and flavor")
    cold.check_only_on(server_id(), "hosta", "running")
    equal([name for host in world.lab.hosts for name in world.domains(host)
           if name.startswith("courier-")], [], "couriers that are left")
    equal(root_file(), file, "its disk is the same file")
    wait_until(lambda: world.heard(server_id())["streams"] > boots, "it has booted anew", 180)
    world.check_lives(server_id())
    return told


@test("a cold move to a full disk brings the guest back as it was (S2-24)")
def _():
    server_id()
    with full_pool("hostb"):
        fails({"migrate": {"host": "hostb"}}, "disk-full", "stopping", "copying", "restarting")


@test("a cold move through blocked data ports brings the guest back as it was (S2-23)")
def _():
    server_id()
    retries = "/proc/sys/net/ipv4/tcp_syn_retries"
    kept = world.lab("exec", "hosta", "cat", retries).strip()
    try:
        # TCP gives up after seconds, not after two minutes.
        world.lab("exec", "hosta", "sh", "-c", f"echo 1 >{retries}")
        world.lab("cut", "data", "hostb")
        fails({"migrate": {"host": "hostb"}}, "data-port-timeout", "copying", "restarting")
    finally:
        world.lab("heal", "hostb")
        world.lab("exec", "hosta", "sh", "-c", f"echo {kept} >{retries}")


@test("a cold move to a QEMU that does not start brings the guest back as it was (S1-15)")
def _():
    server_id()
    answer = world.drover.compute("POST", "/flavors", {"flavor": GIANT})
    check(answer.status in (200, 409), answer.text)
    try:
        for host in ("hostb", "hostc"):
            world.lab("starve", host, str(STARVED_MIB))
        told = fails({"resize": {"flavorRef": "giant"}}, "memory-full", "starting", "retreating",
                     "restarting")
        contains(told["message"], "Cannot allocate memory", "QEMU's own words")
    finally:
        for host in ("hostb", "hostc"):
            world.lab("starve", host, "off")


@test("a guest that its own host does not start again after a failed move is in ERROR with cause "
      "and fix, and starts once that is mended")
def _():
    try:
        world.lab("starve", "hosta", str(NOTHING_STARTS_MIB))
        cold.accept(server_id(), {"migrate": {"host": "hostb"}})
        row = world.wait_migration(server_id())
        equal(row["status"], "error", world.story(row["id"]))
        world.wait_status(server_id(), "ERROR")
        text = world.drover.openstack("server", "show", "-c", "fault", "-f", "value", server_id())
        for part in ("Cannot allocate memory", "Cause: ", "Fix: "):
            contains(text, part, "its fault")
        cold.check_only_on(server_id(), "hosta", "shut off")
    finally:
        world.lab("starve", "hosta", "off")
    world.drover.openstack("server", "reboot", "--hard", server_id())
    wait_until(lambda: world.drover.server(server_id())["status"] == "ACTIVE", "it is started", 60)
    cold.check_up(server_id())


def chosen():
    """Where the dry run says that a cold move would go."""
    told = json.loads(world.drover.drover("explain", server_id(), "--cold", "--json"))
    return told["chosen"]


@test("where drover has chosen a host that has just lost its power, a cold move goes to another "
      "one while the guest still runs, and its history names the one that was given up and why "
      "(S3-06)")
def _():
    server_id()
    dead = chosen()
    other = ({"hostb", "hostc"} - {dead}).pop()
    world.lab("heartbeat", "mark")
    world.lab("poweroff", dead)
    try:
        begin = time.monotonic()
        cold.accept(server_id(), {"migrate": None})
        row = cold.wait_moved(server_id())
        note(f"it has moved after {time.monotonic() - begin:.1f} s")
        equal(row["dest_compute"], other, world.story(row["id"]))
        name = world.drover.server(server_id())["OS-EXT-SRV-ATTR:instance_name"]
        equal([world.domains(host).get(name) for host in ("hosta", other)],
              ["shut off", "running"], "libvirt says")
        told = world.drover.drover("server", "migration", "show", server_id(), str(row["id"]))
        contains(told, f"{dead} cannot have it, another is tried: ", "its history")
    finally:
        world.lab("poweron", dead, check=False)
        world.drover.wait_hosts_up(3)
    cold.end(server_id(), "revertResize", "ACTIVE")
    cold.check_only_on(server_id(), "hosta", "running")
    cold.check_up(server_id())


def restart(filters="", **default):
    """The same droverd with other words in [DEFAULT]."""
    config = world.config(world.lab)
    config["DEFAULT"].update(default)
    if filters:
        config["hypervisor"] = dict(config.get("hypervisor", {}), filters=filters)
    world.drover.stop()
    world.drover.write_config(config)
    world.drover.start()
    world.drover.wait_hosts_up(3)

def leftovers(host):
    rows = world.drover.admin(
        "GET", f"/drover/v1/leftovers?instance_uuid={server_id()}").json["leftovers"]
    return [row for row in rows if row["host"] == host]


@test("one that loses its power while disks are made on it is changed for another one as well, and "
      "what was made there goes when it is back (S3-06)")
def _():
    server_id()
    dead = chosen()
    other = ({"hostb", "hostc"} - {dead}).pop()
    restart(filters=f"delay:prepare_dest/{dead}=10000")
    try:
        cold.accept(server_id(), {"migrate": None})
        wait_until(lambda: state_of_move() == "preparing", "disks are made", 60, 0.1)
        world.lab("poweroff", dead)
        row = cold.wait_moved(server_id())
        equal(row["dest_compute"], other, world.story(row["id"]))
        told = world.drover.drover("server", "migration", "show", server_id(), str(row["id"]))
        contains(told, f"{dead} cannot have it, another is tried: ", "its history")
        equal(len(leftovers(dead)), 1, "what is on record of the dead host")
    finally:
        world.lab("poweron", dead, check=False)
        world.drover.wait_hosts_up(3)
    wait_until(lambda: not leftovers(dead), "it is removed", 90)
    equal({name for name in world.volumes(dead) if server_id() in name}, set(), "its disks there")
    restart()
    cold.end(server_id(), "revertResize", "ACTIVE")
    cold.check_only_on(server_id(), "hosta", "running")
    cold.check_up(server_id())
    for host in world.lab.hosts:
        equal({name for name in world.volumes(host) if name.startswith("drover-probe-")}, set(),
              f"markers on {host}")


def fault():
    return world.drover.server(server_id()).get("fault", {"message": ""})["message"]


@test("a guest that somebody undefines on its destination before the move is confirmed is not "
      "lost: it cannot be confirmed, and a revert by the stock client brings it back (S3-33, "
      "S3-35)")
def _():
    server_id()
    cold.accept(server_id(), {"migrate": {"host": "hostb"}})
    cold.wait_moved(server_id())
    world.lab.virsh("hostb", "destroy", server_id())
    world.lab.virsh("hostb", "undefine", server_id())
    wait_until(lambda: "does not know" in fault(), "it is told", 60)
    shown = world.drover.server(server_id())
    equal((shown["status"], shown["OS-EXT-SRV-ATTR:host"]), ("VERIFY_RESIZE", "hostb"), "it stays")
    equal(world.runs_on(server_id()), {"hosta": "shut off"}, "libvirt says")
    code, text = world.drover.drover("server", "resize", "confirm", "--wait", server_id(),
                                     check=False)
    check(code != 0, f"it is confirmed: {text}")
    contains(text, "revert", "what a confirm is told")
    equal(world.runs_on(server_id()), {"hosta": "shut off"}, "after the confirm")
    world.drover.openstack("server", "resize", "revert", server_id())
    world.wait_status(server_id(), "ACTIVE")
    equal((world.last_migration(server_id())["status"], fault()), ("reverted", ""), "how it ended")
    cold.check_only_on(server_id(), "hosta", "running")
    cold.check_up(server_id())


def read_only(host, path):
    return on(host, f"mount --bind {path} {path} && mount -o remount,bind,ro {path}",
              f"umount {path}")


def claimed_mib():
    return [world.host(host)["usage"]["ram_mib"] for host in ("hosta", "hostb")]


@test("a server that waits for its confirm and whose delete its host refuses is in ERROR with "
      "cause and fix; set to active it is what its guest is, and moves again, also to the host "
      "that has its older copy, which is not taken for the guest")
def _():
    server_id()
    cold.accept(server_id(), {"migrate": {"host": "hostb"}})
    cold.wait_moved(server_id())
    older = root_file()
    with read_only("hostb", "/etc/libvirt/qemu"):
        world.drover.openstack("server", "delete", server_id())
        world.wait_status(server_id(), "ERROR")
    for part in ("Read-only file system", "Cause: ", "Fix: "):
        contains(fault(), part, "its fault")
    equal((world.last_migration(server_id())["status"], claimed_mib()), ("confirmed", [0, 128]),
          "its move, and what is claimed")
    world.drover.openstack("server", "set", "--state", "active", server_id())
    world.wait_status(server_id(), "SHUTOFF")
    equal(world.runs_on(server_id()), {"hosta": "shut off", "hostb": "shut off"}, "libvirt says")
    text = world.drover.openstack("server", "migrate", "--host", "hosta", "--wait", server_id(),
                                  timeout=60)
    contains(text, "Complete", "what the client says of the next move")
    check(root_file() != older, "the disk that is there is the older one")
    cold.end(server_id(), "confirmResize", "SHUTOFF")
    cold.check_only_on(server_id(), "hosta", "shut off")
    equal(claimed_mib(), [128, 0], "what is claimed")
    cold.accept(server_id(), {"os-start": None})
    world.wait_status(server_id(), "ACTIVE")
    cold.check_up(server_id())


def state_of_move():
    number = world.last_migration(server_id())["id"]
    return world.drover.admin("GET", f"/drover/v1/migrations/{number}").json["migration"]["state"]


@test("after all of these it moves, and that is confirmed by itself after resize_confirm_window")
def _():
    cold.accept(server_id(), {"migrate": {"host": "hostb"}})
    row = cold.wait_moved(server_id())
    equal(world.runs_on(server_id()), {"hosta": "shut off", "hostb": "running"}, "libvirt says")
    try:
        restart(resize_confirm_window=3600)
        equal(world.drover.server(server_id())["status"], "VERIFY_RESIZE", "long before its time")
        restart(resize_confirm_window=1)
        wait_until(lambda: world.last_migration(server_id())["status"] == "confirmed",
                   "it is confirmed", 60)
        equal(world.last_migration(server_id())["id"], row["id"], "the move")
        world.wait_status(server_id(), "ACTIVE")
        cold.check_only_on(server_id(), "hostb", "running")
        left = world.drover.admin("GET", "/drover/v1/leftovers").json["leftovers"]
        equal([one for one in left if one["instance_uuid"] == server_id()], [], "leftovers")
        cold.check_up(server_id())
    finally:
        restart()
        world.delete(server_id())
