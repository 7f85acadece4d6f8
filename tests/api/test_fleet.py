# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Services, hypervisors, flavors, zones and limits, at each version."""
from routes import NOBODY
from tap import check, contains, equal
from test_aggregates import clean as clean_aggregates
from test_clients import rows as client_rows
from world import test, world

SERVICE = {"id", "binary", "host", "zone", "status", "state", "updated_at", "disabled_reason"}
CAPACITY = {"vcpus", "vcpus_used", "memory_mb", "memory_mb_used", "local_gb", "local_gb_used",
            "free_ram_mb", "free_disk_gb", "current_workload", "running_vms",
            "disk_available_least", "cpu_info"}
HYPERVISOR = {"id", "hypervisor_hostname", "state", "status"}
DETAIL = HYPERVISOR | {"hypervisor_type", "hypervisor_version", "host_ip", "service"}
FLAVOR = {"id", "name", "ram", "disk", "vcpus", "swap", "OS-FLV-EXT-DATA:ephemeral",
          "OS-FLV-DISABLED:disabled", "os-flavor-access:is_public", "rxtx_factor", "links"}


# ---- services ----

@test("services are listed with exactly Nova's members at each version [S1-05 S1-06]")
def _():
    cloud = world.fast
    for version, keys, kind in (("2.1", SERVICE, int), ("2.10", SERVICE, int),
                                ("2.11", SERVICE | {"forced_down"}, int),
                                ("2.52", SERVICE | {"forced_down"}, int),
                                ("2.53", SERVICE | {"forced_down"}, str),
                                ("2.69", SERVICE | {"forced_down"}, str),
                                ("2.96", SERVICE | {"forced_down"}, str)):
        rows = cloud.get("/os-services", version)["services"]
        for row in rows:
            equal(set(row), keys, f"at {version}")
            check(isinstance(row["id"], kind), f"id at {version}: {row['id']!r}")
        equal(len({row["id"] for row in rows}), len(rows), f"different ids at {version}")
        equal(sorted((row["binary"], row["zone"]) for row in rows),
              [("nova-compute", "nova")] * 3 + [("nova-conductor", "internal"),
                                                ("nova-scheduler", "internal")], "binaries")
        equal({(row["status"], row["state"]) for row in rows}, {("enabled", "up")}, "states")
    for query, count in (("?host=hosta", 1), ("?binary=nova-compute", 3), ("?host=nowhere", 0),
                         ("?host=hosta&binary=nova-scheduler", 0), ("?binary=nova-scheduler", 1)):
        equal(len(cloud.get("/os-services" + query, "2.53")["services"]), count, query)
    cloud.get("/os-services?bogus=1", "2.74")
    cloud.refused(cloud.send("GET", "/os-services?bogus=1", version="2.75"), 400,
                  "'bogus' was unexpected")


@test("a service is disabled with its reason and enabled, by id from 2.53 on [S3-28 S3-37]")
def _():
    cloud = world.fast

    def service(host="hosta"):
        return cloud.get(f"/os-services?host={host}", "2.53")["services"][0]
    path = f"/os-services/{service()['id']}"
    for body, seen in (({"status": "disabled", "disabled_reason": "kernel"},
                        ("disabled", "kernel", False)),
                       ({"status": "enabled"}, ("enabled", None, False)),
                       ({"status": "disabled"}, ("disabled", None, False)),
                       ({"status": "enabled", "forced_down": "on"}, ("enabled", None, True)),
                       ({"forced_down": False}, ("enabled", None, False))):
        answer = cloud.send("PUT", path, body, "2.53")
        equal(answer.status, 200, f"{body}: {answer.text}")
        equal(set(answer.json["service"]), SERVICE | {"forced_down"}, "the reply")
        for row in (answer.json["service"], service()):
            equal((row["status"], row["disabled_reason"], row["forced_down"]), seen, body)
        equal(service()["state"], "down" if seen[2] else "up", f"state after {body}")
    scheduler = cloud.get("/os-services?binary=nova-scheduler", "2.53")["services"][0]["id"]
    for where, body, status, text in (
            (path, {}, 400, "No updates were requested"),
            (path, {"disabled_reason": "x"}, 400, ""),
            (path, {"status": "enabled", "disabled_reason": "x"}, 400,
             "Specifying 'disabled_reason' with status 'enabled' is invalid."),
            (path, {"status": "off"}, 400, "is not one of"), (path, {"x": 1}, 400, "unexpected"),
            (path, {"forced_down": "maybe"}, 400, "is not one of [True"),
            ("/os-services/5", {"status": "enabled"}, 400, "Invalid uuid 5"),
            (f"/os-services/{NOBODY}", {"status": "enabled"}, 404, NOBODY),
            (f"/os-services/{scheduler}", {"status": "disabled"}, 400,
             "Updating a nova-scheduler service is not supported. Only nova-compute services can "
             "be updated.")):
        cloud.refused(cloud.send("PUT", where, body, "2.53"), status, text)
    equal((service()["status"], service()["forced_down"]), ("enabled", False), "after refusals")


