# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""More known errors that are provoked on real hosts, as in test_provoke.py: of hosts that are older
or set otherwise, and of guests that somebody else has touched."""
import contextlib
import json
import re
import shlex

from tap import contains, equal, note, test, wait_until
from test_guest import make_flavor, request
from test_provoke import (attached, check_create, check_fault, check_move, domain, guest, guests,
                          hidden, refused, register, running, shell, told)
from virtiofsd import find_virtiofsd
from world import world

CAPABILITIES = "/var/cache/libvirt/qemu/capabilities"


# ---- how something is broken, and mended again ----


@contextlib.contextmanager
def edited(path, edit, host="hostb"):
    """That host's libvirtd, the destination's unless another is named, runs with another version of
    that file."""
    shell(host, f"cp -a {path} {path}.keep")
    try:
        world.restart_libvirtd(host, f"sed -i {shlex.quote(edit)} {path}")
        yield
    finally:
        world.restart_libvirtd(host, f"mv {path}.keep {path}")


@contextlib.contextmanager
def emulator(edit):
    """The destination's libvirtd takes its emulator for another one: it has learnt once what that
    can do, and has kept it."""
    path = shell("hostb", f"grep -l '<arch>x86_64' {CAPABILITIES}/*.xml").strip()
    with edited(path, edit):
        yield


@contextlib.contextmanager
def configured(**libvirt):
    """droverd runs with another configuration."""
    config = world.config(world.lab)
    config["libvirt"].update(libvirt)
    world.drover.stop()
    try:
        world.drover.write_config(config)
        world.drover.start()
        world.drover.wait_hosts_up(3)
        yield
    finally:
        world.drover.stop()
        world.drover.write_config(world.config(world.lab))
        world.drover.start()
        world.drover.wait_hosts_up(3)


@contextlib.contextmanager
def forced_tls():
    """The destination takes nothing else, and drover sends plainly."""
    with edited("/etc/libvirt/qemu.conf", "$ a migrate_tls_force = 1"):
        world.configure(live_migration_with_native_tls="false")
        try:
            yield
        finally:
            world.configure()


def join(host, peer_uri):
    """The host is drover's by another URI. A move that has failed may not have left it yet."""
    path = f"/drover/v1/hosts/{host}"
    wait_until(lambda: world.drover.admin("DELETE", path).status == 204, f"{host} is let go")
    answer = world.drover.admin("POST", "/drover/v1/hosts", {"host": {
        "name": host, "uri": world.lab.host(host, "URI").split("?")[0], "peer_uri": peer_uri,
        "migration_address": world.lab.host(host, "MIGRATION_ADDRESS"),
        "pool": world.lab.env["LAB_POOL"]}})
    equal(answer.status, 201, answer.text)
    world.drover.wait_hosts_up(3)


@contextlib.contextmanager
def called(host, peer_uri):
    """The other hosts are told to call a host by this URI."""
    try:
        join(host, peer_uri)
        yield
    finally:
        join(host, world.lab.host(host, "PEER_URI"))


@contextlib.contextmanager
def sasl_wanted():
    """The other hosts are told to call by TCP, where the destination's libvirtd wants SASL (its
    auth_tcp, unless it is set), and they have no credentials; droverd calls it by TLS as before."""
    with configured(allow_plaintext="true"), \
            edited("/etc/libvirt/libvirtd.conf", "s/^listen_tcp = 0/listen_tcp = 1/"), \
            called("hostb", "qemu+tcp://hostb/system"):
        yield


@contextlib.contextmanager
def unknown_device():
    """The running guest has a device that libvirt knows nothing of, so that the destination's QEMU
    is started without it."""
    def monitor(command):
        return world.lab.virsh("hosta", "qemu-monitor-command", domain(), "--hmp", command)

    world.wait_heard(guest("target"))
    monitor("device_add virtio-rng-pci,id=provoked")
    try:
        yield
    finally:
        monitor("device_del provoked")
        wait_until(lambda: "provoked" not in monitor("qom-list /machine/peripheral"), "it is gone")


BAD_DISK = ("<disk type=\"network\" device=\"disk\"><driver name=\"qemu\" type=\"raw\" "
            "rerror_policy=\"stop\"/><source protocol=\"nbd\"><host transport=\"unix\" "
            "socket=\"/run/bad.sock\"/></source><target dev=\"vdz\" bus=\"virtio\"/></disk>")


