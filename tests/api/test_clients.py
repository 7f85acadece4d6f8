# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""The unmodified clients: openstack, nova, the SDK; and what newer ones send, by plain HTTP."""
import json
import warnings

from drover import is_mixed_up
from tap import check, contains, equal, wait_until
from world import test, world


def openstack(cloud, *arguments, fails=None, **who):
    """Its output, which must be an error with that text in it when fails is given."""
    code, output = cloud.drover.openstack(*arguments, check=False, **who)
    where = f"openstack {' '.join(arguments)}: exit {code}: {output}"
    if fails is None:
        check(code == 0, where)
    else:
        check(code == 1 and tells(output, fails), f"no {fails!r} in {where}")
    return output


def tells(output, fails):
    """Debian 12's client has the status behind the sentence, that of Debian 13 before it."""
    sentence, _, status = fails.partition(" (HTTP ")
    return sentence in output and (fails in output or f"{status[:-1]}: Client Error" in output)


def rows(cloud, *arguments, **who):
    return json.loads(openstack(cloud, *arguments, "-f", "json", **who))


def nova(cloud, *arguments, **who):
    return cloud.drover.nova(*arguments, timeout=60, **who)


@test("openstack logs in, lists the catalog and creates a server [S1-03 S1-04 S3-25 S3-27]")
def _():
    cloud = world.fast
    check(rows(cloud, "token", "issue")["id"], "no token")
    openstack(cloud, "token", "issue", password="wrong", fails="(HTTP 401)")
    types = {row["Type"] for row in rows(cloud, "catalog", "list")}
    check({"identity", "compute", "image", "network", "placement"} <= types, types)
    made = rows(cloud, "server", "create", "--flavor", "m1.tiny", "--image", "guest", "--network",
                "private", "--property", "a=b", "--wait", "vm1")
    equal((made["name"], made["status"], made["properties"]), ("vm1", "ACTIVE", {"a": "b"}), "made")
    (row,) = rows(cloud, "server", "list", "--long", "--all-projects")
    equal((row["Name"], row["Status"], row["Image Name"], row["Flavor"], row["Host Status"]),
          ("vm1", "ACTIVE", "guest", "m1.tiny", "UP"), "list --long")
    (row,) = rows(cloud, "server", "list", "--host", row["Host"], "--all-projects")
    check(row["Networks"]["private"][0].startswith("10.0."), row)
    equal(rows(cloud, "server", "list", "--host", "nowhere", "--all-projects"), [], "elsewhere")
    for version in ("2.1", "2.92"):
        shown = rows(cloud, "server", "show", "vm1", version=version)
        equal((shown["name"], shown["status"]), ("vm1", "ACTIVE"), f"show at {version}")
        contains(str(shown["image"]), "guest", "the image's name")
    openstack(cloud, "server", "show", "vm9", fails="vm9")
    cloud.delete(made["id"])


@test("openstack moves a server, at each version as that version has it "
      "[S1-01 S1-12 S3-38 S3-39 S3-41 S3-50]")
def _():
    cloud = world.fast
    server = cloud.create("vm1")
    migrate = ("server", "migrate", "vm1", "--live-migration")
    source = cloud.host_of(server)
    contains(openstack(cloud, *migrate, "--wait"), "Complete", "its word")
    check(cloud.host_of(server) != source, "it is where it was")
    target = next(host for host in ("hosta", "hostb", "hostc") if host != cloud.host_of(server))
    contains(openstack(cloud, *migrate, "--host", target, "--wait"), "Complete", "its word")
    equal(cloud.host_of(server), target, "the host that was named")
    block = cloud.drover.openstack(*migrate, "--block-migration", "--wait", version="2.1",
                                   check=False)
    can_ask = "unexpected keyword argument 'disk_overcommit'" not in block[1]
    if not can_ask:
        # Debian 13's client below 2.25, at any cloud: what it was to send is sent by hand.
        answer = cloud.action(server, {"os-migrateLive": {
            "host": None, "block_migration": True, "disk_over_commit": False}}, "2.1")
        equal(answer.status, 202, answer.text)
        cloud.wait_migration(server, "completed")
        cloud.wait_idle(server)
    else:
        equal(block[0], 0, block[1])
        openstack(cloud, *migrate, version="2.1", fails="is not on shared storage")
    openstack(cloud, *migrate, "--host", "nowhere",
              fails="Compute host nowhere could not be found. (HTTP 400)")
    openstack(cloud, *migrate, "--host", target, version="2.29", fails="2.30")
    seen = rows(cloud, "server", "migration", "list", "--server", "vm1")
    equal([row["Status"] for row in seen], ["error"] * can_ask + ["completed"] * 3,
          "migration list")
    equal({row["Type"] for row in seen}, {"live-migration"}, "its type")
    (row,) = rows(cloud, "server", "list", "--host", cloud.host_of(server), "--all-projects")
    equal(row["Name"], "vm1", "the list of the new host")
    cloud.delete(server)


