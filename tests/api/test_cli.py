# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""The drover command: what it says with a request, and what it does when it is interrupted."""
import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import tempfile
import time

from drover import DROVER, TOP
from tap import check, contains, equal, wait_until
from test_drain import force_complete, wait_moving, wait_state
from test_evacuate import force_down
from test_lint import ENDLESS
from world import Cloud, test, world

WHY = "new kernel, Küche 3; \"rack 7\""


def reasons(cloud, server):
    """Of its migrations, newest first."""
    answer = cloud.other("GET", f"/drover/v1/migrations?instance_uuid={server}")
    return [row["reason"] for row in answer.json["migrations"]]


@test("a move says why, whichever verb asks for it, and the list and the migration show it (S3-01)")
def _():
    cloud = world.fast
    drover = cloud.drover.drover
    server = cloud.create("why")
    drover("server", "migrate", "--live-migration", "--reason", WHY, "--wait", "why")
    drover("server", "migrate", "--live-migration", "--wait", "why")
    drover("live-migration", "--reason", "by runbook", "why")
    cloud.wait_idle(server)
    drover("server", "migrate", "--reason", "cold", "--wait", "why")
    drover("server", "migrate", "confirm", "--wait", "why")
    equal(reasons(cloud, server), ["cold", "by runbook", None, WHY], "what was said")
    rows = json.loads(drover("server", "migration", "list", "--server", "why", "--long", "--json"))
    equal([row["reason"] for row in rows], ["cold", "by runbook", None, WHY], "the long list")
    rows = json.loads(drover("server", "migration", "list", "--server", "why", "--long", "--type",
                             "migration", "--status", "confirmed", "--json"))
    equal([row["reason"] for row in rows], ["cold"], "the list of one type")
    shown = drover("server", "migration", "show", "why", str(rows[0]["id"]), "-f", "value", "-c",
                   "reason")
    equal(shown, "cold\n", "one migration")
    for said, answer, wanted in (("x" * 256, "one line of at most 255 characters", 1),
                                 ("two\nlines", "one line of text", 2)):
        code, output = drover("server", "migrate", "--reason", said, "why", check=False)
        equal(code, wanted, output)
        contains(output, answer, "the refusal")
    equal(len(reasons(cloud, server)), 4, "a refusal moved it")
    cloud.delete(server)


@test("an evacuation says why as well, of one server and of a host (S3-01)")
def _():
    cloud = Cloud(("hosta", "hostb"))
    try:
        server = cloud.create("why", host="hosta")
        equal(force_down(cloud, "hosta", True).status, 200, "down")
        # The fake host lives and says so: each ends in an error, and is told all the same.
        cloud.drover.drover("server", "evacuate", "--reason", "power supply", "why")
        cloud.wait_idle(server)
        row, = json.loads(cloud.drover.drover("host", "evacuate", "--reason", "fire", "--json",
                                              "hosta"))
        equal((row["evacuate"], row["reason"]), ("accepted", None), "what programs are told")
        cloud.wait_idle(server)
        equal(reasons(cloud, server), ["fire", "power supply"], "what was said")
    finally:
        cloud.drover.remove()


@test("--wait ends when what was asked for has failed, and says its reason")
def _():
    cloud = Cloud(("hosta",), more={"hypervisor": {
        "filters": "fault:destroy_guest=refused, fault:pause_guest=refused"}})
    try:
        server = cloud.create("fails")
        drover = cloud.drover.drover
        # Its guest hears the power button, so the plug is wanted for a hard reboot alone.
        for verb in (("reboot", "--hard"), ("pause",)):
            code, output = drover("server", *verb, "--wait", "fails", check=False, timeout=60)
            equal(code, 1, output)
            contains(output, "failed by a fault filter", f"why {verb} failed")
            equal(cloud.get(f"/servers/{server}")["server"]["status"], "ACTIVE", verb)
        drover("server", "stop", "--wait", "fails", timeout=60)
        drover("server", "start", "--wait", "fails", timeout=60)
    finally:
        cloud.drover.remove()


def interrupt(cloud, *arguments):
    """Runs a command, sends SIGINT once it has said something; (exit code, all that it said)."""
    process = subprocess.Popen([DROVER, *arguments], stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               env=cloud.drover.client_env())
    try:
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        return process.wait(30), first + process.stdout.read()
    finally:
        process.kill()
        process.stdout.close()


