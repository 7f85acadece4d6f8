# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Where a server may go, and why not elsewhere: told by what decides."""
import fcntl
import json
import os
import pty
import struct
import subprocess
import tempfile
import termios

from drover import DROVER, DROVERD
from routes import NOBODY
from tap import check, contains, equal
from test_evacuate import force_down
from test_groups import create, make, remove
from world import Cloud, test, world


def explain(cloud, server, query="", status=200, user="admin"):
    answer = cloud.other("GET", f"/drover/v1/instances/{server}/explanation{query}", user=user)
    equal(answer.status, status, answer.text)
    return answer.json["explanation"] if status == 200 else answer


def hosts_of(explanation):
    return {row["name"]: row for row in explanation["hosts"]}


def checks_of(host):
    return {row["check"]: row for row in host["checks"]}


def set_service(cloud, host, **change):
    (service,) = cloud.get(f"/os-services?host={host}&binary=nova-compute", "2.53")["services"]
    answer = cloud.send("PUT", f"/os-services/{service['id']}", change, "2.53")
    equal(answer.status, 200, answer.text)


@test("every host is explained with every check, what is needed, what it has and the fix, and "
      "then it goes where that says [S0-11 S1-07]")
def _():
    cloud = world.fast
    server = cloud.create("asked", host="hosta")
    heavy = cloud.create("heavy", host="hostb")
    set_service(cloud, "hostb", status="disabled", disabled_reason="disk swap")
    told = explain(cloud, server)
    equal((told["move"], told["source_host"], told["chosen"], told["refused"], told["reason"]),
          ("live", "hosta", "hostc", None, None), "the whole")
    equal((told["n_hosts"], told["n_fit"]), (3, 1), "how many")
    equal(told["needs"], {"vcpus": 1, "ram_mib": 128, "disk_gib": 1}, "what it needs")
    hosts = hosts_of(told)
    equal({name: (row["fits"], row["rank"], row["failed"]) for name, row in hosts.items()},
          {"hosta": (False, None, ["not-source"]), "hostb": (False, None, ["enabled"]),
           "hostc": (True, 1, [])}, "the hosts")
    names = [row["check"] for row in hosts["hosta"]["checks"]]
    for row in hosts.values():
        equal([one["check"] for one in row["checks"]], names, "each host has every check")
        for one in row["checks"]:
            equal(set(one), {"check", "filter", "result", "needed", "have", "fix"}, "its keys")
            check(one["needed"] and one["have"], one)
            helps = one["result"] in ("fail", "warn") and one["check"] != "not-source"
            equal(one["fix"] is not None, helps, f"a fix of {one}")
    enabled = checks_of(hosts["hostb"])["enabled"]
    equal((enabled["filter"], enabled["result"], enabled["needed"], enabled["have"]),
          ("ComputeFilter", "fail", "'enabled'", "'disabled' (disk swap)"), "the disabled one")
    equal(checks_of(hosts["hostc"])["destination-check"]["result"], "unknown", "not asked yet")
    equal(cloud.migrations(server), [], "nothing was touched")
    equal(cloud.live_migrate(server).status, 202, "the move")
    equal(cloud.wait_migration(server, "completed", "error")["dest_compute"], told["chosen"],
          "where it went")
    cloud.wait_idle(server)
    set_service(cloud, "hostb", status="enabled")
    cloud.delete(server, heavy)


@test("which hosts can give a guest its processor is asked of one of each class before a choice, "
      "told with its age, and kept: a class that cannot is no choice [S3-12]")
