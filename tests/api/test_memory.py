# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Memory that hosts really have free: nobody is sent where it is not, and the same is promised to
nobody twice."""
import contextlib
import os
import sqlite3
import tempfile

from tap import check, contains, equal, wait_until
from test_dead_volumes import FOR_NO_KNOWN_REASON, OFF
from test_drain import ask as ask_drain
from test_evacuate import force_down
from test_explain import checks_of, explain, hosts_of
from world import Cloud, test

# Of each host, in MiB; a guest has 128.
WHOLE = 4096


class Fleet(Cloud):
    """Hosts on which other processes take memory, of which nobody tells."""

    def __init__(self, directory, hosts=("hosta", "hostb"), more=None, **fake):
        self.path = os.path.join(directory, "fleet.db")
        super().__init__(hosts, dict({"path": self.path, "memory_mb": WHOLE, "shared_pool": True},
                                     **fake),
                         default=more)

    def leave_free(self, host, free):
        """As soon as there is nothing of drover's on it."""
        with sqlite3.connect(self.path, timeout=20) as fleet:
            fleet.execute("update hosts set taken_mib = ? where name = ?", (WHOLE - free, host))

    def known_free(self, host):
        answer = self.other("GET", f"/drover/v1/hosts/{host}")
        return answer.json["host"]["facts"]["memory_free_mib"]

    def row(self, server, host, query=""):
        return checks_of(hosts_of(explain(self, server, query))[host])["ram-free"]

    def failure(self, server):
        self.wait_status(server, "ERROR")
        return self.server(server)["fault"]["message"]


@contextlib.contextmanager
def fleet(**options):
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        cloud = Fleet(directory, **options)
        try:
            yield cloud
        finally:
            cloud.drover.remove()


@test("a host that has not the memory really free is refused with what it needs and has, by a "
      "create, a live and a cold migration, a resize and the explanation, until it has it: what "
      "was read before is read again [S3-13]")
def _():
    with fleet() as cloud:
        server = cloud.create("mover", host="hosta")
        equal(cloud.known_free("hostb"), WHOLE, "what is known of it")
        # The yes is old: there is less than was read.
        cloud.leave_free("hostb", 127)
        refused = cloud.create("made", wait=False, host="hostb")
        contains(cloud.failure(refused), "hostb failed 'ram-free': needs 128 MiB really free, has "
                 "127 MiB really free (see what takes its memory", "a create")
        equal(cloud.known_free("hostb"), 127, "what is known now")
        row = cloud.row(server, "hostb")
        equal((row["result"], row["needed"], row["have"]),
              ("fail", "128 MiB really free", "127 MiB really free"), "the explanation")
        equal(cloud.live_migrate(server).status, 202, "live")
        row = cloud.wait_migration(server, "error", "completed")
        answer = cloud.other("GET", f"/drover/v1/migrations/{row['id']}")
        contains(answer.json["migration"]["message"], "1 failed 'ram-free' (hostb: needs 128 MiB "
                 "really free", "why it did not move live")
        cloud.wait_idle(server)
        for body in ({"migrate": None}, {"resize": {"flavorRef": "small"}}):
            if "resize" in body:
                flavor = {"id": "small", "name": "m1.small", "ram": 192, "vcpus": 1, "disk": 1}
                equal(cloud.send("POST", "/flavors", {"flavor": flavor}).status, 200, "a flavor")
            equal(cloud.action(server, body, "2.96").status, 202, str(body))
            cloud.wait_idle(server)
            equal(cloud.host_of(server), "hosta", f"where it is after {body}")
        # The no is old: there is more than was read.
        cloud.leave_free("hostb", 128)
        wait_until(lambda: cloud.row(server, "hostb")["result"] == "pass", "explaining looks")
        cloud.delete(server, refused)


def make_short_host(cloud):
    """hostb, of which it is known that it has no memory, and which has it by now."""
    with sqlite3.connect(cloud.path, timeout=20) as world:
        world.execute("insert into hosts (name, vcpus, memory_mib, taken_mib) "
                      "values ('hostb', 64, ?, ?)", (WHOLE, WHOLE - 10))
    cloud.add_host("hostb")
    cloud.drover.wait_hosts_up(2)
    equal(cloud.known_free("hostb"), 10, "it is full")
    cloud.leave_free("hostb", 2048)


@test("a no that is old heals by itself: the host that fails nothing but its free memory is asked "
      "again before a request fails [S3-13]")
def _():
    with fleet(hosts=("hosta",)) as cloud:
        server = cloud.create("mover", host="hosta")
        make_short_host(cloud)
        equal(cloud.live_migrate(server).status, 202, "live")
        row = cloud.wait_migration(server, "error", "completed")
        equal((row["status"], row["dest_compute"]), ("completed", "hostb"), "where it went")
        cloud.wait_idle(server)
        cloud.delete(server)


@test("an explanation asks one host after the other, as the request would: a yes that is old is "
      "none where the host that was chosen first turns out to be full [S3-13]")
def _():
    with fleet(hosts=("hosta", "hostb", "hostc")) as cloud:
        server = cloud.create("mover", host="hosta")
        for host in ("hostb", "hostc"):
            equal(cloud.known_free(host), WHOLE, f"what is known of {host}")
            cloud.leave_free(host, 100)
        told = explain(cloud, server)
        equal(told["chosen"], None, told["reason"])
        contains(told["reason"], "2 failed 'ram-free' (hostb: needs 128 MiB really free, has 100 "
                 "MiB really free; hostc: ", "why")
        equal(cloud.live_migrate(server).status, 202, "live")
        row = cloud.wait_migration(server, "error", "completed")
        answer = cloud.other("GET", f"/drover/v1/migrations/{row['id']}")
        contains(answer.json["migration"]["message"], told["reason"], "what the request is told")
        cloud.wait_idle(server)
        cloud.delete(server)


