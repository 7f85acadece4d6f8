# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Wrong input of every kind at every route: never a 500, and droverd stays."""
import copy
import http.client
import json
import os
import random
import time
import urllib.parse

from routes import read_routes, version_of
from tap import check, note
from world import test, world

SEED = int(os.environ.get("DROVER_SEED", "20260801"))
SECONDS = float(os.environ.get("DROVER_FUZZ_SECONDS", "12"))

ODD = [None, True, False, 0, -1, 1, 2 ** 31, 2 ** 63 - 1, -2 ** 63, 2 ** 70, 1.5, 1e308, "", " ",
       "x", "\0", "a\0b", "é", "\ud83d\ude00", "x" * 300, "%s%n", "'; drop table instances; --",
       "../../etc/passwd", "null", "1", "-1", "True", "auto", "none", [], {}, [[]], {"": None},
       {"a": {"b": {"c": []}}}, [None] * 60, {"x" * 300: "x"}]
WRONG_IDS = ["1", "0", "-1", "x", "é", "%", "a b", "x" * 300, "\0", ".."]
QUERIES = ["limit", "marker", "sort_key", "sort_dir", "all_tenants", "project_id", "host", "node",
           "name", "status", "vm_state", "task_state", "power_state", "image", "flavor", "ip",
           "ip6",
           "uuid", "tags", "not-tags-any", "locked", "deleted", "changes-since", "changes-before",
           "is_public", "minRam", "instance_uuid", "migration_type", "user_id", "binary",
           "hypervisor_hostname_pattern", "with_servers", "availability_zone", "config_drive", "x"]


def seeds(cloud):
    """Bodies that are right, by the end of the route: what is mutated."""
    actions = [{"os-start": None}, {"os-stop": None}, {"reboot": {"type": "SOFT"}}, {"pause": None},
               {"unpause": None}, {"lock": {"locked_reason": "r"}}, {"unlock": None},
               {"os-resetState": {"state": "active"}}, {"os-getConsoleOutput": {"length": 5}},
               {"os-migrateLive": {"host": "hostb", "block_migration": "auto"}},
               {"os-migrateLive": {"host": None, "block_migration": True,
                                   "disk_over_commit": False}}]
    create = cloud.body("fuzz", metadata={"a": "b"}, tags=["t"], user_data="YQ==", min_count=1,
                        availability_zone="nova", security_groups=[{"name": "default"}],
                        config_drive=True, host="hosta", description="d")
    flavor = {"name": "f", "ram": 64, "vcpus": 1, "disk": 1, "id": "f1", "swap": 0,
              "rxtx_factor": 1.0, "os-flavor-access:is_public": True, "description": "d"}
    named = {"host": "hosta", "binary": "nova-compute"}
    return {
        "/servers": [create], "/action": actions + [{"force_complete": None}],
        "/servers/{id}": [{"server": {"name": "n", "description": "d"}}],
        "/metadata": [{"metadata": {"a": "b"}}], "/{key}": [{"meta": {"1": "b"}}, {"1": "b"}],
        "/flavors": [{"flavor": flavor}], "/flavors/{id}": [{"flavor": {"description": "d"}}],
        "/os-extra_specs": [{"extra_specs": {"a": "b"}}],
        "/os-services/{id}": [{"status": "enabled", "disabled_reason": "r", "forced_down": False}],
        "": [dict(named, disabled_reason="r"), dict(named, forced_down=False), named],
    }


def pick_body(chance, table, path):
    key = next((key for key in table if key and path.endswith(key)), "")
    return copy.deepcopy(chance.choice(table[key]))


def odd(chance):
    return copy.deepcopy(chance.choice(ODD))


def mutate(chance, value):
    """One place of it is changed, lost, doubled or put somewhere else."""
    places = []

    def walk(node):
        keys = node.keys() if isinstance(node, dict) else range(len(node))
        for key in list(keys):
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                walk(node[key])
    walk(value)
    if not places:
        return odd(chance)
    node, key = chance.choice(places)
    how = chance.randrange(5)
    if how == 0:
        del node[key]
    elif how == 1 and isinstance(node, dict):
        node[chance.choice(["x", "", "\0", "host", "server", "é"])] = odd(chance)
    elif how == 2:
        node[key] = [node[key]]
    else:
        node[key] = odd(chance)
    return value


