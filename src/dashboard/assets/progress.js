// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// A migration that runs: how far it is, how it went so far, and what can be done about it.
import {post, remove} from "./api.js";
import * as commands from "./commands.js";
import {notice, openDialog} from "./dialog.js";
import {fact, h, svg} from "./dom.js";
import {fleet, onFleet} from "./fleet.js";
import {badge, bytes, duration, FINAL} from "./format.js";

const SAMPLES_MAX = 240;
const samples = new Map(); // id -> {what, list: [{at, left}]}

// What flows now: first the disks, and when they are there, the memory. How much memory there is
// is not known before, so each is a whole of its own.
function flowOf({stats}) {
  const what = stats.memory_total_bytes > 0 ? "memory" : stats.disk_total_bytes > 0 ? "disk" : null;
  return what && {what, total: stats[`${what}_total_bytes`],
    left: stats[`${what}_remaining_bytes`] ?? 0, rate: stats[`${what}_bytes_s`]};
}

onFleet((kind) => {
  if (kind !== "migrations") {
    return;
  }
  for (const migration of fleet.migrations.values()) {
    const flow = flowOf(migration);
    if (FINAL.has(migration.status) || !flow) {
      continue;
    }
    const known = samples.get(migration.id);
    const list = known?.what === flow.what ? known.list : [];
    const at = migration.stats.elapsed_ms ?? 0;
    if (list.length === 0 || list.at(-1).at !== at) {
      samples.set(migration.id, {what: flow.what,
        list: [...list, {at, left: flow.left}].slice(-SAMPLES_MAX)});
    }
  }
});

export function isRunning(migration) {
  return !FINAL.has(migration.status);
}

// Of what flows now; null before anything does.
export function percent(migration) {
  const flow = flowOf(migration);
  return flow && Math.max(0, Math.min(100, Math.round(100 - 100 * flow.left / flow.total)));
}

export function progressBar(migration) {
  const value = percent(migration);
  const label = `Progress of migration ${migration.id}`;
  return value === null ? h("progress", {"aria-label": label, max: 100})
    : h("progress", {"aria-label": label, max: 100, value}, `${value} %`);
}

// What was still to be moved, over time: a line that falls, or does not.
function chart(migration) {
  const {what, list} = samples.get(migration.id) ?? {list: []};
  if (list.length < 2) {
    return null;
  }
  const [width, height] = [320, 72];
  const from = list[0].at;
  const span = Math.max(list.at(-1).at - from, 1);
  const top = Math.max(...list.map((one) => one.left), 1);
  const points = list.map((one) => `${((one.at - from) / span * width).toFixed(1)},${
    (height - one.left / top * (height - 4)).toFixed(1)}`).join(" ");
  return h("figure", {}, svg("svg", {viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img",
    "aria-label": `Left to move: ${bytes(list[0].left)} at first, ${bytes(list.at(-1).left)} now`},
  svg("polyline", {points})), h("figcaption", {}, `${
    what === "disk" ? "Disks" : "Memory"} left to move, over ${duration(span)}`));
}

function rate(value) {
  return `${bytes(value)}/s`;
}

function etaText({eta_ms: eta, memory_bytes_s: sent, dirty_bytes_s: written}) {
  return eta !== null ? duration(eta)
    : written > 0 && written >= sent ? "none: it writes faster than is sent" : "–";
}

// What is known of it, and nothing of what is not.
export function facts(migration) {
  const {stats} = migration;
  const known = (name, value, text) => value !== null && fact(name, text(value));
  const flow = (name, what) => stats[`${what}_total_bytes`] > 0 && fact(name,
    `${bytes(stats[`${what}_processed_bytes`])} sent, ${
      bytes(stats[`${what}_remaining_bytes`])} left`);
  const rows = [flow("Disks", "disk"), flow("Memory", "memory"),
    known("Rate", stats.memory_bytes_s, rate), known("Written by the guest", stats.dirty_bytes_s,
      rate), stats.iteration > 0 && fact("Iteration", stats.iteration),
    isRunning(migration) && flowOf(migration) && fact("Estimated time left", etaText(stats)),
    known(isRunning(migration) ? "Downtime, expected" : "Downtime", stats.downtime_ms, duration)]
    .filter((row) => row);
  return rows.length > 0 ? h("dl", {class: "facts"}, rows)
    : h("p", {class: "hint"}, "Nothing was moved.");
}

