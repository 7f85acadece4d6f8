// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// Hosts: their services, what they carry, and taking one out for maintenance.
import {bar, empty, h, show} from "./dom.js";
import {fleet, onFleet} from "./fleet.js";
import {badge, mib, plural} from "./format.js";
import {hostItems} from "./host-actions.js";
import {menuButton} from "./menu.js";
import {Table} from "./table.js";
import {unread} from "./unread.js";

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

export function memoryShare(host) {
  return share(host, "memory");
}

export function loadBar(host, what) {
  const [some, all] = used(host, what);
  return what === "cpu" ? bar(some, all, `${host.name}: ${some} of ${all} processors given`, true)
    : bar(some, all, `${host.name}: ${mib(some)} of ${mib(all)} memory given`);
}

export function states(host) {
  return [badge(host.state), " ", host.status === "disabled" && badge("disabled"),
    host.forced_down && badge("declared dead", "bad")];
}

export function actions(host) {
  return menuButton("Actions", `Actions for ${host.name}`,
    () => hostItems(fleet.hosts.get(host.name) ?? host));
}

const COLUMNS = [
  {key: "name", label: "Host", value: (row) => row.name, class: "name",
    cell: (row) => h("a", {href: `#/hosts/${encodeURIComponent(row.name)}`}, row.name)},
  {key: "state", label: "State", value: (row) => `${row.state}${row.status}`, class: "states",
    cell: states},
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

export function noHosts() {
  return empty("No hosts yet", "A host runs libvirtd with TLS, and nothing of ours:",
    h("pre", {}, "drover host add NAME --uri qemu+tls://NAME/system"));
}

export function openHosts(root) {
  const count = h("span", {class: "count", role: "status"});
  const table = new Table({label: "Hosts", columns: COLUMNS, keyOf: (row) => row.name,
    emptyNode: () => fleet.hosts.size > 0 ? empty("None of them matches", "Look for less.")
      : unread("hosts") ?? noHosts()});
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
