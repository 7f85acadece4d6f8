# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""PCI devices of hosts: asked for by flavors, claimed by address, and told to whoever asks."""
import contextlib
import os
import sqlite3
import subprocess
import tempfile

from drover import DROVERD
from tap import check, contains, equal, wait_until
from test_cold import ended, moved
from test_drain import ask, items_of, wait_state
from test_explain import checks_of, explain, hosts_of
from world import Cloud, test

PCI = {"alias": '{"name": "gpu", "vendor_id": "10de", "product_id": "2236"}',
       "device_spec": '{"vendor_id": "10de"}'}


def devices_of(cloud, host):
    answer = cloud.other("GET", f"/drover/v1/hosts/{host}")
    equal(answer.status, 200, answer.text)
    return answer.json["host"]["pci_devices"]


def holders(cloud):
    """Every device that somebody has: (host, address) -> the ids of its server and alias."""
    return {(host, device["address"]): (device["instance_id"], device["alias"])
            for host in ("hosta", "hostb") for device in devices_of(cloud, host)
            if device["instance_id"] is not None}


def dry_run(cloud, name):
    return cloud.drover.drover("server", "migrate", "--live-migration", "--dry-run", name,
                               check=False)


def message_of(cloud, migration):
    answer = cloud.other("GET", f"/drover/v1/migrations/{migration['id']}")
    return answer.json["migration"]["message"]


def add_flavor(cloud, name, specs, ram=128, vcpus=1):
    answer = cloud.send("POST", "/flavors", {"flavor": {
        "id": name, "name": name, "ram": ram, "vcpus": vcpus, "disk": 1}})
    equal(answer.status, 200, answer.text)
    answer = cloud.send("POST", f"/flavors/{name}/os-extra_specs", {"extra_specs": specs})
    equal(answer.status, 200, answer.text)


@test("a server is given a PCI device of its host by address, the next one gets no device twice "
      "and is refused with the table, and a cold move takes a device of the destination [S3-24]")
def _():
    cloud = Cloud(("hosta", "hostb"), fake={"pci_devices": 1}, more={"pci": PCI})
    try:
        add_flavor(cloud, "gpu", {"pci_passthrough:alias": "gpu:1"})
        add_flavor(cloud, "big-gpu", {"pci_passthrough:alias": "gpu:1"}, ram=256)
        add_flavor(cloud, "two", {"pci_passthrough:alias": "gpu:2"})
        (device,) = devices_of(cloud, "hosta")
        equal((device["vendor_id"], device["product_id"], device["device_type"],
               device["instance_id"]), ("10de", "2236", "type-PCI", None), "a free device")
        first = cloud.create("first", flavorRef="gpu", host="hosta")
        equal(holders(cloud), {("hosta", device["address"]): (first, "gpu")}, "it has it")

        second = cloud.create("second", flavorRef="gpu", host="hosta", wait=False)
        cloud.wait_status(second, "ERROR")
        fault = cloud.server(second)["fault"]
        contains(fault["message"] + fault.get("details", ""), "'pci-devices'", "the fault")
        told = explain(cloud, first)
        row = checks_of(hosts_of(told)["hostb"])["pci-devices"]
        equal((told["move"], row["result"], row["needed"], row["have"]),
              ("live", "fail", "no PCI device of its host, to move while it runs",
               "the server has gpu:1; of this host: gpu: 1 of 1 free"),
              "it does not move live")
        contains(row["fix"], "migrate it cold", "and what to do")
        row = checks_of(hosts_of(told)["hostb"])["guest"]
        equal(row["result"], "fail", "its host says so as well")
        contains(row["have"], f"PCI device {device['address']}", "what keeps it")
        row = checks_of(hosts_of(explain(cloud, first, "?move=cold"))["hostb"])["pci-devices"]
        equal((row["result"], row["needed"], row["have"]),
              ("pass", "gpu:1", "gpu: 1 of 1 free"), "it moves cold")
        equal(cloud.live_migrate(first).status, 202, "a live move is taken")
        migration = cloud.wait_migration(first, "error", "failed")
        cloud.wait_idle(first)
        message = message_of(cloud, migration)
        contains(message, "failed 'pci-devices'", "what it is told")
        code, output = dry_run(cloud, "first")
        equal(code, 1, output)
        contains(output, f"(the request would be told: {told['reason']})", "a dry run")
        contains(message, told["reason"], "the same words")
        equal((cloud.host_of(first), cloud.server(first)["status"], migration["dest_compute"]),
              ("hosta", "ACTIVE", None), "and does not happen")

        row = moved(cloud, first, {"migrate": None})
        (other,) = devices_of(cloud, "hostb")
        check(other["address"] != device["address"], "the fake hosts have different addresses")
        equal(holders(cloud), {("hosta", device["address"]): (first, "gpu"),
                               ("hostb", other["address"]): (first, "gpu")},
              "both, until it is confirmed")
        ended(cloud, first, row["id"], "revertResize", "ACTIVE")
        equal(holders(cloud), {("hosta", device["address"]): (first, "gpu")}, "taken back")
        row = moved(cloud, first, {"resize": {"flavorRef": "big-gpu"}})
        ended(cloud, first, row["id"], "confirmResize", "ACTIVE")
        equal(holders(cloud), {("hostb", other["address"]): (first, "gpu")}, "it is there")
        for action in ({"reboot": {"type": "HARD"}}, {"os-stop": None}, {"os-start": None}):
            equal(cloud.action(first, action).status, 202, action)
            cloud.wait_idle(first)
        equal(cloud.server(first)["status"], "ACTIVE", "it starts with its device")

        contains(cloud.drover.drover("host", "show", "hostb"),
                 f"{other['address']} 10de:2236 type-PCI: first (gpu)", "drover host show")
        third = cloud.create("third", flavorRef="gpu")
        equal(holders(cloud)[("hosta", device["address"])], (third, "gpu"), "the free one")
        refused = cloud.create("fourth", flavorRef="two", wait=False)
        cloud.wait_status(refused, "ERROR")
        row = checks_of(hosts_of(explain(cloud, third, "?move=cold"))["hostb"])["pci-devices"]
        equal((row["result"], row["have"]), ("fail", "gpu: 0 of 1 free"), "nothing is free")
        contains(row["fix"], "[pci] device_spec", "the fix")
        cloud.delete(first, second, third, refused)
        equal(holders(cloud), {}, "all are free again")
    finally:
        cloud.drover.remove()


