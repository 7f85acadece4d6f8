# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Live migrations as clients ask for them and see them, at each version."""
from routes import NOBODY
from tap import check, contains, equal, wait_until
from world import ACTIVE_MIGRATIONS, Cloud, test, world

LIST = {"id", "source_compute", "dest_compute", "source_node", "dest_node", "dest_host",
        "old_instance_type_id", "new_instance_type_id", "instance_uuid", "status", "created_at",
        "updated_at"}
SHOW = {"id", "server_uuid", "status", "source_compute", "source_node", "dest_compute", "dest_host",
        "dest_node", "memory_total_bytes", "memory_processed_bytes", "memory_remaining_bytes",
        "disk_total_bytes", "disk_processed_bytes", "disk_remaining_bytes", "created_at",
        "updated_at"}
OWNER = {"user_id", "project_id"}


def start(cloud, name, **more):
    """A server whose live migration runs, and that migration's number."""
    server = cloud.create(name, **more)
    equal(cloud.live_migrate(server).status, 202, "live migration")
    return server, cloud.wait_migration(server, "running")["id"]


def abort(cloud, server, migration):
    equal(cloud.send("DELETE", f"/servers/{server}/migrations/{migration}", version="2.24").status,
          202, "abort")
    row = cloud.wait_migration(server, "cancelled", "completed", "failed", "error")
    cloud.wait_idle(server)
    return row


@test("a server moves to another host by every body that a version allows "
      "[S0-09 S0-10 S0-16 S1-12 S3-38 S3-39]")
def _():
    cloud = world.fast
    server = cloud.create("mover")
    for version, body in (
            ("2.1", {"host": None, "block_migration": False, "disk_over_commit": False}),
            ("2.1", {"host": None, "block_migration": True, "disk_over_commit": False}),
            ("2.1", {"host": "@", "block_migration": "True", "disk_over_commit": "on"}),
            ("2.24", {"host": "@", "block_migration": 1 == 1, "disk_over_commit": True}),
            ("2.25", {"host": None, "block_migration": "auto"}),
            ("2.29", {"host": None, "block_migration": True}),
            ("2.30", {"host": "@", "block_migration": "auto"}),
            ("2.30", {"host": None, "block_migration": "auto"}),
            ("2.30", {"host": "@", "block_migration": "auto", "force": True}),
            ("2.67", {"host": "@", "block_migration": "auto", "force": "false"}),
            ("2.68", {"host": "@", "block_migration": "auto"}),
            ("2.96", {"host": None, "block_migration": False})):
        source = cloud.host_of(server)
        body = dict(body)
        if body["host"] == "@":
            body["host"] = next(h for h in ("hosta", "hostb", "hostc") if h != source)
        where = f"{body} at {version}"
        answer = cloud.action(server, {"os-migrateLive": body}, version)
        # The pools of this fleet are not shared: what says that they are is refused.
        if body["block_migration"] is False:
            if version == "2.1":
                cloud.refused(answer, 400, "is not on shared storage")
            else:
                equal(answer.status, 202, where)
                equal(cloud.wait_migration(server, "error", "completed")["status"], "error", where)
            continue
        equal((answer.status, answer.text), (202, ""), f"{where}: {answer.text}")
        row = cloud.wait_migration(server, "completed", "failed", "error")
        equal(row["status"], "completed", where)
        equal((row["source_compute"], row["dest_compute"]), (source, cloud.host_of(server)), where)
        check(row["dest_compute"] != source and body["host"] in (None, row["dest_compute"]), where)
        cloud.wait_idle(server)
        equal(cloud.server(server)["status"], "ACTIVE", where)
    cloud.delete(server)


