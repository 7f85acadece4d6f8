# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Rehearsals as the API and the command tell them. That real hosts do it is in tests/e2e."""
import json

from tap import check, contains, equal
from test_explain import checks_of, explain, hosts_of
from world import Cloud, test, world


def rehearsal_of(told, host):
    return checks_of(hosts_of(told)[host])["rehearsal"]


def asked(cloud, server, host=None, wish="true", action=None):
    body = action or {"os-migrateLive": {"host": host, "block_migration": "auto"}}
    return cloud.send("POST", f"/servers/{server}/action", body, "2.96",
                      headers={"X-Drover-Rehearse": wish})


def shown(cloud, row):
    return cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]


@test("a rehearsal is a row of the host that was named, or that would be chosen, and of no other; "
      "it is of live migrations alone")
def _():
    cloud = world.fast
    server = cloud.create("asked", host="hosta")
    for query, host in (("?rehearse=true", None), ("?rehearse=true&host=hostb", "hostb")):
        told = explain(cloud, server, query)
        row = rehearsal_of(told, host or told["chosen"])
        equal((row["result"], row["fix"]), ("pass", None), row)
        contains(row["have"], "a twin of the guest started there, in ", "what it says")
        others = [one for one in told["hosts"] if one["name"] not in (host, told["chosen"])]
        equal({checks_of(one)["rehearsal"]["have"] for one in others},
              set() if host else {"not rehearsed"}, "the others")
    equal(rehearsal_of(explain(cloud, server), "hostb")["result"], "unknown", "nobody asked")
    for query in ("?rehearse=true&move=cold", "?rehearse=1&move=evacuate"):
        contains(explain(cloud, server, query, 400).text, "is of a live migration", query)
    explain(cloud, server, "?rehearse=true", 403, user="member")
    cloud.refused(asked(cloud, server, wish="perhaps"), 400, "X-Drover-Rehearse is true or false")
    for action in ({"migrate": None}, {"evacuate": {}}):
        cloud.refused(asked(cloud, server, action=action), 400, "is of a live migration")
    equal(asked(cloud, server, wish="false").status, 202, "no rehearsal")
    row = cloud.wait_migration(server, "completed")
    told = shown(cloud, row)
    equal((told["rehearse"], "twin" in json.dumps(told["events"])), (False, False), told)
    cloud.action(server, {"os-stop": None})
    cloud.wait_status(server, "SHUTOFF")
    row = rehearsal_of(explain(cloud, server, "?rehearse=true&move=live&host=hosta"), "hosta")
    equal(row["result"], "unknown", row)
    contains(row["have"], "is off on host", "a guest that is off")
    cloud.delete(server)


@test("a host that refuses in the rehearsal gives way to another when it was drover's choice, and "
      "ends the migration with cause and fix when it was named; nothing is made there")
def _():
    cloud = Cloud(["hosta", "hostb", "hostc"], more={
        "hypervisor": {"filters": "fault:rehearse/hostb=refused"}})
    try:
        server = cloud.create("rehearsed", host="hosta")
        told = explain(cloud, server, "?rehearse=true&host=hostb")
        row = rehearsal_of(told, "hostb")
        equal((row["result"], told["chosen"]), ("fail", None), row)
        contains(row["have"], "rehearse on host 'hostb' failed", "what it says")
        contains(told["reason"], "rehearsal", "why no host fits")
        run = cloud.drover.drover
        code, text = run("server", "migrate", "--live-migration", "--rehearse", "--dry-run",
                         "--host", "hostb", "rehearsed", check=False)
        equal(code, 1, text)
        contains(text, "host 'hostb' does not fit; nothing was done", "the dry run")
        code, text = run("server", "migrate", "--live-migration", "--rehearse", "--wait", "--host",
                         "hostb", "rehearsed", check=False)
        check(code != 0, text)
        (row,) = cloud.migrations(server)
        told = shown(cloud, row)
        equal((row["status"], told["rehearse"]), ("error", True), told)
        contains(told["message"], "rehearse on host 'hostb' failed", "the fault")
        check("preparing" not in [event["to"] for event in told["events"]], "nothing was prepared")
        equal((cloud.host_of(server), cloud.server(server)["status"]), ("hosta", "ACTIVE"), "it")
        code, text = run("server", "migrate", "--rehearse", "rehearsed", check=False)
        equal(code, 2, text)
        contains(text, "--rehearse needs --live-migration", "a cold move")
        # Chosen first it is, or it is not: in the end the guest is where it can run.
        run("server", "migrate", "--live-migration", "--rehearse", "--wait", "rehearsed")
        equal(cloud.host_of(server), "hostc", "where it is")
        told = shown(cloud, cloud.migrations(server)[0])
        check(any("a twin of the guest has started there" in (event["sentence"] or "")
                  for event in told["events"]), told["events"])
    finally:
        cloud.drover.remove()


@test("live_migration_rehearse rehearses every live migration to the hosts of its group")
def _():
    cloud = Cloud(["hosta", "hostb", "hostc"], more={
        "libvirt:picky": {"hosts": "hostb", "live_migration_rehearse": "true"},
        "hypervisor": {"filters": "fault:rehearse=refused"}})
    try:
        server = cloud.create("grouped", host="hosta")
        equal(cloud.live_migrate(server, "hostb").status, 202, "to the group")
        told = shown(cloud, cloud.wait_migration(server, "error", "completed"))
        contains(told["message"], "rehearse on host 'hostb' failed", "the fault")
        cloud.wait_idle(server)
        equal(cloud.live_migrate(server, "hostc").status, 202, "to another host")
        cloud.wait_migration(server, "completed")
        equal(cloud.host_of(server), "hostc", "where it is")
    finally:
        cloud.drover.remove()