@test("openstack stops, starts, reboots, pauses, reads the console, and deletes")
def _():
    cloud = world.fast
    server = cloud.create("vm1", metadata={"a": "b"})
    for arguments, status in ((["stop"], "SHUTOFF"), (["start"], "ACTIVE"),
                              (["reboot", "--wait"], "ACTIVE"),
                              (["reboot", "--hard", "--wait"], "ACTIVE"), (["pause"], "PAUSED"),
                              (["unpause"], "ACTIVE")):
        openstack(cloud, "server", *arguments, "vm1")
        cloud.wait_status(server, status)
    openstack(cloud, "server", "start", "vm1",
              fails=f"Cannot 'start' instance {server} while it is in vm_state active (HTTP 409)")
    contains(openstack(cloud, "console", "log", "show", "vm1"), "guest:", "the console")
    openstack(cloud, "server", "set", "--property", "k=v", "--name", "vm2", "vm1")
    equal(cloud.server(server)["metadata"], {"a": "b", "k": "v"}, "properties")
    openstack(cloud, "server", "lock", "--reason", "r", "vm2")
    equal(cloud.server(server)["locked_reason"], "r", "the lock")
    openstack(cloud, "server", "unlock", "vm2")
    actions = [row["Action"] for row in rows(cloud, "server", "event", "list", "vm2")]
    equal((actions[0], actions[-1]), ("unpause", "create"), "events")
    openstack(cloud, "server", "delete", "--wait", "vm2")
    equal(cloud.send("GET", f"/servers/{server}").status, 404, "the server")


@test("openstack watches, aborts and forces a migration [S3-40 S3-51 S3-71 S3-72]")
def _():
    cloud = world.slow
    server = cloud.create("vm1")
    openstack(cloud, "server", "migrate", "vm1", "--live-migration")
    number = str(cloud.wait_migration(server, "running")["id"])
    shown = rows(cloud, "server", "show", "vm1")
    equal(shown["status"], "MIGRATING", "show while it moves")
    show = ("server", "migration", "show", "vm1", number)
    _, output = cloud.drover.openstack(*show, "-f", "json", check=False)
    can_show = not is_mixed_up(output, number)
    if can_show:
        shown = rows(cloud, *show)
        equal((shown["Status"], shown["Server UUID"]), ("running", server), "migration show")
        check(shown["Memory Total Bytes"] > 0 and shown["Disk Total Bytes"] > 0, shown)
    openstack(cloud, "server", "stop", "vm1",
              fails="while it is in task_state migrating (HTTP 409)")
    openstack(cloud, "server", "migration", "abort", "vm1", number)
    cloud.wait_migration(server, "cancelled")
    cloud.wait_idle(server)
    if can_show:
        openstack(cloud, *show, fails="is not in progress.")
    openstack(cloud, "server", "migration", "abort", "vm1", number,
              fails="is in an invalid state for 'abort live migration' (HTTP 409)")
    equal(cloud.live_migrate(server).status, 202, "again")
    number = str(cloud.wait_migration(server, "running")["id"])
    openstack(cloud, "server", "migration", "force", "complete", "vm1", number)
    equal(cloud.wait_migration(server, "completed", "failed", "error")["status"], "completed", "it")
    cloud.wait_idle(server)
    cloud.delete(server)