@test("the dry run of a drain asks again as well, as the drain would, before it says of a server "
      "that it stays for nothing but memory [S3-13]")
def _():
    with fleet(hosts=("hosta",)) as cloud:
        server = cloud.create("mover", host="hosta")
        make_short_host(cloud)
        cloud.leave_free("hostb", 20)

        def plan():
            return ask_drain(cloud, "hosta", status=200, dry_run=True)["steps"][0]
        contains(plan()["reason"], "'ram-free' (hostb: needs 128 MiB really free, has 20 MiB",
                 "why it stays")
        cloud.leave_free("hostb", 2048)
        # What was read a moment ago is not read again.
        wait_until(lambda: plan()["dest_host"] == "hostb", "it would go", 30)
        equal(cloud.known_free("hostb"), 2048, "what is known now")
        cloud.delete(server)


@test("two requests at once do not both get the last free memory: what is on its way to a host is "
      "not free for others, and is told [S3-13]")
def _():
    with fleet(transfer_rate=1, switchover_ms=0) as cloud:
        first, second = (cloud.create(name, host="hosta") for name in ("first", "second"))
        cloud.leave_free("hostb", 200)
        equal(cloud.live_migrate(first).status, 202, "the first")
        wait_until(lambda: cloud.migrations(first)[0]["status"] == "running", "it is on its way")
        equal(cloud.action(second, {"migrate": None}, "2.96").status, 202, "the second")
        cloud.wait_idle(second)
        equal(cloud.host_of(second), "hosta", "where the second is")
        row = cloud.row(second, "hostb", "?move=cold")
        equal(row["result"], "fail", row)
        contains(row["have"], "with 128 MiB for guests on their way to it", "what it has")


@test("creates that come together get no more memory than there is, each of them a host, and "
      "ram_over_commit lets them have what the ratio allows, with a warning")
def _():
    with fleet(hosts=("hosta",)) as cloud:
        cloud.leave_free("hosta", 4 * 128)
        servers = [cloud.create(f"vm{i}", wait=False) for i in range(8)]
        wait_until(lambda: all(cloud.server(one)["status"] in ("ACTIVE", "ERROR")
                               for one in servers), "all have ended", 60)
        states = sorted(cloud.server(one)["status"] for one in servers)
        equal(states, 4 * ["ACTIVE"] + 4 * ["ERROR"], "what has become of them")
    with fleet(hosts=("hosta",), more={"ram_over_commit": "true"}) as cloud:
        cloud.leave_free("hosta", 10)
        server = cloud.create("swapped")
        cloud.add_host("hostb")
        cloud.drover.wait_hosts_up(2)
        cloud.leave_free("hostb", 10)
        wait_until(lambda: cloud.row(server, "hostb")["result"] == "warn", "it is told", 30)
        check(explain(cloud, server)["chosen"] == "hostb", "it is taken all the same")


@test("one server is never larger than its host, whatever a ratio allows, and is told so [S3-13]")
def _():
    with fleet(vcpus=2) as cloud:
        for name, ram, vcpus, what in (("wide", 128, 3, "'vcpus' (hosta: needs 3 vCPUs on one host,"
                                        " has 2 vCPUs in all"),
                                       ("tall", 4097, 1, "'ram' (hosta: needs 4097 MiB on one host,"
                                        " has 4096 MiB in all")):
            flavor = {"id": name, "name": name, "ram": ram, "vcpus": vcpus, "disk": 1}
            equal(cloud.send("POST", "/flavors", {"flavor": flavor}).status, 200, "a flavor")
            server = cloud.create(name, wait=False, flavorRef=name)
            contains(cloud.failure(server), what, name)
            cloud.delete(server)


@test("an evacuation to where the memory is not is refused and says so, also when it is forced, "
      "and goes once there is room [S3-13]")
def _():
    with fleet() as cloud:
        server = cloud.create("saved", host="hosta")
        equal(force_down(cloud, "hosta", True).status, 200, "declared dead")
        cloud.drover.stop()  # nobody else uses the file meanwhile
        with sqlite3.connect(cloud.path, timeout=20) as world:
            world.execute("update hosts set power = 0 where name = 'hosta'")
            world.execute("update domains set state = ?, reason = ? where host = 'hosta'",
                          (OFF, FOR_NO_KNOWN_REASON))
        cloud.drover.start()
        cloud.drover.wait_hosts_up(1)
        cloud.leave_free("hostb", 127)
        for body, version in (({}, "2.95"), ({"host": "hostb", "force": True}, "2.67")):
            seen = len(cloud.migrations(server))
            equal(cloud.action(server, {"evacuate": body}, version).status, 200, str(body))
            wait_until(lambda: len(cloud.migrations(server)) > seen, "it is begun")
            row = cloud.wait_migration(server, "error", "done")
            answer = cloud.other("GET", f"/drover/v1/migrations/{row['id']}")
            contains(answer.json["migration"]["message"], "needs 128 MiB really free, has 127 MiB "
                     "really free", "why it is where it was")
            equal(cloud.host_of(server), "hosta", "where it is")
        cloud.leave_free("hostb", 1000)
        wait_until(lambda: cloud.row(server, "hostb", "?move=evacuate")["result"] == "pass", "room")
        equal(cloud.action(server, {"evacuate": {}}, "2.95").status, 200, "again")
        wait_until(lambda: cloud.host_of(server) == "hostb", "it is made anew", 30)
