// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// What is not known yet looks otherwise than what is not there. kind: as fleet.known has it.
import {empty, h} from "./dom.js";
import {fleet} from "./fleet.js";

// In a sentence; null when they were read.
export function whyUnread(kind) {
  const problem = fleet.problems.get(kind);
  return problem !== undefined ? `The ${kind} could not be read: ${problem}`
    : fleet.known.has(kind) ? null : `Reading the ${kind}…`;
}

// In the place of a whole list; null when they were read.
export function unread(kind) {
  const problem = fleet.problems.get(kind);
  return problem !== undefined ? empty(`The ${kind} could not be read`, problem)
    : fleet.known.has(kind) ? null
      : h("p", {class: "loading", role: "status"}, `Reading the ${kind}…`);
}

// In the place of a page that has nothing else to show.
export function unreadable(error, again) {
  return empty("This could not be read", error.message,
    h("button", {class: "plain", type: "button", onclick: again}, "Try again"));
}