@test("a service is disabled and enabled by host and binary below 2.53")
def _():
    cloud = world.fast
    named = {"host": "hosta", "binary": "nova-compute"}

    def state():
        row = cloud.get("/os-services?host=hosta", "2.52")["services"][0]
        return row["status"], row["disabled_reason"], row["forced_down"]
    for action, more, version, reply, seen in (
            ("disable", {}, "2.1", {"status": "disabled"}, ("disabled", None, False)),
            ("enable", {}, "2.1", {"status": "enabled"}, ("enabled", None, False)),
            ("disable-log-reason", {"disabled_reason": "x"}, "2.1",
             {"status": "disabled", "disabled_reason": "x"}, ("disabled", "x", False)),
            ("enable", {}, "2.52", {"status": "enabled"}, ("enabled", None, False)),
            ("force-down", {"forced_down": True}, "2.11", {"forced_down": True},
             ("enabled", None, True)),
            ("force-down", {"forced_down": "false"}, "2.11", {"forced_down": False},
             ("enabled", None, False))):
        answer = cloud.send("PUT", f"/os-services/{action}", dict(named, **more), version)
        equal((answer.status, answer.json), (200, {"service": dict(named, **reply)}), action)
        equal(state(), seen, action)
    for action, body, status, text in (
            ("disable", {"host": "hosta"}, 400, "'binary' is a required property"),
            ("disable", dict(named, x=1), 400, "'x' was unexpected"),
            ("disable-log-reason", named, 400, "'disabled_reason' is a required property"),
            ("force-down", named, 400, "'forced_down' is a required property"),
            ("enable", dict(named, host="nowhere"), 404,
             "Could not find binary nova-compute on host nowhere."),
            ("enable", dict(named, binary="nova-none"), 404, "nova-none")):
        cloud.refused(cloud.send("PUT", f"/os-services/{action}", body, "2.11"), status, text)
    equal(state(), ("enabled", None, False), "after refusals")


# ---- hypervisors ----

@test("hypervisors are listed and shown with exactly Nova's members at each version [S3-25]")
def _():
    cloud = world.fast
    for version, keys, kind in (("2.1", DETAIL | CAPACITY, int), ("2.28", DETAIL | CAPACITY, int),
                                ("2.33", DETAIL | CAPACITY, int), ("2.53", DETAIL | CAPACITY, str),
                                ("2.75", DETAIL | CAPACITY, str),
                                ("2.88", DETAIL | {"uptime"}, str),
                                ("2.96", DETAIL | {"uptime"}, str)):
        rows = cloud.get("/os-hypervisors/detail", version)["hypervisors"]
        for row in rows:
            equal(set(row) - {"servers"}, keys, f"detail at {version}")
            check(isinstance(row["id"], kind), f"id at {version}")
            equal(set(row["service"]), {"id", "host", "disabled_reason"}, "service")
            check(isinstance(row.get("cpu_info", ""), str if version == "2.1" else (dict, str)),
                  f"cpu_info at {version}")
            check(isinstance(row.get("uptime", ""), str), "an uptime that is no text")
        equal([row["hypervisor_hostname"] for row in rows], ["hosta", "hostb", "hostc"], "names")
        one = cloud.get(f"/os-hypervisors/{rows[0]['id']}", version)["hypervisor"]
        equal(set(one) - {"servers"}, keys, f"show at {version}")
        rows = cloud.get("/os-hypervisors", version)["hypervisors"]
        equal(set(rows[0]) - {"servers"}, HYPERVISOR, f"list at {version}")
    rows = cloud.get("/os-hypervisors/detail", "2.28")["hypervisors"]
    check(isinstance(rows[0]["cpu_info"], dict), "cpu_info at 2.28")


