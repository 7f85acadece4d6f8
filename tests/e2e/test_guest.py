# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What a guest is built like, and what of it belongs to a host: firmware, TPM, consoles."""
import contextlib
import re
from xml.etree import ElementTree

from tap import check, contains, equal, test, wait_until
from world import world

CONSOLES = ("spice", "vnc")

guest = {}


def domain(host, server_id, *options):
    name = world.drover.server(server_id)["OS-EXT-SRV-ATTR:instance_name"]
    return world.lab.virsh(host, "dumpxml", *options, name)


def consoles(host, *options):
    """Kind -> where it listens, as the definition has it."""
    devices = ElementTree.fromstring(domain(host, server_id(), *options)).findall(".//graphics")
    return {device.get("type"): device.find("listen").get("address") for device in devices}


def swtpm(host):
    path = "/var/lib/libvirt/swtpm"
    return set(world.lab("exec", host, "sh", "-c", f"ls {path} 2>/dev/null || true").split())


def secrets(host):
    return world.lab.virsh(host, "secret-list").split()


def make_flavor(name, **specs):
    answer = world.drover.compute("POST", "/flavors", {"flavor": {
        "name": name, "id": name, "ram": 192, "vcpus": 1, "disk": 1}})
    check(answer.status in (200, 409), answer.text)
    answer = world.drover.compute("POST", f"/flavors/{name}/os-extra_specs", {"extra_specs": {
        key.replace("__", ":"): value for key, value in specs.items()}})
    equal(answer.status, 200, answer.text)


def request(flavor, image="guest", **more):
    return world.drover.compute("POST", "/servers", {"server": dict({
        "name": "made", "flavorRef": flavor, "imageRef": world.ids[image],
        "networks": [{"uuid": world.ids["private"]}]}, **more)})


def change_image(**change):
    change["path"] = "/hw_firmware_type"
    image = f"/image/v2/images/{world.ids['guest']}"
    answer = world.drover.admin("PATCH", image, [change], headers={
        "Content-Type": "application/openstack-images-v2.1-json-patch"})
    equal(answer.status, 200, answer.text)


@contextlib.contextmanager
def by_uefi():
    """What is made meanwhile boots so, and those of flavor 'secure' have a TPM."""
    make_flavor("secure", hw__tpm_version="2.0", hw__tpm_model="tpm-crb")
    change_image(op="add", value="uefi")
    try:
        yield
    finally:
        change_image(op="remove")


def server_id():
    """A guest with UEFI and a TPM, on hosta."""
    if "id" not in guest:
        with by_uefi():
            answer = request("secure", host="hosta")
            plain = request("tiny", host="hosta", name="variables")
        equal(answer.status, 202, answer.text)
        equal(plain.status, 202, plain.text)
        guest["id"], guest["plain"] = answer.json["server"]["id"], plain.json["server"]["id"]
        world.wait_status(guest["id"], "ACTIVE")
    return guest["id"]


@test("a guest boots by UEFI, has a TPM, and its secret is on no host once it runs (S2-07)")
def _():
    world.wait_heard(server_id())
    xml = domain("hosta", server_id())
    contains(xml, "<loader readonly='yes' type='pflash'", "its firmware")
    contains(xml, f"/{server_id()}.nvram.fd</nvram>", "its variables are in the pool")
    contains(xml, "<tpm model='tpm-crb'>", "its TPM")
    contains(xml, f"<encryption secret='{server_id()}'/>", "the state is encrypted")
    check(f"{server_id()}.nvram.fd" in world.volumes("hosta"), "the volume")
    equal(swtpm("hosta"), {server_id()}, "the TPM's state")
    equal(secrets("hosta"), [], "secrets that the host keeps")
    answer = world.drover.compute(
        "POST", f"/servers/{server_id()}/action", {"os-getConsoleOutput": {}})
    contains(answer.json["output"], "\x1b[=3h", "the firmware's own words on the console")


@test("it moves live with its UEFI variables and its TPM; nothing of either stays behind, and the "
      "consoles listen where the destination's do (S2-07, S4-09)")
def _():
    name = world.drover.server(server_id())["OS-EXT-SRV-ATTR:instance_name"]
    # As an adopted domain may be: a console on an address that only its host has, and pins.
    world.drover.compute("POST", f"/servers/{server_id()}/action", {"os-stop": None})
    world.wait_status(server_id(), "SHUTOFF")
    xml = domain("hosta", server_id(), "--inactive")
    address = world.lab.host("hosta", "ADDRESS")
    xml = xml.replace("</devices>", "".join(
        f"<graphics type='{kind}' autoport='yes' listen='{address}'/>" for kind in CONSOLES) +
        "<video><model type='vga'/></video></devices>")
    world.lab("exec", "hosta", "sh", "-c", f"cat >/run/d.xml <<'END'\n{xml}\nEND\n")
    world.lab.virsh("hosta", "define", "/run/d.xml")
    world.drover.compute("POST", f"/servers/{server_id()}/action", {"os-start": None})
    world.wait_status(server_id(), "ACTIVE")
    world.lab("heartbeat", "mark")
    wait_until(lambda: world.heard(server_id())["since_mark"]["received"] > 0, "it is heard", 180,
               1)
    equal(consoles("hosta"), {kind: address for kind in CONSOLES}, "its consoles at first")
    before = world.lab("exec", "hosta", "sha256sum",
                       f"{world.lab.env['LAB_POOL_PATH']}/{server_id()}.nvram.fd").split()[0]

    world.move(server_id(), "hostb")
    world.check_lives(server_id())
    for options in ((), ("--inactive",)):
        xml = domain("hostb", server_id(), *options)
        check(f"'{address}'" not in xml, f"the source's address is in {xml}")
        equal(consoles("hostb", *options), {kind: "127.0.0.1" for kind in CONSOLES}, xml)
    for kind in CONSOLES:
        where = world.lab.virsh("hostb", "domdisplay", "--type", kind, name)
        check(re.search(kind + r"://(127\.0\.0\.1|localhost):\d+", where), f"it listens: {where}")
    after = world.lab("exec", "hostb", "sha256sum",
                      f"{world.lab.env['LAB_POOL_PATH']}/{server_id()}.nvram.fd").split()[0]
    equal(after, before, "the UEFI variables")
    left = {name for name in world.volumes("hosta") if server_id() in name}
    equal(left, set(), "what is left on the source")
    equal((swtpm("hosta"), swtpm("hostb")), (set(), {server_id()}), "the TPM's state")
    equal((secrets("hosta"), secrets("hostb")), ([], []), "secrets that hosts keep")


