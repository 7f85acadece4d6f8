# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Maintenance: a host is emptied by a job of droverd, and gets back what was on it."""
import functools
import json
import os
import re
import signal
import sqlite3
import subprocess
import tempfile

from drover import DROVER
from tap import check, contains, equal, wait_until
from test_lint import send_canaries, wait_canaries
from world import Cloud, test, world


def ask(cloud, host, verb="drain", status=202, user="admin", **options):
    answer = cloud.other("POST", f"/drover/v1/hosts/{host}/{verb}", {verb: options}, user=user)
    equal(answer.status, status, answer.text)
    return answer.json.get("plan" if options.get("dry_run") else "drain", answer.json)


def show(cloud, host):
    answer = cloud.other("GET", f"/drover/v1/hosts/{host}/drain")
    equal(answer.status, 200, answer.text)
    return answer.json["drain"]


def wish(cloud, host, wanted, status=202):
    answer = cloud.other("PATCH", f"/drover/v1/hosts/{host}/drain", {"drain": {"wanted": wanted}})
    equal(answer.status, status, answer.text)
    return answer


def wait_state(cloud, host, *states):
    seen = {}

    def look():
        seen.update(show(cloud, host))
        return seen["state"] in states and seen
    return wait_until(look, f"the drain of {host} is {states}; it is {seen}", 40, 0.05)


def items_of(drain):
    return {row["instance_name"]: row for row in drain["items"]}


def host_row(cloud, host):
    return cloud.other("GET", f"/drover/v1/hosts/{host}").json["host"]


def set_enabled(cloud, host, is_enabled):
    rows = cloud.get(f"/os-services?binary=nova-compute&host={host}", "2.53")["services"]
    answer = cloud.send("PUT", f"/os-services/{rows[0]['id']}",
                        {"status": "enabled" if is_enabled else "disabled"}, "2.53")
    equal(answer.status, 200, answer.text)


def servers_on(cloud, host):
    return sorted(row["name"] for row in
                  cloud.get(f"/servers?all_tenants=1&host={host}", "2.53")["servers"])


def drover(cloud, *arguments, code=0):
    """What the command line says."""
    environment = dict(os.environ, OS_AUTH_URL=cloud.drover.url + "/identity/v3",
                       OS_USERNAME="admin", OS_PASSWORD=cloud.drover.password,
                       OS_PROJECT_NAME="admin", OS_USER_DOMAIN_NAME="Default",
                       OS_PROJECT_DOMAIN_NAME="Default")
    done = subprocess.run([DROVER, *arguments], capture_output=True, text=True, env=environment,
                          timeout=60)
    equal(done.returncode, code, f"{arguments}: {done.stdout}{done.stderr}")
    return done.stdout


def wait_moving(cloud, host):
    """The item of a drain whose migration runs."""
    return wait_until(lambda: [row for row in show(cloud, host)["items"]
                               if row["state"] == "moving"
                               and (seen := cloud.migrations(row["instance_uuid"]))
                               and seen[0]["status"] == "running"], "one is moving", 15, 0.05)[0]


def force_complete(cloud, row):
    answer = cloud.send("POST", f"/servers/{row['instance_uuid']}/migrations/"
                        f"{row['migration_id']}/action", {"force_complete": None}, "2.96")
    equal(answer.status, 202, answer.text)


@test("a drain does what its dry run has shown, tells why to whoever looks, and restore undoes it "
      "[S2-25 S1-07]")