@test("openstack lists and sets services, hypervisors and flavors [S1-05 S3-28 S3-37]")
def _():
    cloud = world.fast
    binaries = [row["Binary"] for row in rows(cloud, "compute", "service", "list")]
    equal(sorted(binaries), ["nova-compute"] * 3 + ["nova-conductor", "nova-scheduler"], "services")
    openstack(cloud, "compute", "service", "set", "hosta", "nova-compute", "--disable",
              "--disable-reason", "kernel")
    (row,) = rows(cloud, "compute", "service", "list", "--host", "hosta", "--long")
    equal((row["Status"], row["Disabled Reason"]), ("disabled", "kernel"), "disabled")
    openstack(cloud, "compute", "service", "set", "hosta", "nova-compute", "--enable")
    names = [row["Hypervisor Hostname"] for row in rows(cloud, "hypervisor", "list", "--long")]
    equal(names, ["hosta", "hostb", "hostc"], "hypervisors")
    for version, key in (("2.1", "vcpus"), ("2.92", "state")):
        shown = rows(cloud, "hypervisor", "show", "hosta", version=version)
        check(shown["hypervisor_hostname"] == "hosta" and key in shown, f"{version}: {shown}")
    openstack(cloud, "flavor", "create", "--id", "9", "--ram", "64", "--vcpus", "1", "--disk", "1",
              "--property", "a=b", "m1.nine")
    seen = {row["Name"]: row["RAM"] for row in rows(cloud, "flavor", "list", "--all")}
    equal(seen, {row["name"]: row["ram"] for row in
                 cloud.get("/flavors/detail?is_public=None")["flavors"]}, "flavors")
    equal(seen["m1.nine"], 64, "the one that was made")
    equal(rows(cloud, "flavor", "show", "m1.nine")["properties"], {"a": "b"}, "its properties")
    openstack(cloud, "flavor", "delete", "m1.nine")
    zones = {row["Zone Name"] for row in
             rows(cloud, "availability", "zone", "list", "--compute", "--long")}
    equal(zones, {"internal", "nova"}, "zones")


@test("openstack tells a member what he may not do")
def _():
    cloud = world.fast
    server = cloud.create("mine", user="member")
    who = {"user": "member", "password": "a password of the tests", "project": "demo"}
    openstack(cloud, "server", "migrate", "mine", "--live-migration", **who,
              fails="Policy doesn't allow os_compute_api:os-migrate-server:migrate_live to be "
              "performed. (HTTP 403)")
    openstack(cloud, "server", "list", "--all-projects", **who,
              fails="Policy doesn't allow os_compute_api:servers:detail:get_all_tenants")
    equal(len(rows(cloud, "server", "list", **who)), 1, "his own")
    cloud.delete(server)


@test("nova boots, lists, moves, evacuates a host of its guests, and deletes [S1-03 S1-05 S1-12]")
def _():
    cloud = world.fast
    nova(cloud, "boot", "--flavor", "m1.tiny", "--image", "guest", "--nic",
         f"net-id={cloud.ids['private']}", "--poll", "vm1")
    server = cloud.get("/servers?name=vm1")["servers"][0]["id"]
    contains(nova(cloud, "list"), "private=10.0.", "nova list")
    contains(nova(cloud, "show", "vm1"), "OS-EXT-SRV-ATTR:host ", "nova show")
    contains(nova(cloud, "service-list"), "nova-scheduler", "nova service-list")
    source = cloud.host_of(server)
    target = next(host for host in ("hosta", "hostb", "hostc") if host != source)
    nova(cloud, "live-migration", "vm1", target)
    equal(cloud.wait_migration(server, "completed", "error")["dest_compute"], target, "its host")
    cloud.wait_idle(server)
    nova(cloud, "live-migration", "--block-migrate", "vm1", version="2.1")
    cloud.wait_migration(server, "completed")
    cloud.wait_idle(server)
    contains(nova(cloud, "host-evacuate-live", cloud.host_of(server)), "True", "host-evacuate-live")
    cloud.wait_migration(server, "completed")
    cloud.wait_idle(server)
    equal(nova(cloud, "migration-list").count(server), 3, "nova migration-list")
    nova(cloud, "server-migration-list", "vm1")
    contains(nova(cloud, "hypervisor-servers", cloud.host_of(server)), "vm1", "hypervisor-servers")
    nova(cloud, "stop", "vm1")
    cloud.wait_status(server, "SHUTOFF")
    nova(cloud, "delete", "vm1")
    cloud.wait_gone(server)


