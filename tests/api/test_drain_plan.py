# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""The plan of a drain counts what claims would: what is shown beforehand is what the job does."""
import os
import tempfile

from tap import contains, equal, wait_until
from test_dead_volumes import DeadCloud
from test_drain import ask, items_of, show, wait_state, wish
from test_explain import explain
from test_pci import PCI, add_flavor
from test_pools import make_pool
from test_volumes import attach, wait_volume
from test_volumes import make as make_volume
from world import Cloud, test


def planned_of(plan):
    return {row["instance_name"]: (row["move"], row["dest_host"]) for row in plan["steps"]}


def done_of(drain):
    """The same of a job, of those that it has moved."""
    return {name: (row["move"], row["dest_host"]) if row["state"] == "moved" else (None, None)
            for name, row in items_of(drain).items()}


@test("a drain promises no processor and no device twice: the job begins what its plan has shown, "
      "and sends nothing where the claim would refuse it [S2-25] [S3-24]")
def _():
    filters = "ComputeFilter, NUMATopologyFilter, AggregateInstanceExtraSpecsFilter"
    cloud = Cloud(("hosta", "hostb"), fake={"pci_devices": 2}, more={
        "pci": PCI, "compute": {"cpu_dedicated_set": "0-2", "cpu_shared_set": "3-63"},
        "filter_scheduler": {"enabled_filters": filters}})
    try:
        add_flavor(cloud, "pinned", {"hw:cpu_policy": "dedicated"})
        add_flavor(cloud, "gpu", {"pci_passthrough:alias": "gpu:1"})
        for flavor in ("pinned", "gpu"):
            cloud.create(f"{flavor}-there", flavorRef=flavor, host="hostb")
        cloud.create("pinned-there-too", flavorRef="pinned", host="hostb")
        servers = {f"{flavor}-{number}": cloud.create(f"{flavor}-{number}", flavorRef=flavor,
                                                      host="hosta")
                   for flavor in ("pinned", "gpu") for number in (1, 2)}
        for number in (1, 2):
            cloud.do(servers[f"gpu-{number}"], {"os-stop": None})
            cloud.wait_status(servers[f"gpu-{number}"], "SHUTOFF")
        plan = ask(cloud, "hosta", status=200, dry_run=True)
        equal((plan["moves"], plan["stay"]), (2, 2), plan)
        planned = planned_of(plan)
        equal(sorted(f"{name.split('-')[0]} {move} {host}"
                     for name, (move, host) in planned.items()),
              ["gpu None None", "gpu cold hostb", "pinned None None", "pinned live hostb"],
              "one of each")
        why = {row["instance_name"].split("-")[0]: row["reason"] for row in plan["steps"]
               if row["dest_host"] is None}
        contains(why["pinned"], "needs 1 dedicated CPUs, has 0 free of 0-2", "no processor")
        contains(why["gpu"], "needs gpu:1, has gpu: 0 of 2 free", "no device")
        ask(cloud, "hosta")
        drain = wait_state(cloud, "hosta", "done", "blocked")
        equal((drain["state"], done_of(drain)), ("blocked", planned), drain)
        equal({name: len(cloud.migrations(server)) for name, server in servers.items()},
              {name: int(planned[name][0] is not None) for name in servers},
              "what has no place is not sent anywhere")
    finally:
        cloud.drover.remove()


@test("a drain plans a server with a volume inside its pool, where one without goes by copies to "
      "the emptier host outside; the job does the same [S4-41]")
def _():
    cloud = Cloud(())
    try:
        for name in ("share1", "share2"):
            cloud.add_host(name, pool="shared")
        cloud.add_host("own")
        cloud.drover.wait_hosts_up(3)
        make_pool(cloud, "rack", "share1", "share2", block_migration="true")
        cloud.create("heavy", host="share2")
        servers = {name: cloud.create(name, host="share1") for name in ("plain", "attached")}
        volume = make_volume(cloud, "data")
        equal(attach(cloud, servers["attached"], volume).status, 200, "a volume")
        wait_volume(cloud, volume, "in-use")
        plan = ask(cloud, "share1", status=200, dry_run=True)
        planned = planned_of(plan)
        equal(planned, {"attached": ("live", "share2"), "plain": ("live", "own")}, plan)
        ask(cloud, "share1")
        drain = wait_state(cloud, "share1", "done", "blocked")
        equal((drain["state"], done_of(drain)), ("done", planned), drain)
        equal([len(cloud.migrations(server)) for server in servers.values()], [1, 1],
              "each was moved once")
    finally:
        cloud.drover.remove()


@test("a drain sends no running server to hosts that are known to lack its processor; with "
      "--cold-fallback it goes cold, and what it runs with afterwards is not known yet [S3-12]")
