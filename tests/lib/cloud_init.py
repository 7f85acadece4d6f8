# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""cloud-init's own code as a judge of config drives. Its package is unpacked, never installed: it
would take over the machine that the tests run on."""
import json
import os
import subprocess
import tempfile

CACHE = os.environ.get("DROVER_LAB_CACHE", "/var/cache/drover-lab")
READER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "read_config_drive.py")


def modules():
    """Where Python finds cloud-init: Debian's package, fetched once."""
    tree = os.path.join(CACHE, "cloud-init")
    if not os.path.isdir(tree):
        os.makedirs(CACHE, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as directory:
            subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download",
                            "cloud-init"], cwd=directory, check=True)
            (package,) = os.listdir(directory)
            subprocess.run(["dpkg", "-x", package, "tree"], cwd=directory, check=True)
            os.rename(os.path.join(directory, "tree"), tree)
    return os.path.join(tree, "usr/lib/python3/dist-packages")


def unpack(image, kind, directory):
    """The files of a config drive; kind: vfat or iso9660."""
    if kind == "vfat":
        subprocess.run(["mcopy", "-s", "-i", image, "::*", directory], check=True)
        return
    isoinfo = ["isoinfo", "-R", "-i", image]
    names = subprocess.run([*isoinfo, "-f"], check=True, stdout=subprocess.PIPE, text=True).stdout
    for name in names.split():
        content = subprocess.run([*isoinfo, "-x", name], check=True, stdout=subprocess.PIPE).stdout
        path = directory + name
        if any(other.startswith(name + "/") for other in names.split()):
            os.makedirs(path, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)


def read(image, kind, mac):
    """{"config_drive": ..., "nocloud": ...}: what cloud-init's readers of each layout found."""
    with tempfile.TemporaryDirectory() as directory:
        unpack(image, kind, directory)
        done = subprocess.run(
            ["/usr/bin/python3", READER, directory, mac], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, check=False,
            env=dict(os.environ, PYTHONPATH=modules(), PYTHONDONTWRITEBYTECODE="1"))
        if done.returncode != 0:
            raise RuntimeError(f"cloud-init cannot read {image}: {done.stderr}")
        return json.loads(done.stdout)
