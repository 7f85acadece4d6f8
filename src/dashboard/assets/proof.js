// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// What proves that a host is dead, what does not, and what must be done first.
import {post} from "./api.js";
import * as commands from "./commands.js";
import {notice, openDialog} from "./dialog.js";
import {h} from "./dom.js";
import {time} from "./format.js";
import {forceDown, unforceDown} from "./host-actions.js";

// As droverd asks: silent is not enough, dead is, and so is an agent that can see to it.
export function mayEvacuate(host) {
  return host.state !== "up" && (host.fenced || host.fence_agent !== null);
}

const POWER = {
  status: {title: "Ask for the power of", label: "Ask", done: "its agent was asked.",
    text: "The host's fence agent is asked whether it has power. Nothing is switched."},
  off: {title: "Switch off", label: "Switch it off", tone: "danger", done: "it has no power.",
    text: "The host's fence agent switches its power off: what still runs there ends at once. Its "
      + "instances may then be made anew elsewhere."},
  on: {title: "Switch on", label: "Switch it on", done: "it is switched on.",
    text: "The host's fence agent switches its power on. What it still has of instances that were "
      + "made anew elsewhere is removed when it answers."},
};

export function askPower(host, verb, onDone) {
  const {title, label, tone, done, text} = POWER[verb];
  openDialog({title: `${title} ${host.name}`, label, tone, content: h("p", {}, text),
    commands: () => commands.power(host.name, verb),
    act: async () => {
      await post(`/drover/v1/hosts/${encodeURIComponent(host.name)}/power`,
        {power: {action: verb}});
      notice(`${host.name}: ${done}`);
      onDone?.();
    }});
}

function button(label, run) {
  return h("button", {class: "plain", type: "button", onclick: run}, label);
}

// [tone, what is claimed, what is known of it]
function silence(host) {
  if (host.state === "up") {
    return ["bad", "It does not answer",
      ["It does, last at ", time(host.last_seen), ". What runs there runs: an instance that is "
        + "made anew elsewhere would run twice. Drain the host instead."]];
  }
  if (host.connected) {
    return ["warn", "It does not answer", ["It answers, although it was declared dead. Whatever "
      + "still runs there will not be made anew: drover asks it."]];
  }
  return ["good", "It does not answer", ["Last seen ", time(host.last_seen),
    host.connect_error && `. ${host.connect_error}`]];
}

function death(host) {
  if (host.fenced && host.power === "off") {
    return ["good", "It is without power",
      [`${host.fenced_by ?? host.fence_agent ?? "Its fence agent"} says so, since `,
        time(host.fenced_since), "."]];
  }
  if (host.fenced) {
    return ["good", "It is dead", [`${host.fenced_by ? `User ${host.fenced_by}` : "Somebody"} has `
      + "declared it dead, ", time(host.fenced_since), ". Whoever says so answers for it."]];
  }
  if (host.fence_agent && host.state !== "up") {
    return ["warn", "It is dead", [`Not proven yet. ${host.fence_agent} switches it off before the `
      + "first instance is made anew; nothing begins when that fails.",
    host.fence_error && h("div", {class: "why"}, host.fence_error)]];
  }
  if (host.state === "up") {
    return ["bad", "It is dead", ["Nothing says so."]];
  }
  return ["bad", "It is dead", ["Not proven. Silence is no proof: a host that is cut off may still "
    + "run its instances and write to their disks. It has no fence agent that could switch it "
    + "off."]];
}

const SIGNS = {good: ["✓", "proven"], warn: ["!", "not yet"], bad: ["✕", "not proven"]};

function claim([tone, title, text]) {
  const [sign, word] = SIGNS[tone];
  return h("li", {class: `claim ${tone}`}, h("span", {class: `badge ${tone}`},
    h("span", {"aria-hidden": "true"}, sign), word), h("div", {}, h("strong", {}, title),
    h("div", {class: "claim-text"}, text)));
}

function firstSteps(host, onDone) {
  if (host.state === "up") {
    return [h("a", {href: `#/hosts/${encodeURIComponent(host.name)}`}, "To the host, to drain it")];
  }
  return [
    host.fence_agent && !host.fenced
      && button("Switch its power off", () => askPower(host, "off", onDone)),
    host.fence_agent && button("Ask for its power", () => askPower(host, "status", onDone)),
    !host.fenced && button("Declare dead", () => forceDown(host)),
  ];
}

// The proof, and the buttons of what must be done first.
export function proof(host, onDone) {
  const steps = firstSteps(host, onDone).filter((one) => one);
  return [h("ul", {class: "claims"}, claim(silence(host)), claim(death(host))),
    !mayEvacuate(host) && h("div", {class: "alert warn"}, h("strong", {}, "First: "),
      host.state === "up" ? "the host must be off. Switch it off and wait until it counts as down, "
        + "or declare it dead when you know it better than drover does."
        : "see to it that it is without power, and then say so. Or give it a fence agent, which "
        + "drover asks itself: ", host.state !== "up" && h("code", {},
        `drover host set ${commands.quote(host.name)} --fence-agent NAME`)),
    steps.length > 0 && h("div", {class: "buttons"}, steps)];
}

// When it is mended.
export function afterwards(host, leftovers, onDone) {
  return [h("p", {}, "What it still has of instances that were made anew elsewhere is removed when "
    + "it answers again; it takes no instances before that."),
  leftovers.length > 0 && h("ul", {class: "events"}, leftovers.map((one) => h("li", {},
    h("code", {}, one.name), ` (${one.kind}): ${one.why}. `, h("span", {class: "hint"},
      one.removable_when)))),
  h("div", {class: "buttons"}, host.fence_agent && host.state !== "up"
    && button("Switch its power on", () => askPower(host, "on", onDone)),
  host.forced_down && button("Take back that it is dead", () => unforceDown(host)))];
}