export function abortButton(migration) {
  return h("button", {class: "plain", type: "button", onclick: () => openDialog({
    title: `Abort migration ${migration.id}`, label: "Abort", tone: "danger",
    content: h("p", {}, `The move is given up; the instance stays on ${migration.source_host}, and `
      + "what was made on the destination is removed."),
    commands: () => commands.abort(migration),
    act: async () => {
      if (migration.migration_type === "live-migration") {
        await remove(`/compute/v2.1/servers/${migration.instance_uuid}/migrations/${migration.id}`);
      } else {
        await post(`/drover/v1/instances/${migration.instance_uuid}/migrations/${
          migration.id}/abort`);
      }
      notice(`Migration ${migration.id}: it is being given up.`);
    },
  })}, "Abort");
}

function forceButton(migration) {
  return h("button", {class: "plain", type: "button", onclick: () => openDialog({
    title: `Force migration ${migration.id} to complete`, label: "Force complete",
    content: h("p", {}, "The guest is paused until its memory is moved: the move ends for certain, "
      + "and the guest stands still meanwhile."),
    commands: () => commands.forceComplete(migration),
    act: async () => {
      await post(`/compute/v2.1/servers/${migration.instance_uuid}/migrations/${
        migration.id}/action`,
        {force_complete: null});
      notice(`Migration ${migration.id}: it is forced to complete.`);
    },
  })}, "Force complete");
}

export const FLOWS_MAX = 30;

// One of several that run, in a list.
export function flowRow(migration) {
  const name = fleet.servers.get(migration.instance_uuid)?.name ?? migration.instance_uuid;
  const share = percent(migration);
  return h("li", {class: "flow"}, h("a", {href: `#/migrations/${migration.id}`}, name),
    h("span", {class: "way"}, migration.source_host, " → ", migration.dest_host ?? "…"),
    progressBar(migration), share === null ? badge(migration.status) : h("span", {}, `${share} %`));
}

// In one line: what flows, how fast, for how long.
function headline(migration) {
  const {stats} = migration;
  const flow = flowOf(migration);
  if (!flow) {
    return h("p", {class: "headline"}, "Nothing flows yet: the destination is prepared.");
  }
  const parts = [flow.what === "disk" ? "of the disks" : stats.iteration > 1
    ? `of the memory, pass ${stats.iteration}` : "of the memory",
  flow.rate > 0 && rate(flow.rate), stats.eta_ms > 0 && `about ${duration(stats.eta_ms)} left`];
  return h("p", {class: "headline"}, h("strong", {}, `${percent(migration)} %`), " ",
    parts.filter((part) => part).join(" · "));
}

// The whole of a running one.
export function progressCard(migration) {
  const isLive = migration.migration_type === "live-migration";
  return h("section", {class: "card", "aria-label": `Migration ${migration.id}`},
    h("div", {class: "card-head"}, h("h3", {}, h("a", {href: `#/migrations/${migration.id}`},
      `Migration ${migration.id}`)), badge(migration.status),
    h("span", {}, `${migration.source_host} → ${migration.dest_host ?? "to be chosen"}`),
    h("div", {class: "buttons"}, isLive && forceButton(migration), abortButton(migration))),
    headline(migration), progressBar(migration),
    flowOf(migration) && h("div", {class: "columns"}, facts(migration), chart(migration)),
    migration.convergence?.trouble && h("div", {class: "alert warn"},
      migration.convergence.trouble));
}