def reason_of_state():
    return world.lab.virsh("hosta", "domstate", "--reason", domain())


@contextlib.contextmanager
def failing_disk():
    """The first sector that the guest reads of a new disk cannot be read, once."""
    error = ("event=none", "errno=5", "once=on", "iotype=read")
    options = ",".join(["driver=raw", "file.driver=blkdebug", "file.image.driver=null-co",
                        "file.image.size=1M", *(f"file.inject-error.0.{one}" for one in error)])
    with running("hosta", f"qemu-nbd -t -e 2 -k /run/bad.sock --image-opts {options}",
                 "qemu-nbd -L -k /run/bad.sock >/dev/null 2>&1"), attached(BAD_DISK):
        wait_until(lambda: "paused (I/O error)" in reason_of_state(), "the guest has read", 90)
        wait_until(lambda: world.drover.server(guest("target"))["status"] == "PAUSED", "it is seen")
        try:
            yield
        finally:
            world.lab.virsh("hosta", "resume", domain())
            world.wait_status(guest("target"), "ACTIVE")


@contextlib.contextmanager
def bound_to_a_session():
    """The guest was started by a client who wants it to end with the connection."""
    server, name = guest("target"), domain()
    world.lab.virsh("hosta", "destroy", name)
    world.wait_status(server, "SHUTOFF")
    try:
        with running("hosta", f"virsh \"start {name} --autodestroy; event --all --loop\"",
                     f"virsh -q domstate {name} | grep -q running"):
            world.wait_status(server, "ACTIVE")
            yield
        world.wait_status(server, "SHUTOFF")
    finally:
        world.drover.compute("POST", f"/servers/{server}/action", {"os-start": None})
        world.wait_status(server, "ACTIVE")


@contextlib.contextmanager
def tpm_on_shared_storage():
    """The source takes the directory of its TPMs for one that other hosts mount as well. Debian
    12's swtpm is older than the version that can hand such a state over."""
    with edited("/etc/libvirt/qemu.conf",
                "s,^shared_filesystems = .*,shared_filesystems = [ \"/var/lib/libvirt/swtpm\" ],",
                "hosta"):
        yield


@contextlib.contextmanager
def redefined(edit):
    """The guest was switched off, and started from a definition that somebody has edited."""
    server, name = guest("target"), domain()

    def start_from(path):
        world.lab.virsh("hosta", "destroy", name)
        world.wait_status(server, "SHUTOFF")
        world.lab.virsh("hosta", "define", path)
        world.lab.virsh("hosta", "start", name)
        world.wait_status(server, "ACTIVE")

    shell("hosta", f"virsh -q dumpxml --inactive --security-info {name} >/run/kept.xml && "
                   f"sed {shlex.quote(edit)} /run/kept.xml >/run/edited.xml")
    try:
        start_from("/run/edited.xml")
        yield
    finally:
        start_from("/run/kept.xml")


@contextlib.contextmanager
def directory_of_the_host():
    """The guest has a directory of its host by virtiofs, whose daemon cannot send what it knows."""
    filesystem = ("<filesystem type='mount' accessmode='passthrough'><driver type='virtiofs'/>"
                  f"<binary path='{find_virtiofsd()}'><sandbox mode='chroot'/></binary>"
                  "<source dir='/run/empty'/><target dir='provoked'/></filesystem>")
    shell("hosta", "mkdir -p /run/empty")
    with redefined("s,</currentMemory>,&<memoryBacking><source type='memfd'/>"
                   f"<access mode='shared'/></memoryBacking>,; s,</devices>,{filesystem}&,"):
        yield


@contextlib.contextmanager
def post_copy_without_faults():
    """The destination's kernel does not tell QEMU which pages its guest waits for."""
    world.configure(live_migration_permit_post_copy="true")
    try:
        with hidden("hostb", "/dev/userfaultfd", "/dev/null"):
            yield
    finally:
        world.configure()


# ---- in the middle ----


def cut():
    """Whatever carries a migration to the destination breaks, and its sender knows at once."""
    return refused("49152-49215")


