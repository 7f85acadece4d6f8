# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""One host: what it can do, where it belongs, whether it is fit, where drover is wrong of it."""
import contextlib
import json
import os
import sqlite3
import tempfile

from stage import TABLE, check, equal, stage
import tap
from tap import wait_until
from world import Cloud

REASONS = "[...document.querySelectorAll('main .why')].map((one) => one.parentNode.innerText)"


@tap.test("the page of a host has its capabilities with reasons, storage, aggregates and zone, and "
          "lint is run there: a red cell has its cause and its fix, and is green when it is tried "
          "again [S2-26 S4-01]")
def _():
    cloud = Cloud(["hosta", "hostb", "hostc"], {"shared_pool": "true"}, more={
        "hypervisor": {"filters": "fault:send_canary/hostb@1=refused"}})
    try:
        answer = cloud.send("POST", "/os-aggregates", {"aggregate": {
            "name": "<b>rack", "availability_zone": "north"}})
        rack = answer.json["aggregate"]["id"]
        for body in ({"add_host": {"host": "hosta"}}, {"set_metadata": {"metadata": {"ssd": "1"}}}):
            equal(cloud.send("POST", f"/os-aggregates/{rack}/action", body).status, 200, "rack")
        with stage.watched(cloud) as browser:
            stage.login(cloud, "hosts/hosta")
            browser.wait(f"({TABLE % 'Capabilities'}).length > 5", "capabilities")
            rows = {row[0]: row[1:] for row in browser.js(TABLE % "Capabilities")}
            equal(rows["live-migration-on-shared-storage"][0], "yes", rows)
            check("no fence agent" in rows["evacuation"][1], rows["evacuation"])
            equal(browser.js(TABLE % "Aggregates"), [["<b>rack", "north", "1", "ssd=1"]], "rack")
            check("Shared with\nhostb, hostc" in browser.text(), "the pool")
            browser.wait(f"({TABLE % 'Canaries'}).length === 3", "the canaries")
            browser.click("summary", "in order, or not to be seen")
            for first in (True, False):
                browser.click("main button", "Run lint")
                browser.wait_text("both ways")
                check("drover host lint hosta hostb hostc" in browser.text(), "the command")
                browser.click("dialog button[type=submit]")
                ends = ["fail"] + ["pass"] * 5 if first else ["pass"] * 6
                browser.wait(f"({TABLE % 'Canaries'}).map((row) => row.slice(1)).flat().map((text) "
                             "=> text.split(',')[0]).filter((text) => text !== '–').sort().join() "
                             f"=== {','.join(ends)!r}", f"the canaries are {ends}", 60)
                if first:
                    (why,) = browser.js(REASONS)
                    check("hostb → " in why and "send_canary on host 'hostb' failed" in why, why)
                    browser.js("document.querySelector('table[aria-label=Canaries]')"
                               ".scrollIntoView()")
                    stage.picture("host-lint")
            check(browser.js("document.querySelector('main details').open"), "what was opened")
            browser.js("document.querySelector('main').scrollTo(0, 0)")
            stage.picture("host-page")
            browser.size(390, 800)
            equal(browser.js("document.scrollingElement.scrollWidth"), 390, "on a phone")
            browser.size(1280, 720)
    finally:
        cloud.drover.remove()


def send_canaries(cloud, **how):
    answer = cloud.other("POST", "/drover/v1/lint", {"lint": dict(how, hosts=["hosta", "hostb"])})
    equal(answer.status, 202, answer.text)
    wait_until(lambda: all(row["result"] != "pending" for row in cloud.other(
        "GET", "/drover/v1/lint").json["lint"]["canaries"]), "the canaries have ended")


@tap.test("lint shows what came of a second canary, which way is known by a guest, and where a "
          "guest has not got through since a canary did; none of it is nothing")
def _():
    cloud = Cloud(["hosta", "hostb"], more={"hypervisor": {
        "filters": "fault:send_canary/hosta@2=refused, fault:send_canary/hostb@1=refused"}})
    try:
        send_canaries(cloud, post_copy=True)
        server = cloud.create("flyer", host="hostb")
        equal(cloud.live_migrate(server, "hosta", version="2.60", force=True).status, 202, "move")
        cloud.wait_migration(server, "completed")
        with stage.watched(cloud) as browser:
            cells = f"JSON.stringify(({TABLE % 'Canaries'}).map((row) => row.slice(1)))"
            stage.login(cloud, "hosts/hosta")
            browser.wait(f"({TABLE % 'Canaries'}).length === 2", "the canaries")
            (_, there), (back, _) = json.loads(browser.js(cells))
            check(there.startswith("pass, ") and there.endswith("post-copy: fail"), there)
            equal(back, "pass (guest)", "a guest came after the canary that failed")
            check("Nothing is wrong" not in browser.text(), browser.text())
            (why,) = browser.js(REASONS)
            check("hosta → hostb (post-copy)" in why and "send_canary on host 'hosta'" in why, why)
            stage.picture("host-lint-second")
            with sqlite3.connect(f"{cloud.drover.directory}/drover.db", timeout=20) as store:
                store.execute(
                    "update canaries set moved_us = tried_us + 1, extra_us = 0, move_error = "
                    "'Unable to resolve address' where source_host = 'hosta'")
            browser.click("main a", "Hosts")
            browser.click("td a", "hosta")
            browser.wait(f"{cells}.includes('warn')", "the way is doubtful")
            check("Nothing is wrong" not in browser.text(), browser.text())
            (why,) = browser.js(REASONS)
            check("hosta → hostb" in why and "Unable to resolve address" in why
                  and "Cause: " in why, why)
    finally:
        cloud.drover.remove()


