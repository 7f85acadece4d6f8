# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A lab of the bench's own, see lab/README.md."""

import json
import shlex

from program import REPOSITORY, run, stage

PROGRAM = REPOSITORY / "lab" / "lab"


class Lab:
    """env has what `lab env` prints, without LAB_ in front of the names."""

    def __init__(self, name):
        self.name = name
        self.env = {}

    def __call__(self, *words):
        return run(PROGRAM, "--name", self.name, *words)

    def up(self, count, *more):
        self("down")  # of a run that was killed
        self("up", str(count), *more)
        self.read_env()

    def read_env(self):
        assignments = (word.split("=", 1) for word in shlex.split(self("env")))
        self.env = {name.removeprefix("LAB_"): value for name, value in assignments}

    def down(self):
        stage("taking the lab down")
        self("down")

    def hosts(self):
        return self.env["HOSTS"].split()

    def host(self, host, key):
        return self.env[f"{host.upper()}_{key}"]

    def heartbeats(self):
        return json.loads(self("heartbeat", "report"))

    def add_hosts(self, api, pool):
        for host in self.hosts():
            # droverd adds its own certificates to the URI.
            api.add_host(host, self.host(host, "URI").split("?")[0],
                         peer_uri=self.host(host, "PEER_URI"),
                         migration_address=self.host(host, "MIGRATION_ADDRESS"), pool=pool)
        api.wait_for_hosts(len(self.hosts()), 60)


def start_lab(name, cleanup, count, *more):
    lab = Lab(name)
    cleanup.callback(lab.down)
    stage(f"bringing up {count} libvirt host{'s' if count != 1 else ''}")
    lab.up(count, *more)
    return lab