@contextlib.contextmanager
def libvirtd_killed():
    """It is back at once: before, drover cannot know how the move has ended."""
    world.lab("libvirtd", "kill", "hostb")
    world.lab("libvirtd", "start", "hostb")
    yield
    world.wait_connected("hostb", True)


@contextlib.contextmanager
def aborted_unseen():
    """Somebody aborts the job while there is no droverd."""
    name = domain()
    world.drover.kill()
    try:
        world.lab.virsh("hosta", "domjobabort", name)
        wait_until(lambda: "None" in world.lab.virsh("hosta", "domjobinfo", name), "it is over", 30)
        wait_until(lambda: name not in world.domains("hostb"), "the destination has given up", 30)
    finally:
        world.drover.start()
    world.drover.wait_hosts_up(3)
    yield


def check_middle(fault, code, part, **more):
    """Memory takes half a minute, and so does what a test has written to the disk."""
    world.wait_heard(guest("target"))
    world.configure(live_migration_bandwidth=4)
    try:
        check_move(fault, code, part, **more)
    finally:
        world.configure()


def check_disk(*arguments):
    """Not into a file system: behind the end of that of the guest."""
    drive = "/machine/peripheral/virtio-disk0/virtio-backend"
    world.lab.virsh("hosta", "qemu-monitor-command", domain(), "--hmp",
                    f"qemu-io -d {drive} \"write -P 7 900M 64M\"")
    check_middle(*arguments, flows="disk_processed_bytes")


def check_memory(*arguments):
    check_middle(*arguments, flows="memory_processed_bytes")


def check_emulated(*arguments):
    if world.lab.env["LAB_ACCEL"] == "kvm":
        note("these hosts have KVM")
    else:
        check_create(*arguments)


def rows_of_cpu():
    explained = json.loads(world.drover.drover("explain", "target", "--live", "--json"))
    return {host["name"]: row for host in explained["hosts"] for row in host["checks"]
            if row["check"] == "cpu"}


@test("a host whose emulator lacks the machine type of a guest is known before it is chosen, and "
      "another one is taken [S3-12]")
def _():
    server = guest("target")
    if world.host_of(server) != "hosta":
        world.move(server, "hosta")
    found = re.search(r"machine='([^']+)'", world.lab.virsh("hosta", "dumpxml", domain()))
    with emulator(f"s/name='{found[1]}'/name='pc-i440fx-0.9'/"):
        wait_until(lambda: rows_of_cpu()["hostb"]["result"] == "fail", "it is known", 30)
        rows = rows_of_cpu()
        contains(rows["hostb"]["have"], f"does not support machine type '{found[1]}'", "why")
        equal(rows["hostc"]["result"], "pass", rows)
        equal(world.move(server)["dest_compute"], "hostc", "where it went")
    world.move(server, "hosta")
    equal({row["result"] for row in rows_of_cpu().values()}, {"pass"}, "after it was mended")


# ---- the rows ----

MOVES = [
    ("tls-required: the destination takes encrypted migrations alone, and drover does not encrypt",
     "allows migration only with VIR_MIGRATE_TLS flag", forced_tls),
    ("machine-type: the destination's emulator lacks that of the guest",
     "does not support machine type", lambda: emulator("/<machine .*name='pc-i440fx-10.0'/ d")),
    ("version: the destination's emulator is older than the source's",
     "requires a newer hypervisor version",
     lambda: emulator("s,<version>.*</version>,<version>9000000</version>,")),
    ("same-host: the destination's peer URI leads back to the source",
     "Attempt to migrate guest to the same host",
     lambda: called("hostb", world.lab.host("hosta", "PEER_URI"))),
    ("authentication: the destination wants credentials that the source does not have",
     "authentication failed", sasl_wanted),
    ("device-unknown: the guest has a device that the destination's QEMU was not started with",
     "load of migration failed: Invalid argument", unknown_device),
    ("disk-io-error: a disk of the guest cannot be read", "cannot migrate domain with I/O error",
     failing_disk),
    ("autodestroy: somebody has started the guest for as long as his connection lasts",
     "marked for auto destroy", bound_to_a_session),
    ("postcopy-unsupported: the destination's kernel does not give userfaultfd",
     "Userfaultfd not available", post_copy_without_faults),
    ("virtiofs: the guest has a directory of its host",
     "migration with this virtiofs device is not supported", directory_of_the_host),
]