@test("a hypervisor names its service by the id that the list of services has for it")
def _():
    cloud = world.fast
    for version in ("2.1", "2.52", "2.53", "2.96"):
        ids = {row["host"]: row["id"] for row in
               cloud.get("/os-services?binary=nova-compute", version)["services"]}
        told = {row["hypervisor_hostname"]: row["service"]["id"] for row in
                cloud.get("/os-hypervisors/detail", version)["hypervisors"]}
        equal(told, ids, f"at {version}")
    (row,) = client_rows(cloud, "compute", "service", "list", "--host", "hostb", version="2.1")
    shown = client_rows(cloud, "hypervisor", "show", "hostb", version="2.1")
    equal(shown["service_id"], row["ID"], "openstack hypervisor show")


@test("a hypervisor counts what is claimed on it")
def _():
    cloud = world.fast

    def hosta():
        return cloud.get("/os-hypervisors/detail", "2.87")["hypervisors"][0]
    before = hosta()
    server = cloud.create("counted", host="hosta")
    after = hosta()
    for key, by in (("vcpus_used", 1), ("memory_mb_used", 128), ("free_ram_mb", -128),
                    ("local_gb_used", 1), ("free_disk_gb", -1), ("running_vms", 1)):
        equal(after[key] - before[key], by, key)
    statistics = cloud.get("/os-hypervisors/statistics", "2.87")["hypervisor_statistics"]
    equal((statistics["count"], statistics["running_vms"]), (3, 1), "statistics")
    equal(set(statistics), (CAPACITY - {"cpu_info"}) | {"count"}, "keys of the statistics")
    cloud.delete(server)


@test("the statistics of hypervisors are the sums of those that are enabled, as openstack "
      "tells them too")
def _():
    cloud = world.fast
    named = {"host": "hostb", "binary": "nova-compute"}

    def sums():
        listed = [row for row in cloud.get("/os-hypervisors/detail", "2.87")["hypervisors"]
                  if row["status"] == "enabled"]
        return dict({key: sum(row[key] for row in listed) for key in CAPACITY - {"cpu_info"}},
                    count=len(listed))

    def statistics():
        return cloud.get("/os-hypervisors/statistics", "2.87")["hypervisor_statistics"]
    server = cloud.create("counted", host="hostb")
    equal(statistics(), sums(), "of all")
    equal(cloud.send("PUT", "/os-services/disable", named, "2.1").status, 200, "disable")
    try:
        equal((statistics(), statistics()["count"]), (sums(), 2), "of those that are enabled")
        told = client_rows(cloud, "hypervisor", "stats", "show", version="2.1")
        equal((told["count"], told["running_vms"]), (2, 0), "openstack hypervisor stats show")
    finally:
        equal(cloud.send("PUT", "/os-services/enable", named, "2.1").status, 200, "enable")
    cloud.delete(server)


@test("a host is described until 2.42: total, used_now, used_max, each project; openstack and "
      "drover show it [S1-08 S1-09 S1-10 S1-11]")
