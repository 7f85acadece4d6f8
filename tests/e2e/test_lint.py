# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Are hosts fit for migrations? Told by what is known of them, and by canaries that are sent."""
import json
import os
import threading
import time
from xml.etree import ElementTree

from tap import check, contains, equal, test, wait_until
from test_provoke import hidden
from world import world


def look(hosts):
    """Checks by host and name, canaries by their two hosts."""
    answer = world.drover.admin("GET", f"/drover/v1/lint?hosts={','.join(hosts)}")
    equal(answer.status, 200, answer.text)
    told = answer.json["lint"]
    return ({(row["host"], row["check"]): row for row in told["checks"]},
            {(row["source_host"], row["dest_host"]): row for row in told["canaries"]})


def send_canaries(*hosts, **asked):
    answer = world.drover.admin("POST", "/drover/v1/lint",
                                {"lint": {"hosts": list(hosts), **asked}})
    equal(answer.status, 202, answer.text)


def wait_canaries(*hosts):
    def results():
        _, canaries = look(hosts)
        return all(row["result"] != "pending" for row in canaries.values()) and canaries
    return wait_until(results, "the canaries have ended", 120)


def open_ways(*hosts):
    """What was shut is open again: a red canary would keep later guests from there."""
    send_canaries(*hosts)
    equal({row["result"] for row in wait_canaries(*hosts).values()}, {"pass"}, "canaries at last")


def has_canary(host):
    return "canary-" in world.lab.virsh(host, "list", "--all", "--name")


def nothing_stays():
    equal([host for host in world.lab.hosts if has_canary(host)], [], "where a canary is left")


@test("canaries get from each host to each other one and leave nothing, certificates and pools are "
      "judged, and what nobody can see is said [S2-06 S4-10 S4-11 S4-17 S4-18 S4-21]")
def _():
    world.drover.drover("host", "lint", "hosta", "hostb", "hostc")
    checks, canaries = look(world.lab.hosts)
    equal({pair: (row["result"], row["reason"], row["pool_shared"])
           for pair, row in canaries.items()},
          {(one, other): ("pass", None, False) for one in world.lab.hosts
           for other in world.lab.hosts if one != other}, "the canaries")
    nothing_stays()
    for host in world.lab.hosts:
        for name, part in (("connected", "qemu+tls://"), ("qemu", "."), ("certificate", "days"),
                           ("certificate-names", host), ("pool", "mode"), ("pool-space", "GiB"),
                           ("instances-path", world.lab.env["LAB_POOL_PATH"]),
                           ("pool-written", "marker"), ("cpu", ",")):
            contains(checks[host, name]["found"], part, f"{name} of {host}")
            check(checks[host, name]["result"] != "fail", checks[host, name])
    for name in ("certificate-ca", "clock", "name-resolution", "export", "fstab", "pool-owner"):
        equal(checks[None, name]["result"], "unseen", name)
        contains(checks[None, name]["found"], "cannot see", name)
    answer = world.drover.admin("POST", "/drover/v1/cpu-baseline",
                                {"baseline": {"hosts": world.lab.hosts}})
    equal(answer.status, 200, answer.text)
    check(answer.json["baseline"]["cpu_model"], "they have a model in common")


def cpu_of(host, server, *options):
    xml = ElementTree.fromstring(world.lab.virsh(host, "dumpxml", *options, server))
    return xml.findtext("cpu/model")


@test("a model is applied to a group of hosts while guests run: they keep theirs, which is said, "
      "until they are stopped and started; new ones have it at once [S2-06 S2-21]")
