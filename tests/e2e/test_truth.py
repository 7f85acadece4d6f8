# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What a host runs and what is claimed of it, where somebody has changed the one without the
other."""
import contextlib
import json
import os
import shutil
import time

from tap import check, contains, equal, test, wait_until
from test_belonging import aggregate, disband
from test_lint import nothing_stays, send_canaries, wait_canaries
from test_provoke import shell
from world import world

STRANGER_ID = "5ec2e700-0000-4000-8000-00000000f0e1"
STRANGER_MIB = 1024
MARK = "urn:drover:instance:1"
RATIO = 0.25  # what claims may have: less than there is, or a server of that size is too large
STRANGER = (f"<domain type=\"qemu\"><name>stranger</name><uuid>{STRANGER_ID}</uuid>"
            f"<memory unit=\"MiB\">{STRANGER_MIB}</memory><vcpu>2</vcpu>"
            "<os><type machine=\"pc\">hvm</type></os></domain>")


@contextlib.contextmanager
def stranger(host):
    """A domain that drover did not make; paused, so that it takes what it may take and no time."""
    shell(host, f"echo '{STRANGER}' >/run/stranger.xml && "
                "virsh -q create /run/stranger.xml --paused")
    try:
        yield
    finally:
        world.lab.virsh(host, "destroy", STRANGER_ID)


def shown(host):
    return json.loads(world.drover.drover("host", "show", host, "--json"))


def differences(host):
    return {row["domain"]: row for row in shown(host)["differences"]}


def lint_rows(host):
    answer = world.drover.admin("GET", f"/drover/v1/lint?hosts={host}")
    equal(answer.status, 200, answer.text)
    return "\n".join(f"{row['result']}: {row['found']}" for row in answer.json["lint"]["checks"]
                     if row["check"] == "claims")


def free_mib(host):
    """By the default of reserved_host_memory_mb, 512."""
    told = shown(host)
    return int((told["facts"]["memory_mib"] - 512) * RATIO) - told["usage"]["ram_mib"]


def ask_for(name, ram_mib):
    """A server that only fits on hosta as long as nobody else takes memory there; its fault."""
    answer = world.drover.compute("POST", "/flavors", {"flavor": {
        "id": name, "name": name, "ram": ram_mib, "vcpus": 1, "disk": 1}})
    equal(answer.status, 200, answer.text)
    try:
        answer = world.drover.compute("POST", "/servers", {"server": {
            "name": name, "flavorRef": name, "imageRef": world.ids["guest"], "host": "hosta",
            "networks": [{"uuid": world.ids["private"]}]}})
        equal(answer.status, 202, answer.text)
        server_id = answer.json["server"]["id"]
        seen = world.wait_status(server_id, "ERROR", 60)
        world.delete(server_id)
        return seen["fault"]["message"]
    finally:
        world.drover.compute("DELETE", f"/flavors/{name}")


@test("a domain that somebody else starts is seen within seconds, shown with its name, and what it "
      "takes is refused to others; a guest that was given more memory is shown as well, and one "
      "whose domain is gone; lint tells the same")
def _():
    wait_until(lambda: differences("hosta") == {}, "nobody before has left a difference", 120)
    with stranger("hosta"):
        wait_until(lambda: "stranger" in differences("hosta"), "it is seen", 30)
        row = differences("hosta")["stranger"]
        equal((row["kind"], row["uuid"], row["ram_mib"], row["vcpus"], row["claimed_ram_mib"]),
              ("foreign", STRANGER_ID, STRANGER_MIB, 2, 0), "what is told of it")
        equal(shown("hosta")["usage"]["foreign_ram_mib"], STRANGER_MIB, "what it takes")
        contains(world.drover.drover("host", "show", "hosta"), "stranger", "the table")
        wanted = free_mib("hosta") - STRANGER_MIB // 2
        aggregate("narrow", "hosta", ram_allocation_ratio=RATIO)
        fault = ask_for("elephant", wanted)
        disband("narrow", "hosta")
        for part in ("hosta failed 'ram'", f"needs {wanted} MiB",
                     f"{STRANGER_MIB} MiB are taken by domains that are not drover's"):
            contains(fault, part, "the fault")
    wait_until(lambda: differences("hosta") == {}, "it is seen to have gone", 30)
    equal(shown("hosta")["usage"]["foreign_ram_mib"], 0, "what is taken by others")

    server_id = world.create("grown", host="hosta")
    try:
        ram_mib = world.drover.server(server_id)["flavor"]["ram"]
        world.lab.virsh("hosta", "setmaxmem", server_id, f"{ram_mib + 64}M", "--config")
        world.drover.compute("POST", f"/servers/{server_id}/action", {"os-stop": None})
        world.wait_status(server_id, "SHUTOFF")
        # A minute after the stop at most, which libvirt has told of; of setmaxmem it tells nothing.
        row = wait_until(lambda: list(differences("hosta").values()), "it is seen", 120)[0]
        equal((row["uuid"], row["kind"], row["ram_mib"], row["claimed_ram_mib"]),
              (server_id, "size", ram_mib + 64, ram_mib), "the guest")
        check(row["fix"], "with a fix")
        contains(lint_rows("hosta"), f"has 1 vCPUs and {ram_mib + 64} MiB, and 1 and {ram_mib} are "
                 "claimed for it", "what lint says of it")
        world.lab.virsh("hosta", "undefine", server_id)
        with stranger("hosta"):  # so that the host is asked for all that it has
            wait_until(lambda: any(row["kind"] == "no-domain"
                                   for row in differences("hosta").values()),
                       "it is seen that its domain is gone", 30)
            (row,) = [row for row in differences("hosta").values() if row["uuid"] == server_id]
            equal((row["kind"], row["ram_mib"], row["claimed_ram_mib"]), ("no-domain", 0, ram_mib),
                  "what is claimed for nobody")
            rows = lint_rows("hosta")
            contains(rows, "warn: domain 'stranger' is not drover's, and takes 2 vCPUs and "
                     f"{STRANGER_MIB} MiB", "what lint says of one that is not drover's")
            contains(rows, f"1 vCPUs and {ram_mib} MiB are claimed for server '{server_id}', and "
                     "the host has no domain of it", "and of what is claimed for nobody")
    finally:
        world.delete(server_id)
    wait_until(lambda: lint_rows("hosta") == "pass: what it runs is what is claimed of it",
               "nothing differs any more", 120)


class Backup:
    """Of droverd's database, taken while it stood still."""

    def __init__(self, name):
        self._database = os.path.join(world.drover.directory, "drover.db")
        self._copy = f"{self._database}.{name}"
        self._exchange(self._database, self._copy)

    def restore(self):
        self._exchange(self._copy, self._database)

    def _exchange(self, source, dest):
        world.drover.stop()
        check(not os.path.exists(f"{self._database}-wal"), "all is in the database")
        shutil.copyfile(source, dest)
        world.drover.start()
        world.drover.wait_hosts_up(3)


