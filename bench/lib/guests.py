# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Guests that are moved: by droverd, and in the same way by virsh."""

import pathlib
import shutil
import time
import uuid
import xml.etree.ElementTree as ET

from daemon import start_droverd
from figures import seconds_of
from program import Failure, stage, wait_until
from virsh import Virsh

POLL_S = 0.5
FINAL = ("completed", "failed", "error", "cancelled")


class Site:
    """The hosts of a lab with one of its pools, a droverd, and what a guest is made of."""

    def __init__(self, lab, options, cleanup, is_shared):
        self.options = options
        self.cleanup = cleanup
        self.is_shared = is_shared
        self.lab = lab
        self.pool = self.lab.env["SHARED_POOL" if is_shared else "POOL"]
        self.virsh = {}
        for host in self.lab.hosts():
            self.connect(host)
        stage("starting droverd")
        self.daemon = start_droverd(options, cleanup, {
            "libvirt": {"pki_path": self.lab.env["PKIPATH"]},
            "volumes": {"pool": self.lab.env.get("SHARED_POOL", "")}})
        self.api = self.daemon.api
        self.lab.add_hosts(self.api, self.pool)
        self.lab("heartbeat", "start")
        self.make_things()

    def connect(self, host):
        self.virsh[host] = Virsh(self.lab.host(host, "URI"))
        self.cleanup.callback(self.virsh[host].stop)

    def make_things(self):
        env, api = self.lab.env, self.api
        kernel = api.create_image("kernel", "aki", pathlib.Path(env["GUEST_KERNEL"]).read_bytes())
        initrd = api.create_image("initrd", "ari", pathlib.Path(env["GUEST_INITRD"]).read_bytes())
        self.image = api.create_image(
            "guest", "qcow2", pathlib.Path(env["GUEST_DISK"]).read_bytes(), kernel_id=kernel,
            ramdisk_id=initrd, os_command_line=env["GUEST_CMDLINE"])
        self.flavor = api.create_flavor("guest", self.options.ram, 1)
        self.network = api.create_network(
            "private", env["GUEST_BRIDGE"], env["GUEST_CIDR"], env["GUEST_GATEWAY"])

    def create_guest(self, name, image=None, **more):
        if getattr(self.options, "writer", None):
            mib, rate = self.options.writer.split(":")
            more["metadata"] = {"writer-mib": mib, "writer-mbs": rate}
        server = self.api.create_server(
            name, self.flavor, self.image if image is None else image, self.network,
            host=self.lab.hosts()[0], **more)
        self.api.wait_for_server(server, "ACTIVE", 180)
        self.wait_for_heartbeat(server)
        return server

    def received(self, instance):
        counts = self.lab.heartbeats()["since_mark"]["instances"].get(instance)
        return counts["received"] if counts else 0

    def wait_for_heartbeat(self, instance):
        self.lab("heartbeat", "mark")
        wait_until(180, f"heartbeat of {instance}",
                   lambda: self.received(instance) > 100, every=0.3)

    def wait_for_heartbeat_again(self, instance):
        """After a move: without a new mark, so that the silence of the move stays in the count."""
        before = self.received(instance)
        wait_until(90, f"heartbeat of {instance}",
                   lambda: self.received(instance) > before + 200, every=0.2)

    def pool_directory(self, host):
        if self.is_shared:
            return pathlib.Path(self.lab.env["DIR"]) / "shared"
        return pathlib.Path(self.lab.host(host, "POOL_DIR"))


class Managed:
    """A guest that droverd moves."""

    kind = "droverd"

    def __init__(self, site):
        self.site = site
        self.id = site.create_guest("managed")
        self.heartbeat = self.id
        self.host = site.lab.hosts()[0]

    def remove(self):
        self.site.api.delete_server(self.id)

    def pause(self):
        self.site.api.act(self.id, "pause")
        self.site.api.wait_for_server(self.id, "PAUSED")

    def resume(self):
        self.site.api.act(self.id, "unpause")
        self.site.api.wait_for_server(self.id, "ACTIVE")

    def newest(self):
        path = f"/os-migrations?instance_uuid={self.id}&limit=1"
        return self.site.api.get("compute", path)["migrations"][0]

    def carry_out(self, action, value, wanted):
        """Asks for a move and waits for its end, which must be the one that is wanted: its row,
        and the milliseconds from accepted to that end by droverd's own times. A client that asks
        ten times as often slowed what is measured by a tenth, on two processors."""
        self.site.api.act(self.id, action, value)
        migration = self.newest()
        while migration["status"] not in (*FINAL, wanted):
            time.sleep(POLL_S)
            migration = self.newest()
        if migration["status"] != wanted:
            raise Failure(f"droverd's {action} ended in {migration['status']}:"
                          f" {self.describe(migration['id']).get('message')}")
        span = seconds_of(migration["updated_at"]) - seconds_of(migration["created_at"])
        return migration, span * 1000

    def move(self, to):
        """The wall clock beside droverd's own begins before the request is sent, and ends when the
        client has seen the end."""
        start = time.monotonic()
        migration, span = self.carry_out(
            "os-migrateLive", {"host": to, "block_migration": "auto"}, "completed")
        wall = time.monotonic() - start
        self.host = to
        return {"ms": span, "wall_ms": wall * 1000, **self.details(migration["id"])}

    def describe(self, number):
        return self.site.api.get("drover", f"/migrations/{number}")["migration"]

    def details(self, number):
        migration = self.describe(number)
        events = migration["events"]
        moments = [seconds_of(event["at"]) for event in events]
        steps = {}
        for event, begin, end in zip(events, moments, moments[1:]):
            steps[event["to"]] = steps.get(event["to"], 0) + (end - begin) * 1000
        stats = migration["stats"]
        return {"steps_ms": steps, "downtime_ms": stats["downtime_ms"],
                "memory_bytes": stats["memory_processed_bytes"]}