@test("a body that the version does not allow is 400 and starts nothing")
def _():
    cloud = world.fast
    server = cloud.create("stayer")
    full = {"host": None, "block_migration": False, "disk_over_commit": False}
    auto = {"host": None, "block_migration": "auto"}
    cases = [("2.1", {k: v for k, v in full.items() if k != key}, f"'{key}' is a required property")
             for key in full]
    cases += [
        ("2.24", dict(full, block_migration="auto"), "block_migration"),
        ("2.24", dict(full, force=True), "'force' was unexpected"),
        ("2.25", full, "'disk_over_commit' was unexpected"),
        ("2.29", dict(auto, force=True), "'force' was unexpected"),
        ("2.30", dict(auto, force="maybe"), "is not one of [True"),
        ("2.30", dict(auto, force=True), "Can't force to a non-provided destination"),
        ("2.68", dict(auto, force=True), "'force' was unexpected"),
        ("2.68", dict(auto, force=False), "'force' was unexpected"),
        ("2.96", dict(auto, x=1), "Additional properties are not allowed ('x' was unexpected)"),
        ("2.96", dict(auto, block_migration=None), "block_migration"),
        ("2.96", dict(auto, block_migration="sometimes"), "block_migration"),
        ("2.96", dict(auto, host=""), "is too short"),
        ("2.96", dict(auto, host=5), "is not of type"),
        ("2.96", dict(auto, host="a b"), "does not match"),
        ("2.96", None, "is not of type 'object'"),
        ("2.96", {"block_migration": "auto"}, "'host' is a required property")]
    for version, body, text in cases:
        cloud.refused(cloud.action(server, {"os-migrateLive": body}, version), 400, text)
    equal(cloud.migrations(server), [], "migrations")
    cloud.delete(server)


@test("every spelling of a boolean is read")
def _():
    cloud = world.fast
    server = cloud.create("spelled")
    for value in [True] + "True TRUE true 1 ON On on YES Yes yes y t".split():
        equal(cloud.live_migrate(server, block=value).status, 202, f"block_migration {value!r}")
        row = cloud.wait_migration(server, "completed", "error", "failed")
        equal(row["status"], "completed", f"block_migration {value!r}")
        cloud.wait_idle(server)
    for value in [False] + "False FALSE false 0 OFF Off off NO No no n f".split():
        answer = cloud.live_migrate(server, block=value, version="2.24", disk_over_commit=value)
        cloud.refused(answer, 400, "is not on shared storage")
    for value in ("tRue", "2", "", 1, 0, [], {}):
        cloud.refused(cloud.live_migrate(server, block=value), 400, "is not one of [True")
    cloud.delete(server)


@test("a destination that cannot be is 400 below 2.34, and 202 with an error from it on "
      "[S1-07 S2-04]")
def _():
    cloud = world.fast
    server = cloud.create("choosy", host="hosta")
    (service,) = cloud.get("/os-services?host=hostc", "2.53")["services"]
    (down,) = cloud.get("/os-services?host=hostb", "2.53")["services"]
    cloud.send("PUT", f"/os-services/{service['id']}", {"status": "disabled"}, "2.53")
    cloud.send("PUT", f"/os-services/{down['id']}", {"forced_down": True}, "2.53")
    try:
        for host, text in (("hosta", "current host"), ("hostb", "hostb"), ("hostc", "hostc"),
                           (None, "No valid host")):
            # Below 2.30 a host that is named is forced: its checks are not those of the scheduler.
            for version in ("2.30", "2.33"):
                cloud.refused(cloud.live_migrate(server, host, version=version), 400, text)
                equal(cloud.server(server)["status"], "ACTIVE", f"after a refusal of {host}")
                equal(cloud.host_of(server), "hosta", f"after a refusal of {host}")
            equal(cloud.live_migrate(server, host, version="2.34").status, 202, f"{host} at 2.34")
            row = cloud.wait_migration(server, "error", "completed", "failed")
            equal(row["status"], "error", f"{host} at 2.34")
            cloud.wait_idle(server)
            seen = cloud.server(server)["status"], cloud.host_of(server)
            equal(seen, ("ACTIVE", "hosta"), f"after {host} at 2.34")
            (action, *_) = cloud.get(f"/servers/{server}/os-instance-actions")["instanceActions"]
            equal(action["action"], "live-migration", "the newest action")
            contains(action["message"] or "", text, "the message of the action")
        for version in ("2.1", "2.29"):
            body = {"host": "hosta", "block_migration": True}
            if version == "2.1":
                body["disk_over_commit"] = False
            cloud.refused(cloud.action(server, {"os-migrateLive": body}, version), 400,
                          "current host")
    finally:
        cloud.send("PUT", f"/os-services/{service['id']}", {"status": "enabled"}, "2.53")
        cloud.send("PUT", f"/os-services/{down['id']}", {"forced_down": False}, "2.53")
    for version in ("2.1", "2.30", "2.96"):
        body = {"host": "nowhere", "block_migration": True}
        if version == "2.1":
            body["disk_over_commit"] = False
        cloud.refused(cloud.action(server, {"os-migrateLive": body}, version), 400,
                      "Compute host nowhere could not be found.")
    cloud.delete(server)


