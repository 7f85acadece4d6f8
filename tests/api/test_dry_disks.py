# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What a dry run knows of disks: the same words as the request's own, before anything is asked."""
import json

from tap import contains, equal, wait_until
from test_explain import checks_of, explain, hosts_of
from test_volumes import attach, make, wait_volume
from world import Cloud, test

NOT_LOCAL = ("a1 is not on local storage: Block migration can not be used with shared storage.")
NOT_SHARED = ("c3 is not on shared storage: Shared storage live-migration requires either shared "
              "storage or boot-from-volume with no local disks.")


def make_cloud(**fake):
    """Two hosts on one storage, and one that has its own."""
    cloud = Cloud((), fake=fake, more={"volumes": {"pool": "shared"}})
    cloud.add_host("a1", pool="shared")
    cloud.add_host("b2", pool="shared")
    cloud.add_host("c3")
    cloud.drover.wait_hosts_up(3)
    return cloud


def storage_rows(told):
    return {name: checks_of(row)["storage"] for name, row in hosts_of(told).items()}


def results(told):
    return {name: row["result"] for name, row in storage_rows(told).items()}


def message_of(answer):
    equal(answer.status, 400, answer.text)
    return answer.json["badRequest"]["message"]


@test("a dry run tells of each host what becomes of the disks and what block_migration would be "
      "refused for, in the words of the request, which passes over such hosts [S0-11 S3-39]")
def _():
    cloud = make_cloud()
    try:
        server = cloud.create("disks", host="a1")
        rows = storage_rows(explain(cloud, server, "?move=live"))
        equal({name: (row["result"], row["have"]) for name, row in rows.items()},
              {"a1": ("pass", "any"), "b2": ("pass", "vda:shared vdb:shared"),
               "c3": ("pass", "vda:copied vdb:copied")}, "what becomes of each disk")

        told = explain(cloud, server, "?move=live&block_migration=true")
        equal((results(told), told["chosen"]), ({"a1": "pass", "b2": "fail", "c3": "pass"}, "c3"),
              "copies")
        row = storage_rows(told)["b2"]
        equal((row["needed"], row["have"]),
              ("storage of its own, for block_migration true", NOT_LOCAL), "the row")
        contains(row["fix"], "ask for block_migration auto", "its fix")
        named = explain(cloud, server, "?move=live&block_migration=yes&host=b2")
        equal((named["chosen"], named["reason"]), (None, NOT_LOCAL), "the one that is named")
        equal(message_of(cloud.live_migrate(server, "b2", True, "2.30")), NOT_LOCAL,
              "the request's own words")
        equal(cloud.live_migrate(server, "b2", True).status, 202, "from 2.34 on")
        number = cloud.wait_migration(server, "error")["id"]
        shown = cloud.other("GET", f"/drover/v1/migrations/{number}").json["migration"]
        equal(shown["message"], NOT_LOCAL, "the record")
        cloud.wait_idle(server)
        equal(cloud.live_migrate(server, None, True).status, 202, "to whichever can")
        equal(cloud.wait_migration(server, "completed", "error")["dest_compute"], "c3", "where to")
        cloud.wait_idle(server)

        told = explain(cloud, server, "?move=live&block_migration=false")
        equal((results(told), told["chosen"], told["reason"]),
              ({"a1": "fail", "b2": "fail", "c3": "pass"}, None, NOT_SHARED), "no host will do")
        equal(storage_rows(told)["a1"]["have"], NOT_SHARED, "the row")
        equal(message_of(cloud.live_migrate(server, None, False, "2.30")), NOT_SHARED,
              "the request's own words")
        cloud.delete(server)
    finally:
        cloud.drover.remove()


@test("drover explain and server migrate --dry-run take --block-migration and --shared-migration, "
      "and fail with what the request would be told [S0-11 S2-22]")
