// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// Hosts: their services, what they carry, and taking one out for maintenance.
import {get} from "./api.js";
import {bar, empty, h, redraw, show} from "./dom.js";
import {fleet, onFleet} from "./fleet.js";
import {badge, bytes, mib, plural, time, version} from "./format.js";
import {drainWanted, hostItems} from "./host-actions.js";
import {menuButton} from "./menu.js";
import {isRunning, progressCard} from "./progress.js";
import {Table} from "./table.js";

const wish = {text: ""};

function used(host, what) {
  const {facts, usage} = host;
  return what === "cpu" ? [usage?.vcpus ?? 0, facts?.vcpus ?? 0]
    : [usage?.ram_mib ?? 0, facts?.memory_mib ?? 0];
}

function share(host, what) {
  const [some, all] = used(host, what);
  return all > 0 ? some / all : 0;
}

export function loadBar(host, what) {
  const [some, all] = used(host, what);
  return bar(some, all, what === "cpu" ? `${host.name}: ${some} of ${all} processors given`
    : `${host.name}: ${mib(some)} of ${mib(all)} memory given`);
}

function states(host) {
  return [badge(host.state), " ", host.status === "disabled" && badge("disabled"),
    host.forced_down && badge("declared dead", "bad")];
}

function actions(host) {
  return menuButton("Actions", `Actions for ${host.name}`,
    () => hostItems(fleet.hosts.get(host.name) ?? host));
}

const COLUMNS = [
  {key: "name", label: "Host", value: (row) => row.name, class: "name",
    cell: (row) => h("a", {href: `#/hosts/${encodeURIComponent(row.name)}`}, row.name)},
  {key: "state", label: "State", value: (row) => `${row.state}${row.status}`, cell: states},
  {key: "instances", label: "Instances", value: (row) => row.usage?.instances ?? 0,
    cell: (row) => `${row.usage?.instances ?? 0}`},
  {key: "cpu", label: "Processors", value: (row) => share(row, "cpu"), class: "wide-only",
    cell: (row) => loadBar(row, "cpu")},
  {key: "memory", label: "Memory", value: (row) => share(row, "memory"), class: "wide-only",
    cell: (row) => loadBar(row, "memory")},
  {key: "zone", label: "Zone", value: (row) => row.zone, class: "wide-only",
    cell: (row) => row.zone},
  {key: "reason", label: "Reason", value: (row) => row.reason ?? "", class: "wide-only",
    cell: (row) => h("span", {title: row.reason}, row.reason ?? "")},
  {key: "actions", label: "Actions", class: "actions", cell: actions},
];

export function openHosts(root) {
  const count = h("span", {class: "count", role: "status"});
  const table = new Table({label: "Hosts", columns: COLUMNS, keyOf: (row) => row.name,
    emptyNode: () => fleet.hosts.size > 0 ? empty("None of them matches", "Look for less.")
      : empty("No hosts yet", "A host runs libvirtd with TLS, and nothing of ours:",
        h("pre", {}, "drover host add NAME --uri qemu+tls://NAME/system"))});
  const search = h("input", {type: "search", value: wish.text, "aria-label": "Search hosts",
    placeholder: "Name, zone or reason", oninput: () => {
      wish.text = search.value;
      draw();
    }});

  function draw() {
    const text = wish.text.toLowerCase();
    const rows = [...fleet.hosts.values()].filter((host) => [host.name, host.zone,
      host.reason ?? ""].some((one) => one.toLowerCase().includes(text)));
    count.textContent = plural(rows.length, "host");
    table.setRows(rows);
  }

  const forget = onFleet((kind) => kind === "hosts" && draw());
  show(root, h("div", {class: "title"}, h("h1", {}, "Hosts"), count),
    h("div", {class: "toolbar"}, search), table.node);
  draw();
  return () => {
    forget();
    table.close();
  };
}

// ---- one host ----

function fact(name, value) {
  return [h("dt", {}, name), h("dd", {}, value ?? "–")];
}