@test("nova aborts and forces a migration [S3-71 S3-72]")
def _():
    cloud = world.slow
    server = cloud.create("vm1")
    nova(cloud, "live-migration", "vm1")
    number = str(cloud.wait_migration(server, "running")["id"])
    contains(nova(cloud, "server-migration-show", "vm1", number), "memory_remaining_bytes", "show")
    nova(cloud, "live-migration-abort", "vm1", number)
    cloud.wait_migration(server, "cancelled")
    cloud.wait_idle(server)
    nova(cloud, "live-migration", "vm1")
    number = str(cloud.wait_migration(server, "running")["id"])
    nova(cloud, "live-migration-force-complete", "vm1", number)
    equal(cloud.wait_migration(server, "completed", "failed", "error")["status"], "completed", "it")
    cloud.wait_idle(server)
    cloud.delete(server)


@test("the SDK creates, finds, moves and deletes a server")
def _():
    import openstack as sdk
    warnings.simplefilter("ignore")
    cloud = world.fast
    connection = sdk.connect(
        auth_url=cloud.drover.url + "/identity/v3", username="admin", project_name="admin",
        password=cloud.drover.password, user_domain_name="Default", project_domain_name="Default",
        region_name="RegionOne", load_yaml_config=False, load_envvars=False)
    compute = connection.compute
    server = compute.create_server(
        name="sdk", flavor_id=compute.find_flavor("m1.tiny").id, metadata={"a": "b"},
        image_id=connection.image.find_image("guest").id,
        networks=[{"uuid": connection.network.find_network("private").id}])
    server = compute.wait_for_server(server, wait=20, interval=0.1)
    equal((server.status, server.metadata), ("ACTIVE", {"a": "b"}), "the server")
    equal(compute.find_server("sdk").id, server.id, "by name")
    equal([row.name for row in compute.servers(all_projects=True)], ["sdk"], "the list")
    source = cloud.host_of(server.id)
    compute.live_migrate_server(server, block_migration="auto")
    equal(cloud.wait_migration(server.id, "completed", "error")["status"], "completed", "it moved")
    cloud.wait_idle(server.id)
    check(cloud.host_of(server.id) != source, "it is where it was")
    check(server.id in [row.server_id for row in compute.migrations()], "its migration")
    compute.pause_server(server)
    cloud.wait_status(server.id, "PAUSED")
    compute.unpause_server(server)
    cloud.wait_status(server.id, "ACTIVE")
    contains(compute.get_server_console_output(server)["output"], "guest:", "the console")
    equal(sorted(row.host for row in compute.services(binary="nova-compute")),
          ["hosta", "hostb", "hostc"], "services")
    equal(sorted(row.name for row in compute.hypervisors(details=True)),
          ["hosta", "hostb", "hostc"], "hypervisors")
    compute.delete_server(server)
    compute.wait_for_delete(server, wait=20, interval=0.1)


@test("what clients of version 7 and later send is answered as they expect")
def _():
    cloud = world.fast
    server = cloud.create("newer")
    both = {"OpenStack-API-Version": "compute 2.96", "X-OpenStack-Nova-API-Version": "2.96",
            "Accept": ""}
    seen = cloud.send("GET", "/servers/detail?deleted=False&all_tenants=False", headers=both)
    equal([row["id"] for row in seen.json["servers"]], [server], "false-valued booleans")
    equal(cloud.send("GET", "/servers/newer", headers=both).status, 404, "a name as an id")
    answer = cloud.send("POST", f"/servers/{server}/action",
                        {"os-migrateLive": {"host": None, "block_migration": "auto"}},
                        headers=dict(both, **{"OpenStack-API-Version": "compute 2.30",
                                              "X-OpenStack-Nova-API-Version": "2.30"}))
    equal((answer.status, answer.text), (202, ""), "os-migrateLive at 2.30")
    equal(answer.headers["OpenStack-API-Version"], "compute 2.30", "its version")
    cloud.wait_migration(server, "completed")
    cloud.wait_idle(server)
    answer = cloud.send("POST", f"/servers/{server}/action", {"pause": None},
                        headers={"Accept": ""})
    equal(answer.status, 202, "an action without a version")
    cloud.wait_status(server, "PAUSED")
    wait_until(lambda: cloud.get("/os-migrations?limit=1", "2.80")["migrations"], "migrations")
    cloud.delete(server)
