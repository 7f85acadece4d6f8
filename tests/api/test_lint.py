# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Are hosts fit for each other? Processors that they have in common, what is known of them, and
canaries that get from one to another, or do not."""
import json

from tap import check, contains, equal, wait_until
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
    equal((guest["host"], guest["cpu_model"], guest["keeps_its_model"], guest["obstacle"]),
          ("hostb", "qemu64", False, None), "the guest")
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
        equal(answer.json, {"lint": {"canaries": n}}, "how many")
    return answer


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
        code, table = drover("host", "lint", "--no-canaries", "hosta", "hostb", check=False)
        equal(code, 1, table)
        for part in ("FAIL", "What failed:", "unseen", "1 of the checks and canaries failed"):
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
        equal((set(told), len(told["canaries"])), ({"checks", "canaries"}, 9), "as JSON")
        equal(cloud.other("DELETE", "/drover/v1/hosts/hostd").status, 204, "one goes")
        check(all("hostd" not in pair for pair in look(cloud)[1]), "and its canaries with it")
    finally:
        cloud.drover.remove()


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
    for name in ("clock", "name-resolution", "pool-owner", "pool-mode", "export", "fstab"):
        equal(checks[None, name]["result"], "unseen", name)