@test("a locked server does not move for others than administrators")
def _():
    cloud = world.fast
    server = cloud.create("tied", user="member")
    cloud.do(server, {"lock": None})
    cloud.refused(cloud.live_migrate(server, user="manager"), 409, f"Instance {server} is locked")
    equal(cloud.live_migrate(server).status, 202, "the administrator")
    equal(cloud.wait_migration(server, "completed", "error")["status"], "completed", "it")
    cloud.do(server, {"unlock": None})
    cloud.wait_idle(server)
    equal(cloud.live_migrate(server, user="manager").status, 202, "the project's manager")
    cloud.wait_migration(server, "completed")
    cloud.wait_idle(server)
    cloud.delete(server)


@test("the status is MIGRATING before the 202 is there, and its progress is shown [S3-40]")
def _():
    cloud = world.slow
    server = cloud.create("seen")
    equal(cloud.live_migrate(server).status, 202, "live migration")
    seen = cloud.server(server)
    equal((seen["status"], seen["OS-EXT-STS:task_state"], seen["OS-EXT-STS:vm_state"]),
          ("MIGRATING", "migrating", "active"), "right after the 202")
    migration = cloud.wait_migration(server, "running")["id"]
    wait_until(lambda: cloud.server(server)["progress"] > 0, "progress is shown", 60, 0.05)
    equal([row["id"] for row in cloud.get("/servers?status=MIGRATING")["servers"]], [server],
          "the list of what moves")
    source = cloud.host_of(server)
    equal(abort(cloud, server, migration)["status"], "cancelled", "it")
    seen = cloud.server(server)
    equal((seen["status"], seen["progress"], cloud.host_of(server)), ("ACTIVE", 0, source), "after")
    cloud.delete(server)


@test("migrations are listed with exactly Nova's members at each version [S3-50 S3-51]")
def _():
    cloud = world.slow
    server, migration = start(cloud, "listed")
    for minor, keys in ((1, LIST), (22, LIST), (23, LIST | {"migration_type", "links"}),
                        (58, LIST | {"migration_type", "links"}),
                        (59, LIST | {"migration_type", "links", "uuid"}),
                        (66, LIST | {"migration_type", "links", "uuid"}),
                        (80, LIST | {"migration_type", "links", "uuid"} | OWNER)):
        (row,) = cloud.migrations(server, f"2.{minor}")
        equal(set(row), keys, f"at 2.{minor}")
    equal((row["id"], row["instance_uuid"], row["migration_type"], row["status"]),
          (migration, server, "live-migration", "running"), "values")
    equal(row["links"][0]["href"],
          f"{cloud.drover.url}/compute/v2.1/servers/{server}/migrations/{migration}", "link")
    abort(cloud, server, migration)
    (row,) = cloud.migrations(server)
    check("links" not in row, "links of a migration that is over")
    cloud.delete(server)


@test("a migration in progress is shown with exactly Nova's members, and no other is "
      "[S3-49 S3-51 S3-52]")