@test("Ctrl-C ends the waiting and not the migration, and says how to go on")
def _():
    cloud = world.slow
    server = cloud.create("patient")
    code, output = interrupt(cloud, "server", "migrate", "--live-migration", "--wait", "patient")
    equal(code, 130, output)
    row = cloud.wait_migration(server, "running")
    contains(output, f"migration {row['id']} of server {server} goes on", "what it said")
    contains(output, f"drover server migration watch {row['id']}", "how to watch it")
    abort = f"server migration abort {server} {row['id']}"
    contains(output, f"drover {abort}", "how to give it up")
    code, output = interrupt(cloud, "server", "migration", "watch", str(row["id"]))
    equal(code, 130, output)
    equal(cloud.migrations(server)[0]["status"], "running", "it goes on")
    cloud.drover.drover(*abort.split())
    cloud.wait_migration(server, "cancelled")
    cloud.delete(server)


@test("Ctrl-C ends the waiting for a drain or a restore and not the job, and says which it is, how "
      "to follow it and how to give it up; without a terminal each change of it is a line [S2-25]")
def _():
    cloud = world.slow
    server = cloud.create("awaited", host="hosta")
    for kind in ("drain", "restore"):
        code, output = interrupt(cloud, "host", kind, "hosta", "--wait")
        equal(code, 130, output)
        check(re.match("hosta: running, 0 of 1 moved, [01] under way, 0 blocked\n", output), output)
        contains(output, f"interrupted: the {kind} of host 'hosta' goes on; 'drover drain show "
                 "hosta --wait' follows it, and 'drover drain cancel hosta' gives it up\n", kind)
        moving = wait_moving(cloud, "hosta")
        process = start(cloud, "drain", "show", "hosta", "--wait")
        try:
            equal(process.stderr.readline(),
                  "hosta: running, 0 of 1 moved, 1 under way, 0 blocked\n", "the first line")
            force_complete(cloud, moving)
            equal(process.wait(60), 0, "how it ended")
        finally:
            process.kill()
            process.stderr.close()
        wait_state(cloud, "hosta", "done")
    cloud.delete(server)


@test("Ctrl-C ends the waiting for canaries and not the canaries, and says how to see what came of "
      "them [S4-11]")
def _():
    cloud = Cloud(("hosta", "hostb"), more=ENDLESS)
    try:
        process = start(cloud, "host", "lint", "hosta", "hostb")
        try:
            wait_until(lambda: cloud.drover.log().count("/drover/v1/lint") > 1, "it waits", 20,
                       0.02)
            process.send_signal(signal.SIGINT)
            equal((process.wait(30), process.stderr.read()),
                  (130, "drover: interrupted: the canaries go on, and end by themselves; 'drover "
                   "host lint --no-canaries hosta hostb' tells what came of them\n"), "the end")
        finally:
            process.kill()
            process.stderr.close()
    finally:
        cloud.drover.remove()


def on_tokens(cloud, statement):
    with contextlib.closing(sqlite3.connect(
            f"{cloud.drover.directory}/drover.db", timeout=20)) as rows, rows:
        return rows.execute(statement).fetchall()


@test("--wait goes on when its token has ended: it logs in anew; with a token alone it cannot")
def _():
    cloud = world.slow
    server = cloud.create("longer")
    (before,), = on_tokens(cloud, "select max(rowid) from tokens")
    waits = start(cloud, "server", "migrate", "--live-migration", "--wait", "longer")
    row = cloud.wait_migration(server, "running")
    given = start(cloud, "--os-token", cloud.drover.login(), "server", "migration", "watch",
                  str(row["id"]))
    try:
        for process in (waits, given):
            check(any(line.startswith("running") for line in process.stderr), "it waits")
        on_tokens(cloud, f"delete from tokens where rowid > {before}")
        equal((given.wait(30), given.stderr.read()),
              (1, "drover: The request you have made requires authentication.\n"),
              "with a token alone")
        equal(waits.poll(), None, "it waits on")
        force_complete(cloud, {"instance_uuid": server, "migration_id": row["id"]})
        equal(waits.wait(60), 0, "the command")
    finally:
        for process in (waits, given):
            process.kill()
            process.stderr.close()
    cloud.delete(server)


@test("what finds no room on standard output is no success")
def _():
    for arguments in (("host", "list", "--json"), ("--help",)):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([DROVER, *arguments], check=False, stdin=subprocess.DEVNULL,
                                  stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
                                  env=world.fast.drover.client_env())
        equal((done.returncode, done.stderr),
              (1, "drover: not all of it could be written to standard output: No space left on "
               "device\n"), arguments)