def _():
    cloud = world.fast

    def described():
        rows = [row["resource"] for row in cloud.get("/os-hosts/hosta", "2.42")["host"]]
        equal({frozenset(row) for row in rows},
              {frozenset(("host", "project", "cpu", "memory_mb", "disk_gb"))}, "members")
        equal({row["host"] for row in rows}, {"hosta"}, "host")
        return {row["project"]: (row["cpu"], row["memory_mb"], row["disk_gb"]) for row in rows}
    empty = described()
    equal(list(empty), ["(total)", "(used_now)", "(used_max)"], "the rows of an empty host")
    detail = cloud.get("/os-hypervisors/detail", "2.42")["hypervisors"][0]
    equal(empty["(total)"], (detail["vcpus"], detail["memory_mb"], detail["local_gb"]), "total")
    equal(empty["(used_now)"], (0, detail["memory_mb_used"], 0), "what is kept for the host")
    equal(empty["(used_max)"], (0, 0, 0), "used_max")
    servers = [cloud.create(name, host="hosta") for name in ("one", "two")]
    project = cloud.get(f"/servers/{servers[0]}")["server"]["tenant_id"]
    full = described()
    equal(list(full), ["(total)", "(used_now)", "(used_max)", project], "the rows")
    equal(full["(used_now)"], (2, detail["memory_mb_used"] + 256, 2), "used_now")
    equal((full["(used_max)"], full[project]), ((2, 256, 2), (2, 256, 2)), "of the flavors")
    columns = ("-f", "value", "-c", "Project", "-c", "CPU", "-c", "Memory MB")
    contains(cloud.drover.openstack("host", "show", "hosta", *columns),
             f"{project} 2 256", "openstack host show")
    contains(cloud.drover.openstack("host", "list", "-f", "value"), "hosta compute nova",
             "openstack host list")
    table = cloud.drover.drover("host-describe", "hosta")
    for text in ("HOST", "PROJECT", "cpu", "memory_mb", "disk_gb", "(used_now)", project):
        contains(table, text, "drover host-describe")
    for server in servers:
        cloud.delete(server)
    rows = cloud.get("/os-hosts", "2.1")["hosts"]
    equal(sorted((row["service"], row["zone"]) for row in rows),
          [("compute", "nova")] * 3 + [("conductor", "internal"), ("scheduler", "internal")], "all")
    equal([row["host_name"] for row in cloud.get("/os-hosts?zone=nova", "2.1")["hosts"]],
          ["hosta", "hostb", "hostc"], "one zone")
    cloud.refused(cloud.send("GET", "/os-hosts/nowhere", version="2.1"), 404,
                  "Compute host nowhere could not be found.")
    cloud.refused(cloud.send("PUT", "/os-hosts/hosta", {"status": "disable"}, "2.1"), 501,
                  "compute service set")


@test("a hypervisor is found as the clients look for it: by id, by pattern, not by name")
def _():
    cloud = world.fast
    cloud.refused(cloud.send("GET", "/os-hypervisors/hosta", version="2.52"), 404,
                  "Hypervisor with ID 'hosta' could not be found.")
    cloud.refused(cloud.send("GET", "/os-hypervisors/hosta", version="2.53"), 400,
                  "Invalid uuid hosta")
    cloud.refused(cloud.send("GET", f"/os-hypervisors/{NOBODY}", version="2.53"), 404, NOBODY)
    server = cloud.create("on-a", host="hosta")
    (row,) = cloud.get("/os-hypervisors/hosta/search", "2.52")["hypervisors"]
    equal(row["hypervisor_hostname"], "hosta", "search")
    (row,) = cloud.get("/os-hypervisors/hosta/servers", "2.52")["hypervisors"]
    equal(row["servers"], [{"uuid": server, "name": "on-a"}], "servers")
    cloud.refused(cloud.send("GET", "/os-hypervisors/none/search", version="2.52"), 404,
                  "No hypervisor matching 'none' could be found.")
    pattern = "?hypervisor_hostname_pattern="
    rows = cloud.get(f"/os-hypervisors{pattern}host", "2.53")["hypervisors"]
    equal(len(rows), 3, "by pattern")
    check("servers" not in rows[0], "servers that nobody asked for")
    (row,) = cloud.get(f"/os-hypervisors{pattern}hosta&with_servers=True", "2.53")["hypervisors"]
    equal(row["servers"], [{"uuid": server, "name": "on-a"}], "with_servers")
    (row,) = cloud.get(f"/os-hypervisors{pattern}hostb&with_servers=True", "2.75")["hypervisors"]
    equal(row["servers"], [], "with_servers where there are none, from 2.75 on")
    cloud.refused(cloud.send("GET", f"/os-hypervisors{pattern}none", version="2.53"), 404,
                  "No hypervisor matching 'none' could be found.")
    cloud.refused(cloud.send("GET", "/os-hypervisors?bogus=1", version="2.75"), 400, "unexpected")
    uptime = f"/os-hypervisors/{cloud.get('/os-hypervisors', '2.1')['hypervisors'][0]['id']}/uptime"
    answer = cloud.send("GET", uptime, version="2.1")
    check(answer.status in (200, 501), f"uptime: {answer.text}")
    cloud.delete(server)