def _():
    drover = world.drover
    config = world.config(world.lab)
    old = world.create("old-cpu", "hosta")
    new = None
    file = os.path.join(drover.directory, "conf.d", "zz-cpu-baseline.conf")
    try:
        equal(cpu_of("hosta", old), "qemu64", "before")
        os.makedirs(os.path.dirname(file), exist_ok=True)
        drover.write_config({**config, "libvirt:base": {"hosts": "hosta, hostb"}})
        table = drover.drover("cpu", "baseline", "--apply", "hosta", "hostb")
        contains(table, f"It is written to {file}, and new guests get it.", "where")
        contains(table, "keep it until they are stopped and started", "the guests")
        contains(table, old, "which guest")
        for line in open(file, encoding="utf-8"):
            if line.startswith("cpu_m"):
                contains(table, "\n" + line, "what is printed is what is written")
        (model,) = [line.split(" = ")[1].strip() for line in open(file, encoding="utf-8")
                    if line.startswith("cpu_models")]
        check(model != "qemu64", f"a model of its own: {model}")
        equal(cpu_of("hosta", old), "qemu64", "the guest that runs")
        new = world.create("new-cpu", "hostb")
        equal(cpu_of("hostb", new), model, "a new guest")
        equal(drover.compute("POST", f"/servers/{old}/action", {"os-stop": None}).status, 202,
              "stop")
        world.wait_status(old, "SHUTOFF")
        equal(drover.compute("POST", f"/servers/{old}/action", {"os-start": None}).status, 202,
              "start")
        world.wait_status(old, "ACTIVE")
        equal((cpu_of("hosta", old), cpu_of("hosta", old, "--inactive")), (model, model), "started")
        guests = json.loads(drover.drover("cpu", "baseline", "--json", "hosta", "hostb"))["guests"]
        equal({row["uuid"]: (row["keeps_its_model"], row["lacks"]) for row in guests
               if row["uuid"] in (old, new)},
              {old: (False, None), new: (False, None)}, "what is beside the model, too")
        world.wait_heard(old)
        world.move(old, "hostb")
        equal((cpu_of("hostb", old), cpu_of("hostb", old, "--inactive")), (model, model), "moved")
    finally:
        if os.path.exists(file):
            os.unlink(file)
        world.configure()
        for server in filter(None, (old, new)):
            world.delete(server)
    equal(world.drover.drover("config", "show", "--host", "hosta").count("conf.d"), 0, "as before")


@test("where migrations do not get through the canary is red, with its cause and fix, and green "
      "once they do; droverd killed in between leaves none [S2-23 S4-13]")
def _():
    world.lab("cut", "data", "hostb")
    try:
        send_canaries("hosta", "hostb")
        red = wait_canaries("hosta", "hostb")["hosta", "hostb"]
        code, table = world.drover.drover("host", "lint", "--no-canaries", "hosta", "hostb",
                                          check=False)
    finally:
        world.lab("heal", "hostb")
    equal((red["result"], red["diagnosis"]), ("fail", "data-port-timeout"), red["reason"])
    contains(red["fix"], "migration_port_min", "the fix")
    equal(code, 1, table)
    contains(table, "FAIL", "the table")
    told = []
    lint = threading.Thread(target=lambda: told.append(
        world.drover.drover("host", "lint", "hosta", "hostb", check=False)))
    lint.start()
    try:
        wait_until(lambda: [row["result"] for row in look(["hosta", "hostb"])[1].values()] ==
                   ["pending"] * 2, "both are asked for", 10, 0.05)
        world.drover.kill()
        time.sleep(2)  # the command looks once a second
    finally:
        if world.drover.process.poll() is not None:
            world.drover.start()
        lint.join(120)
    ((code, table),) = told
    equal(code, 0, table)
    contains(table, "what was asked for goes on; trying again", "what the command said meanwhile")
    equal({pair: (row["result"], row["reason"])
           for pair, row in wait_canaries("hosta", "hostb").items()},
          {("hosta", "hostb"): ("pass", None), ("hostb", "hosta"): ("pass", None)}, "after healing")
    # What the first life left is removed beside the canaries of the second.
    wait_until(lambda: not any(map(has_canary, world.lab.hosts)), "no canary is left", 60)


def ask_extra(**asked):
    """A canary from hosta to hostb and back, and another each in the way that is asked for."""
    send_canaries("hosta", "hostb", **asked)
    return wait_canaries("hosta", "hostb")


@test("a canary that is asked to switches to post-copy, another takes several connections; where "
      "the kernel gives no userfaultfd the first alone is red, with its cause and fix [S4-11]")
def _():
    both = [("hosta", "hostb"), ("hostb", "hosta")]
    canaries = ask_extra(post_copy=True)
    for pair in both:
        equal((canaries[pair]["result"], canaries[pair]["reason"]), ("pass", None), pair)
        extra = canaries[pair]["extra"]
        equal((extra["post_copy"], extra["result"], extra["reason"]), (True, "pass", None), pair)
    with hidden("hostb", "/dev/userfaultfd", "/dev/null"):
        canaries = ask_extra(post_copy=True)
        code, table = world.drover.drover("host", "lint", "--no-canaries", "hosta", "hostb",
                                          check=False)
    red = canaries["hosta", "hostb"]
    equal((red["result"], red["reason"]), ("pass", None), "without post-copy guests get there")
    equal((red["extra"]["result"], red["extra"]["diagnosis"]), ("fail", "postcopy-unsupported"),
          red["extra"])
    contains(red["extra"]["fix"], "unprivileged_userfaultfd", "the fix")
    equal(canaries["hostb", "hosta"]["extra"]["result"], "pass", "and back")
    equal(code, 1, table)
    for part in ("post-copy FAIL", "hostb (post-copy)", "1 of the checks and canaries failed"):
        contains(table, part, "the table")
    table = world.drover.drover("host", "lint", "--parallel-connections", "4", "hosta", "hostb")
    contains(table, "4 connections ok", "the table")
    extra = look(["hosta", "hostb"])[1]["hosta", "hostb"]["extra"]
    equal((extra["post_copy"], extra["parallel_connections"], extra["result"]), (False, 4, "pass"),
          "what was asked beside")
    nothing_stays()