@test("with an older copy of the database a guest that was made since is foreign while it runs, "
      "with what it takes, and is left alone; with its own it is a server again (S3-48)")
def _():
    world.drover.admin("GET", "/drover/v1/hosts")  # the token that is used is in both
    older = Backup("older")
    server_id = world.create("younger", host="hosta")
    name = world.drover.server(server_id)["OS-EXT-SRV-ATTR:instance_name"]
    world.wait_heard(server_id)
    newer = Backup("newer")
    try:
        try:
            equal(differences("hosta"), {}, "before")
            older.restore()
            answer = world.drover.compute("GET", f"/servers/{server_id}")
            equal(answer.status, 404, "it is not known")
            row = wait_until(lambda: differences("hosta").get(name), "it is seen", 30)
            equal((row["kind"], row["uuid"], row["ram_mib"], row["vcpus"], row["claimed_ram_mib"]),
                  ("foreign", server_id, 128, 1, 0), "what is told of it")
            equal(shown("hosta")["usage"]["foreign_ram_mib"], 128, "what it takes")
            contains(lint_rows("hosta"), f"warn: domain '{name}' is not drover's, and takes "
                     "1 vCPUs and 128 MiB", "what lint says of it")
            world.check_lives(server_id)
            world.lab.virsh("hosta", "destroy", server_id)
            wait_until(lambda: differences("hosta") == {}, "off, it takes nothing", 30)
            equal(world.domains("hosta").get(name), "shut off", "it is left alone")
        finally:
            newer.restore()
        world.wait_status(server_id, "SHUTOFF")
    finally:
        world.delete(server_id)


