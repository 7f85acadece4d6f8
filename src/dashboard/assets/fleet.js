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
const OVERLAP_MS = 5000; // events tell whole seconds, and are on their way for a while

export const fleet = {
  session: null,
  isAdmin: false,
  isComplete: false, // all instances are here
  problem: null, // why the instances could not be read
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
    fleet.problem = null;
    tell("instances");
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

// One that has ended while many changed may be older than the recent ones: it is asked for itself.
async function readManyMigrations() {
  await readMigrations(`limit=${RECENT_MIGRATIONS}`);
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
    await readServers(fleet.isComplete ? readAt : null);
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

async function readAll(session) {
  generation += 1;
  beganAt = Date.now();
  readAt = null;
  fleet.session = session;
  fleet.isAdmin = session.roles.includes("admin");
  fleet.isComplete = false;
  fleet.problem = null;
  ["servers", "hosts", "projects", "migrations"].forEach((what) => fleet[what].clear());
  const reads = [readServers(null)];
  if (fleet.isAdmin) {
    reads.push(readHosts(), readProjects(), readMigrations(`limit=${RECENT_MIGRATIONS}`));
  }
  const [servers] = await Promise.allSettled(reads);
  fleet.problem = servers.reason?.message ?? null;
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
