// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// Requests to the APIs, by the cookie of the session. No token is kept where scripts could read it.

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const listeners = {expired: [], lost: [], back: []};
let isLost = false;

// event: "expired" (log in again), "lost" (no connection), "back".
export function onApi(event, listener) {
  listeners[event].push(listener);
}

function tell(event) {
  listeners[event].forEach((listener) => listener());
}

export function setLost(lost) {
  if (lost !== isLost) {
    isLost = lost;
    tell(lost ? "lost" : "back");
  }
}

function messageOf(value, status) {
  for (const fault of Object.values(value ?? {})) {
    if (fault && typeof fault === "object" && typeof fault.message === "string") {
      return fault.message;
    }
  }
  return `droverd answered with status ${status} and no reason.`;
}

async function send(method, path, body, headers, signal) {
  const all = {"X-Drover-Session": "1", ...headers};
  if (path.startsWith("/compute/") && !all["OpenStack-API-Version"]) {
    all["OpenStack-API-Version"] = "compute 2.96";
  }
  if (body !== undefined) {
    all["Content-Type"] = "application/json";
  }
  try {
    const answer = await fetch(path, {method, headers: all, credentials: "same-origin",
      cache: "no-store", signal, body: body === undefined ? undefined : JSON.stringify(body)});
    setLost(false);
    return answer;
  } catch {
    setLost(true);
    throw new ApiError(0, `droverd does not answer.${method === "GET" ? "" : " It is not known "
      + "whether this has reached it: look when it is back, and ask again then."}`);
  }
}

export async function request(method, path, body, headers) {
  const answer = await send(method, path, body, headers);
  const text = await answer.text();
  let value = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    value = null;
  }
  if (answer.status === 401) {
    tell("expired");
  }
  if (!answer.ok) {
    throw new ApiError(answer.status, messageOf(value, answer.status));
  }
  return value;
}

export const get = (path) => request("GET", path);
export const post = (path, body, headers) => request("POST", path, body, headers);
export const put = (path, body) => request("PUT", path, body);
export const patch = (path, body) => request("PATCH", path, body);
export const remove = (path) => request("DELETE", path);

// ---- the session ----

const SESSION_MS = 10000; // it is what tells whether droverd answers

export async function findSession() {
  const answer = await send("GET", "/drover/v1/session", undefined, {},
    AbortSignal.timeout(SESSION_MS));
  return answer.ok ? (await answer.json()).session : null;
}

export async function logIn(user, password, project) {
  const domain = {id: "default"};
  const answer = await send("POST", "/identity/v3/auth/tokens?nocatalog", {auth: {
    identity: {methods: ["password"], password: {user: {name: user, password, domain}}},
    scope: {project: {name: project, domain}}}});
  if (!answer.ok) {
    throw new ApiError(answer.status, answer.status === 401
      ? "No such user, password and project together." : messageOf(await answer.json(),
        answer.status));
  }
  const token = answer.headers.get("X-Subject-Token");
  return (await post("/drover/v1/session", undefined, {"X-Auth-Token": token})).session;
}

export async function logOut() {
  await remove("/drover/v1/session");
}

export function action(serverId, body, version) {
  return post(`/compute/v2.1/servers/${serverId}/action`, body,
    version ? {"OpenStack-API-Version": `compute ${version}`} : {});
}
