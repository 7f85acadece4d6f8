# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Which way a migration's bytes take: the network that is meant for them, several connections; and
who can read them there."""
import collections
import json

from tap import check, equal, test, wait_until
from test_converge import BANDWIDTH_MIB_S, arrived, busy, force_complete, shown, start
from wire import Wire
from world import world


def received(host, link):
    """Bytes that came in on that cable of a host."""
    rows = json.loads(world.lab("exec", host, "ip", "-s", "-j", "link", "show", link))
    return rows[0]["stats64"]["rx"]["bytes"]


def add_again(host, **more):
    """The host anew, with these properties besides how it is reached."""
    lab = world.lab
    equal(world.drover.admin("DELETE", f"/drover/v1/hosts/{host}").status, 204, f"remove {host}")
    answer = world.drover.admin("POST", "/drover/v1/hosts", {"host": {
        "name": host, "uri": f"qemu+tls://{lab.host(host, 'ADDRESS')}/system",
        "peer_uri": lab.host(host, "PEER_URI"), "pool": lab.env["LAB_POOL"], **more}})
    equal(answer.status, 201, answer.text)
    world.drover.wait_hosts_up(3)


@test("a host without a migration address takes migrations on the network that "
      "live_migration_inbound_addr names, and no other carries them")
def _():
    server_id = world.create("traveller", host="hosta")
    try:
        world.wait_heard(server_id)
        world.configure(live_migration_inbound_addr="%s-data")
        add_again("hostc")
        before = {link: received("hostc", link) for link in ("data0", "control0")}
        row = world.move(server_id, "hostc")
        came = {link: received("hostc", link) - before[link] for link in before}
        sent = shown(row["id"])["stats"]["memory_processed_bytes"]
        check(sent > 8 << 20, f"memory was sent: {sent}")
        check(came["data0"] > sent, f"by the migration network: {came}, {sent} of memory")
        check(came["control0"] < sent / 2, f"and not by the other: {came}, {sent} of memory")
        world.check_lives(server_id)
    finally:
        world.delete(server_id)
        add_again("hostc", migration_address=world.lab.host("hostc", "MIGRATION_ADDRESS"))
        world.configure()


def most_connections(host):
    """To one port of those that QEMU takes migrations at."""
    rows = world.lab("exec", host, "ss", "-Htn", "state", "established").splitlines()
    ports = collections.Counter(int(row.split()[2].rpartition(":")[2]) for row in rows)
    return max((n for port, n in ports.items() if 49152 <= port <= 49215), default=0)


@test("live_migration_parallel_connections: memory flows over so many at once; set for a group of "
      "hosts, and who is affected is told (S3-46, S3-47)")
def _():
    key = "live_migration_parallel_connections"
    with busy("wide") as server_id:
        config = world.config(world.lab)
        config["libvirt"]["live_migration_bandwidth"] = BANDWIDTH_MIB_S
        config["libvirt:senders"] = {"hosts": "hosta", key: 3}
        world.drover.write_config(config)
        told = json.loads(world.drover.drover("config", "reload", "--json"))
        equal([(row["key"], row["is"], row["takes_effect"]) for row in told],
              [(key, "3", "now, on hosta")], "who is affected")
        number = start(server_id)
        # One for each, and QEMU's own; two disks to a port of theirs are fewer.
        wait_until(lambda: most_connections("hostb") == 4, "three connections and QEMU's own", 30)
        equal(force_complete(server_id, number).status, 202, "force-complete")
        arrived(server_id, number)


# Of a guest: its host name is in its kernel's memory, this one's metadata on its config drive.
IN_MEMORY = b"whisperer-5b20c4f7e91d"
ON_DISK = b"told-in-confidence-83ad61f0"
# How they begin: what QEMU writes when it migrates, what it asks a disk's server for first.
MEMORY_BEGINS, DISK_BEGINS = b"QEVM", b"IHAVEOPT"


def overhear(server_id, target):
    """Streams of bytes that move it there."""
    with Wire(world.lab.host(target, "NETNS"), "data0") as wire:
        row = world.move(server_id, target)
    equal(wire.n_missed, 0, "packets that were missed")
    sent = shown(row["id"])["stats"]["memory_processed_bytes"]
    check(sent > 8 << 20, f"memory was sent: {sent}")
    check(max(map(len, wire.streams)) > sent // 2, f"heard: {list(map(len, wire.streams))}")
    return wire.streams


def of_kind(streams, beginning):
    return [stream for stream in streams if beginning in stream[:64]]


@test("live_migration_with_native_tls: nobody reads a guest's memory and disks on their way, and "
      "where it is false anybody does (S3-05)")
def _():
    server_id = world.create(IN_MEMORY.decode(), host="hosta",
                             metadata={"confidence": ON_DISK.decode()})
    try:
        world.wait_heard(server_id)
        streams = overhear(server_id, "hostb")
        equal(len(of_kind(streams, MEMORY_BEGINS)), 0, "streams of memory in clear")
        check(of_kind(streams, DISK_BEGINS), "disks were copied")
        for secret in (IN_MEMORY, ON_DISK):
            equal([len(stream) for stream in streams if secret in stream], [], f"who told {secret}")

        world.configure(live_migration_with_native_tls="false")
        streams = overhear(server_id, "hosta")
        (memory,), disks = of_kind(streams, MEMORY_BEGINS), of_kind(streams, DISK_BEGINS)
        check(IN_MEMORY in memory, "the memory's stream has what is in memory")
        check(any(ON_DISK in disk for disk in disks), "the disks' have what is on a disk")
        world.check_lives(server_id)
    finally:
        world.configure()
        world.delete(server_id)
