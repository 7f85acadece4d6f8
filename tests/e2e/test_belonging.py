# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What real hosts belong to (aggregates, zones) and what real guests belong to (server groups)
decides where they may go, as the stock client sees it."""
import json

from tap import check, contains, equal, test, wait_until
from test_client import knows_memory, node
from world import world


def openstack(*arguments, **options):
    return world.drover.openstack(*arguments, **options)


def refused(server, host, part, world=world):
    """Below 2.34 the client is told at once why not."""
    named = ("--host", host) if host else ()
    code, text = world.drover.openstack("server", "migrate", "--live-migration", *named, server,
                                        check=False, version="2.30")
    check(code != 0, f"it was not refused: {text}")
    contains(text, part, "the reason")


def migrate(server, expected, world=world):
    """It goes there by itself, and lives."""
    world.drover.openstack("server", "migrate", "--live-migration", "--wait", server)
    row = world.wait_migration(server)
    check(row["status"] == "completed", world.story(row["id"]))
    equal((world.host_of(server), list(world.runs_on(server))), (expected, [expected]), "where")
    world.check_lives(server)


def aggregate(name, *hosts, **properties):
    zone = properties.pop("zone", None)
    openstack("aggregate", "create", *(("--zone", zone) if zone else ()), name)
    for key, value in properties.items():
        openstack("aggregate", "set", "--property", f"{key}={value}", name)
    for host in hosts:
        openstack("aggregate", "add", "host", name, host)


def disband(name, *hosts):
    for host in hosts:
        openstack("aggregate", "remove", "host", name, host)
    openstack("aggregate", "delete", name)


def create(name, **more):
    body = {"name": name, "flavorRef": "tiny", "imageRef": world.ids["guest"],
            "networks": [{"uuid": world.ids["private"]}], **more}
    answer = world.drover.compute("POST", "/servers", {"server": body})
    equal(answer.status, 202, f"create {name}: {answer.text}")
    server = answer.json["server"]["id"]
    world.wait_status(server, "ACTIVE")
    world.wait_heard(server)
    return server


@test("a zone, a flavor's extra spec and a tenant's aggregate refuse a real guest its move, with "
      "the reason in the stock client; it goes to the host that they leave [S1-06]")
def _():
    openstack("flavor", "create", "--ram", "128", "--disk", "1", "--id", "ssd", "--property",
              "aggregate_instance_extra_specs:disk=ssd", "m1.ssd")
    aggregate("fast", "hosta", "hostb", disk="ssd")
    guest = create("choosy", flavorRef="ssd", host="hosta", availability_zone="nova")
    try:
        refused(guest, "hostc", "hostc failed 'extra-specs': needs disk=ssd, has no disk")
        openstack("project", "create", "theirs")
        theirs = openstack("project", "show", "theirs", "-f", "value", "-c", "id").strip()
        aggregate("reserved", "hostb", filter_tenant_id=theirs)
        refused(guest, "hostb", "hostb failed 'tenant'")
        refused(guest, None, "1 failed 'extra-specs'")
        disband("reserved", "hostb")
        migrate(guest, "hostb")
        # Of whoever is on it, a host with servers does not change its zone.
        world.drover.drover("host", "drain", "hostc", "--wait")
        aggregate("west", "hostc", zone="west")
        openstack("compute", "service", "set", "--enable", "hostc", "nova-compute")
        refused(guest, "hostc", "hostc failed 'zone': needs zone 'nova', has zone 'west'")
        disband("west", "hostc")
        migrate(guest, "hosta")
    finally:
        world.delete(guest)
        disband("fast", "hosta", "hostb")
        world.drover.drover("host", "restore", "hostc", "--wait")


@test("server groups hold for real guests: anti-affinity and affinity refuse a live migration with "
      "the reason, a drain says whom they keep, and with room it goes to the right host [S2-25]")
def _():
    groups = {policy: json.loads(openstack(
        "server", "group", "create", "--policy", policy, policy, "-f", "json",
        version="2.64"))["id"] for policy in ("anti-affinity", "affinity")}

    def member(name, policy):
        openstack("server", "create", "--flavor", "m1.tiny", "--image", "guest", "--network",
                  "private", "--hint", f"group={groups[policy]}", "--wait", name)
        server = openstack("server", "show", name, "-f", "value", "-c", "id").strip()
        world.wait_heard(server)
        return server
    apart = [member(f"apart{number}", "anti-affinity") for number in (1, 2, 3)]
    near = [member(f"near{number}", "affinity") for number in (1, 2)]
    try:
        homes = [world.host_of(server) for server in apart]
        equal(sorted(homes), ["hosta", "hostb", "hostc"], "one on each host")
        equal(len({world.host_of(server) for server in near}), 1, "both on one host")
        refused(apart[0], homes[1], f"{homes[1]} failed 'anti-affinity': needs none of its server")
        refused(apart[0], None, "2 failed 'anti-affinity'")
        refused(near[0], None, "2 failed 'affinity'")
        code, shown = world.drover.drover("host", "drain", world.host_of(near[0]), "--dry-run",
                                          check=False)
        equal(code, 1, shown)
        contains(shown, "of its server group (affinity) to", "the plan")
        contains(shown, "(anti-affinity) keeps it", "the plan")
        world.delete(apart.pop(1))
        migrate(apart[0], homes[1])
        for server in (*apart, *near):
            world.check_lives(server)
    finally:
        for server in (*apart, *near):
            world.delete(server)
        for group in groups.values():
            openstack("server", "group", "delete", group)


def check_told(host):
    """What clients show of it, against what its own libvirt says."""
    wait_until(knows_memory, "drover knows the hosts' memory", 60, 1)
    cpus, mib = node(host)
    rows = json.loads(openstack("host", "show", host, "-f", "json", version="2.1"))
    total, now = rows[0], rows[1]
    equal((total["Project"], int(total["CPU"]), int(total["Memory MB"])), ("(total)", cpus, mib),
          "openstack host show")
    equal((now["Project"], now["CPU"]), ("(used_now)", 1), "what the guest takes")
    described = world.drover.drover("host-describe", host)
    for text in ("(total)", "(used_now)", "(used_max)", str(mib)):
        contains(described, text, "drover host-describe")
    rows = json.loads(world.drover.drover("host", "capabilities", host, "--json"))
    can = {row["capability"]: (row["available"], row["reason"]) for row in rows}
    version = world.lab.virsh(host, "version").split("Running hypervisor: QEMU ")[1].split()[0]
    contains(can["live-migration"][1], f"QEMU {version}", "which QEMU")
    equal((can["live-migration"][0], can["tls"][0], can["kvm"][0]),
          ("yes", "yes", "yes" if world.lab.env["LAB_ACCEL"] == "kvm" else "no"), "what it can")


@test("cells and the ratios of an aggregate refuse a real guest its move, and what real hosts have "
      "and can do is told as libvirt has it [S0-14 S0-15 S1-08 S1-09 S1-10 S3-19 S4-01 S4-08]")
def _():
    guest = world.create("bound", host="hosta")
    world.wait_heard(guest)
    try:
        aggregate("cell", "hosta", "hostb", cell="one")
        refused(guest, "hostc", "hostc failed 'cell': needs cell 'one'")
        disband("cell", "hosta", "hostb")
        for key, failed in (("cpu_allocation_ratio", "vcpus"), ("ram_allocation_ratio", "ram")):
            aggregate("tight", "hostb", **{key: "0.001"})
            refused(guest, "hostb", f"hostb failed '{failed}'")
            disband("tight", "hostb")
        migrate(guest, "hostb")
        check_told("hostb")
    finally:
        world.delete(guest)
