# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Logging in, users, projects, roles."""
import subprocess
import threading
import time

from drover import DROVERD, Droverd
from tap import check, equal, test
from world import PASSWORD, world

KS = "/identity/v3"


def log_in(identity, scope=None):
    auth = {"identity": identity}
    if scope is not None:
        auth["scope"] = scope
    return world.fast.drover.send("POST", f"{KS}/auth/tokens", {"auth": auth})


def by_password(name="member", password=PASSWORD, domain=None, scope=None, **user):
    user = user or {"name": name}
    user["password"] = password
    if domain is not False:
        user["domain"] = domain or {"id": "default"}
    return log_in({"methods": ["password"], "password": {"user": user}}, scope)


def by_token(token, scope=None):
    return log_in({"methods": ["token"], "token": {"id": token}}, scope)


def project(name="demo"):
    return {"project": {"name": name, "domain": {"name": "Default"}}}


def refused(answer):
    equal(answer.status, 401, answer.text)
    equal(answer.json["error"]["message"],
          "The request you have made requires authentication.", "message")
    check(answer.headers["X-Subject-Token"] is None, "a token was given")


def make_user(name, **more):
    answer = world.fast.other("POST", f"{KS}/users", {"user": dict(
        {"name": name, "password": PASSWORD}, **more)})
    equal(answer.status, 201, answer.text)
    return answer.json["user"]["id"]


def make_project(name):
    answer = world.fast.other("POST", f"{KS}/projects", {"project": {"name": name}})
    equal(answer.status, 201, answer.text)
    return answer.json["project"]["id"]


def role_id(name):
    rows = world.fast.other("GET", f"{KS}/roles?name={name}").json["roles"]
    equal(len(rows), 1, f"roles named {name}")
    return rows[0]["id"]


def grant(project_id, user_id, role, method="PUT"):
    return world.fast.other(
        method, f"{KS}/projects/{project_id}/users/{user_id}/roles/{role_id(role)}")


@test("a login by name gives a token with roles, project and catalog")
def _():
    answer = by_password(scope=project())
    equal(answer.status, 201, answer.text)
    token = answer.json["token"]
    equal(token["methods"], ["password"], "methods")
    equal(token["user"]["domain"], {"id": "default", "name": "Default"}, "domain")
    equal(token["project"]["name"], "demo", "project")
    equal(sorted(role["name"] for role in token["roles"]), ["member", "reader"], "implied roles")
    equal([entry["type"] for entry in token["catalog"]],
          ["identity", "compute", "image", "network", "placement", "volumev3",
           "drover"], "catalog")
    compute = token["catalog"][1]["endpoints"]
    equal([row["interface"] for row in compute], ["public", "internal", "admin"], "interfaces")
    equal(compute[0]["url"], world.fast.drover.url + "/compute/v2.1", "URL")
    check(token["expires_at"].endswith("Z") and "." in token["expires_at"], token["expires_at"])
    check(len(answer.headers["X-Subject-Token"]) == 43, "32 bytes as base64")


@test("a login works by id, without a domain, with the domain's name, and with ids in the scope")
def _():
    user = world.fast.other("GET", f"{KS}/users?name=member").json["users"][0]["id"]
    demo = world.fast.ids["demo"]
    for answer in (by_password(id=user, scope={"project": {"id": demo}}),
                   by_password(domain=False, scope={"project": {"name": "demo"}}),
                   by_password(domain={"name": "default"}, scope=project())):
        equal(answer.status, 201, answer.text)
        equal(answer.json["token"]["project"]["id"], demo, "project")


@test("a login without a scope has no roles and no catalog, unless there is a default project")
def _():
    answer = by_password()
    equal(answer.status, 201, answer.text)
    check("project" not in answer.json["token"] and "catalog" not in answer.json["token"], "scoped")
    token = answer.headers["X-Subject-Token"]
    equal(world.fast.drover.send("GET", "/compute/v2.1/servers", token=token).status, 403, "use")
    made = make_user("homely", default_project_id=world.fast.ids["demo"])
    grant(world.fast.ids["demo"], made, "reader")
    answer = by_password("homely")
    equal(answer.json["token"]["project"]["name"], "demo", "default project")
    answer = by_password("homely", scope="unscoped")
    check("project" not in answer.json["token"], "unscoped in as many words")


