// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// A dead host's instances, made anew on others: what is proven first, then one by one or all.
import {action, get} from "./api.js";
import * as commands from "./commands.js";
import {askFirst, notice, openDialog} from "./dialog.js";
import {checkbox, empty, h, newId, redraw, show} from "./dom.js";
import {fleet, onFleet, readMigrations} from "./fleet.js";
import {badge, parseTime, plural} from "./format.js";
import {isRunning, progressBar} from "./progress.js";
import {afterwards, mayEvacuate, proof} from "./proof.js";
import {explain, needsOf, targetList} from "./targets.js";
import {unreadable, whyUnread} from "./unread.js";

const SHOWN_MAX = 500;
const DONE = new Set(["completed", "done"]);

// What was chosen and what was refused for each instance, by its id, while this page is open.
class Plan {
  constructor(name, onchange) {
    this.name = name;
    this.onchange = onchange;
    this.targets = new Map();
    this.refusals = new Map();
    this.starts = false; // again where it ran
    this.since = 0;
  }

  // The newest evacuation of each instance, since the host was last known to be well.
  newest() {
    const rows = new Map();
    for (const one of fleet.migrations.values()) {
      if (one.migration_type === "evacuation" && one.source_host === this.name
        && parseTime(one.created_at) >= this.since
        && !(rows.get(one.instance_uuid)?.id > one.id)) {
        rows.set(one.instance_uuid, one);
      }
    }
    return rows;
  }

  // {server, migration, state} of those that are here, and of those that have left it so.
  rows() {
    const moves = this.newest();
    return [...fleet.servers.values()]
      .filter((server) => server.host === this.name || moves.has(server.id))
      .map((server) => this.row(server, moves.get(server.id)))
      .filter((row) => row !== null)
      .sort((a, b) => (a.server.name < b.server.name ? -1 : 1));
  }

  row(server, migration) {
    const isHere = server.host === this.name;
    if (migration && isRunning(migration)) {
      return {server, migration, state: "running"};
    }
    if (migration && !isHere && DONE.has(migration.status)) {
      return {server, migration, state: "done"};
    }
    if (!isHere) {
      return null;
    }
    const isFailed = this.refusals.has(server.id) || (migration && !DONE.has(migration.status));
    return {server, migration, state: isFailed ? "failed" : "waiting"};
  }

  async send(server) {
    const host = this.targets.get(server.id) ?? null;
    await action(server.id, {evacuate: host ? {host} : {}}, this.starts ? "2.94" : "2.95");
    this.refusals.delete(server.id);
    await readMigrations(`instance_uuid=${server.id}&limit=1`).catch(() => {});
  }

  // All, one after the other, so that the host is fenced once: a refusal stays with its row.
  async sendAll(servers) {
    let refused = 0;
    for (const server of servers) {
      try {
        await this.send(server);
      } catch (error) {
        if (error.status === 0 || error.status === 401) {
          throw error;
        }
        refused += 1;
        this.refusals.set(server.id, error.message);
        this.onchange();
      }
    }
    return refused;
  }
}

async function openTarget(plan, server) {
  const explanation = await askFirst(server, () => explain(server, "evacuate"));
  if (!explanation) {
    return;
  }
  let handle = null;
  const list = targetList(explanation, () => handle?.update(), plan.targets.get(server.id));
  handle = openDialog({title: `Where ${server.name} goes`, wide: true, label: "Use it",
    content: [needsOf(explanation), list.node],
    commands: () => commands.evacuate(server, {host: list.value(), starts: plan.starts}),
    act: async () => {
      plan.targets.set(server.id, list.value());
      plan.onchange();
    }});
}