@test("hypervisors are paged from 2.33 on")
def _():
    cloud = world.fast
    for version in ("2.33", "2.53", "2.96"):
        seen, path = [], "/os-hypervisors?limit=2"
        while path:
            page = cloud.get(path, version)
            seen += [row["hypervisor_hostname"] for row in page["hypervisors"]]
            path = (page["hypervisors_links"][0]["href"].split("/v2.1")[1]
                    if "hypervisors_links" in page else None)
        equal(seen, ["hosta", "hostb", "hostc"], f"at {version}")
    equal(len(cloud.get("/os-hypervisors?limit=1", "2.32")["hypervisors"]), 3, "at 2.32")
    cloud.refused(cloud.send("GET", f"/os-hypervisors?marker={NOBODY}", version="2.53"), 400,
                  f"marker [{NOBODY}] not found")


# ---- flavors ----

@test("flavors are listed and shown with exactly Nova's members at each version")
def _():
    cloud = world.fast
    for version, short, detail in (
            ("2.1", {"id", "name", "links"}, FLAVOR), ("2.54", {"id", "name", "links"}, FLAVOR),
            ("2.55", {"id", "name", "links", "description"}, FLAVOR | {"description"}),
            ("2.61", {"id", "name", "links", "description"},
             FLAVOR | {"description", "extra_specs"}),
            ("2.75", {"id", "name", "links", "description"},
             FLAVOR | {"description", "extra_specs"})):
        equal(set(cloud.get("/flavors", version)["flavors"][0]), short, f"list at {version}")
        equal(set(cloud.get("/flavors/detail", version)["flavors"][0]), detail, f"at {version}")
        equal(set(cloud.get("/flavors/tiny", version)["flavor"]), detail, f"show at {version}")
    equal(cloud.get("/flavors/tiny", "2.74")["flavor"]["swap"], "", "swap at 2.74")
    equal(cloud.get("/flavors/tiny", "2.75")["flavor"]["swap"], 0, "swap at 2.75")
    cloud.refused(cloud.send("GET", "/flavors/m1.tiny"), 404, "Flavor m1.tiny could not be found.")


