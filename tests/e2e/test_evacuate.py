# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A host dies: it is fenced, its instances are made anew elsewhere, it comes back to nothing."""
import json
import os
import re
import tempfile
import time

import test_cold as cold
from drover import CRASH_CODE, TOP, Droverd, Lab
from tap import check, contains, equal, note, test, wait_until
from test_volumes import VOLUMES, VolumeWorld


class EvacuationWorld(VolumeWorld):
    """Three hosts with the lab's fence agent. Each has its own pool, and one that all share."""

    @property
    def lab(self):
        if self._lab is None:
            self._lab = Lab("dvevac", 3, shared=True)
            self._lab("heartbeat", "start")
        return self._lab

    def config(self, lab):
        config = super().config(lab)
        config["DEFAULT"]["service_down_time"] = 6
        config["DEFAULT"]["config_drive_format"] = "vfat"
        config["fencing"] = {"agent_path": os.path.join(TOP, "lab"), "timeout": 30}
        return config

    pool = None  # the lab's own

    @property
    def drover(self):
        if self._droverd is None:
            lab = self.lab
            self._droverd = Droverd(self.config(lab))
            self._droverd.add_lab_hosts(lab, pool=self.pool)
            self.fill(self._droverd, lab, self.ids)
        return self._droverd

    def take_drover(self, pool):
        """A new droverd with the same lab, whose hosts keep their instances in that pool."""
        self.tidy()
        if self._droverd is not None:
            self._droverd.remove()
        self._droverd, self.pool, self.ids = None, pool, {}

    def tidy(self):
        """Whatever a test that failed has left: power, cables, instances, words."""
        if self._droverd is None:
            return
        for row in json.loads(self.lab("status", "--json"))["hosts"]:
            if row["cut"]:
                self.lab("heal", row["name"])
            if row["power"] != "on":
                self.lab("poweron", row["name"])
            self.wait_back(row["name"])
        for row in self.drover.compute("GET", "/servers?all_tenants=True").json["servers"]:
            self.delete(row["id"])
        wait_until(lambda: not self.leftovers(), "nothing is left behind", 120)
        for host in self.lab.hosts:
            equal(self.force_down(host, False).status, 200, f"{host} up")
        self.drover.wait_hosts_up(3)

    # ---- what is asked and told ----

    def evacuate(self, server_id, version="2.92", **body):
        return self.drover.compute(
            "POST", f"/servers/{server_id}/action", {"evacuate": body}, version)

    def force_down(self, host, down, version="2.69"):
        rows = self.drover.compute(
            "GET", f"/os-services?host={host}&binary=nova-compute").json["services"]
        return self.drover.compute(
            "PUT", f"/os-services/{rows[0]['id']}", {"forced_down": down}, version)

    def host(self, name):
        return self.drover.admin("GET", f"/drover/v1/hosts/{name}").json["host"]

    def set_agent(self, name, plug=None):
        return self.drover.drover(
            "host", "set", name, "--fence-agent", "fence_lab", "--fence-options",
            f"lab={self.lab.name},plug={plug or name}")

    def leftovers(self):
        return self.drover.admin("GET", "/drover/v1/leftovers").json["leftovers"]

    def evacuation(self, server_id):
        row = self.last_migration(server_id)
        return row if row and row["migration_type"] == "evacuation" else None

    def wait_evacuation(self, server_id, status, timeout_s=90):
        over = ("done", "completed", "failed", "error", "cancelled")
        row = wait_until(lambda: (row := self.evacuation(server_id)) and row["status"] in over
                         and row, f"the evacuation of {server_id} is over", timeout_s)
        equal(row["status"], status, self.story(row["id"]))
        return row

    def wait_down(self, host):
        wait_until(lambda: self.host(host)["state"] == "down", f"{host} is down", 40)

    def wait_back(self, host):
        wait_until(lambda: self.host(host)["connected"], f"{host} is back", 120)

    def power_on(self, host):
        self.lab("poweron", host)
        self.wait_back(host)

    def identity(self, server_id):
        server = self.drover.server(server_id)
        return {key: server[key] for key in ("id", "name", "addresses", "flavor")}

    def says(self, server_id, count=1):
        """The console of this life of the guest."""
        return self.drover.compute("POST", f"/servers/{server_id}/action", {
            "os-getConsoleOutput": {"length": 400 * count}}).json["output"]

    def runs_on_living(self, server_id):
        """As runs_on, of the hosts that have power."""
        name = self.drover.server(server_id)["OS-EXT-SRV-ATTR:instance_name"]
        status = json.loads(self.lab("status", "--json"))
        living = [row["name"] for row in status["hosts"] if row["power"] == "on"]
        return {host: domains[name] for host in living
                if name in (domains := self.domains(host))}

    def shared_file(self, name):
        """Which file that is on the shared pool: its inode, and what it was made at."""
        path = os.path.join(self.lab.env["LAB_SHARED_PATH"], name)
        return self.lab("exec", "hostb", "stat", "-c", "%i %W", path).strip()

    def root_file(self, server_id):
        return self.shared_file(f"{server_id}.root.qcow2")

    def ticks(self, volume):
        """What guests that are off by now have written to it."""
        path = os.path.join(self.lab.env["LAB_SHARED_PATH"], f"volume-{volume}")
        raw = f"/tmp/{volume}.raw"
        self.lab("exec", "hostb", "qemu-img", "convert", "-O", "raw", path, raw)
        try:
            return self.lab("exec", "hostb", "debugfs", "-R", "cat /ticks", raw).splitlines()
        finally:
            self.lab("exec", "hostb", "rm", "-f", raw)

    def drop(self, *volumes):
        for volume in volumes:
            self.wait_volume(volume, "available")
            equal(self.drover.admin("DELETE", f"{VOLUMES}/{volume}").status, 202, "delete")

    def pool_files(self, host, server_id, pool=None):
        path = self.lab.env["LAB_SHARED_PATH" if pool == "shared" else "LAB_POOL_PATH"]
        names = self.lab("exec", host, "ls", path).split()
        return sorted(name for name in names if server_id in name)

    def close(self):
        super().close()
        self._droverd = self._lab = None


