# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What older clients and runbooks say, by `nova` and by what `openstack` has kept of it: on real
hosts, and against what virsh tells there."""
import json

from tap import check, contains, equal, test, wait_until
from test_belonging import create
from test_client import knows_memory, node, osc, osc_json
from world import world

GIB = 1 << 30
# Of [DEFAULT] reserved_host_memory_mb, which Nova counts as used.
RESERVED_MIB = 512

made = []


def guests():
    """Two on hosta that run and are heard, for the tests of this module; the last one takes them
    away."""
    if not made:
        made.extend(create(f"old{number}", host="hosta") for number in (1, 2))
    return made


def nova(*arguments, version="2.1", **options):
    return world.drover.nova(*arguments, version=version, **options)


def rows(text):
    """Of a table that nova prints: a dict for each row."""
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()
             if line.startswith("|")]
    return [dict(zip(cells[0], row)) for row in cells[1:]]


def properties(text):
    return {row["Property"]: row["Value"] for row in rows(text)}


def domain_info(host):
    """Processors and MiB of each domain that runs there."""
    found = {}
    for name in world.lab.virsh(host, "list", "--name").split():
        lines = world.lab.virsh(host, "dominfo", name).splitlines()
        info = dict(line.split(":", 1) for line in lines if ":" in line)
        found[name] = int(info["CPU(s)"]), int(info["Max memory"].split()[0]) // 1024
    return found


def pool_gib(host):
    lines = world.lab.virsh(host, "pool-info", "--bytes", world.lab.env["LAB_POOL"]).splitlines()
    info = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(info["Capacity"]) // GIB


@test("nova tells of real hosts what virsh tells there: services, hypervisors, their servers and "
      "their sums; so do openstack hypervisor stats show, host list and hypervisor list "
      "--matching, and drover host-describe [S1-05 S1-08 S1-10 S3-25 S3-63]")
def _():
    servers = guests()
    hosts = world.lab.hosts
    wait_until(knows_memory, "drover knows the hosts' memory", 60, 1)
    nodes = {host: node(host) for host in hosts}
    running = {host: domain_info(host) for host in hosts}
    equal(len(running["hosta"]), 2, "libvirt runs")
    seen = {row["Host"]: (row["Zone"], row["Status"], row["State"]) for row in
            rows(nova("service-list", "--binary", "nova-compute"))}
    equal(seen, dict.fromkeys(hosts, ("nova", "enabled", "up")), "nova service-list")
    listed = {row["Hypervisor hostname"]: (row["State"], row["Status"])
              for row in rows(nova("hypervisor-list"))}
    equal(listed, dict.fromkeys(hosts, ("up", "enabled")), "nova hypervisor-list")
    shown = properties(nova("hypervisor-show", "hosta"))
    equal((int(shown["vcpus"]), int(shown["memory_mb"]), int(shown["local_gb"])),
          (*nodes["hosta"], pool_gib("hosta")), "nova hypervisor-show: what hosta has")
    vcpus, mib = (sum(column) for column in zip(*running["hosta"].values()))
    equal((int(shown["running_vms"]), int(shown["vcpus_used"]), int(shown["memory_mb_used"])),
          (2, vcpus, mib + RESERVED_MIB), "nova hypervisor-show: what runs there")
    equal({row["ID"]: row["Hypervisor Hostname"] for row in
           rows(nova("hypervisor-servers", "host"))}, dict.fromkeys(servers, "hosta"),
          "nova hypervisor-servers, of all hosts")
    sums = {"count": len(hosts), "vcpus": sum(one[0] for one in nodes.values()),
            "memory_mb": sum(one[1] for one in nodes.values()),
            "local_gb": sum(pool_gib(host) for host in hosts),
            "running_vms": sum(len(one) for one in running.values()),
            "memory_mb_used": mib + RESERVED_MIB * len(hosts)}
    stats = properties(nova("hypervisor-stats"))
    equal({key: int(stats[key]) for key in sums}, sums, "nova hypervisor-stats")
    stats = osc_json("hypervisor", "stats", "show", version="2.1")
    equal({key: stats[key] for key in sums}, sums, "openstack hypervisor stats show")
    code, text = nova("hypervisor-uptime", "hosta", check=False)
    check(code != 0, "libvirt does not tell how long a host has been up")
    contains(text, "Virt driver does not implement uptime function. (HTTP 501)", "uptime")
    for version in ("2.1", "2.92"):
        (row,) = osc_json("hypervisor", "list", "--matching", "stb", version=version)
        equal((row["Hypervisor Hostname"], row["State"]), ("hostb", "up"), f"at {version}")
    seen = {row["Host Name"]: row["Zone"] for row in osc_json("host", "list", version="2.1")
            if row["Service"] == "compute"}
    equal(seen, dict.fromkeys(hosts, "nova"), "openstack host list")
    described = json.loads(world.drover.drover("host-describe", "hosta", "--json"))
    told = {row["project"]: (row["cpu"], row["memory_mb"], row["disk_gb"]) for row in described}
    equal(told["(total)"], (*nodes["hosta"], pool_gib("hosta")), "drover host-describe")
    equal(told["(used_now)"][:2], (vcpus, mib + RESERVED_MIB), "drover host-describe")


def state(host):
    """Status, state and reason for being disabled."""
    row = world.drover.compute("GET", f"/os-services?host={host}", version="2.11").json
    (row,) = row["services"]
    return row["status"], row["state"], row["disabled_reason"]


@test("a real host is disabled, forced down and taken back by each form that nova and the stock "
      "client have of it, until 2.52 and from 2.53: meanwhile no guest goes there, and those that "
      "run there run on [S1-05 S1-07 S3-28 S3-37]")
def _():
    one, _ = guests()
    up, setter = ("enabled", "up", None), ("compute", "service", "set", "hostb", "nova-compute")
    ident = next(row["Id"] for row in rows(nova("service-list", "--host", "hostb", version="2.92")))
    forced = "hostb is unavailable at this time. It is forced down"
    forms = (
        (osc, [*setter, "--disable", "--disable-reason", "old fan"], [*setter, "--enable"], "2.1",
         ("disabled", "up", "old fan"), "has 'disabled' (old fan)"),
        (nova, ["service-disable", "--reason", "fan", "hostb"], ["service-enable", "hostb"],
         "2.11", ("disabled", "up", "fan"), "has 'disabled' (fan)"),
        (nova, ["service-disable", ident], ["service-enable", ident], "2.92",
         ("disabled", "up", None), "has 'disabled'"),
        (osc, [*setter, "--down"], [*setter, "--up"], "2.11", ("enabled", "down", None), forced),
        (nova, ["service-force-down", ident], ["service-force-down", "--unset", ident], "2.92",
         ("enabled", "down", None), forced))
    for client, away, back, version, seen, reason in forms:
        client(*away, version=version)
        equal(state("hostb"), seen, f"after {away} at {version}")
        answer = world.migrate(one, "hostb", version="2.30")
        equal(answer.status, 400, f"a move there after {away}")
        contains(answer.message, reason, "why not")
        client(*back, version=version)
        equal(state("hostb"), up, f"after {back} at {version}")
    osc("compute", "service", "set", "hosta", "nova-compute", "--down", "--disable")
    equal(state("hosta"), ("disabled", "down", None), "the host of the guests, by both at once")
    world.check_lives(one)
    osc("compute", "service", "set", "hosta", "nova-compute", "--up", "--enable")
    equal(state("hosta"), up, "the host of the guests")


@test("nova makes an aggregate of a real host with a zone, changes and deletes it, and boots a "
      "guest there; server groups are made, shown with their member, and deleted by both clients "
      "[S1-06 S4-36]")
def _():
    guests()
    (shown,) = rows(nova("aggregate-create", "old", "west"))
    equal(shown["Availability Zone"], "west", "nova aggregate-create")
    code, text = nova("aggregate-add-host", "old", "hosta", check=False)
    check(code != 0, text)
    contains(text, "(HTTP 409)", "a host with guests changes its zone")
    nova("aggregate-add-host", "old", "hostc")
    nova("aggregate-set-metadata", "old", "disk=ssd")
    nova("aggregate-update", "--name", "older", "old")
    contains(nova("aggregate-list"), "older", "nova aggregate-list")
    (shown,) = rows(nova("aggregate-show", "older"))
    equal(shown["Hosts"], "'hostc'", "nova aggregate-show")
    contains(shown["Metadata"], "disk=ssd", "nova aggregate-show")
    (row,) = rows(nova("service-list", "--host", "hostc"))
    equal(row["Zone"], "west", "its zone")
    group = rows(nova("server-group-create", "--rule", "max_server_per_host=1", "few",
                      "anti-affinity", version="2.64"))[0]["Id"]
    osc("server", "group", "create", "--policy", "affinity", "near", version="2.1")
    nova("boot", "--flavor", "m1.tiny", "--image", "guest", "--nic",
         f"net-id={world.ids['private']}", "--availability-zone", "west", "--hint",
         f"group={group}", "--poll", "zoned")
    server = world.drover.compute("GET", "/servers?name=zoned").json["servers"][0]["id"]
    try:
        equal(world.runs_on(server), {"hostc": "running"}, "libvirt says")
        listed = {row["Name"]: row["Policies"] for row in
                  osc_json("server", "group", "list", version="2.1")}
        equal(listed, {"few": ["anti-affinity"], "near": ["affinity"]}, "server group list")
        contains(nova("server-group-get", group, version="2.64"), server, "nova server-group-get")
        contains(osc("server", "group", "show", "few", version="2.1"), server, "group show")
    finally:
        world.delete(server)
        nova("server-group-delete", group)
        osc("server", "group", "delete", "near", version="2.1")
        nova("aggregate-remove-host", "older", "hostc")
        nova("aggregate-delete", "older")


@test("nova host-evacuate-live empties a real host, and host-servers-migrate one of what it then "
      "has, switched off meanwhile and confirmed [S1-12 S3-02]")
def _():
    servers = guests()
    told = rows(nova("host-evacuate-live", "--block-migrate", "hosta"))
    equal({row["Server UUID"]: row["Live Migration Accepted"] for row in told},
          dict.fromkeys(servers, "True"), "nova host-evacuate-live")
    for one in servers:
        row = world.wait_migration(one)
        check(row["status"] == "completed", world.story(row["id"]))
        world.check_lives(one)
    equal(world.domains("hosta"), {}, "libvirt says of hosta")
    one = servers[0]
    source = world.host_of(one)
    there = [each for each in servers if world.host_of(each) == source]
    told = rows(nova("host-servers-migrate", source))
    equal({row["Server UUID"]: row["Migration Accepted"] for row in told},
          dict.fromkeys(there, "True"), "nova host-servers-migrate")
    for one in there:
        world.wait_status(one, "VERIFY_RESIZE", 180)
        nova("resize-confirm", one)
        world.wait_status(one, "ACTIVE")
        where = world.host_of(one)
        check(where != source, "it has moved")
        equal(world.runs_on(one), {where: "running"}, "libvirt says")
    while made:
        world.delete(made.pop())
