# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A real host that lacks the storage pool of a guest's volume is not chosen, and is again once it
has it."""
import contextlib
import json

from tap import contains, equal, test
from test_belonging import migrate, refused
from test_evacuate import evac


@contextlib.contextmanager
def without_pool(host):
    """That host has never heard of the pool of volumes."""
    pool, path = evac.lab.env["LAB_SHARED_POOL"], evac.lab.env["LAB_SHARED_PATH"]
    evac.lab.virsh(host, "pool-destroy", pool)
    evac.lab.virsh(host, "pool-undefine", pool)
    try:
        evac.restart_libvirtd(host)
        yield
    finally:
        evac.lab.virsh(host, "pool-define-as", pool, "dir", "--target", path)
        evac.lab.virsh(host, "pool-start", pool)
        evac.lab.virsh(host, "pool-autostart", pool)
        evac.restart_libvirtd(host)


def explain(server, move):
    """Where it would go, and of each host the row of its volumes' pool."""
    told = json.loads(evac.drover.drover("explain", server, f"--{move}", "--json"))
    rows = {host["name"]: row for host in told["hosts"] for row in host["checks"]
            if row["check"] == "volumes"}
    return told["chosen"], {host: (row["result"], row["needed"], row["have"], row["fix"])
                            for host, row in rows.items()}


@test("a host that lacks the pool of a real guest's volume is told with what it needs, has and "
      "would help; the stock client is refused a move there, one without a host goes to another, "
      "and with the pool defined it is chosen [S2-22]")
def _():
    evac.tidy()
    # With it on hostc hostb is the better one, but for the pool.
    other = evac.create("weight", host="hostc")
    server, volume = evac.make_volume_backed("choosy")
    evac.wait_heard(server)
    pool, own = evac.lab.env["LAB_SHARED_POOL"], evac.lab.env["LAB_POOL"]
    needed = f"storage pool '{pool}' of its volumes"
    with without_pool("hostb"):
        for move in ("live", "cold"):
            chosen, rows = explain("choosy", move)
            equal(chosen, "hostc", f"where it would go {move}")
            result, needs, has, fix = rows["hostb"]
            equal((result, needs, has), ("fail", needed, f"'{own}'"), f"hostb, {move}")
            contains(fix, f"'virsh pool-start {pool}'", "the fix")
            equal(rows["hostc"][:2], ("pass", needed), f"hostc, {move}")
        _, table = evac.drover.drover("explain", "choosy", "--live", "--host", "hostb", check=False)
        contains(table, "virsh pool-define", "the table")
        refused(server, "hostb", f"hostb failed 'volumes': needs {needed}, has '{own}'", evac)
        migrate(server, "hostc", evac)
    evac.move(other, "hosta")
    chosen, rows = explain("choosy", "live")
    equal((chosen, rows["hostb"][0]), ("hostb", "pass"), "with the pool")
    migrate(server, "hostb", evac)
    for each in (server, other):
        evac.delete(each)
    evac.drop(volume)
