# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What the tests of this ring share: two droverd on fake fleets, with the same image, flavors,
network and users.

    fast   three hosts; a migration ends at once
    slow   two hosts; guests write faster than a migration copies: it runs until it is aborted or
           its guest is paused
"""
import functools
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from drover import Droverd  # noqa: E402
import tap  # noqa: E402
from tap import check, equal, wait_until  # noqa: E402

PASSWORD = "a password of the tests"
MIB = 1 << 20
# For what a host does by itself, on a machine that has other work; less than the half minute that
# one that is silent is given, so that what is said to come at once does come at once.
PATIENCE_S = 25
FLAVORS = ({"id": "tiny", "name": "m1.tiny", "ram": 128, "vcpus": 1, "disk": 1},
           {"id": "huge", "name": "m1.huge", "ram": 2097152, "vcpus": 1, "disk": 1})
ACTIVE_MIGRATIONS = ("accepted", "queued", "preparing", "running", "post-migrating")


class Cloud:
    """One droverd with everything in it that a server needs."""

    def __init__(self, hosts, fake=None, default=None, more=None):
        self.ids = {}
        self.drover = Droverd({"fake": dict({"path": ":memory:", "guest_disk_mb": 1},
                                            **(fake or {})),
                               "DEFAULT": dict({"shutdown_timeout": 5}, **(default or {})),
                               "volumes": {"pool": "volumes"}, **(more or {})})
        self.tokens = {"admin": self.drover.login()}
        for name in hosts:
            self.add_host(name)
        self.drover.wait_hosts_up(len(hosts))
        self._fill()

    # ---- requests ----

    def send(self, method, path, body=None, version=None, user="admin", **options):
        """path: below the Compute API's endpoint. user None: without a token."""
        return self.drover.send(method, "/compute/v2.1" + path, body,
                                token=self.tokens[user] if user else None, version=version,
                                **options)

    def get(self, path, version=None, user="admin", status=200):
        answer = self.send("GET", path, version=version, user=user)
        equal(answer.status, status, f"GET {path} at {version}: {answer.text[:300]}")
        return answer.json

    def other(self, method, path, body=None, user="admin", **options):
        """path: from the root of the port."""
        return self.drover.send(method, path, body, token=self.tokens[user] if user else None,
                                **options)

    def refused(self, answer, status, text, kind=None):
        """The answer is an error of that status, with that text in its message."""
        kinds = {400: "badRequest", 403: "forbidden", 404: "itemNotFound", 405: "badMethod",
                 406: "computeFault", 409: "conflictingRequest", 413: "overLimit",
                 501: "notImplemented"}
        equal(answer.status, status, f"status, with {answer.text[:300]}")
        equal(list(answer.json), [kind or kinds[status]], "the kind of the error")
        fault = answer.json[kind or kinds[status]]
        equal(fault["code"], status, "the error's own code")
        check(text in fault["message"], f"no {text!r} in {fault['message']!r}")

    # ---- making things ----

    def add_host(self, name, **more):
        answer = self.other("POST", "/drover/v1/hosts",
                            {"host": dict({"name": name, "uri": f"fake:///{name}"}, **more)})
        equal(answer.status, 201, f"host {name}: {answer.text}")

    def add_user(self, name, role):
        """A user of the project 'demo' with one role, logged in as self.tokens[name]."""
        if "demo" not in self.ids:
            answer = self.other("POST", "/identity/v3/projects", {"project": {"name": "demo"}})
            equal(answer.status, 201, f"project: {answer.text}")
            self.ids["demo"] = answer.json["project"]["id"]
        answer = self.other("POST", "/identity/v3/users",
                            {"user": {"name": name, "password": PASSWORD}})
        equal(answer.status, 201, f"user {name}: {answer.text}")
        user = answer.json["user"]["id"]
        roles = self.other("GET", "/identity/v3/roles").json["roles"]
        role_id = next(row["id"] for row in roles if row["name"] == role)
        answer = self.other(
            "PUT", f"/identity/v3/projects/{self.ids['demo']}/users/{user}/roles/{role_id}")
        equal(answer.status, 204, f"role of {name}: {answer.text}")
        self.tokens[name] = self.drover.login(name, PASSWORD, "demo")

    def add_image(self, name, content=bytes(MIB), disk_format="raw", **properties):
        answer = self.other("POST", "/image/v2/images", dict(
            {"name": name, "disk_format": disk_format, "container_format": "bare",
             "visibility": "public"}, **properties))
        equal(answer.status, 201, f"image {name}: {answer.text}")
        image = answer.json["id"]
        answer = self.other("PUT", f"/image/v2/images/{image}/file", raw=content,
                            headers={"Content-Type": "application/octet-stream"})
        equal(answer.status, 204, f"upload of {name}: {answer.text}")
        self.ids[name] = image

    def _fill(self):
        for name, role in (("member", "member"), ("reader", "reader"), ("manager", "manager")):
            self.add_user(name, role)
        self.add_image("guest")
        for flavor in FLAVORS:
            answer = self.send("POST", "/flavors", {"flavor": flavor})
            equal(answer.status, 200, f"flavor: {answer.text}")
        answer = self.other("POST", "/network/v2.0/networks", {"network": {
            "name": "private", "provider:physical_network": "br0", "shared": True}})
        equal(answer.status, 201, f"network: {answer.text}")
        self.ids["private"] = answer.json["network"]["id"]
        answer = self.other("POST", "/network/v2.0/subnets", {"subnet": {
            "network_id": self.ids["private"], "ip_version": 4, "cidr": "10.0.0.0/16",
            "gateway_ip": "10.0.0.1"}})
        equal(answer.status, 201, f"subnet: {answer.text}")

    # ---- servers ----

    def body(self, name, **more):
        return {"server": dict({"name": name, "flavorRef": "tiny", "imageRef": self.ids["guest"],
                                "networks": [{"uuid": self.ids["private"]}]}, **more)}

    def create(self, name, user="admin", wait=True, **more):
        """Its id, when it is ACTIVE."""
        answer = self.send("POST", "/servers", self.body(name, **more), "2.96", user)
        equal(answer.status, 202, f"create {name}: {answer.text}")
        server = answer.json["server"]["id"]
        if wait:
            self.wait_status(server, "ACTIVE")
        return server

    def server(self, server, version="2.96", user="admin"):
        return self.get(f"/servers/{server}", version, user)["server"]

    def host_of(self, server):
        return self.server(server)["OS-EXT-SRV-ATTR:host"]

    def wait_status(self, server, status):
        seen = {}

        def look():
            seen.update(self.server(server))
            return seen["status"] == status and not seen["OS-EXT-STS:task_state"]
        wait_until(look, f"{server} is {status}; it is {seen}", PATIENCE_S, 0.02)

    def action(self, server, body, version="2.96", user="admin"):
        return self.send("POST", f"/servers/{server}/action", body, version, user)

    def do(self, server, body, status=202, version="2.96", user="admin"):
        """An action that must be answered so."""
        answer = self.action(server, body, version, user)
        equal(answer.status, status, f"{body} at {version}: {answer.text}")
        return answer

    def delete(self, *servers):
        for server in servers:
            self.send("DELETE", f"/servers/{server}")
        for server in servers:
            self.wait_gone(server)

    def wait_gone(self, server):
        wait_until(lambda: self.send("GET", f"/servers/{server}").status == 404,
                   f"{server} is gone", PATIENCE_S, 0.02)

    # ---- migrations ----

    def live_migrate(self, server, host=None, block="auto", version="2.96", user="admin", **more):
        return self.action(server, {"os-migrateLive": dict(
            {"host": host, "block_migration": block}, **more)}, version, user)

    def migrations(self, server, version="2.96"):
        """Newest first."""
        return self.get(f"/os-migrations?instance_uuid={server}", version)["migrations"]

    def wait_migration(self, server, *statuses):
        """Until the newest migration of that server is in one of these; its row."""
        def look():
            rows = self.migrations(server)
            return rows and rows[0]["status"] in statuses and rows[0]
        return wait_until(look, f"the migration of {server} is {statuses}", PATIENCE_S, 0.02)

    def clean(self):
        """Removes the servers and flavors that a test which failed has left, and what it did to
        hosts."""
        for service in self.get("/os-services?binary=nova-compute", "2.53")["services"]:
            self.send("PUT", f"/os-services/{service['id']}",
                      {"status": "enabled", "forced_down": False}, "2.53")
        self.delete(*[row["id"] for row in self.get("/servers?all_tenants=1")["servers"]])
        self.remove_flavors()

    def remove_flavors(self):
        """Those that a test has added: others tell what there are."""
        for row in self.get("/flavors?is_public=None")["flavors"]:
            if row["id"] not in [flavor["id"] for flavor in FLAVORS]:
                equal(self.send("DELETE", f"/flavors/{row['id']}").status, 202, f"delete {row}")

    def wait_idle(self, server):
        wait_until(lambda: not self.server(server)["OS-EXT-STS:task_state"], "it is idle",
                   PATIENCE_S, 0.02)


