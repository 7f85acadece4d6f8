# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""os-resetState, and what is true afterwards: its host tells, whatever an administrator said."""
import tempfile
import time

from tap import contains, equal, wait_until
from test_dead_volumes import DeadCloud
from test_evacuate import force_down
from world import test, world


def reset(cloud, server, state):
    return cloud.action(server, {"os-resetState": {"state": state}})


@test("a server that was said to be active is shown as what its guest is, soon after: off, "
      "paused or running")
def _():
    cloud = world.fast
    stopped, paused, running = (cloud.create(name) for name in ("off", "halted", "runs"))
    cloud.do(stopped, {"os-stop": None})
    cloud.wait_status(stopped, "SHUTOFF")
    cloud.do(paused, {"pause": None})
    cloud.wait_status(paused, "PAUSED")
    for server, status in ((stopped, "SHUTOFF"), (paused, "PAUSED"), (running, "ACTIVE")):
        cloud.do(server, {"os-resetState": {"state": "error"}})
        cloud.wait_status(server, "ERROR")
        cloud.do(server, {"os-resetState": {"state": "active"}})
        cloud.wait_status(server, status)
    cloud.delete(stopped, paused, running)


@test("a server whose host does not know it is in ERROR again with that as its fault, whatever it "
      "was set to")
def _():
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        cloud = DeadCloud(directory)
        try:
            server = cloud.create("lost", host="hostb")
            cloud.drover.stop()
            cloud.fleet("delete from domains where uuid = ?", server)
            cloud.drover.start()
            cloud.wait_status(server, "ERROR")
            first = cloud.server(server)["fault"]["created"]
            time.sleep(1.1)  # it is told in seconds
            cloud.drover.drover("server", "set", "--state", "active", "lost")
            wait_until(lambda: cloud.server(server).get("fault", {}).get("created", first) != first,
                       "it was ACTIVE, and has a fault anew", 60)
            equal(cloud.server(server)["status"], "ERROR", "status")
            contains(cloud.server(server)["fault"]["message"], "Host hostb does not know", "fault")
        finally:
            cloud.drover.remove()


@test("a server that is on no host cannot be set to active, and one that waits for a confirm or "
      "revert to nothing")
def _():
    cloud = world.fast
    server = cloud.create("nowhere", wait=False, flavorRef="huge")
    cloud.wait_status(server, "ERROR")
    cloud.refused(reset(cloud, server, "active"), 409, "it is on no host: delete it")
    cloud.do(server, {"os-resetState": {"state": "error"}})
    moved = cloud.create("moved")
    cloud.do(moved, {"migrate": None})
    cloud.wait_status(moved, "VERIFY_RESIZE")
    for state in ("active", "error"):
        cloud.refused(reset(cloud, moved, state), 409, "confirm or revert the resize")
    equal(cloud.server(moved)["status"], "VERIFY_RESIZE", "afterwards")
    cloud.do(moved, {"revertResize": None})
    cloud.wait_status(moved, "ACTIVE")
    cloud.delete(server, moved)


@test("a server that an evacuation left in ERROR while its guest ran on is told the way out, and "
      "is what it was by it")
def _():
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        cloud = DeadCloud(directory, "fault:prove_guest/hostb=refused")
        try:
            server = cloud.create("alive", host="hosta")
            cloud.drover.stop()
            cloud.fleet("update hosts set cut = 1 where name = 'hosta'")
            cloud.drover.start()
            cloud.drover.wait_hosts_up(1)
            equal(force_down(cloud, "hosta", True).status, 200, "down")
            equal(cloud.action(server, {"evacuate": {}}, "2.95").status, 200, "evacuate")
            equal(cloud.wait_migration(server, "done", "failed", "error")["status"], "failed",
                  "ended")
            cloud.wait_status(server, "ERROR")
            contains(cloud.server(server)["fault"]["details"],
                     f"'drover server set --state active {server}' ends the ERROR", "the way out")
            cloud.drover.stop()
            cloud.fleet("update hosts set cut = 0 where name = 'hosta'")
            cloud.drover.start()
            cloud.drover.wait_hosts_up(1)
            equal(force_down(cloud, "hosta", False).status, 200, "up again")
            cloud.drover.wait_hosts_up(2)
            equal(cloud.server(server)["status"], "ERROR", "nobody has said otherwise")
            code, told = cloud.drover.drover("server", "set", "alive", check=False)
            equal(code, 2, told)
            contains(told, "say --state active or --state error", "usage")
            cloud.drover.drover("server", "set", "--state", "active", "alive")
            cloud.wait_status(server, "ACTIVE")
            wait_until(lambda: cloud.server(server)["OS-EXT-STS:power_state"] == 1, "it runs", 60)
            equal(cloud.host_of(server), "hosta", "its host")
        finally:
            cloud.drover.remove()