def _():
    cloud = world.slow
    server, migration = start(cloud, "shown")
    path = f"/servers/{server}/migrations"
    for minor, keys in ((23, SHOW), (58, SHOW), (59, SHOW | {"uuid"}), (79, SHOW | {"uuid"}),
                        (80, SHOW | {"uuid"} | OWNER)):
        (row,) = cloud.get(path, f"2.{minor}")["migrations"]
        equal(set(row), keys, f"list at 2.{minor}")
        one = cloud.get(f"{path}/{migration}", f"2.{minor}")["migration"]
        equal(set(one), keys, f"show at 2.{minor}")
    wait_until(lambda: cloud.get(f"{path}/{migration}", "2.80")["migration"]
               ["memory_processed_bytes"], "bytes are counted", 60, 0.05)
    one = cloud.get(f"{path}/{migration}", "2.80")["migration"]
    for what in ("memory", "disk"):
        for part in ("total", "processed", "remaining"):
            check(isinstance(one[f"{what}_{part}_bytes"], int), f"{what}_{part}_bytes: {one}")
    equal((one["server_uuid"], one["status"]), (server, "running"), "values")
    cloud.refused(cloud.send("GET", f"{path}/999", version="2.23"), 404,
                  f"In-progress live migration 999 is not found for server {server}.")
    cloud.refused(cloud.send("GET", f"{path}/x", version="2.23"), 404, "is not found for server")
    cloud.refused(cloud.send("GET", f"/servers/{NOBODY}/migrations/{migration}", version="2.23"),
                  404, f"Instance {NOBODY} could not be found.")
    abort(cloud, server, migration)
    cloud.refused(cloud.send("GET", f"{path}/{migration}", version="2.23"), 404,
                  f"Live migration {migration} for server {server} is not in progress.")
    equal(cloud.get(path, "2.23")["migrations"], [], "the list when it is over")
    cloud.delete(server)


@test("a project's manager sees its migrations without the names of hosts")
def _():
    cloud = world.slow
    server, migration = start(cloud, "hidden", user="member")
    path = f"/servers/{server}/migrations"
    (row,) = cloud.get(path, "2.80", "manager")["migrations"]
    equal({row[key] for key in ("source_compute", "source_node", "dest_compute", "dest_host",
                                "dest_node")}, {None}, "hosts for the manager")
    cloud.refused(cloud.send("GET", path, version="2.80", user="member"), 403,
                  "Policy doesn't allow")
    abort(cloud, server, migration)
    cloud.delete(server)


@test("an abort needs a migration that runs, of this server [S3-70 S3-71]")
def _():
    cloud = world.slow
    server, migration = start(cloud, "aborted")
    path = f"/servers/{server}/migrations/"
    cloud.refused(cloud.send("DELETE", path + "999", version="2.24"), 404,
                  f"Migration 999 not found for instance {server}")
    cloud.refused(cloud.send("DELETE", f"/servers/{NOBODY}/migrations/{migration}", version="2.24"),
                  404, f"Instance {NOBODY} could not be found.")
    cloud.refused(cloud.send("DELETE", path + str(migration), version="2.23"), 404, "not supported")
    source = cloud.host_of(server)
    equal(abort(cloud, server, migration)["status"], "cancelled", "it")
    equal((cloud.server(server)["status"], cloud.host_of(server)), ("ACTIVE", source), "after")
    cloud.refused(cloud.send("DELETE", path + str(migration), version="2.24"), 409,
                  f"Instance {server} is in an invalid state for 'abort live migration'")
    old = migration
    equal(cloud.live_migrate(server).status, 202, "again")
    migration = cloud.wait_migration(server, "running")["id"]
    cloud.refused(cloud.send("DELETE", path + str(old), version="2.24"), 400, "cancelled")
    abort(cloud, server, migration)
    actions = cloud.get(f"/servers/{server}/os-instance-actions")["instanceActions"]
    cancel = "live_migration_cancel"
    equal([row["action"] for row in actions],
          [cancel, "live-migration", cancel, "live-migration", "create"], "actions")
    cloud.delete(server)


