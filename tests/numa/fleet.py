# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Two machines of two cells each, and what their libvirt says of the processors and pages that
guests have."""
import os
from xml.etree import ElementTree

from machines import Fleet

# Cell 0 has the processors 0-3, cell 1 4-7; two neighbours are threads of a core. So a guest that
# moves finds others free than it had.
SETS = {
    "compute:first": {"hosts": "hosta", "cpu_dedicated_set": "1-3,5-7", "cpu_shared_set": "0,4"},
    "compute:second": {"hosts": "hostb", "cpu_dedicated_set": "2-4,6-7", "cpu_shared_set": "0-1,5"},
}
BOTH = {"enabled_filters": "ComputeFilter, NUMATopologyFilter, AggregateInstanceExtraSpecsFilter"}
MIB_2, GIB = 2048, 1048576


class NumaFleet(Fleet):
    def config(self, lab):
        return {**super().config(lab), "filter_scheduler": BOTH, **SETS}

    def cells(self, host):
        """id -> (MiB, processors, cores, {size in KiB: pages}), as its libvirt has them."""
        xml = ElementTree.fromstring(self.lab.virsh(host, "capabilities"))
        return {int(cell.get("id")): (
            int(cell.findtext("memory")) // 1024,
            [int(cpu.get("id")) for cpu in cell.iterfind("cpus/cpu")],
            sorted({cpu.get("siblings") for cpu in cell.iterfind("cpus/cpu")}),
            {int(row.get("size")): int(row.text) for row in cell.findall("pages")[1:]})
            for cell in xml.iterfind("host/topology/cells/cell")}

    def free_pages(self, host):
        """Size in KiB -> how many are free, by cell, as libvirt says it."""
        told, cell = {}, -1
        for line in self.lab.virsh(host, "freepages", "--all").splitlines():
            name, _, value = line.partition(":")
            if name.startswith("Node"):
                cell += 1
            elif value:
                told.setdefault(int(name.removesuffix("KiB")), {})[cell] = int(value)
        return {size: [counts[cell] for cell in sorted(counts)] for size, counts in told.items()}

    def pins(self, host, server):
        """vCPU -> processors, as its threads really may run there: virsh asks the kernel."""
        lines = self.lab.virsh(host, "vcpupin", server).splitlines()
        return {int(vcpu): cpus for vcpu, cpus in (line.split() for line in lines if line)}

    def bound_cells(self, host, server):
        """Of the host, of each part of the guest's memory, as its QEMU says it."""
        told = self.lab.virsh(host, "qemu-monitor-command", "--hmp", server, "info memdev")
        return sorted(line.split(":")[1].strip()
                      for line in told.splitlines() if "host nodes" in line)

    def xml(self, host, server, *options):
        return ElementTree.fromstring(self.lab.virsh(host, "dumpxml", *options, server))

    def memory_cells(self, host, server):
        """Cell of the guest, or None for all of it -> the host's, live and stored alike."""
        told = []
        for options in ((), ("--inactive",)):
            xml = self.xml(host, server, *options)
            found = {None: xml.find("numatune/memory").get("nodeset")}
            found.update({int(node.get("cellid")): node.get("nodeset")
                          for node in xml.iterfind("numatune/memnode")})
            told.append(found)
        assert told[0] == told[1], told
        return told[0]


fleet = NumaFleet(os.path.join(os.path.dirname(os.path.abspath(__file__)), "recipe"))
