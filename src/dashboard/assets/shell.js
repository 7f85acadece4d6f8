// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// The frame around the pages: masthead, ways to the pages, and from an address to its page.
import {logOut, onApi} from "./api.js";
import {closeDialogs, notice} from "./dialog.js";
import {h, show} from "./dom.js";
import {fleet} from "./fleet.js";
import {closeMenu} from "./menu.js";

const THEMES = ["auto", "light", "dark"];

function theme() {
  const stored = localStorage.getItem("drover-theme");
  return THEMES.includes(stored) ? stored : "auto";
}

export function applyTheme() {
  document.documentElement.dataset.theme = theme();
}

function themeButton() {
  const button = h("button", {class: "plain masthead-button", type: "button", onclick: () => {
    localStorage.setItem("drover-theme", THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
    applyTheme();
    button.textContent = `Theme: ${theme()}`;
  }}, `Theme: ${theme()}`);
  return button;
}

// What is no such text is the name of nothing.
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// pages: [{path, title, group, open(root, id) -> close(), isAdmin}], path "instances" for
// #/instances and #/instances/ID; parent: whose link is the current one.
export function startShell(root, pages, onLogOut) {
  const mine = pages.filter((page) => !page.isAdmin || fleet.isAdmin);
  const lost = h("div", {class: "alert warn banner", role: "alert", hidden: true},
    h("strong", {}, "No connection to droverd. "), "What is shown is as it was; nothing that runs "
    + "is harmed. This page connects again by itself.");
  const content = h("main", {id: "content", tabindex: -1});
  const links = mine.filter((page) => page.group).map((page) =>
    [page, h("a", {href: `#/${page.path}`}, page.title)]);
  const groups = [...new Set(links.map(([page]) => page.group))];
  let close = () => {};

  function navigate() {
    const [, name, id] = location.hash.split("/");
    const page = mine.find((one) => one.path === name && Boolean(one.hasId) === Boolean(id))
      ?? mine[0];
    close();
    links.forEach(([one, link]) => {
      if (one.path === (page.parent ?? page.path)) {
        link.setAttribute("aria-current", "page");
      } else {
        link.removeAttribute("aria-current");
      }
    });
    document.title = `${page.title} · drover`;
    show(content);
    close = page.open(content, id && decode(id)) ?? (() => {});
  }

  function leavePage() {
    closeMenu();
    closeDialogs();
  }

  // What was open is about the page that was left.
  function onHash() {
    leavePage();
    navigate();
    content.focus({preventScroll: true});
  }

  onApi("lost", () => {
    lost.hidden = false;
  });
  onApi("back", () => {
    lost.hidden = true;
  });
  show(root,
    h("a", {class: "skip", href: "#content", onclick: (event) => {
      event.preventDefault();
      content.focus();
    }}, "Skip to the content"),
    h("header", {class: "masthead"},
      h("a", {class: "brand", href: "#/overview"}, h("span", {class: "logo", "aria-hidden": "true"},
        "⇄"), " drover"),
      h("span", {class: "who"},
        `${fleet.session.user_name} · ${fleet.session.project_name ?? "–"}`),
      themeButton(),
      h("button", {class: "plain masthead-button", type: "button", onclick: async () => {
        try {
          await logOut();
          onLogOut();
        } catch (error) {
          notice(`You are still logged in. ${error.message}`, "bad");
        }
      }}, "Log out")),
    h("div", {class: "frame"},
      h("nav", {"aria-label": "Pages"}, groups.map((group) => h("section", {},
        h("h2", {}, group), h("ul", {}, links.filter(([page]) => page.group === group)
          .map(([, link]) => h("li", {}, link)))))),
      h("div", {class: "page"}, lost, content)));
  window.addEventListener("hashchange", onHash);
  navigate();
  return () => {
    close();
    leavePage();
    window.removeEventListener("hashchange", onHash);
  };
}
