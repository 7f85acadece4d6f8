// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// One migration: its states with their reasons, and its fault with cause and fix.
import {get} from "./api.js";
import {empty, fact, h, redraw, show} from "./dom.js";
import {fleet, onFleet} from "./fleet.js";
import {badge, duration, parseTime, time} from "./format.js";
import {facts, isRunning, progressCard} from "./progress.js";
import {unreadable} from "./unread.js";

function timeline(migration) {
  const begin = parseTime(migration.events[0]?.at);
  return h("ol", {class: "timeline"}, migration.events.map((event) => h("li", {},
    h("span", {class: "at", title: event.at}, `+${duration(parseTime(event.at) - begin)}`),
    h("span", {class: "state"}, event.to), h("span", {}, event.sentence ?? ""))));
}

function fault(migration) {
  if (!migration.error_code) {
    return null;
  }
  return h("section", {class: "alert bad", "aria-label": "Fault"},
    h("p", {}, h("strong", {}, "What went wrong: "), migration.message),
    migration.cause && h("p", {}, h("strong", {}, "Cause: "), migration.cause),
    migration.fix && h("p", {}, h("strong", {}, "What to do: "), migration.fix),
    migration.evidence && migration.evidence !== migration.message && h("p", {class: "hint"},
      h("strong", {}, "Evidence: "), h("code", {}, migration.evidence)));
}

function about(migration) {
  const name = fleet.servers.get(migration.instance_uuid)?.name ?? migration.instance_uuid;
  return h("dl", {class: "facts"},
    fact("Instance", h("a", {href: `#/instances/${migration.instance_uuid}`}, name)),
    fact("Kind", migration.migration_type),
    fact("From", migration.source_host), fact("To", migration.dest_host),
    fact("Asked for", time(migration.created_at)), fact("Took", duration(migration.total_ms)),
    fact("Destination named", migration.requested_host ?? "no, it was chosen"),
    fact("Disks", Object.entries(migration.disks).map(([disk, what]) => `${disk}: ${what}`)
      .join(", ") || "–"),
    fact("Reason given", migration.reason),
    fact("Request", migration.request_id && h("code", {}, migration.request_id)));
}

export function openMigration(root, id) {
  let isOpen = true;
  let seen = null;
  let isDrawn = false;

  async function read() {
    try {
      const {migration} = await get(`/drover/v1/migrations/${encodeURIComponent(id)}`);
      if (isOpen) {
        draw(migration);
      }
    } catch (error) {
      if (isOpen && error.status === 404) {
        show(root, h("h1", {}, "Migration"), empty("There is no such migration", error.message,
          h("a", {href: "#/migrations"}, "All migrations")));
      } else if (isOpen && !isDrawn) {
        show(root, h("h1", {}, "Migration"), unreadable(error, read));
      }
    }
  }

  function draw(migration) {
    isDrawn = true;
    redraw(root, h("a", {href: "#/migrations", class: "back"}, "‹ Migrations"),
      h("div", {class: "title"}, h("h1", {}, `Migration ${migration.id}`), badge(migration.status)),
      fault(migration), isRunning(migration) && progressCard(migration),
      h("div", {class: "columns"},
        h("section", {class: "card"}, h("h2", {}, "What it is"), about(migration)),
        !isRunning(migration) && h("section", {class: "card"}, h("h2", {}, "What was measured"),
          facts(migration))),
      h("section", {class: "card"}, h("h2", {}, "What happened, and why"), timeline(migration)));
  }

  const forget = onFleet((kind) => {
    const now = JSON.stringify(fleet.migrations.get(Number(id)) ?? null);
    if (kind === "migrations" && now !== seen) {
      seen = now;
      read();
    }
  });
  read();
  return () => {
    isOpen = false;
    forget();
  };
}
