# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Aggregates that are pools of hosts: by the stock client as its guide says it, who may join and
leave, and where guests of a pool may go."""
import json
import os
import subprocess
import tempfile

from drover import DROVERD
from tap import check, contains, equal, wait_until
from test_aggregates import act, create
from test_clients import openstack, rows
from test_explain import checks_of, explain, hosts_of
from test_volumes import attach
from test_volumes import make as make_volume
from world import Cloud, test


def pool_of(cloud, number):
    return cloud.get(f"/os-aggregates/{number}")["aggregate"]["metadata"]


def wait_pool(cloud, number, state):
    wait_until(lambda: pool_of(cloud, number)["operational_state"] == state,
               f"the pool is {state}: {pool_of(cloud, number)}", 15, 0.02)
    return pool_of(cloud, number)


def make_pool(cloud, name, *hosts, **more):
    number = create(cloud, name)["id"]
    act(cloud, number, "set_metadata", {"metadata": dict({"hypervisor_pool": "true"}, **more)})
    for host in hosts:
        act(cloud, number, "add_host", {"host": host})
        wait_pool(cloud, number, "active")
    return number


def make_cloud():
    """Three hosts on one storage, and two that have their own."""
    cloud = Cloud(())
    for name in ("share1", "share2", "share3"):
        cloud.add_host(name, pool="shared")
    cloud.add_host("own1")
    cloud.add_host("own2")
    cloud.drover.wait_hosts_up(5)
    return cloud


@test("openstack makes a pool of hosts: the first is its master, and others join when they have no "
      "servers and share its storage [S4-33] [S4-34] [S4-37] [S4-38] [S4-39] [S4-40]")
def _():
    cloud = make_cloud()
    try:
        made = rows(cloud, "aggregate", "create", "--zone", "west", "west-pool")
        number = made["id"]
        openstack(cloud, "aggregate", "set", "--property", "hypervisor_pool=true", "west-pool")
        equal(pool_of(cloud, number), {"availability_zone": "west", "hypervisor_pool": "true",
                                       "operational_state": "created"}, "a pool without hosts")
        openstack(cloud, "aggregate", "set", "--property", "operational_state=created",
                  "west-pool")
        openstack(cloud, "aggregate", "set", "--property", "operational_state=active", "west-pool",
                  fails="operational_state of a pool is written by drover")
        stays = cloud.create("stays", host="share3")
        openstack(cloud, "aggregate", "add", "host", "west-pool", "share1")
        shown = wait_pool(cloud, number, "active")
        equal(shown, {"availability_zone": "west", "hypervisor_pool": "true",
                      "operational_state": "active", "master_compute": "share1",
                      "default_storage": "shared"}, "the first host is the master")
        openstack(cloud, "aggregate", "add", "host", "west-pool", "share2")
        wait_pool(cloud, number, "active")
        openstack(cloud, "aggregate", "add", "host", "west-pool", "share3",
                  fails="host 'share3' has 1 instance, and a host that joins a pool has none")
        openstack(cloud, "aggregate", "add", "host", "west-pool", "own1",
                  fails="are in the storage pool 'instances', and the default_storage is 'shared'")
        shown = rows(cloud, "aggregate", "show", "west-pool")
        equal(shown["hosts"], ["share1", "share2"], "its hosts")
        cloud.delete(stays)
        openstack(cloud, "aggregate", "add", "host", "west-pool", "share3")
        wait_pool(cloud, number, "active")
        check("joining_compute" not in pool_of(cloud, number), "nobody joins any more")
    finally:
        cloud.drover.remove()


@test("a host that does not share the master's storage puts its pool into error, takes no servers, "
      "and can be taken out again [S4-33] [S4-38]")
def _():
    cloud = make_cloud()
    try:
        number = make_pool(cloud, "rack", "own1")
        answer = act(cloud, number, "add_host", {"host": "own2"}).json["aggregate"]
        equal((answer["hosts"], answer["metadata"]["joining_compute"]), (["own1", "own2"], "own2"),
              "the reply")
        shown = wait_pool(cloud, number, "error")
        equal((shown["joining_compute"], shown["master_compute"], shown["operational_error"]),
              ("own2", "own1", "storage pool 'instances' of host 'own2' is not the one of the "
               "master 'own1': both have to mount the same"), "the pool")
        server = cloud.create("lives", host="own1")
        row = checks_of(hosts_of(explain(cloud, server, "?move=cold"))["own2"])["pool"]
        equal((row["result"], row["needed"], row["have"], row["fix"]),
              ("fail", "a host that is not joining a pool", "joining pool 'rack'",
               "wait until the pool's operational_state is active, or take the host out of it"),
              "explained")
        answer = cloud.send("POST", "/servers", cloud.body("no", host="own2"), "2.96")
        cloud.wait_status(answer.json["server"]["id"], "ERROR")
        contains(cloud.server(answer.json["server"]["id"])["fault"]["message"], "'pool'", "fault")
        cloud.refused(act(cloud, number, "add_host", {"host": "share1"}, 409), 409,
                      f"Cannot add host to aggregate {number}. Reason: the pool is in error, since "
                      "host 'own2' could not join: take that one out first.")
        shown = act(cloud, number, "remove_host", {"host": "own2"}).json["aggregate"]["metadata"]
        equal(shown, {"hypervisor_pool": "true", "operational_state": "active",
                      "master_compute": "own1", "default_storage": "instances"}, "without it")
        row = checks_of(hosts_of(explain(cloud, server, "?move=cold"))["own2"])["pool"]
        equal(row["result"], "pass", "own2 takes servers again")
    finally:
        cloud.drover.remove()


@test("a pool's metadata is drover's, its master leaves last, and members leave without servers "
      "[S4-37] [S4-38] [S4-39]")
def _():
    cloud = make_cloud()
    try:
        number = make_pool(cloud, "rack", "share1", "share2")
        other = make_pool(cloud, "other", default_storage="instances")
        plain = create(cloud, "plain")["id"]
        act(cloud, plain, "add_host", {"host": "own1"})
        server = cloud.create("lives", host="share2")
        for which, action, value, status, text in (
                (number, "set_metadata", {"metadata": {"master_compute": "share2"}}, 400,
                 "master_compute of a pool is written by drover"),
                (number, "set_metadata", {"metadata": {"hypervisor_pool": None}}, 400,
                 "it has hosts: take them out before it is a pool no more"),
                (number, "set_metadata", {"metadata": {"block_migration": "yes"}}, 400,
                 "block_migration is true or false, not 'yes'"),
                (plain, "set_metadata", {"metadata": {"hypervisor_pool": "true"}}, 400,
                 "it has hosts: take them out before it becomes a pool"),
                (number, "remove_host", {"host": "share1"}, 409,
                 "host 'share1' is the master of the pool: take its other hosts out first"),
                (number, "remove_host", {"host": "share2"}, 409,
                 "host 'share2' has 1 instance in the storage of the pool"),
                (other, "add_host", {"host": "share3"}, 409, "the default_storage is 'instances'"),
                (other, "add_host", {"host": "share1"}, 409,
                 "host 'share1' is in the pool 'rack', and no host is in two")):
            cloud.refused(act(cloud, which, action, value, status), status, text)
        cloud.delete(server)
        answer = cloud.other("DELETE", "/drover/v1/hosts/share1")
        equal(answer.status, 409, answer.text)
        contains(answer.text, "host 'share1' is the master of the pool", "a host that is deleted")
        answer = cloud.other("DELETE", "/drover/v1/hosts/share2")
        equal(answer.status, 204, answer.text)
        row = act(cloud, number, "remove_host", {"host": "share1"}).json["aggregate"]
        equal((row["hosts"], row["metadata"]), ([], {"hypervisor_pool": "true",
                                                     "operational_state": "created"}), "empty")
        act(cloud, number, "set_metadata", {"metadata": {"hypervisor_pool": None}})
        equal(pool_of(cloud, number), {}, "a pool no more")
    finally:
        cloud.drover.remove()


@test("guests of a pool move live inside it, and out of it by copies alone where the pool says so: "
      "each no is a row of explain [S4-41] [S4-43]")
def _():
    cloud = make_cloud()
    try:
        number = make_pool(cloud, "rack", "share1", "share2")
        server = cloud.create("lives", host="share1")

        def pool_rows():
            return {name: checks_of(row)["pool"] for name, row in
                    hosts_of(explain(cloud, server, "?move=live")).items()}
        told = pool_rows()
        equal({name: row["result"] for name, row in told.items()},
              {"share1": "pass", "share2": "pass", "share3": "fail", "own1": "fail",
               "own2": "fail"}, "inside")
        equal((told["own1"]["needed"], told["own1"]["have"]),
              ("a host of pool 'rack'", "in no pool"), "the row")
        contains(told["own1"]["fix"], "set block_migration=true on the pools", "the fix")
        equal(cloud.live_migrate(server, "own1").status, 202, "out of the pool")
        cloud.wait_migration(server, "error")
        cloud.wait_idle(server)
        equal(cloud.live_migrate(server).status, 202, "wherever it may go")
        equal(cloud.wait_migration(server, "completed", "error")["dest_compute"], "share2",
              "only inside")
        cloud.wait_idle(server)

        act(cloud, number, "set_metadata", {"metadata": {"block_migration": "true"}})
        told = pool_rows()
        equal({name: row["result"] for name, row in told.items()},
              {"share1": "pass", "share2": "pass", "share3": "fail", "own1": "pass",
               "own2": "pass"}, "with copies")
        contains(told["share3"]["fix"], "take the host into the pool", "one storage")
        equal(cloud.live_migrate(server, "own1", block=False).status, 202, "without copies")
        cloud.wait_migration(server, "error")
        cloud.wait_idle(server)
        volume = make_volume(cloud, "data", 1)
        equal(attach(cloud, server, volume).status, 200, "a volume")
        wait_until(lambda: pool_rows()["own1"]["result"] == "fail", "it counts")
        contains(pool_rows()["own1"]["fix"], "detach its volumes", "the volume")
        equal(cloud.send("DELETE", f"/servers/{server}/os-volume_attachments/{volume}").status,
              202, "detach")
        wait_until(lambda: pool_rows()["own1"]["result"] == "pass", "it is gone")
        cloud.wait_idle(server)
        equal(cloud.live_migrate(server, "own1", block=True).status, 202, "with copies")
        equal(cloud.wait_migration(server, "completed", "error")["status"], "completed", "it moved")
        cloud.wait_idle(server)
        equal(cloud.live_migrate(server, "share2").status, 202, "and back into the pool")
        equal(cloud.wait_migration(server, "completed", "error")["status"], "completed", "it moved")
    finally:
        cloud.drover.remove()


@test("drover aggregate tells a pool's state and master, in a table and in JSON [S4-38] [S4-39]")
def _():
    cloud = make_cloud()
    try:
        drover = cloud.drover.drover
        drover("aggregate", "create", "--property", "hypervisor_pool=true", "--property",
               "ssd=true", "rack")
        (row,) = json.loads(drover("aggregate", "list", "--json"))
        equal((row["pool"], row["properties"]), ("created", "ssd=true"), "without hosts")
        drover("aggregate", "add", "host", "rack", "share1")
        wait_pool(cloud, 1, "active")
        contains(drover("aggregate", "list"), "active, master share1", "the list")
        shown = json.loads(drover("aggregate", "show", "rack", "--json"))
        equal((shown["metadata"]["operational_state"], shown["metadata"]["master_compute"]),
              ("active", "share1"), "show")
        contains(drover("aggregate", "add", "host", "--help"), "a host that joins a pool",
                 "the help")
    finally:
        cloud.drover.remove()


@test("sr_matching_filter is taken with a warning that names what takes its place [S4-35]")
def _():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "drover.conf")
        for section in ("xenserver", "DEFAULT"):
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"[{section}]\nsr_matching_filter = default-sr:true\n")
            done = subprocess.run([DROVERD, "--config", path, "--check-config"],
                                  capture_output=True, text=True, timeout=20, check=False)
            equal(done.returncode, 0, done.stderr)
            contains(done.stdout + done.stderr, "default_storage of its aggregate", section)
