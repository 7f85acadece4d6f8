# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Two machines with PCI cards, and what of them drover gives away."""
import os
from xml.etree import ElementTree

from machines import PATIENCE_S, Fleet
from tap import wait_until

NICS = '{"name": "nic", "vendor_id": "8086", "product_id": "10d3"}'
PARTS = '{"name": "part", "vendor_id": "8086", "product_id": "10ca", "device_type": "type-VF"}'
WHOLE = '{"name": "whole", "vendor_id": "8086", "product_id": "10c9", "device_type": "type-PF"}'


class PciFleet(Fleet):
    def specify(self, *specs):
        """What [pci] says from now on, beside the names."""
        lines = [f"device_spec = {spec}" for spec in specs]
        lines += [f"alias = {alias}" for alias in (NICS, PARTS, WHOLE)]
        os.makedirs(os.path.join(self.drover.directory, "conf.d"), exist_ok=True)
        path = os.path.join(self.drover.directory, "conf.d", "pci.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(["[pci]", *lines, ""]))
        self.restart()

    def devices(self, host):
        """address -> (type, id of the server that has it), as drover tells it."""
        return {device["address"]: (device["device_type"], device["instance_id"])
                for device in self.host(host)["pci_devices"]}

    def in_guest(self, host, server):
        """Vendor and product of all PCI devices that its QEMU has."""
        told = self.lab.virsh(host, "qemu-monitor-command", "--hmp", server, "info pci")
        return [line.rsplit(" ", 1)[-1] for line in told.splitlines() if "PCI device" in line]

    def driver(self, host, address):
        """What holds a device on its host: vfio-pci while a guest has it."""
        name = "pci_" + address.replace(":", "_").replace(".", "_")
        xml = ElementTree.fromstring(self.lab.virsh(host, "nodedev-dumpxml", name))
        return xml.findtext("driver/name")

    def wait_driver(self, host, address, driver):
        wait_until(lambda: self.driver(host, address) == driver,
                   f"{driver} holds {address} of {host}", PATIENCE_S, 1)


fleet = PciFleet(os.path.join(os.path.dirname(os.path.abspath(__file__)), "recipe"))
