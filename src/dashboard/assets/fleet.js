// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// What is known of the fleet: read once, then kept up by the events. Pages read it and hear of it.
import {get} from "./api.js";
import {onChange} from "./events.js";
import {FINAL} from "./format.js";

const FIRST_ROWS = 100; // more than a screen has
const PAGE_ROWS = 1000;
const ONE_BY_ONE_MAX = 20;
const HOSTS_EVERY_MS = 2000;
const RECENT_MIGRATIONS = 200;
const AGAIN_MS = 5000; // after what could not be read
const OVERLAP_MS = 5000; // events tell whole seconds, and are on their way for a while

export const fleet = {
  session: null,
  isAdmin: false,
  known: new Set(), // "instances", "hosts", "migrations": those that were read
  problems: new Map(), // why one of them could not be read
  older: null, // the migration before which others were read; null: there are none
  servers: new Map(),
  hosts: new Map(),
  projects: new Map(),
  migrations: new Map(), // the recent ones, and all that run
};

const listeners = new Set();
let generation = 0; // of this login: what an older one has asked for is dropped
let beganAt = 0; // by the clock of this machine: when all were read first
let readAt = null; // servers are as they were then, by the clock of droverd
let hostsTimer = null;
let newestRead = 0; // the id of the newest migration that was read with those before it

// listener(kind): "instances", "hosts", "migrations".
export function onFleet(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(kind) {
  [...listeners].forEach((listener) => listener(kind));
}

function know(kind) {
  fleet.known.add(kind);
  fleet.problems.delete(kind);
  tell(kind);
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
    know("instances");
  }
}

function droverdTime(date) {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}

// The two clocks may differ, but not in how long it is since the first reading began.
function learnTime(at) {
  if (at && readAt === null) {
    const since = Date.now() - beganAt;
    readAt = droverdTime(new Date(Date.parse(at) - since - OVERLAP_MS));
  }
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
  const mine = generation;
  const answer = await get("/drover/v1/hosts");
  if (mine === generation) {
    fleet.hosts = new Map(answer.hosts.map((host) => [host.name, host]));
    know("hosts");
  }
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

// The newest. Where they do not reach those that are known, older ones are read from there on.
async function readRecentMigrations() {
  const mine = generation;
  const rows = await readMigrations(`limit=${RECENT_MIGRATIONS}`);
  if (mine !== generation) {
    return;
  }
  if (rows.length === RECENT_MIGRATIONS && rows.at(-1).id > newestRead) {
    fleet.older = rows.at(-1).uuid;
  }
  newestRead = rows[0]?.id ?? newestRead;
  know("migrations");
}

export async function readOlderMigrations() {
  const rows = await readMigrations(`limit=${RECENT_MIGRATIONS}&marker=${fleet.older}`);
  fleet.older = rows.length === RECENT_MIGRATIONS ? rows.at(-1).uuid : null;
  tell("migrations");
}

async function readMigration(id) {
  const {migration} = await get(`/drover/v1/migrations/${id}`);
  fleet.migrations.set(migration.id, migration);
}

// One that has ended while many changed may be older than the recent ones: it is asked for itself.
async function readManyMigrations() {
  await readRecentMigrations();
  const open = new Set((await readMigrations("in_progress=true")).map(({id}) => id));
  const ended = [...fleet.migrations.values()].filter(({id, status}) => !FINAL.has(status)
    && !open.has(id)).slice(0, RECENT_MIGRATIONS);
  await Promise.allSettled(ended.map(({id}) => readMigration(id)));
  tell("migrations");
}

async function readProjects() {
  const answer = await get("/identity/v3/projects");
  fleet.projects = new Map(answer.projects.map((project) => [project.id, project.name]));
}

async function take(change) {
  const {instances, migrations, hosts, at} = change;
  if (instances === null || instances.length > ONE_BY_ONE_MAX) {
    await readServers(fleet.known.has("instances") ? readAt : null);
    readAt = at || readAt;
  } else if (instances.length > 0) {
    await Promise.allSettled(instances.map(readServer));
    tell("instances");
  }
  if (!fleet.isAdmin) {
    return;
  }
  if (migrations === null || migrations.length > ONE_BY_ONE_MAX) {
    await readManyMigrations();
  } else if (migrations.length > 0) {
    await Promise.all(migrations.map(readMigration));
    tell("migrations");
  }
  if (hosts === null || hosts.length > 0 || instances === null || instances.length > 0) {
    readHostsSoon();
  }
}

const READERS = {instances: () => readServers(null), hosts: readHosts,
  migrations: readRecentMigrations};

// What could not be read is asked for again: the events tell nothing of what has not changed.
async function readFirst(kind) {
  const mine = generation;
  try {
    await READERS[kind]();
  } catch (error) {
    if (mine === generation && error.status !== 401) {
      fleet.problems.set(kind, error.message);
      tell(kind);
      setTimeout(() => {
        chain = chain.then(() => mine === generation && !fleet.known.has(kind) && readFirst(kind));
      }, AGAIN_MS);
    }
  }
}

async function readAll(session) {
  generation += 1;
  beganAt = Date.now();
  readAt = null;
  fleet.session = session;
  fleet.isAdmin = session.roles.includes("admin");
  fleet.older = null;
  newestRead = 0;
  ["known", "problems", "servers", "hosts", "projects", "migrations"].forEach((what) =>
    fleet[what].clear());
  const reads = [readFirst("instances")];
  if (fleet.isAdmin) {
    reads.push(readFirst("hosts"), readProjects(), readFirst("migrations"));
  }
  await Promise.allSettled(reads);
  tell("instances");
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
  learnTime(change.at);
  chain = chain.then(() => take(change)).catch(() => {});
});

export function projectName(id) {
  return fleet.projects.get(id) ?? (id === fleet.session?.project_id
    ? fleet.session.project_name : id);
}
