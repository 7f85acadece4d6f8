// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// Dialogs, with the command that does the same at their end; and short notices.
import {h, newId, show} from "./dom.js";

function copyButton(text) {
  return h("button", {class: "plain small", type: "button", "aria-label": `Copy: ${text}`,
    onclick: async ({currentTarget}) => {
      await navigator.clipboard?.writeText(text);
      currentTarget.textContent = "Copied";
    }}, "Copy");
}

export function commandBox(commands) {
  return h("section", {class: "commands", "aria-label": "The same by command line"},
    h("h3", {}, "The same by command line"),
    commands.filter((command) => command).map((command) => h("div", {class: "command"},
      h("code", {}, command), copyButton(command))));
}

// act: async; the dialog closes when it succeeds, and tells why not when it throws. content may
// be a node. commands: a function, asked anew whenever update() of the handle is called.
export function openDialog({title, content, label, tone, act, commands, wide}) {
  const id = newId();
  const problem = h("div", {class: "alert bad", role: "alert", hidden: true});
  const box = h("div", {});
  const submit = act && h("button", {class: `primary ${tone ?? ""}`, type: "submit"}, label);
  const cancel = h("button", {class: "plain", type: "button", onclick: () => dialog.close()},
    act ? "Cancel" : "Close");
  const form = h("form", {method: "dialog", onsubmit: run},
    h("header", {}, h("h2", {id}, title)),
    h("div", {class: "dialog-body"}, content, problem, box),
    h("footer", {}, submit, cancel));
  const dialog = h("dialog", {"aria-labelledby": id, class: wide ? "wide" : null,
    onclose: () => dialog.remove()}, form);

  function update() {
    show(box, commands ? commandBox(commands()) : null);
  }

  async function run(event) {
    event.preventDefault();
    if (submit.disabled) {
      return;
    }
    submit.disabled = true;
    problem.hidden = true;
    try {
      await act();
      dialog.close();
    } catch (error) {
      show(problem, h("strong", {}, "It was refused. "), error.message);
      problem.hidden = false;
      problem.scrollIntoView({block: "nearest"});
    } finally {
      submit.disabled = false;
    }
  }

  update();
  document.body.append(dialog);
  dialog.showModal();
  return {dialog, update, submit};
}

let notices = null;

// What was done, or could not be: read out, and gone after a while unless it is bad.
export function notice(text, tone = "good") {
  if (!notices) {
    notices = h("div", {class: "notices", role: "status", "aria-live": "polite"});
    document.body.append(notices);
  }
  const node = h("div", {class: `alert ${tone}`}, h("span", {}, text),
    h("button", {class: "plain small", type: "button", "aria-label": "Dismiss",
      onclick: () => node.remove()}, "✕"));
  notices.append(node);
  if (tone !== "bad") {
    setTimeout(() => node.remove(), 8000);
  }
}
