// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// The dialogs that move an instance. Their list of hosts is the scheduler's own explanation: each
// host with pass, or with the reason why not.
import {action, get} from "./api.js";
import * as commands from "./commands.js";
import {askFirst, notice, openDialog} from "./dialog.js";
import {checkbox, field, h, options, show} from "./dom.js";
import {fleet} from "./fleet.js";
import {sendMove} from "./outcome.js";
import {explain, needsOf, targetList} from "./targets.js";

// Hosts are an administrator's to see and to name; a project's manager lets the scheduler choose.
async function targets(server, move, onchange) {
  if (!fleet.isAdmin) {
    return {node: h("p", {}, "The scheduler chooses the host."), value: () => null,
      candidates: () => [], toAutomatic: () => {}, head: null, sharers: []};
  }
  const explanation = await explain(server, move);
  const {host} = explanation.source_host === null ? {host: null}
    : await get(`/drover/v1/hosts/${encodeURIComponent(explanation.source_host)}`);
  return {...targetList(explanation, onchange), head: needsOf(explanation),
    sharers: host?.storage.shared_with ?? []};
}

const COPY_OPTIONS = [
  ["auto", "Automatic: both hosts are asked whether they share the disks"],
  ["yes", "Block migration: copy the disks over the network"],
  ["no", "Shared storage: copy no disks"]];

// "shared": whoever may be the destination has the pool that the disks are in; "own": none of them;
// "mixed": some, or it is not known.
function kindOf(list) {
  const names = list.candidates();
  const n = names.filter((name) => list.sharers.includes(name)).length;
  return names.length === 0 || (n > 0 && n < names.length) ? "mixed" : n > 0 ? "shared" : "own";
}

// The options that this kind of host has: of disks that stay where they are there are none.
function diskOptions(list, onchange) {
  const block = h("select", {onchange: sync});
  const over = checkbox("Disk Over Commit", "Places more on the destination's disk than it has: "
    + "more instances fit, at the cost of speed, and of room when they fill their disks. The "
    + "scheduler then chooses the host.", sync);
  const parts = [field("Disks", block), over.node];
  const told = h("p", {class: "hint", role: "status", hidden: true}, "These hosts share the pool "
    + "of its disks: they stay where they are, so there is nothing to choose but the host.");
  let kind = null;
  function fit() {
    const now = kindOf(list);
    if (now !== kind) {
      const wanted = COPY_OPTIONS.filter(([value]) => now !== "own" || value !== "no");
      const kept = wanted.some(([value]) => value === block.value) ? block.value : "auto";
      kind = now;
      show(block, options(wanted, kept));
      block.value = kept;
      parts.forEach((part) => {
        part.hidden = kind === "shared";
      });
      told.hidden = kind !== "shared";
    }
  }
  function sync() {
    const isAuto = block.value === "auto";
    over.control.disabled = isAuto;
    over.control.checked &&= !isAuto;
    if (over.control.checked) {
      list.toAutomatic();
    }
    fit();
    onchange();
  }
  fit();
  return {node: [parts, told], sync, value: () => kind === "shared"
    ? {block: "auto", overCommit: false}
    : {block: block.value, overCommit: over.control.checked}};
}

function liveBody({host, block, overCommit}) {
  const copy = block === "auto" ? "auto" : block === "yes";
  return overCommit ? {host: null, block_migration: copy, disk_over_commit: true}
    : {host, block_migration: copy};
}

export async function openLiveMigrate(server) {
  let handle = null;
  let disks = null;
  const list = await askFirst(server, () => targets(server, "live", () => disks.sync()));
  if (!list) {
    return;
  }
  disks = diskOptions(list, () => handle?.update());
  const wish = () => ({host: list.value(), ...disks.value()});
  handle = openDialog({
    title: `Live Migrate ${server.name}`, wide: true, label: "Live Migrate Instance",
    content: [list.head, h("p", {class: "hint"}, "It keeps running while it moves; there is no "
      + "downtime but the switch at the end, which is measured."), list.node, disks.node],
    commands: () => commands.liveMigrate(server, wish()),
    act: async () => {
      await sendMove(server, () => action(server.id, {"os-migrateLive": liveBody(wish())},
        wish().overCommit ? "2.24" : null));
      notice(`${server.name}: its live migration was accepted.`);
    },
  });
  disks.sync();
}

export async function openColdMigrate(server) {
  let handle = null;
  const list = await askFirst(server, () => targets(server, "cold", () => handle?.update()));
  if (!list) {
    return;
  }
  handle = openDialog({
    title: `Migrate ${server.name}`, wide: true, label: "Migrate Instance",
    content: [list.head, h("p", {class: "hint"}, server.status === "ACTIVE"
      ? "It is switched off for the move, and started again on the other host. Then it waits for "
        + "you to confirm or to revert."
      : "Its disks are moved. Then it waits for you to confirm or to revert."), list.node],
    commands: () => commands.coldMigrate(server, {host: list.value()}),
    act: async () => {
      const host = list.value();
      await sendMove(server, () => action(server.id, {migrate: host ? {host} : null}));
      notice(`${server.name}: its migration was accepted.`);
    },
  });
}
