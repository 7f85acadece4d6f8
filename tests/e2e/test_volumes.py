# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Volumes on real guests: in a pool that the hosts share, and on the network through QEMU's own NBD
and iSCSI drivers. The instances lie in each host's own pool, so that every move is a mixed one; and
their config drives are read-only ones (iso9660), so that a guest is heard only when it could read
its own."""
import hashlib
import json
import os
import subprocess
import tempfile

import test_cold as cold
from drover import Lab
from tap import check, contains, equal, test, wait_until
from world import World

VOLUMES = "/volume/v3/volumes"


class VolumeWorld(World):
    """Two hosts whose own pools are theirs alone, and a pool for volumes that both mount."""

    def __init__(self):
        super().__init__()
        self.servers = []  # processes that serve disks

    @property
    def lab(self):
        if self._lab is None:
            self._lab = Lab("dvvolumes", 2, shared=True)
            self._lab("heartbeat", "start")
        return self._lab

    def config(self, lab):
        config = dict(super().config(lab), volumes={"pool": lab.env["LAB_SHARED_POOL"]})
        config["DEFAULT"] = dict(config["DEFAULT"], config_drive_format="iso9660")
        return config

    # ---- the client ----

    def openstack(self, *arguments):
        return self.drover.openstack(*arguments)

    def rows(self, *arguments):
        return json.loads(self.openstack(*arguments, "-f", "json"))

    # ---- volumes ----

    def show(self, volume):
        answer = self.drover.admin("GET", f"{VOLUMES}/{volume}")
        return answer.json["volume"] if answer.status == 200 else {"status": "gone"}

    def wait_volume(self, volume, status, timeout_s=60):
        wait_until(lambda: self.show(volume)["status"] == status,
                   f"volume {volume} is {status}: {self.show(volume)}", timeout_s, 0.2)

    def make(self, name, *more):
        volume = self.rows("volume", "create", "--size", "1", *more, name)["id"]
        self.wait_volume(volume, "available")
        return volume

    def register(self, name, uri):
        answer = self.drover.admin("POST", "/volume/v3/os-volume-manage", {
            "volume": {"name": name, "ref": {"uri": uri}}})
        equal(answer.status, 202, f"register {uri}: {answer.text}")
        return answer.json["volume"]["id"]

    def attach(self, server, volume):
        answer = self.drover.compute("POST", f"/servers/{server}/os-volume_attachments",
                                     {"volumeAttachment": {"volumeId": volume}})
        equal(answer.status, 200, f"attach: {answer.text}")
        self.wait_volume(volume, "in-use")

    def detach(self, server, volume):
        answer = self.drover.compute("DELETE", f"/servers/{server}/os-volume_attachments/{volume}")
        equal(answer.status, 202, f"detach: {answer.text}")
        self.wait_volume(volume, "available", 120)

    # ---- guests ----

    def request(self, name, flavor, disks, **more):
        """A server on hosta with these disks."""
        answer = self.drover.compute("POST", "/servers", {"server": dict({
            "name": name, "flavorRef": flavor, "host": "hosta",
            "networks": [{"uuid": self.ids["private"]}],
            "block_device_mapping_v2": disks}, **more)})
        equal(answer.status, 202, f"create {name}: {answer.text}")
        return answer.json["server"]["id"]

    def make_mixed(self, name, cdrom):
        """UEFI, a CD-ROM, a config drive and a root disk of the host's own; it is heard."""
        guest = f"/image/v2/images/{self.ids['guest']}"
        patch = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        change = [{"op": "add", "path": "/hw_firmware_type", "value": "uefi"}]
        equal(self.drover.admin("PATCH", guest, change, headers=patch).status, 200, "UEFI")
        # The firmware crashes where it has only 128 MiB.
        flavor = {"name": "m1.uefi", "id": "uefi", "ram": 192, "vcpus": 1, "disk": 1}
        equal(self.drover.compute("POST", "/flavors", {"flavor": flavor}).status, 200, "flavor")
        local = {"source_type": "image", "destination_type": "local"}
        server = self.request(name, "uefi", [
            dict(local, uuid=self.ids["guest"], boot_index=0),
            dict(local, uuid=cdrom, device_type="cdrom", boot_index=-1)],
            imageRef=self.ids["guest"])
        change = [{"op": "remove", "path": "/hw_firmware_type"}]
        self.drover.admin("PATCH", guest, change, headers=patch)
        self.wait_status(server, "ACTIVE")
        self.wait_heard(server)
        return server

    def make_volume_backed(self, name):
        """Its root disk is a volume of the shared pool; the ids of both."""
        server = self.request(name, "tiny", [{
            "source_type": "image", "destination_type": "volume", "uuid": self.ids["guest"],
            "boot_index": 0, "volume_size": 1}])
        self.wait_status(server, "ACTIVE")
        rows = self.drover.compute("GET", f"/servers/{server}/os-volume_attachments").json
        return server, rows["volumeAttachments"][0]["volumeId"]

    # ---- what the hosts say ----

    def disks(self, server, inactive=False):
        """target -> source of the domain where the server is, as that host's libvirtd says."""
        name = self.drover.server(server)["OS-EXT-SRV-ATTR:instance_name"]
        flags = ["--inactive"] if inactive else []
        table = self.lab.virsh(self.host_of(server), "domblklist", *flags, name)
        return dict(row.split() for row in table.splitlines() if row.strip())

    def shared_files(self):
        return set(self.lab("exec", "hosta", "ls", self.lab.env["LAB_SHARED_PATH"]).split())

    def planned(self, server):
        row = self.last_migration(server)
        return self.drover.admin("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]

    # ---- CD-ROMs ----

    def upload_iso(self):
        """The id of an image for a CD-ROM, and the hash of its bytes."""
        with tempfile.TemporaryDirectory() as directory:
            iso = os.path.join(directory, "tools.iso")
            with open(os.path.join(directory, "note"), "w", encoding="utf-8") as file:
                file.write("on the CD-ROM")
            subprocess.run(["genisoimage", "-quiet", "-o", iso, os.path.join(directory, "note")],
                           check=True)
            image = self.drover.admin("POST", "/image/v2/images", {
                "name": "tools", "disk_format": "iso", "container_format": "bare"}).json["id"]
            with open(iso, "rb") as file:
                content = file.read()
            answer = self.drover.admin("PUT", f"/image/v2/images/{image}/file", raw=content,
                                       headers={"Content-Type": "application/octet-stream"})
            equal(answer.status, 204, f"upload: {answer.text}")
        return image, hashlib.sha256(content).hexdigest()

    # ---- disks on the network ----

    def serve_nbd(self, directory, size="64M"):
        """An NBD server where every host reaches it; its URI."""
        path = os.path.join(directory, "nbd.img")
        with open(path, "wb") as file:
            file.truncate(int(size[:-1]) << 20)
        # Each has a port of its own: they live until all tests are over.
        address, port = self.lab.env["LAB_CONTROL_ADDRESS"], 10809 + len(self.servers)
        self.servers.append(subprocess.Popen(
            ["nbdkit", "--foreground", "--exit-with-parent", "-i", address, "-p", str(port),
             "-e", "disk", "file", path]))
        wait_until(lambda: subprocess.run(
            ["qemu-img", "info", f"nbd://{address}:{port}/disk"], check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0,
            "the NBD server answers", 20, 0.2)
        return f"nbd://{address}:{port}/disk"

    def serve_iscsi(self, directory):
        """An iSCSI target where every host reaches it; its URI."""
        path = os.path.join(directory, "iscsi.img")
        with open(path, "wb") as file:
            file.truncate(64 << 20)
        address, port, name = self.lab.env["LAB_CONTROL_ADDRESS"], 3261, "iqn.2026-01.test:disk"
        # Beside others on this machine; tgtd takes no number above 32767.
        control = ["-C", str(4000 + os.getpid() % 28000)]
        self.servers.append(subprocess.Popen(
            ["tgtd", "-f", *control, "--iscsi", f"portal={address}:{port}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        admin = ["tgtadm", *control, "--lld", "iscsi"]
        wait_until(lambda: subprocess.run([*admin, "--mode", "sys", "--op", "show"], check=False,
                                          stdout=subprocess.DEVNULL,
                                          stderr=subprocess.DEVNULL).returncode == 0,
                   "tgtd answers", 20, 0.2)
        for more in (["--op", "new", "--mode", "target", "-T", name],
                     ["--op", "new", "--mode", "logicalunit", "--lun", "1", "-b", path],
                     ["--op", "bind", "--mode", "target", "-I", "ALL"]):
            subprocess.run([*admin, "--tid", "1", *more], check=True)
        return f"iscsi://{address}:{port}/{name}/1"

    def hash(self, host, file):
        path = f"{self.lab.env['LAB_POOL_PATH']}/{file}"
        return self.lab("exec", host, "sha256sum", path).split()[0]

    def close(self):
        for server in self.servers:
            server.kill()  # tgtd does not end by SIGTERM while it has a target
            server.wait(10)
        super().close()


volumes = VolumeWorld()


@test("a volume of the shared pool is given to a running guest, moves with it and is taken away "
      "again (S2-08, S3-14, S4-06, S4-15)")
def _():
    server = volumes.create("vol-a", host="hosta")
    volumes.wait_heard(server)
    volume = volumes.make("data")
    check(f"volume-{volume}" in volumes.shared_files(), "it is not in the pool")
    volumes.openstack("server", "add", "volume", "vol-a", "data")
    volumes.wait_volume(volume, "in-use")
    path = f"{volumes.lab.env['LAB_SHARED_PATH']}/volume-{volume}"
    equal((volumes.disks(server).get("vdc"), volumes.disks(server, True).get("vdc")),
          (path, path), "the disk, now and after the next start")

    for host in ("hostb", "hosta"):
        volumes.move(server, host)
        equal(volumes.planned(server)["disks"],
              {"vda": "copied", "vdb": "placed", "vdc": "shared"}, "what was done with each disk")
        equal(volumes.disks(server)["vdc"], path, "the disk on the destination")
        volumes.check_lives(server)
    size = volumes.planned(server)["stats"]["disk_total_bytes"] or 0
    check(size < 1 << 30, f"{size} bytes were copied: the volume was among them")

    volumes.openstack("server", "remove", "volume", "vol-a", "data")
    volumes.wait_volume(volume, "available", 120)
    check("vdc" not in volumes.disks(server), "the guest still has it")
    check("vdc" not in volumes.disks(server, True), "its definition still has it")
    volumes.check_lives(server)
    volumes.delete(server)
    volumes.openstack("volume", "delete", "data")
    volumes.wait_volume(volume, "gone")
    check(f"volume-{volume}" not in volumes.shared_files(), "its file is still there")


@test("a guest boots from a volume; its move copies no disk, and its end leaves the volume (S4-06)")
def _():
    made = volumes.rows("server", "create", "--flavor", "tiny", "--image", "guest",
                        "--boot-from-volume", "1", "--network", "private", "--wait", "vol-b")
    server = made["id"]
    volumes.wait_heard(server)
    (volume,) = volumes.rows("server", "volume", "list", "vol-b")
    equal(volume["Device"], "/dev/vda", "device")
    source = volumes.host_of(server)
    volumes.move(server, "hostb" if source == "hosta" else "hosta")
    shown = volumes.planned(server)
    equal(shown["disks"], {"vda": "shared", "vdb": "placed"}, "what was done with each disk")
    check((shown["stats"]["disk_total_bytes"] or 0) < 8 << 20, shown["stats"])
    volumes.check_lives(server)
    answer = volumes.migrate(server, block=True, version="2.30")
    equal(answer.status, 400, "block migration without local disks")
    contains(answer.message, "Block migration can not be used with shared storage", "reason")
    volumes.delete(server)
    volumes.wait_volume(volume["Volume ID"], "available")
    volumes.openstack("volume", "delete", volume["Volume ID"])
    volumes.wait_volume(volume["Volume ID"], "gone")


@test("a local root, a shared volume and one on the network move together; where the server of the "
      "latter does not answer, nothing moves, and that is what is said "
      "(S2-09, S2-24, S3-14, S4-15)")
def _():
    with tempfile.TemporaryDirectory() as directory:
        server = volumes.create("vol-c", host="hosta")
        volumes.wait_heard(server)
        uri = volumes.serve_nbd(directory)
        remote = volumes.register("remote", uri)
        volume = volumes.make("raw-data", "--type", "raw")
        volumes.attach(server, volume)
        volumes.attach(server, remote)
        equal(volumes.disks(server)["vdd"], "disk", "the NBD export")
        volumes.move(server, "hostb")
        equal(volumes.planned(server)["disks"], {"vda": "copied", "vdb": "placed", "vdc": "shared",
                                                "vdd": "network"}, "what was done with each disk")
        volumes.check_lives(server)
        equal(sorted(volumes.disks(server)), ["vda", "vdb", "vdc", "vdd"], "disks on hostb")

        volumes.servers[-1].kill()
        volumes.servers[-1].wait(10)
        equal(volumes.migrate(server, "hosta").status, 202, "migrate")
        row = volumes.wait_migration(server)
        check(row["status"] in ("failed", "error"), volumes.story(row["id"]))
        shown = volumes.planned(server)
        equal(shown["diagnosis"], "network-disk-unreachable", f"of '{shown['message']}'")
        contains(shown["evidence"], "Connection refused", "evidence")
        equal(volumes.runs_on(server), {"hostb": "running"}, "libvirt says")
        volumes.check_lives(server)

        volumes.detach(server, remote)
        answer = volumes.drover.admin("DELETE", f"{VOLUMES}/{volume}")
        equal(answer.status, 400, "a volume in use is not deleted")
        volumes.delete(server)
        volumes.wait_volume(volume, "available")
        for each in (volume, remote):
            equal(volumes.drover.admin("DELETE", f"{VOLUMES}/{each}").status, 202, "delete")
            volumes.wait_volume(each, "gone")


@test("a volume that its host cannot reach is refused, and is free again")
def _():
    server = volumes.create("vol-d", host="hosta")
    address = volumes.lab.env["LAB_CONTROL_ADDRESS"]
    dead = volumes.register("dead", f"nbd://{address}:10999/none")
    code, text = volumes.drover.drover("server", "add", "volume", "--wait", server, dead,
                                       check=False)
    equal(code, 1, f"it was accepted, and failed on the host: {text}")
    contains(text, "Connection refused", "what the command says")
    volumes.wait_volume(dead, "available")
    check("vdc" not in volumes.disks(server) and "vdc" not in volumes.disks(server, True),
          "something of it stayed")
    events = volumes.drover.compute("GET", f"/servers/{server}/os-instance-actions").json
    failed = [row for row in events["instanceActions"] if row["action"] == "attach_volume"]
    contains(failed[0]["message"], "Connection refused", "why")
    contains(failed[0]["message"], "a host cannot open a volume on the network", "its cause")
    equal(volumes.drover.admin("DELETE", f"{VOLUMES}/{dead}").status, 202, "delete")
    volumes.delete(server)


@test("stopped, an instance gets a volume for its next start")
def _():
    server = volumes.create("vol-e", host="hosta")
    volumes.drover.compute("POST", f"/servers/{server}/action", {"os-stop": None})
    volumes.wait_status(server, "SHUTOFF")
    volume = volumes.make("later")
    volumes.attach(server, volume)
    volumes.drover.compute("POST", f"/servers/{server}/action", {"os-start": None})
    volumes.wait_status(server, "ACTIVE")
    equal(sorted(volumes.disks(server)), ["vda", "vdb", "vdc"], "disks")
    volumes.delete(server)
    volumes.wait_volume(volume, "available")
    equal(volumes.drover.admin("DELETE", f"{VOLUMES}/{volume}").status, 202, "delete")
    volumes.wait_volume(volume, "gone")


@test("a CD-ROM and a read-only config drive are put on the destination first, byte for byte, and "
      "the guest moves (S3-16, S4-05)")
def _():
    image, sha256 = volumes.upload_iso()
    server = volumes.rows(
        "server", "create", "--flavor", "tiny", "--image", "guest", "--network", "private",
        "--block-device", f"uuid={image},source_type=image,destination_type=local,"
        "device_type=cdrom,boot_index=-1", "--wait", "vol-f")["id"]
    volumes.wait_heard(server)
    source = volumes.host_of(server)
    target = "hostb" if source == "hosta" else "hosta"
    config = f"{server}.config.img"
    before = volumes.hash(source, config)
    volumes.move(server, target)
    equal(volumes.planned(server)["disks"], {"hda": "placed", "vda": "copied", "vdb": "placed"},
          "what was done with each disk")
    equal(volumes.hash(target, config), before, "the config drive's bytes")
    equal(volumes.hash(target, f"base-{sha256}.iso"), sha256, "the CD-ROM's bytes")
    check(volumes.disks(server)["hda"].endswith(f"base-{sha256}.iso"), volumes.disks(server))
    volumes.check_lives(server)
    volumes.drover.compute("POST", f"/servers/{server}/action", {"reboot": {"type": "HARD"}})
    volumes.wait_status(server, "ACTIVE")
    volumes.lab("heartbeat", "mark")
    wait_until(lambda: volumes.heard(server)["since_mark"]["received"] > 50,
               "the rebooted guest finds its address on the config drive", 180, 0.5)
    volumes.delete(server)


@test("an iSCSI volume is attached through QEMU's own driver and moves with the guest (S4-15)")
def _():
    with tempfile.TemporaryDirectory() as directory:
        server = volumes.create("vol-g", host="hosta")
        volumes.wait_heard(server)
        remote = volumes.register("lun", volumes.serve_iscsi(directory))
        volumes.attach(server, remote)
        volumes.move(server, "hostb")
        equal(volumes.planned(server)["disks"]["vdc"], "network", "what was done with it")
        volumes.check_lives(server)
        volumes.detach(server, remote)
        equal(volumes.drover.admin("DELETE", f"{VOLUMES}/{remote}").status, 202, "delete")
        volumes.delete(server)


def last_end(server, host):
    """How QEMU's last run there ended, as that host's libvirtd has written down."""
    name = volumes.drover.server(server)["OS-EXT-SRV-ATTR:instance_name"]
    log = volumes.lab("exec", host, "cat", f"/var/log/libvirt/qemu/{name}.log")
    return [line.rpartition("reason=")[2] for line in log.splitlines() if "reason=" in line][-1]


@test("a guest with UEFI, a CD-ROM, a read-only config drive, a volume of the shared pool and one "
      "on the network moves cold, comes back, moves again and stays (S3-16, S4-15)")
def _():
    image, _ = volumes.upload_iso()
    with tempfile.TemporaryDirectory() as directory:
        server = volumes.make_mixed("vol-h", image)
        volume, remote = volumes.make("mixed"), volumes.register(
            "mixed-remote", volumes.serve_nbd(directory))
        volumes.attach(server, volume)
        volumes.attach(server, remote)
        disks = volumes.disks(server)
        equal(sorted(disks), ["hda", "vda", "vdb", "vdc", "vdd"], "disks")
        own = {f"{server}.{part}" for part in
               ("config.img", "console.log", "nvram.fd", "root.qcow2")}
        equal(cold.volumes_of(server, "hosta", volumes), own, "its own volumes")
        config = volumes.hash("hosta", f"{server}.config.img")
        files = volumes.shared_files()

        for action in ("revertResize", "confirmResize"):
            cold.accept(server, {"migrate": None}, world=volumes)
            row = cold.wait_moved(server, world=volumes)
            equal(row["dest_compute"], "hostb", "destination")
            equal(volumes.planned(server)["disks"], {
                "hda": "placed", "vda": "copied", "vdb": "placed", "vdc": "shared",
                "vdd": "network"}, "what was done with each disk")
            equal(volumes.disks(server), disks, "disks on hostb")
            for host in ("hosta", "hostb"):
                equal(cold.volumes_of(server, host, volumes), own, f"its own volumes on {host}")
            equal(volumes.hash("hostb", f"{server}.config.img"), config, "the config drive's bytes")
            cold.check_up(server, volumes)
            cold.end(server, action, "ACTIVE", volumes)
            where, other = ("hostb", "hosta") if action == "confirmResize" else ("hosta", "hostb")
            equal(volumes.runs_on(server), {where: "running"}, f"libvirt says after {action}")
            equal(cold.volumes_of(server, other, volumes), set(), f"what is left on {other}")
            equal(cold.volumes_of(server, where, volumes), own, f"its own volumes on {where}")
            equal(volumes.disks(server), disks, f"disks after {action}")
            equal(volumes.disks(server, True), disks, f"disks of the next start after {action}")
            equal(volumes.shared_files(), files, f"files in the shared pool after {action}")
            cold.check_up(server, volumes)
            if action == "revertResize":
                equal(last_end(server, "hostb"), "shutdown", "it left its volumes in order")
        volumes.detach(server, remote)
        volumes.delete(server)
        volumes.wait_volume(volume, "available")
        for each in (volume, remote):
            equal(volumes.drover.admin("DELETE", f"{VOLUMES}/{each}").status, 202, "delete")
            volumes.wait_volume(each, "gone")