@tap.test("from and to a host that is not connected no canary is sent, and that is said [S4-11]")
def _():
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        path = os.path.join(directory, "fleet.db")
        cloud = Cloud(["hosta", "hostb"], {"path": path})
        try:
            cloud.drover.stop()
            with contextlib.closing(sqlite3.connect(path, timeout=20)) as fleet, fleet:
                fleet.execute("update hosts set cut = 1 where name = 'hostb'")
            cloud.drover.start()
            cloud.drover.wait_hosts_up(1)
            wait_until(lambda: cloud.other("GET", "/drover/v1/hosts/hostb").json["host"]
                       ["connect_error"] is not None, "hostb is cut off", 60)
            with stage.watched(cloud) as browser:
                stage.login(cloud, "hosts/hostb")
                browser.wait(f"({TABLE % 'Canaries'}).length === 2", "what is known")
                browser.click("main button", "Run lint")
                browser.click("dialog button[type=submit]")
                browser.wait_text("no canary is sent, since host 'hostb' is not connected.")
                browser.wait_text("Not sent: host 'hostb' is not connected.")
                browser.wait_text("see why in 'drover host show hostb', and lint again")
        finally:
            cloud.drover.remove()


@tap.test("of a host that is alone no canaries are told of")
def _():
    cloud = Cloud(["hosta"])
    try:
        with stage.watched(cloud) as browser:
            stage.login(cloud, "hosts/hosta")
            browser.wait_text("in order, or not to be seen")
            browser.click("main button", "Run lint")
            browser.click("dialog button[type=submit]")
            browser.wait_text("hosta: no canary is sent, since no other host of its cell is up.")
    finally:
        cloud.drover.remove()


@tap.test("lint on the page of a host stays within its cell, as guests do")
def _():
    cloud = Cloud(["hosta", "hostb", "hostc", "hostd"])
    try:
        for cell, hosts in (("one", ["hosta", "hostc"]), ("two", ["hostb"])):
            made = cloud.send("POST", "/os-aggregates", {"aggregate": {"name": cell}}).json
            path = f"/os-aggregates/{made['aggregate']['id']}/action"
            for body in ({"set_metadata": {"metadata": {"cell": cell}}},
                         *({"add_host": {"host": host}} for host in hosts)):
                equal(cloud.send("POST", path, body).status, 200, body)
        with stage.watched(cloud) as browser:
            for host, command in (("hosta", "drover host lint hosta hostc"),
                                  ("hostb", "drover host lint hostb"),
                                  ("hostd", "drover host lint hostd")):
                stage.login(cloud, f"hosts/{host}")
                browser.wait_text("in order, or not to be seen")
                browser.click("main button", "Run lint")
                browser.wait_text("both ways")
                check(f"{command}\n" in browser.text() + "\n", f"{command}: {browser.text()}")
    finally:
        cloud.drover.remove()


@tap.test("what runs on a host and is not on record is said on its page, with what to do [S2-26]")
def _():
    with tempfile.TemporaryDirectory(prefix="drover-test-") as directory:
        path = os.path.join(directory, "fleet.db")
        cloud = Cloud(["hosta", "hostb"], {"path": path})
        try:
            cloud.create("ours", host="hosta")
            cloud.drover.kill()
            with sqlite3.connect(path, timeout=20) as fleet:
                fleet.execute("update domains set vcpus = 3, memory_mib = 512")
            cloud.drover.start()
            wait_until(lambda: cloud.other("GET", "/drover/v1/hosts/hosta").json["host"][
                "differences"], "drover has seen it")
            with stage.watched(cloud) as browser:
                stage.login(cloud, "hosts/hosta")
                browser.wait_text("has 3 vCPU, 512 MiB; on record 1 vCPU, 128 MiB. resize")
                stage.picture("host-differences")
        finally:
            cloud.drover.remove()
