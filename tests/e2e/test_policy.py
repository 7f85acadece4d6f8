# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What [filter_scheduler] and the limits of [DEFAULT] say decides where real guests go, and each no
has its reason; so do hints; and what was decided is told again."""
import contextlib
import json

from tap import check, contains, equal, test, wait_until
from test_belonging import migrate, openstack
from test_pinned import restart
from world import world

ALL_FILTERS = ("ComputeFilter, ImagePropertiesFilter, SameHostFilter, DifferentHostFilter, "
               "NumInstancesFilter, AggregateNumInstancesFilter, IoOpsFilter, "
               "AggregateIoOpsFilter, AggregateTypeAffinityFilter, "
               "AggregateImagePropertiesIsolation, AggregateMultiTenancyIsolation, "
               "AggregateInstanceExtraSpecsFilter")
LIMITS = {"max_instances_per_host": 2, "max_io_ops_per_host": 1}
# What guests may claim of a host: this and one processor, times these. Far from what the guests
# have: huge pages that somebody else reserves meanwhile are taken from the hosts' memory.
FOR_GUESTS_MIB = 1024
RAM_RATIO, CPU_RATIO = 1.5, 3.0
# NAME: (MiB, vCPUs)
FLAVORS = {"picky": (128, 1), "wide": (128, 2), "high": (3072, 1)}
IMAGES = {"linux": {"os_distro": "linux"}, "dated": {"img_hv_requested_version": "<1.0"}}


def rows_of(*arguments, version="2.92"):
    return json.loads(openstack(*arguments, "-f", "json", version=version))


def drover(*arguments):
    return world.drover.drover(*arguments)


def explain(server, *arguments):
    return json.loads(drover("explain", server, *arguments, "--json"))


def refused(server, host, part):
    """What every client is told at once, below 2.34."""
    answer = world.migrate(server, host, version="2.30")
    equal(answer.status, 400, answer.text)
    contains(answer.message, part, "the reason")


def aggregate(name, host, **properties):
    drover("aggregate", "create", name, *(word for key, value in properties.items()
                                          for word in ("--property", f"{key}={value}")))
    drover("aggregate", "add", "host", name, host)


def disband(name, host):
    names = {row["name"] for row in json.loads(drover("aggregate", "list", "--json"))}
    if name in names:
        drover("aggregate", "remove", "host", name, host)
        drover("aggregate", "delete", name)


def told_of(server, host, *names, move="--live"):
    """check -> result, of those checks of that host."""
    (found,) = explain(server, move, "--host", host)["hosts"]
    rows = {row["check"]: row for row in found["checks"]}
    for name in names:
        equal(rows[name]["fix"] is not None, rows[name]["result"] == "fail", f"the fix of {name}")
    return {name: rows[name]["result"] for name in names}


def row_of(server, host, name):
    (found,) = explain(server, "--live", "--host", host)["hosts"]
    return next(row for row in found["checks"] if row["check"] == name)


def latest_request(server, action):
    answer = world.drover.compute("GET", f"/servers/{server}/os-instance-actions")
    return next(row["request_id"] for row in answer.json["instanceActions"]
                if row["action"] == action)


def fails(server, host, name, reason):
    """The event and the migration tell it; the table agrees."""
    reason = f"{host} failed '{name}': {reason}"
    row = row_of(server, host, name)
    contains(reason, f"needs {row['needed']}, has {row['have']}", "the table")
    equal(row["result"], "fail", f"{name} in the table")
    home = world.host_of(server)
    equal(world.migrate(server, host).status, 202, "the request")
    migration = world.wait_migration(server)
    equal(migration["status"], "error", world.story(migration["id"]))
    contains(drover("server", "migration", "show", server, str(migration["id"]), "--json"),
             reason, "drover server migration show")
    contains(drover("server", "event", "list", server, "--json"), reason,
             "drover server event list")
    equal(world.runs_on(server), {home: "running"}, "the guest")


def make(name, flavor="tiny", image="guest", host=None, **hints):
    """A server that is being made; the stock client asks for one with hints."""
    words = ["server", "create", "--flavor", flavor, "--image", image, "--network", "private", name]
    words += ["--host", host] if host else []
    if not hints:
        return json.loads(drover(*words, "--json"))["id"]
    return rows_of(*words, *(f"--hint={key}={value}" for key, value in hints.items()))["id"]


def fault(flavor, host, part):
    """Of a server that cannot be made there."""
    server = make("vain", flavor, host=host)
    world.wait_status(server, "ERROR")
    contains(world.drover.server(server)["fault"]["message"],
             f"No valid host was found. {host} failed {part}", "the fault")
    world.delete(server)


def add_kinds():
    env = world.lab.env
    for name, properties in IMAGES.items():
        said = {"kernel_id": world.ids["guest-kernel"],
                "ramdisk_id": world.ids["guest-initrd"],
                "os_command_line": env["LAB_GUEST_CMDLINE"], **properties}
        drover("image", "create", "--disk-format", "qcow2", "--file", env["LAB_GUEST_DISK"], name,
               *(f"--property={key}={value}" for key, value in said.items()))
    for name, (mib, vcpus) in FLAVORS.items():
        drover("flavor", "create", "--ram", str(mib), "--vcpus", str(vcpus), "--disk", "1",
               "--id", name, name)
    answer = world.drover.compute("POST", "/flavors/picky/os-extra_specs", {
        "extra_specs": {"aggregate_instance_extra_specs:disk": "ssd"}})
    equal(answer.status, 200, answer.text)


def remove_kinds():
    for kind, names in (("image", IMAGES), ("flavor", FLAVORS)):
        for name in names:
            world.drover.drover(kind, "delete", name, check=False)


def check_numbers(host, reserved_mib):
    """What clients show of a host that keeps so much, and a processor, for itself; the memory and
    the processors that are left to promise."""
    shown = rows_of("hypervisor", "show", host, version="2.60")
    have = {row["resource_class"]: row for row in rows_of(
        "resource", "provider", "inventory", "list", shown["id"])}
    used = {row["resource_class"]: row["usage"] for row in rows_of(
        "resource", "provider", "usage", "show", shown["id"])}
    memory, cpus = have["MEMORY_MB"], have["VCPU"]
    equal([(row["reserved"], float(row["allocation_ratio"])) for row in (memory, cpus)],
          [(reserved_mib, RAM_RATIO), (1, CPU_RATIO)], "the inventory")
    taken = reserved_mib + used["MEMORY_MB"]
    equal((shown["memory_mb"], shown["memory_mb_used"], shown["free_ram_mb"]),
          (memory["total"], taken, memory["total"] - taken), "memory in hypervisor show")
    equal((shown["vcpus"], shown["vcpus_used"]), (cpus["total"], used["VCPU"]),
          "processors in hypervisor show")
    return [int((row["total"] - row["reserved"]) * ratio) - used[kind] for kind, row, ratio in
            (("MEMORY_MB", memory, RAM_RATIO), ("VCPU", cpus, CPU_RATIO))]


@contextlib.contextmanager
def on_its_way(server, host):
    """While that guest moves there; it has arrived afterwards."""
    for one in world.lab.hosts:
        world.lab("limit", one, "5mbit")
    try:
        equal(world.migrate(server, host).status, 202, "the slow one")
        wait_until(lambda: world.last_migration(server)["status"] == "running", "it moves", 60)
        yield
        equal(world.last_migration(server)["status"], "running", "it moves still")
    finally:
        for one in world.lab.hosts:
            world.lab("heal", one)
    row = world.wait_migration(server)
    check(row["status"] == "completed", world.story(row["id"]))


AGAINST = ("tenant", "extra-specs", "flavor", "image-isolation", "aggregate-instances",
           "different-host")


def check_filters(result):
    """The same guests, hosts and metadata are told of, whatever the filters are."""
    equal(told_of("picky", "hostb", *AGAINST), dict.fromkeys(AGAINST, result), "picky on hostb")
    equal(told_of("dated", "hostb", "image-properties"), {"image-properties": result}, "dated")
    equal(told_of("near", "hosta", "instances"), {"instances": result}, "near on hosta")
    equal(told_of("near", "hostc", "same-host"), {"same-host": result}, "near on hostc")
    equal(explain("picky", "--live", "--host", "hostb")["chosen"],
          "hostb" if result == "off" else None, "whether picky may go to hostb")


def refuse_by_each(servers):
    """One filter after the other refuses the guest, as the stock client is told."""
    for key, name, words in (
            ("filter_tenant_id", "tenant", ""),
            (None, "extra-specs", "needs disk=ssd, has no disk"),
            ("instance_type", "flavor", "needs open to flavor 'picky', has only for m1.other"),
            ("os_distro", "image-isolation", "needs os_distro=linux, has os_distro=windows"),
            ("max_instances_per_host", "aggregate-instances",
             "needs less than 1 instances, has 1 instances")):
        refused(servers["picky"], "hostb", f"hostb failed '{name}': {words}")
        if key:
            drover("aggregate", "unset", "--property", key, "strict")
        else:
            drover("aggregate", "set", "--property", "disk=ssd", "strict")
    refused(servers["picky"], "hostb", "hostb failed 'different-host': needs a host without the "
                                       "server that its hint names (")
    refused(servers["dated"], None, "2 failed 'image-properties' (hostb: needs <1.0, has x86_64, ")


def refuse_by_room(servers, reserved_mib):
    """What is reserved, and how many there may be: at the create and at the move."""
    free_mib, _ = check_numbers("hostb", reserved_mib)
    _, free_cpus = check_numbers("hosta", reserved_mib)
    full = "needs less than 2 instances, has 2 instances"
    for server, flavor, host, name, text in (
            ("high", "high", "hostb", "ram", f"needs 3072 MiB, has {free_mib} MiB"),
            ("wide", "wide", "hosta", "vcpus", f"needs 2 vCPUs, has {free_cpus} vCPUs"),
            ("near", "tiny", "hosta", "instances", full)):
        fails(servers[server], host, name, text)
        fault(flavor, host, f"'{name}': {text}")
    shown = rows_of("server", "event", "show", servers["near"],
                    latest_request(servers["near"], "live-migration"))
    contains(json.dumps(shown), f"hosta failed 'instances': {full}", "openstack server event show")


def refuse_while_busy(servers):
    """While one arrives, its hosts take no other."""
    busy = "needs less than 1 being made or moved, has 1 being made or moved"
    with on_its_way(servers["near"], "hostc"):
        fails(servers["picky"], "hostb", "io-ops", busy)
        fault("tiny", "hostc", f"'io-ops': {busy}")
        for most, result in ((2, "pass"), (1, "fail")):
            drover("aggregate", "set", "--property", f"max_io_ops_per_host={most}", "strict")
            equal(told_of("picky", "hostb", "aggregate-io-ops"), {"aggregate-io-ops": result},
                  f"an aggregate that says {most}")


def make_all(servers):
    """Where they may be as long as those filters are not enabled."""
    servers.update(dated=make("dated", image="dated", host="hosta"),
                   wide=make("wide", "wide", host="hostc"),
                   high=make("high", "high", host="hostc"))
    servers["near"] = make("near", host="hostb", same_host=servers["dated"])
    servers["picky"] = make("picky", "picky", "linux", "hosta", different_host=servers["near"])
    for server in servers.values():
        world.wait_status(server, "ACTIVE")


@test("each filter that enabled_filters names refuses a real guest the move that it makes without "
      "it, and max_instances_per_host, max_io_ops_per_host and what is reserved for a host refuse "
      "real guests: in the table, the fault, the migration and the event "
      "[S0-11 S0-14 S2-22 S3-48]")
def _():
    reserved_mib = world.host("hosta")["facts"]["memory_mib"] - FOR_GUESTS_MIB
    servers = {}
    try:
        restart(filter_scheduler={"enabled_filters": "ComputeFilter", **LIMITS})
        add_kinds()
        aggregate("strict", "hostb", filter_tenant_id="theirs", instance_type="m1.other",
                  os_distro="windows", max_instances_per_host=1)
        make_all(servers)
        check_filters("off")
        world.wait_heard(servers["picky"])
        world.move(servers["picky"], "hostb")
        world.move(servers["picky"], "hosta")

        restart(filter_scheduler={"enabled_filters": ALL_FILTERS, **LIMITS}, DEFAULT={
            **world.config(world.lab)["DEFAULT"], "reserved_host_memory_mb": reserved_mib,
            "reserved_host_cpus": 1, "cpu_allocation_ratio": CPU_RATIO,
            "ram_allocation_ratio": RAM_RATIO})
        check_filters("fail")
        refuse_by_each(servers)
        refuse_by_room(servers, reserved_mib)
        for name in ("wide", "high"):
            world.delete(servers.pop(name))
        code, text = openstack("server", "migrate", "--live-migration", "--host", "hostc", "near",
                               check=False, version="2.30")
        equal(code, 1, text)
        contains(text, "hostc failed 'same-host': needs the host of the server that its hint "
                       "names (", "the stock client")
        world.delete(servers.pop("dated"))
        refuse_while_busy(servers)
        world.move(servers["picky"], "hostb")
        equal(world.runs_on(servers["picky"]), {"hostb": "running"}, "once nothing is against it")
        world.check_lives(servers["picky"])
    finally:
        for server in servers.values():
            world.delete(server)
        disband("strict", "hostb")
        remove_kinds()
        restart()


def shares(told):
    """host -> weigher -> (share, multiplier), of those that fit, the best first."""
    return {row["name"]: {one["weigher"]: (one["share"], one["multiplier"])
                          for one in row["weighers"]} for row in told["hosts"] if row["fits"]}


def everything():
    """What is on the hosts, with the domains' numbers, and what is on record."""
    hosts = {host: (world.lab.virsh(host, "list", "--all"), world.volumes(host))
             for host in world.lab.hosts}
    return hosts, world.drover.compute("GET", "/os-migrations").json["migrations"]


