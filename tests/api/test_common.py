# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What every request goes through: tokens, versions, bodies, errors, headers."""
import http.client
import json
import re

from tap import check, equal, test
from world import world

NOVA_VARY = "OpenStack-API-Version, X-OpenStack-Nova-API-Version"
UNAUTHORIZED = {"error": {
    "code": 401, "title": "Unauthorized",
    "message": "The request you have made requires authentication."}}


def raw_request(method, path, body=None, headers=None):
    """Without urllib's own ideas about headers."""
    connection = http.client.HTTPConnection("127.0.0.1", world.fast.drover.port, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        return reply, reply.read()
    finally:
        connection.close()


@test("without a token every service answers 401 as keystonemiddleware does")
def _():
    for path in ("/compute/v2.1/servers", "/image/v2/images", "/network/v2.0/networks",
                 "/placement/resource_providers", "/drover/v1/hosts", "/identity/v3/users"):
        for headers in ({}, {"X-Auth-Token": "made-up"}):
            answer = world.fast.drover.send("GET", path, headers=headers)
            equal(answer.status, 401, path)
            equal(answer.json, UNAUTHORIZED, path)
            equal(answer.headers["WWW-Authenticate"],
                  f'Keystone uri="{world.fast.drover.url}/identity"', path)


@test("every reply names its request, compute's twice")
def _():
    for path, status in (("/compute/v2.1/servers", 200), ("/compute/v2.1/nothing", 404),
                         ("/compute/v2.1", 200)):
        answer = world.fast.other("GET", path)
        equal(answer.status, status, path)
        name = answer.headers["X-OpenStack-Request-ID"]
        check(re.fullmatch("req-[0-9a-f-]{36}", name), f"request id {name!r}")
        equal(answer.headers["X-Compute-Request-Id"], name, path)


@test("the effective version is echoed, also with an error")
def _():
    for sent, seen in ((None, "2.1"), ("2.53", "2.53"), ("latest", "2.96")):
        for path in ("/servers", "/servers/nothing"):
            answer = world.fast.send("GET", path, version=sent)
            equal(answer.headers["OpenStack-API-Version"], f"compute {seen}", path)
            equal(answer.headers["X-OpenStack-Nova-API-Version"], seen, path)
            equal(answer.headers["Vary"], NOVA_VARY, path)
    answer = world.fast.other("GET", "/compute/v2.1/servers",
                              headers={"X-OpenStack-Nova-API-Version": "2.10"})
    equal(answer.headers["OpenStack-API-Version"], "compute 2.10", "the old header alone")


@test("a version out of range is 406, a malformed one 400, and a discovery minds neither")
def _():
    answer = world.fast.send("GET", "/servers", version="2.97")
    world.fast.refused(answer, 406, "Version 2.97 is not supported by the API. Minimum is 2.1 and "
                       "maximum is 2.96.")
    answer = world.fast.send("GET", "/servers", version="two")
    world.fast.refused(answer, 400, "API Version String two is of invalid format. Must be of "
                       "format MajorNum.MinorNum.")
    answer = world.fast.other("GET", "/placement/resource_providers",
                              headers={"OpenStack-API-Version": "placement 1.99"})
    equal(answer.status, 406, "placement")
    equal(answer.json["errors"][0]["max_version"], "1.39", "placement's own form")
    answer = world.fast.other("GET", "/placement", headers={"OpenStack-API-Version": "placement 9"})
    equal(answer.status, 200, "discovery")


@test("broken, missing, deep and huge bodies are refused")
def _():
    token = {"X-Auth-Token": world.fast.tokens["admin"]}
    for body in (b"{", b"", b"null", b"[1,]", b'{"a":1} x', b'{"a":"\xff"}',
                 b"[" * 100 + b"]" * 100):
        reply, text = raw_request("POST", "/compute/v2.1/servers", body, token)
        equal(reply.status, 400, body)
        equal(json.loads(text)["badRequest"]["message"], "Malformed request body", body)
    reply, _text = raw_request("POST", "/compute/v2.1/servers", b" " * (1 << 20) + b"{}", token)
    equal(reply.status, 413, "more than a MiB")


@test("an unknown path is 404 and a wrong method 405, each in its service's form")
def _():
    def get(path):
        return world.fast.other("GET", path).json
    equal(get("/compute/v2.1/nothing")["itemNotFound"]["code"], 404, "nova")
    equal(get("/identity/v3/nothing")["error"]["code"], 404, "keystone")
    equal(list(get("/network/v2.0/nothing")), ["NeutronError"], "neutron")
    equal(get("/placement/nothing")["errors"][0]["status"], 404, "placement")
    answer = world.fast.other("PUT", "/identity/v3/auth/catalog", {})
    equal(answer.status, 405, "method")
    check("GET" in answer.headers["Allow"], answer.headers["Allow"])


@test("links follow the Host header, and a Host that is none is not repeated")
def _():
    reply, text = raw_request("GET", "/identity/v3", headers={"Host": "cloud.example:1234"})
    equal(json.loads(text)["version"]["links"][0]["href"], "http://cloud.example:1234/identity/v3/",
          "link")
    reply, text = raw_request("GET", "/identity/v3", headers={"Host": 'x"><script>'})
    check(reply.status == 400 or b"script" not in text, text)


@test("metrics are there without a token")
def _():
    answer = world.fast.drover.send("GET", "/metrics")
    equal(answer.status, 200, "status")
    check("drover_http_requests_total{" in answer.text, "no counter of requests")
    check(answer.headers["Content-Type"].startswith("text/plain"), "type")


@test("the bare address leads to Identity")
def _():
    reply, text = raw_request("GET", "/")
    equal(reply.status, 300, "status")
    equal(json.loads(text)["versions"]["values"][0]["links"][0]["href"],
          world.fast.drover.url + "/identity/v3/", "link")


@test("no reply and no log line tells a password or a token")
def _():
    cloud = world.fast
    cloud.drover.send("POST", "/identity/v3/auth/tokens", {"auth": {"identity": {
        "methods": ["password"], "password": {"user": {
            "name": "admin", "password": "a-secret-of-mine", "domain": {"id": "default"}}}}}})
    log = cloud.drover.log()
    for secret in ("a-secret-of-mine", cloud.drover.password, cloud.tokens["admin"]):
        check(secret not in log, "a secret is in the log")


@test("the project's id may stand in the path, as in old catalogs, when it is the token's")
def _():
    cloud = world.fast
    server = cloud.create("prefixed", user="member")
    mine = f"/{cloud.ids['demo']}/servers"
    equal([row["id"] for row in cloud.get(mine, user="member")["servers"]], [server], "the list")
    equal(cloud.get(f"{mine}/{server}", "2.96", "member")["server"]["name"], "prefixed", "one")
    equal(cloud.send("POST", f"{mine}/{server}/action", {"pause": None}, user="member").status, 202,
          "an action")
    cloud.wait_status(server, "PAUSED")
    cloud.refused(cloud.send("GET", mine), 400,
                  f"Malformed request URL: URL's project_id '{cloud.ids['demo']}' doesn't match")
    equal(cloud.send("GET", mine, user=None).status, 401, "without a token")
    cloud.refused(cloud.send("GET", "/bogus/servers"), 404, "The resource could not be found.")
    cloud.refused(cloud.send("GET", f"/{cloud.ids['demo']}/bogus", user="member"), 404,
                  "The resource could not be found.")
    equal(cloud.send("DELETE", f"{mine}/{server}", user="member").status, 204, "delete")
    cloud.wait_gone(server)
