# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Each known error of libvirt and QEMU that these hosts can be brought to say is provoked on them.
A row is the diagnosis and what is broken, a piece of the real words, and how it is broken. What
these hosts cannot say is tested on recorded words (src/model/test-diagnosis.c)."""
import base64
import contextlib
import functools
import hashlib
import json
import os
import subprocess
import tempfile

from drover import TOP
from tap import check, contains, equal, test, wait_until
from world import world

guests = {}
QEMU_PKI = "/etc/pki/qemu"
LIBVIRT_PKI = "/etc/pki/libvirt"


def guest(name):
    if name not in guests:
        guests[name] = world.create(name, host="hosta")
    return guests[name]


def domain(name="target"):
    return world.drover.server(guest(name))["OS-EXT-SRV-ATTR:instance_name"]


def shell(host, command):
    return world.lab("exec", host, "sh", "-c", command)


# ---- how something is broken, and mended again ----


@contextlib.contextmanager
def on(host, broken, mended):
    """By a command of a shell on that host."""
    try:
        shell(host, broken)
        yield
    finally:
        shell(host, mended)


@contextlib.contextmanager
def kept(host, *paths):
    """Files of a host that may be changed meanwhile."""
    for path in paths:
        shell(host, f"cp -a {path} {path}.keep")
    try:
        yield
    finally:
        for path in paths:
            shell(host, f"mv {path}.keep {path}")


@contextlib.contextmanager
def without(host, path):
    with kept(host, path):
        shell(host, f"rm {path}")
        yield


def make_certificate(directory, name, days, authority, kind="rsa"):
    """key.pem and cert.pem for that name, valid from one day to another. certtool gives a key of
    kind ecdsa no usage for encipherment."""
    with open(f"{directory}/template", "w", encoding="utf-8") as file:
        file.write(f'cn = "{name}"\ndns_name = "{name}"\ntls_www_server\ntls_www_client\n'
                   'signing_key\nencryption_key\n'
                   f'activation_date = "{days[0]}"\nexpiration_date = "{days[1]}"\n')
    for command in (["--generate-privkey", "--key-type", kind, "--outfile",
                     f"{directory}/key.pem"],
                    ["--generate-certificate", "--load-privkey", f"{directory}/key.pem",
                     "--load-ca-certificate", f"{authority}/cacert.pem", "--load-ca-privkey",
                     f"{authority}/cakey.pem", "--template", f"{directory}/template", "--outfile",
                     f"{directory}/cert.pem"]):
        subprocess.run(["certtool", *command], check=True, stderr=subprocess.DEVNULL)


PAST, FUTURE = ("2001-01-01", "2002-02-02"), ("2037-01-01", "2037-12-31")
NOW = ("2001-01-01", "2037-12-31")


def put_files(host, directory, files):
    for path, name in files.items():
        with open(f"{directory}/{name}", "rb") as file:
            text = base64.b64encode(file.read()).decode()
        shell(host, f"echo {text} | base64 -d >{path}")


@contextlib.contextmanager
def certificate(host, cert, key, name, days, kind="rsa"):
    """Another certificate of the same CA in the place of one."""
    with kept(host, cert, key), tempfile.TemporaryDirectory() as directory:
        make_certificate(directory, name, days, os.path.join(world.lab.env["LAB_DIR"], "pki"),
                         kind)
        put_files(host, directory, {cert: "cert.pem", key: "key.pem"})
        yield


def qemu_server(name="hostb", days=NOW, kind="rsa"):
    return certificate("hostb", f"{QEMU_PKI}/server-cert.pem", f"{QEMU_PKI}/server-key.pem", name,
                       days, kind)


def libvirt_client(days):
    return certificate("hosta", f"{LIBVIRT_PKI}/clientcert.pem",
                       f"{LIBVIRT_PKI}/private/clientkey.pem", "hosta", days)


def make_authority(directory):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "9", "-subj", "/CN=other",
                    "-addext", "keyUsage=critical,keyCertSign", "-keyout",
                    f"{directory}/cakey.pem", "-out", f"{directory}/cacert.pem"], check=True,
                   stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def other_authority(host, path):
    """Another CA's certificate in the place of one."""
    with kept(host, path), tempfile.TemporaryDirectory() as directory:
        make_authority(directory)
        put_files(host, directory, {path: "cacert.pem"})
        yield


