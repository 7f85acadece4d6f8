# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Hosts with QEMU of two versions: hostb has the other one that this distribution offers, which may
be older than the installed one (Debian 12) or newer (Debian 13)."""
import contextlib
import json
import re

from tap import check, contains, equal, note, test
from test_cold import accept, check_up, end, wait_moved
from test_provoke_hosts import emulator
from world import world

# The first version that is not known to lose guests that are emulated.
SAFE = 7003000
fleet = {}


def text_of(version):
    return f"{version // 1000000}.{version // 1000 % 1000}.{version % 1000}"


def set_up():
    """The names of the older and of the newer host, their versions, and a guest of the newer."""
    if fleet:
        return
    world.wait_connected("hostb", True)
    world.lab("emulator", "hostb", "other")
    world.restart_libvirtd("hostb")
    of = {host: world.host(host)["facts"]["hypervisor_version"] for host in world.lab.hosts}
    check(of["hosta"] != of["hostb"], f"this lab has one version of QEMU alone: {of}")
    fleet["older"], fleet["newer"] = sorted(("hosta", "hostb"), key=of.get)
    fleet["low"], fleet["high"] = text_of(of[fleet["older"]]), text_of(of[fleet["newer"]])
    fleet["loses"] = of[fleet["older"]] < SAFE and world.lab.env["LAB_ACCEL"] != "kvm"
    fleet["guest"] = world.create("aged", fleet["newer"])


def take_down():
    if "guest" in fleet:
        world.delete(fleet["guest"])
    world.lab("emulator", "hostb", "own")
    world.restart_libvirtd("hostb")
    fleet.clear()


def machine_of(host):
    name = world.drover.server(fleet["guest"])["OS-EXT-SRV-ATTR:instance_name"]
    return re.search(r"machine='([^']+)'", world.lab.virsh(host, "dumpxml", name))[1]


def explained(move, host):
    """The host's row of each check."""
    told = json.loads(world.drover.drover("explain", "aged", f"--{move}", "--host", host, "--json",
                                          check=False)[1])
    (shown,) = [one for one in told["hosts"] if one["name"] == host]
    return {row["check"]: row for row in shown["checks"]}


def check_refused(host, *words):
    """By the dry run, the stock client and the migration's own record, and nothing was made."""
    before = world.domains(host), world.volumes(host)
    source = world.host_of(fleet["guest"])
    code, dry = world.drover.drover("server", "migrate", "--live-migration", "--host", host,
                                    "--dry-run", "aged", check=False)
    check(code != 0, dry)
    code, said = world.drover.openstack("--os-compute-api-version", "2.30", "server", "migrate",
                                        "--live-migration", "--host", host, "aged", check=False)
    check(code != 0, said)
    equal(world.migrate(fleet["guest"], host).status, 202, "a recent client")
    row = world.wait_migration(fleet["guest"])
    equal(row["status"], "error", world.story(row["id"]))
    for told in (dry, said, world.reason(row["id"])):
        for word in words:
            contains(told, word, f"what {host} is refused with")
    equal((world.domains(host), world.volumes(host)), before, f"what {host} has")
    equal(world.runs_on(fleet["guest"]), {source: "running"}, "the guest")


@test("a host with an older QEMU takes no guest live: explain, the dry run and the stock client "
      "say both versions before anything is made there; the guest goes there cold [S2-05]")
def _():
    set_up()
    older, newer, low, high = (fleet[key] for key in ("older", "newer", "low", "high"))
    for host, own, other, theirs in ((older, low, newer, high), (newer, high, older, low)):
        contains(world.drover.drover("host", "lint", "--no-canaries", older, newer, check=False)[1],
                 f"QEMU {own}; host '{other}' has {theirs}", f"lint of {host}")
        contains(world.drover.drover("host", "capabilities", host), own, f"what {host} can do")
    rows = explained("live", older)
    equal((rows["version"]["result"], rows["version"]["needed"], rows["version"]["have"]),
          ("fail", f"QEMU {high} or newer", f"QEMU {low}"), "its version")
    # libvirt itself would miss the machine type, and not before the move has begun.
    equal(rows["cpu"]["result"], "fail", rows["cpu"])
    contains(rows["cpu"]["have"], f"not support machine type '{machine_of(newer)}'", "its cpu")
    check_refused(older, "requires a newer hypervisor version",
                  f"needs QEMU {high} or newer, has QEMU {low} (upgrade its QEMU, or move the "
                  "guest cold)")
    for move in ("cold", "evacuate"):
        equal(explained(move, older)["version"]["result"], "pass", move)
    newest = machine_of(newer)
    accept(fleet["guest"], {"migrate": {"host": older}})
    wait_moved(fleet["guest"])
    check_up(fleet["guest"])
    check(machine_of(older) != newest, f"its machine there is {newest} still")
    end(fleet["guest"], "confirmResize", "ACTIVE")


def act(server, verb, status):
    accept(server, {verb: None})
    world.wait_status(server, status)


@contextlib.contextmanager
def believed_safe(server):
    """Its libvirtd tells of an older QEMU that no defect is known of, where one is of this one. The
    guest is paused meanwhile: one that writes is what this QEMU loses now and then, idle or not."""
    with emulator(f"s,<version>.*</version>,<version>{SAFE}</version>,"):
        act(server, "pause", "PAUSED")
        yield
        act(server, "unpause", "ACTIVE")


@test("from a QEMU that is known to lose guests none goes live, both versions are named; from any "
      "other older one a guest goes live, keeps its machine, goes on where it was, and may not go "
      "back [S1-14 S2-05]")
def _():
    try:
        set_up()
        older, newer, low, high = (fleet[key] for key in ("older", "newer", "low", "high"))
        server = fleet["guest"]
        if world.host_of(server) != older:
            world.delete(server)
            fleet["guest"] = server = world.create("aged", older)
        if fleet["loses"]:
            row = explained("live", newer)["version-safe"]
            equal(row["result"], "fail", row)
            check_refused(newer, "failed 'version-safe'", f"QEMU {low} to {high}: it corrupts")
        else:
            note(f"no defect is known of QEMU {low} on these hosts")
        machine = machine_of(older)
        world.wait_heard(server)
        world.lab("heartbeat", "mark")
        with believed_safe(server) if fleet["loses"] else contextlib.nullcontext():
            world.move(server, newer)
        world.check_lives(server)
        heard = world.heard(server)["since_mark"]
        equal((heard["streams"], heard["repeated"]), (0, 0), f"no boot, no repetition: {heard}")
        equal(machine_of(newer), machine, "its machine")
        rows = explained("live", older)
        equal((rows["version"]["result"], rows["cpu"]["result"]), ("fail", "pass"), rows)
    finally:
        take_down()
