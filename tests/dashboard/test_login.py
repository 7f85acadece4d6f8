# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Logging in and out, and what a session may see."""
from stage import check, equal, stage, test
from world import PASSWORD


@test("one logs in with user, password and project, and a wrong password is told so [S0-05]")
def _(browser, cloud):
    browser.call("Network.clearBrowserCookies")
    browser.goto(f"{cloud.drover.url}/dashboard/")
    browser.wait_text("Log in")
    stage.picture("login")
    browser.fill("input[name=password]", "wrong")
    browser.click("button[type=submit]")
    browser.wait_text("No such user, password and project together.")
    browser.fill("input[name=password]", cloud.drover.password)
    browser.key("Enter")
    browser.wait_text("Needs a human")


@test("no script can read the session, and it outlives a reload")
def _(browser, cloud):
    stage.login(cloud)
    equal(browser.js("document.cookie"), "", "the cookie")
    equal(browser.js("JSON.stringify({...localStorage, ...sessionStorage})"), "{}", "storage")
    (cookie,) = browser.call("Network.getCookies")["cookies"]
    equal((cookie["httpOnly"], cookie["sameSite"]), (True, "Strict"), "the cookie")
    browser.call("Page.reload")
    browser.wait_text("Log out")


@test("logging out ends the session on the server, and the page asks anew")
def _(browser, cloud):
    stage.login(cloud)
    (cookie,) = browser.call("Network.getCookies")["cookies"]
    browser.click("button", "Log out")
    browser.wait_text("Log in")
    answer = cloud.drover.send("GET", "/drover/v1/session", token=cookie["value"])
    equal(answer.status, 401, "its token")
    equal(browser.call("Network.getCookies")["cookies"], [], "the cookie is gone")


@test("a member of a project sees its instances, and nothing of hosts and other projects")
def _(browser, cloud):
    own, foreign = cloud.create("own-vm", user="member"), cloud.create("foreign-vm")
    stage.login(cloud, "instances", "member", PASSWORD, "demo")
    browser.wait_text("own-vm")
    check("foreign-vm" not in browser.text(), "the other project")
    equal(browser.js("[...document.querySelectorAll('nav a')].map((a) => a.textContent)"),
          ["Instances"], "pages")
    browser.click("button", "Actions for own-vm")
    check(not browser.has("[role=menuitem]", "Migrate"), "moving is not a member's right")
    browser.key("Escape")
    browser.click("td a", "own-vm")
    browser.wait_text("What was done")
    cloud.delete(own, foreign)
