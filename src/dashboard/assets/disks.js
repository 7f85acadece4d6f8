// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// The disks of an instance: where each is, what a move does with it, and volumes come and go.
import {get, post, remove} from "./api.js";
import * as commands from "./commands.js";
import {askFirst, notice, openDialog} from "./dialog.js";
import {field, h, options} from "./dom.js";
import {fleet} from "./fleet.js";

function attachmentsOf(server) {
  return `/compute/v2.1/servers/${server.id}/os-volume_attachments`;
}

export async function openAttach(server) {
  const answer = await askFirst(server, () => get("/volume/v3/volumes/detail?status=available"));
  if (!answer) {
    return;
  }
  const {volumes} = answer;
  let handle = null;
  const control = h("select", {onchange: () => handle.update()}, options(volumes.map((volume) =>
    [volume.id, `${volume.name || volume.id}, ${volume.size} GiB`]), volumes[0]?.id));
  handle = openDialog({title: `Attach a volume to ${server.name}`, label: "Attach",
    content: volumes.length > 0 ? field("Volume", control, "The guest sees it as one more disk. It "
      + "moves with the instance, and is not copied.")
      : [h("p", {}, "No volume of this project is free. One is made so:"), h("pre", {},
        "openstack volume create --size 10 NAME")],
    commands: () => volumes.length > 0 ? commands.addVolume(server, control.value) : [],
    act: async () => {
      await post(attachmentsOf(server), {volumeAttachment: {volumeId: control.value}});
      notice(`${server.name}: the volume is being attached.`);
    }});
  handle.submit.disabled = volumes.length === 0;
}

function detach(server, volume) {
  openDialog({title: `Detach ${volume.name} from ${server.name}`, label: "Detach", tone: "danger",
    content: h("p", {}, "The guest loses this disk at once: it should have been unmounted there "
      + "first. What is on it stays."),
    commands: () => commands.removeVolume(server, volume.id),
    act: async () => {
      await remove(`${attachmentsOf(server)}/${volume.id}`);
      notice(`${server.name}: the volume is being detached.`);
    }});
}

// What the newest move that has looked did with each disk, by its target.
function lastPlan(server) {
  const moves = [...fleet.migrations.values()].filter((one) => one.instance_uuid === server.id
    && Object.keys(one.disks ?? {}).length > 0).sort((a, b) => b.id - a.id);
  return moves[0] ?? null;
}

function onMove(server, target) {
  const move = lastPlan(server);
  const word = move?.disks[target];
  return word ? [h("a", {href: `#/migrations/${move.id}`}, `migration ${move.id}`), `: ${word}`]
    : "–";
}

async function readVolume(attachment) {
  try {
    const {volume} = await get(`/volume/v3/volumes/${attachment.volumeId}`);
    return {id: volume.id, device: attachment.device, name: volume.name || volume.id,
      size: volume.size, place: volume["os-vol-host-attr:host"] ?? "–",
      message: volume["drover:message"]};
  } catch {
    return {id: attachment.volumeId, device: attachment.device, name: attachment.volumeId,
      size: null, place: "–"};
  }
}

export async function readVolumes(server) {
  const {volumeAttachments} = await get(attachmentsOf(server));
  return Promise.all(volumeAttachments.map(readVolume));
}

// What is its own, in the pool of its host: unless a volume is in that place.
function ownRows(server, volumes) {
  const pool = fleet.hosts.get(server["OS-EXT-SRV-ATTR:host"])?.pool;
  return [
    ["vda", "root disk, from an image", server.flavor.disk > 0 ? `${server.flavor.disk} GiB`
      : "as its image"],
    ["vdb", "config drive, with what it is told at its boot", "1 MiB"],
  ].filter(([target]) => !volumes.some((volume) => volume.device === `/dev/${target}`))
    .map(([target, what, size]) => h("tr", {}, h("td", {}, target), h("td", {}, what),
      h("td", {}, size), h("td", {}, pool ? `pool '${pool}' of its host` : "its host's pool"),
      h("td", {}, onMove(server, target)), h("td", {})));
}

export function diskTable(server, volumes) {
  return h("table", {"aria-label": "Disks"}, h("thead", {}, h("tr", {}, ["Device", "What it is",
    "Size", "Where", "At its last move"].map((name) => h("th", {scope: "col"}, name)),
  h("th", {scope: "col"}, h("span", {class: "sr"}, "Actions")))),
  h("tbody", {}, ownRows(server, volumes), volumes.map((volume) => {
    const target = volume.device?.replace("/dev/", "") ?? "–";
    return h("tr", {}, h("td", {}, target), h("td", {}, `volume ${volume.name}`,
      volume.message && h("div", {class: "why"}, volume.message)),
    h("td", {}, volume.size === null ? "–" : `${volume.size} GiB`), h("td", {}, volume.place),
    h("td", {}, onMove(server, target)), h("td", {}, target !== "vda" && h("button",
      {class: "plain small", type: "button", "aria-label": `Detach ${volume.name}`,
        onclick: () => detach(server, volume)}, "Detach")));
  })));
}
