# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Servers of volumes that take connections and never speak: a QEMU that opens such a disk stands
still with its guest, so hosts try it in something else first."""
import signal
import socket
import tempfile

import test_cold as cold
from tap import check, contains, equal, test, wait_until
from test_volumes import VOLUMES, volumes


def is_trying(host):
    """There is a domain in which a disk is tried."""
    return any(name.startswith("try-") for name in volumes.domains(host))


def told(server, action):
    """What the only action of that kind has failed with; None: it has not."""
    actions = volumes.drover.compute("GET", f"/servers/{server}/os-instance-actions").json
    message, = [row["message"] for row in actions["instanceActions"] if row["action"] == action]
    return message


def check_went_on(server):
    """Since the mark the guest has not stood still; a frozen one would for 15 s at least."""
    silence_ms = volumes.heard(server)["since_mark"]["longest_silence_ms"]
    check(silence_ms < 8000, f"the guest stood still for {silence_ms} ms")
    volumes.check_lives(server)


@test("a volume whose server takes connections and never speaks is not given to a running guest, "
      "which goes on meanwhile; droverd dies while the host tries it, and nothing stays (S4-15)")
def _():
    server = volumes.create("vol-i", host="hosta")
    volumes.wait_heard(server)
    # The kernel takes connections, and nobody takes them from it.
    listener = socket.create_server((volumes.lab.env["LAB_CONTROL_ADDRESS"], 0))
    uri = "nbd://{}:{}/mute".format(*listener.getsockname())
    mute = volumes.register("mute", uri)
    volumes.lab("heartbeat", "mark")
    volumes.openstack("server", "add", "volume", "vol-i", "mute")
    wait_until(lambda: is_trying("hosta"), "the host tries it", 30, 0.1)
    volumes.drover.kill()
    volumes.drover.start()
    volumes.wait_volume(mute, "available", 120)
    wait_until(lambda: not is_trying("hosta"), "the host tries it no more", 60)
    check_went_on(server)
    disks = {**volumes.disks(server), **volumes.disks(server, True)}
    check("vdc" not in disks, f"something of it stayed: {disks}")
    said = told(server, "attach_volume")
    contains(said, f"host 'hosta' cannot open volume '{mute}' at '{uri}': its server did not "
             "answer within 15 s. Cause: ", "why")
    contains(said, "Fix: see that this server runs", "what to do")
    listener.close()
    equal(volumes.drover.admin("DELETE", f"{VOLUMES}/{mute}").status, 202, "delete")
    volumes.delete(server)


@test("when the server of a volume falls silent its guest keeps it, moves neither live nor cold, "
      "and runs on; a trial ends soon after an abort, and in ERROR a dead volume is let go (S4-15)")
def _():
    with tempfile.TemporaryDirectory() as directory:
        server = volumes.create("vol-j", host="hosta")
        volumes.wait_heard(server)
        uri = volumes.serve_nbd(directory)
        remote = volumes.register("falls-silent", uri)
        volumes.attach(server, remote)
        volumes.servers[-1].send_signal(signal.SIGSTOP)
        volumes.lab("heartbeat", "mark")

        equal(volumes.migrate(server, "hostb").status, 202, "migrate")
        wait_until(lambda: is_trying("hostb"), "the destination tries it", 30, 0.1)
        path = f"/servers/{server}/migrations/{volumes.last_migration(server)['id']}"
        equal(volumes.drover.compute("DELETE", path).status, 202, "abort")
        equal(volumes.wait_migration(server, 60)["status"], "cancelled", "after the abort")

        cold.accept(server, {"migrate": None}, world=volumes)
        row = volumes.wait_migration(server, 60)
        equal(row["status"], "error", volumes.story(row["id"]))
        shown = volumes.planned(server)
        contains(shown["message"], f"host 'hostb' cannot open volume '{remote}' at '{uri}'", "why")
        equal(shown["diagnosis"], "network-disk-unreachable", "diagnosis")
        for host in ("hosta", "hostb"):
            check(not is_trying(host), f"{host} still tries it")
        equal(volumes.runs_on(server), {"hosta": "running"}, "libvirt says")
        equal(volumes.drover.server(server)["status"], "ACTIVE", "status")
        check_went_on(server)

        # QEMU would wait for that server to close the disk, and the guest with it.
        volumes.openstack("server", "remove", "volume", "vol-j", "falls-silent")
        contains(wait_until(lambda: told(server, "detach_volume"), "it is refused", 60),
                 "keeps the disk while it runs", "why it stays")
        equal(volumes.show(remote)["status"], "in-use", "the volume")
        check_went_on(server)

        volumes.servers[-1].kill()
        volumes.servers[-1].wait(10)
        volumes.openstack("server", "set", "--state", "error", "vol-j")
        volumes.openstack("server", "remove", "volume", "vol-j", "falls-silent")
        volumes.wait_volume(remote, "available", 120)
        check("vdc" not in volumes.disks(server), "the guest still has it")
        equal(volumes.drover.admin("DELETE", f"{VOLUMES}/{remote}").status, 202, "delete")
        volumes.delete(server)