def spoil(chance, text):
    """Bytes that may not even be JSON."""
    raw = bytearray(text.encode("utf-8", "surrogatepass"))
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(raw) + 1)
        how = chance.randrange(3)
        if how == 0:
            raw[at:at + chance.randrange(1, 8)] = b""
        elif how == 1:
            raw[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 5)))
        else:
            raw = raw[:at]
    return bytes(raw)


def pick_path(chance, route, ids):
    """The route's path with ids that exist, that do not, or that are no ids at all."""
    path = route.path
    right = {"id": ids.get(path.split("/")[1], "x"), "key": "a", "request": "req-1",
             "migration": "1"}
    for name, value in right.items():
        if "{" + name + "}" in path:
            if chance.random() < 0.3:
                value = chance.choice(list(ids.values()) + WRONG_IDS)
            path = path.replace("{" + name + "}", urllib.parse.quote(value, safe=""), 1)
    if chance.random() < 0.4:
        pairs = [(chance.choice(QUERIES), str(chance.choice(ODD))[:400])
                 for _ in range(chance.randrange(1, 4))]
        path += "?" + "&".join(f"{name}={urllib.parse.quote(value, safe='', errors='replace')}"
                               for name, value in pairs)
    return path


@test("no input, however wrong, makes a 500 or ends droverd")
def _():
    cloud, chance = world.fast, random.Random(SEED)
    server = cloud.create("target")
    host = cloud.get("/os-services?host=hosta", "2.53")["services"][0]["id"]
    hypervisor = cloud.get("/os-hypervisors", "2.53")["hypervisors"][0]["id"]
    answer = cloud.send("POST", "/flavors", {"flavor": {
        "id": "fuzzed", "name": "fuzzed", "ram": 64, "vcpus": 1, "disk": 1}})
    check(answer.status == 200, answer.text)
    ids = {"servers": server, "os-services": host, "os-hypervisors": hypervisor,
           "flavors": "fuzzed"}
    table = seeds(cloud)
    kept = ("/servers/{id}", "/flavors/{id}")
    routes = [route for route in read_routes()
              if not (route.method == "DELETE" and route.path in kept)]
    connection = http.client.HTTPConnection("127.0.0.1", cloud.drover.port, timeout=60)
    count, by_status, deadline = 0, {}, time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        route = chance.choice(routes)
        path = "/compute/v2.1" + pick_path(chance, route, ids)
        data = None
        if route.body:
            body = pick_body(chance, table, route.path)
            for _ in range(chance.randrange(3)):
                body = mutate(chance, body) if isinstance(body, (dict, list)) else body
            text = json.dumps(body)
            data = spoil(chance, text) if chance.random() < 0.2 else text.encode()
        version = version_of(route) if chance.random() < 0.6 else f"2.{chance.randrange(1, 97)}"
        user = "member" if chance.random() < 0.1 else "admin"
        headers = {"X-Auth-Token": cloud.tokens[user], "Content-Type": "application/json",
                   "OpenStack-API-Version": f"compute {version}"}
        connection.request(route.method, path, data, headers)
        reply = connection.getresponse()
        reply_body = reply.read()
        count += 1
        by_status[reply.status] = by_status.get(reply.status, 0) + 1
        check(reply.status < 500 or reply.status == 501,
              f"seed {SEED}, request {count}: {route.method} {path} at {version} with {data!r}: "
              f"{reply.status} {reply_body[:300]!r}")
        if reply_body:
            json.loads(reply_body)
    connection.close()
    check(cloud.drover.process.poll() is None, f"droverd ended: {cloud.drover.log()[-2000:]}")
    note(f"{count} requests, by status {dict(sorted(by_status.items()))}")
    check(count > 500, f"only {count} requests in {SECONDS} s")
    cloud.clean()
    for row in cloud.get("/flavors?is_public=None")["flavors"]:  # those that were made on the way
        if row["id"] not in ("tiny", "huge"):
            cloud.send("DELETE", "/flavors/" + urllib.parse.quote(row["id"]))