@test("a flavor is created as clients send it, changed and deleted")
def _():
    cloud = world.fast
    body = {"id": "7", "name": "sized", "ram": "256", "vcpus": "2", "disk": 4, "swap": 0,
            "OS-FLV-EXT-DATA:ephemeral": 0, "rxtx_factor": 1.0, "os-flavor-access:is_public": True}
    answer = cloud.send("POST", "/flavors", {"flavor": body}, "2.61")
    equal(answer.status, 200, answer.text)
    seen = answer.json["flavor"]
    equal((seen["id"], seen["ram"], seen["vcpus"], seen["disk"], seen["extra_specs"]),
          ("7", 256, 2, 4, {}), "the reply")
    answer = cloud.send("POST", "/flavors/7/os-extra_specs", {"extra_specs": {"hw:x": "1", "y": 2}})
    equal((answer.status, cloud.get("/flavors/7/os-extra_specs")["extra_specs"]),
          (200, {"hw:x": "1", "y": "2"}), "extra specs")
    equal(cloud.get("/flavors/7/os-extra_specs/y"), {"y": "2"}, "one of them")
    equal(cloud.send("PUT", "/flavors/7/os-extra_specs/y", {"y": "3"}).status, 200, "change one")
    equal(cloud.send("DELETE", "/flavors/7/os-extra_specs/hw:x").status, 200, "remove one")
    equal(cloud.get("/flavors/7", "2.61")["flavor"]["extra_specs"], {"y": "3"}, "what is left")
    answer = cloud.send("PUT", "/flavors/7", {"flavor": {"description": "d"}}, "2.55")
    equal((answer.status, answer.json["flavor"]["description"]), (200, "d"), "describe")
    for more, text in (({"id": "8"}, "Flavor with name sized already exists."),
                       ({"name": "other"}, "Flavor with ID 7 already exists.")):
        cloud.refused(cloud.send("POST", "/flavors", {"flavor": dict(body, **more)}), 409, text)
    answer = cloud.send("POST", "/flavors", {"flavor": dict(body, id=None, name="auto")})
    equal(answer.status, 200, answer.text)
    equal(cloud.send("DELETE", f"/flavors/{answer.json['flavor']['id']}").status, 202, "delete")
    equal(cloud.send("DELETE", "/flavors/7").status, 202, "delete")
    cloud.refused(cloud.send("DELETE", "/flavors/7"), 404, "Flavor 7 could not be found.")
    for key, value, text in (("ram", 0, "less than the minimum"), ("vcpus", 0, "less than"),
                             ("disk", -1, "less than"), ("ram", "x", "does not match"),
                             ("ram", 1 << 40, "greater than"), ("name", "", "too short"),
                             ("rxtx_factor", "x", "rxtx_factor"), ("id", "a/b", "id"),
                             ("id", {}, "id"), ("bogus", 1, "'bogus' was unexpected"),
                             ("os-flavor-access:is_public", "maybe", "is not one of"),
                             ("description", 5, "is not of type")):
        wrong = {"flavor": dict(body, **{key: value})}
        cloud.refused(cloud.send("POST", "/flavors", wrong, "2.61"), 400, text)


@test("a flavor that is not public is for administrators alone, is_public=None lists all")
def _():
    cloud = world.fast
    body = {"id": "hid", "name": "hidden", "ram": 64, "vcpus": 1, "disk": 0,
            "os-flavor-access:is_public": False}
    equal(cloud.send("POST", "/flavors", {"flavor": body}).status, 200, "create")

    def ids(query, user="admin"):
        return {row["id"] for row in cloud.get("/flavors" + query, "2.1", user)["flavors"]}
    for query, user, wanted in (("", "admin", False), ("?is_public=None", "admin", True),
                                ("?is_public=False", "admin", True),
                                ("?is_public=True", "admin", False),
                                ("?is_public=None", "member", False)):
        equal("hid" in ids(query, user), wanted, f"{query} by {user}")
    equal(ids("?is_public=False"), {"hid"}, "those that are not public")
    cloud.refused(cloud.send("GET", "/flavors?is_public=maybe"), 400, "maybe")
    cloud.refused(cloud.send("GET", "/flavors/hid", user="member"), 404, "could not be found")
    body = cloud.body("x", flavorRef="hid")
    cloud.refused(cloud.send("POST", "/servers", body, "2.96", "member"), 400,
                  "Flavor hid could not be found.")
    equal(cloud.send("DELETE", "/flavors/hid").status, 202, "delete")


@test("flavors are filtered and paged")
def _():
    cloud = world.fast
    equal([row["id"] for row in cloud.get("/flavors?minRam=1000")["flavors"]], ["huge"], "minRam")
    page = cloud.get("/flavors?limit=1")
    path = page["flavors_links"][0]["href"].split("/v2.1")[1]
    last = cloud.get(path)
    equal(sorted(row["id"] for row in page["flavors"] + last["flavors"]), ["huge", "tiny"], "pages")
    check("flavors_links" not in last, "a third page")
    cloud.refused(cloud.send("GET", "/flavors?marker=none"), 400, "marker [none] not found")
    cloud.refused(cloud.send("GET", "/flavors?bogus=1", version="2.75"), 400, "unexpected")
    cloud.refused(cloud.send("GET", "/flavors?minRam=x"), 400, "minRam")


