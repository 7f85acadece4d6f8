// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// Another flavor for an instance: each with what it would change, or with the reason why not.
import {action, get} from "./api.js";
import * as commands from "./commands.js";
import {askFirst, notice, openDialog} from "./dialog.js";
import {h, newId} from "./dom.js";
import {badge, mib} from "./format.js";
import {sendMove} from "./outcome.js";

// As the Compute API refuses it.
function whyNot(flavor, now) {
  if (flavor.name === now.original_name) {
    return "it is the one that it has";
  }
  return flavor.disk < now.disk
    ? `its disk is smaller (${flavor.disk} of ${now.disk} GiB): a disk is never cut` : null;
}

function change(before, after, text) {
  return before === after ? text(after)
    : [`${text(before)} → `, h("strong", {}, text(after))];
}

function row(group, flavor, now, onchange) {
  const id = newId();
  const about = newId();
  const reason = whyNot(flavor, now);
  return h("li", {class: reason ? "target refused" : "target"},
    h("input", {type: "radio", name: group, value: flavor.id, id, disabled: reason !== null,
      "aria-describedby": about, onchange: () => onchange(flavor)}),
    h("label", {for: id}, flavor.name, " ", reason && badge("not possible", "bad")),
    h("div", {id: about, class: "target-why"}, reason ?? [
      change(now.vcpus, flavor.vcpus, (n) => `${n} vCPU`), ", ", change(now.ram, flavor.ram, mib),
      " of memory, ", change(now.disk, flavor.disk, (n) => `${n} GiB of disk`)]));
}

export async function openResize(asked) {
  const answers = await askFirst(asked, () => Promise.all([
    get(`/compute/v2.1/servers/${asked.id}`), get("/compute/v2.1/flavors/detail")]));
  if (!answers) {
    return;
  }
  const [{server}, {flavors}] = answers;
  const group = newId();
  let chosen = null;
  let handle = null;
  flavors.sort((a, b) => a.vcpus - b.vcpus || a.ram - b.ram || a.disk - b.disk);
  const list = h("ul", {class: "targets"}, flavors.map((flavor) => row(group, flavor,
    server.flavor, (one) => {
      chosen = one;
      handle.submit.disabled = false;
      handle.update();
    })));
  handle = openDialog({title: `Resize ${server.name}`, wide: true, label: "Resize",
    content: [h("p", {class: "hint"}, (server.status === "ACTIVE" ? "It is switched off, moved to "
      + "another host with its new size, and started there. " : "It is moved to another host with "
      + "its new size. ") + "Then it waits for you to confirm or to revert."),
    h("fieldset", {}, h("legend", {}, `Flavor, now ${server.flavor.original_name}`), list)],
    commands: () => chosen ? commands.resize(server, chosen) : [],
    act: async () => {
      await sendMove(asked, () => action(server.id, {resize: {flavorRef: chosen.id}}));
      notice(`${server.name}: its resize was accepted.`);
    }});
  handle.submit.disabled = true;
}
