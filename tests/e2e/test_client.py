# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Each command that the stock client offers for this job, as an operator would type it."""
import json

from drover import is_mixed_up
from tap import check, contains, equal, test, wait_until
from test_pools import come_and_go
from world import world

state = {}


def osc(*arguments, **options):
    return world.drover.openstack(*arguments, **options)


def osc_json(*arguments, **options):
    return json.loads(osc(*arguments, "-f", "json", **options))


@test("openstack token issue and catalog list work (S3-26)")
def _():
    check(osc_json("token", "issue")["id"], "a token has an id")
    types = {row["Type"] for row in osc_json("catalog", "list")}
    for wanted in ("identity", "compute", "image", "network", "placement"):
        check(wanted in types, f"no {wanted} in {types}")


@test("openstack flavor create and list, image create and list, network list work (S3-25)")
def _():
    osc("flavor", "create", "--ram", "192", "--vcpus", "1", "--disk", "1", "--property", "a:b=c",
        "m1.test")
    contains(osc("flavor", "list"), "m1.test", "flavor list")
    osc("image", "create", "--disk-format", "qcow2", "--container-format", "bare", "--public",
        "--file", world.lab.env["LAB_GUEST_DISK"], "uploaded")
    images = {row["Name"]: row["Status"] for row in osc_json("image", "list")}
    equal(images.get("uploaded"), "active", "the uploaded image")
    osc("image", "delete", "uploaded")
    contains(osc("network", "list"), "private", "network list")


@test("openstack server create --wait makes a guest that runs and is heard (S1-03, S1-04)")
def _():
    shown = osc_json("server", "create", "--flavor", "m1.tiny", "--image", "guest", "--network",
                     "private", "--wait", "vm1")
    equal(shown["status"], "ACTIVE", "status")
    state["id"] = shown["id"]
    world.wait_heard(state["id"])
    rows = osc_json("server", "list")
    equal([row["Name"] for row in rows], ["vm1"], "server list")
    check(rows[0]["Networks"]["private"][0].startswith("198.18."), f"address: {rows[0]}")


@test("openstack server list --host --all-projects --long and server show name the host "
      "(S1-04, S3-25, S3-27)")
def _():
    shown = osc_json("server", "show", "vm1")
    host = shown["OS-EXT-SRV-ATTR:host"]
    check(host in world.lab.hosts, f"host {host}")
    rows = osc_json("server", "list", "--host", host, "--all-projects", "--long")
    equal([row["Host"] for row in rows], [host], "server list --host")
    other = next(name for name in world.lab.hosts if name != host)
    equal(osc_json("server", "list", "--host", other, "--all-projects"), [], "another host's list")


@test("openstack compute service list and set --disable --disable-reason, --enable "
      "(S1-05, S1-06, S3-28, S3-37)")
def _():
    rows = osc_json("compute", "service", "list")
    binaries = {row["Binary"]: row["Zone"] for row in rows}
    equal(binaries.get("nova-scheduler"), "internal", "control services' zone")
    equal(binaries.get("nova-compute"), "nova", "hosts' zone")
    osc("compute", "service", "set", "hostb", "nova-compute", "--disable", "--disable-reason",
        "new kernel")
    row = next(row for row in osc_json("compute", "service", "list", "--long")
               if row["Host"] == "hostb")
    equal((row["Status"], row["Disabled Reason"]), ("disabled", "new kernel"), "after --disable")
    osc("compute", "service", "set", "hostb", "nova-compute", "--enable")
    row = next(row for row in osc_json("compute", "service", "list", "--long")
               if row["Host"] == "hostb")
    equal((row["Status"], row["Disabled Reason"]), ("enabled", None), "after --enable")


def node(host):
    """Processors and MiB of memory, as the host's own libvirtd says it."""
    rows = dict(row.split(":") for call in ("nodeinfo", "nodememstats")
                for row in world.lab.virsh(host, call).splitlines() if row)
    rows = {key.strip(): value.split()[0] for key, value in rows.items()}
    return int(rows["CPU(s)"]), int(rows["total"]) // 1024


def knows_memory():
    """Whether drover knows each host's memory as it is at the moment: virtual machines, which hosts
    of tests may be in, are given some and lose it while they run. Where not, it is made to ask."""
    late = [host for host in world.lab.hosts
            if world.host(host)["facts"]["memory_mib"] != node(host)[1]]
    for host in late:
        come_and_go(world.lab, host)
    return not late


@test("openstack hypervisor list and show tell what the hosts have, at 2.1 and at 2.92 "
      "(S3-25, S3-63)")