evac = EvacuationWorld()


@test("a host that is merely silent is not evacuated; fenced by its agent it is, root disks and "
      "UEFI variables are made anew, volumes are kept, and its old copies are gone when it is back")
def _():
    server_id = evac.create("alice", host="hosta")
    second_id = evac.make_mixed("bert", evac.upload_iso()[0])
    directory = tempfile.TemporaryDirectory()
    volume, remote = evac.make("kept"), evac.register("remote", evac.serve_nbd(directory.name))
    evac.attach(second_id, volume)
    evac.attach(second_id, remote)
    disks, file = evac.disks(second_id), evac.shared_file(f"volume-{volume}")
    equal(sorted(disks), ["hda", "vda", "vdb", "vdc", "vdd"], "disks")
    evac.wait_heard(server_id)
    before = evac.identity(server_id)
    answer = evac.evacuate(server_id)
    equal(answer.status, 400, "while it is up")
    contains(answer.message, "Compute service of hosta is still in use.", "reason")

    evac.lab("poweroff", "hosta")
    evac.wait_down("hosta")
    answer = evac.evacuate(server_id)
    equal(answer.status, 400, f"while it is merely silent: {answer.text}")
    for way in ("does not prove", "compute service set --down hosta", "--fence-agent"):
        contains(answer.message, way, "ways out")
    code, text = evac.drover.drover("host", "evacuate", "hosta", check=False)
    equal(code, 1, "host evacuate while it is silent")
    contains(text, "refused", "host evacuate")

    evac.set_agent("hosta")
    check("hunter2" not in str(evac.host("hosta")), "options are not shown")
    answer = evac.evacuate(server_id, host="hosta")
    equal(answer.status, 400, "to itself")
    contains(answer.message, "The target host can't be the same one.", "reason")
    equal(evac.evacuate(server_id, host="nowhere").status, 404, "to an unknown host")

    began = time.monotonic()
    text = evac.drover.drover("host", "evacuate", "hosta", "--wait", "--host", "hostb")
    note(f"two servers evacuated in {time.monotonic() - began:.1f} s")
    contains(text, "2 server(s), 0 failed", "summary")
    for each in (server_id, second_id):
        equal(evac.wait_evacuation(each, "done")["dest_compute"], "hostb", "destination")
        evac.wait_status(each, "SHUTOFF")  # the command line speaks 2.96
        equal(evac.runs_on_living(each), {"hostb": "shut off"}, "libvirt says")
        evac.drover.drover("server", "start", each)
        evac.wait_status(each, "ACTIVE")
        equal(evac.runs_on_living(each), {"hostb": "running"}, "libvirt says")
    equal(evac.identity(server_id), before, "name, UUID, addresses, flavor")
    host = evac.host("hosta")
    equal((host["power"], host["fenced"], host["fenced_by"], host["state"]),
          ("off", True, "fence_lab", "down"), "host show")
    equal(evac.force_down("hosta", True).status, 200, "down")
    answer = evac.force_down("hosta", False)
    equal(answer.status, 409, f"up while evacuations are done: {answer.text}")
    equal({row["name"] for row in evac.leftovers()}, {server_id, second_id}, "leftovers")
    contains(evac.drover.drover("inspect", "leftovers"), server_id, "inspect leftovers")

    evac.power_on("hosta")
    for each in (server_id, second_id):
        wait_until(lambda: evac.evacuation(each)["status"] == "completed", "it is completed", 120)
        equal(evac.runs_on(each), {"hostb": "running"}, "the old copy is gone")
        equal(evac.pool_files("hosta", each), [], "its disks are gone")
        cold.check_up(each, evac)
    equal(evac.disks(second_id), disks, "the CD-ROM and both volumes are there")
    equal(evac.shared_file(f"volume-{volume}"), file, "the volume is the same file")
    check(f"{second_id}.nvram.fd" in evac.pool_files("hostb", second_id), "it has UEFI")
    equal(evac.leftovers(), [], "no leftovers")
    equal(evac.force_down("hosta", False).status, 200, "up again")
    evac.drover.wait_hosts_up(3)
    evac.detach(second_id, remote)
    evac.delete(second_id)
    evac.delete(server_id)
    evac.drop(volume, remote)


