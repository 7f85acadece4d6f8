# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Guests whose host is dead, and their volumes: nobody there can be asked for anything."""
import os
import sqlite3
import tempfile
import time

from tap import check, contains, equal, wait_until
from test_evacuate import force_down
from test_volumes import attach, show, wait_volume
from world import PATIENCE_S, Cloud, test

OFF, FOR_NO_KNOWN_REASON = 1, 13  # src/hypervisor/types.h


class DeadCloud(Cloud):
    """Hosts in a file, of which the first may lose its power."""

    def __init__(self, directory, filters="delay:detach_disk=1000", hosts=("hosta", "hostb"),
                 **more):
        """Slow to take a disk away: nothing may overtake that."""
        self.path = os.path.join(directory, "fleet.db")
        super().__init__(hosts, {"path": self.path},
                         more=dict({"hypervisor": {"filters": filters}}, **more))

    def fleet(self, sql, *values):
        with sqlite3.connect(self.path, timeout=20) as fleet:
            return fleet.execute(sql, values).fetchall()

    def set_power(self, has_power, *more):
        """While nobody uses the file."""
        self.drover.stop()
        self.fleet("update hosts set power = ? where name = 'hosta'", has_power)
        if not has_power:
            self.fleet("update domains set state = ?, reason = ? where host = 'hosta'", OFF,
                       FOR_NO_KNOWN_REASON)
        for sql in more:
            self.fleet(sql)
        self.drover.start()
        self.drover.wait_hosts_up(1)  # it stays forced down until somebody says otherwise

    def register(self, name, uri):
        answer = self.other("POST", "/volume/v3/os-volume-manage",
                            {"volume": {"name": name, "ref": {"uri": uri}}})
        equal(answer.status, 202, answer.text)
        return answer.json["volume"]["id"]

    def give(self, server, volume):
        equal(attach(self, server, volume).status, 200, "attach")
        wait_volume(self, volume, "in-use")

    def disks(self, server):
        """host/target of what definitions have."""
        return sorted(f"{host}/{target}" for host, target in self.fleet(
            "select host, target from disks where uuid = ?", server))

    def has_deadline(self):
        """Of an operation: it is given one once it waits for its host."""
        path = f"file:{self.drover.directory}/drover.db?mode=ro"
        with sqlite3.connect(path, uri=True, timeout=20) as database:
            return database.execute("select 1 from operations where deadline_us > 0").fetchone()

    def leftovers(self):
        return self.other("GET", "/drover/v1/leftovers").json["leftovers"]


@test("a detach that a silent host does not answer fails with the way out, which is to fence it, "
      "and then it is done")
def _():
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        cloud = DeadCloud(directory)
        try:
            server = cloud.create("waits", host="hosta")
            volume = cloud.register("fine", "nbd://fine/one")
            cloud.give(server, volume)
            cloud.set_power(False)
            path = f"/servers/{server}/os-volume_attachments/{volume}"
            equal(cloud.send("DELETE", path, version="2.96").status, 202, "detach")
            wait_volume(cloud, volume, "detaching")
            wait_until(cloud.has_deadline, "the host is given two minutes", 60, 0.05)
            # They are over; after its start drover gives the host half a minute more.
            cloud.drover.stop()
            with sqlite3.connect(f"{cloud.drover.directory}/drover.db", timeout=20) as database:
                database.execute("update operations set deadline_us = 1 where deadline_us > 0")
            cloud.drover.start()
            wait_until(lambda: show(cloud, volume)["status"] == "in-use", "it is given up", 90)
            action = cloud.get(f"/servers/{server}/os-instance-actions")["instanceActions"][0]
            events = cloud.get(f"/servers/{server}/os-instance-actions/{action['request_id']}",
                               "2.84")["instanceAction"]["events"]
            for part in ("host 'hosta' did not answer", "'drover host power hosta off'",
                         "'openstack compute service set --down hosta nova-compute'"):
                contains(events[0]["details"], part, "what is told")
            equal(force_down(cloud, "hosta", True).status, 200, "down")
            equal(cloud.send("DELETE", path, version="2.96").status, 202, "detach again")
            wait_volume(cloud, volume, "available")
        finally:
            cloud.drover.remove()


@test("a volume is taken from a guest on a dead host at once: it can be evacuated then, and one "
      "that stays is started, when its host is back, without it")