def _():
    cloud = Cloud(("hosta", "hostb"), more={
        "hypervisor": {"filters": "fault:compare_platform@1=refused"}})
    try:
        server = cloud.create("particular", host="hostb")
        other = cloud.create("other", host="hostb")
        equal(ask(cloud, "hostb", status=200, dry_run=True)["moves"], 2, "nobody was asked")
        equal(explain(cloud, server, "?move=live")["n_fit"], 0, "somebody was")
        equal(planned_of(ask(cloud, "hostb", status=200, dry_run=True)),
              {"particular": (None, None), "other": ("live", "hosta")}, "what one has is known")
        # All guests of the fake fleet have one processor, which is seen when one is to move.
        equal(cloud.live_migrate(other).status, 202, "the move")
        cloud.wait_migration(other, "error")
        cloud.wait_idle(other)
        plan = ask(cloud, "hostb", status=200, dry_run=True)
        equal((plan["moves"], plan["stay"]), (0, 2), plan)
        contains(plan["steps"][0]["reason"], "failed 'cpu'", "the reason")
        contains(plan["steps"][0]["fix"], "--cold-fallback", "the fix")
        foretold = ask(cloud, "hostb", status=200, dry_run=True, cold_fallback=True)
        equal(planned_of(foretold), {"particular": ("cold", "hosta"), "other": ("cold", "hosta")},
              "the plan of the drain that may")
        contains(foretold["steps"][0]["reason"], "failed 'cpu'", "why it goes cold")
        ask(cloud, "hostb", cold_fallback=True)
        drain = wait_state(cloud, "hostb", "done", "blocked")
        equal((drain["state"], done_of(drain)),
              ("done", {"particular": ("cold", "hosta"), "other": ("cold", "hosta")}), drain)
        equal([row["migration_type"] for row in cloud.migrations(server)], ["migration"],
              "no live move was begun")
        equal(planned_of(ask(cloud, "hostb", "restore", status=200, dry_run=True)),
              {"particular": ("live", "hostb"), "other": ("live", "hostb")},
              "both were started anew, and nobody has looked")
    finally:
        cloud.drover.remove()


def add_sizes(cloud, *sizes):
    for ram in sizes:
        answer = cloud.send("POST", "/flavors", {"flavor": dict(
            id=f"ram{ram}", name=f"m1.ram{ram}", ram=ram, vcpus=1, disk=1)})
        equal(answer.status, 200, answer.text)


@test("two drains beside each other keep each other's room, also what has failed and waits to be "
      "tried again, over a kill -9 as well: the dry run of the second says what it will do, and "
      "all that can go goes [S2-25]")
def _():
    directory = tempfile.TemporaryDirectory()
    cloud = Cloud(("hosta", "hostb", "hostc", "hostd"), fake={
        "path": os.path.join(directory.name, "fleet.db")}, default={"ram_allocation_ratio": "1.0"},
        more={"hypervisor": {"filters": "fault:live_migrate@1=refused"}})
    try:
        # A host gives 261,632 MiB. Only hostd has room for the large one; it is the emptiest for
        # the small one as well.
        add_sizes(cloud, 200000, 100000)
        cloud.create("filler", flavorRef="ram100000", host="hostc")
        large = cloud.create("large", flavorRef="ram200000", host="hosta")
        small = cloud.create("small", flavorRef="ram100000", host="hostb")
        plan = ask(cloud, "hostb", status=200, dry_run=True)
        equal(planned_of(plan), {"small": ("live", "hostd")}, "nobody else is drained")
        ask(cloud, "hosta")
        wait_until(lambda: items_of(show(cloud, "hosta"))["large"]["attempts"] == 1,
                   "its first try has failed", 30, 0.05)
        plan = ask(cloud, "hostb", status=200, dry_run=True)
        equal(planned_of(plan), {"small": ("live", "hostc")}, "beside the other drain")
        plan = ask(cloud, "hostc", status=200, dry_run=True)
        equal(planned_of(plan), {"filler": ("live", "hostb")}, "hostb is not drained yet")
        ask(cloud, "hostb")
        cloud.drover.kill()
        cloud.drover.start()
        cloud.drover.wait_hosts_up(4)
        drain = wait_state(cloud, "hostb", "done", "blocked")
        equal(drain["state"], "done", drain)
        equal(cloud.host_of(small), "hostc", "as its plan has told")
        equal(wait_state(cloud, "hosta", "done", "blocked")["state"], "done", "the first one")
        equal(cloud.host_of(large), "hostd", "where there is room")
        equal({row["dest_compute"] for row in cloud.migrations(small)}, {"hostc"}, "nowhere else")
    finally:
        cloud.drover.remove()
        directory.cleanup()


