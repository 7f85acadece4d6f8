// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// The fleet at a glance: hosts as cells, what flows between them, what needs a human.
import {bar, h, redraw, show} from "./dom.js";
import {fleet, onFleet} from "./fleet.js";
import {flowLayer} from "./flows.js";
import {badge, mib, plural} from "./format.js";
import {loadBar, memoryShare, noHosts} from "./hosts.js";
import {FLOWS_MAX, flowRow, isRunning} from "./progress.js";
import {unread, whyUnread} from "./unread.js";

const KINDS = ["hosts", "instances", "migrations"];
const NEEDS_MAX = 30;
const CELLS_MAX = 60; // of more there are squares, by zone

function toneOf(host) {
  return host.state !== "up" ? "bad" : host.status !== "enabled" ? "warn" : "good";
}

function wordOf(host) {
  return host.state !== "up" ? "down" : host.status !== "enabled" ? "disabled" : "up";
}

// Host -> [going, coming]
function countFlows(flows) {
  const counts = new Map();
  const add = (name, i) => {
    if (name) {
      counts.set(name, (counts.get(name) ?? [0, 0]).map((n, at) => (at === i ? n + 1 : n)));
    }
  };
  flows.forEach((one) => {
    add(one.source_host, 0);
    add(one.dest_host, 1);
  });
  return counts;
}

function cell(host, [out, into]) {
  return h("li", {class: `cell ${toneOf(host)}`, "data-host": host.name},
    h("a", {href: `#/hosts/${encodeURIComponent(host.name)}`, title: host.reason}, host.name),
    h("div", {class: "cell-line"}, badge(wordOf(host)), h("span", {},
      `${host.usage?.instances ?? 0} inst.`)),
    h("div", {class: "load"}, "cpu", loadBar(host, "cpu")),
    h("div", {class: "load"}, "mem", loadBar(host, "memory")),
    h("div", {class: "cell-line flows"}, out > 0 && h("span", {}, `${out} out →`),
      into > 0 && h("span", {}, `→ ${into} in`)));
}

// One of very many: its height is the memory that is given, its sign is not the colour alone.
function tile(host, [out, into]) {
  const share = Math.round(100 * Math.min(memoryShare(host), 1));
  const fill = h("span", {class: "tile-fill"});
  fill.style.setProperty("height", `${share}%`);
  const word = wordOf(host);
  const text = `${host.name}: ${word}, ${host.usage?.instances ?? 0} instances, ${
    share} % of its memory given${out + into > 0 ? `, ${out} going, ${into} coming` : ""}`;
  return h("li", {class: `tile ${toneOf(host)}`, "data-host": host.name}, h("a",
    {href: `#/hosts/${encodeURIComponent(host.name)}`, title: text, "aria-label": text}, fill,
    word !== "up" && h("span", {class: "tile-sign", "aria-hidden": "true"},
      word === "down" ? "✕" : "!")));
}

const TONE_ORDER = {bad: 0, warn: 1, good: 2};

// Zones, each with what is wrong first.
function zones(hosts) {
  const groups = new Map();
  hosts.forEach((host) => groups.set(host.zone, [...(groups.get(host.zone) ?? []), host]));
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([zone, rows]) => [zone,
    rows.sort((a, b) => TONE_ORDER[toneOf(a)] - TONE_ORDER[toneOf(b)])]);
}

function zoneSection([zone, rows], counts) {
  const down = rows.filter((host) => host.state !== "up").length;
  return h("section", {"aria-label": `Zone ${zone}`}, h("h3", {}, `Zone ${zone}: ${
    plural(rows.length, "host")}${down > 0 ? `, ${down} down` : ""}`),
  h("ul", {class: "tiles"}, rows.map((host) => tile(host, counts.get(host.name) ?? [0, 0]))));
}

function drawHosts(cells, hosts, moving) {
  const counts = countFlows(moving);
  redraw(cells, hosts.length === 0 ? unread("hosts") ?? noHosts() : hosts.length > CELLS_MAX
    ? h("div", {class: "zones"}, zones(hosts).map((one) => zoneSection(one, counts)),
      h("p", {class: "hint"}, "Each square is a host, filled as far as its memory is given."))
    : h("ul", {class: "cells"},
      hosts.map((host) => cell(host, counts.get(host.name) ?? [0, 0]))));
}

