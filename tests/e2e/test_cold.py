# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""Moves with the guest switched off, on real guests: cold migration, resize, confirm, revert."""
import json
import threading
import time

from drover import CRASH_CODE
from tap import check, contains, equal, note, test, wait_until
from test_shared import SharedWorld
from world import world

BIG = {"name": "m1.big", "id": "big", "ram": 192, "vcpus": 2, "disk": 2}


def act(server_id, body, version="2.96", world=world):
    return world.drover.compute("POST", f"/servers/{server_id}/action", body, version)


def accept(server_id, body, status=202, version="2.96", world=world):
    answer = act(server_id, body, version, world)
    equal((answer.status, answer.text), (status, ""), f"{body}")


def check_up(server_id, world=world):
    """It has booted where it is now, and is heard from there alone."""
    world.lab("heartbeat", "mark")
    wait_until(lambda: (counts := world.heard(server_id)) and
               counts["since_mark"]["received"] > 0, "it is heard again", 180, 0.5)
    world.check_lives(server_id)


def story(server_id, world=world):
    row = world.last_migration(server_id)
    return world.story(row["id"]) if row else "no migration"


def wait_moved(server_id, timeout_s=240, world=world):
    """VERIFY_RESIZE; the migration's row."""
    def look():
        row = world.last_migration(server_id)
        check(row is None or row["status"] not in ("error", "cancelled"), story(server_id, world))
        return row is not None and row["status"] == "finished"
    wait_until(look, f"{server_id} waits to be confirmed", timeout_s)
    equal(world.drover.server(server_id)["status"], "VERIFY_RESIZE", "status")
    return world.last_migration(server_id)


def end(server_id, action, status, world=world, timeout_s=180):
    accept(server_id, {action: None}, 204 if action == "confirmResize" else 202, world=world)
    wait_until(lambda: world.last_migration(server_id)["status"] in ("confirmed", "reverted")
               and world.drover.server(server_id)["status"] == status,
               f"{action} ends as {status}", timeout_s)
    return world.last_migration(server_id)


def volumes_of(server_id, host, world=world):
    return {name for name in world.volumes(host) if server_id in name}


def check_only_on(server_id, host, state):
    """One domain and one set of volumes in the whole fleet."""
    equal(world.runs_on(server_id), {host: state}, story(server_id))
    for other in world.lab.hosts:
        equal(volumes_of(server_id, other) != set(), other == host, f"volumes on {other}")


def root_of(server_id):
    return f"{world.lab.env['LAB_POOL_PATH']}/{server_id}.root.qcow2"


def config_drive_of(server_id):
    return f"{world.lab.env['LAB_POOL_PATH']}/{server_id}.config.img"


def write_to_config_drive(server_id, host):
    """As a guest may, for it is a disk of its own: into its last bytes, where no file is."""
    mark, path = "kept-as-it-was", config_drive_of(server_id)
    world.lab("exec", host, "sh", "-c", f"printf {mark} | dd of={path} bs=1 conv=notrunc "
              f"seek=$(($(stat -c %s {path}) - {len(mark)})) status=none")
    return mark


def disk_info(server_id, host):
    text = world.lab("exec", host, "qemu-img", "info", "-U", "--output=json", root_of(server_id))
    return json.loads(text)


def need_big_flavor(drover):
    answer = drover.compute("POST", "/flavors", {"flavor": BIG})
    check(answer.status in (200, 409), answer.text)


def console(server_id):
    return act(server_id, {"os-getConsoleOutput": {}}).json["output"]


def watch_copies(server_id, seen, stop):
    """Notes a moment at which the guest runs on two hosts."""
    while not stop.is_set():
        where = world.runs_on(server_id)
        running = [host for host, state in where.items() if state == "running"]
        seen["most"] = max(seen.get("most", 0), len(running))
        time.sleep(0.3)


@test("openstack server migrate --wait moves a running guest whose disk is local, and resize "
      "confirm ends it (S0-07, S3-06, S3-29, S3-30, S3-32, S3-33, S3-34, S4-02)")
