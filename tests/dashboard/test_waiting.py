# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What was asked for and is not there yet: nothing is said of it, and nothing is done with it."""
import os
import signal
import tempfile

from stage import check, choose_action, equal, stage, test, with_script
import tap
from world import Cloud

# What matches window.held is answered when it is let go, what matches window.broken never well.
SLOW = """(() => {
  const real = window.fetch;
  Object.assign(window, {held: "%s", broken: "%s", waiting: []});
  window.letGo = () => { window.held = ""; window.waiting.forEach((go) => go()); };
  window.fetch = async (path, more) => {
    if (window.held && path.match(window.held)) {
      await new Promise((go) => window.waiting.push(go));
    }
    return window.broken && path.match(window.broken)
      ? new Response('{"fault": {"message": "it broke inside"}}', {status: 500})
      : real(path.replace(/limit=100$/, "limit=1"), more);
  };
})()"""
LIST = {"hosts": "/v1/hosts$", "instances": "/v1/instances\\\\?", "migrations": "/v1/migrations"}
# 203 migrations like the one that there is, of which the first answer has 200.
MANY = """(() => {
  const real = window.fetch;
  window.asked = [];
  window.fetch = async (path, more) => {
    const answer = await real(path.replace(/&marker=.*/, ""), more);
    if (!path.includes("/migrations?limit=200")) return answer;
    window.asked.push(path);
    const [row] = (await answer.json()).migrations;
    const first = path.includes("marker=") ? 803 : 1003;
    const rows = Array.from({length: first === 803 ? 3 : 200}, (_, i) =>
      ({...row, id: first - i, uuid: `uuid-${first - i}`}));
    return new Response(JSON.stringify({migrations: rows}));
  };
})()"""
# The page is less patient with a connection that is silent.
HASTY = """(() => {
  const real = window.setTimeout;
  window.setTimeout = (then, ms, ...more) => real(then, ms === 40000 ? 17000 : ms, ...more);
})()"""
DIALOGS = "document.querySelectorAll('dialog').length"


def go_to(browser, cloud, page):
    """From nothing, as who has an address."""
    browser.goto("about:blank")
    browser.goto(f"{cloud.drover.url}/dashboard/#/{page}")


@test("what was not read yet is not said to be none, and what could not be read says why and comes "
      "when it can")
def _(browser, cloud):
    server = cloud.create("awaited", host="hosta")
    stage.login(cloud, "overview")
    browser.wait_text("1 instance")
    pages = {"hosts": {"overview": "No hosts yet", "hosts": "No hosts yet",
                       "hosts/hosta": "There is no such host"},
             "instances": {"overview": "Nothing. All hosts", "instances": "No instances yet",
                           "hosts/hosta": "Instances here: 0",
                           "evacuate/hosta": "No instance is on this host"},
             "migrations": {"overview": "Nothing moves", "migrations": "Nothing has moved yet",
                            f"instances/{server}": "It has not moved"}}
    for kind, lies in pages.items():
        for page, lie in lies.items():
            with with_script(browser, SLOW % (LIST[kind], "")):
                go_to(browser, cloud, page)
            browser.wait_text(f"Reading the {kind}…")
            check(lie not in browser.text(), f"{page} says {lie!r} while {kind} are read")
            browser.js("letGo()")
            browser.wait_no_text(f"Reading the {kind}…")
    with with_script(browser, SLOW % ("", "|".join(LIST.values()))):
        go_to(browser, cloud, "overview")
    for kind, lies in pages.items():
        for page, lie in lies.items():
            browser.js(f"location.hash = '#/{page}'")
            browser.wait_text("could not be read")
            browser.wait_text("it broke inside")
            check(lie not in browser.text(), f"{page} says {lie!r} without {kind}")
    browser.js("window.broken = ''")
    browser.wait_no_text("could not be read")
    cloud.delete(server)


@test("a page of one thing that could not be read says so, and is read again")
def _(browser, cloud):
    server = cloud.create("opaque", host="hosta")
    cloud.live_migrate(server)
    migration = cloud.wait_migration(server, "completed")["id"]
    stage.login(cloud)
    for page, what, then in ((f"instances/{server}", "/servers/", "What was done"),
                             (f"migrations/{migration}", "/migrations/", "What happened"),
                             ("evacuate/hosta", "/hosts/hosta", "Is it dead?")):
        with with_script(browser, SLOW % ("", what)):
            go_to(browser, cloud, page)
        browser.wait_text("This could not be read")
        browser.wait_text("it broke inside")
        check(browser.has("main button", "Try again"), "there is a way on")
        browser.js("""window.broken = ''; [...document.querySelectorAll("main button")]
            .find((button) => button.textContent === "Try again").click()""")
        browser.wait_text(then)
        browser.wait_no_text("could not be read")
    cloud.delete(server)


