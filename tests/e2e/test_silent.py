# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A host that runs its guests and answers nobody: its power is off before they run elsewhere."""
import datetime
import json
import os
import time

import test_cold as cold
from tap import check, contains, equal, test, wait_until
from test_evacuate import evac


def power(host):
    rows = json.loads(evac.lab("status", "--json"))["hosts"]
    return next(row["power"] for row in rows if row["name"] == host)


def off_since(host):
    """When the last process of a host that has no power was gone: then the lab forgets its id."""
    return os.stat(evac.lab.host(host, "DIR")).st_mtime


def first_start(server_id, host, since):
    """When that host's libvirt began to start the guest for the first time, by its own log. The log
    is called after the guest, and guests of other tests on this lab had the same name."""
    name = evac.drover.server(server_id)["OS-EXT-SRV-ATTR:instance_name"]
    lines = evac.lab("exec", host, "grep", "starting up libvirt",
                     f"/var/log/libvirt/qemu/{name}.log").splitlines()
    times = [datetime.datetime.strptime(line.split(": ")[0], "%Y-%m-%d %H:%M:%S.%f%z").timestamp()
             for line in lines]
    return min(at for at in times if at >= since)


def host_evacuate(servers, status):
    """By the client that knows the command: every server of hosta to hostb."""
    text = evac.drover.nova("host-evacuate", "--target_host", "hostb", "hosta")
    for each in servers:
        row = next(line for line in text.splitlines() if each in line)
        contains(row, "True", "nova host-evacuate")
        evac.wait_evacuation(each, status)


def check_failed(server_id):
    """It runs nowhere, and may be evacuated again."""
    evac.wait_status(server_id, "ERROR")
    text = evac.drover.openstack("server", "show", "-c", "fault", "-f", "value", server_id)
    for part in ("Cannot allocate memory", "Cause: ", "Fix: "):
        contains(text, part, "its fault")
    equal(evac.host_of(server_id), "hosta", "the host on record")
    equal(evac.pool_files("hostb", server_id), [], "what is left on the destination")


@test("a host that runs and is silent loses its power before nova host-evacuate starts its guests "
      "elsewhere; a destination that fails leaves ERROR, and the same command works once it does "
      "not; a copy that comes back stays while the new one is not seen")
def _():
    evac.tidy()
    begun = time.time()
    servers = [evac.create(name, host="hosta") for name in ("ida", "jane")]
    for each in servers:
        evac.wait_heard(each)
    evac.set_agent("hosta")
    evac.lab("cut", "control", "hosta")
    evac.wait_down("hosta")
    equal(power("hosta"), "on", "the silent host's power")
    for each in servers:
        evac.check_lives(each)

    evac.lab("starve", "hostb", "300")
    host_evacuate(servers, "failed")
    equal(power("hosta"), "off", "its power once it is fenced")
    for each in servers:
        check_failed(each)
    equal(evac.domains("hostb"), {}, "domains on the destination")
    evac.lab("starve", "hostb", "off")
    host_evacuate(servers, "done")
    for each in servers:
        evac.wait_status(each, "ACTIVE")
        equal(evac.runs_on_living(each), {"hostb": "running"}, "libvirt says")
        started = first_start(each, "hostb", begun)
        check(off_since("hosta") < started,
              f"{each} was started at {started}, hosta had power until {off_since('hosta')}")

    # Now hostb is the silent one, and hosta comes back with its old copies.
    evac.lab("cut", "control", "hostb")
    evac.wait_down("hostb")
    evac.lab("heal", "hosta")
    evac.power_on("hosta")
    old = {each: evac.pool_files("hosta", each) for each in servers}
    time.sleep(4)
    for each in servers:
        equal(evac.runs_on(each), {"hosta": "shut off", "hostb": "running"}, "both copies")
        equal(evac.pool_files("hosta", each), old[each], "the disks of the old one")
        check(old[each], "it has disks")
        equal(evac.evacuation(each)["status"], "done", "the evacuation waits")
    evac.lab("heal", "hostb")
    for each in servers:
        wait_until(lambda each=each: evac.evacuation(each)["status"] == "completed",
                   "it is completed", 120)
        equal(evac.runs_on(each), {"hostb": "running"}, "the old copy is gone")
        equal(evac.pool_files("hosta", each), [], "its disks are gone")
        cold.check_up(each, evac)
    evac.tidy()