def _():
    cloud = world.fast
    running = cloud.create("running", host="hosta")
    paused = cloud.create("paused", host="hosta")
    stopped = cloud.create("stopped", host="hosta")
    other = cloud.create("other", host="hostb")
    cloud.do(paused, {"pause": None})
    cloud.do(stopped, {"os-stop": None})
    cloud.wait_status(paused, "PAUSED")
    cloud.wait_status(stopped, "SHUTOFF")
    plan = ask(cloud, "hosta", status=200, dry_run=True)
    equal((plan["moves"], plan["stay"]), (3, 0), "the plan")
    planned = {row["instance_name"]: (row["move"], row["dest_host"]) for row in plan["steps"]}
    equal({name: move for name, (move, _) in planned.items()},
          {"running": "live", "paused": "live", "stopped": "cold"}, "how each moves")
    equal(host_row(cloud, "hosta")["status"], "enabled", "nothing was touched")
    drain = ask(cloud, "hosta", reason="new kernel")
    equal((drain["kind"], drain["progress"]["total"]), ("drain", 3), "what is accepted")
    drain = wait_state(cloud, "hosta", "done", "blocked")
    equal((drain["state"], drain["progress"]["moved"]), ("done", 3), drain)
    equal({name: (row["move"], row["dest_host"]) for name, row in items_of(drain).items()},
          planned, "what was done, and what was shown")
    equal(servers_on(cloud, "hosta"), [], "the host is empty")
    row = host_row(cloud, "hosta")
    equal((row["status"], row["disabled_reason"]),
          ("disabled", f"drain {drain['id']}: new kernel"), "the host")
    equal(row["usage"]["vcpus"], 0, "nothing is claimed on it, so the cold move is confirmed")
    equal([cloud.server(one)["status"] for one in (running, paused, stopped)],
          ["ACTIVE", "PAUSED", "SHUTOFF"], "what the servers do")
    migration = cloud.other("GET", f"/drover/v1/migrations?instance_uuid={running}").json
    equal(migration["migrations"][0]["reason"], f"drain {drain['id']} of hosta: new kernel", "why")
    # What was moved again since stays where it is.
    equal(cloud.live_migrate(paused).status, 202, "another move")
    cloud.wait_migration(paused, "completed", "error")
    cloud.wait_idle(paused)
    plan = ask(cloud, "hosta", "restore", status=200, dry_run=True)
    equal(sorted(row["instance_name"] for row in plan["steps"]), ["running", "stopped"], "back")
    ask(cloud, "hosta", "restore")
    drain = wait_state(cloud, "hosta", "done", "blocked")
    equal((drain["kind"], drain["state"], drain["progress"]["moved"]), ("restore", "done", 2),
          drain)
    equal(servers_on(cloud, "hosta"), ["running", "stopped"], "what is back")
    equal(host_row(cloud, "hosta")["status"], "enabled", "the host")
    equal(ask(cloud, "hosta", "restore", status=200, dry_run=True)["steps"], [], "it is done")
    listed = cloud.other("GET", "/drover/v1/drains?host=hosta").json["drains"]
    equal([row["kind"] for row in listed[:2]], ["restore", "drain"], "both are listed")
    for row in listed[:2]:
        answer = cloud.other("GET", f"/drover/v1/drains/{row['id']}")
        equal(answer.status, 200, answer.text)
        one = answer.json["drain"]
        equal(dict(row, items=one["items"]), one, "each by its id, with its items")
        equal(len(one["items"]), row["progress"]["total"], one)
    cloud.delete(running, paused, stopped, other)


@test("what cannot be moved stays with its reason and the fix, and the drain is blocked, not done")
def _():
    cloud = world.fast
    fine = cloud.create("fine", host="hosta")
    resized = cloud.create("resized", host="hostb")
    cloud.do(resized, {"migrate": {"host": "hosta"}})
    cloud.wait_status(resized, "VERIFY_RESIZE")
    plan = ask(cloud, "hosta", status=200, dry_run=True)
    equal((plan["moves"], plan["stay"]), (1, 1), plan)
    ask(cloud, "hosta")
    drain = wait_state(cloud, "hosta", "done", "blocked")
    items = items_of(drain)
    equal((drain["state"], items["fine"]["state"], items["resized"]["state"]),
          ("blocked", "moved", "blocked"), drain)
    contains(items["resized"]["message"], "waits for a word", "why it stays")
    contains(items["resized"]["fix"], "confirm", "what helps")
    equal(servers_on(cloud, "hosta"), ["resized"], "what is left")
    # The host that it came from keeps a copy, which nobody sees among its servers.
    plan = ask(cloud, "hostb", status=200, dry_run=True)
    equal((plan["moves"], plan["stay"], plan["wait"]), (0, 1, 0), plan)
    equal([plan["steps"][0][key] for key in ("instance_name", "reason", "fix")],
          ["resized", items["resized"]["message"], items["resized"]["fix"]], "the dry run says it")
    contains(drover(cloud, "host", "drain", "hostb", "--dry-run", code=1), "1 would stay",
             "on a terminal")
    ask(cloud, "hostb")
    drain = wait_state(cloud, "hostb", "done", "blocked")
    equal((drain["state"], items_of(drain)["resized"]["state"]), ("blocked", "blocked"), drain)
    cloud.do(resized, {"confirmResize": None}, 204)
    cloud.wait_status(resized, "ACTIVE")
    ask(cloud, "hostb", "restore")
    wait_state(cloud, "hostb", "done", "blocked")
    ask(cloud, "hosta")
    equal(wait_state(cloud, "hosta", "done", "blocked")["state"], "done", "once it is confirmed")
    ask(cloud, "hosta", "restore")
    wait_state(cloud, "hosta", "done", "blocked")
    equal(servers_on(cloud, "hosta"), ["fine", "resized"], "a restore is of all drains before it")
    cloud.delete(fine, resized)


