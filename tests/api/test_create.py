# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""POST /servers: what it takes, and what it refuses."""
import base64

from routes import NOBODY
from tap import check, contains, equal
from world import test, world


def refused(body, status, text, version="2.96", user="admin"):
    """A create that is refused and leaves nothing behind."""
    cloud = world.fast
    before = len(cloud.get("/servers?all_tenants=1")["servers"])
    cloud.refused(cloud.send("POST", "/servers", body, version, user), status, text)
    equal(len(cloud.get("/servers?all_tenants=1")["servers"]), before, "servers after a refusal")


@test("a server is created with a 202, its address in Location, and what clients read")
def _():
    cloud = world.fast
    answer = cloud.send("POST", "/servers", cloud.body("new", adminPass="secret"), "2.96")
    equal(answer.status, 202, answer.text)
    server = answer.json["server"]
    equal(set(server), {"id", "links", "OS-DCF:diskConfig", "security_groups", "adminPass"}, "keys")
    equal(server["adminPass"], "secret", "the password that was given")
    equal(answer.headers["Location"], f"{cloud.drover.url}/compute/v2.1/servers/{server['id']}",
          "Location")
    cloud.wait_status(server["id"], "ACTIVE")
    answer = cloud.send("POST", "/servers", cloud.body("other"), "2.96")
    check(len(answer.json["server"]["adminPass"]) >= 12, "no password was made")
    cloud.delete(server["id"], answer.json["server"]["id"])


@test("names that a guest's definition could not carry are refused, and strange ones are taken")
def _():
    cloud = world.fast
    for name in ("e\x1b[31mred", "two\nlines", " ahead", "behind ", "   ", "right\u202eleft"):
        refused(cloud.body(name), 400, "does not match")
    made = []
    for name in ("<img src=x onerror=alert(1)>", "../../etc", "\u00e9\u00e0 \u732b", '"&amp;\''):
        answer = cloud.send("POST", "/servers", cloud.body(name), "2.96")
        equal(answer.status, 202, f"{name!r}: {answer.text}")
        made.append(answer.json["server"]["id"])
    for server in made:
        cloud.wait_status(server, "ACTIVE")
    cloud.delete(*made)


@test("a create takes what the clients send, at the versions at which they send it")
def _():
    cloud = world.fast
    data = base64.b64encode(b"#cloud-config").decode()
    cases = [
        ("2.1", {"networks": None}), ("2.36", {"networks": None}), ("2.37", {"networks": "auto"}),
        ("2.37", {"networks": "none"}), ("2.1", {"min_count": "1", "max_count": 1}),
        ("2.1", {"user_data": data, "config_drive": "True", "availability_zone": "nova"}),
        ("2.1", {"security_groups": [{"name": "default"}], "OS-DCF:diskConfig": "AUTO"}),
        ("2.1", {"availability_zone": "nova:hostb"}), ("2.74", {"host": "hostc"}),
        ("2.74", {"hypervisor_hostname": "hostc"}), ("2.52", {"tags": ["a", "b"]}),
        ("2.90", {"hostname": "inside"}), ("2.19", {"description": None}),
        ("2.1", {"imageRef": f"{cloud.drover.url}/images/{cloud.ids['guest']}"}),
    ]
    made = []
    for version, more in cases:
        body = cloud.body("taken", **more)
        body["server"] = {key: value for key, value in body["server"].items()
                          if not (key == "networks" and value is None)}
        answer = cloud.send("POST", "/servers", body, version)
        equal(answer.status, 202, f"{more} at {version}: {answer.text}")
        made.append(answer.json["server"]["id"])
    for server in made:
        cloud.wait_status(server, "ACTIVE")
    seen = [cloud.server(server) for server in made]
    equal([row["OS-EXT-SRV-ATTR:host"] for row in seen[7:10]], ["hostb", "hostc", "hostc"], "hosts")
    equal([bool(row["addresses"]) for row in seen[:4]], [True, True, True, False], "networks")
    equal(seen[11]["OS-EXT-SRV-ATTR:hostname"], "inside", "hostname")
    equal(seen[5]["OS-EXT-SRV-ATTR:user_data"], data, "user_data")
    check("security_groups" not in seen[3], "security groups without a port")
    cloud.delete(*made)


@test("several servers of one request are numbered")
def _():
    cloud = world.fast
    answer = cloud.send("POST", "/servers", cloud.body("many", min_count=2, max_count=3), "2.96")
    equal(answer.status, 202, answer.text)
    rows = cloud.get("/servers?name=many")["servers"]
    equal(sorted(row["name"] for row in rows), ["many-1", "many-2", "many-3"], "names")
    cloud.delete(*[row["id"] for row in rows])


