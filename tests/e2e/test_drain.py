# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A real host is emptied for maintenance, and gets back what was on it."""
import contextlib
import json

from tap import check, contains, equal, test, wait_until
from test_lint import open_ways, send_canaries, wait_canaries
from test_provoke_hosts import configured
from world import world


def check_led(servers, n_moves):
    """Their last moves: one of an affinity group was there before the next one began."""
    rows = [world.drover.compute("GET", f"/os-migrations?instance_uuid={server}").json["migrations"]
            for server in servers]
    equal([len(each) for each in rows], [n_moves] * len(servers), "moves")
    first, second = sorted((each[0] for each in rows), key=lambda row: row["id"])
    check(first["updated_at"] <= second["created_at"], f"{second} began before {first} was over")
    equal(len({world.host_of(server) for server in servers}), 1, "together")


@test("drover host drain empties a host of running and stopped guests, which do not notice, takes "
      "those of an affinity group to one host, one of them first, and drover host restore brings "
      "them back likewise [S2-25 S3-02]")
def _():
    answer = world.drover.send("POST", "/compute/v2.1/os-server-groups",
                               {"server_group": {"name": "pair", "policy": "affinity"}},
                               token=world.drover.login(), version="2.64")
    equal(answer.status, 200, answer.text)
    group = answer.json["server_group"]["id"]
    running = [world.create(f"drained{number}", host="hosta", group=group) for number in (1, 2)]
    stopped = world.create("drained-stopped", host="hosta")
    everybody = [*running, stopped]
    for one in running:
        world.wait_heard(one)
    answer = world.drover.compute("POST", f"/servers/{stopped}/action", {"os-stop": None})
    equal(answer.status, 202, answer.text)
    world.wait_status(stopped, "SHUTOFF")
    try:
        shown = world.drover.drover("host", "drain", "hosta", "--dry-run")
        contains(shown, "of its server group (affinity) to", "the plan")
        contains(shown, "Nothing was touched", "the plan")
        shown = world.drover.drover("host", "drain", "hosta", "--wait", "--parallel", "2",
                                    "--reason", "new fans")
        contains(shown, "The drain of hosta is done", "how it ended")
        for one in everybody:
            check(world.host_of(one) != "hosta", f"{one} is still there")
            equal(list(world.runs_on(one)), [world.host_of(one)], "where libvirtd has it")
        left = {name for name in world.volumes("hosta") if any(one in name for one in everybody)}
        equal(left, set(), "volumes that were left behind")
        for one in running:
            world.check_lives(one)
        check_led(running, 1)
        world.wait_status(stopped, "SHUTOFF")
        host = world.drover.admin("GET", "/drover/v1/hosts/hosta").json["host"]
        equal((host["status"], host["usage"]["instances"]), ("disabled", 0), "the host")
        contains(world.drover.drover("host", "restore", "hosta", "--wait"),
                 "The restore of hosta is done", "how it ended")
        equal([world.host_of(one) for one in everybody], ["hosta"] * 3, "where they are")
        check_led(running, 2)
        for one in running:
            world.check_lives(one)
        answer = world.drover.compute("POST", f"/servers/{stopped}/action", {"os-start": None})
        equal(answer.status, 202, answer.text)
        world.lab("heartbeat", "mark")
        wait_until(lambda: (counts := world.heard(stopped)) and
                   counts["since_mark"]["received"] > 0, "the stopped one boots again", 180, 0.5)
    finally:
        world.drover.drover("drain", "cancel", "hosta", check=False)
        world.drover.openstack("compute", "service", "set", "hosta", "nova-compute", "--enable",
                               check=False)
        for one in everybody:
            world.delete(one)
        world.drover.compute("DELETE", f"/os-server-groups/{group}")


# ---- where not everybody can go live ----

# Memory takes a minute and more, for as long as nobody heals the host.
SLOW = "10mbit"


@contextlib.contextmanager
def no_way_live():
    """Of two guests on hosta the older one has a feature of the processor that hostc lacks, and
    the last canary has not got to hostb. What is made now has no such feature."""
    old = world.create("drained-old", host="hosta")
    servers = {"drained-old": old}
    try:
        world.lab("lack", "hostc", "ssse3")
        with configured(cpu_model_extra_flags=""):
            world.restart_libvirtd("hostc")  # it is asked what it has when it connects
            servers["drained-new"] = world.create("drained-new", host="hosta")
            world.lab("cut", "data", "hostb")
            send_canaries("hosta", "hostb")
            equal(wait_canaries("hosta", "hostb")["hosta", "hostb"]["result"], "fail", "canary")
            world.lab("heal", "hostb")
            for server in servers.values():
                world.wait_heard(server)
            yield servers
    finally:
        for host in world.lab.hosts:
            world.lab("heal", host)
        world.drover.drover("drain", "cancel", "hosta", check=False)
        world.drover.openstack("compute", "service", "set", "hosta", "nova-compute", "--enable",
                               check=False)
        for server in servers.values():
            world.delete(server)
        open_ways("hosta", "hostb")


def plan(*options):
    """Server -> how and where to, and why."""
    code, output = world.drover.drover("host", "drain", "hosta", "--dry-run", "--json", *options,
                                       check=False)
    shown, _ = json.JSONDecoder().raw_decode(output)
    equal(code, 1 if shown["stay"] > 0 else 0, output)
    return {row["instance_name"]: ((row["move"], row["dest_host"]), row["reason"], row["fix"])
            for row in shown["steps"]}