def _():
    cloud = make_cloud()
    try:
        server = cloud.create("asked", host="c3")

        def drover(*arguments):
            return cloud.drover.drover(*arguments, check=False)
        dry = ("server", "migrate", "--live-migration", "--dry-run", "asked")
        code, output = drover(*dry, "--block-migration")
        equal(code, 0, output)
        code, output = drover(*dry, "--shared-migration")
        equal(code, 1, output)
        contains(output, f"nothing was done (the request would be told: {NOT_SHARED})",
                 "the last line")
        code, output = drover(*dry, "--shared-migration", "--host", "a1")
        contains(output, "host 'a1' does not fit; nothing was done", "of one host")
        contains(output, f"(the request would be told: {NOT_SHARED})", "and why")
        code, output = drover("explain", "asked", "--shared-migration", "--json")
        equal((code, json.loads(output)["reason"]), (0, NOT_SHARED), "as JSON")
        code, output = drover("explain", "asked", "--shared-migration", "--block-migration")
        equal(code, 2, output)
        for query in ("move=live&block_migration=perhaps", "move=cold&block_migration=true",
                      "move=cold&disk_over_commit=true", "move=live&disk_over_commit=maybe"):
            explain(cloud, server, f"?{query}", 400)
        equal(cloud.migrations(server), [], "nothing was touched")
        cloud.delete(server)
    finally:
        cloud.drover.remove()


@test("a dry run asks for room only where a disk is copied to, and disk_over_commit is told")
def _():
    cloud = make_cloud(pool_gb=2, guest_disk_mb=1500)
    try:
        server = cloud.create("roomy", host="a1")
        full = cloud.create("full", host="c3")

        def free_rows():
            rows = hosts_of(explain(cloud, server, "?move=live"))
            return {name: checks_of(row)["disk-free"] for name, row in rows.items()}
        wait_until(lambda: free_rows()["c3"]["have"] == "0 GiB really free", "it is seen")
        free = free_rows()
        equal((free["b2"]["result"], free["b2"]["needed"]), ("pass", "0 GiB really free"),
              "no copy, no room")
        equal((free["c3"]["result"], free["c3"]["needed"]), ("fail", "1 GiB really free"),
              "a copy")
        rows = hosts_of(explain(cloud, server, "?move=live&disk_over_commit=true"))
        equal((checks_of(rows["c3"])["disk-free"]["result"], rows["c3"]["fits"]), ("off", True),
              "over-committed")
        equal(cloud.drover.drover("explain", "roomy", "--disk-overcommit", "--host", "c3",
                                  check=False)[1].count("c3 fits; no other host was asked for"), 1,
              "the command")
        equal(cloud.live_migrate(server, "b2").status, 202, "the move")
        equal(cloud.wait_migration(server, "completed", "error")["status"], "completed", "it fits")
        cloud.delete(server, full)
    finally:
        cloud.drover.remove()


@test("of a volume in a pool that no host tells of a dry run says that it is not known whether the "
      "hosts share it, and the request, which asks them, goes there [S0-11]")
def _():
    cloud = make_cloud()
    try:
        server = cloud.create("laden", host="a1")
        volume = make(cloud, "data")
        equal(attach(cloud, server, volume).status, 200, "attach")
        wait_volume(cloud, volume, "in-use")
        cloud.wait_idle(server)
        for move in ("live", "cold"):
            rows = storage_rows(explain(cloud, server, f"?move={move}"))
            equal((rows["b2"]["result"], rows["b2"]["have"]),
                  ("pass", "vda:shared vdb:shared vdc:shared"), move)
            equal((rows["c3"]["result"], rows["c3"]["needed"], rows["c3"]["have"]),
                  ("unknown", "the pool of its volumes", "not known whether host 'a1' shares "
                   "storage pool 'shared' with it: both are asked when it moves"), move)
        equal(cloud.live_migrate(server, "c3").status, 202, "the move")
        row = cloud.wait_migration(server, "completed", "error")
        shown = cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
        equal((row["status"], shown["disks"]), ("completed", {
            "vda": "copied", "vdb": "copied", "vdc": "shared"}), "the request asked")
    finally:
        cloud.drover.remove()