@test("a drain is paused, goes on, and is given up; what is under way comes to its end")
def _():
    cloud = world.slow
    servers = {name: cloud.create(name, host="hosta") for name in ("one", "two", "three")}

    def moving():
        rows = [row for row in show(cloud, "hosta")["items"] if row["state"] == "moving"]
        migrations = rows and cloud.migrations(rows[0]["instance_uuid"])
        return migrations and migrations[0]["status"] == "running" and rows[0]

    def finish(row):
        force_complete(cloud, row)
        wait_until(lambda: items_of(show(cloud, "hosta"))[row["instance_name"]]["state"] == "moved",
                   "it is moved", 15, 0.05)

    ask(cloud, "hosta", parallel=1)
    first = wait_until(moving, "one is moving", 15, 0.05)
    equal(cloud.other("POST", "/drover/v1/hosts/hosta/drain", {"drain": {}}).status, 409, "again")
    equal(cloud.other("POST", "/drover/v1/hosts/hosta/restore", {"restore": {}}).status, 409,
          "a restore meanwhile")
    for verb in ("drain", "restore"):
        contains(str(ask(cloud, "hosta", verb, 409, dry_run=True)), "is under way",
                 "what would be refused is not promised")
    # What kept those who wait for their turn is forgotten when it is no longer so.
    for is_enabled, reason in ((False, "failed 'enabled'"), (True, None)):
        set_enabled(cloud, "hostb", is_enabled)
        wait_until(lambda: all((row["message"] or "").count(reason) if reason
                               else row["message"] is None for row in
                               show(cloud, "hosta")["items"] if row["state"] == "waiting"),
                   f"what they wait for: {reason}", 15, 0.05)
    equal(cloud.other("GET", "/drover/v1/hosts/hosta/drain").json["drain"]["progress"],
          {"total": 3, "waiting": 2, "moving": 1, "confirming": 0, "moved": 0, "left": 0,
           "blocked": 0, "coming": 0}, "one at a time")
    wish(cloud, "hosta", "pause")
    wait_state(cloud, "hosta", "paused")
    finish(first)
    equal(show(cloud, "hosta")["progress"]["waiting"], 2, "nothing is begun while it is paused")
    wish(cloud, "hosta", "run")
    second = wait_until(moving, "another one is moving", 15, 0.05)
    check(second["instance_uuid"] != first["instance_uuid"], "another one")
    wish(cloud, "hosta", "cancel")
    wait_state(cloud, "hosta", "cancelling")
    contains(wish(cloud, "hosta", "run", 409).text, "given up already", "which of the two it is")
    finish(second)
    drain = wait_state(cloud, "hosta", "cancelled")
    (left,) = [row for row in drain["items"] if row["state"] != "moved"]
    equal((left["state"], left["message"]),
          ("blocked", "the drain was given up before it was moved"), "it does not wait any more")
    contains(wish(cloud, "hosta", "run", 409).text, "is over: it is cancelled", "it is over")
    equal((host_row(cloud, "hosta")["status"], len(servers_on(cloud, "hosta"))), ("disabled", 1),
          "what was moved stays, and the host is not used")
    cloud.clean()
    equal(len(servers), 3, "all")