# Which of several words comes depends on which side is faster: the row has them all.
IN_MEMORY = [
    ("stream-broken: the data network breaks while memory flows", "", cut),
    ("peer-lost: the destination's libvirtd is killed while memory flows", "", libvirtd_killed),
    ("outcome-unseen: the job is aborted while there is no droverd",
     "the guest is still on hosta", aborted_unseen),
]

IN_DISKS = [
    ("disk-copy: the data network breaks while a disk is copied", "migration of disk vd",
     cut),
]

CREATES = [
    ("cpu-model-unknown: guests are to have their host's processor, and are emulated",
     "CPU mode 'host-passthrough' for x86_64 qemu domain",
     lambda: configured(virt_type="qemu", cpu_mode="host-passthrough", cpu_models="",
                        cpu_model_extra_flags="")),
]

EMULATED = [
    ("kvm-missing: guests are to be made for KVM, and the host has none",
     "does not support virt type 'kvm'", lambda: configured(virt_type="kvm")),
    ("cpu-tsc: guests are to have an invariant TSC, and are emulated",
     "host doesn't support invariant TSC",
     lambda: configured(cpu_model_extra_flags="+ssse3,+invtsc")),
]

register(MOVES, check_move, __name__)
register(CREATES, check_create, __name__)
register(EMULATED, check_emulated, __name__)
register(IN_MEMORY, check_memory, __name__)
register(IN_DISKS, check_disk, __name__)


@test("tpm-shared-state: the state of the guest's TPM is on storage that both hosts share, and "
      "their swtpm is too old for that")
def _():
    make_flavor("sealed", hw__tpm_version="2.0", hw__tpm_model="tpm-crb")
    answer = request("sealed", host="hosta", name="sealed")
    equal(answer.status, 202, answer.text)
    guests["sealed"] = answer.json["server"]["id"]
    world.wait_status(guests["sealed"], "ACTIVE")
    check_move(tpm_on_shared_storage, "tpm-shared-state",
               "swtpm does not support migration with shared storage", name="sealed")


@test("time-out: nobody can reach the guest's host for as long as a pause may take")
def _():
    server = guest("target")
    known = len(world.drover.log())  # other tests may have had it say the same
    try:
        world.lab("cut", "control", "hosta")
        world.wait_connected("hosta", False)
        answer = world.drover.compute("POST", f"/servers/{server}/action", {"pause": None})
        equal(answer.status, 202, answer.text)
        # Then the host is asked what is true, and may have another minute to say it.
        wait_until(lambda: "host 'hosta' did not answer in time" in world.drover.log()[known:],
                   "its time is over", 120, 1)
    finally:
        world.lab("heal", "hosta")
    world.wait_status(server, "ACTIVE")
    world.wait_connected("hosta", True)
    actions = world.drover.compute("GET", f"/servers/{server}/os-instance-actions").json
    row = actions["instanceActions"][0]
    equal(row["action"], "pause", "the newest action")
    contains(row["message"], "host 'hosta' did not answer in time", "why")
    contains(row["message"], told("time-out"), "its end")
    equal(world.runs_on(server), {"hosta": "running"}, "libvirt says")


@test("instance-gone: somebody has removed the guest's domain")
def _():
    server = world.create("lost", host="hostb")
    name = world.drover.server(server)["OS-EXT-SRV-ATTR:instance_name"]
    world.lab.virsh("hostb", "destroy", name)
    world.lab.virsh("hostb", "undefine", name)
    wait_until(lambda: world.drover.server(server)["status"] == "ERROR", "it is seen")
    answer = world.drover.compute(
        "POST", f"/servers/{server}/action", {"reboot": {"type": "HARD"}})
    equal(answer.status, 202, answer.text)
    wait_until(lambda: "is not on host 'hostb'" in
               world.drover.server(server).get("fault", {}).get("message", ""), "the fault")
    check_fault(server, "instance-gone", f"guest '{server}' is not on host 'hostb'")
    world.delete(server)


@test("after all of these as well the guest moves")
def _():
    equal(world.move(guest("target"), "hostb")["status"], "completed", "the move")
    for server in guests.values():
        world.delete(server)
    guests.clear()