function evacuateOne(plan, server) {
  const host = plan.targets.get(server.id) ?? null;
  openDialog({title: `Evacuate ${server.name}`, label: "Evacuate", tone: "danger",
    content: h("p", {}, "It is made anew on ", h("strong", {}, host ?? "the host that is chosen "
      + "then"), ". A root disk that lies in the dead host's own pool begins anew from its image."),
    commands: () => commands.evacuate(server, {host, starts: plan.starts}),
    act: async () => {
      try {
        await plan.send(server);
      } catch (error) {
        plan.refusals.set(server.id, error.message);
        plan.onchange();
        throw error;
      }
      notice(`${server.name}: its evacuation was accepted.`);
    }});
}

function evacuateAll(plan, host, servers) {
  const named = servers.filter((server) => plan.targets.get(server.id));
  openDialog({title: `Evacuate ${plural(servers.length, "instance")} of ${host.name}`,
    label: "Evacuate all", tone: "danger", wide: true,
    content: h("p", {}, `${plural(servers.length, "instance")} will be made anew on other hosts, `
      + `${named.length === 0 ? "each where the scheduler finds the best place"
        : `${named.length} where you have chosen`}. What cannot go stays, with the reason.`),
    commands: () => named.length === 0 ? commands.evacuateHost(host.name, plan)
      : servers.flatMap((server) => commands.evacuate(server,
        {host: plan.targets.get(server.id), starts: plan.starts})),
    act: async () => {
      const refused = await plan.sendAll(servers);
      notice(`${host.name}: ${servers.length - refused} accepted${
        refused > 0 ? `, ${refused} refused` : ""}.`, refused > 0 ? "warn" : "good");
    }});
}

// ---- the instances ----

function result(plan, {server, migration, state}) {
  if (state === "running") {
    return [badge(migration.status), " ", progressBar(migration)];
  }
  if (state === "done") {
    return [badge("evacuated", "good"), ` to ${migration.dest_host}`];
  }
  if (state === "failed") {
    const refusal = plan.refusals.get(server.id);
    return [badge(refusal ? "refused" : migration.status, "bad"), h("div", {class: "why"},
      refusal ?? migration.message), !refusal && migration.fix
      && h("div", {class: "fix"}, migration.fix),
    !refusal && h("a", {href: `#/migrations/${migration.id}`}, `Migration ${migration.id}`)];
  }
  return h("span", {class: "hint"}, "waits");
}

function buttons(plan, {server, state}, isFree, whyId) {
  if (state === "running" || state === "done") {
    return null;
  }
  const label = state === "failed" ? "Again" : "Evacuate";
  return h("button", {class: "plain", type: "button", disabled: !isFree, "aria-label":
    `${label}: ${server.name}`, "aria-describedby": isFree ? null : whyId,
  onclick: () => evacuateOne(plan, server)}, label);
}

function targetCell(plan, {server, migration, state}) {
  if (state === "running" || state === "done") {
    return migration.dest_host ?? "to be chosen";
  }
  const text = plan.targets.get(server.id) ?? "Automatic";
  return h("button", {class: "plain small", type: "button",
    "aria-label": `Where ${server.name} goes: ${text}`, onclick: () => openTarget(plan, server)},
  text);
}

function table(plan, rows, isFree, whyId) {
  return h("table", {"aria-label": "Instances of this host"}, h("thead", {}, h("tr", {},
    ["Instance", "Status", "Goes to", "Evacuation", ""].map((name) =>
      h("th", {scope: "col"}, name || h("span", {class: "sr"}, "Actions"))))),
  h("tbody", {}, rows.slice(0, SHOWN_MAX).map((row) => h("tr", {},
    h("td", {}, h("a", {href: `#/instances/${row.server.id}`}, row.server.name)),
    h("td", {}, badge(row.server.status)), h("td", {}, targetCell(plan, row)),
    h("td", {class: "wraps"}, result(plan, row)),
    h("td", {}, buttons(plan, row, isFree, whyId))))));
}

function count(rows, state) {
  return rows.filter((row) => row.state === state).length;
}

function summary(rows) {
  const text = `${count(rows, "done")} of ${rows.length} evacuated, ${count(rows, "running")} `
    + `under way, ${count(rows, "failed")} failed, ${count(rows, "waiting")} waiting`;
  return [h("p", {role: "status"}, text), rows.length > 0 && h("progress",
    {max: rows.length, value: count(rows, "done"), "aria-label": "Instances evacuated"}, text)];
}

