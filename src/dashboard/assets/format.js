// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// Values as people read them.
import {h} from "./dom.js";

export function bytes(value) {
  if (value === null || value === undefined) {
    return "–";
  }
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(1).replace(".0", "")} ${units[unit]}`;
}

export function mib(value) {
  return bytes(value * 1024 * 1024);
}

export function duration(ms) {
  if (ms === null || ms === undefined) {
    return "–";
  }
  if (ms < 1000) {
    return `${ms} ms`;
  }
  const seconds = ms / 1000;
  if (seconds < 60) {
    return `${seconds.toFixed(1)} s`;
  }
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.round(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// The API's times are UTC, with or without their Z.
export function parseTime(text) {
  return text ? new Date(text.endsWith("Z") ? text : `${text}Z`) : null;
}

export function time(text) {
  const date = parseTime(text);
  return date ? h("time", {datetime: date.toISOString(), title: date.toISOString()},
    date.toLocaleString()) : "–";
}

const TONES = {
  ACTIVE: "good", completed: "good", done: "good", confirmed: "good", up: "good", enabled: "good",
  moved: "good", available: "good", reverted: "calm", SHUTOFF: "calm", PAUSED: "calm",
  cancelled: "calm", disabled: "warn", finished: "warn", VERIFY_RESIZE: "warn", blocked: "bad",
  ERROR: "bad", error: "bad", failed: "bad", down: "bad",
};
const SIGNS = {good: "✓", bad: "✕", warn: "!", calm: "–", busy: "↻"};

// Colour is never the only sign.
export function badge(text, tone) {
  const kind = tone ?? TONES[text] ?? "busy";
  return h("span", {class: `badge ${kind}`}, h("span", {"aria-hidden": "true"}, SIGNS[kind]), text);
}

// What is done with an instance, where its status does not say it already.
export function taskWord({status, task}) {
  return task === status.toLowerCase() ? "" : task;
}

export const FINAL = new Set(["completed", "done", "failed", "error", "cancelled", "finished",
  "confirmed", "reverted"]);

// A console log is whatever a guest has written: it is shown as text, without what would steer a
// terminal.
export function readable(text) {
  return text
    .replace(/\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b[ -~]?/g, "")
    .replace(/\r\n?/g, "\n").replace(/[^\n\t\x20-\x7e\u00a0-\uffff]/g, "·");
}

export function plural(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

// libvirt's number of a version: 10000002 is 10.0.2.
export function version(number) {
  return `${Math.floor(number / 1e6)}.${Math.floor(number / 1e3) % 1e3}.${number % 1e3}`;
}
