# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Every no has the status and the sentence that clients expect, and changes nothing."""
import json

from tap import check, contains, equal, test, wait_until
from world import world

guest = {}


def server_id():
    if "id" not in guest:
        guest["id"] = world.create("refused", host="hosta")
    return guest["id"]


def unchanged():
    shown = world.drover.server(server_id())
    equal((shown["status"], shown["OS-EXT-SRV-ATTR:host"], shown["OS-EXT-STS:task_state"]),
          ("ACTIVE", "hosta", None), "the instance")


def ends_in_error(answer, part):
    """202 at first, then a migration in error with a reason; the instance as it was."""
    equal(answer.status, 202, answer.text)
    row = world.wait_migration(server_id())
    equal(row["status"], "error", "the migration")
    contains(world.story(row["id"]), part, "its reason")
    unchanged()


@test("an unknown host is 400 'Compute host D could not be found.'")
def _():
    answer = world.migrate(server_id(), "nowhere")
    equal((answer.status, answer.message), (400, "Compute host nowhere could not be found."),
          "answer")
    unchanged()


@test("the host it is on: 400 below 2.34, and from 2.34 a migration in error")
def _():
    answer = world.migrate(server_id(), "hosta", version="2.30")
    equal(answer.status, 400, answer.text)
    contains(answer.message, "hosta", "the sentence")
    unchanged()
    ends_in_error(world.migrate(server_id(), "hosta"), "hosta")


@test("below 2.25 block_migration false on local pools is refused as Nova does (S3-39)")
def _():
    answer = world.drover.compute("POST", f"/servers/{server_id()}/action", {"os-migrateLive": {
        "host": None, "block_migration": False, "disk_over_commit": False}}, "2.1")
    equal(answer.status, 400, answer.text)
    contains(answer.message, "is not on shared storage", "the sentence")
    unchanged()


@test("a dry run says no to --shared-migration on local pools, to each host and as a whole, in the "
      "sentence that the request is then refused with, and nothing is touched (S0-11, S3-39)")
def _():
    moves = ("server", "migrate", "--live-migration", "--shared-migration", "--host", "hostb")
    unchanged()
    told = json.loads(world.drover.drover(
        "explain", "refused", "--live", "--shared-migration", "--json"))
    answer = world.migrate(server_id(), "hostb", block=False, version="2.30")
    equal(answer.status, 400, answer.text)
    contains(answer.message, "hosta is not on shared storage: ", "the request's sentence")
    equal((told["chosen"], told["reason"]), (None, answer.message), "the dry run's")
    rows = {host["name"]: row for host in told["hosts"] for row in host["checks"]
            if row["check"] == "storage"}
    equal({name: row["have"] for name, row in rows.items() if row["result"] == "fail"},
          {"hostb": answer.message, "hostc": answer.message}, "of each host")
    output = world.drover.drover(*moves, "--dry-run", "refused", check=False)[1]
    contains(output, f"(the request would be told: {answer.message})", "the command's")
    output = world.drover.drover(*moves, "--wait", "refused", check=False)[1]
    contains(output, answer.message, "the command's own request")
    unchanged()
    equal(world.runs_on(server_id()), {"hosta": "running"}, "libvirt says")


@test("a full host is refused with what it has and what is needed (S3-21)")
def _():
    answer = world.drover.compute("POST", "/flavors", {"flavor": {
        "name": "huge", "id": "huge", "ram": 16000000, "vcpus": 1, "disk": 1}})
    check(answer.status in (200, 409), answer.text)
    answer = world.drover.compute("POST", "/servers", {"server": {
        "name": "toobig", "flavorRef": "huge", "imageRef": world.ids["guest"],
        "networks": "none"}})
    equal(answer.status, 202, answer.text)
    toobig = answer.json["server"]["id"]
    wait_until(lambda: world.drover.server(toobig)["status"] == "ERROR", "it is in ERROR", 30)
    fault = world.drover.server(toobig)["fault"]["message"]
    contains(fault, "No valid host was found", "the fault")
    contains(fault, "16000000", "what is needed")
    world.delete(toobig)


def disk_row(host):
    """What the dry run says of the disk that a host has left."""
    answer = world.drover.admin(
        "GET", f"/drover/v1/instances/{server_id()}/explanation?move=live&host={host}")
    equal(answer.status, 200, answer.text)
    row, = (row for row in answer.json["explanation"]["hosts"] if row["name"] == host)
    return next(one for one in row["checks"] if one["check"] == "disk")


def take_disk(name, size_gib):
    """A server on hostb that may come to write so much; its id."""
    answer = world.drover.compute("POST", "/flavors", {"flavor": {
        "name": name, "id": name, "ram": 128, "vcpus": 1, "disk": size_gib}})
    check(answer.status in (200, 409), answer.text)
    answer = world.drover.compute("POST", "/servers", {"server": {
        "name": name, "flavorRef": name, "imageRef": world.ids["guest"], "networks": "none",
        "host": "hostb"}})
    equal(answer.status, 202, answer.text)
    world.wait_status(answer.json["server"]["id"], "ACTIVE")
    world.drover.compute("DELETE", f"/flavors/{name}")
    return answer.json["server"]["id"]


@test("a live migration to a host whose disk other servers have claimed is refused with what is "
      "needed and what it has, at once below 2.34 (S3-21)")
