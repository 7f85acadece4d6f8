# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Config drives of real instances, as they lie on their host, read by cloud-init's own code."""
import base64
import ipaddress
import os

import cloud_init
from tap import equal, test
from test_volumes import volumes
from world import world

USER_DATA = "#cloud-config\nruncmd: [echo, 'it is read']\n"


def check_drive(one, kind):
    answer = one.drover.compute("POST", "/servers", {"server": {
        "name": "reader", "hostname": "reader-1", "flavorRef": "tiny", "host": "hosta",
        "imageRef": one.ids["guest"], "networks": [{"uuid": one.ids["private"]}],
        "metadata": {"purpose": "to be read"},
        "user_data": base64.b64encode(USER_DATA.encode()).decode()}})
    equal(answer.status, 202, f"create: {answer.text}")
    server_id = answer.json["server"]["id"]
    one.wait_status(server_id, "ACTIVE")
    (port,) = one.drover.server(server_id)["addresses"]["private"]
    network = [{"mac": port["OS-EXT-IPS-MAC:mac_addr"], "type": "static", "address": port["addr"],
                "prefix": ipaddress.ip_network(one.lab.env["LAB_GUEST_CIDR"]).prefixlen,
                "gateways": [one.lab.env["LAB_GUEST_GATEWAY"]]}]
    image = os.path.join(one.lab.host("hosta", "POOL_DIR"), f"{server_id}.config.img")
    found = cloud_init.read(image, kind, network[0]["mac"])
    nocloud = {"id": server_id, "hostname": "reader-1", "user_data": USER_DATA, "network": network}
    equal(found["nocloud"], nocloud, f"NoCloud on {kind}")
    equal(found["config_drive"], dict(nocloud, admin_pass=None, meta={"purpose": "to be read"}),
          f"ConfigDrive on {kind}")
    one.delete(server_id)


@test("cloud-init finds id, host name, user data, address and route in the config drive of an "
      "instance, in both layouts, on vfat and on iso9660")
def _():
    check_drive(world, "vfat")
    check_drive(volumes, "iso9660")
