# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Which way a migration's bytes take: the network that is meant for them, several connections."""
import collections
import json

from tap import check, equal, test, wait_until
from test_converge import arrived, busy, force_complete, shown, start
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


@test("live_migration_parallel_connections: memory flows over so many at once")
def _():
    with busy("wide", live_migration_parallel_connections=3) as server_id:
        number = start(server_id)
        # One for each, and QEMU's own; two disks to a port of theirs are fewer.
        wait_until(lambda: most_connections("hostb") == 4, "three connections and QEMU's own", 30)
        equal(force_complete(server_id, number).status, 202, "force-complete")
        arrived(server_id, number)