@test("what an earlier drain can have a later one does not take from it: it waits and says so, "
      "and goes on when that one is given up [S2-25]")
def _():
    cloud = Cloud(("hosta", "hostb", "hostc"), more={
        "hypervisor": {"filters": "fault:live_migrate@1=refused"}})
    try:
        add_sizes(cloud, 200000, 250000)
        cloud.create("first", flavorRef="ram200000", host="hosta")
        later = cloud.create("later", flavorRef="ram250000", host="hostb")
        ask(cloud, "hosta")
        wait_until(lambda: items_of(show(cloud, "hosta"))["first"]["attempts"] == 1,
                   "its first try has failed", 30, 0.05)
        wish(cloud, "hosta", "pause")
        wait_state(cloud, "hosta", "paused")
        plan = ask(cloud, "hostb", status=200, dry_run=True)
        equal(planned_of(plan), {"later": (None, None)}, plan)
        contains(plan["steps"][0]["reason"], "other drains or restores have planned the room",
                 "why")
        contains(plan["steps"][0]["fix"], "drover drain cancel", "the fix")
        ask(cloud, "hostb")
        wait_until(lambda: items_of(show(cloud, "hostb"))["later"]["message"] ==
                   plan["steps"][0]["reason"], "it says what the plan has said", 30, 0.05)
        wish(cloud, "hosta", "cancel")
        equal(wait_state(cloud, "hostb", "done", "blocked")["state"], "done", "then")
        equal(cloud.host_of(later), "hostc", "where there is room")
    finally:
        cloud.drover.remove()


@test("a drain that leaves a server to the restore of another host says so, also that this one is "
      "paused or away, and how it goes on [S2-25]")
def _():
    directory = tempfile.TemporaryDirectory(prefix="drover-test-")
    cloud = DeadCloud(directory.name, "fault:live_migrate@2=refused")
    back = "the restore of hosta is to take it back there"

    def cut(is_cut):
        cloud.drover.stop()
        cloud.fleet("update hosts set cut = ? where name = 'hosta'", is_cut)
        cloud.drover.start()
        if is_cut:  # until it is tried, it is as it was when droverd stopped
            wait_until(lambda: not cloud.drover.admin("GET", "/drover/v1/hosts/hosta")
                       .json["host"]["connected"], "it is seen to be away", 30)

    def check_plan(plan, told):
        equal([(row["instance_name"], row["move"], row["dest_host"], row["waits"], row["reason"],
                row["fix"]) for row in plan["steps"]],
              [("one", None, None, True, told["message"], told["fix"])], "the dry run says it")
        equal((plan["moves"], plan["stay"], plan["wait"]), (0, 0, 1), plan)

    def wait_told(message):
        return wait_until(lambda: (row := items_of(show(cloud, "hostb"))["one"])["message"] ==
                          message and row, message, 90)
    try:
        server = cloud.create("one", host="hosta")
        ask(cloud, "hosta")
        equal(wait_state(cloud, "hosta", "done", "blocked")["state"], "done", "away")
        ask(cloud, "hosta", "restore")
        wait_until(lambda: items_of(show(cloud, "hosta"))["one"]["attempts"] == 1,
                   "its first try has failed", 30, 0.05)
        wish(cloud, "hosta", "pause")
        wait_state(cloud, "hosta", "paused")
        plan = ask(cloud, "hostb", status=200, dry_run=True)
        cut(1)
        plan_of_away = ask(cloud, "hostb", status=200, dry_run=True)
        cut(0)
        ask(cloud, "hostb")
        told = wait_told(f"{back}, and is paused")
        check_plan(plan, told)
        resume, cancel = "'drover drain resume hosta'", "('drover drain cancel hosta')"
        look = "see 'drover host show hosta'; it goes on by itself once that is connected"
        equal((told["state"], told["fix"]),
              ("waiting", f"go on with that one ({resume}), or give it up {cancel}"), told)
        cut(1)
        told = wait_told(f"{back}, and is paused, and that host is not connected")
        check_plan(plan_of_away, told)
        equal(told["fix"], f"{look} and resumed ({resume}); or give it up {cancel}", "the fix")
        wish(cloud, "hosta", "run")
        told = wait_told(f"{back}, and that host is not connected")
        equal(told["fix"], f"{look}; or give it up {cancel}", "the fix")
        cut(0)
        for host in ("hosta", "hostb"):
            equal(wait_state(cloud, host, "done", "blocked")["state"], "done", host)
        equal(cloud.host_of(server), "hosta", "back")
    finally:
        cloud.drover.remove()
        directory.cleanup()