@test("what only waits for its slot may be aborted from 2.65 on, not before")
def _():
    cloud = world.slow
    first, running = start(cloud, "runs", host="hosta")
    second = cloud.create("waits", host="hosta")
    equal(cloud.live_migrate(second).status, 202, "the second")
    queued = cloud.wait_migration(second, "queued")["id"]
    equal(cloud.server(second)["status"], "MIGRATING", "what waits")
    equal(cloud.get(f"/servers/{second}/migrations/{queued}", "2.23")["migration"]["status"],
          "queued", "it is shown")
    path = f"/servers/{second}/migrations/{queued}"
    for version in ("2.24", "2.64"):
        cloud.refused(cloud.send("DELETE", path, version=version), 400, "queued")
    cloud.refused(cloud.send("POST", path + "/action", {"force_complete": None}, "2.22"), 400,
                  f"Migration {queued} state of instance {second} is queued. Cannot force complete "
                  "while the migration is in this state.")
    equal(cloud.send("DELETE", path, version="2.65").status, 202, "at 2.65")
    equal(cloud.wait_migration(second, "cancelled")["id"], queued, "it")
    cloud.wait_idle(second)
    equal((cloud.server(second)["status"], cloud.host_of(second)), ("ACTIVE", "hosta"), "after")
    abort(cloud, first, running)
    cloud.delete(first, second)


@test("a migration that never ends is completed by force [S3-70 S3-72]")
def _():
    cloud = world.slow
    server, migration = start(cloud, "forced")
    path = f"/servers/{server}/migrations/{migration}/action"
    for body, text in (({}, "'force_complete' is a required"), ({"x": None}, ""),
                       ({"force_complete": {}}, "is not of type 'null'"),
                       ({"force_complete": None, "x": 1}, "'x' was unexpected")):
        cloud.refused(cloud.send("POST", path, body, "2.22"), 400, text)
    cloud.refused(cloud.send("POST", f"/servers/{server}/migrations/999/action",
                             {"force_complete": None}, "2.22"), 400,
                  f"Migration 999 not found for instance {server}")
    cloud.refused(cloud.send("POST", path, {"force_complete": None}, "2.21"), 404, "not supported")
    source = cloud.host_of(server)
    answer = cloud.send("POST", path, {"force_complete": None}, "2.22")
    equal((answer.status, answer.text), (202, ""), "force complete")
    actions = cloud.get(f"/servers/{server}/os-instance-actions")["instanceActions"]
    equal((actions[0]["action"], actions[0]["request_id"]),
          ("live_migration_force_complete", answer.headers["x-compute-request-id"]), "its action")
    equal(cloud.wait_migration(server, "completed", "failed", "error")["status"], "completed", "it")
    cloud.wait_idle(server)
    seen = cloud.server(server)
    equal((seen["status"], seen["OS-EXT-STS:power_state"]), ("ACTIVE", 1), "it runs again")
    check(cloud.host_of(server) != source, "it is where it was")
    cloud.refused(cloud.send("POST", path, {"force_complete": None}, "2.22"), 409,
                  f"Instance {server} is in an invalid state for 'force_complete'")
    cloud.delete(server)


@test("a paused server moves and stays paused")
def _():
    cloud = world.fast
    server = cloud.create("still")
    cloud.do(server, {"pause": None})
    cloud.wait_status(server, "PAUSED")
    source = cloud.host_of(server)
    equal(cloud.live_migrate(server).status, 202, "live migration")
    equal(cloud.wait_migration(server, "completed", "failed", "error")["status"], "completed", "it")
    cloud.wait_status(server, "PAUSED")
    check(cloud.host_of(server) != source, "it is where it was")
    cloud.delete(server)