@test("a host that is enabled while it is drained is drained no further: what is under way ends, "
      "the rest stays and says so, also what was put there meanwhile [S2-25]")
def _():
    cloud = world.slow
    for name in ("one", "two"):
        cloud.create(name, host="hosta")
    ask(cloud, "hosta", parallel=1)
    moving = wait_moving(cloud, "hosta")
    set_enabled(cloud, "hosta", True)
    cloud.create("new", host="hosta")
    wait_state(cloud, "hosta", "cancelling")
    force_complete(cloud, moving)
    drain = wait_state(cloud, "hosta", "cancelled", "done", "blocked")
    (left,) = [row for row in drain["items"] if row["state"] != "moved"]
    equal((drain["state"], drain["progress"]["moved"], left["state"]), ("cancelled", 1, "blocked"),
          drain)
    contains(left["message"], "host 'hosta' was enabled again", "why it stays")
    contains(left["fix"], "drover host drain hosta", "what helps")
    contains(drain["meaning"], "enabling the host", "what the whole says")
    equal(servers_on(cloud, "hosta"), sorted(["new", left["instance_name"]]), "who is there")
    equal(host_row(cloud, "hosta")["status"], "enabled", "the host")
    cloud.clean()


@test("a host is not removed while it is drained, also when nothing is on it any more: the drain "
      "would take over the next host of that name")
def _():
    cloud = world.slow
    cloud.add_host("new")
    try:
        cloud.create("leaves", host="new")
        ask(cloud, "new")
        moving = wait_moving(cloud, "new")
        wish(cloud, "new", "pause")
        force_complete(cloud, moving)
        wait_until(lambda: show(cloud, "new")["progress"]["moved"] == 1, "it has left", 15, 0.05)
        answer = cloud.other("DELETE", "/drover/v1/hosts/new")
        equal(answer.status, 409, answer.text)
        contains(answer.message, "a drain of host 'new' is under way", "why not")
        contains(answer.message, "'drover drain cancel new' gives it up", "what helps")
        wish(cloud, "new", "cancel")
        wait_state(cloud, "new", "cancelled")
    finally:
        equal(cloud.other("DELETE", "/drover/v1/hosts/new").status, 204, "it goes")
    cloud.clean()


@test("a drain whose servers were deleted meanwhile does not say that it has moved them")
def _():
    cloud = world.slow
    servers = {name: cloud.create(name, host="hosta") for name in ("one", "two")}
    ask(cloud, "hosta", parallel=1)
    moving = wait_moving(cloud, "hosta")
    cloud.delete(servers["two" if moving["instance_name"] == "one" else "one"])
    force_complete(cloud, moving)
    drain = wait_state(cloud, "hosta", "done")
    equal((drain["progress"]["moved"], drain["progress"]["left"], drain["meaning"]),
          (1, 1, "No server is left to be moved"), drain)
    contains(drover(cloud, "drain", "show", "hosta"),
             "The drain of hosta is done: 1 of 2 moved, 1 deleted or moved by somebody else, "
             "0 blocked. No server is left to be moved.", "on a terminal")
    set_enabled(cloud, "hosta", True)
    cloud.clean()


