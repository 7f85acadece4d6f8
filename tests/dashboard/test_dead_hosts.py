# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A host that has died: what is proven, what must be done first, and its instances one by one."""
import functools
import json
import os
import shlex
import sqlite3
import tempfile

from stage import check, equal, stage
import tap
from tap import wait_until
from world import Cloud

# What a fence agent of this fleet is asked for is done: the power is off already. With a file
# "broken" beside it, it fails.
AGENT = """#!/bin/sh
while IFS='=' read -r key value; do [ "$key" != action ] || action=$value; done
[ ! -e "$(dirname "$0")/broken" ] || { echo "the management board is silent" >&2; exit 1; }
[ "$action" != status ] || exit 2
"""
ROWS = """Object.fromEntries([...document.querySelectorAll("main tbody tr")].map((row) =>
    [row.cells[0].innerText, row.innerText]))"""
FREE = """[...document.querySelectorAll("main tbody button, main button.danger")]
    .filter((node) => !node.ariaLabel?.startsWith("Where")).map((node) => !node.disabled)"""


class Dead:
    """Three hosts of which hosta can lose its power, and a fence agent for it."""

    def __init__(self, **fake):
        self.directory = tempfile.TemporaryDirectory(prefix="drover-test-")
        self.path = os.path.join(self.directory.name, "fleet.db")
        with open(os.path.join(self.directory.name, "fence_test"), "w", encoding="utf-8") as file:
            file.write(AGENT)
            os.fchmod(file.fileno(), 0o755)
        self.cloud = Cloud(["hosta", "hostb", "hostc"], dict({"path": self.path}, **fake),
                           {"service_down_time": 8},
                           {"fencing": {"agent_path": self.directory.name, "timeout": 60}})

    def switch_off(self, wait=True):
        """The power of hosta: the fleet's file is nobody's while droverd is down."""
        self.cloud.drover.kill()
        with sqlite3.connect(self.path, timeout=20) as fleet:
            fleet.execute("update hosts set power = 0 where name = 'hosta'")
            fleet.execute("delete from domains where host = 'hosta'")
        self.cloud.drover.start()
        wait_until(lambda: self.host()["state"] == "down", "hosta counts as down", 60, 0.1)

    def set_agent(self):
        answer = self.cloud.other("PATCH", "/drover/v1/hosts/hosta",
                                  {"host": {"fence_agent": "fence_test"}})
        equal(answer.status, 200, answer.text)

    def host(self):
        return self.cloud.other("GET", "/drover/v1/hosts/hosta").json["host"]

    def close(self):
        self.cloud.drover.remove()
        self.directory.cleanup()


def wait_buttons(browser, free):
    """The page has the answers about the host and about its instances then."""
    browser.wait(f"({FREE}).join() === {','.join(map(json.dumps, free))!r}",
                 f"the buttons are free: {free}")


def run_shown(browser, cloud, selector, text, program):
    """The command of the dialog behind that button, which is not pressed itself."""
    browser.click(selector, text)
    browser.wait_text("The same by command line")
    (command,) = [one for one in browser.js(
        "[...document.querySelectorAll('dialog .command code')].map((one) => one.textContent)")
        if one.startswith(program)]
    browser.click("dialog button", "Cancel")
    client, *words = shlex.split(command)
    if client == "nova":
        cloud.drover.nova(*words)
    else:
        cloud.drover.drover(*words)


def on_dead(sentence, **fake):
    """The function gets the browser and a Dead of its own."""
    def register(function):
        @functools.wraps(function)
        def body():
            dead = Dead(**fake)
            try:
                with stage.watched(dead.cloud) as browser:
                    function(browser, dead)
            finally:
                dead.close()
        return tap.test(sentence)(body)
    return register


@on_dead("of a host that is silent nothing is evacuated before it is proven to be dead, and the "
         "page says what is missing and how it is done; then each instance goes where it is sent "
         "[S2-01]")
def _(browser, dead):
    cloud = dead.cloud
    one, two, three = [cloud.create(name, host="hosta") for name in ("one", "two", "three")]
    stage.login(cloud, "evacuate/hosta")
    browser.wait_text("Drain the host instead")
    wait_buttons(browser, [False] * 4)
    dead.switch_off()
    browser.wait_text("Silence is no proof", 60)
    wait_buttons(browser, [False] * 4)
    check("drover host set hosta --fence-agent NAME" in browser.text(), "the other way")
    stage.picture("evacuate-unproven")
    # What the server says of it is said as well, and nothing is hidden.
    browser.click("main tbody button", "Where one goes")
    browser.wait_text("which does not prove that it is dead")
    browser.click(".target label", "hostc")
    check(f"drover server evacuate {one} --host hostc --wait" in browser.text(), "the command")
    stage.picture("evacuate-target")
    browser.click("dialog button", "Use it")
    browser.click("main button", "Declare dead")
    browser.wait_text("an instance may run twice")
    browser.click("dialog button[type=submit]")
    browser.wait_text("has declared it dead")
    wait_buttons(browser, [True] * 4)
    run_shown(browser, cloud, "main button", "Evacuate: one", "drover server evacuate")
    browser.wait(f"({ROWS}).one?.includes('evacuated to hostc')", "one is evacuated")
    browser.click("main label", "Start again what ran")
    run_shown(browser, cloud, "main button", "Evacuate: two", "nova")
    browser.wait_text("2 of 3 evacuated")
    browser.click("main button", "Evacuate all 1")
    check("nova --os-compute-api-version 2.92 host-evacuate hosta" in browser.text(), "the command")
    browser.click("dialog button[type=submit]")
    browser.wait_text("3 of 3 evacuated")
    stage.picture("evacuate-done")
    equal(cloud.host_of(one), "hostc", "where it was sent")
    equal([cloud.server(id)["status"] for id in (one, two, three)],
          ["SHUTOFF", "ACTIVE", "ACTIVE"], "what they are")


@on_dead("a fence agent that fails stops an evacuation with its own words, and the same button "
         "tries again when it does not; the agent's word is the proof then [S2-01]",
         shared_pool="true")
def _(browser, dead):
    cloud = dead.cloud
    server = cloud.create("kept", host="hosta")
    dead.set_agent()
    broken = os.path.join(dead.directory.name, "broken")
    with open(broken, "w", encoding="utf-8"):
        pass
    dead.switch_off()
    stage.login(cloud, "hosts/hosta")
    browser.wait_text("It is down.")
    browser.click("main a", "What is proven, and evacuate")
    browser.wait_text("Not proven yet. fence_test switches it off")
    browser.wait_text("Root disks are kept on the hosts that share its pool (hostb, hostc)")
    browser.click("main button", "Switch its power off")
    check("drover host power hosta off" in browser.text(), "the command")
    browser.click("dialog button[type=submit]")
    browser.wait_text("It was refused.")
    check("the management board is silent" in browser.text(), browser.text())
    browser.click("dialog button", "Cancel")
    browser.click("main button", "Evacuate: kept")
    browser.click("dialog button[type=submit]")
    browser.wait("document.querySelector('main tbody .why')?.innerText.includes("
                 "'the management board is silent')", "why it failed", 60)
    equal(cloud.host_of(server), "hosta", "nothing has moved")
    stage.picture("evacuate-failed")
    os.unlink(broken)
    browser.click("main button", "Again: kept")
    browser.click("dialog button[type=submit]")
    browser.wait_text("1 of 1 evacuated", 60)
    browser.wait_text("fence_test says so, since")
    check(cloud.host_of(server) != "hosta", "it is elsewhere")
