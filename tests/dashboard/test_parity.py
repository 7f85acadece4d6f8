# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""The command that stands beside an action is taken as it is and run by the real clients: the same
comes of it as of the button."""
import shlex

from stage import check, choose_action, equal, stage, test
import tap
from tap import wait_until
from world import Cloud

COMMANDS = "[...document.querySelectorAll('dialog .command code')].map((one) => one.textContent)"


def act(browser, name, item):
    choose_action(browser, name, item)
    browser.wait_text("The same by command line")


def shown(browser):
    """The commands of the dialog that is open, which is closed then, with nothing done."""
    commands = browser.js(COMMANDS)
    browser.click("dialog button", "Cancel")
    browser.wait("!document.querySelector('dialog')", "the dialog closes")
    return commands


def run(cloud, command):
    program, *words = shlex.split(command)
    {"openstack": cloud.drover.openstack, "drover": cloud.drover.drover}[program](*words)


def press(browser):
    browser.click("dialog button[type=submit]")
    browser.wait("!document.querySelector('dialog')", "the dialog closes")


def both_ways(browser, cloud, server, item, done, undo):
    """Each of the commands, and then the button, bring the instance to the same; undo between."""
    name = cloud.server(server)["name"]
    act(browser, name, item)
    commands = shown(browser)
    equal([command.split()[0] for command in commands], ["openstack", "drover"], f"of {item}")
    for command in commands:
        run(cloud, command)
        wait_until(done, f"{command!r} has done it", 40)
        undo()
        wait_until(lambda: not done(), f"it is undone after {command!r}", 40)
        cloud.wait_idle(server)
    browser.wait(f"!document.querySelector('tbody')?.innerText.includes({name!r}) || "
                 "document.querySelector('tbody').innerText.includes('ACTIVE')", "the page knows")
    act(browser, name, item)
    press(browser)
    wait_until(done, f"the button of {item} has done it", 40)
    cloud.wait_idle(server)


@test("the commands beside Pause, Stop and Live Migrate do what their buttons do [S2-26]")
def _(browser, cloud):
    server = cloud.create("parity", host="hosta")
    stage.login(cloud)

    def is_now(status):
        return lambda: cloud.server(server)["status"] == status

    def ask(body):
        return lambda: cloud.do(server, body)
    both_ways(browser, cloud, server, "Pause", is_now("PAUSED"), ask({"unpause": None}))
    cloud.do(server, {"unpause": None})
    cloud.wait_status(server, "ACTIVE")
    browser.wait("document.querySelector('tbody')?.innerText.includes('ACTIVE')", "it goes on")
    both_ways(browser, cloud, server, "Stop", is_now("SHUTOFF"), ask({"os-start": None}))
    cloud.do(server, {"os-start": None})
    cloud.wait_status(server, "ACTIVE")
    browser.wait("document.querySelector('tbody')?.innerText.includes('ACTIVE')", "it goes on")
    for i in range(3):
        act(browser, "parity", "Live Migrate")
        browser.click(".target label", "hostc")
        if i < 2:
            commands = shown(browser)
            check("--host hostc" in commands[i], commands[i])
            run(cloud, commands[i])
        else:
            press(browser)
        wait_until(lambda: cloud.host_of(server) == "hostc", "it is on hostc", 40)
        cloud.wait_idle(server)
        cloud.live_migrate(server, "hosta")
        wait_until(lambda: cloud.host_of(server) == "hosta", "it is back", 40)
        cloud.wait_idle(server)
        browser.wait("['hosta', 'ACTIVE'].every((word) => document.querySelector('tbody')"
                     "?.innerText.includes(word))", "seen")
    cloud.delete(server)


@test("the commands beside Migrate, Resize, Confirm, Revert, Disable and Drain do what their "
      "buttons do [S2-25 S2-26]")
def _(browser, cloud):
    server = cloud.create("parity", host="hosta")
    answer = cloud.send("POST", "/flavors", {"flavor": {"id": "more", "name": "m1 'more'",
                                                        "ram": 256, "vcpus": 1, "disk": 1}})
    equal(answer.status, 200, answer.text)
    stage.login(cloud)

    def move(item, target, which):
        browser.wait("document.querySelector('tbody')?.innerText.includes('ACTIVE')", "it is on")
        act(browser, "parity", item)
        browser.click(".target label", target)
        run(cloud, shown(browser)[which])
        cloud.wait_status(server, "VERIFY_RESIZE")
        browser.wait("document.querySelector('tbody')?.innerText.includes('VERIFY')", "it moved")

    def end(item, which):
        act(browser, "parity", item)
        run(cloud, shown(browser)[which])
        cloud.wait_status(server, "ACTIVE")
    move("Migrate Instance", "hostb", 0)
    equal(cloud.host_of(server), "hostb", "where it went")
    end("Revert", 0)
    equal(cloud.host_of(server), "hosta", "where it came from")
    browser.wait("document.querySelector('tbody')?.innerText.includes('hosta')", "the page knows")
    move("Resize", "m1 'more'", 1)
    end("Confirm", 1)
    equal(cloud.server(server)["flavor"]["original_name"], "m1 'more'", "its flavor")
    source = cloud.host_of(server)

    def host():
        return cloud.other("GET", f"/drover/v1/hosts/{source}").json["host"]
    browser.click("nav a", "Hosts")
    browser.wait_text("Processors")
    for which in range(2):
        act(browser, source, "Disable")
        browser.fill("dialog input", "it's $(old)")
        run(cloud, shown(browser)[which])
        now = host()
        equal((now["status"], now["disabled_reason"]), ("disabled", "it's $(old)"), "the host")
        browser.wait("document.querySelector('tbody').innerText.includes('disabled')", "the page")
        act(browser, source, "Enable")
        run(cloud, shown(browser)[which])
        equal(host()["status"], "enabled", "the host")
        browser.wait("!document.querySelector('tbody').innerText.includes('disabled')", "the page")
    act(browser, source, "Drain")
    browser.wait_text("1 would move, 0 would stay.")
    (command,) = shown(browser)
    run(cloud, command)
    check(cloud.host_of(server) != source, "it was drained")
    browser.wait("document.querySelector('tbody').innerText.includes('disabled')", "the page")
    act(browser, source, "Restore")
    (command,) = shown(browser)
    run(cloud, command)
    equal(cloud.host_of(server), source, "it is back")
    cloud.delete(server)
    cloud.send("DELETE", "/flavors/more")


@tap.test("the command beside the Abort of a cold move does what the button does: the Compute API "
          "has none for it [S2-26]")
def _():
    # The command is a process that has to start meanwhile.
    cloud = Cloud(["hosta", "hostb"], more={"hypervisor": {
        "filters": "delay:prepare_dest@1=12000, delay:prepare_dest@2=8000"}})
    try:
        server = cloud.create("cold-feet", host="hosta")
        with stage.watched(cloud) as browser:
            stage.login(cloud, f"instances/{server}")
            for is_button in (False, True):
                cloud.do(server, {"migrate": None})
                browser.click("main button", "Abort")
                browser.wait_text("The same by command line")
                if is_button:
                    press(browser)
                else:
                    (command,) = shown(browser)
                    run(cloud, command)
                cloud.wait_migration(server, "cancelled")
                cloud.wait_status(server, "ACTIVE")
                equal(cloud.host_of(server), "hosta", "where it stays")
                browser.wait("!document.querySelector('main progress')", "nothing runs any more")
    finally:
        cloud.drover.remove()