@test("who may not, what is not a host, and what cannot be read are refused before anything is")
def _():
    cloud = world.fast
    for user in ("member", "reader", "manager"):
        equal(cloud.other("POST", "/drover/v1/hosts/hosta/drain", {"drain": {}},
                          user=user).status, 403, user)
        equal(cloud.other("GET", "/drover/v1/drains", user=user).status, 403, user)
        equal(cloud.other("GET", "/drover/v1/drains/1", user=user).status, 403, user)
    equal(cloud.other("POST", "/drover/v1/hosts/none/drain", {"drain": {}}).status, 404, "no host")
    equal(cloud.other("GET", "/drover/v1/drains?host=none").status, 404, "no host")
    for wrong in ("999999999", "0", "-1", "none", "99999999999999999999"):
        equal(cloud.other("GET", f"/drover/v1/drains/{wrong}").status, 404, wrong)
    # Other tests drain those that are there.
    cloud.add_host("new")
    try:
        equal(cloud.other("GET", "/drover/v1/drains?host=new").json, {"drains": []}, "none")
        equal(cloud.other("GET", "/drover/v1/hosts/new/drain").status, 404, "never drained")
        equal(cloud.other("PATCH", "/drover/v1/hosts/new/drain",
                          {"drain": {"wanted": "run"}}).status, 404, "never drained")
    finally:
        equal(cloud.other("DELETE", "/drover/v1/hosts/new").status, 204, "it goes again")
    for body in ({"parallel": 0}, {"parallel": 1001}, {"reason": "two\nlines"}, {"reason": ""},
                 {"fallback": True}, {"dry_run": "perhaps"}):
        equal(cloud.other("POST", "/drover/v1/hosts/hosta/drain", {"drain": body}).status, 400,
              body)
    equal(cloud.other("PATCH", "/drover/v1/hosts/hostc/drain",
                      {"drain": {"wanted": "stop"}}).status, 400, "an unknown wish")
    equal(host_row(cloud, "hosta")["status"], "enabled", "the host")


@test("drover host drain and restore: the plan, the end, and what stays, on a terminal and as JSON")
def _():
    cloud = world.fast
    server = cloud.create("cli-drained", host="hosta")
    run = functools.partial(drover, cloud)
    contains(run("host", "drain", "hosta", "--dry-run"), "Nothing was touched.", "a dry run")
    done = run("host", "drain", "hosta", "--wait", "--reason", "fans")
    contains(done, "cli-drained", "what was moved")
    contains(done, "1 of 1 moved", "how it ended")
    equal(json.loads(run("drain", "show", "hosta", "--json"))["state"], "done", "as JSON")
    contains(run("drain", "list", "--host", "hosta"), "fans", "the list")
    run("drain", "pause", "hosta", code=1)
    run("drain", "list", "--host", "nosuch", code=1)
    run("host", "drain", "hosta", "--parallel", "0", code=2)
    contains(run("host", "restore", "hosta", "--wait"), "1 of 1 moved", "back")
    equal(cloud.host_of(server), "hosta", "where it is")
    # Nothing is there to come back: that is said, and is no failure.
    for options in ((), ("--wait",), ("--dry-run",)):
        contains(run("host", "restore", "hosta", *options), "is left for it to bring back",
                 f"once more, {options}")
    contains(run("host", "restore", "hosta"), "hosta is enabled.", "how the host is")
    equal(json.loads(run("host", "restore", "hosta", "--wait", "--json"))["progress"]["total"], 0,
          "as JSON")
    others = [cloud.create(f"cli-other{number}", host="hosta") for number in (1, 2)]
    for host in ("hostb", "hostc"):
        set_enabled(cloud, host, False)
    shown = run("host", "drain", "hosta", "--dry-run", code=1)
    contains(shown, "\n3 servers (cli-", "those who share a reason")
    equal((shown.count("What would help: "), shown.count("cli-other2")), (1, 2), shown)
    equal(shown.count("No valid host"), 1, "each reason is said once")
    contains(shown, "What would help: enable its compute service.", "what most hosts lack")
    steps = json.loads(run("host", "drain", "hosta", "--dry-run", "--json", code=1))["steps"]
    equal((len(steps), {row["reason"] for row in steps if row["reason"] in shown}),
          (3, {steps[0]["reason"]}), "as JSON each has its own")
    for host in ("hostb", "hostc"):
        set_enabled(cloud, host, True)
    contains(run("host", "drain", "hostc"), "No server is on it. hostc is disabled.", "empty")
    wait_state(cloud, "hostc", "done")
    contains(run("host", "restore", "hostc", "--wait"), "The restore of hostc is done.", "and back")
    cloud.delete(server, *others)


def finish_all(cloud, host):
    """The job of a host comes to its end."""
    def push():
        drain = show(cloud, host)
        for row in drain["items"]:
            if row["state"] == "moving" and row["migration_id"] is not None:
                cloud.send("POST", f"/servers/{row['instance_uuid']}/migrations/"
                           f"{row['migration_id']}/action", {"force_complete": None}, "2.96")
        return drain["state"] in ("done", "blocked", "cancelled") and drain
    return wait_until(push, f"the job of {host} is over", 40, 0.05)