@test("wrong password, user, project, domain, scope: the same 401 each time")
def _():
    refused(by_password(password="wrong"))
    refused(by_password(name="nobody"))
    refused(by_password(id="nobody"))
    refused(by_password(scope=project("nothing")))
    refused(by_password(scope=project("admin")))  # it is there, but not for this user
    refused(by_password(domain={"name": "other"}))
    refused(by_password(scope={"project": {"name": "demo", "domain": {"id": "other"}}}))
    refused(by_password(scope={"system": {"all": True}}))
    refused(by_token("made-up"))


@test("a body that is no login is 400")
def _():
    for body in ({}, {"auth": 1}, {"auth": {"identity": {"methods": []}}}, [],
                 {"auth": {"identity": {"methods": ["password"]}}},
                 {"auth": {"identity": {"methods": ["password"],
                                        "password": {"user": {"name": "x", "password": 1}}}}},
                 {"auth": {"identity": {"methods": ["password"],
                                        "password": {"user": {"password": "x"}}}}}):
        equal(world.fast.drover.send("POST", f"{KS}/auth/tokens", body).status, 400, body)


@test("a token gives another token that ends no later; a revoked one is worth nothing")
def _():
    first = by_password()
    token = first.headers["X-Subject-Token"]
    second = by_token(token, project())
    equal(second.status, 201, second.text)
    equal(second.json["token"]["expires_at"], first.json["token"]["expires_at"], "end")
    other = second.headers["X-Subject-Token"]
    send = world.fast.drover.send
    equal(send("GET", f"{KS}/auth/tokens", token=other,
               headers={"X-Subject-Token": other}).json["token"]["project"]["name"], "demo", "show")
    equal(send("HEAD", f"{KS}/auth/tokens", token=other,
               headers={"X-Subject-Token": other}).status, 200, "check")
    equal(send("DELETE", f"{KS}/auth/tokens", token=token,
               headers={"X-Subject-Token": other}).status, 204, "revoke")
    equal(send("GET", f"{KS}/auth/catalog", token=other).status, 401, "after")
    equal(send("GET", f"{KS}/auth/projects", token=token).status, 200, "the first one lives")


@test("nobody but an administrator may look at, or revoke, somebody else's token")
def _():
    theirs = by_password("reader", scope=project()).headers["X-Subject-Token"]
    for method in ("GET", "DELETE"):
        answer = world.fast.other(method, f"{KS}/auth/tokens", user="member",
                                  headers={"X-Subject-Token": theirs})
        equal(answer.status, 403, answer.text)
    answer = world.fast.other("GET", f"{KS}/auth/tokens", headers={"X-Subject-Token": theirs})
    equal(answer.json["token"]["user"]["name"], "reader", "an administrator may")


@test("a disabled user, a deleted user, a new password, a disabled project: tokens end at once")
def _():
    cloud = world.fast
    home = make_project("ending")
    for name, change in (
            ("ending1", ("PATCH", "users", {"user": {"enabled": False}})),
            ("ending2", ("DELETE", "users", None)),
            ("ending3", ("PATCH", "users", {"user": {"password": "another one"}})),
            ("ending4", ("PATCH", "projects", {"project": {"enabled": False}}))):
        user = make_user(name)
        equal(grant(home, user, "member").status, 204, "grant")
        token = by_password(name, scope=project("ending")).headers["X-Subject-Token"]
        equal(cloud.drover.send("GET", f"{KS}/auth/projects", token=token).status, 200, name)
        method, kind, body = change
        changed = user if kind == "users" else home
        check(cloud.other(method, f"{KS}/{kind}/{changed}", body).status in (200, 204), name)
        equal(cloud.drover.send("GET", f"{KS}/auth/projects", token=token).status, 401, name)
    refused(by_password("ending1"))
    refused(by_password("ending3"))
    equal(by_password("ending3", "another one").status, 201, "the new password")
    refused(by_password("ending4", scope=project("ending")))


