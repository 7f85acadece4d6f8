// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// What is known of the fleet: read once, then kept up by the events. Pages read it and hear of it.
import {get} from "./api.js";
import {onChange} from "./events.js";

const FIRST_ROWS = 100; // more than a screen has
const PAGE_ROWS = 1000;
const ONE_BY_ONE_MAX = 20;
const HOSTS_EVERY_MS = 2000;
const RECENT_MIGRATIONS = 200;
const OVERLAP_MS = 5000; // the API's times are whole seconds

export const fleet = {
  session: null,
  isAdmin: false,
  isComplete: false, // all instances are here
  problem: null, // why something could not be read
  servers: new Map(),
  hosts: new Map(),
  projects: new Map(),
  migrations: new Map(), // the recent ones, and all that run
};

const listeners = new Set();
let generation = 0; // of this login: what an older one has asked for is dropped
let readAt = null; // servers are as they were then
let hostsTimer = null;

// listener(kind): "instances", "hosts", "migrations".
export function onFleet(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(kind) {
  [...listeners].forEach((listener) => listener(kind));
}

function keep(row) {
  if (row.status === "DELETED") {
    fleet.servers.delete(row.id);
  } else {
    fleet.servers.set(row.id, {
      id: row.id, name: row.name, status: row.status, task: row.task_state ?? "",
      host: row.host ?? "", project: row.project_id, flavor: row.flavor,
      address: row.addresses.join(", "), locked: row.locked, fault: row.fault,
    });
  }
}

// Page by page: a few rows are shown at once, while the others come.
async function readServers(since) {
  const mine = generation;
  const now = new Date(Date.now() - OVERLAP_MS);
  const changes = since ? `&changes-since=${encodeURIComponent(since)}` : "";
  const seen = new Set();
  let page = `limit=${FIRST_ROWS}`;
  while (page) {
    const {instances, instances_links: links} = await get(
      `/drover/v1/instances?${page}${changes}`);
    if (mine !== generation) {
      return;
    }
    instances.forEach((row) => {
      keep(row);
      seen.add(row.id);
    });
    tell("instances");
    page = links && `limit=${PAGE_ROWS}&marker=${instances.at(-1).id}`;
  }
  if (!since) {
    [...fleet.servers.keys()].filter((id) => !seen.has(id))
      .forEach((id) => fleet.servers.delete(id));
    fleet.isComplete = true;
    tell("instances");
  }
  readAt = now.toISOString().replace(/\.\d+Z$/, "Z");
}

async function readServer(id) {
  const {instances} = await get(`/drover/v1/instances?id=${id}`);
  if (instances.length > 0) {
    keep(instances[0]);
  } else {
    fleet.servers.delete(id);
  }
}

async function readHosts() {
  const answer = await get("/drover/v1/hosts");
  fleet.hosts = new Map(answer.hosts.map((host) => [host.name, host]));
  tell("hosts");
}

// What hosts have taken changes with every move: not for each, but soon.
function readHostsSoon() {
  hostsTimer ??= setTimeout(() => {
    hostsTimer = null;
    readHosts().catch(() => {});
  }, HOSTS_EVERY_MS);
}

export async function readMigrations(query) {
  const answer = await get(`/drover/v1/migrations?${query}`);
  answer.migrations.forEach((migration) => fleet.migrations.set(migration.id, migration));
  tell("migrations");
  return answer.migrations;
}

async function readMigration(id) {
  const {migration} = await get(`/drover/v1/migrations/${id}`);
  fleet.migrations.set(migration.id, migration);
}

async function readProjects() {
  const answer = await get("/identity/v3/projects");
  fleet.projects = new Map(answer.projects.map((project) => [project.id, project.name]));
}

async function take(change) {
  const {instances, migrations, hosts} = change;
  if (instances === null || instances.length > ONE_BY_ONE_MAX) {
    await readServers(readAt);
  } else if (instances.length > 0) {
    await Promise.allSettled(instances.map(readServer));
    tell("instances");
  }
  if (!fleet.isAdmin) {
    return;
  }
  if (migrations === null || migrations.length > ONE_BY_ONE_MAX) {
    await readMigrations(`limit=${RECENT_MIGRATIONS}`);
    await readMigrations("in_progress=true");
  } else if (migrations.length > 0) {
    await Promise.all(migrations.map(readMigration));
    tell("migrations");
  }
  if (hosts === null || hosts.length > 0 || instances === null || instances.length > 0) {
    readHostsSoon();
  }
}

async function readAll(session) {
  generation += 1;
  fleet.session = session;
  fleet.isAdmin = session.roles.includes("admin");
  fleet.isComplete = false;
  fleet.problem = null;
  ["servers", "hosts", "projects", "migrations"].forEach((what) => fleet[what].clear());
  const reads = [readServers(null)];
  if (fleet.isAdmin) {
    reads.push(readHosts(), readProjects(), readMigrations(`limit=${RECENT_MIGRATIONS}`));
  }
  const results = await Promise.allSettled(reads);
  const failure = results.find((result) => result.status === "rejected");
  fleet.problem = failure?.reason.message ?? null;
  tell("instances");
  return failure === undefined;
}

// Changes are taken one after the other, and the first after everything was read, so that an older
// answer never overwrites a newer one.
let chain = Promise.resolve();

export function startFleet(session) {
  const reading = readAll(session);
  chain = reading;
  return reading;
}

onChange((change) => {
  chain = chain.then(() => take(change)).catch(() => {});
});

export function projectName(id) {
  return fleet.projects.get(id) ?? (id === fleet.session?.project_id
    ? fleet.session.project_name : id);
}
