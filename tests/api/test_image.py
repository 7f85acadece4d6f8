# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Images: what is taken, what is refused, and that nothing is left of what was refused."""
import hashlib
import os
import socket
import subprocess
import tempfile
import urllib.request

from world import MIB, world
from drover import Droverd
from tap import check, contains, equal, test, wait_until

IMAGES = "/image/v2/images"
BYTES = {"Content-Type": "application/octet-stream"}
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}


def make(user="admin", status=201, **more):
    body = dict({"name": "made", "disk_format": "raw", "container_format": "bare"}, **more)
    answer = world.fast.other("POST", IMAGES, body, user=user)
    equal(answer.status, status, answer.text)
    return answer.json["id"] if status == 201 else answer


def upload(image, data, user="admin"):
    return world.fast.other("PUT", f"{IMAGES}/{image}/file", raw=data, user=user, headers=BYTES)


def show(image, user="admin"):
    answer = world.fast.other("GET", f"{IMAGES}/{image}", user=user)
    return answer.json if answer.status == 200 else answer.status


def patch(image, *operations, user="admin"):
    rows = [dict(zip(("op", "path", "value"), row)) for row in operations]
    return world.fast.other("PATCH", f"{IMAGES}/{image}", rows, user=user, headers=PATCH)


def delete(image):
    equal(world.fast.other("DELETE", f"{IMAGES}/{image}").status, 204, "delete")


def files():
    return sorted(os.listdir(os.path.join(world.fast.drover.directory, "images")))


def qemu_img(*arguments):
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "image")
        subprocess.run(["qemu-img", arguments[0], "-q", *arguments[1:-1], path, arguments[-1]],
                       check=True, cwd=directory, stdout=subprocess.DEVNULL)
        with open(path, "rb") as file:
            return file.read()


@test("an image is made, uploaded, shown with its hashes, downloaded and deleted")
def _():
    before = files()
    data = os.urandom(3 * MIB + 17)
    image = make(kernel_id="k", min_disk=1, tags=["b", "a", "b"])
    shown = show(image)
    equal((shown["status"], shown["size"], shown["checksum"], shown["kernel_id"], shown["tags"]),
          ("queued", None, None, "k", ["b", "a"]), "queued")
    equal(world.fast.other("GET", f"{IMAGES}/{image}/file").status, 204, "nothing to download")
    answer = upload(image, data)
    equal(answer.status, 204, answer.text)
    shown = show(image)
    equal((shown["status"], shown["size"], shown["virtual_size"], shown["checksum"],
           shown["os_hash_algo"], shown["os_hash_value"]),
          ("active", len(data), len(data), hashlib.md5(data).hexdigest(), "sha512",
           hashlib.sha512(data).hexdigest()), "active")
    equal(set(files()) - set(before), {hashlib.sha256(data).hexdigest()}, "files")
    request = urllib.request.Request(f"{world.fast.drover.url}{IMAGES}/{image}/file",
                                     headers={"X-Auth-Token": world.fast.tokens["admin"]})
    with urllib.request.urlopen(request, timeout=60) as reply:
        check(reply.read() == data, "other bytes came back")
        equal(reply.headers["Content-MD5"], shown["checksum"], "header")
    equal(upload(image, data).status, 409, "a second upload")
    delete(image)
    equal(show(image), 404, "gone")
    equal(files(), before, "files")


@test("two images of the same bytes share a file, which goes with the last")
def _():
    before = files()
    data = os.urandom(1000)
    first, second = make(), make()
    equal((upload(first, data).status, upload(second, data).status), (204, 204), "uploads")
    equal(len(files()), len(before) + 1, "files")
    delete(first)
    equal(len(files()), len(before) + 1, "files after one is gone")
    delete(second)
    equal(files(), before, "files after both are gone")