class Raw:
    """A guest that is the same in all but names, and that droverd does not know. It is made from a
    copy of one that droverd had made, so that nothing of it can differ by mistake."""

    kind = "virsh"

    def __init__(self, site):
        self.site = site
        self.host = site.lab.hosts()[0]
        self.id = str(uuid.uuid4())
        model = site.create_guest("model")
        self.heartbeat = model  # what its config drive says
        site.api.act(model, "os-stop")
        site.api.wait_for_server(model, "SHUTOFF", 180)
        self.work = site.daemon.directory / self.id
        self.work.mkdir()
        self.define(ET.fromstring(self.virsh(f"dumpxml --inactive {model}")))
        site.api.delete_server(model)
        self.virsh(f"start {self.id}")
        site.wait_for_heartbeat(self.heartbeat)

    @property
    def virsh(self):
        return self.site.virsh[self.host]

    def define(self, domain):
        domain.find("name").text = f"raw-{self.id}"
        domain.find("uuid").text = self.id
        metadata = domain.find("metadata")
        if metadata is not None:
            domain.remove(metadata)
        disks = domain.findall("devices/disk")
        places = [(disk.find("source"), "file") for disk in disks]
        places += [(log, "file") for log in domain.findall("devices/*/log")]
        self.volumes = [self.copy_file(*place) for place in places]
        self.targets = [disk.find("target").get("dev") for disk in disks]
        self.is_uncached = all(
            disk.find("driver").get("cache") in ("none", "directsync") for disk in disks)
        self.virsh(f"pool-refresh {self.site.pool}")
        (self.work / "domain.xml").write_bytes(ET.tostring(domain))
        self.virsh(f"define {self.work}/domain.xml")
        for volume in self.volumes:
            self.describe_volume(volume)

    def copy_file(self, element, attribute):
        old = pathlib.Path(element.get(attribute))
        new = f"raw-{self.id}-{len(list(self.work.iterdir()))}"
        directory = self.site.pool_directory(self.host)
        shutil.copyfile(directory / old.name, directory / new)
        (self.work / new).touch()
        element.set(attribute, str(old.with_name(new)))
        return new

    def describe_volume(self, name):
        """Writes down how an empty one is made on the other host."""
        volume = ET.fromstring(self.virsh(f"vol-dumpxml {name} {self.site.pool}"))
        for tag in ("key", "allocation", "physical"):
            for element in volume.findall(tag):
                volume.remove(element)
        ET.SubElement(volume, "allocation").text = "0"
        for part in (volume.find("target"), volume.find("backingStore")):
            for tag in ("permissions", "timestamps", "compat", "features"):
                for element in part.findall(tag) if part is not None else []:
                    part.remove(element)
        (self.work / name).write_bytes(ET.tostring(volume))

    def remove(self):
        self.virsh(f"destroy {self.id}", f"undefine {self.id}",
                   *[f"vol-delete {name} {self.site.pool}" for name in self.volumes])

    def pause(self):
        self.virsh(f"suspend {self.id}")

    def resume(self):
        self.virsh(f"resume {self.id}")

    def command(self, to):
        lab = self.site.lab
        peer = lab.host(to, "PEER_URI")
        words = ["migrate --live --p2p --persistent --undefinesource --abort-on-error --tls",
                 f"--tls-destination {to}",
                 f"--migrateuri tcp://{lab.host(to, 'MIGRATION_ADDRESS')}"]
        if not self.site.is_shared:
            words.append(f"--copy-storage-inc --migrate-disks {','.join(self.targets)}")
        elif self.is_uncached:
            words.append("--unsafe")
        return " ".join([*words, self.id, peer])

    def move(self, to):
        old, new, pool = self.virsh, self.site.virsh[to], self.site.pool
        volumes = [] if self.site.is_shared else self.volumes
        start = time.monotonic()
        if volumes:
            new(*[f"vol-create {pool} {self.work / name}" for name in volumes])
        made = time.monotonic()
        pause = getattr(self.site.options, "pause", None)
        old(*([f"migrate-setmaxdowntime {self.id} {pause}"] if pause else []), self.command(to))
        moved = time.monotonic()
        if volumes:
            old(*[f"vol-delete {name} {pool}" for name in volumes])
        end = time.monotonic()
        self.host = to
        steps = {"make volumes": made - start, "migrate": moved - made,
                 "delete volumes": end - moved}
        return {"ms": (end - start) * 1000, "wall_ms": (end - start) * 1000,
                "steps_ms": {name: span * 1000 for name, span in steps.items()},
                "downtime_ms": self.downtime_ms()}

    def downtime_ms(self):
        for line in self.virsh(f"domjobinfo {self.id} --completed").splitlines():
            if line.startswith("Total downtime:"):
                return int(line.split()[2])
        return -1