@contextlib.contextmanager
def stranger():
    """The source trusts another CA as well, and shows a certificate of that one: its own eyes find
    nothing wrong, the destination's do."""
    trusted, cert, key = ("/etc/pki/CA/cacert.pem", f"{LIBVIRT_PKI}/clientcert.pem",
                          f"{LIBVIRT_PKI}/private/clientkey.pem")
    with kept("hosta", trusted, cert, key), tempfile.TemporaryDirectory() as directory:
        make_authority(directory)
        make_certificate(directory, "hosta", NOW, directory)
        put_files("hosta", directory, {"/run/other.pem": "cacert.pem", cert: "cert.pem",
                                       key: "key.pem"})
        shell("hosta", f"cat /run/other.pem >>{trusted}")
        yield


def unreachable(network):
    """The source's kernel has no way to the destination any more."""
    address = f"$(getent ahostsv4 {network} | sed -n '1s/ .*//p')/32"
    return on("hosta", f"ip route add unreachable {address}", f"ip route del unreachable {address}")


def refused(ports):
    """Whoever connects to these ports of the destination is refused at once."""
    rule = ("table inet provoked { chain input { type filter hook input priority 0; "
            f"iifname != lo tcp dport {ports} reject with tcp reset; }}; }}")
    return on("hostb", f"nft '{rule}'", "nft delete table inet provoked")


@contextlib.contextmanager
def running(host, command, is_ready):
    """A process of that host, which is there once the second command says so."""
    shell(host, f"{command} </dev/null >/run/provoked.out 2>&1 & echo $! >/run/provoked.pid")
    try:
        wait_until(lambda: shell(host, f"{is_ready} && echo yes || true").endswith("yes\n"),
                   f"'{command}' runs: {is_ready}", 60)
        yield
    finally:
        shell(host, "kill $(cat /run/provoked.pid) || true")


def taken_ports():
    """All ports for migrations are taken on the destination. Somebody listens where a connection
    may still be remembered by the kernel; drover knocks at the last one, and is to be refused."""
    program = ("import socket, time; taken = [socket.socket() for port in range(49152, 49216)]; "
               "[one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1) for one in taken[:-1]]; "
               "[one.bind((str(), 49152 + n)) for n, one in enumerate(taken)]; "
               "[one.listen() for one in taken[:-1]]; "
               "print(str(len(taken)), flush=True); time.sleep(300)")
    return running("hostb", f"/usr/bin/python3 -c '{program}'", "grep -q 64 /run/provoked.out")


def hidden(host, path, by):
    """Another file or directory lies over one of the host's."""
    return on(host, f"mkdir -p /run/empty && mount --bind {by} {path}", f"umount {path}")


@contextlib.contextmanager
def defined(name, uuid):
    """The destination knows a domain of that name or UUID."""
    xml = (f"<domain type=\"qemu\"><name>{name}</name><uuid>{uuid}</uuid>"
           "<memory unit=\"MiB\">8</memory><os><type>hvm</type></os></domain>")
    shell("hostb", f"echo '{xml}' >/run/d.xml && virsh -q define /run/d.xml")
    try:
        yield
    finally:
        world.lab.virsh("hostb", "undefine", uuid)


@contextlib.contextmanager
def attached(device):
    """The running guest, which must be able to let it go again, is given a device behind drover's
    back."""
    world.wait_heard(guest("target"))
    shell("hosta", f"echo '{device}' >/run/device.xml")
    world.lab.virsh("hosta", "attach-device", domain(), "/run/device.xml", "--live")
    try:
        yield
    finally:
        world.lab.virsh("hosta", "detach-device", domain(), "/run/device.xml", "--live")
        wait_until(lambda: "vdz" not in world.lab.virsh("hosta", "dumpxml", domain()) and
                   "shmem" not in world.lab.virsh("hosta", "dumpxml", domain()), "it is gone", 90)