@test("hostile and mislabelled uploads are refused, leave nothing, and may be repeated rightly")
def _():
    before = files()
    good = qemu_img("create", "-f", "qcow2", "8M")
    for disk_format, data, text in (
            ("qcow2",
             qemu_img("create", "-f", "qcow2", "-u", "-b", "/etc/shadow", "-F", "raw", "8M"),
             "names a backing file"),
            ("qcow2", qemu_img("create", "-f", "qcow2", "-o", "data_file=x.raw", "8M"),
             "external data file"),
            ("raw", good, "declared as raw but is qcow2"),
            ("raw", qemu_img("create", "-f", "vmdk", "8M"), "declared as raw but is vmdk"),
            ("qcow2", qemu_img("create", "-f", "vdi", "8M"), "declared as qcow2 but is vdi"),
            ("qcow2", b"\0" * 5000, "has no qcow2 header"),
            ("qcow2", good[:100], "cut off"),
            ("raw", b"", "empty"),
            ("aki", b"\0" * 5000, "does not look like a Linux kernel"),
            ("ari", good, "does not look like an initial RAM disk")):
        container = disk_format if disk_format in ("aki", "ari") else "bare"
        image = make(disk_format=disk_format, container_format=container)
        answer = upload(image, data)
        equal(answer.status, 400, f"{disk_format}, {text}: {answer.text}")
        check(text in answer.json["error"]["message"], answer.text)
        equal((show(image)["status"], show(image)["checksum"]), ("queued", None), "afterwards")
        equal(files(), before, "files")
        if disk_format == "qcow2":
            equal(upload(image, good).status, 204, "the right one after it")
        delete(image)


@test("kernel and initrd are images, and a disk image names them")
def _():
    kernel = bytearray(1024)
    kernel[0x202:0x206] = b"HdrS"
    for disk_format, data in (("aki", bytes(kernel)), ("ari", b"\x1f\x8b" + b"\0" * 100)):
        image = make(disk_format=disk_format, container_format=disk_format)
        answer = upload(image, data)
        equal(answer.status, 204, answer.text)
        delete(image)


@test("an image with which another one boots is not deleted, and that is named to who may see it")
def _():
    cloud = world.fast
    for name in ("kernel_id", "ramdisk_id"):
        used = make(visibility="public")
        user = make(name="booted", **{name: used})
        answer = cloud.other("DELETE", f"{IMAGES}/{used}")
        equal(answer.status, 409, answer.text)
        contains(answer.text, f"image {user} (booted) boots with it", name)
        equal(patch(user, ("remove", f"/{name}")).status, 200, "it boots from its disk now")
        delete(used)
        delete(user)
    used = make(user="member", visibility="public", status=403)
    used = make(user="member")
    user = make(name="secret", visibility="private", kernel_id=used)
    answer = cloud.other("DELETE", f"{IMAGES}/{used}", user="member")
    equal(answer.status, 409, answer.text)
    contains(answer.text, "an image of another project", "without its name")
    check(user not in answer.text, answer.text)
    delete(user)
    equal(cloud.other("DELETE", f"{IMAGES}/{used}", user="member").status, 204, "then it goes")


@test("a second upload at the same time is 409; one that breaks off leaves nothing")
def _():
    before = files()
    image = make()
    with socket.create_connection(("127.0.0.1", world.fast.drover.port)) as connection:
        connection.sendall((f"PUT {IMAGES}/{image}/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: "
                            f"{world.fast.tokens['admin']}\r\nContent-Length: 1000000\r\n"
                            "Content-Type: application/octet-stream\r\n\r\n").encode()
                           + b"x" * 5000)
        wait_until(lambda: show(image)["status"] == "saving", "it is saving", 60, 0.02)
        equal(files(), sorted(before + [image + ".partial"]), "files meanwhile")
        equal(upload(image, b"x" * 100).status, 409, "the second")
        equal(show(image)["status"], "saving", "the first goes on")
    wait_until(lambda: files() == before, "nothing is left", 60, 0.02)
    equal(show(image)["status"], "queued", "afterwards")
    equal(upload(image, b"x" * 100).status, 204, "the next")
    delete(image)