# ---- the rest ----

@test("zones are the hosts' own, and internal for the control services")
def _():
    cloud = world.fast
    equal(cloud.get("/os-availability-zone", user="member")["availabilityZoneInfo"],
          [{"zoneName": "nova", "zoneState": {"available": True}, "hosts": None}], "for a member")
    rows = cloud.get("/os-availability-zone/detail")["availabilityZoneInfo"]
    zones = {row["zoneName"]: row["hosts"] for row in rows}
    equal(set(zones), {"internal", "nova"}, "names")
    equal(set(zones["nova"]), {"hosta", "hostb", "hostc"}, "hosts")
    equal(set(zones["nova"]["hosta"]["nova-compute"]), {"available", "active", "updated_at"},
          "keys")
    (services,) = zones["internal"].values()
    equal(set(services), {"nova-scheduler", "nova-conductor"}, "control services")


@test("a zone is available as long as one of its hosts is enabled, to members too")
def _():
    cloud = world.fast

    def is_available(path="/os-availability-zone", user="member"):
        (row,) = [row for row in cloud.get(path, user=user)["availabilityZoneInfo"]
                  if row["zoneName"] == "nova"]
        return row["zoneState"]["available"]

    def switch(action, host):
        answer = cloud.send("PUT", f"/os-services/{action}",
                            {"host": host, "binary": "nova-compute"}, "2.1")
        equal(answer.status, 200, answer.text)
    try:
        for host, seen in (("hosta", True), ("hostb", True), ("hostc", False)):
            switch("disable", host)
            equal((is_available(), is_available("/os-availability-zone/detail", "admin")),
                  (seen, seen), f"without {host}")
        told = {row["Zone Name"]: row["Zone Status"] for row in
                client_rows(cloud, "availability", "zone", "list", "--compute")}
        equal(told, {"internal": "available", "nova": "not available"}, "openstack")
    finally:
        for host in ("hosta", "hostb", "hostc"):
            switch("enable", host)
    equal(is_available(), True, "with all of them")


@test("a server that asked for a zone is made in it and stays in it, whoever moves it")
def _():
    cloud = world.fast
    cloud.add_host("hostw", zone="west")
    cloud.drover.wait_hosts_up(4)
    try:
        zones = [row["zoneName"] for row in
                 cloud.get("/os-availability-zone", user="member")["availabilityZoneInfo"]]
        equal(sorted(zones), ["nova", "west"], "the zones")
        west = cloud.create("west", availability_zone="west")
        nova = cloud.create("nova", availability_zone="nova")
        equal(cloud.server(west)["OS-EXT-AZ:availability_zone"], "west", "its zone")
        equal(cloud.server(west)["pinned_availability_zone"], "west", "the zone it asked for")
        cloud.refused(cloud.live_migrate(west, version="2.33"), 400, "No valid host was found")
        cloud.refused(cloud.live_migrate(nova, "hostw", version="2.33"), 400, "zone 'nova'")
        equal([row["name"] for row in
               cloud.get("/servers?availability_zone=west")["servers"]], ["west"], "the filter")
        equal(cloud.live_migrate(nova, "hostw", version="2.30", force=True).status, 202, "forced")
        cloud.wait_migration(nova, "completed")
        cloud.wait_idle(nova)
        cloud.delete(west, nova)
    finally:
        answer = cloud.other("DELETE", "/drover/v1/hosts/hostw")
        if answer.status != 204:
            cloud.clean()
            answer = cloud.other("DELETE", "/drover/v1/hosts/hostw")
    equal(answer.status, 204, f"removing the host: {answer.text}")
    clean_aggregates(cloud)


@test("limits count what the project has")
def _():
    cloud = world.fast
    server = cloud.create("limited", user="member")
    absolute = cloud.get("/limits", user="member")["limits"]["absolute"]
    equal((absolute["totalInstancesUsed"], absolute["totalRAMUsed"], absolute["totalCoresUsed"]),
          (1, 128, 1), "used")
    contains(absolute, "maxTotalInstances", "limits")
    cloud.delete(server)
