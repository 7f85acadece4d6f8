# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Where virtiofsd is. Debian 13 has a package of it. Debian 12 has it in the qemu-system-common of
its own QEMU alone, in whose place the lab's hosts have that of backports: it is taken out of the
package's file, and kept where the lab keeps its kernel."""
import glob
import os
import subprocess

INSTALLED = ("/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd")
CACHE = os.path.join(os.environ.get("DROVER_LAB_CACHE", "/var/cache/drover-lab"), "virtiofsd")
PACKAGE = "qemu-system-common"


def find_virtiofsd():
    kept = os.path.join(CACHE, "usr/lib/qemu/virtiofsd")
    for path in (*INSTALLED, kept):
        if os.path.exists(path):
            return path
    os.makedirs(CACHE, exist_ok=True)
    versions = subprocess.run(["apt-cache", "madison", PACKAGE], check=True, text=True,
                              stdout=subprocess.PIPE).stdout.splitlines()
    version = next(row.split("|")[1].strip() for row in versions if "bookworm/main" in row)
    subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download",
                    f"{PACKAGE}={version}"], cwd=CACHE, check=True)
    (package,) = glob.glob(os.path.join(CACHE, f"{PACKAGE}_*.deb"))
    subprocess.run(["dpkg-deb", "-x", package, CACHE], check=True)
    os.remove(package)
    return kept
