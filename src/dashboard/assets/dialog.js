// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// Dialogs, with the command that does the same at their end; and short notices.
import {h, newId, show} from "./dom.js";

// The clipboard is a browser's to give, and not to a page that came without encryption.
function copyButton(text) {
  return h("button", {class: "plain small", type: "button", "aria-label": `Copy: ${text}`,
    onclick: async ({currentTarget: button}) => {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(button.previousSibling);
        button.textContent = "Selected";
      }
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
      show(problem, error.status !== 0 && h("strong", {}, "It was refused. "), error.message);
      problem.hidden = false;
      problem.scrollIntoView({block: "nearest"});
      if (!dialog.isConnected && error.status !== 401) {
        notice(`${title}: ${error.message}`, "bad"); // nobody waited for it
      }
    } finally {
      submit.disabled = false;
    }
  }

  update();
  document.body.append(dialog);
  dialog.showModal();
  return {dialog, update, submit};
}

// When the page under them is left.
export function closeDialogs() {
  document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
}

const asked = new Set();

// What a dialog has to know before it opens. Of two clicks one is heard, and nothing opens over
// another page or dialog than it was asked for: null then, and when it could not be read.
export async function askFirst(server, read) {
  if (asked.has(server.id)) {
    return null;
  }
  const page = location.hash;
  asked.add(server.id);
  document.body.classList.add("asks");
  try {
    const value = await read();
    return location.hash === page && !document.querySelector("dialog[open]") ? value : null;
  } catch (error) {
    if (error.status !== 401) {
      notice(`${server.name}: ${error.message}`, "bad");
    }
    return null;
  } finally {
    asked.delete(server.id);
    document.body.classList.toggle("asks", asked.size > 0);
  }
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