@test("OS_AUTH_URL may be host and port alone, or anything above version 3")
def _():
    cloud = world.fast
    for path in ("", "/", "/identity", "/identity/", "/identity/v3", "/identity/v3/"):
        output = cloud.drover.drover("--os-auth-url", cloud.drover.url + path, "host", "list")
        contains(output, "hosta", path)
    for path, text in (("/nonsense", "cannot log in"), ("/image", "cannot log in")):
        code, output = cloud.drover.drover("--os-auth-url", cloud.drover.url + path, "host", "list",
                                           check=False)
        equal(code, 1, output)
        contains(output, text, path)


@test("a host tells what it can do and why not, and what is known of its pool "
      "(S4-01 S4-16 S4-17 S4-18 S4-19 S4-20 S4-21)")
def _():
    cloud = world.fast
    drover = cloud.drover.drover
    rows = json.loads(drover("host", "capabilities", "hosta", "--json"))
    seen = {row["capability"]: (row["available"], row["reason"]) for row in rows}
    for name, available, reason in (
            ("live-migration", "yes", "QEMU 10.0.2, libvirt 11.3.0"),
            ("live-migration-on-shared-storage", "no", "no other host has its pool 'instances'"),
            ("block-migration", "yes", "copied while the guest runs"),
            ("cold-migration", "yes", "copied while the guest is off"),
            ("post-copy", "no", "live_migration_permit_post_copy is false"),
            ("auto-converge", "no", "live_migration_permit_auto_converge is false"),
            ("parallel-connections", "no", "live_migration_parallel_connections is 1"),
            ("tls", "yes", "live_migration_with_native_tls is true"),
            ("kvm", "yes", "processor's speed"), ("uefi", "yes", "firmware"),
            ("tpm", "no", "swtpm_enabled is false"), ("evacuation", "no", "drover host set"),
            ("volumes", "yes", "in the pool 'volumes'")):
        equal(seen[name][0], available, f"{name}: {seen[name]}")
        contains(seen[name][1], reason, name)
    everywhere = json.loads(drover("host", "capabilities", "--json"))
    equal(sorted({row["host"] for row in everywhere}), ["hosta", "hostb", "hostc"], "all hosts")
    code, output = drover("host", "capabilities", "nowhere", check=False)
    equal((code, output), (1, "drover: there is no host 'nowhere'\n"), "an unknown host")
    storage = json.loads(drover("host", "show", "hosta", "--json"))["storage"]
    equal((storage["pool"], storage["type"], storage["owner"], storage["mode"],
           storage["shared_with"]), ("instances", "dir", "0", "0711", []), "its pool")
    equal(storage["capacity_bytes"] >= storage["available_bytes"] > 0, True, "its space")
    contains(storage["tried"], "marker", "what was tried")
    contains(storage["cannot_see"], "export", "what nobody can see from here")
    table = drover("host", "show", "hosta")
    for line in ("storage.mode ", "facts.arch ", "usage.vcpus "):
        contains(table, "\n" + line, "the table")
    equal(cloud.other("GET", "/drover/v1/hosts/hosta/capabilities", user="member").status, 403,
          "a member")


@test("hosts that have the same pool tell so, and their other answers change with it")
def _():
    cloud = Cloud(())
    try:
        for name in ("left", "right"):
            cloud.add_host(name, pool="shared")
        cloud.drover.wait_hosts_up(2)


        def shared_with(host):
            return json.loads(
                cloud.drover.drover("host", "show", host, "--json"))["storage"]["shared_with"]
        wait_until(lambda: shared_with("left") == ["right"] and shared_with("right") == ["left"],
                   "each knows the other", 20, 0.1)
        rows = json.loads(cloud.drover.drover("host", "capabilities", "right", "--json"))
        seen = {row["capability"]: (row["available"], row["reason"]) for row in rows}
        equal(seen["live-migration-on-shared-storage"],
              ("yes", "its pool 'shared' is shared with left: no disk is copied"), "shared")
        contains(seen["evacuation"][1], "root disks are kept", "evacuation")
    finally:
        cloud.drover.remove()


@test("every key of the configuration is listed with its default and what it is for (S4-44)")
def _():
    drover = world.fast.drover.drover
    rows = {row["key"]: row for row in json.loads(drover("config", "list", "--json"))}
    row = rows["live_migration_downtime"]
    equal((row["section"], row["default"], row["needs_restart"]), ("libvirt", "500", False), "one")
    equal([key for key, row in rows.items() if not row["help"]], [], "keys without a sentence")
    set_here = [row["key"] for row in json.loads(drover("config", "show", "--json"))
                if row["from"] != "default"]
    contains(set_here, "listen", "what the tests have set")