@test("of a guest that only its host keeps, a dry run says that the move would be taken and fail, "
      "with what it then fails with [S2-22]")
def _():
    directory = tempfile.TemporaryDirectory()
    path = os.path.join(directory.name, "fleet")
    cloud = Cloud(("hosta", "hostb"), fake={"path": path})
    try:
        server = cloud.create("kept", host="hosta")
        with contextlib.closing(sqlite3.connect(path, timeout=20)) as fleet, fleet:
            fleet.execute("insert into devices (host, uuid, address) values ('hosta', ?, "
                          "'0000:3b:00.1')", (server,))
        told = explain(cloud, server, "?move=live")
        row = checks_of(hosts_of(told)["hostb"])["guest"]
        equal((row["result"], row["needed"], row["have"]),
              ("fail", "a guest that can move while it runs",
               f"one of which its host says: {told['fails_with']}"), "its row")
        code, output = dry_run(cloud, "kept")
        equal(code, 1, output)
        contains(output, "no host fits; nothing was done (the request would be taken, and its "
                 f"migration fail: {told['fails_with']})", "a dry run")
        equal(cloud.live_migrate(server).status, 202, "it is taken")
        migration = cloud.wait_migration(server, "error", "failed")
        contains(message_of(cloud, migration), told["fails_with"], "and fails with that")
        cloud.wait_idle(server)
        cloud.delete(server)
    finally:
        cloud.drover.remove()
        directory.cleanup()


@test("a drain says that a server with a device does not move live, and moves it cold where that "
      "is allowed; an evacuation takes a device of the new host [S3-24]")