def _():
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        cloud = DeadCloud(directory)
        try:
            goes, stays = (cloud.create(name, host="hosta") for name in ("goes", "stays"))
            # Its server is silent: whoever would start a guest with it is told so.
            cloud.do(goes, {"os-stop": None})
            cloud.wait_status(goes, "SHUTOFF")
            silent = cloud.register("silent", "nbd://silent/one")
            cloud.give(goes, silent)
            fine = [cloud.register(f"fine{i}", f"nbd://fine/{i}") for i in range(2)]
            for volume in fine:
                cloud.give(stays, volume)
            cloud.set_power(False, "update disks set volume = 'nbd://silent/two'"
                            " where volume like 'nbd://fine/%'")

            # Not known to be dead, it may have it still.
            path = f"/servers/{goes}/os-volume_attachments/{silent}"
            equal(cloud.send("DELETE", path, version="2.96").status, 202, "detach")
            time.sleep(3)
            equal(show(cloud, silent)["status"], "detaching", "while the host is merely silent")
            equal(force_down(cloud, "hosta", True).status, 200, "down")
            wait_volume(cloud, silent, "available")
            row, = cloud.leftovers()
            equal((row["kind"], row["host"], row["name"], row["instance_uuid"]),
                  ("disk", "hosta", f"{goes}/vdc", goes), "on record")
            contains(row["why"], silent, "why")
            contains(cloud.drover.drover("inspect", "leftovers"), f"{goes}/vdc", "shown")

            equal(cloud.action(goes, {"evacuate": {}}, "2.95").status, 200, "evacuate")
            equal(cloud.wait_migration(goes, "done", "failed", "error")["status"], "done", "ended")
            equal([row["kind"] for row in cloud.leftovers()], ["guest"], "the copy as a whole")

            for volume in fine:
                path = f"/servers/{stays}/os-volume_attachments/{volume}"
                equal(cloud.send("DELETE", path, version="2.96").status, 202, "detach")
                wait_volume(cloud, volume, "available")
            cloud.give(goes, fine[0])  # it is free for another
            cloud.set_power(True)
            wait_until(lambda: not cloud.leftovers(), "nothing is left", 20)
            cloud.wait_status(stays, "ACTIVE")
            equal(cloud.server(stays)["OS-EXT-STS:power_state"], 1, "it runs")
            equal(cloud.server(stays).get("fault"), None, "fault")
            actions = [row["action"] for row in cloud.get(
                f"/servers/{stays}/os-instance-actions")["instanceActions"]]
            equal(actions[0], "start", "the last action")
            cloud.drover.stop()
            equal(cloud.disks(stays), [], "its definition")
            equal(cloud.disks(goes), ["hostb/vdc"], "the one that has it")
            check(not cloud.fleet("select * from violations"), "a rule was broken")
        finally:
            cloud.drover.remove()


@test("what is asked of a guest on a dead host ends at once, and keeps nobody from evacuating it: "
      "it is stopped, since it is off, and cannot be paused or rebooted")
def _():
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        cloud = DeadCloud(directory)
        try:
            stopped, paused, rebooted, soft = servers = [
                cloud.create(name, host="hosta") for name in ("stop", "pause", "hard", "soft")]
            cloud.set_power(False)
            # Silence alone ends nothing.
            cloud.do(stopped, {"os-stop": None})
            time.sleep(1)
            shown = cloud.server(stopped)
            equal(shown["OS-EXT-STS:task_state"], "powering-off", "while it is merely silent")
            equal(force_down(cloud, "hosta", True).status, 200, "down")
            for server, action in ((paused, {"pause": None}),
                                   (rebooted, {"reboot": {"type": "HARD"}}),
                                   (soft, {"reboot": {"type": "SOFT"}})):
                cloud.do(server, action)
            for server in servers:
                wait_until(lambda: cloud.server(server)["OS-EXT-STS:task_state"] is None,
                           "it has ended", PATIENCE_S)
            equal([(cloud.server(server)["status"], cloud.server(server)["OS-EXT-STS:power_state"])
                   for server in servers],
                  [("SHUTOFF", 4), ("ACTIVE", 1), ("ACTIVE", 1), ("ACTIVE", 1)], "what they are")
            for server in servers:
                equal(cloud.action(server, {"evacuate": {}}, "2.92").status, 200, "evacuate")
                equal(cloud.wait_migration(server, "done", "failed", "error")["status"], "done",
                      "ended")
                cloud.wait_idle(server)
            equal([cloud.server(server)["status"] for server in servers],
                  ["SHUTOFF", "ACTIVE", "ACTIVE", "ACTIVE"], "what they are elsewhere")
        finally:
            cloud.drover.remove()


@test("a resize whose new host is dead is not confirmed, at once, and not evacuated; both say that "
      "a revert brings it back, and it does at once")
def _():
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        cloud = DeadCloud(directory)
        try:
            server = cloud.create("resized", host="hostb")
            cloud.do(server, {"migrate": {"host": "hosta"}})
            cloud.wait_status(server, "VERIFY_RESIZE")
            cloud.set_power(False)
            equal(force_down(cloud, "hosta", True).status, 200, "down")
            cloud.do(server, {"confirmResize": None}, 204)
            fault = wait_until(lambda: cloud.server(server).get("fault"), "it ends",
                               PATIENCE_S)["message"]
            contains(fault, "host 'hosta' is dead", "why")
            contains(fault, "openstack server resize revert", "what to do")
            cloud.wait_idle(server)
            cloud.refused(cloud.action(server, {"evacuate": {}}, "2.95"), 409,
                          "vm_state resized: 'openstack server resize revert' brings it back")
            cloud.do(server, {"revertResize": None})
            cloud.wait_status(server, "ACTIVE")
            equal(cloud.host_of(server), "hostb", "where it is")
        finally:
            cloud.drover.remove()
