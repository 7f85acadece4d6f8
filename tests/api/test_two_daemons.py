# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Two droverd on one database: the second is refused, and where the lock was got round the first
one writes nothing more and ends, so that nothing is given twice."""
import collections
import os
import shutil
import sqlite3
import tempfile
import threading

from drover import Droverd
from tap import check, equal, wait_until
from world import Cloud, test

N_REQUESTS = 6  # to each of them


def fleet_file(directory):
    return {"path": os.path.join(directory, "fleet.db")}


def second(first, directory, database):
    """Another droverd on that database and the same fleet, with a port of its own."""
    drover = Droverd({"DEFAULT": {"state_path": first.directory}, "fake": fleet_file(directory),
                      "database": {"connection": f"sqlite://{database}"}},
                     directory=tempfile.mkdtemp(dir=directory), wait=False)
    drover.password = first.password
    return drover


def half_a_host(cloud):
    """The flavor of which a host takes one."""
    host = cloud.get("/os-hypervisors/detail", "2.53")["hypervisors"][0]
    answer = cloud.send("POST", "/flavors", {"flavor": {
        "id": "half", "name": "half", "vcpus": 1, "disk": 1, "ram": host["memory_mb"] * 9 // 10}})
    equal(answer.status, 200, f"flavor: {answer.text}")


def race(cloud, daemons):
    """At once to each of them. What they answered: (which, status) -> texts."""
    token = daemons[1].login()  # tokens are in the database: good for both
    start = threading.Barrier(len(daemons) * N_REQUESTS)
    answers = collections.defaultdict(list)

    def ask(which, number):
        body = cloud.body(f"d{which}-{number}", flavorRef="half")
        start.wait(60)
        try:
            answer = daemons[which].send("POST", "/compute/v2.1/servers", body, token)
        except OSError as problem:  # it has ended
            answers[which, None].append(str(problem))
        else:
            answers[which, answer.status].append(answer.text)

    threads = [threading.Thread(target=ask, args=(which, number))
               for which in range(len(daemons)) for number in range(N_REQUESTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    return answers


def settled(drover, n_servers):
    """All servers, once each of them is what it will be."""
    def look():
        rows = drover.compute("GET", "/servers/detail?all_tenants=1").json["servers"]
        return len(rows) >= n_servers and all(
            row["status"] in ("ACTIVE", "ERROR") and not row["OS-EXT-STS:task_state"]
            for row in rows) and rows
    return wait_until(look, "every server is settled", 60, 0.1)


@test("of two droverd on one database the second is refused, by whatever name it calls it")
def _():
    directory = tempfile.mkdtemp(prefix="drover-test-")
    cloud = Cloud(["hosta"], fleet_file(directory))
    others = []
    try:
        first = cloud.drover
        link = os.path.join(directory, "link.db")
        os.symlink(f"{first.directory}/drover.db", link)
        for database in (f"{first.directory}/drover.db", link):
            others.append(second(first, directory, database))
            equal(others[-1].process.wait(60), 1, "its status")
            says = others[-1].log()
            check("is in use by another droverd" in says, says)
            check(f"process {first.process.pid}" in says, says)
        cloud.create("goes-on")
    finally:
        for drover in others + [cloud.drover]:
            drover.remove()
        shutil.rmtree(directory, ignore_errors=True)


@test("two droverd on one database whose lock was deleted give the last slot away once")
def _():
    directory = tempfile.mkdtemp(prefix="drover-test-")
    cloud = Cloud(["hosta"], fleet_file(directory))
    first, other = cloud.drover, None
    try:
        half_a_host(cloud)
        # The first one knows the host by heart from here on.
        cloud.delete(cloud.create("before"))
        os.unlink(f"{first.directory}/drover.db.lock")
        other = second(first, directory, f"{first.directory}/drover.db")
        other.wait_ready()
        wait_until(other.is_up, "the second is up", 60)
        answers = race(cloud, [first, other])

        equal(first.process.wait(60), 1, "the first one's status")
        says = first.log()
        check("droverd ends: database" in says and "was taken over by another droverd" in says,
              says[-1000:])
        equal({which: status for which, status in answers if status == 202}, {1: 202},
              f"who accepted: {dict(answers)}")
        equal(len(answers[1, 202]), N_REQUESTS, f"what the second accepted: {dict(answers)}")
        for text in answers[0, 503]:
            check("was taken over by another droverd" in text, text)

        rows = settled(other, N_REQUESTS)
        equal(sorted(row["status"] for row in rows), ["ACTIVE"] + ["ERROR"] * (N_REQUESTS - 1),
              "the servers")
        with sqlite3.connect(f"file:{directory}/fleet.db?mode=ro", uri=True) as fleet:
            equal(fleet.execute("select count(*) from domains").fetchone()[0], 1, "domains")
        host = other.compute("GET", "/os-hypervisors/detail", version="2.53").json["hypervisors"][0]
        equal(host["running_vms"], 1, "guests, as the API counts them")
    finally:
        for drover in (first, other):
            if drover:
                drover.remove()
        shutil.rmtree(directory, ignore_errors=True)