@test("the list of migrations is filtered, paged and sorted as the version says [S3-50]")
def _():
    cloud = world.fast
    one, two = cloud.create("m-1", host="hosta"), cloud.create("m-2", host="hostb", user="admin")
    for server, host in ((one, "hostb"), (two, "hostc"), (one, "hostc"), (two, "hosta")):
        equal(cloud.live_migrate(server, host).status, 202, "live migration")
        cloud.wait_migration(server, "completed")
        cloud.wait_idle(server)
    mine = f"instance_uuid={one}"
    rows = cloud.get(f"/os-migrations?{mine}", "2.59")["migrations"]
    equal([row["dest_compute"] for row in rows], ["hostc", "hostb"], "newest first from 2.59 on")
    rows = cloud.get(f"/os-migrations?{mine}", "2.58")["migrations"]
    equal([row["dest_compute"] for row in rows], ["hostb", "hostc"], "oldest first below")
    user = rows and cloud.server(one)["user_id"]
    project = cloud.server(one)["tenant_id"]
    for query, count in (("host=hosta", 1), ("host=hostb", 2), ("source_compute=hosta", 1),
                         ("status=completed", 2), ("status=running", 0), ("status=bogus", 0),
                         ("migration_type=live-migration", 2), ("migration_type=resize", 0),
                         ("migration_type=evacuation", 0), ("hidden=0", 2),
                         ("changes-since=2020-01-01T00:00:00Z", 2),
                         ("changes-since=2100-01-01T00:00:00Z", 0),
                         ("changes-before=2020-01-01T00:00:00Z", 0), (f"user_id={user}", 2),
                         (f"user_id={NOBODY}", 0), (f"project_id={project}", 2)):
        rows = cloud.get(f"/os-migrations?{mine}&{query}", "2.80")["migrations"]
        equal(len(rows), count, query)
    equal(cloud.get(f"/os-migrations?instance_uuid={NOBODY}", "2.80")["migrations"], [], "nobody's")
    page = cloud.get(f"/os-migrations?{mine}&limit=1", "2.59")
    (link,) = page["migrations_links"]
    equal(link["rel"], "next", "the link")
    last = cloud.get(link["href"].split("/v2.1")[1], "2.59")
    equal((len(last["migrations"]), "migrations_links" in last), (1, False), "the second page")
    check(last["migrations"][0]["id"] != page["migrations"][0]["id"], "a page that repeats")
    check("migrations_links" not in cloud.get(f"/os-migrations?{mine}&limit=1", "2.58"), "at 2.58")
    for query, version, text in (("bogus=1", "2.59", "'bogus' was unexpected"),
                                 ("limit=x", "2.59", "limit"), ("marker=x", "2.59", "marker"),
                                 (f"marker={NOBODY}", "2.59", f"marker [{NOBODY}] not found"),
                                 ("changes-since=x", "2.59", "changes-since"),
                                 ("changes-before=2020-01-01T00:00:00Z", "2.65", "changes-before"),
                                 ("user_id=x", "2.79", "user_id"),
                                 ("instance_uuid=x", "2.80", "uuid")):
        cloud.refused(cloud.send("GET", "/os-migrations?" + query, version=version), 400, text)
    cloud.get("/os-migrations?bogus=1&limit=x", "2.58")
    cloud.delete(one, two)
    check(all(row["status"] not in ACTIVE_MIGRATIONS for row in cloud.migrations(one)), "open ones")


@test("a destination that does not answer where it takes migrations is refused before anything is "
      "made there, or gives way to another [S4-13]")
def _():
    cloud = Cloud(["hosta", "hostb", "hostc"], more={
        "hypervisor": {"filters": "delay:check_way@1=20000, fault:check_way@2=refused"},
        "libvirt": {"live_migration_connect_timeout": 4, "migration_port_max": 49261}})
    try:
        server = cloud.create("knocker", host="hosta")
        equal(cloud.live_migrate(server, "hostb").status, 202, "live migration")
        number = cloud.wait_migration(server, "error")["id"]
        told = cloud.other("GET", f"/drover/v1/migrations/{number}").json["migration"]
        contains(told["message"], "from host 'hosta' to host 'hostb': no answer from", "the reason")
        contains(told["message"], "ports 49152-49261, in 4 s", "what was tried, and for how long")
        equal(told["diagnosis"], "data-port-timeout", "the diagnosis")
        check("preparing" not in [event["to"] for event in told["events"]], "nothing was prepared")
        cloud.wait_idle(server)
        equal(cloud.host_of(server), "hosta", "where it is")
        equal(cloud.live_migrate(server).status, 202, "live migration")
        row = cloud.wait_migration(server, "completed", "error", "failed")
        equal(row["status"], "completed", "the first host refuses, the second takes it")
    finally:
        cloud.drover.remove()