class World:
    """Clouds are made on first use, so that --only runs what it needs and no more."""

    def __init__(self):
        self._clouds = {}

    @property
    def fast(self):
        return self._get("fast", lambda: Cloud(["hosta", "hostb", "hostc"]))

    @property
    def slow(self):
        return self._get("slow", lambda: Cloud(
            ["hosta", "hostb"], {"transfer_rate": 64 * MIB, "dirty_rate": 256 * MIB}))

    @property
    def deaf(self):
        """Its guests never power off by themselves."""
        return self._get("deaf", lambda: Cloud(
            ["hosta"], {"shutdown_ms": -1}, {"shutdown_timeout": 600}))

    def _get(self, name, make):
        if name not in self._clouds:
            self._clouds[name] = make()
        return self._clouds[name]

    def clean(self):
        for cloud in self._clouds.values():
            cloud.clean()

    def close(self):
        for name, cloud in self._clouds.items():
            if os.environ.get("DROVER_KEEP_LOG"):
                with open(f"{os.environ['DROVER_KEEP_LOG']}.{name}", "w", encoding="utf-8") as file:
                    file.write(cloud.drover.log())
            cloud.drover.remove()


world = World()


def test(sentence):
    """tap.test, and the next test finds the clouds empty when this one fails."""
    def register(function):
        @functools.wraps(function)
        def body():
            try:
                function()
            except Exception:
                world.clean()
                raise
        return tap.test(sentence)(body)
    return register
