// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// The fleet at a glance: hosts as cells, what flows between them, what needs a human.
import {bar, empty, h, redraw, show} from "./dom.js";
import {fleet, onFleet} from "./fleet.js";
import {badge, mib} from "./format.js";
import {loadBar} from "./hosts.js";
import {isRunning, progressBar} from "./progress.js";

const FLOWS_MAX = 30;
const NEEDS_MAX = 30;

function toneOf(host) {
  return host.state !== "up" ? "bad" : host.status !== "enabled" ? "warn" : "good";
}

function cell(host, flows) {
  const out = flows.filter((one) => one.source_host === host.name).length;
  const into = flows.filter((one) => one.dest_host === host.name).length;
  const word = host.state !== "up" ? "down" : host.status !== "enabled" ? "disabled" : "up";
  return h("li", {class: `cell ${toneOf(host)}`},
    h("a", {href: `#/hosts/${encodeURIComponent(host.name)}`, title: host.reason}, host.name),
    h("div", {class: "cell-line"}, badge(word), h("span", {},
      `${host.usage?.instances ?? 0} inst.`)),
    h("div", {class: "load"}, "cpu", loadBar(host, "cpu")),
    h("div", {class: "load"}, "mem", loadBar(host, "memory")),
    h("div", {class: "cell-line flows"}, out > 0 && h("span", {}, `${out} out →`),
      into > 0 && h("span", {}, `→ ${into} in`)));
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
    h("div", {class: "capacity"}, h("span", {}, name), bar(some, all, name),
      h("span", {}, `${text(some)} of ${text(all)}`))),
  h("p", {class: "hint"},
    `${up.length} of ${hosts.length} hosts, ${fleet.servers.size} instances`)];
}

function flow(migration) {
  const name = fleet.servers.get(migration.instance_uuid)?.name ?? migration.instance_uuid;
  return h("li", {}, h("a", {href: `#/migrations/${migration.id}`}, name), " ",
    h("span", {class: "way"}, migration.source_host, " → ", migration.dest_host ?? "…"), " ",
    progressBar(migration));
}

// What nobody but a person will do.
function needs() {
  const rows = [];
  for (const host of fleet.hosts.values()) {
    if (host.state !== "up") {
      rows.push(["bad", `#/hosts/${encodeURIComponent(host.name)}`, host.name,
        `is down${host.reason ? `: ${host.reason}` : ""}`]);
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

function needRow([tone, href, name, text]) {
  return h("li", {}, badge(tone === "bad" ? "look" : "decide", tone), " ", h("a", {href}, name),
    " ",
    text);
}

export function openOverview(root) {
  const cells = h("ul", {class: "cells"});
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
    redraw(cells, hosts.length > 0 ? hosts.map((host) => cell(host, moving))
      : h("li", {class: "plain-item"}, empty("No hosts yet",
        "A host runs libvirtd with TLS, and nothing of ours:",
        h("pre", {}, "drover host add NAME --uri qemu+tls://NAME/system"))));
    redraw(flows, moving.length > 0 ? moving.slice(0, FLOWS_MAX).map(flow)
      : h("li", {class: "hint"}, "Nothing moves."));
    redraw(todo, wanted.length > 0 ? wanted.slice(0, NEEDS_MAX).map(needRow)
      : h("li", {class: "hint"}, "Nothing. All hosts are up, no instance is in ERROR, none waits."),
    wanted.length > NEEDS_MAX && h("li", {class: "hint"}, `and ${wanted.length - NEEDS_MAX} more`));
  }

  const forget = onFleet(() => {
    frame ||= requestAnimationFrame(draw);
  });
  show(root, h("div", {class: "title"}, h("h1", {}, "Overview")),
    h("div", {class: "columns"}, h("section", {class: "card"}, h("h2", {}, "Needs a human"), todo),
      h("section", {class: "card"}, room)),
    h("section", {class: "card"}, h("h2", {}, "What moves now"), flows),
    h("section", {"aria-label": "Hosts"}, h("h2", {}, "Hosts"), cells));
  draw();
  return () => {
    forget();
    cancelAnimationFrame(frame);
  };
}