def _():
    wait_until(knows_memory, "drover knows the hosts' memory", 60, 1)
    for version in ("2.1", "2.92"):
        rows = {row["Hypervisor Hostname"]: row
                for row in osc_json("hypervisor", "list", "--long", version=version)}
        equal(sorted(rows), world.lab.hosts, f"hypervisor list at {version}")
        for host, row in rows.items():
            equal((row["Hypervisor Type"], row["State"]), ("QEMU", "up"), host)
            equal(row["Host IP"], world.lab.host(host, "ADDRESS"), f"the address of {host}")
            if version == "2.1":
                equal((row["vCPUs"], row["Memory MB"]), node(host), f"{host} has")
        shown = osc_json("hypervisor", "show", "hosta", version=version)
        equal(shown["hypervisor_hostname"], "hosta", f"hypervisor show at {version}")
        if version == "2.1":
            equal((int(shown["vcpus"]), int(shown["memory_mb"])), node("hosta"), "hosta has")


@test("openstack resource provider list names the hosts, and its allocations the server that is "
      "there (S3-48)")
def _():
    providers = {row["name"]: row["uuid"] for row in osc_json("resource", "provider", "list")}
    equal(sorted(providers), world.lab.hosts, "resource provider list")
    (host,) = (row["Host"] for row in osc_json("server", "list", "--long", "--all-projects",
                                               version="2.1"))
    rows = osc_json("resource", "provider", "allocation", "show", state["id"])
    equal([row["resource_provider"] for row in rows], [providers[host]], "allocation show")
    resources = {row["resource_class"]: row["total"] for row in
                 osc_json("resource", "provider", "inventory", "list", providers[host])}
    check(resources["VCPU"] >= 1 and resources["MEMORY_MB"] > 128, f"inventory: {resources}")


@test("openstack server migrate --live-migration --wait moves it, and the guest does not notice "
      "(S0-01, S0-09, S1-01, S2-01, S3-07, S3-38, S4-03)")
def _():
    before = world.host_of(state["id"])
    world.lab("heartbeat", "mark")
    osc("server", "migrate", "vm1", "--live-migration", "--wait")
    shown = osc_json("server", "show", "vm1")
    check(shown["OS-EXT-SRV-ATTR:host"] != before, "the host has changed")
    equal(shown["status"], "ACTIVE", "status")
    equal(world.runs_on(state["id"]), {shown["OS-EXT-SRV-ATTR:host"]: "running"}, "libvirt says")
    world.check_lives(state["id"])
    heard = world.heard(state["id"])["since_mark"]
    check(heard["longest_silence_ms"] < 5000, f"silence of {heard['longest_silence_ms']} ms")


@test("openstack server migrate --host and --block-migration go where they are told "
      "(S0-10, S0-16, S1-12, S2-09, S3-41, S4-05, S4-14)")
def _():
    for extra in ([], ["--block-migration"]):
        target = next(name for name in world.lab.hosts if name != world.host_of(state["id"]))
        osc("server", "migrate", "vm1", "--live-migration", "--host", target, *extra, "--wait")
        equal(world.host_of(state["id"]), target, f"host after --host {target} {extra}")
        equal(world.last_migration(state["id"])["status"], "completed", "its migration")
        rows = osc_json("server", "list", "--host", target, "--all-projects")
        equal([row["Name"] for row in rows], ["vm1"], f"server list --host {target}")
    world.check_lives(state["id"])


@test("openstack server migration list and show tell of it (S2-18, S3-49, S3-50, S3-51)")
def _():
    rows = osc_json("server", "migration", "list", "--server", "vm1")
    check(len(rows) >= 3, f"{len(rows)} migrations")
    equal({row["Status"] for row in rows}, {"completed"}, "all of them")
    code, text = osc("server", "migration", "show", "vm1", str(rows[0]["Id"]), check=False)
    check(code != 0, "one that is over is not in progress")
    check(is_mixed_up(text, rows[0]["Id"]) or "is not in progress" in text, f"the reason: {text}")


@test("a migration in progress shows 16 fields, MIGRATING, and can be aborted "
      "(S3-40, S3-51, S3-52, S3-70, S3-71)")
