// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// A migration that runs: how far it is, how it went so far, and what can be done about it.
import {post, remove} from "./api.js";
import * as commands from "./commands.js";
import {notice, openDialog} from "./dialog.js";
import {h, svg} from "./dom.js";
import {fleet, onFleet} from "./fleet.js";
import {badge, bytes, duration, FINAL} from "./format.js";

const SAMPLES_MAX = 240;
const samples = new Map(); // id -> [{at, left}]

function leftOf({stats}) {
  const left = (stats.memory_remaining_bytes ?? 0) + (stats.disk_remaining_bytes ?? 0);
  return stats.memory_remaining_bytes === null && stats.disk_remaining_bytes === null ? null : left;
}

onFleet((kind) => {
  if (kind !== "migrations") {
    return;
  }
  for (const migration of fleet.migrations.values()) {
    const left = leftOf(migration);
    if (FINAL.has(migration.status) || left === null) {
      continue;
    }
    const list = samples.get(migration.id) ?? [];
    const at = migration.stats.elapsed_ms ?? 0;
    if (list.length === 0 || list.at(-1).at !== at) {
      list.push({at, left});
      samples.set(migration.id, list.slice(-SAMPLES_MAX));
    }
  }
});

export function isRunning(migration) {
  return !FINAL.has(migration.status);
}

export function percent({stats}) {
  const total = (stats.memory_total_bytes ?? 0) + (stats.disk_total_bytes ?? 0);
  const left = leftOf({stats});
  return total > 0 && left !== null
    ? Math.max(0, Math.min(100, Math.round(100 - 100 * left / total))) : null;
}

export function progressBar(migration) {
  const value = percent(migration);
  const label = `Progress of migration ${migration.id}`;
  return value === null ? h("progress", {"aria-label": label, max: 100})
    : h("progress", {"aria-label": label, max: 100, value}, `${value} %`);
}

// What was still to be moved, over time: a line that falls, or does not.
function chart(migration) {
  const list = samples.get(migration.id) ?? [];
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
  svg("polyline", {points})), h("figcaption", {}, `Left to move, over ${duration(span)}`));
}

function fact(name, value) {
  return [h("dt", {}, name), h("dd", {}, value)];
}

function rate(value) {
  return value === null ? "–" : `${bytes(value)}/s`;
}

export function facts(migration) {
  const {stats} = migration;
  return h("dl", {class: "facts"},
    fact("Memory", `${bytes(stats.memory_processed_bytes)} sent, ${
      bytes(stats.memory_remaining_bytes)} left`),
    stats.disk_total_bytes > 0 && fact("Disks", `${bytes(stats.disk_processed_bytes)} sent, ${
      bytes(stats.disk_remaining_bytes)} left`),
    fact("Rate", rate(stats.memory_bytes_s)),
    fact("Written by the guest", rate(stats.dirty_bytes_s)),
    fact("Iteration", stats.iteration ?? "–"),
    isRunning(migration) && fact("Estimated time left", duration(stats.eta_ms)),
    fact(isRunning(migration) ? "Downtime, expected" : "Downtime", duration(stats.downtime_ms)));
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
      notice(`Migration ${migration.id}: it is given up.`);
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

// The whole of a running one.
export function progressCard(migration) {
  const isLive = migration.migration_type === "live-migration";
  return h("section", {class: "card", "aria-label": `Migration ${migration.id}`},
    h("div", {class: "card-head"}, h("h3", {}, h("a", {href: `#/migrations/${migration.id}`},
      `Migration ${migration.id}`)), badge(migration.status),
    h("span", {}, `${migration.source_host} → ${migration.dest_host ?? "to be chosen"}`)),
    progressBar(migration), facts(migration), chart(migration),
    migration.convergence?.trouble && h("div", {class: "alert warn"},
      migration.convergence.trouble),
    h("div", {class: "buttons"}, isLive && forceButton(migration), abortButton(migration)));
}