def _():
    server_id = world.create("cold1")
    try:
        world.wait_heard(server_id)
        source = world.host_of(server_id)
        before = world.drover.server(server_id)
        wait_until(lambda: "tick 2" in console(server_id), "the guest writes to its disk", 60)
        stop, seen = threading.Event(), {}
        watcher = threading.Thread(target=watch_copies, args=(server_id, seen, stop))
        watcher.start()
        start = time.monotonic()
        try:
            text = world.drover.openstack("server", "migrate", "--wait", "cold1")
        finally:
            stop.set()
            watcher.join()
        note(f"openstack server migrate --wait: {time.monotonic() - start:.1f} s")
        contains(text, "Complete", "what the client says")
        row = wait_moved(server_id)
        equal((row["migration_type"], row["source_compute"]), ("migration", source), "the row")
        check(seen["most"] == 1, f"ran on {seen['most']} hosts at once")
        shown = world.drover.server(server_id)
        dest = shown["OS-EXT-SRV-ATTR:host"]
        check(dest != source, f"it is still on {source}")
        equal(shown["addresses"], before["addresses"], "addresses")
        equal(world.runs_on(server_id), {source: "shut off", dest: "running"}, "libvirt says")
        check(len(volumes_of(server_id, source)) == 3, "the source keeps its disks")
        check(disk_info(server_id, dest)["actual-size"] <
              1.3 * disk_info(server_id, source)["actual-size"] + (1 << 20), "sparse stays sparse")
        check_up(server_id)
        history = console(server_id)
        equal(history.count("is up, address"), 2, f"boots on the console: {history}")
        world.drover.openstack("server", "resize", "confirm", "cold1")
        world.wait_status(server_id, "ACTIVE")
        wait_until(lambda: world.last_migration(server_id)["status"] == "confirmed", "it is over",
                   90)
        check_only_on(server_id, dest, "running")
        check_up(server_id)
    finally:
        world.delete(server_id)


@test("a stopped server stays stopped, its disk is copied byte by byte, and revert and confirm "
      "leave it stopped (S2-10, S3-35, S3-36)")
def _():
    server_id = world.create("cold2")
    try:
        source = world.host_of(server_id)
        world.wait_heard(server_id)
        wait_until(lambda: "tick 3" in console(server_id), "the guest writes to its disk", 60)
        accept(server_id, {"os-stop": None})
        world.wait_status(server_id, "SHUTOFF")
        mark = write_to_config_drive(server_id, source)
        dest = next(host for host in world.lab.hosts if host != source)
        accept(server_id, {"migrate": {"host": dest}})
        row = wait_moved(server_id)
        equal(row["dest_compute"], dest, "--host")
        equal(world.runs_on(server_id), {source: "shut off", dest: "shut off"}, "libvirt says")
        equal(world.drover.server(server_id)["OS-EXT-STS:power_state"], 4, "power state")
        equal(world.lab("exec", dest, "tail", "-c", str(len(mark)), config_drive_of(server_id)),
              mark, "the end of the config drive")
        # The hosts share /tmp with this machine, and no pool.
        raw = f"/tmp/{server_id}.raw"
        world.lab("exec", source, "qemu-img", "convert", "-O", "raw", root_of(server_id), raw)
        try:
            text = world.lab("exec", dest, "qemu-img", "compare", "-f", "raw", "-F", "qcow2", raw,
                             root_of(server_id))
            contains(text, "Images are identical", "qemu-img compare")
            ticks = world.lab("exec", dest, "debugfs", "-R", "cat /ticks", raw)
            contains(ticks, "tick 3", "what the guest wrote before")
        finally:
            world.lab("exec", source, "rm", "-f", raw)
        sizes = [disk_info(server_id, host)["actual-size"] for host in (source, dest)]
        note(f"allocated on the source and on the destination: {sizes}")
        check(sizes[1] <= 1.05 * sizes[0] + (256 << 10), "sparse stays sparse")
        end(server_id, "revertResize", "SHUTOFF")
        check_only_on(server_id, source, "shut off")
        accept(server_id, {"migrate": None})
        dest = wait_moved(server_id)["dest_compute"]
        end(server_id, "confirmResize", "SHUTOFF")
        check_only_on(server_id, dest, "shut off")
        world.drover.openstack("server", "start", "cold2")
        world.wait_status(server_id, "ACTIVE")
        world.wait_heard(server_id)
    finally:
        world.delete(server_id)