@test("an image that says it is larger than the disk is refused before a byte is taken")
def _():
    image = make()
    with socket.create_connection(("127.0.0.1", world.fast.drover.port)) as connection:
        connection.sendall((f"PUT {IMAGES}/{image}/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: "
                            f"{world.fast.tokens['admin']}\r\nContent-Length: 900000000000000\r\n"
                            "Expect: 100-continue\r\n"
                            "Content-Type: application/octet-stream\r\n\r\n").encode())
        equal(connection.recv(4096).split()[1], b"413", "status")
    delete(image)


@test("a refused token never gets a byte onto the disk")
def _():
    before = files()
    image = make()
    answer = world.fast.drover.send("PUT", f"{IMAGES}/{image}/file", token="made-up",
                                    raw=b"x" * 9999, headers=BYTES)
    equal(answer.status, 401, answer.text)
    equal(upload(image, b"x", user="reader").status, 403, "a reader")
    equal(upload(image, b"x", user="member").status, 404, "not visible")
    equal(files(), before, "files")
    delete(image)


@test("attributes are changed by JSON patch, and only those that may be")
def _():
    image = make(visibility="private", colour="red")
    answer = patch(image, ("replace", "/name", "new"), ("add", "/os_command_line", "quiet"),
                   ("remove", "/colour"), ("replace", "/tags", ["x"]))
    equal(answer.status, 200, answer.text)
    shown = show(image)
    equal((shown["name"], shown["os_command_line"], shown["tags"], "colour" in shown),
          ("new", "quiet", ["x"], False), "changed")
    for operation, status in ((("replace", "/status", "active"), 409),
                              (("add", "/checksum", "x"), 403), (("add", "/id", "x"), 403),
                              (("replace", "/visibility", "everybody"), 400),
                              (("add", "/number", 1), 400), (("remove", "/nothing"), 409),
                              (("test", "/name", "x"), 400)):
        equal(patch(image, operation).status, status, operation)
    equal(upload(image, b"x").status, 204, "upload")
    equal(patch(image, ("replace", "/disk_format", "qcow2")).status, 403, "format of an active one")
    delete(image)


@test("tags are put and deleted one by one")
def _():
    image = make()
    path = f"{IMAGES}/{image}/tags/"
    equal(world.fast.other("PUT", path + "a%2Fb").status, 204, "put")
    equal(world.fast.other("PUT", path + "a%2Fb").status, 204, "again")
    equal(show(image)["tags"], ["a/b"], "tags")
    equal(world.fast.other("DELETE", path + "a%2Fb").status, 204, "delete")
    equal(world.fast.other("DELETE", path + "a%2Fb").status, 404, "delete again")
    delete(image)


@test("a protected image stays")
def _():
    image = make(protected=True)
    answer = world.fast.other("DELETE", f"{IMAGES}/{image}")
    equal((answer.status, answer.message),
          (403, f"Image {image} is protected and cannot be deleted."), "delete")
    equal(patch(image, ("replace", "/protected", False)).status, 200, "unprotect")
    delete(image)


@test("others see a public image and may not change it; a private one is not there for them")
def _():
    public, private = make(visibility="public"), make(visibility="private")
    equal(show(public, "member")["name"], "made", "public")
    equal(show(private, "member"), 404, "private")
    equal(patch(public, ("replace", "/name", "x"), user="member").status, 403, "change")
    equal(world.fast.other("DELETE", f"{IMAGES}/{public}", user="member").status, 403, "delete")
    equal(make("member", 403, visibility="public").message,
          "Policy doesn't allow image:publicize_image to be performed.", "publish")
    equal(make("reader", 403).status, 403, "a reader makes nothing")
    own = make("member")
    equal(patch(own, ("replace", "/visibility", "public"), user="member").status, 403,
          "publish later")
    names = [row["id"] for row in world.fast.other("GET", IMAGES, user="member").json["images"]]
    check(public in names and own in names and private not in names, "list")
    for image in (public, private, own):
        delete(image)


