// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// The commands that do the same as an action here: [openstack, drover]. null: it has none.

// A word as a shell reads it.
export function quote(word) {
  const text = String(word);
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function line(...words) {
  return words.filter((word) => word !== null && word !== undefined && word !== false).join(" ");
}

export function liveMigrate(server, {host, block, overCommit}) {
  const id = quote(server.id);
  const copy = block === "yes" ? "--block-migration" : block === "no" ? "--shared-migration" : null;
  return [
    line("openstack", overCommit && "--os-compute-api-version 2.24", "server migrate", id,
      "--live-migration", host && `--host ${quote(host)}`, copy, overCommit && "--disk-overcommit",
      "--wait"),
    overCommit ? null : line("drover server migrate", id, "--live-migration",
      host && `--host ${quote(host)}`, copy, "--wait"),
  ];
}

export function coldMigrate(server, {host}) {
  const id = quote(server.id);
  const where = host && `--host ${quote(host)}`;
  return [line("openstack server migrate", id, where, "--wait"),
    line("drover server migrate", id, where, "--wait")];
}

function both(words, ...ids) {
  const rest = ids.map(quote).join(" ");
  return [`openstack ${words} ${rest}`, `drover ${words} ${rest}`];
}

export const simple = {
  start: (server) => both("server start", server.id),
  stop: (server) => both("server stop", server.id),
  pause: (server) => both("server pause", server.id),
  unpause: (server) => both("server unpause", server.id),
  reboot: (server) => both("server reboot", server.id),
  rebootHard: (server) => both("server reboot --hard", server.id),
  lock: (server) => [`openstack server lock ${quote(server.id)}`, null],
  unlock: (server) => [`openstack server unlock ${quote(server.id)}`, null],
  remove: (server) => both("server delete", server.id),
  confirm: (server) => both("server resize confirm", server.id),
  activate: (server) => both("server set --state active", server.id),
  revert: (server) => both("server resize revert", server.id),
};

export function resize(server, flavor) {
  const rest = `--flavor ${quote(flavor.name)} --wait ${quote(server.id)}`;
  return [`openstack server resize ${rest}`, `drover server resize ${rest}`];
}

export function addVolume(server, volume) {
  return both("server add volume", server.id, volume);
}

export function removeVolume(server, volume) {
  return both("server remove volume", server.id, volume);
}

// The Compute API aborts live migrations alone.
export function abort(migration) {
  const commands = both("server migration abort", migration.instance_uuid, migration.id);
  return migration.migration_type === "live-migration" ? commands : [null, commands[1]];
}

export function forceComplete(migration) {
  return both("server migration force complete", migration.instance_uuid, migration.id);
}

export function disable(host, reason) {
  const why = reason ? ` --disable-reason ${quote(reason)}` : "";
  return [`openstack compute service set --disable${why} ${quote(host)} nova-compute`,
    `drover compute service set ${quote(host)} --disable${why}`];
}

export function enable(host) {
  return [`openstack compute service set --enable ${quote(host)} nova-compute`,
    `drover compute service set ${quote(host)} --enable`];
}

export function forceDown(host, down) {
  const word = down ? "--down" : "--up";
  return [`openstack compute service set ${word} ${quote(host)} nova-compute`,
    `drover compute service set ${quote(host)} ${word}`];
}

export function drain(host, {parallel, coldFallback, reason}) {
  return [null, line("drover host drain", quote(host), parallel && `--parallel ${parallel}`,
    coldFallback && "--cold-fallback", reason && `--reason ${quote(reason)}`, "--wait")];
}

export function restore(host) {
  return [null, `drover host restore ${quote(host)} --wait`];
}

export function drainWanted(host, verb) {
  return [null, `drover drain ${verb} ${quote(host)}`];
}

// ---- a dead host ----

export function power(host, verb) {
  return [null, line("drover host power", quote(host), verb)];
}

// starts: it runs again where it ran, as before microversion 2.95, which Debian's stock clients do
// not know; drover's knows no other. It is nova's command, because the openstackclient there fails
// at the empty answer to its own.
function ofDead(starts, verb, what, host) {
  return starts ? [line("nova --os-compute-api-version 2.92", verb, quote(what), host), null]
    : [null, line(`drover ${verb}`, quote(what), host, "--wait")];
}

export function evacuate(server, {host, starts}) {
  return ofDead(starts, starts ? "evacuate" : "server evacuate", server.id,
    host && `${starts ? "" : "--host "}${quote(host)}`);
}

export function evacuateHost(host, {starts}) {
  return ofDead(starts, starts ? "host-evacuate" : "host evacuate", host);
}

export function removeLeftover(leftover) {
  return [null, `drover leftover remove ${leftover.id}`];
}

export function lint(names) {
  return [null, line("drover host lint", ...names.map(quote))];
}
