// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// Is a host fit for migrations? What is known of it, judged, and canaries between it and others: a
// red cell has its cause and its fix below the table.
import {get, post} from "./api.js";
import * as commands from "./commands.js";
import {notice, openDialog} from "./dialog.js";
import {h, redraw} from "./dom.js";
import {fleet} from "./fleet.js";
import {badge, duration, plural} from "./format.js";

const PEERS = 3;
const LOOK_EVERY_MS = 1500; // canaries are no events

// This host and the next ones of its cell that are up: no guest leaves the cell.
function hostsFor(name) {
  const cellOf = fleet.hosts.get(name)?.cell ?? null;
  const all = [...fleet.hosts.values()].filter((host) => host.name === name
    || (host.state === "up" && host.cell === cellOf)).map((host) => host.name).sort();
  const at = all.indexOf(name);
  return [...new Set(Array.from({length: PEERS + 1}, (_, i) => all[(at + i) % all.length]))];
}

const RESULTS = {pass: "good", warn: "warn", fail: "bad", pending: "busy", unseen: "calm",
  unsent: "warn"};

// How a second canary went, which somebody has asked for.
function wayOf({post_copy: isPostCopy, parallel_connections: n}) {
  return [isPostCopy && "post-copy", n && plural(n, "connection")].filter((one) => one).join(", ");
}

function cell(canary) {
  if (!canary || canary.result === "unknown") {
    return h("span", {class: "hint"}, "not tried");
  }
  const {result: word, extra} = canary;
  const text = word !== "pass" ? word : canary.known_by === "guest" ? "pass (guest)"
    : `pass, ${duration(canary.elapsed_ms)}`;
  return [badge(text, RESULTS[word]), extra && [" ", badge(`${wayOf(extra)}: ${extra.result}`,
    RESULTS[extra.result])]];
}

// What failed, second canaries as well, and ways that a guest has not got through since.
function notGreen(canaries) {
  return [...canaries.filter(({result: word}) => ["fail", "warn"].includes(word)),
    ...canaries.filter(({extra}) => extra?.result === "fail").map(({extra, source_host: from,
      dest_host: to}) => ({...extra, source_host: from, dest_host: `${to} (${wayOf(extra)})`}))];
}

function matrix(names, canaries) {
  const found = (from, to) => canaries.find((one) => one.source_host === from
    && one.dest_host === to);
  return h("table", {"aria-label": "Canaries"}, h("thead", {}, h("tr", {}, h("th", {scope: "col"},
    "From \\ to"), names.map((to) => h("th", {scope: "col"}, to)))),
  h("tbody", {}, names.map((from) => h("tr", {}, h("th", {scope: "row"}, from),
    names.map((to) => h("td", {}, from === to ? "–" : cell(found(from, to))))))));
}

function age(seconds) {
  return seconds < 120 ? `${seconds} s ago` : seconds < 7200 ? `${Math.round(seconds / 60)} min ago`
    : `${Math.round(seconds / 3600)} h ago`;
}

function redRow(canary) {
  return h("li", {}, badge(`${canary.source_host} → ${canary.dest_host}`,
    RESULTS[canary.result]), canary.result !== "unsent" && ` ${age(canary.age_s)}`,
  h("div", {class: "why"}, canary.reason),
  canary.cause && h("div", {}, h("strong", {}, "Cause: "), canary.cause),
  canary.fix && h("div", {class: "fix"}, canary.fix));
}

function checkRow(check) {
  return h("li", {}, badge(check.result, RESULTS[check.result]), " ", h("strong", {}, check.check),
    `: ${check.found} `, check.fix && h("div", {class: "fix"}, check.fix));
}

// unsent: of those that were asked for last here.
function result(name, names, {checks, canaries}, unsent) {
  const own = checks.filter((check) => check.host === name);
  const bad = own.filter((check) => ["fail", "warn"].includes(check.result));
  const rest = [...own.filter((check) => !bad.includes(check)),
    ...checks.filter((check) => check.host === null)];
  const red = [...notGreen(canaries),
    ...unsent.map((one) => ({...one, result: "unsent", reason: `Not sent: ${one.reason}.`}))];
  return [
    h("p", {role: "status"}, canaries.some((canary) => canary.result === "pending")
      ? "Canaries are under way…" : `${bad.length + red.length === 0 ? "Nothing is wrong"
        : `${bad.length + red.length} to look at`}.`),
    h("div", {}, bad.length > 0 && h("ul", {class: "events"}, bad.map(checkRow))),
    h("div", {class: "scroll"}, names.length > 1 && matrix(names, canaries)),
    h("div", {}, red.length > 0 && h("ul", {class: "events"}, red.map(redRow))),
    h("details", {}, h("summary", {}, `${rest.length} in order, or not to be seen from here`),
      h("ul", {class: "events"}, rest.map(checkRow)))];
}

// {node, read(), close()}; it reads when the list of hosts is there.
export function lintCard(name) {
  const body = h("div", {});
  let isOpen = true;
  let timer = null;
  let unsent = [];
  const start = h("button", {class: "plain small", type: "button", hidden: true, onclick: run},
    "Run lint");

  async function read() {
    const names = hostsFor(name);
    start.hidden = false;
    clearTimeout(timer);
    try {
      const {lint} = await get(`/drover/v1/lint?hosts=${encodeURIComponent(names.join(","))}`);
      if (isOpen) {
        redraw(body, result(name, names, lint, unsent));
        if (lint.canaries.some((canary) => canary.result === "pending")) {
          timer = setTimeout(read, LOOK_EVERY_MS);
        }
      }
    } catch (error) {
      if (isOpen) {
        redraw(body, h("p", {class: "hint"}, error.message));
      }
    }
  }

  function run() {
    const names = hostsFor(name);
    openDialog({title: `Lint ${name}`, label: "Send canaries",
      content: h("p", {}, `An empty domain of 8 MiB goes between ${names.join(", ")}, both ways, `
        + "by the same call as a guest. Nothing of it stays."),
      commands: () => commands.lint(names),
      act: async () => {
        const {lint} = await post("/drover/v1/lint", {lint: {hosts: names}});
        unsent = lint.unsent;
        if (lint.canaries > 0) {
          notice(`${name}: canaries are sent.`);
        } else {
          notice(`${name}: no canary is sent, since ${unsent.length > 0 ? unsent[0].reason
            : "no other host of its cell is up"}.`, "warn");
        }
        read();
      }});
  }
  return {node: h("section", {class: "card"}, h("div", {class: "card-head"},
    h("h2", {}, "Is it fit?"), start), body),
  read,
  close: () => {
    isOpen = false;
    clearTimeout(timer);
  }};
}