@test("resize --flavor gives more of everything on another host; revert gives the old size and "
      "host back, confirm keeps the new one")
def _():
    need_big_flavor(world.drover)
    server_id = world.create("cold3")
    try:
        world.wait_heard(server_id)
        source = world.host_of(server_id)
        name = world.drover.server(server_id)["OS-EXT-SRV-ATTR:instance_name"]

        def size_on(host):
            info = dict(line.split(":", 1) for line in
                        world.lab.virsh(host, "dominfo", name).splitlines() if ":" in line)
            return (info["CPU(s)"].strip(), int(info["Max memory"].split()[0]) >> 10,
                    disk_info(server_id, host)["virtual-size"] >> 30)
        small = size_on(source)
        text = world.drover.openstack("server", "resize", "--flavor", "m1.big", "--wait", "cold3")
        contains(text, "Complete", "what the client says")
        row = wait_moved(server_id)
        equal(row["migration_type"], "resize", "type")
        dest = world.host_of(server_id)
        equal(size_on(dest), ("2", 192, 2), "size on the destination")
        equal(size_on(source), small, "size on the source")
        equal(world.drover.server(server_id)["flavor"]["original_name"], "m1.big", "flavor")
        world.drover.openstack("server", "resize", "revert", "cold3")
        world.wait_status(server_id, "ACTIVE")
        wait_until(lambda: world.last_migration(server_id)["status"] == "reverted", "reverted", 90)
        equal(world.host_of(server_id), source, "host after the revert")
        equal(size_on(source), small, "size after the revert")
        equal(world.drover.server(server_id)["flavor"]["original_name"], "m1.tiny", "flavor")
        check_only_on(server_id, source, "running")
        check_up(server_id)
        accept(server_id, {"resize": {"flavorRef": "big"}})
        dest = wait_moved(server_id)["dest_compute"]
        world.drover.openstack("server", "migration", "confirm", "cold3")
        world.wait_status(server_id, "ACTIVE")
        wait_until(lambda: world.last_migration(server_id)["status"] == "confirmed", "it is over",
                   90)
        equal(size_on(dest), ("2", 192, 2), "size after the confirm")
        check_only_on(server_id, dest, "running")
        answer = act(server_id, {"resize": {"flavorRef": "tiny"}})
        equal(answer.status, 400, "a smaller disk")
        contains(answer.message, "Unable to resize disk down", "reason")
    finally:
        world.delete(server_id)


# Around the copy, when the destination has started the guest, and before that is recorded; all the
# others are tried on the fake fleet (tests/crash/cold).
MOVE_POINTS = ["cold.before.copying", "cold.effect.copy_disks.after",
               "cold.effect.start_guest.after", "cold.before.finished"]
END_POINTS = {"confirmResize": ["cold.effect.clean_source.after"],
              "revertResize": ["cold.effect.destroy_guest.after", "cold.effect.create_guest.after",
                               "cold.effect.clean_dest.before"]}


def crash(point, request, running):
    world.drover.stop()
    world.drover.start({"DROVER_FAILPOINTS": f"{point}=crash"})
    world.drover.wait_hosts_up(3)
    try:
        request()
    except OSError:
        pass  # it may die before it has answered
    wait_until(lambda: world.drover.process.poll() is not None, f"{point} fires", 90)
    equal(world.drover.process.returncode, CRASH_CODE, f"{point}: exit code")
    check(list(running().values()).count("running") <= 1, f"{point}: {running()}")
    world.drover.start()
    world.drover.wait_hosts_up(3)


