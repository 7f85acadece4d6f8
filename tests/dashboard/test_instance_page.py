# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""One instance: resized, given volumes, set right after an ERROR, and what its page tells."""
from stage import TABLE, check, choose_action, equal, stage, test
from tap import wait_until


def row_says(browser, text):
    browser.wait(f"document.querySelector('tbody')?.innerText.includes({text!r})", text)


@test("an instance is resized: the dialog has every flavor with what changes or why not, and then "
      "it is confirmed or reverted [S2-26]")
def _(browser, cloud):
    for name, vcpus, ram, disk in (("m1.more", 2, 256, 2), ("m1.cut", 1, 128, 0)):
        answer = cloud.send("POST", "/flavors", {"flavor": {
            "id": name, "name": name, "ram": ram, "vcpus": vcpus, "disk": disk}})
        equal(answer.status, 200, answer.text)
    server = cloud.create("grower", host="hosta")
    stage.login(cloud)
    for end, flavor, status in (("Revert", "m1.tiny", "reverted"),
                                ("Confirm", "m1.more", "confirmed")):
        row_says(browser, "ACTIVE")
        choose_action(browser, "grower", "Resize")
        browser.wait_text("Flavor, now m1.tiny")
        free = browser.js("Object.fromEntries([...document.querySelectorAll('.target input')]"
                          ".map((one) => [one.value, !one.disabled]))")
        equal(free, {"tiny": False, "huge": True, "m1.more": True, "m1.cut": False}, "flavors")
        check("its disk is smaller (0 of 1 GiB)" in browser.text(), browser.text())
        check(browser.js("document.querySelector('dialog [type=submit]').disabled"), "none chosen")
        browser.click(".target label", "m1.more")
        check("1 vCPU → 2 vCPU" in browser.text(), "what changes")
        check(f"openstack server resize --flavor m1.more --wait {server}" in browser.text(), "how")
        stage.picture("resize")
        browser.click("dialog button[type=submit]")
        row_says(browser, "VERIFY_RESIZE")
        choose_action(browser, "grower", f"{end} move")
        browser.click("dialog button[type=submit]")
        cloud.wait_migration(server, status)
        cloud.wait_status(server, "ACTIVE")
        equal(cloud.server(server)["flavor"]["original_name"], flavor, "its flavor")
    cloud.delete(server)
    for name in ("m1.more", "m1.cut"):
        cloud.send("DELETE", f"/flavors/{name}")


@test("the page of an instance has its disks, with what its last move did with each, and its "
      "networks; volumes are attached and detached there [S2-19 S2-26]")
def _(browser, cloud):
    server = cloud.create("<b>disky</b>", host="hosta")
    answer = cloud.other("POST", "/volume/v3/os-volume-manage", {"volume": {
        "name": "far", "ref": {"uri": "nbd://fine/far"}}})
    volume = answer.json["volume"]["id"]
    stage.login(cloud, f"instances/{server}")
    browser.wait(f"({TABLE % 'Disks'}).length === 2", "its root disk and config drive")
    choose_action(browser, "<b>disky</b>", "Attach volume")
    browser.wait_text("Attach a volume to")
    check(f"openstack server add volume {server} {volume}" in browser.text(), "the command")
    browser.click("dialog button[type=submit]")
    browser.wait(f"({TABLE % 'Disks'})[2]?.includes('volume far')", "the volume")
    cloud.live_migrate(server)
    cloud.wait_migration(server, "completed")
    browser.wait(f"({TABLE % 'Disks'})[0]?.at(4).endsWith(': copied')", "what the move did")
    rows = browser.js(TABLE % "Disks")
    equal([row[:2] for row in rows], [["vda", "root disk, from an image"], [
        "vdb", "config drive, with what it is told at its boot"], ["vdc", "volume far"]], "disks")
    check(rows[2][4].endswith(": network"), f"the volume stays where it is: {rows}")
    (port,) = browser.js(TABLE % "Networks")
    equal(port[0], "private", "the network")
    check(port[1].startswith("10.0.") and port[2].count(":") == 5, f"address and MAC: {port}")
    stage.picture("instance-disks")
    browser.click("summary", "Console log")
    browser.wait("document.querySelector('pre.console').innerText.length > 20", "its console")
    browser.click("main button", "Detach far")
    check(f"openstack server remove volume {server} {volume}" in browser.text(), "the command")
    browser.click("dialog button[type=submit]")
    browser.wait(f"({TABLE % 'Disks'}).length === 2", "it is detached")
    cloud.wait_idle(server)
    cloud.delete(server)
    cloud.other("DELETE", f"/volume/v3/volumes/{volume}")


@test("an ERROR is ended from the menu by whoever has seen to it, and not by members [S2-26]")
def _(browser, cloud):
    server = cloud.create("mended", user="member")
    cloud.do(server, {"os-resetState": {"state": "error"}})
    stage.login(cloud)
    row_says(browser, "ERROR")
    choose_action(browser, "mended", "Set to ACTIVE")
    check(f"openstack server set --state active {server}" in browser.text(), "the command")
    browser.click("dialog button[type=submit]")
    row_says(browser, "ACTIVE")
    wait_until(lambda: cloud.server(server)["status"] == "ACTIVE", "it is ACTIVE")
    cloud.do(server, {"os-resetState": {"state": "error"}})
    stage.login(cloud, user="member", password="a password of the tests", project="demo")
    row_says(browser, "ERROR")
    browser.click("button", "Actions for mended")
    items = browser.js("[...document.querySelectorAll('[role=menuitem]')].map((one) => "
                       "one.textContent)")
    check("Set to ACTIVE" not in items and "Hard reboot" in items, f"of a member: {items}")
    browser.key("Escape")
    cloud.delete(server)
