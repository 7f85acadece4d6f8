# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What is common to every request: versions, tokens, roles, errors."""
import json
import re

from routes import NOBODY, example, read_policy, read_routes, version_of
from tap import check, contains, equal
from world import test, world

LEGACY = "X-OpenStack-Nova-API-Version"
ROUTES = read_routes()
RANK = {"anybody": 0, "reader": 1, "member": 2, "manager": 3, "admin": 4}


@test("the route table is read whole by these tests")
def _():
    check(len(ROUTES) > 45, f"only {len(ROUTES)} routes were found in the table")
    check(any(route.until == 52 for route in ROUTES), "no route with a last version was found")


@test("the version documents answer with and without a token, with and without a slash")
def _():
    for path in ("/compute/v2.1", "/compute/v2.1/"):
        for token in (None, world.fast.tokens["admin"], "nonsense"):
            answer = world.fast.drover.send("GET", path, token=token)
            equal(answer.status, 200, f"GET {path}")
            version = answer.json["version"]
            equal((version["id"], version["status"], version["min_version"], version["version"]),
                  ("v2.1", "CURRENT", "2.1", "2.96"), path)
            check(version["links"] and version["media-types"] and version["updated"], path)
    rows = world.fast.drover.send("GET", "/compute/").json["versions"]
    equal([row["id"] for row in rows], ["v2.1"], "the list of versions")


@test("the effective version is echoed in both headers, for every way to ask for one")
def _():
    cases = [({}, "2.1"), ({"OpenStack-API-Version": "compute 2.53"}, "2.53"),
             ({LEGACY: "2.10"}, "2.10"),
             ({"OpenStack-API-Version": "compute 2.53", LEGACY: "2.10"}, "2.53"),
             ({"OpenStack-API-Version": "volume 3.1", LEGACY: "2.10"}, "2.10"),
             ({"OpenStack-API-Version": "volume 3.1, compute 2.12"}, "2.12"),
             ({"OpenStack-API-Version": "compute latest"}, "2.96"), ({LEGACY: "latest"}, "2.96")]
    for headers, version in cases:
        for path, status in (("/flavors", 200), ("/flavors/none", 404)):
            answer = world.fast.send("GET", path, headers=headers)
            equal(answer.status, status, f"{path} with {headers}")
            equal(answer.headers["OpenStack-API-Version"], f"compute {version}", f"{headers}")
            equal(answer.headers[LEGACY], version, f"{headers}")
            equal(answer.headers["Vary"], f"OpenStack-API-Version, {LEGACY}", "Vary")


@test("a version outside the range is 406 with both ends, a malformed one is 400")
def _():
    for version in ("2.97", "2.999", "2.0", "1.1", "3.1"):
        world.fast.refused(world.fast.send("GET", "/flavors", version=version), 406,
                           f"Version {version} is not supported by the API. "
                           "Minimum is 2.1 and maximum is 2.96.")
    for version in ("2", "x", "2.1.1", "2.01", "-2.1", "2.1x", "2. 1", "2.99999999999"):
        world.fast.refused(world.fast.send("GET", "/flavors", version=version), 400,
                           f"API Version String {version} is of invalid format. "
                           "Must be of format MajorNum.MinorNum.")


@test("every reply names its request, in both headers alike")
def _():
    seen = set()
    for answer in (world.fast.send("GET", "/flavors"), world.fast.send("GET", "/nothing"),
                   world.fast.send("GET", "/flavors", user=None)):
        ids = {answer.headers["x-openstack-request-id"], answer.headers["x-compute-request-id"]}
        equal(len(ids), 1, "different ids")
        check(re.fullmatch(r"req-[0-9a-f-]{36}", next(iter(ids))), f"not a request id: {ids}")
        seen |= ids
    equal(len(seen), 3, "ids that are used twice")


@test("every route without a token, or with a wrong one, is 401 as keystonemiddleware says it")
def _():
    cloud = world.fast
    for route in ROUTES:
        for token in (None, "gAAAAnonsense"):
            answer = cloud.drover.send(route.method, "/compute/v2.1" + example(route),
                                       {} if route.body else None, token, version_of(route))
            where = f"{route.method} {route.path}"
            equal(answer.status, 401, where)
            equal(answer.json, {"error": {
                "code": 401, "title": "Unauthorized",
                "message": "The request you have made requires authentication."}}, where)
            contains(answer.headers["WWW-Authenticate"], "Keystone uri=", where)


