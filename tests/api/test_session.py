# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""The session of a browser: a cookie instead of a token; and the stream of events."""
import http.client
import itertools
import json
import time

from tap import check, contains, equal, test
from world import world

SESSION = "/drover/v1/session"


def begin(user="admin"):
    """The cookie, as a browser sends it back."""
    token = world.fast.drover.login() if user == "admin" else world.fast.tokens[user]
    answer = world.fast.drover.send("POST", SESSION, token=token)
    equal(answer.status, 201, answer.text)
    return answer.headers["Set-Cookie"].split(";")[0], answer


@test("a token is changed for a cookie that scripts cannot read and foreign pages cannot send")
def _():
    _, answer = begin()
    parts = [part.strip() for part in answer.headers["Set-Cookie"].split(";")]
    for part in ("Path=/", "HttpOnly", "SameSite=Strict"):
        check(part in parts, f"no {part} in {parts}")
    equal((answer.json["session"]["user_name"], answer.json["session"]["project_name"]),
          ("admin", "admin"), "who it is")
    check("admin" in answer.json["session"]["roles"], answer.text)
    equal(world.fast.drover.send("POST", SESSION).status, 401, "without a token")


@test("a cookie reads everywhere, and changes things only beside the header of the dashboard")
def _():
    cookie, _ = begin()
    send = world.fast.drover.send
    equal(send("GET", SESSION, headers={"Cookie": f"a=b; {cookie}"}).status, 200, "read")
    equal(send("GET", "/compute/v2.1/servers/detail", headers={"Cookie": cookie}).status, 200,
          "read the Compute API")
    body = {"flavor": {"name": "by-cookie", "ram": 1, "vcpus": 1, "disk": 1}}
    answer = send("POST", "/compute/v2.1/flavors", body, headers={"Cookie": cookie})
    equal(answer.status, 401, "a change by the cookie alone")
    answer = send("POST", "/compute/v2.1/flavors", body,
                  headers={"Cookie": cookie, "X-Drover-Session": "1"})
    equal(answer.status, 200, answer.text)
    send("DELETE", f"/compute/v2.1/flavors/{answer.json['flavor']['id']}",
         headers={"Cookie": cookie, "X-Drover-Session": "1"})


@test("a session that is ended is ended on the server, not just in the browser")
def _():
    cookie, _ = begin()
    answer = world.fast.drover.send("DELETE", SESSION,
                                    headers={"Cookie": cookie, "X-Drover-Session": "1"})
    equal(answer.status, 204, answer.text)
    contains(answer.headers["Set-Cookie"], "Max-Age=0", "the cookie goes")
    equal(world.fast.drover.send("GET", SESSION, headers={"Cookie": cookie}).status, 401, "after")


class Stream:
    def __init__(self, cookie):
        self.connection = http.client.HTTPConnection("127.0.0.1", world.fast.drover.port,
                                                     timeout=10)
        self.connection.request("GET", "/drover/v1/events", headers={"Cookie": cookie})
        self.answer = self.connection.getresponse()
        equal(self.answer.status, 200, "the stream")
        equal(self.answer.getheader("Content-Type"), "text/event-stream", "its type")
        equal(self.next()[0], "hello", "the first event")

    def next(self):
        """(event, data) of the next event that is not a sign of life."""
        fields = {}
        while True:
            line = self.answer.readline().decode().rstrip("\n")
            check(line or fields, "the stream has ended")
            if line == "" and fields.get("event") == "alive":
                fields = {}
                continue
            if line == "" and "event" in fields:
                return fields["event"], json.loads(fields["data"])
            key, _, value = line.partition(": ")
            fields[key] = value

    def until(self, kind, name):
        for _ in range(20):
            event = self.next()[1]
            if name in (event.get(kind) or []):
                return event
        raise AssertionError(f"no event tells of {kind} {name}")

    def is_over(self):
        """Whether it ends instead of an event."""
        while True:
            line = self.answer.readline()
            if line in (b"", b"\n"):
                return line == b""

    def close(self):
        self.connection.close()


@test("events tell which instances, migrations and hosts have changed")
def _():
    stream = Stream(begin()[0])
    server = world.fast.create("told")
    stream.until("instances", server)
    equal(world.fast.live_migrate(server).status, 202, "migrate")
    stream.until("migrations", str(world.fast.wait_migration(server, "completed")["id"]))
    services = world.fast.get("/os-services?binary=nova-compute", "2.53")["services"]
    for status in ("disabled", "enabled"):
        world.fast.send("PUT", f"/os-services/{services[0]['id']}", {"status": status}, "2.53")
        stream.until("hosts", services[0]["host"])
    stream.close()
    world.fast.delete(server)


@test("events of other projects, of hosts and of migrations are an administrator's alone")
def _():
    stream = Stream(begin("member")[0])
    foreign = world.fast.create("foreign")
    own = world.fast.create("own", user="member")
    event = stream.next()[1]
    while own not in event["instances"]:
        equal(event, {"instances": []}, "an event of nothing that is ours")
        event = stream.next()[1]
    equal(event, {"instances": [own]}, "nothing but our own instance")
    stream.close()
    world.fast.delete(foreign, own)


@test("events end with their token, however much there is to tell to others")
def _():
    cookie = begin()[0]
    stream = Stream(cookie)
    server = world.fast.create("busy")
    token = cookie.split("=", 1)[1]
    equal(world.fast.drover.send("DELETE", "/identity/v3/auth/tokens", token=token, headers={
        "X-Subject-Token": token}).status, 204, "the token ends")
    deadline = time.monotonic() + 60
    verbs = itertools.cycle(("lock", "unlock"))
    while not stream.is_over():
        check(time.monotonic() < deadline, "the stream goes on without its token")
        world.fast.do(server, {next(verbs): None})
    stream.close()
    world.fast.delete(server)
