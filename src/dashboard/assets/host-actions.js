// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// What can be done with a host, each with the command that does the same.
import {patch, post, put} from "./api.js";
import * as commands from "./commands.js";
import {notice, openDialog} from "./dialog.js";
import {checkbox, field, h, show} from "./dom.js";
import {badge, bytes} from "./format.js";

function setService(host, change) {
  return put(`/compute/v2.1/os-services/${host.id}`, change);
}

function reasonField(update) {
  const control = h("input", {type: "text", maxlength: 255, oninput: update});
  return {control, node: field("Reason", control, "For whoever looks at the host later.")};
}

export function disable(host) {
  let handle = null;
  const reason = reasonField(() => handle.update());
  const why = () => reason.control.value.trim();
  handle = openDialog({
    title: `Disable ${host.name}`, label: "Disable",
    content: [h("p", {}, "No instance is placed here any more. Those that are here stay and run."),
      reason.node],
    commands: () => commands.disable(host.name, why()),
    act: async () => {
      await setService(host, {status: "disabled", ...(why() ? {disabled_reason: why()} : {})});
      notice(`${host.name} is disabled.`);
    },
  });
}

function ask(host, {title, text, label, tone, command, act, done}) {
  openDialog({title: `${title} ${host.name}`, label, tone, content: h("p", {}, text),
    commands: () => command, act: async () => {
      await act();
      notice(`${host.name}: ${done}`);
    }});
}

export function enable(host) {
  ask(host, {title: "Enable", label: "Enable", text: "Instances may be placed here again.",
    command: commands.enable(host.name), done: "it is enabled.",
    act: () => setService(host, {status: "enabled"})});
}

export function forceDown(host) {
  ask(host, {title: "Declare dead:", label: "It is dead", tone: "danger",
    text: "You say that this host is off, or can reach no disk and no network: its instances may "
      + "then be made anew elsewhere. If it still runs, an instance may run twice and ruin its "
      + "disks.",
    command: commands.forceDown(host.name, true), done: "it counts as dead.",
    act: () => setService(host, {forced_down: true})});
}

export function unforceDown(host) {
  ask(host, {title: "Take back:", label: "It may be used", text: "The host is looked at again, and "
    + "counts as up when it answers.", command: commands.forceDown(host.name, false),
  done: "it is looked at again.", act: () => setService(host, {forced_down: false})});
}

function planTable(plan) {
  return h("div", {class: "plan"}, h("table", {"aria-label": "Plan"},
    h("thead", {}, h("tr", {}, ["Instance", "How", "Where", "Size"].map((name) =>
      h("th", {scope: "col"}, name)))),
    h("tbody", {}, plan.steps.map((step) => h("tr", {}, h("td", {}, step.instance_name),
      h("td", {}, step.dest_host ? step.move
        : step.waits ? badge("waits", "busy") : badge("stays", "bad")),
      h("td", {}, step.dest_host, " ", step.reason, " ", h("span", {class: "fix"},
        step.fix ?? "")),
      h("td", {}, bytes(step.size_bytes)))))));
}

async function plannedMove(host, kind, {title, intro, label, command, parts}) {
  let handle = null;
  const cold = checkbox("Cold where live is impossible", "What cannot be moved live is switched "
    + "off for its move.", () => {
    handle.update();
    foretell();
  });
  const parallel = h("input", {type: "number", min: 1, max: 1000, oninput: () => handle.update()});
  const reason = reasonField(() => handle.update());
  const plan = h("div", {}, h("p", {class: "loading", role: "status"}, "Planning…"));
  const path = `/drover/v1/hosts/${encodeURIComponent(host.name)}/${kind}`;
  let asked = 0;
  // The answer to what was asked last counts.
  async function foretell() {
    asked += 1;
    const mine = asked;
    const told = await post(path,
      {[kind]: {dry_run: true, cold_fallback: cold.control.checked}}).then(({plan: found}) => [
      h("p", {}, h("strong", {}, `${found.moves} would move, ${found.stay} would stay`
        + `${found.wait > 0 ? `, ${found.wait} would wait` : ""}.`)),
      found.steps.length > 0 && planTable(found)],
    (error) => h("div", {class: "alert warn"}, error.message));
    if (mine === asked) {
      show(plan, told);
    }
  }
  const wish = () => ({parallel: Number(parallel.value) || null, coldFallback: cold.control.checked,
    reason: reason.control.value.trim() || null});
  const body = () => {
    const {parallel: n, coldFallback, reason: why} = wish();
    return {[kind]: {cold_fallback: coldFallback, ...(n ? {parallel: n} : {}),
      ...(why ? {reason: why} : {})}};
  };
  handle = openDialog({title: `${title} ${host.name}`, wide: true, label,
    content: [h("p", {}, intro), plan, parts && [field("Moves at once", parallel,
      "As many as the hosts take when it is empty."), cold.node, reason.node]],
    commands: () => command(wish()),
    act: async () => {
      await post(path, body());
      notice(`${host.name}: the ${kind} has begun.`);
    }});
  await foretell();
}

export function drain(host) {
  return plannedMove(host, "drain", {title: "Drain", label: "Drain", parts: true,
    intro: "The host is disabled, and its instances are moved away: running ones live, stopped "
      + "ones cold.", command: (wish) => commands.drain(host.name, wish)});
}

export function restore(host) {
  return plannedMove(host, "restore", {title: "Restore", label: "Restore", parts: false,
    intro: "The host is enabled, and gets back what drains have taken from it.",
    command: () => commands.restore(host.name)});
}

const VERBS = {run: "resume", pause: "pause", cancel: "cancel"};

export function drainWanted(host, wanted) {
  ask(host, {title: `${VERBS[wanted]} the drain of`, label: `${VERBS[wanted]} it`,
    text: wanted === "cancel"
      ? "What was moved stays where it is; what is under way comes to its end."
      : wanted === "pause" ? "No further move begins; those under way come to their end."
        : "It goes on where it stood.", command: commands.drainWanted(host.name, VERBS[wanted]),
    done: "asked for.",
    act: () => patch(`/drover/v1/hosts/${encodeURIComponent(host.name)}/drain`,
      {drain: {wanted}})});
}

export function hostItems(host) {
  const items = host.status === "enabled"
    ? [{label: "Disable", run: () => disable(host)}] : [{label: "Enable", run: () => enable(host)}];
  if (host.state === "up") {
    items.push(null, {label: "Drain", run: () => drain(host)},
      {label: "Restore", run: () => restore(host)});
  }
  if (host.state !== "up") {
    items.push(null, {label: "Evacuate", run: () => {
      location.hash = `#/evacuate/${encodeURIComponent(host.name)}`;
    }});
  }
  items.push(null, host.forced_down
    ? {label: "Take back that it is dead", run: () => unforceDown(host)}
    : {label: "Declare dead", tone: "danger", run: () => forceDown(host)});
  return items;
}