@test("--wait tells how its own drain or restore ended, also when another job of the host was "
      "begun and done right after it [S2-25]")
def _():
    cloud = world.slow
    for name in ("one", "two"):
        cloud.create(name, host="hosta")
    for verb, other in (("drain", "restore"), ("restore", "drain")):
        process = subprocess.Popen(
            [DROVER, "host", verb, "hosta", "--parallel", "1", "--wait"], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=cloud.drover.client_env())
        try:
            wait_until(lambda: cloud.other("GET", "/drover/v1/drains?host=hosta").json["drains"],
                       "it has begun", 30, 0.05)
            moving = wait_moving(cloud, "hosta")
            # It does not look while all of this happens, as if that took no time.
            process.send_signal(signal.SIGSTOP)
            wish(cloud, "hosta", "cancel")
            force_complete(cloud, moving)
            equal(wait_state(cloud, "hosta", "cancelled", "done")["state"], "cancelled", verb)
            ask(cloud, "hosta", other)
            equal(finish_all(cloud, "hosta")["state"], "done", other)
            process.send_signal(signal.SIGCONT)
            told, errors = process.communicate(timeout=60)
        finally:
            process.kill()
            process.stdout.close()
            process.stderr.close()
        equal(process.returncode, 1, told + errors)
        contains(told, f"The {verb} of hosta is cancelled: 1 of 2 moved, 1 blocked.", "its own end")
        contains(errors, f"drover: the {verb} of host 'hosta' is cancelled\n", "why it failed")
        contains(drover(cloud, "drain", "show", "hosta", "--wait"),
                 f"The {other} of hosta is done:", "who has no job of its own sees the last one")
        if verb == "drain":
            ask(cloud, "hosta")
            equal(finish_all(cloud, "hosta")["state"], "done", "all are away")
    cloud.clean()


@test("a dry run tells who is only busy apart from who would stay, and does not fail: the drain "
      "waits for it, and ends as done [S2-25]")
def _():
    cloud = world.slow
    server = cloud.create("busy", host="hosta")
    equal(cloud.live_migrate(server).status, 202, "a move of its own")
    running = wait_until(lambda: (seen := cloud.migrations(server))
                         and seen[0]["status"] == "running" and seen[0], "it runs", 15, 0.05)
    plan = ask(cloud, "hosta", status=200, dry_run=True)
    equal((plan["moves"], plan["stay"], plan["wait"]), (0, 0, 1), plan)
    row = plan["steps"][0]
    equal((row["move"], row["dest_host"], row["waits"]), (None, None, True), row)
    contains(row["reason"], "is under way", "what it waits for")
    shown = drover(cloud, "host", "drain", "hosta", "--dry-run")
    contains(shown, "0 would stay, 1 would wait.", "on a terminal")
    equal(len(re.findall(r"\bbusy +waits\b", re.sub("[|│]", " ", shown))), 1, shown)
    ask(cloud, "hosta")
    force_complete(cloud, {"instance_uuid": server, "migration_id": running["id"]})
    drain = wait_state(cloud, "hosta", "done", "blocked")
    equal(drain["state"], "done", drain)
    ask(cloud, "hosta", "restore")
    wait_state(cloud, "hosta", "done", "blocked")
    cloud.delete(server)


@test("a server that is on its way to a host is told by the host's dry run and by its drain, which "
      "takes it once it has come [S2-25]")
