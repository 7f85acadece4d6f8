# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A pool that hosts share: found out by asking them, and then no disk is copied."""
import json

from drover import Droverd, Lab
from tap import check, contains, equal, test, wait_until
from world import World


class SharedWorld(World):
    """Two hosts of their own, whose instances lie in a pool that both mount."""

    @property
    def lab(self):
        if self._lab is None:
            self._lab = Lab("dvshared", 2, shared=True)
            self._lab("heartbeat", "start")
        return self._lab

    @property
    def drover(self):
        if self._droverd is None:
            lab = self.lab
            self._droverd = Droverd(self.config(lab))
            self._droverd.add_lab_hosts(lab, pool=lab.env["LAB_SHARED_POOL"])
            self.fill(self._droverd, lab, self.ids)
        return self._droverd

    def shared_files(self, server_id):
        names = self.lab("exec", "hosta", "ls", self.lab.env["LAB_SHARED_PATH"]).split()
        return sorted(name for name in names if server_id in name)


def secure_guest(shared):
    """With UEFI and a TPM: what belongs to it beside its disks. Heard, on hosta."""
    answer = shared.drover.compute("POST", "/flavors", {"flavor": {
        "name": "secure", "id": "secure", "ram": 192, "vcpus": 1, "disk": 1}})
    equal(answer.status, 200, answer.text)
    answer = shared.drover.compute("POST", "/flavors/secure/os-extra_specs", {"extra_specs": {
        "hw:tpm_version": "2.0", "hw:tpm_model": "tpm-crb"}})
    equal(answer.status, 200, answer.text)
    answer = shared.drover.admin(
        "PATCH", f"/image/v2/images/{shared.ids['guest']}",
        [{"op": "add", "path": "/hw_firmware_type", "value": "uefi"}],
        headers={"Content-Type": "application/openstack-images-v2.1-json-patch"})
    equal(answer.status, 200, answer.text)
    answer = shared.drover.compute("POST", "/servers", {"server": {
        "name": "sharer", "flavorRef": "secure", "imageRef": shared.ids["guest"],
        "networks": [{"uuid": shared.ids["private"]}], "host": "hosta"}})
    equal(answer.status, 202, answer.text)
    server_id = answer.json["server"]["id"]
    shared.wait_status(server_id, "ACTIVE")
    shared.wait_heard(server_id)
    return server_id


def tpm_states(shared):
    """host -> the TPMs whose state it has: that is on each host's own disk."""
    command = "ls /var/lib/libvirt/swtpm 2>/dev/null || true"
    return {host: shared.lab("exec", host, "sh", "-c", command).split()
            for host in shared.lab.hosts}


def check_pool_is_told(shared):
    """By what is known of each host, and by the canaries between the two."""
    for host, other in (("hosta", "hostb"), ("hostb", "hosta")):
        def sharers():
            shown = shared.drover.drover("host", "show", host, "--json")
            return json.loads(shown)["storage"]["shared_with"]
        wait_until(lambda: sharers() == [other], f"{host} shares its pool with {other}", 60)
    answer = shared.drover.admin("POST", "/drover/v1/lint", {"lint": {"hosts": ["hosta", "hostb"]}})
    equal(answer.status, 202, answer.text)

    def canaries():
        told = shared.drover.admin("GET", "/drover/v1/lint?hosts=hosta,hostb").json["lint"]
        rows = told["canaries"]
        return all(row["result"] != "pending" for row in rows) and rows
    rows = wait_until(canaries, "the canaries have ended", 120)
    equal({(row["source_host"], row["dest_host"]): (row["result"], row["pool_shared"])
           for row in rows},
          {("hosta", "hostb"): ("pass", True), ("hostb", "hosta"): ("pass", True)},
          f"the canaries: {rows}")


@test("on a shared pool, which both hosts and the canaries between them tell, the disks stay where "
      "they are, and the guest moves there and back, with its UEFI variables and its TPM (S2-03, "
      "S2-07, S2-08, S4-04, S4-21)")
def _():
    shared = SharedWorld()
    try:
        check_pool_is_told(shared)
        server_id = secure_guest(shared)
        files = shared.shared_files(server_id)
        equal(len(files), 4, f"volumes: {files}")
        for target in ("hostb", "hosta"):
            row = shared.move(server_id, target)
            full = shared.drover.admin(
                "GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
            equal(full["copies_disks"], False, "copies_disks")
            equal(shared.shared_files(server_id), files, "volumes after the move")
            equal(shared.runs_on(server_id), {target: "running"}, "libvirt says")
            equal({host for host, ids in tpm_states(shared).items() if ids}, {target},
                  "where its TPM's state is")
            shared.check_lives(server_id)

        answer = shared.migrate(server_id, "hostb", block=True, version="2.30")
        equal(answer.status, 400, "block migration on a shared pool")
        contains(answer.message, "Block migration can not be used with shared storage", "reason")
        output = shared.drover.drover("server", "migrate", "--live-migration", "--block-migration",
                                      "--dry-run", "sharer", check=False)[1]
        contains(output, f"(the request would be told: {answer.message})", "the dry run's reason")
        answer = shared.migrate(server_id, "hostb", block=False, version="2.30")
        equal(answer.status, 202, "without block migration")
        check(shared.wait_migration(server_id)["status"] == "completed", "it moves")
        answer = shared.migrate(server_id, "hosta", block=True)
        equal(answer.status, 202, answer.text)
        row = shared.wait_migration(server_id)
        equal(row["status"], "error", "block migration on a shared pool, refused later")
        contains(shared.story(row["id"]), '"diagnosis":"not-local"', "the reason")
        shared.delete(server_id)
        equal(shared.shared_files(server_id), [], "volumes after the delete")
        equal(tpm_states(shared), {"hosta": [], "hostb": []}, "its TPM's state")
    finally:
        shared.close()