@test("a create that is wrong is 400 with Nova's sentence, and leaves nothing")
def _():
    cloud = world.fast
    good = cloud.body("x")["server"]
    without = {key: {k: v for k, v in good.items() if k != key} for key in good}
    cases = [
        ({}, "'server' is a required property", "2.1"),
        ({"server": without["flavorRef"]}, "Invalid input for field/attribute server. Value: {",
         "2.1"),
        ({"server": without["flavorRef"]}, "'flavorRef' is a required property", "2.1"),
        ({"server": without["name"]}, "'name' is a required property", "2.1"),
        ({"server": without["networks"]}, "'networks' is a required property", "2.37"),
        ({"server": without["imageRef"]}, "imageRef", "2.1"),
        ({"server": dict(good, bogus=1)},
         "Additional properties are not allowed ('bogus' was unexpected)", "2.1"),
        ({"server": good, "bogus": 1},
         "Additional properties are not allowed ('bogus' was unexpected)", "2.1"),
    ]
    for key, value, text, version in (
            ("name", "", "is too short", "2.1"), ("name", "x" * 256, "is too long", "2.1"),
            ("flavorRef", "none", "Flavor none could not be found.", "2.1"),
            ("imageRef", NOBODY, f"Image {NOBODY} could not be found.", "2.1"),
            ("networks", [{"uuid": NOBODY}], f"Network {NOBODY} could not be found.", "2.1"),
            ("networks", [{"uuid": "x"}], "is not a 'uuid'", "2.1"),
            ("networks", "auto", "networks", "2.36"), ("networks", "some", "networks", "2.37"),
            ("networks", [{"port": NOBODY}],
             "cannot be used: ports come with their server", "2.37"),
            ("min_count", 0, "is less than the minimum of 1", "2.1"),
            ("max_count", "x", "max_count", "2.1"), ("min_count", 2, "min_count", "2.1"),
            ("metadata", {"a": 1}, "Invalid input for field/attribute", "2.1"),
            ("metadata", [], "is not of type 'object'", "2.1"),
            ("user_data", "not base64!", "user_data", "2.1"),
            ("config_drive", "maybe", "is not one of [True", "2.1"),
            ("description", "x", "'description' was unexpected", "2.18"),
            ("tags", ["a"], "'tags' was unexpected", "2.51"), ("tags", ["a/b"], "a/b", "2.52"),
            ("tags", [""], "is too short", "2.52"), ("tags", [5], "is not of type", "2.52"),
            ("tags", ["x"] * 51, "is too long", "2.52"),
            ("host", "hosta", "'host' was unexpected", "2.73"),
            ("host", "nowhere", "Compute host nowhere could not be found.", "2.74"),
            ("hypervisor_hostname", "nowhere", "nowhere", "2.74"),
            ("hostname", "x", "'hostname' was unexpected", "2.89"),
            ("hostname", "a b", "does not match", "2.90"),
            ("availability_zone", "mars", "availability zone", "2.1"),
            ("key_name", "k", "Invalid key_name provided.", "2.1"),
            ("security_groups", [{"name": "web"}], "Security group web not found", "2.1"),
            ("OS-DCF:diskConfig", "SOME", "is not one of ['AUTO', 'MANUAL']", "2.1")):
        body = {"server": dict(good, **{key: value})}
        if key == "min_count" and value == 2:
            body["server"]["max_count"] = 1
        cases.append((body, text, version))
    for body, text, version in cases:
        refused(body, 400, text, version)
    refused(dict(cloud.body("x"), **{"os:scheduler_hints": {"group": NOBODY}}), 400,
            f"Instance group {NOBODY} could not be found.")


@test("an address that is out of range or taken is refused, and one that is free is given")
def _():
    cloud = world.fast
    network = cloud.ids["private"]
    server = cloud.create("fixed", networks=[{"uuid": network, "fixed_ip": "10.0.9.9"}])
    equal(cloud.server(server)["addresses"]["private"][0]["addr"], "10.0.9.9", "the address")
    refused(cloud.body("x", networks=[{"uuid": network, "fixed_ip": "192.168.1.1"}]), 400,
            "192.168")
    answer = cloud.send("POST", "/servers",
                        cloud.body("x", networks=[{"uuid": network, "fixed_ip": "10.0.9.9"}]),
                        "2.96")
    check(answer.status in (400, 409), f"a taken address: {answer.status} {answer.text}")
    contains(answer.message, "10.0.9.9", "the reason")
    cloud.delete(server)


