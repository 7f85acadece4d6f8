# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Our own API: hosts, and migrations with their history."""
import calendar
import os
import signal
import subprocess
import time

from drover import DROVERD
from tap import check, contains, equal, test, wait_until
from test_aggregates import clean as clean_aggregates
from world import Droverd, world

HOSTS = "/drover/v1/hosts"


def add(name, uri, status, text=None, **more):
    answer = world.fast.other("POST", HOSTS, {"host": dict({"name": name, "uri": uri}, **more)})
    equal(answer.status, status, answer.text)
    check(text is None or text in answer.message, f"no {text!r} in {answer.text}")
    return answer.json


@test("a host is added, comes up, tells what it has, and is removed")
def _():
    host = add("hostx", "fake:///hostx", 201, zone="z1")["host"]
    equal((host["peer_uri"], host["pool"], host["zone"], host["status"]),
          ("fake:///hostx", "instances", "z1", "enabled"), "as added")

    def up():
        shown = world.fast.other("GET", f"{HOSTS}/hostx").json["host"]
        return shown["state"] == "up" and shown["facts"] and shown
    host = wait_until(up, "hostx is up", 60, 0.02)
    check(host["facts"]["vcpus"] > 0 and host["last_seen"] and host["connected"], host)
    equal(host["usage"]["instances"], 0, "usage")
    check("hostx" in [row["name"] for row in world.fast.other("GET", HOSTS).json["hosts"]], "list")
    add("hostx", "fake:///other", 409, "there is a host 'hostx' already")
    equal(world.fast.other("DELETE", f"{HOSTS}/hostx").status, 204, "remove")
    equal(world.fast.other("GET", f"{HOSTS}/hostx").status, 404, "gone")
    equal(world.fast.other("DELETE", f"{HOSTS}/hostx").status, 404, "remove again")
    clean_aggregates(world.fast)  # of its zone


@test("a host with an instance stays")
def _():
    server = world.fast.create("staying")
    answer = world.fast.other("DELETE", f"{HOSTS}/{world.fast.host_of(server)}")
    equal(answer.status, 409, answer.text)
    world.fast.delete(server)


@test("plaintext, unknown and half URIs are refused with the reason")
def _():
    add("h", "qemu+tcp://h/system", 400, "neither encryption nor authentication")
    add("h", "qemu+tls://h/system?no_verify=1", 400, "whoever answers")
    add("h", "qemu:///system", 400, "begins with qemu+tls://")
    add("h", "qemu+ext://h/system?command=/bin/sh", 400, "begins with qemu+tls://")
    add("h", "qemu+tls:///system", 400, "names no host")
    add("h", "h", 400, "is not a URI")
    add("h", "fake:///h", 400, "certificates of droverd",
        peer_uri="qemu+tls://h/system?pkipath=/etc/pki")
    add("h", "fake:///h", 400, "neither encryption", peer_uri="qemu+tcp://h/system")
    add("h/../x", "fake:///h", 400, "does not match")
    add("", "fake:///h", 400, "is too short")
    add("h", "fake:///h", 400, "('colour' was unexpected)", colour="red")
    equal(world.fast.other("GET", f"{HOSTS}/h").status, 404, "nothing was added")


@test("the peer URI is the URI without droverd's own certificates")
def _():
    host = add("pki", "qemu+tls://127.0.0.1:1/system?pkipath=/etc/pki/drover", 201)["host"]
    equal(host["peer_uri"], "qemu+tls://127.0.0.1:1/system", "peer URI")
    equal(world.fast.other("DELETE", f"{HOSTS}/pki").status, 204, "remove")


@test("only administrators see hosts and migrations here")
def _():
    for user in ("member", "reader", "manager"):
        for path in (HOSTS, f"{HOSTS}/hosta", "/drover/v1/migrations", "/drover/v1/migrations/1"):
            equal(world.fast.other("GET", path, user=user).status, 403, path)
        equal(world.fast.other("POST", HOSTS, {}, user=user).status, 403, "add")
        equal(world.fast.other("DELETE", f"{HOSTS}/hosta", user=user).status, 403, "remove")