@test("what is misspelt or empty is refused, and never taken for everything or for nothing")
def _():
    drover = world.fast.drover.drover
    for arguments, code, text in (
            (("host", "evacuate", "nowhere"), 1, "drover: there is no host 'nowhere'\n"),
            (("host", "show", ""), 2, "drover: an argument is empty: drover host show HOST\n"),
            (("server", "delete", ""), 2,
             "drover: an argument is empty: drover server delete SERVER...\n")):
        equal(drover(*arguments, check=False), (code, text), arguments)


@test("wrong usage ends with 2, whoever finds it: the parser, or the command itself")
def _():
    drover = world.fast.drover.drover
    for arguments, text in (
            (("server", "list", "--wide"), "has no option '--wide'"),
            (("server", "list", "--name"), "--name needs a value"),
            (("server", "list", "-f", "xml"), "-f is table, json or value"),
            (("server", "list", "-c", "colour"), "there is no column 'colour'"),
            (("server", "create", "x"), "say --flavor"),
            (("server", "migrate", "--pause-first", "x"), "needs --live-migration"),
            (("server", "migrate", "--live-migration", "--block-migration", "--shared-migration",
              "x"), "exclude each other"),
            (("server", "migration", "list", "--limit", "many"), "must be a whole number"),
            (("server", "migration", "list", "--status", "bogus"),
             "--status is one of accepted, queued, "),
            (("server", "migration", "list", "--type", "bogus"), "--type is one of live-"),
            (("server", "migrate", "--live-migration", "--host", "hosta", "--host=hostb", "x"),
             "--host is given twice"),
            (("server", "resize", "x"), "say one of --flavor"),
            (("console", "log", "show", "--lines", "0", "x"), "must be a whole number"),
            (("compute", "service", "set", "hosta"), "say one of --enable"),
            (("compute", "service", "set", "--enable", "--disable", "--up", "hosta"),
             "say one of --enable"),
            (("compute", "service", "set", "--up", "--down", "--enable", "hosta"),
             "say one of --enable"),
            (("explain", "--live", "--cold", "x"), "say one of --live"),
            (("explain", "--cold", "--rehearse", "x"), "--rehearse is of a live migration"),
            (("explain", "--evacuate", "--block-migration", "x"),
             "--block-migration is of a live migration, and --evacuate of another move"),
            (("host", "lint", *(f"host{i}" for i in range(17))),
             "'host16' is too much: drover host lint [HOST...] takes 16 at most"),
            (("image", "create", "x"), "say --file"),
            (("network", "create", "x"), "say --bridge"),
            (("volume", "create", "--size", "big", "x"), "must be a whole number"),
            (("volume", "register", "x"), "say --uri"),
            (("user", "create", "x"), "say --password-file"),
            (("role", "add", "member"), "say --user and --project"),
            (("host", "add", "x"), "say --uri"),
            (("host", "set", "hosta"), "nothing else can be set")):
        code, output = drover(*arguments, check=False)
        equal(code, 2, f"{arguments}: {output}")
        contains(output, text, arguments)
    equal(drover("server", "show", "nobody", check=False),
          (1, "drover: there is no server 'nobody'\n"), "what is not there is no wrong usage")
    # An alias may have them.
    url = world.fast.drover.url
    equal(drover("--os-auth-url", "http://nowhere.test", "-f", "json", "host", "list", "-c", "name",
                 "-f", "value", "--os-auth-url", url), "hosta\nhostb\nhostc\n",
          "the last one of the common options counts")


@test("a list of servers goes on behind one that is not there, says which, and does not end with "
      "0; a name may look like an ID")
