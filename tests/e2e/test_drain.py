# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A real host is emptied for maintenance, and gets back what was on it."""
from tap import check, contains, equal, test, wait_until
from world import world


@test("drover host drain empties a host of running and stopped guests, which do not notice, and "
      "drover host restore brings them back [S2-25 S3-02]")
def _():
    running = [world.create(f"drained{number}", host="hosta") for number in (1, 2)]
    stopped = world.create("drained-stopped", host="hosta")
    everybody = [*running, stopped]
    for one in running:
        world.wait_heard(one)
    answer = world.drover.compute("POST", f"/servers/{stopped}/action", {"os-stop": None})
    equal(answer.status, 202, answer.text)
    world.wait_status(stopped, "SHUTOFF")
    try:
        shown = world.drover.drover("host", "drain", "hosta", "--dry-run")
        contains(shown, "Nothing was touched", "the plan")
        shown = world.drover.drover("host", "drain", "hosta", "--wait", "--parallel", "2",
                                    "--reason", "new fans")
        contains(shown, "The drain of hosta is done", "how it ended")
        for one in everybody:
            check(world.host_of(one) != "hosta", f"{one} is still there")
            equal(list(world.runs_on(one)), [world.host_of(one)], "where libvirtd has it")
        left = {name for name in world.volumes("hosta") if any(one in name for one in everybody)}
        equal(left, set(), "volumes that were left behind")
        for one in running:
            world.check_lives(one)
        world.wait_status(stopped, "SHUTOFF")
        host = world.drover.admin("GET", "/drover/v1/hosts/hosta").json["host"]
        equal((host["status"], host["usage"]["instances"]), ("disabled", 0), "the host")
        contains(world.drover.drover("host", "restore", "hosta", "--wait"),
                 "The restore of hosta is done", "how it ended")
        equal([world.host_of(one) for one in everybody], ["hosta"] * 3, "where they are")
        for one in running:
            world.check_lives(one)
        answer = world.drover.compute("POST", f"/servers/{stopped}/action", {"os-start": None})
        equal(answer.status, 202, answer.text)
        world.lab("heartbeat", "mark")
        wait_until(lambda: (counts := world.heard(stopped)) and
                   counts["since_mark"]["received"] > 0, "the stopped one boots again", 90, 0.5)
    finally:
        world.drover.drover("drain", "cancel", "hosta", check=False)
        world.drover.openstack("compute", "service", "set", "hosta", "nova-compute", "--enable",
                               check=False)
        for one in everybody:
            world.delete(one)
