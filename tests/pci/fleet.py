# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""The two machines of this program in the place of a lab's hosts, so that all that the tests on
real guests share works with them."""
import os
import shlex
import subprocess
import tempfile
from xml.etree import ElementTree

from drover import TOP, Lab
from tap import equal, wait_until
from world import SERVICE_DOWN_TIME_S, World

BOOT_S = 900
# A guest is emulated by what is emulated: nothing is quick there.
PATIENCE_S = 600

NICS = '{"name": "nic", "vendor_id": "8086", "product_id": "10d3"}'
PARTS = '{"name": "part", "vendor_id": "8086", "product_id": "10ca", "device_type": "type-VF"}'
WHOLE = '{"name": "whole", "vendor_id": "8086", "product_id": "10c9", "device_type": "type-PF"}'


class Machines(Lab):
    """directory: of machines that are up and are to stay so; None: new ones."""

    def __init__(self, directory=None):
        self.keep = directory is not None
        self._made = None if self.keep else tempfile.TemporaryDirectory(prefix="drover-pci-")
        self.directory = directory or self._made.name
        if not self.keep:
            try:
                self("up", timeout=BOOT_S)
            except BaseException:
                self.down()
                raise
        self.env = {}
        for line in self("env").splitlines():
            key, _, value = line.partition("=")
            self.env[key] = " ".join(shlex.split(value))

    def command(self, arguments):
        return [os.path.join(TOP, "tests/pci/machines"), *arguments, self.directory]

    def virsh(self, host, *arguments, check=True):
        uri = f"{self.host(host, 'URI')}?pkipath={self.env['LAB_PKIPATH']}"
        done = subprocess.run(["virsh", "-q", "-c", uri, *arguments], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=PATIENCE_S)
        if check and done.returncode != 0:
            raise RuntimeError(f"virsh {' '.join(arguments)}: {done.stdout}")
        return done.stdout

    def driver(self, host, address):
        """What holds a device on its host: vfio-pci while a guest has it."""
        name = "pci_" + address.replace(":", "_").replace(".", "_")
        xml = ElementTree.fromstring(self.virsh(host, "nodedev-dumpxml", name))
        return xml.findtext("driver/name")

    def down(self):
        if not self.keep:
            self("down", check=False)
            self._made.cleanup()


class Fleet(World):
    machines_at = None
    connect_s = PATIENCE_S

    @property
    def lab(self):
        if self._lab is None:
            self._lab = Machines(self.machines_at)
        return self._lab

    def config(self, lab):
        mine = super().config(lab)
        mine["DEFAULT"].update(shutdown_timeout=1, service_down_time=6 * SERVICE_DOWN_TIME_S)
        mine["libvirt"].update(keepalive_interval=10, keepalive_count=12)
        return mine

    def fill(self, drover, lab, ids):
        """An image with nothing on it: what a guest has is seen from outside, and one that boots
        would take the time of the others."""
        path = os.path.join(drover.directory, "blank.qcow2")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "1M"], check=True)
        answer = drover.admin("POST", "/image/v2/images", {
            "name": "blank", "disk_format": "qcow2", "container_format": "bare"})
        equal(answer.status, 201, answer.text)
        ids["blank"] = answer.json["id"]
        with open(path, "rb") as file:
            answer = drover.admin("PUT", f"/image/v2/images/{ids['blank']}/file", raw=file.read(),
                                  headers={"Content-Type": "application/octet-stream"})
        equal(answer.status, 204, answer.text)

    def specify(self, *specs):
        """What [pci] says from now on, beside the names."""
        lines = [f"device_spec = {spec}" for spec in specs]
        lines += [f"alias = {alias}" for alias in (NICS, PARTS, WHOLE)]
        os.makedirs(os.path.join(self.drover.directory, "conf.d"), exist_ok=True)
        path = os.path.join(self.drover.directory, "conf.d", "pci.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(["[pci]", *lines, ""]))
        self.drover.stop()
        self.drover.start()
        self.drover.wait_hosts_up(len(self.lab.hosts), PATIENCE_S)

    def add_flavor(self, name, alias):
        answer = self.drover.compute("POST", "/flavors", {"flavor": {
            "name": name, "id": name, "ram": 64, "vcpus": 1, "disk": 1}})
        equal(answer.status, 200, answer.text)
        self.drover.openstack("flavor", "set", "--property", f"pci_passthrough:alias={alias}",
                              name)

    def devices(self, host):
        """address -> (type, id of the server that has it), as drover tells it."""
        return {device["address"]: (device["device_type"], device["instance_id"])
                for device in self.host(host)["pci_devices"]}

    def in_guest(self, host, server):
        """Vendor and product of all PCI devices that its QEMU has."""
        told = self.lab.virsh(host, "qemu-monitor-command", "--hmp", server, "info pci")
        return [line.rsplit(" ", 1)[-1] for line in told.splitlines() if "PCI device" in line]

    def wait_driver(self, host, address, driver):
        wait_until(lambda: self.lab.driver(host, address) == driver,
                   f"{driver} holds {address} of {host}", PATIENCE_S, 1)


fleet = Fleet()
