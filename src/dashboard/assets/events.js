// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// What has changed, as droverd tells it. The browser connects again by itself; whoever listens is
// then told that anything may have changed.
import {findSession, onApi, setLost} from "./api.js";

const AGAIN_MS = 1500;
const SILENT_MS = 40000; // droverd gives a sign of life every 15 s

const listeners = new Set();
let source = null;
let timer = null;
let silence = null;
let isResting = false;
let isOver = false; // the browser does not connect again: it is done here

// listener({instances, migrations, hosts, at}); each a list of ids, or null for "many"; at: by the
// clock of droverd.
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(change) {
  [...listeners].forEach((listener) => listener(change));
}

const ANYTHING = {instances: null, migrations: null, hosts: null};

// A connection may end without a word: a laptop has slept, a wire was pulled.
function hear() {
  clearTimeout(silence);
  silence = setTimeout(() => {
    stopEvents();
    isOver = true;
    setLost(true);
    retry();
  }, SILENT_MS);
}

export function stopEvents() {
  clearTimeout(timer);
  clearTimeout(silence);
  source?.close();
  source = null;
  isOver = false;
}

// A browser has six connections to a host, for all of its tabs: only one that is looked at has a
// stream. When it is looked at again, it asks for what has changed.
document.addEventListener("visibilitychange", () => {
  if (document.hidden && (source || isOver)) {
    stopEvents();
    isResting = true;
  } else if (!document.hidden && isResting) {
    startEvents();
  }
});
window.addEventListener("pagehide", stopEvents);

// What happened before the stream stood is not in it: so whenever it stands, anything may have
// changed since it was read.
export function startEvents() {
  stopEvents();
  isResting = false;
  source = new EventSource("/drover/v1/events");
  ["hello", "change", "alive"].forEach((name) => source.addEventListener(name, hear));
  hear();
  source.addEventListener("hello", (event) => {
    setLost(false);
    tell({...ANYTHING, at: event.lastEventId});
  });
  source.addEventListener("change", (event) => {
    tell({instances: [], migrations: [], hosts: [], ...JSON.parse(event.data),
      at: event.lastEventId});
  });
  // A host that is silent is down after a while: nothing is written then, so no change tells of it.
  source.addEventListener("alive", () => tell({instances: [], migrations: [], hosts: null}));
  source.addEventListener("error", () => {
    isOver = source?.readyState === EventSource.CLOSED;
    setLost(true);
    again();
  });
}

function again() {
  clearTimeout(timer);
  timer = setTimeout(retry, AGAIN_MS);
}

// A request that got no answer may be the only sign: the stream may stand.
onApi("lost", again);

// The stream says nothing about why it has ended: the session does. A tab that rests
// goes on when it is looked at.
async function retry() {
  try {
    if (await findSession() === null) {
      expire();
    } else if (isOver && !isResting) {
      startEvents();
    }
  } catch {
    if (!isResting) {
      again();
    }
  }
}

let expire = () => {};
export function onExpired(listener) {
  expire = listener;
  onApi("expired", listener);
}
