# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Moving instances through the dialogs, and watching them move."""
from stage import check, choose_action, equal, stage, targets, test
import tap
from tap import wait_until
from test_pci import add_flavor
from world import Cloud


def set_service(cloud, host, **change):
    (service,) = cloud.get(f"/os-services?host={host}&binary=nova-compute", "2.53")["services"]
    answer = cloud.send("PUT", f"/os-services/{service['id']}", change, "2.53")
    equal(answer.status, 200, answer.text)


def open_dialog(browser, name, item):
    choose_action(browser, name, item)
    browser.wait_text("Target host")


@test("Live Migrate shows every host with pass or the reason why not, and the chosen one goes "
      "[S0-06 S0-08 S0-09 S0-10 S0-11 S0-17 S2-11 S2-15]")
def _(browser, cloud):
    server = cloud.create("mover", host="hosta")
    set_service(cloud, "hostb", status="disabled", disabled_reason="disk swap")
    stage.login(cloud)
    open_dialog(browser, "mover", "Live Migrate Instance")
    seen = targets(browser)
    equal({name: free for name, (free, _) in seen.items()},
          {"": True, "hosta": False, "hostb": False, "hostc": True}, "who can be chosen")
    check("hostc" in seen[""][1], f"what automatic means now: {seen['']}")
    check("disk swap" in seen["hostb"][1] and "enabled" in seen["hostb"][1], seen["hostb"])
    check("not-source" in seen["hosta"][1], seen["hosta"])
    check(browser.js("document.querySelector('.target input').checked"), "automatic is the default")
    stage.picture("live-migrate")
    browser.click(".target label", "hostc")
    command = f"openstack server migrate {server} --live-migration --host hostc --wait"
    check(command in browser.text(), f"no {command!r}")
    check(command.replace("openstack", "drover") in browser.text(), "drover's command")
    browser.click("button[type=submit]", "Live Migrate Instance")
    browser.wait_text("its live migration was accepted")
    equal(cloud.wait_migration(server, "completed", "error")["dest_compute"], "hostc", "where to")
    browser.wait("document.querySelector('tbody')?.innerText.includes('hostc')", "the list says so")
    set_service(cloud, "hostb", status="enabled")
    cloud.delete(server)


@test("block migration and disk over-commit go with the request that is sent "
      "[S0-12 S0-13 S0-16 S2-14 S2-16]")
def _(browser, cloud):
    server = cloud.create("copied")
    stage.login(cloud)
    open_dialog(browser, "copied", "Live Migrate Instance")
    browser.choose("dialog select", "yes")
    check("--block-migration" in browser.text(), "the command")
    browser.click("dialog label", "Disk Over Commit")
    check("--disk-overcommit" in browser.text(), "the command")
    check("at the cost of speed" in browser.text(), "what it costs")
    browser.click("button[type=submit]")
    browser.wait_text("accepted")
    cloud.wait_migration(server, "completed", "error")
    (row,) = cloud.other("GET", f"/drover/v1/migrations?instance_uuid={server}").json["migrations"]
    equal((row["status"], row["block_migration"]), ("completed", "yes"), row)
    cloud.wait_idle(server)
    cloud.delete(server)


@test("Migrate moves a stopped or running instance, which then is reverted or confirmed "
      "[S0-03 S0-07 S2-13]")
def _(browser, cloud):
    server = cloud.create("colder", host="hosta")
    stage.login(cloud)
    for end, status in (("Revert", "reverted"), ("Confirm", "confirmed")):
        open_dialog(browser, "colder", "Migrate Instance")
        check(f"drover server migrate {server}" in browser.text(), "the command")
        browser.click(".target label", "hostb")
        browser.click("button[type=submit]", "Migrate Instance")
        browser.wait("document.querySelector('tbody')?.innerText.includes('VERIFY_RESIZE')", "done")
        browser.click("td a", "colder")
        browser.wait_text("It was moved and waits")
        browser.click("main button", end)
        browser.wait_text("The same by command line")
        check(f"openstack server resize {end.lower()} {server}" in browser.text(), "the command")
        browser.click("dialog button[type=submit]")
        cloud.wait_migration(server, status)
        browser.wait_no_text("It was moved and waits")
        equal(cloud.host_of(server), "hosta" if end == "Revert" else "hostb", "where it is")
        browser.click("nav a", "Instances")
        browser.wait_text("colder")
        browser.wait("document.querySelector('tbody')?.innerText.includes('ACTIVE')", "as before")
    cloud.delete(server)


@test("a running migration shows bytes, rates, iterations and a chart, and is aborted there",
      "slow")
def _(browser, cloud):
    server = cloud.create("runner")
    equal(cloud.live_migrate(server).status, 202, "migrate")
    stage.login(cloud, f"instances/{server}")
    browser.wait_text("MiB/s")
    # Its disks have a rate as well, and flow before its memory does.
    for word in ("Memory", "Written by the guest", "Iteration", "Estimated time left"):
        browser.wait_text(word)
    browser.wait("document.querySelector('svg.chart polyline') !== null", "the chart")
    stage.picture("running")
    browser.click("main button", "Abort")
    browser.wait_text("openstack server migration abort")
    browser.click("dialog button[type=submit]")
    cloud.wait_migration(server, "cancelled")
    browser.wait("document.querySelector('td .badge')?.textContent.includes('cancelled')", "says")
    browser.wait("!document.querySelector('main progress')", "nothing runs any more")
    cloud.wait_idle(server)
    cloud.delete(server)