def _():
    cloud = Cloud(("hosta", "hostb", "hostc"), more={
        "hypervisor": {"filters": "fault:compare_platform@1=refused, "
                                  "fault:compare_platform@2=down"}})
    try:
        server = cloud.create("particular", host="hosta")

        def cpus():
            told = explain(cloud, server, "?move=live")
            return told, {name: checks_of(row)["cpu"] for name, row in hosts_of(told).items()}
        told, rows = cpus()
        equal({row["result"] for row in rows.values()}, {"fail"}, "all are of the class")
        contains(rows["hostc"]["have"],
                 "asked 0 min ago, host 'hosta' says: compare_platform on host", "who said it")
        contains(rows["hostc"]["fix"], "drover cpu baseline", "the fix")
        equal((told["chosen"], told["n_fit"]), (None, 0), "nobody fits")
        equal(cloud.live_migrate(server).status, 202, "the move")
        number = cloud.wait_migration(server, "error")["id"]
        answer = cloud.other("GET", f"/drover/v1/migrations/{number}")
        contains(answer.json["migration"]["message"], "2 failed 'cpu' (hostb: ", "its reason")
        equal({row["result"] for row in cpus()[1].values()}, {"fail"}, "without an answer")
        told, rows = cpus()
        equal({row["result"] for row in rows.values()}, {"pass"}, "after a no it is asked again")
        equal(cloud.live_migrate(server).status, 202, "the move")
        equal(cloud.wait_migration(server, "completed", "error")["dest_compute"], told["chosen"],
              "where it went")
        cold = hosts_of(explain(cloud, server, "?move=cold"))
        rows = checks_of(cold["hostc"])
        equal({name: (rows[name]["result"], rows[name]["have"]) for name in (
            "cpu", "guest", "canary", "post-copy", "rehearsal")},
              dict.fromkeys(("cpu", "guest", "canary", "post-copy", "rehearsal"),
                            ("pass", "it is off when it moves")), "a guest that is started anew")
    finally:
        cloud.drover.remove()


@test("the ranking is by Nova's weighers, their shares add up, and the claims are what counts")
def _():
    cloud = world.fast
    server = cloud.create("ranked", host="hosta")
    told = explain(cloud, server)
    equal([(row["name"], row["rank"]) for row in told["hosts"]],
          [("hostb", 1), ("hostc", 2), ("hosta", None)], "two that are alike go by name")
    full = cloud.create("full", host="hostb")
    told = explain(cloud, server)
    equal([(row["name"], row["rank"]) for row in told["hosts"]],
          [("hostc", 1), ("hostb", 2), ("hosta", None)], "the empty one is better")
    for row in told["hosts"][:2]:
        equal(row["weight"], sum(one["share"] for one in row["weighers"]), row["name"])
    shares = {one["weigher"]: (one["multiplier"], one["share"])
              for one in told["hosts"][0]["weighers"]}
    equal(shares, {"RAMWeigher": (1.0, 1.0), "CPUWeigher": (1.0, 1.0), "DiskWeigher": (1.0, 1.0),
                   "NumInstancesWeigher": (0.0, 0.0), "IoOpsWeigher": (0.0, 0.0),
                   "ServerGroupSoftAffinityWeigher": (1.0, 0.0),
                   "ServerGroupSoftAntiAffinityWeigher": (1.0, 0.0)}, "of the better one")
    cloud.delete(server, full)


@test("what a server has claimed itself for a move that waits to be confirmed is not counted "
      "against it; of one host that is asked for it is told whether it fits, and of no others")
def _():
    cloud = world.fast
    server = cloud.create("twofold", host="hosta")
    before = hosts_of(explain(cloud, server, "?move=cold"))["hostb"]
    equal(before["given"]["vcpus"]["before"], 0, "an empty host")
    equal(cloud.action(server, {"migrate": {"host": "hostb"}}, "2.96").status, 202, "the move")
    cloud.wait_status(server, "VERIFY_RESIZE")
    told = explain(cloud, server, "?move=cold&host=hosta")
    (there,) = told["hosts"]
    equal((there["name"], told["n_hosts"], told["n_fit"]), ("hosta", 1, 1), "one host")
    equal(there["given"], before["given"], "what it has on the host that it came from")
    equal(checks_of(there)["instances"]["have"], "0 instances", "a check")
    contains(told["refused"], "openstack server resize confirm", "what ends it")
    output = cloud.drover.drover("explain", "twofold", "--cold", "--host", "hosta")
    contains(output, "hosta fits; no other host was asked for", "the table")
    equal(output.count("hosts fit"), 0, output)
    output = cloud.drover.drover("explain", "twofold", "--cold", "--host", "hostb")
    contains(output, "hostb does not fit; no other host was asked for", "the table")
    equal(cloud.action(server, {"confirmResize": None}, "2.1").status, 204, "confirmed")
    cloud.wait_status(server, "ACTIVE")
    cloud.wait_idle(server)
    cloud.delete(server)