@contextlib.contextmanager
def forced_down(host):
    path = f"/os-services/{service(host)['id']}"
    try:
        answer = world.drover.compute("PUT", path, {"forced_down": True})
        equal(answer.status, 200, answer.text)
        yield
    finally:
        world.drover.compute("PUT", path, {"forced_down": False})
        wait_until(lambda: service(host)["state"] == "up", f"{host} is up", 60)


@contextlib.contextmanager
def both_down():
    with forced_down("hostb"), forced_down("hostc"):
        yield


def service(host):
    rows = world.drover.compute("GET", f"/os-services?host={host}&binary=nova-compute").json
    return rows["services"][0]


# ---- what is asked of drover meanwhile, and what it must tell ----


def told(code):
    """What a message of this diagnosis ends with, as the page for operators has it."""
    with open(os.path.join(TOP, "doc/troubleshooting.md"), encoding="utf-8") as file:
        page = file.read()
    lines = page.split(f"\n## {code}\n")[1].split("\n## ")[0].splitlines()
    cause, fix = [next(line for line in lines if line.startswith(word)) for word in
                  ("Cause: ", "Fix: ")]
    return f"{cause} {fix}"


def check_move(fault, code, part, host="hostb", block="auto", flows=None, name="target", **more):
    """A live migration ends with this diagnosis, and the guest is where it was. What is broken is
    mended as soon as the reason is known: drover cannot clean up there before. flows: a number of
    its progress that is above zero when it is broken; without, that is done before it begins.
    more: of the request."""
    server = guest(name)

    def shown():
        row = world.last_migration(server)
        return world.drover.admin("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]

    if world.host_of(server) != "hosta":
        world.move(server, "hosta")  # a row before this one has not failed as it should
    with contextlib.ExitStack() as broken:
        if flows is None:
            broken.enter_context(fault())
        answer = world.migrate(server, host, block, "2.30" if more else "2.96", **more)
        equal(answer.status, 202, answer.text)
        if flows is not None:
            wait_until(lambda: shown()["stats"][flows], f"{flows} grows", 60, 0.1)
            broken.enter_context(fault())
        wait_until(lambda: shown()["error_code"] or shown()["finished_at"], "it fails", 120)
    row, ended = world.wait_migration(server), shown()
    check(row["status"] in ("failed", "error"), f"it is {row['status']}: {ended}")
    equal(ended["diagnosis"], code, f"the diagnosis of '{ended['message']}'")
    contains(ended["evidence"], part, "the evidence")
    equal(world.runs_on(server).get("hosta"), "running", "libvirt says")
    left = {name for name in world.volumes("hostb") if server in name}
    equal(left, set(), "what is left on the destination")


def check_fault(server, code, part):
    world.wait_status(server, "ERROR")
    message = world.drover.server(server)["fault"]["message"]
    contains(message, part, "the fault")
    contains(message, told(code), "its end")


def check_create(fault, code, part, **properties):
    """A new server on hostb ends in ERROR with this diagnosis in its fault."""
    image = f"/image/v2/images/{world.ids['guest']}"
    patch = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    with fault():
        change = [{"op": "add", "path": f"/{key}", "value": value}
                  for key, value in properties.items()]
        equal(world.drover.admin("PATCH", image, change, headers=patch).status, 200, "properties")
        answer = world.drover.compute("POST", "/servers", {"server": {
            "name": "unborn", "flavorRef": "tiny", "imageRef": world.ids["guest"], "host": "hostb",
            "networks": [{"uuid": world.ids["private"]}]}})
        change = [{"op": "remove", "path": f"/{key}"} for key in properties]
        equal(world.drover.admin("PATCH", image, change, headers=patch).status, 200, "properties")
        equal(answer.status, 202, answer.text)
        server = answer.json["server"]["id"]
        check_fault(server, code, part)
        world.delete(server)


def check_start(fault, code, part):
    """A hard reboot on hosta fails with this diagnosis, and leaves the server in ERROR."""
    server = guest("starter")
    with fault():
        answer = world.drover.compute(
            "POST", f"/servers/{server}/action", {"reboot": {"type": "HARD"}})
        equal(answer.status, 202, answer.text)
        wait_until(lambda: not world.drover.server(server)["OS-EXT-STS:task_state"], "it is over")
    seen = world.drover.server(server)
    equal(seen["status"], "ERROR", "status")
    contains(seen["fault"]["message"], part, "the fault")
    actions = world.drover.compute("GET", f"/servers/{server}/os-instance-actions").json
    message = actions["instanceActions"][0]["message"]
    contains(message, part, "why")
    contains(message, told(code), "its end")


# ---- the rows ----

POOL = "/var/lib/libvirt/instances"


def disk():
    return f"{POOL}/{guest('starter')}.root.qcow2"


def pool(host, command):
    return world.lab.virsh(host, command, world.lab.env["LAB_POOL"])


@contextlib.contextmanager
def pool_gone():
    shell("hostb", "virsh -q pool-dumpxml instances >/run/pool.xml")
    pool("hostb", "pool-destroy")
    pool("hostb", "pool-undefine")
    try:
        yield
    finally:
        world.lab.virsh("hostb", "pool-define", "/run/pool.xml")
        pool("hostb", "pool-autostart")
        pool("hostb", "pool-start")


@contextlib.contextmanager
def job_under_way():
    """The guest's memory is being written where nobody reads on."""
    with running("hosta", "sh -c 'mkfifo /run/slow; exec 3<>/run/slow; exec virsh dump --live "
                          f"{domain()} /run/slow'",
                 f"virsh -q domjobinfo {domain()} | grep -q Unbounded"):
        yield
    # The other end of the pipe went with the process.
    wait_until(lambda: "None" in world.lab.virsh("hosta", "domjobinfo", domain()),
               "the job is over", 30)
    shell("hosta", "rm -f /run/slow")


@contextlib.contextmanager
def block_job():
    world.lab.virsh("hosta", "blockcopy", domain(), "vdb", "/run/vdb.copy", "--transient-job",
                    "--wait", "--format", "raw")
    try:
        yield
    finally:
        world.lab.virsh("hosta", "blockjob", domain(), "vdb", "--abort")
        shell("hosta", "rm -f /run/vdb.copy")


@contextlib.contextmanager
def bridge_gone(host):
    try:
        with on(host, "ip link set br0 name br9", "ip link set br9 name br0"):
            yield
    finally:
        world.restart_libvirtd(host)  # it tells its bridges anew, before somebody else needs one


@contextlib.contextmanager
def snapshot():
    shell("hosta", f"(echo '<domainsnapshot><name>kept</name><state>running</state>"
                   "<creationTime>1</creationTime><memory snapshot=\"no\"/>'; "
                   f"virsh dumpxml {domain()}; echo '</domainsnapshot>') >/run/snapshot.xml && "
                   f"virsh -q snapshot-create {domain()} /run/snapshot.xml --redefine")
    try:
        yield
    finally:
        world.lab.virsh("hosta", "snapshot-delete", domain(), "kept", "--metadata")


def extra_disk(path="/run/extra.img", more="", form="raw"):
    shell("hosta", f"qemu-img create -q -f {form} {path} 1M")
    return attached(f"<disk type=\"file\" device=\"disk\"><driver name=\"qemu\" type=\"{form}\"/>"
                    f"<source file=\"{path}\"/><target dev=\"vdz\" bus=\"virtio\"/>{more}</disk>")


@contextlib.contextmanager
def starved(host, mib):
    try:
        world.lab("starve", host, str(mib))
        yield
    finally:
        world.lab("starve", host, "off")


MOVES = [
    ("peer-unreachable: no way to the destination's libvirtd", "No route to host",
     lambda: unreachable("hostb")),
    ("data-port-timeout: no way to the destination's migration address (S2-23)",
     "No route to host", lambda: unreachable("hostb-data")),
    ("data-port-refused: the destination's migration ports refuse", "Connection refused",
     lambda: refused("49152-49215")),
    ("no-port: all ports for migrations are taken", "unused port in range", taken_ports),
    ("tls-name: the certificate of the destination's QEMU is another host's (S2-23)",
     "does not match the hostname", lambda: qemu_server(name="elsewhere")),
    ("tls-usage: the certificate of the destination's QEMU is not for encipherment",
     "server-cert.pem usage does not permit key encipherment", lambda: qemu_server(kind="ecdsa")),
    ("tls-expired: the certificate of the destination's QEMU is over", "has expired",
     lambda: qemu_server(days=PAST)),
    ("tls-expired: the certificate of the source's libvirtd is of the future",
     "clientcert.pem is not yet active",
     lambda: libvirt_client(FUTURE)),
    ("tls-files: the source's libvirtd has no CA certificate", "Cannot read CA certificate",
     lambda: without("hosta", "/etc/pki/CA/cacert.pem")),
    ("tls-untrusted: the source's libvirtd knows another CA than its own certificate's",
     "failed validation", lambda: other_authority("hosta", "/etc/pki/CA/cacert.pem")),
    ("tls-broken: the destination's libvirtd does not know the CA of the source's certificate",
     "TLS", stranger),
    ("domain-exists: the destination has a domain of that name", "already exists with uuid",
     lambda: defined(domain(), "11111111-2222-4333-8444-555555555555")),
    ("domain-exists: the destination has a domain of that UUID", "A domain with the UUID",
     lambda: defined("another", guest("target"))),
    # Forced: else the choice may know, and refuse it before libvirt does.
    ("network-missing: the destination has no such bridge", "br0",
     lambda: bridge_gone("hostb"), {"force": True}),
    ("pool-missing: the destination's pool is not started", "is not active",
     lambda: on("hostb", "virsh -q pool-destroy instances", "virsh -q pool-start instances")),
    ("pool-missing: the destination has no such pool", "no storage pool with matching name",
     pool_gone),
    ("permission: the destination's pool is mounted read-only", "Read-only file system",
     lambda: on("hostb", f"mount --bind {POOL} {POOL} && mount -o remount,ro,bind {POOL}",
                f"umount {POOL}")),
    ("qemu-died: the destination's QEMU ends before it can say anything",
     # libvirt says that it exited while connecting to the monitor, or that it closed the monitor.
     "monitor", lambda: starved("hostb", 30)),
    ("snapshots: the guest has one", "1 snapshots", snapshot),
    ("block-job: a disk of the guest is being copied", "active block job", block_job),
    ("busy: the guest's memory is being dumped", "under way", job_under_way),
    ("transient-disk: the guest has one", "vdz is transient",
     lambda: extra_disk(more="<transient/>")),
    ("disk-missing: a disk of the guest is not on the destination", "Cannot access storage file",
     lambda: extra_disk(more="<shareable/>")),
    ("shared-unsafe: a disk that is taken for a shared one lies on the source alone",
     "Migration without shared storage is unsafe",
     lambda: extra_disk("/run/volume-11111111-2222-4333-8444-555555555555")),
    ("device-blocks: the guest shares memory of its host", "shared memory device",
     lambda: attached("<shmem name=\"provoked\" role=\"peer\"><model type=\"ivshmem-plain\"/>"
                      "<size unit=\"M\">1</size></shmem>")),
    ("host-unavailable: the destination was declared down", "unavailable at this time",
     lambda: forced_down("hostb")),
    ("no-valid-host: both other hosts were declared down", "2 failed", both_down, {"host": None}),
    ("not-shared: block_migration is false, and the disk is local", "is not on shared storage",
     contextlib.nullcontext, {"block": False}),
]

STARTS = [
    ("disk-missing: the guest's disk is not there", "Cannot access storage file",
     lambda: on("hosta", f"mv {disk()} /run/disk", f"mv /run/disk {disk()}")),
    ("image-lock: another process has the guest's disk open", "Failed to get \"write\" lock",
     lambda: running("hosta", f"qemu-io -c 'sleep 100000' {disk()}",
                     f"! qemu-img info {disk()} >/dev/null 2>&1")),
]

CREATES = [
    ("firmware-missing: the host has no UEFI", "firmware that is compatible",
     lambda: hidden("hostb", "/usr/share/qemu/firmware", "/run/empty"),
     {"hw_firmware_type": "uefi"}),
    ("tpm: the host cannot set a TPM up", "swtpm",
     lambda: hidden("hostb", "/usr/bin/swtpm_setup", "/usr/bin/false"),
     {"hw_tpm_version": "2.0", "hw_tpm_model": "tpm-crb"}),
]


def register(rows, checks, module):
    for says, words, fault, *more in rows:
        test(says, module)(
            functools.partial(checks, fault, says.split(":")[0], words, **dict(*more)))


register(MOVES, check_move, __name__)
register(STARTS, check_start, __name__)
register(CREATES, check_create, __name__)


def row_of_guest():
    """What 'drover explain' says of the guest itself; it is the same for each host."""
    text = world.drover.drover("explain", "target", "--live", "--json")
    (row,) = {json.dumps({**one, "host": None}) for host in json.loads(text)["hosts"]
              for one in host["checks"] if one["check"] == "guest"}
    return json.loads(row)


def libvirt_says():
    """To whoever asks it to move the guest. It does not go: its disks are not copied."""
    return shell("hosta", "virsh migrate --live --p2p --abort-on-error "
                          f"{domain()} qemu+tls://hostb/system 2>&1 || true")


@test("what libvirt would refuse is told before anybody asks for a move, in its own words and with "
      "the fix, and the guest notices nothing of it [S2-22]")
def _():
    server = guest("target")
    if world.host_of(server) != "hosta":
        world.move(server, "hosta")
    equal(row_of_guest()["result"], "pass", "nothing keeps it")
    contains(libvirt_says(), "Migration without shared storage is unsafe", "nor does libvirt")
    state = world.lab.virsh("hosta", "domstate", "--reason", domain())
    for keeper, words, fix, own_words in (
            (snapshot, "cannot migrate domain with 1 snapshots", "virsh snapshot-delete", None),
            (block_job, "domain has active block job", "virsh blockjob", None),
            (lambda: extra_disk("/run/extra.vdi", form="vdi"),
             "cannot migrate domain: The vdi format used by node", "qemu-img convert", None),
            (lambda: extra_disk(more="<transient/>"), "transient disk is not supported", "cold",
             "disk vdz is transient"),
            (job_under_way, None, "virsh domjobinfo", "a job (libvirt's) under way")):
        with keeper():
            row = row_of_guest()
            if words is not None:  # else libvirt would wait
                contains(libvirt_says(), words, "libvirt")
            table = world.drover.drover("explain", "target", "--live")
        equal(row["result"], "fail", row)
        contains(row["have"], own_words or words, "what keeps it")
        contains(row["fix"] or "", fix, "what to do")
        contains(table, own_words or words, "the table")
    equal(row_of_guest()["result"], "pass", "nothing keeps it any more")
    equal(world.lab.virsh("hosta", "domstate", "--reason", domain()), state, "its state")
    equal(world.runs_on(server), {"hosta": "running"}, "where it is")
    world.check_lives(server)


@test("a host that has told that it lacks the bridge of a guest's network is not tried (S2-22)")
def _():
    server = guest("target")
    if world.host_of(server) != "hosta":
        world.move(server, "hosta")
    world.restart_libvirtd("hostb", "ip link set br0 name br9")
    try:
        equal(world.host("hostb")["facts"]["bridges"], "br9", "what it told")
        answer = world.migrate(server, "hostb")
        equal(answer.status, 202, answer.text)
        row = world.wait_migration(server)
        shown = world.drover.admin("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
        contains(shown["message"], "hostb failed 'networks': needs bridge br0 of 'private', has "
                                   "br9 (make the bridge there", "the reason")
        equal(world.runs_on(server), {"hosta": "running"}, "libvirt says")
    finally:
        world.restart_libvirtd("hostb", "ip link set br9 name br0")
    equal(world.host("hostb")["facts"]["bridges"], "br0", "what it told then")


@test("after all of these the guests move and start")
def _():
    equal(world.move(guest("target"), "hostb")["status"], "completed", "the move")
    answer = world.drover.compute(
        "POST", f"/servers/{guest('starter')}/action", {"reboot": {"type": "HARD"}})
    equal(answer.status, 202, answer.text)
    # It is in ERROR until then, after what went before.
    wait_until(lambda: world.drover.server(guest("starter"))["status"] == "ACTIVE", "it runs", 90)
    for server in guests.values():
        world.delete(server)
    guests.clear()


def upload(name, content):
    """The id of a raw image, and the hash that its bytes are called by."""
    image = world.drover.admin("POST", "/image/v2/images", {
        "name": name, "disk_format": "raw", "container_format": "bare"}).json["id"]
    answer = world.drover.admin("PUT", f"/image/v2/images/{image}/file", raw=content,
                                headers={"Content-Type": "application/octet-stream"})
    equal(answer.status, 204, f"upload: {answer.text}")
    return image, hashlib.sha256(content).hexdigest()


def create_from(image, host):
    answer = world.drover.compute("POST", "/servers", {"server": {
        "name": "from-image", "flavorRef": "tiny", "imageRef": image, "host": host,
        "networks": "none"}})
    equal(answer.status, 202, answer.text)
    return answer.json["server"]["id"]


def bases(host, sha256):
    return {name for name in world.volumes(host) if sha256 in name and "complete" in name}


@test("bytes-differ: an image whose file was changed becomes the base of nothing, nor does a base "
      "that was changed on the host that it is copied from (S3-16)")
def _():
    content = os.urandom(1 << 20)
    image, sha256 = upload("spoiled", content)
    path = os.path.join(world.drover.directory, "images", sha256)
    with open(path, "r+b") as file:
        file.seek(500000)
        file.write(b"spoiled")
    server = create_from(image, "hostb")
    check_fault(server, "bytes-differ", f"instead of {sha256}")
    equal(bases("hostb", sha256), set(), "complete bases")
    with open(path, "r+b") as file:
        file.write(content)
    world.delete(server)

    server = create_from(image, "hosta")
    world.wait_status(server, "ACTIVE")
    equal(len(bases("hosta", sha256)), 1, "complete bases")
    answer = world.drover.admin("DELETE", f"/image/v2/images/{image}")
    equal(answer.status, 204, answer.text)
    shell("hosta", f"cd {POOL} && cp base-{sha256}.raw /run/good && printf spoiled | "
                   f"dd of=base-{sha256}.raw bs=1 seek=600000 conv=notrunc 2>/dev/null")
    answer = world.migrate(server, "hostb")
    equal(answer.status, 202, answer.text)
    row = world.wait_migration(server)
    shown = world.drover.admin("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
    equal(shown["diagnosis"], "bytes-differ", f"the diagnosis of '{shown['message']}'")
    equal(bases("hostb", sha256), set(), "complete bases")
    equal(world.runs_on(server), {"hosta": "running"}, "libvirt says")
    shell("hosta", f"dd if=/run/good of={POOL}/base-{sha256}.raw conv=notrunc 2>/dev/null")
    world.move(server, "hostb")
    equal(len(bases("hostb", sha256)), 1, "complete bases, now that it is as it was")
    world.delete(server)
