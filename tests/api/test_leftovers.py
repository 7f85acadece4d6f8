# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What is left on hosts: which of it an operator can order away, and when that counts."""
import json
import sqlite3
import tempfile
import time

from tap import check, contains, equal, wait_until
from test_dead_volumes import DeadCloud
from test_evacuate import force_down
from world import test

# src/hypervisor/types.h
OFF, RUNNING, PAUSED = 1, 2, 3
BOOTED, MIGRATION = 1, 3


class StrayCloud(DeadCloud):
    """hosta is said to be dead, and comes back with its guest as it was."""

    def evacuate(self, name):
        server = self.create(name, host="hosta")
        self.set_power(False)
        equal(force_down(self, "hosta", True).status, 200, "down")
        equal(self.action(server, {"evacuate": {"host": "hostb"}}, "2.94").status, 200, "evacuate")
        equal(self.wait_migration(server, "done", "failed", "error")["status"], "done", "ended")
        return server

    def back(self, state, server, reason=BOOTED):
        """hosta is back, and its copy of that server is in that state."""
        self.set_power(True, f"update domains set state = {state}, reason = {reason}"
                             f" where host = 'hosta' and uuid = '{server}'")

    def state(self, server, host="hosta"):
        rows = self.fleet("select state from domains where host = ? and uuid = ?", host, server)
        return rows[0][0] if rows else None

    def remember(self, sql):
        """Into droverd's own database, while it does not run."""
        with sqlite3.connect(f"{self.drover.directory}/drover.db", timeout=20) as store:
            store.execute(sql)

    def leftover(self):
        row, = self.leftovers()
        return row

    def remove(self):
        return self.other("DELETE", f"/drover/v1/leftovers/{self.leftover()['id']}")


def check_stays(cloud, server):
    time.sleep(3)
    equal(cloud.state(server), PAUSED, "the older copy is there, and paused")
    row = cloud.leftover()
    equal((row["copy"], row["remove_wanted"]), ("held", False), "on record")
    contains(row["why"], "found active here", "why")


@test("what an operator said before a copy was found active does not destroy it: it is refused, "
      "one that is on record is void; said afterwards it counts")
def _():
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        cloud = StrayCloud(directory)
        try:
            server = cloud.evacuate("gina")
            early = cloud.remove()
            cloud.drover.stop()
            cloud.remember("update leftovers set remove_wanted = 1")
            cloud.drover.start()
            cloud.back(RUNNING, server)
            wait_until(lambda: cloud.state(server) != RUNNING, "it is contained", 20)
            check_stays(cloud, server)
            cloud.refused(early, 409, "It goes by itself when the host answers", "error")

            # Nor does it go when its host loses power: what it wrote is there still.
            cloud.back(OFF, server)
            time.sleep(3)
            equal(cloud.state(server), OFF, "it is kept switched off too")
            answer = cloud.remove()
            equal(answer.status, 202, answer.text)
            equal(answer.json["leftover"]["remove_wanted"], True, "ordered")
            wait_until(lambda: not cloud.leftovers(), "it is removed", 20)
            equal((cloud.state(server), cloud.state(server, "hostb")), (None, RUNNING), "one copy")
        finally:
            cloud.drover.remove()


@test("a copy that runs again after it was held is held anew, and what was ordered is void")
def _():
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        cloud = StrayCloud(directory)
        try:
            server = cloud.evacuate("hana")
            cloud.back(PAUSED, server)
            check_stays(cloud, server)
            cloud.drover.stop()
            cloud.remember("update leftovers set remove_wanted = 1")
            cloud.back(RUNNING, server)
            check_stays(cloud, server)
            shown, = json.loads(cloud.drover.drover("inspect", "leftovers", "--json"))
            equal([shown[key] for key in ("instance_uuid", "with_disks", "size_bytes",
                                          "remove_wanted", "copy")],
                  [server, True, None, False, "held"], "what programs are told")
            text = cloud.drover.drover("leftover", "remove", str(cloud.leftover()["id"]))
            contains(text, "is removed as soon as", "said")
            wait_until(lambda: not cloud.leftovers(), "it is removed", 20)
        finally:
            cloud.drover.remove()


@test("a copy that stood still for a move was never seen to run: it goes when it is off, unasked, "
      "and before that when an operator says so")
def _():
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        cloud = StrayCloud(directory)
        try:
            servers = [cloud.evacuate("iris")]
            cloud.back(PAUSED, servers[0], MIGRATION)
            wait_until(lambda: cloud.leftover()["copy"] == "paused", "it was found", 20)
            time.sleep(2)
            equal(cloud.state(servers[0]), PAUSED, "it stays as it is")
            cloud.back(OFF, servers[0])
            wait_until(lambda: not cloud.leftovers(), "it goes", 20)
            equal(cloud.state(servers[0]), None, "gone")
            equal(force_down(cloud, "hosta", False).status, 200, "up")
            cloud.drover.wait_hosts_up(2)

            servers.append(cloud.evacuate("joan"))
            cloud.back(PAUSED, servers[1], MIGRATION)
            wait_until(lambda: cloud.leftover()["copy"] == "paused", "it was found", 20)
            equal(cloud.remove().status, 202, "ordered")
            wait_until(lambda: not cloud.leftovers(), "it is removed", 20)
            equal([cloud.state(each, "hostb") for each in servers], [RUNNING] * 2, "both run")
        finally:
            cloud.drover.remove()


@test("what could not be removed of a deleted server is tried again within a minute or so")
def _():
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        cloud = DeadCloud(directory, ", ".join(
            f"fault:remove_guest/hosta@{i}=refused" for i in (1, 2, 3)))
        try:
            server = cloud.create("gone", host="hosta")
            cloud.set_power(False)
            equal(force_down(cloud, "hosta", True).status, 200, "down")
            cloud.delete(server)
            equal([row["instance_uuid"] for row in cloud.leftovers()], [server], "on record")
            cloud.set_power(True)
            wait_until(lambda: "was not removed" in cloud.drover.log(), "the first try", 30)
            wait_until(lambda: not cloud.leftovers(), "it is removed", 150)
        finally:
            cloud.drover.remove()