def _():
    source = world.host_of(state["id"])
    # Its memory takes a minute, longer than the commands of a client on a slow machine.
    for host in world.lab.hosts:
        world.lab("limit", host, "5mbit")
    try:
        equal(world.migrate(state["id"]).status, 202, "migrate")
        equal(world.drover.server(state["id"])["status"], "MIGRATING", "right after the 202")
        row = wait_until(lambda: (row := world.last_migration(state["id"]))["status"] == "running"
                         and row, "it is running", 60)
        show = ("server", "migration", "show", "vm1", str(row["id"]), "-f", "json")
        path = f"/servers/{state['id']}/migrations/{row['id']}"
        wait_until(lambda: world.drover.compute("GET", path).json["migration"]
                   ["memory_processed_bytes"], "bytes are counted", 120)
        _, text = osc(*show, check=False)
        shown = () if is_mixed_up(text, row["id"]) else json.loads(text)
        for title in ("ID", "Server UUID", "Status", "Source Compute", "Source Node",
                      "Dest Compute", "Dest Host", "Dest Node", "Memory Total Bytes",
                      "Memory Processed Bytes", "Memory Remaining Bytes", "Disk Total Bytes",
                      "Disk Processed Bytes", "Disk Remaining Bytes", "Created At", "Updated At"):
            check(not shown or title in shown, f"no {title}")
        osc("server", "migration", "abort", "vm1", str(row["id"]))
        equal(world.wait_migration(state["id"])["status"], "cancelled", "after the abort")
    finally:
        for host in world.lab.hosts:
            world.lab("heal", host)
    equal(world.runs_on(state["id"]), {source: "running"}, "the guest is where it was")
    world.check_lives(state["id"])


@test("server migration force complete ends a migration that would take long (S3-72)")
def _():
    address = world.drover.server(state["id"])["addresses"]["private"][0]["addr"]
    world.lab("writer", address, "48", "60")
    for host in world.lab.hosts:
        world.lab("limit", host, "40mbit")
    try:
        equal(world.migrate(state["id"]).status, 202, "migrate")
        row = wait_until(lambda: (row := world.last_migration(state["id"]))["status"] == "running"
                         and row, "it is running", 60)
        osc("server", "migration", "force", "complete", "vm1", str(row["id"]))
        equal(world.wait_migration(state["id"], 180)["status"], "completed", "after force complete")
    finally:
        for host in world.lab.hosts:
            world.lab("heal", host)
    world.lab("writer", address, "0", "0")
    equal(list(world.runs_on(state["id"]).values()), ["running"], "it runs, on one host")
    world.check_lives(state["id"])


@test("openstack server stop, start, reboot, pause, unpause do what they say")
def _():
    for command, status in ((["pause"], "PAUSED"), (["unpause"], "ACTIVE"),
                            (["stop"], "SHUTOFF"), (["start"], "ACTIVE"),
                            (["reboot", "--hard"], "ACTIVE"), (["reboot"], "ACTIVE")):
        osc("server", *command, "vm1")
        world.wait_status(state["id"], status)
    wait_until(lambda: world.heard(state["id"])["since_mark"]["received"] > 0, "it is heard again")


@test("openstack console log show goes on over a migration")
def _():
    wait_until(lambda: "tick" in osc("console", "log", "show", "vm1"), "it ticks", 180, 1)
    before = osc("console", "log", "show", "vm1")
    world.move(state["id"])
    after = osc("console", "log", "show", "vm1")
    first = next(line for line in before.splitlines() if "tick" in line)
    contains(after, first.strip(), "what was written before the move is still there")
    ticks = [line for line in after.splitlines() if "tick" in line]
    wait_until(lambda: len([line for line in osc("console", "log", "show", "vm1").splitlines()
                            if "tick" in line]) > len(ticks), "it goes on ticking", 30, 1)


@test("openstack server delete leaves nothing on the host")
def _():
    host = world.host_of(state["id"])
    osc("server", "delete", "--wait", "vm1")
    equal(world.domains(host), {}, "domains")
    left = {name for name in world.volumes(host) if state["id"] in name}
    equal(left, set(), "volumes")


@test("the drover command says the same in the same words "
      "(S1-12, S1-13, S2-17, S2-18, S3-01, S4-42)")
def _():
    drover = world.drover.drover
    drover("server", "create", "vm2", "--flavor", "m1.tiny", "--image", "guest", "--network",
           "private", "--wait")
    shown = json.loads(drover("server", "show", "vm2", "--json"))
    contains(drover("live-migration", "--block-migrate", "--reason", "new kernel", "vm2"),
             f"Migration of {shown['id']} initiated.", "S1-13")
    row = world.wait_migration(shown["id"])
    equal(row["status"], "completed", "live-migration")
    told = json.loads(drover("server", "migration", "show", "vm2", str(row["id"]), "--json"))
    equal((told["reason"], told["block_migration"], told["disks"]["vda"]),
          ("new kernel", "yes", "copied"), "why and how it moved")
    contains(drover("server", "migrate", "--live-migration", "--wait", "vm2"), "Completed",
             "migrate --wait")
    contains(drover("server", "verify", "vm2"), "ok", "verify")
    contains(drover("server", "migration", "list", "--server", "vm2"), "completed", "list")
    contains(drover("host", "list"), "hosta", "host list")
    code, text = drover("server", "migrate", "--live-migration", "--host",
                        world.host_of(shown["id"]), "--wait", "vm2", check=False)
    check(code == 1, f"a migration that fails must end with 1, not {code}: {text}")
    drover("server", "delete", "--wait", "vm2")