@test("every route is refused to those below its role, and its policy is named")
def _():
    policy = read_policy()
    for route in ROUTES:
        if route.policy is None:
            continue
        role = policy[route.policy]
        for user in ("reader", "member", "manager"):
            answer = world.fast.send(route.method, example(route), {} if route.body else None,
                                     version_of(route), user)
            where = f"{route.method} {route.path} by the {user}"
            if RANK[user] < RANK[role]:
                world.fast.refused(answer, 403, f"Policy doesn't allow {route.policy} "
                                   "to be performed.")
            else:
                check(answer.status not in (401, 403), f"{where}: {answer.status} {answer.text}")


@test("every route is 404 outside the versions in which it exists")
def _():
    for route in ROUTES:
        versions = [f"2.{route.since - 1}"] if route.since > 1 else []
        versions += [f"2.{route.until + 1}"] if route.until else []
        for version in versions:
            answer = world.fast.send(route.method, example(route), {} if route.body else None,
                                     version)
            world.fast.refused(answer, 404,
                               f"API version {version} is not supported on this method.")


@test("routes come and go with the versions that the Compute API's history names")
def _():
    bounds = {("GET", "/servers/{id}/migrations"): (23, 0),
              ("GET", "/servers/{id}/migrations/{migration}"): (23, 0),
              ("DELETE", "/servers/{id}/migrations/{migration}"): (24, 0),
              ("POST", "/servers/{id}/migrations/{migration}/action"): (22, 0),
              ("GET", "/servers/{id}/topology"): (78, 0),
              ("PUT", "/os-services/enable"): (0, 52), ("PUT", "/os-services/disable"): (0, 52),
              ("PUT", "/os-services/disable-log-reason"): (0, 52),
              ("PUT", "/os-services/force-down"): (11, 52), ("PUT", "/os-services/{id}"): (53, 0),
              ("GET", "/os-hosts"): (0, 42), ("GET", "/os-hosts/{host}"): (0, 42),
              ("PUT", "/os-hosts/{host}"): (0, 42),
              ("GET", "/os-hypervisors/statistics"): (0, 87),
              ("GET", "/os-hypervisors/{id}/uptime"): (0, 87),
              ("GET", "/os-hypervisors/{id}/search"): (0, 52),
              ("GET", "/os-hypervisors/{id}/servers"): (0, 52), ("PUT", "/flavors/{id}"): (55, 0),
              ("PUT", "/servers/{id}/os-volume_attachments/{volume}"): (85, 0)}
    seen = {(route.method, route.path): (route.since, route.until) for route in ROUTES
            if route.since or route.until}
    equal(seen, bounds, "first and last versions")


@test("malformed JSON is 400 with Nova's sentence on every route that takes a body")
def _():
    for route in ROUTES:
        if route.body:
            for raw in (b"", b"{", b"{'a': 1}", b"\xff\xfe", b'{"a": 1} x', b"[" * 5000):
                answer = world.fast.send(route.method, example(route), version=version_of(route),
                                         raw=raw, headers={"Content-Type": "application/json"})
                world.fast.refused(answer, 400, "Malformed request body")


@test("a body that is no object is 400 on every route that takes a body")
def _():
    for route in ROUTES:
        if route.body:
            for body in ([], "text", 5, True):
                answer = world.fast.send(route.method, example(route), body, version_of(route))
                check(answer.status in (400, 404),
                      f"{route.method} {route.path} with {body!r}: {answer.status} {answer.text}")


@test("what is not served is 404, a wrong method 405, a huge body 413, each as a JSON error")
def _():
    cloud = world.fast
    cloud.refused(cloud.send("GET", "/os-nothing"), 404, "")
    cloud.refused(cloud.send("GET", f"/servers/{NOBODY}/nothing"), 404, "")
    answer = cloud.send("PATCH", "/servers")
    cloud.refused(answer, 405, "not allowed")
    contains(answer.headers["Allow"], "POST", "Allow")
    huge = json.dumps({"server": {"name": "x" * (2 << 20)}}).encode()
    answer = cloud.send("POST", "/servers", raw=huge,
                        headers={"Content-Type": "application/json"})
    cloud.refused(answer, 413, "Request is too large")
    equal(cloud.get("/servers")["servers"], [], "a body too large changed something")


@test("errors are JSON in UTF-8, empty replies have a Content-Type all the same")
def _():
    answer = world.fast.send("GET", "/nothing")
    equal(answer.headers["Content-Type"], "application/json; charset=UTF-8", "of an error")
    server = world.fast.create("empty")
    answer = world.fast.do(server, {"os-stop": None})
    equal((answer.text, answer.headers["Content-Type"]), ("", "application/json"), "of an action")
    answer = world.fast.send("DELETE", f"/servers/{server}")
    equal((answer.status, answer.text, answer.headers["Content-Type"]),
          (204, "", "application/json"), "of a delete")
    world.fast.delete(server)
