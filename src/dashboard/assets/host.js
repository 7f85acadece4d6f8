// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// One host: what it is and can do, what it carries, what drains it, and whether it is fit.
import {get} from "./api.js";
import {empty, fact, h, redraw, show} from "./dom.js";
import {fleet, onFleet} from "./fleet.js";
import {badge, bytes, mib, plural, time, version} from "./format.js";
import {drainWanted} from "./host-actions.js";
import {actions, loadBar, states} from "./hosts.js";
import {lintCard} from "./lint.js";
import {FLOWS_MAX, flowRow, isRunning} from "./progress.js";
import {unread, whyUnread} from "./unread.js";

function about(host) {
  const {facts} = host;
  return h("dl", {class: "facts"},
    fact("Reason", host.reason), fact("Last seen", time(host.last_seen)), fact("Zone", host.zone),
    fact("Cell", host.cell),
    fact("URI", h("code", {}, host.uri)),
    host.uri.startsWith("qemu+tcp:") && fact("Encryption", badge("none: plaintext", "bad")),
    fact("Migration address", host.migration_address || "its name"),
    fact("Processors", [`${host.usage?.vcpus ?? 0} of ${facts?.vcpus ?? "?"} given`,
      loadBar(host, "cpu")]),
    fact("Memory",
      [`${mib(host.usage?.ram_mib ?? 0)} of ${facts ? mib(facts.memory_mib) : "?"} given`,
      loadBar(host, "memory")]),
    fact("Processor", facts?.cpu && [facts.cpu.model, facts.cpu.vendor, facts.arch]
      .filter((one) => one).join(", ")),
    fact("QEMU, libvirt", facts && `${version(facts.hypervisor_version)}, ${
      version(facts.libvirt_version)}`),
    fact("Fencing", host.fence_agent ?? "no agent"));
}

function storage(host) {
  const {storage: pool} = host;
  return [h("h2", {}, "Storage"), h("dl", {class: "facts"},
    fact("Pool", `${pool.pool}${pool.type ? `, of type ${pool.type}` : ""}`),
    fact("Where", pool.path && h("code", {}, pool.path)),
    fact("Free", pool.capacity_bytes === null ? "–"
      : `${bytes(pool.available_bytes)} of ${bytes(pool.capacity_bytes)}`),
    fact("Shared with", pool.shared_with.length > 0 ? pool.shared_with.map((name, i) =>
      [i > 0 && ", ", h("a", {href: `#/hosts/${encodeURIComponent(name)}`}, name)])
      : "no other host"))];
}

// Where the host and the books of drover differ.
function difference(one) {
  const has = one.kind === "no-domain" ? "nothing" : `${one.vcpus} vCPU, ${mib(one.ram_mib)}`;
  const claimed = one.kind === "foreign" ? "nothing"
    : `${one.claimed_vcpus} vCPU, ${mib(one.claimed_ram_mib)}`;
  return h("li", {}, h("code", {}, one.domain), `: has ${has}; on record ${claimed}. `,
    h("span", {class: "fix"}, one.fix));
}

function differences(host) {
  return host.differences.length === 0 ? null
    : h("section", {class: "alert warn", "aria-label": "Differences"}, h("p", {}, h("strong", {},
      "What runs here is not what drover has on record:")),
    h("ul", {}, host.differences.map(difference)));
}

function aggregateList(aggregates) {
  return [h("h2", {}, "Aggregates and zone"), aggregates.length === 0
    ? h("p", {class: "hint"}, "It is in no aggregate.") : h("table", {"aria-label": "Aggregates"},
      h("thead", {}, h("tr", {}, ["Aggregate", "Zone", "Hosts", "Metadata"].map((name) =>
        h("th", {scope: "col"}, name)))),
      h("tbody", {}, aggregates.map((one) => h("tr", {}, h("td", {}, one.name),
        h("td", {}, one.availability_zone ?? "–"), h("td", {}, one.hosts.length),
        h("td", {}, Object.entries(one.metadata).filter(([key]) => key !== "availability_zone")
          .map(([key, value]) => `${key}=${value}`).join(", ") || "–")))))];
}

const ANSWERS = {true: ["yes", "good"], false: ["no", "calm"], null: ["not known", "warn"]};

function capabilityTable(rows) {
  return [h("h2", {}, "What it can do"), h("table", {"aria-label": "Capabilities"}, h("thead", {},
    h("tr", {}, ["Capability", "Has it", "Why"].map((name) => h("th", {scope: "col"}, name)))),
  h("tbody", {}, rows.map((row) => h("tr", {}, h("td", {}, row.name),
    h("td", {}, badge(...ANSWERS[row.available])), h("td", {class: "wraps"}, row.reason)))))];
}

function onHost(name) {
  const rows = [...fleet.servers.values()].filter((server) => server.host === name)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const still = whyUnread("instances");
  return [h("h2", {}, still ? "Instances here" : `Instances here: ${rows.length}`),
    still && h("p", {class: "hint"}, still), h("ul", {class: "chips"},
    rows.slice(0, 300).map((server) => h("li", {}, h("a", {href: `#/instances/${server.id}`},
      server.name), " ", badge(server.status)))), rows.length > 300 && h("p", {class: "hint"},
    `and ${rows.length - 300} more`)];
}