def looks_for_strangers():
    row = 'drover_host_looks_total{why="stranger"} '
    text = world.drover.send("GET", "/metrics").text
    return [line[len(row):] for line in text.splitlines() if line.startswith(row)]


@test("what drover does on a host is in that host's facts within a minute, and its canaries are no "
      "reason to ask")
def _():
    def running():
        return shown("hosta")["facts"]["running_domains"]
    before = running()
    server_id = world.create("counted", host="hosta")
    try:
        wait_until(lambda: running() == before + 1, "it is counted", 120)
    finally:
        world.delete(server_id)
    wait_until(lambda: running() == before, "it is counted no more", 120)
    time.sleep(6)  # a look for a stranger comes after three: none is on its way now
    looks = looks_for_strangers()
    world.drover.drover("host", "lint", "hosta", "hostb")
    time.sleep(6)
    equal(looks_for_strangers(), looks, "looks")
    with stranger("hosta"):
        wait_until(lambda: looks_for_strangers() != looks, "the host is asked for a stranger", 30)


def canaries_on(host):
    """Those that its libvirt stores, as it does with every guest that has arrived, and that run: as
    one does that is to switch to post-copy; the one before it is paused."""
    names = world.lab.virsh(host, "list", "--persistent", "--state-running", "--name").split()
    return [name for name in names if name.startswith("canary-")]


@test("a canary that has arrived is no foreign domain, though libvirt stores it on its destination "
      "until drover removes it")
def _():
    world.lab("limit", "hosta", "500kbit")  # in post-copy it is there before its memory is
    try:
        send_canaries("hosta", "hostb", post_copy=True)
        wait_until(lambda: canaries_on("hostb"), "it has arrived", 60, 0.1)
        world.lab("cut", "data", "hosta")  # and stays until the host was asked
        with stranger("hostb"):  # so that the host is asked for all that it has
            wait_until(lambda: "stranger" in differences("hostb"), "the host was asked", 30, 0.2)
            told = differences("hostb")
            check(canaries_on("hostb"), "the canary was there when the host was asked")
        equal(list(told), ["stranger"], "what is not drover's")
    finally:
        world.lab("heal", "hosta")
        canaries = wait_canaries("hosta", "hostb")
    for row in canaries.values():
        equal((row["result"], row["extra"]["result"]), ("pass", "pass"), row)
    nothing_stays()
    wait_until(lambda: not differences("hostb"), "nothing differs any more", 120)


def throwaway(host, kind, uuid):
    """As a droverd that has died may leave one for good: stored, running, with drover's mark."""
    mark = f"<metadata><drover:instance xmlns:drover=\"{MARK}\" generation=\"0\"/></metadata>"
    xml = STRANGER.replace("stranger", f"{kind}-{uuid}").replace(STRANGER_ID, uuid).replace(
        f">{STRANGER_MIB}<", ">8<").replace("<memory", f"{mark}<memory")
    shell(host, f"echo '{xml}' >/run/throwaway.xml && virsh -q define /run/throwaway.xml && "
                f"virsh -q start --paused {uuid}")


@test("of what a droverd has left for good on a host its canary is removed, and a courier whose "
      "move nobody knows is shown as foreign; neither is hidden")
def _():
    canary, courier = (f"5ec2e700-0000-4000-8000-00000000f0e{number}" for number in (2, 3))
    throwaway("hosta", "canary", canary)
    throwaway("hosta", "courier", courier)
    try:
        with stranger("hosta"):  # so that the host is asked for all that it has
            wait_until(lambda: "stranger" in differences("hosta"), "the host was asked", 30, 0.2)
            equal(sorted(differences("hosta")), [f"courier-{courier}", "stranger"], "what is told")
        wait_until(lambda: f"canary-{canary}" not in world.domains("hosta"), "it goes", 30, 0.5)
    finally:
        for uuid in (canary, courier):
            shell("hosta", f"virsh -q destroy {uuid}; virsh -q undefine {uuid}; true")
    with stranger("hosta"):
        wait_until(lambda: list(differences("hosta")) == ["stranger"], "it is shown no more", 30)
    wait_until(lambda: not differences("hosta"), "nothing differs any more", 120)
