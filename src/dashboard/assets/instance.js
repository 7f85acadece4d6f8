// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// One instance: what it is, where it is, how it moves, what was done with it.
import {action, get} from "./api.js";
import {buttonOf, itemsOf, namesOf} from "./actions.js";
import {diskTable, readVolumes} from "./disks.js";
import {empty, fact, h, redraw, show} from "./dom.js";
import {onChange} from "./events.js";
import {fleet, onFleet, projectName, readMigrations} from "./fleet.js";
import {badge, duration, readable, taskWord, time} from "./format.js";
import {menuButton} from "./menu.js";
import {isRunning, progressCard} from "./progress.js";
import {unreadable, whyUnread} from "./unread.js";

const CONSOLE_LINES = 200;

function imageOf(server) {
  return server.image === "" ? "none: it starts from a volume"
    : h("code", {}, server.image?.id ?? "–");
}

function identity(server) {
  const host = server["OS-EXT-SRV-ATTR:host"];
  return h("dl", {class: "facts"},
    fact("Id", h("code", {}, server.id)),
    fact("Host", host && fleet.isAdmin ? h("a", {href: `#/hosts/${encodeURIComponent(host)}`}, host)
      : host), fact("Zone", server["OS-EXT-AZ:availability_zone"]),
    fact("Project", projectName(server.tenant_id)),
    fact("Flavor", `${server.flavor.original_name}: ${server.flavor.vcpus} vCPU, ${
      server.flavor.ram} MiB, ${server.flavor.disk} GiB`),
    fact("Image", imageOf(server)),
    fact("Domain", server["OS-EXT-SRV-ATTR:instance_name"]),
    fact("Server group", server.server_groups?.join(", ") || "none"),
    fact("Created", time(server.created)), fact("Locked", server.locked
      ? `yes${server.locked_reason ? `: ${server.locked_reason}` : ""}` : "no"));
}

function networks(server) {
  const rows = Object.entries(server.addresses ?? {}).flatMap(([network, ports]) =>
    ports.map((port) => [network, port.addr, port["OS-EXT-IPS-MAC:mac_addr"]]));
  return rows.length === 0 ? h("p", {class: "hint"}, "It has no network.")
    : h("table", {"aria-label": "Networks"}, h("thead", {}, h("tr", {}, ["Network", "Address",
      "MAC"].map((name) => h("th", {scope: "col"}, name)))), h("tbody", {}, rows.map((row) =>
      h("tr", {}, row.map((text) => h("td", {}, text))))));
}

function history(id) {
  const rows = [...fleet.migrations.values()].filter((one) => one.instance_uuid === id)
    .sort((a, b) => b.id - a.id);
  return rows.length === 0
    ? h("p", {class: "hint"}, whyUnread("migrations") ?? "It has not moved yet.")
    : h("table", {"aria-label": "Moves"}, h("thead", {}, h("tr", {}, ["Migration", "Kind", "Status",
      "From", "To", "Took", "Downtime", "When"].map((name) => h("th", {scope: "col"}, name)))),
    h("tbody", {}, rows.map((one) => h("tr", {}, h("td", {}, h("a",
      {href: `#/migrations/${one.id}`}, one.id)), h("td", {}, one.migration_type),
    h("td", {}, badge(one.status)), h("td", {}, one.source_host), h("td", {}, one.dest_host ?? "–"),
    h("td", {}, duration(one.total_ms)), h("td", {}, duration(one.stats.downtime_ms)),
    h("td", {}, time(one.created_at))))));
}

function actionRow(one) {
  return h("li", {}, h("strong", {}, one.action), " ", time(one.start_time), " ",
    h("code", {class: "hint"}, one.request_id), one.message && h("div", {class: "why"},
      one.message));
}

