# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A create that its host could not carry out: which other hosts it is tried on, how often, and what
is told of each."""
import tempfile

from tap import check, contains, equal, wait_until
from test_dead_volumes import DeadCloud
from test_evacuate import force_down
from world import Cloud, test

NO = {name: f"start_guest on host '{name}' failed by a fault filter" for name in ("hosta", "hostb")}


def make_cloud(most=None):
    more = {"hypervisor": {"filters": "fault:start_guest/hosta=refused, "
                                      "fault:ensure_base/hostb@1=refused, "
                                      "fault:start_guest/hostb=refused"}}
    if most is not None:
        more["scheduler"] = {"max_attempts": most}
    return Cloud(("hosta", "hostb", "hostc"), more=more)


def details(cloud, server):
    """What an administrator reads of the create, from its first state on."""
    (action,) = cloud.get(f"/servers/{server}/os-instance-actions", "2.96")["instanceActions"]
    path = f"/servers/{server}/os-instance-actions/{action['request_id']}"
    action = cloud.get(path, "2.96")["instanceAction"]
    return action, [row["details"] or "" for row in reversed(action["events"])]


def used(cloud):
    rows = cloud.get("/os-hypervisors/detail", "2.42")["hypervisors"]
    return {row["hypervisor_hostname"]: row["vcpus_used"] for row in rows}


@test("a server is tried on the next host when one gives it no image and another does not start "
      "it, nothing of it stays there, and each reason is told")
def _():
    cloud = make_cloud()
    try:
        server = cloud.create("tried")
        equal(cloud.host_of(server), "hostc", "the third host")
        check("fault" not in cloud.server(server), "one that runs has a fault")
        action, told = details(cloud, server)
        equal(action["message"], None, "the action has come to a good end")
        tried = [text for text in told if "another is tried" in text]
        equal(len(tried), 2, f"one for each host that was let go: {told}")
        contains(tried[0], f"hosta cannot have it, another is tried: {NO['hosta']}", "the first")
        contains(tried[1], "hostb cannot have it, another is tried: ensure_base on host 'hostb' "
                 "failed", "the second")
        equal(used(cloud), {"hosta": 0, "hostb": 0, "hostc": 1}, "what is claimed")
        answer = cloud.other("GET", "/drover/v1/leftovers")
        equal(answer.json["leftovers"], [], "what is left behind")

        # Who asks for a host gets that one or none.
        asked = cloud.create("asked", wait=False, host="hosta")
        cloud.wait_status(asked, "ERROR")
        contains(cloud.server(asked)["fault"]["message"], NO["hosta"], "its fault")
        equal(cloud.host_of(asked), None, "nothing of it is there")
        equal([text for text in details(cloud, asked)[1] if "another" in text], [], "one attempt")

        # Nobody is left: each host with what it said.
        answer = cloud.send("PUT", "/os-services/disable",
                            {"host": "hostc", "binary": "nova-compute"}, "2.1")
        equal(answer.status, 200, answer.text)
        nowhere = cloud.create("nowhere", wait=False)
        cloud.wait_status(nowhere, "ERROR")
        fault = cloud.server(nowhere)["fault"]
        for text in ("No valid host was found. 3 hosts: ", "2 failed 'destination-check'",
                     NO["hosta"]):
            contains(fault["message"], text, "the fault")
        for name in NO:
            contains(fault["details"], f"before: {name} cannot have it, another is tried: "
                     f"{NO[name]}", "its details")
        equal(cloud.host_of(nowhere), None, "it is on no host")
        equal(used(cloud), {"hosta": 0, "hostb": 0, "hostc": 1}, "what is claimed")
        cloud.delete(server, asked, nowhere)
    finally:
        cloud.drover.remove()


@test("a server is tried on as many hosts as [scheduler] max_attempts says, and then told in "
      "Nova's words")
def _():
    cloud = make_cloud(2)
    try:
        server = cloud.create("tried", wait=False)
        cloud.wait_status(server, "ERROR")
        fault = cloud.server(server)["fault"]
        contains(fault["message"], "Exceeded maximum number of retries. Exceeded max scheduling "
                 f"attempts 2 for instance {server}. Last exception: ensure_base on host 'hostb' "
                 "failed", "the fault")
        contains(fault["details"], f"before: hosta cannot have it, another is tried: {NO['hosta']}",
                 "its details")
        equal(used(cloud), {"hosta": 0, "hostb": 0, "hostc": 0}, "what is claimed")
        cloud.delete(server)
    finally:
        cloud.drover.remove()
    cloud = make_cloud(1)
    try:
        server = cloud.create("once", wait=False)
        cloud.wait_status(server, "ERROR")
        check(cloud.server(server)["fault"]["message"].startswith(NO["hosta"]), "the host's words")
        cloud.delete(server)
    finally:
        cloud.drover.remove()
    # Where something may be left it would not have been tried again, whatever the number.
    cloud = Cloud(("hosta", "hostb"), more={
        "hypervisor": {"filters": "fault:start_guest=refused, fault:remove_guest/hostb@1=refused"},
        "scheduler": {"max_attempts": 2}})
    try:
        server = cloud.create("stuck", wait=False)
        cloud.wait_status(server, "ERROR")
        check(cloud.server(server)["fault"]["message"].startswith(NO["hostb"]), "the host's words")
        equal(used(cloud), {"hosta": 0, "hostb": 1}, "what is claimed")
        cloud.delete(server)
    finally:
        cloud.drover.remove()


@test("a server is tried on the next host when one has no room for its image, its disks or its "
      "start, and never again when what was asked for is wrong")
def _():
    hosts = ("hosta", "hostb", "hostc", "hostd")
    filters = ("fault:ensure_base/hosta=limit, fault:create_guest/hostb=limit, "
               "fault:start_guest/hostc=limit, fault:create_guest/hostd@1=invalid")
    cloud = Cloud(hosts, more={"hypervisor": {"filters": filters},
                               "scheduler": {"max_attempts": 4}})
    try:
        wrong = cloud.create("wrong", wait=False)
        cloud.wait_status(wrong, "ERROR")
        tried = [text for text in details(cloud, wrong)[1] if "another is tried" in text]
        verbs = ("ensure_base", "create_guest", "start_guest")
        for host, verb, text in zip(hosts[:3], verbs, tried, strict=True):
            contains(text, f"{host} cannot have it, another is tried: {verb} on host '{host}' "
                     "failed by a fault filter: limit", f"what {host} says")
        message = cloud.server(wrong)["fault"]["message"]
        check(message.startswith("create_guest on host 'hostd' failed"), f"its fault: {message}")
        equal(set(used(cloud).values()), {0}, "what is claimed")
        equal(cloud.other("GET", "/drover/v1/leftovers").json["leftovers"], [], "what is left")
        right = cloud.create("right")
        equal(cloud.host_of(right), "hostd", "the fourth host")
        cloud.delete(wrong, right)
    finally:
        cloud.drover.remove()


@test("a server whose image is gone, and whose host dies before it has it, is tried on others, "
      "which bring it from a host that has it or say why they do not take it")
def _():
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        cloud = DeadCloud(
            directory, "fault:ensure_base/hosta=down, fault:copy_base/hostb=limit, "
            "fault:copy_base/hostc=refused", ("hosta", "hostb", "hostc", "hostd", "hoste"),
            scheduler={"max_attempts": 5})
        try:
            keeper = cloud.create("keeper", host="hoste")
            server = cloud.create("orphan", wait=False)
            wait_until(lambda: cloud.host_of(server) == "hosta", "its first host")
            answer = cloud.other("DELETE", f"/image/v2/images/{cloud.ids['guest']}")
            equal(answer.status, 204, answer.text)
            cloud.set_power(False)
            equal(force_down(cloud, "hosta", True).status, 200, "down")
            cloud.wait_status(server, "ACTIVE")
            equal(cloud.host_of(server), "hostd", "its host")
            tried = [text for text in details(cloud, server)[1] if "another is tried" in text]
            for text, why in zip(tried, ("hosta cannot have it, another is tried: host 'hosta' is "
                                         "dead", "copy_base on host 'hostb' failed by a fault "
                                         "filter: limit", "copy_base on host 'hostc' failed by a "
                                         "fault filter: "), strict=True):
                contains(text, why, "what is told")
            cloud.delete(server, keeper)
        finally:
            cloud.drover.remove()