function about(host) {
  const {facts} = host;
  return h("dl", {class: "facts"},
    fact("Reason", host.reason), fact("Last seen", time(host.last_seen)), fact("Zone", host.zone),
    fact("URI", h("code", {}, host.uri)),
    host.uri.startsWith("qemu+tcp:") && fact("Encryption", badge("none: plaintext", "bad")),
    fact("Migration address", host.migration_address || "its name"),
    fact("Processors", [`${host.usage?.vcpus ?? 0} of ${facts?.vcpus ?? "?"} given`,
      loadBar(host, "cpu")]),
    fact("Memory",
      [`${mib(host.usage?.ram_mib ?? 0)} of ${facts ? mib(facts.memory_mib) : "?"} given`,
      loadBar(host, "memory")]),
    fact("Pool", facts && `${host.pool}: ${bytes(facts.pool_available_bytes)} of ${
      bytes(facts.pool_capacity_bytes)} free`),
    fact("QEMU, libvirt", facts && `${version(facts.hypervisor_version)}, ${
      version(facts.libvirt_version)}`),
    fact("Fencing", host.fence_agent ?? "no agent"));
}

function onHost(name) {
  const rows = [...fleet.servers.values()].filter((server) => server.host === name)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return [h("h2", {}, `Instances here: ${rows.length}`), h("ul", {class: "chips"},
    rows.slice(0, 300).map((server) => h("li", {}, h("a", {href: `#/instances/${server.id}`},
      server.name), " ", badge(server.status)))), rows.length > 300 && h("p", {class: "hint"},
    `and ${rows.length - 300} more`)];
}

const OPEN = ["running", "paused", "cancelling"];

function drainCard(host, drain) {
  const done = drain.progress.moved ?? 0;
  return [h("h2", {}, drain.kind === "drain" ? "Drain " : "Restore ", badge(drain.state)),
    h("p", {}, drain.meaning), h("progress", {max: Math.max(drain.progress.total, 1), value: done,
      "aria-label": "Progress of the drain"}), h("p", {},
        `${done} of ${drain.progress.total} moved, ${
      drain.progress.moving ?? 0} under way, ${drain.progress.blocked ?? 0} blocked`),
    h("div", {class: "buttons"}, (OPEN.includes(drain.state)
      ? [drain.state === "paused" ? "run" : "pause", "cancel"] : []).map((wanted) => h("button",
      {class: "plain", type: "button", onclick: () => drainWanted(host, wanted)},
      {run: "Resume", pause: "Pause", cancel: "Cancel"}[wanted]))),
    h("ul", {class: "events"}, drain.items.filter((item) => item.message).map((item) => h("li", {},
      h("a", {href: `#/instances/${item.instance_uuid}`}, item.instance_name), " ",
      badge(item.state), h("div", {class: "why"}, item.message, " ",
        h("span", {class: "fix"}, item.fix ?? "")))))];
}

export function openHost(root, name) {
  const top = h("div", {class: "stack"});
  const left = h("section", {class: "card"});
  const right = h("section", {class: "card"});
  const moves = h("div", {class: "stack"});
  const drain = h("section", {class: "card", hidden: true});
  let isOpen = true;

  async function readDrain() {
    try {
      const answer = await get(`/drover/v1/hosts/${encodeURIComponent(name)}/drain`);
      if (isOpen && answer.drain) {
        drain.hidden = false;
        redraw(drain, drainCard(fleet.hosts.get(name), answer.drain));
      }
    } catch {
      drain.hidden = true; // it was never drained
    }
  }

  function draw() {
    const host = fleet.hosts.get(name);
    if (!host) {
      redraw(top, h("h1", {}, name), fleet.hosts.size > 0 && empty("There is no such host",
        "It may have been removed.", h("a", {href: "#/hosts"}, "All hosts")));
      return;
    }
    redraw(top, h("div", {class: "title"}, h("h1", {}, name), states(host)),
      host.state !== "up" && h("div", {class: "alert bad"}, h("strong", {}, "It is down. "),
        `${host.usage?.instances ?? 0} instances are on it. `,
        h("a", {href: `#/evacuate/${encodeURIComponent(name)}`}, "What is proven, and evacuate")),
      h("div", {class: "buttons"}, actions(host)));
    redraw(left, h("h2", {}, "What it is"), about(host));
    redraw(right, onHost(name));
    redraw(moves, [...fleet.migrations.values()].filter((one) => isRunning(one)
      && (one.source_host === name || one.dest_host === name)).map(progressCard));
  }

  const forget = onFleet((kind) => {
    draw();
    if (kind !== "instances") {
      readDrain();
    }
  });
  show(root, h("a", {href: "#/hosts", class: "back"}, "‹ Hosts"), top, moves, drain,
    h("div", {class: "columns"}, left, right));
  draw();
  readDrain();
  return () => {
    isOpen = false;
    forget();
  };
}