@test("a TPM does not move cold, and that is refused; UEFI variables do, byte by byte")
def _():
    answer = world.drover.compute("POST", f"/servers/{server_id()}/action", {"migrate": None})
    equal(answer.status, 202, answer.text)
    row = world.wait_migration(server_id())
    equal(row["status"], "error", world.story(row["id"]))
    contains(world.reason(row["id"]), "has a TPM", "the reason")
    equal(world.runs_on(server_id()), {"hostb": "running"}, "libvirt says")

    plain = guest["plain"]
    world.wait_status(plain, "ACTIVE")
    path = f"{world.lab.env['LAB_POOL_PATH']}/{plain}.nvram.fd"
    world.drover.compute("POST", f"/servers/{plain}/action", {"os-stop": None})
    world.wait_status(plain, "SHUTOFF")
    # What the firmware may have written; it keeps what it does not know.
    world.lab("exec", "hosta", "sh", "-c", f"printf DROVER | dd of={path} bs=1 seek=500000 "
                                           "conv=notrunc 2>/dev/null")
    before = world.lab("exec", "hosta", "sha256sum", path).split()[0]
    answer = world.drover.compute(
        "POST", f"/servers/{plain}/action", {"migrate": {"host": "hostb"}})
    equal(answer.status, 202, answer.text)
    world.wait_status(plain, "VERIFY_RESIZE")
    equal(world.lab("exec", "hostb", "sha256sum", path).split()[0], before, "the variables")
    answer = world.drover.compute("POST", f"/servers/{plain}/action", {"confirmResize": None})
    equal(answer.status, 204, answer.text)
    world.wait_status(plain, "SHUTOFF")
    left = {name for name in world.volumes("hosta") if plain in name}
    equal(left, set(), "what is left on the source")
    world.delete(plain)


# Of somebody else, as drover's are: in memory, and not to be read back.
FOREIGN = """<secret ephemeral='yes' private='yes'>
  <uuid>5ec2e700-0000-4000-8000-000000000001</uuid>
  <usage type='vtpm'><name>somebody's</name></usage>
</secret>"""


@test("kill -9 while it moves: no host keeps the secret of its TPM, and others' secrets stay "
      "(S2-07)")
def _():
    world.wait_heard(server_id())
    dest = "hosta" if world.host_of(server_id()) == "hostb" else "hostb"
    for host in ("hosta", "hostb"):
        world.lab("limit", host, "20mbit")
        world.lab("exec", host, "sh", "-c", f"cat >/run/s.xml <<'END'\n{FOREIGN}\nEND\n")
        world.lab.virsh(host, "secret-define", "/run/s.xml")
    try:
        equal(world.migrate(server_id(), dest).status, 202, "migrate")
        wait_until(lambda: world.last_migration(server_id())["status"] == "running", "it runs", 60,
                   0.1)
        check(server_id() in secrets(dest), "the destination has the secret meanwhile")
        world.drover.kill()
        world.drover.start()
        world.drover.wait_hosts_up(3)
        for host in ("hosta", "hostb"):
            world.lab("limit", host, "off")
        equal(world.wait_migration(server_id())["status"], "completed", "the move goes on")
        for host in ("hosta", "hostb"):
            wait_until(lambda host=host: [part for part in secrets(host) if "-" in part] ==
                       ["5ec2e700-0000-4000-8000-000000000001"],
                       f"{host} keeps that of others alone", 60)
        world.check_lives(server_id())
    finally:
        for host in ("hosta", "hostb"):
            world.lab("limit", host, "off")
            world.lab.virsh(host, "secret-undefine", "5ec2e700-0000-4000-8000-000000000001")


@test("it is deleted with all that it had")
def _():
    host = world.host_of(server_id())
    world.delete(server_id())
    equal(swtpm(host), set(), "the TPM's state")
    left = {name for name in world.volumes(host) if server_id() in name}
    equal(left, set(), "what is left")


@test("what no host can give is refused when it is asked for: a PCI device, an unknown TPM (S3-24)")
def _():
    make_flavor("passthrough", pci_passthrough__alias="gpu:1")
    answer = request("passthrough")
    equal((answer.status, answer.message), (400, "PCI alias gpu is not defined"), "a PCI device")
    make_flavor("oldtpm", hw__tpm_version="1.2", hw__tpm_model="tpm-crb")
    answer = request("oldtpm")
    equal(answer.status, 400, answer.text)
    contains(answer.message, "Invalid virtual TPM config", "the sentence")