def _():
    cloud = world.fast
    drover = cloud.drover.drover
    looks = "0b0c0d0e-1111-4222-8333-444455556666"
    servers = [cloud.create(name) for name in ("first", looks)]
    equal(json.loads(drover("server", "show", looks, "--json"))["id"], servers[1], "by its name")
    equal(drover("server", "show", looks.replace("0b", "aa"), check=False)[0], 1, "neither")
    code, output = drover("server", "stop", "--wait", "nobody", "first", "nothing", looks,
                          check=False)
    equal((code, output), (1, "drover: there is no server 'nobody'\ndrover: there is no server "
                              "'nothing'\ndrover: 2 of 4 failed\n"), "stop")
    for server in servers:
        equal(cloud.server(server)["status"], "SHUTOFF", "it was stopped")
    code, output = drover("server", "delete", "--wait", "nobody", *servers, check=False)
    equal((code, output), (1, "drover: there is no server 'nobody'\ndrover: 1 of 3 failed\n"),
          "delete")
    for server in servers:
        equal(cloud.send("GET", f"/servers/{server}").status, 404, "it is gone")
    for noun in ("image", "flavor", "network", "volume"):
        code, output = drover(noun, "delete", "x", "y", check=False)
        equal((code, output), (1, f"drover: there is no {noun} 'x'\ndrover: there is no {noun} "
                                  "'y'\ndrover: 2 of 2 failed\n"), noun)


@test("console log show prints the console's lines and none behind them, in both clients")
def _():
    cloud = world.fast
    server = cloud.create("talker")
    for length, lines in ((None, ()), (1, ("--lines", "1"))):
        body = {"os-getConsoleOutput": {"length": length}}
        text = cloud.do(server, body, 200).json["output"]
        check(text.endswith("\n") and text.strip(), text)
        for client in (cloud.drover.drover, cloud.drover.openstack):
            equal(client("console", "log", "show", *lines, "talker"), text, (client, lines))
    cloud.delete(server)


@test("without a pool for volumes a host says that those on the network are what it can have")
def _():
    cloud = Cloud(("hosta",), more={"volumes": {}})
    try:
        rows = json.loads(cloud.drover.drover("host", "capabilities", "hosta", "--json"))
        row, = (row for row in rows if row["capability"] == "volumes")
        equal((row["available"], row["reason"]),
              ("yes", "those on the network (NBD, iSCSI) alone: without [volumes] pool none is "
               "made here"), "volumes")
    finally:
        cloud.drover.remove()


@test("a host or server that is not there is an error, and no empty list of migrations; one that "
      "was removed has its migrations still; --host '' and an unknown power are wrong usage")
def _():
    cloud = Cloud(("hosta", "hostb", "hostc"))
    drover = cloud.drover.drover
    try:
        for more in ((), ("--long",)):
            moves = ("server", "migration", "list", *more, "--host")
            equal(drover(*moves, "hosta", "--json"), "[]\n", "none")
            equal(drover(*moves, "nope", check=False),
                  (1, "drover: there is no host 'nope'\n"), "an unknown host")
        for name in ("nope", "11111111-2222-4333-8444-555555555555"):
            equal(drover("server", "migration", "list", "--server", name, check=False),
                  (1, f"drover: there is no server '{name}'\n"), "an unknown server")
        server = cloud.create("once", host="hosta")
        drover("server", "migrate", "--live-migration", "--host", "hostb", "--wait", "once")
        drover("host", "remove", "hosta")
        rows = json.loads(drover("server", "migration", "list", "--host", "hosta", "--json"))
        equal([row["server"] for row in rows], [server], "of a host that was removed")
        for arguments, reason in (
                (("server", "migrate", "--live-migration", "--host", "", "once"),
                 "--host needs the name of a host"),
                (("server", "migration", "list", "--host="), "--host needs the name of a host"),
                (("host", "power", "hostb", "reboot"),
                 "the power is told to be status, off or on, not 'reboot'")):
            code, text = drover(*arguments, check=False)
            equal((code, text), (2, f"drover: {reason}\n"), str(arguments))
        equal(json.loads(drover("host", "evacuate", "hostc", "--json")), [], "nothing is there")
    finally:
        cloud.drover.remove()


@test("a user's password comes from a file or from standard input, and is in no log")
def _():
    cloud = world.fast
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("first of the file\nsecond\n")
        file.flush()
        cloud.drover.drover("user", "create", "--password-file", file.name, "filed")
    done = subprocess.run([DROVER, "user", "create", "--password-file", "-", "piped"], check=False,
                          input="first of the pipe\n", text=True, capture_output=True,
                          env=cloud.drover.client_env())
    equal(done.returncode, 0, done.stderr)
    for name in ("file", "pipe"):
        password = f"first of the {name}"
        answer = cloud.drover.send("POST", "/identity/v3/auth/tokens", {"auth": {"identity": {
            "methods": ["password"], "password": {"user": {
                "name": name + "d", "domain": {"id": "default"}, "password": password}}}}})
        equal(answer.status, 201, f"{name}: {answer.text}")
        check(password not in cloud.drover.log() + done.stdout + done.stderr, "it is told")


