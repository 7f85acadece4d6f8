# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""The drover command: what it says with a request, and what it does when it is interrupted."""
import json
import signal
import subprocess

from drover import DROVER
from tap import contains, equal
from test_evacuate import force_down
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
    for said, answer in (("x" * 256, "one line of at most 255 characters"),
                         ("two\nlines", "one line of text")):
        code, output = drover("server", "migrate", "--reason", said, "why", check=False)
        equal(code, 1, output)
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
        cloud.drover.drover("host", "evacuate", "--reason", "fire", "hosta")
        cloud.wait_idle(server)
        equal(reasons(cloud, server), ["fire", "power supply"], "what was said")
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