@test("users are made, shown, listed, changed and deleted")
def _():
    user = make_user("edited", email="a@example.org")
    cloud = world.fast
    shown = cloud.other("GET", f"{KS}/users/{user}").json["user"]
    equal((shown["name"], shown["email"], shown["enabled"], shown["domain_id"]),
          ("edited", "a@example.org", True, "default"), "user")
    check("password_hash" not in shown and "password" not in shown, "a hash is shown")
    equal(cloud.other("GET", f"{KS}/users?name=edited").json["users"], [shown], "by name")
    equal(cloud.other("GET", f"{KS}/users?enabled=False&name=edited").json["users"], [], "filter")
    answer = cloud.other("PATCH", f"{KS}/users/{user}", {"user": {"name": "edited2"}})
    equal((answer.status, answer.json["user"]["email"]), (200, "a@example.org"), "rename")
    equal(cloud.other("POST", f"{KS}/users", {"user": {"name": "edited2"}}).status, 409, "twice")
    equal(cloud.other("PATCH", f"{KS}/users/{user}", {"user": {"name": "admin"}}).status, 409,
          "rename to another's name")
    equal(cloud.other("DELETE", f"{KS}/users/{user}").status, 204, "delete")
    equal(cloud.other("GET", f"{KS}/users/{user}").status, 404, "gone")
    equal(cloud.other("DELETE", f"{KS}/users/{user}").status, 404, "delete again")


@test("a user without a password cannot log in")
def _():
    answer = world.fast.other("POST", f"{KS}/users", {"user": {"name": "wordless"}})
    equal(answer.status, 201, answer.text)
    for password in ("", "!", "x"):
        refused(by_password("wordless", password))


@test("wrong users are refused with Keystone's words")
def _():
    for body, text in (
            ({"user": {}}, "'name' is a required property"),
            ({"user": {"name": ""}}, "'' is too short"),
            ({"user": {"name": "x", "colour": "red"}}, "('colour' was unexpected)"),
            ({"user": {"name": "x", "password": "p" * 512}}, "is too long"),
            ({"user": {"name": "x", "enabled": "perhaps"}}, "is not one of [True"),
            ([], "is not of type 'object'")):
        answer = world.fast.other("POST", f"{KS}/users", body)
        equal(answer.status, 400, body)
        check(text in answer.json["error"]["message"], answer.text)
    answer = world.fast.other("POST", f"{KS}/users", {"user": {"name": "x", "domain_id": "y"}})
    equal(answer.status, 404, answer.text)


@test("everybody changes his own password, and needs the old one for it")
def _():
    cloud = world.fast
    user = make_user("changing")
    grant(cloud.ids["demo"], user, "member")
    token = by_password("changing").headers["X-Subject-Token"]
    path = f"{KS}/users/{user}/password"
    body = {"user": {"original_password": "wrong", "password": "new one"}}
    equal(cloud.drover.send("POST", path, body, token=token).status, 401, "wrong old password")
    equal(cloud.other("POST", path, body, user="member").status, 403, "somebody else's")
    body["user"]["original_password"] = PASSWORD
    equal(cloud.drover.send("POST", path, body, token=token).status, 204, "change")
    refused(by_password("changing"))
    equal(by_password("changing", "new one").status, 201, "the new one")


@test("projects are made, shown, listed, changed and deleted")
def _():
    cloud = world.fast
    made = make_project("edited")
    answer = cloud.other("PATCH", f"{KS}/projects/{made}",
                         {"project": {"description": "words", "name": "renamed"}})
    equal((answer.status, answer.json["project"]["description"], answer.json["project"]["name"]),
          (200, "words", "renamed"), "change")
    equal([row["id"] for row in cloud.other("GET", f"{KS}/projects?name=renamed").json["projects"]],
          [made], "by name")
    equal(cloud.other("POST", f"{KS}/projects", {"project": {"name": "renamed"}}).status, 409,
          "twice")
    equal(cloud.other("POST", f"{KS}/projects", {"project": {}}).status, 400, "no name")
    equal(cloud.other("DELETE", f"{KS}/projects/{made}").status, 204, "delete")
    equal(cloud.other("GET", f"{KS}/projects/{made}").status, 404, "gone")


