#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What cloud-init's own readers make of a directory with the files of a config drive, as JSON: once
as its data source ConfigDrive does it, once as NoCloud does. Started with cloud-init in PYTHONPATH.

    read_config_drive.py DIRECTORY MAC
"""
import json
import sys

from cloudinit import util
from cloudinit.net import network_state
from cloudinit.sources.helpers import openstack


def read_network(config):
    """The NICs of a network configuration, as what renders it for the system gets to see them."""
    state = network_state.parse_net_config_data(config)
    return [{"mac": nic["mac_address"], "type": subnet["type"], "address": subnet["address"],
             "prefix": subnet["prefix"],
             "gateways": [route["gateway"] for route in subnet["routes"]] +
                         ([subnet["gateway"]] if subnet.get("gateway") else [])}
            for nic in state.iter_interfaces() for subnet in nic["subnets"]]


def read_config_drive(directory, mac):
    found = openstack.ConfigDriveReader(directory).read_v2()
    metadata = found["metadata"]
    config = openstack.convert_net_json(found["networkdata"], known_macs={mac: "eth0"})
    return {"id": metadata["instance-id"], "hostname": metadata["local-hostname"],
            "admin_pass": metadata.get("admin_pass"), "meta": metadata.get("meta"),
            "user_data": util.decode_binary(found["userdata"]), "network": read_network(config)}


def read_nocloud(directory):
    found = util.pathprefix2dict(directory, required=["user-data", "meta-data"],
                                 optional=["vendor-data", "network-config"])
    metadata = util.load_yaml(found["meta-data"])
    return {"id": metadata["instance-id"], "hostname": metadata["local-hostname"],
            "user_data": util.decode_binary(found["user-data"]),
            "network": read_network(util.load_yaml(found["network-config"]))}


def main():
    _, directory, mac = sys.argv
    print(json.dumps({"config_drive": read_config_drive(directory, mac),
                      "nocloud": read_nocloud(directory)}))


if __name__ == "__main__":
    main()