@test("lists are filtered, sorted and paged")
def _():
    made = [make(name=f"list{number}", tags=["paging", f"t{number}"], os_hidden=number == 3,
                 group="g") for number in range(4)]

    def names(query):
        answer = world.fast.other("GET", f"{IMAGES}?tag=paging&{query}")
        equal(answer.status, 200, answer.text)
        return [row["name"] for row in answer.json["images"]]
    equal(names(""), ["list2", "list1", "list0"], "newest first, without the hidden one")
    equal(names("os_hidden=true"), ["list3"], "hidden")
    equal(names("name=list1"), ["list1"], "name")
    equal(names("tag=t2"), ["list2"], "two tags")
    # As Debian 13's client asks for the names of the images in `server list`.
    equal(names(f"id=in:{made[2]},{made[0]},nothing"), ["list2", "list0"], "one of several")
    equal(names("name=in:%22list0%22,list1"), ["list1", "list0"], "in quotation marks")
    equal(names("name=in:"), [], "none of several")
    equal(names("group=g&status=queued"), ["list2", "list1", "list0"], "property")
    equal(names("group=x"), [], "property")
    equal(names("visibility=public"), [], "visibility")
    equal(names("sort=name:asc"), ["list0", "list1", "list2"], "sort")
    equal(names("sort_key=name&sort_dir=desc"), ["list2", "list1", "list0"], "sort")
    page = world.fast.other("GET", f"{IMAGES}?tag=paging&limit=2").json
    equal([row["name"] for row in page["images"]], ["list2", "list1"], "page 1")
    page = world.fast.other("GET", "/image" + page["next"]).json
    equal(([row["name"] for row in page["images"]], "next" in page), (["list0"], False), "page 2")
    for query in ("limit=-1", "limit=x", "marker=nothing", "sort=colour:asc", "sort=name:up"):
        equal(world.fast.other("GET", f"{IMAGES}?{query}").status, 400, query)
    for image in made:
        delete(image)


@test("wrong images are refused")
def _():
    for body in ({"disk_format": "vmdk"}, {"container_format": "ovf"}, {"id": "x"},
                 {"visibility": "x"}, {"tags": [1]}, {"min_disk": -1}, {"protected": "perhaps"}):
        make(status=400, **body)
    make(status=403, checksum="x")
    image = make(id="11111111-2222-4333-8444-555555555555")
    equal(image, "11111111-2222-4333-8444-555555555555", "an id of one's own")
    make(status=409, id=image)
    delete(image)
    bare = world.fast.other("POST", IMAGES, {"name": "bare"}).json["id"]
    equal(upload(bare, b"x").status, 400, "upload without a format")
    delete(bare)


@test("what a killed droverd left of uploads is removed by the next")
def _():
    drover = Droverd({"fake": {"path": ":memory:"}})
    try:
        directory = os.path.join(drover.directory, "images")
        token = drover.login()
        image = drover.send("POST", IMAGES, {"name": "kept", "disk_format": "raw",
                                             "container_format": "bare"}, token=token).json["id"]
        drover.send("PUT", f"{IMAGES}/{image}/file", raw=b"kept", token=token, headers=BYTES)
        kept = os.listdir(directory)
        equal(len(kept), 1, "files")
        for name in ("11111111-2222-4333-8444-555555555555.partial", "a" * 64, "notes"):
            with open(os.path.join(directory, name), "wb") as file:
                file.write(b"x")
        drover.kill()
        drover.start()
        equal(sorted(os.listdir(directory)), sorted(kept + ["notes"]), "files")
        equal(drover.send("GET", f"{IMAGES}/{image}/file", token=token).text, "kept", "bytes")
    finally:
        drover.remove()
