# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""The list of instances, and what can be done from it."""
from stage import check, equal, stage, test

EVIL = "<img src=x onerror=\"document.title='owned'\">"
NAMES = "[...document.querySelectorAll('td.name a')].map((a) => a.textContent)"


@test("a guest that is called like markup is text everywhere, on every page")
def _(browser, cloud):
    server = cloud.create(EVIL)
    stage.login(cloud)
    browser.wait(f"{NAMES}.includes({EVIL!r})", "it is in the list as it is called")
    for page in (f"instances/{server}", "overview", f"hosts/{cloud.host_of(server)}"):
        browser.goto(f"{cloud.drover.url}/dashboard/#/{page}")
        browser.wait_text(EVIL if page != "overview" else "Needs a human")
    browser.goto(f"{cloud.drover.url}/dashboard/#/instances")
    browser.click("button", f"Actions for {EVIL}")
    browser.click("[role=menuitem]", "Live Migrate")
    browser.wait_text("Target host")
    equal(browser.js("document.querySelectorAll('img').length"), 0, "elements made of text")
    check(browser.js("document.title") != "owned", "a script of the guest has run")
    browser.key("Escape")
    cloud.delete(server)


@test("what steers a terminal does not come through a console log")
def _(browser, cloud):
    stage.login(cloud)
    text = browser.js("""(async () => {
        const style = document.querySelector("link[rel=stylesheet]").href;
        const format = await import(style.replace("style.css", "format.js"));
        return format.readable(
            "a\\x1b[2J\\x1b]0;title\\x07b\\x1b[31mred\\x1b[0m\\r\\n<b>c\\x00\\x08");
    })()""")
    equal(text, "abred\n<b>c··", "the log")


@test("instances are searched, filtered by project and status, and sorted [S2-12]")
def _(browser, cloud):
    servers = [cloud.create("alpha"), cloud.create("beta", user="member"), cloud.create("gamma")]
    cloud.do(servers[2], {"os-stop": None})
    cloud.wait_status(servers[2], "SHUTOFF")
    stage.login(cloud)
    browser.wait(f"{NAMES}.length === 3", "all of them")
    browser.fill("input[type=search]", "ALP")
    browser.wait(f"{NAMES}.join() === 'alpha'", "found by a part of the name")
    browser.fill("input[type=search]", servers[1][:8])
    browser.wait(f"{NAMES}.join() === 'beta'", "found by its id")
    browser.fill("input[type=search]", " ")
    browser.key("Escape")
    browser.js("document.querySelector('input[type=search]').value = ''; document.querySelector("
               "'input[type=search]').dispatchEvent(new Event('input'))")
    browser.choose("select[aria-label=Project]", cloud.ids["demo"])
    browser.wait(f"{NAMES}.join() === 'beta'", "of one project")
    browser.choose("select[aria-label=Project]", "")
    browser.choose("select[aria-label=Status]", "SHUTOFF")
    browser.wait(f"{NAMES}.join() === 'gamma'", "of one status")
    browser.choose("select[aria-label=Status]", "")
    browser.click("button.sort", "Name")
    browser.wait(f"{NAMES}.join() === 'gamma,beta,alpha'", "downwards")
    browser.fill("input[type=search]", "nothing like it")
    browser.wait_text("None of them matches")
    cloud.delete(*servers)


@test("the list follows what others do, without a reload [S0-19]")
def _(browser, cloud):
    stage.login(cloud)
    browser.wait_text("No instances yet")
    server = cloud.create("newcomer")
    browser.wait_text("newcomer", 20)
    cloud.do(server, {"os-stop": None})
    browser.wait("document.querySelector('tbody')?.innerText.includes('SHUTOFF')", "it is off", 20)
    cloud.delete(server)
    browser.wait_no_text("newcomer", 20)


@test("an instance is stopped, started, paused, locked and deleted from its menu")
def _(browser, cloud):
    server = cloud.create("handled")
    stage.login(cloud)

    def act(item, label, status):
        browser.click("button", "Actions for handled")
        browser.click("[role=menuitem]", item)
        browser.wait_text("The same by command line")
        check(f"openstack server {item.lower()} {server}" in browser.text(), browser.text())
        browser.click("dialog button[type=submit]", label)
        browser.wait("!document.querySelector('dialog')", "the dialog closes")
        if status:
            cloud.wait_status(server, status)
            browser.wait(f"document.querySelector('tbody')?.innerText.includes({status!r})", status)
    act("Pause", "Pause", "PAUSED")
    act("Unpause", "Unpause", "ACTIVE")
    act("Stop", "Stop", "SHUTOFF")
    act("Start", "Start", "ACTIVE")
    act("Lock", "Lock", None)
    browser.wait("document.querySelector('tbody')?.innerText.includes('locked')", "it is locked")
    act("Unlock", "Unlock", None)
    browser.wait("!document.querySelector('tbody')?.innerText.includes('locked')", "unlocked")
    act("Delete", "Delete", None)
    browser.wait("!document.querySelector('tbody')?.innerText.includes('handled')", "it is gone")
    cloud.wait_gone(server)


@test("a page that is drawn anew while a button is pressed does not swallow the click")
def _(browser, cloud):
    server = cloud.create("pressed")
    stage.login(cloud)
    browser.wait_text("pressed")
    at = browser.js("""(() => { const box = document.querySelector("td.actions button")
        .getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()""")
    about = {"x": at[0], "y": at[1], "button": "left", "clickCount": 1}
    browser.call("Input.dispatchMouseEvent", type="mousePressed", **about)
    cloud.do(server, {"os-stop": None})
    browser.wait("document.querySelector('tbody')?.innerText.includes('SHUTOFF')", "it is off")
    browser.call("Input.dispatchMouseEvent", type="mouseReleased", **about)
    browser.wait("document.querySelector('[role=menuitem]') !== null", "the menu")
    check(browser.has("[role=menuitem]", "Start"), "it knows of the change")
    browser.key("Escape")
    equal(browser.focused(), "Actions for pressed", "the focus")
    cloud.delete(server)


@test("the menu and the dialogs work by the keyboard alone, and the focus comes back")
def _(browser, cloud):
    server = cloud.create("by-keys")
    stage.login(cloud)
    browser.wait_text("by-keys")
    browser.js("document.querySelector('td.actions button').focus()")
    browser.key("Enter")
    equal(browser.focused(), "Live Migrate Instance", "the first item")
    browser.key("ArrowDown")
    equal(browser.focused(), "Migrate Instance", "the next one")
    browser.key("ArrowUp")
    browser.key("ArrowUp")
    equal(browser.focused(), "Delete", "round to the last one")
    browser.key("Escape")
    equal(browser.focused(), "Actions for by-keys", "back")
    browser.key("Enter")
    browser.key("Enter")
    browser.wait_text("Target host")
    check(browser.js("document.querySelector('dialog').contains(document.activeElement)"), "inside")
    browser.key("Escape")
    browser.wait("!document.querySelector('dialog')", "the dialog is gone")
    equal(cloud.migrations(server), [], "nothing was asked for")
    cloud.delete(server)
