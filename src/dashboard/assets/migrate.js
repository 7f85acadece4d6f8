// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// The dialogs that move an instance. Their list of hosts is the scheduler's own explanation: each
// host with pass, or with the reason why not.
import {action, get} from "./api.js";
import * as commands from "./commands.js";
import {notice, openDialog} from "./dialog.js";
import {checkbox, field, h, newId, options, show} from "./dom.js";
import {fleet} from "./fleet.js";
import {badge} from "./format.js";
import {sendMove} from "./outcome.js";

const SHOWN_MAX = 200;

function whyNot(host) {
  return host.checks.filter((check) => check.result === "fail").map((check) =>
    h("li", {}, h("strong", {}, check.check), `: needs ${check.needed}, has ${check.have}. `,
      check.fix && h("span", {class: "fix"}, check.fix)));
}

function warnings(host) {
  return host.checks.filter((check) => check.result === "warn").map((check) =>
    h("li", {}, h("strong", {}, check.check), `: ${check.have}. ${check.fix ?? ""}`));
}

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
    notes.length > 0 && h("ul", {}, notes), false, onchange);
}

// The list of targets: what is chosen is in value().
function targetList(explanation, onchange) {
  const group = newId();
  const filter = h("input", {type: "search", placeholder: "Find a host",
    "aria-label": "Find a host", oninput: () => draw()});
  const list = h("ul", {class: "targets"});
  let chosen = "";
  function onPick(event) {
    chosen = event.target.value;
    onchange();
  }
  function draw() {
    const text = filter.value.toLowerCase();
    const found = explanation.hosts.filter((host) => host.name.toLowerCase().includes(text));
    show(list, choice(group, "", h("strong", {}, "Automatically schedule"),
      explanation.chosen ? [`Now that would be `, h("strong", {}, explanation.chosen), "."]
        : (explanation.reason ?? "No host fits."), false, onPick),
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
    toAutomatic: () => {
      chosen = "";
      draw();
    },
  };
}

async function explain(server, move) {
  return (await get(`/drover/v1/instances/${server.id}/explanation?move=${move}`)).explanation;
}

function head(server, explanation) {
  const {needs} = explanation;
  return [
    h("p", {}, "It runs on ", h("strong", {}, explanation.source_host ?? "no host"), " and needs ",
      `${needs.vcpus} vCPU, ${needs.ram_mib} MiB of memory, ${needs.disk_gib} GiB of disk.`),
    explanation.refused && h("div", {class: "alert warn"}, explanation.refused),
  ];
}

// Hosts are an administrator's to see and to name; a project's manager lets the scheduler choose.
async function targets(server, move, onchange) {
  if (!fleet.isAdmin) {
    return {node: h("p", {}, "The scheduler chooses the host."), value: () => null,
      toAutomatic: () => {}, head: null};
  }
  const explanation = await explain(server, move);
  return {...targetList(explanation, onchange), head: head(server, explanation)};
}

export async function openLiveMigrate(server) {
  let handle = null;
  const update = () => handle?.update();
  const block = h("select", {onchange: sync}, options([
    ["auto", "Automatic: both hosts are asked whether they share the disks"],
    ["yes", "Block migration: copy the disks over the network"],
    ["no", "Shared storage: copy no disks"]], "auto"));
  const over = checkbox("Disk Over Commit", "Places more on the destination's disk than it has: "
    + "more instances fit, at the cost of speed, and of room when they fill their disks. The "
    + "scheduler then chooses the host.", sync);
  let list = null;
  try {
    list = await targets(server, "live", update);
  } catch (error) {
    notice(`${server.name}: ${error.message}`, "bad");
    return;
  }
  function sync() {
    const isAuto = block.value === "auto";
    over.control.disabled = isAuto;
    over.control.checked &&= !isAuto;
    if (over.control.checked) {
      list.toAutomatic();
    }
    update();
  }
  const wish = () => ({host: list.value(), block: block.value, overCommit: over.control.checked});
  handle = openDialog({
    title: `Live Migrate ${server.name}`, wide: true, label: "Live Migrate Instance",
    content: [list.head, h("p", {class: "hint"}, "It keeps running while it moves; there is no "
      + "downtime but the switch at the end, which is measured."), list.node,
    field("Disks", block), over.node],
    commands: () => commands.liveMigrate(server, wish()),
    act: async () => {
      const {host, block: copy, overCommit} = wish();
      await sendMove(server, () => (overCommit
        ? action(server.id, {"os-migrateLive": {host: null, block_migration: copy === "yes",
          disk_over_commit: true}}, "2.24")
        : action(server.id, {"os-migrateLive": {host, block_migration: copy === "auto" ? "auto"
          : copy === "yes"}})));
      notice(`${server.name}: its live migration was accepted.`);
    },
  });
  sync();
}

export async function openColdMigrate(server) {
  let handle = null;
  let list = null;
  try {
    list = await targets(server, "cold", () => handle?.update());
  } catch (error) {
    notice(`${server.name}: ${error.message}`, "bad");
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
