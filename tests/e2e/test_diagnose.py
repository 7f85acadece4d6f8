# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Errors that hosts really give are explained: cause, evidence and fix, and the guest is where it
was. Many more are provoked in test_provoke.py."""
import contextlib

from tap import check, contains, equal, test, wait_until
from world import world

guest = {}


def server_id():
    if "id" not in guest:
        guest["id"] = world.create("patient", host="hosta")
    return guest["id"]


def shell(host, command):
    return world.lab("exec", host, "sh", "-c", command)


@contextlib.contextmanager
def full_pool(host, room_kib=512):
    """As full as it can be with the bases there: a file system of its own, half a MiB larger."""
    pool = world.lab.env["LAB_POOL_PATH"]
    try:
        shell(host, f"mkdir -p /run/full && mount -t tmpfs -o size=$(( $(du -sk {pool} | cut -f1) "
                    f"+ {room_kib} ))k tmpfs /run/full && "
                    f"cp -a --sparse=always {pool}/. /run/full/ && mount --bind /run/full {pool}")
        world.lab.virsh(host, "pool-refresh", world.lab.env["LAB_POOL"])
        yield
    finally:
        shell(host, f"umount {pool}; umount /run/full")
        world.lab.virsh(host, "pool-refresh", world.lab.env["LAB_POOL"])
        # Somebody's domain may have come or gone meanwhile, and made drover look.
        if world.free_bytes(host) < 1 << 30:
            world.restart_libvirtd(host)
            wait_until(lambda: world.free_bytes(host) >= 1 << 30, f"{host} has its pool again", 30)


def diagnosed(code, *parts, host="hostb", statuses=("failed", "error")):
    """A migration to that host that ends with this diagnosis; parts are in its evidence."""
    answer = world.migrate(server_id(), host)
    equal(answer.status, 202, answer.text)
    row = world.wait_migration(server_id())
    shown = world.drover.admin("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
    check(row["status"] in statuses, f"it is {row['status']}: {shown}")
    equal(shown["diagnosis"], code, f"the diagnosis of '{shown['message']}'")
    for part in parts:
        contains(shown["evidence"], part, "the evidence")
    check(shown["cause"] and shown["fix"], f"cause and fix: {shown}")
    contains(shown["message"], f"Cause: {shown['cause']}. Fix: {shown['fix']}.", "its end")
    equal(world.runs_on(server_id()), {"hosta": "running"}, "libvirt says")
    left = {name for name in world.volumes(host) if server_id() in name}
    equal(left, set(), "what is left on the destination")
    return row, shown


@test("a destination without a CPU feature of the guest is refused by name, with the feature, "
      "before anything is made there (S2-20, S3-12)")
def _():
    world.lab("lack", "hostb", "ssse3")
    try:
        row, shown = diagnosed("cpu-incompatible", "ssse3", statuses=("error",))
        states = [event["to"] for event in shown["events"]]
        check("preparing" not in states, f"nothing was prepared: {states}")
        text = world.drover.drover("server", "migration", "show", server_id(), str(row["id"]))
        for word in ("diagnosis", "cpu-incompatible", "cause", "evidence", "ssse3", "fix"):
            contains(text, word, "the command's table")
        answer = world.migrate(server_id(), "hostb", version="2.30")
        equal(answer.status, 400, answer.text)
        contains(answer.message, "ssse3", "the sentence of an old client")
        metrics = world.drover.send("GET", "/metrics").text
        contains(metrics, 'diagnosis="cpu-incompatible"', "the metrics")
    finally:
        world.lab("lack", "hostb", "off")


def cpu_rows():
    answer = world.drover.admin("GET", f"/drover/v1/instances/{server_id()}/explanation?move=live")
    equal(answer.status, 200, answer.text)
    return {host["name"]: row for host in answer.json["explanation"]["hosts"]
            for row in host["checks"] if row["check"] == "cpu"}


@test("a host whose emulator lacks a feature of the guest is known before it is chosen, with the "
      "feature, and is known to have it again once it has [S3-12]")
def _():
    server_id()
    world.lab("lack", "hostb", "ssse3")
    try:
        # What kind of processor a host has is read when it connects.
        world.restart_libvirtd("hostb")
        wait_until(lambda: cpu_rows()["hostb"]["result"] == "fail", "it is known", 30)
        rows = cpu_rows()
        equal(rows["hostc"]["result"], "pass", rows)
        contains(rows["hostb"]["have"], "host 'hostb' says: host 'hostb' lacks CPU features", "who")
        contains(rows["hostb"]["have"], "ssse3", "the feature")
        row = world.move(server_id())
        equal(row["dest_compute"], "hostc", world.story(row["id"]))
        contains(world.drover.drover("explain", server_id(), "--host", "hostb"), "ssse3",
                 "the table")
    finally:
        world.lab("lack", "hostb", "off")
    equal({row["result"] for row in cpu_rows().values()}, {"pass"}, "after it was mended")
    world.move(server_id(), "hosta")


@test("a host that drover chose itself and that cannot run the guest gives way to another")
def _():
    world.lab("lack", "hostb", "ssse3")
    try:
        row = world.move(server_id())
        equal(row["dest_compute"], "hostc", world.story(row["id"]))
    finally:
        world.lab("lack", "hostb", "off")
    world.move(server_id(), "hosta")
    world.lab("lack", "hostb", "ssse3")
    world.lab("lack", "hostc", "ssse3")
    try:
        equal(world.migrate(server_id()).status, 202, "migrate")
        row = world.wait_migration(server_id())
        equal(row["status"], "error", world.story(row["id"]))
        reason = world.reason(row["id"])
        for part in ("No valid host was found", "hostb", "hostc", "ssse3", "Cause:"):
            contains(reason, part, "the reason")
    finally:
        world.lab("lack", "hostb", "off")
        world.lab("lack", "hostc", "off")


@contextlib.contextmanager
def chosen_first(host, name):
    """By drover, of the three, for a new server: the third has one more than it."""
    third, = {"hosta", "hostb", "hostc"} - {"hosta", host}
    other = world.create(name, host=third)
    world.drover.drover("compute", "service", "set", "--disable", "hosta")
    try:
        yield
    finally:
        world.drover.drover("compute", "service", "set", "--enable", "hosta")
        world.delete(other)


@test("a host that drover chose itself and that cannot start a new guest gives way to another, "
      "keeps nothing of it, and its reason is told")
def _():
    server_id()
    bios = "/usr/share/seabios"
    with chosen_first("hostb", "elsewhere"):
        shell("hostb", f"mkdir -p /run/empty && mount --bind /run/empty {bios}")
        try:
            server = world.create("second choice")
        finally:
            shell("hostb", f"umount {bios}")
    equal(world.host_of(server), "hostc", "where it is")
    equal(world.runs_on(server), {"hostc": "running"}, "libvirt says")
    equal([name for name in world.volumes("hostb") if server in name], [], "what is left there")
    actions = f"/servers/{server}/os-instance-actions"
    (action,) = world.drover.compute("GET", actions).json["instanceActions"]
    events = world.drover.compute("GET", f"{actions}/{action['request_id']}").json
    told = " ".join(row["details"] or "" for row in events["instanceAction"]["events"])
    contains(told, "hostb cannot have it, another is tried: ", "what is told")
    contains(told, "bios", "QEMU's words")
    world.delete(server)


@test("a name that the source cannot resolve is told as that")
def _():
    shell("hosta", "cp /etc/hosts /run/hosts.keep && grep -v hostb /run/hosts.keep > /etc/hosts")
    try:
        diagnosed("name-not-resolved", "hostb")
    finally:
        shell("hosta", "cp /run/hosts.keep /etc/hosts")


@test("a destination whose QEMU trusts another CA is told as that (S2-23)")
def _():
    pki = "/etc/pki/qemu"
    shell("hostb", f"cp {pki}/ca-cert.pem /run/ca.keep && openssl req -x509 -newkey ec -pkeyopt "
                   "ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=other -keyout /run/k.pem "
                   f"-out {pki}/ca-cert.pem 2>/dev/null")
    try:
        diagnosed("tls-untrusted", "known issuer")
    finally:
        shell("hostb", f"cp /run/ca.keep {pki}/ca-cert.pem")


@test("a destination without its certificate is told as that")
def _():
    shell("hostb", "mv /etc/pki/qemu/server-cert.pem /run/cert.keep")
    try:
        diagnosed("tls-files", "server-cert.pem")
    finally:
        shell("hostb", "mv /run/cert.keep /etc/pki/qemu/server-cert.pem")


@test("a destination whose disk is full is told as that, and the guest stays whole (S2-24)")
def _():
    world.wait_heard(server_id())
    world.move(server_id(), "hostb")
    world.move(server_id(), "hosta")
    with full_pool("hostb"):
        diagnosed("disk-full")
        world.check_lives(server_id())


@test("after all of these it still moves")
def _():
    row = world.move(server_id(), "hostb")
    equal(row["status"], "completed", "after all that")
    world.delete(server_id())