@test("kill -9 at each of eight failpoints of a move, a confirm and a revert: after the restart "
      "it ends as it was asked to, and the guest runs once")
def _():
    server_id = world.create("coldphoenix")
    name = world.drover.server(server_id)["OS-EXT-SRV-ATTR:instance_name"]

    def running():
        return {host: world.domains(host).get(name, "absent") for host in world.lab.hosts}
    try:
        ends = [(action, point) for action, points in END_POINTS.items() for point in points]
        for number, point in enumerate(MOVE_POINTS):
            source = world.host_of(server_id)
            crash(point, lambda: accept(server_id, {"migrate": None}), running)
            dest = wait_moved(server_id)["dest_compute"]
            equal(world.runs_on(server_id), {source: "shut off", dest: "running"}, point)
            action, end_point = ends[number % len(ends)]
            crash(end_point, lambda action=action: act(server_id, {action: None}), running)
            world.wait_status(server_id, "ACTIVE")
            check_only_on(server_id, dest if action == "confirmResize" else source, "running")
            note(f"{point}, then {end_point}: right")
        check_up(server_id)
    finally:
        if world.drover.process.poll() is not None:
            world.drover.start()
        world.delete(server_id)


def couriers():
    """Hosts that have one."""
    return [host for host in world.lab.hosts for name in world.domains(host)
            if name.startswith("courier-")]


def wait_copying(server_id):
    """Until its courier is on its way: then both hosts have it."""
    wait_until(lambda: world.drover.server(server_id)["OS-EXT-STS:task_state"] ==
               "resize_migrating" and
               json.loads(story(server_id))["migration"]["state"] == "copying",
               "the disks are being copied", 60)
    wait_until(lambda: len(couriers()) == 2, "the courier is on its way", 60)


@test("kill -9 in the middle of the copy: the courier goes on, and so does the move; an abort in "
      "the middle of the copy leaves the guest where it was, running")
def _():
    server_id = world.create("coldcourier")
    try:
        world.wait_heard(server_id)
        source = world.host_of(server_id)
        for host in world.lab.hosts:
            world.lab("limit", host, "1mbit")
        accept(server_id, {"migrate": None})
        wait_copying(server_id)
        world.drover.kill()
        equal(len(couriers()), 2, "hosts that the courier is on without droverd")
        world.drover.start()
        equal(world.drover.server(server_id)["status"], "RESIZE", "right after the restart")
        world.drover.wait_hosts_up(3)
        wait_until(lambda: (json.loads(story(server_id))["migration"]["stats"][
            "disk_processed_bytes"] or 0) > 0, "progress is shown", 60)
        wait_moved(server_id)
        end(server_id, "revertResize", "ACTIVE")
        check_only_on(server_id, source, "running")

        accept(server_id, {"migrate": None})
        wait_copying(server_id)
        row = world.last_migration(server_id)
        world.drover.drover("server", "migration", "abort", server_id, str(row["id"]))
        wait_until(lambda: world.last_migration(server_id)["status"] == "cancelled",
                   "the move is aborted", 60)
        equal(world.drover.server(server_id)["status"], "ACTIVE", story(server_id))
        check_only_on(server_id, source, "running")
        check_up(server_id)
        equal(couriers(), [], "hosts where a courier is left")
    finally:
        for host in world.lab.hosts:
            world.lab("heal", host)
        world.delete(server_id)


@test("drover says the same of cold moves in its own words (S0-03, S3-31)")
def _():
    drover = world.drover.drover
    server_id = world.create("coldcli")
    try:
        text = drover("server", "migrate", "--block-migration", "--wait", "coldcli")
        contains(text, "it changes nothing", "what it says of --block-migration")
        contains(text, "VERIFY_RESIZE: on ", "how it ended")
        equal(world.drover.server(server_id)["status"], "VERIFY_RESIZE", "status")
        drover("server", "migrate", "revert", "--wait", "coldcli")
        equal(world.last_migration(server_id)["status"], "reverted", "after the revert")
        row = world.last_migration(server_id)["id"]
        contains(drover("server", "migration", "list", "--type", "migration"), "reverted", "list")
        code, text = world.drover.drover("server", "migration", "abort", "coldcli", str(row),
                                         check=False)
        check(code == 1 and "cannot be aborted any more" in text, f"a late abort: {code} {text}")
        code, text = world.drover.drover("server", "migrate", "--wait", "--host", "nowhere",
                                         "coldcli", check=False)
        check(code == 1 and "could not be found" in text, f"an unknown host: {code} {text}")
    finally:
        world.delete(server_id)


