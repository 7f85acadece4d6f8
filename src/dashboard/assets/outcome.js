// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// What became of a move that was asked for here, told wherever one looks by then: that it was
// accepted says nothing yet.
import {notice} from "./dialog.js";
import {h} from "./dom.js";
import {fleet, onFleet} from "./fleet.js";
import {duration, FINAL} from "./format.js";

const asked = new Map(); // id of the instance -> {name, after: migrations that were there before}

function ended(name, migration) {
  const {status, dest_host: dest, stats, message} = migration;
  const more = h("a", {href: `#/migrations/${migration.id}`}, "See what happened");
  if (status === "finished") {
    notice(`${name} was moved to ${dest}, and waits for you to confirm or to revert.`, "warn");
  } else if (["completed", "done", "confirmed"].includes(status)) {
    notice(`${name} is on ${dest} now, after ${duration(migration.total_ms)}${
      stats.downtime_ms === null ? "" : `, with a downtime of ${duration(stats.downtime_ms)}`}.`);
  } else {
    notice([h("strong", {}, `${name} was not moved. `), message ? `${message}. ` : "",
      more], status === "cancelled" ? "warn" : "bad");
  }
}

// Sends the request for a move of that instance, and tells later what became of it.
export async function sendMove(server, send) {
  asked.set(server.id, {name: server.name, after: Math.max(0, ...fleet.migrations.keys())});
  try {
    await send();
  } catch (error) {
    asked.delete(server.id);
    throw error;
  }
}

onFleet((kind) => {
  if (kind !== "migrations" || asked.size === 0) {
    return;
  }
  for (const migration of fleet.migrations.values()) {
    const wish = asked.get(migration.instance_uuid);
    if (wish && migration.id > wish.after && FINAL.has(migration.status)) {
      asked.delete(migration.instance_uuid);
      ended(wish.name, migration);
    }
  }
});
