# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""The fleet at a glance: arrows between the hosts, and a fleet that is too large for cells."""
from stage import check, equal, stage, test
from tap import note

# Both ends of each arrow, and the cells that they touch.
ARROWS = """[...document.querySelectorAll(".flow-arrow")].map((path) => {
  const origin = document.querySelector(".flow-layer").getBoundingClientRect();
  const at = (length) => {
    const {x, y} = path.getPointAtLength(length);
    return [...document.querySelectorAll("[data-host]")].find((node) => {
      const box = node.getBoundingClientRect();
      return x + origin.x >= box.left - 2 && x + origin.x <= box.right + 2
        && y + origin.y >= box.top - 2 && y + origin.y <= box.bottom + 2;
    })?.dataset.host;
  };
  return [path.dataset.way, at(0), at(path.getTotalLength())];
})"""

# A thousand hosts and a hundred moves, put into what the page knows; what it makes of them. What it
# reads meanwhile of the hosts that there are is dropped.
MANY = """(async () => {
  const style = document.querySelector("link[rel=stylesheet]").href;
  const {fleet} = await import(style.replace("style.css", "fleet.js"));
  const one = fleet.hosts.values().next().value;
  const names = Array.from({length: 1000}, (_, i) => `host${String(i).padStart(4, "0")}`);
  const many = new Map(names.map((name, i) => [name, {...one, name, zone: `zone${i % 4}`,
    state: i % 97 === 5 ? "down" : "up", usage: {...one.usage, ram_mib: i % 90 / 100
      * one.facts.memory_mib}}]));
  Object.defineProperty(fleet, "hosts", {get: () => many, set() {}});
  for (let i = 0; i < 100; i += 1) {
    fleet.migrations.set(100000 + i, {id: 100000 + i, instance_uuid: "x", status: "running",
      migration_type: "live-migration", source_host: names[i * 7], dest_host: names[999 - i * 5],
      stats: {memory_remaining_bytes: 1, disk_remaining_bytes: 0, memory_total_bytes: 2}});
  }
  const begin = performance.now();
  location.hash = "#/overview";
  await new Promise((done) => setTimeout(done));
  document.querySelector(".zones").getBoundingClientRect();
  const took = performance.now() - begin;
  const tiles = [...document.querySelectorAll(".tile a")];
  return {took, n: tiles.length, zones: document.querySelectorAll(".zones section").length,
    first: tiles[0].ariaLabel, title: document.querySelector(".zones h3").textContent,
    arrows: document.querySelectorAll(".flow-arrow").length,
    wide: document.scrollingElement.scrollWidth};
})()"""


@test("what moves is an arrow from the one host's cell to the other's", "slow")
def _(browser, cloud):
    server = cloud.create("arrowed", host="hosta")
    equal(cloud.live_migrate(server).status, 202, "migrate")
    stage.login(cloud, "overview")
    browser.wait(f"({ARROWS}).length === 1", "the arrow")
    equal(browser.js(ARROWS), [["hosta hostb", "hosta", "hostb"]], "from where to where")
    browser.js("document.querySelector('.fleet').scrollIntoView()")
    stage.picture("overview-arrow")
    migration = cloud.migrations(server)[0]["id"]
    cloud.send("DELETE", f"/servers/{server}/migrations/{migration}", version="2.96")
    cloud.wait_migration(server, "cancelled")
    browser.wait(f"({ARROWS}).length === 0", "no arrow when it is over")
    cloud.wait_idle(server)
    cloud.delete(server)


@test("a thousand hosts are squares by zone, what is wrong first, with their load and what moves")
def _(browser, cloud):
    stage.login(cloud, "migrations")
    browser.wait_text("Migrations")
    browser.js("""(async () => {
        const style = document.querySelector("link[rel=stylesheet]").href;
        const {fleet} = await import(style.replace("style.css", "fleet.js"));
        while (fleet.hosts.size === 0) await new Promise((done) => setTimeout(done, 20));
    })()""")
    seen = browser.js(MANY)
    note(f"drawn in {seen.pop('took'):.0f} ms")
    stage.picture("overview-many")
    check(seen["first"].startswith("host") and ": down, " in seen["first"], seen["first"])
    check("% of its memory given" in seen.pop("first"), "its load")
    equal(seen, {"n": 1000, "zones": 4, "title": "Zone zone0: 250 hosts, 2 down", "arrows": 80,
                 "wide": 1280}, "what is drawn")
    browser.js("document.querySelector('.fleet').scrollIntoView()")
    stage.picture("overview-tiles")