def touches_nothing(server, move):
    """Each host is asked about; the names of those that would take it."""
    before = everything()
    takes = [host for host in world.lab.hosts
             if explain(server, move, "--host", host)["chosen"]]
    equal(explain(server, move)["chosen"] in takes, True, f"{move}: of all hosts")
    equal(everything(), before, f"after drover explain {move}")
    return takes


def decision(request):
    return json.loads(drover("explain", "--request", request, "--json"))


PACKS = {f"{key}_weight_multiplier": -1 for key in ("ram", "cpu", "disk")}


@test("the multipliers, of an aggregate or of all hosts, and the hints same_host and "
      "different_host decide where real guests go and may move; drover explain tells the shares, "
      "touches nothing, and tells a decision again as it was, whatever has changed [S0-11 S2-22]")
def _():
    servers = []
    try:
        restart(filter_scheduler={})
        first = make("first", host="hosta")
        servers.append(first)
        world.wait_status(first, "ACTIVE")
        servers.append(make("beside", same_host=first))
        world.wait_status(servers[-1], "ACTIVE")
        equal(world.host_of(servers[-1]), "hosta", "where its hint says, though others are empty")
        aggregate("loved", "hosta", num_instances_weight_multiplier=10)
        servers.append(make("plain"))
        servers.append(make("apart", different_host=first))
        for server in servers:
            world.wait_status(server, "ACTIVE")
        beside, plain, apart = servers[1:]
        equal([world.host_of(plain), world.host_of(apart)], ["hosta", "hostb"],
              "by the aggregate's multiplier, and away from there by the hint")

        created = latest_request(plain, "create")
        (then,) = decision(created)["decisions"]
        equal((then["chosen"], shares(then)["hosta"]["NumInstancesWeigher"],
               shares(then)["hostb"]["NumInstancesWeigher"]), ("hosta", (10, 10), (0, 0)), then)
        contains(drover("explain", "--request", created),
                 "10.000 (x10 of its aggregate)", "the table")
        equal((then["inputs"]["flavor"]["name"], then["inputs"]["configuration"]
               ["num_instances_weight_multiplier"]), ("m1.tiny", 0), "what it was decided by")
        contains(drover("explain", "--request", created, "--host", "hostb"),
                 "hostb did fit: it had place ", "why not hostb")
        disband("loved", "hosta")

        for server, host, name in ((beside, "hostb", "same-host"),
                                   (apart, "hosta", "different-host")):
            home = world.host_of(server)
            refused(server, host, f"{host} failed '{name}'")
            contains(explain(server, "--live", "--host", host)["reason"], f"'{name}'", "the table")
            equal(world.runs_on(server), {home: "running"}, "it stays")
        refused(beside, None, "2 failed 'same-host'")

        world.wait_heard(plain)
        migrate(plain, "hostc")
        equal(list(shares(explain(plain, "--live"))), ["hostb", "hosta"], "they spread")
        equal(touches_nothing(plain, "--live"), ["hosta", "hostb"], "live")
        equal(touches_nothing(plain, "--cold"), ["hosta", "hostb"], "cold")
        drover("compute", "service", "set", "--down", "hostc", "nova-compute")
        try:
            equal(touches_nothing(plain, "--evacuate"), ["hosta", "hostb"], "an evacuation")
        finally:
            drover("compute", "service", "set", "--up", "hostc", "nova-compute")
        moved = latest_request(plain, "live-migration")
        before = [decision(request) for request in (created, moved)]

        restart(filter_scheduler=PACKS)
        told = explain(plain, "--live")
        equal((list(shares(told)), shares(told)["hosta"]["RAMWeigher"],
               shares(told)["hostb"]["RAMWeigher"]), (["hosta", "hostb"], (0, -1), (-1, -1)),
              "they are packed")
        world.move(plain)
        equal(world.runs_on(plain), {"hosta": "running"}, "where it has gone")
        world.delete(servers.pop(servers.index(plain)))
        equal([decision(request) for request in (created, moved)], before,
              "what was decided, told by another droverd with other multipliers")
    finally:
        for server in servers:
            world.delete(server)
        disband("loved", "hosta")
        restart()
