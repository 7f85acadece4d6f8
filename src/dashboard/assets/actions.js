// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// What an instance can do now, as items of its menu. Each asks first, and says which command does
// the same.
import {action, remove} from "./api.js";
import * as commands from "./commands.js";
import {notice, openDialog} from "./dialog.js";
import {openAttach} from "./disks.js";
import {h} from "./dom.js";
import {fleet} from "./fleet.js";
import {openColdMigrate, openLiveMigrate} from "./migrate.js";
import {openResize} from "./resize.js";

function ask(server, {title, text, label, tone, send, done, command}) {
  openDialog({
    title: `${title} ${server.name}`,
    content: h("p", {}, text),
    label, tone,
    commands: () => command(server),
    act: async () => {
      await send();
      notice(`${server.name}: ${done}`);
    },
  });
}

function plain(title, text, body, done, command, tone) {
  return (server) => ask(server, {title, text, tone, done, command, label: title,
    send: () => action(server.id, body)});
}

const ACTIONS = {
  start: {label: "Start", run: plain("Start", "The instance is switched on, on its host.",
    {"os-start": null}, "it starts.", commands.simple.start)},
  stop: {label: "Stop", run: plain("Stop", "The guest is asked to power off, and is switched off "
    + "when it does not.", {"os-stop": null}, "it stops.", commands.simple.stop)},
  pause: {label: "Pause", run: plain("Pause", "The guest stands still and keeps its memory.",
    {pause: null}, "it is paused.", commands.simple.pause)},
  unpause: {label: "Unpause", run: plain("Unpause", "The guest goes on where it stood.",
    {unpause: null}, "it goes on.", commands.simple.unpause)},
  reboot: {label: "Soft reboot", run: plain("Reboot", "The guest is asked to reboot.",
    {reboot: {type: "SOFT"}}, "it reboots.", commands.simple.reboot)},
  rebootHard: {label: "Hard reboot", run: plain("Hard reboot", "The guest is switched off and on, "
    + "as by its plug: what it has not written is lost.", {reboot: {type: "HARD"}},
  "it is switched off and on.", commands.simple.rebootHard, "danger")},
  lock: {label: "Lock", run: plain("Lock", "Nobody but an administrator can act on it until it is "
    + "unlocked.", {lock: null}, "it is locked.", commands.simple.lock)},
  unlock: {label: "Unlock", run: plain("Unlock", "Its owner can act on it again.",
    {unlock: null}, "it is unlocked.", commands.simple.unlock)},
  confirm: {label: "Confirm move", run: plain("Confirm", "It stays where it is now; what is left "
    + "of it on the host it came from is removed. There is no way back then.",
      {confirmResize: null},
  "its move is being confirmed.", commands.simple.confirm)},
  revert: {label: "Revert move", run: plain("Revert", "It goes back to the host it came from, as "
    + "it was there. What it has written since is lost.", {revertResize: null}, "it goes back.",
  commands.simple.revert, "danger")},
  activate: {label: "Set to ACTIVE", run: plain("Set to ACTIVE", "You have seen to its fault, and "
    + "the guest is well. Its host is asked what it is, and that is shown then.",
  {"os-resetState": {state: "active"}}, "it is set to ACTIVE, and its host is asked what it is.",
  commands.simple.activate)},
  resize: {label: "Resize", run: openResize},
  attach: {label: "Attach volume", run: openAttach},
  evacuate: {label: "Evacuate", run: (server) => {
    location.hash = `#/evacuate/${encodeURIComponent(server.host)}`;
  }},
  live: {label: "Live Migrate Instance", run: openLiveMigrate},
  cold: {label: "Migrate Instance", run: openColdMigrate},
  remove: {label: "Delete", tone: "danger", run: (server) => ask(server, {title: "Delete",
    text: "The instance and its disks are gone for ever.", label: "Delete", tone: "danger",
    done: "it is deleted.", command: commands.simple.remove,
    send: () => remove(`/compute/v2.1/servers/${server.id}`)})},
};

const BY_STATUS = {
  ACTIVE: ["live", "cold", "resize", null, "pause", "stop", "reboot", "rebootHard", null, "attach"],
  PAUSED: ["live", null, "unpause", "rebootHard", null, "attach"],
  SHUTOFF: ["cold", "resize", null, "start", "rebootHard", null, "attach"],
  VERIFY_RESIZE: ["confirm", "revert"],
  ERROR: ["activate", null, "stop", "rebootHard"],
};
const OF_MANAGERS = new Set(["live", "cold"]);
const OF_ADMINS = new Set(["activate", "evacuate"]);

// What is under way shuts everything out, but a guest that does not listen to a soft reboot.
function byState(server) {
  if (server.task) {
    return server.task === "rebooting" ? ["rebootHard"] : [];
  }
  const names = BY_STATUS[server.status] ?? [];
  const host = fleet.hosts.get(server.host);
  return host && host.state !== "up" ? ["evacuate", null, ...names] : names;
}

// The names of what can be asked for now; null is a line between two.
export function namesOf(server) {
  const isMover = fleet.isAdmin || fleet.session.roles.includes("manager");
  const able = byState(server).filter((name) => (isMover || !OF_MANAGERS.has(name))
    && (fleet.isAdmin || !OF_ADMINS.has(name)));
  able.push(null, server.locked ? "unlock" : "lock", null, "remove");
  return able.filter((name, i) => name !== null || (i > 0 && able[i - 1] !== null));
}

export function itemsOf(server) {
  return namesOf(server).map((name) => name === null ? null : {label: ACTIONS[name].label,
    tone: ACTIONS[name].tone, run: () => ACTIONS[name].run(server)});
}

export function buttonOf(server, name, tone) {
  return h("button", {class: tone ?? "plain", type: "button",
    onclick: () => ACTIONS[name].run(server)}, ACTIONS[name].label);
}