def _():
    # Two halves: what nobody has written yet is not looked at for each of them.
    free = int(disk_row("hostb")["have"].split()[0])
    hogs = []
    try:
        for name, size in (("hog1", free // 2), ("hog2", free - free // 2)):
            hogs.append(take_disk(name, size))
        row = disk_row("hostb")
        equal((row["needed"], row["have"].split()[:2]), ("1 GiB", ["0", "GiB"]), "the dry run")
        ends_in_error(world.migrate(server_id(), "hostb"), "disk")
        answer = world.migrate(server_id(), "hostb", version="2.30")
        equal(answer.status, 400, answer.text)
        for part in ("hostb", "1 GiB", "0 GiB"):
            contains(answer.message, part, "the refusal")
        unchanged()
        equal(world.runs_on(server_id()), {"hosta": "running"}, "libvirt says")
    finally:
        for hog in hogs:
            world.delete(hog)


@test("a disabled host is not chosen, and refused when it is named (S1-07, S2-04)")
def _():
    for host in ("hostb", "hostc"):
        world.drover.openstack("compute", "service", "set", host, "nova-compute", "--disable")
    try:
        ends_in_error(world.migrate(server_id()), "disabled")
        ends_in_error(world.migrate(server_id(), "hostb"), "disabled")
    finally:
        for host in ("hostb", "hostc"):
            world.drover.openstack("compute", "service", "set", host, "nova-compute", "--enable")


@test("a second migration of a moving instance is 409 and names its task_state (S3-17)")
def _():
    for host in world.lab.hosts:
        world.lab("limit", host, "20mbit")
    try:
        equal(world.migrate(server_id()).status, 202, "the first")
        answer = world.migrate(server_id())
        equal((answer.status, answer.message),
              (409, f"Cannot 'os-migrateLive' instance {server_id()} while it is in task_state "
                    "migrating"), "the second")
        answer = world.drover.compute(
            "POST", f"/servers/{server_id()}/action", {"os-stop": None})
        equal(answer.status, 409, "stop meanwhile")
        row = wait_until(lambda: (row := world.last_migration(server_id()))["status"] == "running"
                         and row, "it runs", 60)
        world.drover.compute("DELETE", f"/servers/{server_id()}/migrations/{row['id']}")
        world.wait_migration(server_id())
    finally:
        for host in world.lab.hosts:
            world.lab("heal", host)
    unchanged()


@test("a wrong password is 401, and the client says so")
def _():
    code, text = world.drover.openstack("server", "list", password="wrong", check=False)
    check(code != 0, "exit code")
    contains(text, "401", "the client's text")


def check_forbidden(rule, client, *words):
    """That client of the member is told which rule is not for her."""
    code, text = client(*words, check=False, user="alice", password="alice-secret",
                        project="demo")
    check(code != 0, f"{words}: {text}")
    contains(text, f"Policy doesn't allow os_compute_api:{rule} to be performed", words)


@test("a member may not migrate, nor see or set hosts by any client: 403 with the name of the rule "
      "(S1-11, S3-56)")
def _():
    drover = world.drover
    drover.openstack("project", "create", "demo")
    drover.openstack("user", "create", "--password", "alice-secret", "alice")
    drover.openstack("role", "add", "--user", "alice", "--project", "demo", "member")
    created = drover.openstack("server", "create", "--flavor", "m1.tiny", "--image", "guest",
                               "--network", "private", "--wait", "-f", "value", "-c", "id", "hers",
                               user="alice", password="alice-secret", project="demo").strip()
    try:
        check_forbidden("os-migrate-server:migrate_live", drover.openstack, "server", "migrate",
                        "hers", "--live-migration")
        check_forbidden("os-evacuate", drover.openstack, "server", "evacuate", "hers")
        check_forbidden("os-services:list", drover.nova, "service-list")
        check_forbidden("os-hypervisors:list-detail", drover.openstack, "hypervisor", "list")
        check_forbidden("os-hosts:show", drover.drover, "host-describe", "hosta")
        code, text = drover.openstack("server", "show", "refused", check=False, user="alice",
                                      password="alice-secret", project="demo")
        check(code != 0, "another project's server is not seen")
        shown = drover.openstack("server", "show", "hers", user="alice",
                                 password="alice-secret", project="demo")
        check("OS-EXT-SRV-ATTR:host " not in shown, "hosts are not shown to members")
    finally:
        world.delete(created)


@test("malformed JSON and a body too large are refused and nothing is changed")
def _():
    drover = world.drover
    path = f"/compute/v2.1/servers/{server_id()}/action"
    answer = drover.admin("POST", path, raw=b'{"os-migrateLive": {')
    equal(answer.status, 400, answer.text)
    contains(answer.message, "alformed request body", "the sentence")
    answer = drover.admin("POST", path, raw=b'{"os-migrateLive": "' + b"x" * (2 << 20) + b'"}')
    equal(answer.status, 413, answer.text[:200])
    answer = drover.compute("POST", f"/servers/{server_id()}/action", {"os-migrateLive": {
        "host": None, "block_migration": "auto", "surprise": 1}})
    equal(answer.status, 400, answer.text)
    contains(answer.message, "'surprise' was unexpected", "the sentence")
    unchanged()
    world.delete(server_id())