@test("a migration that does not end is forced to, and its page tells each state and why", "slow")
def _(browser, cloud):
    server = cloud.create("forced")
    equal(cloud.live_migrate(server).status, 202, "migrate")
    stage.login(cloud, "migrations")
    browser.wait_text("forced")
    browser.wait("document.querySelector('tbody')?.innerText.includes('running')", "it runs")
    browser.click("td:first-child a")
    browser.click("main button", "Force complete")
    browser.wait_text("openstack server migration force complete")
    browser.click("dialog button[type=submit]")
    cloud.wait_migration(server, "completed")
    browser.wait_text("What was measured")
    states = browser.js("[...document.querySelectorAll('.timeline .state')]"
                        ".map((node) => node.textContent)")
    for state in ("queued", "claiming", "transferring", "completed"):
        check(state in states, f"no {state} in {states}")
    check("Downtime" in browser.text(), "the downtime")
    stage.picture("forced")
    cloud.delete(server)


@test("a failed migration tells what went wrong, and the filter finds it")
def _(browser, cloud):
    server = cloud.create("stuck", host="hosta")
    for host in ("hostb", "hostc"):
        set_service(cloud, host, status="disabled", disabled_reason="new kernel")
    equal(cloud.live_migrate(server).status, 202, "migrate")
    cloud.wait_migration(server, "error")
    stage.login(cloud, "migrations")
    browser.choose("select[aria-label=State]", "bad")
    browser.click("td:first-child a")
    browser.wait_text("What went wrong")
    check("new kernel" in browser.text() and "hostc" in browser.text(), browser.text())
    stage.picture("failed")
    for host in ("hostb", "hostc"):
        set_service(cloud, host, status="enabled")
    browser.click("nav a", "Migrations")
    browser.choose("select[aria-label=State]", "")
    cloud.delete(server)


@test("the dialog tells what each host would have given away after the move [S0-13]")
def _(browser, cloud):
    server = cloud.create("weighed", host="hosta")
    other = cloud.create("carried", host="hostb")
    stage.login(cloud)
    open_dialog(browser, "weighed", "Live Migrate Instance")
    usage = cloud.other("GET", "/drover/v1/hosts/hostb").json["host"]
    total = usage["facts"]["vcpus"]
    text = " ".join(targets(browser)["hostb"][1].split())
    check(f"Processors {1 / total:.2f}:1 → {2 / total:.2f}:1" in text, text)
    check(f"2 of {total}" in text and "256 MiB of" in text, text)
    check("→" not in targets(browser)["hosta"][1], "nothing is foretold of one that does not fit")
    browser.key("Escape")
    cloud.delete(server, other)


@tap.test("of a host without processors for others the dialog tells what memory it would have "
          "given away [S0-13]")
def _():
    filters = "ComputeFilter, NUMATopologyFilter, AggregateInstanceExtraSpecsFilter"
    cloud = Cloud(["hosta", "hostb"], more={"compute": {"cpu_dedicated_set": "0-7"},
                                            "filter_scheduler": {"enabled_filters": filters}})
    try:
        add_flavor(cloud, "pinned", {"hw:cpu_policy": "dedicated"})
        server = cloud.create("pinned", flavorRef="pinned", host="hosta")
        with stage.watched(cloud) as browser:
            stage.login(cloud)
            open_dialog(browser, "pinned", "Live Migrate Instance")
            text = targets(browser)["hostb"][1]
            check("Memory 0.00:1 →" in text and "Processors" not in text, text)
            browser.key("Escape")
        cloud.delete(server)
    finally:
        cloud.drover.remove()


@tap.test("of disks that stay where they are the dialog has no options, of others it has those "
          "that there are [S0-04 S0-18]")
def _():
    options = "[...document.querySelectorAll('dialog option')].map((one) => one.value)"
    shown = "document.querySelector('dialog select').checkVisibility()"
    for shared, kinds in ((True, None), (False, ["auto", "yes"])):
        cloud = Cloud(["hosta", "hostb"], {"shared_pool": str(shared).lower()})
        try:
            server = cloud.create("kind", host="hosta")
            wait_until(lambda: shared == bool(cloud.other("GET", "/drover/v1/hosts/hosta").json[
                "host"]["storage"]["shared_with"]), "what is known of the pools")
            with stage.watched(cloud) as browser:
                stage.login(cloud)
                open_dialog(browser, "kind", "Live Migrate Instance")
                equal(browser.js(shown), not shared, "options of the disks")
                if shared:
                    browser.wait_text("These hosts share the pool")
                    check("Disk Over Commit" not in browser.text(), "the other option")
                    stage.picture("live-migrate-shared")
                else:
                    equal(browser.js(options), kinds, "of hosts that share nothing")
                browser.click("dialog button[type=submit]")
                browser.wait_text("accepted")
            cloud.wait_migration(server, "completed")
        finally:
            cloud.drover.remove()
