# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""The dashboard over real hosts: real guests are moved in a real browser, with mouse and keys."""
import contextlib

from pages import Stage, choose_action, targets
from tap import check, contains, equal, test, wait_until
from test_client import node
from test_cold import check_up, console
from test_converge import busy
from world import world

# So slow that a page is looked at for as long as that takes; libvirt is told to hurry then.
SLOW_MIB_S = 1
FAST_MIB_S = 1000

stage = Stage()


@contextlib.contextmanager
def guest(name, **libvirt):
    """One that is up, on hosta; its id."""
    if libvirt:
        world.configure(**libvirt)
    server_id = world.create(name, host="hosta")
    try:
        world.wait_heard(server_id)
        yield server_id
    finally:
        if libvirt:
            world.configure()
        world.delete(server_id)


def send(browser):
    """What the dialog asks for, which is accepted."""
    browser.click("dialog button[type=submit]")
    browser.wait("!document.querySelector('dialog[open]')", "the dialog closes")


def wait_row(browser, *words):
    """Until the table shows them all."""
    browser.wait(f"{list(words)}.every((word) => document.querySelector('tbody')?.innerText"
                 ".includes(word))", f"a row with {words}", 120)


def hurry(server_id, host):
    name = world.drover.server(server_id)["OS-EXT-SRV-ATTR:instance_name"]
    world.lab.virsh(host, "migrate-setspeed", name, str(FAST_MIB_S))


def forced_up(host):
    """Not before it has told that its copies do not run."""
    code, _ = world.drover.openstack("compute", "service", "set", "--up", host, "nova-compute",
                                     check=False, version="2.53")
    return code == 0


def foretold(text, host, name):
    """What the dialog, whose words on the host these are, and drover explain say that it would have
    given away with the guest, where nothing runs."""
    vcpus, mib = node(host)[0], world.host(host)["facts"]["memory_mib"]
    text = " ".join(text.split())
    contains(text, f"Processors 0.00:1 → {1 / vcpus:.2f}:1", "the dialog")
    contains(text, f"1 of {vcpus}", "the dialog")
    contains(text, f"Memory 0.00:1 → {128 / mib:.2f}:1", "the dialog")
    lines = world.drover.drover("explain", name).splitlines()
    row = next(line.split() for line in lines if line.startswith(host) and "->" in line)
    equal(" ".join(row), f"{host} 1 of {vcpus} 0.00:1 -> {1 / vcpus:.2f}:1 128 of {mib} "
          f"0.00:1 -> {128 / mib:.2f}:1", "drover explain")


def live_migrate(browser, name, dest):
    """Through the dialog."""
    choose_action(browser, name, "Live Migrate Instance")
    browser.click(".target label", dest)
    send(browser)


@test("in a browser one logs in, moves a running guest live to the host that is picked, sees how "
      "far it is, and then reads its console on the other host "
      "[S0-02 S0-05 S0-06 S0-08 S0-13 S0-17 S0-19 S2-17 S2-18 S2-19]")
def _():
    with guest("web1", live_migration_bandwidth=SLOW_MIB_S) as server_id, \
            stage.watched(world) as browser:
        stage.login(world, "overview")
        browser.click("nav a", "Instances")
        wait_row(browser, "web1", "ACTIVE", "hosta")
        choose_action(browser, "web1", "Live Migrate Instance")
        seen = targets(browser)
        equal({host: can for host, (can, _) in seen.items()},
              {"": True, "hosta": False, "hostb": True, "hostc": True}, "who can be picked")
        foretold(seen["hostb"][1], "hostb", "web1")
        stage.pictures_of("live-migrate")
        browser.click("dialog button", "Cancel")
        live_migrate(browser, "web1", "hostb")
        wait_row(browser, "MIGRATING", "%")
        browser.click("td a", "web1")
        browser.wait("/ [5-9] %|[1-9][0-9] %/.test(' ' + document.querySelector('.headline')"
                     "?.innerText) && document.querySelector('.headline').innerText"
                     ".includes('of the memory')", "it advances", 90)
        browser.wait("document.querySelector('svg.chart polyline') !== null", "the chart")
        for word in ("Memory", "Rate", "Estimated time left", "hosta → hostb"):
            check(word in browser.text(), f"no {word}")
        hurry(server_id, "hosta")
        browser.wait("!document.querySelector('main progress')", "it has ended", 120)
        browser.wait("document.querySelector('.title').innerText.includes('ACTIVE') && "
                     "document.querySelector('.facts').innerText.includes('hostb')", "it says so")
        row = world.wait_migration(server_id)
        equal((row["status"], row["dest_compute"]), ("completed", "hostb"), world.story(row["id"]))
        given = world.host("hostb")["usage"]
        equal((given["vcpus"], given["ram_mib"]), (1, 128), "as it was foretold")
        browser.wait("document.querySelector('table[aria-label=Moves]').innerText"
                     ".includes('completed')", "its moves")
        browser.wait("document.querySelector('table[aria-label=Moves] td:nth-child(7)')"
                     "?.textContent.endsWith('s')", "its downtime")
        equal(world.runs_on(server_id), {"hostb": "running"}, "libvirt says")
        world.check_lives(server_id)
        wait_until(lambda: "tick" in console(server_id), "the guest writes", 60)
        browser.click("summary", "Console log")
        browser.wait("document.querySelector('pre.console').innerText.includes('tick')",
                     "the console log")


@test("in a browser a guest is moved switched off, sent back, moved again, and stays [S0-03 S0-07 "
      "S2-13]")
