# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Guests that own a card of their host: a NIC, a part of one (SR-IOV), and one that cannot be had
alone."""
import json

from fleet import PATIENCE_S, fleet
from tap import check, contains, equal, test
from test_cold import accept, end, wait_moved

NIC_A, NIC_B = "0000:01:00.0", "0000:04:00.0"
WHOLE, PARTS = "0000:02:00.0", ("0000:02:10.0", "0000:02:10.2")
# Two functions of one card, which share an IOMMU group.
TWIN, OTHER_TWIN = "0000:03:00.0", "0000:03:00.1"
SPECS = [json.dumps({"address": address}) for address in (NIC_A, NIC_B, WHOLE)]


def prepare():
    fleet.specify(*SPECS)
    known = {row["id"] for row in fleet.drover.compute("GET", "/flavors").json["flavors"]}
    for name in ("nic", "part", "whole"):
        if name not in known:
            fleet.add_flavor(name, pci_passthrough__alias=f"{name}:1")


def check_has(server, host, address, card):
    """Drover, its host and its QEMU agree that it has that device."""
    equal(fleet.devices(host)[address][1], server, f"who has {address} of {host}")
    equal(fleet.driver(host, address), "vfio-pci", f"what holds {address} of {host}")
    check(card in fleet.in_guest(host, server), f"QEMU has no {card}")


@test("a host tells its PCI devices as what they are: a card, one that is divided, its parts "
      "[S3-24]")
def _():
    prepare()
    divided = {WHOLE: ("type-PF", None), **{part: ("type-VF", None) for part in PARTS}}
    equal(fleet.devices("hosta"), {NIC_A: ("type-PCI", None), **divided}, "hosta")
    equal(fleet.devices("hostb"), {NIC_B: ("type-PCI", None), **divided}, "hostb")


@test("a server gets a NIC of its host: QEMU has it and its driver let go; the next one is "
      "refused, and so is a live move, by drover and by libvirt; cold it has one of the other "
      "host, and after the revert its first; a delete gives it back [S3-24]")
def _():
    prepare()
    first = fleet.start("first", "nic", "hosta")
    check_has(first, "hosta", NIC_A, "8086:10d3")
    second = fleet.start("second", "nic", "hosta", "ERROR")
    contains(fleet.fault(second), "'pci-devices': needs nic:1, has nic: 0 of 1 free", "the fault")
    fleet.delete(second)

    row = fleet.explained(first, "hostb")["pci-devices"]
    equal((row["result"], row["have"]),
          ("fail", "the server has nic:1; of this host: nic: 1 of 1 free"), "a live move")
    contains(row["fix"], "openstack server migrate", "the fix")
    code, told = fleet.drover.openstack("server", "migrate", "--live-migration", first,
                                        "--os-compute-api-version", "2.30", check=False)
    check(code != 0, f"a live move is taken: {told}")
    contains(told, "'pci-devices' (hostb: needs no PCI device of its host", "what the client says")
    told = fleet.lab.virsh("hosta", "migrate", "--live", "--p2p", first,
                           fleet.lab.host("hostb", "PEER_URI"), check=False)
    contains(told, "VFIO migration is not supported", "what libvirt says itself")
    check_has(first, "hosta", NIC_A, "8086:10d3")

    equal(fleet.explained(first, "hostb", "--cold")["pci-devices"]["result"], "pass", "a cold move")
    accept(first, {"migrate": {"host": "hostb"}}, world=fleet)
    wait_moved(first, PATIENCE_S, world=fleet)
    check_has(first, "hostb", NIC_B, "8086:10d3")
    equal(fleet.devices("hosta")[NIC_A][1], first, "kept until the confirm")
    fleet.wait_driver("hosta", NIC_A, "e1000e")
    end(first, "revertResize", "ACTIVE", world=fleet, timeout_s=PATIENCE_S)
    check_has(first, "hosta", NIC_A, "8086:10d3")
    fleet.wait_driver("hostb", NIC_B, "e1000e")
    equal(fleet.devices("hostb")[NIC_B][1], None, "free again")

    fleet.delete(first)
    fleet.wait_driver("hosta", NIC_A, "e1000e")
    equal(fleet.devices("hosta")[NIC_A][1], None, "free again")


@test("a part of a divided card (SR-IOV) is a device of its own, and nobody has the whole then "
      "[S3-24]")
def _():
    prepare()
    server = fleet.start("part", "part", "hostb")
    mine, = [part for part in PARTS if fleet.devices("hostb")[part][1] == server]
    check_has(server, "hostb", mine, "8086:10ca")
    equal(fleet.driver("hostb", WHOLE), "igb", "the card stays its host's")
    whole = fleet.start("whole", "whole", "hostb", "ERROR")
    contains(fleet.fault(whole), "'pci-devices': needs whole:1, has whole: 0 of 1 free",
             "the fault")
    fleet.delete(whole)
    fleet.delete(server)
    fleet.wait_driver("hostb", mine, "igbvf")


@test("a card whose IOMMU group has one that its host uses is told as that [S3-24]")
def _():
    prepare()
    fleet.specify(*(json.dumps({"address": address}) for address in (TWIN, OTHER_TWIN)))
    server = fleet.start("twin", "nic", "hosta", "ERROR")
    contains(fleet.fault(server), "is not viable", "what QEMU says")
    contains(fleet.fault(server), "Cause: the IOMMU sees a PCI device of the guest and another one "
             "of its host as one", "what that means")
    fleet.delete(server)
    # That nobody else may have the other one is known before the guest is started.
    fleet.specify(json.dumps({"address": TWIN}))
    server = fleet.start("twin", "nic", "hosta", "ERROR")
    contains(fleet.fault(server), f"{TWIN} is not to be had: its IOMMU group", "why")
    contains(fleet.fault(server), f"also holds {OTHER_TWIN}, bound to e1000e", "what has it")
    fleet.delete(server)