@test("a migration is shown with every state it was in and why, by number and by UUID")
def _():
    cloud = world.fast
    server = cloud.create("told")
    equal(cloud.live_migrate(server).status, 202, "migrate")
    row = cloud.wait_migration(server, "completed")
    told = cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
    equal((told["status"], told["state"], told["instance_uuid"], told["source_host"] ==
           told["dest_host"]), ("completed", "completed", server, False), "migration")
    states = [event["to"] for event in told["events"]]
    equal((states[0], states[-1]), ("queued", "completed"), "first and last state")
    equal([event["from"] for event in told["events"][1:]], states[:-1], "no gap")
    check(all(event["sentence"] and event["at"] for event in told["events"]), told["events"])
    check(told["total_ms"] >= 0 and "memory_total_bytes" in told["stats"], told)
    by_uuid = cloud.other("GET", f"/drover/v1/migrations/{row['uuid']}").json["migration"]
    equal(by_uuid["id"], row["id"], "by UUID")
    listed = cloud.other("GET", f"/drover/v1/migrations?instance_uuid={server}").json["migrations"]
    equal([entry["id"] for entry in listed], [row["id"]], "list")
    for query, status in (("status=completed", 200), ("status=nonsense", 400), ("colour=red", 400),
                          ("in_progress=true", 200)):
        equal(cloud.other("GET", f"/drover/v1/migrations?{query}").status, status, query)
    for name in ("999999", "nothing", "-1", "11111111-2222-4333-8444-555555555555"):
        equal(cloud.other("GET", f"/drover/v1/migrations/{name}").status, 404, name)
    cloud.delete(server)


@test("a running migration shows its progress, and pause_first lets it end")
def _():
    cloud = world.slow
    server = cloud.create("slow")
    equal(cloud.live_migrate(server).status, 202, "migrate")
    row = cloud.wait_migration(server, "running")

    def told():
        return cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
    wait_until(lambda: (told()["stats"]["memory_processed_bytes"] or 0) > 0, "bytes flow", 15, 0.1)
    path = f"/drover/v1/instances/{server}/migrations/{row['id']}/pause_first"
    equal(cloud.other("POST", path, user="member").status, 403, "a member")
    equal(cloud.other("POST", path.replace(server, "other")).status, 404, "another instance")
    equal(cloud.other("POST", path).status, 202, "pause first")
    wait_until(lambda: told()["status"] == "completed", "it has ended", 60, 0.1)
    equal(cloud.other("POST", path).status, 409, "it is over")
    equal((told()["wanted"], told()["convergence"]["pause_first"]), ("run", True), "the mode")
    equal(told()["convergence"]["forced"], "pause", "what was done")
    contains(told()["convergence"]["forced_reason"], "paused first", "and why")
    cloud.delete(server)


@test("a host that says nothing was last seen when it is certain to have lived, while it is up")
def _():
    drover = Droverd({"fake": {"path": ":memory:"}, "DEFAULT": {"service_down_time": 30}})
    try:
        drover.admin("POST", HOSTS, {"host": {"name": "hosta", "uri": "fake:///hosta"}})
        drover.wait_hosts_up(1)

        def seen():
            host = drover.admin("GET", f"{HOSTS}/hosta").json["host"]
            equal(host["state"], "up", "meanwhile")
            return calendar.timegm(time.strptime(host["last_seen"][:19], "%Y-%m-%dT%H:%M:%S"))
        first = seen()
        wait_until(lambda: seen() > first, "it goes on", 60)
        # Half of service_down_time; whoever takes it for alive writes every six seconds.
        wait_until(lambda: time.time() - seen() >= 14, "nothing has come from it for a while", 60)
    finally:
        drover.remove()


# ---- the configuration, read anew ----

