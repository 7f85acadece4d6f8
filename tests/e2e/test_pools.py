# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A pool of real hosts: they have one storage, which is proven and not believed."""
import json

from drover import Lab
from tap import check, contains, equal, test, wait_until
from test_shared import SharedWorld

FOREIGN = ("<domain type='qemu'><name>foreign</name><memory unit='MiB'>8</memory><vcpu>1</vcpu>"
           "<os><type arch='x86_64'>hvm</type></os></domain>")
# The same name and another directory.
FALSE_POOL = """
virsh -q pool-destroy shared
virsh -q pool-undefine shared || true
mkdir -p /var/lib/libvirt/mine
virsh -q pool-define-as shared dir --target /var/lib/libvirt/mine
virsh -q pool-start shared
"""


class PoolWorld(SharedWorld):
    """Three hosts with one storage; what hostc calls so is its own."""

    @property
    def lab(self):
        if self._lab is None:
            self._lab = Lab("dvpool", 3, shared=True)
            self._lab("exec", "hostc", "sh", "-c", FALSE_POOL)
            self._lab("heartbeat", "start")
        return self._lab

    def config(self, lab):
        return dict(super().config(lab), volumes={"pool": lab.env["LAB_SHARED_POOL"]},
                    xenserver={"sr_matching_filter": "default-sr:true"})

    def pool(self):
        return json.loads(self.drover.drover("aggregate", "show", "pool1", "--json"))["metadata"]

    def wait_pool(self, state):
        wait_until(lambda: self.pool()["operational_state"] == state,
                   f"the pool is {state}; it is {self.pool()}", 90)
        return self.pool()

    def join(self, host):
        """Asks for it; what the stock client is told."""
        shown = json.loads(self.drover.openstack("aggregate", "add", "host", "pool1", host, "-f",
                                                 "json"))["properties"]
        equal((shown["operational_state"], shown["joining_compute"]), ("changing", host),
              "the client's word")

    def wait_volume(self, name, status):
        def shown():
            rows = self.drover.admin("GET", "/volume/v3/volumes/detail").json["volumes"]
            return next(row["status"] for row in rows if row["name"] == name)
        wait_until(lambda: shown() == status, f"the volume is {status}", 120)

    def refusal(self, server_id, host):
        """Of a live move there: what the host lacks, and what would help."""
        path = f"/drover/v1/instances/{server_id}/explanation?move=live&host={host}"
        (told,) = self.drover.admin("GET", path).json["explanation"]["hosts"]
        row = next(row for row in told["checks"] if row["check"] == "pool")
        return row["fix"] if row["result"] == "fail" else None


def come_and_go(lab, host):
    """A domain of nobody, after which the host is asked for all that it is and has."""
    lab("exec", host, "sh", "-c",
        f"echo \"{FOREIGN}\" >/run/foreign.xml && virsh -q create --paused /run/foreign.xml && "
        "virsh -q destroy foreign")


@test("real hosts make a pool when they share its storage and have no guests, and a guest moves "
      "live inside it, and out of it by copies, which volumes and one storage forbid; one that has "
      "lost the storage is told [S4-33] [S4-34] [S4-35] [S4-36] [S4-37] [S4-38] [S4-39] [S4-40] "
      "[S4-41] [S4-43]")
def _():
    pools = PoolWorld()
    try:
        lab, openstack = pools.lab, pools.drover.openstack
        openstack("aggregate", "create", "--zone", "west", "pool1")
        openstack("aggregate", "set", "--property", "hypervisor_pool=true", "pool1")
        equal(pools.pool()["operational_state"], "created", "without hosts")
        openstack("aggregate", "set", "--property", "operational_state=created", "pool1")
        contains(pools.drover.log(), "default_storage of its aggregate", "of sr_matching_filter")
        pools.join("hosta")
        shown = pools.wait_pool("active")
        equal((shown["master_compute"], shown["default_storage"]), ("hosta", "shared"), "master")

        lab("exec", "hostb", "sh", "-c",
            f"echo \"{FOREIGN}\" >/run/foreign.xml && virsh -q create --paused /run/foreign.xml")
        pools.join("hostb")
        shown = pools.wait_pool("error")
        equal(shown["operational_error"], "domain 'foreign' is paused on host 'hostb', and a host "
              "that joins has no guests", "a guest of nobody")
        lab.virsh("hostb", "destroy", "foreign")
        openstack("aggregate", "remove", "host", "pool1", "hostb")
        pools.join("hostb")
        pools.wait_pool("active")

        path = lab.env["LAB_SHARED_PATH"]
        lab("exec", "hostb", "sh", "-c", f"mkdir -p /run/bare && mount --bind /run/bare {path}")
        try:
            come_and_go(lab, "hostb")
            shown = pools.wait_pool("error")
            equal((shown["operational_error"], shown.get("joining_compute")),
                  ("storage pool 'shared' of host 'hostb' is not the one of the master 'hosta' any "
                   "more: mount that there again, or take the host out", None), "it was unmounted")
            contains(pools.drover.drover("aggregate", "list"), "error, master hosta: storage pool",
                     "the table")
        finally:
            lab("exec", "hostb", "umount", path)
        come_and_go(lab, "hostb")
        check("operational_error" not in pools.wait_pool("active"), "mounted again")

        pools.join("hostc")
        shown = pools.wait_pool("error")
        equal(shown["operational_error"], "storage pool 'shared' of host 'hostc' is not the one of "
              "the master 'hosta': both have to mount the same", "a pool of the same name")
        openstack("aggregate", "remove", "host", "pool1", "hostc")
        equal(pools.wait_pool("active")["master_compute"], "hosta", "without it")

        server_id = pools.create("member", "hosta")
        pools.wait_heard(server_id)
        files = pools.shared_files(server_id)
        answer = pools.migrate(server_id, "hostc")
        equal(answer.status, 202, answer.text)
        row = pools.wait_migration(server_id)
        equal(row["status"], "error", "out of the pool")
        contains(pools.story(row["id"]), "hostc failed 'pool'", "the reason")
        openstack("aggregate", "set", "--property", "block_migration=true", "pool1")
        openstack("aggregate", "remove", "host", "pool1", "hostb")
        equal(pools.refusal(server_id, "hostb"), "take the host into the pool: they have one "
              "storage, and no disk can be copied", "out of the pool, to the same storage")
        pools.join("hostb")
        pools.wait_pool("active")
        pools.move(server_id, "hostb")
        equal(pools.shared_files(server_id), files, "no disk was copied")
        pools.check_lives(server_id)

        equal(pools.refusal(server_id, "hostc"), None, "out of the pool, without volumes")
        openstack("volume", "create", "--size", "1", "data")
        pools.wait_volume("data", "available")
        openstack("server", "add", "volume", "member", "data")
        pools.wait_volume("data", "in-use")
        equal(pools.refusal(server_id, "hostc"), "name a host of the same pool, detach its "
              "volumes, or move it cold", "with a volume")
        code, text = openstack("server", "migrate", "--live-migration", "--host", "hostc",
                               "member", check=False, version="2.30")
        check(code != 0, text)
        contains(text, "hostc failed 'pool'", "the stock client's reason")
        openstack("server", "remove", "volume", "member", "data")
        pools.wait_volume("data", "available")
        row = pools.move(server_id, "hostc")
        full = pools.drover.admin("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
        check(full["copies_disks"], f"its disks were copied: {full}")
        equal(pools.runs_on(server_id), {"hostc": "running"}, "libvirt says")
        pools.check_lives(server_id)
        pools.delete(server_id)
    finally:
        pools.close()
