# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A client of droverd's API: one connection that is kept open, one token."""

import concurrent.futures
import http.client
import json
import threading

from program import Failure, wait_until

VERSION = "compute 2.92"
PATHS = {
    "identity": "/identity/v3",
    "compute": "/compute/v2.1",
    "image": "/image/v2",
    "network": "/network/v2.0",
    "drover": "/drover/v1",
}


class Api:
    def __init__(self, port, password, token=None):
        self.port = port
        self.password = password
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.token = token if token is not None else self.issue_token()

    def another(self):
        """The same with a connection of its own, for another thread."""
        return Api(self.port, self.password, self.token)

    def send(self, method, path, body, headers):
        for attempt in (1, 2):
            try:
                self.connection.request(method, path, body, headers)
                reply = self.connection.getresponse()
                return reply, reply.read()
            except (ConnectionError, http.client.BadStatusLine):
                # A server may close a connection that was idle, between two requests.
                self.connection.close()
                if attempt == 2:
                    raise

    def issue_token(self):
        user = {"name": "admin", "domain": {"name": "Default"}, "password": self.password}
        scope = {"project": {"name": "admin", "domain": {"name": "Default"}}}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = json.dumps({"auth": {"identity": identity, "scope": scope}})
        reply, text = self.send("POST", PATHS["identity"] + "/auth/tokens", body,
                                {"Content-Type": "application/json"})
        if reply.status != 201:
            raise Failure(f"no token: {reply.status} {text.decode(errors='replace')[:300]}")
        return reply.headers["X-Subject-Token"]

    def headers(self, kind="application/json"):
        return {"X-Auth-Token": self.token, "Content-Type": kind,
                "OpenStack-API-Version": VERSION}

    def ask(self, method, service, path, body=None, kind="application/json"):
        """Returns what the reply's JSON says, None when it has no body."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body)
        reply, text = self.send(method, PATHS[service] + path, data, self.headers(kind))
        if reply.status >= 300:
            raise Failure(f"{method} {service}{path}: {reply.status}"
                          f" {text.decode(errors='replace')[:300]}")
        return json.loads(text) if text else None

    def get(self, service, path):
        return self.ask("GET", service, path)

    def post(self, service, path, body):
        return self.ask("POST", service, path, body)

    # What a fleet is made of.

    def add_host(self, name, uri, **more):
        self.post("drover", "/hosts", {"host": {"name": name, "uri": uri, **more}})

    def count_hosts_up(self):
        hosts = self.get("drover", "/hosts")["hosts"]
        return sum(host["state"] == "up" for host in hosts)

    def wait_for_hosts(self, count, seconds):
        wait_until(seconds, f"{count} hosts that are up",
                   lambda: self.count_hosts_up() >= count, every=0.5)

    def force_down(self, host, is_down):
        """An operator's word that a host is off."""
        path = f"/os-services?host={host}&binary=nova-compute"
        service = self.get("compute", path)["services"][0]["id"]
        self.ask("PUT", "compute", f"/os-services/{service}", {"forced_down": is_down})

    def create_image(self, name, disk_format, data, **properties):
        body = {"name": name, "disk_format": disk_format, "container_format": "bare",
                "visibility": "public", **properties}
        image = self.post("image", "/images", body)["id"]
        self.ask("PUT", "image", f"/images/{image}/file", data, "application/octet-stream")
        return image

    def create_flavor(self, name, ram, disk, vcpus=1):
        body = {"flavor": {"name": name, "ram": ram, "disk": disk, "vcpus": vcpus}}
        return self.post("compute", "/flavors", body)["flavor"]["id"]

    def create_network(self, name, bridge, cidr, gateway):
        body = {"network": {"name": name, "provider:network_type": "flat",
                            "provider:physical_network": bridge}}
        network = self.post("network", "/networks", body)["network"]["id"]
        subnet = {"network_id": network, "ip_version": 4, "cidr": cidr, "gateway_ip": gateway}
        self.post("network", "/subnets", {"subnet": subnet})
        return network

    def create_server(self, name, flavor, image, network, **more):
        body = {"server": {"name": name, "flavorRef": flavor, "imageRef": image,
                           "networks": [{"uuid": network}], **more}}
        return self.post("compute", "/servers", body)["server"]["id"]

    def server(self, server_id):
        return self.get("compute", f"/servers/{server_id}")["server"]

    def wait_for_server(self, server_id, status, seconds=60):
        def is_there():
            server = self.server(server_id)
            if server["status"] == "ERROR" and status != "ERROR":
                raise Failure(f"server {server['name']}: {server.get('fault')}")
            return server["status"] == status and not server["OS-EXT-STS:task_state"]
        wait_until(seconds, f"server {server_id} in {status}", is_there)

    def act(self, server_id, action, value=None):
        self.post("compute", f"/servers/{server_id}/action", {action: value})

    def delete_server(self, server_id, seconds=60):
        self.ask("DELETE", "compute", f"/servers/{server_id}")
        path = f"{PATHS['compute']}/servers/{server_id}"
        wait_until(seconds, f"server {server_id} is deleted",
                   lambda: self.send("GET", path, None, self.headers())[0].status == 404)

    def list_all(self, path, name):
        """All pages of a list of the Compute API."""
        rows, marker = [], ""
        while True:
            separator = "&" if "?" in path else "?"
            page = self.get("compute", f"{path}{separator}limit=1000{marker}")[name]
            rows += page
            if len(page) < 1000:
                return rows
            marker = "&marker=" + (page[-1].get("uuid") or page[-1]["id"])


def in_parallel(api, work, items, n_threads=8):
    """work(api, item) for each, on that many connections; results in the order of the items."""
    local = threading.local()

    def one(item):
        if not hasattr(local, "api"):
            local.api = api.another()
        return work(local.api, item)

    with concurrent.futures.ThreadPoolExecutor(n_threads) as pool:
        try:
            return list(pool.map(one, items))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
