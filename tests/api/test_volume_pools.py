# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A server with volumes goes to hosts that have the storage pool of these."""
import os
import tempfile

from tap import contains, equal
from test_cold import moved, set_power
from test_drain import ask
from test_evacuate import force_down
from test_explain import checks_of, explain, hosts_of, set_service
from test_volumes import make
from world import Cloud, test

FIX = ("define it there as on the other hosts ('virsh pool-define'), then 'virsh pool-start "
       "{0}' and 'virsh pool-autostart {0}'")


def root(cloud, **more):
    """What boots from a new volume."""
    return {"imageRef": "", "block_device_mapping_v2": [dict({
        "boot_index": 0, "source_type": "image", "destination_type": "volume",
        "uuid": cloud.ids["guest"], "volume_size": 1, "delete_on_termination": True}, **more)]}


def fault_of(cloud, server):
    cloud.wait_status(server, "ERROR")
    return cloud.server(server)["fault"]["message"]


@test("a host that lacks the storage pool of a server's volumes is not chosen, for a new server "
      "with new volumes or given ones, a move, an evacuation or a drain, and the table says which "
      "pool it lacks [S2-22]")
def _():
    directory = tempfile.TemporaryDirectory(prefix="drover-test-")
    path = os.path.join(directory.name, "fleet.db")
    cloud = Cloud(("hosta", "hostb", "hostc"),
                  fake={"path": path, "pools": "fast,hostb:volumes,hostc:volumes"})
    try:
        plain = cloud.create("plain")
        equal(cloud.host_of(plain), "hosta", "the first of equals")
        cloud.delete(plain)
        server = cloud.create("booted", **root(cloud))
        equal(cloud.host_of(server), "hostb", "a new volume: the first that has its pool")
        given = cloud.create("given", **root(
            cloud, source_type="volume", boot_index=0, volume_size=None, uuid=make(
                cloud, "given", imageRef=cloud.ids["guest"])))
        equal(cloud.host_of(given), "hostc", "a volume that is there: the emptier one with a pool")
        cloud.delete(given)
        refused = cloud.create("refused", host="hosta", wait=False, **root(cloud))
        contains(fault_of(cloud, refused), "No valid host was found. hosta failed 'volumes': needs "
                 "storage pool 'volumes' of its volumes, has 'hosta/instances', 'fast' (" +
                 FIX.format("volumes"), "the fault")
        cloud.delete(refused)

        for query in ("?move=live", "?move=cold", "?move=evacuate"):
            told = explain(cloud, server, query)
            row = checks_of(hosts_of(told)["hosta"])["volumes"]
            equal((row["result"], row["needed"], row["have"], row["fix"]),
                  ("fail", "storage pool 'volumes' of its volumes", "'hosta/instances', 'fast'",
                   FIX.format("volumes")), query)
            row = checks_of(hosts_of(told)["hostc"])["volumes"]
            equal((row["result"], row["have"], row["fix"]),
                  ("pass", "'hostc/instances', 'fast', 'volumes'", None), query)
            equal(told["chosen"], "hostc", query)
        text = cloud.drover.drover("explain", "booted", "--live", "--host", "hosta", check=False)[1]
        contains(text, "virsh pool-start", "drover explain")

        equal(cloud.live_migrate(server, "hosta").status, 202, "a live move is taken")
        row = cloud.wait_migration(server, "error", "failed", "completed")
        shown = cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
        contains(shown["message"], "hosta failed 'volumes': needs storage pool 'volumes'", "why")
        cloud.wait_idle(server)
        equal((row["status"], cloud.host_of(server)), ("error", "hostb"), "and does not happen")
        equal(cloud.live_migrate(server).status, 202, "a host that has it is chosen")
        cloud.wait_migration(server, "completed")
        cloud.wait_idle(server)
        equal(cloud.host_of(server), "hostc", "though hosta is as empty")
        moved(cloud, server, {"migrate": None})
        equal(cloud.host_of(server), "hostb", "cold")
        cloud.do(server, {"confirmResize": None}, 204)
        cloud.wait_status(server, "ACTIVE")

        set_service(cloud, "hostc", status="disabled")
        plan = ask(cloud, "hostb", status=200, dry_run=True)
        equal((plan["moves"], plan["stay"]), (0, 1), plan)
        contains(plan["steps"][0]["reason"], "failed 'volumes' (hosta: needs storage pool",
                 "the drain's reason")
        cloud.drover.kill()
        set_power(path, "hostb", 0)
        cloud.drover.start()
        equal(force_down(cloud, "hostb", True).status, 200, "dead")
        cloud.drover.wait_hosts_up(2)
        cloud.do(server, {"evacuate": {}}, 200)
        row = cloud.wait_migration(server, "error", "failed", "done", "completed")
        shown = cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
        equal((row["status"], "failed 'volumes' (hosta: " in shown["message"]), ("error", True),
              f"the evacuation says {shown}")
        set_service(cloud, "hostc", status="enabled")
        cloud.wait_idle(server)
        cloud.do(server, {"evacuate": {}}, 200)
        cloud.wait_migration(server, "done", "completed")
        equal(cloud.host_of(server), "hostc", "after the evacuation")
    finally:
        cloud.drover.remove()
        directory.cleanup()


@test("a new server whose volumes no host has the pool of is refused with that")
def _():
    cloud = Cloud(("hosta", "hostb"), more={"volumes": {"pool": "elsewhere"}})
    try:
        refused = cloud.create("refused", wait=False, **root(cloud))
        contains(fault_of(cloud, refused), "No valid host was found. 2 hosts: 2 failed 'volumes' "
                 "(hosta: needs storage pool 'elsewhere' of its volumes, has ", "the fault")
    finally:
        cloud.drover.remove()