@test("a host whose kernel refused a post-copy canary is refused to a guest that may go in "
      "post-copy, by a dry run and by the request; without that permission it goes there [S4-30]")
def _():
    guest = world.create("faults", "hosta")
    world.wait_heard(guest)
    try:
        with hidden("hostb", "/dev/userfaultfd", "/dev/null"):
            ask_extra(post_copy=True)
        world.configure(live_migration_permit_post_copy="true")
        table = world.drover.drover("explain", "faults", "--live", "--host", "hostb")
        equal(world.migrate(guest, "hostb").status, 202, "the request")
        migration = world.wait_migration(guest)
        reason = world.reason(migration["id"])
        world.configure()
        equal(world.migrate(guest, "hostb").status, 202, "without permission")
        completed = world.wait_migration(guest)
    finally:
        world.configure()
        world.delete(guest)
        ask_extra(post_copy=True)
    contains(table, "hostb does not fit", "the dry run")
    contains(table, "unprivileged_userfaultfd", "its fix")
    equal(migration["status"], "error", migration)
    contains(reason, "failed 'post-copy'", "the reason")
    equal(completed["status"], "completed", completed)


@test("a guest that moved after a canary failed takes its place, and one that could not because "
      "of the way is not hidden by a canary that arrived before [S4-13]")
def _():
    guest = world.create("knows-better", "hosta")
    world.wait_heard(guest)
    try:
        send_canaries("hosta", "hostb")
        equal(wait_canaries("hosta", "hostb")["hosta", "hostb"]["result"], "pass", "a green one")
        world.lab("cut", "data", "hostb")
        try:
            equal(world.migrate(guest, "hostb").status, 202, "a move")
            migration = world.wait_migration(guest)
            row = look(["hosta", "hostb"])[1]["hosta", "hostb"]
            send_canaries("hosta", "hostb")
            red = wait_canaries("hosta", "hostb")["hosta", "hostb"]
        finally:
            world.lab("heal", "hostb")
        check(migration["status"] in ("error", "failed"), migration)
        equal((row["result"], row["known_by"], row["diagnosis"]),
              ("warn", "guest", "data-port-timeout"), row)
        equal((red["result"], red["known_by"]), ("fail", "canary"), red)
        answer = world.drover.compute("POST", f"/servers/{guest}/action", {"os-migrateLive": {
            "host": "hostb", "block_migration": "auto", "force": True}}, "2.60")
        equal(answer.status, 202, answer.text)
        equal(world.wait_migration(guest)["status"], "completed", "it is forced there")
        row = look(["hosta", "hostb"])[1]["hosta", "hostb"]
        equal((row["result"], row["known_by"], row["reason"]), ("pass", "guest", None), row)
    finally:
        world.delete(guest)
        open_ways("hosta", "hostb")


@test("a host that is away gets no canary, which is said, and what failed to get there before "
      "holds nothing against it when it is back: a guest moves there at once [S4-11 S4-13]")
def _():
    def connected():
        host = world.drover.admin("GET", "/drover/v1/hosts/hostb").json["host"]
        return host["connect_error"] is None
    guest = world.create("at-once", "hosta")
    try:
        world.lab("cut", "data", "hostb")
        send_canaries("hosta", "hostb")
        equal(wait_canaries("hosta", "hostb")["hosta", "hostb"]["result"], "fail", "a red one")
        world.lab("libvirtd", "kill", "hostb")
        wait_until(lambda: not connected(), "hostb is lost", 60)
        code, table = world.drover.drover("host", "lint", "hosta", "hostb", check=False)
        equal(code, 1, table)
        for part in ("not tried", "not sent: host 'hostb' is not connected",
                     "'drover host show hostb'"):
            contains(table, part, "the table")
        world.lab("heal", "hostb")
        world.lab("libvirtd", "start", "hostb")
        wait_until(connected, "hostb is back", 60)
        equal(world.move(guest, "hostb")["status"], "completed", "the move")
        row = wait_canaries("hosta", "hostb")["hosta", "hostb"]
        equal((row["result"], row["tried_at"] is None), ("pass", False),
              "another is sent by itself")
    finally:
        world.lab("heal", "hostb", check=False)
        world.lab("libvirtd", "start", "hostb", check=False)
        world.delete(guest)