@test("naming the host is the administrator's right, a reader creates nothing [S0-10]")
def _():
    cloud = world.fast
    refused(cloud.body("x", host="hosta"), 403, "Policy doesn't allow", user="member")
    refused(cloud.body("x", availability_zone="nova:hosta"), 403, "Policy doesn't allow", "2.1",
            "member")
    refused(cloud.body("x"), 403, "Policy doesn't allow os_compute_api:servers:create to be "
            "performed.", user="reader")


@test("a server that fits nowhere ends in ERROR and says what was needed and what is there")
def _():
    cloud = world.fast
    server = cloud.create("giant", wait=False, flavorRef="huge")
    cloud.wait_status(server, "ERROR")
    fault = cloud.server(server)["fault"]
    equal(set(fault), {"code", "created", "message", "details"} & set(fault) |
          {"code", "created", "message"}, "the fault's keys")
    contains(fault["message"], "No valid host was found", "the fault")
    contains(fault["message"], "2097152", "the fault")
    contains(fault["details"], "(create) failed in state scheduling on no host", "its details")
    cloud.delete(server)


@test("images that are not there for a project, or no disk, or too big are refused")
def _():
    cloud = world.fast
    if "kernel" not in cloud.ids:
        kernel = bytearray(4096)
        kernel[0x1fe:0x206] = b"\x55\xaa\x00\x00HdrS"
        cloud.add_image("kernel", bytes(kernel), "aki", container_format="aki")
        cloud.add_image("secret", visibility="private")
        cloud.add_image("picky", min_ram=1024)
    refused(cloud.body("x", imageRef=cloud.ids["kernel"]), 400, "disk format")
    refused(cloud.body("x", imageRef=cloud.ids["secret"]), 400, "could not be found", user="member")
    refused(cloud.body("x", imageRef=cloud.ids["picky"]), 400,
            "Flavor's memory is too small for requested image.")


@test("firmware and TPM are refused with what is missing, and a PCI device that nobody has defined")
def _():
    cloud = world.fast
    for name, specs in (("tpm", {"hw:tpm_version": "2.0"}),
                        ("pci", {"pci_passthrough:alias": "gpu:1"})):
        answer = cloud.send("POST", "/flavors", {"flavor": {
            "id": name, "name": name, "ram": 128, "vcpus": 1, "disk": 1}})
        equal(answer.status, 200, answer.text)
        answer = cloud.send("POST", f"/flavors/{name}/os-extra_specs", {"extra_specs": specs})
        equal(answer.status, 200, answer.text)
    refused(cloud.body("x", flavorRef="tpm"), 400, "[libvirt] swtpm_enabled = true")
    refused(cloud.body("x", flavorRef="pci"), 400, "PCI alias gpu is not defined")
    cloud.add_image("efi", hw_firmware_type="coreboot")
    refused(cloud.body("x", imageRef=cloud.ids["efi"]), 400, "neither bios nor uefi")
    cloud.add_image("tpm12", hw_tpm_version="1.2")
    refused(cloud.body("x", flavorRef="tpm", imageRef=cloud.ids["tpm12"]), 400,
            "Invalid virtual TPM config")
    cloud.add_image("uefi", hw_firmware_type="uefi")
    server = cloud.create("uefi", imageRef=cloud.ids["uefi"])
    cloud.delete(server)
    for name in ("tpm", "pci"):
        equal(cloud.send("DELETE", f"/flavors/{name}").status, 202, f"flavor {name}")
    for name in ("efi", "tpm12", "uefi"):
        equal(cloud.other("DELETE", f"/image/v2/images/{cloud.ids.pop(name)}").status, 204, name)


@test("a server shows the kernel and the initrd of its image by the ids that were given")
def _():
    cloud = world.fast
    kernel = bytearray(4096)
    kernel[0x1fe:0x206] = b"\x55\xaa\x00\x00HdrS"
    cloud.add_image("its-kernel", bytes(kernel), "aki", container_format="aki")
    cloud.add_image("its-initrd", b"\x1f\x8b\x08\x00" + bytes(4092), "ari",
                    container_format="ari")
    cloud.add_image("booted", kernel_id=cloud.ids["its-kernel"], ramdisk_id=cloud.ids["its-initrd"])
    server = cloud.create("kernels", imageRef=cloud.ids["booted"])
    for name in ("booted", "its-kernel", "its-initrd"):
        equal(cloud.other("DELETE", f"/image/v2/images/{cloud.ids[name]}").status, 204, name)
    seen = cloud.server(server)
    equal((seen["OS-EXT-SRV-ATTR:kernel_id"], seen["OS-EXT-SRV-ATTR:ramdisk_id"]),
          (cloud.ids["its-kernel"], cloud.ids["its-initrd"]), "as given, though they are gone")
    cloud.delete(server)
