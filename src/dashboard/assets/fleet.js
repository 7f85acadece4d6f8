// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// What is known of the fleet: read once, then kept up by the events. Pages read it and hear of it.
import {get} from "./api.js";
import {onChange} from "./events.js";

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

function slim(server) {
  const addresses = Object.values(server.addresses ?? {}).flat().map((one) => one.addr);
  return {
    id: server.id, name: server.name, status: server.status,
    task: server["OS-EXT-STS:task_state"] ?? "", host: server["OS-EXT-SRV-ATTR:host"] ?? "",
    project: server.tenant_id, flavor: server.flavor?.original_name ?? "",
    address: addresses.join(", "), locked: server.locked, fault: server.fault?.message ?? null,
    updated: server.updated,
  };
}

function keep(server) {
  if (server.status === "DELETED") {
    fleet.servers.delete(server.id);
  } else {
    fleet.servers.set(server.id, slim(server));
  }
}

// Page by page: the first rows are shown while the others come.
async function readServers(since) {
  const mine = generation;
  const now = new Date(Date.now() - OVERLAP_MS);
  const all = fleet.isAdmin ? "&all_tenants=1" : "";
  const changes = since ? `&changes-since=${encodeURIComponent(since)}` : "";
  const seen = new Set();
  let marker = "";
  for (;;) {
    const answer = await get(
      `/compute/v2.1/servers/detail?limit=${PAGE_ROWS}${all}${changes}${marker}`);
    if (mine !== generation) {
      return;
    }
    answer.servers.forEach((server) => {
      keep(server);
      seen.add(server.id);
    });
    tell("instances");
    if (answer.servers.length < PAGE_ROWS) {
      break;
    }
    marker = `&marker=${answer.servers.at(-1).id}`;
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
  try {
    keep((await get(`/compute/v2.1/servers/${id}`)).server);
  } catch (error) {
    if (error.status === 404) {
      fleet.servers.delete(id);
    }
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
    await Promise.all(instances.map(readServer));
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

export async function startFleet(session) {
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

// Changes are taken one after the other, so that an older answer never overwrites a newer one.
let chain = Promise.resolve();
onChange((change) => {
  chain = chain.then(() => take(change)).catch(() => {});
});

export function projectName(id) {
  return fleet.projects.get(id) ?? (id === fleet.session?.project_id
    ? fleet.session.project_name : id);
}