@test("a project with an instance is not deleted")
def _():
    cloud = world.fast
    server = cloud.create("in-demo", user="member")
    equal(cloud.other("DELETE", f"{KS}/projects/{cloud.ids['demo']}").status, 409, "delete")
    cloud.delete(server)


@test("roles are granted, checked, listed and revoked")
def _():
    cloud = world.fast
    user, home = make_user("granted"), make_project("granting")
    equal(grant(home, user, "manager", "HEAD").status, 404, "not yet")
    equal(grant(home, user, "manager").status, 204, "grant")
    equal(grant(home, user, "manager").status, 204, "grant again")
    equal(grant(home, user, "manager", "HEAD").status, 204, "check")
    rows = cloud.other("GET", f"{KS}/projects/{home}/users/{user}/roles").json["roles"]
    equal([row["name"] for row in rows], ["manager"], "list")
    path = f"{KS}/role_assignments?user.id={user}&include_names"
    rows = cloud.other("GET", path).json["role_assignments"]
    equal([(row["role"]["name"], row["scope"]["project"]["name"]) for row in rows],
          [("manager", "granting")], "assignments")
    rows = cloud.other("GET", path + "&effective").json["role_assignments"]
    equal(sorted(row["role"]["name"] for row in rows), ["manager", "member", "reader"], "effective")
    equal(grant(home, user, "manager", "DELETE").status, 204, "revoke")
    equal(grant(home, user, "manager", "DELETE").status, 404, "revoke again")
    equal(grant(home, "nobody", "member").status, 404, "nobody")


@test("who is no administrator sees himself and his projects, and nothing more")
def _():
    cloud = world.fast
    me = cloud.other("GET", f"{KS}/users?name=member").json["users"][0]["id"]
    for path, status in (("/users", 403), ("/projects", 403), ("/roles", 403), ("/domains", 403),
                         ("/services", 403), ("/role_assignments", 403), (f"/users/{me}", 200),
                         (f"/users/{me}/projects", 200), ("/auth/projects", 200),
                         (f"/projects/{cloud.ids['demo']}", 200), ("/auth/catalog", 200),
                         ("/users/somebody", 403), ("/domains/default", 200), ("/regions", 200)):
        equal(cloud.other("GET", KS + path, user="member").status, status, path)
    equal(cloud.other("POST", f"{KS}/users", {"user": {"name": "x"}}, user="manager").status, 403,
          "make a user")
    equal(cloud.other("GET", f"{KS}/users", user="member").json["error"]["message"],
          "Policy doesn't allow identity:list_users to be performed.", "message")


@test("many logins at once are all answered, one hash at a time, and nobody else waits for them")
def _():
    answers, threads = [], []
    for _number in range(8):
        threads.append(threading.Thread(target=lambda: answers.append(by_password().status)))
    for thread in threads:
        thread.start()
    start = time.monotonic()
    equal(world.fast.other("GET", f"{KS}/auth/projects").status, 200, "meanwhile")
    check(time.monotonic() - start < 5.0, "another request waited for the hashes")
    for thread in threads:
        thread.join(60)
    equal(answers, [201] * 8, "answers")

@test("a lost password is made anew while droverd is stopped: the old one and its tokens end")
def _():
    drover = Droverd({"fake": {"path": ":memory:"}})

    def reset(user):
        return subprocess.run([DROVERD, "--config", drover.directory + "/drover.conf",
                               "--reset-password", user], capture_output=True, text=True,
                              timeout=30)

    def token(password):
        user = {"name": "admin", "domain": {"id": "default"}, "password": password}
        return drover.send("POST", f"{KS}/auth/tokens", {"auth": {"identity": {
            "methods": ["password"], "password": {"user": user}}}})

    try:
        old = drover.password
        equal(token(old).status, 201, "before")
        busy = reset("admin")
        check(busy.returncode == 1 and "in use by another droverd" in busy.stderr, busy.stderr)
        drover.stop()
        unknown = reset("nobody")
        check(unknown.returncode == 1 and "there is no user 'nobody'" in unknown.stderr,
              unknown.stderr)
        done = reset("admin")
        equal(done.returncode, 0, done.stderr)
        drover.start()
        equal(token(old).status, 401, "the old one")
        equal(token(done.stdout.split()[-1]).status, 201, "the new one")
    finally:
        drover.remove()
