# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""How the files of the dashboard are served."""
import gzip
import re
import urllib.request

from stage import check, equal, world
from tap import contains, test

PAGE = "/dashboard/"


def send(path, **headers):
    return world.fast.drover.send("GET", path, headers=headers)


def asset(name):
    version = re.search(r"/dashboard/assets/([0-9a-f]{16})/main\.js", send(PAGE).text).group(1)
    return f"/dashboard/assets/{version}/{name}"


@test("the page forbids whatever is not its own: inline scripts, other hosts, frames")
def _():
    answer = send(PAGE)
    equal(answer.status, 200, answer.text)
    policy = answer.headers["Content-Security-Policy"]
    for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'",
                 "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'",
                 "form-action 'none'", "require-trusted-types-for 'script'"):
        contains(policy, part, "the policy")
    check("unsafe" not in policy and "http:" not in policy, policy)
    equal(answer.headers["X-Content-Type-Options"], "nosniff", "sniffing")
    equal(answer.headers["X-Frame-Options"], "DENY", "frames")
    check(not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|style=", answer.text),
          "something inline")


@test("a browser keeps every file for ever, and sees a new version at once")
def _():
    first = send(PAGE)
    equal(first.headers["Cache-Control"], "no-cache", "of the page")
    check(first.headers["ETag"], "it has an ETag")
    equal(send(PAGE, **{"If-None-Match": first.headers["ETag"]}).status, 304, "asked again")
    equal(send(PAGE, **{"If-None-Match": '"other"'}).status, 200, "of another version")
    for name, kind in (("main.js", "text/javascript; charset=utf-8"),
                       ("style.css", "text/css; charset=utf-8"), ("icon.svg", "image/svg+xml")):
        answer = send(asset(name))
        equal((answer.status, answer.headers["Content-Type"]), (200, kind), name)
        contains(answer.headers["Cache-Control"], "immutable", name)
    for path in (asset("nothing.js"), "/dashboard/assets/0123456789abcdef/main.js",
                 asset("..%2Fmain.js"), asset("index.html")):
        equal(send(path).status, 404, path)


@test("files are sent compressed to whoever takes that")
def _():
    path = asset("style.css")
    request = urllib.request.Request(world.fast.drover.url + path,
                                     headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request) as answer:
        equal(answer.headers["Content-Encoding"], "gzip", "encoding")
        packed = answer.read()
    plain = send(path)
    equal(plain.headers["Content-Encoding"], None, "without")
    equal(gzip.decompress(packed).decode(), plain.text, "the same")
    check(len(packed) < len(plain.text) / 2, "it is smaller")


@test("host and port alone lead a browser to the dashboard, and a client to the versions")
def _():
    request = urllib.request.Request(world.fast.drover.url + "/", headers={
        "Accept": "text/html,application/xhtml+xml"})
    with urllib.request.urlopen(request) as answer:
        check(answer.url.endswith("/dashboard/"), answer.url)
    contains(send("/").text, '"versions"', "a client")
