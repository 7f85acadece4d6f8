// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// A menu under its button: arrows, Home, End, Escape, and a click elsewhere, as people expect.
import {h} from "./dom.js";

let current = null;

export function closeMenu(isBack = false) {
  const open = current;
  current = null;
  if (open) {
    open.menu.remove();
    open.button.setAttribute("aria-expanded", "false");
    if (isBack) {
      open.button.focus();
    }
  }
}

document.addEventListener("pointerdown", (event) => {
  if (current && !current.menu.contains(event.target) && !current.button.contains(event.target)) {
    closeMenu();
  }
});
document.addEventListener("scroll", ({target}) => target !== current?.menu && closeMenu(), true);

function onKey(event) {
  const items = [...current.menu.querySelectorAll("[role=menuitem]")];
  const at = items.indexOf(document.activeElement);
  const steps = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1};
  if (event.key === "Escape" || event.key === "Tab") {
    event.preventDefault();
    closeMenu(true);
  } else if (event.key in steps) {
    event.preventDefault();
    items[(steps[event.key] + items.length) % items.length].focus();
  }
}

function place(menu, button) {
  const at = button.getBoundingClientRect();
  const size = menu.getBoundingClientRect();
  const below = at.bottom + 4 + size.height <= window.innerHeight;
  menu.style.setProperty("top",
    `${Math.max(below ? at.bottom + 4 : at.top - size.height - 4, 4)}px`);
  menu.style.setProperty("left", `${Math.max(at.right - size.width, 4)}px`);
}

function open(button, makeItems) {
  closeMenu();
  const menu = h("div", {class: "menu", role: "menu", onkeydown: onKey},
    makeItems().map((item) => item === null ? h("hr", {}) : h("button", {type: "button",
      role: "menuitem", tabindex: -1, class: item.tone ?? null, onclick: () => {
        closeMenu(true);
        item.run();
      }}, item.label)));
  document.body.append(menu);
  button.setAttribute("aria-expanded", "true");
  current = {menu, button};
  place(menu, button);
  menu.querySelector("[role=menuitem]")?.focus();
}

// makeItems: [{label, run, tone}], null is a line between two.
export function menuButton(label, name, makeItems) {
  return h("button", {class: "plain", type: "button", "aria-haspopup": "menu",
    "aria-expanded": "false", "aria-label": name, onclick: ({currentTarget}) =>
      (current?.button === currentTarget ? closeMenu(true) : open(currentTarget, makeItems))},
  h("span", {class: "menu-label"}, label), h("span", {"aria-hidden": "true"}, " ▾"));
}
