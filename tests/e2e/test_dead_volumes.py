# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A host dies, and so does the server of a volume on the network that its guests have."""
import tempfile

from tap import check, contains, equal, test, wait_until
from test_evacuate import evac


@test("with its host dead and its volume's server as well, a guest loses the volume on the record "
      "and is evacuated; one that stays is started without it when its host is back (S4-15)")
def _():
    evac.tidy()
    goes, stays = (evac.create(name, host="hosta") for name in ("gone-a", "stay-a"))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        volumes = [evac.register("dead-a", evac.serve_nbd(one)),
                   evac.register("dead-b", evac.serve_nbd(two))]
        for server, volume in zip((goes, stays), volumes):
            evac.attach(server, volume)
            evac.wait_heard(server)
        evac.lab("poweroff", "hosta")
        for process in evac.servers[-2:]:
            process.kill()
            process.wait(10)
        evac.wait_down("hosta")
        evac.drover.openstack("compute", "service", "set", "--down", "hosta", "nova-compute",
                              version="2.53")

        equal(evac.evacuate(goes).status, 200, "evacuate")
        row = evac.wait_evacuation(goes, "failed")
        contains(evac.story(row["id"]), "cannot open volume", "why")
        evac.drover.drover("server", "remove", "volume", "--wait", "gone-a", "dead-a")
        evac.drover.openstack("server", "remove", "volume", "stay-a", "dead-b")
        for volume in volumes:
            evac.wait_volume(volume, "available")
        equal({(row["kind"], row["name"]) for row in evac.leftovers()},
              {("disk", f"{server}/vdc") for server in (goes, stays)}, "on record")

        evac.drover.drover("server", "evacuate", "--host", "hostb", "--wait", "gone-a")
        evac.wait_evacuation(goes, "done")
        evac.drover.drover("server", "start", "--wait", "gone-a")
        equal(evac.runs_on_living(goes), {"hostb": "running"}, "libvirt says")
        wait_until(lambda: evac.says(goes).count("tick") > 2, "the guest ticks", 180)

        evac.power_on("hosta")
        wait_until(lambda: not evac.leftovers(), "nothing is left behind", 120)
        evac.wait_status(stays, "ACTIVE")
        wait_until(lambda: evac.runs_on(stays) == {"hosta": "running"}, "it runs again", 120)
        wait_until(lambda: evac.says(stays).count("tick") > 2, "it ticks", 180)
        for server in (goes, stays):
            disks = {**evac.disks(server), **evac.disks(server, True)}
            check("vdc" not in disks, f"the volume is still there: {disks}")
        equal(evac.runs_on(goes), {"hostb": "running"}, "the old copy is gone")
        equal(evac.force_down("hosta", False).status, 200, "up again")
        evac.drover.wait_hosts_up(3)
        evac.delete(goes)
        evac.delete(stays)
        evac.drop(*volumes)
