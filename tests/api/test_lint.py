# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What hosts have in common, told by those who ask the hosts: processors."""
import json

from tap import check, contains, equal
from world import test, world


def baseline(cloud, hosts, status=200, user="admin"):
    answer = cloud.other("POST", "/drover/v1/cpu-baseline", {"baseline": {"hosts": hosts}},
                         user=user)
    equal(answer.status, status, answer.text)
    return answer.json["baseline"] if status == 200 else answer


@test("the CPU model that fits several hosts is told, with what each host and guest has against it "
      "[S2-06 S2-21]")
def _():
    cloud = world.fast
    drover = cloud.drover.drover
    server = cloud.create("baselined", host="hostb")
    told = baseline(cloud, ["hosta", "hostb", "hosta"])
    equal((told["cpu_model"], told["features"], told["problem"]), ("qemu64", [], None), "the model")
    equal([(row["host"], row["cpu_model"], row["lacks"]) for row in told["hosts"]],
          [("hosta", "qemu64", None), ("hostb", "qemu64", None)], "each host once, in order")
    (guest,) = [row for row in told["guests"] if row["uuid"] == server]
    equal((guest["host"], guest["cpu_model"], guest["keeps_its_model"], guest["obstacle"]),
          ("hostb", "qemu64", False, None), "the guest")
    table = drover("cpu", "baseline", "hosta", "hostb")
    contains(table, "[libvirt]\ncpu_mode = custom\ncpu_models = qemu64\n", "what goes into conf.d")
    check("keep it until" not in table, f"no guest has another model: {table}")
    equal(json.loads(drover("cpu", "baseline", "--json", "hosta"))["cpu_model"], "qemu64", "json")
    baseline(cloud, ["nowhere"], 404)
    baseline(cloud, [], 400)
    baseline(cloud, ["hosta"], 403, user="manager")
    code, output = drover("cpu", "baseline", check=False)
    equal(code, 2, output)
    cloud.delete(server)