def _():
    cloud = Cloud(("hosta", "hostb"), fake={"pci_devices": 1}, more={"pci": PCI})
    try:
        add_flavor(cloud, "gpu", {"pci_passthrough:alias": "gpu:1"})
        server = cloud.create("drained", flavorRef="gpu", host="hosta")
        (here,), (there,) = devices_of(cloud, "hosta"), devices_of(cloud, "hostb")
        plan = ask(cloud, "hosta", status=200, dry_run=True)
        equal((plan["moves"], plan["stay"]), (0, 1), plan)
        contains(plan["steps"][0]["reason"], "'pci-devices'", "the reason")
        contains(plan["steps"][0]["fix"], "--cold-fallback", "the fix")
        ask(cloud, "hosta", cold_fallback=True)
        drain = wait_state(cloud, "hosta", "done", "blocked")
        equal((drain["state"], items_of(drain)["drained"]["move"]), ("done", "cold"), drain)
        equal(holders(cloud), {("hostb", there["address"]): (server, "gpu")}, "its new device")
        (service,) = cloud.get("/os-services?host=hosta&binary=nova-compute", "2.53")["services"]
        equal(cloud.send("PUT", f"/os-services/{service['id']}", {"status": "enabled"},
                         "2.53").status, 200, "hosta is enabled")
        (service,) = cloud.get("/os-services?host=hostb&binary=nova-compute", "2.53")["services"]
        cloud.do(server, {"os-stop": None})
        cloud.wait_status(server, "SHUTOFF")
        equal(cloud.send("PUT", f"/os-services/{service['id']}", {"forced_down": True},
                         "2.53").status, 200, "hostb is dead")
        cloud.do(server, {"evacuate": {}}, 200, "2.95")
        wait_until(lambda: cloud.host_of(server) == "hosta", "it is on hosta", 20)
        cloud.wait_idle(server)
        equal(holders(cloud), {("hosta", here["address"]): (server, "gpu")}, "the first again")
    finally:
        cloud.drover.remove()


@test("a device that no alias names is refused at once, and 2.86 refuses what cannot be read")
def _():
    cloud = Cloud(("hosta",), fake={"pci_devices": 2}, more={"pci": PCI})
    try:
        add_flavor(cloud, "fpga", {"pci_passthrough:alias": "fpga:1"})
        answer = cloud.send("POST", "/servers", cloud.body("x", flavorRef="fpga"))
        cloud.refused(answer, 400, "PCI alias fpga is not defined")
        bad = {"extra_specs": {"pci_passthrough:alias": "gpu"}}
        answer = cloud.send("POST", "/flavors/fpga/os-extra_specs", bad, "2.86")
        cloud.refused(answer, 400, "'gpu' is not NAME:COUNT")
        equal(cloud.send("POST", "/flavors/fpga/os-extra_specs", bad, "2.85").status, 200,
              "as before 2.86")
        other = {"extra_specs": {"hw:mem_page_size": "small"}}
        equal(cloud.send("POST", "/flavors/fpga/os-extra_specs", other, "2.86").status, 200,
              "what is there is not checked with what is sent")
    finally:
        cloud.drover.remove()


@test("[pci] is checked as strictly as other sections, with the line, the reason and the likely "
      "spelling; only hosts of a group have what its device_spec names")
def _():
    rows = (
        ("[pci]\nalias = {}\n", ":2: 'alias': it has no 'name'"),
        ("[pci]\nalias = {\"name\": \"a\"}\nalias = {\"name\": \"b\", \"vendorid\": \"10de\"}\n",
         ":3: 'alias': unknown field 'vendorid'; did you mean 'vendor_id'?"),
        ("[pci]\ndevice_specs = {}\n", ":2: unknown key 'device_specs' in section [pci]; did you "
                                       "mean 'device_spec'?"),
        ("[pci:a]\nhosts = hosta\ndevice_spec = {\"vendor_id\": 8086}\n",
         ":3: 'device_spec': 'vendor_id' must be a text in quotes, not integer"),
        ("[pci:a]\nhosts = hosta\nalias = {\"name\": \"a\"}\n",
         ":3: key 'alias' is the same for all"),
    )
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "drover.conf")
        for text, message in rows:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            run = subprocess.run([DROVERD, "--config", path, "--check-config"],
                                 capture_output=True, text=True, timeout=60, check=False)
            check(run.returncode != 0, text)
            contains(run.stderr, path + message, "the message")
    cloud = Cloud(("hosta", "hostb"), fake={"pci_devices": 2}, more={
        "pci": {"alias": PCI["alias"]},
        "pci:rack1": {"hosts": "hostb", "device_spec": PCI["device_spec"]}})
    try:
        equal([len(devices_of(cloud, host)) for host in ("hosta", "hostb")], [0, 2], "by group")
        both = "; ".join(f"{device['address']} 10de:2236 type-PCI: free"
                         for device in devices_of(cloud, "hostb"))
        contains(cloud.drover.drover("host", "show", "hostb"), both, "drover host show")
    finally:
        cloud.drover.remove()