def job():
    drain = json.loads(world.drover.drover("drain", "show", "hosta", "--json"))
    return drain, {row["instance_name"]: row for row in drain["items"]}


def wait_running(*names):
    """Until one of them is on its way; its item."""
    def look():
        for row in job()[1].values():
            migration = world.last_migration(row["instance_uuid"])
            if row["instance_name"] in names and row["state"] == "moving" and \
                    migration["status"] == "running":
                return row
        return None
    return wait_until(look, f"one of {names} is on its way", 90)


def wait_job(state):
    return wait_until(lambda: (seen := job()) and seen[0]["state"] == state and seen,
                      f"the job is {state}", 180)[1]


def restart():
    world.drover.kill()
    world.drover.start()
    world.drover.wait_hosts_up(3)


def slow(*hosts):
    for host in hosts:
        world.lab("limit", host, SLOW)


def check_runs(name, server, host):
    equal((world.host_of(server), world.runs_on(server)), (host, {host: "running"}), name)
    left = {other for other in world.lab.hosts
            if other != host and any(server in volume for volume in world.volumes(other))}
    equal(left, set(), f"hosts with disks of {name}")
    world.wait_status(server, "ACTIVE")


@test("a drain is blocked by a guest that no host can take live, for its processor and for a red "
      "canary, and says what would help; with --cold-fallback that guest goes cold and nobody "
      "else, as the plan has told; pause, cancel and kill -9 in the middle, and restore "
      "[S2-25 S3-12 S4-13]")
def _():
    with no_way_live() as servers:
        old, new = servers["drained-old"], servers["drained-new"]
        world.drover.drover("explain", old, "--live")  # puts on record what hosts say of it
        live = ("live", "hostc")
        where, reason, fix = plan()["drained-old"]
        equal((where, plan()["drained-new"][0]), ((None, None), live), "the plan")
        for part in ("failed 'canary'", "failed 'cpu'"):
            contains(reason, part, "why it stays")
        contains(fix, "drover host lint", "what would help")
        foretold = plan("--cold-fallback")
        cold = foretold["drained-old"][0]
        equal((cold[0], foretold["drained-new"][0]), ("cold", live), "with cold fallback")
        contains(foretold["drained-old"][1], "failed 'canary'", "why it goes cold")

        slow("hosta")
        world.drover.drover("host", "drain", "hosta")
        wait_running("drained-new")
        world.drover.drover("drain", "pause", "hosta")
        restart()
        world.lab("heal", "hosta")
        items = wait_until(lambda: (seen := job()[1]) and seen["drained-new"]["state"] == "moved"
                           and seen, "what was under way comes to its end", 90)
        equal((job()[0]["state"], items["drained-old"]["state"]), ("paused", "waiting"), "paused")
        world.drover.drover("drain", "resume", "hosta")
        code, shown = world.drover.drover("drain", "show", "hosta", "--wait", check=False)
        equal(code, 1, shown)
        for part in ("is blocked", "1 of 2 moved", "failed 'canary'", "drover host lint"):
            contains(shown, part, "what the job says in the end")
        check_runs("drained-new", new, "hostc")
        world.check_lives(new)
        equal((world.runs_on(old), world.heard(old)["streams"]), ({"hosta": "running"}, 1),
              "nobody has touched it")

        world.drover.drover("host", "drain", "hosta", "--cold-fallback")
        wait_until(lambda: job()[1]["drained-old"]["state"] == "moving", "it goes", 90)
        restart()
        moved = wait_job("done")["drained-old"]
        equal((moved["move"], moved["dest_host"]), cold, moved)
        contains(moved["message"], "failed 'canary'", "why it went cold")
        contains(world.drover.drover("drain", "show", "hosta"), "drained-old goes cold: No valid",
                 "the same on a terminal")
        check_runs("drained-old", old, cold[1])
        wait_until(lambda: world.heard(old)["streams"] == 2, "it has booted anew", 180, 0.5)
        equal([len(world.drover.compute("GET", f"/os-migrations?instance_uuid={server}").json[
            "migrations"]) for server in (old, new)], [1, 1], "each was moved once")

        send_canaries("hosta", "hostb")
        equal({row["result"] for row in wait_canaries("hosta", "hostb").values()}, {"pass"}, "now")
        slow("hostb", "hostc")
        world.drover.drover("host", "restore", "hosta", "--parallel", "1")
        first = wait_running(*servers)["instance_name"]
        (second,) = set(servers) - {first}
        world.drover.drover("drain", "pause", "hosta")
        for host in ("hostb", "hostc"):
            world.lab("heal", host)
        wait_until(lambda: job()[1][first]["state"] == "moved", "it comes to its end", 90)
        world.drover.drover("drain", "cancel", "hosta")
        # What had begun meanwhile would be waited for.
        equal(wait_job("cancelled")[second]["state"], "blocked", "nothing was begun meanwhile")
        contains(world.drover.drover("host", "restore", "hosta", "--wait"), "1 of 1 moved", "then")
        for name, server in servers.items():
            check_runs(name, server, "hosta")
            world.check_lives(server)
        equal(world.host("hosta")["status"], "enabled", "the host")
