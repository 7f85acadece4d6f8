// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// All instances: found, filtered, sorted, and each with what can be done with it.
import {itemsOf} from "./actions.js";
import {empty, h, options, show} from "./dom.js";
import {fleet, onFleet, projectName} from "./fleet.js";
import {badge, plural, taskWord} from "./format.js";
import {menuButton} from "./menu.js";
import {isRunning, percent} from "./progress.js";
import {Table} from "./table.js";
import {unread, whyUnread} from "./unread.js";

const WHILE_READING_MS = 400;

// What was looked for stays while one looks at an instance and comes back.
const wish = {text: "", project: "", status: ""};

function migrationOf(server) {
  return server.task && [...fleet.migrations.values()].find((one) =>
    one.instance_uuid === server.id && isRunning(one));
}

function statusCell(server) {
  const migration = migrationOf(server);
  const share = migration && percent(migration);
  const more = [server.locked && "locked", taskWord(server),
    typeof share === "number" && `${share} %`].filter((word) => word);
  return [badge(server.status), more.length > 0 && h("span", {class: "hint"},
    ` ${more.join(", ")}`)];
}

const COLUMNS = [
  {key: "name", label: "Name", value: (row) => row.name, class: "name",
    cell: (row) => h("a", {href: `#/instances/${row.id}`, title: row.name}, row.name)},
  {key: "status", label: "Status", value: (row) => row.status, cell: statusCell},
  {key: "host", label: "Host", value: (row) => row.host, cell: (row) => row.host && fleet.isAdmin
    ? h("a", {href: `#/hosts/${encodeURIComponent(row.host)}`}, row.host) : (row.host || "–")},
  {key: "project", label: "Project", value: (row) => projectName(row.project), class: "wide-only",
    cell: (row) => projectName(row.project)},
  {key: "address", label: "Address", value: (row) => row.address, class: "wide-only",
    cell: (row) => row.address || "–"},
  {key: "flavor", label: "Flavor", value: (row) => row.flavor, class: "wide-only",
    cell: (row) => row.flavor},
  {key: "actions", label: "Actions", class: "actions",
    cell: (row) => menuButton("Actions", `Actions for ${row.name}`,
      () => itemsOf(fleet.servers.get(row.id) ?? row))},
];

function matches(server) {
  const text = wish.text.toLowerCase();
  return (!wish.project || server.project === wish.project)
    && (!wish.status || server.status === wish.status)
    && (!text || server.name.toLowerCase().includes(text) || server.id.startsWith(text)
      || server.host.toLowerCase().includes(text) || server.address.includes(text));
}

function nothing() {
  if (fleet.servers.size > 0 && fleet.known.has("instances")) {
    return empty("None of them matches", "Take a filter away, or look for less.");
  }
  const still = unread("instances") ?? (fleet.isAdmin ? unread("hosts") : null);
  if (still) {
    return still;
  }
  return empty("No instances yet", fleet.hosts.size > 0 || !fleet.isAdmin
    ? "An instance is made from an image, a flavor and a network:"
    : "First there must be a host, then an image, a flavor and a network:",
  h("pre", {}, "drover host add NAME --uri qemu+tls://NAME/system\n"
    + "drover server create NAME --image IMAGE --flavor FLAVOR --network NETWORK"));
}

function filters(onchange) {
  const search = h("input", {type: "search", value: wish.text, "aria-label": "Search instances",
    placeholder: "Name, id, host or address", oninput: () => {
      wish.text = search.value;
      onchange();
    }});
  const project = h("select", {"aria-label": "Project", onchange: () => {
    wish.project = project.value;
    onchange();
  }});
  const status = h("select", {"aria-label": "Status", onchange: () => {
    wish.status = status.value;
    onchange();
  }});
  function fill() {
    const projects = new Set([...fleet.servers.values()].map((one) => one.project));
    const states = new Set([...fleet.servers.values()].map((one) => one.status));
    for (const [select, values, all, name] of [
      [project, projects, "All projects", projectName], [status, states, "Any status", String]]) {
      const chosen = select === project ? wish.project : wish.status;
      const wanted = [["", all], ...[...values].sort().map((one) => [one, name(one)])];
      const text = JSON.stringify(wanted);
      if (select.dataset.options !== text) {
        select.dataset.options = text;
        show(select, options(wanted, chosen));
      }
    }
  }
  return {node: h("div", {class: "toolbar"}, search, project, status), fill};
}

export function openInstances(root) {
  const count = h("span", {class: "count", role: "status"});
  const still = h("span", {class: "hint", role: "status"});
  const table = new Table({label: "Instances", columns: COLUMNS, keyOf: (row) => row.id,
    emptyNode: nothing});
  const bar = filters(draw);
  let frame = 0;
  let timer = null;

  function draw() {
    clearTimeout(timer);
    timer = null;
    frame = 0;
    const rows = [...fleet.servers.values()].filter(matches);
    bar.fill();
    count.textContent = rows.length === fleet.servers.size ? plural(rows.length, "instance")
      : `${rows.length} of ${fleet.servers.size} instances`;
    still.textContent = rows.length > 0 ? whyUnread("instances") ?? "" : "";
    table.setRows(rows);
  }

  // While thousands come, the first ones are drawn at once, and then from time to time.
  const forget = onFleet((kind) => {
    if ((kind === "hosts" && fleet.servers.size > 0) || frame !== 0) {
      return;
    }
    if (fleet.known.has("instances") || table.rows.length === 0) {
      frame = requestAnimationFrame(draw);
    } else {
      timer ??= setTimeout(draw, WHILE_READING_MS);
    }
  });
  show(root, h("div", {class: "title"}, h("h1", {}, "Instances"), count, still), bar.node,
    table.node);
  draw();
  return () => {
    forget();
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    table.close();
  };
}