function sum(hosts, pick) {
  return hosts.reduce((total, host) => total + (pick(host) ?? 0), 0);
}

function capacity(hosts) {
  const up = hosts.filter((host) => host.state === "up" && host.status === "enabled");
  const rows = [
    ["Processors given", sum(up, (host) => host.usage?.vcpus), sum(up, (host) => host.facts?.vcpus),
      String],
    ["Memory given", sum(up, (host) => host.usage?.ram_mib),
      sum(up, (host) => host.facts?.memory_mib), mib],
  ];
  return [h("h2", {}, "Capacity of the hosts that take instances"), rows.map(([name, some, all,
    text]) =>
    h("div", {class: "capacity"}, h("span", {}, name), bar(some, all, name, text === String),
      h("span", {}, `${text(some)} of ${text(all)}`))),
  h("p", {class: "hint"}, whyUnread("hosts") ?? `${up.length} of ${plural(hosts.length, "host")}`,
    ", ", whyUnread("instances") ?? plural(fleet.servers.size, "instance"))];
}

// What nobody but a person will do.
function needs() {
  const rows = [];
  for (const host of fleet.hosts.values()) {
    if (host.state !== "up") {
      const n = host.usage?.instances ?? 0;
      rows.push(["bad", `#/${n > 0 ? "evacuate" : "hosts"}/${encodeURIComponent(host.name)}`,
        host.name, `is down${n > 0 ? ` with ${plural(n, "instance")}` : ""}${
          host.reason ? `: ${host.reason}` : ""}`]);
    }
  }
  for (const server of fleet.servers.values()) {
    if (server.status === "ERROR") {
      rows.push(["bad", `#/instances/${server.id}`, server.name,
        `is in ERROR${server.fault ? `: ${server.fault}` : ""}`]);
    } else if (server.status === "VERIFY_RESIZE") {
      rows.push(["warn", `#/instances/${server.id}`, server.name,
        "has moved and waits to be confirmed or reverted"]);
    }
  }
  for (const migration of fleet.migrations.values()) {
    if (isRunning(migration) && migration.convergence?.trouble) {
      rows.push(["warn", `#/migrations/${migration.id}`, `migration ${migration.id}`,
        migration.convergence.trouble]);
    }
  }
  return rows;
}

function hint(text) {
  return h("li", {class: "hint"}, text);
}

function needRow([tone, href, name, text]) {
  return h("li", {}, badge(tone === "bad" ? "look" : "decide", tone), " ", h("a", {href}, name),
    " ",
    text);
}

export function openOverview(root) {
  const cells = h("div", {});
  const layer = flowLayer(cells);
  const flows = h("ul", {class: "flow-list"});
  const todo = h("ul", {class: "flow-list"});
  const room = h("div", {});
  let frame = 0;

  function draw() {
    frame = 0;
    const hosts = [...fleet.hosts.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const moving = [...fleet.migrations.values()].filter(isRunning);
    const wanted = needs();
    redraw(room, capacity(hosts));
    drawHosts(cells, hosts, moving);
    layer.draw(moving);
    redraw(flows, moving.length > 0 ? moving.slice(0, FLOWS_MAX).map(flowRow)
      : hint(whyUnread("migrations") ?? "Nothing moves."));
    const still = KINDS.map(whyUnread).filter((why) => why);
    redraw(todo, wanted.slice(0, NEEDS_MAX).map(needRow),
      wanted.length > NEEDS_MAX && hint(`and ${wanted.length - NEEDS_MAX} more`), still.map(hint),
      wanted.length + still.length === 0
        && hint("Nothing. All hosts are up, no instance is in ERROR, none waits."));
  }

  const forget = onFleet(() => {
    frame ||= requestAnimationFrame(draw);
  });
  show(root, h("div", {class: "title"}, h("h1", {}, "Overview")),
    h("div", {class: "columns"}, h("section", {class: "card"}, h("h2", {}, "Needs a human"), todo),
      h("section", {class: "card"}, room)),
    h("section", {class: "card"}, h("h2", {}, "What moves now"), flows),
    h("section", {class: "fleet", "aria-label": "Hosts"}, h("h2", {}, "Hosts"), cells,
      layer.node));
  draw();
  return () => {
    forget();
    layer.close();
    cancelAnimationFrame(frame);
  };
}