def _():
    cloud = world.slow
    server = cloud.create("coming", host="hosta")
    equal(cloud.live_migrate(server, "hostb").status, 202, "a move of its own")
    running = wait_until(lambda: (seen := cloud.migrations(server))
                         and seen[0]["status"] == "running" and seen[0], "it runs", 15, 0.05)
    plan = ask(cloud, "hostb", status=200, dry_run=True)
    equal((plan["moves"], plan["stay"], plan["wait"]), (0, 0, 1), plan)
    row = plan["steps"][0]
    equal((row["instance_name"], row["dest_host"], row["waits"]), ("coming", None, True), row)
    contains(row["reason"], "on its way there: its operation 'live-migration' is under way", "why")
    contains(drover(cloud, "host", "drain", "hostb", "--dry-run"), "0 would stay, 1 would wait.",
             "on a terminal")
    contains(drover(cloud, "host", "drain", "hostb"), "what is on its way there is taken once it "
             "has come. hostb is disabled.", "it is not said to be empty")
    contains(drover(cloud, "drain", "show", "hostb"), "what is on its way there", "nor later")
    equal(show(cloud, "hostb")["progress"]["coming"], 1, "as JSON")
    force_complete(cloud, {"instance_uuid": server, "migration_id": running["id"]})
    force_complete(cloud, wait_moving(cloud, "hostb"))
    drain = wait_state(cloud, "hostb", "done", "blocked")
    equal((drain["state"], drain["progress"]["moved"], drain["progress"]["coming"]),
          ("done", 1, 0), drain)
    equal(cloud.host_of(server), "hosta", "where it is")
    set_enabled(cloud, "hostb", True)
    cloud.delete(server)


@test("the dry run and the end of a drain name a domain that is not drover's: it is left alone, "
      "and still runs there [S2-25]")
def _():
    directory = tempfile.TemporaryDirectory(prefix="drover-test-")
    path = os.path.join(directory.name, "fleet.db")
    cloud = Cloud(("hosta", "hostb"), {"path": path})
    told = "Domain 'alien' is not drover's: it is left alone, and still runs on hosta."
    try:
        server = cloud.create("ours", host="hosta")
        cloud.drover.stop()
        with sqlite3.connect(path, timeout=20) as fleet:
            fleet.execute(
                "insert into domains (host, uuid, name, pool, state, reason, persistent,"
                " generation, operation, vcpus, memory_mib) select host, ?, 'alien', pool,"
                " state, reason,"
                " persistent, generation, operation, vcpus, memory_mib from domains",
                ("11111111-2222-4333-8444-555555555555",))
        cloud.drover.start()
        wait_until(lambda: [row for row in host_row(cloud, "hosta")["differences"]
                            if row["kind"] == "foreign"], "drover has seen it", 30)
        run = functools.partial(drover, cloud, "host", "drain", "hosta")
        contains(run("--dry-run"), told, "the dry run")
        equal(json.loads(run("--dry-run", "--json"))["moves"], 1, "as JSON")
        contains(run("--wait"), told, "the end")
        equal(cloud.host_of(server), "hostb", "ours has gone")
        shown = drover(cloud, "host", "restore", "hosta", "--wait")
        equal("alien" in shown, False, shown)
    finally:
        cloud.drover.remove()
        directory.cleanup()


@test("a drain plans no live move where the last canary failed; with --cold-fallback it goes cold")
def _():
    cloud = Cloud(("hosta", "hostb"), more={
        "hypervisor": {"filters": "fault:send_canary/hostb=refused"}})
    try:
        server = cloud.create("barred", host="hostb")
        equal(ask(cloud, "hostb", status=200, dry_run=True)["moves"], 1, "before the canary")
        send_canaries(cloud, {"hosts": ["hosta", "hostb"]}, 2)
        wait_canaries(cloud)
        plan = ask(cloud, "hostb", status=200, dry_run=True)
        equal((plan["moves"], plan["stay"]), (0, 1), plan)
        contains(plan["steps"][0]["reason"], "failed 'canary'", "the reason")
        contains(plan["steps"][0]["fix"], "drover host lint", "the fix")
        ask(cloud, "hostb", cold_fallback=True)
        drain = wait_state(cloud, "hostb", "done", "blocked")
        equal((drain["state"], items_of(drain)["barred"]["move"]), ("done", "cold"), drain)
        contains(items_of(drain)["barred"]["message"], "failed 'canary'", "why it went cold")
        types = [row["migration_type"] for row in cloud.migrations(server)]
        equal(types, ["migration"], "no live move was begun")
        equal((cloud.host_of(server), cloud.server(server)["status"]), ("hosta", "ACTIVE"), "there")
    finally:
        cloud.drover.remove()
