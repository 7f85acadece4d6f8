# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Our own API: hosts, and migrations with their history."""
from tap import check, equal, test, wait_until
from world import world

HOSTS = "/drover/v1/hosts"


def add(name, uri, status, text=None, **more):
    answer = world.fast.other("POST", HOSTS, {"host": dict({"name": name, "uri": uri}, **more)})
    equal(answer.status, status, answer.text)
    check(text is None or text in answer.message, f"no {text!r} in {answer.text}")
    return answer.json


@test("a host is added, comes up, tells what it has, and is removed")
def _():
    host = add("hostx", "fake:///hostx", 201, zone="z1")["host"]
    equal((host["peer_uri"], host["pool"], host["zone"], host["status"]),
          ("fake:///hostx", "instances", "z1", "enabled"), "as added")

    def up():
        shown = world.fast.other("GET", f"{HOSTS}/hostx").json["host"]
        return shown["state"] == "up" and shown["facts"] and shown
    host = wait_until(up, "hostx is up", 10, 0.02)
    check(host["facts"]["vcpus"] > 0 and host["last_seen"] and host["connected"], host)
    equal(host["usage"]["instances"], 0, "usage")
    check("hostx" in [row["name"] for row in world.fast.other("GET", HOSTS).json["hosts"]], "list")
    add("hostx", "fake:///other", 409, "there is a host 'hostx' already")
    equal(world.fast.other("DELETE", f"{HOSTS}/hostx").status, 204, "remove")
    equal(world.fast.other("GET", f"{HOSTS}/hostx").status, 404, "gone")
    equal(world.fast.other("DELETE", f"{HOSTS}/hostx").status, 404, "remove again")


@test("a host with an instance stays")
def _():
    server = world.fast.create("staying")
    answer = world.fast.other("DELETE", f"{HOSTS}/{world.fast.host_of(server)}")
    equal(answer.status, 409, answer.text)
    world.fast.delete(server)


@test("plaintext, unknown and half URIs are refused with the reason")
def _():
    add("h", "qemu+tcp://h/system", 400, "neither encryption nor authentication")
    add("h", "qemu+tls://h/system?no_verify=1", 400, "whoever answers")
    add("h", "qemu:///system", 400, "begins with qemu+tls://")
    add("h", "qemu+ext://h/system?command=/bin/sh", 400, "begins with qemu+tls://")
    add("h", "qemu+tls:///system", 400, "names no host")
    add("h", "h", 400, "is not a URI")
    add("h", "fake:///h", 400, "certificates of droverd",
        peer_uri="qemu+tls://h/system?pkipath=/etc/pki")
    add("h", "fake:///h", 400, "neither encryption", peer_uri="qemu+tcp://h/system")
    add("h/../x", "fake:///h", 400, "does not match")
    add("", "fake:///h", 400, "is too short")
    add("h", "fake:///h", 400, "('colour' was unexpected)", colour="red")
    equal(world.fast.other("GET", f"{HOSTS}/h").status, 404, "nothing was added")


@test("the peer URI is the URI without droverd's own certificates")
def _():
    host = add("pki", "qemu+tls://127.0.0.1:1/system?pkipath=/etc/pki/drover", 201)["host"]
    equal(host["peer_uri"], "qemu+tls://127.0.0.1:1/system", "peer URI")
    equal(world.fast.other("DELETE", f"{HOSTS}/pki").status, 204, "remove")


@test("only administrators see hosts and migrations here")
def _():
    for user in ("member", "reader", "manager"):
        for path in (HOSTS, f"{HOSTS}/hosta", "/drover/v1/migrations", "/drover/v1/migrations/1"):
            equal(world.fast.other("GET", path, user=user).status, 403, path)
        equal(world.fast.other("POST", HOSTS, {}, user=user).status, 403, "add")
        equal(world.fast.other("DELETE", f"{HOSTS}/hosta", user=user).status, 403, "remove")


@test("a migration is shown with every state it was in and why, by number and by UUID")
def _():
    cloud = world.fast
    server = cloud.create("told")
    equal(cloud.live_migrate(server).status, 202, "migrate")
    row = cloud.wait_migration(server, "completed")
    told = cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
    equal((told["status"], told["state"], told["instance_uuid"], told["source_host"] ==
           told["dest_host"]), ("completed", "completed", server, False), "migration")
    states = [event["to"] for event in told["events"]]
    equal((states[0], states[-1]), ("queued", "completed"), "first and last state")
    equal([event["from"] for event in told["events"][1:]], states[:-1], "no gap")
    check(all(event["sentence"] and event["at"] for event in told["events"]), told["events"])
    check(told["total_ms"] >= 0 and "memory_total_bytes" in told["stats"], told)
    by_uuid = cloud.other("GET", f"/drover/v1/migrations/{row['uuid']}").json["migration"]
    equal(by_uuid["id"], row["id"], "by UUID")
    listed = cloud.other("GET", f"/drover/v1/migrations?instance_uuid={server}").json["migrations"]
    equal([entry["id"] for entry in listed], [row["id"]], "list")
    for query, status in (("status=completed", 200), ("status=nonsense", 400), ("colour=red", 400),
                          ("in_progress=true", 200)):
        equal(cloud.other("GET", f"/drover/v1/migrations?{query}").status, status, query)
    for name in ("999999", "nothing", "-1", "11111111-2222-4333-8444-555555555555"):
        equal(cloud.other("GET", f"/drover/v1/migrations/{name}").status, 404, name)
    cloud.delete(server)


@test("a running migration shows its progress, and pause_first lets it end")
def _():
    cloud = world.slow
    server = cloud.create("slow")
    equal(cloud.live_migrate(server).status, 202, "migrate")
    row = cloud.wait_migration(server, "running")

    def told():
        return cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
    wait_until(lambda: (told()["stats"]["memory_processed_bytes"] or 0) > 0, "bytes flow", 15, 0.1)
    path = f"/drover/v1/instances/{server}/migrations/{row['id']}/pause_first"
    equal(cloud.other("POST", path, user="member").status, 403, "a member")
    equal(cloud.other("POST", path.replace(server, "other")).status, 404, "another instance")
    equal(cloud.other("POST", path).status, 202, "pause first")
    wait_until(lambda: told()["status"] == "completed", "it has ended", 60, 0.1)
    equal(cloud.other("POST", path).status, 409, "it is over")
    cloud.delete(server)