def reload(drover, libvirt="", more=""):
    """Writes a snippet and has the configuration read anew; the answer."""
    drover.write_config({"fake": {"path": ":memory:"}})
    with open(os.path.join(drover.directory, "drover.conf"), "a", encoding="utf-8") as file:
        file.write(f"[libvirt]\n{libvirt}{more}")
    return drover.admin("POST", "/drover/v1/config/reload")


def value_of(drover, name, host=None, member="value"):
    query = f"?host={host}" if host else ""
    rows = drover.admin("GET", f"/drover/v1/config{query}").json["config"]
    return next(row[member] for row in rows if row["name"] == name)


@test("the configuration is read anew as a whole or not at all, by groups of hosts (S3-46, S3-47)")
def _():
    drover = Droverd({"fake": {"path": ":memory:"}})
    try:
        for name in ("hosta", "hostb"):
            drover.admin("POST", "/drover/v1/hosts", {"host": {
                "name": name, "uri": f"fake:///{name}", "pool": "instances"}})
        drover.wait_hosts_up(2)
        key = "live_migration_bandwidth"
        answer = reload(drover, f"{key} = 10\n", f"[libvirt:rack1]\nhosts = hostb*\n{key} = 20\n"
                        "[token]\nexpiration = 77\n")
        equal(answer.status, 200, answer.text)
        changes = {(row["name"], row["to"]): row for row in answer.json["reload"]["changes"]}
        equal(changes[key, "10"]["hosts"], ["hosta"], "who is affected by the one")
        equal(changes[key, "20"]["hosts"], ["hostb"], "and by the other")
        equal(changes["expiration", "77"]["needs_restart"], True, "a key that waits")
        equal([value_of(drover, key, host) for host in (None, "hosta", "hostb")],
              ["10", "10", "20"], "what holds for whom")
        equal([value_of(drover, "expiration", member=member)
               for member in ("value", "at_next_start", "where")],
              ["86400", "77", "default"], "what is used, and what waits")
        equal(value_of(drover, key, member="at_next_start"), None, "nothing of it waits")

        answer = reload(drover, f"{key} = 10\n", f"[libvirt:rack1]\nhosts = hostb*\n{key} = 20\n"
                        "[token]\nexpiration = 88\n")
        equal([(row["name"], row["from"], row["to"]) for row in answer.json["reload"]["changes"]],
              [("expiration", "86400", "88")], "what was never in use is not what it was")

        # A document of another product has it in this section.
        for bad, reason in (
                ("[notifications]\nlive_migration_parallel_connections = 2\n",
                 "does not belong into section [notifications], but into [libvirt]"),
                ("[libvirt:rack1]\nhosts = hosta\n[libvirt:rack2]\nhosts = hosta\n",
                 "host 'hosta' is in another group already"),
                ("[libvirt:rack1]\nlive_migration_downtime = 200\n", "has no hosts"),
                ("[libvirt:rack1]\nhosts = hosta\nlive_migration_downtme = 200\n",
                 "'live_migration_downtme' in section [libvirt:rack1]; did you mean "
                 "'live_migration_downtime'?"),
                ("[libvirt:rack1]\nmembers = hosta\n",
                 "unknown key 'members' in section [libvirt:rack1]; did you mean 'hosts'?"),
                ("[libvirt:rack1]\nhosts = hosta\nlive_migration_permit_post_copy = yes\n"
                 "live_migration_parallel_connections = 4\n",
                 "needs QEMU 10.1.0, and host 'hosta'"),
                ("[libvirt:rack1]\nhosts = hosta\nmigration_port_max = 2000\n",
                 "'migration_port_max' = 2000 is below migration_port_min = 49152"),
                ("[libvirt:rack1]\nhosts = host*\nlive_migration_inbound_addr = 10.0.0.1\n",
                 "would be the address of several hosts")):
            answer = reload(drover, f"{key} = 99\n", bad)
            equal(answer.status, 400, bad)
            contains(answer.text, reason, bad)
            contains(answer.text, "drover.conf", "where it is")
            equal(value_of(drover, key), "10", "nothing of it counts")
        equal(reload(drover, f"{key} = 30\n").status, 200, "a good one")
        equal(value_of(drover, key), "30", "it counts again")
        drover.write_config({"fake": {"path": ":memory:"}, "libvirt": {key: 40}})
        drover.process.send_signal(signal.SIGHUP)
        wait_until(lambda: value_of(drover, key) == "40", "SIGHUP does the same", 60, 0.05)
        contains(drover.drover("config", "show", "--host", "hosta"), "drover.conf", "the command")
        equal(value_of(drover, "expiration", member="at_next_start"), None, "it is as it was")
    finally:
        drover.remove()