def check_password(server_id, row, password):
    """It is in the config drive that the guest was given, and nowhere to be read."""
    dest = row["dest_compute"]
    drive = next(name for name in evac.pool_files(dest, server_id) if "config" in name)
    found = evac.lab("exec", dest, "grep", "-c", password,
                     os.path.join(evac.lab.env["LAB_POOL_PATH"], drive), check=False)
    equal(found.strip(), "1", "the password is in the config drive")
    check(password not in evac.story(row["id"]), "and nowhere to be read")


@test("the stock client evacuates, the state it had is kept; from 2.95 it stays off and can be "
      "started; a password goes into the config drive of a rebuilt disk, and one is made and shown "
      "when none is said (S3-64)")
def _():
    evac.tidy()
    server_id = evac.create("carol", host="hosta")
    stopped_id = evac.create("dora", host="hosta")
    plain_id, old_id = [evac.create(name, host="hosta") for name in ("fay", "gail")]
    evac.lab("poweroff", "hosta")
    evac.drover.openstack("compute", "service", "set", "--down", "hosta", "nova-compute",
                          version="2.53")
    host = evac.host("hosta")
    equal((host["fenced"], host["fenced_by"]), (True, "admin"), "an operator has said so")
    text = evac.drover.openstack(
        "server", "evacuate", "--password", "hunter2pass", "--wait", "carol", version="2.12",
        check=False)[1]
    note(text.splitlines()[-1] if text else "")
    row = evac.wait_evacuation(server_id, "done")
    evac.wait_status(server_id, "ACTIVE")
    check_password(server_id, row, "hunter2pass")

    text = evac.drover.drover("server", "evacuate", "--wait", "fay")
    made = re.search(r"^Password, if its disk is rebuilt: (\S{12})$", text, re.MULTILINE)
    check(made, f"a password is shown: {text}")
    check_password(plain_id, evac.wait_evacuation(plain_id, "done"), made[1])
    answer = evac.evacuate(old_id, version="2.13", onSharedStorage=False)
    equal(answer.status, 200, answer.text)
    check(answer.json["adminPass"] not in ("", made[1]), "another one is made by the API")
    check_password(old_id, evac.wait_evacuation(old_id, "done"), answer.json["adminPass"])

    equal(evac.evacuate(stopped_id, version="2.95").status, 200, "2.95")
    evac.wait_evacuation(stopped_id, "done")
    evac.wait_status(stopped_id, "SHUTOFF")
    equal(list(evac.runs_on_living(stopped_id).values()), ["shut off"], "libvirt says")
    evac.power_on("hosta")
    for each in (server_id, stopped_id, plain_id, old_id):
        wait_until(lambda: evac.evacuation(each)["status"] == "completed", "it is completed", 120)
        equal(evac.pool_files("hosta", each), [], "its disks are gone")
    equal(evac.force_down("hosta", False).status, 200, "up again")
    equal(evac.drover.compute("POST", f"/servers/{stopped_id}/action", {"os-start": None}).status,
          202, "start")
    evac.wait_status(stopped_id, "ACTIVE")
    for each in (server_id, stopped_id, plain_id, old_id):
        evac.delete(each)


