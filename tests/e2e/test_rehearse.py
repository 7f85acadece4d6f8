# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A destination rehearses: it starts a twin of a guest, paused and without disks and NICs, and ends
it. What would keep the guest from starting there is told before anything of it moves."""
import contextlib
import json
import shlex

from tap import check, contains, equal, test, wait_until
from test_guest import by_uefi, request, secrets, swtpm
from test_provoke import hidden, shell, told
from world import world

guest = {}
NVRAM = "/var/lib/libvirt/qemu/nvram"


def server_id():
    """A guest with UEFI and a TPM, on hosta."""
    if "id" not in guest:
        with by_uefi():
            answer = request("secure", host="hosta", name="original")
        equal(answer.status, 202, answer.text)
        guest["id"] = answer.json["server"]["id"]
        world.wait_status(guest["id"], "ACTIVE")
        world.wait_heard(guest["id"])
    return guest["id"]


def left_on(host):
    """Domains, states of TPMs, secrets, UEFI variables and volumes of a host that has no guest."""
    return (world.domains(host), swtpm(host), secrets(host),
            shell(host, f"ls {NVRAM} 2>/dev/null || true").split(),
            {name for name in world.volumes(host) if server_id() in name})


NOTHING = ({}, set(), [], [], set())


def explain(*arguments, check_exit=True):
    """Exit code, the row of the rehearsal on hostb, and all of it."""
    code, text = world.drover.drover("explain", server_id(), "--host", "hostb", "--rehearse",
                                     "--json", *arguments, check=False)
    check(not check_exit or code == 0, text)
    explanation = json.loads(text)
    (host,) = explanation["hosts"]
    rows = {row["check"]: row for row in host["checks"]}
    return rows["rehearsal"], explanation


def check_untouched():
    equal(world.runs_on(server_id()), {"hosta": "running"}, "libvirt says")
    world.check_lives(server_id())


@contextlib.contextmanager
def starved(host, mib):
    world.lab("starve", host, str(mib))
    try:
        yield
    finally:
        world.lab("starve", host, "off")


@contextlib.contextmanager
def slow_tpms(host, seconds):
    """Each start of a guest with a TPM that is new takes so long there."""
    tool = "/usr/bin/swtpm_setup"
    script = ("#!/bin/sh\ncase \"$*\" in *capabilities*) ;; "
              f"*) echo x >/run/setup.began; sleep {seconds};; esac\n"
              "exec /run/setup.real \"$@\"\n")
    # Who sets TPMs up is nobody there, and leaves a word all the same.
    shell(host, f"cp {tool} /run/setup.real && printf %s {shlex.quote(script)} >/run/setup.slow && "
                "chmod +x /run/setup.slow && : >/run/setup.began && chmod 666 /run/setup.began")
    with hidden(host, tool, "/run/setup.slow"):
        yield


@test("a destination rehearses a guest with UEFI and a TPM: its twin starts, the row says so, and "
      "nothing of it is left")
def _():
    row, all_of_it = explain()
    equal((row["result"], row["fix"]), ("pass", None), row)
    contains(row["have"], "a twin of the guest started there", "what it says")
    equal(all_of_it["chosen"], "hostb", "where it would go")
    equal(left_on("hostb"), NOTHING, "what is left")
    check_untouched()
    contains(world.drover.drover("explain", server_id(), "--host", "hostb", "--rehearse"),
             "rehearsal", "the table")
    code, text = world.drover.drover("explain", server_id(), "--cold", "--rehearse", check=False)
    equal(code, 2, text)
    contains(text, "--rehearse is of a live migration", "a cold move")


@test("a destination whose QEMU does not get the guest's memory says so in the rehearsal, with "
      "cause and fix, and nothing moves that asked for one (S1-15)")
def _():
    server_id()
    with starved("hostb", 300):
        row, all_of_it = explain()
        equal((row["result"], all_of_it["chosen"]), ("fail", None), row)
        contains(row["have"], "Cannot allocate memory", "QEMU's own words")
        contains(row["fix"], "free memory or pages there", "the fix")
        code, text = world.drover.drover("server", "migrate", "--live-migration", "--dry-run",
                                         "--rehearse", "--host", "hostb", server_id(), check=False)
        check(code != 0, text)
        contains(text, "host 'hostb' does not fit; nothing was done", "the dry run")
        code, text = world.drover.drover("server", "migrate", "--live-migration", "--rehearse",
                                         "--host", "hostb", "--wait", server_id(), check=False)
        check(code != 0, text)
        contains(text, "cannot start a twin of guest", "the command's reason")
        number = world.last_migration(server_id())["id"]
        shown = json.loads(world.story(number))["migration"]
        equal((shown["diagnosis"], shown["rehearse"]), ("memory-full", True), shown)
        contains(shown["message"], told("memory-full"), "its end")
        check("preparing" not in [event["to"] for event in shown["events"]], "nothing was prepared")
        equal(left_on("hostb"), NOTHING, "what is left")
        check_untouched()


@test("a destination whose QEMU lacks features that the guest's processor has by its model says so "
      "in the rehearsal, with the features (S3-12)")
def _():
    server_id()
    world.lab("lack", "hostb", "pni,cx16")
    try:
        row, all_of_it = explain()
        equal((row["result"], all_of_it["chosen"]), ("fail", None), row)
        for part in ("guest CPU doesn't match specification", "pni", "cx16"):
            contains(row["have"], part, "libvirt's own words")
        contains(row["fix"], "same CPU generation", "the fix")
        equal(left_on("hostb"), NOTHING, "what is left")
    finally:
        world.lab("lack", "hostb", "off")
    row, _ = explain()
    equal(row["result"], "pass", row)
    check_untouched()


@test("a TPM that the destination cannot set up is found by a rehearsal, and by no other check; "
      "with live_migration_rehearse the guest goes to another host")
def _():
    server_id()
    with hidden("hostb", "/usr/bin/swtpm_setup", "/usr/bin/false"):
        row, all_of_it = explain()
        (host,) = all_of_it["hosts"]
        equal((host["failed"], row["result"]), (["rehearsal"], "fail"), row)
        contains(row["have"], "TPM version '2.0' is not supported", "the words")
        contains(row["fix"], "install swtpm", "the fix")
        equal(left_on("hostb"), NOTHING, "what is left")
        world.configure(live_migration_rehearse="true")
        try:
            row = world.move(server_id())
        finally:
            world.configure()
        equal(row["dest_compute"], "hostc", world.story(row["id"]))
        events = json.loads(world.story(row["id"]))["migration"]["events"]
        check(any("a twin of the guest has started there" in (event["sentence"] or "")
                  for event in events), events)
        world.check_lives(server_id())
    row = world.move(server_id(), "hosta")
    check("twin" not in world.story(row["id"]), "one that nobody asked for")
    equal(left_on("hostb"), NOTHING, "what is left")


@test("rehearsal: a twin that does not start in time is ended, and told as that")
def _():
    server_id()
    with slow_tpms("hostb", 23):
        row, _ = explain()
        equal(row["result"], "fail", row)
        contains(row["have"], "its QEMU had not started within 20 s", "what it says")
        contains(told("rehearsal"), row["fix"], "the fix")
        equal(left_on("hostb"), NOTHING, "what is left")
    check_untouched()


@test("a droverd that is killed in the middle of a rehearsal leaves nothing on the destination "
      "once it is back")
def _():
    server_id()
    with slow_tpms("hostb", 8):
        code, text = world.drover.drover("server", "migrate", "--live-migration", "--rehearse",
                                         "--host", "hostb", server_id(), check=False)
        equal(code, 0, text)
        wait_until(lambda: shell("hostb", "cat /run/setup.began"), "it is on its way", 60, 0.2)
        world.drover.kill()
        world.drover.start()
        world.drover.wait_hosts_up(3)
        row = world.wait_migration(server_id(), 300)
        # It goes on, unless a libvirtd that is about to start the twin answers nobody meanwhile.
        if row["status"] != "completed":
            contains(world.reason(row["id"]), "host 'hostb' is not connected", "why not")
        wait_until(lambda: "swtpm_setup" not in shell("hostb", "ps -eo args"), "it ends", 60, 1)
    world.check_lives(server_id())

    def twins():
        return [name for name in world.domains("hostb") if name.startswith("try-")]
    wait_until(lambda: not twins(), "no twin is left", 60, 1)
    own = {server_id()} if row["status"] == "completed" else set()
    wait_until(lambda: (swtpm("hostb"), secrets("hostb")) == (own, []),
               "nothing is left of its TPM", 60)


@test("a rehearsed guest is deleted")
def _():
    world.delete(server_id())
    guest.clear()
