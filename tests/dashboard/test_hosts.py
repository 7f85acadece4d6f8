# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Hosts: taken out of service and back, and emptied."""
from stage import check, choose_action, equal, stage, test
import tap
from world import Cloud


def host(cloud, name):
    return cloud.other("GET", f"/drover/v1/hosts/{name}").json["host"]


def act(browser, item, name="hosta"):
    choose_action(browser, name, item)


@test("a host is disabled with a reason, and enabled again")
def _(browser, cloud):
    stage.login(cloud, "hosts")
    act(browser, "Disable")
    browser.fill("dialog input", "it's old")
    command = "openstack compute service set --disable --disable-reason 'it'\\''s old' hosta"
    check(command in browser.text(), f"no {command} in {browser.text()}")
    browser.click("dialog button[type=submit]")
    browser.wait("document.querySelector('tbody')?.innerText.includes(\"it's old\")", "the reason")
    equal((host(cloud, "hosta")["status"], host(cloud, "hosta")["disabled_reason"]),
          ("disabled", "it's old"), "the host")
    act(browser, "Enable")
    browser.click("dialog button[type=submit]")
    browser.wait("!document.querySelector('tbody')?.innerText.includes('disabled')", "enabled")
    equal(host(cloud, "hosta")["status"], "enabled", "the host")


@test("a host is declared dead, which the dialog warns of, and taken back")
def _(browser, cloud):
    stage.login(cloud, "hosts/hosta")
    act(browser, "Declare dead")
    browser.wait_text("an instance may run twice")
    check("openstack compute service set --down hosta nova-compute" in browser.text(), "command")
    browser.click("dialog button[type=submit]")
    browser.wait_text("declared dead")
    check(host(cloud, "hosta")["forced_down"], "the host")
    act(browser, "Take back")
    browser.click("dialog button[type=submit]")
    browser.wait_no_text("declared dead")
    browser.wait("document.querySelector('.title')?.innerText.includes('up')", "it is up")


@test("a drain shows its plan before and its progress after, and restore brings all back [S2-25]")
def _(browser, cloud):
    servers = [cloud.create(f"drained{i}", host="hosta") for i in range(3)]
    stage.login(cloud, "hosts/hosta")
    browser.wait_text("Instances here: 3")
    act(browser, "Drain")
    browser.wait_text("3 would move, 0 would stay.")
    check(all(f"drained{i}" in browser.js("document.querySelector('.plan').innerText")
              for i in range(3)), "the plan")
    check("drover host drain hosta" in browser.text(), "the command")
    stage.picture("drain")
    browser.click("dialog button[type=submit]", "Drain")
    browser.wait_text("3 of 3 moved", 60)
    browser.wait_text("Instances here: 0")
    equal({cloud.host_of(server) == "hosta" for server in servers}, {False}, "they are away")
    act(browser, "Restore")
    browser.wait_text("3 would move, 0 would stay.")
    browser.click("dialog button[type=submit]", "Restore")
    browser.wait_text("Instances here: 3", 60)
    equal(host(cloud, "hosta")["status"], "enabled", "the host")
    for server in servers:
        cloud.wait_idle(server)
    cloud.delete(*servers)


@tap.test("the plan of a drain tells what goes cold, and why, once that is allowed")
def _():
    cloud = Cloud(("hosta", "hostb"), more={
        "hypervisor": {"filters": "fault:compare_platform@1=refused"}})
    try:
        server = cloud.create("particular", host="hostb")
        cloud.other("GET", f"/drover/v1/instances/{server}/explanation?move=live")
        with stage.watched(cloud) as browser:
            stage.login(cloud, "hosts/hostb")
            act(browser, "Drain", "hostb")
            browser.wait_text("0 would move, 1 would stay.")
            browser.click("dialog label", "Cold where live is impossible")
            browser.wait_text("1 would move, 0 would stay.")
            row = browser.js("document.querySelector('.plan tbody').innerText")
            check("cold" in row and "hosta" in row and "failed 'cpu'" in row, row)
            browser.click("dialog button[type=submit]", "Drain")
            browser.wait_text("It goes cold: No valid host was found.", 60)
    finally:
        cloud.drover.remove()


@test("the overview shows hosts, what moves between them, and what needs a human", "slow")
def _(browser, cloud):
    server = cloud.create("flowing", host="hosta")
    broken = cloud.create("broken")
    cloud.do(broken, {"os-resetState": {"state": "error"}})
    equal(cloud.live_migrate(server).status, 202, "migrate")
    stage.login(cloud, "overview")
    browser.wait_text("1 out")
    browser.wait_text("is in ERROR")
    check(browser.has(".flow-list a", "flowing"), "what moves")
    stage.picture("overview")
    browser.click(".flow-list a", "broken")
    browser.wait_text("What it is")
    cloud.do(broken, {"os-resetState": {"state": "active"}})
    migration = cloud.migrations(server)[0]["id"]
    cloud.send("DELETE", f"/servers/{server}/migrations/{migration}", version="2.96")
    cloud.wait_migration(server, "cancelled")
    cloud.wait_idle(server)
    cloud.delete(server, broken)
