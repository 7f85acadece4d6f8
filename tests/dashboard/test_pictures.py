# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""A fleet at work, for the pictures of the documents: only with --pictures."""
import os
import random
import tempfile

from stage import check, equal, stage
from tap import test
from world import Cloud

HOSTS = [f"rack{rack}-{number:02}" for rack in (1, 2) for number in range(1, 9)]
ROLES = ("web", "db", "cache", "mail", "build", "queue")
SIZES = {"small": (4096, 2), "medium": (16384, 8), "large": (32768, 16)}


def fill(cloud):
    for name, (ram, vcpus) in SIZES.items():
        answer = cloud.send("POST", "/flavors", {"flavor": {
            "id": name, "name": f"m1.{name}", "ram": ram, "vcpus": vcpus, "disk": 20}})
        equal(answer.status, 200, answer.text)
    chance = random.Random(2)
    for number in range(64):
        cloud.create(f"{ROLES[number % 6]}-{number // 6 + 1:02}", flavorRef=chance.choice(
            list(SIZES)), host=HOSTS[int(chance.triangular(0, 14, 4))])


@test("pictures of a fleet at work: the overview, and a host that is emptied")
def _():
    browser = stage.browser
    with tempfile.TemporaryDirectory() as directory:
        cloud = Cloud(HOSTS, {"path": os.path.join(directory, "fleet"), "transfer_rate": 700 << 20,
                              "dirty_rate": 60 << 20, "memory_mb": 384 << 10,
                              "guest_disk_mb": 64}, {"max_concurrent_live_migrations": 3})
        try:
            fill(cloud)
            (service,) = cloud.get("/os-services?host=rack2-08&binary=nova-compute",
                                   "2.53")["services"]
            cloud.send("PUT", f"/os-services/{service['id']}",
                       {"status": "disabled", "disabled_reason": "memory is replaced"}, "2.53")
            stage.login(cloud, "hosts/rack1-05")
            browser.wait_text("Instances here")
            answer = cloud.other("POST", "/drover/v1/hosts/rack1-05/drain",
                                 {"drain": {"reason": "new kernel", "parallel": 3}})
            equal(answer.status, 202, answer.text)
            browser.wait("[...document.querySelectorAll('.flow-list progress')].some("
                         "(node) => node.value > 20)", "it runs")
            browser.wait_text("disabled")
            stage.pictures_of("drain", ("phone", 390, 844))
            browser.click("nav a", "Overview")
            browser.wait("document.querySelector('.flow-list progress') !== null", "it moves")
            check("rack1-05" in browser.text(), "the host")
            stage.pictures_of("overview", ("phone", 390, 844))
            browser.click("nav a", "Hosts")
            browser.wait_text("memory is replaced")
            stage.pictures_of("hosts", ("phone", 390, 844))
            browser.click("nav a", "Instances")
            browser.wait_text("64 instances")
            stage.pictures_of("instances", ("phone", 390, 844))
        finally:
            stage.forget()
            cloud.drover.remove()