@test("cold moves are refused as Nova refuses them")
def _():
    need_big_flavor(world.drover)
    server_id = world.create("coldrefused")
    try:
        host = world.host_of(server_id)
        for body, version, status, text in (
                ({"migrate": {"host": "nowhere"}}, "2.56", 400, "could not be found"),
                ({"migrate": {"host": host}}, "2.56", 400, "to the host where the server exists"),
                ({"migrate": {"host": None}}, "2.56", 400, "Invalid input"),
                ({"migrate": {"to": host}}, "2.56", 400, "Additional properties"),
                ({"resize": {"flavorRef": "tiny"}}, "2.1", 400, "must change flavor"),
                ({"resize": {"flavorRef": "none"}}, "2.1", 400, "could not be found"),
                ({"resize": {}}, "2.1", 400, "flavorRef"),
                ({"confirmResize": None}, "2.1", 409, "while it is in vm_state active"),
                ({"revertResize": None}, "2.1", 409, "while it is in vm_state active")):
            answer = act(server_id, body, version)
            equal(answer.status, status, f"{body}: {answer.text}")
            contains(answer.message, text, f"{body}")
        accept(server_id, {"pause": None})
        world.wait_status(server_id, "PAUSED")
        answer = act(server_id, {"migrate": None})
        equal(answer.status, 409, "a paused guest")
        contains(answer.message, "Cannot 'migrate' instance", "reason")
        accept(server_id, {"unpause": None})
        world.wait_status(server_id, "ACTIVE")
        accept(server_id, {"migrate": None})
        answer = act(server_id, {"resize": {"flavorRef": "big"}})
        equal(answer.status, 409, "a second request")
        contains(answer.message, "while it is in task_state resize_", "reason")
        wait_moved(server_id)
        answer = act(server_id, {"os-migrateLive": {"host": None, "block_migration": "auto"}})
        equal(answer.status, 409, "a live migration of a server that waits for its confirm")
        end(server_id, "revertResize", "ACTIVE")
    finally:
        world.delete(server_id)


@test("on a shared pool a cold move copies nothing, grows the disk in place, and can be reverted "
      "and confirmed")
def _():
    shared = SharedWorld()
    try:
        need_big_flavor(shared.drover)
        server_id = shared.create("coldsharer", host="hosta")
        shared.wait_heard(server_id)
        files = shared.shared_files(server_id)
        accept(server_id, {"migrate": None}, world=shared)
        row = wait_moved(server_id, world=shared)
        full = shared.drover.admin("GET", f"/drover/v1/migrations/{row['id']}").json["migration"]
        equal(full["copies_disks"], False, "copies_disks")
        equal(shared.runs_on(server_id), {"hosta": "shut off", "hostb": "running"}, "libvirt says")
        end(server_id, "revertResize", "ACTIVE", world=shared)
        equal(shared.runs_on(server_id), {"hosta": "running"}, "after the revert")
        equal(shared.shared_files(server_id), files, "volumes after the revert")
        accept(server_id, {"resize": {"flavorRef": "big"}}, world=shared)
        wait_moved(server_id, world=shared)
        end(server_id, "confirmResize", "ACTIVE", world=shared)
        equal(shared.runs_on(server_id), {"hostb": "running"}, "after the confirm")
        equal(shared.shared_files(server_id), files, "volumes after the confirm")
        check_up(server_id, shared)
        shared.delete(server_id)
        equal(shared.shared_files(server_id), [], "volumes after the delete")
    finally:
        shared.close()