def _():
    with guest("web2") as server_id, stage.watched(world) as browser:
        stage.login(world)
        for button, status, ends_on in (("Revert", "reverted", "hosta"),
                                        ("Confirm", "confirmed", "hostb")):
            choose_action(browser, "web2", "Migrate Instance")
            browser.click(".target label", "hostb")
            send(browser)
            wait_row(browser, "VERIFY_RESIZE", "hostb")
            equal(world.runs_on(server_id), {"hosta": "shut off", "hostb": "running"}, "libvirt")
            browser.click("td a", "web2")
            browser.click("main button", button)
            send(browser)
            browser.wait(f"document.querySelector('table[aria-label=Moves] tr td:nth-child(3)')"
                         f"?.innerText.includes('{status}')", status, 90)
            browser.wait("document.querySelector('.title').innerText.includes('ACTIVE')", "ACTIVE",
                         60)
            equal(world.host_of(server_id), ends_on, "drover says")
            equal(world.runs_on(server_id), {ends_on: "running"}, "libvirt says")
            check_up(server_id)
            browser.click("nav a", "Instances")
            wait_row(browser, "web2", "ACTIVE", ends_on)


def service(host, status):
    world.drover.openstack("compute", "service", "set", f"--{status}", host, "nova-compute")


@test("in a browser a host is disabled with a reason; nobody can pick it then, and who has picked "
      "one that another has just disabled is told why it was not taken [S0-11 S2-25]")
def _():
    with guest("web3") as server_id, stage.watched(world) as browser:
        try:
            stage.login(world, "hosts")
            choose_action(browser, "hostc", "Disable")
            browser.fill("dialog input", "new kernel")
            send(browser)
            wait_row(browser, "disabled", "new kernel")
            browser.click("nav a", "Instances")
            choose_action(browser, "web3", "Live Migrate Instance")
            seen = targets(browser)
            equal({host: can for host, (can, _) in seen.items()},
                  {"": True, "hosta": False, "hostb": True, "hostc": False}, "who can be picked")
            contains(seen["hostc"][1], "new kernel", "why not")
            browser.click(".target label", "hostb")
            service("hostb", "disable")
            send(browser)
            wait_until(lambda: (row := world.last_migration(server_id)) and
                       row["status"] == "error", "it was refused", 60)
            browser.wait("[...document.querySelectorAll('.notices .bad')].some((node) => "
                         "node.innerText.includes('hostb') && node.innerText.includes('disabled'))",
                         "why it was refused")
            stage.picture("refused")
            equal(world.runs_on(server_id), {"hosta": "running"}, "libvirt says")
            browser.click("nav a", "Hosts")
            choose_action(browser, "hostc", "Enable")
            send(browser)
            browser.wait("!document.querySelector('tbody').innerText.includes('new kernel')", "it")
        finally:
            service("hostb", "enable")
            service("hostc", "enable")


@test("in a browser a migration that does not end is given up, and the next is made to end")
def _():
    with busy("web4") as server_id, stage.watched(world) as browser:
        stage.login(world)
        live_migrate(browser, "web4", "hostb")
        wait_row(browser, "MIGRATING", "%")
        browser.click("td a", "web4")
        browser.click("main button", "Abort")
        send(browser)
        browser.wait("!document.querySelector('main progress')", "nothing moves", 60)
        browser.wait("document.querySelector('table[aria-label=Moves]').innerText"
                     ".includes('cancelled')", "what became of it")
        equal(world.wait_migration(server_id)["status"], "cancelled", "drover says")
        equal(world.runs_on(server_id), {"hosta": "running"}, "libvirt says")
        browser.click("main button", "Live Migrate Instance")
        browser.click(".target label", "hostb")
        send(browser)
        browser.wait("document.querySelector('.headline')?.innerText.includes('pass')",
                     "it goes over the memory again", 90)
        stage.pictures_of("moving", ("phone", 390, 844))
        browser.click("main h3 a", "Migration")
        browser.click("main button", "Force complete")
        send(browser)
        browser.wait_text("What was measured", 90)
        equal(world.wait_migration(server_id)["status"], "completed", "drover says")
        equal(world.runs_on(server_id), {"hostb": "running"}, "libvirt says")
        world.check_lives(server_id)


@test("in a browser a host that has lost its power is declared dead, and its guest is made to run "
      "on another one; when the host is back it has lost its copy [S2-01]")
def _():
    row = """[...document.querySelectorAll("main tbody tr")].some((row) =>
        row.innerText.includes("web5") && row.innerText.includes("evacuated to host"))"""
    server_id = world.create("web5", host="hostc")
    try:
        world.wait_heard(server_id)
        world.lab("poweroff", "hostc")
        with stage.watched(world) as browser:
            stage.login(world, "evacuate/hostc")
            browser.wait_text("Silence is no proof", 120)
            browser.click("main button", "Declare dead")
            browser.wait_text("an instance may run twice")
            send(browser)
            browser.wait_text("has declared it dead")
            browser.click("main label", "Start again what ran")
            browser.click("main button", "Evacuate: web5")
            send(browser)
            browser.wait(row, "it is evacuated", 120)
        world.wait_heard(server_id)
    finally:
        world.lab("poweron", "hostc", check=False)
        wait_until(lambda: forced_up("hostc"), "hostc is taken back", 150)
        world.drover.wait_hosts_up(3)
    where = world.host_of(server_id)
    check(where in ("hosta", "hostb"), where)
    wait_until(lambda: world.runs_on(server_id) == {where: "running"}, "the copy is gone", 120)
    world.delete(server_id)