function consoleSection(id) {
  const output = h("pre", {class: "console", tabindex: 0, "aria-label": "Console log"});
  async function read() {
    try {
      const answer = await action(id, {"os-getConsoleOutput": {length: CONSOLE_LINES}});
      output.textContent = readable(answer.output) || "The guest has written nothing.";
      output.scrollTop = output.scrollHeight;
    } catch (error) {
      output.textContent = error.message;
    }
  }
  return h("details", {class: "card", ontoggle: (event) => event.target.open && read()},
    h("summary", {}, "Console log"), output, h("button", {class: "plain", type: "button",
      onclick: read}, "Read again"));
}

export function openInstance(root, id) {
  const top = h("div", {class: "stack"});
  const moving = h("div", {class: "stack"});
  const moves = h("div", {});
  const about = h("div", {});
  const done = h("div", {});
  const disks = h("div", {});
  const nets = h("div", {});
  let isOpen = true;
  let seen = null; // the state that is shown

  async function read() {
    const path = `/compute/v2.1/servers/${encodeURIComponent(id)}`;
    try {
      const {server} = await get(path);
      const answer = await get(`${path}/os-instance-actions`);
      const volumes = await readVolumes(server);
      if (isOpen) {
        drawServer(server, answer.instanceActions);
        redraw(disks, h("h2", {}, "Disks"), diskTable(server, volumes));
        redraw(nets, h("h2", {}, "Networks"), networks(server));
      }
    } catch (error) {
      if (isOpen && error.status === 404) {
        show(root, h("h1", {}, "Instance"), empty("It is gone",
          "There is no instance with this id.",
          h("a", {href: "#/instances"}, "All instances")));
      } else if (isOpen && about.childNodes.length === 0) {
        show(top, unreadable(error, read));
      }
    }
  }

  function drawServer(server, actions) {
    const row = fleet.servers.get(id) ?? {...server, task: server["OS-EXT-STS:task_state"] ?? ""};
    const main = namesOf(row).filter((name) => ["live", "cold", "confirm",
      "revert"].includes(name));
    redraw(top, h("div", {class: "title"}, h("h1", {}, server.name), badge(server.status),
      h("span", {class: "hint"}, taskWord(row))),
    server.fault && h("div", {class: "alert bad"}, h("strong", {}, "Fault: "),
      server.fault.message),
    server.status === "VERIFY_RESIZE" && h("div", {class: "alert warn"},
      "It was moved and waits: look whether it is well, then confirm or revert."),
    h("div", {class: "buttons"}, main.map((name) => buttonOf(row, name,
      name === "live" || name === "confirm" ? "primary" : "plain")),
    menuButton("Actions", `Actions for ${server.name}`, () => itemsOf(row))));
    redraw(about, h("h2", {}, "What it is"), identity(server));
    redraw(done, h("h2", {}, "What was done"), h("ul", {class: "events"}, actions.map(actionRow)));
  }

  function drawMoves() {
    const running = [...fleet.migrations.values()].filter((one) => one.instance_uuid === id
      && isRunning(one));
    redraw(moving, running.map(progressCard));
    redraw(moves, h("h2", {}, "Where it has been"), fleet.isAdmin ? history(id)
      : h("p", {class: "hint"}, "Moves are shown to administrators."));
  }

  // Not all that is shown here is in the list: its volumes are not.
  const stop = onChange(({instances}) => {
    if (instances === null || instances.includes(id)) {
      read();
    }
  });
  const forget = onFleet(() => {
    const row = fleet.servers.get(id);
    const now = JSON.stringify(row ?? null);
    if (now !== seen) {
      seen = now;
      read();
    }
    drawMoves();
  });
  show(root, h("a", {href: "#/instances", class: "back"}, "‹ Instances"), top, moving,
    h("div", {class: "columns"}, h("section", {class: "card"}, about),
      h("section", {class: "card"}, done)), h("section", {class: "card scroll"}, disks),
    h("section", {class: "card scroll"}, nets), h("section", {class: "card scroll"}, moves),
    consoleSection(id));
  read();
  drawMoves();
  if (fleet.isAdmin) {
    readMigrations(`instance_uuid=${encodeURIComponent(id)}`).catch(() => {});
  }
  return () => {
    isOpen = false;
    stop();
    forget();
  };
}