def start(cloud, *arguments):
    """A command that goes on; its standard error is a pipe."""
    return subprocess.Popen([DROVER, *arguments], stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            env=cloud.drover.client_env())


def wait_stopping(cloud, server):
    wait_until(lambda: cloud.server(server)["OS-EXT-STS:task_state"] == "powering-off",
               "it is stopped", 20, 0.02)


@test("--wait ends when its own request is done, whatever others have made of the server since")
def _():
    cloud = Cloud(("hosta",), {"shutdown_ms": 8000}, {"shutdown_timeout": 30})
    try:
        server = cloud.create("busy")
        process = start(cloud, "server", "stop", "--wait", "busy")
        try:
            wait_stopping(cloud, server)
            process.send_signal(signal.SIGSTOP)
            cloud.wait_status(server, "SHUTOFF")
            cloud.do(server, {"os-start": None})
            cloud.wait_status(server, "ACTIVE")
            process.send_signal(signal.SIGCONT)
            equal((process.wait(60), process.stderr.read()), (0, ""), "the command")
        finally:
            process.kill()
            process.stderr.close()
    finally:
        cloud.drover.remove()


@test("--wait goes on over a restart of droverd, and says so")
def _():
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        cloud = Cloud(("hosta",), {"path": os.path.join(directory, "fleet.db"),
                                   "shutdown_ms": 8000}, {"shutdown_timeout": 30})
        try:
            server = cloud.create("patient")
            process = start(cloud, "server", "stop", "--wait", "patient")
            try:
                wait_until(lambda: "os-instance-actions" in cloud.drover.log(), "it waits", 20,
                           0.02)
                cloud.drover.kill()
                contains(process.stderr.readline(), "what was asked for goes on; trying again",
                         "the first line")
                time.sleep(1)  # it tries several times meanwhile, and says so once
                cloud.drover.start()
                equal((process.wait(60), process.stderr.read()), (0, ""), "the command")
            finally:
                process.kill()
                process.stderr.close()
            equal(cloud.server(server)["status"], "SHUTOFF", "the server")
        finally:
            cloud.drover.remove()


@test("a list that is too wide for the terminal is shortened, then told what it leaves out")
def _():
    cloud = world.fast
    server = cloud.create("a-name-that-is-rather-long")
    cloud.drover.drover("server", "migrate", "--live-migration", "--wait", server)
    for width, left_out in ((80, True), (200, False)):
        command = f"stty cols {width} rows 24; exec {DROVER} server migration list --long"
        output = cloud.drover._run(["script", "-qec", command, "/dev/null"], True, 60, {})
        lines = output.replace("\r", "").splitlines()
        check(all(len(line) <= width for line in lines if not line.startswith("Not shown")), output)
        equal(lines[-1].startswith("Not shown, as the terminal is narrow: ") and
              lines[-1].endswith("UUID. -c chooses columns."), left_out, output)
    cloud.delete(server)


@test("the statuses that a list of migrations can be asked for are those that migrations can have")
def _():
    drover = world.fast.drover.drover
    _, output = drover("server", "migration", "list", "--status", "bogus", check=False)
    known = output.split("--status is one of ")[1].split(", and 'bogus'")[0].split(", ")
    had = set()
    for kind in ("migration", "cold", "evacuation"):
        with open(os.path.join(TOP, "src", kind, "states.h"), encoding="utf-8") as file:
            had.update(re.findall(r'X\(\w+, "[a-z]+", "([^"]+)", "', file.read()))
    equal(sorted(known), sorted(had), "the lists")
    for status in known:
        equal(drover("server", "migration", "list", "--status", status, check=False)[0], 0, status)


@test("--help after a group of commands lists them, wherever the group's words stand")
def _():
    drover = world.fast.drover.drover
    for group, row in (("server", "  server migration list"),
                       ("server migration", "  server migration list"),
                       ("migration", "  server migration list"), ("host", "  host evacuate"),
                       ("config", "  config reload"), ("volume", "  volume create"),
                       ("console", "  console log show")):
        for arguments in ((*group.split(), "--help"), ("help", *group.split())):
            code, output = drover(*arguments, check=False)
            equal(code, 0, f"{arguments}: {output}")
            contains(output, row, arguments)
    code, output = drover("nothing", "--help", check=False)
    equal((code, output), (2, "drover: there is no command 'nothing': see 'drover --help'\n"),
          "none")
    code, output = drover("server", check=False)
    equal(code, 2, output)
