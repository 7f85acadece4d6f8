// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// The beginning: a session, the fleet, the events, the frame.
import {findSession} from "./api.js";
import {h, show} from "./dom.js";
import {openEvacuate} from "./evacuate.js";
import {onExpired, startEvents, stopEvents} from "./events.js";
import {startFleet} from "./fleet.js";
import {openHost} from "./host.js";
import {openHosts} from "./hosts.js";
import {openInstance} from "./instance.js";
import {openInstances} from "./instances.js";
import {askLogin} from "./login.js";
import {openMigration} from "./migration.js";
import {openMigrations} from "./migrations.js";
import {openOverview} from "./overview.js";
import {applyTheme, startShell} from "./shell.js";

const ADMIN = "Admin › Compute";
const PAGES = [
  {path: "overview", title: "Overview", group: ADMIN, open: openOverview, isAdmin: true},
  {path: "instances", title: "Instances", group: ADMIN, open: openInstances},
  {path: "instances", title: "Instance", hasId: true, open: openInstance},
  {path: "hosts", title: "Hosts", group: ADMIN, open: openHosts, isAdmin: true},
  {path: "hosts", title: "Host", hasId: true, open: openHost, isAdmin: true},
  {path: "evacuate", title: "Evacuate", parent: "hosts", hasId: true, open: openEvacuate,
    isAdmin: true},
  {path: "migrations", title: "Migrations", group: ADMIN, open: openMigrations, isAdmin: true},
  {path: "migrations", title: "Migration", hasId: true, open: openMigration, isAdmin: true},
];

const root = h("div", {id: "root"});
let stop = () => {};
let isIn = false;

async function enter(session) {
  isIn = true;
  startEvents();
  const reading = startFleet(session);
  stop = startShell(root, PAGES, () => leave(null));
  await reading;
}

async function leave(reason) {
  if (isIn) {
    isIn = false;
    stop();
    stopEvents();
    await enter(await askLogin(root, reason));
  }
}

async function start() {
  applyTheme();
  show(document.body, root);
  onExpired(() => leave("Your session has ended. Log in to go on where you were."));
  let session = null;
  try {
    session = await findSession();
  } catch (error) {
    show(root, h("main", {class: "login-page"}, h("div", {class: "alert bad", role: "alert"},
      error.message, " This page tries again by itself.")));
    setTimeout(start, 2000);
    return;
  }
  await enter(session ?? await askLogin(root, null));
}

start();