@test("a request that fails tells how many hosts failed which check, in the migration, in the "
      "action and in its event [S2-22]")
def _():
    cloud = world.fast
    server = cloud.create("stuck", host="hosta")
    set_service(cloud, "hostb", status="disabled", disabled_reason="disk swap")
    set_service(cloud, "hostc", forced_down=True)
    told = explain(cloud, server)
    equal((told["chosen"], told["n_fit"]), (None, 0), "nobody")
    equal(told["reason"], "No valid host was found. 3 hosts: "
          "1 failed 'not-source' (hosta: needs another host, has the host it is on), "
          "1 failed 'alive' (hostc: needs not 'forced down', has 'forced down'), "
          "1 failed 'enabled' (hostb: needs 'enabled', has 'disabled' (disk swap))", "the reason")
    equal(cloud.live_migrate(server).status, 202, "the move")
    row = cloud.wait_migration(server, "error", "completed")
    equal(row["status"], "error", "the move")
    cloud.wait_idle(server)
    shown = cloud.other("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
    contains(shown["message"], told["reason"], "the migration")
    (action, *_) = cloud.get(f"/servers/{server}/os-instance-actions")["instanceActions"]
    contains(action["message"], told["reason"], "the action")
    shown = cloud.get(f"/servers/{server}/os-instance-actions/{action['request_id']}",
                      "2.84")["instanceAction"]
    check(any(told["reason"] in (event["details"] or "") for event in shown["events"]),
          f"the details of its events: {shown}")
    giant = cloud.create("giant", wait=False, flavorRef="huge")
    cloud.wait_status(giant, "ERROR")
    told = explain(cloud, giant)
    equal((told["move"], told["chosen"], told["source_host"]), ("create", None, None), "a create")
    equal(hosts_of(told)["hosta"]["failed"], ["ram", "ram-free"], "too big")
    contains(cloud.server(giant)["fault"]["message"], told["reason"], "the fault")
    set_service(cloud, "hostb", status="enabled")
    set_service(cloud, "hostc", forced_down=False)
    cloud.delete(server, giant)


@test("what would be refused before any host is looked at is told as the request would tell it")
def _():
    cloud = world.fast
    server = cloud.create("off", host="hosta")
    equal(explain(cloud, server, "?move=evacuate")["refused"],
          "Compute service of hosta is still in use.", "an evacuation from a living host")
    cloud.do(server, {"os-stop": None})
    cloud.wait_status(server, "SHUTOFF")
    told = explain(cloud, server)
    equal((told["move"], told["refused"]), ("cold", None), "a stopped one moves cold")
    refusal = cloud.live_migrate(server).message
    equal(explain(cloud, server, "?move=live")["refused"], refusal, "the same words")
    told = explain(cloud, server, "?host=hosta")
    equal([row["name"] for row in told["hosts"]], ["hosta"], "only the one that was named")
    contains(told["reason"], "current host", "the reason")
    equal(explain(cloud, server, "?host=hostb")["chosen"], "hostb", "a good one")
    cloud.refused(explain(cloud, server, "?host=nowhere", 404), 404,
                  "there is no host 'nowhere'", "error")
    cloud.refused(explain(cloud, server, "?move=up", 400), 400, "not 'up'", "error")
    cloud.refused(explain(cloud, NOBODY, "", 404), 404, "could not be found", "error")
    explain(cloud, server, "", 403, user="member")
    cloud.delete(server)


@test("an evacuation is explained before its host is stated dead as it is decided afterwards: who "
      "is on that host binds nobody, by no server group and no hint [S0-11]")
def _():
    cloud = world.fast
    group = make(cloud, "affinity")
    one, two = [create(cloud, name, group, host="hosta") for name in ("one", "two")]
    answer = cloud.send("POST", "/servers", dict(
        cloud.body("beside", host="hosta"), **{"os:scheduler_hints": {"same_host": [one]}}), "2.96")
    equal(answer.status, 202, answer.text)
    beside = answer.json["server"]["id"]
    cloud.wait_status(beside, "ACTIVE")
    equal(hosts_of(explain(cloud, two, "?move=live"))["hostb"]["failed"], ["affinity"],
          "a move is bound")

    def foretold():
        return {server: [(row["name"], row["rank"], row["failed"])
                         for row in explain(cloud, server, "?move=evacuate")["hosts"]
                         if row["name"] != "hosta"] for server in (one, two, beside)}
    before = foretold()
    equal({host[2] == [] for hosts in before.values() for host in hosts}, {True}, f"{before}")
    contains(cloud.drover.drover("explain", "two", "--evacuate"),
             "2 of 3 hosts fit; it would go to: hostb", "the table")
    equal(force_down(cloud, "hosta", True).status, 200, "dead")
    try:
        equal(foretold(), before, "when it is stated dead")
    finally:
        force_down(cloud, "hosta", False)
    cloud.clean()
    remove(cloud, group)


def on_terminal(cloud, columns, *arguments, code=0):
    """What drover prints on a terminal of that width. code: what it exits with, and says why."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([DROVER, *arguments], stdout=follower, stderr=subprocess.PIPE,
                               stdin=subprocess.DEVNULL, env=cloud.drover.client_env())
    os.close(follower)
    text = b""
    try:
        while part := os.read(leader, 65536):
            text += part
    except OSError:  # the other end is closed
        pass
    os.close(leader)
    complaint = process.stderr.read()
    equal((process.wait(60), complaint != b""), (code, code != 0), f"drover: {complaint}")
    return text.decode().replace("\r\n", "\n")


@test("drover explain prints what speaks against each host, within 80 columns, or all as JSON "
      "[S0-11 S2-22]")
def _():
    cloud = world.fast
    server = cloud.create("asked", host="hosta")
    set_service(cloud, "hostb", status="disabled", disabled_reason="a disk is being replaced, "
                "and that takes its time")
    text = on_terminal(cloud, 80, "explain", "asked")
    for part in ("1 of 3 hosts fit; it would go to: hostc", "not-source", "What would help:",
                 "enabled: enable its compute service"):
        contains(text, part, "the table")
    check(max(len(line) for line in text.split("\n")) <= 80, f"wider than 80:\n{text}")
    text = on_terminal(cloud, 80, "explain", "asked", "--cold", "--host", "hostb")
    for part in ("(cold)", "disk-free", "destination-check", "unknown"):
        contains(text, part, "every check of one host")
    check(max(len(line) for line in text.split("\n")) <= 80, f"wider than 80:\n{text}")
    told = json.loads(cloud.drover.drover("explain", "asked", "--json"))
    equal(told, explain(cloud, server), "JSON")
    code, output = cloud.drover.drover("explain", "asked", "--live", "--cold", check=False)
    equal(code, 2, output)
    contains(output, "one of --live, --cold and --evacuate", "two at once")
    set_service(cloud, "hostb", status="enabled")
    cloud.delete(server)


def read_table(text, *titles):
    """The rows below these titles, their cells without blanks: a text may go on in the next line,
    where the first cell has none."""
    lines = text.split("\n")
    head = next(i for i, line in enumerate(lines) if line.split() == list(titles))
    starts = [lines[head].index(title) for title in titles]
    rows = []
    for line in lines[head + 1:]:
        if not line.strip():
            break
        cells = [line[start:end].replace(" ", "")
                 for start, end in zip(starts, starts[1:] + [None])]
        if cells[0]:
            rows.append(cells)
        else:
            rows[-1] = [one + more for one, more in zip(rows[-1], cells)]
    return rows


def as_cells(rows, *keys):
    """What read_table makes of such rows of the API's."""
    return [["-" if row[key] is None else str(row[key]).replace(" ", "") for key in keys]
            for row in rows]


@test("what a host lacks, and what a request was decided by, is not cut on a terminal of 80 "
      "columns: it goes on in the next line, and in pipes it is one [S0-11 S2-22]")
def _():
    cloud = world.fast
    server = cloud.create("wordy", host="hosta")
    set_service(cloud, "hostb", status="disabled", disabled_reason="a disk is being replaced, "
                "and the new one has to come from far away, with-a-word-that-no-column-takes-whole")
    options = ("--live", "--shared-migration", "--host", "hostb")
    text = on_terminal(cloud, 80, "explain", "wordy", *options)
    checks = hosts_of(explain(cloud, server, "?move=live&host=hostb&block_migration=false"))[
        "hostb"]["checks"]
    (wide,) = [row for row in checks if row["check"] == "enabled"]
    check(len(wide["have"]) > 80, f"too short for this test: {wide}")
    told = [row[1:] for row in read_table(text, "Host", "Check", "Result", "Needed", "Has")]
    equal(told, as_cells(checks, "check", "result", "needed", "have"), text)
    tables = text[:text.index("What would help:")]
    check(max(len(line) for line in tables.split("\n")) <= 80, f"wider than 80:\n{tables}")
    contains(cloud.drover.drover("explain", "wordy", *options), wide["have"], "in a pipe")
    set_service(cloud, "hostb", status="enabled")
    equal(cloud.live_migrate(server).status, 202, "the move")
    cloud.wait_migration(server, "completed", "error")
    cloud.wait_idle(server)
    request = request_of(cloud, server, "live-migration")
    (decision,) = decisions(cloud, f"?request_id={request}")
    names = ", ".join(decision["inputs"]["configuration"]["enabled_filters"])
    check(len(names) > 60, f"too short for this test: {names}")
    text = on_terminal(cloud, 80, "explain", "--request", request)
    inputs = dict(read_table(text, "Input", "Value"))
    equal(inputs["enabled_filters"], names.replace(" ", ""), text)
    check(max(len(line) for line in text.split("\n")) <= 80, f"wider than 80:\n{text}")
    cloud.delete(server)


@test("of each host where it fits drover explain tells what would be given away with it, before "
      "and after, as ratios of what there is; of others and of records nothing [S0-13]")
def _():
    cloud = world.fast
    server = cloud.create("weighed", host="hosta")
    other = cloud.create("carried", host="hostb")
    facts = cloud.other("GET", "/drover/v1/hosts/hostb").json["host"]["facts"]
    vcpus, mib = facts["vcpus"], facts["memory_mib"]
    hosts = hosts_of(explain(cloud, server))
    equal(hosts["hostb"]["given"], {
        "vcpus": {"before": 1, "after": 2, "total": vcpus},
        "ram_mib": {"before": 128, "after": 256, "total": mib}}, "of one with a server")
    equal((hosts["hostc"]["given"]["vcpus"]["before"], hosts["hosta"]["given"]), (0, None),
          "of an empty one, and of one where it does not fit")
    text = on_terminal(cloud, 80, "explain", "weighed")
    row = next(line for line in text.split("\n") if line.startswith("hostb") and "->" in line)
    equal(" ".join(row.split()),
          f"hostb 2 of {vcpus} {1 / vcpus:.2f}:1 -> {2 / vcpus:.2f}:1 256 of {mib} "
          f"{128 / mib:.2f}:1 -> {256 / mib:.2f}:1", "the table")
    equal(cloud.live_migrate(server).status, 202, "the move")
    cloud.wait_migration(server, "completed", "error")
    cloud.wait_idle(server)
    (told,) = decisions(cloud, f"?request_id={request_of(cloud, server, 'live-migration')}")
    equal({host["given"] for host in told["hosts"]}, {None}, "what was decided")
    cloud.delete(server, other)


@test("the shares that drover explain prints add up to the weight, those of a soft server group "
      "too [S0-11]")
def _():
    cloud = world.fast
    drover = cloud.drover.drover
    group = json.loads(drover("server", "group", "create", "--policy", "soft-affinity", "near",
                              "--json"))["id"]
    servers = []
    for name, host in (("near1", "hostb"), ("near2", "hosta")):
        answer = cloud.send("POST", "/servers", dict(
            cloud.body(name, host=host), **{"os:scheduler_hints": {"group": group}}), "2.96")
        equal(answer.status, 202, answer.text)
        servers.append(answer.json["server"]["id"])
        cloud.wait_status(servers[-1], "ACTIVE")
    lines = drover("explain", "near2").split("\n")
    head = next(line for line in lines if line.startswith("Host  "))
    row = next(line for line in lines if line.startswith("hostb"))
    equal(head.split("  ")[-2].strip(), "Beside Group", f"its column: {head}")
    check("Apart From Group" not in head, "and no other")
    weight, *shares = [float(word) for word in row.split()[2:-1]]
    equal((shares[-1], round(sum(shares), 3)), (1.0, weight), row)
    cloud.delete(*servers)
    drover("server", "group", "delete", "near")


def decisions(cloud, query, status=200, user="admin"):
    answer = cloud.other("GET", f"/drover/v1/decisions{query}", user=user)
    equal(answer.status, status, answer.text)
    return answer.json["decisions"] if status == 200 else answer


def request_of(cloud, server, action):
    return next(row["request_id"] for row in cloud.get(f"/servers/{server}/os-instance-actions",
                                                       "2.51")["instanceActions"]
                if row["action"] == action)


def tells_of_any_host(cloud, request, told):
    """A move off hosta while hostb was disabled, and what it was decided by."""
    equal(told["first_failures"], {"not-source": 1, "enabled": 1}, "over all hosts")
    inputs = told["inputs"]
    equal((inputs["flavor"]["ram_mib"], inputs["move"]["block_migration"], inputs["group"]),
          (128, "auto", None), "what was asked for")
    config = inputs["configuration"]
    equal((config["ram_allocation_ratio"], "ComputeFilter" in config["enabled_filters"],
           config["ram_weight_multiplier"]), (1.5, True, 1.0), "what was configured")
    equal(inputs["hosts"], {"hostc": {"ram_allocation_ratio": 2.5}}, "what its aggregate said")
    weight = hosts_of(told)["hostc"]["weight"]
    for host, looked_at, found in (
            ("hostb", True, {"fits": False, "failed_first": "enabled", "fit": None}),
            ("hostc", True, {"fits": True, "failed_first": None, "fit": {
                "weight_between": [weight, weight], "rank_between": [1, 1]}}),
            ("hostz", False, {})):
        (row,) = decisions(cloud, f"?request_id={request}&host={host}")
        equal(row["asked_about"],
              {"name": host, "is_kept": True, "was_looked_at": looked_at, **found}, host)
    for host, part in (("hostb", "hostb failed 'enabled' first"),
                       ("hostb", "'disabled' (disk swap)"),
                       ("hostc", "hostc did fit: it had place 1 of 1, with a weight of ")):
        contains(on_terminal(cloud, 80, "explain", "--request", request, "--host", host), part,
                 host)
    values = cloud.drover.drover("explain", "--request", request, "--host", "hostb", "-f", "value")
    check(values.startswith("hostb enabled fail "), f"not one line for each row: {values}")
    for more in ((), ("--json",)):
        code, output = cloud.drover.drover("explain", "--request", request, "--host", "hostz",
                                           *more, check=False)
        equal(code, 1, output)
        contains(output, f"there was no host 'hostz' when request '{request}' was decided: "
                 f"'drover explain --request {request}' tells of those there were", "a wrong name")
    text = on_terminal(cloud, 80, "explain", "--request", request)
    lines = [" ".join(line.split()) for line in text.split("\n")]
    for part in ("What it was decided by:", "ram_allocation_ratio 1.5", "flavor.name m1.tiny",
                 "hosts.hostc ram_allocation_ratio=2.5"):
        check(part in lines, f"no '{part}' in:\n{text}")


@test("what was decided is told again later as it was then: where it went, and where nothing fits "
      "[S0-11 S2-22]")
def _():
    cloud = world.fast
    drover = cloud.drover.drover
    server = cloud.create("asked", host="hosta")
    (created,) = decisions(cloud, f"?request_id={request_of(cloud, server, 'create')}")
    equal((created["move"], created["chosen"], created["requested_host"], created["source_host"]),
          ("create", "hosta", "hosta", None), "the create")
    set_service(cloud, "hostb", status="disabled", disabled_reason="disk swap")
    drover("aggregate", "create", "--property", "ram_allocation_ratio=2.5", "generous")
    drover("aggregate", "add", "host", "generous", "hostc")
    now = explain(cloud, server, "?move=live")
    equal(cloud.live_migrate(server).status, 202, "the move")
    cloud.wait_migration(server, "completed", "error")
    cloud.wait_idle(server)
    set_service(cloud, "hostb", status="enabled")
    drover("aggregate", "remove", "host", "generous", "hostc")
    drover("aggregate", "delete", "generous")
    request = request_of(cloud, server, "live-migration")
    (told,) = decisions(cloud, f"?request_id={request}")
    equal(told["chosen"], "hostc", "where it went")
    for key in ("needs", "source_host", "n_hosts", "n_fit", "reason"):
        equal(told[key], now[key], key)
    for name, host in hosts_of(told).items():
        for check_name in ("enabled", "not-source", "ram", "vcpus"):
            equal(checks_of(host)[check_name], checks_of(hosts_of(now)[name])[check_name], name)
        equal(host["failed"], hosts_of(now)[name]["failed"], name)
        equal(host["weighers"], hosts_of(now)[name]["weighers"], name)
    equal([row["id"] for row in decisions(cloud, f"?instance_uuid={server}")],
          [created["id"], told["id"]], "of the instance")

    text = on_terminal(cloud, 80, "explain", "--request", request)
    for part in (request, "1 of 3 hosts fit; it went to: hostc", "disk swap"):
        contains(text, part, "the table")
    check(max(len(line) for line in text.split("\n")) <= 80, f"wider than 80:\n{text}")
    equal(json.loads(drover("explain", "--request", request, "--json")), {"decisions": [told]},
          "JSON")
    tells_of_any_host(cloud, request, told)
    for host in ("hosta", "hostb"):
        set_service(cloud, host, status="disabled", disabled_reason="no power")
    equal(cloud.live_migrate(server).status, 202, "one that goes nowhere")
    cloud.wait_migration(server, "error")
    cloud.wait_idle(server)
    (vain,) = [row for row in decisions(cloud, f"?instance_uuid={server}")
               if row["chosen"] is None]
    contains(vain["reason"], "2 failed 'enabled'", "why not")
    for host in ("hosta", "hostb"):
        set_service(cloud, host, status="enabled")
    code, output = drover("explain", "--request", "req-nobody", check=False)
    equal(code, 1, output)
    contains(output, "no decision of request 'req-nobody' is kept", "an unknown one")
    code, output = drover("explain", "--request", request, "asked", check=False)
    equal(code, 2, output)
    for options, part in (((request, "--live"), "--live asks what would be done now"),
                          ((request, "--cold"), "--cold asks"),
                          ((request, "--evacuate"), "--evacuate asks"),
                          ((request, "--block-migration"), "--block-migration asks"),
                          ((request, "--shared-migration"), "--shared-migration asks"),
                          ((request, "--disk-overcommit"), "--disk-overcommit asks"),
                          ((request, "--rehearse"), "--rehearse asks"),
                          (("",), "--request needs the ID of a request")):
        code, output = drover("explain", "--request", *options, check=False)
        equal(code, 2, output)
        contains(output, part, options)
    equal(drover("explain", check=False)[0], 2, "nothing to explain")
    decisions(cloud, "", 400)
    decisions(cloud, "?request_id=", 400)
    decisions(cloud, f"?request_id={request}", 403, user="member")
    cloud.delete(server)


@test("of many hosts drover explain shows the best, some of each no and how many there are, and of "
      "any of them what was found when a request was decided [S0-11]")
def _():
    names = [f"host{number:02}" for number in range(60)]
    cloud = Cloud(names)
    drover = cloud.drover.drover
    try:
        for name in names[:20]:
            set_service(cloud, name, status="disabled", disabled_reason="no power")
        server = cloud.create("one")
        text = on_terminal(cloud, 80, "explain", "one", "--cold")
        for part in ("39 of 60 hosts fit", "--all shows every one", "20  enabled",
                     "1  not-source"):
            contains(text, part, "the table")
        shown = {line.split()[0] for line in text.split("\n") if line.startswith("host")}
        equal(len(shown), 20 + 3 + 1, f"the hosts in it: {sorted(shown)}")
        equal(len({line.split()[0] for line in drover("explain", "one", "--cold", "--all").split(
            "\n") if line.startswith("host")}), 60, "all of them")
        equal(len(explain(cloud, server, "?move=cold")["hosts"]), 60, "for programs")
        request = request_of(cloud, server, "create")
        (told,) = decisions(cloud, f"?request_id={request}")
        kept = hosts_of(told)
        equal((len(kept), told["first_failures"]), (5 + 3, {"enabled": 20}), "what is kept")
        contains(drover("explain", "--request", request), "20  enabled", "its counts")
        text = on_terminal(cloud, 80, "explain", "--request", request, "--host", "host15")
        for part in ("host15 failed 'enabled' first, as did 19 others", "Its own checks are not",
                     "'disabled' (no power)"):
            contains(text, part, "one that is not kept")
        unkept = next(name for name in names[20:] if name not in kept)
        contains(drover("explain", "--request", request, "--host", unkept),
                 f"{unkept} did fit, as well as 39 others: they shared the places 1 to 40 of 40, "
                 "with a weight of ", "one that fitted as well")

        # Of two there is one other: which failed the same, and which has a server as well.
        laden = cloud.host_of(server)
        *_, other, first, second = [name for name in names[20:] if name != laden]
        for name in (first, second):
            equal(force_down(cloud, name, True).status, 200, name)
        cloud.create("beside", host=other)
        request = request_of(cloud, cloud.create("late"), "create")

        def told_of(host):
            return drover("explain", "--request", request, "--host", host)
        contains(told_of(first), f"{first} failed 'alive' first, as did 1 other\n", "of two")
        contains(told_of(laden), "as well as 1 other: they shared the places 37 to 38 of 38, ",
                 "of two that fitted")
    finally:
        cloud.drover.remove()


def lasting(explanation):
    """Without what is really free on hosts: that may be read anew between two questions."""
    for host in explanation["hosts"]:
        for row in host["checks"]:
            if row["check"].endswith("-free"):
                del row["have"]
    return explanation


@test("a dry run of a migration explains it, touches nothing, and fails as the request would "
      "[S0-11 S2-22]")
def _():
    cloud = world.fast
    drover = cloud.drover.drover
    server = cloud.create("dry", host="hosta")
    set_service(cloud, "hostb", status="disabled", disabled_reason="a new kernel")

    def dry_run(*arguments):
        return drover("server", "migrate", "--dry-run", *arguments, "dry", check=False)
    for arguments, move in ((("--live-migration",), "live"), ((), "cold")):
        code, output = dry_run(*arguments)
        equal(code, 0, output)
        contains(output, f"({move})", "which move")
        contains(output, "1 of 3 hosts fit; it would go to: hostc", "where to")
        code, output = dry_run(*arguments, "--json")
        equal((code, lasting(json.loads(output))),
              (0, lasting(explain(cloud, server, f"?move={move}"))), "JSON")
        code, output = dry_run(*arguments, "--wait")
        equal(code, 2, output)
        contains(output, "there is nothing to --wait for", "what it is not taken with")
        code, output = dry_run(*arguments, "--host", "hostb")
        equal(code, 1, output)
        contains(output, "host 'hostb' does not fit; nothing was done", "a host that does not fit")
    set_service(cloud, "hostc", status="disabled", disabled_reason="a new kernel")
    code, output = dry_run("--live-migration")
    equal(code, 1, output)
    contains(output, "no host fits; nothing was done", "no host")
    set_service(cloud, "hostb", status="enabled")
    set_service(cloud, "hostc", status="enabled")
    cloud.action(server, {"os-stop": None})
    cloud.wait_status(server, "SHUTOFF")
    code, output = dry_run("--live-migration")
    equal(code, 1, output)
    contains(output, "it would be refused now: Cannot 'os-migrateLive' instance", "a stopped one")
    equal(cloud.get(f"/os-migrations?instance_uuid={server}", "2.80")["migrations"], [], "a record")
    equal(cloud.host_of(server), "hosta", "it has moved")
    cloud.delete(server)


@test("a filter that Nova does not have stops the start, one that means nothing here is warned of")
def _():
    def check_config(filters):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write(f"[filter_scheduler]\nenabled_filters = {filters}\n")
            file.flush()
            done = subprocess.run([DROVERD, "--config", file.name, "--check-config"], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            return done.returncode, done.stdout
    code, output = check_config("ComputeFilter, NumInstancesFilter, RamFilter")
    equal((code, "checks nothing" in output), (0, False), output)
    code, output = check_config("ComputeFilter, TrustedFilter")
    equal(code, 0, output)
    contains(output, ":2: enabled_filters: 'TrustedFilter' checks nothing here", "the warning")
    code, output = check_config("ComputeFiler")
    check(code != 0, output)
    contains(output, ":2: enabled_filters: Nova has no filter 'ComputeFiler'", "the refusal")
