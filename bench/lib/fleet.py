# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A droverd over fake hosts: they live in a file, cost nothing and answer at once, so that what is
measured is droverd."""

import time

from api import in_parallel
from daemon import start_droverd
from program import Failure, stage, wait_until

IMAGE_BYTES = 1 << 20


class Fleet:
    def __init__(self, options, cleanup, n_hosts, config=None):
        config = {"fake": {"path": ":memory:"}, **(config or {})}
        self.daemon = start_droverd(options, cleanup, config)
        self.api = self.daemon.api
        self.hosts = [f"fake{number:04d}" for number in range(n_hosts)]
        self.servers = []
        stage(f"adding {n_hosts} fake hosts")
        for host in self.hosts:
            self.api.add_host(host, f"fake:///{host}")
        self.api.wait_for_hosts(n_hosts, 120)

    def create_servers(self, count):
        """As many on each host; returns the seconds that it took."""
        api = self.api
        image = api.create_image("image", "raw", bytes(IMAGE_BYTES))
        flavor = api.create_flavor("small", 128, 1)
        network = api.create_network("private", "br0", "10.0.0.0/16", "10.0.0.1")
        stage(f"creating {count} instances")
        start = time.monotonic()

        def create(api, number):
            host = self.hosts[number % len(self.hosts)]
            return api.create_server(f"vm{number}", flavor, image, network, host=host)

        self.servers = in_parallel(api, create, range(count))
        wait_until(60 + count / 10, "all instances are made", lambda: not self.is_building(),
                   every=0.5)
        seconds = time.monotonic() - start
        made = api.list_all("/servers/detail?all_tenants=1&status=ACTIVE", "servers")
        if len(made) != count:
            raise Failure(f"only {len(made)} of {count} instances are ACTIVE")
        return seconds

    def is_building(self):
        path = "/servers/detail?all_tenants=1&status=BUILD&limit=1"
        return bool(self.api.get("compute", path)["servers"])

    def is_migrating(self):
        return bool(self.api.get("drover", "/migrations?in_progress=true&limit=1")["migrations"])