@test("on a shared pool the root disk is kept with its data, and so is one that is a volume; a "
      "locked disk is proof of life and stops it; a failed evacuation is repeated")
def _():
    evac.take_drover(evac.lab.env["LAB_SHARED_POOL"])
    server_id = evac.create("eve", host="hosta")
    backed_id, volume = evac.make_volume_backed("vera")
    evac.wait_heard(server_id)
    wait_until(lambda: "tick 3" in evac.says(backed_id), "it writes to its volume", 180)
    evac.drover.wait_hosts_up(3)
    files = evac.pool_files("hostb", server_id, "shared")
    root = evac.root_file(server_id)

    # droverd's cable alone is cut: the guest runs, and holds the lock of its disk.
    evac.lab("cut", "control", "hosta")
    evac.wait_down("hosta")
    equal(evac.force_down("hosta", True).status, 200, "somebody says that it is dead")
    for each in (backed_id, server_id):
        equal(evac.evacuate(each).status, 200, "evacuate")
        row = evac.wait_evacuation(each, "failed")
        shown = evac.drover.admin("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
        equal(shown["error_code"], "source-alive", evac.story(row["id"]))
        contains(shown["message"], "still runs", "reason")
    server = evac.drover.server(server_id)
    equal((server["status"], server["OS-EXT-SRV-ATTR:host"]), ("ACTIVE", "hosta"), "unchanged")
    equal(evac.evacuate(server_id, version="2.95").status, 200, "also where it shall stay off")
    wait_until(lambda: (new := evac.evacuation(server_id))["id"] != row["id"] and
               new["status"] == "failed", "it stops as well", 60)
    equal(evac.pool_files("hostb", server_id, "shared"), files, "its volumes are all there")
    evac.check_lives(server_id)
    equal({host for host in evac.lab.hosts if evac.domains(host)}, {"hosta"}, "it is on its host")

    # Now it is really dead, and the same command is repeated.
    evac.lab("heal", "hosta")
    evac.wait_back("hosta")
    equal(evac.force_down("hosta", False).status, 200, "up: nothing was evacuated")
    evac.lab("poweroff", "hosta")
    equal(evac.force_down("hosta", True).status, 200, "down")
    text = evac.drover.drover("server", "evacuate", "--password", "nothing", "--wait", "eve")
    contains(text, "kept: the password had no effect", "a warning instead of silence")
    equal(evac.evacuate(backed_id, adminPass="nothing").status, 200, "the one with a volume")
    row = evac.wait_evacuation(backed_id, "done")
    contains(evac.story(row["id"]), "The root disk is a volume and was kept", "the same warning")
    row = evac.wait_evacuation(server_id, "done")
    shown = evac.drover.admin("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
    equal(shown["copies_disks"], False, "the root disk was kept")
    evac.wait_status(server_id, "SHUTOFF")
    evac.drover.drover("server", "start", server_id)
    evac.wait_status(server_id, "ACTIVE")
    wait_until(lambda: evac.says(server_id).count("tick") > 2, "the guest is up again", 180)
    equal(evac.pool_files("hostb", server_id, "shared"), files, "no volume came or went")
    equal(evac.root_file(server_id), root, "the root disk is the same file")
    evac.power_on("hosta")
    wait_until(lambda: evac.evacuation(server_id)["status"] == "completed", "completed", 120)
    wait_until(lambda: evac.evacuation(backed_id)["status"] == "completed", "completed", 120)
    for each in (server_id, backed_id):
        equal(list(evac.runs_on(each).values()), ["running"], "one copy")
    equal(evac.pool_files("hostb", server_id, "shared"), files, "its volumes stay")
    evac.check_lives(server_id)
    equal(evac.force_down("hosta", False).status, 200, "up again")
    evac.delete(server_id)
    cold.check_up(backed_id, evac)
    evac.drover.compute("POST", f"/servers/{backed_id}/action", {"os-stop": None})
    evac.wait_status(backed_id, "SHUTOFF")
    ticks = evac.ticks(volume)
    equal(ticks.count("tick 1"), 2, f"both boots have written to the volume: {ticks}")
    evac.delete(backed_id)
    evac.drop(volume)


@test("an evacuated host that was only cut off: its older copy is paused and kept, until an "
      "operator says otherwise who could look at it: not before")
def _():
    evac.take_drover(None)
    server_id = evac.create("gina", host="hosta")
    evac.lab("cut", "control", "hosta")
    evac.wait_down("hosta")
    equal(evac.force_down("hosta", True).status, 200, "somebody says that it is dead")
    equal(evac.evacuate(server_id, host="hostb").status, 200, "evacuate: no disk is shared")
    evac.wait_evacuation(server_id, "done")
    (row,) = evac.leftovers()
    early, text = evac.drover.drover("leftover", "remove", str(row["id"]), check=False)
    if evac.drover.server(server_id)["status"] == "SHUTOFF":  # the command line speaks 2.96
        evac.drover.drover("server", "start", server_id, "--wait")
    files = evac.pool_files("hosta", server_id)
    evac.lab("heal", "hosta")
    evac.wait_back("hosta")
    wait_until(lambda: evac.runs_on(server_id) == {"hosta": "paused", "hostb": "running"},
               "the older copy is contained", 60)
    time.sleep(3)
    equal(evac.runs_on(server_id), {"hosta": "paused", "hostb": "running"}, "and stays")
    equal(evac.pool_files("hosta", server_id), files, "with its disks")
    equal(early, 1, f"nobody had seen it: {text}")
    contains(text, "does not wait for an operator", "refused")
    (row,) = evac.leftovers()
    equal(row["copy"], "held", "how it was found")
    equal((row["host"], row["instance_uuid"]), ("hosta", server_id), "it is on record")
    equal(evac.evacuation(server_id)["status"], "done", "and the evacuation waits")
    contains(evac.drover.drover("leftover", "remove", str(row["id"])), "is removed as soon as", "")
    wait_until(lambda: not evac.leftovers(), "it is removed", 90)
    equal(evac.runs_on(server_id), {"hostb": "running"}, "one copy")
    equal(evac.pool_files("hosta", server_id), [], "its disks are gone")
    wait_until(lambda: evac.evacuation(server_id)["status"] == "completed", "completed", 60)
    evac.tidy()


FAILPOINTS = [
    "evacuation.fence.after",
    "evacuation.claiming.after_commit",
    "evacuation.create.after",
    "evacuation.start.after",
    "evacuation.done.before_commit",
    "evacuation.done.after_commit",
]


@test("kill -9 at each of six failpoints of an evacuation: after the restart the instance runs "
      "once, where the API says")
def _():
    evac.tidy()
    server_id = evac.create("frank")
    try:
        for name in FAILPOINTS:
            source = evac.host_of(server_id)
            evac.set_agent(source)
            evac.drover.stop()
            evac.drover.start({"DROVER_FAILPOINTS": f"{name}=crash"})
            evac.drover.wait_hosts_up(3)
            evac.lab("poweroff", source)
            evac.wait_down(source)
            try:
                equal(evac.evacuate(server_id).status, 200, f"evacuate with {name}")
            except OSError:
                pass  # it may die before it has answered
            wait_until(lambda: evac.drover.process.poll() is not None, f"{name} fires", 60)
            equal(evac.drover.process.returncode, CRASH_CODE, f"{name}: exit code")
            evac.drover.start()
            evac.wait_evacuation(server_id, "done", 120)
            evac.wait_status(server_id, "ACTIVE")
            where = evac.host_of(server_id)
            equal(evac.runs_on_living(server_id), {where: "running"}, name)
            evac.power_on(source)
            wait_until(lambda: evac.evacuation(server_id)["status"] == "completed",
                       f"{name}: completed", 120)
            equal(evac.runs_on(server_id), {where: "running"}, f"{name}: after the return")
            evac.drover.wait_hosts_up(3)
    finally:
        if evac.drover.process.poll() is not None:
            evac.drover.start()
        evac.delete(server_id)