@test("nobody evacuates all instances of a host before all of them are known")
def _(browser, cloud):
    servers = [cloud.create(f"one-of-two{i}", host="hosta") for i in range(2)]
    (service,) = cloud.get("/os-services?host=hosta&binary=nova-compute", "2.53")["services"]
    cloud.send("PUT", f"/os-services/{service['id']}", {"forced_down": True}, "2.53")
    stage.login(cloud)
    with with_script(browser, SLOW % ("marker=", "")):
        go_to(browser, cloud, "evacuate/hosta")
    browser.wait_text("Reading the instances…")
    browser.wait("[...document.querySelectorAll('main button.danger')].some((button) =>"
                 "button.disabled && button.textContent === 'Evacuate all 1')", "it cannot be had")
    browser.js("letGo()")
    browser.wait("[...document.querySelectorAll('main button.danger')].some((button) =>"
                 "!button.disabled && button.textContent === 'Evacuate all 2')", "both")
    cloud.send("PUT", f"/os-services/{service['id']}", {"forced_down": False}, "2.53")
    cloud.delete(*servers)


@test("of two clicks one opens the dialog, which opens over no other page than where it was wanted")
def _(browser, cloud):
    server = cloud.create("twice", host="hosta")
    stage.login(cloud)
    with with_script(browser, SLOW % ("/explanation", "")):
        go_to(browser, cloud, f"instances/{server}")
    for _ in range(2):
        browser.click("main button", "Live Migrate Instance")
    equal(browser.js("waiting.length"), 1, "what was asked")
    browser.js("letGo()")
    browser.wait_text("Target host")
    equal(browser.js(DIALOGS), 1, "dialogs")
    browser.key("Escape")
    browser.wait(f"{DIALOGS} === 0", "it is gone")
    browser.js("held = '/explanation'; waiting.length = 0")
    browser.click("main button", "Live Migrate Instance")
    browser.wait("waiting.length === 1", "it is asked")
    browser.click("nav a", "Hosts")
    browser.wait_text("Processors")
    browser.js("letGo()")
    browser.wait("!document.body.classList.contains('asks')", "it was answered")
    equal(browser.js(DIALOGS), 0, "dialogs over another page")
    cloud.delete(server)


@test("who goes back leaves the menu and the dialog behind")
def _(browser, cloud):
    server = cloud.create("left")
    stage.login(cloud, "hosts")
    for is_dialog in (False, True):
        browser.js("location.hash = '#/instances'")
        if is_dialog:
            choose_action(browser, "left", "Pause")
            browser.wait_text("The same by command line")
        else:
            browser.click("button", "Actions for left")
            browser.wait("document.querySelector('.menu') !== null", "the menu")
        browser.js("history.back()")
        browser.wait_text("Processors")
        browser.wait(f"{DIALOGS} === 0 && !document.querySelector('.menu')", "they are gone")
    cloud.delete(server)


@test("who logs out while droverd is away is told that the session lasts")
def _(browser, cloud):
    stage.login(cloud)
    try:
        browser.offline(True)
        browser.click("button", "Log out")
        browser.wait_text("You are still logged in.")
        check(browser.has("button", "Log out"), "the page is left")
    finally:
        browser.offline(False)
    browser.wait_no_text("No connection to droverd")
    browser.click("button", "Log out")
    browser.wait_text("Password")


@test("older migrations are read from where the newest end, also after a look at one of long ago")
def _(browser, cloud):
    server = cloud.create("historic", host="hosta")
    cloud.live_migrate(server)
    cloud.wait_migration(server, "completed")
    stage.login(cloud)
    with with_script(browser, MANY):
        go_to(browser, cloud, "migrations")
    browser.wait_text("200 migrations, of the newest ones")
    browser.js(f"location.hash = '#/instances/{server}'")
    browser.wait_text("Where it has been")
    browser.wait("document.querySelectorAll('[aria-label=Moves] tbody tr').length > 200", "all")
    browser.js("location.hash = '#/migrations'")
    browser.click("main button", "Read older ones")
    browser.wait_text("204 migrations")
    equal(browser.js("asked.at(-1)"), "/drover/v1/migrations?limit=200&marker=uuid-804", "it asks")
    browser.wait("!document.querySelector('.toolbar').innerText.includes('older')", "that was all")
    cloud.delete(server)


@test("a command is selected where a page may not copy it")
def _(browser, cloud):
    server = cloud.create("copied")
    stage.login(cloud)
    choose_action(browser, "copied", "Pause")
    browser.js("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    browser.click("dialog button", f"Copy: drover server pause {server}")
    browser.wait_text("Selected")
    equal(browser.js("String(getSelection())"), f"drover server pause {server}", "what is selected")
    browser.key("Escape")
    cloud.delete(server)


@tap.test("a connection that is silent is a lost one: the page says so, and comes back by itself")
def _():
    browser = stage.browser
    with tempfile.TemporaryDirectory() as directory:
        cloud = Cloud(["hosta"], {"path": os.path.join(directory, "fleet")})
        pid = cloud.drover.process.pid
        try:
            server = cloud.create("unheard")
            with stage.watched(cloud), with_script(browser, HASTY):
                stage.login(cloud)
                browser.wait_text("unheard")
                os.kill(pid, signal.SIGSTOP)
                browser.wait_text("No connection to droverd", 90)
                os.kill(pid, signal.SIGCONT)
                cloud.do(server, {"os-stop": None})
                browser.wait_no_text("No connection to droverd", 60)
                browser.wait("document.querySelector('tbody')?.innerText.includes('SHUTOFF')",
                             "what has changed meanwhile", 60)
        finally:
            os.kill(pid, signal.SIGCONT)
            cloud.drover.remove()
