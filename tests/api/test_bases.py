# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What is given up while an image is put on a host, which here would take days."""
import contextlib
import os
import sqlite3
import tempfile

from tap import equal, wait_until
from test_evacuate import lose_power
from world import Cloud, test

# Bytes in a second, of an image of 1 MiB.
NEVER = 1
# So many are put on one host at the same time.
AT_ONCE = 4


@contextlib.contextmanager
def slowed():
    """A cloud with a server on hosta and the images on no other host, the server, what
    tells the bases that are there: (pool, whether complete), and the fleet's path."""
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        path = os.path.join(directory, "fleet.db")
        fake = {"path": path, "guest_disk_mb": 1}
        cloud = Cloud(("hosta", "hostb"), fake)

        def bases():
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20) as fleet:
                return fleet.execute("select pool, complete from volumes "
                                     "where name like 'base-%' order by pool").fetchall()
        try:
            server = cloud.create("stays", host="hosta")
            cloud.drover.stop()
            cloud.drover.write_config({
                "fake": dict(fake, base_rate=NEVER), "DEFAULT": {"shutdown_timeout": 5},
                "volumes": {"pool": "volumes"}})
            cloud.drover.start()
            cloud.tokens["admin"] = cloud.drover.login()
            cloud.drover.wait_hosts_up(2)
            equal([complete for _, complete in bases()], [1], "it is on hosta alone")
            yield cloud, server, bases, path
        finally:
            cloud.drover.remove()


def halves(bases):
    return [pool for pool, complete in bases() if not complete]


def count_fetching(cloud):
    with sqlite3.connect(f"file:{cloud.drover.directory}/drover.db?mode=ro", uri=True,
                         timeout=20) as database:
        return database.execute(
            "select count(*) from operations where state = 'fetching'").fetchone()[0]


@test("an abort of a live or cold migration, and a delete of a server that is made, do not wait "
      "for an image that is put on a host: it ends, and no half of it is left [S3-71]")
def _():
    with slowed() as (cloud, server, bases, _):
        before = bases()
        for body in ({"os-migrateLive": {"host": "hostb", "block_migration": "auto"}},
                     {"migrate": {"host": "hostb"}}):
            cloud.do(server, body)
            wait_until(lambda: halves(bases), f"it flows: {body}", 60)
            number = cloud.migrations(server)[0]["id"]
            answer = cloud.other("POST", f"/drover/v1/instances/{server}/migrations/{number}/abort")
            equal(answer.status, 202, f"abort: {answer.text}")
            row = cloud.wait_migration(server, "cancelled", "error", "failed")
            equal((row["id"], row["status"]), (number, "cancelled"), f"its end: {body}")
            cloud.wait_status(server, "ACTIVE")
            equal(cloud.host_of(server), "hosta", "where it is")
            equal(bases(), before, f"the images on the hosts: {body}")
        made = [cloud.create(f"unmade{n}", wait=False, host="hostb") for n in range(AT_ONCE + 1)]
        wait_until(lambda: count_fetching(cloud) == len(made), "it flows for new ones", 60)
        # The last one waits for its turn.
        for one in reversed(made):
            equal(cloud.server(one)["status"], "BUILD", "it is made")
            equal(cloud.send("DELETE", f"/servers/{one}").status, 204, "delete")
            cloud.wait_gone(one)
        equal(bases(), before, "the images on the hosts after them")
        cloud.delete(server)


@test("a server that is deleted while an evacuation puts its image on another host is gone, "
      "nothing of it is left there, and the evacuation says so by a code of its own [S3-69]")
def _():
    with slowed() as (cloud, server, bases, path):
        before = bases()
        lose_power(cloud, path, "hosta")
        equal(cloud.action(server, {"evacuate": {}}, "2.95").status, 200, "evacuate")
        wait_until(lambda: halves(bases), "its image flows", 60)
        number = cloud.migrations(server)[0]["id"]
        equal(cloud.send("DELETE", f"/servers/{server}").status, 204, "delete")
        cloud.wait_gone(server)
        told = cloud.other("GET", f"/drover/v1/migrations/{number}").json["migration"]
        equal((told["status"], told["error_code"], told["dest_host"]),
              ("cancelled", "instance-deleted", "hostb"), f"its end: {told}")
        equal(bases(), before, "the images on the hosts")
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20) as fleet:
            equal(fleet.execute("select host from domains where uuid = ?", (server,)).fetchall(),
                  [("hosta",)], "what the dead host has")
