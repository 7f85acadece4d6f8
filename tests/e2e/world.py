# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""The one world that the tests of this ring share: three real hosts, a droverd, images, a flavor, a
network, and guests that are made and deleted by the tests that need them."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from drover import Droverd, Lab  # noqa: E402
from tap import check, equal, note, wait_until  # noqa: E402

SERVICE_DOWN_TIME_S = 10
# Hosts are asked for all that they have when they connect, and by the tests that want it: not in
# the middle of one that has filled a pool for a moment.
SYNC_S = 7200
# Of droverd's log, for a test that fails.
LOG_LINES = 80


class World:
    """Made on first use, so that --only runs what it needs and no more."""

    # So long may hosts take until they are up.
    connect_s = 60

    def __init__(self):
        self._lab = self._droverd = None
        self.ids = {}

    @property
    def lab(self):
        if self._lab is None:
            self._lab = Lab("dve2e", 3)
            self._lab("heartbeat", "start")
        return self._lab

    def config(self, lab):
        return {
            "DEFAULT": {"service_down_time": SERVICE_DOWN_TIME_S,
                        "sync_power_state_interval": SYNC_S,
                        "max_concurrent_live_migrations": 6, "shutdown_timeout": 20},
            "libvirt": {"pki_path": lab.env["LAB_PKIPATH"], "cpu_mode": "custom",
                        "cpu_models": "qemu64", "cpu_model_extra_flags": "+ssse3",
                        "swtpm_enabled": "true",
                        "keepalive_interval": 2, "keepalive_count": 2},
            "filter_scheduler": {
                "enabled_filters": "ComputeFilter, AggregateInstanceExtraSpecsFilter, "
                                   "AggregateMultiTenancyIsolation"},
        }

    @property
    def drover(self):
        if self._droverd is None:
            lab = self.lab
            self._droverd = Droverd(self.config(lab))
            self._droverd.add_lab_hosts(lab, timeout_s=self.connect_s)
            self.fill(self._droverd, lab, self.ids)
        return self._droverd

    def fill(self, drover, lab, ids):
        """Images, flavor and network, by the API that the clients use."""
        env = lab.env
        for name, disk_format, path, properties in (
                ("guest-kernel", "aki", env["LAB_GUEST_KERNEL"], {}),
                ("guest-initrd", "ari", env["LAB_GUEST_INITRD"], {}),
                ("guest", "qcow2", env["LAB_GUEST_DISK"], None)):
            if properties is None:
                properties = {"kernel_id": ids["guest-kernel"], "ramdisk_id": ids["guest-initrd"],
                              "os_command_line": env["LAB_GUEST_CMDLINE"]}
            answer = drover.admin("POST", "/image/v2/images", {
                "name": name, "disk_format": disk_format, "visibility": "public",
                "container_format": disk_format if disk_format != "qcow2" else "bare",
                **properties})
            equal(answer.status, 201, f"image {name}: {answer.text}")
            ids[name] = answer.json["id"]
            with open(path, "rb") as file:
                answer = drover.admin("PUT", f"/image/v2/images/{ids[name]}/file", raw=file.read(),
                                      headers={"Content-Type": "application/octet-stream"})
            equal(answer.status, 204, f"upload of {name}: {answer.text}")
        answer = drover.compute("POST", "/flavors", {"flavor": {
            "name": "m1.tiny", "id": "tiny", "ram": 128, "vcpus": 1, "disk": 1}})
        equal(answer.status, 200, f"flavor: {answer.text}")
        answer = drover.admin("POST", "/network/v2.0/networks", {"network": {
            "name": "private", "provider:physical_network": env["LAB_GUEST_BRIDGE"]}})
        equal(answer.status, 201, f"network: {answer.text}")
        ids["private"] = answer.json["network"]["id"]
        answer = drover.admin("POST", "/network/v2.0/subnets", {"subnet": {
            "network_id": ids["private"], "ip_version": 4, "cidr": env["LAB_GUEST_CIDR"],
            "gateway_ip": env["LAB_GUEST_GATEWAY"]}})
        equal(answer.status, 201, f"subnet: {answer.text}")

    def configure(self, **libvirt):
        """Reads a new configuration without a restart; without arguments the first one again."""
        config = self.config(self.lab)
        config["libvirt"].update(libvirt)
        self.drover.write_config(config)
        answer = self.drover.admin("POST", "/drover/v1/config/reload")
        equal(answer.status, 200, answer.text)

    # ---- hosts ----

    def host(self, name):
        return self.drover.admin("GET", f"/drover/v1/hosts/{name}").json["host"]

    def wait_connected(self, host, connected):
        def is_so():
            shown = self.host(host)
            return shown["connected"] == connected and (not connected or shown["state"] == "up")
        wait_until(is_so, f"{host} is connected: {connected}", 120)

    def restart_libvirtd(self, host, command="true"):
        """The command is run while that host has no libvirtd; afterwards it is asked anew for all
        that it has."""
        self.lab("libvirtd", "stop", host)
        self.wait_connected(host, False)
        self.lab("exec", host, "sh", "-c", command)
        self.lab("libvirtd", "start", host)
        self.wait_connected(host, True)

    def free_bytes(self, host):
        """Of its pool, as drover knows it."""
        return self.host(host)["facts"]["pool_available_bytes"]

    # ---- guests ----

    def create(self, name, host=None, drover=None, ids=None, metadata=None, flavor="tiny",
               group=None):
        """A guest that runs and is heard; its id."""
        drover, ids = drover or self.drover, ids or self.ids
        body = {"name": name, "flavorRef": flavor, "imageRef": ids["guest"],
                "networks": [{"uuid": ids["private"]}], "metadata": metadata or {}}
        if host:
            body["host"] = host
        hints = {"os:scheduler_hints": {"group": group}} if group else {}
        answer = drover.compute("POST", "/servers", {"server": body, **hints})
        equal(answer.status, 202, f"create {name}: {answer.text}")
        server_id = answer.json["server"]["id"]
        self.wait_status(server_id, "ACTIVE", drover=drover)
        return server_id

    def wait_status(self, server_id, status, timeout_s=180, drover=None):
        drover = drover or self.drover
        seen = {}

        def look():
            seen.update(drover.server(server_id))
            check(status == "ERROR" or seen["status"] != "ERROR",
                  f"it is in ERROR: {seen.get('fault')}")
            return seen["status"] == status and not seen["OS-EXT-STS:task_state"]
        wait_until(look, f"{server_id} is {status}", timeout_s)
        return seen

    def delete(self, server_id, drover=None):
        drover = drover or self.drover
        answer = drover.compute("DELETE", f"/servers/{server_id}")
        check(answer.status in (204, 404), f"delete {server_id}: {answer.status} {answer.text}")
        wait_until(lambda: drover.compute("GET", f"/servers/{server_id}").status == 404,
                   f"{server_id} is gone", 150)  # of a silent host: a minute

    def host_of(self, server_id):
        return self.drover.server(server_id)["OS-EXT-SRV-ATTR:host"]

    def domains(self, host):
        """name -> state, as the host's own libvirtd says it."""
        rows = self.lab.virsh(host, "list", "--all").splitlines()
        return {row.split()[1]: " ".join(row.split()[2:]) for row in rows if row.strip()}

    def left(self):
        """What stands on the hosts when the tests of a module are through: nothing, or the next
        ones find what they do not expect."""
        if self._droverd is None:
            return {}
        found = {host: self.domains(host) for host in self.lab.hosts}
        return {host: domains for host, domains in found.items() if domains}

    def volumes(self, host):
        rows = self.lab("exec", host, "ls", self.lab.env["LAB_POOL_PATH"]).split()
        return set(rows)

    def runs_on(self, server_id):
        """Hosts whose libvirtd says that this guest is there, with the state."""
        name = self.drover.server(server_id)["OS-EXT-SRV-ATTR:instance_name"]
        return {host: domains[name] for host in self.lab.hosts
                if name in (domains := self.domains(host))}

    # ---- heartbeats ----

    def heard(self, server_id):
        """This guest's counts since the start, with those since the mark inside; or None."""
        report = self.lab.heartbeat()
        counts = report["since_start"]["instances"].get(server_id)
        if counts is None:
            return None
        since_mark = report["since_mark"]["instances"].get(server_id, {"received": 0})
        return dict(counts, since_mark=since_mark)

    def wait_heard(self, server_id, timeout_s=180):
        wait_until(lambda: self.heard(server_id), f"{server_id} is heard", timeout_s, 0.5)

    def check_lives(self, server_id):
        """Heartbeats go on coming, and from one copy only."""
        before = self.heard(server_id)["received"]
        wait_until(lambda: self.heard(server_id)["received"] > before + 50,
                   "the heartbeat goes on", 90, 0.2)
        heard = self.heard(server_id)
        check(not heard["double_run"], f"the guest is heard from two places at once: {heard}")

    # ---- migrations ----

    def migrate(self, server_id, host=None, block="auto", version="2.96", **more):
        return self.drover.compute("POST", f"/servers/{server_id}/action", {
            "os-migrateLive": {"host": host, "block_migration": block, **more}}, version)

    def last_migration(self, server_id):
        rows = self.drover.compute(
            "GET", f"/os-migrations?instance_uuid={server_id}&limit=1").json["migrations"]
        return rows[0] if rows else None

    def wait_migration(self, server_id, timeout_s=240):
        """Until the newest migration is over; its row."""
        over = ("completed", "failed", "error", "cancelled")
        row = wait_until(
            lambda: (row := self.last_migration(server_id)) and row["status"] in over and row,
            f"the migration of {server_id} is over", timeout_s)
        wait_until(lambda: not self.drover.server(server_id)["OS-EXT-STS:task_state"],
                   "nothing is under way any more", 120)
        return row

    def story(self, migration_id):
        """Everything drover knows of a migration, for the reason of a failed check."""
        return self.drover.admin("GET", f"/drover/v1/migrations/{migration_id}").text

    def reason(self, migration_id):
        """Why a migration did not complete, as the API tells it; "" when it does not."""
        shown = self.drover.admin("GET", f"/drover/v1/migrations/{migration_id}").json["migration"]
        return shown["message"] if shown["error_code"] else ""

    def move(self, server_id, host=None):
        """A live migration that must succeed; its row."""
        answer = self.migrate(server_id, host)
        equal(answer.status, 202, f"migrate: {answer.text}")
        row = self.wait_migration(server_id)
        check(row["status"] == "completed", self.story(row["id"]))
        return row

    def witness(self):
        """Called before a test: gives what tells, when it has failed, what droverd has logged
        meanwhile, without requests that went well."""
        droverd = self._droverd
        before = len(droverd.log()) if droverd is not None else 0

        def tell():
            if self._droverd is None:
                return
            log = self._droverd.log()[before if self._droverd is droverd else 0:]
            lines = [line for line in log.splitlines() if "msg=request" not in line]
            note("\n".join(["droverd said meanwhile:", *lines[-LOG_LINES:]]) if lines else "")
        return tell

    def close(self):
        if self._droverd is not None:
            if os.environ.get("DROVER_KEEP_LOG"):
                with open(os.environ["DROVER_KEEP_LOG"], "w", encoding="utf-8") as file:
                    file.write(self._droverd.log())
            self._droverd.remove()
        if self._lab is not None:
            self._lab.down()


world = World()
