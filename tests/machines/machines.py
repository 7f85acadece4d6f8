# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""The two machines of a recipe in the place of a lab's hosts, so that all that the tests on real
guests share works with them; and what the commands that run tests on such machines share."""
import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile

import tap
from drover import TOP, Lab
from tap import equal
from world import SERVICE_DOWN_TIME_S, World

BOOT_S = 900
# A guest is emulated by what is emulated: nothing is quick there.
PATIENCE_S = 600


class Machines(Lab):
    """directory: of machines that are up and are to stay so; None: new ones."""

    def __init__(self, recipe, directory=None):
        self.recipe = recipe
        self.keep = directory is not None
        self._made = None if self.keep else tempfile.TemporaryDirectory(prefix="drover-machines-")
        self.directory = directory or self._made.name
        if not self.keep:
            try:
                self("up", timeout=BOOT_S)
            except BaseException:
                self.down()
                raise
        self.env = {}
        for line in self("env").splitlines():
            key, _, value = line.partition("=")
            self.env[key] = " ".join(shlex.split(value))

    def command(self, arguments):
        return [os.path.join(TOP, "tests/machines/machines"), *arguments, self.recipe,
                self.directory]

    def virsh(self, host, *arguments, check=True):
        uri = f"{self.host(host, 'URI')}?pkipath={self.env['LAB_PKIPATH']}"
        done = subprocess.run(["virsh", "-q", "-c", uri, *arguments], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=PATIENCE_S)
        if check and done.returncode != 0:
            raise RuntimeError(f"virsh {' '.join(arguments)}: {done.stdout}")
        return done.stdout

    def down(self):
        if not self.keep:
            self("down", check=False)
            self._made.cleanup()


class Fleet(World):
    connect_s = PATIENCE_S

    def __init__(self, recipe):
        super().__init__()
        self.recipe = recipe
        self.machines_at = None

    @property
    def lab(self):
        if self._lab is None:
            self._lab = Machines(self.recipe, self.machines_at)
        return self._lab

    def config(self, lab):
        mine = super().config(lab)
        mine["DEFAULT"].update(shutdown_timeout=1, service_down_time=6 * SERVICE_DOWN_TIME_S)
        mine["libvirt"].update(keepalive_interval=10, keepalive_count=12)
        return mine

    def fill(self, drover, lab, ids):
        """An image with nothing on it: what a guest has is seen from outside, and one that boots
        would take the time of the others."""
        path = os.path.join(drover.directory, "blank.qcow2")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "1M"], check=True)
        answer = drover.admin("POST", "/image/v2/images", {
            "name": "blank", "disk_format": "qcow2", "container_format": "bare"})
        equal(answer.status, 201, answer.text)
        ids["blank"] = answer.json["id"]
        with open(path, "rb") as file:
            answer = drover.admin("PUT", f"/image/v2/images/{ids['blank']}/file", raw=file.read(),
                                  headers={"Content-Type": "application/octet-stream"})
        equal(answer.status, 204, answer.text)

    def restart(self, **config):
        """config: sections that are other ones from now on."""
        self.drover.stop()
        if config:
            self.drover.write_config({**self.config(self.lab), **config})
        self.drover.start()
        self.drover.wait_hosts_up(len(self.lab.hosts), PATIENCE_S)

    def add_flavor(self, name, ram=64, vcpus=1, **specs):
        """specs: with __ for the colon of an extra spec's name."""
        answer = self.drover.compute("POST", "/flavors", {"flavor": {
            "name": name, "id": name, "ram": ram, "vcpus": vcpus, "disk": 1}})
        equal(answer.status, 200, answer.text)
        for key, value in specs.items():
            self.drover.openstack("flavor", "set", "--property",
                                  f"{key.replace('__', ':')}={value}", name)

    def ask(self, name, flavor, host):
        """A server that the stock client asks for; its id, however long it takes to be there."""
        told = self.drover.openstack(
            "server", "create", name, "--flavor", flavor, "--image", "blank", "--nic", "none",
            "--os-compute-api-version", "2.74", "--host", host, "-f", "json", version="2.74")
        return json.loads(told)["id"]

    def start(self, name, flavor, host, status="ACTIVE"):
        server = self.ask(name, flavor, host)
        self.wait_status(server, status, PATIENCE_S)
        return server

    def wait_migration(self, server_id, timeout_s=PATIENCE_S):
        return super().wait_migration(server_id, timeout_s)

    def fault(self, server):
        told = self.drover.server(server)["fault"]
        return told["message"] + told.get("details", "")

    def explained(self, server, host, *options):
        told = json.loads(self.drover.drover("explain", server, "--host", host, "--json", *options))
        (found,) = [row for row in told["hosts"] if row["name"] == host]
        return {row["check"]: row for row in found["checks"]}


def end(*_):
    """On SIGTERM: cleans up, and is not to be disturbed by a second one."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(1)


def run(fleet, module, doc):
    """The command line of tests on such machines; the exit code."""
    parser = argparse.ArgumentParser(description=doc,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="TEXT")
    parser.add_argument("--machines", metavar="DIR")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, end)
    fleet.machines_at = arguments.machines
    try:
        return tap.run((module,), arguments.only, fleet.witness)
    finally:
        fleet.close()