function whatIsLost(sharers) {
  return h("p", {}, sharers.length > 0
    ? `Root disks are kept on the hosts that share its pool (${sharers.join(", ")}); elsewhere `
      + "they begin anew from their images."
    : "No other host has its pool: root disks begin anew from their images, and what guests have "
      + "written there is lost. Volumes are kept.");
}

export function openEvacuate(root, name) {
  const top = h("div", {class: "stack"});
  const proven = h("div", {});
  const progress = h("div", {});
  const list = h("div", {class: "scroll"});
  const after = h("div", {});
  const all = h("div", {class: "buttons"});
  const why = h("p", {class: "hint", id: newId()});
  const plan = new Plan(name, () => draw());
  const starts = checkbox("Start again what ran", "Otherwise each stays off until you start it, as "
    + "from microversion 2.95 on.", () => {
    plan.starts = starts.control.checked;
  });
  let host = null; // as it was asked for, which tells more than the list
  let leftovers = [];
  let isOpen = true;

  async function read() {
    const path = encodeURIComponent(name);
    try {
      const [one, left] = await Promise.all([get(`/drover/v1/hosts/${path}`),
        get(`/drover/v1/leftovers?host=${path}`)]);
      host = one.host;
      ({leftovers} = left);
    } catch (error) {
      if (isOpen && error.status === 404) {
        show(root, h("h1", {}, name), empty("There is no such host", "It may have been removed.",
          h("a", {href: "#/hosts"}, "All hosts")));
        isOpen = false;
      } else if (isOpen && !host) {
        show(top, h("h1", {}, `Evacuate ${name}`), unreadable(error, read));
      }
    }
    if (isOpen && host) {
      plan.since = Math.min(...[host.last_seen, host.fenced_since].map(parseTime)
        .filter((at) => at !== null));
      draw();
    }
  }

  function draw() {
    if (!host || !isOpen) {
      return;
    }
    const isFree = mayEvacuate(host);
    const rows = plan.rows();
    const open = rows.filter((row) => ["waiting", "failed"].includes(row.state));
    redraw(top, h("div", {class: "title"}, h("h1", {}, `Evacuate ${name}`), badge(host.state),
      host.forced_down && badge("declared dead", "bad")));
    redraw(proven, h("h2", {}, "1. Is it dead?"), proof(host, read));
    why.textContent = isFree ? "" : "Nothing can be evacuated before it is proven that the host is "
      + "dead: an instance must never run twice.";
    const still = whyUnread("instances"); // all is not all then
    redraw(all, open.length > 0 && h("button", {class: "primary danger", type: "button",
      disabled: !isFree || still !== null, "aria-describedby": why.id,
      onclick: () => evacuateAll(plan, host, open.map((row) => row.server))},
    `Evacuate all ${open.length}`));
    redraw(progress, whatIsLost(host.storage.shared_with), still
      ? h("p", {role: "status"}, still) : summary(rows));
    redraw(list, rows.length > 0 ? table(plan, rows, isFree, why.id)
      : !still && h("p", {class: "hint"}, "No instance is on this host."));
    redraw(after, afterwards(host, leftovers, read));
  }

  const forget = onFleet((kind) => (kind === "hosts" ? read() : draw()));
  show(root, h("a", {href: `#/hosts/${encodeURIComponent(name)}`, class: "back"}, `‹ ${name}`), top,
    h("section", {class: "card"}, proven),
    h("section", {class: "card"}, h("h2", {}, "2. Its instances"), progress, starts.node, why, all,
      list),
    h("section", {class: "card"}, h("h2", {}, "3. When it is mended"), after));
  read();
  readMigrations(`host=${encodeURIComponent(name)}&migration_type=evacuation&limit=1000`)
    .catch(() => {});
  return () => {
    isOpen = false;
    forget();
  };
}