@test("what known hosts cannot do stops a start as it stops a reload, with the same words (S3-46)")
def _():
    drover = Droverd({"fake": {"path": ":memory:"}})
    try:
        drover.admin("POST", HOSTS, {"host": {"name": "hosta", "uri": "fake:///hosta"}})
        drover.wait_hosts_up(1)
        answer = reload(drover, "live_migration_parallel_connections = 4\n",
                        "live_migration_permit_post_copy = true\n")
        equal(answer.status, 400, answer.text)
        done = subprocess.run(
            [DROVERD, "--config", os.path.join(drover.directory, "drover.conf"), "--check-config"],
            text=True, timeout=30, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        equal(done.returncode, 0, done.stdout)
        contains(done.stdout, "without the hosts: what depends on them", "the check asks no host")
        drover.stop()
        drover.start(wait=False)
        equal(drover.process.wait(30), 2, "the start")
        contains(drover.log(), f"droverd: {answer.message}\n", "its reason")
        contains(answer.message, "drover.conf:8: live_migration_parallel_connections = 4",
                 "which line")
        drover.write_config({"fake": {"path": ":memory:"},
                             "libvirt": {"live_migration_parallel_connections": 4}})
        drover.start()
        drover.wait_hosts_up(1)
    finally:
        drover.remove()


# Section, lines, which of them, what is wrong with it.
WRONG = (
    ("DEFAULT", "config_drive_format = ext4", 1,
     "'config_drive_format' must be vfat or iso9660, not 'ext4'"),
    ("DEFAULT", "config_drive_layout = x", 1,
     "'config_drive_layout' must be openstack or nocloud, not 'x'"),
    ("libvirt", "virt_type = xen", 1, "'virt_type' must be kvm or qemu, not 'xen'"),
    ("fencing", "agent_path = /nonexistent", 1,
     "'agent_path' must be the directory with the fence agents, and there is no directory "
     "'/nonexistent'"),
    ("volumes", "pool = a/b", 1, "'pool' must be the name of a storage pool"),
    ("libvirt", "cpu_mode = any", 1, "'cpu_mode' must be host-model or "),
    ("libvirt", "virt_type =\ncpu_mode = custom", 2, "'cpu_mode' = custom needs cpu_models"),
    ("libvirt", "cpu_models = Nehalem", 1, "'cpu_models' needs cpu_mode = custom"),
    ("libvirt", "cpu_mode = none\ncpu_model_extra_flags = +pcid", 2,
     "'cpu_model_extra_flags' needs a cpu_mode other than none"),
    ("vnc", "server_listen = 10.0.0.1", 1, "'server_listen' must be 127.0.0.1, ::1, 0.0.0.0 or ::"),
    ("spice", "server_listen = ::2", 1, "'server_listen' must be 127.0.0.1, ::1, 0.0.0.0 or ::"),
    ("api", "listen = 8774", 1, "'listen' must be ADDRESS:PORT"),
    ("api", "tls_key = a.pem", 1, "'tls_cert' and 'tls_key' need each other"),
)


@test("--print-machine draws each machine there is, and names them when it is asked for another")
def _():
    def printed(name):
        return subprocess.run([DROVERD, "--print-machine", name], text=True, timeout=30,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    refused = printed("nothing")
    equal(refused.returncode, 2, refused.stdout)
    start = "droverd: there is no machine 'nothing': they are "
    check(refused.stdout.startswith(start), refused.stdout)
    names = [name.strip("'") for name in refused.stdout[len(start):].strip().split(", ")]
    equal(names, ["lifecycle", "migration", "cold", "evacuation", "drain", "drain-item"], "names")
    for name in names:
        done = printed(name)
        equal(done.returncode, 0, done.stdout)
        check(done.stdout.startswith("stateDiagram-v2\n    [*] --> "), done.stdout)
        contains(done.stdout, " --> [*]", f"an end of {name}")


@test("--check-config, a reload and a start refuse the same, with file, line and reason")
def _():
    drover = Droverd({"fake": {"path": ":memory:"}})
    path = os.path.join(drover.directory, "wrong.conf")
    try:
        for section, lines, line, reason in WRONG:
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"[{section}]\n{lines}\n")
            for mode in (["--check-config"], ["--state-dir", drover.directory]):
                done = subprocess.run([DROVERD, "--config", path, *mode], text=True, timeout=30,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                equal(done.returncode, 2, f"{mode} {lines}: {done.stdout}")
                contains(done.stdout, f"droverd: {path}:{line + 1}: {reason}", mode)
            if section != "api":  # which the file of this one has already
                answer = reload(drover, "", f"[{section}]\n{lines}\n")
                equal(answer.status, 400, lines)
                contains(answer.message, reason, "the reload")
    finally:
        drover.remove()


@test("--check-config, a reload and a start take live_migration_progress_timeout, and say that it "
      "is not used (S4-24)")
def _():
    drover = Droverd({"fake": {"path": ":memory:"}})
    path = os.path.join(drover.directory, "drover.conf")
    said = ("'live_migration_progress_timeout' in section [libvirt] is taken and not used: it "
            "cannot tell slow from stuck, for which Nova has deprecated it; "
            "live_migration_completion_timeout and live_migration_timeout_action end what does not")
    try:
        answer = reload(drover, "live_migration_progress_timeout = 150\n")
        equal(answer.status, 200, answer.text)
        with open(path, encoding="utf-8") as file:
            line = 1 + file.read().split("\n").index("live_migration_progress_timeout = 150")
        equal(answer.json["reload"]["warnings"], [f"{path}:{line}: {said}"], "the answer")
        equal(answer.json["reload"]["changes"], [], "nothing follows from it")
        done = subprocess.run([DROVERD, "--config", path, "--check-config"], text=True, timeout=30,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        equal(done.returncode, 0, done.stdout)
        contains(done.stdout, f"{path}:{line}: {said}", "the check")
        drover.stop()
        log = drover.log()
        drover.start()
        contains(drover.log()[len(log):], f"{path}:{line}: {said}", "the start")
    finally:
        drover.remove()


@test("a group of hosts that are not there, or are in a group before it, is warned of (S3-46)")
def _():
    drover = Droverd({"fake": {"path": ":memory:"}})
    try:
        for name in ("hosta", "hostb"):
            drover.admin("POST", HOSTS, {"host": {"name": name, "uri": f"fake:///{name}"}})
        groups = ("[libvirt:one]\nhosts = nosuchhost, hosta, rack9-*\n"
                  "[libvirt:two]\nhosts = host*\n[libvirt:three]\nhosts = hostb, hosta?\n")
        answer = reload(drover, "", groups)
        equal(answer.status, 200, answer.text)
        path = os.path.join(drover.directory, "drover.conf")
        wanted = [f"{path}:9: there is no host 'nosuchhost', which is in group [libvirt:one]",
                  f"{path}:13: group [libvirt:three] holds for no host: [libvirt:two] of {path}:10 "
                  "comes before it and has them"]
        equal(answer.json["reload"]["warnings"], wanted, "the answer")
        log = drover.log()
        for sentence in wanted:
            contains(log, sentence, "the log")
        drover.stop()
        drover.start()
        for sentence in wanted:
            contains(drover.log()[len(log):], sentence, "the log of the start")
    finally:
        drover.remove()
