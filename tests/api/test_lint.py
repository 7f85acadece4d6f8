# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Are hosts fit for each other? Processors that they have in common, what is known of them, and
canaries that get from one to another, or do not."""
import contextlib
import functools
import json
import os
import sqlite3
import tempfile
import threading
import time

from tap import check, contains, equal, wait_until
from test_explain import as_cells, on_terminal, read_table
from world import Cloud, test, world


def baseline(cloud, hosts, status=200, user="admin"):
    answer = cloud.other("POST", "/drover/v1/cpu-baseline", {"baseline": {"hosts": hosts}},
                         user=user)
    equal(answer.status, status, answer.text)
    return answer.json["baseline"] if status == 200 else answer


@test("the CPU model that fits several hosts is told, with what each host and guest has against it "
      "[S2-06 S2-21]")
def _():
    cloud = world.fast
    drover = cloud.drover.drover
    server = cloud.create("baselined", host="hostb")
    told = baseline(cloud, ["hosta", "hostb", "hosta"])
    equal((told["cpu_model"], told["features"], told["problem"]), ("qemu64", [], None), "the model")
    equal([(row["host"], row["cpu_model"], row["lacks"]) for row in told["hosts"]],
          [("hosta", "qemu64", None), ("hostb", "qemu64", None)], "each host once, in order")
    (guest,) = [row for row in told["guests"] if row["uuid"] == server]
    equal((guest["host"], guest["cpu_model"], guest["keeps_its_model"], guest["lacks"],
           guest["obstacle"]), ("hostb", "qemu64", False, None, None), "the guest")
    table = drover("cpu", "baseline", "hosta", "hostb")
    contains(table, "[libvirt]\ncpu_mode = custom\ncpu_models = qemu64\n", "what goes into conf.d")
    check("keep it until" not in table, f"no guest has another model: {table}")
    equal(json.loads(drover("cpu", "baseline", "--json", "hosta"))["cpu_model"], "qemu64", "json")
    baseline(cloud, ["nowhere"], 404)
    baseline(cloud, [], 400)
    baseline(cloud, ["hosta"], 403, user="manager")
    code, output = drover("cpu", "baseline", check=False)
    equal(code, 2, output)
    cloud.delete(server)


@test("a guest that has the baseline's model, and not what the baseline has beside it, is told as "
      "one that needs to be stopped and started, with what it lacks [S2-06 S2-21]")
def _():
    cloud = Cloud(("hosta",), fake={"cpu_features": "avx2,-rtm"})
    try:
        server = cloud.create("same-model", host="hosta")
        told = baseline(cloud, ["hosta"])
        equal((told["cpu_model"], told["features"]), ("qemu64", ["avx2", "-rtm"]), "the baseline")
        ((guest, features),) = [(row, row.pop("lacks")) for row in told["guests"]]
        equal((guest["uuid"], guest["cpu_model"], guest["keeps_its_model"], features),
              (server, "qemu64", True, "avx2, -rtm"), "the guest")
        table = cloud.drover.drover("cpu", "baseline", "hosta")
        for part in ("cpu_model_extra_flags = avx2, -rtm", "keep it until they are stopped and "
                     "started", server, "Lacks", "qemu64  avx2, -rtm  -"):
            contains(table, part, "the table")
    finally:
        cloud.drover.remove()


@test("a model is applied to the hosts that were named and to no other, by a file of droverd's "
      "own, or it is said why not and nothing changes [S2-06 S2-21]")
def _():
    grouped = {"libvirt:new": {"hosts": "hosta, hostb"}}
    cloud = Cloud(("hosta", "hostb", "hostc"), more=grouped)
    directory = os.path.join(cloud.drover.directory, "conf.d")
    path = os.path.join(directory, "zz-cpu-baseline.conf")

    def apply(hosts, status=200, user="admin"):
        answer = cloud.other("POST", "/drover/v1/cpu-baseline",
                             {"baseline": {"hosts": hosts, "apply": True}}, user=user)
        equal(answer.status, status, answer.text)
        return answer.json["baseline"] if status == 200 else answer.message

    def models(host):
        answer = cloud.other("GET", f"/drover/v1/config?host={host}")
        (row,) = [row for row in answer.json["config"] if row["name"] == "cpu_models"]
        return row["value"], row["at_next_start"]

    try:
        contains(apply(["hosta", "hostb"], 409), f"droverd cannot write to '{directory}': No such "
                 "file or directory; let its user write there", "no directory")
        os.mkdir(directory)
        apply(["hosta", "hostb"], 403, user="manager")
        contains(apply(["hosta"], 409), "host 'hostb' would get the model too, by [libvirt:new]: "
                 "name it as well", "a host that was not named")
        contains(apply(["hostc"], 409), "hosts 'hosta', 'hostb' would get the model too, by "
                 "[libvirt:new]: name them as well", "by inheritance, all of them")
        contains(apply(["hosta", "hostc"], 409), "host 'hostb' would get the model too, by "
                 "[libvirt:new]: name it as well, or give those that were named a section of "
                 "their own, [libvirt:NAME] with 'hosts = hosta, hostc'", "all that were named")
        equal(os.listdir(directory), [], "nothing is written by what is refused")
        applied = apply(["hosta", "hostb"])["applied"]
        equal((applied["file"], applied["warnings"]), (path, []), "where it is")
        equal({(row["name"], row["to"], tuple(row["hosts"]), row["needs_restart"])
               for row in applied["changes"]},
              {("cpu_mode", "custom", ("hosta", "hostb"), False),
               ("cpu_models", "qemu64", ("hosta", "hostb"), False)}, "what it changes")
        equal([models(host) for host in ("hosta", "hostb", "hostc")],
              [("qemu64", None), ("qemu64", None), ("", None)], "at once, for the group alone")
        contains(cloud.drover.log(), "user 'admin' lets hosts hosta, hostb have CPU model 'qemu64'",
                 "the log")
        # A second one is added, and the first one stays; then the same again.
        apply(["hostc"], 200)
        equal([models(host)[0] for host in ("hosta", "hostc")], ["qemu64", "qemu64"], "both")
        equal(apply(["hostc"])["applied"]["changes"], [], "nothing new")
        equal(os.listdir(directory), ["zz-cpu-baseline.conf"], "one file, and no rest of it")
        contains(cloud.drover.drover("cpu", "baseline", "--apply", "hosta", "hostb"),
                 f"It is written to {path}, and new guests get it (they did before).",
                 "the command")
        os.unlink(path)
        with open(os.path.join(directory, "mine.conf"), "w", encoding="utf-8") as file:
            file.write("[libvirt:new]\ncpu_mode = custom\ncpu_models = Nehalem\n")
        contains(apply(["hosta", "hostb"], 409), "[libvirt:new] has 'cpu_mode' in "
                 f"{directory}/mine.conf:2, a file that droverd does not change", "another's file")
        check(not os.path.exists(path), "nothing is written")
    finally:
        cloud.drover.remove()


def look(cloud, hosts=""):
    answer = cloud.other("GET", "/drover/v1/lint" + hosts)
    equal(answer.status, 200, answer.text)
    told = answer.json["lint"]
    return ({(row["host"], row["check"]): row for row in told["checks"]},
            {(row["source_host"], row["dest_host"]): row for row in told["canaries"]})


def send_canaries(cloud, body, n=None, status=202, user="admin"):
    answer = cloud.other("POST", "/drover/v1/lint", {"lint": body}, user=user)
    equal(answer.status, status, answer.text)
    if n is not None:
        told = answer.json["lint"]
        equal((told["canaries"], len(told["asked"]), told["unsent"]), (n, n, []), "how many")
    return answer


def tried(cloud):
    """Which canary was the last one of each pair, and what came of the second one; at any time."""
    return {pair: (row["tried_at"], {key: value for key, value in row["extra"].items()
                                     if key != "age_s"})
            for pair, row in look(cloud)[1].items()}


def wait_canaries(cloud):
    def ended():
        _, canaries = look(cloud)
        return all(row["result"] != "pending" for row in canaries.values()) and canaries
    return wait_until(ended, "the canaries have ended")


@test("canaries go from each named host to each other one; red ones say why, are kept with their "
      "age, and are green again when the next one arrives [S2-23 S4-11 S4-16]")
def _():
    cloud = Cloud(("hosta", "hostb", "hostc", "hostd"), more={
        "hypervisor": {"filters": "fault:send_canary/hostb@1=refused"}})
    try:
        drover = cloud.drover.drover
        equal(look(cloud)[1], {}, "none was sent yet")
        contains(drover("host", "lint", "--no-canaries"), "No canary was sent yet", "the table")
        send_canaries(cloud, {"hosts": ["hosta", "hostb"]}, 2)
        canaries = wait_canaries(cloud)
        equal({pair: row["result"] for pair, row in canaries.items()},
              {("hosta", "hostb"): "pass", ("hostb", "hosta"): "fail"}, "two hosts, both ways")
        red = canaries["hostb", "hosta"]
        contains(red["reason"], "send_canary on host 'hostb' failed", "the reason")
        equal(canaries["hosta", "hostb"]["pool_shared"], False, "a pool each")
        check(red["age_s"] >= 0 and red["tried_at"], red)
        fix = ("see /var/log/libvirt/qemu on host 'hosta' and the log of libvirtd on both hosts, "
               "then try again: 'drover host lint hostb hosta'")
        equal((red["diagnosis"], red["fix"]), (None, fix), "what to do where no cause is known")
        equal(canaries["hosta", "hostb"]["fix"], None, "nothing is to be mended")
        code, table = drover("host", "lint", "--no-canaries", "hosta", "hostb", check=False)
        equal(code, 1, table)
        for part in ("FAIL", "What failed:", "unseen", "1 of the checks and canaries failed",
                     fix):
            contains(table, part, "the table")
        server = cloud.create("flyer", host="hostb")
        path = f"/drover/v1/instances/{server}/explanation?move="
        hosts = {row["name"]: row for row in cloud.other(
            "GET", path + "live").json["explanation"]["hosts"]}
        equal((hosts["hosta"]["fits"], hosts["hosta"]["failed"]), (False, ["canary"]), "explained")
        equal(hosts["hostc"]["fits"], True, "where none was sent")
        (row,) = [one for one in hosts["hosta"]["checks"] if one["check"] == "canary"]
        contains(row["have"], "failed 0 min ago: send_canary", "the reason")
        equal(cloud.live_migrate(server, "hosta").status, 202, "a move there")
        row = cloud.wait_migration(server, "completed", "error")
        equal((row["status"], row["dest_compute"]), ("error", None), "it does not go there")
        hosts = {row["name"]: row for row in cloud.other(
            "GET", path + "cold").json["explanation"]["hosts"]}
        equal(hosts["hosta"]["fits"], True, "for a cold move it does not matter")
        cloud.wait_idle(server)
        code, table = drover("host", "lint", "hosta", "hostb", check=False)
        equal(code, 0, table)
        equal(cloud.live_migrate(server, "hosta").status, 202, "a move there")
        equal(cloud.wait_migration(server, "completed", "error")["dest_compute"], "hosta",
              "it goes there once a canary has")
        cloud.wait_idle(server)
        cloud.delete(server)
        check("FAIL" not in table, table)
        send_canaries(cloud, {}, 8)
        equal(len(wait_canaries(cloud)), 9, "each host to its next two, and the one from before")
        equal(len(look(cloud, "?hosts=hosta,hostb")[1]), 2, "of named ones")
        told = json.loads(drover("host", "lint", "--no-canaries", "--json"))
        equal((set(told), len(told["canaries"]), told["unsent"]),
              ({"checks", "canaries", "unsent"}, 9, []), "as JSON")
        equal(cloud.other("DELETE", "/drover/v1/hosts/hostd").status, 204, "one goes")
        check(all("hostd" not in pair for pair in look(cloud)[1]), "and its canaries with it")
    finally:
        cloud.drover.remove()


@test("what is asked of canaries beside is tried by a second one, told apart from the first, and "
      "kept; a guest that got there later takes the place of a red one [S4-11 S4-16]")
def _():
    # The second call from hosta is the one in post-copy; of hostb's the first fails.
    cloud = Cloud(("hosta", "hostb"), more={"hypervisor": {
        "filters": "fault:send_canary/hosta@2=refused, fault:send_canary/hostb@1=refused"}})
    try:
        send_canaries(cloud, {"post_copy": True}, 2)
        canaries = wait_canaries(cloud)
        red, shut = canaries["hosta", "hostb"], canaries["hostb", "hosta"]
        equal((red["result"], red["reason"], red["extra"]["result"]), ("pass", None, "fail"),
              "only what was asked beside fails")
        equal((red["extra"]["post_copy"], red["extra"]["parallel_connections"]), (True, None),
              "how")
        contains(red["extra"]["reason"], "send_canary on host 'hosta' failed", "why")
        equal((red["fix"], red["extra"]["diagnosis"]), (None, None), "no cause is known of it")
        contains(red["extra"]["fix"], "then try again: 'drover host lint --post-copy hosta hostb'",
                 "its own fix")
        equal((shut["result"], shut["known_by"], shut["extra"]), ("fail", "canary", None),
              "where none arrives no second one is sent")
        send_canaries(cloud, {"hosts": ["hosta", "hostb"]}, 2)
        canaries = wait_canaries(cloud)
        equal(canaries["hosta", "hostb"]["extra"]["result"], "fail", "it is kept")
        code, table = cloud.drover.drover("host", "lint", "--no-canaries", check=False)
        equal(code, 1, table)
        for part in ("post-copy FAIL", "hostb (post-copy)", "1 of the checks and canaries failed"):
            contains(table, part, "the table")
        table = cloud.drover.drover("host", "lint", "--parallel-connections", "2", "hosta", "hostb")
        contains(table, "2 connections ok", "the table")
        told = look(cloud)[1]["hosta", "hostb"]["extra"]
        equal((told["result"], told["fix"]), ("pass", None), "nothing is to be mended")
        before = tried(cloud)
        code, table = cloud.drover.drover("host", "lint", "--post-copy", "--parallel-connections",
                                          "2", "hosta", "hostb", check=False)
        equal(code, 1, table)
        for part in ("not sent: post-copy by several connections needs QEMU 10.1.0, and host "
                     "'hosta' has 10.0.2", "ask for one of --post-copy and --parallel-connections "
                     "at a time", "\nWhat was not sent:\n", "2 canaries were not sent"):
            contains(table, part, "the table")
        check("failed" not in table, f"nothing did: {table}")
        equal(tried(cloud), before, "what was not sent takes nothing's place")
        for value in ("no", 0, 256):
            send_canaries(cloud, {"parallel_connections": value}, status=400)
        send_canaries(cloud, {"post_copy": "maybe"}, status=400)
        code, output = cloud.drover.drover("host", "lint", "--parallel-connections", "256",
                                           check=False)
        equal(code, 2, output)
    finally:
        cloud.drover.remove()
    cloud = Cloud(("hosta", "hostb"), more={
        "hypervisor": {"filters": "fault:send_canary/hosta@1=refused"}})
    try:
        server = cloud.create("flyer", host="hosta")
        send_canaries(cloud, {"hosts": ["hosta", "hostb"]}, 2)
        equal(wait_canaries(cloud)["hosta", "hostb"]["result"], "fail", "a red one")
        answer = cloud.send("POST", f"/servers/{server}/action", {"os-migrateLive": {
            "host": "hostb", "block_migration": "auto", "force": True}}, "2.60")
        equal(answer.status, 202, answer.text)
        equal(cloud.wait_migration(server, "completed", "error")["status"], "completed", "forced")
        row = look(cloud)[1]["hosta", "hostb"]
        equal((row["result"], row["known_by"], row["reason"]), ("pass", "guest", None), row)
        contains(cloud.drover.drover("host", "lint", "--no-canaries"), "ok (guest)", "the table")
        send_canaries(cloud, {"hosts": ["hosta", "hostb"]}, 2)
        equal(wait_canaries(cloud)["hosta", "hostb"]["known_by"], "canary", "a later one counts")
    finally:
        cloud.drover.remove()


@test("a canary that cannot be sent, since a host is not connected, is told as that and holds "
      "nothing against the host when it is back, nor takes an earlier one's place [S4-11]")
def _():
    directory = tempfile.TemporaryDirectory()
    path = os.path.join(directory.name, "fleet")
    cloud = Cloud(("hosta", "hostb"), fake={"path": path})

    def cut(is_cut):
        cloud.drover.stop()
        with contextlib.closing(sqlite3.connect(path, timeout=20)) as fleet, fleet:
            fleet.execute("update hosts set cut = ? where name = 'hostb'", (is_cut,))
        cloud.drover.start()
        cloud.drover.wait_hosts_up(1 if is_cut else 2)
        wait_until(lambda: is_cut == (cloud.other("GET", "/drover/v1/hosts/hostb").json["host"]
                                      ["connect_error"] is not None), f"hostb, cut: {is_cut}", 90)
    try:
        server = cloud.create("stays", host="hosta")
        cut(1)
        code, table = cloud.drover.drover("host", "lint", "hosta", "hostb", check=False)
        equal((code, look(cloud)[1]), (1, {}), table)
        for part in ("No canary was sent yet between these hosts",
                     "not sent: host 'hostb' is not connected", "drover host show hostb",
                     "\nWhat was not sent:\n",
                     "1 of the checks and canaries failed, and 2 canaries were not sent"):
            contains(table, part, "the table")
        answer = send_canaries(cloud, {"hosts": ["hosta", "hostb"]}).json["lint"]
        equal((answer["canaries"], {(row["source_host"], row["dest_host"]): row["reason"]
                                    for row in answer["unsent"]}),
              (0, dict.fromkeys([("hosta", "hostb"), ("hostb", "hosta")],
                                "host 'hostb' is not connected")), "as JSON")
        stale = look(cloud)[0]["hostb", "facts"]
        equal(stale["result"], "unknown", "what it told before")
        equal(look(cloud)[0]["hostb", "claims"]["result"], "unknown", "what it runs")
        contains(stale["found"], "min ago: what is said of it is older", "what it told before")
        cut(0)
        check(("hostb", "facts") not in look(cloud)[0], "what it tells is new")
        hosts = cloud.other("GET", f"/drover/v1/instances/{server}/explanation?move=live"
                            ).json["explanation"]["hosts"]
        (row,) = [row for host in hosts if host["name"] == "hostb" for row in host["checks"]
                  if row["check"] == "canary"]
        equal((row["result"], row["have"]), ("unknown", "no canary was sent"), "none flew")
        send_canaries(cloud, {"hosts": ["hosta", "hostb"]}, 2)
        green = wait_canaries(cloud)["hosta", "hostb"]
        cut(1)
        send_canaries(cloud, {"hosts": ["hosta", "hostb"]})
        equal({key: look(cloud)[1]["hosta", "hostb"][key] for key in ("result", "tried_at")},
              {key: green[key] for key in ("result", "tried_at")}, "the one that flew is kept")
        cut(0)
        cloud.delete(server)
    finally:
        cloud.drover.remove()
        directory.cleanup()


# Longer than any test: what comes of these canaries is written by whoever looks at it.
ENDLESS = {"hypervisor": {"filters": "delay:send_canary=3600000"}}
# The last one of each way as droverd has it then: cut off, or not, with what was known before.
OUTCOMES = {
    ("hosta", "hostb"): "asked_us = 0",
    ("hosta", "hostc"): "asked_us = 5, tried_us = 5",
    # The first arrived, the second was cut off, and one of yesterday did arrive.
    ("hostb", "hostc"): "tried_us = asked_us, extra_us = 5, extra_post_copy = 1",
    ("hostb", "hosta"): "tried_us = asked_us, extra_us = asked_us, extra_connections = 2",
    # It never came to a second one; and so where a guest has arrived since.
    ("hostc", "hosta"): "tried_us = asked_us, error = 'no way'",
    ("hostc", "hostb"): "tried_us = asked_us, error = 'no way', moved_us = asked_us + 1",
}


def end_canaries(cloud, outcomes):
    with contextlib.closing(sqlite3.connect(
            f"{cloud.drover.directory}/drover.db", timeout=20)) as rows, rows:
        for pair, outcome in outcomes.items():
            rows.execute(f"update canaries set {outcome} where source_host = ? and dest_host = ?",
                         pair)


@test("a canary that droverd takes back is told as not sent, also where its way was known before, "
      "and so is one host alone, which nobody is compared with [S4-11]")
def _():
    cloud = Cloud(("hosta", "hostb", "hostc"), more=ENDLESS)
    told = []
    lint = threading.Thread(target=lambda: told.append(
        cloud.drover.drover("host", "lint", "--post-copy", check=False)))
    try:
        alone = cloud.drover.drover("host", "lint", "--all", "hosta")
        contains(alone, "No canary was sent: it takes two hosts. Name another one as well", "alone")
        rows = [row for (_, name), row in look(cloud, "?hosts=hosta")[0].items()
                if name in ("versions-alike", "cpu", "instances-path")]
        equal({(row["result"], row["fix"]) for row in rows},
              {("unknown", "name several hosts, or none for all of them")}, "alone")
        check("unknown" not in {row["result"] for (_, name), row in look(cloud)[0].items()
              if name in ("versions-alike", "cpu", "instances-path")}, "all of them")
        lint.start()
        wait_until(lambda: [row["result"] for row in look(cloud)[1].values()] == ["pending"] * 6,
                   "all are asked for")
        end_canaries(cloud, OUTCOMES)
        lint.join()
        ((code, text),) = told
        equal(code, 1, text)
        equal({tuple(line.split()[:2]) for line in text.splitlines()
               if "not sent: droverd took it back" in line},
              {("hosta", "hostb"), ("hosta", "hostc"), ("hostb", "hostc"), ("hostb", "hosta")},
              "which were not sent so")
        contains(text, "1 of the checks and canaries failed, and 4 canaries were not sent", "both")
        row = look(cloud)[1]["hostc", "hostb"]
        equal((row["result"], row["canary_result"]), ("pass", "fail"), "a guest got there since")
    finally:
        cloud.drover.kill()
        cloud.drover.remove()
    # What two ask for becomes what QEMU 10.0 cannot do, while it waits for those to and from hosta.
    cloud = Cloud(("hosta", "hostb", "hostc"), more=ENDLESS)
    try:
        send_canaries(cloud, {"hosts": ["hosta", "hostb"]}, 2)
        send_canaries(cloud, {"hosts": ["hosta", "hostc"], "post_copy": True}, 2)
        code, text = cloud.drover.drover("host", "lint", "--parallel-connections", "4", "hosta",
                                         "hostc", check=False)
        equal(code, 1, text)
        equal(text.count("not sent: droverd took it back"), 2, text)
        check("connections FAIL" not in text, text)
        contains(cloud.drover.log(), "post-copy by several connections needs QEMU 10.1.0, and host "
                 "'hosta' has 10.0.2", "the log")
    finally:
        cloud.drover.kill()
        cloud.drover.remove()


@test("drover host lint that waits goes on when droverd is killed in between and started again: "
      "the canaries are sent anew, and it tells what came of them [S4-11]")
def _():
    cloud = Cloud(("hosta", "hostb"), more={
        "hypervisor": {"filters": "delay:send_canary=5000"}})
    told = []
    lint = threading.Thread(target=lambda: told.append(
        cloud.drover.drover("host", "lint", "hosta", "hostb", check=False)))
    try:
        lint.start()
        wait_until(lambda: [row["result"] for row in look(cloud)[1].values()] == ["pending"] * 2,
                   "both are asked for")
        cloud.drover.kill()
        time.sleep(2.5)  # it looks once a second
        equal(told, [], "it waits for droverd")
        cloud.drover.start()
        lint.join(60)
        equal(len(told), 1, "it has ended")
        ((code, text),) = told
        equal(code, 0, text)
        contains(text, "what was asked for goes on; trying again for 60 s", "what it says")
        check("not sent" not in text, text)
        equal({pair: row["result"] for pair, row in look(cloud)[1].items()},
              dict.fromkeys([("hosta", "hostb"), ("hostb", "hosta")], "pass"), "the canaries")
    finally:
        cloud.drover.kill()
        lint.join(90)
        cloud.drover.remove()


@test("canaries are sent by themselves when the last ones are too old, to the hosts that lint "
      "without names takes, and again [S4-11]")
def _():
    cloud = Cloud(("hosta", "hostb", "hostc"), more={"lint": {"canary_interval": 1}})
    try:
        def all_arrived():
            _, canaries = look(cloud)
            return len(canaries) == 6 and all(
                row["result"] == "pass" for row in canaries.values()) and canaries
        first = wait_until(all_arrived, "each host has sent one to its next two", 180)
        wait_until(lambda: any(row["tried_at"] != first[pair]["tried_at"]
                               for pair, row in look(cloud)[1].items()),
                   "the oldest is sent anew", 60)
    finally:
        cloud.drover.remove()


@test("without names no canary goes from one cell into another, which no guest does either: each "
      "host has the next two of its own cell, also by itself; who names both is told [S4-11]")
def _():
    cells = {"hosta": "one", "hostb": "two", "hostc": "two", "hostd": "one"}
    cloud = Cloud(("hosta",), more={"lint": {"canary_interval": 1}})
    try:
        paths = {}
        for cell in ("one", "two"):
            made = cloud.send("POST", "/os-aggregates", {"aggregate": {"name": cell}}).json
            paths[cell] = f"/os-aggregates/{made['aggregate']['id']}/action"
            answer = cloud.send("POST", paths[cell], {"set_metadata": {"metadata": {"cell": cell}}})
            equal(answer.status, 200, answer.text)
        for host, cell in cells.items():
            if host != "hosta":
                cloud.add_host(host)
            answer = cloud.send("POST", paths[cell], {"add_host": {"host": host}})
            equal(answer.status, 200, answer.text)
        cloud.drover.wait_hosts_up(len(cells))
        told = cloud.other("GET", "/drover/v1/hosts").json["hosts"]
        equal({row["name"]: row["cell"] for row in told}, cells, "the cells of hosts")
        wait_until(lambda: look(cloud)[1], "one was sent by itself", 180)
        within = {(one, other) for one in cells for other in cells
                  if one != other and cells[one] == cells[other]}
        answer = cloud.other("POST", "/drover/v1/lint", {"lint": {}}).json["lint"]
        equal({(row["source_host"], row["dest_host"]) for row in answer["asked"]}, within, "asked")
        equal(set(wait_canaries(cloud)), within, "sent, by itself too")
        send_canaries(cloud, {"hosts": ["hosta", "hostb"]}, 2)
        check(("hosta", "hostb") in wait_canaries(cloud), "who is named")
    finally:
        cloud.drover.remove()


@test("what lint finds, why a canary failed, and what would help is not cut on a terminal of 80 "
      "columns: it goes on in the next line [S2-23]")
def _():
    cloud = Cloud(("hosta", "hostb"), more={
        "hypervisor": {"filters": "fault:send_canary/hostb@1=refused"}})
    try:
        send_canaries(cloud, {"hosts": ["hosta", "hostb"]}, 2)
        red = wait_canaries(cloud)["hostb", "hosta"]
        text = on_terminal(cloud, 80, "host", "lint", "--no-canaries", "--all", code=1)
        checks = cloud.other("GET", "/drover/v1/lint").json["lint"]["checks"]
        check(any(len(row["found"]) > 80 for row in checks), f"too short for this test: {checks}")
        equal(read_table(text, "Host", "Check", "Result", "Found", "Fix"),
              as_cells(checks, "host", "check", "result", "found", "fix"), text)
        (row,) = read_table(text, "From", "To", "Age", "Reason", "Fix")
        equal([row[:2] + row[3:]], as_cells([red], "source_host", "dest_host", "reason", "fix"),
              text)
        check(max(len(line) for line in text.split("\n")) <= 80, f"wider than 80:\n{text}")
    finally:
        cloud.drover.remove()


@test("columns that are chosen are those of the first table: of lint and of a baseline, whatever "
      "else they would print")
def _():
    cloud = world.fast
    send_canaries(cloud, {"hosts": ["hosta", "hostb"]}, 2)
    wait_canaries(cloud)
    server = cloud.create("chooses", host="hosta")
    run = functools.partial(cloud.drover.drover, check=False)
    code, text = run("host", "lint", "--no-canaries", "--all", "hosta", "hostb", "-f", "value",
                     "-c", "Host", "-c", "Check")
    equal(code, 0, text)
    contains(text, "hosta connected\n", "what was chosen")
    check("From" not in text, text)
    code, text = run("cpu", "baseline", "hosta", "hostb", "-c", "Its Own Best", "-f", "value")
    equal((code, len(text.splitlines())), (0, 2), text)
    code, text = run("host", "lint", "--no-canaries", "-c", "Colour")
    equal(code, 2, text)
    contains(text, "there is no column 'Colour': Host, Check", "what there is")
    cloud.delete(server)


@test("what cannot be linted is refused: unknown hosts, too many, others than administrators")
def _():
    cloud = world.fast
    send_canaries(cloud, {"hosts": ["nowhere"]}, status=404)
    send_canaries(cloud, {"hosts": []}, status=400)
    send_canaries(cloud, {"hosts": [f"host{i}" for i in range(17)]}, status=400)
    send_canaries(cloud, {"host": "hosta"}, status=400)
    send_canaries(cloud, {}, status=403, user="manager")
    equal(cloud.other("GET", "/drover/v1/lint?hosts=nowhere").status, 404, "an unknown one")
    checks, _ = look(cloud, "?hosts=hosta")
    equal({host for host, _ in checks}, {"hosta", None}, "the hosts")
    for name in ("certificate-ca", "clock", "name-resolution", "pool-owner", "pool-mode",
                 "export", "fstab"):
        equal(checks[None, name]["result"], "unseen", name)


@test("a host that lacks the pool of volumes is told of in the log, with the hosts, in its "
      "capabilities and by lint, each time with what to do")
def _():
    fix = "'virsh pool-start elsewhere' and 'virsh pool-autostart elsewhere'"
    cloud = Cloud(("hosta",), more={"volumes": {"pool": "elsewhere"}})
    try:
        row, = json.loads(cloud.drover.drover("host", "list", "--json"))
        equal(row["state"], "up", "the host")
        contains(row["reason"], "it lacks the pool 'elsewhere' of volumes: ", "its reason")
        contains(row["reason"], fix, "its reason")
        contains(cloud.drover.drover("host", "show", "hosta"), fix, "the host, shown")
        checks = cloud.other("GET", "/drover/v1/lint").json["lint"]["checks"]
        row, = (row for row in checks if row["check"] == "volumes-pool")
        equal((row["host"], row["result"]), ("hosta", "warn"), "lint")
        contains(row["fix"], fix, "lint's fix")
        contains(cloud.drover.log(), "host 'hosta' has no active storage pool 'elsewhere'", "log")
        # It is the only one.
        equal({row["fix"] for row in checks if row["check"] in ("versions-alike", "cpu",
              "instances-path")}, {None}, "nobody to compare it with")
        contains(cloud.drover.drover("host", "lint"), "No canary was sent: it takes two hosts, and "
                 "there is only one.\n", "the only one")
    finally:
        cloud.drover.remove()
    rows = json.loads(world.fast.drover.drover("host", "list", "--json"))
    equal({row["reason"] for row in rows}, {None}, "hosts that have it")


def way_of(cloud, server, host):
    """What is told of a live move there by the post-copy that was tried, and where it would go."""
    told = cloud.other("GET", f"/drover/v1/instances/{server}/explanation?move=live").json
    (found,) = [row for row in told["explanation"]["hosts"] if row["name"] == host]
    (row,) = [one for one in found["checks"] if one["check"] == "post-copy"]
    return row, told["explanation"]["chosen"]


def permit_post_copy(cloud, text):
    """Of the group that is hosta; the rest of the configuration is as it was."""
    path = os.path.join(cloud.drover.directory, "drover.conf")
    with open(path, encoding="utf-8") as file:
        before = file.read().split("[libvirt:post-copy]")[0]
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}[libvirt:post-copy]\nhosts = hosta\n"
                   f"live_migration_permit_post_copy = {text}\n")
    answer = cloud.other("POST", "/drover/v1/config/reload")
    equal(answer.status, 200, answer.text)


@test("where the kernel gives no userfaultfd no guest goes live for whose host post-copy is "
      "permitted: a dry run, a drain's plan and the requests say so and take another host [S2-22]")
def _():
    # The second call from hosta is the one in post-copy.
    cloud = Cloud(("hosta", "hostb", "hostc"), more={"hypervisor": {
        "filters": "fault:send_canary/hosta@2=refused:Userfaultfd not available"}})
    try:
        servers = {name: cloud.create(name, host="hosta") for name in ("zero", "first", "second")}
        send_canaries(cloud, {"hosts": ["hosta", "hostb"], "post_copy": True}, 2)
        wait_canaries(cloud)
        row, chosen = way_of(cloud, servers["first"], "hostb")
        equal((row["result"], chosen), ("warn", "hostb"), row)
        equal(cloud.live_migrate(servers["zero"]).status, 202, "a move anywhere")
        equal(cloud.wait_migration(servers["zero"], "completed")["dest_compute"], "hostb",
              "where it is not permitted, it goes there")
        cloud.delete(servers["zero"])
        permit_post_copy(cloud, "true")
        row, chosen = way_of(cloud, servers["first"], "hostb")
        equal((row["result"], chosen), ("fail", "hostc"), row)
        contains(row["have"], "Userfaultfd not available", "what it met")
        for part in ("vm.unprivileged_userfaultfd = 1 on hostb",
                     "'drover host lint --post-copy hosta hostb'", "for hosta or its group"):
            contains(row["fix"], part, "the fix")
        answer = cloud.other("POST", "/drover/v1/hosts/hosta/drain",
                             {"drain": {"dry_run": True}})
        equal(answer.status, 200, answer.text)
        equal({step["dest_host"] for step in answer.json["plan"]["steps"]}, {"hostc"}, "the plan")
        equal(cloud.live_migrate(servers["first"], "hostb").status, 202, "a move there")
        number = cloud.wait_migration(servers["first"], "error")["id"]
        told = cloud.other("GET", f"/drover/v1/migrations/{number}").json["migration"]["message"]
        contains(told, "hostb failed 'post-copy': needs userfaultfd", "its reason")
        cloud.wait_idle(servers["first"])
        equal(cloud.live_migrate(servers["first"]).status, 202, "a move anywhere")
        equal(cloud.wait_migration(servers["first"], "completed")["dest_compute"], "hostc",
              "where it went")
        answer = cloud.other("POST", "/drover/v1/hosts/hosta/drain", {"drain": {}})
        equal(answer.status, 202, answer.text)
        cloud.wait_migration(servers["second"], "completed")
        equal([(row["status"], row["dest_compute"]) for row in cloud.migrations(servers["second"])],
              [("completed", "hostc")], "the drain tries no other host, and that one has a guest")
    finally:
        cloud.drover.remove()
