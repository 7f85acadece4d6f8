// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// Elements. Text becomes text and never HTML, so nothing that a guest is called can be markup.

const SVG = "http://www.w3.org/2000/svg";

// What listens is kept by node, so that keep() can hand it to the element that stays.
const handlers = new WeakMap();

function listen(node, type, handler) {
  if (!handlers.has(node)) {
    handlers.set(node, {});
  }
  handlers.get(node)[type] = handler;
  node.addEventListener(type, (event) => handlers.get(node)[type](event));
}

function fill(node, properties, children) {
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) {
      continue;
    }
    if (key.startsWith("on")) {
      listen(node, key.slice(2), value);
    } else if (key === "value" || key === "checked" || key === "disabled" || key === "selected") {
      node[key] = value;
    } else {
      node.setAttribute(key, value === true ? "" : String(value));
    }
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined
    && child !== false));
  return node;
}

// h("a", {href: "#/", onclick: f, "aria-label": "x"}, "text", node, [nodes], null)
export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function svg(tag, properties, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function isKept(old, fresh) {
  if (old.nodeName !== fresh.nodeName || old.nodeType !== fresh.nodeType) {
    return false;
  }
  if (["BUTTON", "A", "INPUT", "SELECT"].includes(old.nodeName)) {
    return ["textContent", "ariaLabel", "className", "type", "value", "href"]
      .every((name) => old[name] === fresh[name]);
  }
  return true;
}

function keepAttributes(old, fresh) {
  for (const {name} of [...old.attributes]) {
    const isOpened = name === "open" && old.nodeName === "DETAILS"; // by whoever reads it
    if (!fresh.hasAttribute(name) && !isOpened) {
      old.removeAttribute(name);
    }
  }
  for (const {name, value} of fresh.attributes) {
    if (name === "style") {
      old.style.cssText = fresh.style.cssText; // as an attribute the policy would forbid it
    } else if (!["id", "for", "aria-describedby"].includes(name)
      && old.getAttribute(name) !== value) {
      old.setAttribute(name, value);
    }
  }
}

// Makes old what fresh is. What is pressed, has the focus or is scrolled stays the same element:
// a page that is drawn anew every second must not swallow a click.
export function keep(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) {
      old.data = fresh.data;
    }
    return;
  }
  if (handlers.has(fresh)) {
    Object.assign(handlers.get(old) ?? {}, handlers.get(fresh));
  }
  if (["BUTTON", "INPUT", "SELECT"].includes(old.nodeName)) {
    old.disabled = fresh.disabled;
    return;
  }
  keepAttributes(old, fresh);
  keepChildren(old, [...fresh.childNodes]);
}

function keepChildren(node, wanted) {
  const present = [...node.childNodes];
  wanted.forEach((child, i) => {
    if (i >= present.length) {
      node.append(child);
    } else if (present[i] !== child && isKept(present[i], child)
      && handlers.has(present[i]) === handlers.has(child)) {
      keep(present[i], child);
    } else if (present[i] !== child) {
      present[i].replaceWith(child);
    }
  });
  present.slice(wanted.length).forEach((child) => child.remove());
}

function flatten(children) {
  return children.flat(Infinity).filter((child) => child);
}

export function show(node, ...children) {
  node.replaceChildren(...flatten(children));
}

// The same for what is drawn again and again: children that nobody else has a hold of.
export function redraw(node, ...children) {
  keepChildren(node, flatten(children)
    .map((child) => (child instanceof Node ? child : document.createTextNode(child))));
}

let counter = 0;
export function newId() {
  counter += 1;
  return `e${counter}`;
}

// A label with its control; hint is said with it.
export function field(label, control, hint) {
  control.id ||= newId();
  const about = hint && h("p", {class: "hint", id: newId()}, hint);
  if (about) {
    control.setAttribute("aria-describedby", about.id);
  }
  return h("div", {class: "field"}, h("label", {for: control.id}, label), control, about);
}

export function checkbox(label, hint, onchange) {
  const control = h("input", {type: "checkbox", id: newId(), onchange});
  const about = hint && h("span", {class: "hint", id: newId()}, hint);
  if (about) {
    control.setAttribute("aria-describedby", about.id);
  }
  return {control, node: h("div", {class: "check"}, control,
    h("label", {for: control.id}, label), about)};
}

export function options(pairs, chosen) {
  return pairs.map(([value, text]) => h("option", {value, selected: value === chosen}, text));
}

// A bar for a share; its width is set by script, as the policy allows no style attributes. Some
// things are given more than once as a rule: full is nothing to worry about then.
export function bar(used, total, label, isElastic = false) {
  const share = total > 0 ? Math.min(used / total, 1) : 0;
  const level = isElastic ? (used > total ? "middle" : "low")
    : share > 0.9 ? "high" : share > 0.7 ? "middle" : "low";
  const inner = h("div", {class: `bar-fill ${level}`});
  inner.style.setProperty("width", `${(share * 100).toFixed(1)}%`);
  return h("div", {class: "bar", role: "meter", "aria-label": label, "aria-valuemin": 0,
    "aria-valuemax": 100, "aria-valuenow": Math.round(share * 100), title: label}, inner);
}

// Of a list of facts.
export function fact(name, value) {
  return [h("dt", {}, name), h("dd", {}, value ?? "–")];
}

export function empty(title, text, ...more) {
  return h("div", {class: "empty"}, h("h2", {}, title), h("p", {}, text), more);
}