const OPEN = ["running", "paused", "cancelling"];

function drainCard(name, drain) {
  const done = drain.progress.moved ?? 0;
  return [h("h2", {}, drain.kind === "drain" ? "Drain " : "Restore ", badge(drain.state)),
    h("p", {}, drain.meaning), h("progress", {max: Math.max(drain.progress.total, 1), value: done,
      "aria-label": "Progress of the drain"}), h("p", {},
        `${done} of ${drain.progress.total} moved, ${
      drain.progress.moving ?? 0} under way, ${drain.progress.blocked ?? 0} blocked`),
    h("div", {class: "buttons"}, (OPEN.includes(drain.state)
      ? [drain.state === "paused" ? "run" : "pause", "cancel"] : []).map((wanted) => h("button",
      {class: "plain", type: "button", onclick: () => drainWanted({name}, wanted)},
      {run: "Resume", pause: "Pause", cancel: "Cancel"}[wanted]))),
    h("ul", {class: "events"}, drain.items.filter((item) => item.message).map((item) => h("li", {},
      h("a", {href: `#/instances/${item.instance_uuid}`}, item.instance_name), " ",
      badge(item.state), h("div", {class: "why"}, item.move === "cold" &&
        ["moving", "confirming", "moved"].includes(item.state) ? "It goes cold: " : "",
        item.message, " ", h("span", {class: "fix"}, item.fix ?? "")))))];
}

export function openHost(root, name) {
  const top = h("div", {class: "stack"});
  const left = h("section", {class: "card"});
  const right = h("section", {class: "card"});
  const moves = h("section", {class: "card", hidden: true});
  const drain = h("section", {class: "card", hidden: true});
  const truth = h("div", {});
  const pool = h("section", {class: "card"});
  const belongs = h("section", {class: "card scroll"});
  const can = h("section", {class: "card scroll"});
  const lint = lintCard(name);
  const rest = h("div", {class: "contents"}, truth, drain, moves,
    h("div", {class: "columns"}, left, right), h("div", {class: "columns"}, pool, belongs), can,
    lint.node);
  let isLinted = false;
  let isOpen = true;

  async function readDrain() {
    try {
      const answer = await get(`/drover/v1/hosts/${encodeURIComponent(name)}/drain`);
      if (isOpen && answer.drain) {
        drain.hidden = false;
        redraw(drain, drainCard(name, answer.drain));
      }
    } catch {
      drain.hidden = true; // it was never drained
    }
  }

  // What the list of hosts does not have.
  async function readMore() {
    const path = `/drover/v1/hosts/${encodeURIComponent(name)}`;
    try {
      const [one, {capabilities}, {aggregates}] = await Promise.all([get(path),
        get(`${path}/capabilities`), get("/compute/v2.1/os-aggregates")]);
      if (isOpen) {
        redraw(truth, differences(one.host));
        redraw(pool, storage(one.host));
        redraw(can, capabilityTable(capabilities));
        redraw(belongs, aggregateList(aggregates.filter((each) => each.hosts.includes(name))));
      }
    } catch {
      // the page says already that the host is gone, or droverd
    }
  }

  function draw() {
    const host = fleet.hosts.get(name);
    rest.hidden = !host;
    if (!host) {
      redraw(top, h("h1", {}, name), unread("hosts") ?? empty("There is no such host",
        "It may have been removed.", h("a", {href: "#/hosts"}, "All hosts")));
      return;
    }
    if (!isLinted) {
      isLinted = true;
      lint.read();
    }
    redraw(top, h("div", {class: "title"}, h("h1", {}, name), states(host)),
      host.state !== "up" && h("div", {class: "alert bad"}, h("strong", {}, "It is down. "),
        `${host.usage?.instances ?? 0} instances are on it. `,
        h("a", {href: `#/evacuate/${encodeURIComponent(name)}`}, "What is proven, and evacuate")),
      h("div", {class: "buttons"}, actions(host)));
    redraw(left, h("h2", {}, "What it is"), about(host));
    redraw(right, onHost(name));
    const moving = [...fleet.migrations.values()].filter((one) => isRunning(one)
      && (one.source_host === name || one.dest_host === name));
    moves.hidden = moving.length === 0;
    redraw(moves, h("h2", {}, "What moves now"), h("ul", {class: "flow-list"},
      moving.slice(0, FLOWS_MAX).map(flowRow)));
  }

  const forget = onFleet((kind) => {
    draw();
    if (kind !== "instances") {
      readDrain();
    }
    if (kind === "hosts") {
      readMore();
    }
  });
  show(root, h("a", {href: "#/hosts", class: "back"}, "‹ Hosts"), top, rest);
  draw();
  readDrain();
  readMore();
  return () => {
    isOpen = false;
    lint.close();
    forget();
  };
}
