# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What goes wrong looks like something that was thought of."""
import os
import tempfile

from stage import check, equal, stage, test
from drover import Droverd
import tap
from world import Cloud


@test("an action that is refused says why in its dialog, which stays open")
def _(browser, cloud):
    server = cloud.create("raced")
    stage.login(cloud)
    browser.click("button", "Actions for raced")
    browser.click("[role=menuitem]", "Pause")
    browser.wait_text("The same by command line")
    cloud.do(server, {"os-stop": None})
    cloud.wait_status(server, "SHUTOFF")
    browser.click("dialog button[type=submit]")
    browser.wait_text("It was refused.")
    check("vm_state stopped" in browser.text(), browser.text())
    stage.picture("refused")
    browser.click("dialog button", "Cancel")
    cloud.delete(server)


@test("a session that ends asks to log in again, and goes on at the same page")
def _(browser, cloud):
    server = cloud.create("outlasting")
    stage.login(cloud, f"instances/{server}")
    browser.wait_text("What was done")
    browser.click("main button", "Actions")
    browser.click("[role=menuitem]", "Lock")
    browser.wait_text("The same by command line")
    (cookie,) = browser.call("Network.getCookies")["cookies"]
    token = cookie["value"]
    cloud.drover.send("DELETE", "/identity/v3/auth/tokens", token=token,
                      headers={"X-Subject-Token": token})
    # The stream of events ends with the session: the page may know before anybody presses a button.
    browser.js("document.querySelector('dialog button[type=submit]')?.click()")
    browser.wait_text("Your session has ended")
    check(not browser.js("document.querySelector('dialog[open]')"), "a dialog is left")
    stage.picture("expired")
    browser.fill("input[name=password]", cloud.drover.password)
    browser.key("Enter")
    browser.wait_text("What was done")
    check(server in browser.js("location.hash"), "the page")
    cloud.delete(server)


@tap.test("droverd goes away and comes back: the page says so, and then shows what has changed")
def _():
    browser = stage.browser
    with tempfile.TemporaryDirectory() as directory:
        cloud = Cloud(["hosta", "hostb"], {"path": os.path.join(directory, "fleet")})
        try:
            server = cloud.create("patient")
            stage.login(cloud)
            browser.wait_text("patient")
            cloud.drover.kill()
            browser.wait_text("No connection to droverd", 30)
            check("patient" in browser.text(), "what was known is still shown")
            stage.picture("lost")
            cloud.drover.start()
            cloud.do(server, {"os-stop": None})
            browser.wait_no_text("No connection to droverd", 60)
            cloud.wait_status(server, "SHUTOFF")
            browser.wait("document.querySelector('tbody')?.innerText.includes('SHUTOFF')",
                         "what has changed meanwhile", 60)
            equal(browser.problems, [], "complaints")
        finally:
            browser.problems.clear()
            browser.urls.clear()
            cloud.drover.remove()


@tap.test("an empty fleet says what comes first, on each page")
def _():
    browser = stage.browser
    drover = Droverd({"fake": {"path": ":memory:"}})

    class Empty:
        pass
    Empty.drover = drover
    try:
        stage.login(Empty, "instances")
        browser.wait_text("No instances yet")
        check("drover host add" in browser.text(), browser.text())
        stage.picture("empty")
        for page, words in (("hosts", "No hosts yet"), ("migrations", "Nothing has moved yet"),
                            ("overview", "No hosts yet"),
                            ("instances/00000000-0000-4000-8000-000000000000", "It is gone"),
                            ("migrations/7", "There is no such migration"),
                            ("instances/%", "It is gone"), ("hosts/%", "%")):
            browser.goto(f"{drover.url}/dashboard/#/{page}")
            browser.wait_text(words)
        equal(browser.problems, [], "complaints")
    finally:
        browser.problems.clear()
        browser.urls.clear()
        drover.remove()
