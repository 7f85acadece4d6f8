// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// All migrations, the newest first.
import {notice} from "./dialog.js";
import {empty, h, options, show} from "./dom.js";
import {fleet, onFleet, readOlderMigrations} from "./fleet.js";
import {badge, duration, plural, time} from "./format.js";
import {isRunning, progressBar} from "./progress.js";
import {Table} from "./table.js";
import {unread} from "./unread.js";

const wish = {text: "", state: "", kind: ""};
const STATES = [["", "Any state"], ["running", "Running"], ["well", "Ended well"],
  ["bad", "Failed"], ["waiting", "Waiting to be confirmed"]];
const KINDS = [["", "Any kind"], ["live-migration", "Live"], ["migration", "Cold"],
  ["resize", "Resize"], ["evacuation", "Evacuation"]];
const IS_IN = {
  running: isRunning,
  well: (one) => ["completed", "done", "confirmed", "reverted"].includes(one.status),
  bad: (one) => ["error", "failed", "cancelled"].includes(one.status),
  waiting: (one) => one.status === "finished",
};

function nameOf(migration) {
  return fleet.servers.get(migration.instance_uuid)?.name ?? migration.instance_uuid;
}

const COLUMNS = [
  {key: "id", label: "Migration", value: (row) => -row.id,
    cell: (row) => h("a", {href: `#/migrations/${row.id}`}, `${row.id}`)},
  {key: "name", label: "Instance", value: nameOf, class: "name",
    cell: (row) => h("a", {href: `#/instances/${row.instance_uuid}`}, nameOf(row))},
  {key: "status", label: "Status", value: (row) => row.status,
    cell: (row) => isRunning(row) ? [badge(row.status), " ", progressBar(row)]
      : badge(row.status)},
  {key: "kind", label: "Kind", value: (row) => row.migration_type, class: "wide-only",
    cell: (row) => row.migration_type},
  {key: "way", label: "Way", value: (row) => row.source_host,
    cell: (row) => `${row.source_host} → ${row.dest_host ?? "–"}`},
  {key: "took", label: "Took", value: (row) => row.total_ms ?? 0, class: "wide-only",
    cell: (row) => duration(row.total_ms)},
  {key: "downtime", label: "Downtime", value: (row) => row.stats.downtime_ms ?? 0,
    class: "wide-only", cell: (row) => duration(row.stats.downtime_ms)},
  {key: "created", label: "Asked for", value: (row) => row.created_at, class: "wide-only",
    cell: (row) => time(row.created_at)},
];

function matches(row) {
  const text = wish.text.toLowerCase();
  return (!wish.state || IS_IN[wish.state](row)) && (!wish.kind || row.migration_type === wish.kind)
    && (!text || [nameOf(row), row.instance_uuid, row.source_host, row.dest_host ?? "",
      row.reason ?? ""].some((one) => one.toLowerCase().includes(text)));
}

function chooser(label, key, pairs, onchange) {
  const select = h("select", {"aria-label": label, onchange: () => {
    wish[key] = select.value;
    onchange();
  }}, options(pairs, wish[key]));
  return select;
}

export function openMigrations(root) {
  const count = h("span", {class: "count", role: "status"});
  const table = new Table({label: "Migrations", columns: COLUMNS, keyOf: (row) => `${row.id}`,
    emptyNode: () => fleet.migrations.size > 0
      ? empty("None of them matches", "Take a filter away, or look for less.")
      : unread("migrations") ?? empty("Nothing has moved yet",
        "Live Migrate is in the Actions menu of each instance.",
        h("a", {href: "#/instances"}, "Instances"))});
  const search = h("input", {type: "search", value: wish.text, "aria-label": "Search migrations",
    placeholder: "Instance, host or reason", oninput: () => {
      wish.text = search.value;
      draw();
    }});
  const older = h("button", {class: "plain", type: "button", onclick: async () => {
    older.disabled = true;
    await readOlderMigrations().catch((error) => notice(error.message, "bad"));
    older.disabled = false;
  }}, "Read older ones");

  function draw() {
    const rows = [...fleet.migrations.values()].filter(matches);
    count.textContent = `${plural(rows.length, "migration")}${fleet.older
      ? ", of the newest ones" : ""}`;
    older.hidden = !fleet.older;
    table.setRows(rows);
  }

  const forget = onFleet(draw);
  show(root, h("div", {class: "title"}, h("h1", {}, "Migrations"), count),
    h("div", {class: "toolbar"}, search, chooser("State", "state", STATES, draw),
      chooser("Kind", "kind", KINDS, draw), older), table.node);
  draw();
  return () => {
    forget();
    table.close();
  };
}
