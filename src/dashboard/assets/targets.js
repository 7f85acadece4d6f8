// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// Where an instance may go: the scheduler's own explanation, each host with pass or with the reason
// why not, and what it would have given away after the move.
import {get} from "./api.js";
import {h, newId, show} from "./dom.js";
import {badge, mib} from "./format.js";

const SHOWN_MAX = 200;

export async function explain(server, move) {
  return (await get(`/drover/v1/instances/${server.id}/explanation?move=${move}`)).explanation;
}

function whyNot(host) {
  return host.checks.filter((check) => check.result === "fail").map((check) =>
    h("li", {}, h("strong", {}, check.check), `: needs ${check.needed}, has ${check.have}. `,
      check.fix && h("span", {class: "fix"}, check.fix)));
}

function warnings(host) {
  return host.checks.filter((check) => check.result === "warn").map((check) =>
    h("li", {}, h("strong", {}, check.check), `: ${check.have}. ${check.fix ?? ""}`));
}

// ---- what a host would have given away ----

// A bar in two colours: what is given, and what comes to it.
function barAfter(before, after, total) {
  const part = (from, to, kind) => {
    const node = h("div", {class: `bar-fill ${kind}`});
    node.style.setProperty("width", `${(Math.max(Math.min(to / total, 1) - from / total, 0)
      * 100).toFixed(1)}%`);
    return node;
  };
  return h("div", {class: "bar after", "aria-hidden": "true"}, part(0, before, "low"),
    part(Math.min(before, total), after, after > total ? "high" : "next"));
}

function ratio(some, all) {
  return `${(some / all).toFixed(2)}:1`;
}

function share(name, {before, after, total}, text) {
  return h("div", {class: "predicted"}, h("span", {}, `${name} ${ratio(before, total)} → `,
    h("strong", {}, ratio(after, total))), barAfter(before, after, total),
  h("span", {}, `${text(after)} of ${text(total)}${after > total ? ", over-committed" : ""}`));
}

// Processors and memory given, before and after; null: it is not known. All processors of a host
// may be for pinned servers, and then there are none to be given.
function predicted(given) {
  return given && [given.vcpus && share("Processors", given.vcpus, String),
    share("Memory", given.ram_mib, mib)];
}

// ---- the list ----

function choice(group, value, label, rest, isDisabled, onchange) {
  const id = newId();
  const about = newId();
  return h("li", {class: isDisabled ? "target refused" : "target"},
    h("input", {type: "radio", name: group, value, id, disabled: isDisabled,
      checked: value === "", "aria-describedby": about, onchange}),
    h("label", {for: id}, label), h("div", {id: about, class: "target-why"}, rest));
}

function hostChoice(group, host, onchange) {
  if (!host.fits) {
    return choice(group, host.name, [host.name, " ", badge("does not fit", "bad")],
      h("ul", {}, whyNot(host)), true, onchange);
  }
  const notes = warnings(host);
  return choice(group, host.name,
    [host.name, " ", badge(`passes, rank ${host.rank}`, "good")],
    [predicted(host.given), notes.length > 0 && h("ul", {}, notes)], false, onchange);
}

function automatic(explanation) {
  return explanation.chosen
    ? ["Now that would be ", h("strong", {}, explanation.chosen), "."]
    : (explanation.reason ?? "No host fits.");
}

// value() is the name that was chosen, or null for the scheduler's choice.
export function targetList(explanation, onchange, first) {
  const group = newId();
  const filter = h("input", {type: "search", placeholder: "Find a host",
    "aria-label": "Find a host", oninput: () => draw()});
  const list = h("ul", {class: "targets"});
  const fitting = explanation.hosts.filter((host) => host.fits).map((host) => host.name);
  let chosen = fitting.includes(first) ? first : "";
  function onPick(event) {
    chosen = event.target.value;
    onchange();
  }
  function draw() {
    const text = filter.value.toLowerCase();
    const found = explanation.hosts.filter((host) => host.name.toLowerCase().includes(text));
    show(list, choice(group, "", h("strong", {}, "Automatically schedule"),
      automatic(explanation), false, onPick),
    found.slice(0, SHOWN_MAX).map((host) => hostChoice(group, host, onPick)),
    found.length > SHOWN_MAX && h("li", {class: "hint"},
      `${found.length - SHOWN_MAX} more: type a part of the name.`));
    const input = list.querySelector(`input[value="${CSS.escape(chosen)}"]`);
    if (input && !input.disabled) {
      input.checked = true;
    }
  }
  draw();
  return {
    node: h("fieldset", {}, h("legend", {}, `Target host: ${explanation.n_fit} of ${
      explanation.n_hosts} fit`), explanation.hosts.length > 8 && filter, list),
    value: () => chosen || null,
    // Who would have it now: those that are chosen, or could be.
    candidates: () => chosen ? [chosen] : fitting,
    toAutomatic: () => {
      chosen = "";
      draw();
    },
  };
}

export function needsOf(explanation) {
  const {needs} = explanation;
  return [
    h("p", {}, "It is on ", h("strong", {}, explanation.source_host ?? "no host"), " and needs ",
      `${needs.vcpus} vCPU, ${mib(needs.ram_mib)} of memory, ${needs.disk_gib} GiB of disk.`),
    explanation.refused && h("div", {class: "alert warn"}, explanation.refused),
  ];
}
